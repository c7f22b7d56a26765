"""The recipe that brings account-days and months up to date.

A day is digested again only when what it is made of has changed: the stored rows around it, the day before, or the
settings that say what a playback is. So a night costs its new day, whatever the history.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

import polars as pl

from detector import config, corrections, days, playbacks, spans, store, tables
from detector.ingesting import Progress, silent
from detector.store import Store

DAYS = "account_days"
MONTHS = "months"
_METHOD = 13  # raise when repair, digest or fold change what they give: days and months are then made anew
_ONE_DAY = dt.timedelta(days=1)
_KEPT_PARTS, _SMALL_ROWS = 16, 20_000
_PORTION_ROWS = 300_000  # playbacks that are looked through at once
# What is read back of the day before.
_BEFORE = {
    "account_days": ["account", "last_latitude", "last_longitude", "last_accuracy_km", "last_located_at"],
    "titles": ["account", "title", "streak_days"],
}

Parts = Callable[[dt.date], dict[str, store.Part]]
"""The stored parts of a UTC date."""
Scan = Callable[[dt.date, str], pl.LazyFrame]
"""The rows of one stored part, by its date and name."""


@dataclass(frozen=True)
class Brought:
    """What was done: days digested, days with later rows that were left as published, replays found, and by digested
    day how many of its rows contradict others."""

    digested: list[dt.date]
    held: list[dt.date]
    replays: int
    conflicts: dict[dt.date, int]


def bring_up_to_date(
    home: Store,
    until: dt.date,
    *,
    settings: config.Settings,
    key_id: str,
    frozen: frozenset[dt.date] = frozenset(),
    progress: Progress = silent,
) -> Brought:
    """Digest every day up to `until` that lacks account-days or whose inputs have changed, then fold whole months.

    `frozen` days are left as they are, and reported if their inputs have changed; what this version would make of the
    same inputs is of no account there.
    """
    stored = [date for date in home.partitions("playbacks") if date <= until + _ONE_DAY]
    if not stored:
        return Brought([], [], 0, {})
    known = set(home.partitions(DAYS))
    watched_since = until - dt.timedelta(days=settings.window.year_days)
    every = [stored[0] - _ONE_DAY + dt.timedelta(days=n) for n in range((until - stored[0]).days + 2)]
    due = [day for day in every if day not in known or day >= watched_since]
    parts = functools.cache(functools.partial(home.parts, "playbacks"))  # each is asked for by several days
    digested, held, replays, conflicts = [], [], 0, {}
    latest: dict[dt.date, days.Day] = {}  # the day digested last, so that the next need not read it back
    replaced = corrections.replaced(home)
    scan = _scanner(home, replaced)
    with _Ahead(lambda day: playbacks.repair(_rows_around(day, parts, scan, settings), settings.playbacks)) as ahead:
        for done, day in enumerate(due):
            inputs = _inputs(home, day, parts, settings, replaced)
            existing = home.parts(DAYS, day)
            same_inputs = _note(existing, "inputs") == inputs
            if same_inputs and (day in frozen or _note(existing, "method") == str(_METHOD)):
                continue
            if existing and day in frozen:
                held.append(day)
                continue
            progress("digest", done, len(due))
            repaired = ahead.of(day, following=next((day for day in due[done + 1 :][:1] if day not in known), None))
            previous = latest.get(day - _ONE_DAY) or _before(home, day)
            digested_day = days.digest(repaired.playbacks, previous, day)
            plays = int(digested_day.account_days["plays"].sum())
            notes = {"inputs": inputs, "method": _METHOD, "plays": plays, "key_id": key_id}
            home.put(DAYS, day, _files(digested_day), notes)
            latest = {day: digested_day}
            digested.append(day)
            replays += repaired.replays
            conflicts[day] = int((repaired.conflicts["day"] == day).sum())
    if digested:
        progress("digest", len(due), len(due))
    _fold_months(home, every, until)
    return Brought(digested, held, replays, conflicts)


class _Ahead:
    """Repairs a day while the one before is digested: most of a back-fill's steps are too small for two cores."""

    def __init__(self, repair: Callable[[dt.date], playbacks.Repaired]) -> None:
        self._repair = repair
        self._begun: dict[dt.date, Future[playbacks.Repaired]] = {}
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def of(self, day: dt.date, *, following: dt.date | None) -> playbacks.Repaired:
        """The day's playbacks; those of the day that will follow are begun."""
        begun = self._begun.pop(day, None)
        repaired = begun.result() if begun else self._repair(day)
        if following:
            self._begun = {following: self._pool.submit(self._repair, following)}
        return repaired


def _files(frames: days.Day | spans.Span) -> dict[str, pl.DataFrame]:
    return {f"{name}.parquet": frame for name, frame in vars(frames).items()}


def _note(parts: Mapping[str, store.Part], name: str) -> str | None:
    """What is noted of the parts of one partition, which are written together; None where it is not."""
    return next((str(part.notes.get(name)) for part in parts.values()), None)


def _before(home: Store, day: dt.date) -> days.Day:
    """The day before, as far as it matters to the day."""
    seen = {name: home.read(DAYS, [day - _ONE_DAY], f"{name}.parquet", columns) for name, columns in _BEFORE.items()}
    return replace(days.Day.empty(), **{name: frames[0] for name, frames in seen.items() if frames})


def _inputs(home: Store, day: dt.date, parts: Parts, settings: config.Settings, replaced: corrections.Replaced) -> str:
    """Stands for all that a day's account-days are made of."""
    rows = [
        (date, part.name, part.sha256, *hidden)
        for date, part in _parts_around(day, parts, settings)
        if (hidden := corrections.hidden(part.name, date, replaced)) is not None
    ]
    previous = [part.sha256 for part in home.parts(DAYS, day - _ONE_DAY).values()]
    closing = days.closing_time(day, settings.days)
    return store.digest_of([rows, previous, settings.playbacks.model_dump(), closing])


def _parts_around(day: dt.date, parts: Parts, settings: config.Settings) -> Iterator[tuple[dt.date, store.Part]]:
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


def _rows_around(day: dt.date, parts: Parts, scan: Scan, settings: config.Settings) -> pl.DataFrame:
    """The checked rows that decide the day: its own, those that run on it, and those that repair ties to these.

    Rows that start after the day has closed are left out, so that later ones can not change it.
    """
    closing = days.closing_time(day, settings.days)
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    start, end = pl.col("started_at"), pl.coalesce("ended_at", "started_at")
    local_end = (end + pl.duration(seconds=pl.col("utc_offset_s"), time_unit="ms")).dt.date()
    running = (end >= midnight) & (start < midnight + _ONE_DAY) | (local_end >= day) & (pl.col("day") < day)
    parts_around = list(_parts_around(day, parts, settings))
    frames = [
        pl.concat([scan(date, part.name) for date, part in some]).filter(start < closing)
        for some in _in_portions(parts_around)
    ]
    empty = pl.DataFrame(schema=tables.columns(tables.CheckedRows))
    is_own = (pl.col("day") == day) | running
    own = pl.concat([empty, *(frame.filter(is_own).collect(engine="in-memory") for frame in frames)])
    return pl.concat([own, _tied_to(own, [frame.filter(~is_own) for frame in frames])])


def _tied_to(own: pl.DataFrame, others: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    """Of the others the rows that repair needs to treat a day's own rows as it would with all rows at hand.

    Those are what may be one playback with an own row, what ends one of either kind that was left open, and what is
    logged under the same key as any of these. Few accounts have any: keys are read of all, the rest of theirs only.
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


def _ending(rows: pl.LazyFrame, to: pl.DataFrame) -> pl.LazyFrame:
    """The rows that start on the same device while one of these still runs."""
    device = ["account", "device"]
    running = (
        to.lazy()
        .filter("device_is_real")
        .select(*device, "started_at", until="ended_at")
        .drop_nulls()
        .sort("started_at")
        .with_columns(pl.col("until").cum_max().over(device))  # by then all that started before have ended
    )
    return (
        _sharing(rows, to, device)
        .sort("started_at")
        .join_asof(running, on="started_at", by=device, check_sortedness=False)
        .filter(pl.col("started_at") < pl.col("until"))
    )


def _scanner(home: Store, replaced: corrections.Replaced) -> Scan:
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


def _fold_months(home: Store, every: Sequence[dt.date], until: dt.date) -> None:
    for first in sorted({day.replace(day=1) for day in every}):  # a log may begin in the middle of one
        of_month = month_of(first)
        if of_month[-1] > until:
            continue
        inputs = store.digest_of([_METHOD, *(p.sha256 for day in of_month for p in home.parts(DAYS, day).values())])
        if _note(home.parts(MONTHS, first), "inputs") != inputs:
            span: tuple[spans.Span, ...] = ()
            for week in (of_month[n : n + 7] for n in range(0, len(of_month), 7)):  # no more in memory at once
                account_days = home.read(DAYS, week, "account_days.parquet", spans.OF_DAYS)
                visits = home.read(DAYS, week, "visits.parquet", spans.OF_VISITS)
                if account_days:
                    contexts = spans.by_context(pl.concat(visits))
                    span = (spans.fold(pl.concat(account_days).lazy(), contexts.lazy(), *span),)
            home.put(MONTHS, first, _files(*span), {"inputs": inputs})


def month_of(first: dt.date) -> list[dt.date]:
    """The days of a calendar month, by its first.

    >>> len(month_of(dt.date(2024, 2, 1)))
    29
    """
    following = (first + dt.timedelta(days=31)).replace(day=1)
    return [first + dt.timedelta(days=n) for n in range((following - first).days)]
