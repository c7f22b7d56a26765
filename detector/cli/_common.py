"""What every command shares: the application, the options, and the doors of the home.

What a command needs is imported when it runs, so that `--help` and reads do not pay for scikit-learn and MLflow.
"""

# ruff: noqa: PLC0415
import datetime as dt
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.errors import InputError, SettingsError

if TYPE_CHECKING:
    from detector.access import Right
    from detector.config import Loaded
    from detector.runs import Doors

app = typer.Typer(
    help="Finds streaming accounts that are likely resold, shared beyond a household, taken over or played by "
    "machines.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Day = Annotated[str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="Local day.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.callback()
def _main(
    context: typer.Context,
    home: Annotated[Path, typer.Option(envvar="DETECTOR_HOME", help="Folder where everything lives.")] = Path(
        "detector-home"
    ),
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.", show_default=False)] = None,
    key_file: Annotated[
        Path | None, typer.Option(help="Key of the pseudonyms: 64 hex digits.", show_default=False)
    ] = None,
) -> None:
    context.obj = {"home": home, "config": config, "key_file": key_file}


def now() -> dt.datetime:
    """The clock."""
    return dt.datetime.now(dt.UTC)


_FIRST_DAY, _LAST_DAY = dt.date(1971, 1, 1), dt.date(2999, 12, 31)


def day_of(text: str | None) -> dt.date | None:
    """A local day as it was typed; SettingsError where it is none."""
    if text is None:
        return None
    from detector import store

    day = store.day_of(text)
    if day is None:
        raise SettingsError(f"expected a day as YYYY-MM-DD, found {text!r}; write it like 2025-06-30")
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise SettingsError(f"expected a day from {_FIRST_DAY} to {_LAST_DAY}, found {day}; name another")
    return day


def typed_id() -> str:
    """The service's own id, from standard input; SettingsError where there is none."""
    try:
        typed = sys.stdin.readline().strip()
        typed.encode()  # where the locale is none, what can not be read is handed on
    except UnicodeError:
        raise SettingsError("expected the service's own id in UTF-8, found other bytes; write it so") from None
    if not typed:
        raise SettingsError("expected the service's own id on a line of standard input, found nothing; write it there")
    return typed


def settings_of(context: typer.Context) -> "Loaded":
    """The settings of the home."""
    from detector import config

    return config.load(home=context.obj["home"], file=context.obj["config"], environ=os.environ)


@contextmanager
def opened(context: typer.Context, *, make: bool = False, takes_in: bool = False) -> Iterator[tuple["Doors", "Loaded"]]:
    """The doors of the home; a command that only reads does not `make` one, nor one that `takes_in` what `[source]`
    names where that is nothing: then the name of the home was mistyped. It is told at once where another is at work."""
    from detector.runs import only_run, open_doors

    home: Path = context.obj["home"]
    loaded = settings_of(context)
    make = make or (takes_in and bool(loaded.settings.source.paths))
    there = any(os.path.exists(home / name) for name in ("identity.key", "playbacks"))
    if not make and not os.path.isfile(home) and not there:  # False, and no error, where a name is too long
        raise InputError(
            f"expected a home at {home}, found none; name it with --home, or begin with `detector ingest` or "
            "`detector demo`"
        )
    with open_doors(home, loaded.settings, context.obj["key_file"]) as doors:
        if takes_in:
            with only_run(home):
                pass  # before it pays for scikit-learn; the run takes the lock for good
        yield doors, loaded


def show(value: Any, json: bool, text: str) -> None:
    """Print text for people, or the value as JSON."""
    from detector import terminal

    if json:
        print(terminal.as_json(value))
    else:
        say(text)


def say(text: str) -> None:
    """Print text whose lines may hold what strangers wrote."""
    from detector import terminal

    print("\n".join(terminal.printable(line) for line in text.split("\n")))


def audit(
    doors: "Doors",
    action: str,
    account: str | None,
    purpose: str | None,
    detail: dict[str, Any],
    *,
    rights: Iterable["Right"] = (),
) -> None:
    """On record before anything is shown: no log, no data. Nor is there any for who has not the rights for it."""
    from detector import access

    actor = allowed(doors, *rights) if rights else access.user_name()
    doors.ledger.write_audit(actor=actor, action=action, account=account, purpose=purpose, detail=detail, now=now())


def looking(unmask: str | None) -> list["Right"]:
    """The rights that a look at an account asks for, with its names or without."""
    return ["look"] if unmask is None else ["look", "unmask"]


def allowed(doors: "Doors", *rights: "Right") -> str:
    """The name of the operating system's user, who may do what is asked.

    Raises:
        DeniedError: others are named in this home and this one is not, or the role does not carry a right.
    """
    from detector import access

    name, people = access.user_name(), doors.ledger.people
    known = people.of(name)
    person = access.in_terminal(name, known, anybody_named=known is not None or people.anybody())
    for right in rights:
        access.require(person, right)
    return person.name
