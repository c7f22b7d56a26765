"""What every log format is made of, and how a file is refused.

A module of this package defines one or more `Format` values; `detector.sources.FORMATS` lists them. A format turns
its rows into the columns of `tables.RawRows` and checks nothing: what it cannot read becomes null and is judged
later. It refuses only a file that cannot be read as that format at all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from detector.errors import InputError

_SHOWN_COLUMNS = 30
# A data row standing where the header should be holds a time, and so a field that begins with a digit.
_COLUMN_NAME = re.compile(r"[^\W\d][\w .()/-]{0,60}")


@dataclass(frozen=True)
class Options:
    """What the person who ingests says about files that do not say it themselves.

    `account`: name of the one account a file holds, "" where rows name it. `timezone`: IANA zone of rows without
    one, "" for none. `columns`: our name of a column → the name it has in the file.
    """

    account: str = ""
    timezone: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """One log format.

    `recognises` looks at the beginning of a file only. `read` gives rows in the columns of `tables.RawRows`, absent
    ones null, `row` being 1 for the first data row; it raises InputError, or SettingsError where an option it needs
    is missing. `suffixes` are those of the files taken from a folder.
    """

    name: str
    says: str
    suffixes: tuple[str, ...]
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Options], pl.LazyFrame]


@contextmanager
def reading(path: Path, expected: str = "a readable file") -> Iterator[None]:
    """Say in one sentence why `path` could not be read. Wrap collecting a source's rows in it as well.

    What Polars says is left out: it may quote ids.

    Raises:
        InputError: in place of what Polars or the system raised.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"expected {expected} at {path}, found: {error.strerror or 'none'}; check the path") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise InputError(
            f"expected {expected} at {path}, found something damaged, cut short or of another kind; export it again"
        ) from None


def missing_columns(path: Path, missing: Iterable[str], found: Iterable[str], remedy: str) -> InputError:
    """The refusal of a file without columns that it must have."""
    names = list(found)
    shown = ", ".join(names[:_SHOWN_COLUMNS]) + (", ..." if len(names) > _SHOWN_COLUMNS else "")
    if not names or not all(_COLUMN_NAME.fullmatch(name) for name in names if name):
        shown = "no line of column names"
    return InputError(f"expected {' and '.join(missing)} in {path}, found {shown}; {remedy}")


def head(path: Path, size: int = 65_536) -> bytes:
    """The first bytes of a file, without a byte order mark."""
    with path.open("rb") as file:
        return file.read(size).removeprefix(b"\xef\xbb\xbf")
