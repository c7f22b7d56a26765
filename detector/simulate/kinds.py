"""Every kind of account: its name, its label, how common it is, and its three ways of living.

A new kind is three functions and one line of `KINDS`. A function is given the town and the accounts of its kind
(their positions, in a row) and settles people, habits and machines; what a log shows follows from those.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector.simulate import abusive, held_out_abusive, held_out_innocent, innocent, other_abusive, other_innocent
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
    held_out: Settle  # by yet other means: for evaluation only

    def lives(self, variant: str) -> Settle:
        """How it lives in a variant of the service."""
        return {"usual": self.settle, "other": self.other, "held-out": self.held_out}[variant]


STORY = Kind("eighteen-day streak", "benign", 0, innocent.story, innocent.story, innocent.story)
LOOPER = Kind("year-long looper", "abuse", 0.1, abusive.looper, other_abusive.looper, held_out_abusive.looper)
# fmt: off
KINDS = (
    Kind("household", "benign", 0.645,
        innocent.plain, other_innocent.flat_share, held_out_innocent.at_home),
    Kind("big family", "benign", 0.03,
        innocent.big_family, other_innocent.big_family, held_out_innocent.big_family),
    Kind("frequent traveller", "benign", 0.03,
        innocent.frequent_traveller, other_innocent.frequent_traveller, held_out_innocent.frequent_traveller),
    Kind("child's loop", "benign", 0.025,
        innocent.childs_loop, other_innocent.childs_loop, held_out_innocent.childs_loop),
    Kind("sleeper", "benign", 0.025,
        innocent.sleeper, other_innocent.sleeper, held_out_innocent.sleeper),
    Kind("mobile carrier only", "benign", 0.03,
        innocent.mobile_only, other_innocent.mobile_only, held_out_innocent.mobile_only),
    Kind("VPN user", "benign", 0.03,
        innocent.vpn_user, other_innocent.vpn_user, held_out_innocent.vpn_user),
    Kind("device that changes its id", "benign", 0.03,
        innocent.changing_device, other_innocent.changing_device, held_out_innocent.changing_device),
    Kind("mover", "benign", 0.02,
        innocent.mover, other_innocent.mover, held_out_innocent.mover),
    Kind("student with two homes", "benign", 0.025,
        innocent.student, other_innocent.student, held_out_innocent.student),
    Kind("holiday guests", "benign", 0.025,
        innocent.holiday_guests, other_innocent.holiday_guests, held_out_innocent.holiday_guests),
    Kind("binge", "benign", 0.02,
        innocent.binge, other_innocent.binge, held_out_innocent.binge),
    Kind("shift worker", "benign", 0.02,
        innocent.shift_worker, other_innocent.shift_worker, held_out_innocent.shift_worker),
    Kind("two homes", "benign", 0.02,
        innocent.two_homes, other_innocent.two_homes, held_out_innocent.two_homes),
    Kind("friends who share", "sharing", 0.025,
        innocent.friends, other_innocent.friends, held_out_innocent.friends),
    Kind("resale", "abuse", 0.25,
        abusive.resale, other_abusive.resale, held_out_abusive.resale),
    Kind("profiles rented out", "abuse", 0.15,
        abusive.rented_profiles, other_abusive.rented_profiles, held_out_abusive.rented_profiles),
    Kind("takeover", "abuse", 0.15,
        abusive.takeover, other_abusive.takeover, held_out_abusive.takeover),
    Kind("loop farm", "abuse", 0.12,
        abusive.loop_farm, other_abusive.loop_farm, held_out_abusive.loop_farm),
    Kind("restreaming", "abuse", 0.11,
        abusive.restreaming, other_abusive.restreaming, held_out_abusive.restreaming),
    Kind("ring", "abuse", 0.12,
        abusive.ring, other_abusive.ring, held_out_abusive.ring),
    LOOPER,
    STORY,
)
# fmt: on


def apportion(n: int, shares: list[float]) -> list[int]:
    """Whole numbers that add up to `n` in proportion to the shares, the largest remainders rounded up.

    >>> apportion(10, [0.5, 0.3, 0.14])
    [5, 3, 2]
    """
    exact = n * np.array(shares) / sum(shares)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return [int(count) for count in counts]
