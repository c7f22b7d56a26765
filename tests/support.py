"""What tests share."""

import datetime as dt

# A service that lived for two months, small enough for seconds and large enough to learn from by itself.
LAST_DAY = dt.date(2025, 6, 30)
TRAINED_UNTIL = LAST_DAY - dt.timedelta(days=10)
KEY = "5a" * 32
PASSWORD = "correct horse battery staple"
QUICK = {"DETECTOR_MODEL__TREES": "20", "DETECTOR_MODEL__SAMPLES": "128"}


def clock() -> dt.datetime:
    """A moment after the last day has closed everywhere."""
    return dt.datetime(2025, 7, 2, 6, tzinfo=dt.UTC)


def at(text: str) -> dt.datetime:
    """A moment of UTC: `2025-06-10 20:00`."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
