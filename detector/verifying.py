"""The recipe that looks whether everything is as it was written: stored, published, registered, and named anywhere."""

import datetime as dt
from collections.abc import Iterator

from detector import casefiles, corrections, receipts, store
from detector.errors import DetectorError, IntegrityError
from detector.runs import Doors


def verify(doors: Doors) -> tuple[int, list[str]]:
    """How many files were compared with their digests - stored, published, models - and what is wrong with them."""
    checked, problems = doors.home.verify()
    for run in doors.ledger.publications():
        for name, digest in run.manifest.items():
            checked += 1
            try:
                store.checked_bytes(doors.home.home / str(run.directory) / name, digest)
            except DetectorError as error:
                problems.append(str(error))
    models, spoiled = doors.registry().verify()
    return checked + models, problems + spoiled + [
        *receipts.unreadable(doors.home),
        *receipts.lost(doors.home),
        *_replaced_and_gone(doors.home),
        *_missing(doors),
    ]


def _replaced_and_gone(home: store.Store) -> Iterator[str]:
    """Days that were replaced with what is not stored any more, one sentence each."""
    for day, contents in corrections.replaced(home).items():
        around = {name for n in (-1, 0, 1) for name in home.parts("playbacks", day + dt.timedelta(days=n))}
        if not all(corrections.part_of(content, day) in around for content in contents):
            yield f"expected the playbacks that {day} was replaced with, found none; replace it again"


def _missing(doors: Doors) -> Iterator[str]:
    """What the ledger names and is not there, one sentence each."""
    lost: dict[dt.date, list[int]] = {}
    for case in doors.ledger.cases.on_file():
        if case.file_day is not None and not doors.home.parts(casefiles.TABLE, case.file_day):
            lost.setdefault(case.file_day, []).append(case.id)
    for day, numbers in lost.items():
        yield f"expected the case files of {day}, of {len(numbers)} cases, found none; bring them back from a backup"
    yield from lost_models(doors)


def lost_models(doors: Doors) -> Iterator[str]:
    """Models that published nights name and are not there, one sentence each."""
    known = {model.version for model in doors.registry().versions()}
    named = {run.model_version for run in doors.ledger.publications() if run.model_version is not None}
    for version in sorted(named - known):
        yield f"expected model {version}, which published nights name, found none; bring `mlflow` back from a backup"


def refuse_lost_models(doors: Doors) -> None:
    """Nothing where every model that published nights name is there.

    Raises:
        IntegrityError: one is gone, and another would take its number.
    """
    for sentence in lost_models(doors):
        raise IntegrityError(sentence)
