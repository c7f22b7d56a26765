"""Devices that are in several accounts' hands."""

import polars as pl

from detector.features._feature import Family, Feature, Window

_LEAST_ACCOUNTS = 2  # besides its own, in the hands that hold its device


class Hands(Family):
    """Devices that are in several accounts' hands.

    Leases make neighbours of strangers, so that a line alone ties accounts loosely; a device on which several accounts
    play week after week is in one hand. One other account says nothing here: that is a home with two, or parents and
    grown-up children.
    """

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """With how many others the account's devices are shared; none, where no other account is on them."""
        return (
            window.contexts.filter(pl.col("device").is_not_null())
            .select("account")
            .unique()
            .join(window.neighbours.accounts, on="account", how="left")
            .select("account", accounts=pl.col("device_accounts_beside").fill_null(0))
        )

    device_accounts_beside = Feature(
        says="Most other accounts that one of its devices was used by for days, beside one another: no guest's, and no "
        f"device sold on; fewer than {_LEAST_ACCOUNTS} count as none.",
        unit="accounts",
        expr=pl.when(pl.col("accounts") >= _LEAST_ACCOUNTS).then("accounts").otherwise(0),
        missing="no playback of the window says its device",
        when_high="one of its devices was used for days by {value:other account}; most have {typical:.0f}",
        innocent=("several accounts in one home",),
        examples=[
            ([{"visits": [{"device": 1}], "ring": {"ring_accounts": 5, "device_accounts_beside": 4}}], 4),
            ([{"visits": [{"device": 1}], "ring": {"ring_accounts": 3, "device_accounts_beside": 2}}], 2),
            ([{"visits": [{"device": 1}], "ring": {"ring_accounts": 2, "device_accounts_beside": 1}}], 0),
            ([{"visits": [{"device": 1}], "ring": {"ring_accounts": 5, "device_accounts": 4}}], 0),
            ([{"visits": [{"device": 1}]}], 0),
            ([{}], None),
        ],
        telling="rank",
        shown_by=pl.lit(True),
    )
