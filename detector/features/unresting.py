"""What never rests: nobody watches for as long as a machine plays, nor presses play as seldom."""

import polars as pl

from detector.features._feature import Family, Feature

_MANY_HOURS = 20  # of a day: a screen that is on from early to late rests for longer
_LEAST_DAYS = 7  # on fewer it was a binge, or a stream left open
_MISSING = "no playback of the window says its device"
_INNOCENT = ("a screen that is always on", "a stream left open")
_HOURS = pl.col("busiest_device_hours").filter(pl.col("plays") > 0)
# The device of most time, not of most plays: a channel that runs all day is one play. It counts once for ten minutes.
_TENS = pl.col("seconds").fill_null(0) // 600 + 1
_BUSIEST = pl.col("device") == pl.col("device").repeat_by(_TENS).explode().drop_nulls().mode().sort().first()
_LEAST_PLAYS = 10  # of fewer, nobody can tell


class Unresting(Family):
    """What never rests: nobody watches for as long as a machine plays, nor presses play as seldom.

    In a big family something plays from early to late, but on one screen after the other, and somebody chooses it. Who
    restreams, or plays to be counted, lets one device run through the night and the next day, whatever it plays.
    """

    weight = 0.8  # a screen may be on all day: one title on 365 days in a row stands before it

    device_hours_per_day = Feature(
        says="Local hours in which one device played, the busiest of a day, on average over the days with plays.",
        unit="hours",
        expr=pl.when(_HOURS.count() >= _LEAST_DAYS).then(_HOURS.mean()),
        missing=f"{_MISSING}, or only on fewer than {_LEAST_DAYS} days",
        when_high="one device played in parts of {value:.1f} hours of a usual day; in most accounts in {typical:.1f}",
        innocent=_INNOCENT,
        examples=[
            ([{"ago": ago, "busiest_device_hours": 4} for ago in range(7)], 4),
            ([{"ago": ago, "busiest_device_hours": 4 * (ago < 7), "plays": ago < 7} for ago in range(8)], 4),
            ([{"busiest_device_hours": 4}], None),
        ],
        telling="exponential",
        shown_by=_BUSIEST,
    )
    unresting_days = Feature(
        says=f"Days with plays on which one device played in {_MANY_HOURS} or more of the 24 hours of the clock.",
        unit="days",
        expr=pl.when(_HOURS.count() > 0).then((_HOURS >= _MANY_HOURS).sum()),
        missing=_MISSING,
        when_high="on {value:day} one device played nearly round the clock; most accounts have {typical:.0f}",
        innocent=_INNOCENT,
        examples=[
            ([{"ago": ago, "busiest_device_hours": 24} for ago in range(4)], 4),
            ([{"ago": ago, "busiest_device_hours": 24, "plays": ago == 3} for ago in range(4)], 1),
            ([{"busiest_device_hours": 20}, {"ago": 1, "busiest_device_hours": 19}], 1),
            ([{}], None),
        ],
        shown_by=_BUSIEST,
    )
    hours_per_start = Feature(
        says="Hours streamed for each time that a person started something; the last start may still be to come.",
        unit="hours",
        expr=pl.when((pl.col("starts_known").sum() >= _LEAST_PLAYS) & pl.col("seconds").is_not_null().any()).then(
            pl.col("seconds").sum()
            / 3600
            * (pl.col("starts_known").sum() / pl.col("plays").sum())
            / (pl.col("starts_by_person").sum() + 1)
        ),
        missing=f"of fewer than {_LEAST_PLAYS} plays it is known who started them, or none says how long it lasted",
        when_high="a person pressed play at most once in {value:.1f} hours of streaming; in most accounts once in "
        "{typical:.1f}",
        innocent=("a screen that is always on", "a series left to play on overnight"),
        examples=[
            ([{"plays": 24, "seconds": 72_000, "starts_known": 24, "starts_by_person": 3}], 5),
            ([{"plays": 24, "seconds": 72_000, "starts_known": 12, "starts_by_person": 0}], 10),
            ([{"plays": 24, "seconds": 72_000}], None),
        ],
        telling="power",
        shown_by=(pl.col("interaction") == "autoplay").fill_null(False),
    )
