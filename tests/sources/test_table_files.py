"""Files of the playback table: lines, separators, what is torn; Parquet, CSV and NDJSON."""

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest

from detector import sources, tables
from detector.errors import InputError
from detector.sources import Options

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
ROW = {"account_id": "a", "title_id": "t", "device_id": "d", "started_at": "2024-05-01T12:00:00Z"}


def read(path: Path, **options: Any) -> pl.DataFrame:
    return sources.read(path, options=Options(**options))[1].collect()


def read_text(folder: Path, text: str | bytes, name: str = "log.csv", **options: Any) -> pl.DataFrame:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(folder / name, **options)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_zero_rows_are_read_as_zero_rows(kind: str, tmp_path: Path) -> None:
    """A file with columns and no rows is no error."""
    frame = pl.DataFrame(schema=dict.fromkeys(ROW, pl.String))
    frame.write_parquet(tmp_path / "log.parquet") if kind == "parquet" else frame.write_csv(tmp_path / "log.csv")
    rows = read(tmp_path / f"log.{kind}")
    assert rows.height == 0
    assert rows.schema == pl.Schema(tables.columns(tables.RawRows))


@pytest.mark.parametrize("written", ["\\N", "NULL", "null"])
def test_what_databases_write_for_null_is_null(written: str, tmp_path: Path) -> None:
    """Else everybody would share a device of that name."""
    path = log_samples.write(tmp_path, "csv", "csv", {"device_id": written})
    assert read(path)["device_id"].to_list() == [None]


def test_an_old_macintosh_ends_lines_its_own_way(tmp_path: Path) -> None:
    """By a carriage return alone."""
    path = log_samples.write(tmp_path, "csv", "csv", {}, {})
    expected = read(path)
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\r"))
    assert read(path).equals(expected)
    assert expected.height == 2


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separator_is_found(separator: str, tmp_path: Path) -> None:
    """Comma, semicolon, tab and bar separate; a separator inside quotes does not."""
    line = separator.join(["account_id", "title_name", "title_id", "started_at"])
    row = separator.join(["a", f'"one{separator} ""two"""', "t", "1714564800"])
    rows = read_text(tmp_path, f"{line}\n{row}\n", name="log.tsv")
    assert rows.select("title_name", "started_at").row(0) == (f'one{separator} "two"', NOON)


def test_csv_with_mark_crlf_blank_and_ragged_lines(tmp_path: Path) -> None:
    """A byte order mark, CRLF, padded names, blank lines, short and long lines and bad bytes do not stop the file."""
    text = b'\xef\xbb\xbf"account_id", title_id ,started_at\r\na,t,0\r\n\r\nb\r\nc,t,0,extra,cells\r\n\xff,t,0'
    rows = read_text(tmp_path, text)
    assert rows["account_id"].to_list() == ["a", "b", "c", "\ufffd"]
    assert rows["started_at"].is_null().to_list() == [False, True, False, False]
    assert rows["row"].to_list() == [1, 2, 3, 4]


def test_ndjson_takes_values_of_mixed_kind_and_late_keys(tmp_path: Path) -> None:
    """A key may hold numbers here and text there, and may appear long after the first line."""
    first = '{"account_id":1,"title_id":"t","started_at":1714564800}\n'
    late = '{"started_at":"2024-05-01T12:00:00Z","profile_id":"p","account_id":"x","title_id":[1,2],"duration_s":1.5}\n'
    rows = read_text(tmp_path, first * 3000 + late, name="log.ndjson")
    assert rows["started_at"].unique().to_list() == [NOON]
    assert rows.row(-1, named=True)["title_id"] == "[1,2]"
    assert rows.row(-1, named=True)["ended_at"] == NOON + dt.timedelta(seconds=1.5)
    assert rows["profile_id"].drop_nulls().to_list() == ["p"]
    assert rows["account_id"].unique().sort().to_list() == ["1", "x"]


@pytest.mark.parametrize(
    "bad", ['{"account_id": "b", "st', "null", "[1]", '{"account_id":NaN}', "text", '{"a":1}}', "{}"]
)
def test_a_bad_ndjson_line_costs_that_line_only(bad: str, tmp_path: Path) -> None:
    """A torn or senseless line is a row of nulls with its own number; a blank line is none."""
    good = json.dumps(ROW)
    rows = read_text(tmp_path, f"\ufeff{good}\r\n\n{bad}\n  \n{good}\n{bad}", name="log.jsonl")
    assert rows["account_id"].to_list() == ["a", None, "a", None]
    assert rows["row"].to_list() == [1, 2, 3, 4]


def test_ndjson_mutated_at_random_is_read_or_refused(tmp_path: Path) -> None:
    """Lines damaged in any place never stop the lines around them."""
    chance = random.Random(1)
    good = json.dumps(ROW | {"region": "\u00e9\U0001f989", "city": ["x", {"account_id": [1]}]})
    lines = [good]
    for _ in range(3000):
        line = list(good)
        for _ in range(chance.randint(1, 3)):
            line[chance.randrange(len(line))] = chance.choice('{}[]",:\\0123456789eE+-.tfnu \x07')
        lines += ["".join(line), good]
    rows = read_text(tmp_path, "\n".join(lines), name="log.ndjson")
    untouched = rows.filter(pl.int_range(pl.len()) % 2 == 0)
    assert rows.height == len(lines)
    assert untouched.drop("row").n_unique() == 1
    assert untouched.row(0, named=True)["account_id"] == "a"


def test_torn_parquet_is_refused(tmp_path: Path) -> None:
    """A Parquet file cut short anywhere is an InputError, not a crash and not fewer rows."""
    path = tmp_path / "log.parquet"
    pl.DataFrame([ROW | {"playback_id": str(i)} for i in range(500)]).write_parquet(path)
    whole = path.read_bytes()
    for kept in (4, 5, 12, len(whole) // 2, len(whole) - 9, len(whole) - 4, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(InputError, match="damaged"):
            read(path)


def test_flipped_bits_in_parquet_are_refused_or_unseen(tmp_path: Path) -> None:
    """Damage inside a Parquet file surfaces as an InputError within `reading`, or not at all: never as a crash."""
    path = tmp_path / "log.parquet"
    pl.DataFrame([ROW | {"playback_id": str(i)} for i in range(500)]).write_parquet(path)
    whole, chance, refused = path.read_bytes(), random.Random(2), 0
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            with sources.reading(path):
                read(path)
        except InputError:
            refused += 1
    assert refused > 0
