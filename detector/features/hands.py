"""Devices that are in several accounts' hands."""

import polars as pl

from detector.features._feature import Family, Feature, Window


class Hands(Family):
    """Devices that are in several accounts' hands.

    Leases make neighbours of strangers, so that a line alone ties accounts loosely; a device on which several accounts
    play week after week is in one hand. One other account is a home with two, or parents and grown-up children.
    """

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """With how many others the account's devices are shared; none, where no other account is on them."""
        return (
            window.contexts.filter(pl.col("device").is_not_null())
            .select("account")
            .unique()
            .join(window.neighbours.accounts, on="account", how="left")
            .select("account", pl.col("device_accounts_beside").fill_null(0))
        )

    device_accounts_beside = Feature(
        says="Most other accounts that one of its devices was used by for days, beside one another: no guest's, and no "
        "device sold on.",
        unit="accounts",
        expr=pl.col("device_accounts_beside"),
        missing="no playback of the window says its device",
        when_high="one of its devices was used for days by {value:.0f} other accounts; most have {typical:.0f}",
        innocent=("two accounts in one home",),
        examples=[
            ([{"visits": [{"device": 1}], "ring": {"ring_accounts": 5, "device_accounts_beside": 4}}], 4),
            ([{"visits": [{"device": 1}], "ring": {"ring_accounts": 5, "device_accounts": 4}}], 0),
            ([{"visits": [{"device": 1}]}], 0),
            ([{}], None),
        ],
        telling="rank",
        shown_by=pl.lit(True),
    )
