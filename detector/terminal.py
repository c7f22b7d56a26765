"""What people see in a terminal: tables, plain data, and progress."""

import datetime as dt
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl

_WHAT = {
    "ingest": "taking in files",
    "digest": "digesting days",
    "features": "computing features",
    "invent": "inventing a service to compare with",
    "fit": "fitting",
    "score": "scoring",
    "compare": "comparing on past nights",
    "publish": "publishing",
}


def table(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Rows as aligned text, numbers to the right; a null is a dash.

    >>> print(table([{"a": "x", "n": 2.5}, {"a": None, "n": 10}], ["a", "n"]))
    a    n
    x  2.5
    -   10
    """
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    right = [any(isinstance(row.get(column), (int, float)) for row in rows) for column in columns]
    lines = []
    for line in [list(columns), *cells]:
        padded = (text.rjust(w) if r else text.ljust(w) for text, w, r in zip(line, widths, right, strict=True))
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return printable(str(value))


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "account"), counted(0, "account")
    ('1 account', '0 accounts')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """One line of text as it may reach a terminal: a title or a note is a stranger's text, and what of it is not
    printable (control characters, escapes, hidden marks, line breaks) becomes a replacement sign.

    >>> printable("a" + chr(27) + "[2Jb")
    'a\N{REPLACEMENT CHARACTER}[2Jb'
    """
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def wrapped(text: str, lead: str = "") -> str:
    """Text in lines of at most 80 columns, the first after `lead`, the others as far in.

    >>> print(wrapped("so many words " * 7, "  - "))
      - so many words so many words so many words so many words so many words so
        many words so many words
    """
    return textwrap.fill(text, 80, initial_indent=lead, subsequent_indent=" " * len(lead))


def as_json(value: Any) -> str:
    """Plain data as JSON: dates in ISO 8601, frames as a list of rows. What is not printable stands escaped."""
    if isinstance(value, pl.DataFrame):
        value = value.to_dicts()
    text = json.dumps(value, default=_plain, indent=1, ensure_ascii=False, allow_nan=False)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def _plain(value: object) -> str:
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    raise TypeError(type(value).__name__)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on a terminal, a line for each finished step elsewhere; on standard error, so that results can be piped."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, of: int) -> None:
            if what not in tasks or (done == 0 and bars.tasks[tasks[what]].finished):
                tasks[what] = bars.add_task(_WHAT.get(what, what), total=of)
            bars.update(tasks[what], completed=done, total=of)

        yield show


def _line(what: str, done: int, of: int) -> None:
    if done == of and of:
        print(f"{_WHAT.get(what, what)}: {of} of {of}", file=sys.stderr, flush=True)
