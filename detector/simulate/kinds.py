"""Every kind of account: its name, its label, how common it is, and how its household is composed.

A new kind is one function and one line of `KINDS`. A function is given the town and the accounts of its kind
(their positions, in a row) and settles people, habits and machines; what a log shows follows from those.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from detector.simulate.catalogue import ALL_EPISODES, ALL_FILMS, GENRES, channels, films
from detector.simulate.households import BROWSER, CARRIERS, HOTELS, NEAR_KM, Family, Town, household
from detector.simulate.world import CITIES, COUNTRY_OF_CITY, Array

STORY_DAYS, YEAR_DAYS = 18, 365


@dataclass(frozen=True)
class Kind:
    """One kind; `share` is its weight among the innocent and sharing accounts, or among the abusive ones."""

    name: str
    label: str  # benign, sharing or abuse
    share: float
    settle: Callable[[Town, Array], object]


def _members(rng: np.random.Generator, size: Array) -> dict[str, Any]:
    """Adults, teenagers and children of households of these sizes."""
    adults = np.where(size == 1, 1, np.where(rng.random(len(size)) < 0.88, 2, 1))
    teens = rng.binomial(size - adults, 0.4)
    return {"adults": adults, "teens": teens, "children": size - adults - teens}


def _ordinary(town: Town, accounts: Array, **more: Any) -> Family:
    """One to six people; a few accounts are new, and a few left."""
    rng, n = town.rng, len(accounts)
    size = rng.choice(np.arange(1, 7), n, p=[0.27, 0.31, 0.17, 0.15, 0.07, 0.03])
    return household(town, accounts, **_members(rng, size), **more)


def _household(town: Town, accounts: Array) -> None:
    n = len(accounts)
    new, left = town.rng.random((2, n)) < [[0.08], [0.03]]
    moment = town.rng.integers(0, town.days, n)
    _ordinary(town, accounts, first=np.where(new, moment, 0), last=np.where(left & ~new, moment, town.days - 1))


def _big_family(town: Town, accounts: Array) -> None:
    """Six to nine people of all ages under one roof."""
    rng, n = town.rng, len(accounts)
    household(
        town,
        accounts,
        adults=rng.integers(2, 5, n),
        teens=rng.integers(2, 4, n),
        children=rng.integers(2, 3, n),
        pace=1.3,
    )


def _frequent_traveller(town: Town, accounts: Array) -> None:
    """One adult is away on business for some nights in most weeks, in hotels of a few cities; the others stay."""
    rng, n = town.rng, len(accounts)
    size = rng.choice([1, 2, 3], n, p=[0.5, 0.3, 0.2])
    family = household(town, accounts, **_members(rng, size))
    party = town.parties.add(n, home=family.home)
    town.viewers["party"][family.first] = party
    weeks = -(-town.days // 7)
    who = np.repeat(np.arange(n), weeks)
    first = np.tile(np.arange(weeks) * 7, n) + rng.integers(0, 3, len(who))
    away = rng.random(len(who)) < np.repeat(rng.uniform(0.4, 0.8, n), weeks)
    who, first = who[away], first[away]
    city = town.nearest[town.places["city"][family.home[who]], rng.integers(0, 8, len(who))]
    town.travel(party[who], first, rng.integers(1, 4, len(who)), town.hotels[city, rng.integers(0, HOTELS, len(who))])


def _childs_loop(town: Town, accounts: Array) -> None:
    """A small child watches one film or episode again and again on most days, on the tablet."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), children=rng.integers(1, 3, n))
    child = family.last
    town.rituals.add(
        n, viewer=child, title=town.viewers["favourite"][child], chance=rng.uniform(0.6, 0.9, n),
        at=rng.integers(930, 1020, n), spread=40, again=rng.uniform(0.3, 2, n), whole=0.8,
        until=town.viewers["bed"][child], first=rng.integers(0, 1 + town.days // 2, n),
    )  # fmt: skip


def _sleeper(town: Town, accounts: Array) -> None:
    """An adult falls asleep over the same title on the same TV nearly every night."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), teens=rng.integers(0, 2, n), trips=0.8)
    bed = rng.integers(1290, 1400, n)
    town.viewers["bed"][family.first] = bed
    episode = ALL_FILMS + rng.integers(0, ALL_EPISODES, n)
    title = np.where(rng.random(n) < 0.6, films(rng, rng.integers(1, GENRES, n)), episode)
    town.rituals.add(
        n, viewer=family.first, title=title, chance=rng.uniform(0.75, 0.95, n), at=bed - 20, spread=20,
        whole=rng.uniform(0.5, 0.9, n), on_tv=1,
    )  # fmt: skip


def _mobile_only(town: Town, accounts: Array) -> None:
    """No line at home: everything comes from the few addresses that a carrier shares among its customers."""
    rng, n = town.rng, len(accounts)
    home = town.carriers[town.some_city(n), rng.integers(0, CARRIERS, n)]
    household(town, accounts, **_members(rng, rng.integers(1, 4, n)), home=home)


def _shift_worker(town: Town, accounts: Array) -> None:
    """One adult works at night, watches in the morning and sleeps by day; the others live as others do."""
    rng, n = town.rng, len(accounts)
    family = household(town, accounts, adults=rng.integers(1, 3, n), children=rng.integers(0, 2, n))
    begin = rng.integers(1290, 1350, n)
    hours = {"wake": begin - rng.integers(360, 420, n), "busy_from": begin, "busy_to": begin + 510, "bed": begin + 660}
    for name, minute in hours.items():
        town.viewers[name][family.first] = minute


def _two_homes(town: Town, accounts: Array) -> None:
    """A household that spends many weekends in a second home, with a TV of its own, a drive away."""
    rng, n = town.rng, len(accounts)
    near = np.flatnonzero(town.km[np.arange(len(CITIES)), town.nearest[:, 0]] < NEAR_KM)
    family = _ordinary(town, accounts, trips=0.7, city=rng.choice(near, n))
    city = town.nearest[town.places["city"][family.home], 0]
    tv = town.devices.add(n)
    second = town.places.add(n, city=city, operator=rng.integers(0, 3, n), tv=tv, tvs=1, v6=rng.random(n) < 0.4)
    weeks = -(-town.days // 7)
    who = np.repeat(np.arange(n), weeks)
    first = np.tile(np.arange(weeks) * 7 + town.first_saturday, n) - rng.integers(0, 2, len(who))
    go = (rng.random(len(who)) < 0.5) & (first >= 0)
    who, first = who[go], first[go]
    town.travel(family.party[who], first, rng.integers(1, 3, len(who)), second[who])


def _friends(town: Town, accounts: Array) -> None:
    """Two households that last and pay for one account, some in one city, most not."""
    rng, n = town.rng, len(accounts)
    one = _ordinary(town, accounts)
    city = town.places["city"][one.home]
    elsewhere = town.nearest[city, rng.integers(0, 6, n)]
    _ordinary(town, accounts, profile=one.size, city=np.where(rng.random(n) < 0.3, city, elsewhere))


def _story(town: Town, accounts: Array) -> None:
    """One film, nobody else's habit, on each of the last 18 local days; otherwise an ordinary life."""
    habits = [town.viewers["favourite"], town.rituals["title"], town.machines["title"]]
    film = town.rng.choice(np.setdiff1d(np.arange(ALL_FILMS), np.concatenate(habits)))
    _streak(town, accounts, np.full(len(accounts), film), STORY_DAYS)


def _looper(town: Town, accounts: Array) -> None:
    """One film on each of the last 365 local days, beside another life."""
    _streak(town, accounts, town.rng.integers(0, ALL_FILMS, len(accounts)), YEAR_DAYS)


def _streak(town: Town, accounts: Array, film: Array, days: int) -> None:
    rng, n = town.rng, len(accounts)
    family = _ordinary(town, accounts, trips=0)
    town.rituals.add(
        n, viewer=family.first, title=film, first=max(0, town.days - days), at=rng.integers(1080, 1130, n),
        spread=rng.integers(90, 200, n), whole=0.9, on_tv=rng.random(n) < 0.6, sure=1,
    )  # fmt: skip


def _resale(town: Town, accounts: Array) -> None:
    """A seller's household, and strangers in several cities, each for some weeks, who share four profiles."""
    rng, n = town.rng, len(accounts)
    owner = household(town, accounts, trips=0.5)
    near = town.nearest[town.places["city"][owner.home]]
    which = np.repeat(np.arange(n), 6 + rng.poisson(6 + town.days / 20, n))
    first = rng.integers(-60, town.days, len(which))
    last = first + rng.gamma(2, 40, len(which)).astype(int)
    seen = last >= 0
    which, first, last = which[seen], first[seen].clip(0), last[seen].clip(0, town.days - 1)
    m = len(which)
    household(
        town, accounts[which], city=near[which, rng.integers(0, 7, m)], profile=rng.integers(0, 4, m), first=first,
        last=last, pace=1.3, trips=0.3,
    )  # fmt: skip
    town.plan_streams[accounts] = 4


def _takeover(town: Town, accounts: Array) -> None:
    """A stranger abroad, with devices of their own, beside the old life in the last one to four weeks."""
    rng, n = town.rng, len(accounts)
    owner = _ordinary(town, accounts)
    home = COUNTRY_OF_CITY[town.places["city"][owner.home]]
    abroad = town.some_city(n)
    while (same := COUNTRY_OF_CITY[abroad] == home).any():
        abroad[same] = town.some_city(int(same.sum()))
    first = np.maximum(town.days // 2, town.days - rng.integers(8, 29, n))
    household(town, accounts, city=abroad, first=first, pace=3, trips=0, shared_profile=True)


def _groups(town: Town, accounts: Array, low: int, high: int) -> list[Array]:
    """The accounts in groups of `low` to `high`, the last maybe smaller."""
    cuts = np.cumsum(town.rng.integers(low, high + 1, len(accounts)))
    return np.split(accounts, cuts[cuts < len(accounts)])


def _loop_farm(town: Town, accounts: Array) -> None:
    """A few machines in a data centre play few films round the clock, from several accounts in turn."""
    rng = town.rng
    for group in _groups(town, accounts, 3, 6):
        repertoire = rng.choice(ALL_FILMS, 6, replace=False)
        machines = int(rng.integers(2, 5))
        device, place = town.devices.add(machines, type=BROWSER), town.data_centre(1)[0]
        spells = np.arange(0, town.days, 14)
        for machine in range(machines):
            title = repertoire[(spells // 14 + machine) % len(repertoire)]
            town.machines.add(
                len(spells), account=group[0], accounts=len(group), nth=machine, device=device[machine], place=place,
                title=title, length_s=town.catalogue.runtime_s[title], first=spells,
                last=np.minimum(spells + 13, town.days - 1),
            )  # fmt: skip


def _ring(town: Town, accounts: Array) -> None:
    """Accounts in one hand: on one small network they play the same film at the same time, swapping devices daily."""
    rng = town.rng
    for group in _groups(town, accounts, 4, 8):
        n = len(group)
        device = town.devices.add(n, type=BROWSER)
        place = town.places.add(1, city=town.some_city(1), operator=1)[0]
        spells = np.arange(0, town.days, 2)
        title = films(rng, rng.integers(0, GENRES, len(spells)))
        begin = int(rng.integers(480, 720))
        for nth in range(n):
            town.machines.add(
                len(spells), account=group[nth], nth=nth, device=device[0], devices=n, place=place, title=title,
                length_s=town.catalogue.runtime_s[title], gap_s=60, jitter_s=25, first=spells,
                last=np.minimum(spells + 1, town.days - 1), from_minute=begin, to_minute=begin + 660,
            )  # fmt: skip


def _restreaming(town: Town, accounts: Array) -> None:
    """One to three live channels without a pause from a data centre, to be shown to others."""
    rng = town.rng
    town.plan_streams[accounts] = 4
    for account in accounts:
        n = int(rng.integers(1, 4))
        town.machines.add(
            n, account=account, device=town.devices.add(n, type=BROWSER), place=town.data_centre(1)[0],
            title=channels(rng, n), length_s=rng.integers(3, 13, n) * 3600, gap_s=20, jitter_s=10, last=town.days - 1,
        )  # fmt: skip


STORY = Kind("eighteen-day streak", "benign", 0, _story)
LOOPER = Kind("year-long looper", "abuse", 0.1, _looper)
KINDS = (
    Kind("household", "benign", 0.77, _household),
    Kind("big family", "benign", 0.04, _big_family),
    Kind("frequent traveller", "benign", 0.04, _frequent_traveller),
    Kind("child's loop", "benign", 0.025, _childs_loop),
    Kind("sleeper", "benign", 0.02, _sleeper),
    Kind("mobile carrier only", "benign", 0.04, _mobile_only),
    Kind("shift worker", "benign", 0.02, _shift_worker),
    Kind("two homes", "benign", 0.02, _two_homes),
    Kind("friends who share", "sharing", 0.025, _friends),
    Kind("resale", "abuse", 0.35, _resale),
    Kind("takeover", "abuse", 0.2, _takeover),
    Kind("loop farm", "abuse", 0.15, _loop_farm),
    Kind("restreaming", "abuse", 0.1, _restreaming),
    Kind("ring", "abuse", 0.1, _ring),
    LOOPER,
    STORY,
)


def apportion(n: int, shares: list[float]) -> list[int]:
    """Whole numbers that add up to `n` in proportion to the shares, the largest remainders rounded up.

    >>> apportion(10, [0.5, 0.3, 0.14])
    [5, 3, 2]
    """
    exact = n * np.array(shares) / sum(shares)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return [int(count) for count in counts]
