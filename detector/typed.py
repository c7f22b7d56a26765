"""What people type at the desk, and what it means: accounts, verdicts alone or in a table, what is not to count."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar, get_args

import polars as pl

from detector import access, config, features, identity, lookback
from detector.cases import KINDS, Case, Kind, Outcome, Response, Verdict
from detector.errors import InputError, SettingsError, columns_found
from detector.runs import Doors
from detector.suppressed import Scope

_NUMBER_DIGITS = 10  # of a case number, at most: an account has 16
_ID_DIGITS = 16
_Word = TypeVar("_Word", bound=str)


Meant = Literal["any", "newest", "standing", "contested"]
# Which case a number must be that of: the first of the account, newest first, that is so; none: any.
_MEANT: dict[Meant, tuple[str, Callable[[Case], bool]]] = {
    "newest": ("newest case of its account", lambda _: True),
    "standing": ("case whose verdict stands", lambda case: (case.status, case.outcome) == ("decided", "confirmed")),
    "contested": ("case whose verdict is contested", lambda case: case.contest == "open"),
}


def account_of(doors: Doors, text: str, meant: Meant = "any") -> str:
    """The account (16 hex digits) of a case number or of its own digits, as they were typed. A number must be that of
    the case which is `meant`, where the account has one.

    Raises:
        InputError: there is no case of that number, or another is meant.
        SettingsError: it is neither.
    """
    told = text.strip().removeprefix("#")
    if not told.isdecimal() or len(told) > _NUMBER_DIGITS:
        return f"{identity.from_hex(text.strip()):016x}"
    number = int(told)
    case = doors.ledger.cases.numbered(number)
    if case is None:
        raise InputError(f"expected the number of a case, found none of {number}; `detector review list` shows them")
    if meant != "any":
        said, is_so = _MEANT[meant]
        found = next((one.id for one in doors.ledger.cases.of(case.account) if is_so(one)), number)
        if found != number:
            raise InputError(
                f"expected the {said}, which is {found}, found case {number}; give that number if you mean it"
            )
    return case.account


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
