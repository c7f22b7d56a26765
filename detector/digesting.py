"""The recipe that brings account-days up to date, and reads back what a night needs of them.

A day is digested again only when what it is made of has changed: the stored rows around it, the day before, or the
settings that say what a playback is. So a night costs its new day, whatever the history.
"""

import datetime as dt
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

import dataframely as dy
import polars as pl

from detector import config, days, identity, neighbours, playbacks, spans, store, tables
from detector.features import Window
from detector.ingesting import Progress, silent
from detector.store import Store

DAYS = "account_days"
MONTHS = "months"
_METHOD = 3  # raise when repair, digest or fold change what they give: days and months are then made anew
_ONE_DAY = dt.timedelta(days=1)
_KEPT_PARTS, _SMALL_ROWS = 16, 20_000
_PORTION_ROWS = 300_000  # playbacks that are looked through at once
_BUCKET_ROWS = 200_000  # account-days that are worked on at once
_PARTS: dict[str, type[dy.Schema]] = {
    "account_days": tables.AccountDays,
    "titles": tables.TitleDays,
    "visits": tables.Visits,
    "accounts": tables.Spans,
    "devices": tables.SpanDevices,
    "homes": tables.SpanHomes,
}
# What is read back of the day before, of the window, and of the days that a year is put together from.
_BEFORE = {
    "account_days": ["account", "last_latitude", "last_longitude", "last_accuracy_km", "last_located_at"],
    "titles": ["account", "title", "streak_days"],
}
_TITLES = ["account", "day", "title", "plays", "views", "seconds"]
_VISITS = ["account", "day", "device", "address", "network", "network_kind", "country", "region", "plays", "utc_hours"]
_YEAR_DAYS = ["account", "day", "plays", "views", "longest_streak_days"]
_YEAR_VISITS = ["account", "day", "device", "address", "network_kind", "plays"]
_U64 = 2**64

Parts = Callable[[dt.date], dict[str, store.Part]]
"""The stored parts of a UTC date."""
Scan = Callable[[dt.date, str], pl.LazyFrame]
"""The rows of one stored part, by its date and name."""


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
    scan = _scanner(home)
    with _Ahead(lambda day: playbacks.repair(_rows_around(day, parts, scan, settings), settings.playbacks)) as ahead:
        for done, day in enumerate(due):
            inputs = _inputs(home, day, parts, settings)
            existing = home.parts(DAYS, day)
            if _made_of(existing) == inputs:
                continue
            if existing and day in frozen:
                held.append(day)
                continue
            progress("digest", done, len(due))
            repaired = ahead.of(day, following=next((day for day in due[done + 1 :][:1] if day not in known), None))
            digested_day = days.digest(repaired.playbacks, _before(home, day), day)
            notes = {"inputs": inputs, "plays": int(digested_day.account_days["plays"].sum()), "key_id": key_id}
            home.put(DAYS, day, _files(digested_day), notes)
            digested.append(day)
            replays, conflicts = replays + repaired.replays, conflicts + repaired.conflicts
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


def _made_of(parts: Mapping[str, store.Part]) -> str | None:
    """What the parts of one partition, written together, were made of."""
    return next((str(part.notes["inputs"]) for part in parts.values()), None)


def _before(home: Store, day: dt.date) -> days.Day:
    """The day before, as far as it matters to the day."""
    seen = {name: home.read(DAYS, [day - _ONE_DAY], f"{name}.parquet", columns) for name, columns in _BEFORE.items()}
    return replace(days.Day.empty(), **{name: frames[0] for name, frames in seen.items() if frames})


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
    crossing = own.filter((pl.col("day") != day) | (end >= midnight + _ONE_DAY) | (local_end > day))
    ties = (
        (own, ["account", "device", "title"]),  # resumes
        (own, ["playback"]),  # replays and contradictions
        (crossing, ["account", "device"]),  # what ends a ghost
    )
    return pl.concat([own, *(_tied(frame.filter(~is_own), ties) for frame in frames)])


def _scanner(home: Store) -> Scan:
    """Reads stored parts; small ones are kept for the days that follow, for each is asked for by several."""

    @functools.lru_cache(_KEPT_PARTS)
    def kept(date: dt.date, name: str) -> pl.LazyFrame:
        return home.read("playbacks", [date], name)[0].lazy()

    def scan(date: dt.date, name: str) -> pl.LazyFrame:
        if home.parts("playbacks", date)[name].rows <= _SMALL_ROWS:
            return kept(date, name)
        return home.scan("playbacks", [date], name)[0]

    return scan


def _in_portions(parts: Iterable[tuple[dt.date, store.Part]]) -> list[list[tuple[dt.date, store.Part]]]:
    """The parts, so many together that they fit in memory well."""
    portions: list[list[tuple[dt.date, store.Part]]] = []
    rows = _PORTION_ROWS
    for date, part in parts:
        rows += part.rows
        if rows > _PORTION_ROWS:
            portions.append([])
            rows = part.rows
        portions[-1].append((date, part))
    return portions


def _tied(rows: pl.LazyFrame, ties: Sequence[tuple[pl.DataFrame, list[str]]]) -> pl.DataFrame:
    """The rows that share at least one of these keys."""
    numbered = rows.collect(engine="in-memory").with_row_index("row").lazy()
    found = [
        numbered.select("row", *by).join(to.lazy().select(by).unique(), on=by, how="semi").select("row")
        for to, by in ties
    ]
    return (
        numbered.join(pl.concat(found), on="row", how="semi", maintain_order="left")
        .drop("row")
        .collect(engine="in-memory")
    )


def _fold_months(home: Store, every: Sequence[dt.date], until: dt.date) -> None:
    for first in (day for day in every if day.day == 1):
        of_month = _month(first)
        if of_month[-1] > until:
            continue
        inputs = store.digest_of([_METHOD, *(p.sha256 for day in of_month for p in home.parts(DAYS, day).values())])
        if _made_of(home.parts(MONTHS, first)) != inputs:
            weeks = (of_month[n : n + 7] for n in range(0, len(of_month), 7))
            span = spans.join([_span(home, week) for week in weeks])
            home.put(
                MONTHS, first, {f"{name}.parquet": frame for name, frame in vars(span).items()}, {"inputs": inputs}
            )


def _span(home: Store, of: Sequence[dt.date]) -> spans.Span:
    return spans.fold(
        pl.concat(home.read(DAYS, of, "account_days.parquet", _YEAR_DAYS)),
        pl.concat(home.read(DAYS, of, "visits.parquet", _YEAR_VISITS)),
    )


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


def meet(home: Store, day: dt.date, settings: config.Window) -> neighbours.Neighbours:
    """What the accounts of a night's window have in common."""
    window = look(home, day, settings).window
    visits, titles = (pl.concat(_scan(home, DAYS, window, name, None)) for name in ("visits", "titles"))
    return neighbours.meet(visits, titles)


def windows(
    home: Store,
    day: dt.date,
    settings: config.Window,
    *,
    met: neighbours.Neighbours,
    bucket_rows: int = _BUCKET_ROWS,
) -> Iterator[Window]:
    """The window of a night, in buckets of accounts that are worked on one after the other; their number changes
    nothing but the memory that is needed. `met` is what the accounts have in common."""
    looked = look(home, day, settings)
    rows = sum(home.parts(DAYS, date)["account_days.parquet"].rows for date in looked.window)
    count = max(1, -(-rows // bucket_rows))
    covered = {date for month in looked.months for date in _month(month)}
    uncovered = pl.col("day").is_in([date for date in looked.window if date not in covered])
    scan = functools.partial(_scan, home)
    account_days = scan(DAYS, looked.window, "account_days", None)
    titles, visits = scan(DAYS, looked.window, "titles", _TITLES), scan(DAYS, looked.window, "visits", _VISITS)
    # What lies before the first whole month tells when an account was first seen; its devices can not be new now.
    outside_days = scan(DAYS, [*looked.early, *looked.between], "account_days", _YEAR_DAYS)
    outside_visits = scan(DAYS, looked.between, "visits", _YEAR_VISITS)
    of_months = [scan(MONTHS, looked.months, name, None) for name in ("accounts", "devices", "homes")]
    for number in range(count):
        mine = (pl.col("account") >= pl.lit(number * _U64 // count, pl.UInt64)) & (
            pl.col("account") <= pl.lit((number + 1) * _U64 // count - 1, pl.UInt64)
        )
        part = functools.partial(_rows, mine)
        seen = days.Day(part(account_days), part(titles), part(visits))
        looks = [
            spans.Span(*(part(of_month) for of_month in of_months)),
            spans.fold(part(outside_days), part(outside_visits)),
            spans.fold(seen.account_days.filter(uncovered), seen.visits.filter(uncovered)),
        ]
        yield Window.of(seen, spans.join(looks), met, day=day, length_days=settings.days)


def _scan(
    home: Store, table: str, dates: Sequence[dt.date], name: str, columns: Sequence[str] | None
) -> list[pl.LazyFrame]:
    """Some columns of one part of each date, after an empty one, so that there always is one."""
    found = [pl.LazyFrame(schema=tables.columns(_PARTS[name])), *home.scan(table, dates, f"{name}.parquet")]
    return [frame.select(columns) for frame in found] if columns else found


def _rows(mine: pl.Expr, frames: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    return pl.concat(pl.collect_all([frame.filter(mine) for frame in frames]))


def playbacks_of(
    home: Store, accounts: Iterable[int], first: dt.date, last: dt.date, settings: config.Playbacks
) -> pl.DataFrame:
    """Repaired playbacks (`tables.Playbacks`) of some accounts on the local days from `first` to `last`."""
    wanted = pl.col("account").is_in(pl.Series(list(accounts), dtype=pl.UInt64).implode())
    dates = [date for date in home.partitions("playbacks") if first - _ONE_DAY <= date <= last + _ONE_DAY]
    rows = [frame.filter(wanted).collect() for frame in home.scan("playbacks", dates)]  # one day in memory at a time
    empty = pl.DataFrame(schema=tables.columns(tables.CheckedRows))
    repaired = playbacks.repair(pl.concat([empty, *rows]), settings)
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
