"""Whether the playbacks that show a reason fit an innocent cause."""

import datetime as dt

import polars as pl
import pytest

from detector import tables
from detector.features import FAMILIES
from detector.innocence import (
    CHECKS,
    Check,
    one_habit,
    one_more_device,
    one_of_them,
    one_roof,
    one_traveller,
    one_who_sleeps,
)

EVENING = dt.datetime(2025, 6, 1, 20, tzinfo=dt.UTC)


COLUMNS = ("account", "playback", "day", "device", "title", "address", "network", "country", "region", "network_kind",
           "started_at", "ended_at", "utc_offset_s", "is_repeat")  # fmt: skip


def _said(check: Check, rows: list[dict[str, object]]) -> str:
    """What a check says of one account's playbacks, all of which show the reason but those `unrelated`; "" if nothing.

    One a day at eight in the evening, for an hour, unless said; `at` is a time.
    """
    written = []
    for n, row in enumerate(rows):
        started = row.get("at", EVENING + dt.timedelta(days=n))
        assert isinstance(started, dt.datetime)
        ended = started + dt.timedelta(hours=1)
        plain = {"account": 1, "playback": n, "title": 1, "started_at": started, "ended_at": ended, "utc_offset_s": 0}
        offset_s = row.get("utc_offset_s", 0)
        assert isinstance(offset_s, int)
        written.append(plain | {"day": (started + dt.timedelta(seconds=offset_s)).date()} | row)
    columns = {name: tables.columns(tables.Playbacks)[name] for name in COLUMNS}
    playbacks = pl.DataFrame([{name: row.get(name) for name in columns} for row in written], schema=columns)
    evidence = pl.DataFrame(
        {"account": [1], "evidence": [[row["playback"] for row in written if "unrelated" not in row]]},
        schema={"account": pl.UInt64, "evidence": pl.List(pl.UInt64)},
    )
    found = check(playbacks, evidence)["fit"]
    return str(found.item()) if len(found) else ""


HOME = {"device": 1, "address": 1}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([HOME] * 28, "the data fit a child's favourite"),
        ([HOME] * 28 + [{"title": 2, "device": n, "address": n, "unrelated": True} for n in range(9)], "the data fit"),
        ([{"device": n % 5, "address": 1} for n in range(28)], "hardly fit"),
        ([{"device": 1, "address": n % 5} for n in range(28)], "hardly fit"),
        ([HOME | {"at": EVENING + dt.timedelta(hours=n)} for n in range(28)], "hardly fit"),
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
    assert said in _said(one_habit, rows)


def test_hours_are_those_of_the_local_clock() -> None:
    """A traveller who falls asleep at ten in each zone is one habit."""
    hours = [{"at": EVENING - dt.timedelta(hours=n), "utc_offset_s": 3600 * n} | HOME for n in range(12)]
    assert "places: 1, hours of the day at which it was begun: 1" in _said(one_habit, hours)


def test_a_habit_is_one_title_and_is_begun_once_a_night() -> None:
    """What the family views twice lies elsewhere and elsewhen; what starts again by itself all night was begun once."""
    family: list[dict[str, object]] = [
        {"title": 2 + n // 2, "device": n, "at": EVENING + dt.timedelta(hours=n)} for n in range(14)
    ]
    family += [HOME] * 9  # type: ignore[list-item]
    assert "devices: 1, places: 1, hours of the day at which it was begun: 1" in _said(one_habit, family)
    rain: list[dict[str, object]] = [
        HOME | {"at": EVENING + dt.timedelta(hours=n % 10), "is_repeat": n % 10 > 0} for n in range(40)
    ]
    assert "the data fit a child's favourite" in _said(one_habit, rain)


def test_a_habit_counts_all_plays_of_its_title() -> None:
    """Where repeats alone show the reason, what was begun counts all the same: at nine hours of the day, on three
    screens. Where the window has only repeats of it, nothing is said."""
    repeats: list[dict[str, object]] = [{**HOME, "is_repeat": True} for _ in range(9)]
    begun: list[dict[str, object]] = [
        {"device": n % 3, "address": 1, "at": EVENING + dt.timedelta(hours=n), "unrelated": True} for n in range(9)
    ]
    assert "hardly fit a child's favourite or a title left on" in _said(one_habit, repeats + begun)
    assert "devices: 3, places: 1, hours of the day at which it was begun: 9" in _said(one_habit, repeats + begun)
    assert _said(one_habit, repeats) == ""


def test_of_screens_and_places_that_no_log_says_nothing_is_counted() -> None:
    """None known is not none."""
    assert "on most days there are hours of the day at which it was begun: 1" in _said(one_habit, [{}] * 28)
    assert "there are devices: 1, hours of the day" in _said(one_habit, [{"device": 1}] * 28)


@pytest.mark.parametrize("family", CHECKS)
def test_accounts_without_such_playbacks_have_no_row(family: str) -> None:
    """Nothing is said of them."""
    none = pl.DataFrame(schema=tables.columns(tables.Playbacks))
    evidence = pl.DataFrame(schema={"account": pl.UInt64, "evidence": pl.List(pl.UInt64)})
    assert CHECKS[family](none, evidence).is_empty()


def test_checks_are_of_families_that_there_are() -> None:
    assert set(CHECKS) <= {family.__name__.lower() for family in FAMILIES}


def _together(devices: int, **places: object) -> list[dict[str, object]]:
    """Devices that play at the same hour on 20 evenings; `places` says of each column what it is for device n."""
    return [
        {"device": n, "at": EVENING + dt.timedelta(days=day)}
        | {name: value(n) if callable(value) else value for name, value in places.items()}
        for day in range(20)
        for n in range(devices)
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (_together(4, address=1), "the data fit a big household: of 20 hours"),
        (
            _together(4, address=lambda n: n),
            "hardly fit a big household: of 20 hours of the clock with several devices at work, on 20 days, 0 saw",
        ),
        (_together(4), ""),
        (_together(1, address=1), ""),
        (_together(2, country="DE", region="BE", network_kind="residential", address=lambda n: n), "the data fit"),
        (
            _together(
                5, country="DE", region="BE", network_kind="residential", address=lambda n: n, network=lambda n: n
            ),
            "hardly fit a big household",
        ),
        (_together(2, country="DE", region="BE", address=lambda n: n, network=lambda n: n), "the data fit"),
        (_together(2, country="DE", region="BE", network_kind="mobile", address=1), ""),
        (_together(2, network_kind="hosting", address=1), "hardly fit a big household"),
    ],
)
def test_streams_at_once_under_one_roof_fit_a_household(rows: list[dict[str, object]], said: str) -> None:
    """Those in many places or at a server do not, nor those on many networks of one region, while a home's may be two;
    where homes are unknown, or one device plays at a time, nothing is said."""
    assert _said(one_roof, rows).startswith("the data") is bool(said)
    assert said in _said(one_roof, rows)


def test_streams_at_once_that_never_rest_fit_no_household() -> None:
    """Two devices in one home around the clock are machines; until late at night they may be a family's."""

    def from_hour(first: int) -> list[dict[str, object]]:
        begins = [dt.datetime(2025, 6, day, hour, tzinfo=dt.UTC) for day in range(1, 4) for hour in range(first, 24)]
        return [{"device": n, "address": 1, "at": at} for at in begins for n in (1, 2)]

    assert "hardly fit a big household: of 72 hours" in _said(one_roof, from_hour(0))
    assert "the data fit a big household: of 54 hours" in _said(one_roof, from_hour(6))


AT_HOME = {"device": 1, "country": "DE", "region": "BE"}
AWAY = {"country": "FR", "region": "75"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([AT_HOME] * 20 + [AWAY | {"device": 1}] * 8, "the data fit a traveller"),
        ([AT_HOME] * 20 + [AWAY | {"device": 2}] * 8,
         "hardly fit a traveller or a second home: of 8 hours of the clock "
         "away from the main place (each for each device), 0 are of devices that were there too"),
        ([AT_HOME] * 20, ""),
        ([{"device": n} for n in range(9)], ""),
    ],
)  # fmt: skip
def test_a_device_that_comes_home_fits_a_journey(rows: list[dict[str, object]], said: str) -> None:
    """One that never does, does not; where all was at one place, or places are unknown, nothing is said."""
    assert said in _said(one_traveller, rows)
    assert _said(one_traveller, rows).startswith("the data") is bool(said)


def test_a_device_that_plays_away_while_others_play_at_home_is_no_traveller() -> None:
    """The one on the way comes home too, but home never falls silent."""
    rows = [{"device": 2, "at": EVENING} | AT_HOME | {"device": 2}]
    for day in range(1, 20):
        at = EVENING + dt.timedelta(days=day)
        rows += [AT_HOME | {"at": at}, AWAY | {"device": 2, "at": at}]
    assert "hardly fit a traveller" in _said(one_traveller, rows)
    assert "during 19 something played" in _said(one_traveller, rows)


@pytest.mark.parametrize(
    ("address", "said"),
    [(1, "the data fit a new device"), (9, "hardly fit a new device of the household: of 5 playbacks on devices seen")],
)
def test_a_newcomer_where_the_others_are_fits_a_new_device(address: int, said: str) -> None:
    """Elsewhere it does not, be it in the same region."""
    in_region: dict[str, object] = {"country": "DE", "region": "BE"}
    rows: list[dict[str, object]] = [{"device": 1, "address": 1} | in_region] * 20
    rows += [{"device": 2, "address": address} | in_region] * 5
    assert said in _said(one_more_device, rows)


def test_without_a_newcomer_or_anybody_before_it_nothing_is_said() -> None:
    assert _said(one_more_device, [{"device": 1, "address": 1}] * 20) == ""
    assert _said(one_more_device, [{"device": n, "address": 1} for n in range(10)]) == ""


@pytest.mark.parametrize(("titles", "said"), [((1, 12), "the data fit one of"), ((11, 12), "the data hardly fit one")])
def test_who_goes_on_with_what_others_began_is_one_of_them(titles: tuple[int, int], said: str) -> None:
    """A new device plays a title that was played on those before it, or none of them."""
    rows: list[dict[str, object]] = [{"device": 1, "title": n % 4} for n in range(20)]
    rows += [{"device": 2, "title": titles[n % 2]} for n in range(5)]
    assert said in _said(one_of_them, rows)


def test_of_titles_that_nobody_played_before_or_that_are_unknown_nothing_is_said() -> None:
    """Without an older device, or without titles, the check is silent."""
    assert _said(one_of_them, [{"device": n, "title": 1} for n in range(10)]) == ""
    assert _said(one_of_them, [{"device": 1 + (n > 15), "title": None} for n in range(20)]) == ""


def test_who_rests_each_day_sleeps() -> None:
    """One playback an hour for ten hours a day leaves time to sleep; one every other hour, day and night, does not."""
    working: list[dict[str, object]] = [
        {"at": EVENING + dt.timedelta(days=day, hours=hour)} for day in range(10) for hour in range(10)
    ]
    assert "the data fit people who sleep" in _said(one_who_sleeps, working)
    tireless: list[dict[str, object]] = [{"at": EVENING + dt.timedelta(hours=2 * n)} for n in range(120)]
    assert "hardly fit people who sleep" in _said(one_who_sleeps, tireless)
    assert "on 11 days with playbacks, 1 had" in _said(one_who_sleeps, tireless)  # nobody knows what followed


@pytest.mark.parametrize("evenings", [1, 2, 4])
def test_who_is_hardly_known_sleeps_too(evenings: int) -> None:
    """An hour each evening: what follows the last of them is no night without a rest."""
    said = _said(one_who_sleeps, [{}] * evenings)
    assert said.startswith("the data fit")
    assert f"on {evenings} days with playbacks, {evenings} had a rest" in said


def test_who_watches_past_midnight_and_then_not_for_days_sleeps() -> None:
    """The rest after a late film lies on a day on which nothing was begun; that before it is of the day of the film, if
    anybody knows what was before."""
    late = EVENING + dt.timedelta(hours=3, minutes=30)
    rows: list[dict[str, object]] = [{"at": late + dt.timedelta(days=3 * n)} for n in range(9)]
    assert "on 9 days with playbacks, 8 had a rest" in _said(one_who_sleeps, rows)


def test_a_day_is_a_local_one() -> None:
    """From eight to ten in the evening in Los Angeles is on two dates of UTC, and on one day."""
    late = [{"at": EVENING + dt.timedelta(hours=n), "utc_offset_s": -7 * 3600} for n in (7, 8)]
    assert "on 1 days with playbacks, 1 had" in _said(one_who_sleeps, late)


def test_a_day_that_is_only_reached_is_no_day_with_playbacks() -> None:
    """Seven evenings that end after midnight are seven days; what came before the first is not known."""
    over_midnight: list[dict[str, object]] = [{"at": EVENING + dt.timedelta(days=n, hours=3.5)} for n in range(7)]
    assert "on 7 days with playbacks, 6 had" in _said(one_who_sleeps, over_midnight)
