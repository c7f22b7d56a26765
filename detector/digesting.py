"""The recipe that brings account-days up to date, and reads back what a night needs of them.

A day is digested again only when what it is made of has changed: the stored rows around it, the day before, or the
settings that say what a playback is. So a night costs its new day, whatever the history.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from detector import config, days, identity, playbacks, store, tables
from detector.features import Window
from detector.ingesting import Progress, silent
from detector.store import Store

DAYS = "account_days"
MONTHS = "months"
_METHOD = 1  # raise when repair or digest change what they give: days are then digested anew
_ONE_DAY = dt.timedelta(days=1)
_FOR_STREAKS = ["account", "longest_streak_days", "titles", "last_latitude", "last_longitude", "last_located_at"]
_FOR_SPANS = ["account", "day", "plays", "views", "longest_streak_days"]
_BUCKET_ROWS = 1_500_000  # account-days that are worked on at once
_U64 = 2**64

Parts = Callable[[dt.date], dict[str, store.Part]]
"""The stored parts of a UTC date."""


@dataclass(frozen=True)
class Brought:
    """What was done: days digested, days with later rows that were left as published, replays and conflicts found."""

    digested: list[dt.date]
    held: list[dt.date]
    replays: int
    conflicts: int


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

    `frozen` days are left as they are and reported, if their inputs have changed.
    """
    stored = [date for date in home.partitions("playbacks") if date <= until + _ONE_DAY]
    if not stored:
        return Brought([], [], 0, 0)
    known = set(home.partitions(DAYS))
    watched_since = until - dt.timedelta(days=settings.window.year_days)
    every = [stored[0] - _ONE_DAY + dt.timedelta(days=n) for n in range((until - stored[0]).days + 2)]
    due = [day for day in every if day not in known or day >= watched_since]
    parts = functools.cache(functools.partial(home.parts, "playbacks"))  # each is asked for by several days
    digested, held, replays, conflicts = [], [], 0, 0
    for done, day in enumerate(due):
        inputs = _inputs(home, day, parts, settings)
        existing = home.parts(DAYS, day)
        if existing and existing[_part(DAYS)].notes["inputs"] == inputs:
            continue
        if existing and day in frozen:
            held.append(day)
            continue
        progress("digest", done, len(due))
        repaired = playbacks.repair(_rows_around(home, day, parts, settings), settings.playbacks)
        previous = home.read(DAYS, [day - _ONE_DAY], _FOR_STREAKS)
        before = previous[0] if previous else pl.DataFrame(schema=tables.columns(tables.AccountDays))
        account_days = days.digest(repaired.playbacks, before, day)
        plays = int(account_days["plays"].sum())
        home.put(DAYS, day, _part(DAYS), account_days, {"inputs": inputs, "plays": plays, "key_id": key_id})
        digested.append(day)
        replays, conflicts = replays + repaired.replays, conflicts + repaired.conflicts
    if digested:
        progress("digest", len(due), len(due))
    _fold_months(home, every, until)
    return Brought(digested, held, replays, conflicts)


def _part(table: str) -> str:
    return f"{table}.parquet"


def _inputs(home: Store, day: dt.date, parts: Parts, settings: config.Settings) -> str:
    """Stands for all that a day's account-days are made of."""
    rows = [(date, part.name, part.sha256) for date, part in _parts_around(day, parts, settings)]
    previous = [part.sha256 for part in home.parts(DAYS, day - _ONE_DAY).values()]
    closing = days.closing_time(day, settings.days)
    return store.digest_of([_METHOD, rows, previous, settings.playbacks.model_dump(), closing])


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


def _rows_around(home: Store, day: dt.date, parts: Parts, settings: config.Settings) -> pl.DataFrame:
    """The checked rows that decide the day: its own, those that run on it, and those that repair ties to these.

    Rows that start after the day has closed are left out, so that later ones can not change it.
    """
    closing = days.closing_time(day, settings.days)
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    start, end = pl.col("started_at"), pl.coalesce("ended_at", "started_at")
    local_end = (end + pl.duration(seconds=pl.col("utc_offset_s"), time_unit="ms")).dt.date()
    running = (end >= midnight) & (start < midnight + _ONE_DAY) | (local_end >= day) & (pl.col("day") < day)
    frames = [
        pl.read_parquet(home.read_bytes("playbacks", date, part.name)).filter(start < closing)
        for date, part in _parts_around(day, parts, settings)
    ]
    if not frames:
        return pl.DataFrame(schema=tables.columns(tables.CheckedRows))
    near = pl.concat(frames)
    own = near.filter((pl.col("day") == day) | running)
    others = near.filter((pl.col("day") != day) & ~running)
    crossing = own.filter((pl.col("day") != day) | (end >= midnight + _ONE_DAY) | (local_end > day))
    ties = (
        (own, ["account", "device", "title"]),  # resumes
        (own, ["playback"]),  # replays and contradictions
        (crossing, ["account", "device"]),  # what ends a ghost
    )
    tied = [others.with_row_index("row").join(to.select(by), on=by, how="semi") for to, by in ties]
    return pl.concat([own, pl.concat(tied).unique("row").drop("row")])


def _fold_months(home: Store, every: Sequence[dt.date], until: dt.date) -> None:
    for first in (day for day in every if day.day == 1):
        of_month = _month(first)
        if of_month[-1] > until:
            continue
        inputs = store.digest_of([part.sha256 for day in of_month for part in home.parts(DAYS, day).values()])
        existing = home.parts(MONTHS, first)
        if not existing or existing[_part(MONTHS)].notes["inputs"] != inputs:
            weeks = (of_month[n : n + 7] for n in range(0, len(of_month), 7))
            spans = [days.fold(pl.concat(home.read(DAYS, week, [*_FOR_SPANS, "visits"]))) for week in weeks]
            home.put(MONTHS, first, _part(MONTHS), days.join_spans(spans), {"inputs": inputs})


def _month(first: dt.date) -> list[dt.date]:
    following = (first + dt.timedelta(days=31)).replace(day=1)
    return _range(first, following - _ONE_DAY)


def _range(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


@dataclass(frozen=True)
class Look:
    """The partitions that one night looks at: the days of its window, the whole months of its year, and the days of
    the year that neither covers, those before the first whole month apart."""

    window: list[dt.date]
    months: list[dt.date]
    early: list[dt.date]
    between: list[dt.date]


def look(home: Store, day: dt.date, settings: config.Window) -> Look:
    """What there is to look at on a night."""
    first = day - dt.timedelta(days=settings.year_days - 1)
    known = {date for date in home.partitions(DAYS) if first <= date <= day}
    months = [m for m in home.partitions(MONTHS) if m >= first and _month(m)[-1] <= day]
    covered = {date for m in months for date in _month(m)}
    window = [date for date in sorted(known) if date > day - dt.timedelta(days=settings.days)]
    rest = sorted(known - covered - set(window))
    return Look(
        window=window,
        months=months,
        early=[date for date in rest if months and date < months[0]],
        between=[date for date in rest if not months or date > months[0]],
    )


def digest_of(home: Store, looked: Look) -> str:
    """Stands for everything that a night's features are made of."""
    by_day = [*looked.window, *looked.early, *looked.between]
    parts = [part.sha256 for date in by_day for part in home.parts(DAYS, date).values()]
    parts += [part.sha256 for month in looked.months for part in home.parts(MONTHS, month).values()]
    return store.digest_of(parts)


def windows(home: Store, day: dt.date, settings: config.Window, *, bucket_rows: int = _BUCKET_ROWS) -> Iterator[Window]:
    """The window of a night, in buckets of accounts that are worked on one after the other; their number changes
    nothing but the memory that is needed."""
    looked = look(home, day, settings)
    rows = sum(part.rows for date in looked.window for part in home.parts(DAYS, date).values())
    count = max(1, -(-rows // bucket_rows))
    in_window = home.scan(DAYS, looked.window)
    covered = {date for month in looked.months for date in _month(month)}
    uncovered = pl.col("day").is_in([date for date in looked.window if date not in covered])
    months = home.scan(MONTHS, looked.months)
    between = [frame.select(*_FOR_SPANS, "visits") for frame in home.scan(DAYS, looked.between)]
    early = [frame.select(_FOR_SPANS) for frame in home.scan(DAYS, looked.early)]
    for number in range(count):
        mine = (pl.col("account") >= pl.lit(number * _U64 // count, pl.UInt64)) & (
            pl.col("account") <= pl.lit((number + 1) * _U64 // count - 1, pl.UInt64)
        )
        account_days = _together(in_window, mine, tables.columns(tables.AccountDays))
        by_day = [account_days.filter(uncovered).select(*_FOR_SPANS, "visits")]
        by_day += [_together(frames, mine, None) for frames in (between, early) if frames]
        spans = [days.fold(pl.concat(by_day, how="diagonal")), *(f.filter(mine).collect() for f in months)]
        yield Window.of(account_days, days.join_spans(spans), day=day, length_days=settings.days)


def _together(frames: list[pl.LazyFrame], mine: pl.Expr, schema: dict[str, pl.DataType] | None) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame(schema=schema)
    return pl.concat(pl.collect_all([frame.filter(mine) for frame in frames]))


def playbacks_of(
    home: Store, accounts: Iterable[int], first: dt.date, last: dt.date, settings: config.Playbacks
) -> pl.DataFrame:
    """Repaired playbacks (`tables.Playbacks`) of some accounts on the local days from `first` to `last`."""
    wanted = pl.DataFrame({"account": list(accounts)}, schema={"account": pl.UInt64})
    dates = [date for date in home.partitions("playbacks") if first - _ONE_DAY <= date <= last + _ONE_DAY]
    rows = [frame.join(wanted.lazy(), on="account", how="semi") for frame in home.scan("playbacks", dates)]
    empty = pl.DataFrame(schema=tables.columns(tables.CheckedRows))
    repaired = playbacks.repair(pl.concat([empty, *pl.collect_all(rows)]), settings)
    return repaired.playbacks.filter(pl.col("day").is_between(first, last))


def names_of(home: Store, keys: identity.Keys, first: dt.date, last: dt.date) -> pl.DataFrame:
    """Who and what stood in the log in these days: `kind` (account or title), `id`, `name`. For audited acts only."""
    opened = [
        identity.unseal(home.read_bytes("sealed", date, name), keys)
        for date in home.partitions("sealed")
        if first - _ONE_DAY <= date <= last + _ONE_DAY
        for name in home.parts("sealed", date)
    ]
    empty = pl.DataFrame(schema={"kind": pl.String, "id": pl.UInt64, "name": pl.String})
    return pl.concat([empty, *(names.select("kind", "id", "name") for names in opened)]).unique(
        ["kind", "id"], keep="first", maintain_order=True
    )
