"""What became of the files that were taken in: an account of each, and the receipt by which it is known again."""

import datetime as dt
import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from detector import corrections, sources, store
from detector.errors import GateError, InputError
from detector.store import Store
from detector.terminal import counted

_FOLDER = "receipts"
_SHOWN = 8  # columns


@dataclass(frozen=True)
class Ingested:
    """What became of one file.

    Attributes:
        file: its name.
        format: what it was read as; "" where it is empty or can not be read.
        rows: how many rows can be believed.
        rejected_rows: how many can not.
        rejects: how often each rule was broken.
        first_date, last_date: UTC dates of the rows; null where there are none.
        known: it had been taken in before.
        repeated: rows of playbacks that had come before, with it or with another file of the same growing log.
        replaced: rows that do not count, because their day was replaced with other files.
        unreadable: why it can not be read; "" where it can.
        refused: why nothing of it was taken in though it can be read; "" where it was.
        ignored: its columns that the format does not have.
        zoneless: rows of which nobody knows the time zone.
        offsetless: rows that say when they began without an offset, which is taken as UTC.
        unread_ips: rows whose IP is no address.
        too_far_west: rows that count for no day, because theirs was over everywhere that the settings know.
    """

    file: str
    format: str
    rows: int
    rejected_rows: int
    rejects: dict[str, int]
    first_date: dt.date | None
    last_date: dt.date | None
    known: bool = False
    repeated: int = 0
    replaced: int = 0
    unreadable: str = ""
    refused: str = ""
    ignored: tuple[str, ...] = ()
    zoneless: int = 0
    offsetless: int = 0
    unread_ips: int = 0
    too_far_west: int = 0

    @property
    def new_rows(self) -> int:
        """Rows that were not there before."""
        return 0 if self.known or self.refused else self.rows - self.repeated - self.replaced


def of(content: str, home: Store) -> dict[str, Any] | None:
    """The receipt of a file by the digest of its content; None where it was not taken in."""
    receipt = _read(_path(content, home))
    return receipt if receipt and not receipt.get("begun") else None


def _path(content: str, home: Store) -> Path:
    return home.home / _FOLDER / f"{content}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        receipt: dict[str, Any] = json.loads(path.read_bytes())
        _dates(receipt)
        is_whole = receipt.get("begun") or ("asked" in receipt and known(receipt))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None  # an unreadable receipt costs reading the file again, nothing else
    return receipt if is_whole else None


def known(receipt: dict[str, Any]) -> Ingested:
    """What became of a file when it was taken in."""
    values = dict(receipt["ingested"])
    for name in ("first_date", "last_date"):
        values[name] = dt.date.fromisoformat(values[name]) if values[name] else None
    return Ingested(**(values | {"known": True, "ignored": tuple(values.get("ignored", ()))}))


def begin(content: str, dates: Iterable[dt.date], home: Store) -> None:
    """Put on record that rows of a file are about to be stored under these UTC dates, until `write` says they are."""
    _write({"begun": True, "dates": [date.isoformat() for date in dates]}, _path(content, home))


def begun(home: Store) -> Iterator[tuple[str, list[dt.date]]]:
    """Of each file that a killed run had begun to take in, the digest of its content and the UTC dates it has."""
    for content, receipt in _all(home):
        if receipt.get("begun"):
            yield content, _dates(receipt)


def forget(content: str, home: Store) -> None:
    """The file is not on record any more."""
    _path(content, home).unlink(missing_ok=True)


def write(content: str, ingested: Ingested, dates: Sequence[dt.date], home: Store, *, asked: str) -> None:
    """Put a file on record: it is taken in, with its rows under these UTC dates, as was `asked`."""
    receipt = {"asked": asked, "dates": [date.isoformat() for date in dates], "ingested": asdict(ingested)}
    _write(receipt, _path(content, home))


def _write(receipt: dict[str, Any], path: Path) -> None:
    store.write_atomically(path, json.dumps(receipt, default=str, indent=1).encode())


def unreadable(home: Store) -> Iterator[str]:
    """Receipts that are not as they were written, one sentence each."""
    for path in sorted((home.home / _FOLDER).glob("*.json")):
        if _read(path) is None:
            yield f"expected the receipt of a file in {path}, found other bytes; remove it and take the file in again"


def _all(home: Store) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((home.home / _FOLDER).glob("*.json")):
        if receipt := _read(path):
            yield path.stem, receipt


def _dates(receipt: dict[str, Any]) -> list[dt.date]:
    return [dt.date.fromisoformat(date) for date in receipt["dates"]]


def refuse_left_out(taken: Sequence[Ingested], *, unread: bool = True) -> None:
    """Nothing where every file was taken in and one of them held a row; where one may be `unread`, of the others.

    Raises:
        GateError: more of a file was rejected than `[gate] reject_share` allows.
        InputError: a file can not be read, or none holds a row.
    """
    left_out = [file for file in taken if file.refused or file.unreadable]
    others = len(taken) - len(left_out)
    beside = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
    beside += f"; all others ({others}) were taken in" if others else ""
    for file in left_out:
        if file.refused:
            raise GateError(file.refused + beside)
    if not unread:
        return
    if left_out:
        raise InputError(left_out[0].unreadable + beside)
    if not any(file.rows or file.rejected_rows for file in taken):
        raise InputError(
            f"expected playbacks in {', '.join(file.file for file in taken[:3])}, found no rows; "
            "export it again or leave it out"
        )


def warnings(taken: Sequence[Ingested]) -> list[str]:
    """What is to be known of new files, one sentence each: which can not be read, what columns were left out, and
    whose days may be others."""
    names = dict.fromkeys(name for file in taken if not file.known for name in file.ignored)
    shown = ", ".join([*names][:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    said = [f"left out: {file.unreadable or file.refused}" for file in taken if file.unreadable or file.refused]
    if names:
        said.append(f"columns that the format does not have are ignored: {shown}")
    if zoneless := sum(file.zoneless for file in taken if not file.known):
        said.append(
            f"{counted(zoneless, 'row')} without a time zone, an offset or a country of [days] zone_by_country: days "
            "are those of UTC there; name another with --timezone or [source] timezone, or UTC where it is right"
        )
    if offsetless := sum(file.offsetless for file in taken if not file.known):
        said.append(
            f"{counted(offsetless, 'row')} with a start without an offset from UTC, taken to mean UTC: where another "
            "clock is meant, write it with the time, such as 2025-06-30T21:00:00-03:00"
        )
    if unread := sum(file.unread_ips for file in taken if not file.known):
        said.append(
            f"{counted(unread, 'row')} with an ip that is no IPv4 or IPv6 address, taken as without one: nothing "
            "tells where that was, nor who belongs together"
        )
    if west := sum(file.too_far_west for file in taken if not file.known):
        said.append(
            f"{counted(west, 'row')} west of [days] westernmost_zone, counted for no day, for theirs was over:"
            " set it to the westernmost zone that there is in your log, and the days are digested anew"
        )
    return said


def summary(taken: Sequence[Ingested]) -> dict[str, Any]:
    """For a run's record: how many `files` and `rows` are new, `rejects` by rule, rows of days
    that were `replaced` with other files, files left `unread` and `refused`, and formats."""
    fresh = [file for file in taken if not (file.known or file.unreadable or file.refused)]
    rules: dict[str, int] = {}
    for file in taken:
        for rule, count in ({} if file.known else file.rejects).items():
            rules[rule] = rules.get(rule, 0) + count
    counts = {"files": len(fresh), "rows": sum(file.new_rows for file in fresh), "rejects": rules}
    counts["replaced"] = sum(file.replaced for file in fresh)
    counts["unread"] = sum(bool(file.unreadable) for file in taken)
    return counts | {"refused": sum(bool(file.refused) for file in taken)} | formats_of(taken)


def formats_of(taken: Sequence[Ingested]) -> dict[str, Any]:
    """For a run's record: how many files were read as which format (`formats`), and what each of these `lacks`."""
    names = sorted({file.format for file in taken if file.format})
    lacks = {name: list(sources.FORMATS[name].lacks) for name in names if sources.FORMATS[name].lacks}
    return {"formats": {name: sum(file.format == name for file in taken) for name in names}, "lacks": lacks}


def brought(home: Store) -> Iterator[tuple[Path, str, list[dt.date]]]:
    """Of each file that was taken in its receipt, whose name is that of the stored parts, its name, and the UTC dates
    under which rows of it were stored."""
    for content, receipt in _all(home):
        if not receipt.get("begun"):
            yield _path(content, home), receipt["ingested"]["file"], _dates(receipt)


def lost(home: Store, since: dt.date = dt.date.min) -> Iterator[str]:
    """What files brought under UTC dates from `since` on and is not stored any more, one sentence for each file."""
    parts = functools.cache(functools.partial(home.parts, "playbacks"))
    for receipt, file, dates in brought(home):
        gone = sorted(date for date in dates if date >= since and corrections.part_of(receipt.stem) not in parts(date))
        if gone:
            more = f" and {len(gone) - 1} more dates" if len(gone) > 1 else ""
            yield (
                f"expected the playbacks that {file} brought, found none of {gone[0]}{more}; "
                f"bring them back from a backup, or remove {receipt} and take the file in again"
            )
