"""Invented services with known answers, as the features of their accounts on some nights."""

import datetime as dt
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from detector import config, digesting, features, identity, ingesting, lookback, simulate, training
from detector.store import Store

LAST = dt.date(2026, 6, 30)
# What a log without addresses does not say.
PLACE = ("ip", "asn", "country", "region", "city", "latitude", "longitude", "network_kind", "timezone")
_KEYS = identity.Keys("0" * 64, bytes(32))


@dataclass(frozen=True)
class Known:
    """By night the features of the accounts of which enough was seen, and the truth: `account, kind, label`."""

    features: dict[dt.date, pl.DataFrame]
    truth: pl.DataFrame


def known(nights: Sequence[dt.date], *, unsaid: Sequence[str] = (), **asked: Any) -> Known:
    """A service with the arguments of `simulate.simulate`, digested as any log is, without training or publishing.

    Its log does not have the columns `unsaid`.
    """
    service = simulate.simulate(end=max(nights), **asked)
    settings = config.load(environ={}).settings
    now = dt.datetime.combine(max(nights) + dt.timedelta(days=3), dt.time(), dt.UTC)
    with tempfile.TemporaryDirectory() as folder:
        service.playbacks.drop(unsaid).write_parquet(Path(folder) / "log.parquet")
        home = Store(Path(folder) / "home")
        log = [str(Path(folder) / "log.parquet")]
        list(ingesting.ingest(log, into=home, keys=_KEYS, settings=settings, now=now))
        by_night = {}
        for night in sorted(nights):
            digesting.bring_up_to_date(home, night, settings=settings, key_id=_KEYS.key_id)
            met = lookback.meet(home, night, settings.window)
            built = [
                training.learn_from(features.build_features(window), window.year.accounts, night, settings.window)
                for window in lookback.windows(home, night, settings.window, met=met)
            ]
            by_night[night] = pl.concat(built).sort("account")
    account = identity.pseudonymise_ids(service.truth.select("account_id"), _KEYS)["account"]
    truth = service.truth.with_columns(account=account).select("account", "kind", "label", "intensity").sort("account")
    return Known(by_night, truth)
