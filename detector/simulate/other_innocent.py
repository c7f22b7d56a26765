"""The innocent by other means: the second variant for development."""

import numpy as np

from detector.simulate.catalogue import FIRST_TRACK, TRACKS
from detector.simulate.households import household
from detector.simulate.living import members, ordinary, some_title, with_neighbour
from detector.simulate.town import CARRIERS, HOTELS, TABLET, TV, Town
from detector.simulate.world import Array


def flat_share(town: Town, accounts: Array) -> None:
    """Families, and in one home of four grown-ups who share a flat and a TV, each with other hours."""
    rng, n = town.rng, len(accounts)
    shared = rng.random(n) < 0.25
    moment = rng.integers(0, town.days, n)
    first = np.where(rng.random(n) < 0.1, moment, 0)
    ordinary(town, accounts[~shared], first=first[~shared])
    grown_ups = rng.integers(2, 5, int(shared.sum()))
    flat = household(town, accounts[shared], adults=grown_ups, first=first[shared])
    late = rng.integers(-120, 180, len(flat.viewers))
    for name in ("wake", "busy_from", "busy_to", "bed"):
        town.viewers[name][flat.viewers] += late


def big_family(town: Town, accounts: Array) -> None:
    """Two flats of one house, each with a line of its own: parents and children in one, grandparents in the other."""
    rng, n = town.rng, len(accounts)
    one = household(town, accounts, adults=2, teens=rng.integers(2, 4, n), children=rng.integers(1, 4, n))
    city = town.places["city"][one.home]
    household(town, accounts, adults=2, city=city, profile=one.size, pace=0.8)


def frequent_traveller(town: Town, accounts: Array) -> None:
    """One adult works far away for weeks on end, in another country each time, then is home for one or two."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, **members(rng, rng.integers(1, 5, n)))
    party = town.parties.add(n, home=family.home)
    town.viewers["party"][family.first] = party
    turns = 1 + town.days // 28
    who = np.repeat(np.arange(n), turns)
    first = rng.integers(0, 14, n)[who] + 28 * np.tile(np.arange(turns), n)
    city = town.abroad(town.places["city"][family.home[who]])
    hotel = town.hotels[city, rng.integers(0, HOTELS, len(who))]
    town.travel(party[who], first, rng.integers(10, 20, len(who)), hotel)


def childs_loop(town: Town, accounts: Array) -> None:
    """A small child's episode runs on the TV before breakfast and again before supper."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=2, children=rng.integers(1, 4, n))
    child, title = family.last, some_title(town, n, 0.2)
    for at, again in ((400, 0.5), (1010, 1.5)):
        town.rituals.add(
            n, viewer=child, title=title, chance=rng.uniform(0.5, 0.9, n), at=at, spread=50, again=again,
            whole=0.9, until=town.viewers["bed"][child], on_tv=1,
        )  # fmt: skip


def sleeper(town: Town, accounts: Array) -> None:
    """A track of rain runs on the phone beside the bed, all night."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), teens=rng.integers(0, 2, n))
    title = FIRST_TRACK + rng.integers(0, TRACKS, n)
    bed = town.viewers["bed"][family.first]
    chance = rng.uniform(0.7, 0.97, n)
    town.rituals.add(n, viewer=family.first, title=title, chance=chance, at=bed - 15, spread=25, whole=0.85)


def mobile_only(town: Town, accounts: Array) -> None:
    """A router with a carrier's card: the TV too comes from the addresses that the carrier's customers share."""
    rng, n = town.rng, len(accounts)
    city = town.some_city(n)
    exit = town.carriers[city, rng.integers(0, CARRIERS, n)]
    household(town, accounts, **members(rng, rng.integers(1, 5, n)), home=town.homes(city, exit=exit))


def vpn_user(town: Town, accounts: Array) -> None:
    """The router at home holds a VPN open, always the same: TV and all come out of another city, or country."""
    rng, n = town.rng, len(accounts)
    city = town.some_city(n)
    away = np.where(rng.random(n) < 0.5, town.near(city, 3), town.abroad(city))
    home = town.homes(city, exit=town.vpns[away, rng.integers(0, 2, n)], tvs=rng.integers(1, 3, n))
    household(town, accounts, **members(rng, rng.integers(1, 5, n)), home=home)


def changing_device(town: Town, accounts: Array) -> None:
    """The app of the TV, or of the tablet, takes a new id with each of its updates."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts)
    types = np.where(rng.random(n) < 0.6, TV, TABLET)
    device = town.renewing(n, type=types, ids=2 + town.days // 3, renew_days=rng.integers(3, 15, n))
    on_tv = types == TV
    town.places["tv"][family.home[on_tv]] = device[on_tv]
    town.places["tvs"][family.home[on_tv]] = 1
    town.viewers["second"][family.first[~on_tv]] = device[~on_tv]
    town.viewers["own"][family.last[~on_tv]] = device[~on_tv]


def mover(town: Town, accounts: Array) -> None:
    """The household leaves for another country, lives in a hotel for two weeks, and buys a new TV there."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts, trips=0.5)
    city, moment = town.abroad(town.places["city"][family.home]), rng.integers(0, town.days, n)
    town.travel(family.party, moment, town.days, town.homes(city))
    town.travel(family.party, moment, 14, town.hotels[city, rng.integers(0, HOTELS, n)])


def student(town: Town, accounts: Array) -> None:
    """A term abroad, on the campus' network from beginning to end, before and after it at home."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), teens=2)
    party = town.parties.add(n, home=family.home)
    town.viewers["party"][family.last] = party
    city = town.abroad(town.places["city"][family.home])
    town.travel(party, rng.integers(0, 1 + town.days // 2, n), rng.integers(80, 130, n), town.campuses[city, 0])


def holiday_guests(town: Town, accounts: Array) -> None:
    """A reunion: many come for a long weekend, and some watch on at their own homes until they are signed out."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts)
    guests = rng.integers(3, 7, n)
    who = np.repeat(np.arange(n), guests)
    first = rng.integers(max(0, town.days - 24), town.days, n)[who]
    leave = np.minimum(first + rng.integers(2, 5, n)[who], town.days - 1)
    stays_on = rng.random(len(who)) < 0.3
    last = np.where(stays_on, np.minimum(leave + rng.integers(2, 9, len(who)), town.days - 1), leave)
    own = household(
        town, accounts[who], city=town.near(town.places["city"][family.home[who]], 5), profile=family.size[who],
        first=first, last=last, pace=1.5, trips=0,
    )  # fmt: skip
    town.travel(own.party, first, leave - first, family.home[who])
    np.maximum.at(town.plan_streams, accounts, 4)


def binge(town: Town, accounts: Array) -> None:
    """Somebody ill or out of work watches series on a tablet for weeks, from waking up until deep in the night."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts)
    viewer = family.first
    first = rng.integers(max(0, town.days - 60), town.days, n)
    last = np.minimum(first + rng.integers(12, 30, n), town.days - 1)
    for at, again in ((620, 4), (900, 5), (1200, 6)):
        town.rituals.add(
            n, viewer=viewer, title=some_title(town, n, 0), chance=0.8, at=at, spread=90, first=first, last=last,
            again=again, until=at + 260, series=1,
        )  # fmt: skip


def shift_worker(town: Town, accounts: Array) -> None:
    """Early, late and night shifts take turns by the week: one person, three ways to spend a day."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), children=rng.integers(0, 3, n))
    people = town.viewers
    weeks = -(-town.days // 7)
    person = np.repeat(family.first, weeks)
    week = np.tile(np.arange(weeks), n)
    early, late, night = (270, 340, 850, 1260), (480, 800, 1340, 1590), (900, 1290, 1800, 1980)
    hours = np.array([early, late, night])[(week + person) % 3]
    more = {name: people[name][person] for name in people.defaults if name not in ("first", "last", "rate")}
    more |= dict(zip(("wake", "busy_from", "busy_to", "bed"), hours.T, strict=True))
    # On the seventh day they rest, which keeps the end of a night's shift apart from the week that follows.
    last = np.minimum(week * 7 + 5, town.days - 1)
    people.add(len(person), first=week * 7, last=last, rate=people["rate"][person], **more)
    people["rate"][family.first] = 0


def two_homes(town: Town, accounts: Array) -> None:
    """A caravan by the sea, every weekend, without a line: there, phones and the tablet use a carrier's."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts, trips=0.4, city=with_neighbour(town, n))
    city = town.nearest[town.places["city"][family.home], 0]
    place = town.carriers[city, rng.integers(0, CARRIERS, n)]
    who, saturday = town.weekly(n)
    go = rng.random(len(who)) < 0.8
    town.travel(family.party[who[go]], saturday[go] - 1, 2, place[who[go]])


def friends(town: Town, accounts: Array) -> None:
    """Grown-up children in one, two or three other cities stay on their parents' account."""
    rng, n = town.rng, len(accounts)
    parents = household(town, accounts, adults=2, pace=0.8)
    of = np.repeat(np.arange(n), rng.choice([1, 2, 3], n, p=[0.6, 0.3, 0.1]))
    nth = np.arange(len(of)) - np.searchsorted(of, of)
    here = town.places["city"][parents.home[of]]
    city = np.where(rng.random(len(of)) < 0.2, town.abroad(here), town.near(here, 8))
    household(town, accounts[of], adults=rng.integers(1, 3, len(of)), city=city, profile=4 + 3 * nth)
