"""Review as a recipe: what a reviewer is offered, a case with its evidence, what does not count.

Whoever looks is on record before anything is shown.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from detector import aftermath, config, features
from detector.cases import Case
from detector.errors import InputError, SettingsError
from detector.runs import Doors
from detector.suppressed import Suppressed
from detector.views import Filters


@dataclass(frozen=True)
class Page:
    """Some cases of those that were asked for, and how many those are."""

    cases: list[Case]
    total: int


def queue(
    doors: Doors,
    filters: Filters = Filters(),  # noqa: B008 - it can not be changed
    *,
    reviewer: str,
    now: dt.datetime,
    limit: int | None = None,
    offset: int = 0,
) -> Page:
    """The cases that `filters` want, in the order in which `reviewer` is offered them.

    Raises:
        SettingsError: they want a family that there is not.
    """
    families = dict.fromkeys(feature.family for feature in features.CATALOGUE.values())
    if filters.family not in (None, *families):
        raise SettingsError(
            f"expected --family to be one of {', '.join(families)}, found {filters.family!r}; use one of these"
        )
    doors.ledger.write_audit(actor=reviewer, action="review: list", detail=filters.said(), now=now)
    asked = doors.ledger.cases
    found = asked.queue(filters, reviewer=reviewer, today=now.date(), limit=limit, offset=offset)
    return Page(found, len(found) if limit is None else asked.count(filters, reviewer=reviewer, today=now.date()))


def take_next(doors: Doors, *, reviewer: str, now: dt.datetime) -> Case:
    """The case that a reviewer is offered first, now in the reviewer's hands.

    Raises:
        InputError: there is no open case that nobody else is at work on.
    """
    found = doors.ledger.cases.take_next(actor=reviewer, now=now)
    if found is not None:
        return found
    raise InputError("expected an open case that nobody is at work on, found none; come back after the next night")


def show(
    doors: Doors,
    account: int,
    *,
    settings: config.Settings,
    reviewer: str,
    purpose: str | None,
    now: dt.datetime,
    dated: bool = True,
    holds: bool = True,
) -> dict[str, Any]:
    """A case: where it stands (`case`), what was done to it (`acts`), what came of it where it was confirmed (`came`,
    see `aftermath`; null: it was not), earlier cases of the account (`earlier`), what does not count for the account
    (`suppressed`), what its case file holds (`on_file`; null: it has none), and what the latest night that showed it
    has to say (`night`, see `explaining.explain`).

    Where it `holds`, nobody else decides the case for a while (`handling.HOLD_S`).

    With a `purpose` the account's own id and the names of its titles are shown too.

    Raises:
        InputError: the account has no case.
    """
    from detector import casefiles, explaining  # noqa: PLC0415 - the queue need not wait for scikit-learn and MLflow

    digits = f"{account:016x}"
    found = doors.ledger.cases.look(
        digits, action="review: unmask" if purpose else "review: show", actor=reviewer, purpose=purpose, now=now,
        holds=holds,
    )  # fmt: skip
    if not found:
        raise InputError(
            "expected an account with a case, found none of it; `detector review list` shows the open cases, and "
            "`detector explain` any account"
        )
    run = doors.ledger.run(found[0].run_id)
    if run is not None and run.status != "published":
        run = doors.ledger.published(found[0].last_day)  # the same night, published anew
    newest = found[0]
    kept = casefiles.read(doors, newest, names=purpose is not None)
    return {
        "case": asdict(newest),
        "acts": [asdict(act) for act in doors.ledger.cases.acts(newest.id)],
        "came": aftermath.came_of(doors.ledger.cases.later_nights(newest.id).get(newest.id, []))
        if newest.status == "decided" and newest.taught == "confirmed"
        else None,
        "earlier": [asdict(case) for case in found[1:]],
        "suppressed": [asdict(one) for one in doors.ledger.suppressions.all(digits) if one.holds(now.date())],
        "on_file": None
        if kept is None
        else {
            "night": newest.file_day,
            "days": kept.year.account_days.height,
            "playbacks": kept.playbacks.height,
        },
        "night": None
        if run is None
        else explaining.explain(
            doors, run, account, settings=settings, names=purpose is not None, kept=kept, dated=dated
        ),
    }


def exported(found: Iterable[Case]) -> pl.DataFrame:
    """Cases as a table for other programs, with why in one line."""
    names = [
        "id", "account", "status", "origin", "kind", "score", "family", "nights", "first_day", "last_day", "opened_at",
        "assignee", "outcome", "verdict_kind", "cause", "response", "decided_by", "decided_at", "seconded_by",
        "contest",
    ]  # fmt: skip
    rows = [
        {name: getattr(case, name) for name in names} | {"why": next((r["sentence"] for r in case.reasons), None)}
        for case in found
    ]
    types: list[tuple[pl.DataType, tuple[str, ...]]] = [
        (pl.String(), (*names, "why")),
        (pl.Int64(), ("id", "nights")),
        (pl.Float64(), ("score",)),
        (pl.Date(), ("first_day", "last_day")),
        (pl.Datetime("ms", "UTC"), ("opened_at", "decided_at")),
    ]
    return pl.DataFrame(rows, schema={name: dtype for dtype, of_it in types for name in of_it})


def suppressions(doors: Doors, account: str | None, *, reviewer: str, now: dt.datetime) -> list[Suppressed]:
    """What was ever suppressed, of one account or of all, the newest first; the look is on record."""
    doors.ledger.write_audit(actor=reviewer, action="review: suppressions", account=account, now=now)
    return doors.ledger.suppressions.all(account)
