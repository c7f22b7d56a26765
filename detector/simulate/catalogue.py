"""What the invented service shows: films, episodes, channels, trailers, sounds to sleep by; by genre and popularity."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from detector.simulate.world import Array
from detector.tables import TITLE_KINDS

MOVIE, EPISODE, LIVE, CLIP, TRACK = (TITLE_KINDS.index(kind) for kind in ("movie", "episode", "live", "clip", "track"))

GENRES = 8  # genre 0 is for families with children
FILMS, SHOWS, EPISODES = 150, 25, 10  # films and shows of each genre, episodes of each show
CHANNELS, CLIPS, TRACKS = 12, 200, 40
ALL_FILMS, ALL_EPISODES = GENRES * FILMS, GENRES * SHOWS * EPISODES
FIRST_CHANNEL = ALL_FILMS + ALL_EPISODES
FIRST_CLIP = FIRST_CHANNEL + CHANNELS
FIRST_TRACK = FIRST_CLIP + CLIPS

_WHICH = (
    "Quiet Last Silver Broken Golden Hidden Second Paper Northern Distant Burning Velvet Wandering Winter Secret "
    "Crooked Gentle Hollow Iron Lonely Midnight Narrow Open Painted Restless Salt Scarlet Sleeping Stolen Stubborn "
    "Summer Tall Unwritten Vanishing Violet Wild Yellow Borrowed Electric Forgotten"
).split()
_WHAT = (
    "Harbour Orchard Letter Garden Bridge River Promise Lantern Station Kingdom Mirror Island Passage Season Teacher "
    "Engine Neighbour Window Ocean Mountain Stranger Kitchen Circus Verdict Compass Meadow Pilot Shadow Tower Waltz "
    "Detective Voyage Crown Festival Machine Painter Rescue Village Whisper Bakery"
).split()


@dataclass(frozen=True)
class Catalogue:
    """All titles; a title is its position: films by genre, then episodes by show, channels, clips, tracks."""

    kind: Array  # position in TITLE_KINDS
    runtime_s: Array  # 0: has none (live)
    names: pl.Series
    popularity: float

    @classmethod
    def invent(cls, rng: np.random.Generator, popularity: float) -> "Catalogue":
        """A catalogue; children's titles are the short ones."""
        names = [f"The {_WHICH[n // len(_WHAT)]} {_WHAT[n % len(_WHAT)]}" for n in rng.permutation(1_600)]
        shows = names[ALL_FILMS : ALL_FILMS + GENRES * SHOWS]
        for_children = np.arange(GENRES) == 0
        film = np.repeat(np.where(for_children, 82, 108), FILMS) + rng.normal(0, 1, ALL_FILMS) * np.repeat(
            np.where(for_children, 5, 15), FILMS
        )
        episode = np.where(np.repeat(for_children, SHOWS), 18, rng.choice([24, 43, 52], GENRES * SHOWS))
        runtime = [
            film.clip(72, 165) * 60,
            np.repeat(episode, EPISODES) * 60 + rng.integers(-150, 150, ALL_EPISODES),
            np.zeros(CHANNELS),
            rng.integers(45, 116, CLIPS),
            rng.integers(60, 600, TRACKS) * 60,
        ]
        return cls(
            kind=np.repeat([MOVIE, EPISODE, LIVE, CLIP, TRACK], [len(part) for part in runtime]),
            runtime_s=np.concatenate(runtime).astype(np.int64),
            names=pl.Series(
                names[:ALL_FILMS]
                + [f"{show}: Episode {number + 1}" for show in shows for number in range(EPISODES)]
                + [f"Channel {number + 1}" for number in range(CHANNELS)]
                + [f"{names[number]} (trailer)" for number in range(CLIPS)]
                + [f"Rain {number + 1}" for number in range(TRACKS)]
            ),
            popularity=popularity,
        )

    def _popular(self, rng: np.random.Generator, n: int, of: int) -> Array:
        """`n` draws of 0..`of`-1, the first the most popular."""
        weight = np.arange(1, of + 1) ** -self.popularity
        return np.searchsorted(np.cumsum(weight)[:-1] / weight.sum(), rng.random(n))

    def films(self, rng: np.random.Generator, genre: Array) -> Array:
        """One film for each genre given."""
        return genre * FILMS + self._popular(rng, len(genre), FILMS)

    def shows(self, rng: np.random.Generator, genre: Array) -> Array:
        """The first episode of one show for each genre given."""
        return ALL_FILMS + (genre * SHOWS + self._popular(rng, len(genre), SHOWS)) * EPISODES


def next_episode(episode: Array, steps: Array) -> Array:
    """The episode so many steps on; after the last of a show comes the first of another, after the last of all the
    first.

    >>> next_episode(np.array([ALL_FILMS + ALL_EPISODES - 1]), np.array([2])) - ALL_FILMS
    array([1])
    """
    return ALL_FILMS + (episode - ALL_FILMS + steps) % ALL_EPISODES


def clips(rng: np.random.Generator, n: int) -> Array:
    """`n` trailers."""
    return FIRST_CLIP + rng.integers(0, CLIPS, n)


def channels(rng: np.random.Generator, n: int) -> Array:
    """`n` live channels."""
    return FIRST_CHANNEL + rng.integers(0, CHANNELS, n)
