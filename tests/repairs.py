"""Rows of a log around one evening, and what repair makes of them."""

import datetime as dt
from typing import Any

import polars as pl
from support import at

from detector import config, playbacks, tables

SETTINGS = config.load().settings


def played(start: str, minutes: float | None = None, **said: Any) -> dict[str, Any]:
    """One checked row of June 2025: account 1 plays title 1 on its television, in UTC."""
    started = at(f"2025-06-{start}")
    return {
        "account": 1,
        "device": 1,
        "device_is_real": True,
        "title": 1,
        "started_at": started,
        "ended_at": None if minutes is None else started + dt.timedelta(minutes=minutes),
        "day": started.date(),
        "utc_offset_s": 0,
        **said,
    }


def rows_of(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = tables.columns(tables.CheckedRows)
    full = [{**dict.fromkeys(schema), "playback": n, **row} for n, row in enumerate(rows, 1)]
    return pl.DataFrame(full, schema=schema)


def repair(*rows: dict[str, Any]) -> playbacks.Repaired:
    return playbacks.repair(rows_of(*rows), SETTINGS.playbacks)
