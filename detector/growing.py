"""Logs that grow: all that was logged so far comes as a copy every night, and only what is new of it is stored."""

import datetime as dt
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from detector import corrections, playbacks
from detector.store import Part, Store

# By either of these a playback is known of which a later copy says more: a log's own key may not be there, and where
# it is, the log may have moved the start.
_SAME = (["account", "playback"], ["account", "profile", "device", "title", "started_at"])
_LASTED = pl.col("ended_at") - pl.col("started_at")


@dataclass(frozen=True, eq=False)
class Copy:
    """One copy of a log: the digest of its bytes, its format, and its checked `rows`."""

    content: str
    format: str
    rows: pl.DataFrame

    @functools.cached_property
    def by_date(self) -> dict[dt.date, pl.DataFrame]:
        """Its rows by UTC date."""
        return playbacks.by_utc_date(self.rows)


def new_rows(copy: Copy, into: Store) -> pl.DataFrame:
    """The rows that no other file has brought, or brought later: of a playback that was at work when a copy was made,
    the one that lasts longest counts.

    A database or an export that holds all that was logged so far, taken in every night, would else be stored again
    every night, and every day of it would look as if later rows had come for it. Where a row was taken to be is no
    difference: see `playbacks.repair`.
    """
    left, unsaid = dict(copy.by_date), [copy.rows.clear()]
    for date, part in _other_parts(copy.by_date, copy, into):
        [brought] = into.read("playbacks", [date], part.name, copy.rows.columns)
        if date in left:
            left[date] = _without(left[date], brought)
        if part.notes.get("format") == copy.format:
            unsaid.append(_without(brought, copy.by_date.get(date, brought.clear())))
    rows = pl.concat([copy.rows.clear(), *left.values()])
    said_otherwise = pl.concat(unsaid)
    for same in _SAME:
        longest = said_otherwise.group_by(same).agg(longest=_LASTED.max())
        known = rows.join(longest, on=same, how="left", nulls_equal=True, maintain_order="left")["longest"]
        rows = rows.filter((known <= rows.select(_LASTED).to_series()).fill_null(True))
    return rows


def supersede(new: pl.DataFrame, copy: Copy, into: Store) -> list[dt.date]:
    """Let go of what other copies of a log that grows said of playbacks of which this one says something else: the
    local day of each row that was let go."""
    let_go: list[dt.date] = []
    by_date = playbacks.by_utc_date(new)
    for date, part in _other_parts(by_date, copy, into):
        if part.notes.get("format") == copy.format:
            [rows] = into.read("playbacks", [date], part.name)
            numbered = rows.with_row_index("nth")
            unsaid = _without(numbered, copy.by_date.get(date, rows.clear()))
            near = pl.concat([new.clear(), *(by_date[day] for day in _around(date) if day in by_date)])
            gone = pl.concat([unsaid.join(near, on=same, how="semi", nulls_equal=True)["nth"] for same in _SAME])
            if gone.len():
                is_gone = pl.col("nth").is_in(gone.implode())
                let_go += numbered.filter(is_gone)["day"].to_list()
                kept = numbered.filter(~is_gone).drop("nth")
                into.put("playbacks", date, {part.name: kept}, part.notes)
    return let_go


def _without(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The rows of which none of the others says the same."""
    said = [name for name in others.columns if name not in playbacks.LOOKED_UP]
    return rows.join(others, on=said, how="anti", nulls_equal=True, maintain_order="left")


def _around(date: dt.date) -> tuple[dt.date, ...]:
    """A date and those on which a playback may stand that a log has moved from there, or there."""
    return date - dt.timedelta(days=1), date, date + dt.timedelta(days=1)


def _other_parts(dates: Iterable[dt.date], copy: Copy, into: Store) -> Iterator[tuple[dt.date, Part]]:
    """The stored parts of other files on some UTC dates and around; what replaced a day stands for itself."""
    for date in sorted({near for of_rows in dates for near in _around(of_rows)}):
        for part in into.parts("playbacks", date).values():
            if part.name != corrections.part_of(copy.content) and not corrections.replaces(part.name):
                yield date, part
