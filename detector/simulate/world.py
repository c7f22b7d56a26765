"""Where people live: cities, time zones, distances, and the addresses that networks give out.

Nobody's real address is used: homes and hotels have IPv4 in 240.0.0.0/4 (never routed) and IPv6 in 3fff::/20
(documentation), carriers share 100.64.0.0/10, data centres and VPN exits 198.18.0.0/15. An address is
located at the centre of a city, as look-ups do, and not always of the right one: see `located`.
"""

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from detector.tables import NETWORK_KINDS

Array = npt.NDArray[Any]

RESIDENTIAL, MOBILE, HOSTING, VPN, HOTEL, EDUCATION = (
    NETWORK_KINDS.index(kind) for kind in ("residential", "mobile", "hosting", "vpn", "hotel", "education")
)

# city, region, country, zone, degrees north, degrees east, how many live there
CITIES = (
    ("Los Angeles", "California", "US", "America/Los_Angeles", 34.05, -118.24, 8),
    ("Palm Springs", "California", "US", "America/Los_Angeles", 33.83, -116.55, 1),
    ("San Francisco", "California", "US", "America/Los_Angeles", 37.77, -122.42, 4),
    ("Sacramento", "California", "US", "America/Los_Angeles", 38.58, -121.49, 1),
    ("Phoenix", "Arizona", "US", "America/Phoenix", 33.45, -112.07, 3),
    ("Denver", "Colorado", "US", "America/Denver", 39.74, -104.99, 3),
    ("Chicago", "Illinois", "US", "America/Chicago", 41.88, -87.63, 5),
    ("Madison", "Wisconsin", "US", "America/Chicago", 43.07, -89.40, 1),
    ("Dallas", "Texas", "US", "America/Chicago", 32.78, -96.80, 4),
    ("Austin", "Texas", "US", "America/Chicago", 30.27, -97.74, 2),
    ("New York", "New York", "US", "America/New_York", 40.71, -74.01, 9),
    ("Kingston", "New York", "US", "America/New_York", 41.93, -73.99, 1),
    ("Toronto", "Ontario", "CA", "America/Toronto", 43.65, -79.38, 4),
    ("Barrie", "Ontario", "CA", "America/Toronto", 44.39, -79.69, 1),
    ("Sao Paulo", "Sao Paulo", "BR", "America/Sao_Paulo", -23.55, -46.63, 7),
    ("Santos", "Sao Paulo", "BR", "America/Sao_Paulo", -23.96, -46.33, 1),
    ("Rio de Janeiro", "Rio de Janeiro", "BR", "America/Sao_Paulo", -22.91, -43.17, 4),
    ("London", "England", "GB", "Europe/London", 51.51, -0.13, 7),
    ("Brighton", "England", "GB", "Europe/London", 50.82, -0.14, 1),
    ("Manchester", "England", "GB", "Europe/London", 53.48, -2.24, 3),
    ("Paris", "Ile-de-France", "FR", "Europe/Paris", 48.86, 2.35, 6),
    ("Lille", "Hauts-de-France", "FR", "Europe/Paris", 50.63, 3.06, 1),
    ("Madrid", "Madrid", "ES", "Europe/Madrid", 40.42, -3.70, 4),
    ("Toledo", "Castile-La Mancha", "ES", "Europe/Madrid", 39.86, -4.03, 1),
    ("Berlin", "Berlin", "DE", "Europe/Berlin", 52.52, 13.40, 6),
    ("Rostock", "Mecklenburg", "DE", "Europe/Berlin", 54.09, 12.10, 1),
    ("Munich", "Bavaria", "DE", "Europe/Berlin", 48.14, 11.58, 3),
    ("Warsaw", "Mazovia", "PL", "Europe/Warsaw", 52.23, 21.01, 3),
    ("Istanbul", "Istanbul", "TR", "Europe/Istanbul", 41.01, 28.98, 3),
    ("Lagos", "Lagos", "NG", "Africa/Lagos", 6.52, 3.38, 2),
    ("Mumbai", "Maharashtra", "IN", "Asia/Kolkata", 19.08, 72.88, 5),
    ("Pune", "Maharashtra", "IN", "Asia/Kolkata", 18.52, 73.86, 1),
    ("Tokyo", "Tokyo", "JP", "Asia/Tokyo", 35.68, 139.69, 6),
    ("Nagano", "Nagano", "JP", "Asia/Tokyo", 36.65, 138.18, 1),
    ("Sydney", "New South Wales", "AU", "Australia/Sydney", -33.87, 151.21, 3),
    ("Canberra", "Capital Territory", "AU", "Australia/Sydney", -35.28, 149.13, 1),
)
ZONES = tuple(sorted({city[3] for city in CITIES}))
ZONE_OF_CITY: Array = np.array([ZONES.index(city[3]) for city in CITIES])
COUNTRY_OF_CITY: Array = np.array([city[2] for city in CITIES])
WEIGHT_OF_CITY: Array = np.array([city[6] for city in CITIES]) / sum(city[6] for city in CITIES)

LEASES = 32  # IPv4 addresses that a place may have in turn
POOL = 8  # ... or, where its customers share them, at once
DEVICES_V6 = 4  # IPv6 addresses, all of one /64, that the devices of a place have
SLOTS = LEASES + DEVICES_V6
_REACH_KM = 1_200
NEAR_KM, FAR_KM = 400, 5_000  # a drive between two evenings; one that takes two days by plane


def kilometres() -> Array:
    """Great-circle distance between any two cities.

    >>> int(kilometres()[24, 26])  # Berlin to Munich
    503
    """
    north, east = (np.radians([city[at] for city in CITIES]) for at in (4, 5))
    half = (
        np.sin((north[:, None] - north) / 2) ** 2
        + np.cos(north[:, None]) * np.cos(north) * np.sin((east[:, None] - east) / 2) ** 2
    )
    distance: Array = 2 * 6371 * np.arcsin(np.sqrt(half))
    return distance


def milliseconds(first_day: dt.date, day: Array, second: Array) -> Array:
    """What clocks on the wall show, as milliseconds since 1970: days after the first day, seconds after midnight.

    >>> milliseconds(dt.date(1970, 1, 1), np.array([1]), np.array([30])).tolist()
    [86430000]
    """
    midnight = (first_day - dt.date(1970, 1, 1)).days + day
    shown: Array = (midnight * 86_400 + second) * 1_000
    return shown


def to_utc(zone: Array, local_ms: Array) -> Array:
    """Milliseconds since 1970 of what clocks on the wall showed in the zones (positions in `ZONES`).

    An hour that the clocks show twice is the first of them; one that they skip is shown an hour later.
    """
    utc = np.empty_like(local_ms)
    for number, name in enumerate(ZONES):
        rows = np.flatnonzero(zone == number)
        clock = pl.Series("clock", local_ms[rows]).cast(pl.Datetime("ms"))
        moment = clock.dt.replace_time_zone(name, ambiguous="earliest", non_existent="null")
        skipped = moment.is_null().to_numpy()
        shown = moment.to_physical().fill_null(0).to_numpy().copy()
        if skipped.any():
            later = clock.filter(pl.Series(skipped)).dt.offset_by("1h")
            shown[skipped] = later.dt.replace_time_zone(name, ambiguous="earliest").to_physical().to_numpy()
        utc[rows] = shown
    return utc


def _hubs() -> Array:
    """By city, the largest of its country that is not too far: there the lines of mobile carriers come to light.

    >>> CITIES[_hubs()[26]][0]  # of Munich
    'Berlin'
    """
    people = np.array([city[6] for city in CITIES])
    reach = (COUNTRY_OF_CITY[:, None] == COUNTRY_OF_CITY) & (kilometres() < _REACH_KM)
    hubs: Array = np.argmax(np.where(reach, people, 0), axis=1)
    return hubs


def _neighbours() -> Array:
    """By city, the nearest other one of its country; itself where there is none."""
    km = np.where(COUNTRY_OF_CITY[:, None] == COUNTRY_OF_CITY, kilometres(), np.inf)
    np.fill_diagonal(km, np.inf)
    nearest: Array = np.where(np.isfinite(km.min(axis=1)), np.argmin(km, axis=1), np.arange(len(CITIES)))
    return nearest


def located(city: Array, kind: Array, place: Array, slot: Array, misplaced_share: float) -> Array:
    """The cities into which a look-up puts addresses of places in these cities, each always into the same.

    A carrier's addresses are found at a hub; a share of the others in a neighbouring city.
    """
    one = place * SLOTS + np.minimum(slot, LEASES)  # all IPv6 addresses of a home lie in one /64
    # Multiplied by the golden ratio, numbers in a row spread evenly over 0 to 1.
    drawn = (one * 0.6180339887498949) % 1
    wrong = np.where(drawn < misplaced_share, _neighbours()[city], city)
    cities: Array = np.where(kind == MOBILE, _hubs()[city], wrong)
    return cities


def addresses(city: Array, kind: Array, place: Array, slot: Array) -> pl.Series:
    """The IP texts of the addresses `slot` of `place`; `city` and `kind` are those of all places there are."""
    rank = np.zeros(len(city), np.int64)
    for number in range(len(CITIES)):
        rows = np.flatnonzero(city == number)
        rank[rows] = np.arange(len(rows))
    pool, rack = np.cumsum(kind == MOBILE) * 256, np.cumsum(np.isin(kind, (HOSTING, VPN))) * POOL
    # An odd factor spreads a home's successive leases over its city's four million addresses without a clash.
    home = city[place] * 2**22 + ((rank[place] * LEASES + slot) * 2_654_435_761) % 2**22
    v4 = np.select(
        [kind[place] == MOBILE, np.isin(kind[place], (HOSTING, VPN))],
        [
            (100 << 24) + (64 << 16) + (pool[place] + slot) % 2**22,
            (198 << 24) + (18 << 16) + (rack[place] + slot) % 2**17,
        ],
        (240 << 24) + home,
    )
    octets = pl.format("{}.{}.{}.{}", *(pl.col("ip") // 256**at % 256 for at in (3, 2, 1, 0)))
    texts = pl.DataFrame({"ip": v4}).select(octets.alias("ip")).to_series()
    six = np.flatnonzero(slot >= LEASES)
    # A home has a /56, so that 256 homes of a city lie in one /48.
    where = zip(city[place[six]].tolist(), rank[place[six]].tolist(), (slot[six] - LEASES + 1).tolist(), strict=True)
    v6 = [f"3fff:{c:x}:{r >> 8:x}:{(r & 255) << 8:x}::{device}" for c, r, device in where]
    return texts.scatter(six, pl.Series(v6, dtype=pl.String))
