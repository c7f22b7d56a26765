"""Reviewers' verdicts → the order in which cases are put before them.

Extremely randomised trees (Geurts, Ernst and Wehenkel 2006) learn from the labelled accounts what reviewers confirm.
What they say is added to the score in its own unit, decades of evidence: the logarithm of the odds that a reviewer
would confirm, weighed by how many labels there are and by how well each is foretold by the others. Labels that
contradict each other, as where many are wrong, so move little. The score keeps its word, and without several labels of
both classes nothing is learned (docs/verdicts.md compares learners and weights). Verdicts may push a case down far and
raise it by little: what is like a false alarm is one, but what reviewers confirmed before must not take the places of a
kind of abuse that nobody has judged yet.

Nothing is stored: a re-ranker is learned anew each night from the verdicts that stand, which takes well under a
second. A verdict that is undone is forgotten the next night, and a model file can not disagree with the ledger.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score

from detector.cases import Case
from detector.features import CATALOGUE

_TREES = 300
_MOST = 4.0  # decades of score that a decade of learned odds is worth at most
_HALF_AT = 50  # labels, as many of either class, at which half of that is trusted
_INNOCENT, _ABUSIVE = 0.02, 0.8  # no learned probability is believed below, or beyond
_UNUSUAL_SHARE = 0.1  # of the accounts, by score: only those are put in another order
_SIGNIFICANT = 9  # figures
_PARTS = 5  # of the labelled accounts, each placed by the labels of the others


@dataclass(frozen=True)
class Reranker:
    """What was learned from verdicts.

    Attributes:
        names: the columns it looks at.
        weight: how many decades of score a decade of learned odds is worth.
        trees: the learner.
    """

    names: tuple[str, ...]
    weight: float
    trees: ExtraTreesClassifier


def teaching(scores: pl.DataFrame, features: pl.DataFrame) -> list[str]:
    """The columns that verdicts can teach from: the score, the families' scores and the features."""
    families = [name for name in scores.columns if name.startswith("score")]
    return [*families, *(name for name in features.columns if name in CATALOGUE)]


def labelled(decided: Iterable[Case], names: Sequence[str], *, unwanted: Collection[str]) -> pl.DataFrame:
    """What verdicts say, as `fit` takes it: of each case the account, as the last night that showed it measured it, and
    whether it was confirmed; null where it was left undecided, or confirmed as one of the `unwanted` kinds. Those are
    kept back by what they look like. As false alarms they would take down with them the abuse that resembles them
    (docs/verdicts.md)."""
    rows: list[dict[str, Any]] = [
        {name: case.measured.get(name) for name in names}
        | {
            "account": int(case.account, 16),
            "confirmed": case.taught == "confirmed" if case.teaches(unwanted) else None,
        }
        for case in decided
    ]
    return pl.DataFrame(rows, {"account": pl.UInt64, "confirmed": pl.Boolean} | dict.fromkeys(names, pl.Float64))


def fit(labelled: pl.DataFrame, names: Sequence[str], *, seed: int) -> Reranker | None:
    """Learn from verdicts; None where there are not yet several labels of both classes, or none foretells another.

    `labelled` has one row per labelled account: `account`, the columns in `names` (the score, family scores, features;
    null: not known) and `confirmed`, null where the verdict is undecided and teaches nothing.

    >>> few = pl.DataFrame({"account": [1, 2], "score": [3.0, 4.0], "confirmed": [True, True]})
    >>> fit(few, ["score"], seed=0) is None
    True
    """
    known = labelled.filter(pl.col("confirmed").is_not_null()).sort("account")
    confirmed = known["confirmed"].to_numpy()
    if confirmed.all() or not confirmed.any():
        return None
    balanced = 4 * len(confirmed) * confirmed.mean() * (1 - confirmed.mean())
    trees = ExtraTreesClassifier(n_estimators=_TREES, bootstrap=True, oob_score=True, random_state=seed)
    trees.fit(_matrix(known, names), confirmed)
    # By the trees that did not see a label: 1 where all that was confirmed comes before the rest, 0 where as by chance.
    foretold = 2 * roc_auc_score(confirmed, trees.oob_decision_function_[:, 1]) - 1
    if foretold <= 0:
        return None
    return Reranker(tuple(names), _MOST * foretold * balanced / (balanced + _HALF_AT), trees)


def rerank(reranker: Reranker | None, scored: pl.DataFrame) -> pl.DataFrame:
    """`account, priority` of the accounts with a score; the highest priority is put before reviewers first.

    `scored` is one night: `account`, `score` and the columns that were learned from. Without a re-ranker the priority
    is the score. With one, the most unusual tenth of the accounts is put in another order, and the rest stays below.
    """
    scored = scored.filter(pl.col("score").is_not_null())
    if reranker is None or scored.is_empty():
        return scored.select("account", priority="score")
    unusual = (scored["score"] >= scored["score"].quantile(1 - _UNUSUAL_SHARE, "higher")).to_numpy()
    learned = np.full(scored.height, _decades(_INNOCENT))  # nobody learned that the usual are abusive
    probability = reranker.trees.predict_proba(_matrix(scored.filter(unusual), reranker.names))[:, 1]
    learned[unusual] = _decades(probability.clip(_INNOCENT, _ABUSIVE))
    priority = pl.Series(reranker.weight * learned, dtype=pl.Float64) + scored["score"]
    return scored.select("account", priority=priority.round_sig_figs(_SIGNIFICANT))


def rerank_by_others(
    labelled: pl.DataFrame, scored: pl.DataFrame, names: Sequence[str], *, seed: int
) -> pl.DataFrame | None:
    """As `rerank`, but an account that is labelled itself has its priority by what the labels of others teach.

    That tells what verdicts are worth: to know a case that was judged is no merit of the order. A fifth of the labelled
    accounts at a time is left out of what is learned (cross-validation). None where nothing can be learned without one
    of the fifths: it takes some labels of either class.
    """
    known = labelled.drop_nulls("confirmed").sort("account")
    parts = known.select(part=pl.int_range(pl.len()).over("confirmed") % _PARTS)["part"]
    learned = fit(known, names, seed=seed)
    judged = []
    for part in parts.unique():
        others = fit(known.filter(parts != part), names, seed=seed)
        if learned is None or others is None:
            return None
        # As many labels count as for everybody else, with whom it is compared.
        priority = rerank(replace(others, weight=learned.weight), scored)
        judged.append(priority.join(known.filter(parts == part), on="account", how="semi"))
    unjudged = rerank(learned, scored).join(known, on="account", how="anti")
    return pl.concat([unjudged, *judged]).sort("account") if judged else None


def _decades(probability: npt.ArrayLike) -> npt.NDArray[np.float64]:
    odds = np.asarray(probability, np.float64)
    decades: npt.NDArray[np.float64] = np.log10(odds / (1 - odds))
    return decades


def _matrix(frame: pl.DataFrame, names: Sequence[str]) -> npt.NDArray[np.float32]:
    """As logarithms, for these trees cut anywhere between the least and the most. They know what to do with NaN."""
    values = frame.select(pl.col(names).cast(pl.Float64).fill_null(np.nan)).to_numpy()
    return np.ascontiguousarray(np.sign(values) * np.log1p(np.abs(values)), dtype=np.float32)
