"""The command line: alone reads argv, the environment, the clock and the exit status.

Each command is a few lines over a function of the library. What a command needs is imported when it runs, so that
`--help` and reads do not pay for scikit-learn and MLflow.
"""

# ruff: noqa: PLC0415
import datetime as dt
import getpass
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from detector.errors import DetectorError, InputError, IntegrityError, SettingsError

if TYPE_CHECKING:
    from detector.config import Loaded
    from detector.runs import Doors

app = typer.Typer(
    help="Finds streaming accounts that are likely resold, shared beyond a household, taken over or played by "
    "machines.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
config_app = typer.Typer(help="Show or check the settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")

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


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _day(text: str | None) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"expected a day as YYYY-MM-DD, found {text!r}; write it like 2025-06-30") from None


def _settings(context: typer.Context) -> "Loaded":
    from detector import config

    return config.load(home=context.obj["home"], file=context.obj["config"], environ=os.environ)


@contextmanager
def _opened(context: typer.Context, *, make: bool = False) -> Iterator[tuple["Doors", "Loaded"]]:
    """The doors of the home; a command that only reads does not make one."""
    from detector.runs import open_doors

    home: Path = context.obj["home"]
    loaded = _settings(context)
    if not make and not (home / "identity.key").exists():
        raise InputError(
            f"expected a home at {home}, found none; name it with --home, or begin with `detector ingest` or "
            "`detector demo`"
        )
    with open_doors(home, loaded.settings, context.obj["key_file"]) as doors:
        yield doors, loaded


def _print(value: Any, json: bool, text: str) -> None:
    from detector import terminal

    print(terminal.as_json(value) if json else text)


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
        str, typer.Option(help="usual, or held-out: every kind by other means, for evaluation only.")
    ] = "usual",
) -> None:
    """Invent a service with known answers."""
    from detector import simulate as simulator

    last = _day(end) or _now().date() - dt.timedelta(days=1)
    service = simulator.simulate(
        accounts=accounts, days=days, end=last, seed=seed, abuse_share=abuse_share, story=story,
        intensity=intensity, variant=variant,
    )  # fmt: skip
    simulator.write(service, out)
    print(f"{service.playbacks.height} playbacks of {accounts} accounts in {out / 'playbacks'}")
    print(f"who they are: {out / 'truth.parquet'}")


@app.command()
def ingest(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(help="Files, folders or globs.")],
    format: Annotated[str, typer.Option(help="Name of the format, or auto.")] = "auto",
    account: Annotated[str, typer.Option(help="Account of a log that holds one and does not name it.")] = "",
    timezone: Annotated[str, typer.Option(help="IANA zone of rows that carry none.")] = "",
    json: Json = False,
) -> None:
    """Take playback logs in: read, check, store; say what was rejected and why. Again, it changes nothing."""
    from dataclasses import asdict

    from detector import geo, ingesting, sources, terminal
    from detector.runs import on_record

    with _opened(context, make=True) as (doors, loaded):
        source = loaded.settings.source
        options = sources.Options(account or source.account, _zone(timezone) or source.timezone, source.columns)
        taken = []
        with terminal.progress() as progress, on_record(doors, "ingest", day=None, clock=_now) as (_, record):
            record["geo"] = geo.editions(loaded.settings.geo)
            for file in ingesting.ingest(
                paths, into=doors.home, keys=doors.keys, settings=loaded.settings, format=format, options=options,
                now=_now(), progress=progress,
            ):  # fmt: skip
                taken.append(file)
            record["files"] = len(taken)
            record["rows"] = sum(file.new_rows for file in taken)
            record.update(ingesting.formats_of(taken))
        if json:
            print(terminal.as_json([asdict(file) | {"lacks": sources.FORMATS[file.format].lacks} for file in taken]))
            return
        fresh = [file for file in taken if not file.known]
        print(f"{sum(file.new_rows for file in fresh)} playbacks taken in from {len(fresh)} files", end="")
        print(f"; {len(taken) - len(fresh)} files were known already" if len(fresh) < len(taken) else "")
        if repeated := sum(file.repeated for file in fresh):
            print(f"{repeated} playbacks of them had come with an earlier file of the same log")
        for name, count in record["formats"].items():
            print(f"{count} {'file' if count == 1 else 'files'} read as {name}")
        for caveat in filter(None, (sources.FORMATS[name].caveat for name in record["formats"])):
            print(caveat)
        dates = [date for file in taken for date in (file.first_date, file.last_date) if date]
        if dates:
            print(f"UTC dates {min(dates)} to {max(dates)}")
        _print_rejects([file for file in taken if file.rejects])


def _print_rejects(files: list[Any]) -> None:
    from detector import terminal

    if not files:
        print("no row was rejected")
        return
    rows = [{"file": f.file, "rule": rule, "rows": n} for f in files for rule, n in f.rejects.items()]
    print("rejected (a row counts once for each rule that it broke):")
    print(terminal.table(rows[:20], ["file", "rule", "rows"]))
    if len(rows) > 20:
        print(f"... and {len(rows) - 20} more; --json shows all")


def _zone(name: str) -> str:
    import zoneinfo

    if name and name not in zoneinfo.available_timezones():
        raise SettingsError(f"expected an IANA time zone such as Europe/Paris, found {name!r}; look its name up")
    return name


@app.command()
def nightly(
    context: typer.Context,
    day: Day = None,
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First day of a back-fill.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day of a back-fill.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    json: Json = False,
) -> None:
    """Run the batch for a local day (default: the last one that is over everywhere), or for several."""
    from detector import days, terminal
    from detector import nightly as batch

    if (first is None) != (last is None) or (day is not None and first is not None):
        raise SettingsError("expected --day, or both --from and --to, found another mix; give one of these")
    with _opened(context, make=True) as (doors, loaded):
        until = _day(last) or _day(day) or days.last_closed_day(_now(), loaded.settings.days)
        since = _day(first) or until
        if since > until:
            raise SettingsError(f"expected --from before --to, found {since} and {until}; swap them")
        wanted = [since + dt.timedelta(days=n) for n in range((until - since).days + 1)]
        if dry_run:
            plans = [batch.plan(doors, one, loaded.settings) for one in wanted]
            _print(plans, json, terminal.table(plans, list(plans[0])))
            return
        nights = []
        with terminal.progress() as progress:
            for one in wanted:
                night = batch.night(
                    doors, one, settings=loaded.settings, clock=_now, rebuild_since=since if first else None,
                    progress=progress,
                )  # fmt: skip
                nights.append({"day": night.day, "run": night.run_id, "unchanged": night.unchanged, **night.record})
        _print(nights, json, "\n".join(_night_line(night) for night in nights))
        if not json:
            print("next: `detector scores`, or `detector explain ACCOUNT` with one of its accounts")


def _night_line(night: dict[str, Any]) -> str:
    text = f"{night['day']}: {night['accounts']} accounts, {night['flags']} flagged"
    if night["kinds"]:
        text += " (" + ", ".join(f"{n} {kind}" for kind, n in night["kinds"].items()) + ")"
    if night["unchanged"]:
        text += "; published before, nothing has changed"
    for warning in night.get("warnings", []):
        text += f"\n  warning: {warning}"
    if held := night.get("held_days"):
        text += (
            f"\n  later rows came for {len(held)} published days from {held[0]}; to use them, nightly --from {held[0]}"
        )
    return text


@app.command()
def train(context: typer.Context, day: Day = None, json: Json = False) -> None:
    """Fit a model on the window up to a day; the first one comes into use at once."""
    from detector import days, retraining, terminal

    with _opened(context, make=True) as (doors, loaded):
        until = _day(day) or days.last_closed_day(_now(), loaded.settings.days)
        with terminal.progress() as progress:
            trained = retraining.train(doors, until, settings=loaded.settings, clock=_now, progress=progress)
        record = trained.record
        role = "champion: it is in use" if trained.champion else "challenger: `detector promote` brings it into use"
        text = f"model {trained.version}, {role}\nlearned from {record['own_accounts']} accounts on {until}"
        if record["invented_accounts"]:
            text += f", beside {record['invented_accounts']} of an invented service"
        if record["features_left_out"]:
            text += f"\nleft out, for the log does not say: {', '.join(record['features_left_out'])}"
        _print({"version": trained.version, "champion": trained.champion, **record}, json, text)


@app.command()
def promote(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="Version; default: the challenger.", show_default=False)] = "",
) -> None:
    """Bring a model into use."""
    from detector.registry import CHALLENGER
    from detector.runs import on_record

    with _opened(context) as (doors, _):
        registry = doors.registry()
        challenger = registry.with_alias(CHALLENGER)
        if not version and challenger is None:
            raise InputError("expected a challenger, found none; name a version of `detector models`")
        with on_record(doors, "promote", day=None, clock=_now) as (_, record):
            promoted = registry.promote(version or challenger.version)  # type: ignore[union-attr]
            record["model_version"] = promoted.version
        print(f"model {promoted.version} is in use")


@app.command()
def models(context: typer.Context, json: Json = False) -> None:
    """List the models, newest first."""
    from detector import terminal

    with _opened(context) as (doors, _):
        rows = [
            {
                "version": one.version,
                "role": ", ".join(one.aliases) or None,
                "made": one.created_at,
                "window to": one.record["day"],
                "accounts": one.record["own_accounts"],
                "invented": one.record["invented_accounts"],
            }
            for one in doors.registry().versions()
        ]
        _print(rows, json, terminal.table(rows, list(rows[0])) if rows else "no model yet; run `detector train`")


@app.command()
def scores(
    context: typer.Context,
    day: Day = None,
    asked: Annotated[
        Path | None, typer.Option("--for", help="Parquet or CSV with account_id: answer for these.", show_default=False)
    ] = None,
    features: Annotated[bool, typer.Option("--features", help="With the feature columns.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write .parquet or .csv instead.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows shown of a table.")] = 20,
    json: Json = False,
) -> None:
    """Read the scores of a published night, highest first."""
    from detector import published, terminal

    with _opened(context) as (doors, _):
        run = published.run_of(doors, _day(day))
        if asked is None:
            frame = published.scores(doors, run, with_features=features)
        else:
            ids = _read_table(asked, "a table with the column account_id")
            _audit(doors, "scores --for", None, None, {"asked": ids.height})
            frame = published.scores_for(doors, run, ids, with_features=features)
        if out is not None:
            _write(frame, out)
            print(f"{frame.height} accounts of {run.day} written to {out}")
            return
        columns = [c for c in frame.columns if c in ("account_id", "account", "rank", "score", "p_value", "status")]
        shown = frame.head(limit).select(*columns, "flagged", "kind").to_dicts()
        text = f"{run.day}: {frame.height} accounts\n{terminal.table(shown, list(shown[0]))}" if shown else "no account"
        if frame.height > limit:
            text += f"\n... and {frame.height - limit} more; --out FILE or --json gives all"
        _print(frame, json, text)


def _read_table(path: Path, what: str) -> Any:
    import polars as pl

    from detector import sources

    with sources.reading(path, what):
        return pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.read_parquet(path)


def _write(frame: Any, out: Path) -> None:
    import io

    from detector import store

    buffer = io.BytesIO()
    if out.suffix == ".parquet":
        frame.write_parquet(buffer)
    elif out.suffix == ".csv":
        frame.write_csv(buffer)
    else:
        raise SettingsError(f"expected --out to end in .parquet or .csv, found {out.name!r}; rename it")
    store.write_atomically(out, buffer.getvalue())


def _audit(doors: "Doors", action: str, account: str | None, purpose: str | None, detail: dict[str, Any]) -> None:
    """On record before anything is shown: no log, no data."""
    doors.ledger.write_audit(
        actor=getpass.getuser(), action=action, account=account, purpose=purpose, detail=detail, now=_now()
    )


@app.command()
def evaluate(
    context: typer.Context,
    truth: Annotated[
        Path, typer.Option(help="Parquet or CSV with account_id, kind and label, as `simulate` writes it.")
    ],
    day: Day = None,
    picture: Annotated[Path | None, typer.Option(help="Draw it too, as .png.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """How good a published night is against known answers, by kind, beside a plain forest and the usual rules."""
    from detector import published, store

    if picture is not None and picture.suffix != ".png":
        raise SettingsError(f"expected --picture to end in .png, found {picture.name!r}; rename it")
    with _opened(context) as (doors, loaded):
        run = published.run_of(doors, _day(day))
        answers = _read_table(truth, "a table with account_id, kind and label")
        _audit(doors, "evaluate", None, None, {"asked": answers.height, "run": run.id})
        found = published.evaluate(doors, run, answers, loaded.settings)
        if picture is not None:
            from detector import pictures

            store.write_atomically(picture, pictures.draw(found))
        plain = {"day": run.day, "accounts": found.accounts.to_dicts(), "measures": found.measures.to_dicts()}
        _print(plain, json, _evaluated(found, run.day))


def _evaluated(found: Any, day: Any) -> str:
    from detector import terminal

    lines = [f"{day}, in per cent with 95 % intervals; those labelled sharing count neither way", ""]
    lines.append(terminal.table(found.accounts.to_dicts(), found.accounts.columns))
    for measure in found.measures["measure"].unique(maintain_order=True):
        rows = found.side_by_side(measure)
        lines += ["", terminal.table(rows, list(rows[0]))]
    return "\n".join(lines)


@app.command()
def explain(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="16 hex digits.", show_default=False)] = "",
    own_id: Annotated[
        str | None, typer.Option("--id", metavar="-", help="- reads the service's own id from standard input.")
    ] = None,
    day: Day = None,
    unmask: Annotated[
        str | None, typer.Option(metavar="PURPOSE", help="Show names, for a purpose that goes on record.")
    ] = None,
    json: Json = False,
) -> None:
    """Why an account stands where it stands, what speaks against it, and the playbacks that show it."""
    from detector import identity, published

    if (own_id is None) == (not account) or own_id not in (None, "-"):
        raise SettingsError("expected ACCOUNT, or --id - with the id on standard input; give one of them")
    if unmask is not None and not unmask.strip():
        raise SettingsError("expected a purpose after --unmask, found none; say why names are needed")
    with _opened(context) as (doors, loaded):
        number = (
            identity.from_hex(account) if account else identity.pseudonym_of(sys.stdin.readline().strip(), doors.keys)
        )
        run = published.run_of(doors, _day(day))
        _audit(doors, "unmask" if unmask else "explain", f"{number:016x}", unmask, {"run": run.id})
        found = published.explain(doors, run, number, settings=loaded.settings, names=unmask is not None)
        _print(found, json, _explained(found))


def _explained(found: dict[str, Any]) -> str:
    from detector import terminal

    name = f" ({found['account_id']})" if found.get("account_id") else ""
    lines = [f"account {found['account']}{name}, {found['day']}"]
    if found["score"] is None:
        lines.append(f"no score: {found['status']} ({found['history_days']} days since first seen)")
    else:
        flagged = f"flagged, looks like: {found['kind']}" if found["flagged"] else "not flagged"
        lines.append(
            f"{flagged}; score {found['score']:.2f}, rank {found['rank']}; "
            f"{found['p_value']:.2%} of held-out accounts score as high"
        )
    if found["flagged"]:
        lines += ["", "what speaks for it"]
        lines += [f"  - {reason['sentence']}" for reason in found["reasons"]]
        lines += ["", "what speaks against it"]
        lines += [f"  - {sentence}" for sentence in found["counter_evidence"]]
    lines += ["", "what was measured, most unusual first"]
    lines.append(_indented(terminal.table(found["features"], ["feature", "value", "typical", "percentile"])))
    if found["evidence"]:
        named = "title_name" if "title_name" in found["evidence"][0] else "title"
        columns = ["started_at", "day", "seconds", named, "profile", "device", "network"]
        shown = [row | {c: row[c][:8] for c in ("profile", "device", "network") if row[c]} for row in found["evidence"]]
        lines += ["", f"{len(shown)} playbacks that show it (times in UTC, ids cut to 8 digits)"]
        lines.append(_indented(terminal.table(shown, columns)))
    return "\n".join(lines)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


@app.command()
def features(json: Json = False) -> None:
    """The catalogue: what each feature is, in which unit, and what null means."""
    from detector.features import CATALOGUE

    rows = [
        {
            "name": one.name,
            "family": one.family,
            "unit": one.unit,
            "says": one.says,
            "missing": one.missing,
            "innocent": list(one.innocent),
            "telling_alone": one.telling is not None,
        }
        for one in CATALOGUE.values()
    ]
    lines = []
    for row in rows:
        lines.append(f"{row['name']} ({row['family']}, {row['unit']})\n    {row['says']}\n    null: {row['missing']}")
    _print(rows, json, "\n".join(lines))


@app.command()
def runs(context: typer.Context, limit: Annotated[int, typer.Option(min=1)] = 20, json: Json = False) -> None:
    """What was run, newest first."""
    from dataclasses import asdict

    from detector import terminal

    with _opened(context) as (doors, _):
        found = doors.ledger.runs(limit)
        rows = [asdict(run) for run in found]
        columns = ["id", "command", "day", "status", "started_at", "ended_at", "model_version"]
        _print(rows, json, terminal.table(rows, columns) if rows else "no run yet")


@app.command()
def status(context: typer.Context, json: Json = False) -> None:
    """Where a home stands: what is stored, digested, in use and published."""
    from detector import digesting
    from detector.registry import CHAMPION

    with _opened(context) as (doors, _):
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
        _print({name.replace(" ", "_"): value for name, value in facts.items()}, json, text)


@app.command()
def verify(context: typer.Context, json: Json = False) -> None:
    """Read everything stored and published again, and compare it with its digests."""
    from detector import nightly as batch

    with _opened(context) as (doors, _):
        checked, problems = batch.verify(doors)
        _print({"checked": checked, "problems": problems}, json, f"{checked} files compared, {len(problems)} problems")
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise IntegrityError(problems[0] + more)


@config_app.command("show")
def config_show(context: typer.Context, json: Json = False) -> None:
    """Every setting, and the layer that set it."""
    from detector import terminal

    loaded = _settings(context)
    rows = [
        {"setting": f"{section}.{key}", "value": value, "from": loaded.origin.get(f"{section}.{key}", "default")}
        for section, values in loaded.settings.model_dump(mode="json").items()
        for key, value in values.items()
    ]
    hidden = [row | {"value": _without_password(row)} for row in rows]
    _print(hidden, json, terminal.table([row | {"value": str(row["value"])} for row in hidden], list(rows[0])))


def _without_password(row: dict[str, Any]) -> Any:
    if row["setting"] != "state.database_url" or not row["value"]:
        return row["value"]
    from sqlalchemy.engine import make_url

    return make_url(row["value"]).render_as_string(hide_password=True)


@config_app.command("check")
def config_check(context: typer.Context) -> None:
    """Say whether the settings can be used."""
    _settings(context)
    print("the settings are sound")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Folder of the demo, made anew.")] = Path("detector-demo"),
) -> None:
    """A simulated service with known answers, from playbacks to flagged accounts, in about a minute."""
    from detector import demo as show

    show.run(folder, now=_now(), clock=_now)


class _Terminated(BaseException):
    """SIGTERM came."""


def _on_sigterm(number: int, _: object) -> None:
    raise _Terminated


def main() -> None:
    """Run a command; every refusal is a sentence and an exit code (see `errors`)."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        app()
    except DetectorError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: nothing more to say
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except _Terminated:
        sys.exit(143)
    except Exception as error:
        # What it says may quote ids: its kind and place are enough to find it.
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(
            f"error: unexpected {type(error).__name__} in {Path(where.filename).name}:{where.lineno}; "
            "nothing was published, please report this line",
            file=sys.stderr,
        )
        sys.exit(1)
