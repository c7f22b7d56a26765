"""How rare a value is, told from the accounts that were held out."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.features import Shape
from detector.tails import Tail

NUMBERS = st.integers(-10_000, 10_000).map(lambda n: n / 8)
SHAPES = pytest.mark.parametrize("shape", ["rank", "exponential", "power"])


def _tail(values: npt.ArrayLike, shape: Shape) -> Tail:
    return Tail(shape).fit(np.asarray(values, dtype=np.float64))


@SHAPES
@given(values=st.lists(NUMBERS, min_size=1, max_size=60), asked=st.lists(NUMBERS, min_size=2, max_size=20))
def test_more_is_never_less_evidence(shape: Shape, values: list[float], asked: list[float]) -> None:
    """Whatever was learned from, a higher value has at least the evidence of a lower one, and it is finite."""
    evidence = _tail(values, shape).evidence(np.sort(np.array([*asked, *values])))
    assert np.isfinite(evidence).all()
    assert (np.diff(evidence) >= -1e-12).all()
    assert (evidence >= 0).all()


def test_evidence_by_rank_is_the_share_that_lies_as_high() -> None:
    """Of 999 others 99 lie at least as high: one in ten, evidence 1; nothing lies as low as the lowest: evidence 0."""
    tail = _tail(range(1, 1_000), "rank")
    assert tail.evidence(np.array([901.0, 991.0, 1.0, -5.0])) == pytest.approx([1, 2, 0, 0])


def test_by_rank_nothing_is_more_than_ten_times_as_rare_as_the_rarest_seen() -> None:
    """Nobody knows how such a tail goes on: past it values keep their order within one decade."""
    tail = _tail(range(1, 1_000), "rank")
    beyond = tail.evidence(np.array([999.5, 1_000, 2_000, 1e6, 1e12]))
    assert (np.diff(beyond) > 0).all()
    assert (beyond > 3).all()
    assert (beyond < 4 + 1e-9).all()


def test_an_exponential_tail_is_followed_as_it_fell() -> None:
    """Where one in ten has a streak over 10 and one in a hundred over 20, 365 days are a matter of 36 decades."""
    values = -10 * np.log10(np.arange(1, 100_000) / 100_000)  # every tenth lies 10 higher
    tail = _tail(values, "exponential")
    assert tail.evidence(np.array([10.0, 20.0, 30.0, 365.0])) == pytest.approx([1, 2, 3, 36.5], rel=0.01)


def test_a_power_tail_is_followed_by_doublings() -> None:
    """Where one in ten streams over 10 hours for each start and one in a hundred over 100, 1,000 are three decades."""
    tail = _tail(99_999 / np.arange(1, 100_000), "power")  # every tenth lies ten times as high
    assert tail.evidence(np.array([10.0, 100.0, 1_000.0, 10_000.0])) == pytest.approx([1, 2, 3, 4], rel=0.05)


def test_a_power_tail_ends_before_a_year_of_days_does() -> None:
    """A bar's screen views each title 62 times where nearly nobody views one twice: rare, and still behind 365 days in
    a row, however steep the one tail and however flat the other is."""
    rng = np.random.default_rng(1)
    views = 1 + rng.exponential(0.1, 2_000)
    (bar,) = _tail(views, "power").evidence(np.array([62.0]))
    (year,) = _tail(rng.geometric(0.2, 2_000).astype(np.float64), "exponential").evidence(np.array([365.0]))
    assert 4 < bar < 12 + 1e-9 < year


def test_a_few_abusers_among_the_held_out_do_not_hide_the_next() -> None:
    """Half a percent of streaks of 300 days leaves a streak of 365 days far beyond the tail."""
    rng = np.random.default_rng(0)
    honest = rng.geometric(0.5, 995).astype(np.float64)
    tail = _tail([*honest, 300, 310, 320, 330, 340], "exponential")
    assert tail.evidence(np.array([365.0]))[0] > 10


@SHAPES
def test_a_feature_that_is_the_same_for_all_still_shows_who_is_not(shape: Shape) -> None:
    """Nobody streams on two screens at once, and then somebody does."""
    tail = _tail(np.zeros(500), shape)
    none, some, more = tail.evidence(np.array([0.0, 1.0, 50.0]))
    assert none == 0
    assert 2 < some < more


@SHAPES
def test_own_values_are_judged_by_the_others(shape: Shape) -> None:
    """The highest of those learned from has the evidence that it would have had if it had come later."""
    values = np.array([1.0, 2, 2, 3, 5, 8, 13, 21])
    for place, value in enumerate(values):
        own = _tail(values, "rank").evidence(values, own=True)[place]
        later = _tail(np.delete(values, place), "rank").evidence(np.array([value]))[0]
        assert own == pytest.approx(later)
    assert np.isfinite(_tail([4.0], shape).evidence(np.array([4.0]), own=True)).all()
