"""Columns of text → values of this project, for formats whose every column is read as text.

Each function takes the name of a column, or several, and gives an expression. What cannot be read becomes null.
"""

import polars as pl

from detector import tables
from detector.sources import _values as values

_TEXT = pl.String()
_TRUE = ("1", "t", "true", "yes", "y")
_SKIPPED_BACK_S = 60
_NOWHERE = ("ZZ", "XX", "T1")  # unknown, unknown, and Tor
_BRACKETED_IP = r"^\[([0-9A-Fa-f:.]+)\]"
_IPV4_AND_PORT = r"^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$"


def raw_rows(table: pl.LazyFrame, *, keep: pl.Expr | None = None, **columns: pl.Expr) -> pl.LazyFrame:
    """Rows of a table of text in the columns of `tables.RawRows`; `row` counts those that are not kept as well."""
    numbered = table.with_row_index("row", offset=1)
    kept = numbered if keep is None else numbered.filter(keep)
    return tables.shape(kept.select("row", **columns), tables.RawRows)


def text(*names: str) -> pl.Expr:
    """The first of the columns that is not blank."""
    return pl.coalesce(values.text(pl.col(name), _TEXT) for name in names)


def joined(separator: str, *names: str) -> pl.Expr:
    """The columns that are not blank, one after the other; null where all are."""
    together = pl.concat_str(*(text(name) for name in names), separator=separator, ignore_nulls=True)
    return pl.when(together != "").then(together)


def number(name: str) -> pl.Expr:
    """A finite number."""
    read = values.number(pl.col(name), _TEXT)
    return pl.when(read.is_finite()).then(read)


def whole(name: str) -> pl.Expr:
    """A number rounded down."""
    return values.whole(pl.col(name), _TEXT)


def is_set(name: str) -> pl.Expr:
    """Whether the column says yes; false where it says nothing."""
    return text(name).str.strip_chars().str.to_lowercase().is_in(_TRUE).fill_null(False)


def instant(name: str, zone: str = "") -> pl.Expr:
    """A moment. One written without an offset is on the clock of `zone`, where that is given; else it is UTC.

    Of the two moments that a clock shows twice when summer ends the earlier is taken; one that it never shows is null.
    """
    moment = values.instant(pl.col(name), _TEXT)
    if not zone:
        return moment
    on_the_clock = moment.dt.replace_time_zone(None).dt.replace_time_zone(
        zone, ambiguous="earliest", non_existent="null"
    )
    bare = pl.col(name).str.contains(r"^\s*\d{4}-\d{2}-\d{2}[T ][\d:.]+\s*$")
    return pl.when(bare).then(on_the_clock.dt.convert_time_zone("UTC")).otherwise(moment)


def ended(started_at: pl.Expr, seconds: pl.Expr, *said_by: str) -> pl.Expr:
    """When it ended, by how long it lasted.

    Null where none of the columns `said_by` holds anything; where they do and it cannot be read, it ended a second
    before it began, so that the rules reject the row rather than take it for a view known by its start only.
    """
    said = pl.any_horizontal(values.there(pl.col(name), _TEXT) for name in said_by)
    return pl.when(said).then(pl.coalesce(started_at + values.span(seconds), started_at - pl.duration(seconds=1)))


def began(position_end_s: pl.Expr, seconds: pl.Expr) -> pl.Expr:
    """Where in the title a stretch began that ended at a position and lasted so long, in whole seconds.

    An end up to a minute before that comes of skipping a little back, and the stretch began at 0; further back
    somebody wound back, and nothing is known.
    """
    position = position_end_s - seconds
    return pl.when(position >= -_SKIPPED_BACK_S).then(position.clip(lower_bound=0).floor().cast(pl.Int64))


def ip(*names: str) -> pl.Expr:
    """The first IP that stands, without the port, the brackets and the zone that some servers write around it."""
    written = text(*names).str.strip_chars()
    bare = pl.coalesce(written.str.extract(_BRACKETED_IP), written.str.extract(_IPV4_AND_PORT), written)
    return bare.str.replace("%.*$", "")


def country(name: str) -> pl.Expr:
    """A code of ISO 3166-1 in upper case; null for names, and for codes of no country."""
    code = text(name).str.strip_chars().str.to_uppercase()
    return somewhere(pl.when(code.str.contains("^[A-Z]{2}$")).then(code))


def somewhere(code: pl.Expr) -> pl.Expr:
    """The code of a country; null for those that stand for none."""
    return pl.when(~code.is_in(_NOWHERE)).then(code)


def kind(name: str, kinds: dict[str, str]) -> pl.Expr:
    """One of `tables.TITLE_KINDS` for the format's own word, whatever its case; null for other words."""
    return text(name).str.strip_chars().str.to_lowercase().replace_strict(kinds, default=None, return_dtype=pl.String)
