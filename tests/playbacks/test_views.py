"""From rows around a day to playbacks: what is a view."""

from typing import Any

import pytest
from repairs import played, repair


def is_view(minutes: float | None, **said: Any) -> bool:
    [viewed] = repair(played("10 20:00", minutes, **said)).playbacks["is_view"]
    return bool(viewed)


@pytest.mark.parametrize(
    ("said", "bare"),
    [
        ({"title_kind": "episode", "title_runtime_s": 3000}, False),
        ({"title_kind": "episode"}, None),
        ({"title_kind": "live"}, None),
        ({"title_kind": "track"}, False),
    ],
)
def test_whether_somebody_stopped_early_is_not_known_without_a_length(said: dict[str, Any], bare: bool | None) -> None:
    """A child's cartoon may be as long as it was watched."""
    assert repair(played("10 20:00", 5.25, **said)).playbacks["is_bare_view"].to_list() == [bare]


@pytest.mark.parametrize(
    ("minutes", "said", "viewed"),
    [
        # 70 % of the runtime.
        (63, {"title_runtime_s": 5400, "title_kind": "movie"}, True),
        (62.9, {"title_runtime_s": 5400, "title_kind": "movie"}, False),
        (21, {"title_runtime_s": 1800, "title_kind": "episode"}, True),
        (20.9, {"title_runtime_s": 1800, "title_kind": "episode"}, False),
        # The runtime unknown: by kind.
        (20, {"title_kind": "movie"}, True),
        (19.9, {"title_kind": "movie"}, False),
        (5, {"title_kind": "episode"}, True),
        (4.9, {"title_kind": "episode"}, False),
        (5, {"title_kind": "live"}, True),
        (5, {}, True),
        (4.9, {}, False),
        (0.5, {"title_kind": "track"}, True),
        (0.48, {"title_kind": "track"}, False),
        (0.5, {"title_kind": "clip"}, True),
        (0.48, {"title_kind": "clip"}, False),
        # Songs may be short.
        (1, {"title_kind": "track", "title_runtime_s": 80}, True),
        (0.9, {"title_kind": "track", "title_runtime_s": 80}, False),
        # Trailers: video under two minutes is none, whatever its share.
        (1.95, {"title_kind": "movie", "title_runtime_s": 119}, False),
        (2, {"title_kind": "movie", "title_runtime_s": 120}, True),
        (1.98, {"title_runtime_s": 130}, False),
        (2.1, {"title_runtime_s": 130}, True),
    ],
)
def test_what_counts_as_a_view(minutes: float, said: dict[str, Any], viewed: bool) -> None:
    """70 % of the runtime; unknown, a film 20 minutes, an episode or anything else 5, a track or clip 30 seconds; a
    video that is, or was watched for, less than two minutes never."""
    assert is_view(minutes, **said) is viewed


def test_watching_fast_covers_more_than_the_clock_says_but_skipping_does_not() -> None:
    """At double speed half the time is enough; a jump to the credits after ten minutes is no view."""
    film = {"title_kind": "movie", "title_runtime_s": 5400, "position_start_s": 0}
    assert is_view(45, **film, position_end_s=5400)
    assert not is_view(10, **film, position_end_s=5400)


def test_a_view_may_be_put_together_from_resumes() -> None:
    """Neither half of the film is a view, both together are one."""
    film = {"title_runtime_s": 5400, "title_kind": "movie"}
    halves = (
        played("10 20:00", 45, **film, position_start_s=0, position_end_s=2700),
        played("10 21:00", 45, **film, position_start_s=2700, position_end_s=5400),
    )
    assert [repair(half).playbacks["is_view"].to_list() for half in halves] == [[False], [False]]
    assert repair(*halves).playbacks["is_view"].to_list() == [True]


def test_a_log_of_start_times_gives_views_but_no_seconds() -> None:
    """Who logs only when something was viewed says that it was, not for how long; trailers are none even so."""
    done = repair(played("10 20:00"), played("11 20:00"), played("12 20:00", title_runtime_s=60)).playbacks
    assert done["is_view"].to_list() == [True, True, False]
    assert done["seconds"].to_list() == [None, None, None]
    assert done["ended_at"].null_count() == 3
