"""What may be done to a case, and what it is afterwards: rules without a database."""

import datetime as dt
from dataclasses import replace
from typing import Any

from detector.cases import Case, Contest, Shown, Verdict
from detector.errors import InputError, SettingsError

HOLD_S = 600  # so long after a look nobody else decides the case
_TOLD_CHANGE = 1.0  # of the score, in decades of evidence: less is no news


def decide(case: Case, verdict: Verdict, *, actor: str, now: dt.datetime, version: int | None = None) -> Case:
    """The case with its verdict: decided, or proposed where a second person must agree.

    `version` is that of the sight it was decided on; null: whatever stands now.

    Raises:
        InputError: it has one already, it has changed since that sight, or somebody else is looking at it.
    """
    if case.status != "open":
        raise InputError(
            f"expected an open case of {case.account}, found it {case.status}"
            f"{f' by {case.decided_by}' if case.decided_by else ''}; "
            "look at it with `detector review show`, and take the verdict back with `detector review undo`"
        )
    _as_seen(case, version)
    if case.held_from(actor, now):
        raise InputError(
            f"expected a case of {case.account} that nobody else looks at, found {case.held_by} at it until "
            f"{case.held_until:%H:%M} UTC; wait, or ask"
        )
    return replace(
        _let_go(case),
        status="proposed" if verdict.needs_second else "decided",
        outcome=verdict.outcome,
        verdict_kind=(verdict.kind or case.kind) if verdict.outcome == "confirmed" else None,
        cause=verdict.cause,
        decided_at=now,
        decided_by=actor,
        response=verdict.response if verdict.outcome == "confirmed" else None,
        snoozed_until=None,
    )


def second(case: Case, *, agrees: bool, actor: str, now: dt.datetime, version: int | None = None) -> Case:
    """The case after a second person has looked: decided from `now` on, or open again.

    Raises:
        InputError: no verdict of it waits for a second person, it has changed since `version`, or this is the first
            person.
    """
    if case.status != "proposed":
        raise InputError(
            f"expected a case of {case.account} that waits for a second person, found it {case.status}; "
            "`detector review list --status proposed` shows those that do"
        )
    _as_seen(case, version)
    if case.decided_by == actor:
        raise InputError(
            f"expected another person than {actor}, who proposed the verdict on {case.account}; ask a colleague, or "
            f"take it back with `detector review undo {case.account}`"
        )
    if not agrees:
        return _without_verdict(case)
    return replace(_let_go(case), status="decided", decided_at=now, seconded_by=actor)


def undo(case: Case, *, actor: str) -> Case:
    """The case without its verdict, open again: it was a slip.

    Raises:
        InputError: it has none, a second person has agreed with it, or what `reopen` says of a contest.
    """
    if case.status not in ("decided", "proposed"):
        raise InputError(
            f"expected a decided case of {case.account}, found it {case.status}; there is no verdict to take back"
        )
    if case.seconded_by is not None:
        raise InputError(
            f"expected a verdict of one person on {case.account}, found one that {case.seconded_by} agreed with; open "
            f"the case again with `detector review reopen {case.account} --note WHY` if there is news"
        )
    _contest_is_over(case, actor)
    return _without_verdict(case)


def reopen(case: Case, *, actor: str) -> Case:
    """A closed case, open again because there is news of it.

    Raises:
        InputError: it is not closed, its verdict is contested, or was and the actor had a part in it.
    """
    if case.status not in ("decided", "withdrawn"):
        raise InputError(f"expected a closed case of {case.account}, found it {case.status}; it can be worked on as is")
    _contest_is_over(case, actor)
    return _without_verdict(case)


def _contest_is_over(case: Case, actor: str) -> None:
    """Whose verdict was contested does not bring it back alone."""
    if case.contest == "open":
        raise InputError(
            f"expected the contest of {case.account} to have been reviewed, found it open; somebody who had no part in "
            f"the verdict says what came of it with `detector review contest {case.account} --result upheld`, or "
            "overturned"
        )
    if case.contest is not None:
        _had_no_part(case, actor)


def _had_no_part(case: Case, actor: str) -> None:
    if actor in (case.decided_by, case.seconded_by):
        raise InputError(
            f"expected somebody who had no part in the verdict on {case.account}, found {actor}; ask a colleague"
        )


def contest(case: Case, *, now: dt.datetime) -> Case:
    """The case, its verdict contested by the account's holder.

    Raises:
        InputError: no verdict against the holder stands, or it has been contested already.
    """
    if case.status != "decided" or case.outcome != "confirmed":
        found = case.outcome if case.status == "decided" else case.status
        raise InputError(
            f"expected a confirmed case of {case.account}, found it {found}; there is nothing to contest, add a note"
        )
    if case.contest is not None:
        raise InputError(f"expected a verdict on {case.account} not contested yet, found it {case.contest}; add a note")
    return replace(case, contest="open", contested_at=now)


def settle(case: Case, result: Contest, *, actor: str) -> Case:
    """The case after its contest has been reviewed, by none of those who decided it.

    Raises:
        InputError: no contest is open, or the actor had a part in the verdict.
    """
    if case.contest != "open":
        raise InputError(
            f"expected a case of {case.account} with an open contest, found {case.contest or 'none'}; "
            f"record one with `detector review contest {case.account} --note WORDS`"
        )
    _had_no_part(case, actor)
    return replace(case, contest=result, contest_by=actor)


def hold(case: Case, *, actor: str, now: dt.datetime) -> Case:
    """The case while somebody looks at it, unless somebody else does."""
    if case.status not in ("open", "proposed") or case.held_from(actor, now):
        return case
    return replace(case, held_by=actor, held_until=now + dt.timedelta(seconds=HOLD_S))


def snooze(case: Case, until: dt.date | None, *, today: dt.date) -> Case:
    """The case out of the queue until a day; None: back in it.

    Raises:
        InputError: it is not open.
        SettingsError: that day is not to come.
    """
    _open(case)
    if until is not None and until <= today:
        raise SettingsError(f"expected a day after {today}, found {until}; name a later one")
    return replace(_let_go(case), snoozed_until=until)


def _open(case: Case) -> None:
    if case.status != "open":
        raise InputError(
            f"expected an open case of {case.account}, found it {case.status}; look at it with `detector review show`"
        )


def _as_seen(case: Case, version: int | None) -> None:
    if version is not None and version != case.version:
        raise InputError(
            f"expected the case of {case.account} as it was shown, found it changed since; look at it again"
        )


def _let_go(case: Case) -> Case:
    return replace(case, held_by=None, held_until=None)


def _without_verdict(case: Case) -> Case:
    return replace(
        _let_go(case), status="open", outcome=None, verdict_kind=None, cause=None, decided_at=None, decided_by=None,
        response=None, seconded_by=None, contest=None, contested_at=None, contest_by=None,
    )  # fmt: skip


def assign(case: Case, assignee: str | None) -> Case:
    """The case in somebody's hands, or in nobody's.

    Raises:
        InputError: it is not open.
    """
    if case.status != "open":
        raise InputError(
            f"expected an open case of {case.account}, found it {case.status}; only open ones are in somebody's hands"
        )
    return replace(case, assignee=assignee)


def shown_again(case: Case, shown: Shown, *, day: dt.date, run_id: str) -> Case:
    """The case after a night that flagged its account. The latest night tells what an open one looks like now; who
    comes second looks at what the first has decided on."""
    if day < case.last_day:
        return replace(case, first_day=min(case.first_day, day), nights=case.nights + (day < case.first_day))
    if case.status == "proposed":
        return replace(case, last_day=day, nights=case.nights + (day > case.last_day))
    return replace(
        case,
        origin="flag",
        last_day=day,
        nights=case.nights + (day > case.last_day),
        run_id=run_id,
        kind=shown.kind,
        score=shown.score,
        family=shown.family,
        measured=shown.measured,
        reasons=shown.reasons,
    )


def changes(before: Case, after: Case) -> dict[str, Any]:
    """What a new night changed about a case that a reviewer would want to know, empty where nothing: `kind`, `family`
    and `score` as `[before, after]`, features that are reasons now (`reasons_new`) and no longer (`reasons_gone`)."""
    told: dict[str, Any] = {
        name: [getattr(before, name), getattr(after, name)]
        for name in ("kind", "family")
        if getattr(before, name) != getattr(after, name)
    }
    old, new = before.score, after.score
    if (old is None) != (new is None) or (old is not None and new is not None and abs(new - old) >= _TOLD_CHANGE):
        told["score"] = [old, new]
    was, now = ([reason["feature"] for reason in case.reasons] for case in (before, after))
    appeared = [feature for feature in now if feature not in was]
    gone = [feature for feature in was if feature not in now]
    return told | ({"reasons_new": appeared} if appeared else {}) | ({"reasons_gone": gone} if gone else {})
