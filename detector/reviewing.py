"""Review as a recipe: what a reviewer is offered, a case with its evidence, verdicts one by one or from a table.

Whoever looks is on record before anything is shown.
"""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any, get_args

import polars as pl

from detector import cases, config, error_rate, identity
from detector.cases import Case, Outcome, Verdict
from detector.errors import InputError, SettingsError
from detector.runs import Doors
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
    """The cases that `filters` want, in the order in which `reviewer` is offered them."""
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
    doors: Doors, account: int, *, settings: config.Settings, reviewer: str, purpose: str | None, now: dt.datetime
) -> dict[str, Any]:
    """A case: where it stands (`case`), what was done to it (`acts`), earlier cases of the account (`earlier`), and
    what the latest night that showed it has to say (`night`, see `explaining.explain`).

    With a `purpose` the account's own id and the names of its titles are shown too.

    Raises:
        InputError: the account has no case.
    """
    from detector import explaining  # noqa: PLC0415 - the queue need not wait for scikit-learn and MLflow

    digits = f"{account:016x}"
    found = doors.ledger.cases.look(
        digits, action="review: unmask" if purpose else "review: show", actor=reviewer, purpose=purpose, now=now
    )
    if not found:
        raise InputError(
            "expected an account with a case, found none of it; `detector review list` shows the open cases, and "
            "`detector explain` any account"
        )
    run = doors.ledger.run(found[0].run_id)
    if run is not None and run.status != "published":
        run = doors.ledger.published(found[0].last_day)  # the same night, published anew
    return {
        "case": asdict(found[0]),
        "acts": [asdict(act) for act in doors.ledger.cases.acts(found[0].id)],
        "earlier": [asdict(case) for case in found[1:]],
        "night": None
        if run is None
        else explaining.explain(doors, run, account, settings=settings, names=purpose is not None),
    }


def verdicts_of(table: pl.DataFrame, doors: Doors) -> list[tuple[str, Verdict]]:
    """Accounts (16 hex digits) and verdicts of a table: `account` or `account_id`, `verdict`, and maybe `kind`, `cause`
    and `note`. All columns are text; an empty or missing one says nothing.

    Raises:
        InputError: it is not such a table, or a row of it says something that can not be; the message has its number.
    """
    wanted = [name for name in ("account", "account_id") if name in table.columns]
    if len(wanted) != 1 or "verdict" not in table.columns:
        raise InputError(
            "expected a table with verdict and either account (16 hex digits) or account_id (the service's own), "
            f"found {', '.join(table.columns)}; rename its columns"
        )
    if wanted == ["account_id"]:
        ids = identity.pseudonymise_ids(table.select(pl.col("account_id").cast(pl.String)), doors.keys)["account"]
        table = table.with_columns(account=identity.to_hex(ids))
    rows = []
    for number, row in enumerate(table.cast(pl.String).iter_rows(named=True), start=1):
        said = {name: row.get(name) or None for name in ("account", "verdict", "kind", "cause")}
        try:
            verdict = Verdict(
                outcome_of(said["verdict"] or ""), kind=said["kind"], cause=said["cause"], note=row.get("note") or ""
            )
            rows.append((f"{identity.from_hex(said['account'] or ''):016x}", verdict))
        except SettingsError as error:
            raise InputError(f"row {number}: {error}") from None
    return rows


def outcome_of(text: str) -> Outcome:
    """A verdict as it is typed; words may be joined by a hyphen.

    >>> outcome_of("false-alarm")
    'false alarm'

    Raises:
        SettingsError: it is none.
    """
    said = text.strip().lower().replace("-", " ")
    outcomes: tuple[Outcome, ...] = get_args(Outcome)
    for outcome in outcomes:
        if said == outcome:
            return outcome
    raise SettingsError(f"expected a verdict (confirmed, false-alarm, undecided), found {text!r}; use one of these")


def stats(doors: Doors) -> dict[str, Any]:
    """What came of the cases: how many stand where, the verdicts by kind, and the share of false alarms among the cases
    flagged under a promise."""
    decided = doors.ledger.cases.decided()
    rows = [(case.kind, case.outcome) for case in decided]
    by_kind = (
        pl.DataFrame(rows, schema={"kind": pl.String, "outcome": pl.String}, orient="row")
        .group_by("kind")
        .agg((pl.col("outcome") == outcome).sum().alias(outcome) for outcome in cases.OUTCOMES)
        .sort("kind")
    )
    return {
        "cases": doors.ledger.cases.counts(),
        "verdicts": by_kind.to_dicts(),
        "promised": asdict(error_rate.measured(decided)),
    }
