"""The command line as a person and a scheduler meet it: what it prints, and what it leaves."""

import datetime as dt
import json
import os
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest
from commands import detector, refused
from support import TRAINED_UNTIL

from detector import decisions
from detector.cli import batch
from detector.features import CATALOGUE

COMMANDS = (
    "demo simulate ingest nightly train retrain promote models scores evaluate explain review audit features runs "
    "status verify config console"
).split()


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


def _scores(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(detector("scores", "--json", cwd=folder)[1])
    return rows


def test_scores_say_where_to_ask_why_a_higher_one_is_not_flagged(folder: Path) -> None:
    """What the first of the flagged is, policy keeps back: the second stands below it and is flagged all the same."""
    said = "why one is not flagged that scores higher than one that is: `detector explain ACCOUNT`"
    assert said not in detector("scores", cwd=folder)[1]
    policy = {"DETECTOR_DECISION__KINDS_NOT_REVIEWED": json.dumps([_scores(folder)[0]["kind"]])}
    assert detector("nightly", "--day", TRAINED_UNTIL, cwd=folder, env=policy)[0] == 0
    assert [row["flagged"] for row in _scores(folder)[:2]] == [False, True]
    assert said in detector("scores", cwd=folder)[1]


def test_scores_for_answers_every_id_asked(folder: Path, service: Path) -> None:
    """One row for each id asked, in order, beside the service's own id; unknown ones are not seen; other columns go."""
    known = pl.read_parquet(service / "truth.parquet")["account_id"].head(3).to_list()
    pl.DataFrame({"account_id": [*known, " ", "nobody"], "colour": "red"}).write_parquet(folder / "ids.parquet")
    code, _, err = detector("scores", "--for", "ids.parquet", "--out", "answer.parquet", cwd=folder)
    assert code == 0, err
    answer = pl.read_parquet(folder / "answer.parquet")
    assert answer["account_id"].to_list() == [*known, " ", "nobody"]
    assert answer["status"].to_list()[-2:] == ["not seen"] * 2
    assert answer["account"][-2] is None  # a blank is nobody's id
    assert answer["score"][-1] is None
    assert "colour" not in answer.columns
    assert all(status != "not seen" for status in answer["status"].head(3))
    for account, lines in ((answer["account"][0], 1), (answer["account"][-1], 0)):
        looks = json.loads(detector("audit", "who", account, "--json", cwd=folder)[1])
        assert sum(look["action"] == "scores --for" for look in looks) == lines


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
    assert json.loads(out)[0]["publishes"]
    assert detector("runs", "--json", cwd=folder)[1] == before


def test_dry_run_tells_new_files_from_known_ones_and_makes_no_home(tmp_path: Path) -> None:
    """One that can not be read is no known one. Before the first `ingest` there is nothing to tell."""
    (tmp_path / "log").mkdir()
    log_samples.saying(tmp_path / "log" / "a.csv", 60, 1, 2)
    there = {"DETECTOR_SOURCE__PATHS": json.dumps([str(tmp_path / "log")])}
    night = ("nightly", "--day", "2025-06-30", "--dry-run", "--json")
    refused(*night, cwd=tmp_path, code=4, saying="expected a home", env=there)
    assert not (tmp_path / "detector-home").exists()
    assert detector("ingest", "log", cwd=tmp_path)[0] == 0
    log_samples.saying(tmp_path / "log" / "b.csv", 60, 3)
    (tmp_path / "log" / os.fsdecode(b"\xe9.csv")).touch()
    code, out, err = detector(*night, cwd=tmp_path, env=there)
    assert code == 0, err
    [plan] = json.loads(out)
    assert (plan["source_files"], plan["new_source_files"], plan["publishes"]) == (3, 2, False)


def test_a_second_model_waits_to_be_promoted(folder: Path) -> None:
    """The first model is in use; the next challenges it, until it is promoted."""
    code, out, err = detector("train", "--day", TRAINED_UNTIL, cwd=folder)
    assert code == 0, err
    assert "challenger" in out
    assert [m["role"] for m in json.loads(detector("models", "--json", cwd=folder)[1])] == ["challenger", "champion"]
    assert detector("promote", cwd=folder)[0] == 0
    assert [m["role"] for m in json.loads(detector("models", "--json", cwd=folder)[1])] == ["champion", None]
    refused("promote", cwd=folder, code=4, saying="expected a challenger, found none")
    refused("promote", "99", cwd=folder, code=4, saying="name one of these: 2, 1")


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


def test_a_night_that_keeps_accounts_back_for_its_promise_says_how_to_see_more() -> None:
    """A small service may have nothing to flag at a small share of false alarms."""
    night = {
        "day": "2026-06-30", "accounts": 900, "flags": 0, "kinds": {}, "unchanged": False, "error_rate_promised": True,
        "kept_back": {decisions.BEYOND_PROMISE: 9}, "capacity": 9, "calibration_cases_open": 9, "later_verdicts": 0,
    }  # fmt: skip
    assert "false_discovery_share` shows more" in batch._night_line(night)
    assert "shows more" not in batch._night_line(night | {"kept_back": {}})
    assert "not counted" not in batch._night_line(night)
    late = batch._night_line(night | {"later_verdicts": 3, "later_suppressions": 1})
    assert "came after that day (UTC): verdicts on 3 accounts, what is suppressed for 1 account" in late
    assert "warning: more ids (and 1 more)" in batch._night_line(night | {"moved_since_training": ["more ids", "less"]})


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({}, "as many as reviewers can take are flagged; 9 calibration cases to be reviewed first"),
        ({"capacity": 0.4}, "of so few accounts reviewers take less than one"),
        ({"later_verdicts": 9}, "9 calibration cases had no verdict by then; the flagged are in `detector review list"),
        ({"calibration_cases_open": 0}, "flagged; the accounts that this model compares with are invented or gone"),
    ],
)
def test_a_night_that_can_promise_nothing_yet_says_what_is_flagged_and_what_to_do(
    record: dict[str, Any], told: str
) -> None:
    """Until enough is reviewed no error rate is promised."""
    cold = {"error_rate_promised": False, "capacity": 9, "calibration_cases_open": 9, "later_verdicts": 0}
    assert told in batch._error_rate(cold | record)


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
