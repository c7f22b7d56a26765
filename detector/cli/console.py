"""The desk in a browser, and who may use it."""

# ruff: noqa: PLC0415
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.cli._common import Json, allowed, app, now, opened, show
from detector.errors import SettingsError

if TYPE_CHECKING:
    from detector.runs import Doors

console_app = typer.Typer(help="The desk in a browser, and who may use it.", invoke_without_command=True)
app.add_typer(console_app, name="console")

Name = Annotated[str, typer.Argument(help="A name, or what vouches for it says.", show_default=False)]
Role = Annotated[str, typer.Option(help="analyst, senior-analyst, auditor, privacy-officer, admin or owner.")]
Password = Annotated[str, typer.Option(metavar="-", help="- reads it from standard input; default: asked for.")]

_EVERYWHERE = ("0.0.0.0", "::")


@console_app.callback()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen at; others than this machine's need TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at.")] = 8765,
) -> None:
    """Serve the desk to browsers, on this machine alone unless told otherwise, until interrupted."""
    if context.invoked_subcommand is not None:
        return
    uvicorn = _library()
    from urllib.parse import urlsplit

    from detector.console.app import LOCAL, create_app

    with opened(context) as (doors, loaded):
        public = urlsplit(loaded.settings.console.public_url).hostname
        # Under no other name, so that no other site can make this one's pages its own (DNS rebinding).
        if host in _EVERYWHERE and not public:
            raise SettingsError(
                f"expected public_url under [console] beside --host {host}, found none; say how browsers reach the desk"
            )
        hosts = [*LOCAL, *([host] if host not in _EVERYWHERE else []), *([public] if public else [])]
        served = create_app(doors, loaded.settings, now, hosts=hosts)
        if not doors.ledger.people.anybody():
            print("nobody is named yet; `detector console add-user NAME --role owner` names the first", file=sys.stderr)
        print(f"the desk is at http://{host}:{port} until you press Ctrl-C", file=sys.stderr, flush=True)
        uvicorn.run(
            served, host=host, port=port, log_level="warning", access_log=False, proxy_headers=False,
            server_header=False,
        )  # fmt: skip


def _library() -> Any:
    try:
        import uvicorn
    except ImportError:
        raise SettingsError(
            "expected the console's libraries, found them missing; `pip install '.[console]'` brings them"
        ) from None
    return uvicorn


@console_app.command()
def add_user(
    context: typer.Context,
    name: Name,
    role: Role,
    password: Password = "",
    without: Annotated[
        bool, typer.Option("--no-password", help="For the terminal alone, or whom something else vouches for.")
    ] = False,
) -> None:
    """Name somebody, with a role and a password."""
    from detector import access

    with opened(context, make=True) as (doors, _):
        actor = _manager(doors)
        named, given = access.name_of(name), access.role_of(role)
        kept = None if without else _hashed(password)
        doors.ledger.people.add(named, given, kept, actor=actor, now=now())
        print(f"{named} is {given}")


@console_app.command()
def list_users(context: typer.Context, json: Json = False) -> None:
    """Who is named, with which role."""
    from detector import terminal

    with opened(context) as (doors, _):
        _manager(doors)
        rows = [asdict(person) for person in doors.ledger.people.all()]
        nobody = "nobody is named: whoever may read the home may do everything in the terminal"
        show(rows, json, terminal.table(rows, list(rows[0])) if rows else nobody)


@console_app.command()
def set_role(context: typer.Context, name: Name, role: Role) -> None:
    """Give somebody another role."""
    from detector import access

    with opened(context) as (doors, _):
        given = access.role_of(role)
        doors.ledger.people.set_role(access.name_of(name), given, actor=_manager(doors), now=now())
        print(f"{access.name_of(name)} is {given}")


@console_app.command()
def set_password(context: typer.Context, name: Name, password: Password = "") -> None:
    """Give somebody another password, and end their sessions."""
    from detector import access

    with opened(context) as (doors, _):
        actor = _manager(doors)
        doors.ledger.people.set_password(access.name_of(name), _hashed(password), actor=actor, now=now())
        print(f"{access.name_of(name)} has another password")


@console_app.command()
def revoke(context: typer.Context, name: Name) -> None:
    """End all sessions of somebody."""
    from detector import access

    with opened(context) as (doors, _):
        ended = doors.ledger.people.revoke(access.name_of(name), actor=_manager(doors), now=now())
        print(f"{ended} sessions of {access.name_of(name)} have ended")


@console_app.command()
def remove_user(context: typer.Context, name: Name) -> None:
    """Forget somebody; what they did stays in the log."""
    from detector import access

    with opened(context) as (doors, _):
        doors.ledger.people.remove(access.name_of(name), actor=_manager(doors), now=now())
        print(f"{access.name_of(name)} is forgotten")


def _manager(doors: "Doors") -> str:
    """The name of the operating system's user, who may name people: by role, or because the home is theirs.

    Whoever owns the files could write what they want into the database: saying no would only lock them out.
    """
    from detector import access

    if doors.home.home.stat().st_uid == os.geteuid():
        return access.user_name()
    return allowed(doors, "people")


def _hashed(password: str) -> str:
    _library()
    from detector.console import passwords

    if password not in ("", "-"):
        raise SettingsError(
            "expected --password - with the password on standard input, found something else; "
            "a password on the command line is seen by others"
        )
    if password:
        return passwords.hashed(sys.stdin.readline().rstrip("\r\n"))
    return passwords.hashed(str(typer.prompt("Password", hide_input=True, confirmation_prompt=True)))
