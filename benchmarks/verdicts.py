"""What reviewers' verdicts are worth: cases put in order by the score alone, and after so many verdicts.

Verdicts are on one half of the accounts of invented services, four weeks before the night on which the other half is
ranked: no account that was judged is measured. A reviewer is right, or wrong in a tenth of the cases; on accounts that
share, which count neither way, nobody decides, and the verdict is spent all the same.

A last table is of a cold start, as `evaluate` measures it: verdicts on the calibration accounts that are offered first,
and all accounts of that night, those with a verdict placed by the verdicts on others.

python -m benchmarks.verdicts --populations 10 --accounts 8000
"""

import argparse
import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import services
from detector import config, model, offering, reranking
from detector.evaluation import ALL_ABUSE, AVERAGE_PRECISION, LEARNED, PRECISION, evaluate
from detector.features import CATALOGUE

_FIRST_SEED, _DAYS, _ABUSE = 500, 100, 0.015
_NIGHTS = (services.LAST - dt.timedelta(days=28), services.LAST)
_VERDICTS, _WRONG, _CAPACITY = (20, 50, 100), (0.0, 0.1), (0.01, 0.02)
_A_NIGHT, _UNEXPLAINED = 25, 0.2  # cases, and the share of them that is kept
PRECISION_2 = "at twice the capacity"
SCORE, IN_USE, ONCE, ALONE = (
    "the score alone",
    "extra trees, added (in use)",
    "... all offered at once",
    "... not added",
)


def _prepared(classifier: Any) -> Any:
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), classifier)


def _others(known: int) -> dict[str, Any]:
    return {
        "nearest neighbours, added": _prepared(KNeighborsClassifier(min(9, known), weights="distance")),
        "logistic regression, added": _prepared(LogisticRegression(C=0.05, max_iter=2_000)),
        "boosting, added": HistGradientBoostingClassifier(max_iter=50, min_samples_leaf=5),
    }


def main() -> None:
    """Print two tables, of means over the populations and their halves."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--populations", type=int, default=10)
    parser.add_argument("--accounts", type=int, default=8_000)
    parser.add_argument("--intensity", default="faint")
    parser.add_argument("--variant", default="usual")
    parser.add_argument("--without-addresses", action="store_true", help="as many logs are, without any place")
    asked = parser.parse_args()
    unsaid = services.PLACE if asked.without_addresses else ()
    ranked, missed, cold = [], [], []
    for seed in range(_FIRST_SEED, _FIRST_SEED + asked.populations):
        known = services.known(
            _NIGHTS,
            unsaid=unsaid,
            accounts=asked.accounts,
            days=_DAYS,
            seed=seed,
            abuse_share=_ABUSE,
            intensity=asked.intensity,
            variant=asked.variant,
        )
        then, now, calibration = _scored(known)
        cold += _cold(then, calibration, seed)
        for half in (0, 1):
            judged, measured = ((pl.col("account") // 2) % 2 == side for side in (half, 1 - half))
            ranked += _ranked(then.filter(judged), now.filter(measured), seed)
            missed += _held_out(then.filter(judged), now.filter(measured), seed)
    print(
        f"{asked.populations} populations of {asked.accounts} accounts of the {asked.variant} variant, {_ABUSE:.1%} "
        f"{asked.intensity} abuse; mean precision at capacity (least of the populations)\n"
    )
    _print_ranked(pl.DataFrame(ranked))
    print()
    _print_held_out(pl.DataFrame(missed))
    print()
    _print_cold(pl.DataFrame(cold))


def _scored(known: services.Known) -> tuple[pl.DataFrame, pl.DataFrame, list[int]]:
    """Both nights by the model of the first, and the calibration accounts that its reviewers look at."""
    fitted = model.fit(known.features[_NIGHTS[0]], CATALOGUE, config.load(environ={}).settings.model)
    then, now = (
        model.score(fitted, features).join(features, on="account").join(known.truth, on="account").sort("account")
        for features in (known.features[night] for night in _NIGHTS)
    )
    return then, now, fitted.highest_.tolist()


def _names(night: pl.DataFrame) -> list[str]:
    return [name for name in night.columns if name in CATALOGUE or name.startswith("score")]


def _judge(cases: pl.DataFrame, wrong: float, rng: np.random.Generator) -> pl.DataFrame:
    said = pl.Series((cases["label"] == "abuse").to_numpy() ^ (rng.random(cases.height) < wrong))
    return cases.with_columns(confirmed=pl.when(pl.col("label") != "sharing").then(said))


def _labelled(accounts: pl.DataFrame, n: int, a_night: int, wrong: float, seed: int) -> pl.DataFrame:
    """So many verdicts, of night after night: each is ordered by what the verdicts before it taught."""
    rng = np.random.default_rng([seed, n])
    labelled = accounts.clear().with_columns(confirmed=pl.lit(None, pl.Boolean))
    while labelled.height < n:
        left, cases = accounts.join(labelled, on="account", how="anti"), min(a_night, n - labelled.height)
        learned = reranking.fit(labelled, _names(accounts), seed=0)
        if learned is None:
            chosen = offering.offer(left, cases)
        else:
            chosen = offering.choose(reranking.rerank(learned, left), left, cases, _UNEXPLAINED)
        shown = left.join(chosen.select("account"), on="account", how="semi", maintain_order="left")
        labelled = pl.concat([labelled, _judge(shown, wrong, rng)])
    return labelled


def _precision(priority: pl.DataFrame, night: pl.DataFrame, capacity: float) -> float:
    by = priority.columns[1]
    first = priority.sort(by, "account", descending=[True, False]).head(round(capacity * night.height))
    labels = first.join(night, on="account")["label"]
    return float((labels == "abuse").sum() / (labels != "sharing").sum())


def _ranked(then: pl.DataFrame, now: pl.DataFrame, seed: int) -> list[dict[str, Any]]:
    rows = []
    for n in _VERDICTS:
        for wrong in _WRONG:
            labelled = _labelled(then, n, _A_NIGHT, wrong, seed)
            learned = reranking.fit(labelled, _names(then), seed=0)
            known = labelled.drop_nulls("confirmed")
            x, y = reranking._matrix(known, _names(then)), known["confirmed"].to_numpy()
            once = reranking.fit(_labelled(then, n, n, wrong, seed), _names(then), seed=0)
            # Where the trees in use learn nothing, no way does.
            ways = {
                SCORE: now.select("account", "score"),
                IN_USE: reranking.rerank(learned, now),
                ONCE: reranking.rerank(once, now),
                ALONE: reranking.rerank(learned and replace(learned, weight=1e6), now),
            } | {
                name: reranking.rerank(learned and replace(learned, trees=other.fit(x, y)), now)
                for name, other in _others(len(y)).items()
            }
            rows += [
                {"way": way, "n": n, "wrong": wrong, "capacity": capacity, "seed": seed,
                 "precision": _precision(priority, now, capacity)}
                for way, priority in ways.items() for capacity in _CAPACITY
            ]  # fmt: skip
    return rows


def _held_out(then: pl.DataFrame, now: pl.DataFrame, seed: int) -> list[dict[str, Any]]:
    """How many of a kind that no verdict was on are within the capacity, by score and by what is chosen."""
    rows = []
    for (kind,) in now.filter(pl.col("label") == "abuse").select("kind").unique().sort("kind").rows():
        judged = then.filter(pl.col("kind") != kind)
        priority = reranking.rerank(reranking.fit(_labelled(judged, 100, _A_NIGHT, 0, seed), _names(then), seed=0), now)
        for capacity in _CAPACITY:
            places = round(capacity * now.height)
            ways = {
                "score": now.sort("score", "account", descending=[True, False]).head(places),
                "order": priority.sort("priority", "account", descending=[True, False]).head(places),
                "chosen": offering.choose(priority, now, places, _UNEXPLAINED),
            }
            of_kind = now.filter(pl.col("kind") == kind)
            found = {way: of_kind.join(shown, on="account", how="semi").height for way, shown in ways.items()}
            rows.append({"kind": kind, "capacity": capacity, "accounts": of_kind.height} | found)
    return rows


def _cold(night: pl.DataFrame, calibration: list[int], seed: int) -> list[dict[str, Any]]:
    """What the first verdicts are worth: their accounts are the calibration's, families in turn."""
    of_calibration = night.filter(pl.col("account").is_in(calibration))
    rows = []
    for wrong in _WRONG:
        for n in _VERDICTS if wrong else (0, *_VERDICTS):
            shown = of_calibration.join(offering.offer(of_calibration, n), on="account", how="semi")
            judged = _judge(shown, wrong, np.random.default_rng([seed, n]))
            priority = reranking.rerank_by_others(judged, night, _names(night), seed=0)
            if priority is None:
                priority = night.select("account", priority="score")
            found = evaluate(night.select("account", "score"), night, night, priority=priority, draws=2).measures
            taught = found.filter(method=LEARNED, kind=ALL_ABUSE)
            measures = taught.filter(pl.col("measure").is_in((PRECISION, AVERAGE_PRECISION))).select("measure", "value")
            rows.append(
                {"n": n, "wrong": wrong, PRECISION_2: _precision(priority, night, 0.02)} | dict(measures.iter_rows())
            )
    return rows


def _print_cold(cold: pl.DataFrame) -> None:
    """Means, and in brackets the least of the populations."""
    measures = (PRECISION, PRECISION_2, AVERAGE_PRECISION)
    print("| verdicts, cold | " + " | ".join(measures) + " |\n" + "|---" * (len(measures) + 1) + "|")
    for (n, wrong), found in cold.group_by("n", "wrong", maintain_order=True):
        cells = [f"{found[name].mean():.3f} ({found[name].min():.2f})" for name in measures]
        print(f"| {n}, {wrong:.0%} wrong | " + " | ".join(cells) + " |")


def _print_ranked(ranked: pl.DataFrame) -> None:
    asked = [(wrong, n) for wrong in _WRONG for n in _VERDICTS]
    for capacity in _CAPACITY:
        print(f"\nCapacity {capacity:.0%} of the accounts:\n")
        print("| | " + " | ".join(f"{n} verdicts, {wrong:.0%} wrong" for wrong, n in asked) + " |")
        print("|---" * (len(asked) + 1) + "|")
        for way in ranked["way"].unique(maintain_order=True):
            cells = []
            for wrong, n in asked:
                found = ranked.filter(way=way, n=n, wrong=wrong, capacity=capacity)
                by_seed = found.group_by("seed").agg(pl.col("precision").mean())["precision"].to_numpy()
                cells.append(f"{by_seed.mean():.3f} ({by_seed.min():.2f})")
            print(f"| {way} | " + " | ".join(cells) + " |")


def _print_held_out(missed: pl.DataFrame) -> None:
    print("| kind that no verdict was on | capacity | accounts | by score | by priority | with places kept |")
    print("|---|---|---|---|---|---|")
    summed = missed.group_by("capacity", "kind").sum().sort("capacity", "kind")
    every = missed.group_by("capacity", maintain_order=True).agg(
        pl.lit("all of them").alias("kind"), pl.col(summed.columns[2:]).sum()
    )
    for row in pl.concat([summed, every.select(summed.columns)]).iter_rows(named=True):
        shares = " | ".join(f"{row[way] / row['accounts']:.3f}" for way in ("score", "order", "chosen"))
        print(f"| {row['kind']} | {row['capacity']:.0%} | {row['accounts']} | {shares} |")


if __name__ == "__main__":
    main()
