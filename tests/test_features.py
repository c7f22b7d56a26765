"""Every feature, through one battery: what its block promises holds."""

import datetime as dt
import math
import operator
import re
import string
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from detector import config, days, spans, tables
from detector.features import CATALOGUE, FAMILIES, Feature, Repetition, Window, build_features, window_of
from detector.neighbours import Neighbours
from detector.tables import IPV6_FROM

EVERY = pytest.mark.parametrize("feature", CATALOGUE.values(), ids=CATALOGUE.keys())


@EVERY
def test_examples_hold(feature: Feature) -> None:
    """Each example gives the value that stands beside it."""
    for rows, expected in feature.examples:
        [value] = build_features(window_of(rows))[feature.name].to_list()
        assert value == expected, f"{rows} gave {value}"


@EVERY
def test_something_and_missing_are_both_shown(feature: Feature) -> None:
    """Each feature has an example with a value, and one without."""
    values = [value for _, value in feature.examples]
    assert any(value is not None for value in values)
    assert None in values


@EVERY
def test_sentence_is_whole(feature: Feature) -> None:
    """The sentence names the value and what is typical, and nothing else."""
    fields = {name for _, name, _, _ in string.Formatter().parse(feature.when_high) if name}
    assert fields == {"value", "typical"}
    assert feature.sentence(3.0, 1.0)
    assert feature.says.endswith(".")
    assert feature.innocent


@EVERY
def test_what_implies_a_feature_is_another_in_its_unit(feature: Feature) -> None:
    """Their values are set side by side."""
    for name in feature.implied_by:
        assert CATALOGUE[name].unit == feature.unit
        assert feature.name != name


@pytest.mark.parametrize("feature", [f for f in CATALOGUE.values() if 0 in dict.fromkeys(v for _, v in f.examples)])
def test_one_of_something_is_told_as_one(feature: Feature) -> None:
    """What most accounts have none of may be seen once: "1 day", not "1 days"."""
    assert re.search(r"\b1 (other )?\w+s\b", feature.sentence(1.0, 0.0)) is None


@EVERY
def test_an_account_of_which_nothing_is_known_has_no_value_or_nought(feature: Feature) -> None:
    """A day with one bare play gives null, a finite number, and never NaN or infinity."""
    [value] = build_features(window_of([{}]))[feature.name].to_list()
    assert value is None or math.isfinite(value)


@EVERY
def test_running_past_midnight_alone_is_no_trouble(feature: Feature) -> None:
    """An account that only finished what it began the day before gives no NaN."""
    [value] = build_features(window_of([{"plays": 0, "seconds": 60}]))[feature.name].to_list()
    assert value is None or math.isfinite(value)


def test_nobody_lives_on_a_line_that_many_accounts_share() -> None:
    """Two devices with a line each are two homes, and one where the second is on the line of a hotel."""
    visits = [{"device": device, "address": device, "plays": 3} for device in (1, 2)]
    window = window_of([{"ago": ago, "plays": 6, "visits": visits} for ago in (90, 60, 45, 10)])
    shared = replace(window.neighbours, hubs=pl.Series("address", [2], dtype=pl.UInt64))
    for neighbours, homes in ((window.neighbours, 2), (shared, 1)):
        found = build_features(replace(window, neighbours=neighbours))
        assert found["lived_in_homes_365d"].to_list() == [homes]


def test_names_are_unique_and_families_are_told() -> None:
    """The catalogue holds every feature of every family under its own name."""
    named = [feature for family in FAMILIES for feature in family.features]
    assert len(CATALOGUE) == len(named)
    assert {feature.family for feature in named} == {
        "repetition",
        "concurrency",
        "devices",
        "places",
        "groups",
        "profiles",
        "residents",
        "joined",
        "change",
        "taste",
        "rhythm",
        "rings",
        "hands",
        "unresting",
    }


def test_promised_features_are_there() -> None:
    """The features that the design names exist."""
    assert {"longest_streak", "longest_streak_365d", "peak_streams", "fastest_travel_kmh"} <= set(CATALOGUE)


def _digested(accounts: int) -> days.Day:
    """Some days of some accounts that differ in all that features look at."""
    written: dict[str, list[dict[str, Any]]] = {"account_days": [], "titles": [], "visits": []}
    for account in range(1, accounts + 1):
        for ago in range(account % 5 + 1):
            key = {"account": account, "day": dt.date(2025, 6, 30) - dt.timedelta(days=ago)}
            written["account_days"].append(
                key
                | {
                    "plays": 3,
                    "views": 2,
                    "repeats": account % 3,
                    "seconds": 1000 * account,
                    "hours": account * 37 % 2**24,
                    "rest_h": account % 24,
                    "busiest_device_hours": account % 25,
                    "longest_streak_days": 5 - ago if ago < 5 else 0,
                    "peak_streams": account % 4,
                    "overlap2_s": account * 7,
                    "overlap3_s": 0,
                    "overlap2_networks_s": account,
                    "overlap2_same_profile_s": 1,
                    "fastest_kmh": account / 7,
                }
            )
            written["titles"].append(key | {"title": account % 7, "plays": 3, "views": 2, "streak_days": 1})
            written["visits"] += [
                key | {"device": account, "network": account % 11, "country": "DE", "plays": 2, "hours": 1},
                key | {"device": account + 1, "network": ago, "country": "FR", "plays": 1, "hours": 1},
            ]
    kinds = (tables.AccountDays, tables.TitleDays, tables.Visits)
    return days.Day(
        *(
            tables.shape(pl.LazyFrame(rows, infer_schema_length=None), kind).collect()
            for rows, kind in zip(written.values(), kinds, strict=True)
        )
    )


def _only(digested: days.Day, choose: Callable[[pl.DataFrame], pl.DataFrame]) -> days.Day:
    return days.Day(*(choose(frame) for frame in vars(digested).values()))


def _build(digested: days.Day) -> pl.DataFrame:
    contexts = spans.by_context(digested.visits)
    year, alone = spans.fold(digested.account_days.lazy(), contexts.lazy()), Neighbours.none()
    return build_features(Window.of(digested, contexts, year, alone, day=dt.date(2025, 6, 30), length_days=28))


@pytest.mark.parametrize("buckets", [2, 7])
def test_cutting_by_account_changes_nothing(buckets: int) -> None:
    """Features of buckets of accounts, put together, are those of all."""
    digested = _digested(60)
    masks = [pl.col("account") % buckets == bucket for bucket in range(buckets)]
    parts = [_build(_only(digested, operator.methodcaller("filter", mask))) for mask in masks]
    assert pl.concat(parts).sort("account").equals(_build(digested))


def test_row_order_changes_nothing() -> None:
    """Shuffled account-days, titles and visits give the same features."""
    digested = _digested(60)
    shuffled = _only(digested, lambda frame: frame.sample(fraction=1, shuffle=True, seed=3))
    assert _build(shuffled).equals(_build(digested))


def test_new_features_do_not_count_an_accounts_first_week() -> None:
    """Every device of an account's first week is new, and none of them counts."""
    rows: list[dict[str, Any]] = [
        {"ago": 20, "visits": [{"device": n} for n in range(5)]},
        {"visits": [{"device": 9}]},
    ]
    assert build_features(window_of(rows))["new_devices_per_week"].to_list() == [pytest.approx(0.5, abs=1e-8)]


def _lasting(rows: list[dict[str, Any]]) -> float:
    value: float = build_features(window_of(rows))["lasting_groups"].item()
    return value


def _seen(ago: int, device: int, address: int, **said: Any) -> dict[str, Any]:
    return {"ago": ago, "visits": [{"device": device, "address": address, "country": "DE", **said}]}


def test_who_was_at_home_once_in_the_year_belongs_there() -> None:
    """A student's laptop that was at the parents' at Christmas ties the two places; without that they are two."""
    apart = [_seen(ago, device, address=device) for ago in range(5) for device in (1, 2)]
    assert _lasting(apart) == 2
    assert _lasting([*apart, _seen(90, device=2, address=1)]) == 1


def test_a_home_whose_address_changes_daily_is_one() -> None:
    """A TV and a tablet that are never used on the same day never share an address; where one of them is
    in another region, also now and then, or the two were used on one day at two addresses, they are two homes."""
    tv = [_seen(ago, device=1, address=100 + ago, region="BY") for ago in range(0, 20, 2)]
    tablet = [_seen(ago, device=2, address=100 + ago, region="BY") for ago in range(1, 20, 2)]
    assert _lasting([*tv, *tablet]) == 1
    elsewhere = [_seen(ago, device=2, address=100 + ago, region="HH") for ago in range(1, 20, 2)]
    assert _lasting([*tv, *elsewhere]) == 2
    assert _lasting([*tv, *tablet, _seen(0, device=2, address=7, region="BY")]) == 2
    assert _lasting([*tv, *tablet, _seen(21, device=2, address=7, region="HH")]) == 2


def test_a_home_whose_devices_speak_two_protocols_is_one() -> None:
    """The television has IPv4 alone, the telephone takes IPv6: both were there from the first days, in one region, and
    somebody's profile is played on either. Who joins by the other protocol, or is the third, is not of the home."""

    def by(device: int, address: int, days: range = range(120, 0, -3), **said: Any) -> list[dict[str, Any]]:
        return [_seen(ago, device=device, address=address, **{"region": "BE", "profile": 1} | said) for ago in days]

    tv, phone = by(1, 1), by(2, IPV6_FROM + 1)
    for name in ("lasting_groups", "homes_365d", "people_365d", "lived_in_homes_365d"):
        assert _built([*tv, *phone], name) == 1
        assert _built([*tv, *by(2, IPV6_FROM + 1, profile=None)], name) == 1
    for other in ({"region": "HH"}, {"profile": 2}, {"country": "FR", "region": None}):
        assert _built([*tv, *by(2, IPV6_FROM + 1, **other)], "lived_in_homes_365d") == 2
    hotel = by(3, 9, range(9, 0, -3), network_kind="hotel")
    unknown = [
        {"ago": ago, "visits": [{"address": IPV6_FROM + 1, "country": "DE", "region": "BE"}]} for ago in (7, 4, 1)
    ]
    assert [_built([*tv, *phone, *phone, *more], "lasting_groups") for more in (hotel, unknown)] == [1, 1]
    joined = [*tv, *by(2, IPV6_FROM + 1, range(60, 0, -3))]
    assert _built(joined, "joined_365d_share") == 0.5
    assert _built([*tv, *phone, *by(3, 3)], "lived_in_homes_365d") == 3


@pytest.mark.parametrize("lease_days", [1, 7])
def test_a_home_whose_address_changes_weekly_is_one_though_its_screen_is_renewed(lease_days: int) -> None:
    """The app is installed anew on one day, and has another id from then on."""
    rows = [
        _seen(ago, device=1 if ago > 20 else 2, address=100 + ago // lease_days, plays=4, region="BY")
        for ago in range(90)
        if lease_days == 1 or ago // 7 != 3 or ago <= 20
    ]
    assert _built(rows, "homes_365d") == 1
    assert _built(rows, "joined_365d_share") == 0


def test_two_homes_whose_addresses_change_weekly_at_the_same_time_are_two() -> None:
    """A lease that ends in the one is no renewed screen in the other."""
    rows = [
        _seen(ago, device=device, address=1000 * device + ago // 7, plays=4, region="BY")
        for ago in range(90)
        for device in (1, 2)
    ]
    assert _built(rows, "homes_365d") == 2


def test_peers_are_of_one_plan_and_country() -> None:
    """The largest plan and the country of most plays; without one of the two there are no peers."""
    rows = [
        {"ago": 1, "plan_streams": 2, "visits": [{"country": "BR", "plays": 2}]},
        {"plan_streams": 4, "visits": [{"country": "BR", "plays": 1}, {"country": "US", "plays": 2}]},
    ]
    both = build_features(window_of(rows), peers=("plan_streams", "country"))
    assert both["peer"].to_list() == ["a plan of 4 streams, BR"]
    assert build_features(window_of(rows), peers=("country",))["peer"].to_list() == ["BR"]
    alone = build_features(window_of([{"plan_streams": 1}]), peers=("plan_streams",))
    assert alone["peer"].to_list() == ["a plan of 1 stream"]
    nowhere = build_features(window_of([{"plan_streams": 4}]), peers=("plan_streams", "country"))
    assert nowhere["peer"].to_list() == [None]
    assert "peer" not in build_features(window_of(rows)).columns


def test_peers_may_be_of_one_class_of_device() -> None:
    """The class that most of the days began with, of two as common the first by name; null where no day says one."""
    rows: list[dict[str, Any]] = [
        {"ago": 3, "device_type": "tv"},
        {"ago": 2, "device_type": "phone"},
        {"ago": 1, "device_type": "tv"},
        {},
    ]
    assert build_features(window_of(rows), peers=("device_type",))["peer"].to_list() == ["tv"]
    assert build_features(window_of(rows[:2]), peers=("device_type",))["peer"].to_list() == ["phone"]
    assert build_features(window_of([{}]), peers=("device_type",))["peer"].to_list() == [None]


def _use(ago: int, profile: int | None, device: int, network: int = 0, **said: Any) -> dict[str, Any]:
    return {"ago": ago, "visits": [{"profile": profile, "device": device, "network": network} | said]}


_CARRIER = {"network_kind": "mobile", "country": "DE", "utc_hours": 1}
_DAYS = range(0, 20, 3)


def _built(rows: list[dict[str, Any]], name: str) -> float | None:
    value: float | None = build_features(window_of(rows))[name].item()
    return value


def test_tenants_on_carriers_are_as_many_as_they_are_and_a_family_is_one() -> None:
    """Four people, each with a profile, a phone and a carrier of their own, are four where nobody has a line at home,
    and watch at the same time; once all use one TV, or all have one carrier, they are one family."""
    tenants = [_use(ago, who, who, who, **_CARRIER) for ago in _DAYS for who in (1, 2, 3, 4)]
    assert _built(tenants, "lasting_strangers") == 4
    assert _built(tenants, "strangers_same_hour_h") == len(_DAYS)
    tv = [_use(4, who, 9, 1, **_CARRIER) for who in (1, 2, 3, 4)]
    assert _built([*tenants, *tv], "lasting_strangers") == 1
    family = [_use(ago, who, who, 1, **_CARRIER) for ago in _DAYS for who in (1, 2, 3, 4)]
    assert _built(family, "lasting_strangers") == 1
    assert _built(family, "strangers_same_hour_h") == 0


def test_a_carrier_makes_no_two_homes_one_and_lends_phones_that_have_none() -> None:
    """Two homes whose phones are on one carrier are two, in the window and the year. A phone of a profile of its own
    that is only ever on that network is one of theirs and makes no third, nor one of the two; on another network it is
    somebody else's. Where the carrier is the home, all are of it, though some days, or the few of one tablet, were
    spent on somebody's line."""
    homes = [
        use
        for ago in _DAYS
        for who in (1, 2)
        for use in (_use(ago, who, who, address=6 + who), _use(ago, who, 10 + who, 5, **_CARRIER))
    ]
    homes += [_use(1, who, 10 + who, address=6 + who) for who in (1, 2)]
    carried = [_use(ago, who, who, 5, **_CARRIER) for ago in _DAYS for who in (1, 2, 3)]
    for name in ("lasting_strangers", "people_365d"):
        assert _built(homes, name) == 2, name
        assert _built([*homes, *(_use(ago, 3, 13, 5, **_CARRIER) for ago in _DAYS)], name) == 2, name
        assert _built([*homes, *(_use(ago, 3, 13, 6, **_CARRIER) for ago in _DAYS)], name) == 3, name
        unknown = [_use(ago, None, 13, 6, **_CARRIER) for ago in _DAYS]
        assert _built([*homes, *unknown, _use(1, 1, 11, 6, **_CARRIER)], name) == 1, name
        some_days = [_use(ago, who, who, address=6 + who) for ago in _DAYS[:6] for who in (1, 2)]
        assert _built([*carried, *some_days], name) == 1, name
        one_day = [_use(1, who, who, address=6 + who) for who in (1, 2)]
        assert _built([*carried, *one_day, _use(1, 1, 9, address=7)], name) == 1, name
    owner = [use for use in homes if use["visits"][0]["profile"] == 1]
    before = [_use(ago, 1, 1, address=7) for ago in range(20, 60)] + [_use(41, 1, 2, 5, **_CARRIER)]
    assert _built([*before, *owner, *(_use(ago, None, 13, 5, **_CARRIER) for ago in range(7))], "newcomer_share") == 0


def test_a_phone_that_is_never_at_home_belongs_to_whose_profile_it_shows() -> None:
    """TV at home, phone on a carrier's line: one person; that nobody knows the profiles makes no strangers."""
    person = [_use(ago, 1, 1, address=7) for ago in _DAYS] + [_use(ago, 1, 2, 5, **_CARRIER) for ago in _DAYS]
    assert _built(person, "lasting_strangers") == 1
    nobody = [_use(ago, None, who, who, **_CARRIER) for ago in _DAYS for who in (1, 2, 3)]
    assert _built(nobody, "lasting_strangers") is None


def test_guests_are_no_strangers_that_last() -> None:
    """Who watched for a week on a line of their own, and left, is none."""
    home = [_use(ago, 1, 1, address=7) for ago in _DAYS]
    assert _built([*home, *(_use(ago, 2, 2, 5, **_CARRIER) for ago in range(10, 16))], "lasting_strangers") == 1


_BEFORE = [_use(ago, 1, 1, address=7, country="DE") for ago in (70, 40, 26, 20, 13, 8, 3, 0)]


@pytest.mark.parametrize("line", [_CARRIER, {"network_kind": "hosting", "country": "DE"}, {"address": 8}])
def test_who_takes_over_a_profile_is_seen_behind_any_line(line: dict[str, Any]) -> None:
    """A new device at a new place on the owner's profile, beside the owner: at a carrier's, a server's or a home."""
    thief = [_use(ago, 1, 2, 5, **line) for ago in (6, 5, 2, 1)]
    share = _built([*_BEFORE, *thief], "newcomers_on_profile_share")
    assert share is not None
    assert share > 0.3


def test_a_new_phone_a_mover_and_guests_take_nothing_over() -> None:
    """A new phone comes to where the old devices are; who moves takes a device along; guests leave, or are at home."""
    phone = [_use(6, 1, 2, 5, **_CARRIER), _use(5, 1, 2, 5, **_CARRIER), _use(4, 1, 2, address=7)]
    moved = [_use(6, 1, 2, address=8), _use(5, 1, 1, address=8), _use(2, 1, 2, address=8)]
    new_tv = [_use(2, 1, 2, address=8, country="FR"), _use(1, 1, 2, address=8, country="FR")]
    guests = [_use(ago, 2, 2, address=8) for ago in (12, 11, 9)]
    at_home = [_use(ago, 2, 2, address=7) for ago in (3, 2, 1)]
    lives = [*([*_BEFORE, *came] for came in (phone, moved, guests, at_home)), [*_BEFORE[:-2], *new_tv]]
    for name in ("newcomers_staying_share", "newcomers_on_profile_share"):
        assert [_built(rows, name) for rows in lives] == [0] * len(lives)


def test_a_window_may_be_as_long_as_the_setting_allows() -> None:
    """64 days, each a bit of its own; plays stand apart from them."""
    longest = next(one.le for one in config.Window.model_fields["days"].metadata if hasattr(one, "le"))
    rows = [
        {"ago": ago, "titles": [{"title": 1, "plays": 10, "views": 1}, {"title": 2, "plays": 2}]} for ago in range(28)
    ]
    window = replace(window_of(rows), length_days=longest)
    built = build_features(window, [Repetition]).row(0, named=True)
    assert (built["top_title_share"], built["longest_streak_1_missed"]) == (round(10 / 12, 9), 28)
