"""On how many days in a row titles were viewed: local days, loosely, and days that begin at noon (see GLOSSARY)."""

import polars as pl

MORNING, AFTERNOON = 1, 2  # bits of `halves`


def with_streaks(titles: pl.LazyFrame, previous: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    """Titles with how long their streaks are by each of their days (`tables.TitleDays`), sorted by account, title and
    day.

    `titles` have `account, title, day, views, halves`, and `key` is the account, and the day where there are several;
    `previous` are those of the two days before, from which streaks go on.
    """
    # Two keys in one are joined and sorted in half the time.
    both = pl.col("account").cast(pl.UInt128) * 2**64 + pl.col("title")
    titles = titles.with_columns(both=both)
    known = (
        previous.filter(pl.col("streak_days") > 0)
        .select(
            "day", "streak_days", pl.coalesce("loose_streak_days", "streak_days"),
            pl.coalesce("noon_streak_days", "streak_days"), pl.col("halves").fill_null(AFTERNOON),
            both=both, views=pl.lit(1, pl.UInt32),
        )
        .join(titles, on="both", how="semi")
        .collect(engine="in-memory")
        .lazy()
    )  # fmt: skip
    # Of one day most have nothing to go on from, and so need not be put in order of time.
    followed = titles if "day" in key else titles.join(known, on="both", how="semi")
    running = _running(pl.concat([known, followed.select("both", "day", "views", "halves")], how="diagonal"))
    viewed = pl.col("views") > 0
    return (
        titles.join(running, on=["both", "day"], how="left")
        .with_columns(
            pl.col("streak_days", "loose_streak_days").fill_null(viewed.cast(pl.UInt32)),
            pl.col("noon_streak_days").fill_null(pl.col("halves").bitwise_count_ones()),
        )
        .sort("both", *key[1:])
        .drop("both")
    )


def _running(views: pl.LazyFrame) -> pl.LazyFrame:
    """How long the streaks are by each day that is not known yet: on from where they are, so long as each view follows
    the one before soon enough."""
    viewed, nth = pl.col("views") > 0, pl.int_range(pl.len())
    nth_before = pl.when(viewed).then(nth).forward_fill().shift(1)  # the row that viewed last
    of_same = (pl.col("both") == pl.col("both").gather(nth_before)) & nth_before.is_not_null()

    def before(value: pl.Expr) -> pl.Expr:
        return pl.when(of_same).then(value.gather(nth_before))

    date, halves = pl.col("day").to_physical(), pl.col("halves")
    # The days from noon to noon of its first and of its last view.
    first_noon, last_noon = date - (halves & MORNING), date - (halves == MORNING).cast(pl.Int32)
    return (
        views.sort("both", "day")
        .with_columns(
            since=date - before(date),
            noons_since=first_noon - before(last_noon),
            noons=last_noon - before(last_noon),
        )
        .select(
            "both",
            "day",
            _streak("streak_days", goes_on=pl.col("since") <= 1, gains=pl.lit(1), begins=pl.lit(1)),
            # Days missed in between count against it.
            _streak("loose_streak_days", goes_on=pl.col("since") <= 2, gains=2 - pl.col("since"), begins=pl.lit(1)),
            _streak(
                "noon_streak_days", goes_on=pl.col("noons_since") <= 1, gains=pl.col("noons"),
                begins=halves.bitwise_count_ones(),
            ),
            is_known=pl.col("streak_days").is_not_null(),
        )
        .filter(~pl.col("is_known"))
        .drop("is_known")
    )  # fmt: skip


def _streak(name: str, *, goes_on: pl.Expr, gains: pl.Expr, begins: pl.Expr) -> pl.Expr:
    viewed = pl.col("views") > 0
    goes_on = goes_on.fill_null(False) & pl.col(name).is_null()
    gained = pl.when(viewed & goes_on).then(gains).otherwise(0).cum_sum()
    # The same within a streak.
    ahead = pl.when(viewed & ~goes_on).then(pl.coalesce(name, begins).cast(pl.Int64) - gained).forward_fill()
    return pl.when(viewed).then(gained + ahead).otherwise(0).cast(pl.UInt32).alias(name)
