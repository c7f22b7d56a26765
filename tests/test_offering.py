"""Which accounts are put before reviewers so that their verdicts teach something."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.offering import choose, offer


def _night(seed: int, n: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    families = {f"score_{name}": rng.exponential(1, n) for name in ("places", "rhythm", "rings", "overall")}
    score = sum(values for name, values in families.items() if name != "score_overall")
    return pl.DataFrame({"account": pl.Series(rng.permutation(n), dtype=pl.UInt64), "score": score, **families})


@given(seed=st.integers(0, 1_000), n=st.integers(1, 60), capacity=st.integers(0, 70))
@settings(max_examples=40)
def test_families_take_turns(seed: int, n: int, capacity: int) -> None:
    """Each account once, no more than the capacity; of a family the highest scores; no family twice more than another
    that has accounts left; whatever the order of the rows."""
    night = _night(seed, n)
    offered = offer(night, capacity)
    assert offered.height == min(n, capacity) == offered["account"].n_unique()
    assert offered.equals(offer(night.sort("account"), capacity))
    every = offer(night, n).join(night, on="account")
    counts = dict(offered["dominant"].value_counts().iter_rows())
    for (family,), members in every.group_by("dominant"):
        mine = counts.get(family, 0)
        highest = members.sort("score", "account", descending=[True, False]).head(mine)["account"]
        assert set(highest) == set(offered.filter(pl.col("dominant") == family)["account"])
        if mine < members.height:
            assert mine >= max(counts.values(), default=0) - 1


def test_the_dominant_family_is_the_strongest_and_not_the_one_over_all() -> None:
    """What all families together show names no side of an account's life; an account without a score is not offered."""
    night = pl.DataFrame(
        {"account": [1, 2], "score": [5.0, None], "score_places": [2.0, 1.0], "score_rings": [3.0, 1.0],
         "score_overall": [9.0, 9.0]}
    )  # fmt: skip
    assert offer(night, 5).rows() == [(1, "rings")]


@pytest.mark.parametrize(("share", "kept"), [(0.0, 0), (0.2, 2), (0.29, 3), (1.0, 10)])
def test_places_are_kept_for_what_no_verdict_resembles(share: float, kept: int) -> None:
    """However low verdicts put it, an account that is highest by score is shown in a place that is kept."""
    night = _night(1, 200)
    top = night.sort("score", descending=True)["account"][0]
    priority = night.select("account", priority=pl.when(pl.col("account") == top).then(-9.0).otherwise("score"))
    chosen = choose(priority, night, 10, share)
    assert chosen.height == 10 == chosen["account"].n_unique()
    assert chosen["unexplained"].sum() == kept
    likely = priority.sort("priority", "account", descending=[True, False]).head(10 - kept)["account"]
    assert chosen.filter(~pl.col("unexplained"))["account"].to_list() == likely.to_list()
    assert (top in chosen["account"].to_list()) == (kept > 0)


@pytest.mark.parametrize(("capacity", "kept"), [(0, 0), (1, 0), (2, 1), (5, 1), (6, 2)])
def test_the_first_place_is_never_kept(capacity: int, kept: int) -> None:
    """A home that can look at one account looks at the one that verdicts put first."""
    night = _night(1, 200)
    priority = night.select("account", priority=-pl.col("score"))
    assert choose(priority, night, capacity, 0.2)["unexplained"].sum() == kept
