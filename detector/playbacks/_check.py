"""Raw rows → checked rows and rejects: one row at a time, once, at ingest."""

import datetime as dt
import functools
import zoneinfo
from dataclasses import dataclass

import dataframely as dy
import polars as pl

from detector import config, identity, tables

_IDS = ["account_id", "profile_id", "device_id", "device_name", "title_id"]
_UNDECODED = "\ufffd"
_NO_ZONE = "UTC"  # whoever lives by it says so with --timezone
_SAYS_NO_ZONE = pl.col("timezone").is_null() & pl.col("offset_s").is_null()
# What a value is that breaks a rule of its column.
_BROKEN = {
    "nullability": " is missing or can not be read",
    "min": " is lower than can be",
    "max": " is higher than can be",
    "min_length": " is empty",
    "max_length": " is longer than can be",
    "check": " is none of the words that the playback table knows",
    "nan": " is no number",
    "inf": " is no finite number",
    "regex": " is not written as the playback table wants it",
}


@dataclass(frozen=True)
class Checked:
    """What became of one file.

    `rows` are believable (`tables.CheckedRows`), `rejects` are not (`tables.Rejects`), `names` holds what may be
    sealed: one row per `kind` ("account" or "title"), pseudonym `id`, clear `name` and `utc_date` it was seen on.
    `zoneless` is how many of the rows have days of UTC, for nobody said where they are; `offsetless` how many were
    taken to begin by the clock of UTC, for they did not say by which; of `unread_ips` rows the IP is no address.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    names: pl.DataFrame
    zoneless: int
    offsetless: int
    unread_ips: int


def check(
    raw: pl.LazyFrame, *, file: str, now: dt.datetime, zone: str, keys: identity.Keys, settings: config.Settings
) -> Checked:
    """Split one file's raw rows (`tables.RawRows`) into believable rows under pseudonyms and rejects.

    `zone` is the time zone given at ingest, or "". Nothing of the result but `names` is in clear.
    """
    good, failure = _believable(now, settings.playbacks).filter(tables.shape(raw, tables.RawRows).collect())
    zoned = good.with_columns(timezone=_zone_of_row(settings.days.zone_by_country))
    local = _localise(zoned, zone, settings.days.default_zone)
    rows = identity.pseudonymise(local, keys, settings.identity)
    names = pl.concat(
        rows.select(kind=pl.lit(kind), id=kind, name=name, utc_date=pl.col("started_at").dt.date()).unique()
        for kind, name in (
            ("account", local["account_id"]),
            ("title", local["title_name"].fill_null(local["title_id"])),
        )
    ).drop_nulls()
    return Checked(
        rows=tables.shape(rows.lazy(), tables.CheckedRows).collect(),
        rejects=_rejects(failure, file, keys),
        names=names.sort("kind", "id", "name"),
        zoneless=0 if zone or settings.days.default_zone != _NO_ZONE else zoned.filter(_SAYS_NO_ZONE).height,
        offsetless=int((~good["says_offset"]).sum()),
        unread_ips=int((local["ip"].is_not_null() & rows["address"].is_null()).sum()),
    )


def _believable(now: dt.datetime, settings: config.Playbacks) -> type[tables.RawRows]:
    """The row-level rules, whose names are the reasons that a reject is given."""
    earliest = dt.datetime.combine(settings.earliest, dt.time(), dt.UTC)
    latest = now + dt.timedelta(seconds=settings.future_tolerance_s)
    longest = dt.timedelta(seconds=settings.longest_s)

    class Believable(tables.RawRows):
        @dy.rule()
        def started_before_earliest(cls) -> pl.Expr:
            return pl.col("started_at") >= earliest

        @dy.rule()
        def starts_in_the_future(cls) -> pl.Expr:
            return pl.col("started_at") <= latest

        @dy.rule()
        def ends_before_it_starts(cls) -> pl.Expr:
            return pl.col("ended_at") >= pl.col("started_at")

        @dy.rule()
        def lasts_too_long(cls) -> pl.Expr:
            return pl.col("ended_at") - pl.col("started_at") <= longest

        @dy.rule()
        def neither_title_nor_device(cls) -> pl.Expr:
            return pl.any_horizontal(pl.col("title_id", "device_id", "device_name").is_not_null())

        @dy.rule()
        def id_is_not_utf8(cls) -> pl.Expr:
            # What can not be decoded stands as one character, whatever it was: different ids would be one.
            return ~pl.any_horizontal(pl.col(_IDS).str.contains(_UNDECODED, literal=True).fill_null(False))

        @dy.rule()
        def unknown_timezone(cls) -> pl.Expr:
            return pl.col("timezone").is_in(_zones())

    return Believable


@functools.cache  # the machine's list of zones, read from its files
def _zones() -> list[str]:
    return sorted(name for name in zoneinfo.available_timezones() if _has_a_clock(name))


def _has_a_clock(zone: str) -> bool:
    """Some listed names are no zones to Polars: "localtime" is whatever the machine is set to, "Factory" is nowhere."""
    try:
        pl.Series(dtype=tables.UTC_MS).dt.convert_time_zone(zone)
    except pl.exceptions.ComputeError:
        return False
    return True


def _told(rule: str) -> str:
    column, _, broken = rule.partition("|")
    return column + _BROKEN.get(broken, f" breaks the rule {broken}") if broken else rule


def _rejects(failure: dy.FailureInfo, file: str, keys: identity.Keys) -> pl.DataFrame:
    details = failure.details()
    rules = [name for name in details.columns if name not in tables.columns(tables.RawRows)]
    broken = (
        identity.pseudonymise_ids(details.select("row", "account_id", *rules), keys)
        .unpivot(rules, index=["row", "account"], variable_name="rule")
        .filter(pl.col("value").cast(pl.String) == "invalid")
        .with_columns(
            file=pl.lit(file),
            rule=pl.col("rule").replace_strict({rule: _told(rule) for rule in rules}, return_dtype=pl.String),
        )
    )
    return tables.shape(broken.lazy(), tables.Rejects).collect().sort("row", "rule")


def _zone_of_row(zone_by_country: dict[str, str]) -> pl.Expr:
    """The zone that a row says, or its country's; null where neither is known."""
    country_zone = pl.col("country").replace_strict(zone_by_country, default=None, return_dtype=pl.String)
    return pl.coalesce("timezone", country_zone)


def _localise(rows: pl.DataFrame, zone: str, default: str) -> pl.DataFrame:
    """Add the local `day` and `utc_offset_s`: by the row's `timezone`, else `zone` unless it is "", else the clock by
    which its start is written, else the `default`."""
    started, offset_s = pl.col("started_at"), pl.col("offset_s")
    by_its_clock = pl.col("timezone").is_null() & offset_s.is_not_null() & pl.lit(not zone)
    its_own = rows.filter(by_its_clock).with_columns(
        day=(started + pl.duration(seconds=offset_s)).dt.date(), utc_offset_s=offset_s
    )
    zoned = rows.filter(~by_its_clock).with_columns(pl.col("timezone").fill_null(zone or default))
    parts = [
        part.with_columns(
            day=started.dt.convert_time_zone(name).dt.date(),
            utc_offset_s=started.dt.convert_time_zone(name)
            .dt.replace_time_zone("UTC")
            .sub(started)
            .dt.total_seconds()
            .cast(pl.Int32),
        )
        for (name,), part in zoned.partition_by("timezone", as_dict=True).items()
        if isinstance(name, str)
    ]
    return pl.concat([its_own, *parts])


def by_utc_date(rows: pl.DataFrame) -> dict[dt.date, pl.DataFrame]:
    """Rows by the UTC date on which they began, as they are stored."""
    by_date = rows.with_columns(utc_date=pl.col("started_at").dt.date()).partition_by(
        "utc_date", as_dict=True, include_key=False
    )
    return {date: part for (date,), part in by_date.items()}
