"""Since when an account has looked as it does."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest

from detector import config, features, model, onset, spans, tables
from detector.days import Day
from detector.features import Window
from detector.neighbours import Neighbours

DAY = dt.date(2025, 6, 30)
SETTINGS = config.load(environ={}).settings
HUBS = Neighbours.none().hubs


def _year(rows: Iterable[Mapping[str, Any]]) -> Day:
    """Account-days; each has one title on one device at one address."""
    days, titles, visits = [], [], []
    for row in rows:
        key = {"account": row["account"], "day": row["day"], "plays": row.get("plays", 1), "views": 1}
        days.append(key | {"hours": 1 << 20, "rest_h": 20, "longest_streak_days": row["streak"]})
        titles.append(key | {"title": row["title"], "streak_days": row["streak"]})
        visits.append(key | {"device": row["account"], "address": row["account"], "utc_hours": 1 << 20})
    parts = ((days, tables.AccountDays), (titles, tables.TitleDays), (visits, tables.Visits))
    return Day(
        *(
            pl.DataFrame(
                [
                    {name: row.get(name, 0 if name in _COUNTS else None) for name in tables.columns(table)}
                    for row in said
                ],
                schema=tables.columns(table),
            )
            for said, table in parts
        )
    )


_COUNTS = ("starts_known", "starts_by_person", "hours", "utc_hours")


def _people(account: int, days: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Something else on about every other evening."""
    ago = np.flatnonzero(rng.random(days) < 0.5)
    return [
        {"account": account, "day": DAY - dt.timedelta(days=int(n)), "title": int(rng.integers(1_000)), "streak": 1}
        for n in ago
    ]


def _looper(days: int) -> list[dict[str, Any]]:
    """One title on each of the last so many days."""
    return [
        {"account": 0, "day": DAY - dt.timedelta(days=ago), "title": 7, "streak": days - ago} for ago in range(days)
    ]


@pytest.fixture(scope="module")
def fitted() -> model.AccountModel:
    rng = np.random.default_rng(1)
    year = _year(row for account in range(1, 301) for row in _people(account, 60, rng))
    window = SETTINGS.window
    seen = pl.col("day") > DAY - dt.timedelta(days=window.days)
    span = spans.fold(year.account_days.lazy(), spans.by_context(year.visits).lazy())
    whole = Day(*(part.filter(seen) for part in (year.account_days, year.titles, year.visits)))
    contexts, alone = spans.by_context(whole.visits), Neighbours.none()
    built = features.build_features(Window.of(whole, contexts, span, alone, day=DAY, length_days=window.days))
    small = SETTINGS.model.model_copy(update={"trees": 20, "samples": 128})
    return model.fit(built, features.CATALOGUE, small)


def _line(fitted: model.AccountModel) -> float:
    """As high as the highest of the held-out ordinary accounts."""
    return float(fitted.calibration_[-1])


def test_a_streak_began_in_the_week_in_which_it_grew_long(fitted: model.AccountModel) -> None:
    """Of 100 days of one film after 200 ordinary ones, weeks back to near its beginning would have been flagged, and
    none before it."""
    before = [
        row | {"account": 0}
        for row in _people(1, 300, np.random.default_rng(2))
        if row["day"] <= DAY - dt.timedelta(days=100)
    ]
    found = onset.since(
        _year([*_looper(100), *before]), fitted, HUBS, line=_line(fitted), day=DAY, settings=SETTINGS.window
    )
    assert found is not None
    assert dt.timedelta(days=60) < DAY - found < dt.timedelta(days=100)
    assert (DAY - found).days % 7 == 0


def test_what_is_new_this_week_is_since_this_week(fitted: model.AccountModel) -> None:
    found = onset.since(_year(_looper(15)), fitted, HUBS, line=_line(fitted), day=DAY, settings=SETTINGS.window)
    assert found == DAY


@pytest.mark.parametrize(
    ("every", "days", "plays", "weeks"),
    [
        (1, 30, 5, 2),  # 9 days and 45 playbacks three weeks ago
        (5, 61, 1, 2),  # 40 days and 8 playbacks three weeks ago
    ],
)
def test_a_look_back_on_too_little_ends_the_search(
    fitted: model.AccountModel, every: int, days: int, plays: int, weeks: int
) -> None:
    """Under 14 days, or 10 playbacks, nobody has a score."""
    rows = [row | {"plays": plays} for row in _looper(days)[::every]]
    found = onset.since(_year(rows), fitted, HUBS, line=0, day=DAY, settings=SETTINGS.window)
    assert found == DAY - dt.timedelta(weeks=weeks)


def test_a_week_in_which_nothing_was_seen_ends_the_search(fitted: model.AccountModel) -> None:
    """What was there before it is another story, however odd: five weeks ago four weeks had been empty."""
    before = [row | {"day": row["day"] - dt.timedelta(days=70)} for row in _looper(80)]
    found = onset.since(
        _year([*_looper(30), *before]), fitted, HUBS, line=_line(fitted), day=DAY, settings=SETTINGS.window
    )
    assert found == DAY - dt.timedelta(weeks=4)


def test_an_account_below_the_line_has_no_beginning(fitted: model.AccountModel) -> None:
    rows = [row | {"account": 0} for row in _people(1, 300, np.random.default_rng(3))]
    assert onset.since(_year(rows), fitted, HUBS, line=1e9, day=DAY, settings=SETTINGS.window) is None


def test_looks_end_with_half_a_year(fitted: model.AccountModel) -> None:
    found = onset.since(_year(_looper(365)), fitted, HUBS, line=_line(fitted), day=DAY, settings=SETTINGS.window)
    assert found == DAY - dt.timedelta(weeks=25)


def test_the_first_look_is_the_night_itself(fitted: model.AccountModel) -> None:
    """The same account-days score the same, looked back on or scored by a night."""
    year = _year(_looper(40))
    window = SETTINGS.window
    span = spans.fold(year.account_days.lazy(), spans.by_context(year.visits).lazy())
    seen = pl.col("day") > DAY - dt.timedelta(days=window.days)
    whole = Day(*(part.filter(seen) for part in (year.account_days, year.titles, year.visits)))
    contexts, alone = spans.by_context(whole.visits), Neighbours.none()
    built = features.build_features(Window.of(whole, contexts, span, alone, day=DAY, length_days=window.days))
    score = model.score(fitted, built)["score"][0]
    assert onset.since(year, fitted, HUBS, line=score, day=DAY, settings=window) is not None
    assert onset.since(year, fitted, HUBS, line=score * 1.001, day=DAY, settings=window) is None
