"""One table of another program's database, dumped: CSV, a JSON list, the program's own backup, or JSON lines."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from detector.sources import _csv, _json, _ndjson
from detector.sources._format import head, missing_columns

_IN_BACKUP = r'\s*\{.*?"sessions"\s*:\s*\[\s*'


def names(path: Path) -> frozenset[str]:
    """Names of the columns, or keys of the first record as columns are written; none where none stand."""
    if keys := _json.first_keys(path) or _json.first_keys(path, _IN_BACKUP):
        return frozenset(map(_snake, keys))
    if head(path).lstrip()[:1] in (b"[", b"{"):
        return frozenset(_ndjson.first_keys(path))
    header = _csv.header(path)
    return frozenset(header.names) if header else frozenset()


def table(path: Path, wanted: Sequence[str], required: Sequence[str], remedy: str) -> pl.LazyFrame:
    """The wanted columns as text, absent ones null.

    Raises:
        InputError: a required column is not there, or the file is damaged.
    """
    found = names(path)
    if missing := [name for name in required if name not in found]:
        raise missing_columns(path, missing, sorted(found), remedy)
    if _json.first_keys(path):
        return _json.table(_json.at(_json.load(path)) or [], wanted)
    if _json.first_keys(path, _IN_BACKUP):
        return _json.table(_json.at(_json.load(path), "sessions") or [], wanted)
    if head(path).lstrip()[:1] == b"{":
        return _ndjson.scan(path, wanted)
    frame = _csv.scan(path)
    stands = {name.strip(): name for name in frame.collect_schema().names()}
    return frame.select(
        (pl.col(stands[name]) if name in stands else pl.lit(None, pl.String)).alias(name) for name in wanted
    )


def _snake(key: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
