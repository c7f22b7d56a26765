"""The recipe that takes files in: read, check, pseudonymise, store by UTC date; rejects and sealed names beside them.

A file is known by its content: taken in again it changes nothing. After a kill the next run lets go of what was begun,
and finishes it if it is handed the file again.
"""

import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from detector import config, corrections, days, geo, growing, identity, playbacks, receipts, sources, store, tables
from detector.errors import GateError, InputError, SettingsError
from detector.receipts import Ingested
from detector.store import Store

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many of it are done, and of how many."""


def silent(what: str, done: int, of: int) -> None:
    """Progress that nobody sees."""


_AS_THE_FILE_SAYS = sources.Options()
_FUTURE = "starts_in_the_future"  # a rule that the same row may keep later
_NOT_UTF8 = "id_is_not_utf8"  # a rule that all rows break where the file is in another encoding
_NO_DATE = dt.date(1970, 1, 1)  # where rejects of a file without a believable row stand


def ingest(
    paths: Sequence[str],
    *,
    into: Store,
    keys: identity.Keys,
    settings: config.Settings,
    format: str = "auto",
    options: sources.Options = _AS_THE_FILE_SAYS,
    now: dt.datetime,
    progress: Progress = silent,
) -> Iterator[Ingested]:
    """Take in files, folders and globs, one file after the other; one that can not be taken in stops no other. Where
    more of one is rejected than `[gate] reject_share` allows, only the rejects of it are kept.

    Raises:
        InputError: a path stands for no file, a location database can not be read, or nothing can be stored.
        SettingsError: a location database or an option is not what it should be.
    """
    let_go_of_begun(into)
    for read in _read_all(
        paths, settings, keys=keys, into=into, format=format, options=options, now=now, progress=progress
    ):
        if isinstance(read, Ingested):
            yield read
            continue
        _keep_rejects(read.checked, read.content, into)
        try:
            _pass_gate(read, settings.gate)
        except GateError as error:
            yield replace(_account_of(read), refused=str(error))
            continue
        yield _take_in(read, into, keys)


def let_go_of_begun(home: Store) -> None:
    """Let go of the rows of files that a killed run did not take in whole: they may never come again as they were."""
    for content, dates in receipts.begun(home):
        _remove(content, dates, home)
        receipts.forget(content, home)


def _remove(content: str, dates: Iterable[dt.date], home: Store) -> None:
    for date in dates:
        home.remove_part("playbacks", date, corrections.part_of(content))
        home.remove_part("sealed", date, f"{content}.sealed")


@dataclass(frozen=True)
class Replacement:
    """What became of replacing a day: the files, with their rows of that day, how many rows of other files count no
    longer, and how many rows of other days the files hold, which were left out."""

    taken: list[Ingested]
    let_go: int
    of_other_days: int


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
) -> Replacement:
    """Of a local day let only what these files say of it count, whatever others said or will say.

    Raises:
        InputError: as `ingest`; a file can not be read, or none of them holds a row of the day.
        SettingsError: as `ingest`.
        GateError: too much of a file is rejected. After each of these, all is as before.
    """
    found = list(
        _read_all(paths, settings, keys=keys, into=None, format=format, options=options, now=now, progress=progress)
    )
    unread = [one.unreadable for one in found if isinstance(one, Ingested) and one.unreadable]
    if unread:
        raise InputError(f"{unread[0]}; nothing was changed")
    files = [one for one in found if isinstance(one, _Read)]
    for read in files:
        _pass_gate(read, settings.gate)
    of_day = {read: read.checked.rows.filter(pl.col("day") == day) for read in files}
    holding = {read: rows for read, rows in of_day.items() if rows.height}
    if not holding:
        raise InputError(
            f"expected playbacks of {day} in the files to replace that day with, found none; nothing was changed: "
            "name others"
        )
    for read, rows in holding.items():
        _keep_rejects(read.checked, read.content, into)
        _keep_rows(replace(read.checked, rows=rows), read, into, keys, of=day)
    let_go = corrections.replace(day, {read.content for read in holding}, into)
    taken = [replace(_account_of(read), rows=of_day[read].height) for read in files]
    return Replacement(taken, let_go, sum(read.checked.rows.height - of_day[read].height for read in files))


@dataclass(frozen=True, eq=False)
class _Read:
    """A file that was read and checked, and nothing of which is stored yet. `before` is its receipt, if it has one,
    `too_far_west` of how many rows the local day was over before they began."""

    path: Path
    content: str
    asked: str
    format: str
    ignored: tuple[str, ...]
    checked: playbacks.Checked
    before: dict[str, Any] | None
    too_far_west: int


def _read_all(
    paths: Sequence[str],
    settings: config.Settings,
    *,
    keys: identity.Keys,
    into: Store | None,
    format: str,
    options: sources.Options,
    now: dt.datetime,
    progress: Progress,
) -> Iterator["_Read | Ingested"]:
    """Each file as it was read, or what became of it where there is nothing to take in: it is empty, can not be read,
    or was taken `into` the home before."""
    with geo.opened(settings.geo) as places:
        files = sources.expand(paths)
        told = replace(options, clock=options.timezone or settings.days.default_zone)
        believed = settings.playbacks.model_dump(include={"earliest", "longest_s", "future_tolerance_s"})
        of_days, of_ids = settings.days.model_dump(), settings.identity.model_dump()
        asked = store.digest_of([format, asdict(options), of_days, of_ids, believed, dict(places.digests)])
        for done, file in enumerate(files):
            progress("ingest", done, len(files))
            nothing = Ingested(file.name, "", 0, 0, {}, None, None)
            try:
                _refuse_unwritable(file)
                content = _content(file)
                before = None if into is None else receipts.of(content, into)
                if before and before["asked"] == asked and _FUTURE not in before["ingested"]["rejects"]:
                    yield receipts.known(before)
                    continue
                if not any(part.stat().st_size for part in sources.parts(file)):
                    yield nothing
                    continue
                named, raw = sources.read(file, format=format, options=told)
                with sources.reading(file):
                    ignored = sources.further(file, named, told)
                    raw = geo.locate(raw, places)
                    checked = playbacks.check(
                        raw, file=file.name, now=now, zone=options.timezone, keys=keys, settings=settings
                    )
            except InputError as error:
                yield replace(nothing, unreadable=str(error))
                continue
            except SettingsError as error:
                # Among others it is hardly what was meant; alone it is what the options were meant for.
                if format != "auto" or len(files) == 1:
                    raise
                yield replace(nothing, unreadable=f"{file.name}: {error}")
                continue
            west = _too_far_west(checked.rows, settings.days)
            yield _Read(file, content, asked, named, ignored, checked, before, west)
        progress("ingest", len(files), len(files))


def _take_in(read: _Read, into: Store, keys: identity.Keys) -> Ingested:
    grows = sources.FORMATS[read.format].grows
    copy = growing.Copy(read.content, read.format, read.checked.rows)
    rows = growing.new_rows(copy, into) if grows else read.checked.rows
    replaced = [day for day, files in corrections.replaced(into).items() if read.content not in files]
    again = read.before["ingested"]["rows"] if read.before and read.before["asked"] == read.asked else 0
    ingested = replace(
        _account_of(read),
        repeated=max(again, read.checked.rows.height - rows.height),
        replaced=rows.filter(pl.col("day").is_in(replaced)).height,
    )
    if read.before is None:
        receipts.begin(read.content, rows["started_at"].dt.date().unique().sort(), into)
    dates = _keep_rows(replace(read.checked, rows=rows), read, into, keys)
    if grows:
        # Its rows are there now, and whoever is killed from here on finds them: taken in again it goes on as here.
        receipts.forget(read.content, into)
        said_anew = [day for day in growing.supersede(rows, copy, into) if day not in replaced]
        ingested = replace(ingested, repeated=min(ingested.repeated + len(said_anew), ingested.rows))
    # Read otherwise than before (another time zone, say), its rows may have moved to other dates.
    moved = set(read.before["dates"] if read.before else ()) - {date.isoformat() for date in dates}
    _remove(read.content, map(dt.date.fromisoformat, moved), into)
    receipts.write(read.content, ingested, dates, into, asked=read.asked)
    return ingested


def _too_far_west(rows: pl.DataFrame, settings: config.Days) -> int:
    """How many rows begin when their local day is over even in the westernmost zone: they count for no day."""
    closing = {day: days.closing_time(day, settings) for day in rows["day"].unique()}
    closed = pl.col("day").replace_strict(closing, default=None, return_dtype=tables.UTC_MS)
    return int(rows.select((pl.col("started_at") >= closed).sum()).item())


def _refuse_unwritable(file: Path) -> None:
    try:
        str(file).encode()
    except UnicodeEncodeError:
        shown = os.fsencode(file).decode(errors="backslashreplace")
        raise InputError(f"expected a file name in UTF-8, found {shown}; rename it") from None


def is_known(file: Path, home: Store) -> bool:
    """Whether a file of just these bytes was taken in before; one that can not be read was not."""
    try:
        _refuse_unwritable(file)
        return receipts.of(_content(file), home) is not None
    except InputError:
        return False


def _content(file: Path) -> str:
    digests = []
    for part in sources.parts(file):
        with sources.reading(part), part.open("rb") as opened:
            digests.append(hashlib.file_digest(opened, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else store.digest_of(digests)


def _account_of(read: _Read) -> Ingested:
    rows, rejects = read.checked.rows, read.checked.rejects
    counts = rejects.group_by("rule").len().sort("len", "rule", descending=[True, False])
    dates = rows["started_at"].dt.date()
    return Ingested(
        file=read.path.name,
        format=read.format,
        rows=rows.height,
        rejected_rows=rejects["row"].n_unique(),
        rejects=dict(counts.iter_rows()),
        first_date=dates.min(),  # type: ignore[arg-type]
        last_date=dates.max(),  # type: ignore[arg-type]
        ignored=read.ignored,
        zoneless=read.checked.zoneless,
        offsetless=read.checked.offsetless,
        unread_ips=read.checked.unread_ips,
        too_far_west=read.too_far_west,
    )


def _pass_gate(read: _Read, gate: config.Gate) -> None:
    found = _account_of(read)
    share = found.rejected_rows / max(found.rows + found.rejected_rows, 1)
    if share > gate.reject_share:
        most = next(iter(found.rejects))
        mend = "save it as UTF-8" if most == _NOT_UTF8 else "mend the file or raise [gate] reject_share"
        raise GateError(
            f"expected at most {gate.reject_share:.0%} rejected rows in {read.path}, found {share:.0%}"
            f" (mostly: {most}); nothing of it was taken in, {mend}"
        )


def _keep_rejects(checked: playbacks.Checked, content: str, into: Store) -> None:
    day: dt.date = checked.rows["started_at"].dt.date().min() or _NO_DATE  # type: ignore[assignment]
    if checked.rejects.height:
        into.put("rejects", day, {f"{content}.parquet": checked.rejects})
    else:  # read again, it may be believed now
        into.remove_part("rejects", day, f"{content}.parquet")


def _keep_rows(
    checked: playbacks.Checked, read: _Read, into: Store, keys: identity.Keys, *, of: dt.date | None = None
) -> list[dt.date]:
    """The UTC dates under which rows were stored; `of` the day that they replace, if they do."""
    by_date = playbacks.by_utc_date(checked.rows)
    names = checked.names.partition_by("utc_date", as_dict=True)
    part = corrections.part_of(read.content, of)

    def keep(date: dt.date) -> None:
        rows = by_date[date]
        if (date,) in names:
            sealed = {f"{read.content}.sealed": identity.seal(names[date,], keys)}
            into.put("sealed", date, sealed, {"key_id": keys.sealing_key_id})
        last_end = pl.coalesce("ended_at", "started_at").max()
        first, last = rows.select(pl.col("started_at").min(), last_end).row(0)
        notes = {
            "first_start": first.isoformat(), "last_end": last.isoformat(), "key_id": keys.key_id,
            "format": read.format,
        }  # fmt: skip
        into.put("playbacks", date, {part: rows.sort("account", "started_at", "playback")}, notes)

    with ThreadPoolExecutor() as pool:  # of a small date most of the time goes into waiting for the disk
        list(pool.map(keep, by_date))
    return sorted(by_date)
