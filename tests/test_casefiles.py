"""What a case was opened on stays while the case does, and goes when it has been closed for long enough."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from support import TRAINED_UNTIL, clock

from detector import casefiles, config, identity, lookback, reviewing
from detector.cases import Case, Verdict
from detector.errors import IntegrityError
from detector.nightly import night
from detector.runs import Doors, open_doors

LATER = clock() + dt.timedelta(days=10)


@pytest.fixture
def doors(home: Path, settings: config.Settings) -> Iterator[Doors]:
    """A home with a published night."""
    with open_doors(home, settings) as doors:
        night(doors, TRAINED_UNTIL, settings=settings, clock=clock)
        yield doors


def _show(doors: Doors, case: Case, settings: config.Settings, purpose: str | None = None) -> dict[str, object]:
    account = identity.from_hex(case.account)
    return reviewing.show(doors, account, settings=settings, reviewer="ana", purpose=purpose, now=clock())


def _accounts(doors: Doors) -> set[int]:
    days = doors.home.partitions(casefiles.TABLE)
    return {
        account
        for frame in doors.home.read(casefiles.TABLE, days, "account_days.parquet")
        for account in frame["account"]
    }


def test_every_open_case_has_a_file_that_is_digested(doors: Doors) -> None:
    """Its account-days and playbacks are those of the home; a changed byte is refused, and found by verify."""
    queue = doors.ledger.cases.queue()
    assert {case.file_day for case in queue} == {TRAINED_UNTIL}
    assert _accounts(doors) == {int(case.account, 16) for case in queue}
    kept = casefiles.read(doors, queue[0], names=True)
    assert kept is not None
    first = TRAINED_UNTIL - dt.timedelta(days=364)
    home = lookback.account_days_of(doors.home, [int(queue[0].account, 16)], first, TRAINED_UNTIL)
    assert kept.year.account_days.equals(home)
    assert set(kept.names["kind"]) == {"account", "title"}
    assert doors.home.verify()[1] == []
    (part,) = doors.home.folder(casefiles.TABLE, TRAINED_UNTIL).glob("*.playbacks.parquet")
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    assert len(doors.home.verify()[1]) == 1
    with pytest.raises(IntegrityError, match="restore it"):
        casefiles.read(doors, queue[0])


def test_a_case_is_shown_as_before_when_playbacks_and_names_have_left(
    doors: Doors, home: Path, settings: config.Settings
) -> None:
    """With both folders gone, evidence, own id and title names are those that were on file."""
    case = next(case for case in doors.ledger.cases.queue() if case.origin == "flag")
    before = _show(doors, case, settings, purpose="appeal")["night"]
    for table in ("playbacks", "sealed"):
        shutil.rmtree(home / table)
    after = _show(doors, case, settings, purpose="appeal")["night"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert before["evidence"]
    for name in ("evidence", "account_id"):
        assert after[name] == before[name]
    assert "title_name" not in str(_show(doors, case, settings)["night"])


def test_a_file_of_before_a_column_was_known_is_read_and_added_to(doors: Doors, settings: config.Settings) -> None:
    """Here how long the busiest device played: not known of what lay there, and known of what is filed again."""
    parts = doors.home.parts(casefiles.TABLE, TRAINED_UNTIL)
    tables_of_it = {
        name: doors.home.read(casefiles.TABLE, [TRAINED_UNTIL], name)[0] for name in parts if name.endswith("parquet")
    }
    tables_of_it["account_days.parquet"] = tables_of_it["account_days.parquet"].drop("busiest_device_hours")
    (sealed,) = (name for name in parts if name not in tables_of_it)
    names = doors.home.read_bytes(casefiles.TABLE, TRAINED_UNTIL, sealed)
    assert names is not None
    key_id = {"key_id": doors.keys.key_id}
    doors.home.put(casefiles.TABLE, TRAINED_UNTIL, {**tables_of_it, sealed: names}, key_id)
    case = next(case for case in doors.ledger.cases.queue() if case.origin == "flag")
    kept = casefiles.read(doors, case)
    assert kept is not None
    assert kept.year.account_days["busiest_device_hours"].is_null().all()
    assert isinstance(_show(doors, case, settings)["night"], dict)
    night(doors, TRAINED_UNTIL + dt.timedelta(days=1), settings=_any_volume(settings), clock=lambda: LATER)
    assert doors.home.verify()[1] == []


def test_files_go_once_the_case_is_closed_long_enough(doors: Doors) -> None:
    """Not while it is open, proposed or contested; others of the same night stay; nothing is left of it in any part."""
    first, second, third, *rest = doors.ledger.cases.queue()
    for case, response in ((first, "none"), (second, "none"), (third, "refer")):
        verdict = Verdict("confirmed", response=response)  # type: ignore[arg-type]
        doors.ledger.cases.decide([(case.account, verdict)], actor="ana", now=clock())
    doors.ledger.cases.contest(second.account, "only us", actor="ana", now=clock())
    assert casefiles.let_go(doors, keep_days=11, now=LATER) == 0
    assert casefiles.let_go(doors, keep_days=10, now=LATER) == 1
    assert _accounts(doors) == {int(case.account, 16) for case in (second, third, *rest)}
    (names,) = (doors.home.read_bytes(casefiles.TABLE, TRAINED_UNTIL, "names.sealed"),)
    assert int(first.account, 16) not in identity.unseal(names, doors.keys)["account"]
    (gone,) = doors.ledger.cases.of(first.account)
    assert gone.file_day is None
    assert casefiles.read(doors, gone) is None
    for case in rest:
        doors.ledger.cases.decide([(case.account, Verdict("undecided"))], actor="ana", now=clock())
    doors.ledger.cases.undo(third.account, actor="ana", now=clock())
    doors.ledger.cases.settle(second.account, overturned=False, actor="ben", now=clock())
    doors.ledger.cases.decide([(third.account, Verdict("undecided"))], actor="ana", now=clock())
    casefiles.let_go(doors, keep_days=10, now=LATER)
    assert doors.home.partitions(casefiles.TABLE) == []


def test_a_later_night_adds_to_the_file_and_takes_it_along(doors: Doors, settings: config.Settings) -> None:
    """The file lies under the last night that showed the case, once, and holds what it held."""
    doors.home.remove("sealed", TRAINED_UNTIL)
    before = {case.account: casefiles.read(doors, case, names=True) for case in doors.ledger.cases.queue()}
    day = TRAINED_UNTIL + dt.timedelta(days=1)
    night(doors, day, settings=_any_volume(settings), clock=clock)
    moved = [case for case in doors.ledger.cases.queue() if case.last_day == day and case.nights == 2]
    assert moved
    for case in moved:
        assert case.file_day == day
        after, old = casefiles.read(doors, case, names=True), before[case.account]
        assert after is not None
        assert old is not None
        assert set(old.playbacks["playback"]) <= set(after.playbacks["playback"])
        assert set(old.names["name"]) <= set(after.names["name"])
        accounts = [int(case.account, 16)]
        home = lookback.account_days_of(doors.home, accounts, day - dt.timedelta(days=364), day)
        assert after.year.account_days.equals(home)
    every = pl.concat(doors.home.read(casefiles.TABLE, doors.home.partitions(casefiles.TABLE), "account_days.parquet"))
    assert every.height == every.unique(["account", "day"]).height


def _any_volume(settings: config.Settings) -> config.Settings:
    """The test's log ends with the day it was trained on."""
    gate = settings.gate.model_copy(update={"volume_low_ratio": 0.0, "drift_features": 99})
    return settings.model_copy(update={"gate": gate})
