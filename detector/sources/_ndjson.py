"""Text with one JSON object a line, read value by value, so that one bad line costs that line only."""

import json
import mmap
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

_AROUND = "\ufeff \t\r"


def first_keys(path: Path) -> list[str]:
    """Keys of the first line that is not blank; none where it is not a JSON object."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = next((line for line in file if line.strip(_AROUND + "\n")), "")
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return []
    return list(value) if isinstance(value, dict) else []


def keys_anywhere(path: Path, wanted: Sequence[str]) -> list[str]:
    """Those of the wanted keys that stand anywhere in the file: a log may leave out what is null."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return [
            key
            for key in wanted
            if any(content.find(json.dumps(key, ensure_ascii=ascii).encode()) >= 0 for ascii in (True, False))
        ]


def scan(path: Path, keys: Sequence[str]) -> pl.LazyFrame:
    """The values at `keys` as text, null where absent; lists and objects as JSON.

    A blank line is no row; a line that is not a JSON object is a row of nulls.
    """
    line, flat, nested = pl.col("line"), pl.col("flat"), pl.col("nested")
    # Decoding all keys at once is ten times as fast as one by one, but refuses the file for one line that is not
    # JSON or holds a list or an object at a key: the first are left out, the second taken one by one.
    holds_more = line.str.contains('"(?:' + "|".join(map(re.escape, keys)) + r')"\s*:\s*[\[{]')
    readable = line.str.starts_with("{") & line.str.json_path_match("$").is_not_null()
    lines = pl.scan_lines(path, glob=False).select(line.str.strip_chars(_AROUND)).filter(line != "")
    return (
        lines.with_columns(nested=pl.when(holds_more).then(line), flat=pl.when(readable & ~holds_more).then(line))
        .with_columns(flat.str.json_decode(pl.Struct(dict.fromkeys(keys, pl.String))))
        .select(
            pl.coalesce(flat.struct.field(key), nested.str.json_path_match(f"$[{json.dumps(key)}]")).alias(key)
            for key in keys
        )
    )
