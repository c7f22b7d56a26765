"""Who belongs together: an account's devices and addresses fall into groups of people.

A device that roams between addresses ties them: they are places of the same people. Two households that share an
account have nothing that moves between them, however long one looks.
"""

import polars as pl

from detector.neighbours import components
from detector.spans import MAY_BE_HOME
from detector.tables import SERVERS

_CHANGING_ADDRESSES = 3  # of one home in a window: its provider changes them
_NODE = ["account", "of", "key"]
# Playbacks away from the address that is used most: they show that there are others.
OFF_MAIN = pl.col("address").is_not_null() & (pl.col("address") != pl.col("address").drop_nulls().mode().sort().first())


def grouped(visits: pl.DataFrame, year: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """The visits that say an address and a device, or one of them, with their `group`; none of accounts that never say
    an address.

    What ties is a device on an address that is somebody's: not one of a carrier, a hotel or a server, nor one that many
    accounts use (`hubs`). What was tied once in the `year` (`tables.SpanHomes`) stays so: who comes home for Christmas
    only belongs there. A device that was never on any such address is given to the people of its country or, behind
    a server, to those of the account: in doubt, nobody is made a stranger.
    """
    address = pl.col("address")
    known = visits.filter(
        address.is_not_null().any().over("account") & (address.is_not_null() | pl.col("device").is_not_null())
    ).with_columns(
        is_home=MAY_BE_HOME & ~address.is_in(hubs.implode()),
        served=pl.col("network_kind").is_in(SERVERS).fill_null(False),
    )
    homes = known.filter("is_home")
    usual = (
        homes.group_by("account", "country", "address")
        .agg(days=pl.col("day").n_unique())
        .sort("account", "days", "address", descending=[False, True, False])
    )
    in_country = usual.group_by("account", "country").agg(pl.col("address").first().alias("in_country"))
    anywhere = usual.group_by("account", maintain_order=True).agg(pl.col("address").first().alias("anywhere"))
    # Where a visit belongs that has no home of its own: the usual home of its country, else the country itself.
    known = (
        known.join(in_country, on=["account", "country"], how="left", nulls_equal=True)
        .join(anywhere, on="account", how="left")
        .with_columns(
            lent=pl.when(pl.col("served") | pl.col("country").is_null()).then("anywhere").otherwise("in_country")
        )
        .with_columns(
            key=pl.when("is_home")
            .then("address")
            .otherwise(pl.coalesce("lent", pl.col("country").hash()))
            .fill_null(0),
            of=pl.when(pl.col("is_home") | pl.col("lent").is_not_null()).then(1).otherwise(2),
        )
    )
    tied = year.filter(~address.is_in(hubs.implode())).join(known, on="account", how="semi")
    anchored = pl.col("is_home").any().over("account", "device") & pl.col("device").is_not_null()
    ties = pl.concat(
        [
            known.filter(pl.col("is_home") | ~anchored).select("account", "device", "of", "key"),
            tied.select("account", "device", of=pl.lit(1), key="address"),
        ]
    ).unique()
    nodes = (
        pl.concat(
            [
                ties.filter(pl.col("device").is_not_null()).select("account", of=pl.lit(0), key="device"),
                ties.select(_NODE),
            ]
        )
        .unique()
        .sort(_NODE)
        .with_row_index("node")
    )
    edges = (
        ties.filter(pl.col("device").is_not_null())
        .join(nodes, on=_NODE)
        .join(
            nodes.filter(pl.col("of") == 0).select("account", device="key", device_node="node"),
            on=["account", "device"],
        )
    )
    left, right = (edges[name].cast(pl.Int64).to_numpy() for name in ("device_node", "node"))
    group = components(nodes.height, left, right)
    nodes = nodes.with_columns(group=group)
    by_device = nodes.filter(pl.col("of") == 0).select("account", device="key", by_device="group")
    found = (
        known.join(by_device, on=["account", "device"], how="left")
        .join(nodes.select(*_NODE, by_place="group"), on=_NODE, how="left")
        .with_columns(group=pl.coalesce("by_device", "by_place"))
        .filter(pl.col("group").is_not_null())
    )
    return (
        found.join(_leases(found), on=["account", "group"], how="left")
        .with_columns(group=pl.coalesce("same_as", "group"))
        .select("account", "day", "device", "group", "country", "plays", "utc_hours")
    )


def _leases(found: pl.DataFrame) -> pl.DataFrame:
    """`account, group, same_as`: groups of one region that are one home whose provider hands out addresses anew.

    A device that was alone at home on its days is tied to nothing then. In a home whose address changes all the time,
    who was never there on the same day as its people is taken for one of them: the addresses would have differed.
    """
    homes = found.filter(pl.col("is_home") & (pl.col("group").n_unique() > 1).over("account"))
    region = ["account", "country", "region"]
    by_region = homes.group_by(*region, "group").agg(
        days=pl.col("day").n_unique(), addresses=pl.col("address").n_unique()
    )
    changing = (
        by_region.sort("days", "group", descending=[True, False])
        .group_by(region, maintain_order=True)
        .first()
        .filter(pl.col("addresses") >= _CHANGING_ADDRESSES)
        .select(*region, same_as="group")
    )
    beside = homes.join(changing, on=region, nulls_equal=True).select(*region, "group", "same_as", "day").unique()
    of_home = beside.filter(pl.col("group") == pl.col("same_as")).select(*region, "day", there=True)
    return (
        beside.filter(pl.col("group") != pl.col("same_as"))
        .join(of_home, on=[*region, "day"], how="left", nulls_equal=True)
        .group_by("account", "group")
        .agg(pl.col("same_as").first(), met_days=pl.col("there").sum())
        .join(by_region.group_by("account", "group").agg(regions=pl.len()), on=["account", "group"])
        .filter((pl.col("met_days") == 0) & (pl.col("regions") == 1))
        .select("account", "group", "same_as")
    )
