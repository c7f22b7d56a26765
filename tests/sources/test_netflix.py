"""Netflix's personal export; all rows here are invented, their form is the true one."""

import csv
import datetime as dt
import io
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest
from commands import detector

from detector import sources
from detector.errors import InputError, SettingsError
from detector.sources import Options
from detector.store import Store

ROW = {
    "Profile Name": "Ana",
    "Start Time": "2023-05-01 20:00:00",
    "Duration": "00:40:00",
    "Attributes": "",
    "Title": "The Lamp: Season 2: Oil, mostly (Episode 3)",
    "Supplemental Video Type": "",
    "Device Type": "Telly 2018 Smart TV",
    "Bookmark": "00:45:00",
    "Latest Bookmark": "Not latest view",
    "Country": "US (United States)",
}
START = dt.datetime(2023, 5, 1, 20, tzinfo=dt.UTC)


def export(*rows: dict[str, str], quoting: Any = csv.QUOTE_MINIMAL, end: str = "\r\n", **form: Any) -> str:
    """The export with these cells changed per row, in the order of the first row's keys."""
    text = io.StringIO()
    columns = form.get("columns", list(ROW))
    writer = csv.DictWriter(text, columns, quoting=quoting, lineterminator=end, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(ROW | row for row in rows)
    return text.getvalue()


def read(folder: Path, text: str | bytes, **options: Any) -> pl.DataFrame:
    path = folder / "ViewingActivity.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    name, rows = sources.read(path, options=Options(**({"account": "home"} | options)))
    assert name == "netflix"
    return rows.collect()


def only(folder: Path, timezone: str = "", **cells: str) -> dict[str, Any]:
    """The one row that an export with these cells gives."""
    (row,) = read(folder, export(cells), timezone=timezone).to_dicts()
    return row


def test_one_row_in_the_words_of_this_project(tmp_path: Path) -> None:
    """Names stand for ids, the device is known by name, times are UTC, positions come from the bookmark."""
    row = only(tmp_path)
    assert {name: value for name, value in row.items() if value is not None} == {
        "row": 1,
        "account_id": "home",
        "playback_id": f"Ana/2023-05-01 20:00:00/{ROW['Title']}/00:40:00/Telly 2018 Smart TV",
        "profile_id": "Ana",
        "device_name": "Telly 2018 Smart TV",
        "device_type": "Telly 2018 Smart TV",
        "title_id": "The Lamp: Season 2: Oil, mostly (Episode 3)",
        "title_name": "The Lamp: Season 2: Oil, mostly (Episode 3)",
        "title_kind": "episode",
        "started_at": START,
        "ended_at": START + dt.timedelta(minutes=40),
        "position_start_s": 300,
        "position_end_s": 2700,
        "country": "US",
    }


FORMS: dict[str, str | bytes] = {
    "as exported": export({}),
    "everything quoted": export({}, quoting=csv.QUOTE_ALL),
    "LF": export({}, end="\n"),
    "no last line end": export({}).rstrip(),
    "byte order mark": "\ufeff" + export({}),
    "byte order mark, quoted": "\ufeff" + export({}, quoting=csv.QUOTE_ALL),
    "other order": export({}, columns=list(ROW)[::-1]),
    "further column": export({}, columns=["New", *ROW]),
    "blank lines": export({}).replace("\r\n", "\r\n\r\n") + ";;;\r\n",
    "semicolon tails": export({}).replace("\r\n", ";;\r\n"),
    "semicolon tails after quotes": export({}, quoting=csv.QUOTE_ALL).replace("\r\n", ";;\r\n"),
    "semicolon tails, title last": export({}, columns=[*list(ROW)[::-1], "Title"][4:]).replace("\r\n", ";;;\r\n"),
    "semicolons, empty columns": "\r\n".join(
        ";".join(f'"{cell}"' for cell in cells) + ";;" for cells in (list(ROW), list(ROW.values()))
    ),
    "rows quoted again": "\r\n".join(
        line if not line or line.startswith("Profile") else '"' + line.replace('"', '""') + '";;'
        for line in export({}).split("\r\n")
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_file_reads_the_same(form: str, tmp_path: Path) -> None:
    """Order, quotes, line ends, a byte order mark and what spreadsheets leave behind change nothing."""
    plain = only(tmp_path)
    (row,) = read(tmp_path, FORMS[form]).to_dicts()
    assert {k: v for k, v in row.items() if v is not None} | plain == plain
    assert row["title_id"] == ROW["Title"]
    assert row["ended_at"] == plain["ended_at"]


def test_a_spreadsheet_may_quote_the_names_too(tmp_path: Path) -> None:
    """Line by line, with semicolons after them."""
    plain = log_samples.write(tmp_path, "netflix", "csv").read_text()
    quoted = ['"' + line.replace('"', '""') + '";;' for line in plain.splitlines()]
    assert read(tmp_path, "\r\n".join(quoted)).equals(read(tmp_path, plain))


def test_minutes_only_times(tmp_path: Path) -> None:
    """`2021-08-23 21:14` is that minute in UTC; durations may have one digit for the hour."""
    row = only(tmp_path, **{"Start Time": "2021-08-23 21:14", "Duration": "1:02:03"})
    assert row["started_at"] == dt.datetime(2021, 8, 23, 21, 14, tzinfo=dt.UTC)
    assert row["ended_at"] - row["started_at"] == dt.timedelta(hours=1, minutes=2, seconds=3)


def test_two_stretches_of_one_minute_are_two(tmp_path: Path) -> None:
    """What played by itself and what was chosen over it may begin alike, and none is lost; a row that is there twice
    has the same name."""
    minute = {"Start Time": "2021-08-23 21:14"}
    text = export(
        minute | {"Duration": "00:00:12"}, minute | {"Duration": "00:50:00"}, minute | {"Duration": "00:50:00"}
    )
    names = read(tmp_path, text)["playback_id"]
    assert (names.null_count(), names.n_unique()) == (0, 2)


def test_supplemental_videos_are_left_out_but_counted_as_rows(tmp_path: Path) -> None:
    """Hooks and trailers are not rows, and not rejects; `row` still points at the line in the file."""
    rows = read(tmp_path, export({"Supplemental Video Type": "HOOK"}, {}, {"Supplemental Video Type": "TRAILER"}, {}))
    assert rows["row"].to_list() == [2, 4]


def test_rows_of_1970_and_hidden_views_stay(tmp_path: Path) -> None:
    """Whether a row is believed is not decided here."""
    rows = read(tmp_path, export({"Start Time": "1970-01-01 00:00:00"}, {"Attributes": "View was hidden; "}, {}, {}))
    assert rows.height == 4
    assert rows["started_at"][0] == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("written", "code"),
    [("BR (Brazil)", "BR"), ("ZZ (Unknown Region)", None), ("fr", "FR"), ("", None), ("Brazil", None)],
)
def test_countries(written: str, code: str | None, tmp_path: Path) -> None:
    """The code before the name counts; ZZ is not known."""
    assert only(tmp_path, Country=written)["country"] == code


@pytest.mark.parametrize(
    ("attributes", "interaction"),
    [
        ("Autoplayed: user action: None; ", "autoplay"),
        ("Autoplayed: user action: User_Interaction; ", "user"),
        ("Has branched playback; Autoplayed: user action: User_Interaction; ", "user"),
        ("Autoplayed: user action: Unspecified; ", "unknown"),
        ("Autoplayed: user action: Visibility_Timeout; ", "unknown"),
        ("View was hidden; ", None),
        ("", None),
    ],
)
def test_who_started_it(attributes: str, interaction: str | None, tmp_path: Path) -> None:
    """Attributes say who started it; saying nothing proves nobody: most next episodes of a binge say nothing."""
    assert only(tmp_path, Attributes=attributes)["interaction"] == interaction


@pytest.mark.parametrize(
    ("duration", "bookmark", "latest", "positions"),
    [
        ("00:40:00", "00:45:00", "Not latest view", (300, 2700)),
        ("00:40:00", "00:40:00", "00:40:00", (0, 2400)),
        ("00:40:00", "00:39:10", "Not latest view", (0, 2350)),
        ("01:30:00", "00:20:00", "Not latest view", (None, 1200)),
        ("00:40:00", "", "00:50:00", (600, 3000)),
        ("00:40:00", "", "Not latest view", (None, None)),
        ("", "00:45:00", "Not latest view", (None, 2700)),
    ],
)
def test_positions(
    duration: str, bookmark: str, latest: str, positions: tuple[int | None, int | None], tmp_path: Path
) -> None:
    """Bookmark is where it ended; it began a duration earlier, at 0 if that is just before, unknown if long before."""
    row = only(tmp_path, Duration=duration, Bookmark=bookmark, **{"Latest Bookmark": latest})
    assert (row["position_start_s"], row["position_end_s"]) == positions


def test_durations_that_say_nothing(tmp_path: Path) -> None:
    """A blank duration is a view by its start; one that cannot be read ends before it starts and will be rejected."""
    rows = read(tmp_path, export({"Duration": ""}, {"Duration": "a while"}, {"Duration": "-0:10:00"}))
    assert (rows["ended_at"] - rows["started_at"]).dt.total_seconds().to_list() == [None, -1, -1]


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("The Lamp: Season 2: Oil, mostly (Episode 3)", "episode"),
        ("Die Lampe: Staffel 1: Öl (Folge 12)", "episode"),
        ("La Lampe : Saison 1 : L'huile (Épisode 4)", "episode"),
        ("A Lâmpada: Minissérie: Óleo (Episódio 1)", "episode"),
        ("Lamba: 1. Sezon: Yağ (3. Bölüm)", "episode"),
        ("ランプ: シーズン1: 油 (第3話)", "episode"),
        ("ランプ\uff1a シーズン1\uff1a 油\uff08第3話\uff09", "episode"),
        ("램프: 시즌 1: 기름 (3화)", "episode"),
        ("灯: 第 1 季: 油 (第 3 集)", "episode"),
        ("Лампа: Сезон 1: Масло (Серия 5)", "episode"),
        ("ตะเกียง: ซีซั่น 1: น้ำมัน (ตอนที่ 3)", "episode"),
        ("The Lamp: A Subtitle: Season 1: Part 2: Oil (Episode 3)", "episode"),
        ("The Lamp: Season 1: Oil", "episode"),
        ("The Lamp", "movie"),
        ("Lamp 3", "movie"),
        ("1899", "movie"),
        ("Lamp Street: 1978 - Part 2", "movie"),
        ("The Lamp: The Movie", "movie"),
        ("Lamps (Clip): The Lamp", None),
        ("The Lamp (1978)", None),
        ("The Lamp: Oil (Part 2)", None),
        ("Lamps: The Oil: The Wick", None),
        ("", None),
    ],
)
def test_kind_of_title(title: str, kind: str | None, tmp_path: Path) -> None:
    """The shape of an episode is one in any language; a plain name is a film; anything else is left unknown."""
    assert only(tmp_path, Title=f"  {title} ")["title_kind"] == kind


def test_a_bad_line_costs_that_line_only(tmp_path: Path) -> None:
    """A torn line, an open quote, bad bytes and a stray line break inside a line do not swallow their neighbours."""
    good = export({}, end="\n")
    bad = b'Ana,2023-05-01 2\nAna,2023-05-01 20:00:00,"00:40:00,oh\nAna,\xff,\r,\n'
    rows = read(tmp_path, good.encode() + bad + good.encode().split(b"\n", 1)[1])
    assert rows["row"].to_list() == [1, 2, 3, 4, 5]
    assert rows["started_at"].is_null().to_list() == [False, True, False, True, False]
    assert rows["title_id"].to_list() == [ROW["Title"], None, None, None, ROW["Title"]]


def test_blank_cells_are_null(tmp_path: Path) -> None:
    """A row without title, profile or device says so."""
    row = only(tmp_path, Title=" ", **{"Profile Name": "", "Device Type": ""})
    assert (row["title_id"], row["profile_id"], row["device_name"]) == (None, None, None)


def test_header_only_gives_no_rows(tmp_path: Path) -> None:
    """An export of an account that watched nothing is no error."""
    assert read(tmp_path, export()).height == 0


@pytest.mark.parametrize("account", ["", "  "])
def test_the_account_must_be_named(account: str, tmp_path: Path) -> None:
    """The export does not name its account: without one the sentence says what to pass."""
    with pytest.raises(SettingsError, match="--account NAME"):
        read(tmp_path, export({}), account=account)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    """A file that is asked to be an export and is not says which columns it lacks."""
    path = tmp_path / "other.csv"
    path.write_text("Title,Date\nx,y\n")
    with pytest.raises(InputError, match="expected Profile Name and Start Time and Duration in") as refusal:
        sources.read(path, format="netflix", options=Options(account="home"))
    assert "found Title, Date;" in str(refusal.value)


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    """An export cut down to who, when, how long and what is read; the rest is null."""
    (row,) = read(tmp_path, export({}, columns=["Title", "Duration", "Start Time", "Profile Name"])).to_dicts()
    assert row["title_id"] == ROW["Title"]
    assert (row["country"], row["device_name"], row["position_end_s"], row["interaction"]) == (None,) * 4


def test_the_zone_of_a_country_stands_before_the_one_given(tmp_path: Path) -> None:
    """A row in the United States on a journey from Japan: its day is that of the zone set for its country."""
    (tmp_path / "ViewingActivity.csv").write_text(export({"Start Time": "2023-05-01 20:00:00"}))
    ingested = ("ingest", "ViewingActivity.csv", "--account", "home", "--timezone", "Asia/Tokyo")
    there = {"DETECTOR_DAYS__ZONE_BY_COUNTRY": '{"US": "America/Los_Angeles"}'}
    for home, env, day in (("without", {}, dt.date(2023, 5, 2)), ("with", there, dt.date(2023, 5, 1))):
        code, _, err = detector("--home", home, *ingested, cwd=tmp_path, env=env)
        assert code == 0, err
        [rows] = Store(tmp_path / home).read("playbacks", [dt.date(2023, 5, 1)])
        assert rows["day"].to_list() == [day]
