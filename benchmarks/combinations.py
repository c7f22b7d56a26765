"""How the evidence of the families is put together: several ways, ranked on the same nights of invented services.

python -m benchmarks.combinations --populations 2 --accounts 5000
python -m benchmarks.combinations --populations 2 --accounts 5000 --without-addresses
"""

import argparse
import datetime as dt
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks import services
from detector import combining, config, identity, ingesting, model, nightly, published, retraining, simulate
from detector.evaluation import ABOVE_1, ALL_ABUSE, AVERAGE_PRECISION, PRECISION, evaluate
from detector.features import CATALOGUE
from detector.runs import open_doors
from detector.simulate import KINDS

Values = npt.NDArray[np.float64]
_LAST, _DAYS, _FIRST_SEED = dt.date(2026, 6, 30), 120, 100
_SIZE, _WHERE = ("concurrency", "devices", "rhythm"), ("places", "groups")
_STRANGERS = ("joined", "change", "taste", "residents")
_WEIGHTS = {feature.family: feature.weight for feature in CATALOGUE.values()}
_IN_FULL_FROM = {feature.family: feature.in_full_from for feature in CATALOGUE.values()}
# Of accounts that two homes share these count for 0.7, in every way but one.
_SHARING = {feature.family for feature in CATALOGUE.values() if feature.shows_sharing}


def _top(
    evidence: dict[str, Values],
    *causes: tuple[str, ...],
    k: int = 2,
    size: float = 1,
    also: float = 0.3,
    **weights: float,
) -> Values:
    """The sum of the `k` strongest, families that show one of the `causes` counting once and
    the second of them `also`; those of `_SIZE` weighed."""
    of_each = _WEIGHTS | dict.fromkeys(_SIZE, size) | weights
    evidence = {
        name: combining.counted(values, of_each.get(name, 1), _IN_FULL_FROM.get(name))
        for name, values in evidence.items()
    }
    alone = [values for name, values in evidence.items() if not any(name in names for names in causes)]
    shown = [[evidence[name] for name in names if name in evidence] for names in causes]
    once = [combining.strongest(some, (also, 1.0)) for some in shown if some]
    total: Values = np.sort(np.stack([*alone, *once]), axis=0)[-k:].sum(axis=0)
    return total


def _without(evidence: dict[str, Values], *names: str) -> dict[str, Values]:
    return {name: values for name, values in evidence.items() if name not in ("overall", *names)}


def _two(
    evidence: dict[str, Values],
    *causes: tuple[str, ...],
    strangers: tuple[str, ...] = _STRANGERS,
    size: float = 0.5,
    **how: Any,
) -> Values:
    return _top(_without(evidence), _SIZE, strangers, *causes, size=size, **how)


IN_USE = "two strongest causes, size for 0.5 (in use)"
WITHOUT_TASTE, TWO_IN_FULL = "... without taste", "... two homes in full"
NONE_LEFT_OUT, MORE_TREES = "... learned from all accounts", "... 300 trees a forest"
WAYS: dict[str, Callable[[dict[str, Values]], Values]] = {
    IN_USE: _two,
    "... with the forest over all": lambda e: _top(e, _SIZE, _STRANGERS, size=0.5),
    "... residents as a cause of their own": lambda e: _two(e, strangers=_STRANGERS[:3]),
    "... all that shows strangers apart": lambda e: _two(e, strangers=()),
    "... groups show strangers, too": lambda e: _two(e, strangers=(*_STRANGERS, "groups")),
    "... what never rests shows many people": lambda e: _top(_without(e), (*_SIZE, "unresting"), _STRANGERS, size=0.5),
    "... groups and places as one cause": lambda e: _two(e, _WHERE),
    "... three of them": lambda e: _two(e, k=3),
    "... a cause's second family for nothing": lambda e: _two(e, also=0),
    "... a cause's second family for 0.6": lambda e: _two(e, also=0.6),
    "... four of them": lambda e: _two(e, k=4),
    "... size for 0.3": lambda e: _two(e, size=0.3),
    "... size for 0.8": lambda e: _two(e, size=0.8),
    "... size in full": lambda e: _two(e, size=1),
    "... profiles in full": lambda e: _two(e, profiles=1),
    "... repetition in full": lambda e: _two(e, repetition=1),
    WITHOUT_TASTE: lambda e: _two(_without(e, "taste")),
    "... without residents and joined": lambda e: _two(_without(e, "residents", "joined")),
    "two strongest families": lambda e: _top(_without(e)),
    "two strongest of families and all": _top,
    "the strongest family": lambda e: _top(_without(e), k=1),
    "sum of all families": lambda e: _top(_without(e), k=99),
    "the forest over all alone": lambda e: e["overall"],
}


def main() -> None:
    """Print one table, of means over the populations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--populations", type=int, default=2)
    parser.add_argument("--accounts", type=int, default=5_000)
    parser.add_argument("--without-addresses", action="store_true", help="as many logs are, without any place")
    asked = parser.parse_args()
    unsaid = services.PLACE if asked.without_addresses else ()
    found = pl.concat([_population(asked.accounts, _FIRST_SEED + n, unsaid) for n in range(asked.populations)])
    print(f"{asked.populations} populations of {asked.accounts} accounts, 3 % abusive, middle intensity; means")
    print("| way | " + " | ".join((AVERAGE_PRECISION, PRECISION, f"abusive {ABOVE_1}")) + " |")
    print("|---|---|---|---|")
    for way in (*WAYS, TWO_IN_FULL, NONE_LEFT_OUT, MORE_TREES):
        means = found.filter(pl.col("way") == way).mean().row(0, named=True)
        print(
            f"| {way} | " + " | ".join(f"{means[name]:.3f}" for name in (AVERAGE_PRECISION, PRECISION, ABOVE_1)) + " |"
        )
    print(f"\n| {ABOVE_1}, by kind | {IN_USE} | {WITHOUT_TASTE} |\n|---|---|---|")
    of_both = [found.filter(pl.col("way") == way).mean().row(0, named=True) for way in (IN_USE, WITHOUT_TASTE)]
    for kind in [kind.name for kind in KINDS if kind.name in found.columns]:
        print(f"| {kind} | " + " | ".join(f"{means[kind]:.3f}" for means in of_both) + " |")


def _population(accounts: int, seed: int, unsaid: Sequence[str]) -> pl.DataFrame:
    service = simulate.simulate(
        accounts=accounts, days=_DAYS, end=_LAST, seed=seed, abuse_share=0.03, intensity="middle"
    )
    settings = config.load(environ={}).settings

    def clock() -> dt.datetime:
        return dt.datetime.combine(_LAST + dt.timedelta(days=3), dt.time(), dt.UTC)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        service.playbacks.drop(unsaid).write_parquet(folder / "log.parquet")
        (folder / "key").write_text("1f" * 32)
        with open_doors(folder / "home", settings, folder / "key") as doors:
            taken = ingesting.ingest(
                [str(folder / "log.parquet")], into=doors.home, keys=doors.keys, settings=settings, now=clock()
            )
            list(taken)
            retraining.train(doors, _LAST, settings=settings, clock=clock)
            nightly.night(doors, _LAST, settings=settings, clock=clock)
            run = published.run_of(doors, _LAST)
            scores, features = (published.frame(doors, run, what) for what in ("scores", "features"))
            account = identity.pseudonymise_ids(service.truth.select("account_id"), doors.keys)["account"]
    truth = service.truth.with_columns(account=account).select("account", "kind", "label")
    scored = scores.filter(pl.col("score").is_not_null())
    families = {*(feature.family for feature in CATALOGUE.values()), "overall"}
    seen_in = [name for name in sorted(families) if f"score_{name}" in scored.columns]
    in_full = {name: scored[f"score_{name}"].to_numpy() for name in seen_in}
    two = (scored.join(features, on="account", how="left")["homes_365d"] == 2).fill_null(False).to_numpy()
    counts = np.where(two, 0.7, 1)
    evidence = {name: counts * values if name in _SHARING else values for name, values in in_full.items()}
    rows = []
    totals = {way: total(evidence) for way, total in WAYS.items()}
    totals[TWO_IN_FULL] = WAYS[IN_USE](in_full)
    np.testing.assert_allclose(totals[IN_USE], scored["score"].to_numpy(), rtol=1e-6)  # it is what a night does
    seen = features.join(scored, on="account", how="semi", maintain_order="left")
    more = settings.model.model_copy(update={"trees": 300})
    for way, other in (
        (NONE_LEFT_OUT, model.fit(seen, CATALOGUE, settings.model, passes=0)),
        (MORE_TREES, model.fit(seen, CATALOGUE, more)),
    ):
        theirs = model.score(other, seen)
        totals[way] = scored.join(theirs, on="account", how="left", suffix="_theirs")["score_theirs"].to_numpy()
    for way, total in totals.items():
        ranked = scored.select("account", score=pl.Series(total))
        measures = evaluate(ranked, truth, features, draws=2).measures
        mine = measures.filter((pl.col("method") == "score") & (pl.col("kind") == ALL_ABUSE))
        by_kind = measures.filter((pl.col("method") == "score") & (pl.col("measure") == ABOVE_1))
        rows.append(
            {"way": way}
            | dict(by_kind.select("kind", "value").iter_rows())
            | dict(mine.select("measure", "value").iter_rows())
        )
    return pl.DataFrame(rows)


if __name__ == "__main__":
    main()
