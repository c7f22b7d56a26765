"""The abusive by other means: the second variant for development."""

import numpy as np

from detector.simulate.abusive import strangers_of
from detector.simulate.catalogue import ALL_EPISODES, ALL_FILMS, FILMS, GENRES
from detector.simulate.households import household
from detector.simulate.living import YEAR_DAYS, by_intensity, groups, ordinary
from detector.simulate.town import BROWSER, CARRIERS, PHONE, Town
from detector.simulate.world import COUNTRY_OF_CITY, Array


def resale(town: Town, accounts: Array) -> None:
    """Nobody lives here: buyers of one distant country, found through chat groups, each with the app of one TV."""
    rng, n = town.rng, len(accounts)
    which, first, last = strangers_of(town, accounts, by_intensity(town, accounts, 2, 4, 8), 30)
    whose = accounts[which]
    country = COUNTRY_OF_CITY[town.some_city(n)][which]
    city = town.some_city(len(which))
    while (strange := COUNTRY_OF_CITY[city] != country).any():
        city[strange] = town.some_city(int(strange.sum()))
    profile = rng.integers(0, 5, len(which))
    pace = by_intensity(town, whose, 0.7, 1.2, 1.7)
    buyers = household(town, whose, city=city, profile=profile, first=first, last=last, pace=pace, trips=0)
    for name, value in (("tv_share", 1.0), ("out_share", 0.0), ("roam_share", 0.0), ("vpn_share", 0.0)):
        town.viewers[name][buyers.viewers] = value
    town.plan_streams[accounts] = 4


def rented_profiles(town: Town, accounts: Array) -> None:
    """All profiles of an account are let, by small advertisements, to people of one city who watch on phones."""
    rng = town.rng
    tenants = by_intensity(town, accounts, 2, 4, 5)
    which = np.repeat(np.arange(len(accounts)), tenants)
    nth = np.arange(len(which)) - np.searchsorted(which, which)
    city = town.some_city(len(accounts))[which]
    home = town.carriers[city, rng.integers(0, CARRIERS, len(which))]
    pace = by_intensity(town, accounts[which], 0.8, 1.3, 2)
    let = household(town, accounts[which], home=home, profile=nth, pace=pace, trips=0.3)
    for name, value in (("tv_share", 0.0), ("second", town.viewers["own"][let.viewers])):
        town.viewers[name][let.viewers] = value
    town.plan_streams[accounts] = 4


def takeover(town: Town, accounts: Array) -> None:
    """A stranger takes one profile over, from a browser behind a VPN of the same country; the old life goes on."""
    rng, n = town.rng, len(accounts)
    owner = ordinary(town, accounts)
    lasts = rng.integers(by_intensity(town, accounts, 4, 9, 15), by_intensity(town, accounts, 10, 20, 29))
    here = town.places["city"][owner.home]
    exit = town.vpns[here, rng.integers(0, 2, n)]
    stranger = household(
        town, accounts, home=town.homes(here, tvs=0, exit=exit), profile=owner.size - 1,
        first=np.maximum(town.days // 2, town.days - lasts), pace=by_intensity(town, accounts, 0.8, 2, 4), trips=0,
    )  # fmt: skip
    browser = town.devices.add(n, type=BROWSER)
    for name, value in (("own", browser), ("second", browser), ("out_share", 0.0), ("roam_share", 0.0)):
        town.viewers[name][stranger.first] = value


def loop_farm(town: Town, accounts: Array) -> None:
    """A shelf of phones on a carrier's line, each with a playlist of a genre, that pass the accounts around."""
    rng = town.rng
    for group in groups(town, accounts, ((2, 4), (4, 8), (6, 12))):
        level, n = town.intensity[group[0]], len(group)
        device = town.devices.add(n, type=PHONE)
        place = town.carriers[town.some_city(1)[0], rng.integers(0, CARRIERS)]
        begin = int(rng.integers(0, 300))
        longest = (30, 12, 5)[level]
        for nth in range(n):
            town.machines.add(
                1, account=group[0], accounts=n, nth=nth, device=device[nth], place=place,
                title=int(rng.integers(0, GENRES)) * FILMS + int(rng.integers(0, FILMS - longest)), playlist=longest,
                length_s=(4_800, 5_400, 2_400)[level], gap_s=(300, 90, 20)[level], jitter_s=(250, 60, 10)[level],
                last=town.days - 1, from_minute=begin, to_minute=begin + (240, 660, 1_130)[level],
            )  # fmt: skip


def ring(town: Town, accounts: Array) -> None:
    """Accounts in one hand, each on a line of its own in one city: the same films, each an hour or two after the one
    before; devices go round by the week."""
    rng = town.rng
    for group in groups(town, accounts, ((3, 4), (4, 7), (5, 10))):
        n, level = len(group), town.intensity[group[0]]
        device = town.devices.add(n, type=PHONE)
        place = town.homes(np.repeat(town.some_city(1), n), tvs=0)
        days = np.flatnonzero(rng.random(town.days) < (0.35, 0.7, 1)[level])
        title = town.catalogue.films(rng, rng.integers(0, GENRES, len(days)))
        begin, later = int(rng.integers(300, 600)), int(rng.integers(40, 100))
        for nth in range(n):
            town.machines.add(
                len(days), account=group[nth], nth=nth, device=device[0], devices=n, place=place[nth], title=title,
                length_s=town.catalogue.runtime_s[title], gap_s=120, jitter_s=100, swap_days=7, first=days, last=days,
                from_minute=begin + later * nth, to_minute=begin + later * nth + (150, 300, 540)[level],
            )  # fmt: skip


def restreaming(town: Town, accounts: Array) -> None:
    """Films on demand in browsers without a window, behind the exit of a VPN, each day under new ids."""
    rng = town.rng
    town.plan_streams[accounts] = 4
    for account in accounts:
        level = town.intensity[account]
        n = int(rng.integers(*((1, 2), (1, 3), (3, 5))[level]))
        begin = int(rng.integers(480, 720))
        town.machines.add(
            n, account=account, device=town.renewing(n, type=BROWSER, ids=2 + town.days, renew_days=1),
            place=town.vpns[town.some_city(1)[0], rng.integers(0, 2)],
            title=rng.integers(0, GENRES, n) * FILMS, playlist=FILMS,
            length_s=10_000, gap_s=240, jitter_s=200, last=town.days - 1, from_minute=begin * (level < 2),
            to_minute=1_440 if level == 2 else begin + (200, 660)[level],
        )  # fmt: skip


def looper(town: Town, accounts: Array) -> None:
    """One episode on each of the last 365 local days, on a phone, at any hour, two or three times in a row."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts, trips=0, pace=by_intensity(town, accounts, 1.2, 0.4, 0.03))
    town.rituals.add(
        n, viewer=family.first, title=ALL_FILMS + rng.integers(0, ALL_EPISODES, n),
        first=max(0, town.days - YEAR_DAYS), at=480, spread=660, again=1.0, sure=1,
    )  # fmt: skip
