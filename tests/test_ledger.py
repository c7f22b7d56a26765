"""The state database keeps its promises, on SQLite and on PostgreSQL."""

import datetime as dt
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from detector.errors import BusyError, InputError, IntegrityError, SettingsError
from detector.ledger import Ledger, Run, migrations, schema, sqlite_url

NOW = dt.datetime(2026, 3, 1, 4, 5, 6, 789012, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 27)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, lock_timeout_s=5) as ledger:
        yield ledger


@pytest.fixture
def database(ledger_url: str) -> Iterator[sa.Engine]:
    """The same database behind the ledger's back."""
    engine = sa.create_engine(ledger_url)
    yield engine
    engine.dispose()


def start(ledger: Ledger, run_id: str, *, day: dt.date | None = DAY, now: dt.datetime = NOW) -> None:
    ledger.start_run(run_id, command="nightly", day=day, key_id="k1", now=now)


def publish(ledger: Ledger, run_id: str, **changes: Any) -> None:
    values: dict[str, Any] = {
        "fingerprint": f"f-{run_id}",
        "directory": f"runs/{run_id}",
        "manifest": {"scores.parquet": "ab", "flags.parquet": "cd"},
        "model_version": "7",
        "record": {"rejects": {"late": 2}, "versions": ["1", None]},
        "now": NOW + HOUR,
    }
    ledger.publish(run_id, **values | changes)


def statuses(ledger: Ledger) -> dict[str, str]:
    return {run.id: run.status for run in ledger.runs(100)}


# What is written comes back


def test_a_run_comes_back_as_it_was_written(ledger: Ledger) -> None:
    """Every field given to start_run and publish is in the Run that is read."""
    start(ledger, "a")
    running = Run("a", "nightly", DAY, "running", NOW, None, "k1", None, None, None, {}, {})
    assert ledger.run("a") == running
    assert ledger.publications() == []

    publish(ledger, "a")
    assert ledger.run("a") == Run(
        id="a",
        command="nightly",
        day=DAY,
        status="published",
        started_at=NOW,
        ended_at=NOW + HOUR,
        key_id="k1",
        model_version="7",
        fingerprint="f-a",
        directory="runs/a",
        manifest={"scores.parquet": "ab", "flags.parquet": "cd"},
        record={"rejects": {"late": 2}, "versions": ["1", None]},
    )
    assert ledger.run("b") is None


def test_times_come_back_aware_and_in_utc(ledger: Ledger, database: sa.Engine) -> None:
    """A time with any offset comes back as the same instant in UTC, to the microsecond; a naive one is refused."""
    local = NOW.astimezone(dt.timezone(dt.timedelta(hours=-3)))
    start(ledger, "a", now=local)
    ledger.end_run("a", status="finished", record={}, now=local + HOUR)
    run = ledger.run("a")
    assert run is not None
    assert run.ended_at is not None
    for time_read, expected in ((run.started_at, NOW), (run.ended_at, NOW + HOUR)):
        assert time_read == expected
        assert time_read.utcoffset() == dt.timedelta(0)

    ledger.write_audit(actor="someone", action="looked", now=local)
    with database.connect() as connection:
        assert connection.scalar(sa.select(schema.audit.c.at)) == NOW

    with pytest.raises(sa.exc.StatementError, match="naive"):
        start(ledger, "b", now=NOW.replace(tzinfo=None))


def test_postgresql_times_do_not_depend_on_the_zone_of_the_session(postgres_url: str) -> None:
    """A server set to another time zone gives the same times in UTC."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET timezone = 'America/Sao_Paulo'".encode())
    with Ledger.open(postgres_url, lock_timeout_s=5) as ledger:
        start(ledger, "a")
        run = ledger.run("a")
    assert run is not None
    assert (run.started_at, run.started_at.utcoffset()) == (NOW, dt.timedelta(0))


def test_json_is_written_in_one_way(ledger: Ledger, database: sa.Engine) -> None:
    """Two records with the same content in another order are stored as the same text; NaN is refused."""
    for run_id, record in (("a", {"x": 1, "b": {"z": "é", "y": None}}), ("b", {"b": {"y": None, "z": "é"}, "x": 1})):
        start(ledger, run_id)
        ledger.end_run(run_id, status="finished", record=record, now=NOW)
    with database.connect() as connection:
        texts = connection.scalars(sa.select(sa.cast(schema.run.c.record, sa.Text))).all()
    assert texts == ['{"b":{"y":null,"z":"\\u00e9"},"x":1}'] * 2

    start(ledger, "c")
    with pytest.raises((ValueError, sa.exc.StatementError), match="JSON compliant"):
        ledger.end_run("c", status="finished", record={"share": float("nan")}, now=NOW)


def test_an_audit_line_comes_back_as_it_was_written(ledger: Ledger, database: sa.Engine) -> None:
    """Lines are kept in order, with null for what was not given; an account that is no pseudonym is refused."""
    ledger.write_audit(actor="ana", action="unmask", account="00ff" * 4, purpose="case 3", detail={"n": 1}, now=NOW)
    ledger.write_audit(actor="ben", action="verify", now=NOW)
    for wrong in ("someone@example.org", "00FF" * 4, "00ff" * 3, "00ff" * 5, "zz" * 8):
        with pytest.raises(IntegrityError, match="audit_account_is_pseudonym") as refused:
            ledger.write_audit(actor="ana", action="unmask", account=wrong, now=NOW)
        assert wrong not in str(refused.value)
    with database.connect() as connection:
        rows = connection.execute(sa.select(schema.audit).order_by(schema.audit.c.id)).all()
    assert [tuple(row) for row in rows] == [
        (1, NOW, "ana", "unmask", "00ff" * 4, "case 3", {"n": 1}),
        (rows[1].id, NOW, "ben", "verify", None, None, {}),
    ]
    assert rows[1].id > 1


# Which run is served


def test_publishing_supersedes_what_was_served_for_that_day_only(ledger: Ledger) -> None:
    """After a second publication for a day the first is superseded, and other days are as they were."""
    other = DAY - dt.timedelta(days=1)
    for run_id, day in (("a", DAY), ("b", other), ("c", DAY)):
        start(ledger, run_id, day=day)
        publish(ledger, run_id)
    assert statuses(ledger) == {"a": "superseded", "b": "published", "c": "published"}
    assert [run.id for run in ledger.publications()] == ["b", "c"]
    for day, served in ((DAY, "c"), (other, "b"), (DAY + dt.timedelta(days=1), None)):
        run = ledger.published(day)
        assert (run and run.id) == served


def test_latest_published_does_not_look_beyond_until(ledger: Ledger) -> None:
    """The latest day is found whatever the order of publication, and `until` includes its own day."""
    assert ledger.latest_published() is None
    for offset in (0, 5, 3):
        start(ledger, f"d{offset}", day=DAY + dt.timedelta(days=offset))
        publish(ledger, f"d{offset}")
    for until, served in ((None, "d5"), (5, "d5"), (4, "d3"), (3, "d3"), (0, "d0"), (-1, None)):
        run = ledger.latest_published(None if until is None else DAY + dt.timedelta(days=until))
        assert (run and run.id) == served


def test_runs_are_listed_newest_first(ledger: Ledger) -> None:
    """`runs` orders by start, then id, and gives no more than it is asked for."""
    for run_id, hours in (("b", 2), ("a", 1), ("c", 2), ("d", 0)):
        start(ledger, run_id, now=NOW + hours * HOUR)
    assert [run.id for run in ledger.runs(3)] == ["c", "b", "a"]


@pytest.mark.parametrize("wrong", [{"directory": None}, {"fingerprint": None}])
def test_a_failure_inside_publish_leaves_the_old_one_served(ledger: Ledger, wrong: dict[str, None]) -> None:
    """When the second statement of publish breaks a rule, the first is undone with it."""
    start(ledger, "old")
    publish(ledger, "old")
    start(ledger, "new")
    with pytest.raises(IntegrityError, match="run_published_whole"):
        publish(ledger, "new", **wrong)
    assert statuses(ledger) == {"old": "published", "new": "running"}


def test_nobody_sees_half_a_publication(ledger: Ledger, ledger_url: str) -> None:
    """A reader on another connection finds exactly one run served for the day, at every moment of many publications."""
    start(ledger, "r00")
    publish(ledger, "r00")
    done = threading.Event()

    def look() -> set[int]:
        counts = set()
        with Ledger.open(ledger_url, lock_timeout_s=5) as reader:
            while not done.is_set():
                counts.add(len(reader.publications()))
        return counts

    with ThreadPoolExecutor() as pool:
        seen = pool.submit(look)
        for number in range(1, 40):
            start(ledger, f"r{number:02}")
            publish(ledger, f"r{number:02}")
        done.set()
        assert seen.result() == {1}


def test_one_run_a_day_is_served_when_writers_race(ledger: Ledger, ledger_url: str) -> None:
    """Four writers that publish for one day at the same moment all succeed, and one of them is served."""
    writers = 4
    for turn in range(5):
        ready = threading.Barrier(writers)

        def write(number: int, turn: int = turn, ready: threading.Barrier = ready) -> None:
            with Ledger.open(ledger_url, lock_timeout_s=20) as writer:
                start(writer, f"{turn}-{number}")
                ready.wait()
                publish(writer, f"{turn}-{number}")

        with ThreadPoolExecutor(writers) as pool:
            list(pool.map(write, range(writers)))
        found = sorted(statuses(ledger).values())
        assert found == ["published"] + ["superseded"] * (writers * (turn + 1) - 1)


def test_the_database_itself_refuses_two_served_runs(ledger: Ledger, database: sa.Engine) -> None:
    """Even a writer that does not come through the door cannot have two published runs for a day."""
    for run_id in ("a", "b"):
        start(ledger, run_id)
        publish(ledger, run_id)
    with pytest.raises(sa.exc.IntegrityError, match="run"), database.begin() as connection:
        connection.execute(sa.update(schema.run).values(status="published"))
    with pytest.raises(sa.exc.IntegrityError, match="run_status_known"), database.begin() as connection:
        connection.execute(sa.update(schema.run).values(status="served"))


# How a run ends


@pytest.mark.parametrize("ending", ["finished", "unchanged", "refused", "failed", "interrupted"])
def test_a_run_ends_once(ledger: Ledger, ending: Any) -> None:
    """An ended run can neither end again nor be published, and what was recorded stays."""
    start(ledger, "a")
    ledger.end_run("a", status=ending, record={"rows": 3}, now=NOW + HOUR)
    ended = ledger.run("a")
    assert ended is not None
    assert (ended.status, ended.record, ended.ended_at) == (ending, {"rows": 3}, NOW + HOUR)
    with pytest.raises(IntegrityError, match=f"found it {ending}"):
        ledger.end_run("a", status="finished", record={}, now=NOW)
    with pytest.raises(IntegrityError, match=f"found it {ending}"):
        publish(ledger, "a")
    assert ledger.run("a") == ended


def test_unknown_and_repeated_runs_are_refused(ledger: Ledger) -> None:
    """Ending or publishing a run that was never started, or starting one twice, is refused and changes nothing."""
    with pytest.raises(IntegrityError, match="found it unknown"):
        ledger.end_run("a", status="finished", record={}, now=NOW)
    with pytest.raises(IntegrityError, match="found it unknown"):
        publish(ledger, "a")
    assert ledger.runs(9) == []
    start(ledger, "a")
    with pytest.raises(IntegrityError, match="keeps the rules"):
        start(ledger, "a", now=NOW + HOUR)
    assert [run.started_at for run in ledger.runs(9)] == [NOW]


def test_only_running_runs_are_interrupted(ledger: Ledger) -> None:
    """interrupt_stale ends what a dead process left running, counts it, and touches nothing else."""
    start(ledger, "served")
    publish(ledger, "served")
    for run_id in ("dead", "dead too"):
        start(ledger, run_id)
    assert ledger.interrupt_stale(NOW + 2 * HOUR) == 2
    assert ledger.interrupt_stale(NOW + 3 * HOUR) == 0
    assert statuses(ledger) == {"served": "published", "dead": "interrupted", "dead too": "interrupted"}
    dead = ledger.run("dead")
    assert dead is not None
    assert dead.ended_at == NOW + 2 * HOUR


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
