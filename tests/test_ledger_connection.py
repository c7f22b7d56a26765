"""The schema and the way to the state database, on SQLite and on PostgreSQL."""

import sqlite3
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from test_ledger import publish, start, statuses

from detector.errors import BusyError, InputError, IntegrityError, SettingsError
from detector.ledger import Ledger, migrations, schema, sqlite_url

# The schema


def described(engine: sa.Engine) -> dict[str, Any]:
    """Everything the database itself says of its tables."""
    inspector = sa.inspect(engine)
    return {
        table: {
            "columns": [{**column, "type": str(column["type"])} for column in inspector.get_columns(table)],
            "key": inspector.get_pk_constraint(table),
            "checks": sorted((check["name"], check["sqltext"]) for check in inspector.get_check_constraints(table)),
            "indexes": [
                {**index, "dialect_options": {key: str(value) for key, value in index["dialect_options"].items()}}
                for index in inspector.get_indexes(table)
            ],
        }
        for table in schema.metadata.tables
    }


def test_migrations_build_the_declared_schema(ledger: Ledger, database: sa.Engine) -> None:
    """From empty to head gives what `schema.py` declares: by Alembic's comparison, and rule by rule."""
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": schema.VERSION_TABLE})
        assert compare_metadata(context, schema.metadata) == []
    migrated = described(database)
    schema.metadata.drop_all(database)
    schema.metadata.create_all(database)
    assert migrated == described(database)
    assert len(migrated["run"]["checks"]) == 3
    assert len(migrated["run"]["indexes"]) == 1


def test_head_is_the_newest_migration() -> None:
    """The version that is compared at opening is that of the last file, and there is one last file."""
    assert ScriptDirectory.from_config(migrations.settings()).get_heads() == [schema.HEAD]


def test_a_newer_schema_is_refused_and_left_alone(ledger: Ledger, ledger_url: str, database: sa.Engine) -> None:
    """A database of a version this program does not know is not opened, and not changed."""
    version = sa.table(schema.VERSION_TABLE, sa.column("version_num"))
    with database.begin() as connection:
        connection.execute(sa.update(version).values(version_num="9999"))
    with pytest.raises(IntegrityError, match="version '9999', which a newer program made"):
        Ledger.open(ledger_url, lock_timeout_s=5)
    with database.connect() as connection:
        assert connection.scalar(sa.select(version.c.version_num)) == "9999"


def test_another_programs_database_is_refused(ledger_url: str, database: sa.Engine) -> None:
    """A database that has a table named like one of ours but no ledger is not touched."""
    with database.begin() as connection:
        connection.execute(sa.text("CREATE TABLE audit (who TEXT)"))
    with pytest.raises(SettingsError, match="another program's table 'audit'"):
        Ledger.open(ledger_url, lock_timeout_s=5)
    assert sa.inspect(database).get_table_names() == ["audit"]


OPEN = """
import sys
from detector.ledger import Ledger
import detector.ledger.migrations
print("ready", flush=True)
sys.stdin.readline()
with Ledger.open(sys.argv[1], lock_timeout_s=30) as ledger:
    print(len(ledger.runs(1)))
"""


def test_processes_that_open_an_empty_database_at_once_all_succeed(ledger_url: str) -> None:
    """Four processes that find no schema at the same moment end with one schema and no error."""
    opening = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, ledger_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in opening:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in opening:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60) for process in opening] == [("0\n", "")] * 4


def test_opening_at_head_does_not_load_alembic(ledger: Ledger, ledger_url: str) -> None:
    """A read such as `status` does not pay for the migration tool."""
    code = (
        "import sys; from detector.ledger import Ledger; Ledger.open(sys.argv[1], lock_timeout_s=5).close();"
        "print([name for name in sys.modules if name.startswith(('alembic', 'mlflow', 'polars'))])"
    )
    done = subprocess.run([sys.executable, "-c", code, ledger_url], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# When the database is locked, away or wrong


def lock_sqlite(url: str) -> Any:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def lock_postgresql(url: str) -> Any:
    connection = psycopg.connect(url)
    connection.execute("LOCK TABLE run IN ACCESS EXCLUSIVE MODE")
    return connection


@pytest.fixture
def lock(ledger_url: str) -> Callable[[], Any]:
    """Lock what writers need, as another program would; close what it returns to let go."""
    locker = lock_sqlite if ledger_url.startswith("sqlite") else lock_postgresql
    return lambda: locker(ledger_url)


def test_a_locked_database_is_busy_in_bounded_time(ledger: Ledger, ledger_url: str, lock: Callable[[], Any]) -> None:
    """A writer waits as long as it was told, not much longer, then says so; nothing is written."""
    holder = lock()
    with Ledger.open(ledger_url, lock_timeout_s=1) as impatient:
        began = time.monotonic()
        with pytest.raises(BusyError, match="answer within 1 s"):
            start(impatient, "a")
        assert 0.9 < time.monotonic() - began < 5
    holder.close()
    assert ledger.runs(1) == []


def test_a_writer_waits_for_a_lock_that_goes_away(ledger: Ledger, lock: Callable[[], Any]) -> None:
    """A lock shorter than the timeout is waited for, not reported."""
    holder = lock()
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(start, ledger, "a")
        time.sleep(0.5)
        assert not writing.done()
        holder.close()
        writing.result()
    assert statuses(ledger) == {"a": "running"}


def test_a_database_locked_while_it_is_made_is_busy(tmp_path: Path) -> None:
    """Opening an SQLite file that another process is just creating waits, then says so."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    holder = lock_sqlite(url)
    holder.execute("CREATE TABLE something (x)")
    began = time.monotonic()
    with pytest.raises(BusyError, match=r"ledger\.db"):
        Ledger.open(url, lock_timeout_s=1)
    assert time.monotonic() - began < 5
    holder.close()


SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (f"postgresql://ana:{SECRET}@127.0.0.1:1/ledger", BusyError),
        (f"postgresql://ana@127.0.0.1:1/ledger?password={SECRET}", BusyError),
        (f"postgresql://ana@/ledger?host=127.0.0.1:1,127.0.0.1:2&password={SECRET}", BusyError),
        (f"postgresql://ana:{SECRET}@no-such-host.invalid/ledger", BusyError),
        (f"postgresql://ana:{SECRET}@127.0.0.1:1/ledger?{SECRET}={SECRET}", InputError),
        (f"postgresql://ana:p@{SECRET}@127.0.0.1:1/ledger", SettingsError),
        (f"postgresql://ana:x@127.0.0.1:{SECRET}/ledger", SettingsError),
        (f"mysql://ana:{SECRET}@127.0.0.1/ledger", SettingsError),
        (f"ana:{SECRET}", SettingsError),
    ],
)
def test_a_url_that_leads_nowhere_keeps_its_password(url: str, error: type[Exception]) -> None:
    """Whatever is wrong is said in one sentence, and the password is neither in it nor in its traceback."""
    with pytest.raises(error) as refused:
        Ledger.open(url, lock_timeout_s=0)
    assert "\n" not in str(refused.value)
    assert SECRET not in "".join(traceback.format_exception(refused.value)).replace(url, "")


def test_a_server_that_is_away_is_busy_in_bounded_time() -> None:
    """An unreachable PostgreSQL is tried for as long as was said, not much longer."""
    began = time.monotonic()
    with pytest.raises(BusyError, match=r"at 127.0.0.1:1/ledger to answer within 1 s, found: .*refused"):
        Ledger.open("postgresql://ana@127.0.0.1:1/ledger", lock_timeout_s=1)
    assert 0.9 < time.monotonic() - began < 5


def test_a_server_that_comes_back_is_waited_for(postgres_url: str, tmp_path: Path) -> None:
    """Opening succeeds when the server appears while it is being tried."""
    url, folder = postgres_url.split("?host=")
    late = tmp_path / "socket"
    with ThreadPoolExecutor() as pool:
        opening = pool.submit(Ledger.open, f"{url}?host={late}", lock_timeout_s=20)
        time.sleep(0.5)
        assert not opening.done()
        late.symlink_to(folder)
        with opening.result() as ledger:
            assert ledger.runs(1) == []


def test_postgresql_says_what_is_missing(postgres_url: str) -> None:
    """A database, role or right that is not there is an input error at once: trying again would not help."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE weak LOGIN")
        name = connection.info.dbname
    began = time.monotonic()
    for url, found in (
        (postgres_url.replace(f"/{name}?", "/nowhere?"), 'database "nowhere" does not exist'),
        (postgres_url.replace("//postgres:", "//nobody:"), 'role "nobody" does not exist'),
        (postgres_url.replace("//postgres:", "//weak:"), "permission denied"),
    ):
        with pytest.raises(InputError, match=found):
            Ledger.open(url, lock_timeout_s=30)
    assert time.monotonic() - began < 10


def test_postgresql_may_go_away_between_two_calls(postgres_url: str) -> None:
    """A connection that died while nothing was asked is replaced without a word, for a read as for a write."""

    def kill_all() -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            killed = connection.execute(
                "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid != pg_backend_pid()"
            ).fetchone()
        assert killed is not None
        assert killed[0] >= 1

    with Ledger.open(postgres_url, lock_timeout_s=5) as ledger:
        start(ledger, "a")
        kill_all()
        assert statuses(ledger) == {"a": "running"}
        kill_all()
        publish(ledger, "a")
        assert statuses(ledger) == {"a": "published"}


def test_sqlite_says_what_is_missing(tmp_path: Path) -> None:
    """A missing folder, a folder in place of a file and a file that may not be written are input errors."""
    old = tmp_path / "old.db"
    sqlite3.connect(old).execute("PRAGMA user_version = 1").connection.close()
    for url in (
        f"sqlite:///{tmp_path}/missing/ledger.db",
        f"sqlite:///{tmp_path}",
        f"sqlite:///file:{old}?mode=ro&uri=true",
    ):
        with pytest.raises(InputError, match="can be written"):
            Ledger.open(url, lock_timeout_s=1)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Foreign or damaged bytes are an integrity error, and stay as they are."""
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database at all " * 100)
    with pytest.raises(IntegrityError, match="not a database"):
        Ledger.open(sqlite_url(path), lock_timeout_s=1)
    assert path.read_bytes() == b"not a database at all " * 100


def test_sqlite_keeps_foreign_keys_and_a_write_ahead_log(tmp_path: Path) -> None:
    """Every connection of the ledger has foreign keys on, and the file is in WAL mode."""
    path = tmp_path / "ledger.db"
    with (
        Ledger.open(sqlite_url(path), lock_timeout_s=7) as ledger,
        ledger._database.reading() as one,
        ledger._database.reading() as two,
    ):
        for connection in (one, two):
            values = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("foreign_keys", "journal_mode", "busy_timeout")
            ]
            assert values == [1, "wal", 7000]
    with sqlite3.connect(path) as plain:
        assert plain.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_an_sqlite_url_leads_to_its_path(tmp_path: Path) -> None:
    """Characters that mean something in a URL are only characters in a folder's name."""
    path = tmp_path / "50%41 off? #1 é" / "ledger.db"
    path.parent.mkdir()
    Ledger.open(sqlite_url(path), lock_timeout_s=1).close()
    assert path.exists()
