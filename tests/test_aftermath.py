"""What came of a confirmed case is told by the nights after it, and by nothing else."""

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest

from detector.aftermath import NIGHTS, LaterNight, came_of, follow
from detector.cases import Case

DAY = dt.date(2025, 6, 28)
NOW = dt.datetime(2025, 6, 28, 9, tzinfo=dt.UTC)
CONFIRMED = Case(
    7, f"{7:016x}", "flag", "decided", NOW, DAY, DAY, 1, "r1", "resale", 5.0, "groups", promised_share=None,
    assignee=None, outcome="confirmed", verdict_kind="resale", decided_at=NOW, decided_by="ana",
)  # fmt: skip
SCORES = pl.DataFrame(
    {"account": [7, 8, 9], "p_value": [0.004, 0.5, None]},
    schema={"account": pl.UInt64, "p_value": pl.Float64},
)


def _nights(over: str) -> list[LaterNight]:
    return [LaterNight(7, DAY + dt.timedelta(days=n), 0.5, sign == "x") for n, sign in enumerate(over)]


@pytest.mark.parametrize(
    ("over", "came"),
    [
        ("", "unknown"),
        ("." * (NIGHTS - 1), "unknown"),
        ("." * NIGHTS, "stopped"),
        ("x" + "." * NIGHTS, "stopped"),
        ("." * NIGHTS + "x", "goes on"),
        ("x", "goes on"),
    ],
)
def test_the_last_nights_that_saw_the_account_tell(over: str, came: str) -> None:
    """Ordinary on all of them: stopped; extreme on one: it goes on; too few of them: nobody knows."""
    assert came_of(_nights(over)) == came


def test_confirmed_accounts_that_a_later_night_saw_are_followed() -> None:
    """Not on the day of the verdict, not for ever, not where nothing was seen or a contest overturned it."""
    tomorrow = DAY + dt.timedelta(days=1)
    unseen = replace(CONFIRMED, id=9, account=f"{9:016x}")
    innocent = replace(CONFIRMED, id=8, account=f"{8:016x}", outcome="false alarm")
    (night,) = follow([CONFIRMED, unseen, innocent], SCORES, day=tomorrow, capacity_share=0.01, least_p_value=1e-3)
    assert night == LaterNight(7, tomorrow, 0.004, over_line=True)
    few, many = (
        follow([CONFIRMED], SCORES, day=tomorrow, capacity_share=0.001, least_p_value=least) for least in (0.004, 1e-4)
    )
    assert (few[0].over_line, many[0].over_line) == (True, False)  # 250 held-out accounts tell no less than .004
    overturned = replace(CONFIRMED, contest="overturned")
    for decided, day in ((CONFIRMED, DAY), (CONFIRMED, DAY + dt.timedelta(days=120)), (overturned, tomorrow)):
        assert follow([decided], SCORES, day=day, capacity_share=0.01, least_p_value=1e-3) == []
