"""What the score has to beat: a plain forest on counts, and the rules that stream managers and fraud consoles apply.

Both read the published features by their names, and do with those that there are.
"""

import numpy as np
import polars as pl
from sklearn.ensemble import IsolationForest

COUNTS = (
    "devices", "new_devices_per_week", "networks", "countries", "peak_streams", "two_streams_h", "three_streams_h",
    "longest_streak", "back_to_back_repeats", "active_hours", "hours_per_active_day",
)  # fmt: skip
# By feature, what is allowed within the window of 28 days; more breaks the rule.
RULES = {
    "devices": 10.0,  # a large household registers as many
    "networks": 12.0,
    "peak_streams": 4.0,  # what the largest usual plan allows
    "two_networks_h": 10.0,  # one at home, one under way now and then
    "fastest_travel_kmh": 900.0,  # an airliner
}


def counts_forest(features: pl.DataFrame, *, seed: int) -> pl.Series | None:
    """Oddness of each row to one isolation forest over plain counts; None where there are no counts.

    Rows are given in order of account, so that equal features give an equal forest.
    """
    names = [name for name in COUNTS if name in features.columns and features[name].null_count() < features.height]
    if not names:
        return None
    counts = features.select(pl.col(name).cast(pl.Float64) for name in names)
    x = counts.select(pl.all().fill_null(pl.all().median())).to_numpy()
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(x)
    return pl.Series(-forest.score_samples(x), dtype=pl.Float64).round_sig_figs(9)


def usual_rules(features: pl.DataFrame) -> pl.Series | None:
    """How many rules each row breaks, ties broken by how far in all; None where no rule can be applied.

    >>> usual_rules(pl.DataFrame({"devices": [10, 15, 30], "networks": [3, 13, None]})).round(2).to_list()
    [0.0, 2.37, 1.67]
    """
    excess = [
        (features[name].cast(pl.Float64).fill_null(0) / allowed - 1).clip(0).to_numpy()
        for name, allowed in RULES.items()
        if name in features.columns
    ]
    if not excess:
        return None
    broken = np.sum([one > 0 for one in excess], axis=0)
    total = np.sum(excess, axis=0)
    return pl.Series(broken + total / (1 + total)).round_sig_figs(9)
