"""A desk for each test of the console."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desks import PASSWORD, Clock, Desk
from support import KEY

from detector import config
from detector.console import passwords
from detector.runs import open_doors


@pytest.fixture(scope="module")
def known_hash() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture
def desk(night_home: Path, tmp_path: Path, settings: config.Settings, known_hash: str) -> Iterator[Desk]:
    shutil.copytree(night_home, tmp_path / "home")
    (tmp_path / "key").write_text(KEY)
    with open_doors(tmp_path / "home", settings) as doors:
        yield Desk(doors, settings, Clock(), known_hash)
