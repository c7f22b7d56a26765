"""Taste: titles of some of the account's people that go with nothing the others play."""

from typing import Any

import polars as pl

from detector.features._feature import STRANGERS, Family, Feature, Window
from detector.features._ties import SETTLED
from detector.features.joined import GONE, KNOWN_DAYS, STAY_DAYS

_TITLES = 5  # of either side: fewer are no taste
_OTHER_DEVICES = pl.col("device").is_not_null() & (
    pl.col("device") != pl.col("device").drop_nulls().mode().sort().first()
)
_FEW = f"or under {_TITLES} titles of either side that other accounts play too"
_OWN, _THEIRS = {"device": 1, "address": 1, "profile": 1}, {"device": 2, "address": 2, "profile": 2}
_GUEST = {"device": 3, "address": 3, "profile": 3}


def _seen(
    first: int,
    by: dict[str, int],
    ago: tuple[int, ...],
    *,
    number: int = 6,
    goes_with: int | None = None,
    on: tuple[int, int] | None = None,
) -> list[dict[str, Any]]:
    """Somebody's device that plays so many titles on each of some days, or two that both show them."""
    told = dict(zip(("device", "other_device"), on or (by["device"], None), strict=True))
    titles = [
        told | {"title": first + n, "goes_with": [] if goes_with is None else [goes_with + n]} for n in range(number)
    ]
    visit = {"country": "DE", "region": "A", "plays": number, **by}
    return [{"ago": days, "plays": number, "titles": titles, "visits": [visit]} for days in ago]


_LONG, _LATELY = (80, 60, 20, 2), (30, 5)
_OLD = _seen(1, _OWN, _LONG)
_UNLIKE, _ALIKE = _seen(11, _THEIRS, _LATELY), _seen(11, _THEIRS, _LATELY, goes_with=1)
_NOBODY_ELSES, _OLD_NOBODY_ELSES = (
    [day | {"titles": [title | {"goes_with": None} for title in day["titles"]]} for day in days]
    for days in (_UNLIKE, _OLD)
)
_AT_HOME = _seen(11, _OWN | {"device": 2}, _LATELY)
_UNPLACED = _seen(1, {"device": 1}, _LONG) + _seen(11, {"device": 2}, _LATELY)
_APART, _AGREED = _seen(11, _THEIRS, _LONG), _seen(11, _THEIRS, _LONG, goes_with=1)
_SAME = _seen(1, _THEIRS, tuple(ago - 1 for ago in _LONG))
_SHOWN_ON_BOTH = _seen(1, _OWN, (15, 12, 9, 6)) + _seen(21, _OWN, _LONG, on=(2, 1))
_PROFILE_SHARED = _seen(11, _THEIRS | {"profile": 1}, _LONG)


class Taste(Family):
    """Titles of some of the account's people that go with nothing the others play.

    Members of a household go on with one another's shows and films, on new screens too, and see what others see who saw
    the same. Strangers do not. What parents play goes with little that their children play: so only those are compared
    whom nothing else ties, and where the log does not say who met, devices that came later with the older ones. Titles
    go together if more screens show both than would by chance (see `coviewing`), and a title goes with itself.
    """

    cause = STRANGERS  # where nobody knows who met, they show here alone
    shows_sharing = True

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """By account, the share of its titles that newcomers and strangers played and that go with no other."""
        alike = window.neighbours.alike
        known_days = (pl.lit(window.day) - pl.col("first_day")).dt.total_days() + 1
        found = (
            window.titles.lazy()
            .filter(pl.col("device").is_not_null() & (pl.col("plays") > 0) & pl.lit(not alike.is_empty()))
            .select("account")
            .unique()
            .collect()
            .join(window.year.accounts.select("account", known_days=known_days), on="account", how="left")
            .join(window.residents.select("account", placed=True).unique(), on="account", how="left")
        )
        for name, sides in (("newcomers", _newcomers(window)), ("strangers", _strangers(window))):
            share = _unlike(_titles_of(window, sides), sides, alike)
            found = found.join(share.rename({"unlike": name}), on="account", how="left").with_columns(
                pl.when("several").then(name).otherwise(0.0).alias(name)
            )
            found = found.drop("several")
        return found

    joined_365d_titles_share = Feature(
        says="Share of the titles that were played by devices that joined after the account's first 25 days and "
        "stayed, and go with nothing that the older ones play. Devices count that never met an older one; where no "
        "line is known, all.",
        unit="share",
        expr=pl.when(pl.col("known_days") >= KNOWN_DAYS).then("newcomers"),
        missing=f"no playback of the window says its device and its title, the account is known for under {KNOWN_DAYS} "
        f"days, {_FEW}",
        history_days=KNOWN_DAYS,
        when_high="{value:.0%} of the titles were played by devices that joined later, and go with nothing that the "
        "older ones play; most accounts have {typical:.0%}",
        innocent=("a new member of the household", "a child's first tablet", "guests"),
        examples=[
            ([*_OLD, *_UNLIKE], 0.5),
            ([*_OLD, *_ALIKE], 0),
            ([*_OLD, *_AT_HOME], 0),
            ([*_OLD, *_seen(11, _THEIRS, (27, 20))], 0),
            ([*_OLD, *_seen(11, _THEIRS, _LATELY, number=4)], None),
            ([*_seen(1, _OWN, _LONG, number=4), *_UNLIKE], None),
            ([*_OLD, *_NOBODY_ELSES], None),
            ([*_OLD_NOBODY_ELSES, *_NOBODY_ELSES, *_seen(21, _GUEST, (27, 20))], None),
            (_UNPLACED, 0.5),
            (_OLD, 0),
            (_UNLIKE, None),
        ],
        telling="rank",
        shown_by=_OTHER_DEVICES,
    )
    stranger_titles_share = Feature(
        says="Share of the titles that were played by people who shared no home, line or profile in the year with "
        "those who play most, and go with nothing that these play.",
        unit="share",
        expr=pl.when("placed").then("strangers"),
        missing=f"no playback of the window says its device, its title and where it was, {_FEW}",
        when_high="{value:.0%} of the titles were played by people who shared nothing with the others, and go with "
        "nothing that these play; most accounts have {typical:.0%}",
        innocent=("a student away from home", "grown-up children on lines of their own", "friends who share"),
        examples=[
            ([*_OLD, *_APART], 0.5),
            ([*_OLD, *_AGREED], 0),
            ([*_OLD, *_SAME], 0),
            ([*_OLD, *_APART, *_SHOWN_ON_BOTH], 0.333333333),
            ([*_OLD, *_PROFILE_SHARED], 0),
            (_OLD, 0),
            (_UNPLACED, None),
        ],
        telling="rank",
        shown_by=_OTHER_DEVICES,
    )


def _titles_of(window: Window, some: pl.DataFrame) -> pl.DataFrame:
    """The titles that some accounts played, on each device that is known of them."""
    theirs = window.titles.join(some.select("account").unique(), on="account", how="semi").filter(pl.col("plays") > 0)
    on_another = theirs.with_columns(device="other_device")
    return pl.concat([theirs, on_another]).filter(pl.col("device").is_not_null())


def _newcomers(window: Window) -> pl.DataFrame:
    """`account, device, is_other`: devices that joined after the first weeks and stayed, against the older ones, of
    accounts that have both. Who left is neither."""
    since = window.year.accounts.select("account", settled=pl.col("first_day") + SETTLED)
    is_new = pl.col("first_day") > pl.col("settled")
    devices = window.year.devices.join(since, on="account").with_columns(is_new=is_new)
    devices = devices.join(devices.filter("is_new"), on="account", how="semi")
    last_day = _titles_of(window, devices).group_by("account", "device").agg(last_day=pl.col("day").max())
    began = pl.col("first_day").min().over("account", "who")
    ended = pl.col("last_day").max().over("account", "who")
    left = (ended <= window.day - GONE) | (ended == began)
    return (
        devices.join(window.residents.select("account", "device", "group"), on=["account", "device"], how="left")
        .join(last_day, on=["account", "device"], how="left")
        # Where others are placed, a device that is not is nobody's: in doubt, nobody is made a stranger.
        .filter(pl.col("group").is_not_null() | pl.col("group").is_null().all().over("account"))
        .with_columns(who=pl.coalesce(pl.col("group").cast(pl.UInt64), "device"))
        .with_columns(
            is_other=pl.col("is_new").all().over("account", "who"),
            stayed=((ended - began).dt.total_days() + 1 >= STAY_DAYS) | ~left,
        )
        .filter(~pl.col("is_other") | pl.col("stayed"))
        .filter(pl.col("is_other").any().over("account"))
        .select("account", "device", "is_other")
    )


def _strangers(window: Window) -> pl.DataFrame:
    """`account, device, is_other`: devices of people who never met those who play most, against the devices of these,
    of accounts that have both."""
    people = window.residents.select("account", "device", "people")
    several = people.group_by("account").agg(least=pl.col("people").min(), most=pl.col("people").max())
    devices = people.join(several.filter(pl.col("least") != pl.col("most")), on="account", how="semi")
    plays = _titles_of(window, devices).group_by("account", "device").agg(pl.col("plays").sum())
    devices = devices.join(plays, on=["account", "device"])
    main = (
        devices.group_by("account", "people")
        .agg(pl.col("plays").sum(), first=pl.col("device").min())  # the numbers of people depend on how work is cut
        .sort("account", "plays", "first", descending=[False, True, False])
        .group_by("account", maintain_order=True)
        .agg(main=pl.col("people").first())
    )
    return (
        devices.join(main, on="account")
        .select("account", "device", is_other=pl.col("people") != pl.col("main"))
        .filter(pl.col("is_other").any().over("account"))
    )


def _unlike(titles: pl.DataFrame, sides: pl.DataFrame, alike: pl.DataFrame) -> pl.DataFrame:
    """`account, several, unlike`: for accounts that have others, the share of all titles that are theirs and go with
    none of this side; null where either side played too few that are known."""
    known = titles.join(alike, on="title", how="semi")
    seen = known.join(sides, on=["account", "device"]).select("account", "is_other", "title").unique()
    others, these = seen.filter("is_other"), seen.filter(~pl.col("is_other"))
    tied = others.join(alike, on="title").join(
        these.select("account", goes_with="title"), on=["account", "goes_with"], how="semi"
    )
    unlike = others.join(tied, on=["account", "title"], how="anti").group_by("account").agg(unlike=pl.len())
    enough = (pl.col("others") >= _TITLES) & (pl.col("these") >= _TITLES)
    counts = seen.group_by("account").agg(others=pl.col("is_other").sum(), these=(~pl.col("is_other")).sum())
    return (
        sides.filter("is_other")
        .select("account")
        .unique()
        .join(counts, on="account", how="left")
        .join(unlike, on="account", how="left")
        .join(known.group_by("account").agg(titles=pl.col("title").n_unique()), on="account", how="left")
        .select(
            "account",
            several=True,
            unlike=pl.when(enough).then(pl.col("unlike").fill_null(0) / pl.col("titles")),
        )
    )
