"""The command line as a person and a scheduler meet it: what it prints, and how it ends."""

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest
from support import QUICK, TRAINED_UNTIL
from typer.testing import CliRunner

from detector import decisions
from detector.cli import batch, main
from detector.features import CATALOGUE

COMMANDS = (
    "demo simulate ingest nightly train retrain promote models scores evaluate explain review audit features runs "
    "status verify config console"
).split()


def detector(*args: object, cwd: Path, stdin: str = "", env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run the program in a folder: exit code, standard output, standard error.

    It runs in this process: to load its libraries anew for each of some two hundred commands takes longer than all that
    they do. What is about processes (signals, two at once) starts its own.
    """
    there = QUICK | {"COLUMNS": "200"} | (env or {})
    before = signal.getsignal(signal.SIGTERM)
    with (
        chdir(cwd),
        CliRunner().isolation(input=stdin, env=there) as (out, err, _),
        patch.object(sys, "argv", ["detector", *map(str, args)]),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            signal.signal(signal.SIGTERM, before)
        sys.stdout.flush()
        sys.stderr.flush()
        return code, out.getvalue().decode(), err.getvalue().decode()


def refused(
    *args: object, cwd: Path, code: int, saying: str, stdin: str = "", env: dict[str, str] | None = None
) -> None:
    """The program refuses: this exit code, one sentence on standard error, no traceback."""
    found, out, err = detector(*args, cwd=cwd, stdin=stdin, env=env)
    assert found == code, err
    assert out == ""
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert saying in lines[0]
    assert "Traceback" not in err


@pytest.fixture
def folder(night_home: Path, tmp_path: Path) -> Path:
    """A folder whose `detector-home` is a trained home, with one night published."""
    shutil.copytree(night_home, tmp_path / "detector-home")
    return tmp_path


def test_help_names_every_command(tmp_path: Path) -> None:
    """The help lists the commands of the design, and each has a help of its own."""
    code, out, _ = detector("--help", cwd=tmp_path)
    assert code == 0
    for command in COMMANDS:
        assert f" {command} " in out
        assert detector(command, "--help", cwd=tmp_path)[0] == 0


def test_reads_give_tables_and_json(folder: Path) -> None:
    """Every read prints a table for people, and the same as JSON."""
    for read in (["scores"], ["runs"], ["status"], ["models"], ["features"], ["verify"], ["config", "show"]):
        code, text, err = detector(*read, cwd=folder)
        assert code == 0, err
        assert text.strip()
        code, out, err = detector(*read, "--json", cwd=folder)
        assert code == 0, err
        assert json.loads(out)


def test_a_cold_night_says_that_it_promises_nothing(folder: Path) -> None:
    """Until the calibration is reviewed, the night says so, and how many cases are left."""
    code, out, err = detector("nightly", "--day", TRAINED_UNTIL, cwd=folder)
    assert code == 0, err
    queue = json.loads(detector("review", "list", "--json", cwd=folder)[1])
    assert "no error rate can be promised yet" in out
    least = sum(case["origin"] == "calibration" for case in queue)
    count = int(out.split("are flagged; ")[1].split(" ")[0])
    assert least <= count <= len(queue)


def test_a_case_goes_from_the_queue_to_a_verdict(folder: Path) -> None:
    """next, show, note, decide, undo, a table of verdicts and stats, as one types them."""
    code, out, err = detector("review", "next", cwd=folder)
    assert code == 0, err
    assert "what speaks against it" in out
    queue = json.loads(detector("review", "list", "--json", cwd=folder)[1])
    mine = [case["account"] for case in queue if case["assignee"]]
    assert mine == [queue[0]["account"]]
    account, other = mine[0], queue[1]["account"]
    for typed, said in (
        (["note", account, "--note", "asked"], "noted"),
        (["decide", account, "--verdict", "confirmed", "--kind", "ring"], "confirmed (ring)"),
        (["undo", account], "open again"),
        (["assign", account, "--to", "ana"], "hands of ana"),
        (["show", account], "noted (note: asked)"),
    ):
        code, out, err = detector("review", *typed, cwd=folder)
        assert code == 0, err
        assert said in out
    (folder / "verdicts.csv").write_text(f"account,verdict,cause\n{account},false-alarm,guests\n{other},confirmed,\n")
    code, out, err = detector("review", "decide", "--from", "verdicts.csv", cwd=folder)
    assert code == 0, err
    assert "false alarm (guests)" in out
    assert json.loads(detector("review", "stats", "--json", cwd=folder)[1])["cases"]["decided"] == 2
    looks = json.loads(detector("audit", "who", account, "--json", cwd=folder)[1])
    done = ["assigned", "show", "noted", "decided", "undone", "assigned", "show", "decided"]
    assert [look["action"] for look in reversed(looks)] == [*(f"review: {act}" for act in done), "audit who"]
    code, out, err = detector("audit", "mine", cwd=folder)
    assert code == 0, err
    assert "review: list" in out


def test_review_refuses_what_makes_no_sense(folder: Path) -> None:
    """A verdict that is none, two ways to say an account, an unknown case, a missing table."""
    refused("review", "decide", "0" * 16, "--verdict", "guilty", cwd=folder, code=2, saying="false-alarm")
    refused("review", "decide", "0" * 16, cwd=folder, code=2, saying="--from")
    refused("review", "show", cwd=folder, code=2, saying="--id -")
    refused("review", "show", "0" * 16, cwd=folder, code=4, saying="review list")
    refused("review", "list", "--kind", "theft", cwd=folder, code=2, saying="resale")
    refused("review", "decide", "--from", "gone.csv", cwd=folder, code=4, saying="gone.csv")


def test_scores_are_written_by_suffix_with_features(folder: Path) -> None:
    """--out writes Parquet or CSV; --features adds every feature under its name."""
    for name in ("scores.parquet", "scores.csv"):
        code, _, err = detector("scores", "--features", "--out", name, cwd=folder)
        assert code == 0, err
    frame = pl.read_parquet(folder / "scores.parquet")
    assert set(CATALOGUE) < set(frame.columns)
    assert {"account", "day", "score", "status", "p_value", "rank", "flagged", "kind"} < set(frame.columns)
    assert pl.read_csv(folder / "scores.csv").height == frame.height
    refused("scores", "--out", "scores.xls", cwd=folder, code=2, saying=".json, .parquet")


def test_scores_for_answers_every_id_asked(folder: Path, service: Path) -> None:
    """One row for each id asked, in order, beside the service's own id; unknown ones are not seen; other columns go."""
    known = pl.read_parquet(service / "truth.parquet")["account_id"].head(3).to_list()
    pl.DataFrame({"account_id": [*known, "nobody"], "colour": "red"}).write_parquet(folder / "ids.parquet")
    code, _, err = detector("scores", "--for", "ids.parquet", "--out", "answer.parquet", cwd=folder)
    assert code == 0, err
    answer = pl.read_parquet(folder / "answer.parquet")
    assert answer["account_id"].to_list() == [*known, "nobody"]
    assert answer["status"][-1] == "not seen"
    assert answer["score"][-1] is None
    assert "colour" not in answer.columns
    assert all(status != "not seen" for status in answer["status"].head(3))


def test_a_service_is_invented_as_asked(tmp_path: Path) -> None:
    """The intensity is that of all its abusive accounts; a variant or intensity that there is not is refused."""
    wanted = ("--accounts", 60, "--days", 5, "--end", "2025-06-30", "--abuse-share", 0.2)
    code, out, err = detector("simulate", "log", *wanted, "--intensity", "faint", "--variant", "held-out", cwd=tmp_path)
    assert code == 0, err
    assert "truth.parquet" in out
    truth = pl.read_parquet(tmp_path / "log" / "truth.parquet")
    assert truth.filter(pl.col("label") == "abuse")["intensity"].unique().to_list() == ["faint"]
    refused("simulate", "other", *wanted, "--variant", "tuned", cwd=tmp_path, code=2, saying="usual, other, held-out")
    refused("simulate", "other", *wanted, "--intensity", "mild", cwd=tmp_path, code=2, saying="faint, middle, blatant")
    assert not (tmp_path / "other").exists()


def test_a_night_is_evaluated_against_known_answers(folder: Path, service: Path) -> None:
    """A table of at most 100 columns names every kind; --json gives the same figures, --picture a PNG."""
    truth = service / "truth.parquet"
    code, text, err = detector("evaluate", "--truth", truth, "--picture", "how-good.png", cwd=folder)
    assert code == 0, err
    assert max(len(line) for line in text.splitlines()) <= 100
    known = pl.read_parquet(truth)
    for kind in known.filter(pl.col("label") != "sharing")["kind"].unique():
        assert kind in text
    assert (folder / "how-good.png").read_bytes().startswith(b"\x89PNG")
    code, out, err = detector("evaluate", "--truth", truth, "--day", TRAINED_UNTIL, "--json", cwd=folder)
    assert code == 0, err
    told = json.loads(out)
    assert told["day"] == str(TRAINED_UNTIL)
    assert sum(row["in truth"] for row in told["accounts"]) == known.height
    methods = {row["method"] for row in told["measures"]}
    assert methods == {"score", "forest on counts", "usual rules"}
    everyone = [row for row in told["measures"] if row["kind"] == "all abuse" and row["method"] == "score"]
    assert all(0 <= row["low"] <= row["value"] <= row["high"] <= 1 for row in everyone)
    refused("evaluate", "--truth", "missing.parquet", cwd=folder, code=4, saying="missing.parquet")
    refused("evaluate", "--truth", truth, "--picture", "x.gif", cwd=folder, code=2, saying=".png")
    pl.DataFrame({"account_id": ["a"]}).write_csv(folder / "half.csv")
    refused("evaluate", "--truth", "half.csv", cwd=folder, code=4, saying="expected a column kind in truth")


def test_what_verdicts_are_worth_is_evaluated_as_soon_as_they_stand(folder: Path, service: Path) -> None:
    """The order that they teach is set beside the score, in a table of its own; one class of them teaches none."""
    truth = service / "truth.parquet"
    assert detector("scores", "--for", truth, "--out", "known.parquet", cwd=folder)[0] == 0
    label = dict(
        pl.read_parquet(folder / "known.parquet")
        .join(pl.read_parquet(truth), on="account_id")
        .select("account", "label")
        .iter_rows()
    )
    cases = json.loads(detector("review", "list", "--json", cwd=folder)[1])
    said = [
        {"account": case["account"], "verdict": "false-alarm"} for case in cases if label[case["account"]] == "benign"
    ]
    abusive = [
        {"account": case["account"], "verdict": "confirmed"} for case in cases if label[case["account"]] == "abuse"
    ]
    assert len(abusive) >= 2
    before = detector("evaluate", "--truth", truth, cwd=folder)[1]
    for verdicts, teaches in ((said[:30], False), (abusive, True)):
        pl.DataFrame(verdicts).write_csv(folder / "verdicts.csv")
        assert detector("review", "decide", "--from", "verdicts.csv", cwd=folder)[0] == 0
        code, text, err = detector("evaluate", "--truth", truth, cwd=folder)
        assert code == 0, err
        assert (text != before) is teaches
        told = json.loads(detector("evaluate", "--truth", truth, "--json", cwd=folder)[1])
        assert ("score and verdicts" in {row["method"] for row in told["measures"]}) is teaches
    assert "the order that the verdicts of today teach" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    assert detector("evaluate", "--truth", truth, "--picture", "how-good.png", cwd=folder)[0] == 0


def test_explain_by_pseudonym_and_by_own_id_agree(folder: Path, service: Path) -> None:
    """An account can be named by its pseudonym, or by the service's own id on standard input."""
    own = pl.read_parquet(service / "truth.parquet")["account_id"][0]
    code, by_id, err = detector("explain", "--id", "-", "--json", cwd=folder, stdin=own + "\n")
    assert code == 0, err
    explained = json.loads(by_id)
    code, by_pseudonym, _ = detector("explain", explained["account"], "--json", cwd=folder)
    assert code == 0
    assert json.loads(by_pseudonym) == explained
    assert own not in by_id


def test_explain_shows_names_only_for_a_purpose(folder: Path, service: Path) -> None:
    """A flagged account has reasons, counter-evidence and playbacks; its own id and titles take --unmask."""
    scores = json.loads(detector("scores", "--json", cwd=folder)[1])
    flagged = next(row["account"] for row in scores if row["flagged"])
    code, text, err = detector("explain", flagged, cwd=folder)
    assert code == 0, err
    assert "what speaks for it" in text
    assert "what speaks against it" in text
    assert "playbacks that show it" in text
    unmasked = json.loads(detector("explain", flagged, "--unmask", "a test", "--json", cwd=folder)[1])
    assert unmasked["account_id"] in pl.read_parquet(service / "truth.parquet")["account_id"].to_list()
    assert unmasked["account_id"] not in text
    assert all(shown["title_name"] for shown in unmasked["evidence"])


def test_looks_at_an_account_are_on_record(folder: Path) -> None:
    """Each look has its audit row, with who, which account, and what for."""
    import sqlite3

    scores = json.loads(detector("scores", "--json", cwd=folder)[1])
    detector("explain", scores[0]["account"], "--unmask", "a test", cwd=folder)
    with sqlite3.connect(folder / "detector-home" / "ledger.db") as database:
        rows = database.execute("SELECT action, account, purpose FROM audit WHERE actor != 'nightly'").fetchall()
    assert rows == [("scores", None, None), ("unmask", scores[0]["account"], "a test")]


def test_dry_run_changes_nothing(folder: Path) -> None:
    """It says what a night would do, and no run is on record for it."""
    before = detector("runs", "--json", cwd=folder)[1]
    code, out, err = detector("nightly", "--day", TRAINED_UNTIL, "--dry-run", "--json", cwd=folder)
    assert code == 0, err
    assert json.loads(out)[0]["already_published"]
    assert detector("runs", "--json", cwd=folder)[1] == before


def test_a_second_model_waits_to_be_promoted(folder: Path) -> None:
    """The first model is in use; the next challenges it, until it is promoted."""
    code, out, err = detector("train", "--day", TRAINED_UNTIL, cwd=folder)
    assert code == 0, err
    assert "challenger" in out
    assert [m["role"] for m in json.loads(detector("models", "--json", cwd=folder)[1])] == ["challenger", "champion"]
    assert detector("promote", cwd=folder)[0] == 0
    assert [m["role"] for m in json.loads(detector("models", "--json", cwd=folder)[1])] == ["champion", None]
    refused("promote", cwd=folder, code=4, saying="expected a challenger, found none")
    refused("promote", "99", cwd=folder, code=4, saying="known are: 2, 1")


def test_settings_show_where_they_come_from(tmp_path: Path) -> None:
    """Each setting names its layer; a password in the database's URL is not shown."""
    (tmp_path / "mine.toml").write_text("[decision]\ncapacity_share = 0.02\n")
    env = {"DETECTOR_STATE__DATABASE_URL": "postgresql://me:hidden@host/db"}
    code, out, err = detector("--config", "mine.toml", "config", "show", "--json", cwd=tmp_path, env=env)
    assert code == 0, err
    shown = {row["setting"]: row for row in json.loads(out)}
    assert shown["decision.capacity_share"] == {
        "setting": "decision.capacity_share",
        "value": 0.02,
        "from": "mine.toml",
    }
    assert shown["state.database_url"]["from"] == "environment"
    assert "hidden" not in out
    assert detector("config", "check", cwd=tmp_path)[0] == 0


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
    refused("nightly", "--day", "tomorrow", cwd=tmp_path, code=2, saying="YYYY-MM-DD")
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


def test_a_night_that_keeps_accounts_back_for_its_promise_says_how_to_see_more() -> None:
    """A small service may have nothing to flag at a small share of false alarms."""
    night = {
        "day": "2026-06-30", "accounts": 900, "flags": 0, "kinds": {}, "unchanged": False, "error_rate_promised": True,
        "kept_back": {decisions.BEYOND_PROMISE: 9},
    }  # fmt: skip
    assert "false_discovery_share` shows more" in batch._night_line(night)
    assert "shows more" not in batch._night_line(night | {"kept_back": {}})
    assert "not counted" not in batch._night_line(night | {"later_verdicts": 0})
    assert "verdicts on 3 accounts that were given after" in batch._night_line(night | {"later_verdicts": 3})


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


def test_of_a_day_that_is_not_over_it_is_said(tmp_path: Path) -> None:
    """Today's log is not whole: who scores or learns from it hears so."""
    today = dt.datetime.now(dt.UTC).date()
    yesterday = today - dt.timedelta(days=1)
    invented = ("simulate", "log", "--accounts", 60, "--days", 50, "--end", yesterday)
    assert detector(*invented, cwd=tmp_path)[0] == 0
    assert detector("ingest", "log/playbacks", cwd=tmp_path)[0] == 0
    zone = {"DETECTOR_DAYS__WESTERNMOST_ZONE": "Etc/GMT+12", "DETECTOR_DAYS__CLOSING_H": "24"}
    for command in ("train", "nightly"):
        code, out, err = detector(command, "--day", yesterday, cwd=tmp_path, env=zone)
        assert (code, f"warning: {yesterday} is not over everywhere" in out) == (0, True), err


def test_an_id_of_nothing_is_refused(folder: Path) -> None:
    """An empty line names nobody, and no look at anybody goes on record."""
    for asked in (["explain"], ["review", "show"], ["audit", "who"]):
        refused(*asked, "--id", "-", cwd=folder, code=2, saying="the service's own id on a line", stdin="\n")


def test_the_configuration_says_where_tables_come_from_and_checks_the_url(tmp_path: Path) -> None:
    """Of a table of settings, every layer; an address of a database that is none is refused, and shown as none."""
    (tmp_path / "c.toml").write_text(
        '[source.columns]\naccount_id = "user"\n[days.zone_by_country]\nFR = "Europe/Paris"\n'
    )
    code, out, err = detector("--config", "c.toml", "config", "show", "--json", cwd=tmp_path)
    assert code == 0, err
    layers = {row["setting"]: row["from"] for row in json.loads(out)}
    assert layers["source.columns"] == "c.toml"
    assert "c.toml" in layers["days.zone_by_country"]
    assert layers["days.closing_h"] == "default"
    odd = {"DETECTOR_SOURCE__COLUMNS": '{"acount_id": "user"}'}
    refused("config", "check", cwd=tmp_path, code=2, saying="found acount_id", env=odd)
    wrong = {"DETECTOR_STATE__DATABASE_URL": "nonsense"}
    refused("config", "check", cwd=tmp_path, code=2, saying="expected [state] database_url", env=wrong)
    code, out, err = detector("config", "show", cwd=tmp_path, env=wrong)
    assert (code, "(no URL)" in out) == (0, True), err
