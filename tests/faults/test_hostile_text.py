"""Ids and titles that are made to do harm are stored, and shown escaped in the terminal, in JSON and in exports."""

import datetime as dt
import json
from pathlib import Path

import polars as pl
import pytest
from support import QUICK, TRAINED_UNTIL, clock
from typer.testing import CliRunner

from detector import config
from detector.cli import app
from detector.ingesting import ingest
from detector.nightly import night
from detector.runs import open_doors

ACCOUNT = "=cmd|' /C calc'!A0\x1b[2J\u202eeve"
TITLE = "\x1b]0;owned\x07<script>alert(1)</script>\u202e\u0000'; DROP TABLE act; --\u2028=1+1 \U0001f4a3"


@pytest.fixture
def hostile_home(home: Path, settings: config.Settings, tmp_path: Path) -> Path:
    """A home with a published night in which an account of a hostile id saw a hostile title every day."""
    days = [TRAINED_UNTIL - dt.timedelta(days=n) for n in range(45)]
    starts = [dt.datetime.combine(day, dt.time(20), dt.UTC) for day in days]
    log = pl.DataFrame(
        {
            "account_id": ACCOUNT,
            "title_id": "t-1",
            "title_name": TITLE,
            "device_id": "d-1",
            "started_at": starts,
            "ended_at": [start + dt.timedelta(hours=2) for start in starts],
        }
    )
    log.write_parquet(tmp_path / "hostile.parquet")
    with open_doors(home, settings) as doors:
        files = [str(tmp_path / "hostile.parquet")]
        (taken,) = ingest(files, into=doors.home, keys=doors.keys, settings=settings, now=clock())
        assert taken.rejected_rows == 0
        many = settings.decision.model_copy(update={"capacity_share": 0.3, "kinds_not_reviewed": ()})
        night(doors, TRAINED_UNTIL, settings=settings.model_copy(update={"decision": many}), clock=clock)
    return home


def _typed(home: Path, *args: object) -> str:
    done = CliRunner().invoke(app, ["--home", str(home), *map(str, args)], env=QUICK, input=f"{ACCOUNT}\n")
    assert done.exit_code == 0, done.exception
    return done.output


def test_names_that_are_opened_command_no_terminal(hostile_home: Path) -> None:
    """In text every line is printable; in JSON it is too, and what is read back is the name as it was."""
    told = _typed(hostile_home, "explain", "--id", "-", "--unmask", "a question")
    assert "<script>" in told
    assert all(line.isprintable() for line in told.split("\n"))
    written = _typed(hostile_home, "explain", "--id", "-", "--unmask", "a question", "--json")
    assert all(line.isprintable() for line in written.split("\n"))
    found = json.loads(written)
    assert found["account_id"] == ACCOUNT
    assert {row["title_name"] for row in found["evidence"]} == {TITLE}


def test_a_case_of_it_is_shown_and_kept(hostile_home: Path) -> None:
    """The case, its file and its names survive the text; so does a look at it after the sealed names have left."""
    account = json.loads(_typed(hostile_home, "explain", "--id", "-", "--json"))["account"]
    queue = json.loads(_typed(hostile_home, "review", "list", "--json"))
    assert account in {case["account"] for case in queue}
    for day in (hostile_home / "sealed").iterdir():
        for part in day.iterdir():
            part.unlink()
        day.rmdir()
    told = _typed(hostile_home, "review", "show", account, "--unmask", "a question")
    assert "<script>" in told
    assert all(line.isprintable() for line in told.split("\n"))


def test_exports_begin_no_formula_with_it(hostile_home: Path, tmp_path: Path) -> None:
    """The account's own id, in the CSV that answers for it, is text; in Parquet it is what it was."""
    pl.DataFrame({"account_id": [ACCOUNT]}).write_parquet(tmp_path / "ids.parquet")
    for name in ("answer.csv", "answer.parquet"):
        _typed(hostile_home, "scores", "--for", tmp_path / "ids.parquet", "--out", tmp_path / name)
    (cell,) = pl.read_csv(tmp_path / "answer.csv")["account_id"]
    assert cell == f"'{ACCOUNT}"
    assert pl.read_parquet(tmp_path / "answer.parquet")["account_id"].to_list() == [ACCOUNT]
