"""The main job on an invented service whose answers are known: the story that this project began with."""

import datetime as dt
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl

from detector import (
    access,
    config,
    days,
    identity,
    ingesting,
    nightly,
    published,
    retraining,
    simulate,
    sources,
    terminal,
)
from detector.errors import SettingsError
from detector.runs import Doors, on_record, open_doors

ACCOUNTS, DAYS = 5_000, 365
SEED = 365  # a service in which the year-long looper alone repeats one film for a year, and no farm does so too
_MARK = ".detector-demo"  # a folder with this file in it is ours to delete
_TRUTH = "truth.parquet"
_KEY = "1f" * 32  # known to all: a demo keeps no secret, and equal keys give equal results
_SHOWN = 10
_USER = "desk.demo"


def run(folder: Path, *, now: dt.datetime, clock: Callable[[], dt.datetime]) -> None:
    """Make the folder anew and go from playbacks to a table of flagged accounts.

    Raises:
        SettingsError: the folder holds something that is not a demo.
    """
    _make_anew(folder)
    settings = config.load().settings
    day = days.last_closed_day(now, settings.days)
    print(f"an invented service: {ACCOUNTS} accounts over {DAYS} days up to {day}")
    service = simulate.simulate(accounts=ACCOUNTS, days=DAYS, end=day, seed=SEED, story=True)
    _write_by_month(service.playbacks, folder / "log")
    service.truth.write_parquet(folder / _TRUTH)
    (folder / "key").write_text(_KEY + "\n", encoding="ascii")
    with (
        open_doors(folder / "home", settings, folder / "key") as doors,
        terminal.progress() as progress,
    ):
        with on_record(doors, "ingest", day=None, clock=clock) as (_, record):
            taken = list(
                ingesting.ingest(
                    [str(folder / "log")], into=doors.home, keys=doors.keys, settings=settings, format="parquet",
                    options=sources.Options(), now=now, progress=progress,
                )
            )  # fmt: skip
            record["rows"] = sum(file.rows for file in taken)
        retraining.train(doors, day, settings=settings, clock=clock, progress=progress)
        night = nightly.night(doors, day, settings=settings, clock=clock, progress=progress)
        flags = published.frame(doors, published.run_of(doors, day), "flags")
        password = _name_people(doors, now)
    _tell(flags, service.truth, doors.keys, night.record["accounts"], folder, password)


def _name_people(doors: Doors, now: dt.datetime) -> str | None:
    """Whoever runs the demo may do everything in the terminal, and a demo user in the browser, whose password is
    invented each time; None where the console's libraries are missing, or who runs it has a name that none can be."""
    me = access.user_name()
    try:
        from detector.console import passwords  # noqa: PLC0415 - the console is an extra

        access.name_of(me)
    except (ImportError, SettingsError):
        return None
    password = secrets.token_urlsafe(12)
    doors.ledger.people.add(me, "owner", None, actor=me, now=now)
    doors.ledger.people.add(_USER, "owner", passwords.hashed(password), actor=me, now=now)
    return password


def _make_anew(folder: Path) -> None:
    if folder.exists():
        ours = (folder / _MARK).exists()
        if not folder.is_dir() or (not ours and any(folder.iterdir())):
            raise SettingsError(
                f"expected {folder} to be free or an earlier demo, found something else; name another with --folder"
            )
        if ours:
            shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


def _write_by_month(playbacks: pl.DataFrame, log: Path) -> None:
    log.mkdir()
    by_month = playbacks.with_columns(month=pl.col("started_at").dt.strftime("%Y-%m"))
    for (name,), rows in by_month.partition_by("month", as_dict=True, include_key=False).items():
        rows.write_parquet(log / f"{name}.parquet")


def _tell(
    flags: pl.DataFrame, truth: pl.DataFrame, keys: identity.Keys, accounts: int, folder: Path, password: str | None
) -> None:
    known = truth.with_columns(account=identity.pseudonymise_ids(truth.select("account_id"), keys)["account"])
    told = flags.join(known.select("account", "label", truth="kind"), on="account", how="left", maintain_order="left")
    shown = told.head(_SHOWN)
    print(f"\n{flags.height} of {accounts} accounts are put before a reviewer; the first {shown.height}:\n")
    for digits, row in zip(identity.to_hex(shown["account"]), shown.iter_rows(named=True), strict=True):
        print(f"{digits}  score {row['score']:5.2f}  {row['kind']}")
        for reason in row["reasons"][:3]:
            print(f"    - {reason['sentence']}")
        print(f"    in truth: {row['truth']}")
    labels = dict(told["label"].value_counts().iter_rows())
    abusive = known.filter(pl.col("label") == "abuse").height
    print(
        f"\nof the {flags.height} flagged: {labels.get('abuse', 0)} abusive (of {abusive} in all), "
        f"{labels.get('sharing', 0)} sharing beyond a household, {labels.get('benign', 0)} innocent"
    )
    if flags.height:
        first = identity.to_hex(flags["account"].head(1))[0]
        home = folder / "home"
        print("\nnext, type:")
        print(f"    detector --home {home} explain {first}")
        print(f'    detector --home {home} explain {first} --unmask "trying the demo"')
        print(f"    detector --home {home} review next")
        print(f"    detector --home {home} review decide {first} --verdict confirmed")
        print(f"    detector --home {home} scores")
        print(f"    detector --home {home} status")
        print(f"    detector --home {home} evaluate --truth {folder / _TRUTH}")
    if password is not None:
        print("\nor review in a browser, at http://localhost:8765:")
        print(f"    detector --home {folder / 'home'} console")
        print(f"    name {_USER}, password {password}")
