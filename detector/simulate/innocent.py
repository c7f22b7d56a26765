"""The innocent, ordinary and hard to tell, and friends who share: how they usually live."""

import numpy as np

from detector.simulate.catalogue import ALL_FILMS
from detector.simulate.households import household
from detector.simulate.living import STORY_DAYS, every_day, members, ordinary, some_title, with_neighbour
from detector.simulate.town import BROWSER, CARRIERS, HOTELS, PHONE, Town
from detector.simulate.world import Array


def plain(town: Town, accounts: Array) -> None:
    """One to six people; a few accounts are new, and a few left."""
    n = len(accounts)
    new, left = town.rng.random((2, n)) < [[0.08], [0.03]]
    moment = town.rng.integers(0, town.days, n)
    ordinary(town, accounts, first=np.where(new, moment, 0), last=np.where(left & ~new, moment, town.days - 1))


def big_family(town: Town, accounts: Array) -> None:
    """Six to nine people of all ages under one roof."""
    rng, n = town.rng, len(accounts)
    adults, teens = rng.integers(2, 5, n), rng.integers(2, 4, n)
    household(town, accounts, adults=adults, teens=teens, children=2, pace=1.3)


def frequent_traveller(town: Town, accounts: Array) -> None:
    """One adult is away on business for some nights in most weeks, in hotels of a few cities; the others stay."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, **members(rng, rng.choice([1, 2, 3], n, p=[0.5, 0.3, 0.2])))
    party = town.parties.add(n, home=family.home)
    town.viewers["party"][family.first] = party
    weeks = -(-town.days // 7)
    who = np.repeat(np.arange(n), weeks)
    first = np.tile(np.arange(weeks) * 7, n) + rng.integers(0, 3, len(who))
    away = rng.random(len(who)) < np.repeat(rng.uniform(0.4, 0.8, n), weeks)
    who, first = who[away], first[away]
    city = town.near(town.places["city"][family.home[who]], 8)
    town.travel(party[who], first, rng.integers(1, 4, len(who)), town.hotels[city, rng.integers(0, HOTELS, len(who))])


def childs_loop(town: Town, accounts: Array) -> None:
    """A small child watches one film or episode again and again on most days, on the tablet."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), children=rng.integers(1, 3, n))
    child = family.last
    town.rituals.add(
        n, viewer=child, title=town.viewers["favourite"][child], chance=rng.uniform(0.6, 0.9, n),
        at=rng.integers(930, 1020, n), spread=40, again=rng.uniform(0.3, 2, n), whole=0.8,
        until=town.viewers["bed"][child], first=rng.integers(0, 1 + town.days // 2, n),
    )  # fmt: skip


def sleeper(town: Town, accounts: Array) -> None:
    """An adult falls asleep over the same title on the same TV nearly every night."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), teens=rng.integers(0, 2, n), trips=0.8)
    bed = rng.integers(1290, 1400, n)
    town.viewers["bed"][family.first] = bed
    town.rituals.add(
        n, viewer=family.first, title=some_title(town, n, 0.6), chance=rng.uniform(0.75, 0.95, n), at=bed - 20,
        spread=20, whole=rng.uniform(0.5, 0.9, n), on_tv=1,
    )  # fmt: skip


def mobile_only(town: Town, accounts: Array) -> None:
    """No line at home: everything comes from the few addresses that a carrier shares among its customers."""
    rng, n = town.rng, len(accounts)
    home = town.carriers[town.some_city(n), rng.integers(0, CARRIERS, n)]
    household(town, accounts, **members(rng, rng.integers(1, 4, n)), home=home)


def vpn_user(town: Town, accounts: Array) -> None:
    """The adults' phones and laptops come out of a VPN nearly always, at exits of two to four cities anywhere."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts)
    grown = town.viewers["genre"][family.viewers] > 0
    for name, value in (("vpn_share", rng.uniform(0.6, 1, n)), ("vpn_exits", rng.integers(2, 5, n))):
        town.viewers[name][family.viewers[grown]] = value[family.house[grown]]


def changing_device(town: Town, accounts: Array) -> None:
    """A browser that forgets its cookie when it is closed, or an app reinstalled every few weeks: a device anew."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts, pace=1.3)
    forgets = rng.random(n) < 0.5
    browser = town.renewing(int(forgets.sum()), type=BROWSER, ids=60 + town.days)
    phone = town.renewing(int((~forgets).sum()), type=PHONE, ids=2 + town.days // 5, renew_days=7)
    town.devices["renew_days"][phone] = rng.integers(5, 21, len(phone))
    people = town.viewers
    for who, device in ((family.first[forgets], browser), (family.first[~forgets], phone)):
        people["own"][who] = people["second"][who] = device
        people["tv_share"][who] = 0.25


def mover(town: Town, accounts: Array) -> None:
    """The household moves for good, TV and all, to a home in another city, mostly not far."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts)
    tv, tvs = (town.places[name][family.home] for name in ("tv", "tvs"))
    home = town.homes(town.near(town.places["city"][family.home], 5), tv=tv, tvs=tvs)
    town.travel(family.party, rng.integers(0, town.days, n), town.days, home)


def student(town: Town, accounts: Array) -> None:
    """The eldest child studies elsewhere, is home at many weekends, and for three weeks of holidays."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=2, teens=rng.integers(1, 3, n), children=rng.integers(0, 2, n))
    party = town.parties.add(n, home=family.home)
    town.viewers["party"][family.first + 2] = party
    city = town.near(town.places["city"][family.home], 4)
    town.travel(party, np.zeros(n, np.int64), town.days, town.campuses[city, 0])
    who, saturday = town.weekly(n)
    home = rng.random(len(who)) < 0.4
    town.travel(party[who[home]], saturday[home] - 1, 2, family.home[who[home]])
    town.travel(party, rng.integers(0, town.days, n), 21, family.home)


def holiday_guests(town: Town, accounts: Array) -> None:
    """Friends or relatives stay for a week, a few times a year, and watch on the TV and on devices of their own, on
    one profile for guests."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts)
    visits = np.repeat(np.arange(n), 1 + rng.poisson(town.days / 120, n))
    first = rng.integers(0, town.days, len(visits))
    # One visit is in the last four weeks: that is where a night looks.
    first[np.diff(visits, prepend=-1) > 0] = rng.integers(max(0, town.days - 26), town.days, n)
    last = np.minimum(first + rng.integers(4, 11, len(visits)), town.days - 1)
    adults, children = rng.integers(1, 4, len(visits)), rng.integers(0, 3, len(visits))
    household(
        town, accounts[visits], adults=adults, children=children, home=family.home[visits], profile=family.size[visits],
        shared_profile=True, first=first, last=last, pace=1.8, trips=0,
    )  # fmt: skip
    np.maximum.at(town.plan_streams, accounts, 4)


def binge(town: Town, accounts: Array) -> None:
    """A few days on end, now and then, somebody sees a whole series from noon on."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts)
    spells = np.repeat(np.arange(n), 1 + rng.poisson(town.days / 60, n))
    first = rng.integers(0, town.days, len(spells))
    first[np.diff(spells, prepend=-1) > 0] = rng.integers(max(0, town.days - 26), town.days, n)
    viewer = family.first[spells]
    town.rituals.add(
        len(spells), viewer=viewer, title=some_title(town, len(spells), 0), at=rng.integers(700, 900, len(spells)),
        spread=60, first=first, last=np.minimum(first + rng.integers(2, 7, len(spells)), town.days - 1),
        again=rng.integers(5, 13, len(spells)), until=town.viewers["bed"][viewer], on_tv=1, series=1, whole=0.95,
    )  # fmt: skip


def shift_worker(town: Town, accounts: Array) -> None:
    """One adult works at night, watches in the morning and sleeps by day; the others live as others do."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), children=rng.integers(0, 2, n))
    begin = rng.integers(1290, 1350, n)
    hours = {"wake": begin - rng.integers(360, 420, n), "busy_from": begin, "busy_to": begin + 510, "bed": begin + 660}
    for name, minute in hours.items():
        town.viewers[name][family.first] = minute


def two_homes(town: Town, accounts: Array) -> None:
    """A household that spends many weekends in a second home, with a TV of its own, a drive away."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts, trips=0.7, city=with_neighbour(town, n))
    second = town.homes(town.nearest[town.places["city"][family.home], 0])
    who, saturday = town.weekly(n)
    first = saturday - rng.integers(0, 2, len(who))
    go = rng.random(len(who)) < 0.5
    who, first = who[go], first[go]
    town.travel(family.party[who], first, rng.integers(1, 3, len(who)), second[who])


def friends(town: Town, accounts: Array) -> None:
    """Two households that last and pay for one account, or three, some in one city, most not."""
    rng, n = town.rng, len(accounts)
    one = ordinary(town, accounts)
    of = np.repeat(np.arange(n), 1 + (rng.random(n) < 0.25))
    third = np.diff(of, prepend=-1) == 0
    city = town.places["city"][one.home[of]]
    elsewhere = np.where(rng.random(len(of)) < 0.3, city, town.near(city, 6))
    ordinary(town, accounts[of], profile=one.size[of] + 10 * third, city=elsewhere)


def story(town: Town, accounts: Array) -> None:
    """One film, nobody else's habit, on each of the last 18 local days; otherwise an ordinary life."""
    habits = [town.viewers["favourite"], town.rituals["title"], town.machines["title"]]
    film = town.rng.choice(np.setdiff1d(np.arange(ALL_FILMS), np.concatenate(habits)))
    every_day(town, accounts, np.full(len(accounts), film), STORY_DAYS)
