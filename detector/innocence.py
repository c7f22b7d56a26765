"""Whether the playbacks that show a reason fit an innocent cause, for the reviewer to weigh."""

import polars as pl

# A child's favourite, or a title left on to fall asleep, is the habit of one person: on the same screen (and perhaps
# another), in the same home (and perhaps another), at the same hours.
_SCREENS, _PLACES, _HOURS = 2, 2, 8
# A provider hands out addresses anew: lines of one sort in one region are one place, where the region is known.
_PLACE = (
    pl.when(pl.col("region").is_not_null())
    .then(pl.concat_str("country", "region", "network_kind", separator=" ", ignore_nulls=True))
    .otherwise(pl.coalesce("network", "address").cast(pl.String))
)


def fit_of_loops(playbacks: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """`account, fit`: in words, how the playbacks lie that show an account's repetition, and whether one person's habit
    would lie so.

    `evidence` is `account, evidence` (playbacks that show it, see `decisions.evidence_of`), `playbacks`
    (`tables.Playbacks`) has them. What a log does not say of screens and places speaks neither way; of an account
    without such playbacks there is no row.
    """
    shown = evidence.explode("evidence", empty_as_null=False).rename({"evidence": "playback"})
    local = pl.col("started_at").dt.epoch("s") + pl.col("utc_offset_s")
    lies = (
        playbacks.join(shown, on=["account", "playback"], how="semi")
        .group_by("account")
        .agg(
            screens=pl.col("device").drop_nulls().n_unique(),
            places=_PLACE.drop_nulls().n_unique(),
            hours=(local // 3600 % 24).n_unique(),
        )
        .sort("account")
    )
    habit = (pl.col("screens") <= _SCREENS) & (pl.col("places") <= _PLACES) & (pl.col("hours") <= _HOURS)
    return lies.select(
        "account",
        fit=pl.format(
            "{} a child's favourite or a title left on: the playbacks that show it have {} devices, {} places and "
            "{} hours of the day at which they begin",
            pl.when(habit).then(pl.lit("the data fit")).otherwise(pl.lit("the data hardly fit")),
            "screens",
            "places",
            "hours",
        ),
    )
