"""Fit, score, explain: features in, frames out.

One isolation forest (Liu, Ting and Zhou 2008) watches each family of features, and one watches all of them; the tail
of each feature that is telling alone stands beside its family's forest, for a forest over forty features does not
notice an account that is extreme in one. Each of these is turned into *evidence*: minus the decimal logarithm of the
share of accounts, held out from fitting, that lie at least as high.

The score puts the evidence of the families together (`combining`). What the forest over all finds is published beside
the families and not added: it finds what they have found (docs/combinations.md).

High means suspicious, so that to a forest nobody is below the typical account: that few homes, devices or streams are
seen of an account is rare as well, and says nothing against it.

What is ordinary is learned in passes: the accounts that one pass finds most extreme are left out of the next, so that
sharing and abuse do not teach that they are ordinary. Only what a score means, its p-value, is told from all of the
held-out accounts, the extreme ones too: leaving out a guessed share would promise too much.
"""

import copy
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator

from detector import combining
from detector.config import Model as Settings
from detector.error_rate import CALIBRATION_CASES
from detector.features import Feature, Shape
from detector.forests import Forest, Matrix, Values
from detector.tails import Tail

OVERALL = "overall"
# How many nobody knows: more than reviewers take (1 %), few enough to leave every ordinary way of life in.
_EXTREME_SHARE, _PASSES = 0.04, 2
_PASS_TREES = 30  # enough to tell who is extreme: from 10 to 100, average precision is the same
_HOMES = "homes_365d"
_QUANTILES = np.linspace(0, 1, 1001)
_SIGNIFICANT = 9  # figures


class AccountModel(BaseEstimator):  # type: ignore[misc]
    """What was learned from one population: forests, tails, and what is typical.

    Attributes:
        names: the features it was fitted on, in the order of its columns.
        families: by family, their positions.
        causes: by family, what shows in it.
        weights: by family, how much of its evidence speaks of abuse.
        in_full_from: by family, from how much evidence on all of it does, where that is so.
        shows_sharing: the families in which two homes that share an account show as strangers do.
        telling: by name of a feature that is telling alone, the shape of its tail.
        given: per feature, what stands in where the value is missing.
        passes: how often the most extreme accounts are left out and the rest learned from anew.
        calibration_: the scores of the held-out accounts, rising.
        highest_: the accounts behind the last of these: whom reviewers look at before an error rate is promised.
        learned_from_: how many accounts it was fitted on.
        missing_: per feature, the share of them of whom it was not known.
        quantiles_: their thousandths, a column per feature, with what was given where it was missing.
        peer_quantiles_: the same by peer group.
    """

    def __init__(
        self,
        *,
        names: Sequence[str],
        families: Mapping[str, Sequence[int]],
        causes: Mapping[str, str],
        weights: Mapping[str, float],
        in_full_from: Mapping[str, float],
        shows_sharing: Sequence[str] = (),
        telling: Mapping[str, Shape],
        given: Sequence[float],
        trees: int,
        samples: int,
        seed: int,
        passes: int = _PASSES,
    ) -> None:
        self.names = names
        self.families = families
        self.causes = causes
        self.weights = weights
        self.in_full_from = in_full_from
        self.shows_sharing = shows_sharing
        self.telling = telling
        self.given = given
        self.trees = trees
        self.samples = samples
        self.seed = seed
        self.passes = passes

    def fit(
        self,
        x: Matrix,
        y: None = None,
        *,
        held_out: npt.NDArray[np.bool_],
        accounts: npt.NDArray[np.uint64],
        missing: Sequence[float] = (),
    ) -> Self:
        """Grow forests on some accounts, calibrate on the held-out ones. Rows in order of account.

        `missing` is per feature the share of rows in which a value stands in; none unless said.
        """
        typical = np.median(x, axis=0)
        ordinary = np.ones(len(x), dtype=np.bool_)
        for _ in range(self.passes):
            few = min(self.trees, _PASS_TREES)
            self._learn(x[ordinary], held_out[ordinary], typical, forests=self.families, trees=few)
            score = self.total(self.evidence(x))  # in full: who shares shall not teach that it is ordinary
            ordinary = score <= np.quantile(score, 1 - _EXTREME_SHARE, method="higher")
        self._learn(x[ordinary], held_out[ordinary], typical, forests=(*self.families, OVERALL), trees=self.trees)
        self.learned_from_ = len(x)
        self.missing_ = np.array(missing or [0.0] * len(self.names))
        self.quantiles_ = _quantiles(x)
        self.peer_quantiles_: dict[str, Values] = {}
        # Tails that an account is part of would find it more ordinary than they find a stranger.
        evidence = self.evidence(x[held_out], own=ordinary[held_out])
        calibration, calibrating = self.total(evidence, shared=self.shared(x[held_out])), accounts[held_out]
        order = np.lexsort((calibrating, calibration))
        self.calibration_, self.highest_ = calibration[order], calibrating[order][-CALIBRATION_CASES:]
        return self

    def without(self, confirmed: Collection[int]) -> Self:
        """The same model, calibrated without those of its highest held-out accounts that were confirmed as abusive."""
        left = ~np.isin(self.highest_, np.array(list(confirmed), dtype=np.uint64))
        kept = copy.copy(self)
        below = len(self.calibration_) - len(self.highest_)
        kept.calibration_ = np.concatenate([self.calibration_[:below], self.calibration_[below:][left]])
        kept.highest_ = self.highest_[left]
        return kept

    def _learn(
        self, x: Matrix, held_out: npt.NDArray[np.bool_], typical: Matrix, *, forests: Iterable[str], trees: int
    ) -> None:
        grown, calibrating = x[~held_out], x[held_out]
        # No tree divides where it saw no difference: whoever lies lower is at all its nodes where the typical one is.
        raised = np.maximum(grown, typical)
        self.forests_ = {
            name: Forest(trees=trees, samples=self.samples, seed=self.seed).fit(
                np.ascontiguousarray(raised[:, self._columns(name)])
            )
            for name in forests
        }
        self.forest_tails_ = {name: Tail().fit(self._oddness(name, calibrating)) for name in self.forests_}
        self.feature_tails_ = {
            name: Tail(self.telling.get(name, "rank")).fit(column.astype(np.float64))
            for name, column in zip(self.names, calibrating.T, strict=True)
        }

    def _oddness(self, name: str, x: Matrix) -> Values:
        return self.forests_[name].oddness(x[:, self._columns(name)])

    def _columns(self, name: str) -> list[int]:
        return list(self.families.get(name, range(len(self.names))))

    def evidence(self, x: Matrix, *, own: npt.NDArray[np.bool_] | bool = False) -> dict[str, Values]:
        """By family, and overall: the evidence of each row. `own` rows are the ones that calibrated the tails."""
        evidence = {}
        for name in self.forests_:
            found = [self.forest_tails_[name].evidence(self._oddness(name, x), own=own)]
            alone = [self.names[column] for column in self.families.get(name, ())]
            alone = [feature for feature in alone if feature in self.telling]
            for feature in alone:
                values = x[:, self.names.index(feature)].astype(np.float64)
                tail = self.feature_tails_[feature].evidence(values, own=own)
                found.append(tail - np.log10(1 + len(alone)))  # so many chances to be extreme (Bonferroni)
            evidence[name] = np.maximum.reduce(found).clip(0)
        return evidence

    def predict(self, x: Matrix) -> Values:
        """Score of each row; higher is more suspicious."""
        return self.total(self.evidence(x), shared=self.shared(x))

    def shared(self, x: Matrix) -> npt.NDArray[np.bool_]:
        """Which rows are of accounts that two homes share."""
        if _HOMES not in self.names:
            return np.zeros(len(x), dtype=np.bool_)
        two: npt.NDArray[np.bool_] = x[:, self.names.index(_HOMES)] == 2
        return two

    def total(self, evidence: Mapping[str, Values], *, shared: npt.NDArray[np.bool_] | bool = False) -> Values:
        """Score of each row, from the evidence of its families; of those `shared` by two homes, that they are apart
        counts for less."""
        total = combining.total(
            evidence,
            causes=self.causes,
            weights=self.weights,
            in_full_from=self.in_full_from,
            shows_sharing=self.shows_sharing,
            shared=shared,
        )
        return _rounded(total)

    @property
    def least_p_value(self) -> float:
        """That of a score beyond all of the held-out accounts."""
        return 1 / (len(self.calibration_) + 1)

    def p_value(self, score: Values) -> Values:
        """Conformal: the share of held-out accounts that score as high (Vovk, Gammerman and Shafer 2005)."""
        n = len(self.calibration_)
        return (1 + n - np.searchsorted(self.calibration_, score, side="left")) / (n + 1)

    def line_of(self, p_value: float) -> float:
        """The lowest score whose p-value is at most that; infinite where none is."""
        n = len(self.calibration_)
        as_high = int(np.floor(np.round(p_value * (n + 1), 9))) - 1  # so many held-out accounts may be
        if as_high < 0:
            return float("inf")
        return float(np.nextafter(self.calibration_[n - 1 - as_high], np.inf)) if as_high < n else float("-inf")


def _rounded(values: Values) -> Values:
    return np.array(pl.Series(values, dtype=pl.Float64).round_sig_figs(_SIGNIFICANT))


def fit(
    features: pl.DataFrame,
    catalogue: Mapping[str, Feature],
    settings: Settings,
    *,
    passes: int = _PASSES,
    least_peers: int = 1,
) -> AccountModel:
    """A model of a population: features of one night, one row per account, at least two accounts.

    A feature that is null for all is left out. What is typical is also kept for each peer group (column `peer`) of at
    least `least_peers` accounts. Half of the accounts, by their keyed pseudonyms, grow the forests; the
    other half is held out to calibrate.
    """
    features = features.sort("account")
    held_out = features["account"] % 2 == 1
    half = settings.training_accounts // 2
    features = pl.concat([features.filter(~held_out).head(half), features.filter(held_out).head(half)]).sort("account")
    known = {n: feature for n, feature in catalogue.items() if features[n].null_count() < features.height}
    medians = features.select(known.keys()).median().row(0)
    model = AccountModel(
        names=list(known),
        families=_positions(known),
        causes={feature.family: feature.cause for feature in known.values()},
        weights={feature.family: feature.weight for feature in known.values()},
        in_full_from={
            feature.family: feature.in_full_from for feature in known.values() if feature.in_full_from is not None
        },
        shows_sharing=sorted({feature.family for feature in known.values() if feature.shows_sharing}),
        telling={name: feature.telling for name, feature in known.items() if feature.telling},
        given=[
            float(median if feature.given is None else feature.given)
            for feature, median in zip(known.values(), medians, strict=True)
        ],
        trees=settings.trees,
        samples=settings.samples,
        seed=settings.seed,
        passes=passes,
    )
    accounts = features["account"].to_numpy()
    missing = [features[name].cast(pl.Float64).fill_nan(None).null_count() / features.height for name in known]
    model.fit(matrix(model, features), held_out=accounts % 2 == 1, accounts=accounts, missing=missing)
    if "peer" in features.columns:
        for (peer,), alike in features.drop_nulls("peer").partition_by("peer", as_dict=True).items():
            if alike.height >= least_peers:
                model.peer_quantiles_[str(peer)] = _quantiles(matrix(model, alike))
    return model


def _quantiles(x: Matrix) -> Values:
    return np.quantile(x.astype(np.float64), _QUANTILES, axis=0)


def _positions(known: Mapping[str, Feature]) -> dict[str, list[int]]:
    families: dict[str, list[int]] = {}
    for position, feature in enumerate(known.values()):
        families.setdefault(feature.family, []).append(position)
    return families


def matrix(model: AccountModel, features: pl.DataFrame) -> Matrix:
    """The features a model was fitted on, in its order, with what is given for nulls: float32, C order."""
    given = [
        pl.col(name).fill_null(value).fill_nan(value).cast(pl.Float32)
        for name, value in zip(model.names, model.given, strict=True)
    ]
    return np.ascontiguousarray(features.select(given).to_numpy(), dtype=np.float32)


def score(model: AccountModel, features: pl.DataFrame) -> pl.DataFrame:
    """One row per account, in the order given: `account, score, p_value` and `score_<family>`."""
    if features.is_empty():
        floats = ("score", "p_value", *(f"score_{name}" for name in model.forests_))
        return features.select("account").with_columns(pl.lit(None, pl.Float64).alias(name) for name in floats)
    x = matrix(model, features)
    evidence = model.evidence(x)
    total = model.total(evidence, shared=model.shared(x))
    by_family = {f"score_{name}": values for name, values in evidence.items()}
    frame = pl.DataFrame({"score": total, "p_value": model.p_value(total), **by_family})
    return features.select("account").hstack(frame.select(pl.all().round_sig_figs(_SIGNIFICANT)))


def explain(model: AccountModel, features: pl.DataFrame) -> pl.DataFrame:
    """One row per account and feature known of it: `account, feature, value, typical, percentile, surprise, peer`.

    `typical` is the median of the training accounts of the same `peer` group, `percentile` the percentage of them that
    lie lower; `peer` is null where the comparison is with all of them, because the group is small or not known.
    `surprise` is the evidence of the feature's own tail, among all.
    """
    if "peer" not in features.columns:
        features = features.with_columns(peer=pl.lit(None, pl.String))
    known_peer = pl.col("peer").is_in(list(model.peer_quantiles_))
    features = features.with_columns(peer=pl.when(known_peer).then("peer"))
    empty: dict[str, Any] = {"feature": pl.lit(""), "value": 0.0, "typical": 0.0, "percentile": 0.0, "surprise": 0.0}
    parts = [features.select("account", **empty, peer="peer").clear()]
    for (peer,), alike in features.partition_by("peer", as_dict=True).items():
        grids = model.quantiles_ if peer is None else model.peer_quantiles_[str(peer)]
        for name, grid in zip(model.names, grids.T, strict=True):
            known = alike.select("account", "peer", feature=pl.lit(name), value=name).drop_nulls("value")
            values = known["value"].cast(pl.Float32).cast(pl.Float64).to_numpy()
            lower = np.searchsorted(grid, values, side="left") / len(grid)
            parts.append(
                known.select(
                    "account",
                    "feature",
                    "value",
                    typical=pl.lit(float(grid[len(grid) // 2])).round_sig_figs(_SIGNIFICANT),
                    percentile=pl.Series(100 * lower, dtype=pl.Float64).round(1),
                    surprise=pl.Series(model.feature_tails_[name].evidence(values), dtype=pl.Float64),
                    peer="peer",
                )
            )
    return pl.concat(parts).sort("account", "feature")
