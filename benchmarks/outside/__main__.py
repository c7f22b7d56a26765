"""Ranked accounts of a second invented service, whose customs were written down without the simulator's.

python -m benchmarks.outside --populations 2 --accounts 4000
"""

import argparse
import datetime as dt
import tempfile
from pathlib import Path

import polars as pl

from benchmarks.outside.kinds import KINDS, service
from benchmarks.outside.service import LAST
from detector import config, identity, ingesting, nightly, published, retraining
from detector.evaluation import ABOVE_1, ALL_ABUSE, AVERAGE_PRECISION, PRECISION, evaluate
from detector.runs import open_doors

_FIRST_SEED = 1


def main() -> None:
    """Print one table, of means over the populations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--populations", type=int, default=2)
    parser.add_argument("--accounts", type=int, default=4_000)
    asked = parser.parse_args()
    found = pl.concat([_measures(asked.accounts, _FIRST_SEED + n) for n in range(asked.populations)])
    means = found.group_by("measure", "kind").agg(pl.col("value").mean())
    value = {(measure, kind): mean for measure, kind, mean in means.iter_rows()}
    print(f"{asked.populations} populations of {asked.accounts} accounts; means\n")
    print(f"| measure, or kind {ABOVE_1} | mean |\n|---|---|")
    for measure, title in ((AVERAGE_PRECISION,) * 2, (PRECISION,) * 2, (ABOVE_1, f"abusive {ABOVE_1}")):
        print(f"| {title} | {value[measure, ALL_ABUSE]:.3f} |")
    for name, kind in sorted(KINDS.items(), key=lambda item: item[1].label):
        above = value.get((ABOVE_1, name.replace("_", " ")))
        if above is not None and (kind.label == "abuse" or (kind.label == "benign" and above > 0.01)):
            print(f"| {name.replace('_', ' ')} ({kind.label}) | {above:.3f} |")


def _measures(accounts: int, seed: int) -> pl.DataFrame:
    playbacks, truth = service(accounts, seed)
    settings = config.load(environ={}).settings

    def clock() -> dt.datetime:
        return dt.datetime.combine(LAST + dt.timedelta(days=3), dt.time(), dt.UTC)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        playbacks.write_parquet(folder / "log.parquet")
        (folder / "key").write_text("1f" * 32)
        with open_doors(folder / "home", settings, folder / "key") as doors:
            log = [str(folder / "log.parquet")]
            list(ingesting.ingest(log, into=doors.home, keys=doors.keys, settings=settings, now=clock()))
            retraining.train(doors, LAST, settings=settings, clock=clock)
            nightly.night(doors, LAST, settings=settings, clock=clock)
            run = published.run_of(doors, LAST)
            scores, features = (published.frame(doors, run, what) for what in ("scores", "features"))
            account = identity.pseudonymise_ids(truth.select("account_id"), doors.keys)["account"]
    known = truth.with_columns(account=account).select("account", "kind", "label")
    scored = scores.filter(pl.col("score").is_not_null()).select("account", "score")
    measures = evaluate(scored, known, features, draws=2).measures
    return measures.filter(pl.col("method") == "score").select("measure", "kind", "value")


if __name__ == "__main__":
    main()
