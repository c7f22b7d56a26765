"""The stated error rate: how it is kept, when it is earned, and what came of it.

Conformal p-values (Vovk, Gammerman and Shafer 2005) of the night's scores against held-out accounts, and Benjamini and
Hochberg's step-up (1995) over them, keep the share of false alarms among the flagged below a target (Bates et al. 2023)
if the held-out accounts are all innocent. Nobody's are: the abusive among them make everybody look ordinary, and
nothing is ever flagged. Leaving out a guessed share promises too much. What holds is to have people look at those of
them that score highest, and to leave out the ones that they confirm. Until that has been done there is no promise,
and the night flags as many as reviewers can take.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import polars as pl

from detector.cases import Case, Outcome
from detector.ranking import wilson

CALIBRATION_CASES = 300  # of the held-out accounts, the highest: so many are looked at before anything is promised
_MOST = 0.5


def q_values(p_values: pl.Series) -> pl.Series:
    """Of each account: the lowest target at which it would be flagged (Benjamini and Hochberg 1995).

    >>> q_values(pl.Series([0.01, 0.5, 0.02])).to_list()
    [0.03, 0.5, 0.03]
    """
    n = len(p_values)
    ranked = pl.DataFrame({"p": p_values}).with_row_index("row").sort("p", "row", descending=True)
    q = (pl.col("p") * n / (n - pl.int_range(pl.len()))).cum_min().clip(upper_bound=1).round_sig_figs(9)
    return ranked.with_columns(q=q).sort("row")["q"]


@dataclass(frozen=True)
class Calibration:
    """How far the held-out accounts that score highest have been reviewed.

    `open` are those of them that somebody still has to look at, the highest first; `confirmed` those that are to leave
    the calibration. An account that the service no longer has can not be looked at: it stays, which promises less.
    `looked_at_share` is how many of them all have been looked at.
    """

    open: list[int]
    confirmed: list[int]
    looked_at_share: float

    @property
    def earned(self) -> bool:
        """Whether an error rate may be stated: nobody is left to look at, and most of them have been looked at. Against
        accounts that are gone, or of an invented service, nothing can be promised."""
        return not self.open and self.looked_at_share > _MOST


def calibration(highest: Iterable[int], *, seen: Collection[int], decided: Iterable[Case]) -> Calibration:
    """How far the `highest` held-out accounts have been reviewed.

    `seen` are the accounts of the night, `decided` the case of each account that there is to learn from; one that was
    left undecided has been looked at, and stays among the innocent.
    """
    outcomes = {int(case.account, 16): case.taught for case in decided}
    known, here = list(highest), set(seen)
    looked_at = sum(account in outcomes for account in known)
    return Calibration(
        open=[account for account in known if account in here and account not in outcomes],
        confirmed=[account for account in known if outcomes.get(account) == "confirmed"],
        looked_at_share=looked_at / len(known) if known else 0.0,
    )


@dataclass(frozen=True)
class Measured:
    """What reviewers said of the cases that were flagged under one promise: the share of false alarms that was
    promised, how many were `decided` one way or the other, the share of false alarms among them, and its 95 % interval
    (Wilson 1927)."""

    promised_share: float
    decided: int
    false_alarm_share: float
    low_share: float
    high_share: float


def measured(decided: Iterable[Case]) -> list[Measured]:
    """The error rate that came of each promise under which something was decided, the strictest first."""
    outcomes: dict[float, list[Outcome | None]] = {}
    for case in decided:
        if case.promised_share is not None and case.taught != "undecided":
            outcomes.setdefault(case.promised_share, []).append(case.taught)
    shares = {promised: taught.count("false alarm") / len(taught) for promised, taught in sorted(outcomes.items())}
    return [
        Measured(promised, len(outcomes[promised]), share, *wilson(share, len(outcomes[promised])))
        for promised, share in shares.items()
    ]
