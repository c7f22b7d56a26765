"""Why one account stands where a published night put it: in reasons, in time, and in the tables behind its pictures."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl

from detector import (
    casefiles,
    config,
    decisions,
    features,
    findings,
    identity,
    likeness,
    lookback,
    model,
    onset,
    portrait,
    published,
    suppressing,
)
from detector.days import Day
from detector.errors import InputError
from detector.ledger import Run
from detector.registry import Registered
from detector.runs import Doors
from detector.suppressed import Suppressed

_NIGHTS = 60  # at most so many are looked up for the picture of scores


def explain(
    doors: Doors,
    run: Run,
    account: int,
    *,
    settings: config.Settings,
    names: bool = False,
    kept: casefiles.CaseFile | None = None,
    dated: bool = True,
) -> dict[str, Any]:
    """Why an account stands where it stands: its score, reasons, counter-evidence and the playbacks that show it.

    `names` adds what the sealed table says of the account and of its titles: the caller has written the audit row.
    What was `kept` in the file of its case is read there; of a later night, what has left the home meanwhile. It is
    `dated` by looking back (`since`), which takes longer than the rest.

    Raises:
        InputError: the night did not see the account.
    """
    digits = identity.to_hex(pl.Series([account], dtype=pl.UInt64))[0]
    mine = pl.col("account") == account
    row = published.frame(doors, run, "scores").filter(mine)
    if row.is_empty():
        raise InputError(
            f"expected an account seen in the {settings.window.days} days up to {run.day}, found none; "
            "look it up with `detector scores`, or give the service's own id with --id -"
        )
    assert run.day is not None  # published runs have one
    score = row.drop("account").row(0, named=True)
    own = published.frame(doors, run, "features").filter(mine)
    flag = published.frame(doors, run, "flags").filter(mine)
    suppressed = [one for one in doors.ledger.suppressions.all(digits) if one.holds(run.day)]
    told, counted, note = _known(doors, run, own, suppressed)
    explained: dict[str, Any] = {
        "account": digits,
        **score,
        "flagged": not flag.is_empty(),
        "features": told.drop("account").to_dicts(),
        "features_missing": {
            name: feature.missing
            for name, feature in features.CATALOGUE.items()
            if name in own.columns and own[name].null_count()
        },
    }
    first = run.day - dt.timedelta(days=settings.window.days - 1)
    playbacks = _playbacks(doors, account, first, run.day, settings, kept)
    playbacks = suppressing.without(playbacks.lazy(), suppressing.left_out(suppressed)).collect()
    argued = decisions.argue(counted, playbacks, features.CATALOGUE, note) if flag.is_empty() else flag
    # Nothing is known of an account of which everything is left out.
    said = argued.select("reasons", "counter_evidence").to_dicts()
    explained |= said[0] if said else {"reasons": [], "counter_evidence": []}
    if flag.is_empty():
        explained["kept_back"] = None if score["score"] is None else _kept_back(doors, run, account, settings)
    else:
        explained |= flag.select("kind", "kind_share", "q_value", "first_seen", "cleared_by").row(0, named=True)
        if dated:
            explained["since"] = since(doors, run, settings, year_of(doors, run, account, settings, kept))
    shown = _shown(playbacks, argued["evidence"].explode().drop_nulls())
    if names:
        known = lookback.names_of(doors.home, doors.keys, first, run.day)
        if kept is not None:
            known = kept.with_names(known)
        account_names = known.filter((pl.col("kind") == "account") & (pl.col("id") == account))["name"]
        explained["account_id"] = account_names[0] if len(account_names) else None
        if not shown.is_empty():
            titles = known.filter(pl.col("kind") == "title").select(title="id", title_name="name")
            shown = shown.join(titles, on="title", how="left", maintain_order="left")
    hexed = [name for name in ("playback", "profile", "device", "title", "network") if name in shown.columns]
    explained["evidence"] = shown.with_columns(identity.to_hex(shown[name]) for name in hexed).to_dicts()
    return explained


def year_of(
    doors: Doors, run: Run, account: int, settings: config.Settings, kept: casefiles.CaseFile | None = None
) -> Day:
    """The account-days of an account over the year up to a night, with what was `kept` of those that have left the home
    since: the caller has written the audit row."""
    assert run.day is not None  # published runs have one
    first = run.day - dt.timedelta(days=settings.window.year_days - 1)
    found = lookback.days_of(doors.home, [account], first, run.day)
    return found if kept is None else kept.with_year(found, first, run.day)


def portray(
    doors: Doors,
    run: Run,
    account: int,
    settings: config.Settings,
    *,
    year: Day | None = None,
    kept: casefiles.CaseFile | None = None,
) -> portrait.Portrait:
    """What the pictures of an account show, up to a night: the caller has written the audit row. The `year` is read
    (`year_of`) unless it is handed over; the playbacks `kept` in the file of its case are read there."""
    assert run.day is not None
    window_days, year_days = settings.window.days, settings.window.year_days
    first = run.day - dt.timedelta(days=window_days - 1)
    year = year or year_of(doors, run, account, settings, kept)
    playbacks = _playbacks(doors, account, first, run.day, settings, kept)
    served = [night for night in doors.ledger.publications() if night.day and night.day <= run.day]
    nights = [_night(doors, night, account) for night in served[-_NIGHTS:]]
    return portrait.portray(
        year, playbacks, published.frame(doors, run, "ties"), pl.concat(nights),
        account=account, day=run.day, window_days=window_days, year_days=year_days,
    )  # fmt: skip


def plain(portrait: portrait.Portrait) -> dict[str, Any]:
    """A portrait as plain data: a list of rows for each table, pseudonyms as 16 hex digits."""
    told: dict[str, Any] = {"day": portrait.day, "streak_title": portrait.streak_title}
    if portrait.streak_title is not None:
        told["streak_title"] = f"{portrait.streak_title:016x}"
    for name, table in vars(portrait).items():
        if isinstance(table, pl.DataFrame):
            ids = [column for column, dtype in table.schema.items() if dtype == pl.UInt64]
            told[name] = table.with_columns(identity.to_hex(table[column]) for column in ids).to_dicts()
    return told


def _night(doors: Doors, run: Run, account: int) -> pl.DataFrame:
    mine = pl.col("account") == account
    flagged = not published.frame(doors, run, "flags").filter(mine).is_empty()
    return (
        published.frame(doors, run, "scores")
        .filter(mine)
        .select("day", "score", "p_value", "rank", flagged=pl.lit(flagged))
    )


def _playbacks(
    doors: Doors, account: int, first: dt.date, day: dt.date, settings: config.Settings, kept: casefiles.CaseFile | None
) -> pl.DataFrame:
    if kept is not None and kept.covers(day):
        return kept.playbacks_between(first, day)
    found = lookback.playbacks_of(doors.home, [account], first, day, settings.playbacks)
    return found if kept is None else kept.with_playbacks(found, first, day)


def since(doors: Doors, run: Run, settings: config.Settings, year: Day) -> dt.date | None:
    """Since when the flagged account whose `year` this is has looked as it does (see `onset.since`): as high as what
    the night flagged or, where it had a place for less than one account, as rare as that takes."""
    assert run.day is not None
    fitted = doors.registry().load(_used(doors, run))
    line = min(published.frame(doors, run, "flags")["score"].to_list())
    if run.record.get("capacity", 1) < 1:
        line = min(line, fitted.line_of(settings.decision.capacity_share))
    hubs = published.frame(doors, run, "hubs")["address"]
    return onset.since(year, fitted, hubs, line=line, day=run.day, settings=settings.window)


def _known(
    doors: Doors, run: Run, own: pl.DataFrame, suppressed: Sequence[Suppressed]
) -> tuple[pl.DataFrame, pl.DataFrame, str]:
    """What the model that scored the night says of each feature, the same of those that count, and whom it compares
    with (`findings.note_of`)."""
    used = _used(doors, run)
    fitted = doors.registry().load(used)
    told = model.explain(fitted, own).sort("surprise", "feature", descending=[True, False])
    counted = model.explain(fitted, suppressing.made_typical(own, told, suppressed)) if suppressed else told
    return told, suppressing.told(counted, suppressed), findings.note_of(used)


def _kept_back(doors: Doors, run: Run, account: int, settings: config.Settings) -> str | None:
    """Why a night did not put an account before reviewers, whatever its place; None: its place is the reason."""
    assert run.day is not None
    scores, mine = published.frame(doors, run, "scores"), pl.col("account") == account
    decided = doors.ledger.cases.decided(until=run.day, measured=False, every=True)
    of_all = decisions.kept_back(
        scores,
        likeness.kinds(scores.filter(mine), published.frame(doors, run, "features").filter(mine)),
        resting=decisions.resting(decided, day=run.day, rest_days=settings.decision.rest_days),
        suppressed=suppressing.accounts(doors.ledger.suppressions.on(run.day), "everything"),
        promised=bool(run.record.get("error_rate_promised")),
        settings=settings.decision,
    )
    why: str | None = of_all.filter(mine)["kept_back"].item()
    return why


def _used(doors: Doors, run: Run) -> Registered:
    used = next((v for v in doors.registry().versions() if v.version == run.model_version), None)
    if used is None:
        raise InputError(
            f"expected model {run.model_version} that scored {run.day}, found it gone; run the night again"
        )
    return used


def _shown(playbacks: pl.DataFrame, evidence: pl.Series) -> pl.DataFrame:
    wanted = ("playback", "day", "started_at", "ended_at", "seconds", "is_view", "is_repeat")
    places = ("title", "profile", "device", "network", "country")
    shown = playbacks.filter(pl.col("playback").is_in(evidence.to_list())).select(*wanted, *places)
    return shown.sort("started_at", "playback")
