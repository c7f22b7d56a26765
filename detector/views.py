"""Which cases somebody wants to see: the filters of the queue, which can be kept under a name."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from detector.cases import CASE_STATUSES, KINDS, ORIGINS, Kind, Origin, Status
from detector.errors import SettingsError


@dataclass(frozen=True)
class Filters:
    """Cases of one status that look like `kind`, come from `origin`, whose strongest evidence is of `family`, and that
    score at least `least_score`; null: whatever it is. `mine` are those in the reviewer's own hands, `free` those in
    nobody's; `snoozed` shows those too that are out of the queue until some day.

    >>> Filters(kind="ring").said()
    {'kind': 'ring'}

    Raises:
        SettingsError: the status, kind or origin is none that there is, or the score no number.
    """

    status: Status = "open"
    kind: Kind | None = None
    origin: Origin | None = None
    family: str | None = None
    least_score: float | None = None
    mine: bool = False
    free: bool = False
    snoozed: bool = False

    def __post_init__(self) -> None:
        known = {"status": CASE_STATUSES, "kind": (None, *KINDS), "origin": (None, *ORIGINS)}
        for name, values in known.items():
            found = getattr(self, name)
            if found not in values:
                expected = ", ".join(value for value in values if value)
                raise SettingsError(f"expected --{name} to be one of {expected}, found {found!r}; use one of these")

        if self.least_score is not None and not math.isfinite(self.least_score):
            raise SettingsError(f"expected --least-score to be a number, found {self.least_score}; give one such as 5")

    def said(self) -> dict[str, Any]:
        """What they say beyond the usual, as plain data."""
        usual = Filters()
        return {name: value for name, value in asdict(self).items() if value != getattr(usual, name)}

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """The filters that said so; what an older program knew and this one does not is left out.

        >>> Filters.of({"mine": True, "colour": "red"}).said()
        {'mine': True}
        """
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in said.items() if name in known})
