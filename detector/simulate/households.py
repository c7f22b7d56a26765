"""Who lives how: towns of homes, people with their hours, devices and tastes, and where they are on which day."""

import datetime as dt
from typing import Any

import numpy as np

from detector.simulate.catalogue import EPISODES, GENRES, Catalogue, films, shows
from detector.simulate.world import (
    CITIES,
    HOSTING,
    HOTEL,
    MOBILE,
    RESIDENTIAL,
    VPN,
    WEIGHT_OF_CITY,
    Array,
    kilometres,
)

DEVICE_TYPES = ("tv", "phone", "tablet", "laptop", "browser")
TV, PHONE, TABLET, LAPTOP, BROWSER = range(len(DEVICE_TYPES))
CARRIERS, HOTELS, GUEST_HOUSES = 3, 6, 4  # in each city
NEAR_KM, FAR_KM = 400, 5_000  # a drive between two evenings; one that takes two days by plane

# By role (adult, teenager, child): the earliest and latest habit, minutes of the day.
_WAKE = ((375, 510), (390, 510), (370, 460))
_BED = ((1320, 1490), (1290, 1410), (1150, 1250))
_BUSY_FROM = ((480, 560), (470, 490), (500, 530))
_BUSY_TO = ((990, 1110), (900, 960), (870, 930))
_TV_SHARE, _OUT_SHARE, _FILM_SHARE, _PACE = (0.6, 0.35, 0.5), (0.08, 0.1, 0.0), (0.47, 0.41, 0.34), (1.0, 1.0, 0.8)


class Roll:
    """Rows gathered column by column; the position of a row is its id."""

    def __init__(self, **defaults: int | float) -> None:
        self.defaults = defaults
        self.columns: dict[str, Array] = {
            name: np.empty(0, np.asarray(value).dtype) for name, value in defaults.items()
        }

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def add(self, n: int, **values: Any) -> Array:
        """Ids of `n` new rows; a column takes `n` values, one for all, or its default."""
        if unknown := values.keys() - self.defaults.keys():
            raise TypeError(f"unknown columns {sorted(unknown)}")
        first = len(self)
        for name, default in self.defaults.items():
            new = np.broadcast_to(np.asarray(values.get(name, default)), (n,)).astype(self.columns[name].dtype)
            self.columns[name] = np.concatenate([self.columns[name], new])
        return np.arange(first, first + n)


class Town:
    """Everything that exists before anything is played. Days count from 0, minutes from a day's midnight.

    `places` have a city, a kind of network, its operator, TVs (ids from `tv` on) and a way of giving out addresses;
    `parties` are people who travel together, at `home` unless a trip says otherwise; `viewers` are persons with
    their hours, devices and tastes, `rate` being how often they sit down a day; `rituals` are what a viewer does daily
    apart from that, from the minute `at` or up to `spread` later, and `sure` ones never fail; `machines` play `title`
    back to back on `devices` in turn for `accounts` in turn, daily the next.
    """

    def __init__(self, rng: np.random.Generator, accounts: int, first_day: dt.date, days: int) -> None:
        self.rng, self.first_day, self.days = rng, first_day, days
        self.catalogue = Catalogue.invent(rng)
        self.plan_streams = np.ones(accounts, np.int64)
        self.km = kilometres()
        self.nearest = np.argsort(self.km, axis=1)[:, 1:]
        self.places = Roll(city=0, kind=RESIDENTIAL, operator=0, tv=-1, tvs=0, pool=0, lease_days=0, v6=0)
        self.devices = Roll(type=TV)
        self.parties = Roll(home=0)
        self.trips = Roll(party=0, first=0, last=0, place=0)
        self.viewers = Roll(
            account=0, profile=0, party=0, rate=0.0, first=0, last=days - 1, genre=0, film_share=0.4, favourite=-1,
            favourite_share=0.0, own=0, second=0, tv_share=0.6, out_share=0.0, carrier=0, vpn_share=0.0,
            wake=420, bed=1400, busy_from=510, busy_to=1050,
        )  # fmt: skip
        self.rituals = Roll(
            viewer=0, title=0, first=0, last=days - 1, chance=1.0, at=1200, spread=0, until=9_999, again=0.0,
            whole=0.93, on_tv=0, sure=0,
        )  # fmt: skip
        self.rituals.add(1, last=-1)  # on no day: the ritual of whoever has none
        self.machines = Roll(
            account=0, accounts=1, device=0, devices=1, nth=0, place=0, title=0, length_s=6_000, gap_s=5, jitter_s=2,
            first=0, last=0, from_minute=0, to_minute=1440,
        )  # fmt: skip
        every = np.arange(len(CITIES))
        self.carriers = self._in_each(every, CARRIERS, kind=MOBILE, pool=1)
        self.hotels = self._in_each(every, HOTELS, kind=HOTEL, pool=1)
        self.guest_houses = self._in_each(every, GUEST_HOUSES, kind=RESIDENTIAL)
        self.vpns = self._in_each(every, 1, kind=VPN, pool=1)

    def _in_each(self, city: Array, n: int, **values: Any) -> Array:
        """Place ids by city and number."""
        ids = self.places.add(
            len(city) * n, city=np.repeat(city, n), operator=np.tile(np.arange(n), len(city)), **values
        )
        return ids.reshape(len(city), n)

    @property
    def first_saturday(self) -> int:
        """The first day that is a Saturday."""
        return (5 - self.first_day.weekday()) % 7

    def some_city(self, n: int) -> Array:
        """`n` cities, big ones more often."""
        return self.rng.choice(len(CITIES), n, p=WEIGHT_OF_CITY)

    def travel(self, party: Array, first: Array, nights: Array, place: Array) -> None:
        """The parties are at the places from a day on; trips that begin after the last day are left out."""
        go = first < self.days
        last = np.minimum(first + nights, self.days - 1)
        self.trips.add(int(go.sum()), party=party[go], first=first[go], last=last[go], place=place[go])

    def data_centre(self, n: int) -> Array:
        """Places for machines, one address each."""
        return self.places.add(n, city=self.some_city(n), kind=HOSTING)


class Family:
    """Households as they were settled: by household, its size, home, travelling party and first viewer's id.

    The viewers of a household follow one another: adults, teenagers, children.
    """

    def __init__(self, size: Array, home: Array, party: Array, first: Array) -> None:
        self.size, self.home, self.party, self.first = size, home, party, first

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
    if home is None:
        tvs = 1 + (rng.random(n) < 0.12 * size)
        tv = town.devices.add(int(tvs.sum()), type=TV)[np.cumsum(tvs) - tvs]
        lease = rng.choice([0, 7, 30, 90], n, p=[0.55, 0.1, 0.15, 0.2])
        home = town.places.add(
            n, city=town.some_city(n) if city is None else city, operator=rng.integers(0, 3, n),
            tv=tv, tvs=tvs, lease_days=lease, v6=rng.random(n) < 0.4,
        )  # fmt: skip
    party = town.parties.add(n, home=home)
    _holidays(town, party, trips)

    house = np.repeat(np.arange(n), size)
    nth = np.arange(len(house)) - np.repeat(np.cumsum(size) - size, size)
    role = (nth >= counts[0, house]).astype(int) + (nth >= (counts[0] + counts[1])[house])
    grown = role < 2
    tablet = town.devices.add(n, type=TABLET)
    own, second = tablet[house], tablet[house]
    own[grown] = town.devices.add(int(grown.sum()), type=PHONE)
    has_laptop = grown & (rng.random(len(house)) < 0.5)
    second = np.where(grown, own, second)
    second[has_laptop] = town.devices.add(int(has_laptop.sum()), type=LAPTOP)

    # A household's evenings are shared among its members; habits of viewing differ widely between households.
    lively = 0.5 * np.broadcast_to(pace, n) * rng.lognormal(-0.5, 1.0, n) * (size / 2.4) ** 0.5
    eager = np.array(_PACE)[role] * rng.uniform(0.5, 1.5, len(house))
    together = np.bincount(house, eager, minlength=n)
    genre = np.where(
        rng.random(len(house)) < 0.4, rng.integers(1, GENRES, n)[house], rng.integers(1, GENRES, len(house))
    )
    genre[role == 2] = 0
    pet = np.where(
        rng.random(len(house)) < 0.5, films(rng, genre), shows(rng, genre) + rng.integers(0, EPISODES, len(house))
    )
    works = (rng.random(len(house)) < 0.8) | (role > 0)
    busy_from, busy_to = _habit(rng, _BUSY_FROM, role), _habit(rng, _BUSY_TO, role)
    viewer = town.viewers.add(
        len(house), account=account[house], party=party[house],
        profile=np.broadcast_to(profile, n)[house] + (0 if shared_profile else nth),
        rate=lively[house] * eager / together[house], genre=genre, film_share=np.array(_FILM_SHARE)[role],
        first=np.broadcast_to(first, n)[house],
        last=np.broadcast_to(town.days - 1 if last is None else last, n)[house],
        favourite=np.where(role == 2, pet, -1), favourite_share=rng.uniform(0.1, 0.35, len(house)),
        own=own, second=second, tv_share=np.array(_TV_SHARE)[role], out_share=np.array(_OUT_SHARE)[role],
        carrier=rng.integers(0, CARRIERS, len(house)), vpn_share=0.7 * (rng.random(len(house)) < 0.04 * grown),
        wake=_habit(rng, _WAKE, role), bed=_habit(rng, _BED, role),
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
