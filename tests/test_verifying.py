"""Everything is as it was written, or it is named."""

import datetime as dt
import shutil
from pathlib import Path

from nights import run_night
from support import TRAINED_UNTIL

from detector import config, corrections
from detector.runs import open_doors
from detector.verifying import verify


def test_verify_names_what_was_changed(home: Path, settings: config.Settings) -> None:
    """One byte changed in anything stored, published or registered is found."""
    with open_doors(home, settings) as doors:
        run_night(doors, TRAINED_UNTIL, settings)
        checked, problems = verify(doors)
        published, models = list(home.glob("runs/*/*/*.parquet")), list(home.glob("mlflow/artifacts/**/model.skops"))
        assert checked == doors.home.verify()[0] + len(published) + len(models)
        assert problems == []
        for pattern in ("account_days/*/*.parquet", "runs/*/*/scores.parquet", "mlflow/artifacts/**/model.skops"):
            victim = sorted(home.glob(pattern))[0]
            kept = victim.read_bytes()
            victim.write_bytes(kept[:-9] + bytes([kept[-9] ^ 1]) + kept[-8:])
            assert any(victim.name in problem for problem in verify(doors)[1])
            victim.write_bytes(kept)
        assert verify(doors)[1] == []


def test_verify_names_what_is_gone(home: Path, settings: config.Settings) -> None:
    """Case files and models that the ledger names, playbacks that files brought: what is not there has no digest."""
    with open_doors(home, settings) as doors:
        run_night(doors, TRAINED_UNTIL, settings)
        shutil.move(home / "playbacks" / "2025-05-03", home / "elsewhere")
        [problem] = verify(doors)[1]
        assert "2025-05-03.parquet brought, found none of 2025-05-03" in problem
        shutil.move(home / "elsewhere", home / "playbacks" / "2025-05-03")
        corrections.replace(dt.date(2025, 5, 3), ["gone"], doors.home)
        assert "2025-05-03 was replaced with, found none" in verify(doors)[1][0]
        doors.home.remove(corrections.TABLE, dt.date(2025, 5, 3))
        shutil.rmtree(home / "case_files")
        [problem] = verify(doors)[1]
        assert f"case files of {TRAINED_UNTIL}, of {len(doors.ledger.cases.queue())} cases" in problem
        registry = doors.registry()
        for model in registry.versions():
            registry._client.delete_model_version("accounts", model.version)
        assert any("expected model 1" in problem for problem in verify(doors)[1])
