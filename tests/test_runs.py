"""A run alone in its home, and a home that is whole."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from nights import run_night
from support import TRAINED_UNTIL, clock

from detector import config, runs
from detector.errors import BusyError, IntegrityError, SettingsError
from detector.runs import Doors, open_doors


def test_one_run_at_a_time(home: Path, settings: config.Settings) -> None:
    """While one run holds the lock, another is told at once to come back later."""
    with open_doors(home, settings) as doors, runs.only_run(home), pytest.raises(BusyError, match="try again"):
        run_night(doors, TRAINED_UNTIL, settings)


def test_what_a_home_was_made_with_is_not_made_anew(home: Path, settings: config.Settings, tmp_path: Path) -> None:
    """A lost key would make strangers of everybody, a lost state database forgets what people said: neither is replaced
    in silence. The key itself may come from elsewhere, if it is the one."""
    with open_doors(home, settings) as doors:
        run_night(doors, TRAINED_UNTIL, settings)
        keys = doors.keys
    for name in ("sealing.key", "ledger.db"):
        shutil.move(home / name, tmp_path / name)
        with pytest.raises(IntegrityError, match=re.escape(name)), open_doors(home, settings):
            pass
        assert not (home / name).exists()
        shutil.move(tmp_path / name, home / name)
    shutil.copy(home / "ledger.db", tmp_path)
    for emptied in (b"", b"\n"):
        (home / "ledger.db").write_bytes(emptied)
        with pytest.raises(IntegrityError, match="an empty one"), open_doors(home, settings):
            pass
    for file in home.glob("ledger.db*"):
        file.unlink()
    shutil.copy(tmp_path / "ledger.db", home)
    shutil.move(home / "identity.key", tmp_path / "right")
    (tmp_path / "wrong").write_text("0" * 64 + "\n")
    with pytest.raises(IntegrityError, match="identity"), open_doors(home, settings):
        pass
    with pytest.raises(SettingsError, match="made with"), open_doors(home, settings, tmp_path / "wrong"):
        pass
    assert not (home / "identity.key").exists()
    with open_doors(home, settings, tmp_path / "right") as doors:
        assert doors.keys == keys


def test_a_sealing_key_that_is_another_is_refused(home: Path, settings: config.Settings) -> None:
    """It opens none of the names that were sealed. Those that an older program sealed do not say with which key."""
    (home / "sealing.key").write_text("0" * 64 + "\n")
    with pytest.raises(IntegrityError, match=r"sealing\.key, found"), open_doors(home, settings):
        pass
    for manifest in home.glob("sealed/*/manifest.json"):
        manifest.write_text(re.sub(r'"key_id": "\w+"', "", manifest.read_text()))
    with open_doors(home, settings) as doors:
        assert doors.keys.sealing == bytes(32)


@pytest.mark.parametrize(
    "done",
    [
        "BEGIN IMMEDIATE",
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'nonsense'; PRAGMA schema_version = 9999",
    ],
    ids=["locked", "damaged"],
)
def test_what_went_wrong_first_is_said_where_it_can_not_go_on_record(
    home: Path, settings: config.Settings, done: str
) -> None:
    """By then the state database is locked or damaged, which would be said instead."""
    impatient = settings.model_copy(update={"state": settings.state.model_copy(update={"lock_timeout_s": 1})})

    def run(doors: Doors, database: sqlite3.Connection) -> None:
        with runs.on_record(doors, "nightly", day=None, clock=clock):
            database.executescript(done)
            raise InterruptedError

    with open_doors(home, impatient) as doors, closing(sqlite3.connect(home / "ledger.db")) as database:
        with pytest.raises(InterruptedError):
            run(doors, database)
        database.rollback()
