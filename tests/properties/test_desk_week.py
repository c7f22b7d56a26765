"""A simulated week at the desk: the log says of each account exactly what was done, and the rules hold throughout."""

import datetime as dt
import random
from collections.abc import Callable
from typing import get_args

import pytest

from detector.cases import KINDS, Case, Outcome, Response, Shown, Verdict
from detector.errors import InputError
from detector.ledger import Ledger

MONDAY = dt.datetime(2025, 6, 30, 8, tzinfo=dt.UTC)
PEOPLE = ("ana", "ben", "eva")
ACCOUNTS = [f"{n:016x}" for n in range(1, 7)]
OFTEN = ("decide", "second", "contest", "settle") * 3  # else hardly any verdict lives to be contested
Step = Callable[[str, str, dt.datetime], str]


def _night(ledger: Ledger, random: random.Random, day: dt.date, now: dt.datetime) -> None:
    """A night that shows a third of the accounts, as one of the kinds."""
    run_id = f"run-{day}"
    ledger.start_run(run_id, command="nightly", day=day, key_id="k", now=now)
    shown = [
        Shown(account, random.choice(KINDS[:3]), random.uniform(2, 9), "groups")
        for account in random.sample(ACCOUNTS, 4)
    ]
    ledger.publish(
        run_id, fingerprint=run_id, directory=run_id, manifest={}, model_version="1", record={}, now=now,
        flagged=shown,
    )  # fmt: skip


def _steps(ledger: Ledger, random: random.Random) -> dict[str, Step]:
    """What people do, and the line of the log that each of these must leave."""
    desk = ledger.cases

    def look(account: str, who: str, now: dt.datetime) -> str:
        desk.look(account, action="review: show", actor=who, purpose="a question", now=now)
        return "review: show"

    def decide(account: str, who: str, now: dt.datetime) -> str:
        outcome: Outcome = random.choice(("confirmed", "confirmed", *get_args(Outcome)))
        response: Response = random.choice(("refer", *get_args(Response))) if outcome == "confirmed" else "none"
        (case,) = desk.decide([(account, Verdict(outcome, response=response))], actor=who, now=now)
        return f"review: {case.status}"

    def second(account: str, who: str, now: dt.datetime) -> str:
        agrees = random.random() < 0.5
        desk.second(account, agrees=agrees, actor=who, now=now)
        return "review: agreed" if agrees else "review: disagreed"

    def settle(account: str, who: str, now: dt.datetime) -> str:
        overturned = random.random() < 0.5
        desk.settle(account, overturned=overturned, actor=who, now=now)
        return "review: contest overturned" if overturned else "review: contest upheld"

    def suppress(account: str, who: str, now: dt.datetime) -> str:
        ends_on = now.date() + dt.timedelta(days=2)
        ledger.suppressions.make(account, "everything", None, ends_on=ends_on, why="w", actor=who, now=now)
        return "review: suppressed"

    def lift(account: str, who: str, now: dt.datetime) -> str:
        found = ledger.suppressions.all(account)
        ledger.suppressions.lift(found[0].id if found else 0, actor=who, now=now)
        return "review: lifted"

    def said(action: str, act: Callable[..., object]) -> Step:
        def step(account: str, who: str, now: dt.datetime) -> str:
            act(account, who, now)
            return f"review: {action}"

        return step

    return {
        "look": look, "decide": decide, "second": second, "settle": settle, "suppress": suppress, "lift": lift,
        "note": said("noted", lambda a, w, t: desk.note(a, "n", actor=w, now=t)),
        "assign": said("assigned", lambda a, w, t: desk.assign(a, w, actor=w, now=t)),
        "snooze": said("snoozed", lambda a, w, t: desk.snooze(a, t.date() + dt.timedelta(days=1), actor=w, now=t)),
        "undo": said("undone", lambda a, w, t: desk.undo(a, actor=w, now=t)),
        "reopen": said("reopened", lambda a, w, t: desk.reopen(a, "news", actor=w, now=t)),
        "contest": said("contested", lambda a, w, t: desk.contest(a, "no", actor=w, now=t)),
    }  # fmt: skip


def _holds(cases: list[Case]) -> None:
    """What must be true of the cases of one account at any time."""
    assert sum(case.status in ("open", "proposed") for case in cases) <= 1
    for case in cases:
        assert (case.status in ("proposed", "decided")) == (case.outcome is not None)
        if case.status == "decided" and case.response in ("limit streams", "refer"):
            assert case.seconded_by not in (None, case.decided_by)
        assert case.contest_by is None or case.contest_by not in (case.decided_by, case.seconded_by)


@pytest.mark.parametrize("seed", range(3))
def test_after_a_week_the_log_says_of_each_account_what_was_done(ledger_url: str, seed: int) -> None:
    """Everybody tries everything on any account; what is refused leaves no line, all else exactly one."""
    random_acts = random.Random(seed)
    journal: dict[str, list[tuple[str, str]]] = {account: [] for account in ACCOUNTS}
    refused = 0
    with Ledger.open(ledger_url, lock_timeout_s=5) as ledger:
        steps = _steps(ledger, random_acts)
        for nth in range(7):
            now = MONDAY + dt.timedelta(days=nth)
            _night(ledger, random_acts, now.date() - dt.timedelta(days=1), now)
            for minute in range(60):
                account, who = random_acts.choice(ACCOUNTS), random_acts.choice(PEOPLE)
                name = random_acts.choice([*steps, *OFTEN])
                try:
                    line = steps[name](account, who, now + dt.timedelta(minutes=11 * minute))
                except InputError:
                    refused += 1
                else:
                    journal[account].append((who, line))
                _holds(ledger.cases.of(account))
        for account, done in journal.items():
            looks = ledger.looks(account=account, limit=1000)
            assert [(look.actor, look.action) for look in reversed(looks)] == done
        for case in (case for account in ACCOUNTS for case in ledger.cases.of(account)):
            assert case.version == len(ledger.cases.acts(case.id))
    assert refused
    assert {line for done in journal.values() for _, line in done} >= {"review: agreed", "review: contested"}
