"""Accounts that a night flags, and its publication in the state database."""

import datetime as dt
from typing import Any

from detector.cases import Shown
from detector.ledger import Ledger

NOW = dt.datetime(2025, 7, 1, 4, tzinfo=dt.UTC)
DAY = dt.date(2025, 6, 29)
ONE_DAY = dt.timedelta(days=1)
A, B, C = (f"{n:016x}" for n in (10, 11, 12))


def shown(account: str, kind: Any = "resale", score: float | None = 5.0) -> Shown:
    return Shown(account, kind, score, "groups")


def publish(ledger: Ledger, run_id: str, *flagged: Shown, day: dt.date = DAY, **more: Any) -> None:
    ledger.start_run(run_id, command="nightly", day=day, key_id="k", now=NOW)
    ledger.publish(
        run_id, fingerprint=run_id, directory=f"runs/{run_id}", manifest={}, model_version="1", record={}, now=NOW,
        flagged=flagged, **more,
    )  # fmt: skip
