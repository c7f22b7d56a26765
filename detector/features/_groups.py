"""Who belongs together: an account's devices and addresses fall into groups of people.

A device that roams between addresses ties them: they are places of the same people. Two households that share an
account have nothing that moves between them, however long one looks.
"""

import datetime as dt

import polars as pl

from detector.days import VISIT
from detector.neighbours import components
from detector.spans import MAY_BE_HOME, days_of, in_one
from detector.tables import SERVERS

_CHANGING_ADDRESSES = 3  # of one home in a window: its provider changes them
_LEASE = dt.timedelta(days=7)  # for no longer a provider may lend an address
_PASSING_DEVICES, _MOSTLY = 4, 0.7  # of one home: so many ids that are seen on one day are hardly so many devices
_LIVED_IN_PLAYS = 5  # on a home's line: fewer are a visit
_LIVES_SHARE = 1 / 3  # of what a device plays meanwhile: where it plays less, it is on a visit
SETTLED = dt.timedelta(days=25)  # what an account used in its first days is old
_NODE = ["account", "of", "key"]
_ONE_GROUP = pl.lit(0, pl.UInt32).alias("group")
_AT_HOME = pl.col("is_home") & pl.col("device").is_not_null()  # the lines of the year tie these
# Playbacks away from the address that is used most: they show that there are others.
OFF_MAIN = pl.col("address").is_not_null() & (pl.col("address") != pl.col("address").drop_nulls().mode().sort().first())


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
        .join(nodes.select(*_NODE, by_place="group"), on=_NODE, how="left")
        .with_columns(group=pl.coalesce("by_device", "by_place"))
        .filter(pl.col("group").is_not_null())
    )
    found = found.join(_leases(found), on=["account", "group"], how="left").with_columns(
        group=pl.coalesce("same_as", "group")
    )
    return pl.concat([of_one.with_columns(_ONE_GROUP), found.select(*contexts.columns, "group")])


def apart(contexts: pl.DataFrame, year: pl.DataFrame, hubs: pl.Series, one_line: pl.DataFrame) -> pl.DataFrame:
    """The `contexts` of a window (`spans.by_context`) that say a device and where it was, with their `group` and
    `people`, and whether the account has `several` groups.

    A `group` holds the devices that met: each was seen where another of it was, be that a home, a carrier's network, a
    hotel's or a server's; nothing is lent to a home. So a group on its own is somebody who never came to where the
    others are, and this is told also where no address is anybody's. Where somebody lives on a home's line and all
    profiles are known, the network of a mobile carrier makes no two homes one; it only gives a home to those who are
    never on any such line (`_meets_on`). `people` are groups that share a profile: one person's phone that is never at
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
    known = _meets_on(known, (pl.col("network_kind") == "mobile").fill_null(False) & says, year, hubs)
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
            of_one.with_columns(_ONE_GROUP, _ONE_GROUP.alias("people"), several=False),
            found.select(*contexts.columns, "group", "people", "several"),
        ]
    )


def people_of(year: pl.DataFrame, profiles: pl.DataFrame, hubs: pl.Series, one_line: pl.DataFrame) -> pl.DataFrame:
    """One row per device: `account, device, group, people, at_home, plays, first_day, last_day`.

    A `group` are the devices that met on a line within the `year` (`tables.SpanLines`): a home's address, or the
    network where many people are, which makes no two homes one where somebody lives on a home's line and all profiles
    are known; those whose address is another every few plays are one. `people` are groups that share one of the
    `profiles` (`tables.SpanProfiles`). `at_home` says whether the device was ever on a home's line. A device of which
    no line is known is left out. Accounts `on_one_line` are one group.
    """
    placed = year.filter(pl.coalesce("address", "network").is_not_null()).with_columns(is_home=is_home_line(hubs))
    of_one = placed.join(one_line, on="account", how="semi").with_columns(_ONE_GROUP)
    says = profiles.select("account", "device", says=True).unique()
    placed = placed.join(one_line, on="account", how="anti").join(says, on=["account", "device"], how="left")
    placed = placed.with_columns(of=pl.when("is_home").then(1).otherwise(2))
    carried = pl.col("address").is_null() & pl.col("says").is_not_null().all().over("account")
    known = _meets_on(placed, carried, year, hubs)
    nodes = tied(known.select("account", "device", "of", "key"))
    group = nodes.filter(pl.col("of") == 0).select("account", "group", device="key")
    known = known.join(group, on=["account", "device"])
    devices = (
        pl.concat([of_one, known.select(of_one.columns)])
        .group_by("account", "device", "group")
        .agg(
            pl.col("plays").sum(), pl.col("first_day").min(), pl.col("last_day").max(), at_home=pl.col("is_home").any()
        )
        .join(_changing(known), on=["account", "group"], how="left")
        .with_columns(group=pl.coalesce("same_as", "group"))
        .drop("same_as")
    )
    several = devices.filter((pl.col("group").min() != pl.col("group").max()).over("account"))
    shown = profiles.join(several.select("account", "device", "group"), on=["account", "device"])
    by_profile = tied(shown.select("account", device=pl.col("group").cast(pl.UInt64), of=pl.lit(1), key="profile"))
    people = by_profile.filter(pl.col("of") == 0).select("account", group=pl.col("key").cast(pl.UInt32), people="group")
    alone = pl.col("group") + devices.height + 1  # no number of people
    return devices.join(people, on=["account", "group"], how="left").with_columns(pl.coalesce("people", alone))


def homes_lived_in(year: pl.DataFrame, hubs: pl.Series, one_line: pl.DataFrame) -> pl.DataFrame:
    """One row per home that devices live in: `account, group, plays, first_day, last_day`.

    A device lives on a home's line of the `year` (`tables.SpanLines`) where it plays a good part of all that it plays
    on such lines between its first and its last day there, as if it played evenly between those of each line. So who
    comes again and again and lives elsewhere is on visits, which tie nothing; a single evening is no such thing, and
    ties, as all that was ever tied does elsewhere. Lines that one device lives on, one after the other or in turn, are
    one home, and so are those of one that has a new address all the time (`_changing`). Accounts `on_one_line` are left
    out.
    """
    stays = year.filter(is_home_line(hubs)).join(one_line, on="account", how="anti").with_row_index("stay")
    # Rounded: where they are equal, the last digit of a sum must not decide.
    is_lived = pl.col("plays") >= (_LIVES_SHARE * pl.col("meanwhile")).round(6)
    lives = stays.join(_played_meanwhile(stays), on="stay").filter(is_lived).with_columns(key="address", is_home=True)
    nodes = tied(lives.select("account", "device", of=pl.lit(1), key="address"))
    group = nodes.filter(pl.col("of") == 0).select("account", "group", device="key")
    lives = lives.join(group, on=["account", "device"])
    return (
        lives.join(_changing(lives), on=["account", "group"], how="left")
        .group_by("account", pl.coalesce("same_as", "group"))
        .agg(pl.col("plays").sum(), pl.col("first_day").min(), pl.col("last_day").max())
        .rename({"same_as": "group"})
    )


def _played_meanwhile(stays: pl.DataFrame) -> pl.DataFrame:
    """`stay, meanwhile`: what the device of each of the `stays` played in all of its stays from the first to the last
    day of this one, as if it played evenly in each."""
    of_device, after = ["account", "device"], pl.col("last_day") + dt.timedelta(days=1)
    rate = pl.col("plays") / (after - pl.col("first_day")).dt.total_days()
    begins = stays.select(*of_device, "stay", day="first_day", rate=rate)
    ends = stays.select(*of_device, "stay", day=after, rate=-rate)
    days_on = (pl.col("day").shift(-1) - pl.col("day")).dt.total_days()
    return (
        pl.concat([begins, ends])
        .sort(*of_device, "day")
        # Each device's rates sum to zero, so one running sum serves all devices.
        .with_columns(played=pl.col("rate").cum_sum() * days_on)
        .with_columns(until=pl.col("played").cum_sum().shift(1).fill_null(0))
        .group_by("stay")
        .agg(meanwhile=pl.col("until").max() - pl.col("until").min())
    )


def at_once(contexts: pl.DataFrame, visits: pl.DataFrame, by: list[str], of: str) -> pl.DataFrame:
    """For each key: `most_at_once`, the most of something of its `contexts` that watched within one hour of the UTC
    clock, and `shared_hours`, the hours in which several did. A key has a day of the `visits` in it; keys with one of
    it alone are left out."""
    context = ["account", *VISIT]
    told = contexts.select(*context, of).unique()
    theirs = visits.join(contexts, on="account", how="semi").join(told, on=context, nulls_equal=True)
    hours = theirs.group_by(*by, of).agg(pl.col("utc_hours").bitwise_or())
    hours = hours.filter(pl.len().over(by) > 1)
    watching = hours.group_by(by).agg(((pl.col("utc_hours") // 2**h) % 2).sum().alias(str(h)) for h in range(24))
    return watching.select(
        *by,
        most_at_once=pl.max_horizontal(str(h) for h in range(24)),
        shared_hours=pl.sum_horizontal((pl.col(str(h)) > 1).cast(pl.UInt32) for h in range(24)),
    )


def is_home_line(hubs: pl.Series) -> pl.Expr:
    """Whether a line of the year is a home's."""
    return pl.col("address").is_not_null() & ~pl.col("address").is_in(hubs.implode()).fill_null(False)


def _meets_on(known: pl.DataFrame, carried: pl.Expr, year: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
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
        pl.concat([devices, ties.drop_nulls("key").select(*_NODE, "one")])
        .unique("one")
        .sort(_NODE)
        .with_row_index("node")
    )
    number = nodes.select("one", "node")
    edges = known.join(number, on="one").join(number, left_on="device_one", right_on="one", suffix="_of_device")
    left, right = (edges[name].cast(pl.Int64).to_numpy() for name in ("node_of_device", "node"))
    return nodes.with_columns(group=components(nodes.height, left, right)).drop("node", "one")


def _changing(known: pl.DataFrame) -> pl.DataFrame:
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
    several = addresses >= _CHANGING_ADDRESSES
    renewed = (pl.col("devices") >= _PASSING_DEVICES) & (pl.col("passing") >= _MOSTLY * pl.col("devices"))
    nothing_lasts = several & (_CHANGING_ADDRESSES * addresses > pl.col("plays")) | renewed
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
        .filter(pl.col("addresses") >= _CHANGING_ADDRESSES)
        .select(*region, same_as="group", home_days="days")
    )
    never_met = pl.col("days") & pl.col("home_days") == 0
    return (
        by_region.filter(pl.len().over("account", "group") == 1)
        .join(changing, on=region, nulls_equal=True)
        .filter((pl.col("group") != pl.col("same_as")) & never_met)
        .select("account", "group", "same_as")
    )
