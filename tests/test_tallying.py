"""What came of the desk, in counts and shares."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import TRAINED_UNTIL, clock

from detector import config, identity, reviewing, tallying
from detector.aftermath import LaterNight
from detector.cases import Shown, Verdict
from detector.nightly import night
from detector.runs import Doors, open_doors


@pytest.fixture
def doors(home: Path, settings: config.Settings) -> Iterator[Doors]:
    """A home with a published night."""
    with open_doors(home, settings) as doors:
        night(doors, TRAINED_UNTIL, settings=settings, clock=clock)
        yield doors


def test_stats_say_what_came_of_the_desk(doors: Doors, settings: config.Settings) -> None:
    """Shares with their counts: stopped, false alarms, overrides, second persons; hours from opening to verdict."""
    calm, loud, other, innocent, *_ = doors.ledger.cases.queue()
    opened = clock()
    for case, verdict, hours in (
        (calm, Verdict("confirmed"), 1),
        (loud, Verdict("confirmed", response="refer"), 2),
        (other, Verdict("confirmed", kind="ring" if other.kind != "ring" else "resale"), 3),
        (innocent, Verdict("false alarm"), 10),
    ):
        now = opened + dt.timedelta(hours=hours)
        doors.ledger.cases.decide([(case.account, verdict)], actor="ana", now=now)
    doors.ledger.cases.second(loud.account, agrees=True, actor="ben", now=opened + dt.timedelta(hours=2))
    for nth in range(1, 8):
        day = opened.date() + dt.timedelta(days=nth)
        doors.ledger.start_run(f"r{nth}", command="nightly", day=day, key_id="k", now=opened)
        followed = [LaterNight(calm.id, day, 0.5, over_line=False), LaterNight(loud.id, day, 0.001, over_line=True)]
        doors.ledger.publish(
            f"r{nth}", fingerprint="f", directory="d", manifest={}, model_version="1", record={}, now=opened,
            followed=followed,
        )  # fmt: skip
    found = tallying.tally(doors)
    told = {name: (found[name]["count"], found[name]["of"]) for name in ("stopped", "false_alarms", "overridden")}
    assert told == {"stopped": (1, 2), "false_alarms": (1, 4), "overridden": (1, 3)}
    assert (found["agreed"]["share"], found["overturned"]["share"]) == (1.0, None)
    assert found["came"] == {"stopped": 1, "goes on": 1, "unknown": 1}
    assert found["median_hours_to_decide"] == 2.5
    shown = reviewing.show(
        doors, identity.from_hex(calm.account), settings=settings, reviewer="ana", purpose=None, now=opened
    )
    assert shown["came"] == "stopped"


def test_stats_count_cases_and_verdicts(doors: Doors) -> None:
    """By kind and by verdict; nothing is said of a promise that was not made."""
    first, *_ = doors.ledger.cases.queue()
    doors.ledger.cases.decide([(first.account, Verdict("confirmed"))], actor="ana", now=clock())
    found = tallying.tally(doors)
    assert found["cases"]["decided"] == 1
    assert found["verdicts"] == [{"kind": first.kind, "confirmed": 1, "false alarm": 0, "undecided": 0}]
    assert found["promised"] == []


def test_every_verdict_counts_and_the_one_that_stands(doors: Doors) -> None:
    """Also those before an account's latest, an overturned one as a false alarm, each under what was promised then."""
    flagged = [case for case in doors.ledger.cases.queue() if case.origin == "flag"]
    account, now, ledger = flagged[0].account, clock(), doors.ledger
    shown = Shown(account, "resale", 9.0, "groups")
    for nth, (share, outcome) in enumerate([(0.1, "false alarm"), (0.1, "confirmed"), (0.2, "confirmed")]):
        day = TRAINED_UNTIL + dt.timedelta(days=40 * (nth + 1))
        ledger.start_run(f"p{nth}", command="nightly", day=day, key_id="k", now=now)
        if nth == 0:
            ledger.cases.decide([(account, Verdict("undecided"))], actor="ana", now=now)
        ledger.publish(
            f"p{nth}", fingerprint=f"f{nth}", directory="d", manifest={}, model_version="1", record={}, now=now,
            flagged=[shown], promised_share=share,
        )  # fmt: skip
        ledger.cases.decide([(account, Verdict(outcome))], actor="ana", now=now)  # type: ignore[arg-type]
    ledger.cases.contest(account, "it is us", actor="ana", now=now)
    ledger.cases.settle(account, overturned=True, actor="ben", now=now)
    found = tallying.tally(doors)
    assert [(one["promised_share"], one["decided"], one["false_alarm_share"]) for one in found["promised"]] == [
        (0.1, 2, 0.5),
        (0.2, 1, 1.0),
    ]
    assert sum(row["false alarm"] for row in found["verdicts"]) == found["false_alarms"]["count"] == 2
    assert sum(row["confirmed"] for row in found["verdicts"]) == 1
    assert found["cases"]["decided"] == 4
