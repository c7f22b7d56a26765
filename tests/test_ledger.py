"""The state database keeps its promises, on SQLite and on PostgreSQL."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from detector.errors import IntegrityError
from detector.ledger import Ledger, Run, schema

NOW = dt.datetime(2026, 3, 1, 4, 5, 6, 789012, tzinfo=dt.UTC)
DAY = dt.date(2026, 2, 27)
HOUR = dt.timedelta(hours=1)


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


def test_the_latest_published_is_that_of_the_latest_day(ledger: Ledger) -> None:
    """Whatever the order of publication."""
    assert ledger.latest_published() is None
    for run_id, offset in (("b", 0), ("a", 5), ("c", 3)):
        start(ledger, run_id, day=DAY + dt.timedelta(days=offset))
        publish(ledger, run_id)
    run = ledger.latest_published()
    assert run is not None
    assert run.id == "a"


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
