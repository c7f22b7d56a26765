"""More at once than a household would."""

import polars as pl

from detector.features._feature import MANY_PEOPLE, Family, Feature

_UNKNOWN = "no playback of the window says how long it lasted"
# Playbacks that overlap another: they began before an earlier one ended, or the next begins before they end.
_OVERLAPS = (pl.col("started_at") < pl.col("ended_at").cum_max().shift(1)) | (
    pl.col("started_at").shift(-1) < pl.col("ended_at")
)


def _hours(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_not_null().any()).then(pl.col(column).sum() / 3600)


class Concurrency(Family):
    """More at once than a household would."""

    cause, weight = MANY_PEOPLE

    peak_streams = Feature(
        says="Most streams at once.",
        unit="streams",
        expr=pl.col("peak_streams").max(),
        missing=_UNKNOWN,
        when_high="{value:stream} ran at once; most accounts reach {typical:.0f}",
        innocent=("a big family", "guests", "a stream left open"),
        examples=[([{"peak_streams": 2}, {"ago": 1, "peak_streams": 4}, {"ago": 2}], 4), ([{}], None)],
        shown_by=_OVERLAPS,
    )
    beyond_plan_streams = Feature(
        says="Most streams at once beyond those that the plan allows; 0 within it.",
        unit="streams",
        expr=(pl.col("peak_streams").cast(pl.Int64) - pl.col("plan_streams")).max().clip(lower_bound=0),
        missing="no day says both how many streams ran at once and how many the plan allows",
        when_high="{value:stream} more than the plan allows ran at once; most accounts have {typical:.0f}",
        innocent=("a stream left open", "a plan that was changed"),
        examples=[
            ([{"peak_streams": 4, "plan_streams": 2}, {"ago": 1, "peak_streams": 1, "plan_streams": 2}], 2),
            ([{"peak_streams": 1, "plan_streams": 2}], 0),
            ([{"peak_streams": 4}], None),
        ],
        shown_by=_OVERLAPS,
    )
    two_streams_h = Feature(
        says="Hours with two or more streams at once.",
        unit="hours",
        expr=_hours("overlap2_s"),
        missing=_UNKNOWN,
        when_high="two or more streams ran at once for {value:.1f} hours; most accounts have {typical:.1f}",
        innocent=("a big family", "children and parents with screens of their own"),
        examples=[([{"overlap2_s": 3600}, {"ago": 1, "overlap2_s": 1800}], 1.5), ([{}], None)],
        implied_by=("three_streams_h", "two_networks_h", "same_profile_h"),
        shown_by=_OVERLAPS,
    )
    three_streams_h = Feature(
        says="Hours with three or more streams at once.",
        unit="hours",
        expr=_hours("overlap3_s"),
        missing=_UNKNOWN,
        when_high="three or more streams ran at once for {value:.1f} hours; most accounts have {typical:.1f}",
        innocent=("a big family",),
        examples=[([{"overlap3_s": 7200}], 2), ([{"overlap3_s": 0}], 0), ([{}], None)],
        telling="rank",
        shown_by=_OVERLAPS,
    )
    two_networks_h = Feature(
        says="Hours with streams on two or more networks of one protocol at once; one of each may be one home.",
        unit="hours",
        expr=_hours("overlap2_networks_s"),
        missing="no playback of the window says both its network and how long it lasted",
        when_high="streams ran on different networks at once for {value:.1f} hours; most accounts have {typical:.1f}",
        innocent=("one at home while another is on the way", "a second home", "a student away from home"),
        examples=[([{"overlap2_networks_s": 5400}], 1.5), ([{}], None)],
        shown_by=_OVERLAPS,
    )
    same_profile_h = Feature(
        says="Hours with one profile playing on two devices at once.",
        unit="hours",
        expr=_hours("overlap2_same_profile_s"),
        missing="no playback of the window says its profile, its device and how long it lasted",
        when_high="one profile played on two devices at once for {value:.1f} hours; most accounts have {typical:.1f}",
        innocent=("a family that never switches profiles", "a stream left open in another room"),
        examples=[([{"overlap2_same_profile_s": 3600}], 1), ([{}], None)],
        shown_by=_OVERLAPS,
    )
