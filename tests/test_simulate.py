"""`detector.simulate`: an invented service is believable, and its answers are the ones it was made from."""

import datetime as dt
import ipaddress
from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from detector import simulate as simulator
from detector import tables
from detector.errors import SettingsError
from detector.simulate import Service, simulate, world, write
from detector.simulate.catalogue import ALL_FILMS
from detector.simulate.customs import Customs
from detector.simulate.households import household
from detector.simulate.kinds import INTENSITIES, KINDS
from detector.simulate.living import in_turn
from detector.simulate.playing import play
from detector.simulate.town import Town
from detector.simulate.world import CITIES, ZONES

END, DAYS, ACCOUNTS = dt.date(2026, 3, 31), 365, 1_200
VARIANTS = list(simulator.VARIANTS)
# Of these one travels while others stay, or guests come and go on one profile; by other means grandparents live next
# door, and by yet others one goes ahead of those who move.
_ALWAYS_APART = {"frequent traveller", "student with two homes", "holiday guests"}
APART = {"usual": _ALWAYS_APART, "other": _ALWAYS_APART | {"big family"}, "held-out": _ALWAYS_APART | {"mover"}}
START = pl.col("started_at")
PLACE = ("latitude", "longitude")


@pytest.fixture(scope="module")
def service() -> Service:
    return simulate(accounts=ACCOUNTS, days=DAYS, end=END, seed=7, abuse_share=0.05, story=True)


@pytest.fixture(scope="module")
def rows(service: Service) -> pl.DataFrame:
    """Playbacks with their account's kind and label, the local day and hour and the seconds played."""
    return _local(service)


@pytest.fixture(scope="module")
def streaks(rows: pl.DataFrame) -> pl.DataFrame:
    """Runs of consecutive local days on which an account viewed one film: their last day and length."""
    viewed = (
        rows.filter(pl.col("seconds") >= 0.7 * pl.col("title_runtime_s"), title_kind="movie")
        .select("account_id", "kind", "title_id", "day")
        .unique()
        .sort("account_id", "title_id", "day")
    )
    run = pl.col("day") - pl.duration(days=pl.int_range(pl.len()).over("account_id", "title_id"))
    return viewed.group_by("account_id", "kind", "title_id", run=run).agg(last=pl.col("day").max(), days=pl.len())


def _local(service: Service) -> pl.DataFrame:
    by_zone = [
        part.with_columns(clock=START.dt.convert_time_zone(str(zone)).dt.replace_time_zone(None))
        for (zone,), part in service.playbacks.partition_by("timezone", as_dict=True).items()
    ]
    known = pl.concat(by_zone).join(service.truth, on="account_id")
    seconds = (pl.col("ended_at") - START).dt.total_seconds()
    at = pl.col("clock")
    return known.with_columns(day=at.dt.date(), hour=at.dt.hour(), seconds=seconds).sort("started_at")


def _among(service: Service, label: str) -> int:
    return service.truth.filter(label=label).height


def _share(true: pl.Series) -> float:
    return int(true.sum()) / len(true)


def _overlaps(rows: pl.DataFrame, *by: str) -> int:
    """Rows that begin before an earlier one of the same group has ended."""
    ended = pl.col("ended_at").cum_max().shift(1).over(*by, order_by="started_at")
    return rows.filter(ended > START).height


def _fastest_kmh(rows: pl.DataFrame, *by: str) -> float:
    """The fastest travel between the starts of two successive rows of a group."""
    steps = rows.sort(*by, "started_at").with_columns(
        pl.col("started_at", "city", "latitude", "longitude").shift(1).over(*by).name.prefix("last_")
    )
    moves = steps.filter(pl.col("city") != pl.col("last_city"))
    assert moves.height > 100, "too few people moved for this to say anything"
    north, last_north = pl.col("latitude").radians(), pl.col("last_latitude").radians()
    east = (pl.col("longitude") - pl.col("last_longitude")).radians()
    km = 6371 * (north.sin() * last_north.sin() + north.cos() * last_north.cos() * east.cos()).arccos()
    fastest = moves.select(km / (START - pl.col("last_started_at")).dt.total_seconds() * 3600).max().item()
    return float(fastest)


def test_equal_arguments_give_equal_frames() -> None:
    """A service is a function of its arguments, and the seed is one of them."""
    one, same, other = (simulate(accounts=60, days=40, end=END, seed=seed) for seed in (3, 3, 4))
    assert_frame_equal(one.playbacks, same.playbacks)
    assert_frame_equal(one.truth, same.truth)
    assert not one.playbacks.equals(other.playbacks)


def test_columns_are_those_of_the_input_table(service: Service) -> None:
    """The playbacks have columns of the input table and no others, and are sorted by their start."""
    wanted = tables.columns(tables.RawRows)
    assert {name: dtype == wanted.get(name) for name, dtype in service.playbacks.schema.items()} == dict.fromkeys(
        set(wanted) - {"row", "says_offset", "offset_s", "device_name", "playback_id", "network", "accuracy_km"}, True
    )
    assert service.playbacks["started_at"].is_sorted()


def test_fifty_three_members_viewed_one_film_on_eighteen_days(service: Service, streaks: pl.DataFrame) -> None:
    """Exactly 53 accounts viewed the same film on each of the last 18 local days, and on no day before."""
    story = streaks.filter((pl.col("days") == 18) & (pl.col("last") == END), kind="eighteen-day streak")
    of_theirs = streaks.filter(pl.col("title_id").is_in(story["title_id"].implode()), kind="eighteen-day streak")
    assert (
        story.height
        == of_theirs.height
        == 53
        == service.truth.filter(kind="eighteen-day streak", label="benign").height
    )
    assert story["title_id"].n_unique() == 1
    others = streaks.filter(pl.col("title_id") == story["title_id"][0], pl.col("kind") != "eighteen-day streak")
    assert others["days"].max() in range(1, 10)  # seen elsewhere too, but nobody's habit


def test_one_looper_viewed_another_film_on_every_day_of_a_year(service: Service, streaks: pl.DataFrame) -> None:
    """Exactly one account is a looper: it viewed one film, not the story's, on each of 365 local days."""
    year = streaks.filter(days=365)
    assert year.select("kind", "last").rows() == [("year-long looper", END)]
    assert service.truth.filter(kind="year-long looper")["label"].to_list() == ["abuse"]
    assert year["title_id"][0] not in streaks.filter(days=18, kind="eighteen-day streak")["title_id"]


def test_there_is_no_story_unless_asked() -> None:
    """Without the story no account belongs to it, and loopers are as common as their share says."""
    kinds = simulate(accounts=2_000, days=2, end=END, seed=1, abuse_share=0.02).truth["kind"]
    assert "eighteen-day streak" not in kinds
    assert (kinds == "year-long looper").sum() == 4


def test_labels(service: Service) -> None:
    """Every account has one row of truth, whose label is its kind's; the abusive ones are as many as asked for."""
    assert service.truth["account_id"].n_unique() == service.truth.height == ACCOUNTS
    labels = dict(service.truth.select("kind", "label").unique().rows())
    assert labels == {kind.name: kind.label for kind in KINDS}
    assert _among(service, "abuse") == 60
    assert 20 <= _among(service, "sharing") <= 40
    assert set(service.playbacks["account_id"]) <= set(service.truth["account_id"])


def test_truth_counts_households(service: Service) -> None:
    """A family is one household wherever its people are, friends are two or three, and machines are none."""
    by_kind = {kind: set(part["households"]) for (kind,), part in service.truth.group_by("kind")}
    for one in ("household", "student with two homes", "frequent traveller", "two homes", "mover", "holiday guests"):
        assert by_kind[one] == {1}
    assert by_kind["friends who share"] == {2, 3}
    assert by_kind["loop farm"] == {None}
    assert min(by_kind["resale"]) >= 2


def test_account_ids_do_not_tell_the_kind(service: Service) -> None:
    """In the order of the ids abusive accounts stand anywhere, and no kind stands together."""
    abusive = service.truth.with_row_index().filter(label="abuse")["index"]
    assert abusive.min() in range(ACCOUNTS // 5)
    assert abusive.max() in range(ACCOUNTS - ACCOUNTS // 5, ACCOUNTS)
    assert all(step < ACCOUNTS / 4 for step in abusive.diff().drop_nulls())


def test_days_are_local_and_end_with_the_last(rows: pl.DataFrame) -> None:
    """Playbacks start on the local days asked for, on each of them, and on no other."""
    assert sorted(set(rows["day"])) == [END - dt.timedelta(back) for back in reversed(range(DAYS))]
    assert set(rows["started_at"].dt.date()) > set(rows["day"])  # the UTC clock is ahead or behind


@pytest.mark.parametrize("variant", VARIANTS)
def test_nobody_outruns_a_plane(variant: str) -> None:
    """Where they really are, households that travel together and all honest people stay under 900 km/h."""
    census = simulator._census(ACCOUNTS, 120, 0.05, story=False)
    town, kind_of = simulator._settle(np.random.default_rng(7), census, 120, END, "mixed", variant)
    played = play(town)
    kinds = pl.DataFrame({"kind": [kind.name for kind in kind_of], "label": [kind.label for kind in kind_of]})
    cities = pl.DataFrame([city[:6] for city in CITIES], schema=["city", "", " ", "  ", *PLACE], orient="row")
    moves = pl.DataFrame({"account_id": played.account, "profile_id": played.profile, "started_at": played.start_ms})
    at_home = ~np.isin(town.places["kind"][played.place], (world.VPN, world.HOSTING))
    known = pl.concat(
        [
            moves.with_columns(pl.col("started_at").cast(pl.Datetime("ms", "UTC"))),
            kinds[played.account],
            cities[town.places["city"][played.place]].select("city", *PLACE),
        ],
        how="horizontal",
    ).filter(at_home, pl.col("label") != "abuse")
    together = known.filter(~pl.col("kind").is_in(APART[variant]), pl.col("label") == "benign")
    assert _fastest_kmh(together, "account_id") < 900
    assert _fastest_kmh(known.filter(pl.col("kind") != "holiday guests"), "account_id", "profile_id") < 900


def test_one_thing_at_a_time(rows: pl.DataFrame) -> None:
    """No device shows two things at once, and no person of a benign account watches two; guests share a profile."""
    assert _overlaps(rows, "device_id") == 0
    people = rows.filter(pl.col("kind") != "holiday guests", label="benign")
    assert _overlaps(people, "account_id", "profile_id") == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_variants_obey_the_same_laws(variant: str) -> None:
    """By whatever means, playbacks start on the days asked for, and no device shows two things at once."""
    service = simulate(accounts=1_000, days=40, end=END, seed=8, abuse_share=0.2, variant=variant)
    rows = _local(service)
    assert sorted(set(rows["day"])) == [END - dt.timedelta(back) for back in reversed(range(40))]
    assert _overlaps(rows, "device_id") == 0
    assert (rows["ended_at"] > rows["started_at"]).all()


def test_households_keep_to_their_plan(rows: pl.DataFrame) -> None:
    """Nearly all benign plays start while the plan has a stream left, though households do watch at once."""
    benign = rows.filter(label="benign")
    changes = pl.concat(
        [
            benign.select("account_id", "plan_streams", at="started_at", change=1),
            benign.select("account_id", "plan_streams", at="ended_at", change=-1),
        ]
    ).sort("account_id", "at", "change")
    starts = changes.with_columns(running=pl.col("change").cum_sum().over("account_id")).filter(change=1)
    assert starts["running"].max() in range(2, 8)
    assert _share(starts["running"] <= starts["plan_streams"]) > 0.999


def test_only_the_abusive_have_machines(rows: pl.DataFrame) -> None:
    """Some honest people come out of data centres, through a VPN, and some watch in a browser; only the abusive have
    browsers that hardly leave a pause."""
    browsers = rows.filter(device_type="browser")
    machines = browsers.filter(label="abuse")
    assert set(machines["kind"]) == {"loop farm", "restreaming", "ring"}
    assert set(browsers["kind"]) - set(machines["kind"]) == {"device that changes its id"}
    assert "VPN user" in rows.filter(network_kind="hosting")["kind"]
    farm = machines.filter(kind="loop farm", intensity="blatant").with_columns(
        gap_s=(START - pl.col("ended_at").shift(1).over("device_id")).dt.total_seconds()
    )
    assert farm["gap_s"].median() in range(3, 8)
    assert farm["gap_s"].min() in range(3, 8)
    assert not set(machines["device_id"]) & set(rows.filter(label="benign")["device_id"])


def test_averages_are_believable(service: Service, rows: pl.DataFrame) -> None:
    """A benign account has about 0.8 playbacks a day and 60 views of films a year, mostly in the evening."""
    benign = rows.filter(label="benign")
    members = _among(service, "benign")
    assert 0.65 < benign.height / members / DAYS < 0.95
    by_evening = ["account_id", "title_id", "device_id", "day"]
    films = benign.filter(title_kind="movie").group_by(by_evening).agg(pl.sum("seconds"), pl.first("title_runtime_s"))
    assert 50 < films.filter(pl.col("seconds") >= 0.7 * pl.col("title_runtime_s")).height / members < 75
    berlin = benign.filter(timezone="Europe/Berlin")["started_at"].dt.convert_time_zone("Europe/Berlin").dt.hour()
    assert _share(berlin.is_between(17, 23)) > 0.5
    assert _share(berlin.is_between(2, 4)) < 0.02
    assert 0.4 < _share(benign["device_type"] == "tv") < 0.6


def test_pauses_go_on_where_they_stopped(rows: pl.DataFrame) -> None:
    """A part of the plays comes in two rows, under half an hour apart, the second from the position of the first."""
    by = ("account_id", "profile_id", "device_id", "title_id")
    resumed = rows.with_columns(
        gap_s=(START - pl.col("ended_at").shift(1).over(*by)).dt.total_seconds(),
        stopped_s=pl.col("position_end_s").shift(1).over(*by),
    ).filter(pl.col("position_start_s") > 0)
    assert 0.02 < resumed.height / rows.height < 0.1
    # Of a few the first row is missing, because it began before midnight and the second on a day of travel.
    assert _share(resumed["stopped_s"] == resumed["position_start_s"]) > 0.99
    assert _share(resumed["gap_s"].is_between(60, 1_800)) > 0.99


def test_episodes_follow_one_another(rows: pl.DataFrame) -> None:
    """Within an evening the next episode on a device is mostly the next of the show, and started by itself."""
    episodes = rows.filter(title_kind="episode", label="benign").with_columns(
        number=pl.col("title_id").str.slice(6).cast(pl.Int64)
    )
    by = ("account_id", "profile_id", "device_id")
    steps = episodes.with_columns(
        gap_s=(START - pl.col("ended_at").shift(1).over(*by)).dt.total_seconds(),
        step=pl.col("number") - pl.col("number").shift(1).over(*by),
    ).filter(pl.col("gap_s") < 60, pl.col("position_start_s") == 0)
    assert steps.height > 10_000
    assert _share(steps["step"] == 1) > 0.8
    assert _share(steps["interaction"].drop_nulls() == "autoplay") > 0.85


def test_places_agree_with_themselves(service: Service) -> None:
    """Every playback tells a city with its own region, country and position, mostly in the device's own zone, and an
    address that parses."""
    told = service.playbacks.select("city", "region", "country", "latitude", "longitude").unique()
    assert set(told.rows()) <= {(*city[:3], *city[4:6]) for city in CITIES}
    assert told.height > len(CITIES) / 2
    zone_of = {city[0]: city[3] for city in CITIES}
    zones = service.playbacks.select("timezone", there=pl.col("city").replace_strict(zone_of))
    assert 0.9 < _share(zones["timezone"] == zones["there"]) < 1
    assert set(zones["timezone"]) <= set(ZONES)
    addresses = [ipaddress.ip_address(ip) for ip in service.playbacks["ip"].unique()]
    assert {address.version for address in addresses} == {4, 6}


def test_homes_do_not_share_addresses(rows: pl.DataFrame) -> None:
    """An address at home belongs to one household; carriers, hotels and guest houses have many guests."""
    ordinary = rows.filter(kind="household", network_kind="residential")
    guests = ordinary.group_by("ip").agg(pl.col("account_id").n_unique(), plays=pl.len()).filter(pl.col("plays") > 200)
    assert guests.height > 100
    assert guests["account_id"].max() == 1
    carriers = rows.filter(network_kind="mobile").group_by("ip").agg(pl.col("account_id").n_unique())
    assert _share(carriers["account_id"] >= 3) > 0.5


def test_addresses_are_where_look_ups_think(service: Service) -> None:
    """Each address is always in the same city; those of carriers are in the hubs."""
    by_address = service.playbacks.group_by("ip").agg(cities=pl.n_unique("city"))
    assert by_address["cities"].max() == 1
    mobile = service.playbacks.filter(network_kind="mobile")["city"].unique()
    assert {"Berlin", "London", "Chicago"} <= set(mobile)
    assert not {"Munich", "Manchester", "Madison"} & set(mobile)


def test_look_ups_err_for_a_share_of_the_addresses() -> None:
    """About so many addresses as asked are put into a neighbouring city of their country, each for good."""
    n = 5_000
    city, slot = np.arange(n) % len(CITIES), np.arange(n) % 3
    said, again = (world.located(city, np.full(n, world.RESIDENTIAL), np.arange(n), slot, 0.05) for _ in range(2))
    assert (said == again).all()
    wrong = said != city
    assert 0.03 < wrong.mean() < 0.06  # the only city of its country has no neighbour
    assert (world.COUNTRY_OF_CITY[said] == world.COUNTRY_OF_CITY[city]).all()


def test_lines_are_as_they_are(rows: pl.DataFrame) -> None:
    """A device is seen on IPv4 and IPv6 on one day, phones on the carrier and at home, and some leases last a day."""
    ordinary = rows.filter(kind="household").with_columns(v6=pl.col("ip").str.contains(":"))
    at_home = ordinary.filter(network_kind="residential")
    days = at_home.group_by("device_id", "day").agg(pl.n_unique("v6"), plays=pl.len()).filter(pl.col("plays") > 1)
    assert 0.05 < _share(days["v6"] == 2) < 0.5
    on_carrier = (pl.col("network_kind") == "mobile").mean()
    phones = ordinary.filter(device_type="phone").group_by("device_id").agg(mobile=on_carrier)
    assert 0.02 < _share(phones["mobile"] > 0.7) < 0.25
    assert 0.3 < _share(phones["mobile"].is_between(0.001, 0.7)) < 0.95
    by_home = at_home.filter(~pl.col("v6")).group_by("account_id")
    leases = by_home.agg(pl.n_unique("ip"), pl.n_unique("day")).filter(pl.col("day").is_between(8, 28))
    assert 0.03 < _share(leases["ip"] > 0.8 * leases["day"]) < 0.3


# What sets each kind apart from ordinary households of its service in the last four weeks, and how many times as much
# of it there is on average: usually, by other means, and by those that
# are held out.
SIGNS = {
    "big family": (("profiles", 2.0), ("profiles", 2.0), ("devices", 2.0)),
    "frequent traveller": (("hotel", 4.0), ("countries", 1.3), ("mobile_cities", 1.5)),
    "child's loop": (("top_plays", 2.0), ("top_title_on_tv", 2.0), ("plays_of_a_title", 2.0)),
    "sleeper": (("top_title_on_tv", 2.0), ("track", 9.0), ("night", 9.0)),
    "mobile carrier only": (("mobile", 4.0), ("tv_on_mobile", 9.0), ("mobile", 4.0)),
    "VPN user": (("vpn", 9.0), ("tv_on_vpn", 9.0), ("tv_on_vpn", 9.0)),
    "device that changes its id": (("devices", 1.5), ("devices", 1.2), ("devices", 1.5)),
    "student with two homes": (("campus", 9.0), ("campus", 9.0), ("elsewhere", 2.0)),
    "holiday guests": (("devices", 1.3), ("devices", 1.3), ("devices", 1.3)),
    "binge": (("busiest_day_h", 1.5), ("busiest_day_h", 1.5), ("busiest_day_h", 1.5)),
    "shift worker": (("working_hours", 1.5), ("working_hours", 1.2), ("night", 9.0)),
    "two homes": (("elsewhere", 2.0), ("weekend_mobile", 2.0), ("elsewhere", 2.0)),
    "friends who share": (("addresses", 1.5), ("addresses", 1.5), ("addresses", 1.5)),
    "resale": (("cities", 2.0), ("tv", 1.5), ("cities", 2.0)),
    "profiles rented out": (("profiles", 1.5), ("mobile", 3.0), ("cities", 1.5)),
    "takeover": (("countries", 1.3), ("browser_on_vpn", 9.0), ("countries", 1.5)),
    "loop farm": (("browser", 9.0), ("phone_on_mobile", 4.0), ("plays_of_a_title", 9.0)),
    "restreaming": (("live", 9.0), ("browser_on_vpn", 9.0), ("live", 9.0)),
    "ring": (("browser", 9.0), ("plays_of_a_title", 1.0), ("accounts_of_a_device", 2.0)),
    "year-long looper": (("top_plays", 2.0), ("top_plays", 4.0), ("top_plays", 9.0)),
}


@pytest.fixture(scope="module", params=VARIANTS)
def lives(request: pytest.FixtureRequest) -> tuple[str, pl.DataFrame]:
    """The variant, and what is seen of each account in the last four weeks."""
    service = simulate(accounts=3_000, days=60, end=END, seed=5, abuse_share=0.15, variant=request.param)
    tv, phone, browser = (pl.col("device_type") == name for name in ("tv", "phone", "browser"))
    mobile, campus, hotel = (pl.col("network_kind") == name for name in ("mobile", "education", "hotel"))
    vpn = pl.col("network_kind").is_in(["vpn", "hosting"])
    hours, weekend = pl.col("seconds") / 3600, pl.col("day").dt.weekday() >= 6
    often = pl.len().over("account_id", "title_id")
    rows = _local(service).filter(pl.col("day") > END - dt.timedelta(28))
    lately = rows.with_columns(
        often=often,
        top=often == often.max().over("account_id"),
        own_city=pl.col("city") == pl.col("city").mode().sort().first().over("account_id"),
        day_h=hours.sum().over("account_id", "day"),
        accounts_of_it=pl.n_unique("account_id").over("device_id"),
    )
    seen = lately.group_by("account_id", "kind", "label", "intensity", "households").agg(
        pl.n_unique("device_id").alias("devices"),
        pl.n_unique("profile_id").alias("profiles"),
        pl.n_unique("ip").alias("addresses"),
        hours=hours.sum(),
        top_hours=hours.filter("top").sum(),
        other_hours=hours.filter(~pl.col("top")).sum(),
        cities=pl.col("city").filter(~vpn).n_unique(),
        countries=pl.col("country").filter(~vpn).n_unique(),
        mobile_cities=pl.col("city").filter(mobile).n_unique(),
        accounts_of_a_device=pl.col("accounts_of_it").mean(),
        elsewhere=(~pl.col("own_city") & ~mobile & ~hotel).mean(),
        tv=tv.mean(),
        browser=browser.mean(),
        hotel=hotel.mean(),
        campus=campus.mean(),
        mobile=mobile.mean(),
        vpn=vpn.mean(),
        tv_on_mobile=(tv & mobile).mean(),
        tv_on_vpn=(tv & vpn).mean(),
        phone_on_mobile=(phone & mobile).mean(),
        browser_on_vpn=(browser & vpn).mean(),
        weekend_mobile=(weekend & mobile).mean(),
        live=(pl.col("title_kind") == "live").mean(),
        track=(pl.col("title_kind") == "track").mean(),
        top_plays=pl.col("often").max(),
        top_title_on_tv=(pl.col("top") & tv).mean(),
        plays_of_a_title=pl.len() / pl.n_unique("title_id"),
        busiest_day_h=pl.col("day_h").max(),
        night=(pl.col("hour") < 6).mean(),
        working_hours=(pl.col("hour").is_between(7, 12) & ~weekend).mean(),
    )
    return request.param, seen


@pytest.mark.parametrize("kind", SIGNS)
def test_each_kind_shows_what_it_is(lives: tuple[str, pl.DataFrame], kind: str) -> None:
    """What sets a kind apart from ordinary households is seen in its log."""
    variant, seen = lives
    sign, times = SIGNS[kind][VARIANTS.index(variant)]
    theirs, others = (seen.filter(kind=one)[sign].mean() for one in (kind, "household"))
    assert isinstance(theirs, float)
    assert isinstance(others, float)
    assert theirs > times * others


def test_households_are_counted_in_all_variants(lives: tuple[str, pl.DataFrame]) -> None:
    """Who has two homes is one household, friends are as many as they are, strangers too, and machines are none."""
    variant, seen = lives
    by_kind = {kind: set(part["households"]) for (kind,), part in seen.group_by("kind")}
    for one in ("household", "student with two homes", "frequent traveller", "two homes", "mover"):
        assert by_kind[one] == {1}
    assert by_kind["friends who share"] == ({2, 3, 4} if variant == "other" else {2, 3})
    assert by_kind["loop farm"] == by_kind["ring"] == {None}
    assert min(by_kind["resale"]) >= 2
    assert min(by_kind["takeover"]) >= 2


def test_turns_are_as_long_as_asked() -> None:
    """Spells away are apart, as long as asked and as far from each other; the log cuts the first and the last short."""
    town = Town(np.random.default_rng(1), 1, END, 365, simulator.VARIANTS["usual"], np.zeros(1, np.int64))
    most = np.repeat([7, 14], 50)
    who, first, last = in_turn(town, 100, away=(7, most), home=(2, 5))
    assert set(who) == set(range(100))
    assert (first >= 0).all()
    assert (last < 365).all()
    same = np.diff(who) == 0
    assert set((first[1:] - last[:-1])[same] - 1) == set(range(2, 6))
    whole = (first > 0) & (last < 364)
    for longest in (7, 14):
        assert set((last - first + 1)[whole & (most[who] == longest)]) == set(range(7, longest + 1))
    assert 0.5 < (first == 0).mean() * len(who) / 100 < 0.9  # who is away as the log begins


def test_a_series_goes_on_or_round() -> None:
    """Night after night the episodes of a series follow one another, into the next show or round the same again."""
    for circle in (10, 1_000):
        town = Town(np.random.default_rng(1), 1, END, 30, simulator.VARIANTS["usual"], np.zeros(1, np.int64))
        family = household(town, np.zeros(1, np.int64), pace=0, trips=0)
        town.rituals.add(1, viewer=family.first, title=ALL_FILMS, series=1, circle=circle, sure=1)
        played = play(town)
        shown = played.title[np.argsort(played.start_ms)] - ALL_FILMS
        assert shown.tolist() == [night % circle for night in range(30)]


def test_some_ordinary_households_come_back() -> None:
    """By the means held out more ordinary households fall silent for a month and watch again than usually do."""
    silent = {}
    for variant in ("usual", "held-out"):
        service = simulate(accounts=2_000, days=180, end=END, seed=5, abuse_share=0, variant=variant)
        ordinary = service.playbacks.join(service.truth.filter(kind="household"), on="account_id", how="semi")
        lively = ordinary.group_by("account_id").agg(plays=pl.len(), silence=START.diff().max())
        silent[variant] = _share(lively.filter(pl.col("plays") >= 60)["silence"] >= dt.timedelta(30))
    assert silent["held-out"] > 2 * silent["usual"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_movers_end_up_elsewhere(variant: str) -> None:
    """Most of those who moved within the middle of the time have another home city at its end than at its beginning, by
    other means in another country; hardly any ordinary household has."""
    service = simulate(accounts=4_000, days=60, end=END, seed=6, abuse_share=0, variant=variant)
    place = "country" if variant == "other" else "city"
    rows = _local(service).filter(pl.col("kind").is_in(["mover", "household"]), network_kind="residential")
    weeks = [pl.col("day") < END - dt.timedelta(45), pl.col("day") > END - dt.timedelta(15)]
    ends = rows.group_by("account_id", "kind").agg(
        pl.col(place).filter(when).mode().sort().first().alias(name)
        for name, when in zip(("before", "after"), weeks, strict=True)
    )
    moved = ends.drop_nulls().group_by("kind").agg(share=(pl.col("before") != pl.col("after")).mean())
    shares = dict(moved.iter_rows())
    assert shares["mover"] > 0.3
    assert shares["household"] < 0.15


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        ("resale", "devices"),
        ("profiles rented out", "profiles"),
        ("takeover", "hours"),
        ("loop farm", "hours"),
        ("restreaming", "hours"),
        ("ring", "hours"),
    ],
)
def test_intensity_is_behaviour(lives: tuple[str, pl.DataFrame], kind: str, sign: str) -> None:
    """From faint over middle to blatant there are more strangers, or they watch more, or the machines run longer."""
    by_intensity = dict(lives[1].filter(kind=kind).group_by("intensity").agg(pl.col(sign).mean()).iter_rows())
    faint, middle, blatant = (by_intensity[name] for name in INTENSITIES)
    assert faint < middle < blatant


def test_intensity_of_a_looper_is_how_little_else_there_is(lives: tuple[str, pl.DataFrame]) -> None:
    """All loop for as long; the blatant do hardly anything else."""
    loopers = lives[1].filter(kind="year-long looper").group_by("intensity").agg(pl.mean("top_hours", "other_hours"))
    of = {name: (top, other) for name, top, other in loopers.iter_rows()}
    assert of["faint"][1] > of["middle"][1] > of["blatant"][1]
    assert of["blatant"][0] > 0.5 * of["faint"][0]


def test_an_intensity_can_be_asked_for() -> None:
    """All abusive accounts have the intensity asked for, else each one of its own; the others have none."""
    mixed = simulate(accounts=300, days=3, end=END, seed=1, abuse_share=0.3).truth
    assert set(mixed.filter(label="abuse")["intensity"]) == set(INTENSITIES)
    assert mixed.filter(pl.col("label") != "abuse")["intensity"].null_count() == 210
    for intensity in INTENSITIES:
        truth = simulate(accounts=300, days=3, end=END, seed=1, abuse_share=0.3, intensity=intensity).truth
        assert truth.filter(label="abuse")["intensity"].unique().to_list() == [intensity]
    assert mixed.schema == truth.schema


def test_every_kind_has_other_means() -> None:
    """No kind lives the same way in two variants, but for the story, which is one; no custom is of two."""
    ways = {kind.name: {kind.lives(variant) for variant in VARIANTS} for kind in KINDS}
    assert {name: len(found) for name, found in ways.items() if len(found) < 3} == {"eighteen-day streak": 1}
    assert len(set.union(*ways.values())) == 3 * (len(KINDS) - 1) + 1
    for custom in fields(Customs):
        assert len({str(getattr(customs, custom.name)) for customs in simulator.VARIANTS.values()}) == 3
    assert 0.6 < sum(kind.share for kind in KINDS if kind.name == "household") < 0.7
    hard = [kind for kind in KINDS if kind.label == "benign" and kind.share and kind.name != "household"]
    assert all(0.015 <= kind.share <= 0.04 for kind in hard)
    assert sum(kind.share for kind in KINDS if kind.label != "abuse") == pytest.approx(1)
    assert sum(kind.share for kind in KINDS if kind.label == "abuse") == pytest.approx(1)


def test_a_service_is_written_by_utc_date(tmp_path: Path) -> None:
    """One Parquet file for each UTC date of start, together the playbacks in their order; the truth beside them."""
    service = simulate(accounts=40, days=5, end=END, seed=2)
    for _ in range(2):  # again over itself
        write(service, tmp_path)
    dates = service.playbacks["started_at"].dt.date()
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == [
        *sorted(f"{date}.parquet" for date in dates.unique()),
        "truth.parquet",
    ]
    for date in dates.unique():
        stored = pl.read_parquet(tmp_path / "playbacks" / f"{date}.parquet")
        assert_frame_equal(stored, service.playbacks.filter(dates == date))
    assert_frame_equal(pl.read_parquet(tmp_path / "truth.parquet"), service.truth)


def test_two_services_are_not_mixed(tmp_path: Path) -> None:
    """A folder that holds days of another service is refused and left as it is."""
    write(simulate(accounts=40, days=5, end=END, seed=2), tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SettingsError, match="choose an empty folder"):
        write(simulate(accounts=40, days=5, end=END - dt.timedelta(9), seed=2), tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"accounts": 0},
        {"days": 0},
        {"days": 10**9},
        {"end": dt.date(1, 1, 1)},
        {"seed": -1},
        {"abuse_share": 1.5},
        {"abuse_share": float("nan")},
        {"intensity": "glaring"},
        {"variant": "tuned"},
        {"story": True, "days": 17},
        {"story": True, "accounts": 53},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    """What can not be is refused in one sentence that says what was expected, what was found and what to do."""
    arguments = {"accounts": 100, "days": 30, "end": END, "seed": 1} | wrong
    with pytest.raises(SettingsError, match=r"^expected .*, found .*; \w+ "):
        simulate(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("accounts", "days", "abuse_share"), [(1, 1, 0.0), (1, 1, 1.0), (5, 2, 1.0), (3, 400, 0.5), (90, 1, 0.5)]
)
def test_the_smallest_services_stand(accounts: int, days: int, abuse_share: float, variant: str) -> None:
    """A service may have one account, one day, and nobody honest."""
    service = simulate(accounts=accounts, days=days, end=END, seed=1, abuse_share=abuse_share, variant=variant)
    assert service.truth.height == accounts
    assert _among(service, "abuse") == round(accounts * abuse_share)
    assert service.playbacks.schema == simulate(accounts=9, days=9, end=END, seed=1).playbacks.schema
