"""Review: what is offered, what is shown, what is decided, and what a later night makes of it."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support import TRAINED_UNTIL, clock

from detector import config, identity, published, reviewing
from detector.cases import Verdict
from detector.errors import InputError
from detector.ledger import schema
from detector.nightly import Night, night
from detector.runs import Doors, open_doors

# A verdict counts for the nights of its date and later ones.
DECIDED = dt.datetime.combine(TRAINED_UNTIL, dt.time(9), dt.UTC)


@pytest.fixture
def doors(home: Path, settings: config.Settings) -> Iterator[Doors]:
    with open_doors(home, settings) as doors:
        yield doors


def _night(doors: Doors, settings: config.Settings) -> Night:
    return night(doors, TRAINED_UNTIL, settings=settings, clock=clock)


def _flagged(doors: Doors) -> list[str]:
    frame = published.frame(doors, published.run_of(doors, TRAINED_UNTIL), "flags")
    return identity.to_hex(frame["account"]).to_list()


def test_what_a_night_flags_is_in_the_queue(doors: Doors, settings: config.Settings) -> None:
    """Flags and cases are the same accounts; the held-out accounts that score highest stand beside them."""
    record = _night(doors, settings).record
    queue = reviewing.queue(doors, reviewer="ana", now=clock()).cases
    flagged = [case.account for case in queue if case.origin == "flag"]
    assert sorted(flagged) == sorted(_flagged(doors))
    assert not record["error_rate_promised"]
    assert record["calibration_cases_open"] > 0
    offered = {case.account for case in queue if case.origin == "calibration"}
    assert len(offered | set(flagged)) >= record["calibration_cases_open"]


def test_an_account_rests_after_its_verdict(doors: Doors, settings: config.Settings) -> None:
    """The same night again leaves the decided one out, says so, and the next one moves up."""
    _night(doors, settings)
    first, *others = _flagged(doors)
    doors.ledger.cases.decide([(first, Verdict("false alarm"))], actor="ana", now=DECIDED)
    again = _night(doors, settings)
    assert again.record["kept_back"]["decided lately"] == 1
    assert first not in _flagged(doors)
    assert set(others) < set(_flagged(doors))


def test_a_promise_is_made_once_the_calibration_is_reviewed(doors: Doors, settings: config.Settings) -> None:
    """With every calibration account looked at, cases carry the promised share; confirmed ones make others rarer."""
    _night(doors, settings)
    before = published.scores(doors, published.run_of(doors, None))
    queue = doors.ledger.cases.queue()
    confirmed = [case for case in queue if (case.score or 0) > 2]
    innocent = [case for case in queue if (case.score or 0) <= 2]
    assert confirmed
    for cases, verdict in ((confirmed, Verdict("confirmed")), (innocent, Verdict("false alarm"))):
        doors.ledger.cases.decide([(case.account, verdict) for case in cases], actor="ana", now=DECIDED)
    rested = settings.decision.model_copy(update={"rest_days": 0, "false_discovery_share": 0.5})
    promised = _night(doors, settings.model_copy(update={"decision": rested}))
    assert promised.record["error_rate_promised"]
    after = published.scores(doors, published.run_of(doors, None))
    assert after["score"].equals(before["score"])
    # Of those that the confirmed all lay above: who is above everybody was as rare as can be told already.
    ordinary = after["score"] <= min(case.score or 0 for case in confirmed)
    rarer, common = after.filter(ordinary)["p_value"], before.filter(ordinary)["p_value"]
    assert (rarer <= common).all()
    assert rarer[0] < common[0]
    flagged = after.filter("flagged")
    cases_now = {case.account: case for case in doors.ledger.cases.queue()}
    assert flagged.height
    assert all(cases_now[account].promised_share == 0.5 for account in flagged["account"])


def test_a_night_knows_what_had_been_decided_by_its_end(doors: Doors, settings: config.Settings) -> None:
    """A verdict that was given later does not count, whenever the night is run: how many there are is on record."""
    first = _night(doors, settings)
    assert first.record["later_verdicts"] == 0
    one, other = _flagged(doors)[:2]
    end = dt.datetime.combine(TRAINED_UNTIL + dt.timedelta(days=1), dt.time(), dt.UTC)
    doors.ledger.cases.decide([(one, Verdict("false alarm"))], actor="ana", now=end)
    doors.ledger.cases.decide([(other, Verdict("false alarm"))], actor="ana", now=end - dt.timedelta(seconds=1))
    again = _night(doors, settings)
    assert again.record["later_verdicts"] == 1
    assert again.record["later_suppressions"] == 0
    ends_on = TRAINED_UNTIL + dt.timedelta(days=9)
    make = doors.ledger.suppressions.make
    make(one, "everything", None, ends_on=ends_on, why="a lab", actor="ana", now=end)
    lifted = make(other, "everything", None, ends_on=ends_on, why="a lab", actor="ana", now=end)
    doors.ledger.suppressions.lift(lifted.id, actor="ana", now=end)
    assert _night(doors, settings).record["later_suppressions"] == 1
    assert one in _flagged(doors)
    assert other not in _flagged(doors)


def test_kinds_that_policy_leaves_out_are_counted(doors: Doors, settings: config.Settings) -> None:
    """A kind that is not reviewed gives its place to the next account, and is counted."""
    _night(doors, settings)
    kind = doors.ledger.cases.of(_flagged(doors)[0])[0].kind
    policy = settings.decision.model_copy(update={"kinds_not_reviewed": (kind,)})
    again = _night(doors, settings.model_copy(update={"decision": policy}))
    assert again.record["kept_back"][kind] >= 1
    assert kind not in again.record["kinds"]
    assert again.record["flags"]


def test_the_next_case_is_taken_and_nobody_else_gets_it(doors: Doors, settings: config.Settings) -> None:
    """Two reviewers who take the next case get two; asked again, each gets the own one."""
    _night(doors, settings)
    ana, ben = (reviewing.take_next(doors, reviewer=name, now=clock()) for name in ("ana", "ben"))
    assert ana.account != ben.account
    assert reviewing.take_next(doors, reviewer="ana", now=clock()) == ana


def test_without_an_open_case_there_is_no_next(doors: Doors) -> None:
    """A home without a night says when to come back."""
    with pytest.raises(InputError, match="after the next night"):
        reviewing.take_next(doors, reviewer="ana", now=clock())


def test_a_case_is_shown_with_its_evidence_after_the_audit_row(
    doors: Doors, home: Path, settings: config.Settings
) -> None:
    """Reasons, counter-evidence and playbacks of any case, flagged or offered; names only for a purpose."""
    _night(doors, settings)
    queue = doors.ledger.cases.queue()
    for origin in ("flag", "calibration"):
        case = next(case for case in queue if case.origin == origin)
        account = identity.from_hex(case.account)
        show = reviewing.show(doors, account, settings=settings, reviewer="ana", purpose=None, now=clock())
        assert show["case"]["id"] == case.id
        assert show["night"]["reasons"][0]["sentence"]
        assert show["night"]["counter_evidence"]
        assert "account_id" not in show["night"]
    named = reviewing.show(doors, account, settings=settings, reviewer="ana", purpose="appeal", now=clock())
    assert identity.pseudonym_of(named["night"]["account_id"], doors.keys) == account
    engine = sa.create_engine(f"sqlite:///{home}/ledger.db")
    with engine.connect() as connection:
        looks = sa.select(schema.audit.c.action, schema.audit.c.purpose).where(schema.audit.c.actor == "ana")
        rows = connection.execute(looks).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [
        ("review: show", None),
        ("review: show", None),
        ("review: unmask", "appeal"),
    ]


def test_looking_at_what_is_no_case_is_on_record_too(doors: Doors, home: Path, settings: config.Settings) -> None:
    """The audit row is written before anything is looked up."""
    with pytest.raises(InputError, match="with a case"):
        reviewing.show(doors, 1, settings=settings, reviewer="ana", purpose=None, now=clock())
    engine = sa.create_engine(f"sqlite:///{home}/ledger.db")
    with engine.connect() as connection:
        assert connection.scalar(sa.select(schema.audit.c.account)) == f"{1:016x}"
    engine.dispose()
