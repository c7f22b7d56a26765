"""The recipe that brings account-days and months up to date.

A day is digested again only when what it is made of has changed: the stored rows around it, the day before, or the
settings that say what a playback is. So a night costs its new day, whatever the history.
"""

import datetime as dt
import functools
import itertools
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

import polars as pl

from detector import config, corrections, days, playbacks, repairing, spans, store, tables
from detector.ingesting import Progress, silent
from detector.store import Store

DAYS = "account_days"
MONTHS = "months"
_METHOD = 21  # raise when repair, digest or fold change what they give: days and months are then made anew
_ONE_DAY = dt.timedelta(days=1)
_TOGETHER_ROWS, _TOGETHER_DAYS = 150_000, 31  # of new days that are digested at once


@dataclass(frozen=True)
class Brought:
    """What was done: days digested, days that later rows or other settings would change and that were left as
    published, replays found, and by day of the window how many of its rows contradict others, where any do."""

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
    digested, held, replays = [], [], 0
    made: dict[dt.date, days.Day] = {}  # the last two, so that the next need not read them back
    replaced = corrections.replaced(home)
    scan = repairing.scanner(home, replaced)
    batches = _batches(due, known, parts)
    with _Ahead(lambda batch: repairing.repaired(batch, parts, scan, settings)) as ahead:
        for batch, following in itertools.zip_longest(batches, batches[1:]):
            first = batch[0]
            if first in known:  # and alone
                existing = home.parts(DAYS, first)
                same_inputs = _note(existing, "inputs") == _inputs(home, first, parts, settings, replaced)
                if same_inputs and (first in frozen or _note(existing, "method") == str(_METHOD)):
                    continue
                if first in frozen:
                    held.append(first)
                    continue
            progress("digest", due.index(first), len(due))
            repaired = ahead.of(batch, following=following if following and following[0] not in known else None)
            before = [made.get(day) or _stored(home, day) for day in _days_before(first)]
            of_own = pl.col("on") == pl.col("day")  # other days look at the row as well
            conflicts = dict(repaired.conflicts.filter(of_own)["on"].value_counts().iter_rows())
            replays += repaired.replays.filter(of_own).height
            for day, digested_day in zip(batch, days.digest(repaired.playbacks, before, batch), strict=True):
                inputs = _inputs(home, day, parts, settings, replaced)
                plays = int(digested_day.account_days["plays"].sum())
                notes = {
                    "inputs": inputs, "method": _METHOD, "plays": plays, "key_id": key_id,
                    "conflicts": conflicts.get(day, 0),
                }  # fmt: skip
                home.put(DAYS, day, _files(digested_day), notes)
                made = {date: made[date] for date in made if date == day - _ONE_DAY} | {day: digested_day}
                digested.append(day)
    if digested:
        progress("digest", len(due), len(due))
    _fold_months(home, every, until)
    window = [day for day in every if (until - day).days < settings.window.days]
    return Brought(digested, held, replays, {day: n for day in window if (n := _conflicts(home.parts(DAYS, day)))})


def _conflicts(parts: Mapping[str, store.Part]) -> int:
    """How many rows of a day contradicted others when it was digested; 0 where an earlier version did that."""
    return max((int(part.notes.get("conflicts", 0)) for part in parts.values()), default=0)


def _batches(due: Sequence[dt.date], known: Container[dt.date], parts: repairing.Parts) -> list[list[dt.date]]:
    """The days that are digested together: new ones that follow one another and have few rows.

    Most of what a small day costs is the same for any number of rows.
    """
    batches: list[list[dt.date]] = []
    rows = 0
    for day in due:
        of_day = sum(part.rows for part in parts(day).values())
        rows += of_day
        goes_on = (
            batches
            and day not in known
            and batches[-1][-1] == day - _ONE_DAY
            and batches[-1][0] not in known
            and rows <= _TOGETHER_ROWS
            and len(batches[-1]) < _TOGETHER_DAYS
        )
        if goes_on:
            batches[-1].append(day)
        else:
            batches.append([day])
            rows = of_day
    return batches


class _Ahead:
    """Repairs some days while those before are digested: most of a back-fill's steps are too small for two cores."""

    def __init__(self, repair: Callable[[Sequence[dt.date]], playbacks.Repaired]) -> None:
        self._repair = repair
        self._begun: dict[dt.date, Future[playbacks.Repaired]] = {}
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def of(self, batch: Sequence[dt.date], *, following: Sequence[dt.date] | None) -> playbacks.Repaired:
        """The days' playbacks; those of the days that will follow are begun."""
        begun = self._begun.pop(batch[0], None)
        repaired = begun.result() if begun else self._repair(batch)
        if following:
            self._begun = {following[0]: self._pool.submit(self._repair, following)}
        return repaired


def _files(frames: days.Day | spans.Span) -> dict[str, pl.DataFrame]:
    return {f"{name}.parquet": frame for name, frame in vars(frames).items()}


def _note(parts: Mapping[str, store.Part], name: str) -> str | None:
    """What is noted of the parts of one partition, which are written together; None where it is not."""
    return next((str(part.notes.get(name)) for part in parts.values()), None)


def _days_before(day: dt.date) -> list[dt.date]:
    """Those whose account-days a day goes on from."""
    return [day - 2 * _ONE_DAY, day - _ONE_DAY]


def _stored(home: Store, day: dt.date) -> days.Day:
    """What a day that follows needs of a stored one; empty where there is none, null what was not known yet."""
    seen = {name: home.scan(DAYS, [day], f"{name}.parquet") for name in days.GOES_ON_FROM}
    found = {
        name: tables.shape(frames[0], days.TABLES[name]).select(days.GOES_ON_FROM[name]).collect()
        for name, frames in seen.items()
        if frames
    }
    return replace(days.Day.empty(), **found)


def _inputs(
    home: Store, day: dt.date, parts: repairing.Parts, settings: config.Settings, replaced: corrections.Replaced
) -> str:
    """Stands for all that a day's account-days are made of."""
    rows = [
        (date, part.name, part.sha256, *hidden)
        for date, part in repairing.parts_around(day, parts, settings)
        if (hidden := corrections.hidden(part.name, date, replaced)) is not None
    ]
    previous = [part.sha256 for before in _days_before(day) for part in home.parts(DAYS, before).values()]
    closing = days.closing_time(day, settings.days)
    return store.digest_of([rows, previous, settings.playbacks.model_dump(), closing])


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
