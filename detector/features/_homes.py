"""Who lives with an account, and where: its devices and lines of the year.

Two households that share an account have nothing that moves between them, however long one looks.
"""

import datetime as dt

import polars as pl

from detector.features._ties import ONE_GROUP, changing, is_home_line, meets_on, tied

_LIVES_SHARE = 1 / 3  # of what a device plays meanwhile: where it plays less, it is on a visit


def people_of(year: pl.DataFrame, profiles: pl.DataFrame, hubs: pl.Series, one_line: pl.DataFrame) -> pl.DataFrame:
    """One row per device: `account, device, group, people, at_home, plays, first_day, last_day`.

    A `group` are the devices that met on a line within the `year` (`tables.SpanLines`): a home's address, or the
    network where many people are, which makes no two homes one where somebody lives on a home's line and all profiles
    are known; those whose address is another every few plays are one. `people` are groups that share one of the
    `profiles` (`tables.SpanProfiles`). `at_home` says whether the device was ever on a home's line. A device of which
    no line is known is left out. Accounts `on_one_line` are one group.
    """
    placed = year.filter(pl.coalesce("address", "network").is_not_null()).with_columns(is_home=is_home_line(hubs))
    of_one = placed.join(one_line, on="account", how="semi").with_columns(ONE_GROUP)
    says = profiles.select("account", "device", says=True).unique()
    placed = placed.join(one_line, on="account", how="anti").join(says, on=["account", "device"], how="left")
    placed = placed.with_columns(of=pl.when("is_home").then(1).otherwise(2))
    carried = pl.col("address").is_null() & pl.col("says").is_not_null().all().over("account")
    known = meets_on(placed, carried, year, hubs)
    nodes = tied(known.select("account", "device", "of", "key"))
    group = nodes.filter(pl.col("of") == 0).select("account", "group", device="key")
    known = known.join(group, on=["account", "device"])
    devices = (
        pl.concat([of_one, known.select(of_one.columns)])
        .group_by("account", "device", "group")
        .agg(
            pl.col("plays").sum(), pl.col("first_day").min(), pl.col("last_day").max(), at_home=pl.col("is_home").any()
        )
        .join(changing(known), on=["account", "group"], how="left")
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
    one home, and so are those of one that has a new address all the time (`changing`). Accounts `on_one_line` are left
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
        lives.join(changing(lives), on=["account", "group"], how="left")
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
