"""One file per log format, all of one shape (`Format`): a door to foreign files.

A new format is a module with a `Format` and its name in `FORMATS`. Rows come in the columns of `tables.RawRows`.
"""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from detector.errors import InputError, SettingsError
from detector.sources import (
    emby,
    jellyfin,
    jellystat,
    netflix,
    plex,
    spotify,
    streamystats,
    table,
    tautulli,
    tracearr,
    vendor,
)
from detector.sources._format import Format, Options, head, reading

__all__ = ["FORMATS", "Format", "Options", "expand", "parts", "read", "reading"]

# In the order in which they are asked whether they recognise a file: the playback table takes any names of columns.
FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        netflix.FORMAT,
        spotify.EXTENDED,
        spotify.YEARLY,
        tautulli.FORMAT,
        plex.FORMAT,
        tracearr.FORMAT,
        jellyfin.FORMAT,
        jellystat.FORMAT,
        streamystats.FORMAT,
        emby.FORMAT,
        vendor.FORMAT,
        *table.FORMATS,
    )
}


_UNPACK, _RECODE = "unpack it first", "save it as UTF-8"
# What the first bytes of a file that is no log tell of it, and what to do then.
_TELLING = {
    b"\x1f\x8b": ("a compressed file", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("a compressed file", _UNPACK),
    b"PK\x03\x04": ("a compressed file", _UNPACK),
    b"\xff\xfe": ("text in UTF-16", _RECODE),
    b"\xfe\xff": ("text in UTF-16", _RECODE),
}


def expand(paths: Sequence[str]) -> list[Path]:
    """The files meant by files, folders and globs, each once, in the order given.

    A folder stands for all files below it that some format may be (by suffix), sorted; hidden ones are skipped.

    Raises:
        InputError: one of `paths` stands for no file.
    """
    files: dict[Path, None] = {}
    for asked in paths:
        # A blank one must not come to mean the folder one stands in; one that is too long is not there.
        exists = asked.strip() != "" and os.path.exists(asked)
        stands_for = [Path(asked)] if exists else sorted(map(Path, glob.glob(asked, recursive=True)))
        found = [file for path in stands_for for file in (_below(path) if path.is_dir() else [path])]
        if odd := next((file for file in found if not file.is_file()), None):
            raise InputError(f"expected a file at {odd}, found a pipe or a device; write what it says to disk first")
        if not found:
            raise InputError(f"expected log files at {asked!r}, found none ({_suffixes()}); check the path")
        files |= dict.fromkeys(found)
    return list(files)


def parts(path: Path) -> list[Path]:
    """The files that hold a log together: a SQLite database in use has its newest rows in a file beside it."""
    beside = path.with_name(f"{path.name}-wal")
    return [path, beside] if beside.is_file() else [path]


def _below(folder: Path) -> list[Path]:
    suffixes = {suffix for format in FORMATS.values() for suffix in format.suffixes}
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _suffixes() -> str:
    return ", ".join(dict.fromkeys(suffix for format in FORMATS.values() for suffix in format.suffixes))


def further(path: Path, format: str, options: Options) -> tuple[str, ...]:
    """The columns of a file that was read as a format, and that this format does not read; see `Format`."""
    return tuple(FORMATS[format].further(path, options))


def read(path: Path, *, format: str = "auto", options: Options) -> tuple[str, pl.LazyFrame]:
    """The name of the format that the file was read as, and its rows (`tables.RawRows`), not yet collected.

    Damage that shows only in the data shows when they are collected: do it inside `reading(path)`.

    Raises:
        SettingsError: no such format, or an option that the format needs is missing.
        InputError: no format recognises the file, or it cannot be read as the one asked for.
    """
    if format not in ("auto", *FORMATS):
        raise SettingsError(f"expected --format auto, {', '.join(FORMATS)}; found {format!r}; name one of them")
    with reading(path):
        asked = table.FORMATS if table.is_mapped(path, options) else FORMATS.values()
        chosen = FORMATS.get(format) or next((f for f in asked if f.recognises(path)), None)
        if chosen is None:
            first = head(path, 4)
            found, then = next(
                (told for start, told in _TELLING.items() if first.startswith(start)),
                ("none of them", "export it again, or leave it out"),
            )
            raise InputError(f"expected a log as {', '.join(FORMATS)} in {path}, found {found}; {then}")
        return chosen.name, chosen.read(path, options)
