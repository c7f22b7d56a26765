"""Ids and titles are nowhere in clear unless they are unmasked: not at rest, not in print, not in a refusal."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from support import QUICK, TRAINED_UNTIL, clock
from typer.testing import CliRunner

from detector import config, identity
from detector.cli import app
from detector.ingesting import ingest
from detector.nightly import night
from detector.runs import open_doors

CANARY = "canary-7f3a"


@pytest.fixture
def watched(home: Path, settings: config.Settings, tmp_path: Path) -> tuple[Path, str]:
    """A home with a night that flagged an account of canary ids, and the pseudonym of that account."""
    starts = [
        dt.datetime.combine(TRAINED_UNTIL - dt.timedelta(days=n), dt.time(20), dt.UTC) for n in range(45) for _ in "ab"
    ]
    log = pl.DataFrame({"started_at": starts}).with_columns(
        pl.lit(f"account-{CANARY}").alias("account_id"),
        pl.lit(f"title-{CANARY}").alias("title_id"),
        pl.lit(f"name of {CANARY}").alias("title_name"),
        pl.lit(f"profile-{CANARY}").alias("profile_id"),
        pl.format(f"device-{CANARY}-{{}}", pl.int_range(pl.len()) % 2).alias("device_id"),
        pl.lit("198.51.100.77").alias("ip"),
        ended_at=pl.col("started_at") + dt.timedelta(hours=2),
    )
    log.write_parquet(tmp_path / f"log-of-{TRAINED_UNTIL}.parquet")
    with open_doors(home, settings) as doors:
        files = [str(tmp_path / f"log-of-{TRAINED_UNTIL}.parquet")]
        list(ingest(files, into=doors.home, keys=doors.keys, settings=settings, now=clock()))
        many = settings.decision.model_copy(update={"capacity_share": 0.3, "kinds_not_reviewed": ()})
        night(doors, TRAINED_UNTIL, settings=settings.model_copy(update={"decision": many}), clock=clock)
        account = f"{identity.pseudonym_of(f'account-{CANARY}', doors.keys):016x}"
        assert doors.ledger.cases.of(account)
    return home, account


def _clear(path: Path) -> str:
    """What can be read in a file: the text columns of Parquet, else its bytes."""
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        texts = [str(frame[name].unique().to_list()) for name, of in frame.schema.items() if of == pl.String]
        return "\n".join(texts)
    return path.read_bytes().decode("latin-1")


def test_nothing_at_rest_holds_an_id_or_a_title(watched: tuple[Path, str]) -> None:
    """Playbacks, account-days, publications, case files, ledger, models: none names anybody, nor an address."""
    home, _ = watched
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any("case_files" in path.parts for path in files)
    for path in files:
        clear = _clear(path)
        assert CANARY not in clear, path
        assert "198.51.100.77" not in clear, path


READS = (
    ("scores --limit 400", 0),
    ("scores --json", 0),
    ("explain {account}", 0),
    ("explain {account} --json", 0),
    ("review list --limit 400", 0),
    ("review list --json", 0),
    ("review show {account} --pictures", 0),
    ("review show {account} --json", 0),
    ("review stats --json", 0),
    ("audit who {account} --json", 0),
    ("runs --json", 0),
    ("models --json", 0),
    ("explain account-{canary}", 2),
    ("review show title-{canary}", 2),
)


def test_nothing_printed_names_anybody(watched: tuple[Path, str]) -> None:
    """Reads of an account show its pseudonym; a refusal does not repeat an id that was typed in the wrong place."""
    home, account = watched
    for typed, code in READS:
        arguments = typed.format(account=account, canary=CANARY).split()
        done = CliRunner().invoke(app, ["--home", str(home), *arguments], env=QUICK)
        assert getattr(done.exception, "exit_code", 0) == code, typed
        assert CANARY not in done.output + str(done.exception or ""), typed
