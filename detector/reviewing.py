"""Review as a recipe: what a reviewer is offered, a case with its evidence, verdicts one by one or from a table.

Whoever looks is on record before anything is shown.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar, get_args

import polars as pl

from detector import access, aftermath, config, features, identity, lookback
from detector.cases import KINDS, Case, Kind, Outcome, Response, Verdict
from detector.errors import InputError, SettingsError, columns_found
from detector.runs import Doors
from detector.suppressed import Scope, Suppressed
from detector.views import Filters

_NUMBER_DIGITS = 10  # of a case number, at most: an account has 16
_ID_DIGITS = 16
_Word = TypeVar("_Word", bound=str)


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


def account_of(doors: Doors, typed: str) -> str:
    """The account (16 hex digits) of a case number or of its own digits, as they were typed.

    Raises:
        InputError: there is no case of that number.
        SettingsError: it is neither.
    """
    number = _number_in(typed)
    if number is None:
        return f"{identity.from_hex(typed.strip()):016x}"
    case = doors.ledger.cases.numbered(number)
    if case is None:
        raise InputError(f"expected the number of a case, found none of {number}; `detector review list` shows them")
    return case.account


def worked_on(doors: Doors, typed: str) -> str:
    """The account, as `account_of`, of somebody who is about to do something to its newest case.

    Raises:
        InputError: there is no case of that number, or the account has a newer one.
        SettingsError: it is neither.
    """
    account, number = account_of(doors, typed), _number_in(typed)
    if number is not None and number != (newest := doors.ledger.cases.of(account)[0].id):
        raise InputError(
            f"expected the newest case of its account, which is {newest}, found case {number}; give that number if you "
            "mean it"
        )
    return account


def contestable(doors: Doors, typed: str, *, settling: bool) -> str:
    """The account, as `account_of`, of somebody who is about to contest the verdict that stands against it, or is
    `settling` the contest that is open. Where a case number was typed it is that of this verdict.

    Raises:
        InputError: there is no case of that number, or the verdict in question is another case's.
        SettingsError: it is neither.
    """
    account, number = account_of(doors, typed), _number_in(typed)
    in_question = (
        case.id
        for case in doors.ledger.cases.of(account)
        if (case.contest == "open" if settling else (case.status, case.outcome) == ("decided", "confirmed"))
    )
    newest = next(in_question, None)
    if number is not None and newest not in (None, number):
        raise InputError(
            f"expected the case whose verdict {'is contested' if settling else 'stands'}, which is {newest}, found "
            f"case {number}; give that number if you mean it"
        )
    return account


def _number_in(typed: str) -> int | None:
    """The number of a case, as it was typed; None where it is none."""
    number = typed.strip().removeprefix("#")
    return int(number) if number.isdecimal() and len(number) <= _NUMBER_DIGITS else None


def verdicts_of(table: pl.DataFrame, doors: Doors) -> list[tuple[str, Verdict]]:
    """Accounts (16 hex digits) and verdicts of a table: `account` or `account_id`, `verdict`, and maybe `kind`,
    `cause`, `action` and `note`. All columns are text; an empty or missing one says nothing.

    Raises:
        InputError: it is not such a table, has no row, or a row of it says something that can not be; the message has
            its number.
    """
    table = table.rename(lambda name: name.strip() if table.columns.count(name.strip()) < 1 else name)
    wanted = [name for name in ("account", "account_id") if name in table.columns]
    if len(wanted) != 1 or "verdict" not in table.columns:
        raise InputError(
            "expected a table with verdict and either account (16 hex digits) or account_id (the service's own), "
            f"found {columns_found(table.columns)}; rename its columns"
        )
    if table.is_empty():
        raise InputError("expected a row for each account that is decided on, found none; fill the table in")
    if wanted == ["account_id"]:
        ids = identity.pseudonymise_ids(table.select(pl.col("account_id").cast(pl.String)), doors.keys)["account"]
        table = table.with_columns(account=identity.to_hex(ids))
    said_of = [name for name in ("account", "verdict", "kind", "cause", "action", "note") if name in table.columns]
    if nested := [name for name in said_of if table[name].dtype.is_nested()]:
        raise InputError(f"expected text in {nested[0]}, found several values in one; say one thing in each row")
    rows: list[tuple[str, Verdict]] = []
    row_of: dict[str, int] = {}
    for number, row in enumerate(table.select(pl.col(said_of).cast(pl.String)).iter_rows(named=True), start=1):
        said: dict[str, Any] = {
            name: (row.get(name) or "").strip() or None for name in ("account", "verdict", "kind", "cause", "action")
        }
        try:
            verdict = Verdict(
                outcome_of(said["verdict"] or ""), kind=kind_of(said["kind"] or ""), cause=said["cause"],
                note=row.get("note") or "", response=response_of(said["action"] or "none"),
            )  # fmt: skip
            account = f"{identity.from_hex(said['account'] or ''):016x}"
        except SettingsError as error:
            raise InputError(f"row {number}: {error}") from None
        if (before := row_of.setdefault(account, number)) != number:
            raise InputError(f"row {number}: expected an account once, found it in row {before} too; keep one of them")
        rows.append((account, verdict))
    return rows


def outcome_of(text: str) -> Outcome:
    """A verdict as it is typed; words may be joined by a hyphen.

    >>> outcome_of("false-alarm")
    'false alarm'

    Raises:
        SettingsError: it is none.
    """
    outcomes: tuple[Outcome, ...] = get_args(Outcome)
    return _one_of(outcomes, text, "a verdict")


def response_of(text: str) -> Response:
    """An action as it is typed; words may be joined by a hyphen.

    >>> response_of("limit-streams")
    'limit streams'

    Raises:
        SettingsError: it is none.
    """
    responses: tuple[Response, ...] = get_args(Response)
    return _one_of(responses, text, "an action")


def kind_of(text: str) -> Kind | None:
    """A kind as it is typed; words may be joined by a hyphen. None where nothing is.

    >>> kind_of("account-takeover"), kind_of("")
    ('account takeover', None)

    Raises:
        SettingsError: there is no such kind.
    """
    return _one_of(KINDS, text, "a kind") if text else None


def assignee_of(doors: Doors, text: str) -> str:
    """The name of somebody into whose hands a case may be put: where anybody is named, one of those who may decide.

    Raises:
        SettingsError: it is no name, or that of nobody who decides here.
    """
    name = access.name_of(text)
    person = doors.ledger.people.of(name)
    if doors.ledger.people.anybody() and not (person and person.may("decide")):
        raise SettingsError(
            f"expected somebody who decides cases here, found {name!r}; `detector console list-users` shows them"
        )
    return name


def _one_of(known: Sequence[_Word], text: str, what: str) -> _Word:
    said = text.strip().lower().replace("-", " ")
    for one in known:
        if said == one:
            return one
    words = ", ".join(one.replace(" ", "-") for one in known)
    raise SettingsError(f"expected {what} ({words}), found {text!r}; use one of these")


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


def scope_of(*, feature: str = "", device: str = "", network: str = "") -> tuple[Scope, str | None]:
    """What does not count, and its value: one of these, or everything where none is said.

    Raises:
        SettingsError: more than one is said, the feature is none that there is, or the others are not 16 hex digits.
    """
    said: list[tuple[Scope, str]] = [("feature", feature), ("device", device), ("network", network)]
    given = [(scope, value) for scope, value in said if value]
    if len(given) > 1:
        raise SettingsError("expected one of feature, device and network, found more; suppress them one by one")
    if not given:
        return "everything", None
    ((scope, value),) = given
    if scope != "feature":
        return scope, f"{identity.from_hex(value):016x}"
    if value not in features.CATALOGUE:
        raise SettingsError(f"expected the name of a feature, found {value!r}; `detector features` lists them")
    return scope, value


def whole(doors: Doors, account: str, column: Scope, digits: str, *, settings: config.Settings) -> str:
    """All 16 digits of the `device` or `network` of an account that begin so, for `review show` cuts them to 8.

    Raises:
        InputError: none that the account was seen with lately begins so, or several do.
    """
    if not digits or len(digits) >= _ID_DIGITS:
        return digits
    night = doors.ledger.latest_published()
    last = None if night is None else night.day
    found: list[str] = []
    if last is not None:
        first = last - dt.timedelta(days=settings.window.days - 1)
        seen = lookback.days_of(doors.home, [int(account, 16)], first, last).visits[column].drop_nulls().unique().sort()
        found = [known for known in identity.to_hex(seen) if known.startswith(digits.lower())]
    if len(found) != 1:
        raise InputError(
            f"expected one {column} of {account} that begins with the digits given, found {len(found) or 'none'}; give "
            "those of `detector review show --json`"
        )
    return found[0]


def suppressions(doors: Doors, account: str | None, *, reviewer: str, now: dt.datetime) -> list[Suppressed]:
    """What was ever suppressed, of one account or of all, the newest first; the look is on record."""
    doors.ledger.write_audit(actor=reviewer, action="review: suppressions", account=account, now=now)
    return doors.ledger.suppressions.all(account)
