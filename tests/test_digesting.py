"""Account-days and months, brought up to date."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from support import KEY

from detector import config, digesting, identity, lookback, tables
from detector.ingesting import ingest
from detector.neighbours import Neighbours
from detector.store import Part, Store

SETTINGS = config.load(environ={}).settings
KEYS = identity.Keys(KEY, bytes(32))


def _log(folder: Path, days: list[dt.date]) -> Store:
    """A home that has taken in a film of an hour and a half on the evening of each day."""
    rows = [
        {"account_id": "a", "title_id": "t", "device_id": "tv", "ip": "240.0.0.1", "timezone": "UTC"}
        | {"duration_s": 5400, "started_at": dt.datetime.combine(day, dt.time(20), dt.UTC)}
        for day in days
    ]
    pl.DataFrame(rows).write_parquet(folder / "log.parquet")
    home = Store(folder / "home")
    now = dt.datetime.combine(days[-1], dt.time(12), dt.UTC) + dt.timedelta(days=2)
    list(ingest([str(folder / "log.parquet")], into=home, keys=KEYS, settings=SETTINGS, now=now))
    return home


def test_a_stored_part_without_rows_is_no_trouble(tmp_path: Path) -> None:
    """A day of nothing digests to nothing."""
    home, day = Store(tmp_path), dt.date(2025, 6, 30)
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC).isoformat()
    nothing = pl.DataFrame(schema=tables.columns(tables.CheckedRows))
    home.put("playbacks", day, {"empty": nothing}, {"first_start": noon, "last_end": noon, "key_id": KEYS.key_id})
    digesting.bring_up_to_date(home, day, settings=SETTINGS, key_id=KEYS.key_id)
    assert home.read("account_days", [day])[0].is_empty()


def test_what_began_in_the_middle_of_a_month_is_looked_back_on_whole(tmp_path: Path) -> None:
    """A device of the log's first month, seen again two months later: its line counts from the first day on."""
    days = [dt.date(2025, 4, 20), dt.date(2025, 4, 28), dt.date(2025, 6, 30)]
    home = _log(tmp_path, days)
    digesting.bring_up_to_date(home, days[-1], settings=SETTINGS, key_id=KEYS.key_id)
    [window] = lookback.windows(home, days[-1], SETTINGS.window, met=Neighbours.none())
    [line] = window.year.lines.to_dicts()
    assert (line["first_day"], line["last_day"], line["plays"]) == (days[0], days[-1], 3)


def test_what_was_seen_before_the_first_whole_month_of_the_year_was_seen(tmp_path: Path) -> None:
    """A screen of early on, used again now: it is there from its first day on, and not new. The year is a short one."""
    days = [dt.date(2025, 5, 10), dt.date(2025, 5, 20), dt.date(2025, 7, 3), dt.date(2025, 7, 15)]
    home = _log(tmp_path, days)
    digesting.bring_up_to_date(home, days[-1], settings=SETTINGS, key_id=KEYS.key_id)
    year = SETTINGS.window.model_copy(update={"year_days": 75})
    [window] = lookback.windows(home, days[-1], year, met=Neighbours.none())
    assert window.year.devices["first_day"].to_list() == [days[0]]
    [line] = window.year.lines.to_dicts()
    assert (line["first_day"], line["last_day"], line["plays"]) == (days[0], days[-1], 4)


def test_a_published_day_stays_as_an_earlier_version_digested_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not held for that; a day that is not published is digested anew. Late rows are held as ever."""
    days = [dt.date(2025, 6, 29), dt.date(2025, 6, 30)]
    home = _log(tmp_path, days)
    frozen = frozenset(days[:1])

    def brought() -> digesting.Brought:
        return digesting.bring_up_to_date(home, days[-1], settings=SETTINGS, key_id=KEYS.key_id, frozen=frozen)

    assert set(days) <= set(brought().digested)
    monkeypatch.setattr(digesting, "_METHOD", digesting._METHOD + 1)
    again = brought()
    assert days[1] in again.digested
    assert days[0] not in again.digested
    assert again.held == []
    late = pl.read_parquet(tmp_path / "log.parquet").head(1).with_columns(title_id=pl.lit("other"))
    late.write_parquet(tmp_path / "late.parquet")
    now = dt.datetime(2025, 7, 2, 12, tzinfo=dt.UTC)
    list(ingest([str(tmp_path / "late.parquet")], into=home, keys=KEYS, settings=SETTINGS, now=now))
    assert days[0] in brought().held


def test_small_new_days_that_follow_one_another_are_digested_together() -> None:
    """A day that is stored already is looked at alone, for it may be as it should; so is a large one."""
    every = [dt.date(2025, 6, n) for n in range(1, 13)]
    large = digesting._TOGETHER_ROWS
    rows = dict.fromkeys(every, 10) | {every[5]: large, every[6]: large}
    known = {every[2]}
    due = [day for day in every if day != every[9]]

    def parts(day: dt.date) -> dict[str, Part]:
        return {"log.parquet": Part("log.parquet", "", rows[day], {})}

    batches = digesting._batches(due, known, parts)
    assert [[day.day for day in batch] for batch in batches] == [[1, 2], [3], [4, 5], [6], [7], [8, 9], [11, 12]]
    year = [dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(365)]
    assert max(map(len, digesting._batches(year, (), lambda day: {}))) == digesting._TOGETHER_DAYS


def test_a_late_row_two_days_before_reaches_a_loose_streak(tmp_path: Path) -> None:
    """The day between saw nothing of the title, and stays as it was."""
    days = [dt.date(2025, 6, 28), dt.date(2025, 6, 29), dt.date(2025, 6, 30)]
    home = Store(tmp_path / "home")

    def loose(title: str, *on: dt.date) -> list[int]:
        starts = [dt.datetime.combine(day, dt.time(20), dt.UTC) for day in on]
        row = {"account_id": "a", "device_id": "tv", "timezone": "UTC", "title_id": title, "duration_s": 7200}
        pl.DataFrame([row | {"started_at": start} for start in starts]).write_parquet(tmp_path / "log.parquet")
        now = dt.datetime(2025, 7, 2, 12, tzinfo=dt.UTC)
        list(ingest([str(tmp_path / "log.parquet")], into=home, keys=KEYS, settings=SETTINGS, now=now))
        digesting.bring_up_to_date(home, days[-1], settings=SETTINGS, key_id=KEYS.key_id)
        titles = home.read(digesting.DAYS, days[-1:], "titles.parquet")[0]
        return titles["loose_streak_days"].to_list()

    assert loose("film", days[2]) == [1]
    assert loose("film", days[0] - dt.timedelta(days=1), days[0]) == [2]


def test_a_column_that_an_old_day_lacks_is_not_known_of_it(tmp_path: Path) -> None:
    """Here how long the busiest device played, of the first of two days: it is null there, and known of the second."""
    days = [dt.date(2025, 6, 29), dt.date(2025, 6, 30)]
    home = _log(tmp_path, days)
    digesting.bring_up_to_date(home, days[-1], settings=SETTINGS, key_id=KEYS.key_id)
    names = ("account_days", "titles", "visits")
    parts = {f"{name}.parquet": home.read(digesting.DAYS, days[:1], f"{name}.parquet")[0] for name in names}
    parts["account_days.parquet"] = parts["account_days.parquet"].drop("busiest_device_hours")
    home.put(digesting.DAYS, days[0], parts, {"inputs": "of an earlier version"})
    [window] = lookback.windows(home, days[-1], SETTINGS.window, met=Neighbours.none())
    known = window.days.sort("day").filter(pl.col("plays") > 0)
    assert known["busiest_device_hours"].to_list() == [None, 2]
    assert lookback.account_days_of(home, known["account"].unique(), *days)["busiest_device_hours"].null_count() == 1


def test_rows_that_contradict_each_other_count_on_their_own_day_alone(tmp_path: Path) -> None:
    """Though both run over midnight, and are looked at for either day. Who comes later hears of them, as long as the
    window reaches back to them."""
    row = {"account_id": "a", "device_id": "tv", "timezone": "UTC", "title_id": "film", "playback_id": "1"}
    start = dt.datetime(2025, 6, 29, 23, 30, tzinfo=dt.UTC)
    rows = [row | {"started_at": start, "duration_s": seconds} for seconds in (7200, 7260)]
    pl.DataFrame(rows).write_parquet(tmp_path / "log.parquet")
    home, now = Store(tmp_path / "home"), dt.datetime(2025, 7, 2, 12, tzinfo=dt.UTC)
    list(ingest([str(tmp_path / "log.parquet")], into=home, keys=KEYS, settings=SETTINGS, now=now))
    done = digesting.bring_up_to_date(home, dt.date(2025, 6, 30), settings=SETTINGS, key_id=KEYS.key_id)
    assert {day.day: rows for day, rows in done.conflicts.items()} == {29: 2}
    again = digesting.bring_up_to_date(home, dt.date(2025, 7, 1), settings=SETTINGS, key_id=KEYS.key_id)
    assert again.conflicts == done.conflicts
    later = digesting.bring_up_to_date(home, dt.date(2025, 7, 27), settings=SETTINGS, key_id=KEYS.key_id)
    assert not later.conflicts


def test_a_replay_counts_once_however_many_days_look_at_it(tmp_path: Path) -> None:
    """An evening in New York is looked at for its own day and for the UTC date on which it runs."""
    row = {"account_id": "a", "title_id": "t", "device_id": "tv", "timezone": "America/New_York", "duration_s": 5400}
    rows = [row | {"started_at": dt.datetime(2025, 6, 10, 1, 30, tzinfo=dt.UTC)}] * 2
    pl.DataFrame(rows).write_parquet(tmp_path / "log.parquet")
    home, now = Store(tmp_path / "home"), dt.datetime(2025, 6, 20, tzinfo=dt.UTC)
    list(ingest([str(tmp_path / "log.parquet")], into=home, keys=KEYS, settings=SETTINGS, now=now))
    done = digesting.bring_up_to_date(home, dt.date(2025, 6, 12), settings=SETTINGS, key_id=KEYS.key_id)
    assert done.replays == 1
