"""Every table: one class, its key, columns, units, nulls."""

import datetime as dt

import dataframely as dy
import polars as pl
import pytest

from detector import cases, tables

TABLES = [
    thing
    for thing in vars(tables).values()
    if isinstance(thing, type) and issubclass(thing, dy.Schema) and thing is not dy.Schema
]
EVERY = pytest.mark.parametrize("table", TABLES, ids=[table.__name__ for table in TABLES])
PSEUDONYMS = {"account", "playback", "profile", "device", "title", "address", "network"}
NIGHT = dt.date(2024, 2, 29)


def _scores(**changed: object) -> pl.DataFrame:
    row = {
        "account": 2**64 - 1,
        "day": NIGHT,
        "score": 1.5,
        "status": "scored",
        "p_value": 0.01,
        "rank": 1,
        "model_version": "1",
        "history_days": 28,
    }
    return pl.DataFrame([row | changed], schema=tables.columns(tables.Scores))


@EVERY
def test_every_column_says_what_it_is(table: type[dy.Schema]) -> None:
    """The table has a sentence and each column a description."""
    assert table.__doc__
    for name, column in table.columns().items():
        assert column.description, name


@EVERY
def test_ids_are_u64_and_times_are_utc_milliseconds(table: type[dy.Schema]) -> None:
    """Inside frames there are pseudonyms only, and one clock; the raw rows alone hold ids in clear."""
    for name, dtype in tables.columns(table).items():
        if isinstance(dtype, pl.Datetime):
            assert dtype == tables.UTC_MS, name
        if table is not tables.RawRows:
            assert not name.endswith("_id"), name
            assert name not in ("ip", "title_name", "device_name", "profile_name")
            if name in PSEUDONYMS:
                assert dtype == pl.UInt64, name


@EVERY
def test_an_empty_table_has_its_columns(table: type[dy.Schema]) -> None:
    """No rows are a valid table of the same types."""
    empty = pl.DataFrame(schema=tables.columns(table))
    assert table.is_valid(empty)
    shaped = tables.shape(pl.LazyFrame({"stranger": []}), table).collect()
    assert shaped.equals(empty)
    assert shaped.schema == empty.schema


@EVERY
def test_shape_gives_exactly_the_columns(table: type[dy.Schema]) -> None:
    """Strangers go, absent ones come as null, the order is the table's, whatever the order given."""
    two = tables.shape(pl.LazyFrame({"stranger": ["x", "y"]}), table).collect()
    assert two.schema == pl.Schema(tables.columns(table))
    assert two.rows() == [(None,) * two.width] * 2
    turned = two.select(reversed(two.columns)).with_columns(stranger=1)
    assert tables.shape(turned.lazy(), table).collect().equals(two)


def test_shape_keeps_values_and_rows() -> None:
    """Duplicated rows stay, ids of 64 bits stay, numbers of another width are cast."""
    frame = pl.LazyFrame(
        {"row": [1, 1], "account": [2**64 - 1, None], "file": ["a", "a"]},
        schema_overrides={"account": pl.UInt64, "row": pl.Int8},
    )
    out = tables.shape(frame, tables.Rejects).collect()
    assert out.select("file", "row", "account", "rule").rows() == [("a", 1, 2**64 - 1, None), ("a", 1, None, None)]


def test_shape_does_not_squeeze_a_value_that_does_not_fit() -> None:
    """A negative count is an error, never a huge one."""
    with pytest.raises(pl.exceptions.InvalidOperationError):
        tables.shape(pl.LazyFrame({"rank": [-1]}), tables.Scores).collect()


def test_repaired_playbacks_have_all_that_stored_rows_have() -> None:
    """Repair adds columns and loses none; what a row says of itself goes in from the log unchanged."""
    stored, repaired, raw = (tables.columns(t) for t in (tables.CheckedRows, tables.Playbacks, tables.RawRows))
    assert stored.items() <= repaired.items()
    assert set(repaired) - set(stored) == {"seconds", "stretches", "is_view", "is_bare_view", "is_repeat"}
    assert tables.columns(tables.Playable).items() <= raw.items()


def test_a_score_is_one_row_of_a_known_status() -> None:
    """Each status is allowed, no other is, and a p-value is a share."""
    for status in tables.STATUSES:
        assert tables.Scores.is_valid(_scores(status=status))
    for wrong in ({"status": "fine"}, {"status": None}, {"p_value": 1.5}, {"p_value": -0.1}, {"account": None}):
        assert not tables.Scores.is_valid(_scores(**wrong)), wrong
    assert not tables.Scores.is_valid(pl.concat([_scores(), _scores(score=2.0)]))  # two rows of one account and night
    assert tables.Scores.is_valid(pl.concat([_scores(), _scores(day=NIGHT + dt.timedelta(days=1))]))


def test_an_account_without_a_score_keeps_its_row() -> None:
    """Score, p-value and rank may be missing, the reason may not."""
    assert tables.Scores.is_valid(_scores(score=None, p_value=None, rank=None, status="short history"))


def test_statuses_and_kinds_are_words_of_the_glossary() -> None:
    """They are published: none is renamed, none stands twice."""
    assert tables.STATUSES == ("scored", "short history", "few playbacks", "not seen")
    assert len(set(cases.KINDS)) == 7
    assert {"resale", "household sharing", "loop or automated playback", "account takeover", "ring", "restreaming",
            "unclear"} == set(cases.KINDS)  # fmt: skip


@pytest.mark.parametrize(
    ("column", "right", "wrong"),
    [
        ("country", ["DE", None], ["de", "DEU", "", "D1", "DE\n", "ÄÖ"]),
        ("latitude", [90.0, -90.0, 0.0], [90.1, -91.0, float("inf")]),
        ("longitude", [180.0, -180.0], [180.1, float("-inf")]),
        ("asn", [0, 2**32 - 1], [-1, 2**32]),
        ("accuracy_km", [0, 5, 20_100, None], [-1, 20_101]),
        ("position_start_s", [0, None], [-1]),
        ("title_runtime_s", [1, 10**6], [0, -5, 10**6 + 1]),
        ("plan_streams", [1, 1000], [0, 1001]),
        ("network_kind", [*tables.NETWORK_KINDS, None], ["home", "", "Mobile"]),
        ("title_kind", [*tables.TITLE_KINDS, None], ["film", "MOVIE"]),
        ("interaction", [*tables.STARTED_BY, None], ["", "bot"]),
        ("city", ["São Paulo", "", "x" * 200, "😀", None], ["x" * 201]),
    ],
)  # fmt: skip
def test_what_a_playback_says_of_itself_stays_within_bounds(
    column: str, right: list[object], wrong: list[object]
) -> None:
    """Values on the edge are believed, those past it are not."""

    def valid(value: object) -> bool:
        frame = pl.DataFrame([{column: value}], schema={column: tables.columns(tables.Playable)[column]})
        return tables.Playable.is_valid(tables.shape(frame.lazy(), tables.Playable).collect())

    assert [value for value in right if not valid(value)] == []
    assert [value for value in wrong if valid(value)] == []
