"""The recipe that looks whether everything is as it was written: stored, published, registered, and named anywhere."""

import datetime as dt
from collections.abc import Iterator

from detector import casefiles, corrections, published, receipts, store
from detector.runs import Doors


def verify(doors: Doors) -> tuple[int, list[str]]:
    """How many files were compared with their digests - stored, published, models - and what is wrong with them."""
    checked, problems = doors.home.verify()
    for run in doors.ledger.publications():
        checked += len(run.manifest)
        problems += published.damaged(doors, run)
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
    """Models that published nights name and that are not there, or are others of that number, one sentence each."""
    there = {model.version: model.sha256 for model in doors.registry().versions()}
    named = {(run.model_version, run.record.get("model_sha256")) for run in doors.ledger.publications()}
    gone = {version for version, _ in named if version and version not in there}
    others = {version for version, sha256 in named if version in there and sha256 not in (None, there[version])}
    for version in sorted(gone | others):
        yield (
            f"expected model {version}, which published nights name, found {'none' if version in gone else 'another'}; "
            "bring `mlflow` back from a backup, or, where there is none, `detector train`"
        )
