"""Playbacks → account-days: each day is digested once, into one small row per account.

A playback *belongs* to the local day of its start: plays, views, repeats and streaks are counted there. Time is
*measured* on the UTC clock and split at UTC midnight: seconds, overlaps and peaks are booked to the UTC date of the
same name, so that Los Angeles and Tokyo at the same moment do overlap. Streaks and travel continue from the
account-days of the day before.
"""

import datetime as dt
import zoneinfo
from collections.abc import Sequence

import polars as pl

from detector import config, tables

_ONE_DAY = dt.timedelta(days=1)
_EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG
_LOCATION_NOISE_KM = 100.0  # places closer than this may be one place: IP geolocation errs by as much
_LEAST_TRAVEL_S = 900  # two starts closer than this are judged as if this far apart
_PLACELESS = ["hosting", "vpn"]  # such an address says where a server stands, not a person
_VISIT = ["profile", "device", "address", "network", "network_kind", "country", "region"]


def utc_dates_of(day: dt.date) -> tuple[dt.date, dt.date]:
    """First and last UTC date that a local day can touch, whatever its zone."""
    return day - _ONE_DAY, day + _ONE_DAY


def closing_time(day: dt.date, settings: config.Days) -> dt.datetime:
    """When a local day is over everywhere: midnight in the westernmost zone, plus the closing hours."""
    midnight = dt.datetime.combine(day + _ONE_DAY, dt.time(), zoneinfo.ZoneInfo(settings.westernmost_zone))
    return midnight.astimezone(dt.UTC) + dt.timedelta(hours=settings.closing_h)


def last_closed_day(now: dt.datetime, settings: config.Days) -> dt.date:
    """The latest local day that is over everywhere.

    >>> days = config.load().settings.days
    >>> last_closed_day(dt.datetime(2025, 6, 2, 14, 0, tzinfo=dt.UTC), days)
    datetime.date(2025, 6, 1)
    >>> last_closed_day(dt.datetime(2025, 6, 2, 13, 59, tzinfo=dt.UTC), days)
    datetime.date(2025, 5, 31)
    """
    day = now.date() + _ONE_DAY
    while closing_time(day, settings) > now:
        day -= _ONE_DAY
    return day


def digest(playbacks: pl.DataFrame, previous: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    """Account-days (`tables.AccountDays`) of one day, sorted by account.

    `playbacks` are repaired ones (`tables.Playbacks`) around the day, at least those that started or still ran on its
    UTC dates; `previous` are the account-days of the day before (an empty frame where there are none).
    """
    rows = _on(playbacks, day)
    streams = rows.filter(pl.col("utc_s") > 0).select(
        "account", "profile", "device", "network", start="utc_start", end="utc_end"
    )
    parts = [
        _scalars(rows),
        _titles(rows, previous),
        _visits(rows),
        *_concurrency(streams),
        _travel(rows, previous),
    ]
    joined = parts[0].lazy()
    for part in parts[1:]:
        joined = joined.join(part.lazy(), on="account", how="left", maintain_order="left")
    # An account that streamed alone all day had no overlap; one whose durations are unknown, we can not say.
    streamed = pl.col("peak_streams").is_not_null()
    joined = joined.with_columns(
        pl.when(streamed).then(pl.col("overlap2_networks_s").fill_null(0)).alias("overlap2_networks_s"),
        pl.when(streamed).then(pl.col("overlap2_same_profile_s").fill_null(0)).alias("overlap2_same_profile_s"),
    )
    joined = joined.with_columns(
        pl.when(pl.col("knows_networks")).then("overlap2_networks_s").alias("overlap2_networks_s"),
        pl.when(pl.col("knows_profiles")).then("overlap2_same_profile_s").alias("overlap2_same_profile_s"),
        day=pl.lit(day),
        rest_h=_rest_h(parts[0]["hours"]),
    )
    return tables.shape(joined, tables.AccountDays).collect().sort("account")


def _rest_h(hours: pl.Series) -> pl.Series:
    """Longest run of hours without a bit; worked out once for each pattern that occurs."""
    patterns = hours.unique()
    longest = [max(map(len, f"{pattern:024b}".split("1"))) for pattern in patterns]
    return hours.replace_strict(patterns, pl.Series(longest, dtype=pl.UInt32))


def _on(playbacks: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    """The playbacks that belong to the day or run on it, with their part of its UTC date and its local hours."""
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    start, end = pl.col("started_at"), pl.col("ended_at")
    offset = pl.duration(seconds=pl.col("utc_offset_s"), time_unit="ms")
    rows = playbacks.with_columns(
        on_day=pl.col("day") == day,
        utc_start=start.clip(midnight, midnight + _ONE_DAY),
        utc_end=end.clip(midnight, midnight + _ONE_DAY),
        hour_from=((start + offset).clip(midnight) - midnight).dt.total_hours(),
        # A playback that ends on the hour did not touch the next one; one without an end touched its first.
        hour_to=(
            ((pl.coalesce(end, start) + offset - pl.duration(milliseconds=1, time_unit="ms")) - midnight)
            .dt.total_milliseconds()
            .floordiv(3_600_000)
        ),
    )
    running_s = (pl.col("utc_end") - pl.col("utc_start")).dt.total_seconds()
    span_s = (end - start).dt.total_seconds()
    rows = rows.with_columns(
        # Pauses between merged stretches are no watching: the day's share of the span, not all of it.
        utc_s=pl.when(span_s > 0).then(pl.col("seconds") * running_s // span_s).otherwise(pl.col("seconds") * 0),
        hour_to=pl.max_horizontal("hour_from", "hour_to").clip(upper_bound=23),
        in_hours=(pl.col("hour_from") <= 23) & (pl.col("on_day") | (pl.col("hour_to") >= 0)),
    )
    return rows.filter(pl.col("on_day") | (pl.col("utc_s") > 0) | pl.col("in_hours")).with_columns(
        hours=pl.when("in_hours")
        .then(pl.lit(2).pow(pl.col("hour_to") + 1) - pl.lit(2).pow(pl.col("hour_from")))
        .otherwise(0)
        .cast(pl.UInt32)
    )


def _count(mask: pl.Expr) -> pl.Expr:
    return (pl.col("on_day") & mask).sum().cast(pl.UInt32)


_REPEATS = (
    pl.when(pl.col("is_repeat").filter("on_day").is_not_null().any())
    .then((pl.col("on_day") & pl.col("is_repeat").fill_null(False)).sum())
    .cast(pl.UInt32)
)
_SECONDS = pl.when(pl.col("utc_s").is_not_null().any()).then(pl.col("utc_s").sum())


def _scalars(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("account").agg(
        plays=_count(pl.lit(True)),
        views=_count(pl.col("is_view")),
        repeats=_REPEATS,
        seconds=_SECONDS,
        hours=pl.col("hours").bitwise_or(),
        plan_streams=pl.col("plan_streams").max(),
        knows_networks=pl.col("network").is_not_null().any(),
        knows_profiles=(pl.col("profile").is_not_null() & pl.col("device").is_not_null()).any(),
    )


def _titles(rows: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    """Live channels aside: the same channel is not the same thing again."""
    recorded = (pl.col("title_kind") != "live").fill_null(True) & pl.col("title").is_not_null()
    titles = (
        rows.filter(recorded & (pl.col("on_day") | (pl.col("utc_s") > 0)))
        .group_by("account", "title")
        .agg(plays=_count(pl.lit(True)), views=_count(pl.col("is_view")), repeats=_REPEATS, seconds=_SECONDS)
    )
    running = (
        previous.filter(pl.col("longest_streak_days") > 0)
        .select("account", "titles")
        .explode("titles")
        .unnest("titles")
        .filter(pl.col("streak_days") > 0)
        .select("account", "title", before="streak_days")
    )
    streak = pl.when(pl.col("views") > 0).then(pl.col("before").fill_null(0) + 1).otherwise(0).cast(pl.UInt32)
    return (
        titles.join(running, on=["account", "title"], how="left")
        .with_columns(streak_days=streak)
        .drop("before")
        .sort("account", "title")
        .group_by("account", maintain_order=True)
        .agg(
            longest_streak_days=pl.col("streak_days").max(),
            titles=pl.struct("title", "plays", "views", "repeats", "seconds", "streak_days"),
        )
    )


def _visits(rows: pl.DataFrame) -> pl.DataFrame:
    return (
        rows.group_by("account", *_VISIT)
        .agg(plays=_count(pl.lit(True)), seconds=_SECONDS, hours=pl.col("hours").bitwise_or())
        .sort("account", *_VISIT)
        .group_by("account", maintain_order=True)
        .agg(visits=pl.struct(*_VISIT, "plays", "seconds", "hours"))
    )


def _concurrency(streams: pl.DataFrame) -> list[pl.DataFrame]:
    """Peaks and overlaps; an account with one stream at all needs no sweep."""
    several = streams.filter(pl.col("account").is_duplicated())
    together = _sweep(several, ["account"]).rename({"peak": "peak_streams"})
    alone = streams.filter(~pl.col("account").is_duplicated()).select("account")
    alone = alone.with_columns(
        peak_streams=pl.lit(1, pl.UInt32), overlap2_s=pl.lit(0, pl.Int64), overlap3_s=pl.lit(0, pl.Int64)
    )
    by_network = _union(several.filter(pl.col("network").is_not_null()), ["account", "network"])
    by_device = _union(
        several.filter(pl.col("profile").is_not_null() & pl.col("device").is_not_null()),
        ["account", "profile", "device"],
    )
    networks = _sweep(by_network, ["account"]).select("account", overlap2_networks_s="overlap2_s")
    profiles = (
        _sweep(by_device, ["account", "profile"])
        .group_by("account")
        .agg(overlap2_same_profile_s=pl.col("overlap2_s").sum())
    )
    return [pl.concat([together, alone]), networks, profiles]


def _events(streams: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Starts and ends in order of time within each key, with how many streams run from there on."""
    keys = streams.select(by)
    return (
        pl.concat(
            [
                keys.with_columns(at=streams["start"], change=pl.lit(1, pl.Int32)),
                keys.with_columns(at=streams["end"], change=pl.lit(-1, pl.Int32)),
            ]
        )
        .sort(*by, "at", "change")
        # Each key's changes sum to zero, so one running sum serves all keys.
        .with_columns(running=pl.col("change").cum_sum())
    )


def _sweep(streams: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    lasts_s = (pl.col("at").shift(-1) - pl.col("at")).dt.total_milliseconds()
    return (
        _events(streams, by)
        .with_columns(lasts_ms=lasts_s)
        .group_by(by)
        .agg(
            peak=pl.col("running").max().cast(pl.UInt32),
            overlap2_s=pl.col("lasts_ms").filter(pl.col("running") >= 2).sum() // 1000,
            overlap3_s=pl.col("lasts_ms").filter(pl.col("running") >= 3).sum() // 1000,
        )
    )


def _union(streams: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """The times when anything ran, per key, as streams that do not overlap."""
    events = _events(streams, by)
    starts = events.filter((pl.col("running") == 1) & (pl.col("change") == 1))
    ends = events.filter(pl.col("running") == 0)
    return starts.select(*by, start="at").with_columns(end=ends["at"])


def _travel(rows: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    """Fastest travel between successive located plays, the first of them against the last of the day before."""
    located = rows.filter(
        pl.col("on_day")
        & pl.col("latitude").is_not_null()
        & pl.col("longitude").is_not_null()
        & ~pl.col("network_kind").is_in(_PLACELESS).fill_null(False)
    ).select("account", "latitude", "longitude", at="started_at")
    before = previous.filter(pl.col("last_located_at").is_not_null()).select(
        "account", latitude="last_latitude", longitude="last_longitude", at="last_located_at"
    )
    before = before.join(located.select("account").unique(), on="account", how="semi")
    steps = pl.concat([before, located]).sort("account", "at", "latitude", "longitude")
    same = pl.col("account") == pl.col("account").shift(1)
    hours = (pl.col("at") - pl.col("at").shift(1)).dt.total_seconds().clip(_LEAST_TRAVEL_S) / 3600
    km = _haversine_km(
        pl.col("latitude").shift(1), pl.col("longitude").shift(1), pl.col("latitude"), pl.col("longitude")
    )
    steps = steps.with_columns(
        kmh=pl.when(same).then(pl.when(km >= _LOCATION_NOISE_KM).then(km / hours).otherwise(0.0).round_sig_figs(9))
    )
    return steps.group_by("account", maintain_order=True).agg(
        fastest_kmh=pl.col("kmh").max(),
        last_latitude=pl.col("latitude").last(),
        last_longitude=pl.col("longitude").last(),
        last_located_at=pl.col("at").last(),
    )


def _haversine_km(lat1: pl.Expr, lon1: pl.Expr, lat2: pl.Expr, lon2: pl.Expr) -> pl.Expr:
    """Great-circle distance (Sinnott 1984)."""
    half_lat, half_lon = (lat2 - lat1).radians() / 2, (lon2 - lon1).radians() / 2
    a = half_lat.sin() ** 2 + lat1.radians().cos() * lat2.radians().cos() * half_lon.sin() ** 2
    return 2 * _EARTH_RADIUS_KM * a.clip(0, 1).sqrt().arcsin()


def fold(account_days: pl.DataFrame) -> pl.DataFrame:
    """Account-days of some days → one row per account (`tables.Spans`), sorted by account."""
    played = account_days.lazy().filter(pl.col("plays") > 0)
    folded = played.group_by("account").agg(
        first_day=pl.col("day").min(),
        last_day=pl.col("day").max(),
        active_days=pl.len().cast(pl.UInt32),
        plays=pl.col("plays").sum(),
        views=pl.col("views").sum(),
        longest_streak_days=pl.col("longest_streak_days").max(),
    )
    visits = played.select("account", "day", "visits").explode("visits").unnest("visits")
    for item in ("device", "network"):
        seen = visits.filter(pl.col(item).is_not_null()).group_by("account", item)
        items = seen.agg(
            first_day=pl.col("day").min(), last_day=pl.col("day").max(), days=pl.col("day").n_unique().cast(pl.UInt32)
        )
        folded = folded.join(_nested(items, item), on="account", how="left")
    return tables.shape(folded, tables.Spans).collect().sort("account")


def join_spans(spans: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Spans of successive times → one row per account (`tables.Spans`), sorted by account.

    A streak counts by its whole length, wherever it began.
    """
    every = pl.concat(spans).lazy()
    joined = every.group_by("account").agg(
        first_day=pl.col("first_day").min(),
        last_day=pl.col("last_day").max(),
        active_days=pl.col("active_days").sum(),
        plays=pl.col("plays").sum(),
        views=pl.col("views").sum(),
        longest_streak_days=pl.col("longest_streak_days").max(),
    )
    for item in ("device", "network"):
        seen = every.select("account", f"{item}s").explode(f"{item}s").unnest(f"{item}s")
        items = (
            seen.filter(pl.col(item).is_not_null())
            .group_by("account", item)
            .agg(first_day=pl.col("first_day").min(), last_day=pl.col("last_day").max(), days=pl.col("days").sum())
        )
        joined = joined.join(_nested(items, item), on="account", how="left")
    return tables.shape(joined, tables.Spans).collect().sort("account")


def _nested(items: pl.LazyFrame, item: str) -> pl.LazyFrame:
    return (
        items.sort("account", item)
        .group_by("account", maintain_order=True)
        .agg(pl.struct(item, "first_day", "last_day", "days").alias(f"{item}s"))
    )
