"""The playback table: its columns and values, as Parquet, CSV and NDJSON."""

import datetime as dt
import json
import math
import zoneinfo
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest

from detector import sources, tables
from detector.errors import InputError, SettingsError
from detector.sources import Options

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
ROW = {"account_id": "a", "title_id": "t", "device_id": "d", "started_at": "2024-05-01T12:00:00Z"}
WRITERS = ("parquet", "csv", "ndjson")


def write(folder: Path, kind: str, rows: list[dict[str, Any]]) -> Path:
    """The rows, all with the same keys and text values, in a file of that kind."""
    path = folder / f"log.{kind}"
    if kind == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    elif kind == "csv":
        pl.DataFrame(rows).write_csv(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path, **options: Any) -> pl.DataFrame:
    return sources.read(path, options=Options(**options))[1].collect()


def read_text(folder: Path, text: str | bytes, name: str = "log.csv", **options: Any) -> pl.DataFrame:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(folder / name, **options)


def column(folder: Path, name: str, values: Any, **further: Any) -> pl.Series:
    """What becomes of one Parquet column beside the required ones."""
    frame = pl.DataFrame({name: values})
    frame = frame.with_columns(pl.lit(v).alias(k) for k, v in (ROW | further).items() if k not in frame.columns)
    frame.write_parquet(folder / "log.parquet")
    return read(folder / "log.parquet")["ended_at" if name == "duration_s" else name]


@pytest.mark.parametrize(
    ("moment", "says"), [(NOON.replace(tzinfo=None), False), (NOON, True), (1714564800, True), (1714564800.5, True)]
)
def test_whether_a_moment_of_a_type_says_its_offset(tmp_path: Path, moment: object, says: bool) -> None:
    """A datetime with a zone does, and seconds since 1970 are those of UTC; a datetime without a zone does not."""
    pl.DataFrame([ROW | {"started_at": moment}]).write_parquet(tmp_path / "log.parquet")
    assert read(tmp_path / "log.parquet")["says_offset"].to_list() == [says]


@pytest.mark.parametrize(
    ("written", "offset_s"),
    [
        ("2024-05-01T14:00:00+02:00", 7_200),
        ("2024-05-01 14:00-0330", -12_600),
        ("2024-05-01T14:00:00.5+14", 50_400),
        ("2024-05-01T14:00:00+00:00", None),
        ("2024-05-01T14:00:00Z", None),
        ("2024-05-01T14:00:00", None),
        ("2024-05-01T14:00:00+15:00", None),
        ("1714564800", None),
        (NOON.astimezone(zoneinfo.ZoneInfo("America/Los_Angeles")), -25_200),
        (NOON, None),
        (NOON.replace(tzinfo=None), None),
        (1714564800, None),
    ],
)
def test_by_which_clock_a_moment_is_written(tmp_path: Path, written: object, offset_s: int | None) -> None:
    """What people live by reaches from twelve hours west of UTC to fourteen east; UTC itself says nothing of them."""
    pl.DataFrame([ROW | {"started_at": written}]).write_parquet(tmp_path / "log.parquet")
    assert read(tmp_path / "log.parquet")["offset_s"].to_list() == [offset_s]


@pytest.mark.parametrize("kind", WRITERS)
def test_every_column_of_the_table_survives(kind: str, tmp_path: Path) -> None:
    """Each optional column comes out under its name and in its type, from each of the three files."""
    given = ROW | {
        "profile_id": "p",
        "playback_id": "k",
        "device_name": "telly",
        "device_type": "tv",
        "ended_at": "2024-05-01T13:00:00Z",
        "position_start_s": "5",
        "position_end_s": "3605",
        "ip": "203.0.113.7",
        "network": "home-isp",
        "asn": "64500",
        "country": "fr",
        "region": "Île",
        "city": "Paris",
        "latitude": "48.5",
        "longitude": "-2.25",
        "accuracy_km": "20",
        "network_kind": "Residential",
        "timezone": "Europe/Paris",
        "title_kind": "MOVIE",
        "title_runtime_s": "5400",
        "title_name": "A Film",
        "interaction": "User",
        "plan_streams": "2",
    }
    (row,) = read(write(tmp_path, kind, [given])).to_dicts()
    assert row == given | {
        "row": 1,
        "started_at": NOON,
        "says_offset": True,
        "offset_s": None,
        "ended_at": NOON + dt.timedelta(hours=1),
        "position_start_s": 5,
        "position_end_s": 3605,
        "asn": 64500,
        "country": "FR",
        "latitude": 48.5,
        "longitude": -2.25,
        "accuracy_km": 20,
        "network_kind": "residential",
        "title_kind": "movie",
        "title_runtime_s": 5400,
        "interaction": "user",
        "plan_streams": 2,
    }


@pytest.mark.parametrize("kind", WRITERS)
def test_rows_keep_their_order_and_are_numbered_from_one(kind: str, tmp_path: Path) -> None:
    """`row` is the number of the data row; further columns, even one called `row`, are ignored."""
    path = write(tmp_path, kind, [ROW | {"playback_id": f"k{i}", "row": "77", "colour": "red"} for i in range(5000)])
    rows = read(path)
    assert rows["row"].to_list() == list(range(1, 5001))
    assert rows["playback_id"].to_list() == [f"k{i}" for i in range(5000)]
    assert rows.columns == list(tables.columns(tables.RawRows))


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2024-05-01T12:00:00Z", NOON),
        ("2024-05-01t12:00:00z", NOON),
        (" 2024-05-01 12:00:00 ", NOON),
        ("2024-05-01 12:00", NOON),
        ("2024-05-01T12:00:00.987654321Z", NOON + dt.timedelta(milliseconds=987)),
        ("2024-05-01T12:00:00.5", NOON + dt.timedelta(milliseconds=500)),
        ("2024-05-01T14:00:00+02:00", NOON),
        ("2024-05-01T14:00+0200", NOON),
        ("2024-05-01 14:00:00 +02", NOON),
        ("2024-05-01T08:30:00.250-03:30", NOON + dt.timedelta(milliseconds=250)),
        ("1714564800", NOON),
        ("1714564800.25", NOON + dt.timedelta(milliseconds=250)),
        ("1714564800250", NOON + dt.timedelta(milliseconds=250)),
        ("1.7145648e9", NOON),
        ("0", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        ("yesterday", None),
        ("2024-05-01", None),
        ("2024-02-30T12:00:00Z", None),
        ("01/05/2024 12:00", None),
        ("12024-05-01T12:00:00Z", None),
        ("1e18", None),
        ("nan", None),
        ("", None),
    ],
)
def test_times_as_text(kind: str, written: str, moment: dt.datetime | None, tmp_path: Path) -> None:
    """ISO text with or without offset, seconds, fraction, and epochs as digits, are that moment in UTC, else null."""
    assert read(write(tmp_path, kind, [ROW | {"started_at": written}]))["started_at"].to_list() == [moment]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([NOON], dtype=pl.Datetime("ns", "UTC")),
        pl.Series([NOON], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone("Asia/Tokyo"),
        pl.Series([NOON.replace(tzinfo=None)], dtype=pl.Datetime("ms")),
        pl.Series([1714564800], dtype=pl.Int64),
        pl.Series([1714564800], dtype=pl.Int32),
        pl.Series([1714564800.0], dtype=pl.Float64),
        pl.Series([1714564800000], dtype=pl.UInt64),
        pl.Series([1714564800000.0], dtype=pl.Float64),
        pl.Series(["2024-05-01T12:00:00Z"], dtype=pl.Categorical),
        pl.Series([b"2024-05-01T12:00:00Z"], dtype=pl.Binary),
    ],
)
def test_times_of_every_type(values: pl.Series, tmp_path: Path) -> None:
    """Datetimes of any unit and zone (naive ones are UTC) and epochs of any number type are the same moment."""
    assert column(tmp_path, "started_at", values).to_list() == [NOON]


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([NOON.date()]),
        pl.Series([dt.time(12)]),
        pl.Series([2**62]).cast(pl.Datetime("us")),
        pl.Series([math.nan, math.inf, 1e300, None]),
        pl.Series([True]),
        pl.Series([None], dtype=pl.Null),
    ],
)
def test_what_is_no_moment_becomes_null(values: pl.Series, tmp_path: Path) -> None:
    """Dates, times of day, moments beyond any calendar and non-numbers do not crash and do not become a time."""
    assert column(tmp_path, "started_at", values).null_count() == len(values)


@pytest.mark.parametrize("kind", WRITERS)
def test_duration_makes_the_end_where_there_is_none(kind: str, tmp_path: Path) -> None:
    """`ended_at` wins where it can be read; `duration_s` stands in where it is blank or cannot; neither is null."""
    ends = [("2024-05-01T12:30:00Z", "60"), ("", "60"), ("soon", "90.5"), ("2024-05-01T12:30:00Z", "x"), (" ", "")]
    rows = [ROW | {"ended_at": end, "duration_s": duration} for end, duration in ends]
    after = (read(write(tmp_path, kind, rows))["ended_at"] - NOON).dt.total_milliseconds().to_list()
    assert after == [1_800_000, 60_000, 90_500, 1_800_000, None]


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([-5.0, math.nan, -math.inf], [-5, -1, -10_000_000_000]),
        (["NaN", "a while", "-3600", "-inf"], [-1, -1, -3600, -10_000_000_000]),
        ([-(2**63)], [-10_000_000_000]),
    ],
)
def test_senseless_duration_ends_before_it_starts(values: list[Any], seconds: list[int], tmp_path: Path) -> None:
    """A duration that is there but negative, NaN or unreadable never looks like a view known by its start only."""
    ended = column(tmp_path, "duration_s", values)
    assert (ended - NOON).dt.total_seconds().to_list() == seconds


@pytest.mark.parametrize("huge", [1e18, math.inf, 1e300, 10**18, "1e18", "inf"])
def test_huge_duration_stays_huge(huge: Any, tmp_path: Path) -> None:
    """1e18 seconds do not overflow: the row lasts about 300 years, longer than any setting of longest_s allows."""
    (ended,) = column(tmp_path, "duration_s", [huge])
    assert ended - NOON == dt.timedelta(seconds=10_000_000_000)


def test_unreadable_end_without_duration_ends_before_it_starts(tmp_path: Path) -> None:
    """An end that is there but cannot be read does not become a row without an end."""
    ended = column(tmp_path, "ended_at", ["later", None, "", "9999-12-31T23:59:59Z"])
    assert ended.to_list() == [NOON - dt.timedelta(seconds=1), None, None, NOON - dt.timedelta(seconds=1)]


def test_duration_as_a_span_of_time(tmp_path: Path) -> None:
    """A Parquet duration column counts as its length."""
    (ended,) = column(tmp_path, "duration_s", [dt.timedelta(minutes=2, milliseconds=5)])
    assert ended - NOON == dt.timedelta(minutes=2, milliseconds=5)


ODD_IDS = [
    "🦉👨‍👩‍👧",
    "x" * 10_240,
    "\u202eright-to-left",
    "=1+1",
    "<b>",
    "nul\0byte",
    " padded ",
    "'; DROP TABLE x;--",
]


@pytest.mark.parametrize("kind", WRITERS)
def test_ids_are_kept_as_they_stand(kind: str, tmp_path: Path) -> None:
    """Emoji, 10 kB, right-to-left marks, NUL, formulas, markup and blanks around an id are not touched."""
    rows = read(write(tmp_path, kind, [ROW | {"account_id": odd, "title_name": odd} for odd in ODD_IDS]))
    assert rows["account_id"].to_list() == ODD_IDS
    assert rows["title_name"].to_list() == ODD_IDS


@pytest.mark.parametrize("kind", WRITERS)
def test_blank_text_is_null(kind: str, tmp_path: Path) -> None:
    """Empty text and blanks are null, in ids as elsewhere."""
    rows = read(write(tmp_path, kind, [ROW | {"account_id": "", "device_id": " \t", "country": "  ", "asn": ""}]))
    assert rows.select("account_id", "device_id", "country", "asn").row(0) == (None, None, None, None)


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (pl.Series([7, 2**63], dtype=pl.UInt64), ["7", "9223372036854775808"]),
        (pl.Series([7.0, math.nan, None, 7.5]), ["7", None, None, "7.5"]),
        (pl.Series(["x", "y"], dtype=pl.Categorical), ["x", "y"]),
        (pl.Series(["x"], dtype=pl.Enum(["x", "y"])), ["x"]),
        (pl.Series([b"x", b"\xff", None], dtype=pl.Binary), ["x", "\ufffd", None]),
        (pl.Series([dt.timedelta(1)]), [None]),
    ],
)
def test_ids_of_other_types_become_text(values: pl.Series, ids: list[str | None], tmp_path: Path) -> None:
    """Integers, floats that hold integers, categories, enums and bytes are ids too."""
    assert column(tmp_path, "title_id", values).to_list() == ids


def test_places_that_are_no_number_are_null(tmp_path: Path) -> None:
    """NaN latitudes and longitudes are null; impossible ones stay, for the rules to reject."""
    assert column(tmp_path, "latitude", [math.nan, None, 91.0]).to_list() == [None, None, 91.0]
    assert column(tmp_path, "longitude", ["NaN", "west", "-181"]).to_list() == [None, None, -181.0]


def test_numbers_are_rounded_down_and_nonsense_is_null(tmp_path: Path) -> None:
    """Whole-number columns take floats and text; a negative stays, for the rules to reject."""
    values = column(tmp_path, "position_end_s", ["12.9", "-3", "NaN", "inf", "1e30", "many"])
    assert values.to_list() == [12, -3, None, None, None, None]
    assert column(tmp_path, "position_end_s", [12.9, math.nan, -math.inf]).to_list() == [12, None, None]


@pytest.mark.parametrize("kind", WRITERS)
def test_columns_are_renamed_by_the_configuration(kind: str, tmp_path: Path) -> None:
    """`[source.columns]` maps our names to theirs, and wins over a column that has our name already."""
    row = {"user's [id]": "u", "wann": "1714564800", "title_id": "t", "account_id": "not this"}
    columns = {"account_id": "user's [id]", "started_at": "wann"}
    rows = read(write(tmp_path, kind, [row]), columns=columns)
    assert rows.select("account_id", "started_at", "title_id").row(0) == ("u", NOON, "t")


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
def test_columns_that_are_named_make_it_a_table(kind: str, tmp_path: Path) -> None:
    """Whatever other format has columns of these names: the configuration says what they are."""
    row = {
        "account_id": "a", "device_id": "tv", "ip_address": "203.0.113.5", "device_type": "tv",
        "start_time": "2024-05-01T20:00:00", "end_time": "2024-05-01T21:30:00", "title_id": "film", "country": "FR",
    }  # fmt: skip
    path = tmp_path / f"log.{kind}"
    match kind:
        case "csv":
            log_samples.as_csv(path, [row])
        case "ndjson":
            log_samples.as_ndjson(path, [row])
        case _:
            pl.DataFrame([row]).write_parquet(path)
    columns = {"started_at": "start_time", "ended_at": "end_time", "ip": "ip_address"}
    (read_row,) = read(path, columns=columns).to_dicts()
    assert (read_row["title_id"], read_row["country"], read_row["ip"]) == ("film", "FR", "203.0.113.5")


@pytest.mark.parametrize(
    ("format", "columns"),
    [
        ("streamystats", {"account_id": "user_id"}),
        ("netflix", {"title_id": "Title"}),
        ("vendor", {"ip": "ip_address"}),
        ("tracearr", {"account_id": "server_user_id"}),
        ("tracearr", {"title_id": "rating_key"}),
    ],
)
def test_columns_that_are_named_for_one_file_leave_others_as_they_are(
    format: str, columns: dict[str, str], tmp_path: Path
) -> None:
    """They say nothing of a file unless they say of it when a playback began."""
    path = log_samples.write(tmp_path, format, "csv")
    assert sources.read(path, options=Options(account="home", columns=columns))[0] == format


@pytest.mark.parametrize("code", ["ZZ", "xx", "T1"])
def test_codes_of_no_country_are_null(code: str, tmp_path: Path) -> None:
    """Not known is not abroad."""
    assert read(log_samples.write(tmp_path, "csv", "csv", {"country": code}))["country"].to_list() == [None]


def test_a_renamed_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A misspelt mapping is not silently a missing column; an unknown name of ours is a settings error."""
    path = write(tmp_path, "csv", [ROW])
    with pytest.raises(InputError, match=r"expected usr \(for profile_id\)"):
        read(path, columns={"profile_id": "usr"})
    with pytest.raises(SettingsError, match="acount_id"):
        read(path, columns={"acount_id": "user"})


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        (["account_id"], "account_id (or --account NAME)"),
        (["started_at"], "started_at"),
        (["title_id", "device_id"], "title_id or device_id"),
        (["account_id", "started_at"], "account_id (or --account NAME) and started_at"),
    ],
)
def test_missing_columns_are_named_with_those_found(kind: str, left_out: list[str], named: str, tmp_path: Path) -> None:
    """The refusal names what is missing, what was found, and the place in the configuration that helps."""
    row = {k: v for k, v in (ROW | {"watcher": "w"}).items() if k not in left_out}
    with pytest.raises(InputError, match="expected") as refusal:
        read(write(tmp_path, kind, [row]))
    assert f"expected {named} in" in str(refusal.value)
    assert f"found {', '.join(row)}; " in str(refusal.value)
    assert "[source.columns]" in str(refusal.value)


def test_the_first_row_of_a_file_without_header_is_not_quoted(tmp_path: Path) -> None:
    """A refusal lists column names, but never a data row that stands in their place: it holds ids and titles."""
    with pytest.raises(InputError, match="no line of column names") as refusal:
        read_text(tmp_path, "secret-account,Secret Film,2024-05-01T12:00:00Z\n")
    assert "ecret" not in str(refusal.value)


@pytest.mark.parametrize("names", ["title_id", "device_id", "device_name"])
def test_one_of_title_and_device_is_enough(names: str, tmp_path: Path) -> None:
    """A title, a device or a device's name makes a row; the account may be given at ingest."""
    rows = read_text(tmp_path, f"{names},started_at\nx,1714564800\n", account="home")
    assert rows.select("account_id", names).row(0) == ("home", "x")


def test_the_account_given_at_ingest_does_not_fill_gaps(tmp_path: Path) -> None:
    """Where the file has accounts, a row without one stays without: it is nobody's, not `--account`'s."""
    rows = read_text(tmp_path, "account_id,title_id,started_at\na,t,0\n,t,0\n", account="home")
    assert rows["account_id"].to_list() == ["a", None]


def test_a_column_of_lists_is_refused_by_name(tmp_path: Path) -> None:
    """A column that holds several values a row was retyped: the refusal names it; unused ones may be anything."""
    with pytest.raises(InputError, match="column device_id"):
        column(tmp_path, "device_id", [["a", "b"]])
    assert column(tmp_path, "title_id", ["t"], tags=["x"]).to_list() == ["t"]
