"""What a reviewer has said is not to count for an account until some day.

A suppression is no verdict: it says nothing of whether the account is abusive, and teaches nothing.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["everything", "feature", "device", "network"]
SCOPES: tuple[str, ...] = get_args(Scope)


@dataclass(frozen=True)
class Suppressed:
    """What does not count for an account, and until when.

    `account` is 16 hex digits. `scope` says what: `everything` (the account is not put before reviewers), a `feature`
    (it is taken to be typical), a `device` or a `network` (their playbacks are left out of the evidence); `value` is
    the name of the feature or the 16 hex digits of the device or network, null for everything. `ends_on` is the last
    night that it holds for, `why` the reason of who made it. What was lifted before that has a `lifted_at`.
    """

    id: int
    account: str
    scope: Scope
    value: str | None
    why: str
    made_at: dt.datetime
    made_by: str
    ends_on: dt.date
    lifted_at: dt.datetime | None = None
    lifted_by: str | None = None

    def holds(self, day: dt.date) -> bool:
        """Whether it counts for a night: made by the end of that UTC date, not ended, not lifted by then."""
        lifted = self.lifted_at is not None and self.lifted_at.date() <= day
        return self.made_at.date() <= day <= self.ends_on and not lifted
