"""What is believed of a log's rows, and which local day a row belongs to."""

import datetime as dt
import math
import zoneinfo
from typing import Any

import polars as pl
import pytest
from support import at

from detector import config, identity, playbacks, tables

NOW = dt.datetime(2025, 7, 1, 12, tzinfo=dt.UTC)
SETTINGS = config.load().settings
KEYS = identity.Keys("5a" * 32, bytes(32))
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def raw(*rows: dict[str, Any]) -> pl.LazyFrame:
    """A log; each row is a believable one but for what is said of it."""
    believable = {"account_id": "anna", "title_id": "film", "started_at": at("2025-06-10 20:00")}
    schema = tables.columns(tables.RawRows)
    full = [{**dict.fromkeys(schema), **believable, "row": n, **row} for n, row in enumerate(rows, 1)]
    return pl.LazyFrame(full, schema=schema)


def check(log: pl.LazyFrame, *, zone: str = "", settings: config.Settings = SETTINGS) -> playbacks.Checked:
    return playbacks.check(log, file="log.csv", now=NOW, zone=zone, keys=KEYS, settings=settings)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"started_at": at("1999-12-31 23:59:59.999")}, "started_before_earliest"),
    ({"started_at": NOW + DAY + dt.timedelta(milliseconds=1)}, "starts_in_the_future"),
    ({"ended_at": at("2025-06-10 19:59:59.999")}, "ends_before_it_starts"),
    ({"ended_at": at("2025-06-17 20:00:00.001")}, "lasts_too_long"),
    ({"title_id": None}, "neither_title_nor_device"),
    ({"title_id": None, "title_name": "A Film"}, "neither_title_nor_device"),
    ({"timezone": "Mars/Olympus_Mons"}, "unknown_timezone"),
    ({"timezone": "europe/paris"}, "unknown_timezone"),
    ({"timezone": ""}, "unknown_timezone"),
    ({"timezone": "localtime"}, "unknown_timezone"),
    ({"account_id": "jos\ufffd"}, "id_is_not_utf8"),
    ({"title_id": "caf\ufffd"}, "id_is_not_utf8"),
    ({"profile_id": "\ufffd"}, "id_is_not_utf8"),
    ({"account_id": None}, "account_id is missing or can not be read"),
    ({"account_id": ""}, "account_id is empty"),
    ({"account_id": "x" * 10_001}, "account_id is longer than can be"),
    ({"started_at": None}, "started_at is missing or can not be read"),
    ({"latitude": 90.5, "longitude": 0.0}, "latitude is higher than can be"),
    ({"longitude": -180.5, "latitude": 0.0}, "longitude is lower than can be"),
    ({"country": "br"}, "country is not written as the playback table wants it"),
    ({"title_kind": "vhs"}, "title_kind is none of the words that the playback table knows"),
    ({"network_kind": "pigeon"}, "network_kind is none of the words that the playback table knows"),
    ({"interaction": "cat"}, "interaction is none of the words that the playback table knows"),
    ({"title_runtime_s": 0}, "title_runtime_s is lower than can be"),
    ({"position_start_s": -1}, "position_start_s is lower than can be"),
    ({"plan_streams": 0}, "plan_streams is lower than can be"),
    ({"asn": 2**32}, "asn is higher than can be"),
]


@pytest.mark.parametrize(("wrong", "rule"), BROKEN, ids=[f"{rule}-{n}" for n, (_, rule) in enumerate(BROKEN)])
def test_a_broken_row_is_rejected_by_name_and_its_neighbours_survive(wrong: dict[str, Any], rule: str) -> None:
    """A row that can not be believed is left out with the name of the rule; the rows around it are kept."""
    done = check(raw({"title_id": "before"}, wrong, {"title_id": "after"}))
    assert done.rejects.select("file", "row", "rule").rows() == [("log.csv", 2, rule)]
    assert done.rows["title"].n_unique() == done.rows.height == 2


def test_a_row_that_broke_two_rules_stands_twice_among_the_rejects() -> None:
    """There is one reject per row and rule, in the order of the file."""
    done = check(raw({"title_id": None, "timezone": "Mars"}, {}, {"country": "br"}))
    assert done.rejects.select("row", "rule").rows() == [
        (1, "neither_title_nor_device"),
        (1, "unknown_timezone"),
        (3, "country is not written as the playback table wants it"),
    ]
    assert done.rows.height == 1


@pytest.mark.parametrize(
    ("nowhere", "what"), [(math.nan, "no number"), (math.inf, "no finite number"), (-math.inf, "no finite number")]
)
@pytest.mark.parametrize("degrees", ["latitude", "longitude"])
def test_a_place_that_is_no_number_is_rejected(degrees: str, nowhere: float, what: str) -> None:
    """NaN and infinity are no degrees; they would travel through every later sum."""
    done = check(raw({degrees: nowhere}, {degrees: 10.0}))
    assert {rule.split(" ")[0] for rule in done.rejects["rule"]} == {degrees}
    assert f"{degrees} is {what}" in done.rejects["rule"]
    assert set(done.rejects["row"]) == {1}
    assert done.rows[degrees].to_list() == [10.0]


def test_what_lies_on_a_limit_is_believed() -> None:
    """The first moment, the last, the longest row and one of no length are all believable."""
    done = check(
        raw(
            {"started_at": at("2000-01-01 00:00")},
            {"started_at": NOW + DAY},
            {"ended_at": at("2025-06-17 20:00")},
            {"ended_at": at("2025-06-10 20:00")},
            {"latitude": -90.0, "longitude": 180.0},
            {"account_id": "x" * 10_000},
            {"title_id": None, "device_id": "d"},
            {"title_id": None, "device_name": "TV"},
        )
    )
    assert done.rejects.is_empty()
    assert done.rows.height == 8


def test_every_row_is_either_kept_or_rejected() -> None:
    """Rows kept and rows rejected add up to the rows of the file, repeated ones counted each time."""
    done = check(raw({}, {}, {}, {"timezone": "Mars", "country": "x"}, {"account_id": None}))
    assert (done.rows.height, done.rejects["row"].n_unique()) == (3, 2)


def test_a_reject_names_the_account_by_its_pseudonym_where_it_could_be_read() -> None:
    """A reject carries the same pseudonym as the account's good rows, and null where there was no account."""
    done = check(raw({}, {"country": "br"}, {"account_id": None}))
    assert done.rejects["account"].to_list() == [done.rows["account"][0], None]


def test_a_log_may_lack_every_optional_column() -> None:
    """Account, title and start are enough; all else is null, never made up."""
    log = raw({}).select("row", "account_id", "title_id", "started_at")
    [row] = check(log).rows.rows(named=True)
    known = {name for name, value in row.items() if value is not None}
    assert known == {"playback", "account", "title", "device_is_real", "started_at", "day", "utc_offset_s"}


def test_an_empty_log_gives_empty_tables() -> None:
    """A file without rows has no rows, no rejects and no names, each with the table's columns."""
    done = check(raw())
    assert dict(done.rows.schema) == tables.columns(tables.CheckedRows)
    assert dict(done.rejects.schema) == tables.columns(tables.Rejects)
    assert (done.rows.height, done.rejects.height, done.names.height) == (0, 0, 0)


def test_a_log_without_one_good_row_gives_rejects_only() -> None:
    """Where nothing is believable there are no rows and no names to seal."""
    done = check(raw({"timezone": "Mars"}, {"account_id": None}))
    assert (done.rows.height, done.rejects.height, done.names.height) == (0, 2, 0)


def test_a_zone_of_the_row_wins_over_its_country_over_the_one_given_over_the_default() -> None:
    """At 02:30 UTC it is the 10th in Tokyo and Paris and still the 9th in Sao Paulo and Los Angeles."""
    settings = config.load(environ={"DETECTOR_DAYS__ZONE_BY_COUNTRY__BR": "America/Sao_Paulo"}).settings
    night = {"started_at": at("2025-06-10 02:30")}
    log = raw(
        {**night, "timezone": "Asia/Tokyo", "country": "BR"},
        {**night, "country": "BR"},
        {**night, "country": "FR"},
        night,
    )

    def placed(zone: str) -> list[tuple[int, int]]:
        rows = check(log, zone=zone, settings=settings).rows
        return sorted((day.day, offset // 3600) for day, offset in rows.select("day", "utc_offset_s").rows())

    assert placed("America/Los_Angeles") == [(9, -7), (9, -7), (9, -3), (10, 9)]
    assert placed("") == [(9, -3), (10, 0), (10, 0), (10, 9)]
    assert check(log, settings=settings).zoneless == 2
    assert check(log, zone="UTC", settings=settings).zoneless == 0


def test_the_default_zone_is_a_setting() -> None:
    """Rows of which no zone is known belong to the day of `days.default_zone`."""
    settings = config.load(environ={"DETECTOR_DAYS__DEFAULT_ZONE": "Pacific/Kiritimati"}).settings
    done = check(raw({"started_at": at("2025-06-10 10:00")}), settings=settings)
    assert (done.rows["day"].to_list(), done.zoneless) == ([dt.date(2025, 6, 11)], 0)


@pytest.mark.parametrize(
    ("utc", "zone", "day", "offset_h"),
    [
        # Clocks go forward: 01:59:59 is followed by 03:00.
        ("2025-03-09 07:59:59", "America/Los_Angeles", "2025-03-08", -8),
        ("2025-03-09 09:59:59", "America/Los_Angeles", "2025-03-09", -8),
        ("2025-03-09 10:00:00", "America/Los_Angeles", "2025-03-09", -7),
        ("2025-03-10 06:59:59", "America/Los_Angeles", "2025-03-09", -7),
        ("2025-03-10 07:00:00", "America/Los_Angeles", "2025-03-10", -7),
        # Clocks go back: 01:30 happens twice, and the day has 25 hours.
        ("2024-11-03 07:00:00", "America/Los_Angeles", "2024-11-03", -7),
        ("2024-11-03 08:30:00", "America/Los_Angeles", "2024-11-03", -7),
        ("2024-11-03 09:30:00", "America/Los_Angeles", "2024-11-03", -8),
        ("2024-11-04 07:59:59", "America/Los_Angeles", "2024-11-03", -8),
        ("2024-11-04 08:00:00", "America/Los_Angeles", "2024-11-04", -8),
        # Where midnight itself is skipped, the day begins at one.
        ("2025-04-24 21:59:59", "Africa/Cairo", "2025-04-24", 2),
        ("2025-04-24 22:00:00", "Africa/Cairo", "2025-04-25", 3),
        # The ends of the world, a leap day, and New Year.
        ("2024-02-28 10:00:00", "Pacific/Kiritimati", "2024-02-29", 14),
        ("2024-03-01 11:59:59", "Etc/GMT+12", "2024-02-29", -12),
        ("2024-12-31 10:00:00", "Pacific/Kiritimati", "2025-01-01", 14),
        ("2025-01-01 11:59:59", "Etc/GMT+12", "2024-12-31", -12),
    ],
)
def test_the_local_day_is_the_one_on_the_wall_where_it_was_started(
    utc: str, zone: str, day: str, offset_h: int
) -> None:
    """Clock changes, skipped midnights and far zones: day and offset are those of the place at that moment."""
    [row] = check(raw({"started_at": at(utc), "timezone": zone})).rows.rows(named=True)
    assert (str(row["day"]), row["utc_offset_s"]) == (day, offset_h * 3600)


def test_offsets_that_are_no_whole_hours_are_kept() -> None:
    """Kathmandu is 5:45 ahead, the Marquesas 9:30 behind."""
    done = check(raw({"timezone": "Asia/Kathmandu"}, {"timezone": "Pacific/Marquesas"}))
    assert sorted(done.rows["utc_offset_s"]) == [-34_200, 20_700]


def test_no_zone_name_can_stop_a_file() -> None:
    """Whatever the machine lists as a zone is either understood or a reject; none is an error."""
    zones = sorted(zoneinfo.available_timezones())
    done = check(raw(*({"timezone": zone} for zone in zones)))
    assert done.rows.height + done.rejects.height == len(zones)
    assert set(done.rejects["rule"]) <= {"unknown_timezone"}
    assert done.rejects.height < 5


def test_nothing_in_clear_is_left_in_rows_or_rejects() -> None:
    """Ids, names and addresses of people are gone, also the long, the strange and the rejected ones."""
    clear = {
        "account_id": "anna@example.org",
        "profile_id": "Mum 🦊",
        "device_id": "serial-0042",
        "device_name": "Anna's TV",
        "title_id": "tt0111161",
        "title_name": "A Film\x00 of Anna",
        "playback_id": "session/77",
        "ip": "203.0.113.77",
        "network": "Anna's ISP",
    }
    long = {name: f"{value}{'9' * 900}" for name, value in clear.items() if name != "ip"}
    done = check(raw(clear, {**long, "ip": "2001:db8:77::1"}, {**clear, "ip": "no address"}, {**clear, "country": "x"}))
    assert (done.rows.height, done.rejects.height) == (3, 1)
    for frame in (done.rows, done.rejects):
        assert not set(clear) - {"network"} & set(frame.columns)
        text = frame.write_csv() + frame.write_ndjson()
        for value in (*clear.values(), "2001:db8:77", "Anna", "serial", "203.0.113"):
            assert value not in text
    ids = done.rows.select("playback", "account", "profile", "device", "title", "address", "network")
    assert set(ids.dtypes) == {pl.UInt64}


def test_names_hold_who_and_what_was_seen_once_a_utc_date() -> None:
    """What may be sealed: each account, and each title by the name a person gives it, else its id."""
    done = check(
        raw(
            {"title_name": "A Film"},
            {"title_name": "A Film", "playback_id": "again"},
            {"title_id": "other", "started_at": at("2025-06-11 01:00"), "timezone": "America/Los_Angeles"},
            {"title_id": None, "device_id": "d", "title_name": "never keyed", "started_at": at("2025-06-11 02:00")},
        )
    )
    assert sorted(done.names.select("kind", "name", pl.col("utc_date").cast(pl.String)).rows()) == [
        ("account", "anna", "2025-06-10"),
        ("account", "anna", "2025-06-11"),
        ("title", "A Film", "2025-06-10"),
        ("title", "other", "2025-06-11"),
    ]
    ids = dict(done.names.select("name", "id").rows())
    assert set(done.rows["account"]) == {ids["anna"]}
    assert set(done.rows["title"].drop_nulls()) == {ids["A Film"], ids["other"]}


def test_a_row_without_a_key_of_its_own_is_named_by_who_what_where_and_when() -> None:
    """Account, profile, device, title and start make a playback; the log's own key wins where there is one."""
    base = {"device_id": "d", "profile_id": "p"}
    changes: list[dict[str, Any]] = [
        {"account_id": "ben"},
        {"profile_id": "q"},
        {"device_id": "e"},
        {"title_id": "t"},
        {"started_at": at("2025-06-10 20:00:00.001")},
        {"playback_id": "k"},
    ]
    done = check(raw(base, {**base, "ended_at": at("2025-06-10 21:00")}, *({**base, **change} for change in changes)))
    assert done.rows["playback"].n_unique() == 1 + len(changes)
