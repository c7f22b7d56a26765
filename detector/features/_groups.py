"""Who belongs together in a window: an account's devices and addresses fall into groups of people.

Two households that share an account have nothing that moves between them.
"""

import math

import polars as pl

from detector.days import VISIT
from detector.features._ties import CHANGING_ADDRESSES, NODE, ONE_GROUP, meets_on, tied, ties_of_the_year
from detector.spans import MAY_BE_HOME, days_of
from detector.tables import SERVERS

_AT_HOME = pl.col("is_home") & pl.col("device").is_not_null()  # the lines of the year tie these
_EVENLY = 0.3  # mean resultant length under which hours are spread over the clock, and have no middle (Fisher 1993)
# Playbacks away from the address that is used most: they show that there are others.
OFF_MAIN = pl.col("address").is_not_null() & (pl.col("address") != pl.col("address").drop_nulls().mode().sort().first())
# Playbacks of people whose share of them is the reason's value: who takes an account over may play more than its owner,
# and is then on the address that is used most.
_OFF_MAIN_SHARE, _SAID = OFF_MAIN.mean(), pl.col("reason_value")
_ON_MAIN = (1 - _OFF_MAIN_SHARE - _SAID).abs() < (_OFF_MAIN_SHARE - _SAID).abs()
OF_THEIRS = pl.col("address").is_not_null() & (_ON_MAIN != OFF_MAIN)
WITH_PLACE = pl.col("address").is_not_null()  # of both lives: neither alone shows that they were there at once


def grouped(contexts: pl.DataFrame, year: pl.DataFrame, hubs: pl.Series, one_line: pl.DataFrame) -> pl.DataFrame:
    """The `contexts` of a window (`spans.by_context`) that say an address and a device, or one of them, with their
    `group`; none of accounts that never say an address, or never a device: nothing would tie their addresses.

    What ties is a device on an address that is somebody's: not one of a carrier, a hotel or a server, nor one that many
    accounts use (`hubs`). What was tied once in the `year` (`tables.SpanLines`) stays so: who comes home for Christmas
    only belongs there. A device that was never on any such address is given to the people of its country or, behind
    a server, to those of the account: in doubt, nobody is made a stranger. Accounts `on_one_line` are one group, unless
    it is not known of some playback which device it was on.
    """
    address, says_device = pl.col("address"), pl.col("device").is_not_null()
    says_both = address.is_not_null().any().over("account") & says_device.any().over("account")
    known = contexts.filter(says_both & (address.is_not_null() | says_device))
    of_one = known.join(one_line, on="account", how="semi").filter(says_device.all().over("account"))
    known = known.join(of_one, on="account", how="anti").with_columns(
        is_home=MAY_BE_HOME & ~address.is_in(hubs.implode()),
        served=pl.col("network_kind").is_in(SERVERS).fill_null(False),
    )
    homes = known.filter("is_home")
    usual = (
        homes.group_by("account", "country", "address")
        .agg(days=days_of())
        .sort("account", "days", "address", descending=[False, True, False])
    )
    in_country = usual.group_by("account", "country").agg(pl.col("address").first().alias("in_country"))
    anywhere = usual.group_by("account", maintain_order=True).agg(pl.col("address").first().alias("anywhere"))
    # Where one belongs that has no home of its own: the usual home of its country, else the country itself.
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
    anchored = pl.col("is_home").any().over("account", "device") & pl.col("device").is_not_null()
    nodes = tied(
        pl.concat(
            [
                known.filter(~_AT_HOME & (pl.col("is_home") | ~anchored)).select("account", "device", "of", "key"),
                ties_of_the_year(known, year, hubs),
            ]
        )
    )
    by_device = nodes.filter(pl.col("of") == 0).select("account", device="key", by_device="group")
    found = (
        known.join(by_device, on=["account", "device"], how="left")
        .join(nodes.select(*NODE, by_place="group"), on=NODE, how="left")
        .with_columns(group=pl.coalesce("by_device", "by_place"))
        .filter(pl.col("group").is_not_null())
    )
    found = found.join(_leases(found), on=["account", "group"], how="left").with_columns(
        group=pl.coalesce("same_as", "group")
    )
    return pl.concat([of_one.with_columns(ONE_GROUP), found.select(*contexts.columns, "group")])


def apart(contexts: pl.DataFrame, year: pl.DataFrame, hubs: pl.Series, one_line: pl.DataFrame) -> pl.DataFrame:
    """The `contexts` of a window (`spans.by_context`) that say a device and where it was, with their `group` and
    `people`, and whether the account has `several` groups.

    A `group` holds the devices that met: each was seen where another of it was, be that a home, a carrier's network, a
    hotel's or a server's; nothing is lent to a home. So a group on its own is somebody who never came to where the
    others are, and this is told also where no address is anybody's. Where somebody lives on a home's line and all
    profiles are known, the network of a mobile carrier makes no two homes one; it only gives a home to those who are
    never on any such line (`meets_on`). `people` are groups that share a profile: one person's phone that is never at
    home belongs to the one whose profile it shows. Accounts `on_one_line` are one group.
    """
    address, network = pl.col("address"), pl.col("network")
    known = contexts.filter(pl.col("device").is_not_null() & pl.coalesce(address, network).is_not_null())
    of_one = known.join(one_line, on="account", how="semi")
    known = known.join(one_line, on="account", how="anti").with_columns(
        is_home=MAY_BE_HOME & ~address.is_in(hubs.implode()).fill_null(False)
    )
    known = known.with_columns(
        says=pl.col("profile").is_not_null().any().over("account", "device"),
        of=pl.when("is_home").then(1).otherwise(2),
    )
    says = pl.col("says").all().over("account")  # else the one phone of which it is not known would stand alone
    known = meets_on(known, (pl.col("network_kind") == "mobile").fill_null(False) & says, year, hubs)
    on_the_way = known.filter(~_AT_HOME).select("account", "device", "of", "key")
    nodes = tied(pl.concat([on_the_way, ties_of_the_year(known, year, hubs)]))
    by_device = nodes.filter(pl.col("of") == 0).select("account", "group", device="key")
    found = known.join(by_device, on=["account", "device"])
    found = found.join(_leases(found), on=["account", "group"], how="left").with_columns(
        group=pl.coalesce("same_as", "group")
    )
    found = found.with_columns(several=(pl.col("group").min() != pl.col("group").max()).over("account"))
    groups = found.filter("several").select("account", "profile", device=pl.col("group").cast(pl.UInt64))
    by_profile = tied(groups.select("account", "device", of=pl.lit(1), key="profile"))
    people = by_profile.filter(pl.col("of") == 0).select("account", group=pl.col("key").cast(pl.UInt32), people="group")
    found = found.join(people, on=["account", "group"], how="left").with_columns(pl.coalesce("people", "group"))
    return pl.concat(
        [
            of_one.with_columns(ONE_GROUP, ONE_GROUP.alias("people"), several=False),
            found.select(*contexts.columns, "group", "people", "several"),
        ]
    )


def _leases(found: pl.DataFrame) -> pl.DataFrame:
    """`account, group, same_as`: groups of one region that are one home whose provider hands out addresses anew.

    A device that was alone at home on its days is tied to nothing then. In a home whose address changes all the time,
    who was never there on the same day as its people is taken for one of them: the addresses would have differed.
    """
    homes = found.filter(pl.col("is_home") & (pl.col("group").n_unique() > 1).over("account"))
    region = ["account", "country", "region"]
    by_region = homes.group_by(*region, "group").agg(
        pl.col("days").bitwise_or(), of_days=days_of(), addresses=pl.col("address").n_unique()
    )
    changing = (
        by_region.sort("of_days", "group", descending=[True, False])
        .group_by(region, maintain_order=True)
        .first()
        .filter(pl.col("addresses") >= CHANGING_ADDRESSES)
        .select(*region, same_as="group", home_days="days")
    )
    never_met = pl.col("days") & pl.col("home_days") == 0
    return (
        by_region.filter(pl.len().over("account", "group") == 1)
        .join(changing, on=region, nulls_equal=True)
        .filter((pl.col("group") != pl.col("same_as")) & never_met)
        .select("account", "group", "same_as")
    )


def at_once(contexts: pl.DataFrame, visits: pl.DataFrame, by: list[str], of: str) -> pl.DataFrame:
    """For each key: `most_at_once`, the most of something of its `contexts` that watched within one hour of the UTC
    clock, and `shared_hours`, the hours in which several did. A key has a day of the `visits` in it; keys with one of
    it alone are left out."""
    hours = _watched(contexts, visits, [*by, of]).filter(pl.len().over(by) > 1)
    watching = hours.group_by(by).agg(((pl.col("utc_hours") // 2**h) % 2).sum().alias(str(h)) for h in range(24))
    return watching.select(
        *by,
        most_at_once=pl.max_horizontal(str(h) for h in range(24)),
        shared_hours=pl.sum_horizontal((pl.col(str(h)) > 1).cast(pl.UInt32) for h in range(24)),
    )


def _watched(contexts: pl.DataFrame, visits: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """`by`, of what stands in the `contexts` and the day, and the `utc_hours` in which it watched."""
    context = ["account", *VISIT]
    told = contexts.select(*context, *(name for name in by if name not in (*context, "day"))).unique()
    theirs = visits.join(contexts, on="account", how="semi").join(told, on=context, nulls_equal=True)
    return theirs.group_by(by).agg(pl.col("utc_hours").bitwise_or())


def hours_apart(contexts: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    """`account, apart_h`: hours of the clock between the times of day of two groups of `contexts`, of those furthest
    apart. The time of day of a group is the circular mean (Fisher 1993) of the hours in which it watched, each day's
    for itself; one whose hours are spread over the clock has none. Accounts with fewer than two such are left out."""
    group = ["account", "group"]
    several = contexts.filter((pl.col("group").min() != pl.col("group").max()).over("account"))
    of_day = _watched(several, visits, [*group, "day"])
    watched = of_day.group_by(group).agg(((pl.col("utc_hours") // 2**h) % 2).sum().alias(str(h)) for h in range(24))
    angles = {str(h): math.tau * h / 24 for h in range(24)}
    east, north = (
        pl.sum_horizontal(pl.col(hour) * part(angle) for hour, angle in angles.items()) for part in (math.cos, math.sin)
    )
    middles = (
        watched.select(*group, east=east, north=north, hours=pl.sum_horizontal(*angles))
        .filter(pl.col("hours") > 0, (pl.col("east") ** 2 + pl.col("north") ** 2).sqrt() >= _EVENLY * pl.col("hours"))
        .select("account", "group", at_h=pl.arctan2("north", "east") * 24 / math.tau)
    )
    apart = (pl.col("at_h") - pl.col("at_h_other")).abs() % 24
    return (
        middles.join(middles, on="account", suffix="_other")
        .filter(pl.col("group") < pl.col("group_other"))
        .group_by("account")
        .agg(apart_h=pl.min_horizontal(apart, 24 - apart).max())
    )


def regions(contexts: pl.DataFrame) -> pl.DataFrame:
    """`account, regions`: in how many regions the groups of `contexts` are, each in that of most of its plays; where a
    server stands says nothing. Groups of which no country is known are left out."""
    region = ["account", "group", "country", "region"]
    return (
        contexts.filter(pl.col("country").is_not_null() & ~pl.col("network_kind").is_in(SERVERS).fill_null(False))
        .group_by(region)
        .agg(pl.col("plays").sum())
        .sort("plays", *region, descending=[True, *(False for _ in region)])
        .unique(["account", "group"], keep="first")
        .group_by("account")
        .agg(regions=pl.struct("country", "region").n_unique())
    )
