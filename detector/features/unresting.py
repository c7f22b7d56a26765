"""What never rests: nobody watches for as long as a machine plays, nor presses play as seldom."""

import polars as pl

from detector.features._feature import Family, Feature, Window

_MANY_HOURS = 20  # of a day: a screen that is on from early to late rests for longer
_LEAST_DAYS = 7  # on fewer it was a binge, or a stream left open
_MISSING = "no playback of the window says its device"
_INNOCENT = ("a screen that is always on", "a stream left open")
_BUSIEST = pl.col("device") == pl.col("device").drop_nulls().mode().sort().first()
_LEAST_PLAYS = 10  # of fewer, nobody can tell
_ROUND_THE_CLOCK = 2**24 - 1


class Unresting(Family):
    """What never rests: nobody watches for as long as a machine plays, nor presses play as seldom.

    In a big family something plays from early to late, but on one screen after the other, and somebody chooses it. Who
    restreams, or plays to be counted, lets one device run through the night and the next day, whatever it plays.
    """

    weight = 0.8  # a screen may be on all day: one title on 365 days in a row stands before it

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """Of each account, in how many hours its busiest device of a day played."""
        busiest = (
            window.visits.lazy()
            .filter(pl.col("device").is_not_null())
            .group_by("account", "day", "device")
            .agg(pl.col("utc_hours").bitwise_or().bitwise_count_ones())
            .group_by("account", "day")
            .agg(hours=pl.col("utc_hours").max())
        )
        return (
            busiest.group_by("account")
            .agg(hours=pl.col("hours").sum(), days=pl.len(), unresting_days=(pl.col("hours") >= _MANY_HOURS).sum())
            .collect()
        )

    device_hours_per_day = Feature(
        says="Hours of the UTC clock in which one device played, the busiest of a day, on average over the days with "
        "plays.",
        unit="hours",
        expr=pl.when(pl.col("days") >= _LEAST_DAYS).then(pl.col("hours") / pl.col("days")),
        missing=f"{_MISSING}, or only on fewer than {_LEAST_DAYS} days",
        when_high="one device played in {value:.1f} hours of a usual day; in most accounts in {typical:.1f}",
        innocent=_INNOCENT,
        examples=[
            ([{"ago": ago, "visits": [{"device": 1, "utc_hours": 0b1111}]} for ago in range(7)], 4),
            (
                [
                    {"ago": ago, "visits": [{"device": 1, "utc_hours": 0b11}, {"device": 2, "utc_hours": 0b1100}]}
                    for ago in range(7)
                ],
                2,
            ),
            ([{"visits": [{"device": 1, "utc_hours": 0b1}]}], None),
        ],
        telling="exponential",
        shown_by=_BUSIEST,
    )
    unresting_days = Feature(
        says=f"Days on which one device played in {_MANY_HOURS} or more of the 24 hours of the UTC clock.",
        unit="days",
        expr=pl.col("unresting_days"),
        missing=_MISSING,
        when_high="on {value:.0f} days one device played nearly round the clock; most accounts have {typical:.0f}",
        innocent=_INNOCENT,
        examples=[
            ([{"ago": ago, "visits": [{"device": 1, "utc_hours": _ROUND_THE_CLOCK}]} for ago in range(4)], 4),
            ([{"visits": [{"device": 1, "utc_hours": 0b111}, {"device": 2, "utc_hours": _ROUND_THE_CLOCK - 7}]}], 1),
            ([{"visits": [{}]}], None),
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
        when_high="{value:.1f} hours were streamed for each time that a person pressed play; most accounts stream "
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
