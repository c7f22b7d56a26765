"""Who sits down to watch when, at which place and on which device; of what clashes, one gives way."""

from dataclasses import dataclass

import numpy as np

from detector.simulate.town import PHONE, Town
from detector.simulate.world import CITIES, DEVICES_V6, LEASES, POOL, ZONE_OF_CITY, Array, milliseconds, to_utc

WEEKEND = 5  # Saturday, as `datetime` counts weekdays
_WORKDAY_SHARE = 0.8  # sittings on a working day for each one at a weekend
_LAST_START = 30  # minutes before bed
_ARRIVAL = 720  # minute of the day: nobody who moved since yesterday evening watches earlier
_BY_V6 = 0.65  # share of the plays of a home with both that go by IPv6
_MORNING, _LEISURE = 0.25, 0.5  # how much is watched in a free minute of the morning or of a day off, evening: 1


@dataclass(frozen=True)
class Sittings:
    """One person watching from one moment on, whatever is played; sorted by viewer and time."""

    viewer: Array
    ritual: Array  # 0: none
    day: Array  # the day that the person would say it is, also after midnight
    second: Array  # from that day's midnight; beyond 86,400 after the next midnight
    base: Array  # where the person is
    place: Array  # where the line is: home, hotel, carrier, exit of a VPN
    device: Array
    on_tv: Array

    def __len__(self) -> int:
        return len(self.viewer)

    def strength(self, town: Town) -> Array:
        """What gives way to what: nothing special 0, a ritual 1, one that never fails 2."""
        strength: Array = (self.ritual > 0) + town.rituals["sure"][self.ritual]
        return strength


def sit_down(town: Town, where: Array) -> Sittings:
    """All that people would watch if nobody was in anybody's way; `where` are their `whereabouts`."""
    viewer, ritual, day, minute = (np.concatenate(pair) for pair in zip(_leisure(town), _rituals(town), strict=True))
    party = town.viewers["party"][viewer]
    base = where[party, day]
    moved = (day > 0) & (where[party, day - 1] != base)
    there = (base >= 0) & ~(moved & (minute < _ARRIVAL))
    order = np.lexsort((minute[there], day[there], viewer[there]))
    columns = {"viewer": viewer, "ritual": ritual, "day": day, "minute": minute, "base": base}
    return _settle_down(town, **{name: column[there][order] for name, column in columns.items()})


def stays(town: Town, where: Array, sittings: Sittings, of: Array, seconds: Array) -> Array:
    """Whether the person is still where sitting `of` began, so many seconds into it, and not travelling by then."""
    party, day = town.viewers["party"][sittings.viewer[of]], sittings.day[of]
    now = day + (sittings.second[of] + seconds) // 86_400
    stay: Array = (now < town.days) & (where[party, np.minimum(now, town.days - 1)] == where[party, day])
    return stay


def begins(town: Town, sittings: Sittings) -> Array:
    """When each sitting begins, milliseconds since 1970 UTC."""
    clock = milliseconds(town.first_day, sittings.day, sittings.second) + town.rng.integers(0, 1_000, len(sittings))
    return to_utc(zones(town, sittings.base), clock)


def zones(town: Town, place: Array) -> Array:
    """The time zones that clocks there show (positions in `world.ZONES`)."""
    zone: Array = ZONE_OF_CITY[town.places["city"][place]]
    return zone


def shown_ids(town: Town, device: Array, day: Array) -> Array:
    """The ids that devices go by on a day: most have one for good."""
    ids, renew = town.devices["ids"][device], town.devices["renew_days"][device]
    drawn = town.rng.integers(0, ids)
    return device + np.where(renew > 0, (day + device) // np.maximum(renew, 1) % ids, drawn)


def slots(town: Town, place: Array, device: Array, day: Array) -> Array:
    """Which of its place's addresses a device has on a day (see `world.addresses`)."""
    rng, n = town.rng, len(place)
    lease, pool, v6 = (town.places[name][place] for name in ("lease_days", "pool", "v6"))
    leased = np.where(lease > 0, (day + place) // np.maximum(lease, 1) % LEASES, 0)
    by_v6 = (v6 == 1) & (rng.random(n) < _BY_V6)
    return np.select([by_v6, pool == 1], [LEASES + device % DEVICES_V6, rng.integers(0, POOL, n)], leased)


def give_way(group: Array, start: Array, end: Array, strength: Array) -> Array:
    """Which rows give way so that in no group two are at once: of two the weaker, of equals the later."""
    order = np.lexsort((start, group))
    gone = np.zeros(len(group), bool)
    while True:
        one, next_one = order[:-1], order[1:]
        clash = (group[one] == group[next_one]) & (end[one] > start[next_one])
        if not clash.any():
            return gone
        gone[np.where(strength[one] >= strength[next_one], next_one, one)[clash]] = True
        order = order[~gone[order]]


def _leisure(town: Town) -> tuple[Array, Array, Array, Array]:
    """Viewer, ritual (none), day and minute of what people watch in their free hours."""
    rng, people = town.rng, town.viewers
    average = (2 + 5 * _WORKDAY_SHARE) / 7
    span = people["last"] - people["first"] + 1
    viewer = np.repeat(np.arange(len(people)), rng.poisson(people["rate"] * span / average))
    day = people["first"][viewer] + (rng.random(len(viewer)) * span[viewer]).astype(np.int64)
    weekend = (town.first_day.weekday() + day) % 7 >= WEEKEND
    kept = weekend | (rng.random(len(viewer)) < _WORKDAY_SHARE)
    viewer, day, weekend = viewer[kept], day[kept], weekend[kept]
    return viewer, np.zeros_like(viewer), day, _free_minute(town, viewer, weekend)


def _free_minute(town: Town, viewer: Array, weekend: Array) -> Array:
    """Mostly the evening, sometimes the morning, at weekends also the hours of work."""
    wake, busy_from, busy_to, bed = (town.viewers[name][viewer] for name in ("wake", "busy_from", "busy_to", "bed"))
    morning = _MORNING * (busy_from - wake)
    by_day = morning + _LEISURE * weekend * (busy_to - busy_from)
    drawn = town.rng.random(len(viewer)) * (by_day + bed - _LAST_START - busy_to)
    minute = np.select(
        [drawn < morning, drawn < by_day],
        [wake + drawn / _MORNING, busy_from + (drawn - morning) / _LEISURE],
        busy_to + drawn - by_day,
    )
    whole: Array = minute.astype(np.int64)
    return whole


def _rituals(town: Town) -> tuple[Array, Array, Array, Array]:
    """Viewer, ritual, day and minute of what people do daily."""
    rng, all_of_them = town.rng, town.rituals
    first, last = all_of_them["first"], all_of_them["last"]
    ritual = np.repeat(np.arange(len(all_of_them)), last - first + 1)
    day = np.arange(len(ritual)) - np.repeat(np.cumsum(last - first + 1) - last - 1, last - first + 1)
    done = rng.random(len(ritual)) < all_of_them["chance"][ritual]
    ritual, day = ritual[done], day[done]
    minute = all_of_them["at"][ritual] + rng.random(len(ritual)) * (1 + all_of_them["spread"][ritual])
    return all_of_them["viewer"][ritual], ritual, day, minute.astype(np.int64)


def _settle_down(town: Town, *, viewer: Array, ritual: Array, day: Array, minute: Array, base: Array) -> Sittings:
    """With place and device: the TV where there is one, else something of their own; outdoors the carrier's line."""
    rng, n, people = town.rng, len(viewer), town.viewers
    city, tvs, usual = town.places["city"][base], town.places["tvs"][base], ritual == 0
    out = usual & (rng.random(n) < people["out_share"][viewer])
    wanted = np.where(usual, rng.random(n) < people["tv_share"][viewer], town.rituals["on_tv"][ritual] == 1)
    on_tv = wanted & ~out & (tvs > 0)
    own = np.where(out | ~usual | (rng.random(n) < 0.5), people["own"][viewer], people["second"][viewer])
    tv = town.places["tv"][base] + np.where(usual, rng.random(n) * tvs, 0).astype(np.int64)
    # A phone falls back to its carrier's line at home too; some of their owners never use another.
    phone = ~on_tv & usual & (town.devices["type"][own] == PHONE)
    out |= phone & (rng.random(n) < people["roam_share"][viewer])
    hidden = ~on_tv & ~out & (rng.random(n) < people["vpn_share"][viewer])
    exits = people["vpn_exits"][viewer]
    chosen = (13 * viewer + 5 * rng.integers(0, np.maximum(exits, 1))) % len(CITIES)
    exit = town.vpns[np.where(exits > 0, chosen, city), (viewer % 3 == 0).astype(int)]
    line = np.where(town.places["exit"][base] >= 0, town.places["exit"][base], base)
    return Sittings(
        viewer=viewer, ritual=ritual, day=day, second=minute * 60 + rng.integers(0, 60, n),
        on_tv=on_tv, device=np.where(on_tv, tv, own), base=base,
        place=np.select(
            [out, hidden],
            [town.carriers[city, people["carrier"][viewer]], exit],
            line,
        ),
    )  # fmt: skip
