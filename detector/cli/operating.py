"""Commands for whoever runs it: where a home stands, what was run, whether it is whole, and the settings."""

# ruff: noqa: PLC0415
from typing import Annotated, Any

import typer

from detector.cli._common import Json, app, opened, settings_of, show
from detector.errors import IntegrityError

config_app = typer.Typer(help="Show or check the settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")


@app.command()
def runs(context: typer.Context, limit: Annotated[int, typer.Option(min=1)] = 20, json: Json = False) -> None:
    """What was run, newest first."""
    from dataclasses import asdict

    from detector import terminal

    with opened(context) as (doors, _):
        found = doors.ledger.runs(limit)
        rows = [asdict(run) for run in found]
        columns = ["id", "command", "day", "status", "started_at", "ended_at", "model_version"]
        show(rows, json, terminal.table(rows, columns) if rows else "no run yet")


@app.command()
def status(context: typer.Context, json: Json = False) -> None:
    """Where a home stands: what is stored, digested, in use and published."""
    from detector import digesting
    from detector.registry import CHAMPION

    with opened(context) as (doors, _):
        stored, digested = doors.home.partitions("playbacks"), doors.home.partitions(digesting.DAYS)
        champion = doors.registry().with_alias(CHAMPION)
        latest = doors.ledger.latest_published()
        facts = {
            "home": str(doors.home.home),
            "key": doors.keys.key_id,
            "first stored day": stored[0] if stored else None,
            "last stored day": stored[-1] if stored else None,
            "last digested day": digested[-1] if digested else None,
            "model in use": champion.version if champion else None,
            "last published day": latest.day if latest else None,
            "flagged on it": latest.record.get("flags") if latest else None,
        }
        text = "\n".join(f"{name}: {'-' if value is None else value}" for name, value in facts.items())
        show({name.replace(" ", "_"): value for name, value in facts.items()}, json, text)


@app.command()
def verify(context: typer.Context, json: Json = False) -> None:
    """Read everything stored and published again, and compare it with its digests."""
    from detector import terminal, verifying

    with opened(context) as (doors, _):
        checked, problems = verifying.verify(doors)
        text = f"{terminal.counted(checked, 'file')} compared, {terminal.counted(len(problems), 'problem')}"
        show({"checked": checked, "problems": problems}, json, text)
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise IntegrityError(problems[0] + more)


@config_app.command("show")
def config_show(context: typer.Context, json: Json = False) -> None:
    """Every setting, and the layer that set it."""
    from detector import terminal

    loaded = settings_of(context)
    rows = [
        {"setting": f"{section}.{key}", "value": value, "from": _layers(loaded.origin, f"{section}.{key}")}
        for section, values in loaded.settings.model_dump(mode="json").items()
        for key, value in values.items()
    ]
    hidden = [row | {"value": _without_password(row)} for row in rows]
    show(hidden, json, terminal.table([row | {"value": str(row["value"])} for row in hidden], list(rows[0])))


def _layers(origin: dict[str, str], key: str) -> str:
    """Where a setting comes from; of a table of settings, everywhere."""
    found = [layer for name, layer in origin.items() if name == key or name.startswith(f"{key}.")]
    return ", ".join(dict.fromkeys(found)) or "default"


def _without_password(row: dict[str, Any]) -> Any:
    if row["setting"] == "webhook.url" and row["value"]:
        return "/".join([*str(row["value"]).split("/")[:3], "..."])  # what follows the host is often a secret
    if row["setting"] != "state.database_url" or not row["value"]:
        return row["value"]
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(row["value"]).render_as_string(hide_password=True)
    except ArgumentError:
        return "(no URL)"


@config_app.command("check")
def config_check(context: typer.Context) -> None:
    """Say whether the settings can be used."""
    from detector.sources.table import check_columns

    settings = settings_of(context).settings
    check_columns(settings.source.columns)
    state = settings.state
    if state.database_url:
        from detector.ledger.connection import sqlite_or_postgresql

        sqlite_or_postgresql(state.database_url, state.lock_timeout_s).engine.dispose()
    print("the settings are sound")
