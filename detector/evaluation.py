"""How good a night's scores are against known answers, by kind, beside a plain forest and the usual rules.

Abuse is told apart from the innocent; what is labelled sharing counts neither way, and an account without a score is
counted and left out. An account is *above the line* when it scores higher than all but so many of the innocent.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from detector.errors import InputError
from detector.naming import naming
from detector.ranking import Array, Draw, Ranking, interval, share_of
from detector.rivals import counts_forest, usual_rules

OURS, LEARNED, COUNTS, RULES = "score", "score and verdicts", "forest on counts", "usual rules"
ALL_ABUSE, ALL_INNOCENT = "all abuse", "all innocent"
AVERAGE_PRECISION, PRECISION = "average precision", "precision at capacity"
WITHIN_CAPACITY, ABOVE_1, ABOVE_01 = "within capacity", "above the 1 % line", "above the 0.1 % line"
FLAGGED, RIGHTLY = "flagged by the night", "abuse among the flagged"
LABELS = ("benign", "sharing", "abuse")
OF_ORDER = (AVERAGE_PRECISION, PRECISION, WITHIN_CAPACITY)
LINES = {ABOVE_1: 0.01, ABOVE_01: 0.001}
JUDGED = ("abuse", "benign")


@dataclass(frozen=True)
class Evaluation:
    """What came out.

    `accounts`: by label, how many there are in truth, how many have a score, and how many have none.
    `measures`: one row per measure, label, kind and method: how many accounts it is about, the value, and its 95 %
    interval; null where there is nobody to measure it on. Above a line, the abusive are caught (recall), the innocent
    falsely alarmed about. What is flagged is what policy, verdicts and suppressions left of the ranking.
    `naming`: how the sharing and abusive are named, and how well their households are counted (see `naming`).
    """

    accounts: pl.DataFrame
    measures: pl.DataFrame
    naming: pl.DataFrame

    def side_by_side(self, measure: str) -> list[dict[str, Any]]:
        """One measure as rows for people: kind, accounts, and a cell in per cent for the score and each rival."""
        return self._side_by_side(measure, (OURS, COUNTS, RULES))

    def learned_side_by_side(self, measure: str) -> list[dict[str, Any]]:
        """The same for the score, and for the order that verdicts teach."""
        return self._side_by_side(measure, (OURS, LEARNED))

    def _side_by_side(self, measure: str, methods: Sequence[str]) -> list[dict[str, Any]]:
        rows = []
        mine = self.measures.filter(pl.col("measure") == measure, pl.col("method").is_in(methods))
        for (kind, n), part in mine.group_by("kind", "accounts", maintain_order=True):
            cells = {row["method"]: _cell(row) for row in part.iter_rows(named=True)}
            rows.append({measure: kind, "accounts": n, **cells})
        return rows

    def names_side_by_side(self, measure: str) -> list[dict[str, Any]]:
        """One measure of the naming as rows for people: kind, and accounts and a cell in per cent for whom of it."""
        rows = []
        mine = self.naming.filter(pl.col("measure") == measure)
        for (kind,), part in mine.group_by("kind", maintain_order=True):
            cells: dict[str, Any] = {measure: kind}
            for row in part.iter_rows(named=True):
                cells |= {row["among"]: row["accounts"], f"of {row['among']}": _cell(row)}
            rows.append(cells)
        return rows


def evaluate(
    scores: pl.DataFrame,
    truth: pl.DataFrame,
    features: pl.DataFrame,
    *,
    priority: pl.DataFrame | None = None,
    flagged: pl.Series | None = None,
    capacity_share: float = 0.01,
    seed: int = 0,
    draws: int = 500,
) -> Evaluation:
    """Compare `scores` (`account, score`) and its rivals, made from `features`, with `truth` (`account, kind, label`).

    Where `truth` has a column `intensity` too, the abusive are also judged by it. How cases are named is judged from
    the family scores beside `score`, and the number of households where `truth` tells them in a column of that name.
    `priority` (`account, priority`) is the order that verdicts teach (see `reranking.rerank_by_others`), measured
    beside the scores; None: they teach none. `flagged` are the accounts that the night put before reviewers; without
    them only the ranking is measured.

    Intervals are those of a bootstrap that draws accounts of each kind anew, `draws` times; for shares widened to
    those of Wilson, for where all of five are caught the bootstrap is sure, and wrong.

    Raises:
        InputError: truth has another label, or an account twice.
    """
    _check(truth)
    with_families = scores.filter(pl.col("score").is_not_null())
    scored = with_families.select("account", OURS)
    if "intensity" not in truth.columns:
        truth = truth.with_columns(intensity=pl.lit(None, pl.String))
    # Accounts that truth does not name have their place in the ranking too, as on a real night.
    known = (
        scored.join(truth, on="account", how="left").sort("account").with_columns(pl.col("kind", "label").fill_null(""))
    )
    of_each = {name: known[name].to_numpy() for name in ("kind", "label", "intensity")}
    capacity = int(round(capacity_share * scored.height, 9))  # as the decision counts: 0.29 of 100 is 29
    people = _People(**of_each, capacity=capacity, seed=seed, draws=draws)
    # The rivals see whom we see.
    seen = scored.select("account").join(features, on="account", how="left").sort("account")
    by_method = {OURS: scored.select("account", value=OURS)}
    if priority is not None:
        by_method[LEARNED] = priority.select("account", value="priority")
    for name, rival in ((COUNTS, _forest(seen, seed)), (RULES, usual_rules(seen))):
        if rival is not None:
            by_method[name] = seen.select("account", value=rival)
    kinds = truth.group_by("label", "kind").len().select("label", "kind").sort("label", "kind")
    rows = []
    for method, values in by_method.items():
        ranking = known.select("account").join(values, on="account", how="left", maintain_order="left")["value"]
        rows += [{"method": method} | row for row in _measures(people, kinds, ranking.to_numpy())]
    if flagged is not None:
        rows += [{"method": OURS} | row for row in _by_the_night(known, kinds, flagged)]
    order = [AVERAGE_PRECISION, PRECISION, *LINES, WITHIN_CAPACITY, RIGHTLY, FLAGGED]
    measures = pl.DataFrame(rows, schema=_SCHEMA).sort(
        pl.col("measure").replace_strict(order, range(len(order)), return_dtype=pl.Int8),
        pl.col("label"),
        pl.col("kind").str.starts_with("all ").not_(),
        pl.col("kind"),
        maintain_order=True,
    )
    counted = truth.join(scored, on="account", how="left").group_by("label").agg(
        pl.len().alias("in truth"),
        scored=pl.col(OURS).count(),
        unscored=pl.col(OURS).null_count(),
    )  # fmt: skip
    labels = pl.DataFrame({"label": LABELS})
    highest = scored.sort(OURS, "account", descending=[True, False])["account"].head(capacity)
    return Evaluation(
        labels.join(counted, on="label", how="left", maintain_order="left").fill_null(0),
        measures,
        naming(with_families, truth, features, highest),
    )


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
    """Accounts with a score, in order of account; whose truth is not known has no label."""

    kind: Array
    label: Array
    intensity: Array
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
    """One figure of one method: what of whom, and how it is read off a draw; a share is one of so many."""

    measure: str
    label: str
    kind: str
    accounts: int
    of: Callable[[Draw], float]
    share_of: int = 0


def _measures(people: _People, kinds: pl.DataFrame, ranking: Array) -> list[dict[str, Any]]:
    """All measures of one method."""
    order = np.argsort(-ranking, kind="stable")
    label = people.label[order]
    ranked = Ranking(ranking[order], label == "abuse", label == "benign", people.capacity)
    figures = _figures(people, kinds, ranked, order)
    drawn = (ranked.drawn(weight[order]) for weight in people.weights())
    found = np.array([[figure.of(draw) for figure in figures] for draw in drawn])
    rows = []
    for figure, values in zip(figures, found.T, strict=True):
        bounds = zip(("value", "low", "high"), interval(values, figure.share_of), strict=True)
        rows.append({name: getattr(figure, name) for name in ("measure", "label", "kind", "accounts")} | dict(bounds))
    return rows


def _figures(people: _People, kinds: pl.DataFrame, ranked: Ranking, order: Array) -> list[_Figure]:
    """What is measured of the people who are `ranked` in this order."""
    kind, label, intensity = people.kind[order], people.label[order], people.intensity[order]
    groups = [("abuse", ALL_ABUSE, ranked.bad), ("benign", ALL_INNOCENT, ranked.good)]
    for name in sorted({one for one in intensity[ranked.bad] if one}):
        groups.append(("abuse", f"{ALL_ABUSE}, {name}", ranked.bad & (intensity == name)))
    groups += [(of, one, (kind == one) & (label == of)) for of, one in kinds.rows() if of in JUDGED]
    flagged = min(people.capacity, len(order))
    judged = ranked.drawn(np.ones(len(order))).judged()
    figures = [_Figure(PRECISION, "abuse", ALL_ABUSE, flagged, Draw.precision, judged)]
    for of, name, mask in groups:
        group, n = np.flatnonzero(mask), int(mask.sum())
        if of == "abuse":
            figures.append(_Figure(AVERAGE_PRECISION, of, name, n, partial(Draw.average_precision, group=group)))
        figures += [
            _Figure(measure, of, name, n, partial(Draw.above, group=group, share=share), n)
            for measure, share in LINES.items()
            if of == "abuse" or measure == ABOVE_1
        ]
        figures.append(_Figure(WITHIN_CAPACITY, of, name, n, partial(Draw.within, group=group), n))
    return figures


def _by_the_night(known: pl.DataFrame, kinds: pl.DataFrame, flagged: pl.Series) -> list[dict[str, Any]]:
    """Who of each kind was put before reviewers, and how many of those who were are abusive."""
    shown = known.with_columns(shown=pl.col("account").is_in(flagged.implode()))
    judged = shown.filter(pl.col("label").is_in(JUDGED))
    of_each = [("abuse", ALL_ABUSE, pl.col("label") == "abuse"), ("benign", ALL_INNOCENT, pl.col("label") == "benign")]
    of_each += [
        (of, one, (pl.col("kind") == one) & (pl.col("label") == of)) for of, one in kinds.rows() if of in JUDGED
    ]
    told = [(FLAGGED, of, one, judged.filter(mask)["shown"]) for of, one, mask in of_each]
    told.insert(0, (RIGHTLY, "abuse", ALL_ABUSE, judged.filter("shown")["label"] == "abuse"))
    return [{"measure": measure, "label": of, "kind": one} | share_of(true) for measure, of, one, true in told]


def _cell(row: dict[str, Any]) -> str | None:
    if row["value"] is None:
        return None
    return f"{100 * row['value']:5.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
