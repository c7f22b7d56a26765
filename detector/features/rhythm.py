"""When it is watched: people sleep, eat and work."""

import polars as pl

from detector.features._feature import MANY_PEOPLE, Family, Feature, Window

_ACTIVE = pl.col("plays") > 0
_PLAYED = pl.col("hours") > 0  # or ran on from the day before
_TIMED = _PLAYED & pl.col("seconds").is_not_null()
_OFTEN_DAYS = 3  # on fewer it was chance
_KNOWN_DAYS = 10  # of fewer, habits can not be told
_HOURS = [f"hour_{hour}_days" for hour in range(24)]


class Rhythm(Family):
    """When it is watched: people sleep, eat and work."""

    cause, weight = MANY_PEOPLE

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """On how many days something played, was started, and played in each hour of the local clock."""
        hours = pl.col("hours")
        by_account = window.days.lazy().group_by("account")
        return by_account.agg(
            ((hours & 2**hour > 0).sum().cast(pl.Int64).alias(name) for hour, name in enumerate(_HOURS)),
            played_days=(hours > 0).sum().cast(pl.Int64),
            active_days=_ACTIVE.sum(),
        ).collect()

    active_hours = Feature(
        says="Local hours of a day in which something played, on average over the days with plays.",
        unit="hours",
        expr=pl.when(_ACTIVE.any()).then(pl.col("hours").filter(_ACTIVE).bitwise_count_ones().sum() / _ACTIVE.sum()),
        missing="nothing was started in the window",
        when_high="something played in {value:.1f} different hours of a usual day; most accounts have {typical:.1f}",
        innocent=("a big family", "a screen that is always on", "someone ill at home"),
        examples=[([{"hours": 0b1110}, {"ago": 1, "hours": 0b1}], 2), ([{"plays": 0}], None)],
    )
    covered_hours = Feature(
        says="Hours of the local clock in which something played on at least three days of the window.",
        unit="hours",
        expr=pl.when(pl.col("active_days") > 0).then(pl.sum_horizontal(pl.col(_HOURS) >= _OFTEN_DAYS)),
        missing="nothing was started in the window",
        when_high="{value:.0f} of the 24 hours of the clock are watched in again and again; most accounts have "
        "{typical:.0f}",
        innocent=("a big family", "people who work in shifts"),
        examples=[
            ([{"ago": ago, "hours": 0b110} for ago in range(3)] + [{"ago": 9, "hours": 0b1000}], 2),
            ([{"plays": 0}], None),
        ],
    )
    daily_span_h = Feature(
        says="24 less the longest rest of a local day, over midnight as well, on average over the days with plays.",
        unit="hours",
        expr=pl.when(_ACTIVE.any()).then(24 - pl.col("rest_h").filter(_ACTIVE).sum() / _ACTIVE.sum()),
        missing="nothing was started in the window",
        when_high="a usual day has {value:.1f} hours outside its longest pause; most accounts have {typical:.1f}",
        innocent=("a big family", "a screen that is always on", "people who work in shifts"),
        examples=[([{"rest_h": 20}, {"ago": 1, "rest_h": 10}], 9), ([{"plays": 0}], None)],
        telling="rank",
    )
    same_hours_share = Feature(
        says="How likely it is that an hour of the local clock in which something played on one day is played in on "
        "another day as well, weekdays and weekends alike.",
        unit="share",
        expr=pl.when(pl.col("played_days") >= _KNOWN_DAYS).then(
            pl.sum_horizontal(pl.col(_HOURS) * (pl.col(_HOURS) - 1))
            / (pl.sum_horizontal(_HOURS) * (pl.col("played_days") - 1))
        ),
        missing=f"something played on fewer than {_KNOWN_DAYS} days of the window",
        when_high="{value:.0%} of the hours watched on a day are watched on any other day, too, weekends or not; of "
        "most accounts {typical:.0%} are",
        innocent=("a screen that is always on", "somebody of very regular habits"),
        examples=[
            ([{"ago": ago, "hours": 0b110} for ago in range(10)], 1),
            ([{"ago": ago, "hours": 1 << ago} for ago in range(10)], 0),
            ([{"ago": ago, "hours": 0b10 if ago < 5 else 0b1} for ago in range(10)], 0.444444444),
            ([{"hours": 0b1}], None),
        ],
        telling="rank",
    )
    hours_per_active_day = Feature(
        says="Hours streamed on a day on which anything played, on average, all streams together. Days of which it is "
        "not known how long are left out.",
        unit="hours",
        expr=pl.when(_TIMED.any()).then(pl.col("seconds").sum() / 3600 / _TIMED.sum()),
        missing="no playback of the window says how long it lasted",
        when_high="{value:.1f} hours were streamed on a usual day; most accounts stream {typical:.1f}",
        innocent=("a big family", "a screen that is always on"),
        examples=[
            ([{"seconds": 7200, "hours": 0b11}, {"ago": 3, "seconds": 3600, "hours": 0b1}], 1.5),
            ([{"seconds": 7200, "hours": 0b11}, {"ago": 3, "seconds": 3600, "hours": 0b1, "plays": 0}], 1.5),
            ([{"seconds": 7200, "hours": 0b11}, {"ago": 3, "hours": 0b1}], 2),
            ([{}], None),
        ],
        telling="rank",
    )
