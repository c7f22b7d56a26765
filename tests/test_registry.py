"""Which models are loaded, and which are refused before anything is scored."""

from dataclasses import replace
from pathlib import Path

import pytest
import skops.io

from detector import config, store
from detector.errors import IntegrityError
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
        registry = doors.registry()
        champion = registry.with_alias(CHAMPION)
        assert champion is not None
        registry.load(champion)
        with pytest.raises(IntegrityError, match=said):
            registry.load(replace(champion, record=champion.record | changed))


def test_a_model_of_an_older_version_is_refused(home: Path, settings: config.Settings) -> None:
    """It does not know something that this version goes by."""
    with open_doors(home, settings) as doors:
        registry = doors.registry()
        champion = registry.with_alias(CHAMPION)
        assert champion is not None
        older = registry.load(champion)
        del older.shows_sharing
        [file] = home.glob("mlflow/artifacts/**/model.skops")
        skops.io.dump(older, file)
        with pytest.raises(IntegrityError, match="found an older one; train again"):
            registry.load(replace(champion, sha256=store.sha256(file.read_bytes())))
