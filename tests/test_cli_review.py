"""The review desk as people type it, in one process: what it prints, what it refuses, who may do what."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from support import QUICK, TRAINED_UNTIL, clock
from typer.testing import CliRunner

from detector import access, config
from detector.cases import Shown
from detector.cli import app
from detector.errors import DetectorError
from detector.nightly import night
from detector.runs import open_doors

Typed = Callable[..., str]


@pytest.fixture
def typed(home: Path, settings: config.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """`detector review ...` as somebody types it in a home with one published night: what is printed."""
    with open_doors(home, settings) as doors:
        night(doors, TRAINED_UNTIL, settings=settings, clock=clock)
    monkeypatch.chdir(tmp_path)

    def run(*args: object, who: str = "ana") -> str:
        monkeypatch.setattr(access, "user_name", lambda: who)
        env = QUICK | {"COLUMNS": "80"}
        done = CliRunner().invoke(app, ["--home", str(home), "review", *map(str, args)], env=env)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return run


def _queue(typed: Typed) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(typed("list", "--json"))
    return found


def _flagged_again(account: str, home: Path, settings: config.Settings) -> int:
    """The number of a case that a later night opens."""
    with open_doors(home, settings) as doors:
        day = dt.date(2999, 1, 1)  # after the verdict, which is of the day on which this runs
        doors.ledger.start_run("later", command="nightly", day=day, key_id="k", now=clock())
        doors.ledger.publish(
            "later", fingerprint="f", directory="d", manifest={}, model_version="1", record={}, now=clock(),
            flagged=[Shown(account, "ring", 9.0, "rings")],
        )  # fmt: skip
        return doors.ledger.cases.of(account)[0].id


def test_the_desk_as_one_types_it(typed: Typed) -> None:
    """Snooze, suppress, lift, contest, reopen, views and stats; a case by its number; the queue within 80 columns."""
    one, two = _queue(typed)[:2]
    assert "measured" not in one
    for args, said in (
        (["snooze", one["id"], "--until", "2999-01-01"], "out of the queue until 2999-01-01"),
        (["snooze", one["id"], "--wake"], "in the queue again"),
        (
            ["suppress", two["account"], "--until", "2999-01-01", "--why", "a lab", "--feature", "devices"],
            "suppression 1",
        ),
        (["suppressions"], "a lab"),
        (["show", f"#{two['id']}"], "does not count until 2999-01-01: feature devices"),
        (["lift", "1"], "counts again"),
        (["decide", two["id"], "--verdict", "confirmed", "--action", "message"], "action: message"),
        (["contest", two["id"], "--note", "it is only us"], "contest open"),
        (["show", two["id"]], "contested by the holder"),
        (["show", two["id"]], "what came of it: unknown"),
        (["stats"], "median time"),
        (["list", "--origin", "calibration", "--limit", "3", "--save-view", "cal"], "more"),
        (["list", "--view", "cal", "--skip", "1"], "calibration: "),
    ):
        out = typed(*args)
        assert said in out, args
        if args[0] == "list":
            assert max(map(len, out.splitlines())) <= 80


def test_a_device_is_named_by_the_digits_that_are_shown(typed: Typed) -> None:
    """Eight of them name the one device of the account; digits that fit none are refused."""
    account = next(case["account"] for case in _queue(typed) if case["origin"] == "flag")
    seen = json.loads(typed("show", account, "--json", "--pictures"))
    device = next(row["device"] for row in seen["night"]["evidence"] if row["device"])
    typed("suppress", account, "--until", "2999-01-01", "--why", "a kiosk", "--device", device[:8])
    (made,) = json.loads(typed("suppressions", account, "--json"))
    assert (made["scope"], made["value"]) == ("device", device)
    assert device in {row["device"] for row in seen["portrait"]["devices"]}
    with pytest.raises(DetectorError, match="found none"):
        typed("suppress", account, "--until", "2999-01-01", "--why", "x", "--network", "zz")


def test_a_number_is_that_of_the_newest_case(typed: Typed, home: Path, settings: config.Settings) -> None:
    """What is done to an older one by its number would be done to another."""
    case = next(case for case in _queue(typed) if case["origin"] == "flag")
    typed("decide", case["id"], "--verdict", "false-alarm")
    assert "open again" in typed("reopen", case["id"], "--note", "they wrote again")
    typed("decide", case["id"], "--verdict", "false-alarm")
    account = str(case["account"])
    newest = _flagged_again(account, home, settings)
    for act in (["note", "--note", "x"], ["undo"], ["decide", "--verdict", "confirmed"], ["reopen", "--note", "x"]):
        with pytest.raises(DetectorError, match=f"newest case of its account, which is {newest}"):
            typed(act[0], case["id"], *act[1:])
    assert f"noted with case {newest}" in typed("note", newest, "--note", "x")


def test_a_name_is_typed_as_one_likes_and_a_view_that_can_not_be_shown_is_not_kept(typed: Typed) -> None:
    """Names are kept in lower case, so that who is named finds the case; nonsense is refused before it is a view."""
    number = _queue(typed)[0]["id"]
    assert f"case {number} is in the hands of ben" in typed("assign", number, "--to", "Ben")
    assert _queue(typed)[-1]["assignee"] == "ben"
    for nonsense in (["--family", "nonsense"], ["--least-score", "nan"]):
        with pytest.raises(DetectorError, match="expected --"):
            typed("list", *nonsense, "--save-view", "mine")
        with pytest.raises(DetectorError, match="a view of yours"):
            typed("list", "--view", "mine")


def test_what_is_typed_stands_before_what_a_view_keeps(typed: Typed) -> None:
    """Also where it is what would be without: the view is of decided cases, and open ones are asked for."""
    assert "decided" in typed("list", "--status", "decided", "--save-view", "closed")
    assert "no decided case" in typed("list", "--view", "closed")
    assert "no decided case" not in typed("list", "--view", "closed", "--status", "open")


def test_a_kind_is_typed_with_hyphens_or_without(typed: Typed, tmp_path: Path) -> None:
    cases = {case["kind"] for case in _queue(typed)}
    for kind in cases:
        wanted = [str(kind), str(kind).replace(" ", "-")]
        assert len({typed("list", "--kind", one) for one in wanted}) == 1
    with pytest.raises(DetectorError, match="account-takeover"):
        typed("list", "--kind", "theft")
    one, other = (case["account"] for case in _queue(typed)[:2])
    assert "account takeover" in typed("decide", one, "--verdict", "confirmed", "--kind", "account-takeover")
    row = {"account": other, "verdict": "confirmed", "kind": "account-takeover"}
    (tmp_path / "verdict.json").write_text(json.dumps([row]))
    assert "account takeover" in typed("decide", "--from", "verdict.json")


def test_a_case_is_put_into_the_hands_of_who_decides_here(typed: Typed, home: Path, settings: config.Settings) -> None:
    """Once anybody is named, a name that nobody has, or that decides nothing, is refused."""
    with open_doors(home, settings) as doors:
        doors.ledger.people.add("ana", "analyst", None, actor="ana", now=clock())
        doors.ledger.people.add("aud", "auditor", None, actor="ana", now=clock())
    number = _queue(typed)[0]["id"]
    for nobody in ("bem", "aud"):
        with pytest.raises(DetectorError, match="list-users"):
            typed("assign", number, "--to", nobody)
    assert "in the hands of ana" in typed("assign", number, "--to", "ana")
    for act in (
        ["note", "--note", "x"], ["decide", "--verdict", "undecided"], ["agree"], ["disagree"], ["assign"],
        ["snooze", "--wake"], ["undo"], ["reopen", "--note", "x"],
    ):  # fmt: skip
        with pytest.raises(DetectorError, match="auditor"):
            typed(act[0], 99_999, *act[1:], who="aud")  # whether there is such a case is not told


def test_a_severe_action_takes_two_people(typed: Typed) -> None:
    """The first can not agree with the own verdict; the second can, and then it counts."""
    number = _queue(typed)[0]["id"]
    said = typed("decide", number, "--verdict", "confirmed", "--action", "limit-streams")
    assert "action: limit streams" in said
    assert "waits for a second person" in said
    assert str(number) in typed("list", "--status", "proposed")
    for word in ("agree", "disagree"):
        with pytest.raises(DetectorError, match="another person than ana"):
            typed(word, number)
    assert "open again" in typed("disagree", number, "--note", "a family", who="ben")
    typed("decide", number, "--verdict", "confirmed", "--action", "refer")
    assert "by ana with ben" in typed("agree", number, who="ben")
    typed("contest", number, "--note", "we are five")
    for who in ("ana", "ben"):
        with pytest.raises(DetectorError, match="no part in the verdict"):
            typed("contest", number, "--result", "upheld", who=who)
    assert "contest overturned" in typed("contest", number, "--result", "overturned", who="eva")
    stats = json.loads(typed("stats", "--json"))
    assert (stats["agreed"]["count"], stats["agreed"]["of"]) == (1, 2)
    assert stats["false_alarms"]["share"] == 1
    assert stats["overturned"]["share"] == 1


def test_a_contest_is_of_the_case_that_was_typed(typed: Typed, home: Path, settings: config.Settings) -> None:
    """The account has an older case with a verdict that stands, and a newer one that waits: who types the number of the
    newer one is told which it is; who types the account means the verdict."""
    old = _queue(typed)[0]
    account = str(old["account"])
    typed("decide", account, "--verdict", "confirmed")
    new = _flagged_again(account, home, settings)
    with pytest.raises(DetectorError, match=f"stands, which is {old['id']}, found case {new};"):
        typed("contest", new, "--note", "not me")
    assert f"case {old['id']}: contest open" in typed("contest", account, "--note", "not me")
    with pytest.raises(DetectorError, match=f"is contested, which is {old['id']}, found case {new};"):
        typed("contest", new, "--result", "upheld", who="eva")
    assert f"case {old['id']}: contest upheld" in typed("contest", old["id"], "--result", "upheld", who="eva")


def test_who_looks_keeps_others_from_deciding(typed: Typed) -> None:
    """The queue and the case say who looks; a verdict of somebody else is refused meanwhile."""
    number = _queue(typed)[0]["id"]
    typed("show", number)
    assert "ana looks" in typed("list", "--limit", "1", who="ben")
    assert "ana is looking at it" in typed("show", number, who="ben")
    with pytest.raises(DetectorError, match="wait, or ask"):
        typed("decide", number, "--verdict", "undecided", who="ben")
    assert "undecided by ana" in typed("decide", number, "--verdict", "undecided")


def test_the_queue_is_written_for_other_programs(typed: Typed, tmp_path: Path) -> None:
    """CSV, JSON and Parquet hold all of it; verdicts come back from tables, with actions."""
    queue = _queue(typed)
    for name in ("queue.csv", "queue.json", "queue.parquet"):
        assert f"{len(queue)} cases" in typed("list", "--out", name)
    assert pl.read_parquet(tmp_path / "queue.parquet")["account"].to_list() == [case["account"] for case in queue]
    table = pl.read_csv(tmp_path / "queue.csv", infer_schema=False).head(2)
    verdicts = table.select("account", verdict=pl.lit("confirmed"), action=pl.lit("refer"))
    verdicts.write_csv(tmp_path / "verdicts.csv")
    assert typed("decide", "--from", "verdicts.csv").count("waits for a second person") == 2
    others = [{"account": case["account"], "verdict": "undecided", "note": None} for case in queue[2:4]]
    (tmp_path / "verdicts.json").write_text(json.dumps(others))
    assert typed("decide", "--from", "verdicts.json").count("undecided") == 2
    (tmp_path / "torn.json").write_text(json.dumps(others)[:-9])
    with pytest.raises(DetectorError, match="expected a table with account"):
        typed("decide", "--from", "torn.json")
    (tmp_path / "late.json").write_text(
        json.dumps([{"account": queue[4]["account"], "verdict": "undecided"}, others[0]])
    )
    with pytest.raises(DetectorError, match=r"^row 2: expected an open case"):
        typed("decide", "--from", "late.json")
    assert queue[4]["account"] in {case["account"] for case in _queue(typed)}


def test_what_strangers_write_is_shown_escaped(typed: Typed) -> None:
    """A note with an escape, a turned reading order and a line break: harmless in text and in JSON."""
    account = _queue(typed)[0]["account"]
    typed("note", account, "--note", "\x1b[2Jwipe \u202egnirts\nnext: detector review decide")
    for args in (["show", account], ["show", account, "--json"]):
        assert all(line.isprintable() for line in typed(*args).split("\n"))
    assert "wipe" in typed("show", account)
    assert "gnirts\nnext" not in typed("show", account)


@pytest.mark.parametrize(
    ("args", "saying"),
    [
        (["list", "--view", "gone"], "--save-view"),
        (["list", "--status", "lost"], "withdrawn"),
        (["list", "--family", "foo"], "repetition, concurrency"),
        (["list", "--out", "queue.xlsx"], ".parquet"),
        (["show", "99999"], "number of a case"),
        (["suppress", "0" * 16, "--why", "x"], "--until"),
        (["suppress", "0" * 16, "--why", "x", "--until", "2020-01-01"], "later day"),
        (["suppress", "0" * 16, "--why", "x", "--until", "2999-01-01", "--feature", "wealth"], "detector features"),
        (["suppress", "0" * 16, "--why", "x", "--until", "2999-01-01", "--device", "abc"], "review show --json"),
        (["snooze", "0" * 16], "--wake"),
        (["snooze", "0" * 16, "--until", "2020-01-01"], "review list"),
        (["contest", "0" * 16], "holder's words"),
        (["contest", "0" * 16, "--result", "won"], "overturned"),
        (["lift", "7"], "review suppressions"),
        (["decide", "0" * 16, "--verdict", "confirmed", "--action", "ban"], "limit-streams"),
        (["decide", "0" * 16, "--verdict", "false-alarm", "--action", "message"], "confirmed only"),
        (["decide", "0" * 16, "--from", "verdicts.csv"], "nothing but --from"),
        (["decide", "--from", "verdicts.csv", "--note", "x"], "nothing but --from"),
        (["decide", "--from", "verdicts.csv", "--action", "refer"], "nothing but --from"),
    ],
)
def test_what_makes_no_sense_is_refused(home: Path, args: list[str], saying: str) -> None:
    """Each refusal says what was expected and what to do."""
    done = CliRunner().invoke(app, ["--home", str(home), "review", *args], env=QUICK)
    assert isinstance(done.exception, DetectorError)
    assert saying in str(done.exception)


def test_pictures_are_drawn_from_what_the_case_keeps(typed: Typed, home: Path) -> None:
    """As in the browser: also when the playbacks of its window are gone."""
    number = next(case["id"] for case in _queue(typed) if case["origin"] == "flag")
    drawn = typed("show", number, "--pictures")
    shutil.rmtree(home / "playbacks")
    assert typed("show", number, "--pictures") == drawn
