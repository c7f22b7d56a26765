"""In whichever zone people live, what they do is worth the same."""

import datetime as dt
import zoneinfo
from pathlib import Path

import polars as pl
import pytest
from support import KEY

from detector import config, digesting, features, identity, lookback
from detector.ingesting import ingest
from detector.neighbours import Neighbours
from detector.store import Store

LAST = dt.date(2025, 6, 29)
SETTINGS = config.load(environ={}).settings
KEYS = identity.Keys(KEY, bytes(32))
SAME = [
    "hours_per_title", "hours_per_active_day", "groups_same_hour_h", "most_groups_at_once", "strangers_same_hour_h",
    "two_networks_h", "device_hours_per_day", "longest_streak", "active_hours", "daily_span_h",
    "newcomer_share", "lasting_groups",
]  # fmt: skip


def _features(zone: str, hour: int, folder: Path) -> dict[str, float | None]:
    """Two homes on one account: both watch on every other evening at the same local hours, another film each time."""
    rows = [
        {"account_id": "a", "title_id": f"{home}-{ago}", "device_id": f"tv-{home}", "profile_id": home}
        | {"ip": f"240.0.{home}.1", "country": "XX", "region": home, "timezone": zone, "duration_s": 7200}
        | {"started_at": dt.datetime.combine(day, dt.time(hour), zoneinfo.ZoneInfo(zone)).astimezone(dt.UTC)}
        for home in "12"
        for ago in range(1, 70, 2)
        for day in [LAST - dt.timedelta(days=ago)]
    ]
    folder.mkdir()
    pl.DataFrame(rows).write_parquet(folder / "log.parquet")
    home = Store(folder / "home")
    now = dt.datetime.combine(LAST, dt.time(12), dt.UTC) + dt.timedelta(days=2)
    list(ingest([str(folder / "log.parquet")], into=home, keys=KEYS, settings=SETTINGS, now=now))
    digesting.bring_up_to_date(home, LAST, settings=SETTINGS, key_id=KEYS.key_id)
    [window] = lookback.windows(home, LAST, SETTINGS.window, met=Neighbours.none())
    return features.build_features(window).row(0, named=True)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("America/Los_Angeles", 20), ("America/New_York", 20), ("Asia/Tokyo", 7), ("Pacific/Auckland", 20)],
)
def test_an_evening_is_an_evening_on_every_coast(zone: str, hour: int, tmp_path: Path) -> None:
    """In America it is the next day on the UTC clock, in Tokyo a morning is the day before: nothing is lost by that
    but for one evening of fourteen, at the edge of the window."""
    there, home = _features(zone, hour, tmp_path / "there"), _features("UTC", hour, tmp_path / "utc")
    assert {name: there[name] for name in SAME} == pytest.approx({name: home[name] for name in SAME}, rel=0.15)
    assert home["hours_per_title"] == 2
    assert home["groups_same_hour_h"] == 28
