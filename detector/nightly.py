"""The batch, as a recipe: take in what is new, bring account-days up to date, score, decide, publish.

Everything up to the one transaction that publishes can be killed at any moment: what is stored is whole, and the
next run goes on from there.
"""

import datetime as dt
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from detector import (
    aftermath,
    casefiles,
    config,
    decisions,
    digesting,
    features,
    findings,
    geo,
    ingesting,
    lookback,
    model,
    published,
    receipts,
    sources,
    store,
    verifying,
    webhook,
)
from detector.cases import Case
from detector.errors import GateError, InputError, IntegrityError, NoChampionError
from detector.ingesting import Progress, silent
from detector.registry import CHAMPION, Registered
from detector.runs import Doors, on_record
from detector.store import Store
from detector.suppressed import Suppressed

_METHOD = 30  # raise when the same inputs, settings and model come to give other results
_NOT_NONE_BY_CHANCE = 30  # usual playbacks of a day: where there are none of them, the log is not there
_FILES = ("scores", "features", "flags", "ties", "hubs")
_AFTER = "case_files"  # is on the record of a run when all that follows from its publication is done


@dataclass(frozen=True)
class Night:
    """How a night ended: its day, the run that is served for it, whether that stood already, and the counts."""

    day: dt.date
    run_id: str
    unchanged: bool
    record: dict[str, Any] = field(default_factory=dict)


def take_in(
    doors: Doors, settings: config.Settings, *, now: dt.datetime, record: dict[str, Any], progress: Progress
) -> None:
    """Ingest what is new under `[source] paths`, and note it on the record; a file that can not be read is left out.

    Raises:
        InputError: none of the files can be read.
        GateError: a new file has too many rejects.
    """
    ingesting.let_go_of_begun(doors.home)
    source, taken = settings.source, []
    options = sources.Options(source.account, source.timezone, source.columns)
    if source.paths:
        taken = list(
            ingesting.ingest(
                source.paths, into=doors.home, keys=doors.keys, settings=settings, format=source.format,
                options=options, now=now, progress=progress,
            )
        )  # fmt: skip
    record["ingested"] = receipts.summary(taken)
    record["warnings"] = receipts.warnings(taken)
    receipts.refuse_left_out(taken, unread=bool(taken) and all(file.unreadable for file in taken))


def night(
    doors: Doors,
    day: dt.date,
    *,
    settings: config.Settings,
    clock: Callable[[], dt.datetime],
    rebuild_since: dt.date | None = None,
    progress: Progress = silent,
) -> Night:
    """One night for a local day, from new files to published flags.

    Days older than `[days] look_back_days` that have been published are left as they are, unless `rebuild_since`
    reaches them. The same inputs, settings and model again change nothing.

    Raises:
        GateError: the day's volume is beyond `[gate]`, a new file has too many rejects, or the accounts are not as in
            training.
        InputError: nothing is stored that the window could hold.
        NoChampionError: no model is in use.
    """
    with on_record(doors, "nightly", day=day, clock=clock) as (run_id, record):
        record["geo"] = geo.editions(settings.geo)
        take_in(doors, settings, now=clock(), record=record, progress=progress)
        digest(doors, day, settings=settings, rebuild_since=rebuild_since, record=record, progress=progress)
        record["warnings"] += pass_volume_gate(doors.home, day, settings.gate)
        registry = doors.registry()
        champion = registry.with_alias(CHAMPION)
        if champion is None:
            for sentence in verifying.lost_models(doors):
                raise IntegrityError(sentence)
            raise NoChampionError(
                f"expected a model in use, found none; {day} is digested and nothing was published: "
                f"run `detector train --day {day}` and then this night again"
            )
        decided = doors.ledger.cases.decided(until=day)
        every = doors.ledger.cases.decided(until=day, measured=False, every=True)
        by_now = doors.ledger.cases.decided(measured=False, every=True)
        record["later_verdicts"] = len({case.account for case in by_now[len(every) :]})  # in order of their verdicts
        suppressed = doors.ledger.suppressions.on(day)
        record["later_suppressions"] = len({one.account for one in doors.ledger.suppressions.later(day)})
        fingerprint = _fingerprint(doors, day, settings, champion, every, suppressed)
        served = doors.ledger.published(day)
        if served is not None and served.fingerprint == fingerprint and not published.damaged(doors, served):
            record["unchanged"] = True
            if _AFTER not in served.record:  # it was cut off between its publication and what follows from it
                record.update(_after(doors, served.id, day, served.record, settings=settings, now=clock()))
            return Night(day, served.id, unchanged=True, record=served.record | record)
        fitted = registry.load(champion)
        results = findings.find(
            doors.home, day, fitted, champion, decided, settings, progress, suppressed=suppressed,
            resting=decisions.resting(every, day=day, rest_days=settings.decision.rest_days),
        )  # fmt: skip
        record.update(_counts(results, fitted, champion))
        pass_drift_gate(results.moved, day, settings.gate)
        directory = Path("runs") / day.isoformat() / run_id
        manifest = {}
        for name in _FILES:
            data = store.to_parquet(results.frames[name])
            store.write_atomically(doors.home.home / directory / f"{name}.parquet", data)
            manifest[f"{name}.parquet"] = store.sha256(data)
        progress("publish", 0, 1)
        doors.ledger.publish(
            run_id, fingerprint=fingerprint, directory=directory.as_posix(), manifest=manifest,
            model_version=champion.version, record=record, now=clock(),
            flagged=results.shown(results.chosen.accounts["account"]),
            offered=results.shown(pl.Series(results.waiting, dtype=pl.UInt64)),
            followed=aftermath.follow(
                decided, results.frames["scores"], day=day,
                capacity_share=settings.decision.capacity_share,
                least_p_value=fitted.without(results.reviewed.confirmed).least_p_value,
            ),
            promised_share=settings.decision.false_discovery_share if results.reviewed.earned else None,
        )  # fmt: skip
        record.update(_after(doors, run_id, day, record, settings=settings, now=clock()))
        progress("publish", 1, 1)
        return Night(day, run_id, unchanged=False, record=record)


def digest(
    doors: Doors,
    day: dt.date,
    *,
    settings: config.Settings,
    rebuild_since: dt.date | None = None,
    record: dict[str, Any],
    progress: Progress,
) -> None:
    """Bring account-days up to a day, and note on the record what was done.

    Published days more than `[days] look_back_days` before the day, and before the latest that is published, are left
    as they are, unless `rebuild_since` reaches them: what later rows or other settings would change in them is
    reported, never merged silently.

    Raises:
        InputError: nothing is stored that the window could hold.
        IntegrityError: what a file brought in the year is not stored any more.
    """
    stored = doors.home.partitions("playbacks")
    if not any(0 <= (day - date).days < settings.window.days for date in stored):
        last = _last_day(doors.home, stored)
        known = f"the last stored day is {last}: try --day {last}" if last else "ingest some first"
        raise InputError(f"expected playbacks in the {settings.window.days} days up to {day}, found none; {known}")
    for gone in receipts.lost(doors.home, since=day - dt.timedelta(days=settings.window.year_days)):
        raise IntegrityError(gone)
    published = [run.day for run in doors.ledger.publications() if run.day is not None]
    look_back = dt.timedelta(days=settings.days.look_back_days)
    held_before = rebuild_since or max([day, *published]) - look_back
    brought = digesting.bring_up_to_date(
        doors.home, day, settings=settings, key_id=doors.keys.key_id,
        frozen=frozenset(one for one in published if one < held_before), progress=progress,
    )  # fmt: skip
    record.update(
        digested_days=len(brought.digested),
        held_days=[held.isoformat() for held in brought.held],
        replays=brought.replays,
        conflicts=sum(brought.conflicts.values()),
        conflict_days=[day.isoformat() for day, rows in brought.conflicts.items() if rows],
    )


def _last_day(home: Store, stored: list[dt.date]) -> dt.date | None:
    """The local day of most playbacks that are stored under the last of these UTC dates; None where there are none.
    Those of further west and further east are the end of the day before, and the beginning of one of which no more is
    there."""
    parts = [part.select("day") for part in home.scan("playbacks", stored[-1:])]
    last: dt.date | None = pl.concat(parts).collect()["day"].mode().max() if parts else None  # type: ignore[assignment]
    return last


def _after(
    doors: Doors, run_id: str, day: dt.date, record: Mapping[str, Any], *, settings: config.Settings, now: dt.datetime
) -> dict[str, Any]:
    """What follows from a publication, and is noted on its record when all of it is done."""
    after: dict[str, Any] = {
        _AFTER: casefiles.keep(doors, day, settings, now=now),
        "case_files_let_go": casefiles.let_go(doors, keep_days=settings.review.keep_days, now=now),
    }
    _tidy(doors, day, settings.window)
    if settings.webhook.url:
        after["webhook"] = webhook.post(_told(doors, day, record), settings.webhook, key=run_id)
    doors.ledger.add_to_record(run_id, after)
    return after


def pass_volume_gate(home: Store, day: dt.date, gate: config.Gate) -> list[str]:
    """Warnings about the day's volume against the days before it.

    Raises:
        GateError: it is beyond the limits, and enough days with enough playbacks are known to say so.
    """
    known = [date for date in home.partitions(digesting.DAYS) if date <= day]
    plays = {date: next(iter(home.parts(digesting.DAYS, date).values())).notes["plays"] for date in known[-29:]}
    if day not in plays or not any(plays.values()):
        raise InputError(f"expected playbacks stored for the 28 days up to {day}, found none; ingest them first")
    today = plays.pop(day)
    before = [count for count in plays.values() if count]
    if not before:
        return []
    usual = median(before)
    if gate.volume_low_ratio * usual <= today <= gate.volume_high_ratio * usual:
        return []
    found = (
        f"expected {gate.volume_low_ratio:g} to {gate.volume_high_ratio:g} times the usual {usual:.0f} playbacks "
        f"on {day}, found {today}"
    )
    told = usual >= (gate.volume_playbacks if today else _NOT_NONE_BY_CHANCE)
    if len(before) >= gate.volume_days and told:
        raise GateError(f"{found}; nothing was published: look whether the log is whole, or widen [gate] volume ratios")
    return [found]


def pass_drift_gate(moved: list[str], day: dt.date, gate: config.Gate) -> None:
    """Nothing where the accounts are as in training, or little has moved.

    Raises:
        GateError: more features, or the score, have moved since training than the limit allows.
    """
    if len(moved) <= gate.drift_features:
        return
    more = f" (and {len(moved) - 1} more)" if len(moved) > 1 else ""
    raise GateError(
        f"{moved[0]}{more}; the night of {day} was not published: look whether a release changed how ids or devices "
        "are logged, then train again, or allow more with [gate] drift_features"
    )


def _fingerprint(
    doors: Doors,
    day: dt.date,
    settings: config.Settings,
    champion: Registered,
    decided: list[Case],
    suppressed: list[Suppressed],
) -> str:
    looked = lookback.look(doors.home, day, settings.window)
    return store.digest_of(
        [
            _METHOD,
            lookback.digest_of(doors.home, looked),
            settings.window.model_dump(),
            settings.peers.traits,
            settings.decision.model_dump(),
            settings.model.seed,  # by it the order is learned that verdicts teach
            champion.version,
            champion.sha256,
            doors.keys.key_id,
            [(case.account, case.taught, case.verdict_kind, case.decided_at) for case in decided],
            [(one.account, one.scope, one.value) for one in suppressed],
        ]
    )


def _counts(results: findings.Findings, fitted: model.AccountModel, champion: Registered) -> dict[str, Any]:
    absent = [name for name in features.CATALOGUE if name not in fitted.names]
    scores, flags = results.frames["scores"], results.frames["flags"]
    return {
        "accounts": scores.height,
        "statuses": dict(scores["status"].value_counts().sort("status").iter_rows()),
        "flags": flags.height,
        "kinds": dict(flags["kind"].value_counts().sort("kind").iter_rows()),
        "capacity": results.chosen.capacity,
        "kept_back": results.chosen.kept_back,
        "error_rate_promised": results.reviewed.earned,
        "moved_since_training": results.moved,
        "calibration_cases_open": len(results.reviewed.open),
        "model_version": champion.version,
        "model_sha256": champion.sha256,
        "features_left_out": absent,
    }


def _told(doors: Doors, day: dt.date, record: Mapping[str, Any]) -> dict[str, Any]:
    """What others are told of a night: counts, and the numbers of the open cases that it showed."""
    counts = {name: record[name] for name in ("accounts", "flags", "kinds", "kept_back")}
    numbers = [case.id for case in doors.ledger.cases.to_file(day) if case.last_day == day]
    return {"day": day.isoformat(), **counts, "cases": doors.ledger.cases.counts(), "case_numbers": numbers}


def _tidy(doors: Doors, day: dt.date, window: config.Window) -> None:
    """Names leave with the window of the latest night; directories of runs that were cut off go too."""
    latest = doors.ledger.latest_published()
    if latest is not None and latest.day == day:
        oldest = day - dt.timedelta(days=window.days)
        for date in doors.home.partitions("sealed"):
            if date < oldest:
                doors.home.remove("sealed", date)
    for directory in (doors.home.home / "runs" / day.isoformat()).iterdir():
        run = doors.ledger.run(directory.name)
        if run is None or run.status not in ("published", "superseded"):
            shutil.rmtree(directory, ignore_errors=True)


def plan(doors: Doors, day: dt.date, settings: config.Settings) -> dict[str, Any]:
    """What a night would find and do, without doing it."""
    known = set(doors.home.partitions(digesting.DAYS))
    stored = doors.home.partitions("playbacks")
    wanted = [date for date in stored if date <= day and date not in known]
    files = sources.expand(settings.source.paths) if settings.source.paths else []
    champion = doors.registry().with_alias(CHAMPION)
    served = doors.ledger.published(day)
    return {
        "day": day.isoformat(),
        "source_files": len(files),
        "new_source_files": sum(not ingesting.is_known(file, doors.home) for file in files),
        "days_without_account_days": len(wanted),
        "champion": champion.version if champion else None,
        "publishes": champion is not None,
        "already_published": served.id if served else None,
    }
