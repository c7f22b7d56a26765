"""Who lives how: households of people with their hours, devices and tastes, and where they are on which day."""

from typing import Any

import numpy as np

from detector.simulate.catalogue import EPISODES, GENRES
from detector.simulate.town import CARRIERS, GUEST_HOUSES, HOTELS, LAPTOP, PHONE, TABLET, Town
from detector.simulate.world import CITIES, FAR_KM, NEAR_KM, Array


class Family:
    """Households as they were settled: by household, its size, home, travelling party and first viewer's id.

    The viewers of a household follow one another: adults, teenagers, children; `viewers` are all of them, `house` the
    household of each.
    """

    def __init__(self, size: Array, home: Array, party: Array, first: Array) -> None:
        self.size, self.home, self.party, self.first = size, home, party, first
        self.house = np.repeat(np.arange(len(size)), size)
        self.viewers = np.repeat(first - np.cumsum(size) + size, size) + np.arange(len(self.house))

    @property
    def last(self) -> Array:
        """The youngest viewer of each household."""
        last: Array = self.first + self.size - 1
        return last


def household(  # one parameter for each thing in which households differ
    town: Town, account: Array, *, adults: Any = 1, teens: Any = 0, children: Any = 0, city: Any = None,
    home: Any = None, profile: Any = 0, shared_profile: bool = False, first: Any = 0, last: Any = None,
    pace: Any = 1.0, trips: float = 1.4,
) -> Family:  # fmt: skip
    """One household for each account given; an account named twice has two. `trips` is a yearly mean."""
    rng, n = town.rng, len(account)
    counts = np.array([np.broadcast_to(count, n) for count in (adults, teens, children)])
    size = counts.sum(axis=0)
    customs = town.customs
    if home is None:
        tvs = 1 + (rng.random(n) < 0.12 * size)
        home = town.homes(town.some_city(n) if city is None else city, tvs=tvs)
    party = town.parties.add(n, home=home)
    _holidays(town, party, trips)

    house = np.repeat(np.arange(n), size)
    nth = np.arange(len(house)) - np.repeat(np.cumsum(size) - size, size)
    role = (nth >= counts[0, house]).astype(int) + (nth >= (counts[0] + counts[1])[house])
    grown = role < 2
    tablet = town.devices.add(n, type=TABLET)
    own, second = tablet[house], tablet[house]
    own[grown] = town.devices.add(int(grown.sum()), type=PHONE)
    has_laptop = grown & (rng.random(len(house)) < customs.laptop_share)
    second = np.where(grown, own, second)
    second[has_laptop] = town.devices.add(int(has_laptop.sum()), type=LAPTOP)

    # A household's evenings are shared among its members; habits of viewing differ widely between households.
    typical, mean, spread = customs.liveliness
    lively = typical * np.broadcast_to(pace, n) * rng.lognormal(mean, spread, n) * (size / 2.4) ** 0.5
    eager = np.array(customs.pace)[role] * rng.uniform(0.5, 1.5, len(house))
    together = np.bincount(house, eager, minlength=n)
    genre = np.where(
        rng.random(len(house)) < 0.4, rng.integers(1, GENRES, n)[house], rng.integers(1, GENRES, len(house))
    )
    genre[role == 2] = 0
    pet = np.where(
        rng.random(len(house)) < 0.5,
        town.catalogue.films(rng, genre),
        town.catalogue.shows(rng, genre) + rng.integers(0, EPISODES, len(house)),
    )
    works = (rng.random(len(house)) < 0.8) | (role > 0)
    busy_from, busy_to = _habit(rng, customs.busy_from, role), _habit(rng, customs.busy_to, role)
    viewer = town.viewers.add(
        len(house), account=account[house], party=party[house],
        profile=np.broadcast_to(profile, n)[house] + (0 if shared_profile else nth),
        rate=lively[house] * eager / together[house], genre=genre, film_share=np.array(customs.film_share)[role],
        first=np.broadcast_to(first, n)[house],
        last=np.broadcast_to(town.days - 1 if last is None else last, n)[house],
        favourite=np.where(role == 2, pet, -1), favourite_share=rng.uniform(0.1, 0.35, len(house)),
        own=own, second=second, tv_share=np.array(customs.tv_share)[role], out_share=np.array(customs.out_share)[role],
        roam_share=rng.choice([0.03, 0.3, 0.9], len(house), p=[0.7, 0.22, 0.08]),
        carrier=rng.integers(0, CARRIERS, len(house)), vpn_share=0.7 * (rng.random(len(house)) < 0.04 * grown),
        wake=_habit(rng, customs.wake, role), bed=_habit(rng, customs.bed, role),
        busy_from=np.where(works, busy_from, 900), busy_to=np.where(works, busy_to, 900),
    )  # fmt: skip
    streams = np.array([1, 1, 2, 4, 4, 6, 6])[np.minimum(size + (rng.random(n) < 0.4), 6)]
    np.maximum.at(town.plan_streams, account, streams)
    return Family(size, np.broadcast_to(home, n), party, viewer[np.cumsum(size) - size])


def _habit(rng: np.random.Generator, spans: tuple[tuple[int, int], ...], role: Array) -> Array:
    low, high = np.array(spans)[role].T
    minute: Array = rng.integers(low, high)
    return minute


def _holidays(town: Town, party: Array, yearly: float) -> None:
    """Journeys of all kinds of people: mostly not far, to a hotel or a guest house, three days to two weeks."""
    rng = town.rng
    who = np.repeat(party, rng.poisson(yearly * town.days / 365, len(party)))
    start = town.places["city"][town.parties["home"][who]]
    city = town.nearest[start, np.minimum(rng.geometric(0.2, len(who)) - 1, len(CITIES) - 2)]
    hotel, guest_house = (
        town.hotels[city, rng.integers(0, HOTELS, len(who))],
        town.guest_houses[city, rng.integers(0, GUEST_HOUSES, len(who))],
    )
    place = np.where(rng.random(len(who)) < 0.6, hotel, guest_house)
    town.travel(who, rng.integers(0, town.days, len(who)), rng.integers(3, 15, len(who)), place)


def whereabouts(town: Town) -> Array:
    """The place of each party on each day; -1 on days spent travelling, when nothing is played.

    One may drive under `NEAR_KM` between two evenings; a longer way takes the day of arrival, one beyond `FAR_KM`
    the next day too: so nobody outruns a plane.
    """
    where = np.repeat(town.parties["home"][:, None], town.days, axis=1)
    party, first, last, place = (town.trips[name] for name in ("party", "first", "last", "place"))
    n = last - first + 1
    day = np.repeat(first - np.cumsum(n) + n, n) + np.arange(n.sum())
    where[np.repeat(party, n), day] = np.repeat(place, n)
    city = town.places["city"][where]
    km = town.km[city[:, 1:], city[:, :-1]]
    silent = np.zeros(where.shape, bool)
    silent[:, 1:] = km > NEAR_KM
    silent[:, 2:] |= (km > FAR_KM)[:, :-1]
    where[silent] = -1
    return where
