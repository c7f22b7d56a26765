"""What is read back of account-days: the window and the year of a night, and the playbacks and names behind them."""

import datetime as dt
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType

import dataframely as dy
import polars as pl

from detector import (
    config,
    corrections,
    days,
    identity,
    neighbours,
    playbacks,
    repairing,
    spans,
    store,
    suppressing,
    tables,
)
from detector.digesting import DAYS, MONTHS, month_of
from detector.features import Window
from detector.store import Store

_ONE_DAY = dt.timedelta(days=1)
_BUCKET_ROWS = 500_000  # account-days that are worked on at once
_PARTS: dict[str, type[dy.Schema]] = {
    **days.TABLES,
    "accounts": tables.Spans,
    "devices": tables.SpanDevices,
    "lines": tables.SpanLines,
    "profiles": tables.SpanProfiles,
}
# What is read of the days of the window.
_ACCOUNT_DAYS = [name for name in tables.columns(tables.AccountDays) if not name.startswith("last_")]
_TITLES = ["account", "day", "title", "plays", "views", "seconds", "first_minute", "device", "other_device"]
_VISITS = [
    "account",
    "day",
    "profile",
    "device",
    "address",
    "network",
    "network_kind",
    "country",
    "region",
    "plays",
    "utc_hours",
]
_U64 = 2**64
_NOTHING: Mapping[str, pl.DataFrame] = MappingProxyType({})


@dataclass(frozen=True)
class Look:
    """The partitions that one night looks at: the days of its window, the whole months of its year, and the days of
    the year that neither covers, before the first of these months and after the last."""

    window: list[dt.date]
    months: list[dt.date]
    outside: list[dt.date]


def look(home: Store, day: dt.date, settings: config.Window) -> Look:
    """What there is to look at on a night."""
    first = day - dt.timedelta(days=settings.year_days - 1)
    known = {date for date in home.partitions(DAYS) if first <= date <= day}
    months = [m for m in home.partitions(MONTHS) if m >= first and month_of(m)[-1] <= day]
    covered = {date for m in months for date in month_of(m)}
    window = [date for date in sorted(known) if date > day - dt.timedelta(days=settings.days)]
    return Look(window, months, sorted(known - covered - set(window)))


def digest_of(home: Store, looked: Look) -> str:
    """Stands for everything that a night's features are made of."""
    by_day = [*looked.window, *looked.outside]
    parts = [part.sha256 for date in by_day for part in home.parts(DAYS, date).values()]
    parts += [part.sha256 for month in looked.months for part in home.parts(MONTHS, month).values()]
    return store.digest_of(parts)


def meet(
    home: Store, day: dt.date, settings: config.Window, *, out: Mapping[str, pl.DataFrame] = _NOTHING
) -> neighbours.Neighbours:
    """What the accounts of a night's window have in common, but for what is left `out` (`suppressing.left_out`)."""
    window = look(home, day, settings).window
    visits, titles = (pl.concat(_scan(home, DAYS, window, name, None)) for name in ("visits", "titles"))
    return neighbours.meet(suppressing.without(visits, out), titles)


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
    read = _Reader(home, day, settings, met)
    rows = sum(home.parts(DAYS, date)["account_days.parquet"].rows for date in read.looked.window)
    count = max(1, -(-rows // bucket_rows))

    def bucket(number: int) -> Window:
        return read.window(
            (pl.col("account") >= pl.lit(number * _U64 // count, pl.UInt64))
            & (pl.col("account") <= pl.lit((number + 1) * _U64 // count - 1, pl.UInt64))
        )

    with ThreadPoolExecutor(1) as ahead:  # one bucket is read while the one before it is worked on
        following = ahead.submit(bucket, 0)
        for number in range(count):
            window = following.result()
            if number + 1 < count:
                following = ahead.submit(bucket, number + 1)
            yield window


def window_without(
    home: Store,
    day: dt.date,
    settings: config.Settings,
    *,
    met: neighbours.Neighbours,
    out: Mapping[str, pl.DataFrame],
) -> Window:
    """The window of a night for the accounts of which something is left `out` (`suppressing.left_out`), as if those
    playbacks had never been: their days are digested anew. Of before the window their plays stay, and with them a
    streak that had ended by then; one that reached into the window and is shorter without them is what is left of it.
    """
    accounts = suppressing.whose(out)
    mine = pl.col("account").is_in(accounts.implode())
    read = _Reader(home, day, settings.window, met)
    first = min(read.looked.window, default=day)
    whole = [first + n * _ONE_DAY for n in range((day - first).days + 1)]
    of_all = repairing.scanner(home, corrections.replaced(home))

    def scan(date: dt.date, name: str) -> pl.LazyFrame:
        return suppressing.without(of_all(date, name).filter(mine), out)

    parts = functools.partial(home.parts, "playbacks")
    repaired = repairing.repaired(whole, parts, scan, settings).playbacks
    before = [days_of(home, accounts, date, date) for date in (first - 2 * _ONE_DAY, first - _ONE_DAY)]
    seen, alone = (_together(days.digest(repaired, earlier, whole)) for earlier in (before, []))
    window = read.window(mine, seen)
    by_device = {"device": out["device"]} if "device" in out else {}
    year = spans.Span(
        _shortened(window.year.accounts, *(one.account_days for one in (read.seen(mine), seen, alone))),
        suppressing.without(window.year.devices.lazy(), by_device).collect(),
        suppressing.without(window.year.lines.lazy(), out).collect(),
        suppressing.without(window.year.profiles.lazy(), by_device).collect(),
    )
    return replace(window, year=year)


def _together(digested: Sequence[days.Day]) -> days.Day:
    """Days of the window as it holds them."""
    named = {"account_days": _ACCOUNT_DAYS, "titles": _TITLES, "visits": _VISITS}
    return days.Day(
        **{
            name: pl.concat(getattr(one, name) for one in (days.Day.empty(), *digested)).select(columns)
            for name, columns in named.items()
        }
    )


def _shortened(
    accounts: pl.DataFrame, stored: pl.DataFrame, without: pl.DataFrame, alone: pl.DataFrame
) -> pl.DataFrame:
    """The year's accounts. The streaks of those whose longest is in the window, and is shorter there `without` what is
    left out than in the `stored` days, are what is left of it in the window `alone`, as if nothing had been before."""
    for suffix, account_days in (("_stored", stored), ("_without", without), ("_alone", alone)):
        longest = account_days.group_by("account").agg(pl.col(days.STREAKS).max())
        accounts = accounts.join(longest, on="account", how="left", suffix=suffix, maintain_order="left")
    # One that is longer than any in the window ended before it.
    in_window = {name: pl.col(name) <= pl.col(f"{name}_stored") for name in days.STREAKS}
    shorter = {
        name: in_window[name] & (pl.col(f"{name}_without").fill_null(0) < pl.col(f"{name}_stored"))
        for name in days.STREAKS
    }
    left = [pl.when(shorter[name]).then(f"{name}_alone").otherwise(name).alias(name) for name in days.STREAKS]
    return accounts.with_columns(left).select(*tables.columns(tables.Spans))


class _Reader:
    """Reads the windows of a night, for any part of the accounts."""

    def __init__(self, home: Store, day: dt.date, settings: config.Window, met: neighbours.Neighbours) -> None:
        self.looked = looked = look(home, day, settings)
        self._day, self._settings, self._met = day, settings, met
        covered = {date for month in looked.months for date in month_of(month)}
        self._uncovered = pl.col("day").is_in([date for date in looked.window if date not in covered])
        scan = functools.partial(_scan, home)
        self._account_days = scan(DAYS, looked.window, "account_days", _ACCOUNT_DAYS)
        self._titles = scan(DAYS, looked.window, "titles", _TITLES)
        self._visits = scan(DAYS, looked.window, "visits", _VISITS)
        self._outside_days = scan(DAYS, looked.outside, "account_days", spans.OF_DAYS)
        self._outside_visits = scan(DAYS, looked.outside, "visits", spans.OF_VISITS)
        self._of_months = [
            scan(MONTHS, looked.months, name, None) for name in ("accounts", "devices", "lines", "profiles")
        ]

    def seen(self, mine: pl.Expr) -> days.Day:
        """The stored days of the accounts that are `mine`."""
        return days.Day(*(_rows(mine, frames) for frames in (self._account_days, self._titles, self._visits)))

    def window(self, mine: pl.Expr, seen: days.Day | None = None) -> Window:
        """The window of the accounts that are `mine`; `seen` are their days where they are not those stored."""
        part = functools.partial(_rows, mine)
        seen = seen or self.seen(mine)
        # What no whole month of the year holds yet is told apart from what one does.
        new, known = (spans.by_context(seen.visits.filter(on)) for on in (self._uncovered, ~self._uncovered))
        outside = spans.by_context(part(self._outside_visits))
        new_days = seen.account_days.filter(self._uncovered).select(spans.OF_DAYS)
        year = spans.fold(
            pl.concat([part(self._outside_days), new_days]).lazy(),
            pl.concat([outside, new.select(outside.columns)]).lazy(),
            spans.Span(*(part(of_month) for of_month in self._of_months)),
        )
        contexts = pl.concat([known, new])
        return Window.of(seen, contexts, year, self._met, day=self._day, length_days=self._settings.days)


def _scan(
    home: Store, table: str, dates: Sequence[dt.date], name: str, columns: Sequence[str] | None
) -> list[pl.LazyFrame]:
    """Some columns of one part of each date, after an empty one, so that there always is one.

    What is not known of a date is null: one published long ago may have been digested before a column was known.
    """
    empty = pl.LazyFrame(schema=tables.columns(_PARTS[name]))
    stored = (tables.shape(frame, _PARTS[name]) for frame in home.scan(table, dates, f"{name}.parquet"))
    return [frame.select(columns or pl.all()) for frame in (empty, *stored)]


def _rows(mine: pl.Expr, frames: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    return pl.concat(frames).filter(mine).collect()


def days_of(home: Store, accounts: Iterable[int], first: dt.date, last: dt.date) -> days.Day:
    """The account-days of some accounts, and what they are made up of, on the local days from `first` to `last`."""
    dates = [date for date in home.partitions(DAYS) if first <= date <= last]
    mine = pl.col("account").is_in(pl.Series(list(accounts), dtype=pl.UInt64).implode())
    return days.Day(*(_rows(mine, _scan(home, DAYS, dates, name, None)) for name in days.TABLES))


def account_days_of(home: Store, accounts: Iterable[int], first: dt.date, last: dt.date) -> pl.DataFrame:
    """The rows of `days_of` that are one for each account and day (`tables.AccountDays`), far fewer to read."""
    dates = [date for date in home.partitions(DAYS) if first <= date <= last]
    mine = pl.col("account").is_in(pl.Series(list(accounts), dtype=pl.UInt64).implode())
    return _rows(mine, _scan(home, DAYS, dates, "account_days", None))


def playbacks_of(
    home: Store, accounts: Iterable[int], first: dt.date, last: dt.date, settings: config.Playbacks
) -> pl.DataFrame:
    """Repaired playbacks (`tables.Playbacks`) of some accounts on the local days from `first` to `last`."""
    repaired = playbacks.repair(_stored(home, accounts, first, last), settings)
    return repaired.playbacks.filter(pl.col("day").is_between(first, last))


def _stored(home: Store, accounts: Iterable[int], first: dt.date, last: dt.date) -> pl.DataFrame:
    """The checked rows of some accounts around these local days."""
    wanted = pl.col("account").is_in(pl.Series(list(accounts), dtype=pl.UInt64).implode())
    dates = [date for date in home.partitions("playbacks") if first - _ONE_DAY <= date <= last + _ONE_DAY]
    rows = [frame.filter(wanted).collect() for frame in corrections.playbacks(home, dates)]  # one part in memory
    return pl.concat([pl.DataFrame(schema=tables.columns(tables.CheckedRows)), *rows])


def names_of(
    home: Store, keys: identity.Keys, first: dt.date, last: dt.date, *, ids: pl.Series | None = None
) -> pl.DataFrame:
    """Who and what stood in the log in these days: `kind` (account or title), `id`, `name`; of some `ids` alone where
    they are given. For audited acts only."""
    wanted = pl.lit(True) if ids is None else pl.col("id").is_in(ids.implode())
    opened = [
        identity.unseal(home.read_bytes("sealed", date, name), keys).filter(wanted)
        for date in home.partitions("sealed")
        if first - _ONE_DAY <= date <= last + _ONE_DAY
        for name in home.parts("sealed", date)
    ]
    empty = pl.DataFrame(schema={"kind": pl.String, "id": pl.UInt64, "name": pl.String})
    return pl.concat([empty, *(names.select("kind", "id", "name") for names in opened)]).unique(
        ["kind", "id"], keep="first", maintain_order=True
    )
