"""What accounts have in common: the one step before features that sees all of them.

An address that many accounts use is a carrier's, a campus's or an exit's: it says little about who watches. A device
or a small network that a few accounts share ties these into a ring.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from detector.coviewing import alike, none_alike
from detector.tables import CROWDS, LAN

Ends = npt.NDArray[np.int64]

_HUB_ACCOUNTS = 4  # an address that more accounts use is nobody's home
_RING_ADDRESS_ACCOUNTS = 8  # a farm's line may be a hub; a crowd's ties nobody
_RING_DAYS_SHARE = 0.25  # of the account's days: less is one of many addresses that a provider hands out
_MOST_DAYS_SHARE = 0.5  # ... an account that plays on a device on most of its days is in that device's hand
_RING_DEVICE_ACCOUNTS = 50  # an id that more accounts show is no device, but what an app says of all of them
_RING_DAYS = 3  # on one address, and beside one another: less is a visit, or a lease that went from home to home
_SCHEMA = {
    "account": pl.UInt64,
    "ring_accounts": pl.UInt32,
    "device_accounts": pl.UInt32,
    "device_accounts_beside": pl.UInt32,
    "lockstep_share": pl.Float64,
}
_TIES = {"account": pl.UInt64, "what": pl.String, "shared": pl.UInt64}


@dataclass(frozen=True)
class Neighbours:
    """What a window's accounts have in common.

    `hubs`: addresses that more than a few accounts use. `accounts`: one row for each account that shares a device or a
    small network: `account`, `ring_accounts` (how many there are in its ring, itself counted), `device_accounts` (most
    other accounts on one of its devices), `device_accounts_beside` (the same of those that it was beside on it, each
    there for days), `lockstep_share` (share of its titles of a day that another of its ring
    played on that day; null without titles). `ties`: what ties them, one row for each account on a device or address
    that another is on: `account`, `what` (device or address), `shared` (the device or address). `alike`: the titles
    that go together, `title, goes_with` (see `coviewing.alike`).
    """

    hubs: pl.Series
    accounts: pl.DataFrame
    ties: pl.DataFrame
    alike: pl.DataFrame

    @classmethod
    def none(cls) -> Self:
        """Nobody has anything in common."""
        return cls(
            pl.Series("address", [], pl.UInt64), pl.DataFrame(schema=_SCHEMA), pl.DataFrame(schema=_TIES), none_alike()
        )


def meet(visits: pl.LazyFrame, titles: pl.LazyFrame) -> Neighbours:
    """From the visits (`tables.Visits`) and titles (`tables.TitleDays`) of all accounts in the window."""
    played = visits.filter(pl.col("plays") > 0)
    devices, addresses = _shared(played, "device"), _shared(played, "address")
    there = pl.concat([devices.select("account"), addresses.select("account")]).unique().lazy()
    active = played.join(there, on="account", how="semi").group_by("account").agg(active_days=pl.col("day").n_unique())
    devices, addresses = (
        known.join(active.collect(), on="account", maintain_order="left") for known in (devices, addresses)
    )
    # Whoever is in the house of a server is at home, and no stranger to the others there, however many.
    addresses = addresses.filter(pl.col("address") != LAN)
    users = pl.len().over("address")
    hubs = addresses.filter(users > _HUB_ACCOUNTS)["address"].unique().sort()
    homes = addresses.filter(
        (users <= _RING_ADDRESS_ACCOUNTS)
        & (pl.col("days") >= _RING_DAYS)
        & pl.col("beside")
        & (pl.col("days") >= _RING_DAYS_SHARE * pl.col("active_days"))
        & ~pl.col("kind").is_in([*CROWDS, "vpn"]).fill_null(False)
    )
    own = devices.filter(pl.len().over("device") <= _RING_DEVICE_ACCOUNTS)
    beside = own.filter((pl.col("days") >= _RING_DAYS) & pl.col("beside"))
    # A guest at a hotel's screen is on it for a few days, and before or after the others.
    theirs = own.filter(
        (pl.col("days") >= _RING_DAYS) & pl.col("beside") | (pl.col("days") >= _MOST_DAYS_SHARE * pl.col("active_days"))
    )
    ties = pl.concat(
        # Whoever has a device, one after the other, is tied by it; a line may go from home to home.
        known.select(
            "account", what=pl.lit(what), shared=what, turn=pl.lit(0, pl.UInt32) if what == "device" else "turn"
        )
        for known, what in ((theirs, "device"), (homes, "address"))
    ).filter(pl.len().over("what", "shared", "turn") > 1)
    rings = _rings(ties)
    accounts = (
        rings.join(_most_others(theirs), on="account", how="left")
        .join(_most_beside(beside), on="account", how="left")
        .join(_lockstep(titles, rings), on="account", how="left")
    )
    return Neighbours(
        hubs,
        accounts.select(
            "account",
            pl.len().over("ring").cast(pl.UInt32).alias("ring_accounts"),
            pl.col("device_accounts", "device_accounts_beside").fill_null(0),
            "lockstep_share",
        ).sort("account"),
        ties.drop("turn").sort("account", "what", "shared"),
        alike(titles),
    )


def _shared(played: pl.LazyFrame, what: str) -> pl.DataFrame:
    """One row for each account on what more than one account used: `account`, it, `days`, `kind` of network, and
    whether it was there `beside` another for some days, rather than after it or before, and in which
    `turn`, of all that were there beside each other, directly or through others."""
    first, last = pl.col("first"), pl.col("last")
    follows = (last.cum_max().shift(1) >= first + pl.duration(days=_RING_DAYS - 1)).fill_null(False)
    beside = follows | follows.shift(-1, fill_value=False)
    known = played.filter(pl.col(what).is_not_null())
    # Most are one account's alone: to find the others first takes a third of the memory.
    several = known.group_by(what).agg(least=pl.col("account").min(), most=pl.col("account").max())
    several = several.filter(pl.col("least") != pl.col("most")).select(what).collect().lazy()
    return (
        known.join(several, on=what, how="semi")
        .group_by(what, "account")
        .agg(
            days=pl.col("day").n_unique(),
            kind=pl.col("network_kind").min(),
            first=pl.col("day").min(),
            last=pl.col("day").max(),
        )
        .collect()
        .sort(what, "first", "account")
        .with_columns(is_long=pl.col("days") >= _RING_DAYS)
        # A guest of an evening is told apart from who is there for days: nobody is beside a guest.
        .with_columns(
            beside=beside.over(what, "is_long"),
            turn=(~follows).cum_sum().over(what, "is_long").cast(pl.UInt32),
        )
        .drop("is_long")
        .sort(what, "account")
    )


def _most_others(on_devices: pl.DataFrame) -> pl.DataFrame:
    others = pl.len().over("device").cast(pl.UInt32) - 1
    return on_devices.with_columns(others=others).group_by("account").agg(device_accounts=pl.col("others").max())


def _most_beside(on_devices: pl.DataFrame) -> pl.DataFrame:
    """The host of a holiday flat was beside each of its guests on the screen there, and these beside nobody else."""
    others = on_devices.select("device", other="account", other_first="first", other_last="last")
    together = (
        pl.min_horizontal("last", "other_last") - pl.max_horizontal("first", "other_first")
    ).dt.total_days() + 1 >= _RING_DAYS
    return (
        on_devices.join(others, on="device")
        .filter((pl.col("account") != pl.col("other")) & together)
        .group_by("account", "device")
        .agg(others=pl.len())
        .group_by("account")
        .agg(device_accounts_beside=pl.col("others").max())
    )


def _rings(ties: pl.DataFrame) -> pl.DataFrame:
    """`account, ring`: accounts that are tied, directly or through others, have the same number."""
    accounts = ties.select("account").unique().sort("account")
    number = ties["account"].replace_strict(
        accounts["account"], pl.int_range(accounts.height, eager=True), return_dtype=pl.Int64
    )
    key = ties.select(key=pl.struct("what", "shared", "turn").rank("dense").cast(pl.Int64) - 1)["key"]
    ring = components(accounts.height + ties.height, number.to_numpy(), key.to_numpy() + accounts.height)
    return accounts.with_columns(ring=ring[: accounts.height])


def components(nodes: int, left: Ends, right: Ends) -> pl.Series:
    """The number of the connected component of each of so many nodes; `left` and `right` are the ends of the edges."""
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(nodes, nodes))
    return pl.Series(connected_components(graph, directed=False)[1] if nodes else [], dtype=pl.UInt32)


def _lockstep(titles: pl.LazyFrame, rings: pl.DataFrame) -> pl.DataFrame:
    of_rings = (
        titles.filter(pl.col("plays") > 0)
        .select("account", "day", "title")
        .join(rings.lazy(), on="account")
        .collect()
        .with_columns(together=pl.len().over("ring", "day", "title") > 1)
    )
    return of_rings.group_by("account").agg(lockstep_share=pl.col("together").sum() / pl.len())
