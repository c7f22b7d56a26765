"""SQLite databases of other programs, read and never written."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import polars as pl

from detector.errors import BusyError, InputError
from detector.sources._format import head, missing_columns
from detector.sources._values import texts

_MAGIC = b"SQLite format 3\0"
_WAL = b"\x02\x02"  # bytes 18 and 19 of a database that keeps its newest pages in a file beside it
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNINDEXED = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def columns(path: Path, table: str) -> frozenset[str]:
    """Names of the columns of a table; none where there is no such table or the file is no sound database.

    Raises:
        BusyError: another program holds the database.
    """
    if head(path, len(_MAGIC)) != _MAGIC:
        return frozenset()
    try:
        with _opened(path) as database:
            return _columns(database, table)
    except InputError:
        return frozenset()


def read(path: Path, wanted: Mapping[str, Sequence[str]], required: Sequence[str], remedy: str) -> pl.LazyFrame:
    """The wanted columns of a table, and of those whose `id` is the same, as text in the order of the first table.

    Columns that a table lacks, and all columns of a table that is not there, are null.

    Raises:
        InputError: no sound SQLite database, or the first table lacks a required column.
        BusyError: another program holds the database.
    """
    first, *others = wanted
    with _opened(path) as database:
        there = {table: _columns(database, table) for table in wanted}
        if missing := [f"{first}.{name}" for name in required if name not in there[first]]:
            raise missing_columns(path, missing, sorted(there[first]) or ["no such table"], remedy)
        names = [name for columns in wanted.values() for name in columns]
        chosen = ", ".join(
            f'"{table}"."{name}"' if name in there[table] else "NULL"
            for table, columns in wanted.items()
            for name in columns
        )
        beside = " ".join(
            f'LEFT JOIN "{t}" ON "{t}".id = "{first}".id' for t in others if "id" in there[t] & there[first]
        )
        rows = database.execute(f'SELECT {chosen} FROM "{first}" {beside} ORDER BY "{first}".rowid')
        return texts(rows, names)


def _columns(database: sqlite3.Connection, table: str) -> frozenset[str]:
    return frozenset(name for (name,) in database.execute("SELECT name FROM pragma_table_info(?)", [table]))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, which nothing is written to.

    One that keeps its newest pages in a file beside it (WAL) and has none there is not in use: it is taken as it
    stands, for SQLite would make that file anew. Where there is one, SQLite may leave its index (`-shm`) there as well;
    where that can not be made, as where nothing may be written, a copy of both is read.
    """
    if head(path, len(_MAGIC)) != _MAGIC:
        raise InputError(f"expected a SQLite database in {path}, found another kind of file; check the path")
    newest = path.with_name(f"{path.name}-wal")
    alone = head(path, 20)[18:] == _WAL and not newest.exists()
    try:
        with ExitStack() as kept:
            try:
                database = kept.enter_context(_connected(path, alone=alone))
            except sqlite3.OperationalError as error:
                if alone or not newest.exists() or error.sqlite_errorcode & 0xFF not in _UNINDEXED:
                    raise
                folder = Path(kept.enter_context(tempfile.TemporaryDirectory()))
                for file in (path, newest):
                    shutil.copyfile(file, folder / file.name)
                database = kept.enter_context(_connected(folder / path.name, alone=False))
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # What SQLite says is left out: it may quote what stands in the file, and need not even be text.
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY:
            raise BusyError(
                f"expected {path} to be free for reading, found it locked by another program; try again, or copy it"
            ) from None
        raise InputError(
            f"expected a sound SQLite database in {path}, found a damaged one or one cut short; copy it again"
        ) from None


@contextmanager
def _connected(path: Path, *, alone: bool) -> Iterator[sqlite3.Connection]:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro" + ("&immutable=1" if alone else "")
    with closing(sqlite3.connect(uri, uri=True)) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "replace")
        database.execute("PRAGMA schema_version")  # it is opened with the first word to it
        yield database
