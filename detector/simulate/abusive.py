"""The abusive: how they usually go about it, from faint to blatant.

Middle is what a careful analyst would call abuse after a look at it; faint is what even an analyst may miss.
"""

import numpy as np

from detector.simulate.catalogue import ALL_FILMS, GENRES, channels
from detector.simulate.households import household
from detector.simulate.living import YEAR_DAYS, by_intensity, every_day, groups, ordinary
from detector.simulate.town import BROWSER, Town
from detector.simulate.world import Array


def strangers_of(town: Town, accounts: Array, at_once: Array, stay_days: float) -> tuple[Array, Array, Array]:
    """Strangers who come and go, so many at once on average: which of the accounts, first and last day."""
    rng = town.rng
    before = 2 * stay_days  # who came earlier is hardly there any more
    number = np.maximum(2, rng.poisson(at_once * (town.days + before) / stay_days))
    which = np.repeat(np.arange(len(accounts)), number)
    first = rng.integers(-int(before), town.days, len(which))
    last = first + rng.gamma(2, stay_days / 2, len(which)).astype(int)
    seen = last >= 0
    return which[seen], first[seen].clip(0), last[seen].clip(0, town.days - 1)


def resale(town: Town, accounts: Array) -> None:
    """A seller's household, and strangers in several cities, each for some weeks, who share four profiles."""
    rng = town.rng
    owner = household(town, accounts, trips=0.5)
    which, first, last = strangers_of(town, accounts, by_intensity(town, accounts, 1.5, 4, 9), 50)
    whose, m = accounts[which], len(which)
    reach = by_intensity(town, whose, 2, 7, 25)
    here = town.places["city"][owner.home[which]]
    same_city = rng.random(m) < by_intensity(town, whose, 0.6, 0.2, 0)
    household(
        town, whose, city=np.where(same_city, here, town.near(here, reach)), profile=rng.integers(0, 4, m), first=first,
        last=last, pace=by_intensity(town, whose, 0.8, 1.2, 1.6), trips=0.3,
    )  # fmt: skip
    town.plan_streams[accounts] = 4


def rented_profiles(town: Town, accounts: Array) -> None:
    """The owner keeps a profile and rents the others out, each to one stranger who stays for months."""
    rng = town.rng
    owner = household(town, accounts, adults=rng.integers(1, 3, len(accounts)))
    tenants = by_intensity(town, accounts, 1, 2, 3) + (rng.random(len(accounts)) < 0.5)
    which = np.repeat(np.arange(len(accounts)), tenants)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(tenants) - tenants, tenants)
    whose, here = accounts[which], town.places["city"][owner.home[which]]
    household(
        town, whose, city=town.near(here, by_intensity(town, whose, 3, 8, 20)), profile=owner.size[which] + nth,
        pace=by_intensity(town, whose, 0.6, 1.2, 2), trips=0.5,
        first=np.where(rng.random(len(which)) < 0.4, rng.integers(0, 1 + town.days // 2, len(which)), 0),
    )  # fmt: skip
    np.maximum.at(town.plan_streams, accounts, 4)


def _listed(rng: np.random.Generator, level: int) -> bool:
    """Whether look-ups know the data centre: the more careful hide behind one that they do not know."""
    return bool(rng.random() < (0.2, 0.6, 1)[level])


def takeover(town: Town, accounts: Array) -> None:
    """A stranger abroad, with devices of their own, in the last days or weeks; the old life goes on beside it, or the
    owner is locked out."""
    rng, n = town.rng, len(accounts)
    lasts = rng.integers(by_intensity(town, accounts, 4, 8, 14), by_intensity(town, accounts, 9, 22, 29))
    first = np.maximum(town.days // 2, town.days - lasts)
    locked_out = rng.random(n) < by_intensity(town, accounts, 0, 0.2, 0.8)
    owner = ordinary(town, accounts, last=np.where(locked_out, np.minimum(first + 2, town.days - 1), town.days - 1))
    pace, abroad = by_intensity(town, accounts, 0.8, 2, 4), town.abroad(town.places["city"][owner.home])
    household(town, accounts, city=abroad, first=first, pace=pace, trips=0, shared_profile=True)


def loop_farm(town: Town, accounts: Array) -> None:
    """A few machines in a data centre play few films for hours or round the clock, from several accounts in turn."""
    rng = town.rng
    for group in groups(town, accounts, ((2, 3), (3, 6), (4, 9))):
        level = town.intensity[group[0]]
        repertoire = rng.choice(ALL_FILMS, (15, 8, 4)[level], replace=False)
        machines = int(rng.integers(*((1, 2), (2, 4), (3, 6))[level]))
        device, place = town.devices.add(machines, type=BROWSER), town.data_centre(1, _listed(rng, level))[0]
        turn = (4, 10, 14)[level]
        spells = np.arange(0, town.days, turn)
        begin = int(rng.integers(360, 720))
        hours = {} if level == 2 else {"from_minute": begin, "to_minute": begin + (180, 720)[level]}
        for machine in range(machines):
            title = repertoire[(spells // turn + machine) % len(repertoire)]
            town.machines.add(
                len(spells), account=group[0], accounts=len(group), nth=machine, device=device[machine], place=place,
                title=title, length_s=town.catalogue.runtime_s[title], gap_s=(400, 40, 5)[level],
                jitter_s=(350, 30, 2)[level], first=spells, last=np.minimum(spells + turn - 1, town.days - 1), **hours,
            )  # fmt: skip


def ring(town: Town, accounts: Array) -> None:
    """Accounts in one hand: on one small network they play the same film at the same time, swapping devices daily."""
    rng = town.rng
    for group in groups(town, accounts, ((3, 4), (4, 8), (6, 12))):
        n, level = len(group), town.intensity[group[0]]
        device = town.devices.add(n, type=BROWSER)
        place = town.homes(town.some_city(1), tvs=0)[0]
        spells = np.arange(0, town.days, 2)
        spells = spells[rng.random(len(spells)) < (0.4, 0.8, 1)[level]]
        title = town.catalogue.films(rng, rng.integers(0, GENRES, len(spells)))
        begin = int(rng.integers(480, 720))
        for nth in range(n):
            town.machines.add(
                len(spells), account=group[nth], nth=nth, device=device[0], devices=n, place=place, title=title,
                length_s=town.catalogue.runtime_s[title], gap_s=60, jitter_s=(50, 40, 25)[level], first=spells,
                last=np.minimum(spells + 1, town.days - 1), from_minute=begin,
                to_minute=begin + (200, 420, 660)[level],
            )  # fmt: skip


def restreaming(town: Town, accounts: Array) -> None:
    """Live channels from a data centre, to be shown to others: the evenings of a household's account, or all day."""
    rng = town.rng
    town.plan_streams[accounts] = 4
    faint = accounts[town.intensity[accounts] == 0]
    if len(faint):
        ordinary(town, faint)
    for account in accounts:
        level = town.intensity[account]
        n = int(rng.integers(*((1, 2), (1, 3), (2, 5))[level]))
        place = town.data_centre(1, _listed(rng, level))[0]
        begin, end = ((1110, 1350), (540, 1380), (0, 1440))[level]
        town.machines.add(
            n, account=account, device=town.devices.add(n, type=BROWSER), place=place,
            title=channels(rng, n), length_s=rng.integers(1, 3 if level == 0 else 13, n) * 3600, gap_s=20, jitter_s=10,
            last=town.days - 1, from_minute=begin, to_minute=end,
        )  # fmt: skip


def looper(town: Town, accounts: Array) -> None:
    """One film on each of the last 365 local days, beside a life that is full, small or hardly there."""
    film = town.rng.integers(0, ALL_FILMS, len(accounts))
    every_day(town, accounts, film, YEAR_DAYS, pace=by_intensity(town, accounts, 1.2, 0.4, 0.03))
