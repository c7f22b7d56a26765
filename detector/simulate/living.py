"""What several kinds of account have in common."""

from typing import Any

import numpy as np

from detector.simulate.catalogue import ALL_EPISODES, ALL_FILMS, GENRES
from detector.simulate.households import Family, household
from detector.simulate.town import Town
from detector.simulate.world import CITIES, NEAR_KM, Array

STORY_DAYS, YEAR_DAYS = 18, 365


def members(rng: np.random.Generator, size: Array) -> dict[str, Any]:
    """Adults, teenagers and children of households of these sizes."""
    adults = np.where(size == 1, 1, np.where(rng.random(len(size)) < 0.88, 2, 1))
    teens = rng.binomial(size - adults, 0.4)
    return {"adults": adults, "teens": teens, "children": size - adults - teens}


def ordinary(town: Town, accounts: Array, **more: Any) -> Family:
    """Households of the usual sizes."""
    sizes = town.customs.size_shares
    size = town.rng.choice(np.arange(1, 1 + len(sizes)), len(accounts), p=sizes)
    return household(town, accounts, **members(town.rng, size), **more)


def by_intensity(town: Town, accounts: Array, faint: Any, middle: Any, blatant: Any) -> Array:
    """For each account what belongs to its intensity."""
    chosen: Array = np.array([faint, middle, blatant])[town.intensity[accounts]]
    return chosen


def groups(town: Town, accounts: Array, sizes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]) -> list[Array]:
    """The accounts, of one intensity each, in groups of so many, by intensity; the last of each maybe smaller."""
    found = []
    for intensity, (low, high) in enumerate(sizes):
        of_it = accounts[town.intensity[accounts] == intensity]
        cuts = np.cumsum(town.rng.integers(low, high + 1, len(of_it)))
        found += [group for group in np.split(of_it, cuts[cuts < len(of_it)]) if len(group)]
    return found


def in_turn(town: Town, n: int, away: tuple[Any, Any], home: tuple[Any, Any]) -> tuple[Array, Array, Array]:
    """Each of `n` away and at home in turn, so many days at least and at most: who, the first day away, and the last.

    The log begins anywhere in somebody's turn, away or at home.
    """
    rng = town.rng
    turns = 2 + town.days // int(np.min(away[0]) + np.min(home[0]))
    (least, most), (low, high) = ([np.broadcast_to(end, n)[:, None] for end in span] for span in (away, home))
    gone, there = rng.integers(least, most + 1, (n, turns)), rng.integers(low, high + 1, (n, turns))
    begun = np.cumsum(gone + there, axis=1) - gone - there
    first = begun - (rng.random(n) * (gone + there)[:, 0]).astype(np.int64)[:, None]
    last = first + gone - 1
    seen = (last >= 0) & (first < town.days)
    return np.nonzero(seen)[0], first[seen].clip(0), last[seen].clip(0, town.days - 1)


def some_title(town: Town, n: int, films: float) -> Array:
    """`n` titles that one may like again and again: films, so large a share of them, or episodes."""
    rng = town.rng
    episode = ALL_FILMS + rng.integers(0, ALL_EPISODES, n)
    return np.where(rng.random(n) < films, town.catalogue.films(rng, rng.integers(1, GENRES, n)), episode)


def with_neighbour(town: Town, n: int) -> Array:
    """`n` cities that have another within a drive."""
    near = np.flatnonzero(town.km[np.arange(len(CITIES)), town.nearest[:, 0]] < NEAR_KM)
    return town.rng.choice(near, n)


def every_day(town: Town, accounts: Array, title: Array, days: int, **more: Any) -> Family:
    """An ordinary life, and one title on each of the last days."""
    rng, n = town.rng, len(accounts)
    family = ordinary(town, accounts, trips=0, **more)
    town.rituals.add(
        n, viewer=family.first, title=title, first=max(0, town.days - days), at=rng.integers(1080, 1130, n),
        spread=rng.integers(90, 200, n), whole=0.9, on_tv=rng.random(n) < 0.6, sure=1,
    )  # fmt: skip
    return family
