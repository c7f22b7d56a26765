"""Case files: what a case was opened on, kept while it is open and for a while after, whatever else is let go.

A file is an account's year of account-days, and of the windows of the nights that showed it the titles, visits and
playbacks with their sealed names. The files of one night's cases lie together, one part a table, so that letting one go
is writing the others again. An account is filed anew, with what its file held already, by each night that shows its
open case.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

import dataframely as dy
import polars as pl

from detector import config, days, identity, lookback, tables
from detector.cases import Case
from detector.runs import Doors

TABLE = "case_files"
_ONE_DAY = dt.timedelta(days=1)
_TABLES: dict[str, type[dy.Schema]] = {**days.TABLES, "playbacks": tables.Playbacks}
_ONCE = {
    "account_days": ["account", "day"],
    "titles": ["account", "day", "title"],
    "visits": ["account", "day", *days.VISIT],
    "playbacks": ["account", "playback"],
    "names": ["account", "kind", "id"],
}
_NAMES = {"account": pl.UInt64, "kind": pl.String, "id": pl.UInt64, "name": pl.String}
_SEALED = "names.sealed"


@dataclass(frozen=True)
class CaseFile:
    """What is on file of some accounts, filed under the night of `day`: the account-days of the `year` up to it, with
    the titles and visits of the windows alone (`days.Day`), `playbacks` (`tables.Playbacks`), and `names` (`account,
    kind, id, name`), which are empty unless they were asked for."""

    day: dt.date
    year: days.Day
    playbacks: pl.DataFrame
    names: pl.DataFrame

    def covers(self, day: dt.date) -> bool:
        """Whether the window of the night of a day is on file: then it is read here at once, rather than day by day."""
        return self.day >= day

    def with_year(self, found: days.Day, first: dt.date, last: dt.date) -> days.Day:
        """The days that were found, and those on file between these of which none was found any more."""
        lost = pl.col("day").is_between(first, last) & ~pl.col("day").is_in(found.account_days["day"].implode())
        return days.Day(
            **{name: pl.concat([frame, getattr(self.year, name).filter(lost)]) for name, frame in vars(found).items()}
        )

    def playbacks_between(self, first: dt.date, last: dt.date) -> pl.DataFrame:
        """The playbacks of these days."""
        return self.playbacks.filter(pl.col("day").is_between(first, last)).sort("account", "started_at", "playback")

    def with_playbacks(self, found: pl.DataFrame, first: dt.date, last: dt.date) -> pl.DataFrame:
        """The playbacks that were found, and those on file of the local days of which none was found any more."""
        lost = pl.col("day").is_between(first, last) & ~pl.col("day").is_in(found["day"].implode())
        return pl.concat([found, self.playbacks.filter(lost)]).sort("account", "started_at", "playback")

    def with_names(self, found: pl.DataFrame) -> pl.DataFrame:
        """The names that were found (`kind, id, name`), and those on file."""
        every = pl.concat([found, self.names.select("kind", "id", "name")])
        return every.unique(["kind", "id"], keep="first", maintain_order=True)


def read(doors: Doors, case: Case, *, names: bool = False) -> CaseFile | None:
    """The file of a case; None where there is none. With `names` the sealed ones are opened: the caller has written
    the audit row.

    Raises:
        IntegrityError: its bytes are not those that were written.
    """
    if case.file_day is None or not doors.home.parts(TABLE, case.file_day):
        return None
    mine = pl.col("account") == int(case.account, 16)
    frames = {name: frame.filter(mine) for name, frame in _frames(doors, case.file_day, names=names).items()}
    return _file(case.file_day, frames)


def keep(doors: Doors, day: dt.date, settings: config.Settings, *, now: dt.datetime) -> int:
    """File the open cases that a published night showed, and those that have no file yet; how many they were."""
    found = doors.ledger.cases.to_file(day)
    if not found:
        return 0
    accounts = pl.Series("account", sorted(int(case.account, 16) for case in found), dtype=pl.UInt64)
    first_of_year = day - dt.timedelta(days=settings.window.year_days - 1)
    first_of_window = day - dt.timedelta(days=settings.window.days - 1)
    filed = [case.file_day for case in found if case.file_day is not None and doors.home.parts(TABLE, case.file_day)]
    unfiled = [int(case.account, 16) for case in found if case.file_day not in filed]
    # What was filed has its year already, but for what came since, and what may have been digested anew.
    since = min(filed, default=day) - dt.timedelta(days=settings.days.look_back_days)
    year = replace(
        lookback.days_of(doors.home, accounts, first_of_window, day),
        account_days=pl.concat(
            [
                lookback.account_days_of(doors.home, unfiled, first_of_year, since - _ONE_DAY),
                lookback.account_days_of(doors.home, accounts, max(since, first_of_year), day),
            ]
        ),
    )
    shown = lookback.playbacks_of(doors.home, accounts, first_of_window, day, settings.playbacks)
    doors.ledger.write_audit(
        actor="nightly", action="case files: names sealed anew", detail={"cases": len(found)}, now=now
    )
    ids = pl.concat([accounts, shown["title"].drop_nulls().unique()])
    known = lookback.names_of(doors.home, doors.keys, first_of_window, day, ids=ids)
    fresh = {**vars(year), "playbacks": shown, "names": _of_accounts(known, accounts, shown)}
    before = [day, *sorted({case.file_day for case in found if case.file_day not in (None, day)})]
    for date in before:
        if not doors.home.parts(TABLE, date):
            continue
        old = _frames(doors, date, names=True)
        mine = pl.lit(True) if date == day else pl.col("account").is_in(accounts.implode())
        fresh = {name: _once(name, [frame, old[name].filter(mine)]) for name, frame in fresh.items()}
    _put(doors, day, fresh)
    doors.ledger.cases.filed([case.id for case in found], day)
    return len(found)


def let_go(doors: Doors, *, keep_days: int, now: dt.datetime) -> int:
    """Forget the files of cases that closed so many days ago, and what lies twice; how many cases they were of.

    The file of a verdict whose contest is open stays.
    """
    filed = doors.ledger.cases.on_file()
    oldest = now - dt.timedelta(days=keep_days)
    gone = {case.id for case in filed if _is_over(case, oldest)}
    kept: dict[dt.date | None, set[int]] = {}
    for case in filed:
        if case.id not in gone:
            kept.setdefault(case.file_day, set()).add(int(case.account, 16))
    for date in doors.home.partitions(TABLE):
        (there,) = doors.home.read(TABLE, [date], "account_days.parquet", ["account"])
        if set(there["account"]) <= kept.get(date, set()):
            continue
        mine = pl.col("account").is_in(pl.Series(sorted(kept.get(date, ())), dtype=pl.UInt64).implode())
        frames = {name: frame.filter(mine) for name, frame in _frames(doors, date, names=True).items()}
        if frames["account_days"].is_empty():
            doors.home.remove(TABLE, date)
        else:
            _put(doors, date, frames)
    doors.ledger.cases.filed(sorted(gone), None)
    return len(gone)


def _is_over(case: Case, oldest: dt.datetime) -> bool:
    if case.status == "withdrawn":
        return True
    closed = case.status == "decided" and case.contest != "open"
    return closed and case.decided_at is not None and case.decided_at <= oldest


def _file(day: dt.date, frames: dict[str, pl.DataFrame]) -> CaseFile:
    return CaseFile(day, days.Day(**{name: frames[name] for name in days.TABLES}), frames["playbacks"], frames["names"])


def _frames(doors: Doors, date: dt.date, *, names: bool) -> dict[str, pl.DataFrame]:
    """By name, the tables of a night's files; what was not known yet when they were filed is null."""
    found = {
        name: tables.shape(doors.home.read(TABLE, [date], f"{name}.parquet")[0].lazy(), table).collect()
        for name, table in _TABLES.items()
    }
    sealed = doors.home.read_bytes(TABLE, date, _SEALED) if names else None
    return found | {"names": pl.DataFrame(schema=_NAMES) if sealed is None else identity.unseal(sealed, doors.keys)}


def _put(doors: Doors, date: dt.date, frames: dict[str, pl.DataFrame]) -> None:
    tables_of_it = {f"{name}.parquet": frame for name, frame in frames.items() if name != "names"}
    sealed = identity.seal(frames["names"], doors.keys)
    doors.home.put(TABLE, date, {**tables_of_it, _SEALED: sealed}, {"key_id": doors.keys.key_id})


def _once(name: str, frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all, each once: the first frame is right where they differ."""
    order = [column for column in ("account", "day", "started_at", *_ONCE[name])]
    every = pl.concat(frames).unique(_ONCE[name], keep="first", maintain_order=True)
    return every.sort(*dict.fromkeys(column for column in order if column in every.columns))


def _of_accounts(known: pl.DataFrame, accounts: pl.Series, shown: pl.DataFrame) -> pl.DataFrame:
    """The names, by the account that they are kept for."""
    own = known.filter(pl.col("kind") == "account").with_columns(account="id")
    played = shown.select("account", id="title").drop_nulls().unique()
    titles = known.filter(pl.col("kind") == "title").join(played, on="id")
    columns = list(_NAMES)
    wanted = pl.concat([own.select(columns), titles.select(columns)])
    return wanted.filter(pl.col("account").is_in(accounts.implode())).sort("account", "kind", "id")
