"""Which models are loaded, and which are refused before anything is scored."""

import logging
import shutil
import sqlite3
import sys
import threading
import warnings
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import skops.io

from detector import config, registry, store
from detector.errors import InputError, IntegrityError
from detector.registry import CHAMPION
from detector.runs import open_doors


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"versions": {"scikit-learn": "0.1"}}, "scikit-learn 0.1"),
        ({"features": ["devices"]}, "features of its record"),
    ],
)
def test_a_model_of_other_features_or_libraries_is_refused(
    home: Path, settings: config.Settings, changed: dict[str, object], said: str
) -> None:
    """Its bytes may be sound: what it was made with, or which features it knows, is not what is on record."""
    with open_doors(home, settings) as doors:
        models = doors.registry()
        champion = models.with_alias(CHAMPION)
        assert champion is not None
        models.load(champion)
        with pytest.raises(IntegrityError, match=said):
            models.load(replace(champion, record=champion.record | changed))


def test_a_model_of_an_older_version_is_refused(home: Path, settings: config.Settings) -> None:
    """It does not know something that this version goes by."""
    with open_doors(home, settings) as doors:
        models = doors.registry()
        champion = models.with_alias(CHAMPION)
        assert champion is not None
        older = models.load(champion)
        del older.shows_sharing
        [file] = home.glob("mlflow/artifacts/**/model.skops")
        skops.io.dump(older, file)
        with pytest.raises(IntegrityError, match="found an older one; train again"):
            models.load(replace(champion, sha256=store.sha256(file.read_bytes())))


def test_two_threads_at_once_leave_everything_as_it_was() -> None:
    """Of two reviewers whose requests ask for a model at the same moment, one waits: warnings, logs and what is printed
    are heard again afterwards."""
    entered, followed, left = (threading.Event() for _ in range(3))

    def first() -> None:
        with registry._quiet("sqlite://"):
            entered.set()
            followed.wait(0.5)
        left.set()

    def second() -> None:
        entered.wait()
        with registry._quiet("sqlite://"):
            followed.set()
            left.wait()

    before = sys.stdout, sys.stderr, logging.root.manager.disable, list(warnings.filters)
    threads = [threading.Thread(target=what) for what in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sys.stdout, sys.stderr, logging.root.manager.disable, list(warnings.filters)) == before


def test_a_model_that_can_not_be_kept_is_told_in_a_sentence(home: Path, settings: config.Settings) -> None:
    """A place that can not be written: where, and what to do; the model in use stays in use."""
    with open_doors(home, settings) as doors:
        models = doors.registry()
        champion = models.with_alias(CHAMPION)
        assert champion is not None
        fitted = models.load(champion)
        shutil.rmtree(home / "mlflow" / "artifacts")
        (home / "mlflow" / "artifacts").touch()
        with pytest.raises(InputError, match=r"mlflow.*free or unlock"):
            models.log(fitted, example=registry.example_of(fitted), record={}, metrics={}, card="")
        assert models.with_alias(CHAMPION) == champion


def test_a_model_that_its_database_does_not_take_is_told_in_a_sentence(home: Path, settings: config.Settings) -> None:
    """Of what MLflow raises then, only the kind is said."""
    with open_doors(home, settings) as doors:
        models = doors.registry()
        champion = models.with_alias(CHAMPION)
        assert champion is not None
        fitted = models.load(champion)
        (file,) = (home / "mlflow").glob("*.db")
        with closing(sqlite3.connect(file)) as database:
            database.execute("CREATE TRIGGER full BEFORE INSERT ON runs BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
        with pytest.raises(InputError, match=r"MlflowException\); free or unlock"):
            models.log(fitted, example=registry.example_of(fitted), record={}, metrics={}, card="")
        assert models.with_alias(CHAMPION) == champion
