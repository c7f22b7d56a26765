"""`make bench SCALE=1`: is a night as cheap as it was designed to be? 200,000 accounts times SCALE.

Four questions, each answered by alternating the two sides in one run:
a night after 400 days of history against one after 40; ingest, digest and features of a night against a plain DuckDB
script over the playbacks of the window; playbacks to account-days against two group-bys over the same rows; and the
peak memory of a whole night.
"""

import argparse
import datetime as dt
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from benchmarks.population import day_of_log
from detector import config, days, digesting, features, ingesting, lookback, playbacks, retraining
from detector.features import Concurrency, Devices, Places, Repetition, Rhythm
from detector.neighbours import Neighbours
from detector.runs import Doors, open_doors
from detector.store import Store

ACCOUNTS = 200_000
NIGHT = dt.date(2025, 6, 29)
KEY = "ab" * 32
_ONE_DAY = dt.timedelta(days=1)
_CORE = (Repetition, Concurrency, Devices, Places, Rhythm)  # what the DuckDB script works out too


def main() -> None:
    """Build the homes, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    accounts = int(ACCOUNTS * asked.scale)
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        print(f"{accounts} accounts, 3 playbacks a day each; medians of {asked.rounds} rounds (least to most)")
        log = _log(accounts, folder)
        short = _short_home(log, folder)
        _against_group_bys(short, asked.rounds)
        _against_duckdb(short, log, asked.rounds)
        _long_against_short(short, log, folder, asked.rounds)


def _clock() -> dt.datetime:
    return dt.datetime.combine(NIGHT + 2 * _ONE_DAY, dt.time(), dt.UTC)


def _settings() -> config.Settings:
    return config.load(environ={"DETECTOR_DAYS__WESTERNMOST_ZONE": "UTC"}).settings


def _log(accounts: int, folder: Path) -> dict[dt.date, Path]:
    """One file for each of the 40 days up to the night."""
    (folder / "log").mkdir()
    log = {}
    for ago in range(39, -1, -1):
        day = NIGHT - ago * _ONE_DAY
        log[day] = folder / "log" / f"{day}.parquet"
        day_of_log(accounts, day, seed=1).write_parquet(log[day])
    return log


@contextmanager
def _doors(home: Path) -> Iterator[Doors]:
    key = home.parent / "key"
    key.write_text(KEY)
    with open_doors(home, _settings(), key) as doors:
        yield doors


def _ingest(doors: Doors, *files: Path) -> None:
    taken = ingesting.ingest(
        [str(file) for file in files], into=doors.home, keys=doors.keys, settings=_settings(), now=_clock()
    )
    for _ in taken:
        pass


def _short_home(log: dict[dt.date, Path], folder: Path) -> Path:
    """A home that stands before the night, after 39 days, with a model."""
    home = folder / "short"
    with _doors(home) as doors:
        began = time.perf_counter()
        _ingest(doors, *[file for day, file in log.items() if day < NIGHT])
        digesting.bring_up_to_date(doors.home, NIGHT - _ONE_DAY, settings=_settings(), key_id=doors.keys.key_id)
        spent = (time.perf_counter() - began) / (len(log) - 1)
        print(f"back-fill: {spent:.2f} s a day for ingest and digest")
        retraining.train(doors, NIGHT - _ONE_DAY, settings=_settings(), clock=_clock)
    return home


def _before_the_night(home: Path) -> None:
    """Take the night back: its rows, its receipt, its account-days."""
    store = Store(home)
    content = {path.stem for path in (home / "receipts").iterdir()} - _receipts_before.setdefault(home, _receipts(home))
    for stem in content:
        (home / "receipts" / f"{stem}.json").unlink()
        for day in (NIGHT, NIGHT + _ONE_DAY):
            store.remove_part("playbacks", day, f"{stem}.parquet")
            store.remove_part("sealed", day, f"{stem}.sealed")
    store.remove(digesting.DAYS, NIGHT)


_receipts_before: dict[Path, set[str]] = {}


def _receipts(home: Path) -> set[str]:
    return {path.stem for path in (home / "receipts").iterdir()}


def _paired(rounds: int, **sides: Callable[[], None]) -> dict[str, list[float]]:
    """Seconds of each side, one after the other, so many times; the first round warms up and does not count."""
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, run in sides.items():
            began = time.perf_counter()
            run()
            if number:
                spent[name].append(time.perf_counter() - began)
    return spent


def _tell(title: str, spent: dict[str, list[float]], limit: float) -> None:
    (one, ours), (other, theirs) = spent.items()
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    print(f"\n{title}")
    for name, values in spent.items():
        print(f"  {name:<34} {statistics.median(values):7.2f} s ({min(values):.2f} to {max(values):.2f})")
    verdict = "holds" if ratio <= limit else "FALLS SHORT"
    print(f"  {one} / {other}: {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}), at most {limit:g}: {verdict}")


def _against_group_bys(home: Path, rounds: int) -> None:
    store, day, settings = Store(home), NIGHT - _ONE_DAY, _settings()
    rows = pl.concat(store.read("playbacks", [day]))
    repaired = playbacks.repair(rows, settings.playbacks).playbacks.with_columns(on=pl.lit(day))
    before = [digesting._stored(store, date) for date in digesting._days_before(day)]

    def group_bys() -> None:
        repaired.group_by("account", "device", "address").agg(pl.len(), pl.col("seconds").sum())
        repaired.group_by("account", "title").agg(pl.len(), pl.col("is_view").sum())

    spent = _paired(
        rounds,
        **{
            "playbacks to account-days": lambda: _drop(days.digest(repaired, before, [day])),
            "two group-bys": group_bys,
        },
    )
    _tell("one day's digest", spent, 5)


def _drop(_: object) -> None:
    """A result is not kept."""


def _files_of_window(store: Store, last: dt.date) -> list[str]:
    days_of_window = [last - n * _ONE_DAY for n in range(28)]
    return [str(file) for day in days_of_window for file in store.folder("playbacks", day).glob("*.parquet")]


def _script(files: list[str]) -> str:
    return (Path(__file__).parent / "window.sql").read_text().replace("$files", repr(files))


def _against_duckdb(home: Path, log: dict[dt.date, Path], rounds: int) -> None:
    with _doors(home) as doors:
        _before_the_night(home)
        _ingest(doors, log[NIGHT])
        script = _script(_files_of_window(doors.home, NIGHT))

        def ours() -> None:
            _before_the_night(home)
            _ingest(doors, log[NIGHT])
            digesting.bring_up_to_date(doors.home, NIGHT, settings=_settings(), key_id=doors.keys.key_id)
            alone = Neighbours.none()
            for one in lookback.windows(doors.home, NIGHT, _settings().window, met=alone):
                features.build_features(one, _CORE)

        def theirs() -> None:
            with duckdb.connect() as database:
                database.execute("SET TimeZone = 'UTC'")
                database.execute(script)

        spent = _paired(rounds, **{"ingest, digest, features": ours, "DuckDB over the window": theirs})
    _tell("one night's features", spent, 0.4)


# What the system tells a parent of its child's peak includes the parent's own, so the child tells it itself.
_NIGHT = """
import atexit, pathlib
from detector.cli import main
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text()))
main()
"""


def _night(home: Path, file: Path, nth: list[int]) -> int:
    """A whole `nightly` in a process of its own; its peak memory in MB."""
    nth[0] += 1
    environment = os.environ | {
        "DETECTOR_DAYS__WESTERNMOST_ZONE": "UTC",
        "DETECTOR_SOURCE__PATHS": f'["{file}"]',
        # Another capacity each time, or the night would be the one that is published.
        "DETECTOR_DECISION__CAPACITY_SHARE": f"{0.01 + nth[0] / 1e6:.6f}",
    }
    run = subprocess.run(
        [sys.executable, "-c", _NIGHT, "--home", str(home), "nightly", "--day", str(NIGHT)],
        check=False, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    if run.returncode:
        raise SystemExit(f"the night in {home.name} ended with {run.returncode}")
    [peak_kb] = re.findall(r"VmHWM:\s+(\d+) kB", run.stdout)
    return int(peak_kb) // 1024


def _long_against_short(short: Path, log: dict[dt.date, Path], folder: Path, rounds: int) -> None:
    _before_the_night(short)
    long = folder / "long"
    _grow(short, long)
    peaks, nth = [], [0]

    def night(home: Path) -> None:
        _before_the_night(home)
        peaks.append(_night(home, log[NIGHT], nth))

    spent = _paired(
        rounds, **{"nightly after 400 days": lambda: night(long), "nightly after 40 days": lambda: night(short)}
    )
    _tell("a whole night", spent, 1.2)
    verdict = "holds" if max(peaks) < 2000 else "FALLS SHORT"
    print(f"\npeak memory of a whole night: {max(peaks)} MB, at most 2000: {verdict}")


def _grow(short: Path, long: Path) -> None:
    """A home with 360 more days before those of `short`, each a copy of one of its days under an earlier date."""
    shutil.copytree(short, long)
    store, settings = Store(long), _settings()
    known = store.partitions(digesting.DAYS)
    rows_of = [day for day in store.partitions("playbacks") if day < NIGHT]
    parts = lambda date: store.parts("playbacks", date)  # noqa: E731
    for back in range(360, 0, -1):
        source = rows_of[back % 28 + 5]
        date = rows_of[0] - back * _ONE_DAY
        [part] = store.parts("playbacks", source).values()
        shift = date - source
        notes = dict(part.notes) | {
            name: (dt.datetime.fromisoformat(str(part.notes[name])) + shift).isoformat()
            for name in ("first_start", "last_end")
        }
        # Rows of so long ago are never read: only what their manifest says of them counts.
        store.put("playbacks", date, {part.name: b""}, notes)
    first = rows_of[0] - 360 * _ONE_DAY - _ONE_DAY
    for n in range((known[0] - first).days):
        day = first + n * _ONE_DAY
        copied = known[10 + n % 28]
        frames = {
            part.name: store.read(digesting.DAYS, [copied], part.name)[0].with_columns(day=pl.lit(day))
            for part in store.parts(digesting.DAYS, copied).values()
        }
        notes = {
            "inputs": digesting._inputs(store, day, parts, settings, {}),
            "method": digesting._METHOD,
            "plays": int(frames["account_days.parquet"]["plays"].sum()),
            "key_id": "",
        }
        store.put(digesting.DAYS, day, frames, notes)
    for day in known:  # the days after them now follow on others: say so, rather than digest them anew
        stored = store.parts(digesting.DAYS, day)
        notes = dict(stored["account_days.parquet"].notes) | {
            "inputs": digesting._inputs(store, day, parts, settings, {})
        }
        store.put(digesting.DAYS, day, {name: store.read(digesting.DAYS, [day], name)[0] for name in stored}, notes)
    digesting.bring_up_to_date(store, NIGHT - _ONE_DAY, settings=settings, key_id="")


if __name__ == "__main__":
    main()
