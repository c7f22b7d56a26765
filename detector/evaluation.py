"""How good a night's scores are against known answers, by kind, beside a plain forest and the usual rules.

Abuse is told apart from the innocent; what is labelled sharing counts neither way, and an account without a score is
counted and left out. An account is *above the line* when it scores higher than all but so many of the innocent.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from detector.errors import InputError
from detector.rivals import counts_forest, usual_rules

OURS, COUNTS, RULES = "score", "forest on counts", "usual rules"
ALL_ABUSE, ALL_INNOCENT = "all abuse", "all innocent"
AVERAGE_PRECISION, PRECISION = "average precision", "precision at capacity"
WITHIN_CAPACITY, ABOVE_1, ABOVE_01 = "flagged within capacity", "above the 1 % line", "above the 0.1 % line"
LABELS = ("benign", "sharing", "abuse")
LINES = {ABOVE_1: 0.01, ABOVE_01: 0.001}
JUDGED = ("abuse", "benign")
_Z = 1.959964  # of the normal distribution, for 95 %

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Evaluation:
    """What came out.

    `accounts`: by label, how many there are in truth, how many have a score, and how many have none.
    `measures`: one row per measure, label, kind and method: how many accounts it is about, the value, and its 95 %
    interval; null where there is nobody to measure it on. Above a line, the abusive are caught (recall), the innocent
    falsely alarmed about.
    """

    accounts: pl.DataFrame
    measures: pl.DataFrame

    def side_by_side(self, measure: str) -> list[dict[str, Any]]:
        """One measure as rows for people: kind, accounts, and a cell in per cent for each method."""
        rows = []
        mine = self.measures.filter(pl.col("measure") == measure)
        for (kind, n), part in mine.group_by("kind", "accounts", maintain_order=True):
            cells = {row["method"]: _cell(row) for row in part.iter_rows(named=True)}
            rows.append({measure: kind, "accounts": n, **cells})
        return rows


def evaluate(
    scores: pl.DataFrame,
    truth: pl.DataFrame,
    features: pl.DataFrame,
    *,
    capacity_share: float = 0.01,
    seed: int = 0,
    draws: int = 500,
) -> Evaluation:
    """Compare `scores` (`account, score`) and its rivals, made from `features`, with `truth` (`account, kind, label`).

    Intervals are those of a bootstrap that draws accounts of each kind anew, `draws` times; for shares widened to
    those of Wilson (1927), for where all of five are caught the bootstrap is sure, and wrong.

    Raises:
        InputError: truth has another label, or an account twice.
    """
    _check(truth)
    scored = scores.filter(pl.col("score").is_not_null()).select("account", OURS)
    known = truth.select("account", "kind", "label").join(scored, on="account", how="inner").sort("account")
    capacity = int(round(capacity_share * scored.height, 9))  # as the decision counts: 0.29 of 100 is 29
    people = _People(known["kind"].to_numpy(), known["label"].to_numpy(), capacity, seed, draws)
    # The rivals see whom we see: every account with a score, known or not.
    seen = scored.select("account").join(features, on="account", how="left").sort("account")
    by_method = {OURS: scored.select("account", value=OURS)}
    for name, rival in ((COUNTS, _forest(seen, seed)), (RULES, usual_rules(seen))):
        if rival is not None:
            by_method[name] = seen.select("account", value=rival)
    kinds = truth.group_by("label", "kind").len("in truth").sort("label", "kind")
    rows = []
    for method, values in by_method.items():
        ranking = known.select("account").join(values, on="account", how="left", maintain_order="left")["value"]
        rows += [{"method": method} | row for row in _measures(people, kinds, ranking.to_numpy())]
    order = [AVERAGE_PRECISION, PRECISION, *LINES, WITHIN_CAPACITY]
    measures = pl.DataFrame(rows, schema=_SCHEMA).sort(
        pl.col("measure").replace_strict(order, range(len(order)), return_dtype=pl.Int8),
        pl.col("label"),
        pl.col("kind").is_in([ALL_ABUSE, ALL_INNOCENT]).not_(),
        pl.col("kind"),
        maintain_order=True,
    )
    counted = truth.join(scored, on="account", how="left").group_by("label").agg(
        pl.len().alias("in truth"),
        scored=pl.col(OURS).count(),
        unscored=pl.col(OURS).null_count(),
    )  # fmt: skip
    labels = pl.DataFrame({"label": LABELS})
    return Evaluation(labels.join(counted, on="label", how="left", maintain_order="left").fill_null(0), measures)


_SCHEMA = {
    "measure": pl.String, "label": pl.String, "kind": pl.String, "method": pl.String, "accounts": pl.Int64,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


def _forest(seen: pl.DataFrame, seed: int) -> pl.Series | None:
    return counts_forest(seen, seed=seed) if seen.height else None


def _check(truth: pl.DataFrame) -> None:
    if strange := sorted(set(truth["label"].unique()) - set(LABELS), key=str):
        raise InputError(f"expected the labels {', '.join(LABELS)} in truth, found {strange[0]!r}; rename it")
    if twice := truth.height - truth["account"].n_unique():
        raise InputError(f"expected each account once in truth, found {twice} rows more; drop them")


@dataclass(frozen=True)
class _People:
    """Accounts with a score whose truth is known, in order of account."""

    kind: Array
    label: Array
    capacity: int
    seed: int
    draws: int

    def weights(self) -> Iterator[Array]:
        """How often each account counts: first once each, then as drawn anew from its kind; the same every time."""
        yield np.ones(len(self.kind))
        rng = np.random.default_rng(self.seed)
        groups = sorted(set(zip(self.label, self.kind, strict=True)))
        places = [np.flatnonzero((self.label == label) & (self.kind == kind)) for label, kind in groups]
        for _ in range(self.draws):
            weight = np.zeros(len(self.kind))
            for at in places:
                weight[at] = np.bincount(rng.integers(0, len(at), len(at)), minlength=len(at))
            yield weight


@dataclass(frozen=True)
class _Figure:
    """One figure of one method: what of whom, and how it follows from the weights of the accounts."""

    measure: str
    label: str
    kind: str
    accounts: int
    of: Callable[[Array], float]
    is_share: bool = True


def _measures(people: _People, kinds: pl.DataFrame, ranking: Array) -> list[dict[str, Any]]:
    """All measures of one method."""
    order = np.argsort(-ranking, kind="stable")
    figures = _figures(people, kinds, ranking[order], people.kind[order], people.label[order])
    found = np.array([[figure.of(weight[order]) for figure in figures] for weight in people.weights()])
    rows = []
    for figure, values in zip(figures, found.T, strict=True):
        bounds = _interval(values, figure.accounts if figure.is_share else 0)
        told = dict(zip(("value", "low", "high"), bounds, strict=True))
        rows.append({name: getattr(figure, name) for name in ("measure", "label", "kind", "accounts")} | told)
    return rows


def _figures(people: _People, kinds: pl.DataFrame, score: Array, kind: Array, label: Array) -> list[_Figure]:
    """What is measured, of accounts in order of their score, the highest first."""
    bad, good = label == "abuse", label == "benign"
    groups = [("abuse", ALL_ABUSE, bad), ("benign", ALL_INNOCENT, good)]
    groups += [
        (of, name, (kind == name) & (label == of)) for of, name in kinds.select("label", "kind").rows() if of in JUDGED
    ]
    ends = np.searchsorted(-score, -score, side="right") - 1  # equal scores are one step of the ranking
    chosen = int((_flagged(np.ones(len(score)), people.capacity) * (bad | good)).sum())
    figures = [_Figure(PRECISION, "abuse", ALL_ABUSE, chosen, partial(_precision, bad, good, people.capacity))]
    for of, name, mask in groups:
        n = int(mask.sum())
        if of == "abuse":
            precise = partial(_average_precision, mask, good, ends)
            figures.append(_Figure(AVERAGE_PRECISION, of, name, n, precise, is_share=False))
        figures += [
            _Figure(measure, of, name, n, partial(_above, mask, good, score, share))
            for measure, share in LINES.items()
            if of == "abuse" or measure == ABOVE_1
        ]
        figures.append(_Figure(WITHIN_CAPACITY, of, name, n, partial(_within, mask, people.capacity)))
    return figures


def _average_precision(mask: Array, good: Array, ends: Array, weight: Array) -> float:
    """Mean over the masked accounts of the precision at their place, others of the abusive left out."""
    at = np.flatnonzero(mask & (weight > 0))
    total = weight[at].sum()
    if not total or not good.any():
        return np.nan
    caught = np.append(0, np.cumsum(weight[at]))[np.searchsorted(at, ends[at], side="right")]
    alarms = np.cumsum(np.where(good, weight, 0))[ends[at]]
    return float((weight[at] * caught / (caught + alarms)).sum() / total)


def _above(mask: Array, good: Array, score: Array, share: float, weight: Array) -> float:
    """Share of the masked accounts that score higher than all but `share` of the innocent."""
    total = weight[mask].sum()
    innocent = np.flatnonzero(good)
    if not total or not len(innocent):
        return np.nan
    so_far = np.cumsum(weight[innocent])
    line = score[innocent[np.searchsorted(so_far, np.floor(share * so_far[-1] + 1e-9), side="right")]]
    return float(weight[mask & (score > line)].sum() / total)


def _flagged(weight: Array, capacity: float) -> Array:
    """How much of each account is within the capacity."""
    before = np.cumsum(weight) - weight
    flagged: Array = np.clip(capacity - before, 0, weight)
    return flagged


def _within(mask: Array, capacity: float, weight: Array) -> float:
    total = weight[mask].sum()
    return float(_flagged(weight, capacity)[mask].sum() / total) if total else np.nan


def _precision(bad: Array, good: Array, capacity: float, weight: Array) -> float:
    """Share of the abusive among those flagged, those who share left out."""
    flagged = _flagged(weight, capacity)
    right, wrong = flagged[bad].sum(), flagged[good].sum()
    return float(right / (right + wrong)) if right + wrong else np.nan


def _interval(found: Array, n: int) -> tuple[float | None, float | None, float | None]:
    """The figure as it is, and an interval that contains it: the bootstrap's, for a share of `n` also Wilson's."""
    value, drawn = float(found[0]), found[np.isfinite(found)]
    if np.isnan(value):
        return None, None, None
    bounds = [value, *np.quantile(drawn, [0.025, 0.975]), *(wilson(value, n) if n else ())]
    return value, float(min(bounds)), float(max(bounds))


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share among `n` accounts, at least one.

    >>> [round(bound, 3) for bound in wilson(1.0, 5)]
    [0.566, 1.0]
    """
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _cell(row: dict[str, Any]) -> str | None:
    if row["value"] is None:
        return None
    return f"{100 * row['value']:5.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
