"""Who looked at whom, when and why."""

# ruff: noqa: PLC0415
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from detector.cli._common import Json, allowed, app, audit, opened, show
from detector.cli.review import Account, OwnId, account_of

if TYPE_CHECKING:
    from detector.ledger import Look

audit_app = typer.Typer(help="Who looked at whom, when and why.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")

Limit = Annotated[int, typer.Option(min=1, help="Lines shown.")]


@audit_app.command()
def who(
    context: typer.Context, account: Account = "", own_id: OwnId = None, limit: Limit = 50, json: Json = False
) -> None:
    """Everybody who looked at an account or decided on it, newest first; this look is on record too."""
    with opened(context) as (doors, _):
        digits = account_of(account, own_id, doors)
        audit(doors, "audit who", digits, None, {}, rights=["log"])
        _show(doors.ledger.looks(account=digits, limit=limit), json)


@audit_app.command()
def mine(context: typer.Context, limit: Limit = 50, json: Json = False) -> None:
    """What stands in the log under your own name, newest first."""
    with opened(context) as (doors, _):
        _show(doors.ledger.looks(actor=allowed(doors, "own"), limit=limit), json)


def _show(looks: "list[Look]", json: bool) -> None:
    from detector import terminal

    rows = [asdict(look) for look in looks]
    columns = ["at", "actor", "action", "account", "purpose"]
    show(rows, json, terminal.table(rows, columns) if rows else "nothing on record")
