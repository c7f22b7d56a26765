"""Every kind of account: its name, its label, how common it is, and its two ways of living.

A new kind is two functions and one line of `KINDS`. A function is given the town and the accounts of its kind
(their positions, in a row) and settles people, habits and machines; what a log shows follows from those.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector.simulate import abusive, innocent, other_abusive, other_innocent
from detector.simulate.town import Town
from detector.simulate.world import Array

INTENSITIES = ("faint", "middle", "blatant")

Settle = Callable[[Town, Array], object]


@dataclass(frozen=True)
class Kind:
    """One kind; `share` is its weight among the innocent and sharing accounts, or among the abusive ones."""

    name: str
    label: str  # benign, sharing or abuse
    share: float
    settle: Settle
    other: Settle  # by other means


STORY = Kind("eighteen-day streak", "benign", 0, innocent.story, innocent.story)
LOOPER = Kind("year-long looper", "abuse", 0.1, abusive.looper, other_abusive.looper)
KINDS = (
    Kind("household", "benign", 0.645, innocent.plain, other_innocent.flat_share),
    Kind("big family", "benign", 0.03, innocent.big_family, other_innocent.big_family),
    Kind("frequent traveller", "benign", 0.03, innocent.frequent_traveller, other_innocent.frequent_traveller),
    Kind("child's loop", "benign", 0.025, innocent.childs_loop, other_innocent.childs_loop),
    Kind("sleeper", "benign", 0.025, innocent.sleeper, other_innocent.sleeper),
    Kind("mobile carrier only", "benign", 0.03, innocent.mobile_only, other_innocent.mobile_only),
    Kind("VPN user", "benign", 0.03, innocent.vpn_user, other_innocent.vpn_user),
    Kind("device that changes its id", "benign", 0.03, innocent.changing_device, other_innocent.changing_device),
    Kind("mover", "benign", 0.02, innocent.mover, other_innocent.mover),
    Kind("student with two homes", "benign", 0.025, innocent.student, other_innocent.student),
    Kind("holiday guests", "benign", 0.025, innocent.holiday_guests, other_innocent.holiday_guests),
    Kind("binge", "benign", 0.02, innocent.binge, other_innocent.binge),
    Kind("shift worker", "benign", 0.02, innocent.shift_worker, other_innocent.shift_worker),
    Kind("two homes", "benign", 0.02, innocent.two_homes, other_innocent.two_homes),
    Kind("friends who share", "sharing", 0.025, innocent.friends, other_innocent.friends),
    Kind("resale", "abuse", 0.25, abusive.resale, other_abusive.resale),
    Kind("profiles rented out", "abuse", 0.15, abusive.rented_profiles, other_abusive.rented_profiles),
    Kind("takeover", "abuse", 0.15, abusive.takeover, other_abusive.takeover),
    Kind("loop farm", "abuse", 0.12, abusive.loop_farm, other_abusive.loop_farm),
    Kind("restreaming", "abuse", 0.11, abusive.restreaming, other_abusive.restreaming),
    Kind("ring", "abuse", 0.12, abusive.ring, other_abusive.ring),
    LOOPER,
    STORY,
)


def apportion(n: int, shares: list[float]) -> list[int]:
    """Whole numbers that add up to `n` in proportion to the shares, the largest remainders rounded up.

    >>> apportion(10, [0.5, 0.3, 0.14])
    [5, 3, 2]
    """
    exact = n * np.array(shares) / sum(shares)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return [int(count) for count in counts]
