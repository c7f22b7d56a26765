"""`make bench` too: how long the features of a window take, against reading its account-days and summing them.

python -m benchmarks.features --scale 1

200,000 accounts times SCALE over 28 days. One side reads the account-days, titles and visits of the window and builds
all features, bucket by bucket as a night does; the other reads the same columns and sums them by account.
"""

import argparse
import datetime as dt
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import polars as pl
import polars.selectors as cs

from benchmarks.nights import ACCOUNTS, KEY, NIGHT, _ingest, _settings
from benchmarks.population import day_of_log
from detector import digesting, lookback
from detector.features import FAMILIES, build_features
from detector.neighbours import Neighbours
from detector.runs import open_doors
from detector.store import Store

_MOST = 4.0  # times the sums
_DAYS = 28
_READ, _GROUPS = "reading the window", "who belongs together"
_PARTS = {"account_days": lookback._ACCOUNT_DAYS, "titles": lookback._TITLES, "visits": lookback._VISITS}


def main() -> None:
    """Build a home, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    accounts = int(ACCOUNTS * asked.scale)
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        store = _home(accounts, Path(name))
        spent: list[dict[str, float]] = []
        of_all, sums = [], []
        for number in range(asked.rounds + 1):
            found, plain, together = _features(store), _seconds(lambda: _sums(store)), _seconds(lambda: _night(store))
            if number:  # the first round warms up and does not count
                spent.append(found)
                sums.append(plain)
                of_all.append(together)
    print(f"features of {accounts} accounts over {_DAYS} days; medians of {asked.rounds} rounds (least to most)")
    print(f"  {'reading and summing by account':<34} {median(sums):7.2f} s ({min(sums):.2f} to {max(sums):.2f})")
    print("  one after the other:")
    for step in spent[0]:
        _tell(step, [found[step] for found in spent], sums)
    ratio = _tell("all features, as a night does", of_all, sums)
    print(f"  at most {_MOST:g} times the sums: {'holds' if ratio <= _MOST else 'FALLS SHORT'}")


def _home(accounts: int, folder: Path) -> Store:
    """Account-days of the window, digested from a log."""
    (folder / "key").write_text(KEY)
    with open_doors(folder / "home", _settings(), folder / "key") as doors:
        for ago in range(_DAYS - 1, -1, -1):
            log = folder / "log.parquet"
            day_of_log(accounts, NIGHT - dt.timedelta(days=ago), seed=1).write_parquet(log)
            _ingest(doors, log)
        digesting.bring_up_to_date(doors.home, NIGHT, settings=_settings(), key_id=doors.keys.key_id)
        return doors.home


def _features(store: Store) -> dict[str, float]:
    """Seconds by step of all features of a night."""
    spent = dict.fromkeys([_READ, _GROUPS, *(family.__name__ for family in FAMILIES)], 0.0)
    began = time.perf_counter()
    for window in lookback.windows(store, NIGHT, _settings().window, met=Neighbours.none()):
        spent[_READ] += time.perf_counter() - began
        spent[_GROUPS] += _seconds(lambda: window.grouped)  # noqa: B023 - called at once
        for family in FAMILIES:
            spent[family.__name__] += _seconds(lambda: build_features(window, [family]))  # noqa: B023
        began = time.perf_counter()
    return spent


def _night(store: Store) -> None:
    for window in lookback.windows(store, NIGHT, _settings().window, met=Neighbours.none()):
        build_features(window)


def _sums(store: Store) -> None:
    """What is no number is counted, so that it is read as well."""
    window = lookback.look(store, NIGHT, _settings().window).window
    numbers = cs.numeric() - cs.by_name("account")
    for name, columns in _PARTS.items():
        rows = pl.concat(store.scan(digesting.DAYS, window, f"{name}.parquet")).select(columns)
        rows.group_by("account").agg(numbers.sum(), (~cs.numeric()).count()).collect()


def _seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _tell(step: str, spent: list[float], sums: list[float]) -> float:
    ratios = [mine / plain for mine, plain in zip(spent, sums, strict=True)]
    print(
        f"  {step:<34} {median(spent):7.2f} s ({min(spent):.2f} to {max(spent):.2f}), "
        f"{median(ratios):.2f} times the sums ({min(ratios):.2f} to {max(ratios):.2f})"
    )
    return median(ratios)


if __name__ == "__main__":
    main()
