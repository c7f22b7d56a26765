"""Taking odd files in: strange names, damaged receipts, columns that stand twice, values that mean nothing."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import log_samples
import polars as pl
import pytest
from commands import detector, refused

from detector import receipts
from detector.store import Store

INGESTED: dict[str, object] = {
    "file": "f", "format": "csv", "rows": 1, "rejected_rows": 0, "rejects": {}, "first_date": None, "last_date": None
}  # fmt: skip
NOT_ASKED = json.dumps({"ingested": INGESTED, "dates": []}).encode()


def test_a_file_whose_name_is_no_text_is_left_out(tmp_path: Path) -> None:
    """Its name can not be kept; the file beside it is taken in."""
    log = tmp_path / "log"
    log.mkdir()
    log_samples.write(log, "csv", "csv").rename(log / "good.csv")
    shutil.copy(log / "good.csv", log / os.fsdecode(b"caf\xe9.csv"))
    code, out, err = detector("ingest", "log", cwd=tmp_path)
    assert code == 4
    assert "1 playback taken in" in out
    assert "caf\\xe9.csv; rename it" in err


@pytest.mark.parametrize(
    "damage", [b"[1]", b"{}", b'{"asked": 1}', b'{"begun": true}', b"\xff", NOT_ASKED], ids=range(6)
)
def test_a_damaged_receipt_costs_reading_the_file_again(tmp_path: Path, damage: bytes) -> None:
    """`verify` names it; the file again is as if it had not been read, and nothing counts twice."""
    log_samples.write(tmp_path, "csv", "csv")
    (name,) = tmp_path.glob("*.csv")
    assert detector("ingest", name, cwd=tmp_path)[0] == 0
    (receipt,) = tmp_path.glob("detector-home/receipts/*.json")
    receipt.write_bytes(damage)
    code, _, err = detector("verify", cwd=tmp_path)
    assert code == 5
    assert f"{receipt.name}, found other bytes" in err
    assert detector("ingest", name, cwd=tmp_path)[0] == 0
    assert detector("verify", cwd=tmp_path)[0] == 0
    home = Store(tmp_path / "detector-home")
    assert (
        sum(part.rows for date in home.partitions("playbacks") for part in home.parts("playbacks", date).values()) == 1
    )


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    """Which of the two is meant, nobody can tell."""
    (tmp_path / "log.csv").write_text("account_id,title_id,started_at,title_id\na,t,2025-06-01T20:00:00Z,u\n")
    refused("ingest", "log.csv", cwd=tmp_path, code=4, saying="expected one column title_id")
    row = {"account_id": ["a"], "title_id": ["t"], " title_id": ["u"], "started_at": ["2025-06-01T20:00:00Z"]}
    pl.DataFrame(row).write_parquet(tmp_path / "log.parquet")
    refused("ingest", "log.parquet", cwd=tmp_path, code=4, saying="expected one column title_id")


def test_times_without_an_offset_and_ips_that_are_none_are_told(tmp_path: Path) -> None:
    """They are taken as UTC, whatever `--timezone` says of the days, and as no address; both are said."""
    rows = [
        {"account_id": "a", "title_id": "t", "ip": ip, "started_at": start}
        for ip, start in (
            ("203.0.113.7", "2025-06-01 23:30:00"), (None, "2025-06-03 20:00:00"), ("5f4dcc3b", "2025-06-02T20:00:00Z"),
        )
    ]  # fmt: skip
    log_samples.as_csv(tmp_path / "log.csv", rows)
    code, out, err = detector("ingest", "log.csv", "--timezone", "America/New_York", cwd=tmp_path)
    assert code == 0
    assert "2 rows with a start without an offset from UTC" in out + err
    assert "1 row with an ip that is no IPv4 or IPv6 address" in out + err
    naive = pl.col("started_at").str.slice(0, 19).str.to_datetime()
    pl.DataFrame(rows).drop("ip").with_columns(naive).write_parquet(tmp_path / "naive.parquet")
    said = detector("ingest", "naive.parquet", cwd=tmp_path)[1]
    assert "3 rows with a start without an offset" in said


def test_what_rows_do_not_say_is_told_when_they_are_taken_in_and_not_every_night() -> None:
    """A log that holds all that was logged so far is handed over again and again."""
    taken = receipts.Ingested(
        "log.csv", "csv", 3, 0, {}, None, None, zoneless=3, offsetless=2, unread_ips=1, too_far_west=1
    )
    assert len(receipts.warnings([taken])) == 4
    assert receipts.warnings([replace(taken, known=True)]) == []


def test_a_file_in_another_encoding_is_told_so(tmp_path: Path) -> None:
    """To let more be rejected would not help."""
    text = "account_id,title_id,started_at\nJosé,t,2025-06-01T20:00:00Z\n"
    (tmp_path / "log.csv").write_text(text, encoding="cp1252")
    refused("ingest", "log.csv", cwd=tmp_path, code=3, saying="id_is_not_utf8); nothing of it was taken in, save it as")


def test_a_pipe_is_refused_before_it_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.csv")
    refused("ingest", "log.csv", cwd=tmp_path, code=4, saying="a pipe or a device")


@pytest.mark.parametrize("length", [300, 5_000])
def test_a_path_that_is_too_long_is_not_there(tmp_path: Path, length: int) -> None:
    refused("ingest", "x" * length, cwd=tmp_path, code=4, saying="expected log files")
    refused("--home", "x" * length, "status", cwd=tmp_path, code=4, saying="expected a home")
