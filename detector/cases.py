"""What a reviewer can say of a case, and what follows from it: rules without a database.

A case is one account put before reviewers. At most one case of an account is open; what is said of it is kept as acts,
which are only ever added, and the case itself holds where they have led.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from detector.errors import InputError, SettingsError

Kind = Literal[
    "resale",
    "household sharing",
    "loop or automated playback",
    "account takeover",
    "ring",
    "restreaming",
    "unclear",
]
Origin = Literal["flag", "calibration"]
Status = Literal["open", "decided", "withdrawn"]
Outcome = Literal["confirmed", "false alarm", "undecided"]
Action = Literal["decided", "undone", "noted", "assigned", "kind changed", "withdrawn"]
KINDS: tuple[str, ...] = get_args(Kind)
ORIGINS: tuple[str, ...] = get_args(Origin)
CASE_STATUSES: tuple[str, ...] = get_args(Status)
OUTCOMES: tuple[str, ...] = get_args(Outcome)
ACTIONS: tuple[str, ...] = get_args(Action)


@dataclass(frozen=True)
class Shown:
    """An account as one night shows it: its kind, its score (null where too little is seen), the family whose evidence
    is strongest, and what was measured: family scores and features by name. `account` is 16 hex digits."""

    account: str
    kind: Kind
    score: float | None
    family: str
    measured: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One account put before reviewers.

    `origin` says whether a night flagged it or it is one of the calibration accounts whose verdicts earn the stated
    error rate. `first_day` and `last_day` are the nights that showed it first and last, `nights` how many did, `run_id`
    the run of the last. `promised_share` is the share of false alarms that was promised when it was opened, null
    where none was. `measured` is what the last night measured: verdicts teach from it, whatever the account does later.
    What stands after it is null while the case is not decided.
    """

    id: int
    account: str
    origin: Origin
    status: Status
    opened_at: dt.datetime
    first_day: dt.date
    last_day: dt.date
    nights: int
    run_id: str
    kind: Kind
    score: float | None
    family: str
    promised_share: float | None
    assignee: str | None
    measured: Mapping[str, float | None] = field(default_factory=dict)
    outcome: Outcome | None = None
    verdict_kind: Kind | None = None
    cause: str | None = None
    decided_at: dt.datetime | None = None
    decided_by: str | None = None


@dataclass(frozen=True)
class Act:
    """Something that was done to a case, by whom and when."""

    case_id: int
    at: dt.datetime
    actor: str
    action: Action
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What a reviewer concluded.

    `kind` is the confirmed kind (null: the one that the case looks like), `cause` the innocent cause of a false alarm.

    >>> Verdict("false alarm", cause="a child's favourite").cause
    "a child's favourite"

    Raises:
        SettingsError: the outcome or the kind is none that there is, or one that does not fit the other.
    """

    outcome: Outcome
    kind: Kind | None = None
    cause: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise SettingsError(f"expected a verdict ({', '.join(OUTCOMES)}), found {self.outcome!r}; use one of these")
        if self.kind is not None and self.kind not in KINDS:
            raise SettingsError(f"expected a kind ({', '.join(KINDS)}), found {self.kind!r}; use one of these")
        if self.kind is not None and self.outcome != "confirmed":
            raise SettingsError(
                f"expected a kind with the verdict confirmed only, found it with {self.outcome}; drop it"
            )
        if self.cause is not None and self.outcome != "false alarm":
            raise SettingsError(
                f"expected a cause with the verdict false alarm only, found it with {self.outcome}; drop it"
            )


def decide(case: Case, verdict: Verdict, *, actor: str, now: dt.datetime) -> Case:
    """The case with its verdict.

    Raises:
        InputError: it has one already.
    """
    if case.status != "open":
        raise InputError(
            f"expected an open case of {case.account}, found it {case.status}"
            f"{f' by {case.decided_by}' if case.decided_by else ''}; "
            "look at it with `detector review show`, and take the verdict back with `detector review undo`"
        )
    return replace(
        case,
        status="decided",
        outcome=verdict.outcome,
        verdict_kind=(verdict.kind or case.kind) if verdict.outcome == "confirmed" else None,
        cause=verdict.cause,
        decided_at=now,
        decided_by=actor,
    )


def undo(case: Case) -> Case:
    """The case without its verdict, open again.

    Raises:
        InputError: it has none.
    """
    if case.status != "decided":
        raise InputError(
            f"expected a decided case of {case.account}, found it {case.status}; there is no verdict to take back"
        )
    return replace(case, status="open", outcome=None, verdict_kind=None, cause=None, decided_at=None, decided_by=None)


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
    """The open case after a night that flagged its account. The latest night tells what it looks like now."""
    if day < case.last_day:
        return replace(case, first_day=min(case.first_day, day), nights=case.nights + (day < case.first_day))
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
    )


def in_order(queue: Iterable[Case], *, reviewer: str) -> list[Case]:
    """Open cases in the order in which a reviewer is offered them.

    Those already in the reviewer's hands come first. Then calibration cases, because every one of them brings a stated
    error rate nearer, and then what nights have flagged; those in somebody else's hands come last. Within each, the
    families take turns, the highest score of each first: what is labelled teaches more when it is of many kinds.
    """
    groups: dict[int, list[Case]] = {0: [], 1: [], 2: [], 3: []}
    for case in queue:
        taken = case.assignee not in (None, reviewer)
        groups[3 if taken else 0 if case.assignee else 1 if case.origin == "calibration" else 2].append(case)
    return [case for group in groups.values() for case in _taking_turns(group)]


def _taking_turns(group: Iterable[Case]) -> list[Case]:
    by_score = sorted(group, key=lambda case: (-(case.score or 0), case.id))
    turns: dict[str, int] = {}
    ranked: list[tuple[int, int, Case]] = []
    for case in by_score:
        turns[case.family] = turns.get(case.family, -1) + 1
        ranked.append((turns[case.family], len(ranked), case))
    return [case for _, _, case in sorted(ranked, key=lambda entry: entry[:2])]
