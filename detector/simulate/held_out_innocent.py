"""The innocent by yet other means: for evaluation only, never to choose a feature, a threshold or a setting."""

import numpy as np

from detector.simulate.catalogue import EPISODES, GENRES
from detector.simulate.households import household
from detector.simulate.living import in_turn, members, ordinary, some_title, with_neighbour
from detector.simulate.town import CARRIERS, PHONE, TABLET, Town
from detector.simulate.world import Array


def at_home(town: Town, accounts: Array) -> None:
    """Many are retired or work from home and are in by day; some cancel for a season and come back."""
    rng, n, people = town.rng, len(accounts), town.viewers
    new = rng.random(n) < 0.06
    moment = rng.integers(0, town.days, n)
    family = ordinary(town, accounts, first=np.where(new, moment, 0))
    retired = (rng.random(n) < 0.45) & (family.size <= 2)
    in_by_day = family.viewers[retired[family.house] & (people["genre"][family.viewers] > 0)]
    in_by_day = np.append(in_by_day, family.first[rng.random(n) < 0.15])
    for name in ("busy_from", "busy_to"):
        people[name][in_by_day] = 780
    cancels = (rng.random(n) < 0.08) & ~new
    back = (moment + rng.integers(30, 120, n))[family.house]
    gone = family.viewers[cancels[family.house]]
    returns = family.viewers[cancels[family.house] & (back < town.days)]
    same = {name: people[name][returns] for name in people.defaults if name not in ("first", "last")}
    people.add(len(returns), first=back[returns - family.viewers[0]], **same)
    people["last"][gone] = moment[family.house][gone - family.viewers[0]]


def big_family(town: Town, accounts: Array) -> None:
    """Three generations in a house with a TV on each floor, a tablet for each child, and five profiles for all."""
    rng, n, people = town.rng, len(accounts), town.viewers
    home = town.homes(town.some_city(n), tvs=rng.integers(2, 5, n))
    adults, teens, children = rng.integers(3, 6, n), rng.integers(1, 4, n), rng.integers(2, 5, n)
    family = household(town, accounts, adults=adults, teens=teens, children=children, home=home, pace=1.3)
    people["profile"][family.viewers] = np.minimum(people["profile"][family.viewers], 4)
    small = family.viewers[people["genre"][family.viewers] == 0]
    people["own"][small] = people["second"][small] = town.devices.add(len(small), type=TABLET)


def frequent_traveller(town: Town, accounts: Array) -> None:
    """A lorry driver sleeps in the cab from Monday to Thursday, each night near another city, and is home on Friday."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, **members(rng, rng.choice([1, 2, 3, 4], n, p=[0.3, 0.4, 0.2, 0.1])))
    party = town.parties.add(n, home=family.home)
    town.viewers["party"][family.first] = party
    who, saturday = town.weekly(n)
    drives = rng.random(len(who)) < 0.85
    who, saturday = who[drives], saturday[drives]
    city = town.places["city"][family.home[who]]
    carrier = town.viewers["carrier"][family.first[who]]
    for night in range(4):
        city = town.near(city, 5)
        town.travel(party[who], saturday + 2 + night, 0, town.carriers[city, carrier])


def childs_loop(town: Town, accounts: Array) -> None:
    """A toddler in phases: for weeks one film, begun again and again on a parent's phone and profile, then another."""
    rng, n, people = town.rng, len(accounts), town.viewers
    adults = rng.integers(1, 3, n)
    family = household(town, accounts, adults=adults, children=rng.integers(1, 3, n))
    child, parent = family.last, family.first + rng.integers(0, adults)
    for name in ("own", "profile"):
        people[name][child] = people[name][parent]
    who, first, last = in_turn(town, n, away=(14, 40), home=(0, 6))
    m = len(who)
    town.rituals.add(
        m, viewer=child[who], title=town.catalogue.films(rng, np.zeros(m, np.int64)), first=first, last=last,
        chance=rng.uniform(0.6, 0.95, m), at=rng.integers(880, 1000, m), spread=120, again=rng.uniform(0.5, 2, m),
        until=people["bed"][child[who]], whole=0.5,
    )  # fmt: skip


def sleeper(town: Town, accounts: Array) -> None:
    """An old sitcom, known by heart, is put on in bed and goes on by itself for hours; after its end it begins anew."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), teens=rng.integers(0, 2, n))
    bed = town.viewers["bed"][family.first]
    town.rituals.add(
        n, viewer=family.first, title=town.catalogue.shows(rng, rng.integers(1, GENRES, n)), series=1, circle=EPISODES,
        chance=rng.uniform(0.7, 0.97, n), at=bed - 25, spread=35, again=rng.integers(2, 6, n), until=bed + 300,
        whole=0.97, on_tv=rng.random(n) < 0.5,
    )  # fmt: skip


def mobile_only(town: Town, accounts: Array) -> None:
    """Prepaid cards, each month of whichever carrier is cheapest, on phones and what they share their line with."""
    rng, n = town.rng, len(accounts)
    city = town.some_city(n)
    home = town.carriers[city, rng.integers(0, CARRIERS, n)]
    family = household(town, accounts, adults=rng.integers(1, 3, n), teens=rng.integers(0, 2, n), home=home, trips=0)
    for name in ("out_share", "roam_share"):
        town.viewers[name][family.viewers] = 0
    who, first, last = in_turn(town, n, away=(28, 28), home=(0, 0))
    card = rng.integers(0, CARRIERS, len(who))
    town.travel(family.party[who], first, last - first, town.carriers[city[who], card])
    visits = np.repeat(np.arange(n), rng.poisson(town.days / 200, n))
    there = town.carriers[town.near(city[visits], 8), rng.integers(0, CARRIERS, len(visits))]
    town.travel(family.party[visits], rng.integers(0, town.days, len(visits)), 9, there)


def vpn_user(town: Town, accounts: Array) -> None:
    """For what is shown abroad only, the router at home comes out of one or another country for a week or two."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts, trips=0.7)
    city, tv, tvs = (town.places[name][family.home] for name in ("city", "tv", "tvs"))
    provider = rng.integers(0, 2, n)
    masked = np.array([town.homes(city, tv=tv, tvs=tvs, exit=town.vpns[town.abroad(city), provider]) for _ in range(2)])
    who, first, last = in_turn(town, n, away=(6, 18), home=(2, 12))
    town.travel(family.party[who], first, last - first, masked[rng.integers(0, 2, len(who)), who])


def changing_device(town: Town, accounts: Array) -> None:
    """All phones of a home change at once: their system gives each app a new id every few days, against tracking."""
    rng, n, people = town.rng, len(accounts), town.viewers
    family = ordinary(town, accounts)
    owns = town.devices["type"][people["own"][family.viewers]] == PHONE
    who, house = family.viewers[owns], family.house[owns]
    days = rng.integers(3, 11, n)[house]
    same = people["second"][who] == people["own"][who]
    people["own"][who] = town.renewing(len(who), type=PHONE, ids=2 + town.days // 3, renew_days=days)
    people["second"][who[same]] = people["own"][who[same]]
    people["tv_share"][who] *= 0.6


def mover(town: Town, accounts: Array) -> None:
    """The job is first: one adult rents a room in the new city and is home at weekends; later all of them follow."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts, trips=0.5)
    tv, tvs = (town.places[name][family.home] for name in ("tv", "tvs"))
    city, moment = town.near(town.places["city"][family.home], 10), rng.integers(0, town.days, n)
    room, home = town.homes(city, tvs=0), town.homes(city, tv=tv, tvs=tvs)
    ahead = town.parties.add(n, home=family.home)
    town.viewers["party"][family.first] = ahead
    early = np.maximum(moment - rng.integers(15, 60, n), 0)
    town.travel(ahead, early, moment - early, room)
    who, saturday = town.weekly(n)
    back = (saturday > early[who]) & (saturday < moment[who])
    town.travel(ahead[who[back]], saturday[back], 1, family.home[who[back]])
    for party in (ahead, family.party):
        town.travel(party, moment, town.days, home)


def student(town: Town, accounts: Array) -> None:
    """A room in a shared flat of another city, with its TV and line, in the weeks of term; in the others at home."""
    rng, n = town.rng, len(accounts)
    adults = rng.integers(1, 3, n)
    family = household(town, accounts, adults=adults, teens=rng.integers(1, 3, n), children=rng.integers(0, 2, n))
    party = town.parties.add(n, home=family.home)
    town.viewers["party"][family.first + adults] = party
    flat = town.homes(town.near(town.places["city"][family.home], 8))
    who, first, last = in_turn(town, n, away=(65, 95), home=(20, 45))
    town.travel(party[who], first, last - first, flat[who])
    visitor, saturday = town.weekly(n)
    home = rng.random(len(visitor)) < 0.12
    town.travel(party[visitor[home]], saturday[home] - 1, 2, family.home[visitor[home]])


def holiday_guests(town: Town, accounts: Array) -> None:
    """A spare flat of the house is let to tourists, some days each, who all watch its TV, on one profile and the line
    of the house."""
    rng, n, people = town.rng, len(accounts), town.viewers
    family = ordinary(town, accounts)
    flat = town.homes(town.places["city"][family.home], exit=family.home)
    who, first, last = in_turn(town, n, away=(3, 9), home=(1, 12))
    guests = household(
        town, accounts[who], adults=rng.integers(1, 3, len(who)), children=rng.integers(0, 3, len(who)),
        home=family.home[who], profile=family.size[who], shared_profile=True, first=first, last=last, pace=1.4, trips=0,
    )  # fmt: skip
    town.travel(guests.party, first, last - first, flat[who])
    for name, value in (("tv_share", 0.95), ("out_share", 0.0), ("vpn_share", 0.0)):
        people[name][guests.viewers] = value
    np.maximum.at(town.plan_streams, accounts, 4)


def binge(town: Town, accounts: Array) -> None:
    """When a new season is out: two nights of a weekend, from supper until dawn, on the TV."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts)
    who, saturday = town.weekly(n)
    out = (rng.random(len(who)) < 0.4) & (saturday > 0) & (saturday < town.days)
    who, saturday = who[out], saturday[out]
    m = len(who)
    town.rituals.add(
        m, viewer=family.first[who], title=some_title(town, m, 0), first=saturday - 1, last=saturday,
        at=rng.integers(1140, 1260, m), spread=40, again=rng.integers(7, 14, m), until=1_770, series=1, whole=0.96,
        on_tv=1,
    )  # fmt: skip


def shift_worker(town: Town, accounts: Array) -> None:
    """A baker, up at two and in bed before the others have supper; or a cook, who comes home long after midnight."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), children=rng.integers(0, 2, n))
    cook = rng.random(n) < 0.5
    baker, kitchen = (100, 150, 680, 1170), (630, 930, 1480, 1680)
    hours = np.where(cook, np.array(kitchen)[:, None], np.array(baker)[:, None]) + rng.integers(-30, 31, n)
    for name, minute in zip(("wake", "busy_from", "busy_to", "bed"), hours, strict=True):
        town.viewers[name][family.first] = minute


def two_homes(town: Town, accounts: Array) -> None:
    """One or two people who need not be anywhere: some weeks in town, some in a flat by the sea, far away or abroad."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), trips=0.5)
    here = town.places["city"][family.home]
    second = town.homes(np.where(rng.random(n) < 0.4, town.abroad(here), town.near(here, 12)))
    who, first, last = in_turn(town, n, away=(14, 45), home=(14, 45))
    town.travel(family.party[who], first, last - first, second[who])


def friends(town: Town, accounts: Array) -> None:
    """They shared a flat once, until each took a home of their own; the account they go on sharing, and they visit."""
    rng, n = town.rng, len(accounts)
    stays = household(town, accounts, adults=rng.integers(1, 3, n), city=with_neighbour(town, n), pace=0.9)
    of = np.repeat(np.arange(n), 1 + (rng.random(n) < 0.35))
    nth = np.arange(len(of)) - np.searchsorted(of, of)
    here = town.places["city"][stays.home[of]]
    city = np.where(rng.random(len(of)) < 0.4, here, town.near(here, 6))
    left = household(
        town, accounts[of], adults=rng.integers(1, 3, len(of)), children=rng.integers(0, 2, len(of)), city=city,
        profile=2 + 3 * nth, pace=0.9,
    )  # fmt: skip
    # Most moved out before the log begins.
    until = rng.integers(-3 * town.days, town.days, len(of))
    lived = until > 0
    flat = stays.home[of]
    town.travel(left.party[lived], np.zeros(int(lived.sum()), np.int64), until[lived], flat[lived])
    who, saturday = town.weekly(len(of))
    visit = rng.random(len(who)) < 0.1
    town.travel(left.party[who[visit]], saturday[visit], 1, flat[who[visit]])
    np.maximum.at(town.plan_streams, accounts, 2)
