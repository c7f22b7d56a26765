"""The abusive by yet other means: for evaluation only, never to choose a feature, a threshold or a setting."""

import numpy as np

from detector.simulate.catalogue import EPISODES, FILMS, GENRES, channels, clips
from detector.simulate.households import household
from detector.simulate.living import YEAR_DAYS, by_intensity, groups, in_turn, ordinary
from detector.simulate.town import BROWSER, LAPTOP, TV, Town
from detector.simulate.world import COUNTRY_OF_CITY, Array


def resale(town: Town, accounts: Array) -> None:
    """A shop sells months: on pay day it changes the password, some buyers renew, and others come for the rest."""
    rng = town.rng
    places = by_intensity(town, accounts, 2, 4, 8)
    which = np.repeat(np.arange(len(accounts)), places)
    months = 2 + town.days // 30
    begins = rng.integers(-29, 1, len(accounts))[which, None] + 30 * np.arange(months)
    loyal = by_intensity(town, accounts[which], 0.8, 0.6, 0.35)
    joins = (rng.random(begins.shape) > loyal[:, None]) | (np.arange(months) == 0)
    place, month = np.nonzero(joins)
    until = np.where(np.diff(place, append=-1) == 0, np.append(month[1:], months), months)
    first = (begins[place, month] + rng.integers(0, 4, len(place))).clip(0)
    last = (begins[place, 0] + 30 * until - 1).clip(0, town.days - 1)
    seen = first <= last
    place, first, last = place[seen], first[seen], last[seen]
    whose = accounts[which[place]]
    shop = town.some_city(len(accounts))[which[place]]
    nth = place - np.searchsorted(which, which)[place]
    household(
        town, whose, city=town.near(shop, by_intensity(town, whose, 5, 12, 30)), profile=nth % 5, shared_profile=True,
        first=first, last=last, pace=by_intensity(town, whose, 0.8, 1.2, 1.6), trips=0.3,
    )  # fmt: skip
    town.plan_streams[accounts] = 4


def rented_profiles(town: Town, accounts: Array) -> None:
    """A family offers its spare profiles where strangers share subscriptions; who ends theirs is soon followed by
    another on the same profile."""
    rng = town.rng
    owner = household(
        town, accounts, adults=rng.integers(1, 3, len(accounts)), children=rng.integers(0, 2, len(accounts))
    )
    spare = by_intensity(town, accounts, 1, 2, 3)
    which = np.repeat(np.arange(len(accounts)), spare)
    nth = np.arange(len(which)) - np.searchsorted(which, which)
    least, most = (by_intensity(town, accounts[which], *days) for days in ((150, 90, 40), (300, 240, 120)))
    of, first, last = in_turn(town, len(which), away=(least, most), home=(1, 12))
    whose, profile = accounts[which[of]], (owner.size[which] + nth)[of]
    here = town.places["city"][owner.home[which[of]]]
    household(
        town, whose, adults=rng.integers(1, 3, len(of)), city=town.near(here, by_intensity(town, whose, 4, 10, 25)),
        profile=profile, shared_profile=True, first=first, last=last, pace=by_intensity(town, whose, 0.7, 1.3, 2),
        trips=0.6,
    )  # fmt: skip
    np.maximum.at(town.plan_streams, accounts, 4)


def takeover(town: Town, accounts: Array) -> None:
    """An account that is seldom used: a checker of leaked passwords tries it for half a minute, and days later one to
    three who bought it live on a new profile, as they do at home."""
    rng, n = town.rng, len(accounts)
    owner = ordinary(town, accounts, pace=by_intensity(town, accounts, 0.8, 0.5, 0.3))
    lasts = rng.integers(by_intensity(town, accounts, 4, 9, 15), by_intensity(town, accounts, 10, 20, 28))
    first = np.maximum(town.days // 2, town.days - lasts)
    which = np.repeat(np.arange(n), by_intensity(town, accounts, 1, 2, 3))
    whose, here = accounts[which], town.places["city"][owner.home[which]]
    far = rng.random(len(which)) < by_intensity(town, whose, 0.3, 0.6, 0.9)
    household(
        town, whose, city=np.where(far, town.abroad(here), town.near(here, 6)), profile=owner.size[which],
        first=np.minimum(first[which] + rng.integers(0, 3, len(which)), town.days - 1), trips=0, shared_profile=True,
        pace=by_intensity(town, whose, 0.8, 1.4, 2),
    )  # fmt: skip
    day, minute = (first - rng.integers(1, 6, n)).clip(0), rng.integers(0, 1_400, n)
    town.machines.add(
        n, account=accounts, device=town.devices.add(n, type=BROWSER), place=town.data_centre(n, True),
        title=clips(rng, n), length_s=30, gap_s=2, jitter_s=1, first=day, last=day, from_minute=minute,
        to_minute=minute + 1,
    )  # fmt: skip


def loop_farm(town: Town, accounts: Array) -> None:
    """TV boxes that count views for the makers of a series: episodes, cut short, through the lines of homes whose
    owners let them out unknowingly; each box has another account daily."""
    rng = town.rng
    for group in groups(town, accounts, ((2, 4), (4, 8), (6, 12))):
        level, n = town.intensity[group[0]], len(group)
        boxes = max(1, n // 2)
        device = town.devices.add(boxes, type=TV)
        country = COUNTRY_OF_CITY[town.some_city(1)]
        lines = town.homes(rng.choice(np.flatnonzero(np.isin(COUNTRY_OF_CITY, country)), 15), tvs=0)
        paid_for = town.catalogue.shows(rng, rng.integers(0, GENRES, (6, 3, 1)[level]))
        turn = (7, 4, 2)[level]
        spells = np.arange(0, town.days, turn)
        begin = int(rng.integers(300, 600))
        for box in range(boxes):
            town.machines.add(
                len(spells), account=group[0], accounts=n, nth=box, device=device[box],
                place=rng.choice(lines, len(spells)), title=rng.choice(paid_for, len(spells)), playlist=EPISODES,
                length_s=(1_400, 1_000, 600)[level], gap_s=(240, 40, 8)[level], jitter_s=(200, 30, 4)[level],
                first=spells, last=np.minimum(spells + turn - 1, town.days - 1), from_minute=begin,
                to_minute=begin + (200, 560, 1_130)[level],
            )  # fmt: skip


def ring(town: Town, accounts: Array) -> None:
    """Accounts in one hand, served by a few laptops in a back office: one after the other is signed in, plays its part
    of the films that are paid for today, and makes way for the next."""
    rng = town.rng
    for group in groups(town, accounts, ((3, 4), (4, 8), (6, 12))):
        n, level = len(group), town.intensity[group[0]]
        laptops = 1 + int(n > 5)
        device = town.devices.add(laptops, type=LAPTOP)
        place = town.homes(town.some_city(1), tvs=0)[0]
        days = np.flatnonzero(rng.random(town.days) < (0.4, 0.75, 1)[level])
        title = rng.integers(0, GENRES, len(days)) * FILMS + rng.integers(0, FILMS - 4, len(days))
        begin, turn = int(rng.integers(400, 560)), (50, 80, 110)[level]
        for nth in range(n):
            since = begin + turn * (nth // laptops)
            town.machines.add(
                len(days), account=group[nth], device=device[nth % laptops], place=place, title=title, playlist=4,
                length_s=1_400, gap_s=90, jitter_s=70, first=days, last=days, from_minute=since,
                to_minute=since + turn - 2,
            )  # fmt: skip


def restreaming(town: Town, accounts: Array) -> None:
    """Boxes at somebody's home, whose pictures are caught and sent on: on match days, every evening, or all the time
    each shows its channel, while the family watches what it likes."""
    rng = town.rng
    owner = ordinary(town, accounts)
    town.plan_streams[accounts] = 4
    every = np.arange(town.days)
    match_days = every[np.isin((every - town.first_saturday) % 7, (0, 1, 4))]
    for account, home in zip(accounts, owner.home, strict=True):
        level = town.intensity[account]
        n = int(rng.integers(*((1, 2), (1, 3), (3, 5))[level]))
        # All day long is one shift; other days begin anew.
        days = (match_days, every, every[:1])[level]
        box = np.repeat(np.arange(n), len(days))
        first = np.tile(days, n)
        begin, end = ((1_080, 1_350), (1_020, 1_430), (0, 1_440))[level]
        town.machines.add(
            len(box), account=account, device=town.devices.add(n, type=TV)[box], place=home,
            title=channels(rng, n)[box], length_s=rng.integers(1, 4, len(box)) * 3_600, gap_s=30, jitter_s=20,
            first=first, last=town.days - 1 if level == 2 else first, from_minute=begin, to_minute=end,
        )  # fmt: skip


def looper(town: Town, accounts: Array) -> None:
    """A clock puts one film on the TV at the same minute of each of the last 365 mornings, whoever is in, and often
    once more."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts, trips=0, pace=by_intensity(town, accounts, 1.2, 0.4, 0.03))
    town.rituals.add(
        n, viewer=family.first, title=town.catalogue.films(rng, rng.integers(0, GENRES, n)),
        first=max(0, town.days - YEAR_DAYS), at=rng.integers(480, 700, n), again=0.7, on_tv=1, sure=1,
    )  # fmt: skip
