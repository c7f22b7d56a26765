"""Review in the terminal: what a reviewer does to a case, and what is not to count for an account."""

# ruff: noqa: PLC0415
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli._common import Json, allowed, day_of, now, opened, say, show
from detector.cli.reading import read_table
from detector.cli.review import Account, OwnId, account_of, review_app, standing
from detector.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detector.access import Right
    from detector.cases import Case
    from detector.runs import Doors
    from detector.typed import Meant

Note = Annotated[str, typer.Option(help="What should be remembered.", show_default=False)]
Until = Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Until which day.", show_default=False)]


@contextmanager
def _acting(
    context: typer.Context, account: str, own_id: str | None, right: "Right", meant: "Meant" = "newest"
) -> "Iterator[tuple[Doors, str, str]]":
    """The doors, the account (16 hex digits) that was typed, by its case that is `meant`, and who acts on it."""
    with opened(context) as (doors, _):
        me = allowed(doors, right)
        yield doors, account_of(account, own_id, doors, meant), me


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
    action: Annotated[
        str, typer.Option(help="Proposed for a confirmed one: none, message, ask-to-verify, limit-streams or refer.")
    ] = "none",
    note: Note = "",
    table: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="CSV, JSON or Parquet with account or account_id, verdict, kind, cause, action, note.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Close a case with a verdict, or many with a table: all of them or none.

    Nothing is done to an account by this program. A verdict that proposes to limit streams or to refer counts once a
    second person agrees.
    """
    from detector import typed
    from detector.cases import Verdict

    if (table is None) == (not verdict):
        raise SettingsError("expected --verdict for one account, or --from for a table of them; give one of the two")
    if table is not None and (account or own_id or kind or cause or note or action != "none"):
        raise SettingsError(
            "expected nothing but --from, for the table says of which account, kind, cause, action and note; put the "
            "rest into its columns"
        )
    with opened(context) as (doors, _):
        me = allowed(doors, "decide")
        if table is not None:
            verdicts = typed.verdicts_of(read_table(table, "a table with account and verdict"), doors)
        else:
            said = Verdict(
                typed.outcome_of(verdict), kind=typed.kind_of(kind), cause=cause or None, note=note,
                response=typed.response_of(action),
            )  # fmt: skip
            verdicts = [(account_of(account, own_id, doors, "newest"), said)]
        decided = doors.ledger.cases.decide(verdicts, actor=me, now=now())
        say("\n".join(_decided(case) for case in decided[:20]))
        if len(decided) > 20:
            print(f"... and {len(decided) - 20} more")


def _decided(case: "Case") -> str:
    return f"{case.account}: {standing(asdict(case))}"


@review_app.command()
def agree(context: typer.Context, account: Account = "", own_id: OwnId = None, note: Note = "") -> None:
    """Agree with a verdict that waits for a second person: it counts from now on."""
    with _acting(context, account, own_id, "second") as (doors, digits, me):
        case = doors.ledger.cases.second(digits, agrees=True, note=note, actor=me, now=now())
        say(_decided(case))


@review_app.command()
def disagree(context: typer.Context, account: Account = "", own_id: OwnId = None, note: Note = "") -> None:
    """Disagree with a verdict that waits for a second person: the case is open again."""
    with _acting(context, account, own_id, "second") as (doors, digits, me):
        case = doors.ledger.cases.second(digits, agrees=False, note=note, actor=me, now=now())
        print(f"case {case.id} is open again")


@review_app.command()
def note(
    context: typer.Context,
    text: Annotated[str, typer.Option("--note", help="What should be remembered.")],
    account: Account = "",
    own_id: OwnId = None,
) -> None:
    """Add a note to a case."""
    with _acting(context, account, own_id, "decide") as (doors, digits, me):
        case = doors.ledger.cases.note(digits, text, actor=me, now=now())
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
    from detector import typed

    with _acting(context, account, own_id, "decide") as (doors, digits, me):
        whose = None if nobody else typed.assignee_of(doors, to) if to else me
        case = doors.ledger.cases.assign(digits, whose, actor=me, now=now())
        say(f"case {case.id} is in the hands of {case.assignee or 'nobody'}")


@review_app.command()
def snooze(
    context: typer.Context,
    account: Account = "",
    own_id: OwnId = None,
    until: Until = "",
    wake: Annotated[bool, typer.Option("--wake", help="Bring it back into the queue.")] = False,
) -> None:
    """Take a case out of the queue until a day."""
    if bool(until) == wake:
        raise SettingsError("expected --until with a day, or --wake; give one of them")
    with _acting(context, account, own_id, "decide") as (doors, digits, me):
        case = doors.ledger.cases.snooze(digits, day_of(until or None), actor=me, now=now())
        print(
            f"case {case.id} is out of the queue until {case.snoozed_until}"
            if until
            else f"case {case.id} is in the queue again"
        )


@review_app.command()
def undo(context: typer.Context, account: Account = "", own_id: OwnId = None, note: Note = "") -> None:
    """Take a verdict back that was a slip: the case is open again."""
    with _acting(context, account, own_id, "decide") as (doors, digits, me):
        case = doors.ledger.cases.undo(digits, note, actor=me, now=now())
        print(f"case {case.id} is open again")


@review_app.command()
def reopen(
    context: typer.Context,
    why: Annotated[str, typer.Option("--note", help="What is new.")],
    account: Account = "",
    own_id: OwnId = None,
) -> None:
    """Open a closed case again, because there is news of it."""
    with _acting(context, account, own_id, "decide") as (doors, digits, me):
        case = doors.ledger.cases.reopen(digits, why, actor=me, now=now())
        print(f"case {case.id} is open again")


@review_app.command()
def contest(
    context: typer.Context,
    account: Account = "",
    own_id: OwnId = None,
    result: Annotated[str, typer.Option(help="Of the review of it: upheld or overturned.", show_default=False)] = "",
    note: Note = "",
) -> None:
    """Record that the account's holder contests the verdict, in the holder's words (--note); with --result, how the
    contest ended: somebody who had no part in the verdict says that."""
    if result not in ("", "upheld", "overturned"):
        raise SettingsError(f"expected --result to be upheld or overturned, found {result!r}; use one of these")
    if not result and not note.strip():
        raise SettingsError("expected the holder's words after --note, found none; write down what was said")
    if result:
        with _acting(context, account, own_id, "second", "contested") as (doors, digits, me):
            case = doors.ledger.cases.settle(digits, overturned=result == "overturned", note=note, actor=me, now=now())
    else:
        with _acting(context, account, own_id, "decide", "standing") as (doors, digits, me):
            case = doors.ledger.cases.contest(digits, note, actor=me, now=now())
    print(f"case {case.id}: contest {case.contest}")


@review_app.command()
def suppress(
    context: typer.Context,
    account: Account = "",
    own_id: OwnId = None,
    why: Annotated[str, typer.Option(help="Why it is not to count.")] = "",
    until: Until = "",
    feature: Annotated[str, typer.Option(help="This feature alone: it is taken as typical.", show_default=False)] = "",
    device: Annotated[
        str, typer.Option(help="Its playbacks alone; its first digits will do.", show_default=False)
    ] = "",
    network: Annotated[
        str, typer.Option(help="Playbacks from it alone; first digits will do.", show_default=False)
    ] = "",
) -> None:
    """Let an account, or one thing about it, not count until a day. It is no verdict, and teaches nothing."""
    from detector import typed

    if not until or not why.strip():
        raise SettingsError("expected --until with a day and --why with a reason; give both")
    ends_on = day_of(until)
    assert ends_on is not None
    with opened(context) as (doors, loaded):
        actor = allowed(doors, "decide")
        digits = account_of(account, own_id, doors)
        device = typed.whole(doors, digits, "device", device, settings=loaded.settings)
        network = typed.whole(doors, digits, "network", network, settings=loaded.settings)
        scope, value = typed.scope_of(feature=feature, device=device, network=network)
        made = doors.ledger.suppressions.make(digits, scope, value, ends_on=ends_on, why=why, actor=actor, now=now())
        what = f"{made.scope} {made.value}" if made.value else made.scope
        print(f"suppression {made.id}: {what} does not count, up to the night of {made.ends_on}")


@review_app.command()
def suppressions(context: typer.Context, account: Account = "", own_id: OwnId = None, json: Json = False) -> None:
    """What does not count, of one account or of all, the newest first."""
    from detector import reviewing, terminal

    with opened(context) as (doors, _):
        me = allowed(doors, "look")
        digits = account_of(account, own_id, doors) if account or own_id else None
        rows = [asdict(one) for one in reviewing.suppressions(doors, digits, reviewer=me, now=now())]
        lines = [terminal.table(rows, ["id", "account", "scope", "value", "ends_on", "made_by"])] if rows else []
        lines += [f"  {row['id']}: {row['why']}{' (lifted)' if row['lifted_at'] else ''}" for row in rows]
        show(rows, json, "\n".join(lines) or "nothing is suppressed")


@review_app.command()
def lift(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(min=1, max=2**31 - 1, help="Of the suppression; `review suppressions` lists them.")
    ],
) -> None:
    """Let what was suppressed count again."""
    with opened(context) as (doors, _):
        lifted = doors.ledger.suppressions.lift(number, actor=allowed(doors, "decide"), now=now())
        what = f"{lifted.scope} {lifted.value}" if lifted.value else lifted.scope
        print(f"suppression {lifted.id} is lifted: {what} of {lifted.account} counts again")
