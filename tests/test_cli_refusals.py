"""What the command line refuses and how a run ends that can not go on: exit codes, and what they say to do."""

import datetime as dt
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import detector, refused
from support import TRAINED_UNTIL

from detector.cli._common import typed_id
from detector.errors import SettingsError


def test_review_refuses_what_makes_no_sense(folder: Path) -> None:
    """A verdict that is none, two ways to say an account, an unknown case, a missing table."""
    refused("review", "decide", "0" * 16, "--verdict", "guilty", cwd=folder, code=2, saying="false-alarm")
    refused("review", "decide", "0" * 16, cwd=folder, code=2, saying="--from")
    refused("review", "show", cwd=folder, code=2, saying="--id -")
    refused("review", "show", "0" * 16, cwd=folder, code=4, saying="review list")
    refused("review", "list", "--kind", "theft", cwd=folder, code=2, saying="resale")
    refused("explain", "--id", "-", cwd=folder, stdin=b"\xff\n", code=2, saying="in UTF-8")
    assert detector("review", "lift", "9" * 20, cwd=folder)[0] == 2
    refused("review", "decide", "--from", "gone.csv", cwd=folder, code=4, saying="gone.csv")


BAD_FILES = {
    "empty.csv": (b"", 4, "no rows"),
    "no-columns.csv": (b"a,b\n1,2\n", 4, "account_id"),
    "torn.parquet": (b"PAR1torn", 4, "torn.parquet"),
    "picture.png": (b"\x89PNG\r\n", 4, "picture.png"),
    "undated.csv": (b"account_id,title_id,started_at\na,t,yesterday\n", 3, "100%"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files_are_refused(tmp_path: Path, name: str) -> None:
    """One sentence and the exit code of the kind of refusal; nothing is stored."""
    content, code, saying = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    refused("ingest", name, cwd=tmp_path, code=code, saying=saying)
    assert list((tmp_path / "detector-home").glob("playbacks/*")) == []


def test_bad_words_are_refused(tmp_path: Path) -> None:
    """Missing files, folders, formats, zones, days and homes end with a sentence and the right code."""
    (tmp_path / "empty-folder").mkdir()
    (tmp_path / "log.csv").write_text("account_id,title_id,started_at\na,t,2025-06-01T10:00:00Z\n")
    refused("ingest", "missing.csv", cwd=tmp_path, code=4, saying="missing.csv")
    refused("ingest", "empty-folder", cwd=tmp_path, code=4, saying="empty-folder")
    refused("ingest", "log.csv", "--format", "betamax", cwd=tmp_path, code=2, saying="betamax")
    refused("ingest", "log.csv", "--timezone", "Mars/Olympus", cwd=tmp_path, code=2, saying="Mars/Olympus")
    refused("--home", "nowhere", "scores", cwd=tmp_path, code=4, saying="expected a home")
    for odd in ("tomorrow", "20250630", "2025-W27-1", "2025-6-3"):
        refused("nightly", "--day", odd, cwd=tmp_path, code=2, saying="YYYY-MM-DD")
    refused("nightly", "--from", "2025-06-02", cwd=tmp_path, code=2, saying="--from and --to")
    refused("nightly", "--from", "2025-06-02", "--to", "2025-06-01", cwd=tmp_path, code=2, saying="before")
    refused("--config", "missing.toml", "config", "check", cwd=tmp_path, code=4, saying="missing.toml")
    refused("--home", "log.csv", "train", cwd=tmp_path, code=2, saying="log.csv")
    refused("train", "--day", "2025-06-01", cwd=tmp_path, code=4, saying="ingest some first")
    assert not (tmp_path / "nowhere").exists()


def test_wrong_settings_are_refused(tmp_path: Path) -> None:
    """The sentence names the key and where it stands."""
    (tmp_path / "bad.toml").write_text("[window]\ndays = 3\n")
    refused("--config", "bad.toml", "config", "check", cwd=tmp_path, code=2, saying="window.days")
    (tmp_path / "bad.toml").write_text("[windows]\ndays = 28\n")
    refused("--config", "bad.toml", "config", "check", cwd=tmp_path, code=2, saying="windows")


def test_a_night_without_a_model_ends_with_six(tmp_path: Path) -> None:
    """It says which command comes next."""
    (tmp_path / "log.csv").write_text("account_id,title_id,started_at\na,t,2025-06-01T10:00:00Z\n")
    assert detector("ingest", "log.csv", cwd=tmp_path)[0] == 0
    refused("nightly", "--day", "2025-06-01", cwd=tmp_path, code=6, saying="detector train --day 2025-06-01")


def test_a_home_that_is_not_there_is_not_made_to_be_refused(tmp_path: Path) -> None:
    """Without files to take in, a night and a training of a mistyped home leave nothing behind."""
    for command in ("nightly", "train"):
        refused("--home", "mistyped", command, cwd=tmp_path, code=4, saying="expected a home at mistyped")
    assert not (tmp_path / "mistyped").exists()


def test_unknown_accounts_are_refused(folder: Path) -> None:
    """Neither a malformed nor an unseen account is explained."""
    refused("explain", "zz", cwd=folder, code=2, saying="16 hex digits")
    refused("explain", "0123456789abcdef", cwd=folder, code=4, saying="expected an account seen")
    refused("explain", cwd=folder, code=2, saying="expected ACCOUNT")
    refused("explain", "0123456789abcdef", "--unmask", " ", cwd=folder, code=2, saying="purpose")
    refused("scores", "--day", "2001-01-01", cwd=folder, code=4, saying="2001-01-01")
    refused("scores", "--features", cwd=folder, code=2, saying="expected --out FILE or --json beside --features")


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_an_own_id_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch, errors: str) -> None:
    """Also where there is no locale, and what can not be read is handed on."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9\n"), "utf-8", errors))
    with pytest.raises(SettingsError, match="in UTF-8, found other bytes"):
        typed_id()


def test_a_damaged_publication_ends_with_five(folder: Path) -> None:
    """Reads refuse bytes that were changed, and verify finds them."""
    victim = next((folder / "detector-home" / "runs").glob("*/*/scores.parquet"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    refused("scores", cwd=folder, code=5, saying="scores.parquet")
    code, out, err = detector("verify", cwd=folder)
    assert code == 5
    assert "1 problem" in out
    assert "scores.parquet" in err


def test_two_runs_at_once_end_with_75(folder: Path) -> None:
    """The second is told at once that another run is at work."""
    from detector.runs import only_run

    with only_run(folder / "detector-home"):
        refused("nightly", "--day", TRAINED_UNTIL, cwd=folder, code=75, saying="try again")
        # At once: what takes seconds to load is not needed for it.
        code = (
            "import sys; from detector.cli import main\n"
            "try: main()\n"
            "finally: print(sorted({'sklearn', 'mlflow'} & set(sys.modules)))"
        )
        for command in ("nightly", "train", "retrain"):
            done = subprocess.run(
                [sys.executable, "-c", code, command], cwd=folder, capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stdout) == (75, "[]\n"), done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_a_run_cleanly(folder: Path, number: int, code: int) -> None:
    """The exit code tells the signal, the run is on record as interrupted, and the lock is free."""
    env = os.environ | {"DETECTOR_MODEL__TREES": "300"}
    run = subprocess.Popen(
        [sys.executable, "-c", "from detector.cli import main; main()", "train", "--day", str(TRAINED_UNTIL)],
        cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while json.loads(detector("runs", "--json", cwd=folder)[1])[0]["status"] != "running":
        assert time.monotonic() < deadline
    run.send_signal(number)
    assert run.wait(timeout=30) == code
    assert json.loads(detector("runs", "--json", cwd=folder)[1])[0]["status"] == "interrupted"
    assert detector("nightly", "--day", TRAINED_UNTIL, cwd=folder)[0] == 0


def test_days_and_zones_that_can_not_be_are_refused(folder: Path) -> None:
    """Before anything is done, with what to give instead; a zone is not blamed on the file."""
    (folder / "log.csv").write_text("account_id,title_id,started_at\na,t,2024-05-01T20:00:00Z\n")
    for day in ("0001-01-01", "9999-12-31"):
        refused("nightly", "--day", day, cwd=folder, code=2, saying="expected a day from 1971-01-01")
    for zone in ("localtime", "Factory", "posix/Europe/Paris", "Mars/Base"):
        refused("ingest", "log.csv", "--timezone", zone, cwd=folder, code=2, saying="expected an IANA time zone")
        usual = {"DETECTOR_DAYS__DEFAULT_ZONE": zone}
        refused("config", "check", cwd=folder, code=2, saying="expected an IANA time zone", env=usual)


def test_a_day_that_has_not_come_is_refused(folder: Path) -> None:
    """Nothing is known of tomorrow, and what it says would be the night that is served."""
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    for asked in (["nightly", "--day"], ["nightly", "--from", TRAINED_UNTIL, "--to"], ["train", "--day"]):
        refused(*asked, tomorrow, cwd=folder, code=2, saying=f"expected a day that has been, found {tomorrow}")


def test_an_id_of_nothing_is_refused(folder: Path) -> None:
    """An empty line names nobody, and no look at anybody goes on record."""
    for asked in (["explain"], ["review", "show"], ["audit", "who"]):
        refused(*asked, "--id", "-", cwd=folder, code=2, saying="the service's own id on a line", stdin="\n")
