"""Whether the playbacks that show a reason fit an innocent cause."""

import datetime as dt

import polars as pl
import pytest

from detector import tables
from detector.innocence import fit_of_loops

EVENING = dt.datetime(2025, 6, 1, 20, tzinfo=dt.UTC)


def _fit(rows: list[dict[str, object]]) -> str:
    written = [
        {"account": 1, "playback": n, "started_at": EVENING + dt.timedelta(days=n), "utc_offset_s": 0} | row
        for n, row in enumerate(rows)
    ]
    columns = {name: tables.columns(tables.Playbacks)[name] for name in
               ("account", "playback", "device", "address", "network", "country", "region", "network_kind",
               "started_at", "utc_offset_s")}  # fmt: skip
    playbacks = pl.DataFrame([{name: row.get(name) for name in columns} for row in written], schema=columns)
    evidence = pl.DataFrame(
        {"account": [1], "evidence": [[row["playback"] for row in written if "unrelated" not in row]]},
        schema={"account": pl.UInt64, "evidence": pl.List(pl.UInt64)},
    )
    return str(fit_of_loops(playbacks, evidence)["fit"].item())


HOME = {"device": 1, "address": 1}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([HOME] * 28, "the data fit a child's favourite"),
        ([HOME] * 28 + [{"device": n, "address": n, "unrelated": True} for n in range(9)], "the data fit"),
        ([{"device": n % 5, "address": 1} for n in range(28)], "hardly fit"),
        ([{"device": 1, "address": n % 5} for n in range(28)], "hardly fit"),
        ([HOME | {"started_at": EVENING + dt.timedelta(hours=n)} for n in range(28)], "hardly fit"),
        ([{}] * 28, "the data fit"),
        (
            [{"device": 1, "address": n, "network": n, "country": "DE", "region": "BE"} for n in range(28)],
            "the data fit",
        ),
        ([{"device": 1, "address": n, "country": "DE", "region": str(n % 5)} for n in range(28)], "hardly fit"),
    ],
)
def test_a_loop_on_one_screen_at_the_same_hours_fits_a_habit(rows: list[dict[str, object]], said: str) -> None:
    """Many screens, many places or all hours do not; a home whose address changes is one place; what is not known, and
    other playbacks, speak neither way."""
    assert said in _fit(rows)


def test_hours_are_those_of_the_local_clock() -> None:
    """A traveller who falls asleep at ten in each zone is one habit."""
    hours = [{"started_at": EVENING - dt.timedelta(hours=n), "utc_offset_s": 3600 * n} | HOME for n in range(12)]
    assert "1 places and 1 hours" in _fit(hours)


def test_accounts_without_such_playbacks_have_no_row() -> None:
    """Nothing is said of them."""
    none = pl.DataFrame(schema=tables.columns(tables.Playbacks))
    evidence = pl.DataFrame(schema={"account": pl.UInt64, "evidence": pl.List(pl.UInt64)})
    assert fit_of_loops(none, evidence).is_empty()
