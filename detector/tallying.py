"""What came of the cases, in counts and shares: whether reviewing is worth its time."""

from collections import Counter
from dataclasses import asdict
from statistics import median
from typing import Any, get_args

import polars as pl

from detector import aftermath, cases, error_rate
from detector.ranking import wilson
from detector.runs import Doors


def tally(doors: Doors) -> dict[str, Any]:
    """What came of the cases. Verdicts are all, those before an account's latest too, but for `verdicts`; a share
    stands with its counts (`_share`).

    Keys:
        cases: how many stand where.
        verdicts: those that stand, by kind; a contest may have overturned one.
        promised: the share of false alarms among the cases flagged under each promise.
        false_alarms: their share of the verdicts that confirm or do not.
        stopped: share of those that stopped, of the confirmed of whom later nights can tell.
        overridden: share of the confirmed that a reviewer found to be of another kind than they looked like.
        agreed: share of the second persons who did.
        overturned: share of the reviewed contests that changed the verdict.
        came: how many of the confirmed by what came of them.
        median_hours_to_decide: null without any.
    """
    asked = doors.ledger.cases
    decided = asked.decided(measured=False, every=True)
    rows = [(case.kind, case.taught) for case in decided]
    by_kind = (
        pl.DataFrame(rows, schema={"kind": pl.String, "outcome": pl.String}, orient="row")
        .group_by("kind")
        .agg((pl.col("outcome") == outcome).sum().alias(outcome) for outcome in cases.OUTCOMES)
        .sort("kind")
    )
    confirmed = [case for case in decided if case.taught == "confirmed"]
    sure = [case for case in decided if case.taught != "undecided"]
    nights, acts = asked.later_nights(), asked.acts_count()
    came = Counter(aftermath.came_of(nights.get(case.id, [])) for case in confirmed)
    hours = [(case.decided_at - case.opened_at).total_seconds() / 3600 for case in decided if case.decided_at]
    agreed, overturned = acts.get("agreed", 0), acts.get("contest overturned", 0)
    return {
        "cases": asked.counts(),
        "verdicts": by_kind.to_dicts(),
        "promised": [asdict(one) for one in error_rate.measured(decided)],
        "false_alarms": _share(len(sure) - len(confirmed), len(sure)),
        "stopped": _share(came["stopped"], came["stopped"] + came["goes on"]),
        "overridden": _share(sum(case.verdict_kind != case.kind for case in confirmed), len(confirmed)),
        "agreed": _share(agreed, agreed + acts.get("disagreed", 0)),
        "overturned": _share(overturned, overturned + acts.get("contest upheld", 0)),
        "came": {outcome: came[outcome] for outcome in get_args(aftermath.Came)},
        "median_hours_to_decide": round(median(hours), 2) if hours else None,
    }


def _share(count: int, of: int) -> dict[str, Any]:
    """A share with its counts and its 95 % interval (Wilson 1927); null where there is nothing to count among."""
    low, high = wilson(count / of, of) if of else (None, None)
    return {"count": count, "of": of, "share": count / of if of else None, "low_share": low, "high_share": high}
