"""The door to files: partitions, manifests, atomic publication.

Under a home every table is a folder, every partition of it a folder named by its day, holding Parquet parts and one
`manifest.json` with the SHA-256 of each. A part that the manifest does not name does not exist; bytes that do not
match it are refused. Writers write aside, fsync and rename, so a killed one leaves nothing that can be read.
"""

import datetime as dt
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from detector.errors import InputError, IntegrityError, SettingsError

_ROW_GROUP = 16_384  # rows sorted by account in groups this small: one account is read without reading the day
MANIFEST = "manifest.json"


def sha256(data: bytes) -> str:
    """Hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def digest_of(value: Any) -> str:
    """Hex digest of plain data (dicts, lists, text, numbers, dates), independent of the order of keys.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    return sha256(json.dumps(value, sort_keys=True, default=str).encode())


def write_atomically(path: Path, data: bytes, *, lasting: bool = True) -> None:
    """Write a file so that at any moment it is the old one or the new one.

    Its name outlives a loss of power once a `lasting` write in the same folder has followed.

    Raises:
        InputError: the disk is full or the folder can not be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        if lasting:
            _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise InputError(
            f"expected to write {len(data)} bytes to {path}, found: {error.strerror}; free or unlock that place"
        ) from None


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@dataclass(frozen=True)
class Part:
    """One file of a partition: its name, digest, rows, and notes that its writer left."""

    name: str
    sha256: str
    rows: int
    notes: Mapping[str, Any]

    @property
    def file(self) -> str:
        """Name of its file: other bytes, another file, so that the old one stands until the manifest names the new."""
        return f"{self.sha256[:16]}.{self.name}"


@dataclass(frozen=True)
class Store:
    """The files of one home. Holds no state but where they are."""

    home: Path

    def folder(self, table: str, day: dt.date) -> Path:
        """Where a partition lives."""
        return self.home / table / day.isoformat()

    def partitions(self, table: str) -> list[dt.date]:
        """The days that have a partition, in order."""
        found = (day_of(manifest.parent.name) for manifest in (self.home / table).glob(f"*/{MANIFEST}"))
        return sorted(day for day in found if day is not None)

    def parts(self, table: str, day: dt.date) -> dict[str, Part]:
        """By name, the parts that a partition's manifest names; none where there is no partition.

        Raises:
            IntegrityError: the manifest can not be read.
        """
        path = self.folder(table, day) / MANIFEST
        try:
            entries = json.loads(path.read_bytes())["parts"]
            return {name: Part(name, e["sha256"], e["rows"], e["notes"]) for name, e in sorted(entries.items())}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise IntegrityError(
                f"expected a manifest in {path}, found other bytes; restore it from a backup"
            ) from None

    def put(
        self,
        table: str,
        day: dt.date,
        contents: Mapping[str, pl.DataFrame | bytes],
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        """Write parts by their names, all of them or none; parts of those names are replaced, others stay."""
        before = self.parts(table, day)
        after = dict(before)
        for name, content in contents.items():
            data = content if isinstance(content, bytes) else to_parquet(content)
            rows = 0 if isinstance(content, bytes) else content.height
            after[name] = Part(name, sha256(data), rows, dict(notes or {}))
            write_atomically(self.folder(table, day) / after[name].file, data, lasting=False)
        self._write_manifest(table, day, after)
        for name in contents:
            if name in before and before[name].file != after[name].file:
                (self.folder(table, day) / before[name].file).unlink(missing_ok=True)

    def remove_part(self, table: str, day: dt.date, name: str) -> None:
        """Forget one part: first in the manifest, then its file."""
        kept = self.parts(table, day)
        part = kept.pop(name, None)
        if not kept:
            self.remove(table, day)
        elif part is not None:
            self._write_manifest(table, day, kept)
            (self.folder(table, day) / part.file).unlink(missing_ok=True)

    def remove(self, table: str, day: dt.date) -> None:
        """Forget a partition: first its manifest, then its files."""
        (self.folder(table, day) / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.folder(table, day), ignore_errors=True)

    def _write_manifest(self, table: str, day: dt.date, parts: Mapping[str, Part]) -> None:
        entries = {p.name: {"sha256": p.sha256, "rows": p.rows, "notes": dict(p.notes)} for p in parts.values()}
        text = json.dumps({"parts": entries}, sort_keys=True, indent=1, default=str)
        write_atomically(self.folder(table, day) / MANIFEST, text.encode())

    def read_bytes(self, table: str, day: dt.date, name: str) -> bytes:
        """The bytes of one part, checked against its digest.

        Raises:
            IntegrityError: the part is missing or was changed.
        """
        part = self.parts(table, day).get(name)
        if part is None:
            raise IntegrityError(
                f"expected part {name} in {self.folder(table, day)}, found none; restore it from a backup"
            )
        return checked_bytes(self.folder(table, day) / part.file, part.sha256)

    def read(
        self, table: str, days: Iterable[dt.date], name: str | None = None, columns: Sequence[str] | None = None
    ) -> list[pl.DataFrame]:
        """The Parquet parts of some days, or those of one name, each checked against its digest."""
        return [
            pl.read_parquet(self.read_bytes(table, day, part.name), columns=list(columns) if columns else None)
            for day in days
            for part in self._named(table, day, name)
        ]

    def scan(self, table: str, days: Iterable[dt.date], name: str | None = None) -> list[pl.LazyFrame]:
        """The same, each checked against its digest now, to be read piece by piece."""
        scans = []
        for day in days:
            for part in self._named(table, day, name):
                path = self.folder(table, day) / part.file
                checked_bytes(path, part.sha256)
                scans.append(pl.scan_parquet(path))
        return scans

    def _named(self, table: str, day: dt.date, name: str | None) -> list[Part]:
        return [part for part in self.parts(table, day).values() if name in (None, part.name)]

    def verify(self) -> tuple[int, list[str]]:
        """How many files were re-read against their digests, and what is wrong, one sentence each."""
        checked, problems = 0, []
        for manifest in sorted(self.home.glob(f"*/*/{MANIFEST}")):
            table, day = manifest.parent.parent.name, day_of(manifest.parent.name)
            if day is None:
                continue  # not a partition
            try:
                parts = self.parts(table, day)
            except IntegrityError as error:
                problems.append(str(error))
                continue
            for part in parts.values():
                checked += 1
                try:
                    checked_bytes(manifest.parent / part.file, part.sha256)
                except IntegrityError as error:
                    problems.append(str(error))
        return checked, problems


def day_of(text: str) -> dt.date | None:
    """The day that is written so, as YYYY-MM-DD; None for anything else, such as the name of a copy of a folder.

    >>> day_of("2025-06-30"), day_of("20250630"), day_of("2025-06-30 copy")
    (datetime.date(2025, 6, 30), None, None)
    """
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def to_parquet(frame: pl.DataFrame) -> bytes:
    """A frame as Parquet bytes in small row groups."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, row_group_size=_ROW_GROUP, compression="zstd", compression_level=1)
    return buffer.getvalue()


def checked_bytes(path: Path, expected_sha256: str) -> bytes:
    """The bytes of a file whose digest is known.

    Raises:
        IntegrityError: it is missing, or its bytes are not the ones that were written.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise IntegrityError(f"expected {path}, found: {error.strerror}; restore it from a backup") from None
    if sha256(data) != expected_sha256:
        raise IntegrityError(
            f"expected the bytes of {path} as they were written, found others; restore it from a backup"
        )
    return data


def open_home(path: Path) -> Store:
    """The store of a home folder, made where it is missing, for the eyes of its owner alone.

    Raises:
        SettingsError: the path is a file, or the folder can not be made or written.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"expected a folder for --home at {path}, found: {error.strerror}; name another") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise SettingsError(f"expected to write in {path}, found no permission; name another --home or change its mode")
    return Store(path)
