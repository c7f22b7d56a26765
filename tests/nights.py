"""Nights of a small service, as tests run them."""

import datetime as dt
from pathlib import Path

from support import TRAINED_UNTIL, clock

from detector import config
from detector.ingesting import ingest
from detector.nightly import Night, night
from detector.runs import Doors

FIRST_NIGHT = TRAINED_UNTIL + dt.timedelta(days=1)


def log_of(service: Path, first: dt.date, last: dt.date) -> list[str]:
    files = sorted((service / "playbacks").iterdir())
    return [str(file) for file in files if str(first) <= file.stem <= str(last)]


def take_in(doors: Doors, service: Path, first: dt.date, last: dt.date, settings: config.Settings) -> None:
    list(ingest(log_of(service, first, last), into=doors.home, keys=doors.keys, settings=settings, now=clock()))


def run_night(doors: Doors, day: dt.date, settings: config.Settings, rebuild_since: dt.date | None = None) -> Night:
    return night(doors, day, settings=settings, clock=clock, rebuild_since=rebuild_since)


def published_days(doors: Doors) -> list[dt.date | None]:
    return [run.day for run in doors.ledger.publications()]
