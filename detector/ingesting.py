"""The recipe that takes files in: read, check, pseudonymise, store by UTC date; rejects and sealed names beside them.

A file is known by its content: taken in again it changes nothing, and after a kill the next run finishes it.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from detector import config, corrections, geo, identity, playbacks, sources, store
from detector.errors import GateError, InputError
from detector.store import Store

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many of it are done, and of how many."""


def silent(what: str, done: int, of: int) -> None:
    """Progress that nobody sees."""


_AS_THE_FILE_SAYS = sources.Options()
_NO_DATE = dt.date(1970, 1, 1)  # where rejects of a file without a believable row stand


@dataclass(frozen=True)
class Ingested:
    """What became of one file.

    Its name, the format it was read as ("" where it is empty or can not be read), believable rows, rejects by rule,
    first and last UTC date of the rows, whether the file had been taken in before, how many of its rows an earlier file
    of the same growing log had brought, how many are of days that were replaced with what other files say, and why it
    can not be read, if so.
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

    @property
    def new_rows(self) -> int:
        """Rows that were not there before."""
        return 0 if self.known else self.rows - self.repeated - self.replaced


def ingest(
    paths: Sequence[str],
    *,
    into: Store,
    keys: identity.Keys,
    settings: config.Settings,
    format: str = "auto",
    options: sources.Options = _AS_THE_FILE_SAYS,
    now: dt.datetime,
    replacing: dt.date | None = None,
    progress: Progress = silent,
) -> Iterator[Ingested]:
    """Take in files, folders and globs, one file after the other; one that can not be read does not stop the others.

    Where a day is being replaced (see `replace_day`), files are read again though they are known, and all that they
    say of that local day is stored, whoever said it before.

    Raises:
        InputError: a path stands for no file, a location database can not be read, or nothing can be stored.
        SettingsError: a location database or an option is not what it should be.
        GateError: more of a file is rejected than `[gate] reject_share` allows; of that file only the rejects are kept.
    """
    with geo.opened(settings.geo) as places:
        files = sources.expand(paths)
        for done, file in enumerate(files):
            progress("ingest", done, len(files))
            yield _ingest_file(
                file, into=into, keys=keys, places=places, settings=settings, format=format, options=options, now=now,
                replacing=replacing,
            )  # fmt: skip
        progress("ingest", len(files), len(files))


def replace_day(
    day: dt.date,
    paths: Sequence[str],
    *,
    into: Store,
    keys: identity.Keys,
    settings: config.Settings,
    format: str = "auto",
    options: sources.Options = _AS_THE_FILE_SAYS,
    now: dt.datetime,
    progress: Progress = silent,
) -> tuple[list[Ingested], int]:
    """Take files in, and of a local day let only what they say count; how many rows of other files were let go.

    Later files that are new may add to the day; what is known of it already, and logs that grow, may not.

    Raises:
        InputError: as `ingest`; a file can not be read, or none of them holds a row of the day. Nothing is let go then.
        SettingsError, GateError: as `ingest`.
    """
    taken = list(
        ingest(
            paths, into=into, keys=keys, settings=settings, format=format, options=options, now=now, replacing=day,
            progress=progress,
        )
    )  # fmt: skip
    refuse_unread(taken)
    contents = {_content(file) for file in sources.expand(paths)}
    around = [date for date in into.partitions("playbacks") if abs((date - day).days) <= 1]
    names = [(date, f"{content}.parquet") for date in around for content in contents]
    if not any((rows["day"] == day).any() for date, name in names for rows in into.read("playbacks", [date], name)):
        raise InputError(f"expected playbacks of {day} in the files to replace that day with, found none; name others")
    return taken, corrections.only(day, contents, into)


def refuse_unread(taken: Sequence[Ingested]) -> None:
    """Nothing where every file could be read and one of them held a row.

    Raises:
        InputError: it is not so.
    """
    unread = [file for file in taken if file.unreadable]
    if unread:
        more = f" (and {len(unread) - 1} more files)" if len(unread) > 1 else ""
        others = len(taken) - len(unread)
        raise InputError(unread[0].unreadable + more + (f"; the other {others} were taken in" if others else ""))
    if not any(file.rows or file.rejected_rows for file in taken):
        raise InputError(
            f"expected playbacks in {', '.join(file.file for file in taken[:3])}, found no rows; "
            "export it again or leave it out"
        )


def summary(taken: Sequence[Ingested]) -> dict[str, Any]:
    """For a run's record: how many `files` and `rows` are new, `rejects` by rule, files left `unread`, and formats."""
    fresh = [file for file in taken if not file.known and not file.unreadable]
    rules: dict[str, int] = {}
    for file in fresh:
        for rule, count in file.rejects.items():
            rules[rule] = rules.get(rule, 0) + count
    counts = {"files": len(fresh), "rows": sum(file.new_rows for file in fresh), "rejects": rules}
    return counts | {"unread": sum(bool(file.unreadable) for file in taken)} | formats_of(taken)


def formats_of(taken: Sequence[Ingested]) -> dict[str, Any]:
    """For a run's record: how many files were read as which format (`formats`), and what each of these `lacks`."""
    names = sorted({file.format for file in taken if file.format})
    lacks = {name: list(sources.FORMATS[name].lacks) for name in names if sources.FORMATS[name].lacks}
    return {"formats": {name: sum(file.format == name for file in taken) for name in names}, "lacks": lacks}


def brought(home: Store) -> Iterator[tuple[Path, str, list[dt.date]]]:
    """Of each file that was taken in its receipt, whose name is that of the stored parts, its name, and the UTC dates
    under which rows of it were stored."""
    for path in sorted((home.home / "receipts").glob("*.json")):
        if receipt := _receipt(path):
            yield path, receipt["ingested"]["file"], [dt.date.fromisoformat(date) for date in receipt["dates"]]


def _ingest_file(
    file: Path,
    *,
    into: Store,
    keys: identity.Keys,
    places: geo.Databases,
    settings: config.Settings,
    format: str,
    options: sources.Options,
    now: dt.datetime,
    replacing: dt.date | None,
) -> Ingested:
    nothing = Ingested(file.name, "", 0, 0, {}, None, None)
    try:
        content = _content(file)
        asked = store.digest_of(
            [format, asdict(options), settings.days.model_dump(), settings.identity.model_dump(), dict(places.digests)]
        )
        receipt = into.home / "receipts" / f"{content}.json"
        before = _receipt(receipt)
        if before and before["asked"] == asked and replacing is None:
            return _from_receipt(before)
        if not any(part.stat().st_size for part in sources.parts(file)):
            return nothing
        named, raw = sources.read(file, format=format, options=options)
        with sources.reading(file):
            raw = geo.locate(raw, places)
            checked = playbacks.check(raw, file=file.name, now=now, zone=options.timezone, keys=keys, settings=settings)
    except InputError as error:
        return replace(nothing, unreadable=str(error))
    ingested = _account_of(file.name, named, checked)
    _keep_rejects(checked, content, into)
    _pass_gate(file, ingested, settings.gate)
    grows = sources.FORMATS[named].grows
    new = _new_rows(checked.rows, content, into, whole=replacing) if grows else checked.rows
    rows = corrections.standing(new, content, into, but=replacing) if grows or before else new
    ingested = replace(ingested, repeated=checked.rows.height - new.height, replaced=new.height - rows.height)
    dates = _keep_rows(replace(checked, rows=rows), content, into, keys)
    # Read otherwise than before (another time zone, say), its rows may have moved to other dates.
    for date in set(before["dates"] if before else ()) - {date.isoformat() for date in dates}:
        into.remove_part("playbacks", dt.date.fromisoformat(date), f"{content}.parquet")
        into.remove_part("sealed", dt.date.fromisoformat(date), f"{content}.sealed")
    taken = {"asked": asked, "dates": [date.isoformat() for date in dates], "ingested": asdict(ingested)}
    store.write_atomically(receipt, json.dumps(taken, default=str, indent=1).encode())
    return ingested


def _content(file: Path) -> str:
    digests = []
    for part in sources.parts(file):
        with sources.reading(part), part.open("rb") as opened:
            digests.append(hashlib.file_digest(opened, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else store.digest_of(digests)


def _receipt(path: Path) -> dict[str, Any] | None:
    try:
        receipt: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None  # an unreadable receipt costs reading the file again, nothing else
    return receipt


def _from_receipt(receipt: dict[str, Any]) -> Ingested:
    values = dict(receipt["ingested"])
    for name in ("first_date", "last_date"):
        values[name] = dt.date.fromisoformat(values[name]) if values[name] else None
    return Ingested(**(values | {"known": True}))


def _account_of(file: str, format: str, checked: playbacks.Checked) -> Ingested:
    counts = checked.rejects.group_by("rule").len().sort("len", "rule", descending=[True, False])
    dates = checked.rows["started_at"].dt.date()
    return Ingested(
        file=file,
        format=format,
        rows=checked.rows.height,
        rejected_rows=checked.rejects["row"].n_unique(),
        rejects=dict(counts.iter_rows()),
        first_date=dates.min(),  # type: ignore[arg-type]
        last_date=dates.max(),  # type: ignore[arg-type]
    )


def _pass_gate(file: Path, ingested: Ingested, gate: config.Gate) -> None:
    total = ingested.rows + ingested.rejected_rows
    share = ingested.rejected_rows / max(total, 1)
    if share > gate.reject_share:
        most = next(iter(ingested.rejects))
        raise GateError(
            f"expected at most {gate.reject_share:.0%} rejected rows in {file}, found {share:.0%}"
            f" (mostly: {most}); nothing of it was taken in, mend the file or raise [gate] reject_share"
        )


def _keep_rejects(checked: playbacks.Checked, content: str, into: Store) -> None:
    if checked.rejects.height:
        day = checked.rows["started_at"].dt.date().min() or _NO_DATE
        into.put("rejects", day, {f"{content}.parquet": checked.rejects})  # type: ignore[arg-type]


def _new_rows(rows: pl.DataFrame, content: str, into: Store, *, whole: dt.date | None) -> pl.DataFrame:
    """The rows that no other file has brought, and those of the local day that is wanted whole.

    A database or an export that holds all that was logged so far, taken in every night, would else be stored again
    every night, and every day of it would look as if later rows had come for it. Where a row was taken to be is no
    difference: see `playbacks.repair`.
    """
    said = [name for name in rows.columns if name not in playbacks.LOOKED_UP]
    dates = rows["started_at"].dt.date().unique().sort()
    brought = [
        part
        for date in dates
        for name in into.parts("playbacks", date)
        if name != f"{content}.parquet"
        for part in into.read("playbacks", [date], name, said)
    ]
    if not brought:
        return rows
    mine = pl.col("day").eq_missing(whole)
    new = rows.filter(~mine).join(pl.concat(brought), on=said, how="anti", nulls_equal=True, maintain_order="left")
    return pl.concat([rows.filter(mine), new])


def _keep_rows(checked: playbacks.Checked, content: str, into: Store, keys: identity.Keys) -> list[dt.date]:
    """The UTC dates under which rows were stored."""
    by_date = checked.rows.with_columns(utc_date=pl.col("started_at").dt.date()).partition_by(
        "utc_date", as_dict=True, include_key=False
    )
    names = checked.names.partition_by("utc_date", as_dict=True)
    for (date,), rows in sorted(by_date.items()):
        if (date,) in names:
            into.put("sealed", date, {f"{content}.sealed": identity.seal(names[date,], keys)})
        last_end = pl.coalesce("ended_at", "started_at").max()
        first, last = rows.select(pl.col("started_at").min(), last_end).row(0)
        notes = {"first_start": first.isoformat(), "last_end": last.isoformat(), "key_id": keys.key_id}
        ordered = rows.sort("account", "started_at", "playback")
        into.put("playbacks", date, {f"{content}.parquet": ordered}, notes)
    return sorted(date for (date,) in by_date)
