"""FAULTS 1 and 16: SIGKILL at random moments of a night."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from support import QUICK, TRAINED_UNTIL, clock

from detector import config, published
from detector.nightly import night
from detector.runs import open_doors
from detector.verifying import verify

NIGHT = [sys.executable, "-c", "from detector.cli import main; main()", "--home", "home", "nightly"]


@pytest.fixture(scope="module")
def untouched(trained_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that still has to digest its last days before the night: there is something to interrupt."""
    home = tmp_path_factory.mktemp("untouched") / "home"
    shutil.copytree(trained_home, home)
    for day in sorted((home / "account_days").iterdir())[-12:]:
        shutil.rmtree(day)
    return home


@pytest.mark.parametrize("kills", [3, pytest.param(12, marks=pytest.mark.soak)])
def test_killed_nights_leave_nothing_half_done(
    untouched: Path, tmp_path: Path, settings: config.Settings, kills: int
) -> None:
    """After each kill everything verifies and the lock is free; the rerun gives what an uninterrupted night gives."""
    shutil.copytree(untouched, tmp_path / "calm")
    with open_doors(tmp_path / "calm", settings) as doors:
        night(doors, TRAINED_UNTIL, settings=settings, clock=clock)
        run = published.run_of(doors, TRAINED_UNTIL)
        expected = {name: published.frame(doors, run, name) for name in ("scores", "flags", "features")}
    shutil.copytree(untouched, tmp_path / "home")
    moments = random.Random(kills)
    for _ in range(kills):
        running = subprocess.Popen(
            [*NIGHT, "--day", str(TRAINED_UNTIL)], cwd=tmp_path, env=os.environ | QUICK,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(moments.uniform(0.3, 5.5))
        running.send_signal(signal.SIGKILL)
        running.wait()
        with open_doors(tmp_path / "home", settings) as doors:
            assert verify(doors)[1] == []
            assert len(doors.ledger.publications()) <= 1
    with open_doors(tmp_path / "home", settings) as doors:
        night(doors, TRAINED_UNTIL, settings=settings, clock=clock)
        assert verify(doors)[1] == []
        assert len(doors.ledger.publications()) == 1
        run = published.run_of(doors, TRAINED_UNTIL)
        for name, frame in expected.items():
            assert_frame_equal(published.frame(doors, run, name), frame, rel_tol=0, abs_tol=1e-9)
        assert all(one.status != "running" for one in doors.ledger.runs(50))
