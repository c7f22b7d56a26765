"""People who joined lately, beside the old life that goes on."""

import polars as pl

from detector.features._feature import Family, Feature, Window
from detector.features._groups import OFF_MAIN

_KNOWN_DAYS = 42  # before, an account has no old life beside which a new one could show
_LEAST_DAYS = 2
_MISSING = f"no playback of the window says its address, or the account is known for under {_KNOWN_DAYS} days"
_OLD = [{"ago": ago, "visits": [{"device": 1, "address": 1, "country": "DE"}]} for ago in (60, 20, 2)]
_NEW = [{"ago": ago, "visits": [{"device": 2, "address": 2, "country": "BR"}]} for ago in (5, 4)]
_NEAR = [{"ago": ago, "visits": [{"device": 2, "address": 2, "country": "DE"}]} for ago in (5, 4)]
_TIED = [{"ago": 3, "visits": [{"device": 2, "address": 1, "country": "DE"}]}]
_INNOCENT = (
    "a move with all devices new",
    "a present unwrapped at somebody else's place",
    "a journey with a new device",
)


class Change(Family):
    """People who joined lately, beside the old life that goes on."""

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """Plays by groups that joined in the window while an older one went on, and by those of them elsewhere."""
        first = window.year.devices.select("account", "device", device_first_day="first_day")
        began = pl.col("device_first_day").fill_null(window.first_day)
        groups = (
            window.grouped.join(first, on=["account", "device"], how="left")
            .group_by("account", "group")
            .agg(
                pl.col("plays").sum(),
                pl.col("country").unique(),
                began=began.min(),
                last_day=pl.col("day").max(),
                days=pl.col("day").n_unique(),
            )
        )
        is_old = pl.col("began") <= window.first_day
        old = (
            groups.filter(is_old)
            .group_by("account")
            .agg(old_last_day=pl.col("last_day").max(), old_countries=pl.col("country").explode())
        )
        said = pl.col("country").list.drop_nulls()
        abroad = (said.list.set_intersection("old_countries").list.len() == 0) & (said.list.len() > 0)
        # At home, a new device that follows on the old one is no stranger, nor is who was there on one day only; abroad
        # it is, for an owner who is locked out or watches little ends before others come.
        beside = (pl.col("days") >= _LEAST_DAYS) & (pl.col("old_last_day") > pl.col("began"))
        newcomers = (
            groups.filter(~is_old)
            .join(old, on="account")
            .with_columns(abroad=abroad)
            .filter(pl.col("abroad") | beside)
            .group_by("account")
            .agg(newcomer_plays=pl.col("plays").sum(), abroad_plays=pl.col("plays").filter("abroad").sum())
        )
        known_days = (pl.lit(window.day) - pl.col("first_day")).dt.total_days() + 1
        return (
            groups.group_by("account")
            .agg(pl.col("plays").sum())
            .join(newcomers, on="account", how="left")
            .join(window.year.accounts.select("account", known_days=known_days), on="account", how="left")
            .with_columns(pl.col("newcomer_plays", "abroad_plays").fill_null(0))
        )

    newcomer_share = Feature(
        says="Share of the plays by groups of people that joined within the window, for days while older ones went on "
        "or in another country: none of their devices had been seen before, and nothing ties them to the others.",
        unit="share",
        expr=pl.when(pl.col("known_days") >= _KNOWN_DAYS).then(pl.col("newcomer_plays") / pl.col("plays")),
        missing=_MISSING,
        when_high="{value:.0%} of the plays came from people who joined lately, with devices and places of their own; "
        "most accounts have {typical:.0%}",
        innocent=_INNOCENT,
        examples=[
            ([*_OLD, *_NEW], 0.5),
            ([*_OLD, *_NEW, *_TIED], 0),
            ([*_OLD[:2], *_NEW], 0.666666667),
            ([*_OLD[:2], *_NEAR], 0),
            ([*_OLD, *_NEAR], 0.5),
            ([*_OLD, _NEAR[0]], 0),
            (_NEW, None),
        ],
        telling="rank",
        shown_by=OFF_MAIN,
    )
    newcomer_abroad_share = Feature(
        says="Share of the plays by such groups in countries where none of the older ones was seen.",
        unit="share",
        expr=pl.when(pl.col("known_days") >= _KNOWN_DAYS).then(pl.col("abroad_plays") / pl.col("plays")),
        missing=_MISSING,
        when_high="{value:.0%} of the plays came from people who joined lately in another country; most accounts have "
        "{typical:.0%}",
        innocent=_INNOCENT,
        examples=[([*_OLD, *_NEW], 0.5), ([*_OLD, *_NEW, *_TIED], 0), (_NEW, None)],
        telling="rank",
        shown_by=OFF_MAIN,
    )
