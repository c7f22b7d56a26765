"""Devices of an account's home that were never seen in it: those of grown-up children and guests who were, and those
whose id was renewed on the way."""

import datetime as dt

import polars as pl

from detector import tables
from detector.features._ties import SETTLED, on_one_line, tied, ties_of_the_year

_VISIT = dt.timedelta(days=21)  # after which who came is at home again; shorter than what is old
_ARRIVAL = dt.timedelta(days=7)  # after which a guest's profile, used on the way too, is played in the home
_RENEWED_DEVICES = 4  # at home, each no longer than a visit, of one profile if that is known: one device, its id anew
_VISIT_PLAYS = 2  # of a profile in a home that is not its own: one may be a slip


def with_visitors(year: pl.DataFrame, profiles: pl.DataFrame, hubs: pl.Series) -> pl.DataFrame:
    """The lines of the `year` (`tables.SpanLines`), and one more for each device whose people were in the account's
    home, though it was not: a line of that home, with no plays.

    They were where a profile that is mostly played on their devices was played on a screen of the home as well, more
    than once, though less than half as often as the profiles there on average: a grown-up child's on a visit, a guest's
    before the guest left. Nor did the account have it long before the device: who watches on a profile of the home, as
    in an account taken over, need not have been there. Who rents a profile never is. A profile that is new to the
    account and began in the home is a guest's wherever else it is played, on devices that appear in the same weeks or
    for as long as it is seldom played there: guests go on for a while where they live.

    Nor is a device elsewhere that of others where the id of the home's own is another every few weeks, as in a browser
    that forgets it or an app that is installed anew: it is the same device, on the way, if there is one at a time.
    """
    several = year.join(on_one_line(year, hubs), on="account", how="anti")  # else nobody is elsewhere
    ties = ties_of_the_year(several, year, hubs)
    nodes = tied(ties)
    group = nodes.filter(pl.col("of") == 0).select("account", "group", device="key")
    appeared = pl.col("first_day").min()
    is_old = appeared.over("account", "group") <= appeared.over("account") + SETTLED
    lines = (
        several.join(ties, on="account", how="semi")
        .join(group, on=["account", "device"], how="left")
        .with_columns(is_old=is_old)
    )
    home = _home(lines.filter("is_old"), nodes.filter(pl.col("of") == 1).select("account", address="key"))
    devices = (
        lines.group_by("account", "device", "group")
        .agg(pl.col("is_old").any(), pl.col("last_day").max(), appears=appeared)
        .with_columns(since=pl.col("appears").min().over("account"))
        .sort("account", "group", "appears", "last_day", "device")
        .with_columns(follows=(pl.col("appears") >= pl.col("last_day").shift()).over("account", "group"))
    )
    visitors = (
        devices.join(home, on="account")
        .join(profiles, on=["account", "device"], how="left")
        .filter((pl.col("group") != pl.col("home")).fill_null(True) & (_of_a_visitor() | _is_renewed()))
        .select("account", "device", "address", "last_day", first_day="appears")
        .unique()
    )
    return pl.concat([year, tables.shape(visitors.with_columns(plays=0).lazy(), tables.SpanLines).collect()])


def _home(lines: pl.DataFrame, homes: pl.DataFrame) -> pl.DataFrame:
    """`account, address, home`: by account the group that plays most on the `homes`, and its most played address."""
    return (
        lines.join(homes, on=["account", "address"], how="semi")
        .group_by("account", "address", home="group")
        .agg(pl.col("plays").sum())
        .with_columns(of_home=pl.col("plays").sum().over("account", "home"))
        .sort("account", "of_home", "home", "plays", "address", descending=[False, True, False, True, False])
        .unique("account", keep="first", maintain_order=True)
        .select("account", "address", "home")
    )


def _of_a_visitor() -> pl.Expr:
    """Whether a profile on a device that is not one of the `home` is a visitor's: `with_visitors` says when."""
    of_profile, plays = ["account", "profile"], pl.col("plays")
    is_there = (pl.col("group") == pl.col("home")).fill_null(False)
    there_plays = plays.filter(is_there).sum()
    was_there = there_plays.over(of_profile) >= _VISIT_PLAYS
    profiles_there = pl.col("profile").filter(is_there).n_unique()
    is_seldom_there = 2 * there_plays.over(of_profile) < (there_plays / profiles_there).over("account")
    is_theirs = 2 * plays.sum().over(*of_profile, "group") > plays.sum().over(of_profile)
    began = pl.col("first_day").min().over(of_profile)
    came_with_it = pl.col("is_old") | (pl.col("first_day") <= began + _VISIT)
    began_there = pl.col("first_day").filter(is_there).min().over(of_profile) <= began + _ARRIVAL
    is_guests = (began > pl.col("since") + SETTLED) & began_there
    is_visitors = is_seldom_there & is_theirs & came_with_it | is_guests & (came_with_it | is_seldom_there)
    return was_there & is_visitors


def _is_renewed() -> pl.Expr:
    """Whether a device that is not one of the `home` is one whose id was renewed: `with_visitors` says when."""
    of_profile = ["account", "profile"]
    is_there = (pl.col("group") == pl.col("home")).fill_null(False)
    is_brief = pl.col("last_day") - pl.col("appears") < _VISIT
    renewed = (is_there & is_brief).sum().over(of_profile)
    one_at_a_time = pl.col("follows").all().over("account", "group")
    return one_at_a_time & is_brief & (renewed >= _RENEWED_DEVICES) & (2 * renewed > is_there.sum().over(of_profile))
