"""The CSV that vendors of credential-sharing detection ask services for: sessions under hashed ids, without titles.

`account_id, device_id, ip_address, device_type, start_time, end_time`, times in UTC; `user_agent` is not read.
"""

from pathlib import Path

import polars as pl

from detector.sources import _dump
from detector.sources import _fields as field
from detector.sources._format import Format, Options, reading

_REQUIRED = ("account_id", "device_id", "ip_address", "device_type", "start_time", "end_time")


def _recognises(path: Path) -> bool:
    return _dump.names(path) >= set(_REQUIRED)


def _read(path: Path, options: Options) -> pl.LazyFrame:
    with reading(path, "sessions under hashed ids"):
        return _rows(
            _dump.table(path, _REQUIRED, _REQUIRED, "write all these columns, or name yours in a playback table")
        )


def _rows(table: pl.LazyFrame) -> pl.LazyFrame:
    start, end = field.instant("start_time"), field.instant("end_time")
    return field.raw_rows(
        table,
        account_id=field.text("account_id"),
        device_id=field.text("device_id"),
        device_type=field.text("device_type"),
        started_at=start,
        ended_at=field.ended(start, (end - start).dt.total_milliseconds() / 1000, "end_time"),
        ip=field.ip("ip_address"),
    )


FORMAT = Format(
    "vendor",
    "sessions as vendors of credential-sharing detection take them, CSV",
    (".csv",),
    _recognises,
    _read,
    lacks=("title",),
    further=lambda path, _: sorted(_dump.names(path) - {*_REQUIRED, "user_agent"}),
)
