"""Where devices live, and where they are on visits."""

import datetime as dt
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from detector import tables
from detector.features._homes import homes_lived_in
from detector.features._ties import on_one_line

FIRST = dt.date(2025, 1, 1)
NO_HUBS = pl.Series([], dtype=pl.UInt64)


def _stays(seed: int, accounts: int = 60) -> pl.DataFrame:
    """Some stays of two devices each on a few lines, from one day to months, with few or many plays."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "account": account,
            "device": 10 * account + device,
            "address": 100 * account + int(address),
            "first_day": FIRST + dt.timedelta(days=int(begins)),
            "last_day": FIRST + dt.timedelta(days=int(begins + lasts)),
            "plays": int(plays),
        }
        for account in range(1, accounts)
        for device in (1, 2)
        for address, begins, lasts, plays in zip(
            rng.choice(6, 4, replace=False) + 10 * device,
            rng.integers(0, 120, 4),
            rng.choice([0, 0, 1, 5, 30, 90], 4),
            rng.choice([1, 2, 6, 12, 60], 4),
            strict=True,
        )
    ]
    return tables.shape(pl.LazyFrame(rows), tables.SpanLines).collect()


def _found(year: pl.DataFrame) -> pl.DataFrame:
    homes = homes_lived_in(year, NO_HUBS, on_one_line(year, NO_HUBS))
    return homes.drop("group").sort(pl.all())


def _lived_plays(year: pl.DataFrame) -> dict[int, int]:
    """By account, the plays on lines that a device lives on, told stay by stay as it is written."""
    found: dict[int, int] = {}
    rows = year.to_dicts()
    for stay in rows:
        meanwhile = Fraction(0)
        for other in (row for row in rows if row["device"] == stay["device"]):
            first, last = max(stay["first_day"], other["first_day"]), min(stay["last_day"], other["last_day"])
            days = (other["last_day"] - other["first_day"]).days + 1
            meanwhile += Fraction(other["plays"] * max(0, (last - first).days + 1), days)
        if 3 * stay["plays"] >= meanwhile:
            found[stay["account"]] = found.get(stay["account"], 0) + stay["plays"]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_device_lives_where_it_plays_a_third_of_what_it_plays_meanwhile(seed: int) -> None:
    """Running sums over all devices give what is told of each stay by itself; some are visits."""
    year = _stays(seed)
    found = _found(year).group_by("account").agg(pl.col("plays").sum())
    assert dict(found.rows()) == _lived_plays(year)
    assert found["plays"].sum() < year["plays"].sum()


def test_neither_order_of_rows_nor_other_accounts_change_who_lives_where() -> None:
    """Nor where a stay has just a third, as the numbers here often do."""
    year = _stays(seed=7)
    shuffled = year.sample(fraction=1, shuffle=True, seed=1)
    assert _found(shuffled).equals(_found(year))
    parts = [_found(year.filter(pl.col("account") % 5 == part)) for part in range(5)]
    assert pl.concat(parts).sort(pl.all()).equals(_found(year))
