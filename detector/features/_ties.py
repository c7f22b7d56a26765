"""What ties an account's devices and lines: those of one home, or of people who met.

A device that roams between addresses ties them: they are places of the same people.
"""

import datetime as dt

import polars as pl

from detector.neighbours import components
from detector.spans import in_one

CHANGING_ADDRESSES = 3  # of one home in a window: its provider changes them
SETTLED = dt.timedelta(days=25)  # what an account used in its first days is old
ONE_GROUP = pl.lit(0, pl.UInt32).alias("group")
NODE = ["account", "of", "key"]
_LEASE = dt.timedelta(days=7)  # for no longer a provider may lend an address
_PASSING_DEVICES, _MOSTLY = 4, 0.7  # of one home: so many ids that are seen on one day are hardly so many devices
_LIVED_IN_PLAYS = 5  # on a home's line: fewer are a visit


def is_home_line(hubs: pl.Series) -> pl.Expr:
    """Whether a line of the year is a home's."""
    return pl.col("address").is_not_null() & ~pl.col("address").is_in(hubs.implode()).fill_null(False)


def on_one_line(year: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """`account`: those all of whose devices were on one home's line in the `year` (`tables.SpanLines`), as in most
    homes. Nobody else is there, which is told faster than by ties."""
    devices = pl.col("device").n_unique()
    all_devices = year.lazy().group_by("account").agg(devices=devices)
    return (
        year.lazy()
        .filter(is_home_line(hubs))
        .group_by("account", "address")
        .agg(devices=devices)
        .join(all_devices, on=["account", "devices"], how="semi")
        .select("account")
        .collect()
    )


def meets_on(known: pl.DataFrame, carried: pl.Expr, year: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """`known` with `key`, the line on which a device meets others: a home's address, else the network.

    The whole town is on a carrier's network: it makes no two homes one. So where it is `carried`, everybody's profile
    is known and somebody lives on a home's line (in the `year`, most of what one device plays), of the devices that
    were on such a line only the one that played most meets others there. A phone that never was on one is taken for a
    member's where the household's own is on its network: that is more often a child's than a tenant's. Where the home
    itself is on a carrier's line, it is all that the household has in common.
    """
    address, plays, at_home = pl.col("address"), pl.col("plays"), pl.col("at_home_plays")
    there = known.with_columns(carried=carried)
    devices = (
        year.lazy()
        .join(there.lazy().filter("carried"), on="account", how="semi")
        .group_by("account", "device")
        .agg(year_plays=plays.sum(), at_home_plays=pl.when(is_home_line(hubs)).then(plays).sum())
        .collect()
    )
    lived_in = (at_home >= _LIVED_IN_PLAYS) & (2 * at_home > pl.col("year_plays"))
    homely = devices.filter(lived_in.any().over("account") & (at_home > 0)).select("account", "device", "year_plays")
    there = there.join(homely, on=["account", "device"], how="left")
    first = (
        there.filter(pl.col("carried") & pl.col("year_plays").is_not_null())
        .sort("account", "network", "year_plays", "device", descending=[False, False, True, False])
        .unique(["account", "network"], keep="first", maintain_order=True)
        .select("account", "network", host="device")
    )
    meets = ~pl.col("carried") | pl.col("year_plays").is_null() | (pl.col("device") == pl.col("host")).fill_null(False)
    key = pl.when("is_home").then(address).when(meets).then(pl.coalesce("network", address))
    return (
        there.join(first, on=["account", "network"], how="left")
        .with_columns(key=key)
        .drop("year_plays", "carried", "host")
    )


def ties_of_the_year(known: pl.DataFrame, year: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """What tied devices and homes in the `year` (`tables.SpanLines`), of accounts that are `known`."""
    return (
        year.filter(is_home_line(hubs))
        .join(known, on="account", how="semi")
        .select("account", "device", of=pl.lit(1), key="address")
    )


def tied(ties: pl.DataFrame) -> pl.DataFrame:
    """`account, of, key, group`: devices (of 0, by their `device`) and what they were seen with, by what ties them."""
    ties = ties.with_columns(
        one=in_one(pl.col("of"), pl.col("key")), device_one=in_one(pl.lit(0, pl.Int32), pl.col("device"))
    )
    known = ties.drop_nulls("device")
    devices = known.select("account", of=pl.lit(0), key="device", one="device_one")
    nodes = (
        pl.concat([devices, ties.drop_nulls("key").select(*NODE, "one")])
        .unique("one")
        .sort(NODE)
        .with_row_index("node")
    )
    number = nodes.select("one", "node")
    edges = known.join(number, on="one").join(number, left_on="device_one", right_on="one", suffix="_of_device")
    left, right = (edges[name].cast(pl.Int64).to_numpy() for name in ("node_of_device", "node"))
    return nodes.with_columns(group=components(nodes.height, left, right)).drop("node", "one")


def changing(known: pl.DataFrame) -> pl.DataFrame:
    """`account, group, same_as`: groups of devices that are one home, for in it nothing lasts that would tie them: the
    address is another every few plays, or the device most of the time, as in a browser that forgets its id. So are
    groups that came one after the other where the address is another every week: an app that was installed anew.
    """
    addresses, one_day = pl.col("addresses"), pl.col("first_day") == pl.col("last_day")
    brief = pl.col("last_day") - pl.col("first_day") <= _LEASE
    by_device = known.group_by("account", "group", "device").agg(
        pl.col("first_day").min(), pl.col("last_day").max(), pl.col("plays").sum(), pl.col("is_home").any()
    )
    devices = (
        by_device.filter(pl.col("is_home").any().over("account", "group"))
        .group_by("account", "group")
        .agg(
            pl.col("plays").sum(),
            pl.col("first_day").min(),
            pl.col("last_day").max(),
            devices=pl.len(),
            passing=one_day.sum(),
        )
    )
    homes = (
        known.filter("is_home")
        .group_by("account", "group", "key")
        .agg(pl.col("first_day").min(), pl.col("last_day").max())
        .group_by("account", "group")
        .agg(addresses=pl.len(), brief=brief.sum())
    )
    several = addresses >= CHANGING_ADDRESSES
    renewed = (pl.col("devices") >= _PASSING_DEVICES) & (pl.col("passing") >= _MOSTLY * pl.col("devices"))
    nothing_lasts = several & (CHANGING_ADDRESSES * addresses > pl.col("plays")) | renewed
    leased = several & (pl.col("brief") >= _MOSTLY * addresses)
    changing = (
        devices.join(homes, on=["account", "group"])
        .with_columns(nothing_lasts=nothing_lasts)
        .filter(pl.col("nothing_lasts") | leased)
        .sort("account", "nothing_lasts", "plays", "group", descending=[False, True, True, False])
        .with_columns(
            pl.col("group", "nothing_lasts", "first_day", "last_day").first().over("account").name.prefix("of_")
        )
    )
    apart = (pl.col("first_day") > pl.col("of_last_day")) | (pl.col("last_day") < pl.col("of_first_day"))
    return changing.filter(pl.col("nothing_lasts") & pl.col("of_nothing_lasts") | apart).select(
        "account", "group", same_as="of_group"
    )
