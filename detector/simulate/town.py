"""The place where everybody lives: cities with their networks, homes, devices, people, habits and machines."""

import datetime as dt
from typing import Any

import numpy as np

from detector.simulate.catalogue import ALL_EPISODES, Catalogue
from detector.simulate.customs import Customs
from detector.simulate.world import (
    CITIES,
    COUNTRY_OF_CITY,
    EDUCATION,
    HOSTING,
    HOTEL,
    MOBILE,
    RESIDENTIAL,
    VPN,
    Array,
    kilometres,
)

DEVICE_TYPES = ("tv", "phone", "tablet", "laptop", "browser")
TV, PHONE, TABLET, LAPTOP, BROWSER = range(len(DEVICE_TYPES))
CARRIERS, HOTELS, GUEST_HOUSES = 3, 6, 4  # in each city


class Roll:
    """Rows gathered column by column; the position of a row is its id."""

    def __init__(self, **defaults: int | float) -> None:
        self.defaults = defaults
        self.parts: dict[str, list[Array]] = {
            name: [np.empty(0, np.asarray(value).dtype)] for name, value in defaults.items()
        }
        self.rows = 0

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, name: str) -> Array:
        parts = self.parts[name]
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0]

    def add(self, n: int, **values: Any) -> Array:
        """Ids of `n` new rows; a column takes `n` values, one for all, or its default."""
        if unknown := values.keys() - self.defaults.keys():
            raise TypeError(f"unknown columns {sorted(unknown)}")
        for name, default in self.defaults.items():
            new = np.broadcast_to(np.asarray(values.get(name, default)), (n,))
            self.parts[name].append(new.astype(self.parts[name][0].dtype))
        self.rows += n
        return np.arange(self.rows - n, self.rows)


class Town:
    """Everything that exists before anything is played. Days count from 0, minutes from a day's midnight.

    `places` have a city, a kind of network, its operator, TVs (ids from `tv` on) and a way of giving out addresses,
    or their line comes to light at another place, `exit`; `devices` with more than one of `ids` (the rows that follow)
    change to the next every `renew_days`, with 0 at each sitting; `parties` are people who travel together, at `home`
    unless a trip says otherwise; `viewers` are persons with their hours, devices and tastes, `rate` being how often
    they sit down a day, `roam_share` how often a phone at home is on its carrier's line, and `vpn_exits` among how many
    cities their VPN changes (0: their own); `rituals` are what a viewer does daily apart from that, from the minute
    `at` or up to `spread` later, `sure` ones never fail, those of a `series` go on with the next episode, after so many
    as `circle` with the first again; `machines` play `title`, or the `playlist` that begins with it, back to back on
    `devices` in turn for `accounts` in turn, daily the next. `intensity` is by account: 0 faint, 1 middle, 2 blatant.
    """

    def __init__(
        self, rng: np.random.Generator, accounts: int, first_day: dt.date, days: int, customs: Customs, intensity: Array
    ) -> None:
        self.rng, self.first_day, self.days, self.customs, self.intensity = rng, first_day, days, customs, intensity
        self.catalogue = Catalogue.invent(rng, customs.popularity)
        self.plan_streams = np.ones(accounts, np.int64)
        self.km = kilometres()
        self.nearest = np.argsort(self.km, axis=1)[:, 1:]
        self.places = Roll(city=0, kind=RESIDENTIAL, operator=0, tv=-1, tvs=0, pool=0, lease_days=0, v6=0, exit=-1)
        self.devices = Roll(type=TV, ids=1, renew_days=0)
        self.parties = Roll(home=0)
        self.trips = Roll(party=0, first=0, last=0, place=0)
        self.viewers = Roll(
            account=0, profile=0, party=0, rate=0.0, first=0, last=days - 1, genre=0, film_share=0.4, favourite=-1,
            favourite_share=0.0, own=0, second=0, tv_share=0.6, out_share=0.0, roam_share=0.0, carrier=0, vpn_share=0.0,
            vpn_exits=0, wake=420, bed=1400, busy_from=510, busy_to=1050,
        )  # fmt: skip
        self.rituals = Roll(
            viewer=0, title=0, first=0, last=days - 1, chance=1.0, at=1200, spread=0, until=9_999, again=0.0,
            whole=0.93, on_tv=0, sure=0, series=0, circle=ALL_EPISODES,
        )  # fmt: skip
        self.rituals.add(1, last=-1)  # on no day: the ritual of whoever has none
        self.machines = Roll(
            account=0, accounts=1, device=0, devices=1, nth=0, place=0, title=0, playlist=1, length_s=6_000, gap_s=5,
            jitter_s=2, swap_days=1, first=0, last=0, from_minute=0, to_minute=1440,
        )  # fmt: skip
        every = np.arange(len(CITIES))
        self.carriers = self._in_each(every, CARRIERS, kind=MOBILE, pool=1)
        self.hotels = self._in_each(every, HOTELS, kind=HOTEL, pool=1)
        self.guest_houses = self._in_each(every, GUEST_HOUSES, kind=RESIDENTIAL)
        # Of two VPNs look-ups know one as what it is; the other's exits they take for any data centre.
        self.vpns = np.hstack([self._in_each(every, 1, kind=kind, pool=1) for kind in (VPN, HOSTING)])
        self.campuses = self._in_each(every, 1, kind=EDUCATION, pool=1)

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
        cities: Array = self.rng.choice(len(CITIES), n, p=self.customs.weight_of_city)
        return cities

    def near(self, city: Array, among: Any) -> Array:
        """For each city one of its `among` nearest."""
        near: Array = self.nearest[city, self.rng.integers(0, among, len(city))]
        return near

    def abroad(self, city: Array) -> Array:
        """For each city one of another country."""
        found = self.some_city(len(city))
        while (same := COUNTRY_OF_CITY[found] == COUNTRY_OF_CITY[city]).any():
            found[same] = self.some_city(int(same.sum()))
        return found

    def travel(self, party: Array, first: Array, nights: Any, place: Array) -> None:
        """The parties are at the places from a day on; trips that begin after the last day are left out."""
        nights = np.broadcast_to(nights, len(party))
        go = (first >= 0) & (first < self.days)
        last = np.minimum(first + nights, self.days - 1)
        self.trips.add(int(go.sum()), party=party[go], first=first[go], last=last[go], place=place[go])

    def weekly(self, n: int) -> tuple[Array, Array]:
        """Each of `n` once a week: who, and the day that the week begins, a Saturday."""
        weeks = -(-self.days // 7)
        return np.repeat(np.arange(n), weeks), np.tile(np.arange(weeks) * 7 + self.first_saturday, n)

    def renewing(self, n: int, *, type: Any, ids: int, renew_days: Any = 0) -> Array:
        """`n` devices that change their id, up to `ids` of them."""
        first = np.arange(n * ids) % ids == 0
        types, days = np.broadcast_to(type, n), np.broadcast_to(renew_days, n)
        made = self.devices.add(
            n * ids, type=np.repeat(types, ids), ids=np.where(first, ids, 1), renew_days=np.repeat(days, ids)
        )
        ones: Array = made[first]
        return ones

    def data_centre(self, n: int, listed: bool) -> Array:
        """Places for machines, one address each; look-ups take those that are not listed for homes."""
        return self.places.add(n, city=self.some_city(n), kind=HOSTING if listed else RESIDENTIAL)

    def homes(self, city: Array, *, tvs: Any = 1, tv: Any = None, exit: Any = -1) -> Array:
        """Homes in these cities, with so many TVs (new ones, or those that there are)."""
        rng, n = self.rng, len(city)
        tvs = np.broadcast_to(tvs, n)
        if tv is None:
            tv = self.devices.add(int(tvs.sum()), type=TV)
            tv = tv[np.minimum(np.cumsum(tvs) - tvs, len(tv) - 1)] if len(tv) else -1
        days, shares = list(self.customs.lease_days), list(self.customs.lease_days.values())
        return self.places.add(
            n, city=city, operator=rng.integers(0, 3, n), tv=tv, tvs=tvs, lease_days=rng.choice(days, n, p=shares),
            v6=rng.random(n) < self.customs.dual_stack_share, exit=exit,
        )  # fmt: skip
