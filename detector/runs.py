"""A run: alone in its home, and on record from its start to its end."""

import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from detector import config, identity, store
from detector.errors import BusyError, DetectorError, IntegrityError
from detector.ledger import Ending, Ledger, sqlite_url
from detector.store import Store

if TYPE_CHECKING:
    from detector.registry import Registry

_LEAST_BYTES = 100  # the header of an SQLite file
_PUBLISHED = "runs"  # the folder of what nights published


@dataclass(frozen=True)
class Doors:
    """What a run reaches the world through."""

    home: Store
    ledger: Ledger
    keys: identity.Keys
    registry: "Callable[[], Registry]"


@contextmanager
def open_doors(home: Path, settings: config.Settings, key_file: Path | None = None) -> Iterator[Doors]:
    """The doors of a home, which is made where it is missing.

    Raises:
        SettingsError: the home can not be made or written, or was made with another key.
        IntegrityError: a home that has been used has lost a key or its state database.
        BusyError: the state database stays locked or away.
    """
    opened = store.open_home(home)
    keys = identity.load_keys(
        home, key_file, made_with=_key_of(opened, "playbacks"), sealed_with=_key_of(opened, "sealed")
    )
    embedded = home / "ledger.db"
    is_there = embedded.exists() and embedded.stat().st_size >= _LEAST_BYTES
    if not settings.state.database_url and not is_there and (home / _PUBLISHED).exists():
        raise IntegrityError(
            f"expected the state database of {home} in {embedded}, found none or an empty one, though nights were "
            "published; bring it back from a backup: cases, verdicts and who looked stand there alone"
        )
    url = settings.state.database_url or sqlite_url(embedded.absolute())

    def registry() -> "Registry":
        from detector.registry import Registry  # noqa: PLC0415 - seconds that most commands need not spend

        return Registry(home)

    with Ledger.open(url, lock_timeout_s=settings.state.lock_timeout_s) as ledger:
        yield Doors(opened, ledger, keys, registry)


def _key_of(home: Store, table: str) -> str | None:
    """The id of the key that the latest partition of a table was written under; None: there is none, or an older
    program wrote it and did not say."""
    for date in reversed(home.partitions(table)):
        for part in home.parts(table, date).values():
            return part.notes.get("key_id")
    return None


@contextmanager
def only_run(home: Path) -> Iterator[None]:
    """Hold the lock of a home.

    Raises:
        BusyError: another run holds it.
    """
    lock = filelock.FileLock(home / "lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BusyError(
            f"expected {home} to be free, found another run at work there; try again when it ends"
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def on_record(
    doors: Doors, command: str, *, day: dt.date | None, clock: Callable[[], dt.datetime]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A run from its start to its end on record, under the lock: its id, and a record to write into.

    A run that publishes has ended by then; else it ends as finished, refused, interrupted or failed.
    """
    with only_run(doors.home.home):
        started = clock()
        doors.ledger.interrupt_stale(started)
        run_id = f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        doors.ledger.start_run(run_id, command=command, day=day, key_id=doors.keys.key_id, now=started)
        record: dict[str, Any] = {}
        try:
            yield run_id, record
        except BaseException as error:
            with suppress(DetectorError):  # what went wrong first is what has to be said
                run = doors.ledger.run(run_id)
                if run is not None and run.status == "running":
                    # Messages may name paths, never ids or titles; of what is unforeseen, only the kind is kept.
                    said = str(error) if isinstance(error, DetectorError) else type(error).__name__
                    doors.ledger.end_run(run_id, status=_ending(error), record=record | {"ended_by": said}, now=clock())
            raise
        run = doors.ledger.run(run_id)
        if run is not None and run.status == "running":
            ending: Ending = "unchanged" if record.get("unchanged") else "finished"
            doors.ledger.end_run(run_id, status=ending, record=record, now=clock())


def _ending(error: BaseException) -> Ending:
    if isinstance(error, DetectorError):
        return "refused"
    return "failed" if isinstance(error, Exception) else "interrupted"
