"""JSON that is one value, however many lines it has: lists of records, and answers of APIs."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from detector.errors import InputError
from detector.sources._format import decoded, head
from detector.sources._values import texts

_SIZES = (65_536, 16_777_216)
LIST = r"\s*\[\s*"
"""What stands before the first record of a list."""


def first_keys(path: Path, lead: str = LIST) -> frozenset[str]:
    """Keys of the first record that follows `lead`, a pattern for the beginning of the file; none where none does.

    Only the beginning of the file is looked at; more of it where the first record goes on beyond that.
    """
    for size in _SIZES:
        opening = decoded(head(path, size))
        found = re.match(lead, opening, re.DOTALL)
        try:
            value, _ = json.JSONDecoder().raw_decode(opening, found.end() if found else len(opening))
        except (ValueError, RecursionError):
            if found and path.stat().st_size > size:
                continue
            return frozenset()
        return frozenset(value) if isinstance(value, dict) else frozenset()
    return frozenset()


def load(path: Path) -> Any:
    """The value of the file.

    Raises:
        InputError: it is not JSON, or cut short.
    """
    try:
        return json.loads(decoded(path.read_bytes()))
    except (ValueError, RecursionError):
        raise InputError(
            f"expected one JSON value in {path}, found something damaged or cut short; export it again"
        ) from None


def at(value: Any, *keys: str) -> list[Any] | None:
    """The list that stands at these keys, one in the other; None where none does.

    >>> at({"response": {"data": [1]}}, "response", "data")
    [1]
    """
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, list) else None


def table(records: Iterable[Any], names: Sequence[str]) -> pl.LazyFrame:
    """The values at `names` as text, null where absent; what is no object is a row of nulls.

    A name is also looked for as JavaScript writes it, `user_id` as `userId`.
    """
    return texts(_cells(records, names), names)


def _cells(records: Iterable[Any], names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    spellings = [(name, re.sub("_([a-z])", lambda found: found[1].upper(), name)) for name in names]
    for record in records:
        known = record if isinstance(record, dict) else {}
        yield tuple(known.get(name, known.get(other)) for name, other in spellings)
