"""The same thing again and again."""

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
_LEAST_PLAYS = 10  # below, a share of plays says nothing


class Repetition(Family):
    """The same thing again and again."""

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """Plays and views by title, and the year's longest streak."""
        titles: pl.DataFrame = (
            window.titles.group_by("account", "title")
            .agg(pl.col("plays").sum(), pl.col("views").sum())
            .group_by("account")
            .agg(
                titled_plays=pl.col("plays").sum(),
                top_title_plays=pl.col("plays").max(),
                titled_views=pl.col("views").sum(),
                viewed_titles=(pl.col("views") > 0).sum(),
            )
        )
        year = window.year.accounts.select("account", year_streak_days="longest_streak_days")
        return year.join(titles, on="account", how="full", coalesce=True)

    longest_streak = Feature(
        says="Longest run of consecutive local days with a view of the same title, within the window.",
        unit="days",
        expr=pl.when(pl.col("longest_streak_days").is_not_null())
        .then(pl.min_horizontal("longest_streak_days", "nth_day"))
        .max(),
        missing="no play of the window says its title",
        when_high="viewed the same title on {value:.0f} days in a row; most accounts reach {typical:.0f}",
        innocent=("a child's favourite", "a title left on to fall asleep"),
        examples=[
            ([{"ago": 2, "longest_streak_days": 17}, {"ago": 1, "longest_streak_days": 18}, {}], 18),
            ([{"ago": 27, "longest_streak_days": 200}, {"ago": 26, "longest_streak_days": 201}], 2),
            ([{}], None),
        ],
        shown_by=pl.col("is_view") & (pl.col("title") == _TITLE_OF_MOST_DAYS),
    )
    longest_streak_365d = Feature(
        says="Longest run of consecutive local days with a view of the same title that reached into the last "
        "365 days, counted up to 365.",
        unit="days",
        expr=pl.col("year_streak_days").clip(upper_bound=365),
        missing="no play of the year says its title",
        when_high="viewed the same title on {value:.0f} days in a row within the year; most accounts reach "
        "{typical:.0f}",
        innocent=("a child's favourite", "a title left on to fall asleep"),
        examples=[
            ([{"ago": 100, "longest_streak_days": 18}, {"longest_streak_days": 1}], 18),
            ([{"longest_streak_days": 400}], 365),
            ([{}], None),
        ],
        telling="exponential",
        shown_by=pl.col("is_view") & (pl.col("title") == _TITLE_OF_MOST_DAYS),
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
        when_high="each title was viewed {value:.1f} times; most accounts view one {typical:.1f} times",
        innocent=("a child's favourites", "music"),
        examples=[
            ([{"titles": [{"title": 1, "views": 5}, {"title": 2, "views": 1}, {"title": 3}]}], 3),
            ([{"titles": [{"title": 1}]}], None),
        ],
        shown_by=pl.col("is_view") & pl.col("title").is_duplicated(),
    )
    back_to_back_repeats = Feature(
        says="Times that a title began again within half an hour after it had been viewed, on the same device.",
        unit="times",
        expr=pl.when(pl.col("repeats").is_not_null().any()).then(pl.col("repeats").sum()),
        missing="neither position nor runtime nor device is known, so a repeat can not be told from a resume",
        when_high="started a title again right after its end {value:.0f} times; most accounts did {typical:.0f} times",
        innocent=("a child asks for it again", "a title set to repeat for a sleeper"),
        examples=[([{"repeats": 3}, {"ago": 5, "repeats": 4}, {"ago": 6}], 7), ([{}], None)],
        telling="rank",
        shown_by=pl.col("is_repeat"),
    )
