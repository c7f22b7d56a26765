"""How long the console takes for a page at a long queue, from request to answer, over the home of a demo.

python -m benchmarks.console --demo detector-demo --cases 100000
"""

import argparse
import datetime as dt
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient

from benchmarks.desk import _night, _shown
from detector import config
from detector.console import passwords
from detector.console.app import create_app
from detector.runs import open_doors

_PASSWORD = "a password of the bench"
_OPENED = 20  # different cases, each opened once: nothing of them is remembered


def main() -> None:
    """Print a line for each page: median, lowest and highest of its answers, in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=Path("detector-demo"))
    parser.add_argument("--cases", type=int, default=100_000)
    arguments = parser.parse_args()
    settings = config.load().settings
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(arguments.demo / "home", Path(folder) / "home")
        with open_doors(Path(folder) / "home", settings) as doors:
            own = [case.id for case in doors.ledger.cases.queue(limit=_OPENED)]
            _night(doors.ledger, "long", dt.date(2020, 1, 1), _shown(arguments.cases))
            now = dt.datetime.now(dt.UTC)
            doors.ledger.people.add("bench", "analyst", passwords.hashed(_PASSWORD), actor="bench", now=now)
            app = create_app(doors, settings, lambda: dt.datetime.now(dt.UTC))
            client = TestClient(app, base_url="http://localhost", follow_redirects=False)
            client.post("/sign-in", data={"name": "bench", "password": _PASSWORD})
            client.get(f"/cases/{own[0]}")  # imports, and the model
            print(f"{doors.ledger.cases.counts()['open']} open cases; milliseconds")
            _tell("a case", [lambda n=n: client.get(f"/cases/{n}") for n in own[1:]])  # type: ignore[misc]
            _tell("the queue", [lambda: client.get("/queue")] * 10)
            _tell("the queue, its hundredth page", [lambda: client.get("/queue?page=100")] * 10)
            _tell("the queue of one kind, flagged", [lambda: client.get("/queue?kind=ring&origin=flag")] * 10)
            _tell("take next", [lambda: client.post("/take-next")] * 10)
            _tell("what came of it", [lambda: client.get("/stats")] * 10)


def _tell(what: str, asks: list[Callable[[], object]]) -> None:
    took = []
    for ask in asks:
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    print(f"{what:<32} {statistics.median(took):7.0f} ({min(took):.0f} to {max(took):.0f})", flush=True)


if __name__ == "__main__":
    main()
