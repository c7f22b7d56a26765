"""What can be said of a case."""

import datetime as dt

import pytest

from detector.cases import Case, Verdict
from detector.errors import SettingsError

NOW = dt.datetime(2025, 6, 30, 9, tzinfo=dt.UTC)
DAY = dt.date(2025, 6, 28)
CASE = Case(
    1, "00" * 8, "flag", "open", NOW, DAY, DAY, 1, "r1", "resale", 5.0, "groups", promised_share=None, assignee=None
)  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "guilty"},
        {"outcome": "confirmed", "kind": "theft"},
        {"outcome": "false alarm", "kind": "resale"},
        {"outcome": "undecided", "kind": "resale"},
        {"outcome": "confirmed", "response": "arrest"},
        {"outcome": "false alarm", "response": "message"},
        {"outcome": "confirmed", "cause": "a child"},
    ],
)
def test_a_verdict_that_contradicts_itself_is_refused(said: dict[str, str]) -> None:
    """Kinds go with confirmations, causes with false alarms."""
    with pytest.raises(SettingsError, match="expected"):
        Verdict(**said)  # type: ignore[arg-type]
