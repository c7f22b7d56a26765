"""Databases of other programs are read as they stand, and nothing is written to them."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from log_samples import VIEWED, database

from detector import sources
from detector.errors import BusyError, InputError
from detector.sources import Options


def titles(path: Path) -> list[str | None]:
    name, rows = sources.read(path, options=Options())
    assert name == "plex"
    return rows.collect()["title_name"].to_list()


@pytest.mark.parametrize("wal", [False, True])
def test_reading_leaves_the_folder_as_it_was(wal: bool, tmp_path: Path) -> None:
    """Neither the bytes of the database nor the files beside it change, in either mode of its journal."""
    path = database(tmp_path / "a database?#%.db", {"metadata_item_views": [VIEWED]}, wal=wal)
    before = path.read_bytes()
    path.chmod(0o444)
    assert titles(path) == ["Secret Title"]
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_rows_that_stand_in_the_log_beside_a_database_in_use_are_read(tmp_path: Path) -> None:
    """A program that keeps its database open has its newest rows in the -wal file; they are seen, also where SQLite can
    not make its index of them beside it, as in a folder in which nothing may be written."""
    path = database(tmp_path / "used.db", {"metadata_item_views": [VIEWED]}, wal=True)
    writer = sqlite3.connect(path)
    writer.execute("UPDATE metadata_item_views SET title = 'Later'")
    writer.commit()
    assert path.with_name("used.db-wal").stat().st_size > 0
    try:
        assert titles(path) == ["Later"]
        copied = tmp_path / "copy"
        shutil.copytree(tmp_path, copied, ignore=shutil.ignore_patterns("copy", "*-shm"))
        assert titles(copied / "used.db") == ["Later"]
        for index in copied.glob("*-shm"):
            index.unlink()
        (copied / "used.db-shm").mkdir()  # no file of that name can be made
        assert titles(copied / "used.db") == ["Later"]
    finally:
        writer.close()


@pytest.mark.parametrize("format", ["auto", "plex"])
def test_a_locked_database_is_worth_another_try(format: str, tmp_path: Path) -> None:
    """Another program that writes just now makes it busy (exit code 75), not damaged."""
    path = database(tmp_path / "locked.db", {"metadata_item_views": [VIEWED]})
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(BusyError, match="locked by another program"):
            sources.read(path, format=format, options=Options())
    finally:
        writer.close()


def test_text_that_is_not_utf8_is_read_with_replacements(tmp_path: Path) -> None:
    """A name in another encoding costs its odd letters only."""
    path = database(tmp_path / "latin.db", {"metadata_item_views": [VIEWED | {"title": None}]})
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE metadata_item_views SET title = CAST(x'4a6f73e9' AS TEXT)")
    connection.close()
    assert titles(path) == ["Jos\ufffd"]


def test_a_table_without_its_columns_says_which(tmp_path: Path) -> None:
    """Another program's table of the same name, and a database without it, are refused by what is missing."""
    other = database(tmp_path / "other.db", {"metadata_item_views": [{"title": "x"}]})
    with pytest.raises(InputError, match=r"metadata_item_views\.account_id and .* found title;"):
        sources.read(other, format="plex", options=Options())
    empty = database(tmp_path / "empty.db", {"something": [{"a": 1}]})
    with pytest.raises(InputError, match="found no such table"):
        sources.read(empty, format="plex", options=Options())
