"""The stored rows that decide some days, repaired.

Repair treats a row with the rows around it in mind: those are looked up here, so that file and arrival order change
nothing. Small days that follow one another are looked at together, for most of what one costs is the same for any
number of rows.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

import polars as pl

from detector import config, corrections, days, playbacks, store, tables
from detector.store import Store

_ONE_DAY = dt.timedelta(days=1)
_KEPT_PARTS, _SMALL_ROWS = 16, 20_000
_PORTION_ROWS = 300_000  # playbacks that are looked through at once
_APART = 2**32  # more than there are accounts

Parts = Callable[[dt.date], dict[str, store.Part]]
"""The stored parts of a UTC date."""
Scan = Callable[[dt.date, str], pl.LazyFrame]
"""The rows of one stored part, by its date and name."""


def parts_around(day: dt.date, parts: Parts, settings: config.Settings) -> Iterator[tuple[dt.date, store.Part]]:
    """The stored parts that may hold rows of the day, by UTC date: those near it, and earlier ones still running."""
    first, last = days.utc_dates_of(day)
    closing = days.closing_time(day, settings.days).isoformat()
    longest = dt.timedelta(seconds=settings.playbacks.longest_s)
    date = first - longest - _ONE_DAY
    while date <= last:
        for part in parts(date).values():
            still_running = part.notes["last_end"] >= first.isoformat()
            if part.notes["first_start"] < closing if date >= first else still_running:
                yield date, part
        date += _ONE_DAY


def repaired(batch: Sequence[dt.date], parts: Parts, scan: Scan, settings: config.Settings) -> playbacks.Repaired:
    """What repair makes of the rows that decide some days, each day by itself, which they then name as `on`.

    These are the day's own rows, those that run on it, and those that repair ties to these. Rows that start after the
    day has closed are left out, so that later ones can not change it.
    """
    empty = pl.DataFrame(schema=tables.columns(tables.CheckedRows))
    if len(batch) == 1:
        frames, accounts = _on_the_day(batch[0], parts, scan, settings), None
        is_own = pl.lit(batch[0]).is_between(*days.touched())
    else:
        frames, accounts = _on_each_day(batch, parts, scan, settings)
        is_own = pl.col("is_own")
    own = pl.concat([empty, *(f.filter(is_own).select(empty.columns).collect(engine="in-memory") for f in frames)])
    tied = _tied_to(own, [frame.filter(~is_own).select(empty.columns) for frame in frames])
    done = playbacks.repair(pl.concat([own, tied]), settings.playbacks)
    return playbacks.Repaired(**{name: _with_day(rows, batch[0], accounts) for name, rows in vars(done).items()})


def _on_the_day(day: dt.date, parts: Parts, scan: Scan, settings: config.Settings) -> list[pl.LazyFrame]:
    """The rows that may decide a day, which may be large: they are read as they are needed, so many together that they
    fit in memory well."""
    closing = days.closing_time(day, settings.days)
    return [
        pl.concat([scan(date, part.name) for date, part in some]).filter(pl.col("started_at") < closing)
        for some in _in_portions(parts_around(day, parts, settings))
    ]


def _on_each_day(
    batch: Sequence[dt.date], parts: Parts, scan: Scan, settings: config.Settings
) -> tuple[list[pl.LazyFrame], pl.Series]:
    """The rows that may decide some days, once for each of these days `on` which they may.

    As an account stands the place of the day among the days, times `_APART`, plus that of the account among the
    accounts, which are returned: so what decides one day is never taken together with what decides another.
    """
    looks = [
        ((date, part.name), nth, day, days.closing_time(day, settings.days))
        for nth, day in enumerate(batch)
        for date, part in parts_around(day, parts, settings)
    ]
    part_of = {where: nth for nth, where in enumerate(dict.fromkeys(where for where, *_ in looks))}
    empty = pl.LazyFrame(schema=tables.columns(tables.CheckedRows) | {"part": pl.Int32})
    stored = [scan(*where).with_columns(part=pl.lit(nth, pl.Int32)) for where, nth in part_of.items()]
    rows = pl.concat([empty, *stored]).collect(engine="in-memory")
    looked = pl.LazyFrame(
        [(part_of[where], *look) for where, *look in looks],
        schema={"part": pl.Int32, "nth": pl.UInt64, "on": pl.Date, "closing": tables.UTC_MS},
        orient="row",
    )
    each = (
        rows.lazy()
        .with_columns(nth_account=pl.col("account").rank("dense").cast(pl.UInt64) - 1)
        .join(looked, on="part")
        .filter(pl.col("started_at") < pl.col("closing"))
        .with_columns(
            account=pl.col("nth") * _APART + pl.col("nth_account"), is_own=pl.col("on").is_between(*days.touched())
        )
        .collect(engine="in-memory")
    )
    return [each.lazy()], rows["account"].unique().sort()


def _with_day(rows: pl.DataFrame, first: dt.date, accounts: pl.Series | None) -> pl.DataFrame:
    """Rows with the day `on` which they are looked at, and under their own account, if they stand as `_on_each_day`
    numbers them."""
    if accounts is None:
        return rows.with_columns(on=pl.lit(first))
    nth = pl.col("account") // _APART
    return rows.with_columns(
        on=pl.lit(first) + pl.duration(days=nth.cast(pl.Int64)), account=accounts.gather(rows["account"] % _APART)
    )


def _tied_to(own: pl.DataFrame, others: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    """Of the others the rows that repair needs to treat a day's own rows as it would with all rows at hand.

    Those are what may be one playback with an own row, what came in between, what ends one of either kind that was left
    open, and what is logged under the same key as any of these. Few accounts have any: keys are read of all, the rest
    of theirs only.
    """
    keys = ["account", "device", "device_is_real", "title", "playback", "started_at"]
    accounts = pl.concat(
        [own.head(0).select("account")]
        + [found.select("account").collect(engine="in-memory") for o in others for found in _ties(o.select(keys), own)]
    )
    theirs = pl.col("account").is_in(accounts["account"].unique().implode())
    collected = [other.filter(theirs).collect(engine="in-memory") for other in others]
    rows = pl.concat([own.head(0), *collected]).with_row_index("row")
    of_theirs = own.filter(theirs)
    tied = _among(rows, _ties(rows.lazy(), of_theirs))
    tied = _among(rows, [tied.lazy(), _ending(rows.lazy(), tied)])
    tied = _among(rows, [tied.lazy(), _between(rows.lazy(), pl.concat([of_theirs, tied.drop("row")]))])
    tied = _among(rows, [tied.lazy(), _sharing(rows.lazy(), tied, ["account", "playback"])])
    return tied.drop("row")


def _ties(rows: pl.LazyFrame, own: pl.DataFrame) -> list[pl.LazyFrame]:
    resumes = _sharing(rows, own, ["account", "device", "title"])
    said_again = _sharing(rows, own, ["account", "playback"])
    return [resumes, said_again, _ending(rows, own)]


def _among(rows: pl.DataFrame, found: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    """The rows that were found at least once, in their order."""
    wanted = pl.concat([some.select("row") for some in found]).collect(engine="in-memory")
    return rows.join(wanted, on="row", how="semi", maintain_order="left")


def _sharing(rows: pl.LazyFrame, to: pl.DataFrame, by: list[str]) -> pl.LazyFrame:
    return rows.join(to.lazy().select(by), on=by, how="semi")


def _between(rows: pl.LazyFrame, to: pl.DataFrame) -> pl.LazyFrame:
    """The rows on the same device that start between the first and the last of these."""
    device = ["account", "device"]
    span = to.lazy().group_by(device).agg(since=pl.col("started_at").min(), until=pl.col("started_at").max())
    return rows.join(span, on=device).filter(pl.col("started_at").is_between("since", "until"))


def _ending(rows: pl.LazyFrame, to: pl.DataFrame) -> pl.LazyFrame:
    """The rows that start on the same device while one of these still runs."""
    device = ["account", "device"]
    running = to.lazy().filter("device_is_real").select(*device, "started_at", until="ended_at").drop_nulls()
    starts = rows.select(*device, start="started_at").sort("start")
    # Few run into a start at all, and one that does runs into the first that follows.
    into_a_start = (
        running.sort("started_at")
        .join_asof(
            starts, left_on="started_at", right_on="start", by=device, strategy="forward", check_sortedness=False
        )
        .filter(pl.col("start") < pl.col("until"))
        .collect(engine="in-memory")
    )
    until = pl.col("until").cum_max().over(device)  # by then all that started before have ended
    return (
        _sharing(rows, into_a_start, device)
        .sort("started_at")
        .join_asof(
            into_a_start.lazy().select(*device, "started_at", until), on="started_at", by=device, check_sortedness=False
        )
        .filter(pl.col("started_at") < pl.col("until"))
    )


def scanner(home: Store, replaced: corrections.Replaced) -> Scan:
    """Reads what counts of stored parts; small ones are kept for the days that follow, for several ask for each."""

    @functools.lru_cache(_KEPT_PARTS)
    def kept(date: dt.date, name: str) -> pl.LazyFrame:
        return corrections.counted(home.read("playbacks", [date], name)[0].lazy(), name, date, replaced)

    def scan(date: dt.date, name: str) -> pl.LazyFrame:
        if home.parts("playbacks", date)[name].rows <= _SMALL_ROWS:
            return kept(date, name)
        return corrections.counted(home.scan("playbacks", [date], name)[0], name, date, replaced)

    return scan


def _in_portions(parts: Iterable[tuple[dt.date, store.Part]]) -> list[list[tuple[dt.date, store.Part]]]:
    """The parts, so many together that they fit in memory well."""
    portions: list[list[tuple[dt.date, store.Part]]] = []
    rows = 0
    for date, part in parts:
        rows += part.rows
        if not portions or rows > _PORTION_ROWS:
            portions.append([])
            rows = part.rows
        portions[-1].append((date, part))
    return portions
