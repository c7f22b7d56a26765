"""A desk for each test of the console."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from desks import Clock, Desk
from support import KEY

from detector import config
from detector.runs import open_doors


@pytest.fixture
def desk(night_home: Path, tmp_path: Path, settings: config.Settings, hashed: str) -> Iterator[Desk]:
    shutil.copytree(night_home, tmp_path / "home")
    (tmp_path / "key").write_text(KEY)
    with open_doors(tmp_path / "home", settings) as doors:
        yield Desk(doors, settings, Clock(), hashed)
