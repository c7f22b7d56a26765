"""Accounts in one hand: devices and small networks that several accounts share."""

import polars as pl

from detector.features._feature import Family, Feature, Window

_ALL = pl.lit(True)


class Rings(Family):
    """Accounts in one hand: devices and small networks that several accounts share."""

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """What the account has in common with others; nothing, where it shares neither device nor network."""
        knows = window.contexts.filter(pl.col("device").is_not_null() | pl.col("address").is_not_null())
        return (
            knows.group_by("account")
            .agg(says_device=pl.col("device").is_not_null().any())
            .join(window.neighbours.accounts, on="account", how="left")
            .with_columns(
                pl.col("ring_accounts").fill_null(1),
                pl.when("says_device").then(pl.col("device_accounts").fill_null(0)).alias("device_accounts"),
                pl.when(pl.col("ring_accounts").is_null())
                .then(0.0)
                .otherwise("lockstep_share")
                .alias("lockstep_share"),
            )
        )

    ring_accounts = Feature(
        says="Accounts that are tied to this one by shared devices or small networks, itself counted.",
        unit="accounts",
        expr=pl.col("ring_accounts"),
        missing="no playback of the window says its device or its address",
        when_high="{value:.0f} accounts, this one counted, are tied together by devices or a small network; of most "
        "accounts it is {typical:.0f}",
        innocent=("a shared flat", "parents and grown-up children under one roof", "a device sold on"),
        examples=[
            ([{"visits": [{"device": 1}], "ring": {"ring_accounts": 5}}], 5),
            ([{"visits": [{"device": 1}]}], 1),
            ([{}], None),
        ],
        telling="rank",
        shown_by=_ALL,
    )
    device_accounts = Feature(
        says="Most other accounts that one of its devices was used by.",
        unit="accounts",
        expr=pl.col("device_accounts"),
        missing="no playback of the window says its device",
        when_high="one of its devices was used by {value:other account}; most have {typical:.0f}",
        innocent=("a device sold on", "two accounts in one home"),
        examples=[
            ([{"visits": [{"device": 1}], "ring": {"ring_accounts": 5, "device_accounts": 4}}], 4),
            ([{"visits": [{"device": 1}]}], 0),
            ([{"visits": [{"address": 1}]}], None),
        ],
        telling="rank",
        implied_by=("device_accounts_beside",),
        shown_by=_ALL,
    )
    lockstep_share = Feature(
        says="Share of its titles of a day that another account of its ring played on the same day; 0 without a ring.",
        unit="share",
        expr=pl.col("lockstep_share"),
        missing="no playback of the window says its device or its address, or none of its title",
        when_high="{value:.0%} of its titles were played by tied accounts on the same day; most accounts have "
        "{typical:.0%}",
        innocent=("two accounts in one home that watch together",),
        examples=[
            ([{"visits": [{"device": 1}], "ring": {"ring_accounts": 5, "lockstep_share": 0.8}}], 0.8),
            ([{"visits": [{"device": 1}]}], 0),
            ([{}], None),
        ],
        shown_by=_ALL,
    )
