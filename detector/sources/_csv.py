"""Text files with columns under a line of names."""

import csv
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from detector.errors import InputError
from detector.sources._format import head

_SEPARATORS = ",;\t|"
_NULLS = ["\\N", "NULL", "null"]  # as databases write it: as an id it would be one device of everybody's


@dataclass(frozen=True)
class Header:
    """Column names, as they stand but for blanks around them, and what separates them."""

    separator: str
    names: tuple[str, ...]


def header(path: Path) -> Header | None:
    """What the first line of the file says; None where it is not text or holds no separator."""
    first = head(path).split(line_end(path), 1)[0]
    if b"\0" in first:
        return None
    line = first.decode("utf-8", "replace")
    return max((Header(s, fields(line, s)) for s in _SEPARATORS if s in line), key=lambda h: len(h.names), default=None)


def scan(path: Path) -> pl.LazyFrame:
    """All columns as text, under their names as they stand; blank lines are no rows, and what databases write for null
    is null.

    Raises:
        InputError: there is no line of column names.
    """
    first = header(path)
    if first is None:
        raise InputError(f"expected a line of column names in {path}, found none; is it CSV, and not compressed?")
    frame = pl.scan_csv(
        path,
        separator=first.separator,
        eol_char=line_end(path).decode(),
        null_values=_NULLS,
        infer_schema=False,
        encoding="utf8-lossy",
        truncate_ragged_lines=True,
        glob=False,
    )
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def line_end(path: Path) -> bytes:
    """What ends a line: what UNIX and Windows do, or an old Macintosh."""
    return b"\r" if b"\n" not in (opening := head(path)) and b"\r" in opening else b"\n"


def fields(line: str, separator: str) -> tuple[str, ...]:
    """The fields of one line, quotes and blanks around them gone; none where the line cannot be taken apart.

    >>> fields('a, "b ""c"", d"\\r', ",")
    ('a', 'b "c", d')
    """
    try:
        rows = list(csv.reader([line.strip("\r\n")], delimiter=separator, skipinitialspace=True))
    except csv.Error:
        return ()
    return tuple(field.strip() for field in rows[0]) if rows else ()
