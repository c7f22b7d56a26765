"""Commands that bring playbacks: logs that are taken in, and an invented service's."""

# ruff: noqa: PLC0415
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from detector.cli._common import Json, app, day_of, now, opened
from detector.errors import SettingsError


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="Folder for playbacks/ and truth.parquet.")],
    accounts: Annotated[int, typer.Option(min=1)] = 1000,
    days: Annotated[int, typer.Option(min=1)] = 90,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    end: Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="Last local day; default: yesterday.")] = None,
    abuse_share: Annotated[float, typer.Option(min=0, max=1, help="Share of the accounts that are abusive.")] = 0.01,
    story: Annotated[bool, typer.Option("--story", help="With 53 streaks of 18 days and one of 365.")] = False,
    intensity: Annotated[
        str, typer.Option(help="How plainly the abusive live as they do: faint, middle, blatant or mixed.")
    ] = "mixed",
    variant: Annotated[
        str, typer.Option(help="usual; other: every kind by other means; held-out: by yet others, for evaluation only.")
    ] = "usual",
) -> None:
    """Invent a service with known answers."""
    from detector import simulate as simulator
    from detector import terminal

    last = day_of(end) or now().date() - dt.timedelta(days=1)
    service = simulator.simulate(
        accounts=accounts, days=days, end=last, seed=seed, abuse_share=abuse_share, story=story,
        intensity=intensity, variant=variant,
    )  # fmt: skip
    simulator.write(service, out)
    print(f"{service.playbacks.height} playbacks of {terminal.counted(accounts, 'account')} in {out / 'playbacks'}")
    print(f"who they are: {out / 'truth.parquet'}")


@app.command()
def ingest(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(help="Files, folders or globs.")],
    format: Annotated[str, typer.Option(help="Name of the format, or auto.")] = "auto",
    account: Annotated[str, typer.Option(help="Account of a log that holds one and does not name it.")] = "",
    timezone: Annotated[str, typer.Option(help="IANA zone of rows that carry none.")] = "",
    replace: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM-DD", help="Let only these files count for this local day.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Take playback logs in: read, check, store; say what was rejected and why. Again, it changes nothing."""
    from dataclasses import asdict

    from detector import geo, ingesting, receipts, sources, terminal
    from detector.runs import on_record

    with opened(context, make=True) as (doors, loaded):
        source = loaded.settings.source
        options = sources.Options(account or source.account, _zone(timezone) or source.timezone, source.columns)
        day = day_of(replace)
        with on_record(doors, "ingest", day=day, clock=now) as (_, record):
            record["geo"] = geo.editions(loaded.settings.geo)
            with terminal.progress() as progress:
                asked: dict[str, Any] = {
                    "into": doors.home, "keys": doors.keys, "settings": loaded.settings, "format": format,
                    "options": options, "now": now(), "progress": progress,
                }  # fmt: skip
                done = ingesting.replace_day(day, paths, **asked) if day else None
                taken = done.taken if done else list(ingesting.ingest(paths, **asked))
            record.update(receipts.summary(taken), **({"let_go": done.let_go} if done else {}))
            if not any((file.rows or file.rejected_rows) and not file.refused for file in taken):
                receipts.refuse_left_out(taken)
            if json:
                lacking = {name: format.lacks for name, format in sources.FORMATS.items()}
                print(terminal.as_json([asdict(file) | {"lacks": lacking.get(file.format, ())} for file in taken]))
            else:
                print("\n".join(_taken_in(taken)))
            receipts.refuse_left_out(taken, unread=False)
        if done and not json:
            print(f"of {day} only these files count from now on: {done.let_go} playbacks of other files do not")
            if done.of_other_days:
                print(f"{done.of_other_days} playbacks of other days were left out: ingest the files for those")
        receipts.refuse_left_out(taken)


def _taken_in(taken: list[Any]) -> Iterator[str]:
    """What became of files, line by line."""
    from detector import receipts, sources, terminal

    fresh = [file for file in taken if not (file.known or file.unreadable or file.refused)]
    known = sum(file.known for file in taken)
    new_rows = terminal.counted(sum(file.new_rows for file in fresh), "playback")
    yield f"{new_rows} taken in from {terminal.counted(len(fresh), 'file')}" + (
        f"; {terminal.counted(known, 'file')} known already" if known else ""
    )
    if repeated := sum(file.repeated for file in fresh):
        yield f"{terminal.counted(repeated, 'playback')} came before, with this file or another of the same log"
    if replaced := sum(file.replaced for file in fresh):
        yield f"{terminal.counted(replaced, 'playback')} not counted: other files have replaced their days"
    if empty := [file.file for file in fresh if not file.rows and not file.rejected_rows]:
        yield f"{len(empty)} of the files hold no rows: {', '.join(empty[:3])}" + (", ..." if len(empty) > 3 else "")
    formats = receipts.formats_of([file for file in taken if not file.refused])["formats"]
    for name, count in formats.items():
        yield f"{terminal.counted(count, 'file')} read as {name}"
    yield from filter(None, (sources.FORMATS[name].caveat for name in formats))
    yield from receipts.warnings(taken)
    dates = [date for file in taken for date in (file.first_date, file.last_date) if date]
    if dates:
        yield f"UTC dates {min(dates)} to {max(dates)}"
    yield from _rejected([file for file in taken if file.rejects])


def _rejected(files: list[Any]) -> Iterator[str]:
    from detector import terminal

    if not files:
        yield "no row was rejected"
        return
    rows = [{"file": f.file, "rule": rule, "rows": n} for f in files for rule, n in f.rejects.items()]
    yield "rejected (a row counts once for each rule that it broke):"
    yield terminal.table(rows[:20], ["file", "rule", "rows"])
    if len(rows) > 20:
        yield f"... and {len(rows) - 20} more; --json shows all"
    yield "which rows they are: `row` in the Parquet files under rejects/ in the home"


def _zone(name: str) -> str:
    from detector import config

    try:
        return name and config.known_zone(name)
    except ValueError as error:
        raise SettingsError(f"{error}; look its name up") from None
