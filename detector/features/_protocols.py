"""Homes that some devices reach by IPv4 and the others by IPv6."""

import polars as pl

from detector.features._groups import SETTLED, is_home_line, tied
from detector.spans import MAY_BE_HOME
from detector.tables import IPV6_FROM

_IS_IPV6 = pl.col("address") >= IPV6_FROM


def of_one_protocol(
    year: pl.DataFrame, profiles: pl.DataFrame, contexts: pl.DataFrame, hubs: pl.Series
) -> pl.DataFrame:
    """The lines of the `year` (`tables.SpanLines`), in which a home that speaks both protocols is one line, though no
    device was ever on lines of both: a television has the old one only, a telephone takes the new one where it can.

    It is told from two homes by that all of either protocol belong together, and both were there when the account
    began, for who joins by the other protocol is a newcomer. Nor is it one where all `profiles` (`tables.SpanProfiles`)
    of the one side are others than those of the other, for people use their own on either screen, or where the
    `contexts` of the window (`spans.by_context`) say that the two are in different regions.
    """
    at_home = year.filter(is_home_line(hubs)).with_columns(is_ipv6=_IS_IPV6)
    devices = at_home.group_by("account", "device").agg(pl.col("is_ipv6").any(), mixed=pl.col("is_ipv6").n_unique() > 1)
    split = devices.group_by("account").agg(pl.col("mixed").any(), both=pl.col("is_ipv6").n_unique() > 1)
    theirs = at_home.join(split.filter(pl.col("both") & ~pl.col("mixed")), on="account", how="semi")
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
    region = pl.concat_str("country", "region", separator=" ")
    placed = contexts.filter(is_home_line(hubs) & MAY_BE_HOME).select("account", is_ipv6=_IS_IPV6, fact=region)
    of_device = devices.select("account", "device", "is_ipv6")
    shown = profiles.join(of_device, on=["account", "device"]).select("account", "is_ipv6", fact="profile")
    for facts in (placed, shown):
        homes = homes.join(_apart(facts.join(homes, on="account", how="semi")), on="account", how="anti")
    of_one = year.join(homes.select("account", "ipv4"), on="account", how="left", maintain_order="left")
    other = pl.when(is_home_line(hubs) & _IS_IPV6).then("ipv4")
    return of_one.with_columns(address=pl.coalesce(other, "address")).drop("ipv4")


def _apart(facts: pl.DataFrame) -> pl.DataFrame:
    """`account`: those of which a `fact` is known of either protocol, and none of both."""
    known = facts.drop_nulls().unique().group_by("account", "fact").agg(both=pl.len() > 1, of=pl.col("is_ipv6").first())
    return (
        known.group_by("account")
        .agg(pl.col("both").any(), sides=pl.col("of").n_unique())
        .filter(~pl.col("both") & (pl.col("sides") > 1))
        .select("account")
    )
