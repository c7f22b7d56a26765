"""What has moved since training: a night's features and scores against those that the model learned from.

The measure is the population stability index, PSI (Siddiqi 2006, Credit Risk Scorecards): below 0.1 little has moved,
from 0.25 on the model judges another population. Between two samples of one population it is not 0 but about
(1/n + 1/m) times a chi-square variable with one degree of freedom less than there are bins (Yurdakul 2018, Statistical
Properties of Population Stability Index). An alarm needs both, a shift that matters and one that chance does not make,
so that a small home does not alarm from noise. A model that was fitted beside an invented service has no population
of its own to compare with: its nights drift from the start.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
from scipy import stats

from detector import model as models
from detector.features import Feature
from detector.forests import Values
from detector.model import AccountModel

MUCH = 0.25  # PSI
_BINS = 10
_MISSING = 0.25  # change of the share that is missing
_CHANCE = 1e-4  # of a false alarm over all that is looked at (Bonferroni)
_SCORE = "score"
_SCHEMA = {
    "name": pl.String, "psi": pl.Float64, "missing_share": pl.Float64, "missing_share_trained": pl.Float64,
    "alarm": pl.Boolean,
}  # fmt: skip


def drift(
    model: AccountModel,
    features: pl.DataFrame,
    scores: pl.DataFrame,
    catalogue: Mapping[str, Feature],
    *,
    before_training: bool = False,
) -> pl.DataFrame:
    """One row per feature of the model and for the score: `name, psi, missing_share, missing_share_trained, alarm`.

    `features` and `scores` are of one night, one row per account; accounts without a score are left out, as training
    left them out. Values are compared as the model is given them, with what stands in for those that are missing. Where
    a feature of the `catalogue` needs a history, its value comes with the age of a home: that it is missing less often
    is no alarm, nor that it is more often on a night `before_training`. With nobody scored there is no row.
    """
    scored = scores.filter(pl.col("score").is_not_null()).select("account", "score")
    seen = features.join(scored, on="account", how="semi")
    if seen.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    chance = _CHANCE / (2 * (len(model.names) + 1))
    given = models.matrix(model, seen).astype(np.float64)
    rows = []
    for column, name in enumerate(model.names):
        now = seen[name].cast(pl.Float64).fill_nan(None).null_count() / seen.height
        trained, n = float(model.missing_[column]), (model.learned_from_, seen.height)
        quantiles = model.quantiles_[:, column]
        index, moved = _moved(quantiles, given[:, column], n, chance, least=quantiles[0])
        comes = name in catalogue and catalogue[name].history_days > 0 and (before_training or now < trained)
        rows.append((name, index, now, trained, moved or (not comes and _gone(trained, now, n, chance))))
    # Held-out accounts were judged by the others of them, so that the lowest scores differ by a hair from a night's.
    calibration = (len(model.calibration_), scored.height)
    index, moved = _moved(model.calibration_, scored["score"].to_numpy(), calibration, chance)
    rows.append((_SCORE, index, 0.0, 0.0, moved))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").with_columns(pl.col(pl.Float64).round_sig_figs(9))


def alarms(drifted: pl.DataFrame) -> list[str]:
    """A sentence for each row of `drift` that alarms, the greatest shift first; none where the night may be published.

    >>> alarms(pl.DataFrame([("devices", 2.5, 0.4, 0.0, True)], schema=_SCHEMA, orient="row"))
    ['devices: expected a PSI below 0.25 since training, found 2.50; missing of 40 %, in training of 0 %']
    """
    rows = drifted.filter("alarm").sort("psi", "name", descending=[True, False]).iter_rows(named=True)
    return [
        f"{row['name']}: "
        + (f"expected a PSI below {MUCH} since training, found {row['psi']:.2f}; " if row["psi"] >= MUCH else "")
        + f"missing of {100 * row['missing_share']:.0f} %, in training of {100 * row['missing_share_trained']:.0f} %"
        for row in rows
    ]


def _moved(
    trained: Values, values: Values, n: tuple[int, int], chance: float, *, least: float | None = None
) -> tuple[float, bool]:
    """PSI between accounts of training, told by their quantiles, and those of a night; and whether that is an alarm.

    Bins have equal weight in training, as far as its values differ: a value that many share is a bin of its own, and so
    is what lies below the `least`, where that is given. Half an account is added to each, so that an empty bin is rare
    and not impossible.
    """
    edges = np.unique(np.quantile(trained, np.linspace(0, 1, _BINS + 1)[1:-1], method="inverted_cdf"))
    if least is not None:
        edges = np.unique([np.nextafter(least, -np.inf), *edges])
    shares = []
    for some, accounts in zip((trained, values), n, strict=True):
        counts = np.bincount(np.searchsorted(edges, some, side="left"), minlength=len(edges) + 1)
        shares.append((counts / len(some) * accounts + 0.5) / (accounts + 0.5 * len(counts)))
    index = psi(*shares)
    by_chance = sum(1 / accounts for accounts in n) * float(stats.chi2.isf(chance, len(edges)))
    return index, index >= max(MUCH, by_chance)


def _gone(trained_share: float, share: float, n: tuple[int, int], chance: float) -> bool:
    """Whether the share that is missing has changed by much, and by more than chance does (two proportions)."""
    pooled = (trained_share * n[0] + share * n[1]) / sum(n)
    spread = np.sqrt(pooled * (1 - pooled) * sum(1 / accounts for accounts in n))
    return bool(abs(share - trained_share) >= max(_MISSING, spread * float(stats.norm.isf(chance / 2))))


def psi(expected: Values, actual: Values) -> float:
    """Population stability index of two distributions over the same bins, none of them empty.

    >>> round(psi(np.array([0.5, 0.5]), np.array([0.8, 0.2])), 3)
    0.416
    """
    return float(np.sum((actual - expected) * np.log(actual / expected)))
