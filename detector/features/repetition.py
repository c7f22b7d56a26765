"""The same thing again and again."""

import functools

import numpy as np
import polars as pl

from detector.features._feature import Family, Feature, Window

_RECORDED = (pl.col("title_kind") != "live").fill_null(True)  # a channel is not the same thing again
_TOP_TITLE = pl.col("title").filter(_RECORDED).drop_nulls().mode().sort().first()
_TITLE_OF_MOST_DAYS = (
    pl.struct("title", "day")
    .filter(pl.col("is_view") & _RECORDED)
    .unique()
    .struct.field("title")
    .drop_nulls()
    .mode()
    .sort()
    .first()
)
# A streak of the year may have ended before the window, and this be another title: it must have as many days, or so
# many that it is one by itself.
_ON_MOST_DAYS = pl.col("is_view") & (pl.col("title") == _TITLE_OF_MOST_DAYS)
_SHOWS_YEARS_STREAK = _ON_MOST_DAYS & (
    pl.col("day").filter(_ON_MOST_DAYS).n_unique() >= pl.col("reason_value").first().clip(upper_bound=14)
)
_LOCAL_S = pl.col("started_at").dt.epoch("s") + pl.col("utc_offset_s")
_MINUTE = _LOCAL_S % 86_400 // 60
_STARTED = pl.col("is_view") & _RECORDED & pl.col("title").is_not_null()
# Any five minutes are a slot of one of the five ways to cut the clock into such.
_PUNCTUAL_TITLE = (
    functools.reduce(
        pl.Expr.append,
        [pl.struct("title", "day", slot=(_MINUTE + n) // 5 * 5 + n).filter(_STARTED).unique() for n in range(5)],
    )
    .struct.with_fields(day=pl.lit(0))
    .mode()
    .struct.field("title")
    .sort()
    .first()
)
# A day without a number has plays of which it can not be told: with none elsewhere there may be some.
_REPEATS_TOLD = (pl.col("repeats").sum() > 0) | (pl.col("repeats").null_count() == 0)
_LEAST_PLAYS = 10  # below, a share of plays says nothing
_PUNCTUAL_DAYS = 5  # on fewer it was chance
_TITLE = ["account", "title"]
_TWO_64 = 2**64


def _days_with_one_missed(views: pl.Series) -> pl.Series:
    """Most days in a row, no more than one missed between two, of days that are bits.

    >>> _days_with_one_missed(pl.Series([0b1011, 0b1001, 0], dtype=pl.UInt64)).to_list()
    [3, 1, 0]
    """
    patterns = views.unique()  # far fewer than titles
    left = patterns.to_numpy()
    in_row, missed, most = (np.zeros(len(left), dtype=np.uint32) for _ in range(3))
    while left.any():
        seen = (left & 1).astype(bool)
        missed = np.where(seen, 0, missed + 1)
        in_row = np.where(missed > 1, 0, in_row + seen)
        most = np.maximum(most, in_row)
        left = left >> 1
    return views.replace_strict(patterns, pl.Series(most, dtype=pl.UInt32), return_dtype=pl.UInt32)


def _by_title(rows: pl.LazyFrame, nth: pl.Expr) -> pl.DataFrame:
    """`account, title`, sorted by both, `plays`, `timed_days`, of which it is known how long, and `view_days`, to which
    each day with a view adds a bit of its own.

    This costs most of all features, so it is done by sorting one number, which is faster than grouping by it: what a
    title has is how far running sums get on its rows. They may run over 64 bits, and so does the difference, back.
    """
    both = pl.col("account").cast(pl.UInt128) * _TWO_64 + pl.col("title")
    day = pl.when(pl.col("views") > 0).then(pl.lit(2, pl.UInt64).pow(nth)).otherwise(pl.lit(0, pl.UInt64))
    timed = pl.col("seconds").is_not_null().cast(pl.UInt64)
    sums = pl.col("plays", "timed_days", "view_days")
    return (
        rows.filter(pl.col("plays") > 0)
        .select(both=both, plays=pl.col("plays").cast(pl.UInt64), timed_days=timed, view_days=day)
        .sort("both")
        .with_columns(sums.cum_sum())
        .filter(pl.col("both").ne_missing(pl.col("both").shift(-1)))
        .with_columns(sums - sums.shift(1, fill_value=0))
        .select(
            account=(pl.col("both") // _TWO_64).cast(pl.UInt64),
            title=(pl.col("both") % _TWO_64).cast(pl.UInt64),
            plays=pl.col("plays").cast(pl.UInt32),
            timed_days=pl.col("timed_days").cast(pl.UInt32),
            view_days="view_days",
        )
        .collect()
    )


def _begun(*minutes: int | None) -> list[dict[str, object]]:
    """Days on which a title was viewed, by the minute it was first started."""
    return [
        {"ago": ago, "titles": [{"title": 1, "views": 1, "first_minute": minute}]} for ago, minute in enumerate(minutes)
    ]


class Repetition(Family):
    """The same thing again and again."""

    weight = 0.85  # a child's film is seen day after day, and one to fall asleep by,
    in_full_from = 5.0  # but none for the year

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """Plays, views and hours by title, the year's longest streak, and the longest with a missed day."""
        nth = (pl.col("day") - window.first_day).dt.total_days()
        rows = window.titles.lazy()
        sums = rows.group_by("account").agg(
            titled_plays=pl.col("plays").sum(),
            titled_views=pl.col("views").sum(),
            titled_s=pl.col("seconds").sum(),
            says_time=pl.col("first_minute").is_not_null().any(),
        )
        by_title = _by_title(rows, nth)
        punctual = (
            rows.join(by_title.lazy().filter(pl.col("view_days").bitwise_count_ones() >= _PUNCTUAL_DAYS), on=_TITLE)
            .filter((pl.col("views") > 0) & pl.col("first_minute").is_not_null())
            .sort(*_TITLE, "first_minute")
            .with_columns(minute=pl.col("first_minute").cast(pl.Int64))
            .rolling("minute", period="5i", group_by=_TITLE)
            .agg(punctual_days=pl.len())
            .group_by("account")
            .agg(pl.col("punctual_days").max())
        )
        titles = (
            by_title.lazy()
            .with_columns(loose_streak_days=_days_with_one_missed(by_title["view_days"]))
            .group_by("account")
            .agg(
                pl.col("loose_streak_days").max(),
                top_title_plays=pl.col("plays").max(),
                viewed_titles=(pl.col("view_days") > 0).sum(),
                timed_titles=(pl.col("timed_days") > 0).sum(),
            )
            .join(sums, on="account")
            .join(punctual, on="account", how="left")
            .with_columns(
                punctual_days=pl.when("says_time").then(
                    pl.when(pl.col("punctual_days") >= _PUNCTUAL_DAYS).then("punctual_days").otherwise(0)
                )
            )
        )
        year = window.year.accounts.lazy().select(
            "account",
            year_streak_days="longest_streak_days",
            year_loose_streak_days="longest_loose_streak_days",
            year_noon_streak_days="longest_noon_streak_days",
        )
        return year.join(titles, on="account", how="full", coalesce=True).collect()

    longest_streak = Feature(
        says="Longest run of consecutive local days with a view of the same title, within the window.",
        unit="days",
        expr=pl.when(pl.col("longest_streak_days").is_not_null())
        .then(pl.min_horizontal("longest_streak_days", "nth_day"))
        .max(),
        missing="no play of the window says its title",
        when_high="viewed the same title on {value:day} in a row; most accounts reach {typical:.0f}",
        innocent=("a child's favourite", "a title left on to fall asleep"),
        examples=[
            ([{"ago": 2, "longest_streak_days": 17}, {"ago": 1, "longest_streak_days": 18}, {}], 18),
            ([{"ago": 27, "longest_streak_days": 200}, {"ago": 26, "longest_streak_days": 201}], 2),
            ([{}], None),
        ],
        implied_by=("longest_streak_365d", "longest_noon_streak_365d"),
        shown_by=_ON_MOST_DAYS,
    )
    longest_streak_365d = Feature(
        says="Longest run of consecutive local days with a view of the same title that reached into the last "
        "365 days, counted up to 365.",
        unit="days",
        expr=pl.col("year_streak_days").clip(upper_bound=365),
        missing="no play of the year says its title",
        when_high="viewed the same title on {value:day} in a row within the year; most accounts reach {typical:.0f}",
        innocent=("a child's favourite", "a title left on to fall asleep"),
        examples=[
            ([{"ago": 100, "longest_streak_days": 18}, {"longest_streak_days": 1}], 18),
            ([{"longest_streak_days": 400}], 365),
            ([{}], None),
        ],
        telling="exponential",
        implied_by=("longest_noon_streak_365d",),
        shown_by=_SHOWS_YEARS_STREAK,
    )
    longest_noon_streak_365d = Feature(
        says="The same run, of days that begin at noon where it is longer for that by more than a day: evenings that a "
        "log without zones splits at midnight are whole then.",
        unit="days",
        expr=pl.when(pl.col("year_noon_streak_days") > pl.col("year_streak_days") + 1)
        .then("year_noon_streak_days")
        .otherwise("year_streak_days")
        .clip(upper_bound=365),
        missing="no play of the year says its title",
        when_high="viewed the same title on {value:day} in a row within the year, from noon to noon; most accounts "
        "reach {typical:.0f}",
        innocent=("a child's favourite", "a title left on to fall asleep"),
        examples=[
            ([{"ago": 100, "longest_streak_days": 18, "longest_noon_streak_days": 20}, {}], 20),
            ([{"longest_streak_days": 18, "longest_noon_streak_days": 19}], 18),
            ([{"longest_streak_days": 18}], 18),
            ([{}], None),
        ],
        telling="exponential",
        implied_by=("longest_streak_365d",),
        shown_by=_SHOWS_YEARS_STREAK,
    )
    longest_streak_1_missed_365d = Feature(
        says="Most local days with a view of one title, less those without, of a run that never missed two in a row "
        "and reached into the last 365 days, counted up to 365. Where a log without zones splits its evenings, one "
        "that missed none has half of its length.",
        unit="days",
        expr=pl.col("year_loose_streak_days").clip(upper_bound=365),
        missing="no play of the year says its title",
        when_high="kept viewing the same title, never missing two days in a row: {value:day}, those missed taken off; "
        "most accounts reach {typical:.0f}",
        innocent=("a child's favourite", "a title left on to fall asleep"),
        examples=[
            ([{"ago": 100, "longest_loose_streak_days": 17}, {"longest_loose_streak_days": 1}], 17),
            ([{"longest_loose_streak_days": 400}], 365),
            ([{}], None),
        ],
        telling="exponential",
        implied_by=("longest_streak_365d", "longest_noon_streak_365d"),
        shown_by=_SHOWS_YEARS_STREAK,
    )
    longest_streak_1_missed = Feature(
        says="Most days in the window with a view of one title, no more than one local day without it between two.",
        unit="days",
        expr=pl.col("loose_streak_days"),
        missing="no play of the window says its title",
        when_high="viewed the same title on {value:day} with at most a day missed in between; most accounts "
        "reach {typical:.0f}",
        innocent=("a child's favourite", "a title left on to fall asleep"),
        examples=[
            ([{"ago": ago, "titles": [{"title": 1, "views": 1}]} for ago in (9, 7, 6, 3)], 3),
            ([{"titles": [{"title": 1}]}], 0),
            ([{}], None),
        ],
        implied_by=(
            "longest_streak",
            "longest_streak_365d",
            "longest_noon_streak_365d",
            "longest_streak_1_missed_365d",
        ),
        shown_by=_ON_MOST_DAYS,
    )
    punctual_days = Feature(
        says="Most days in the window on which one title was viewed and first started within the same five minutes of "
        f"the local clock; fewer than {_PUNCTUAL_DAYS} count as none.",
        unit="days",
        expr=pl.col("punctual_days"),
        missing="no play of the window says its title and the time of day",
        when_high="started the same title within the same five minutes of the clock on {value:day}; most accounts "
        "do on {typical:.0f}",
        innocent=("an alarm clock or a routine of the home that starts it", "a child's programme before bed"),
        examples=[
            (_begun(1200, 1201, 1203, 1202, 1200, 1290), 5),
            (_begun(1200, 1203, 1206, 1209, 1212, 1215), 0),
            (_begun(1200, 1200, 1200, 1200), 0),
            (_begun(None, None, None, None, None), None),
            ([{}], None),
        ],
        telling="rank",
        shown_by=pl.col("is_view") & (pl.col("title") == _PUNCTUAL_TITLE),
    )
    top_title_share = Feature(
        says="Share of the plays that went to the title played most.",
        unit="share",
        expr=pl.when(pl.col("titled_plays") >= _LEAST_PLAYS).then(pl.col("top_title_plays") / pl.col("titled_plays")),
        missing=f"fewer than {_LEAST_PLAYS} plays of the window say their title",
        when_high="{value:.0%} of the plays were of one title; most accounts have {typical:.0%}",
        innocent=("a child's favourite", "a title left on to fall asleep"),
        examples=[
            ([{"titles": [{"title": 1, "plays": 9}, {"title": 2, "plays": 3}]}], 0.75),
            ([{"titles": [{"title": 1, "plays": 9}]}], None),
        ],
        shown_by=pl.col("title") == _TOP_TITLE,
    )
    views_per_title = Feature(
        says="Views for each distinct title viewed.",
        unit="views",
        expr=pl.when(pl.col("viewed_titles") > 0).then(pl.col("titled_views") / pl.col("viewed_titles")),
        missing="no view of the window says its title",
        when_high="each title was viewed {value:.1f} times on average; most accounts view one {typical:.1f} times",
        innocent=("a child's favourites", "music"),
        examples=[
            ([{"titles": [{"title": 1, "views": 5}, {"title": 2, "views": 1}, {"title": 3}]}], 3),
            ([{"titles": [{"title": 1}]}], None),
        ],
        telling="power",
        shown_by=pl.col("is_view") & pl.col("title").is_duplicated(),
    )
    back_to_back_repeats = Feature(
        says="Times that a title began again within half an hour after it had been viewed, on the same device.",
        unit="times",
        expr=pl.when(_REPEATS_TOLD).then(pl.col("repeats").sum()),
        missing="neither position nor runtime nor device is known, so a repeat can not be told from a resume, and none "
        "is told elsewhere",
        when_high="started a title again right after its end {value:time}; most accounts did {typical:time}",
        innocent=("a child asks for it again", "a title set to repeat for a sleeper"),
        examples=[
            ([{"repeats": 3}, {"ago": 5, "repeats": 4}, {"ago": 6}], 7),
            ([{"repeats": 0}, {"ago": 1, "repeats": 0}], 0),
            ([{"repeats": 0}, {"ago": 1}], None),
            ([{}], None),
        ],
        telling="rank",
        shown_by=pl.col("is_repeat"),
    )
    repeat_share = Feature(
        says="Share of the plays that began again what had just been viewed.",
        unit="share",
        expr=pl.when(_REPEATS_TOLD & (pl.col("plays").sum() >= _LEAST_PLAYS)).then(
            pl.col("repeats").sum() / pl.col("plays").sum()
        ),
        missing=f"fewer than {_LEAST_PLAYS} plays, or some can not be told from a resume, and none is told elsewhere",
        when_high="{value:.0%} of the plays began again what had just ended; most accounts have {typical:.0%}",
        innocent=("a child asks for it again", "a title set to repeat for a sleeper"),
        examples=[([{"plays": 12, "repeats": 9}], 0.75), ([{"plays": 2, "repeats": 2}], None), ([{}], None)],
        shown_by=pl.col("is_repeat"),
    )
    hours_per_title = Feature(
        says="Hours played for each distinct title. Titles of which it is not known how long are left out.",
        unit="hours",
        expr=pl.when(pl.col("timed_titles") > 0).then(pl.col("titled_s") / 3600 / pl.col("timed_titles")),
        missing="no playback of the window says both its title and how long it lasted",
        when_high="played {value:.1f} hours of each title on average; most accounts play {typical:.1f}",
        innocent=("a child's favourites", "music", "long films"),
        examples=[
            ([{"titles": [{"title": 1, "seconds": 7200}]}, {"ago": 1, "titles": [{"title": 1, "seconds": 7200}]}], 4),
            ([{"titles": [{"title": 1, "seconds": 7200}, {"title": 2}]}], 2),
            ([{"titles": [{"title": 1}]}], None),
        ],
        shown_by=pl.col("title") == _TOP_TITLE,
    )
    bare_view_share = Feature(
        says="Share of the views that lasted hardly longer than counts as one, of those that might have been longer.",
        unit="share",
        expr=pl.when(pl.col("bare_views_known").sum() >= _LEAST_PLAYS).then(
            pl.col("bare_views").sum() / pl.col("bare_views_known").sum()
        ),
        missing=f"of fewer than {_LEAST_PLAYS} views it is known how long they and their titles lasted",
        when_high="{value:.0%} of the views ended just after they counted as one; most accounts have {typical:.0%}",
        innocent=("somebody who skips the last part of everything",),
        examples=[
            ([{"views": 20, "bare_views_known": 20, "bare_views": 15}], 0.75),
            ([{"views": 20, "bare_views_known": 16, "bare_views": 12}], 0.75),
            ([{"views": 20, "bare_views_known": 2, "bare_views": 1}], None),
            ([{}], None),
        ],
        telling="rank",
        shown_by=pl.col("is_bare_view"),
    )
