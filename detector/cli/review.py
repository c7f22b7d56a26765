"""Review in the terminal: the queue, a case with its evidence, verdicts."""

# ruff: noqa: PLC0415
import getpass
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli._common import Json, app, now, opened, show
from detector.cli.reading import explained, read_table
from detector.errors import SettingsError

if TYPE_CHECKING:
    from detector.cases import Case
    from detector.runs import Doors

review_app = typer.Typer(help="The cases put before reviewers, and their verdicts.", no_args_is_help=True)
app.add_typer(review_app, name="review")

Account = Annotated[str, typer.Argument(help="16 hex digits.", show_default=False)]
OwnId = Annotated[
    str | None, typer.Option("--id", metavar="-", help="- reads the service's own id from standard input.")
]
Note = Annotated[str, typer.Option(help="What should be remembered.", show_default=False)]


def account_of(account: str, own_id: str | None, doors: "Doors") -> int:
    """The account that was typed, or whose own id stands on standard input; SettingsError where it is neither."""
    from detector import identity

    if (own_id is None) == (not account) or own_id not in (None, "-"):
        raise SettingsError("expected ACCOUNT, or --id - with the id on standard input; give one of them")
    return identity.from_hex(account) if account else identity.pseudonym_of(sys.stdin.readline().strip(), doors.keys)


@review_app.command("list")
def list_cases(
    context: typer.Context,
    kind: Annotated[str, typer.Option(help="Only cases that look like this.", show_default=False)] = "",
    origin: Annotated[str, typer.Option(help="Only flag, or only calibration.", show_default=False)] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only those in your hands.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown of a table.")] = 20,
    json: Json = False,
) -> None:
    """The open cases, in the order in which they are offered to you."""
    from detector import reviewing, terminal
    from detector.views import Filters

    with opened(context) as (doors, _):
        me = getpass.getuser()
        filters = Filters(kind=kind or None, origin=origin or None, mine=mine)  # type: ignore[arg-type]
        found = reviewing.queue(doors, filters, reviewer=me, now=now()).cases
        rows = [asdict(case) for case in found]
        columns = ["account", "score", "kind", "origin", "nights", "last_day", "assignee"]
        text = terminal.table(rows[:limit], columns) if rows else "no open case"
        if len(rows) > limit:
            text += f"\n... and {len(rows) - limit} more; --limit or --json shows them"
        show(rows, json, text)


@review_app.command("next")
def take_next(context: typer.Context, json: Json = False) -> None:
    """Take the next case into your hands, and show it."""
    from detector import identity, reviewing

    with opened(context) as (doors, loaded):
        me, moment = getpass.getuser(), now()
        case = reviewing.take_next(doors, reviewer=me, now=moment)
        account = identity.from_hex(case.account)
        found = reviewing.show(doors, account, settings=loaded.settings, reviewer=me, purpose=None, now=moment)
        show(found, json, _case(found))


@review_app.command("show")
def show_case(
    context: typer.Context,
    account: Account = "",
    own_id: OwnId = None,
    unmask: Annotated[
        str | None, typer.Option(metavar="PURPOSE", help="Show names, for a purpose that goes on record.")
    ] = None,
    json: Json = False,
) -> None:
    """A case: what was seen, what speaks against it, and what has been done."""
    from detector import reviewing

    if unmask is not None and not unmask.strip():
        raise SettingsError("expected a purpose after --unmask, found none; say why names are needed")
    with opened(context) as (doors, loaded):
        found = reviewing.show(
            doors, account_of(account, own_id, doors), settings=loaded.settings, reviewer=getpass.getuser(),
            purpose=unmask, now=now(),
        )  # fmt: skip
        show(found, json, _case(found))


def _case(found: dict[str, Any]) -> str:
    case = found["case"]
    lines = [f"case {case['id']}, {_standing(case)}"]
    lines.append(f"shown by {case['nights']} nights from {case['first_day']} to {case['last_day']}")
    if case["origin"] == "calibration":
        lines.append("not flagged: one of the highest held-out accounts, whose verdicts earn a stated error rate")
    for act in found["acts"]:
        detail = ", ".join(f"{name}: {value}" for name, value in act["detail"].items() if value)
        lines.append(f"  {act['at']:%Y-%m-%d %H:%M} {act['actor']}: {act['action']}{f' ({detail})' if detail else ''}")
    for earlier in found["earlier"]:
        lines.append(f"  earlier case {earlier['id']}: {_standing(earlier)}")
    lines += ["", explained(found["night"]) if found["night"] else "the night that showed it is no longer published"]
    if case["status"] == "open":
        lines += ["", f"next: detector review decide {case['account']} --verdict confirmed|false-alarm|undecided"]
    return "\n".join(lines)


def _standing(case: dict[str, Any]) -> str:
    if case["status"] != "decided":
        return str(case["status"]) + (f", in the hands of {case['assignee']}" if case["assignee"] else "")
    what = case["verdict_kind"] or case["cause"]
    return f"{case['outcome']}{f' ({what})' if what else ''} by {case['decided_by']}, {case['decided_at']:%Y-%m-%d}"


@review_app.command()
def decide(
    context: typer.Context,
    account: Account = "",
    own_id: OwnId = None,
    verdict: Annotated[str, typer.Option(help="confirmed, false-alarm or undecided.", show_default=False)] = "",
    kind: Annotated[
        str, typer.Option(help="Confirmed kind; default: what the case looks like.", show_default=False)
    ] = "",
    cause: Annotated[str, typer.Option(help="Innocent cause of a false alarm.", show_default=False)] = "",
    note: Note = "",
    table: Annotated[
        Path | None,
        typer.Option(
            "--from", help="CSV or Parquet with account or account_id, verdict, kind, cause, note.", show_default=False
        ),
    ] = None,
) -> None:
    """Close a case with a verdict, or many with a table: all of them or none."""
    from detector import reviewing
    from detector.cases import Verdict

    if (table is None) == (not verdict):
        raise SettingsError("expected --verdict for one account, or --from for a table of them; give one of the two")
    with opened(context) as (doors, _):
        if table is not None:
            verdicts = reviewing.verdicts_of(read_table(table, "a table with account and verdict"), doors)
        else:
            said = Verdict(reviewing.outcome_of(verdict), kind=kind or None, cause=cause or None, note=note)  # type: ignore[arg-type]
            verdicts = [(f"{account_of(account, own_id, doors):016x}", said)]
        decided = doors.ledger.cases.decide(verdicts, actor=getpass.getuser(), now=now())
        print("\n".join(_decided(case) for case in decided[:20]))
        if len(decided) > 20:
            print(f"... and {len(decided) - 20} more")


def _decided(case: "Case") -> str:
    return f"{case.account}: {_standing(asdict(case))}"


@review_app.command()
def note(
    context: typer.Context,
    text: Annotated[str, typer.Option("--note", help="What should be remembered.")],
    account: Account = "",
    own_id: OwnId = None,
) -> None:
    """Add a note to a case."""
    with opened(context) as (doors, _):
        digits = f"{account_of(account, own_id, doors):016x}"
        case = doors.ledger.cases.note(digits, text, actor=getpass.getuser(), now=now())
        print(f"noted with case {case.id}")


@review_app.command()
def assign(
    context: typer.Context,
    account: Account = "",
    own_id: OwnId = None,
    to: Annotated[str, typer.Option(help="Whose hands; default: yours.", show_default=False)] = "",
    nobody: Annotated[bool, typer.Option("--nobody", help="Give it back to the queue.")] = False,
) -> None:
    """Put a case into somebody's hands."""
    if to and nobody:
        raise SettingsError("expected --to or --nobody, found both; give one of them")
    with opened(context) as (doors, _):
        me = getpass.getuser()
        digits = f"{account_of(account, own_id, doors):016x}"
        case = doors.ledger.cases.assign(digits, None if nobody else to or me, actor=me, now=now())
        print(f"case {case.id} is in the hands of {case.assignee or 'nobody'}")


@review_app.command()
def undo(context: typer.Context, account: Account = "", own_id: OwnId = None, note: Note = "") -> None:
    """Take a verdict back: the case is open again."""
    with opened(context) as (doors, _):
        digits = f"{account_of(account, own_id, doors):016x}"
        case = doors.ledger.cases.undo(digits, note, actor=getpass.getuser(), now=now())
        print(f"case {case.id} is open again")


@review_app.command()
def stats(context: typer.Context, json: Json = False) -> None:
    """What came of the cases: verdicts by kind, and false alarms against what was promised."""
    from detector import reviewing, terminal

    with opened(context) as (doors, loaded):
        found = reviewing.stats(doors)
        lines = [", ".join(f"{count} {status}" for status, count in found["cases"].items()) or "no case yet"]
        if found["verdicts"]:
            lines += ["", terminal.table(found["verdicts"], list(found["verdicts"][0]))]
        promised = found["promised"]
        target = loaded.settings.decision.false_discovery_share
        if promised["decided"]:
            lines += [
                "",
                f"flagged under a promise of at most {target:.0%} false alarms and decided: {promised['decided']}; "
                f"false alarms: {promised['false_alarm_share']:.0%} "
                f"({promised['low_share']:.0%} to {promised['high_share']:.0%}, 95 %)",
            ]
        else:
            lines += ["", "no error rate has been promised yet, or none of what was flagged under it is decided"]
        show(found, json, "\n".join(lines))
