"""Homes that some devices reach by IPv4 and the others by IPv6."""

import polars as pl

from detector.features._ties import SETTLED, is_home_line, tied
from detector.spans import MAY_BE_HOME
from detector.tables import IPV6_FROM

_IS_IPV6 = pl.col("address") >= IPV6_FROM


def homes_of_two(year: pl.DataFrame, profiles: pl.DataFrame, contexts: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """`account, ipv4`: accounts whose one home speaks both protocols, though no device was ever on lines of both in the
    `year` (`tables.SpanLines`), and the IPv4 address that stands for it. A television has the old protocol only, a
    telephone takes the new one where it can.

    Such a home is told from two by that all of either protocol belong together, and both were there when the account
    began, for who joins by the other protocol is a newcomer. Nor is it one where all `profiles` (`tables.SpanProfiles`)
    of the one side are others than those of the other, for people use their own on either screen, or where the
    `contexts` of the window (`spans.by_context`) say that the two are in different regions or countries.
    """
    at_home = year.filter(is_home_line(hubs)).select("account", "device", "address", "first_day", "plays")
    both = (pl.col("address").min() < IPV6_FROM) & (pl.col("address").max() >= IPV6_FROM)
    split = at_home.group_by("account").agg(both=both).filter("both").select("account")
    at_home = at_home.join(split, on="account", how="semi").with_columns(is_ipv6=_IS_IPV6)
    devices = at_home.group_by("account", "device").agg(pl.col("is_ipv6").any(), both=both)
    mixed = devices.filter("both").select("account").unique()
    theirs = at_home.join(mixed, on="account", how="anti")
    nodes = tied(theirs.select("account", "device", of=pl.lit(1), key="address"))
    groups = (
        theirs.join(nodes.filter(pl.col("of") == 0).select("account", "group", device="key"), on=["account", "device"])
        .group_by("account", "group")
        .agg(
            pl.col("is_ipv6").first(),
            pl.col("first_day").min(),
            # The line that stands for both.
            pl.col("address").sort_by("plays", "address", descending=[True, False]).first(),
        )
    )
    first = pl.col("first_day")
    homes = groups.group_by("account").agg(
        pl.col("address").filter(~pl.col("is_ipv6")).first().alias("ipv4"),
        is_one=(pl.len() == 2) & (pl.col("is_ipv6").n_unique() == 2) & (first.max() <= first.min() + SETTLED),
    )
    homes = homes.filter("is_one")
    placed = contexts.join(homes, on="account", how="semi").filter(is_home_line(hubs) & MAY_BE_HOME)
    placed = placed.with_columns(is_ipv6=_IS_IPV6)
    region = pl.concat_str("country", "region", separator=" ")
    countries, regions = (placed.select("account", "is_ipv6", fact=where) for where in (pl.col("country"), region))
    of_device = devices.select("account", "device", "is_ipv6")
    shown = profiles.join(of_device, on=["account", "device"]).select("account", "is_ipv6", fact="profile")
    for facts in (countries, regions, shown):
        homes = homes.join(_apart(facts.join(homes, on="account", how="semi")), on="account", how="anti")
    return homes.select("account", "ipv4")


def with_both(year: pl.DataFrame, homes: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """The lines of the `year`, and one more for each line by IPv6 of one of the `homes_of_two`: that of its IPv4
    address, with no plays, so that what the two tie is tied."""
    if homes.is_empty():
        return year
    other = year.filter(is_home_line(hubs) & _IS_IPV6).join(homes, on="account")
    added = other.with_columns(address="ipv4", plays=pl.lit(0, pl.UInt32)).select(year.columns)
    return pl.concat([year, added])


def as_one(year: pl.DataFrame, homes: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """The lines of the `year`, those by IPv6 of the `homes_of_two` under their IPv4 address."""
    if homes.is_empty():
        return year
    known = year.join(homes, on="account", how="left", maintain_order="left")
    other = pl.when(is_home_line(hubs) & _IS_IPV6).then("ipv4")
    return known.with_columns(address=pl.coalesce(other, "address")).drop("ipv4")


def _apart(facts: pl.DataFrame) -> pl.DataFrame:
    """`account`: those of which a `fact` is known of either protocol, and none of both."""
    known = facts.drop_nulls().unique().group_by("account", "fact").agg(both=pl.len() > 1, of=pl.col("is_ipv6").first())
    return (
        known.group_by("account")
        .agg(pl.col("both").any(), sides=pl.col("of").n_unique())
        .filter(~pl.col("both") & (pl.col("sides") > 1))
        .select("account")
    )
