"""What a case is, and what can be said of one: words without a database. What follows from it stands in `handling`.

A case is one account put before reviewers. At most one case of an account is open; what is said of it is kept as acts,
which are only ever added, and the case itself holds where they have led.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from detector.errors import SettingsError

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
Status = Literal["open", "proposed", "decided", "withdrawn"]
Outcome = Literal["confirmed", "false alarm", "undecided"]
Response = Literal["none", "message", "ask to verify", "limit streams", "refer"]
Contest = Literal["open", "upheld", "overturned"]
Action = Literal[
    "decided",
    "undone",
    "noted",
    "assigned",
    "kind changed",
    "withdrawn",
    "proposed",
    "agreed",
    "disagreed",
    "reopened",
    "snoozed",
    "suppressed",
    "lifted",
    "contested",
    "contest upheld",
    "contest overturned",
    "shown again",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
ORIGINS: tuple[str, ...] = get_args(Origin)
CASE_STATUSES: tuple[str, ...] = get_args(Status)
OUTCOMES: tuple[str, ...] = get_args(Outcome)
RESPONSES: tuple[str, ...] = get_args(Response)
CONTESTS: tuple[str, ...] = get_args(Contest)
ACTIONS: tuple[str, ...] = get_args(Action)
SEVERE: tuple[Response, ...] = ("limit streams", "refer")  # what one person alone may not propose


@dataclass(frozen=True)
class Shown:
    """An account as one night shows it: its kind, its score (null where too little is seen), the family whose evidence
    is strongest, and what was measured: family scores and features by name. `account` is 16 hex digits, `reasons` are
    what makes it unusual, strongest first: each a `feature` and a `sentence`."""

    account: str
    kind: Kind
    score: float | None
    family: str
    measured: Mapping[str, float | None] = field(default_factory=dict)
    reasons: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Case:
    """One account put before reviewers.

    `origin` says whether a night flagged it or it is one of the calibration accounts whose verdicts earn the stated
    error rate. `first_day` and `last_day` are the nights that showed it first and last, `nights` how many did, `run_id`
    the run of the last. `promised_share` is the share of false alarms that was promised when it was opened, null
    where none was. `measured` is what the last night measured: verdicts teach from it, whatever the account does later
    (empty where only a queue was asked for), `reasons` why that night showed it. From `outcome` to `decided_by` all is
    null while nobody has given a verdict. A `proposed` case has one that waits for a second person: see `decide`.

    `response` is what the reviewer proposes to do about a confirmed account; the program never does it. `seconded_by`
    is the second person who agreed, null where none was needed. `contest` is how far a contest by the account's holder
    has come, null where there was none, `contest_by` who reviewed it. `held_by` looks at the case until `held_until`;
    a time that has passed means nothing. `snoozed_until` is the day on which it comes back into the queue. `version`
    grows with every act, so that who decides on an old sight of it can be told. `turn` is its place among the open
    cases of its origin: lower ones are offered first. `file_day` is the night under which its case file is
    kept, null where there is none.
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
    response: Response | None = None
    seconded_by: str | None = None
    contest: Contest | None = None
    contested_at: dt.datetime | None = None
    contest_by: str | None = None
    held_by: str | None = None
    held_until: dt.datetime | None = None
    snoozed_until: dt.date | None = None
    version: int = 0
    turn: int = 0
    reasons: Sequence[Mapping[str, str]] = ()
    file_day: dt.date | None = None

    @property
    def taught(self) -> Outcome | None:
        """What there is to learn from it: its outcome, or a false alarm where a contest overturned it."""
        return "false alarm" if self.contest == "overturned" else self.outcome

    def teaches(self, unwanted: Collection[str]) -> bool:
        """Whether it says that an account should have been put before reviewers, or should not: not where it was left
        undecided, nor where it was confirmed as one of the `unwanted` kinds, which policy keeps from them."""
        return self.taught == "false alarm" or (self.taught == "confirmed" and self.verdict_kind not in unwanted)

    def held_from(self, actor: str, now: dt.datetime) -> bool:
        """Whether somebody other than `actor` looks at it now."""
        return self.held_by not in (None, actor) and self.held_until is not None and self.held_until > now


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

    `kind` is the confirmed kind (null: the one that the case looks like), `cause` the innocent cause of a false alarm,
    `response` what the reviewer proposes to do about a confirmed account.

    >>> Verdict("false alarm", cause="a child's favourite").cause
    "a child's favourite"
    >>> Verdict("confirmed", response="refer").needs_second
    True

    Raises:
        SettingsError: the outcome, kind or response is none that there is, or one that does not fit the others.
    """

    outcome: Outcome
    kind: Kind | None = None
    cause: str | None = None
    note: str = ""
    response: Response = "none"

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
        if self.response not in RESPONSES:
            raise SettingsError(
                f"expected an action ({', '.join(RESPONSES)}), found {self.response!r}; use one of these"
            )
        if self.response != "none" and self.outcome != "confirmed":
            raise SettingsError(
                f"expected an action with the verdict confirmed only, found it with {self.outcome}; drop it"
            )

    @property
    def needs_second(self) -> bool:
        """Whether it counts only once a second person agrees."""
        return self.response in SEVERE
