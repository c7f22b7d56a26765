"""Who lives with the account: people who shared nothing all year."""

import datetime as dt

import polars as pl

from detector.features._feature import STRANGERS, Family, Feature, Window
from detector.features._groups import OFF_MAIN

# Who played less, or within fewer days, was a guest.
_STAYS = (pl.col("plays") >= 5) & (pl.col("last_day") - pl.col("first_day") >= dt.timedelta(days=13))
_SETTLED_PLAYS, _SETTLED_IN = 12, dt.timedelta(days=27)  # who played less, or within fewer days, lives nowhere yet
_MISSING = "no playback of the year says its device and where it was"
_INNOCENT = ("a second home with devices of its own", "grown-up children on lines of their own", "friends who share")


def _seen(devices: dict[int, tuple[int, int | None]], ago: tuple[int, ...] = (70, 40, 10)) -> list[dict[str, object]]:
    """Devices with an address and a profile each, on some days long before and within the window."""
    visits = [
        {"device": device, "address": address, "profile": profile, "plays": 3}
        for device, (address, profile) in devices.items()
    ]
    return [{"ago": days, "plays": 3 * len(visits), "visits": visits} for days in ago]


_APART = _seen({1: (1, 1), 2: (2, 2)})
_ONE_PROFILE = _seen({1: (1, 1), 2: (2, 1)})
_CAME_HOME = [*_APART, {"ago": 90, "visits": [{"device": 2, "address": 1, "profile": 2}]}]
_ON_THE_TV, _ONE_SLIP = (
    [*_APART, {"ago": 30, "visits": [{"device": 1, "address": 1, "profile": 2, "plays": plays}]}] for plays in (2, 1)
)
_SELDOM_ON_THEIRS, _ALWAYS_ON_THEIRS = (
    [
        {
            "ago": ago,
            "visits": [
                {"device": 1, "address": 1, "profile": 1, "plays": 15},
                {"device": 1, "address": 1, "profile": 2, "plays": theirs},
                {"device": 2, "address": 2, "profile": 2, "plays": plays},
                {"device": 2, "address": 2, "profile": 3, "plays": 3},
            ],
        }
        for ago in (70, 40, 10)
    ]
    for theirs, plays in ((2, 1), (12, 15))
)
# Devices 2 and 3 live together; 2 is on the others' line now and then.
_TWO_DEVICES = _seen({1: (1, 1), 2: (2, 2), 3: (2, 2)}, (90, 75, 60, 45, 10))
_VISITS_EACH_OTHER, _COMES_AND_GOES = (
    _TWO_DEVICES
    + [
        {"ago": ago, "visits": [{"device": 2, "address": 1, "profile": 2, "plays": plays}]}
        for ago, plays in zip((80, 50, 20), visits, strict=True)
    ]
    for visits in ((2, 2, 1), (2, 2, 2))
)
_ONE_AFTER_THE_OTHER = _seen({1: (1, 1)}, (300, 280, 260, 240)) + _seen({2: (2, 2)}, (200, 170, 140, 10))
_ONE_EVENING = [*_TWO_DEVICES, {"ago": 50, "visits": [{"device": 2, "address": 1, "plays": 3}]}]
_TWO_OF_MANY_ADDRESSES = [
    {"ago": ago, "visits": [{"device": device, "address": 100 * ago + device, "plays": 2}]}
    for device in (1, 2)
    for ago in range(10 + device, 90 + device, 12)
]
_FOUR_WEEKS, _A_DAY_LESS, _LITTLE = (
    _seen({1: (1, 1)}, (90, 60, 45, 10)) + _seen({2: (2, 2)}, ago)
    for ago in ((37, 25, 15, 10), (36, 25, 15, 10), (60, 45, 10))
)
_A_DAY_TOGETHER = _seen({1: (1, 1)}, (90, 80, 60, 50)) + _seen({2: (2, 2)}, (50, 40, 20, 10))
_GUESTS = _seen({1: (1, 1)}) + _seen({2: (2, 2)}, (40, 39, 38))
_NEW_ADDRESS_EACH_DAY = [
    {"ago": ago, "visits": [{"device": device, "address": 10 * ago + device}]}
    for device in (1, 2)
    for ago in (70 + device, 55 + device, 40 + device, 25 + device, 10 + device)
]
_NEW_DEVICE_EACH_DAY, _THREE_DEVICES = (
    [
        {"ago": ago, "visits": [{"device": ago, "address": address, "plays": 2}]}
        for address, days in enumerate(days_of_homes)
        for ago in days
    ]
    for days_of_homes in (((80, 75, 70, 60), (50, 40, 35, 20)), ((80, 75, 60), (50, 40, 20)))
)


class Residents(Family):
    """Who lives with the account: people who shared nothing all year.

    A month is short: who watches on a few evenings is hardly seen in it, and a student who does not come home in it
    looks like a stranger. Over the year those who belong together meet, at home, on a screen or a profile; those who
    rent never do, and those who come and go add up.
    """

    cause = STRANGERS
    shows_sharing = True

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """How many groups of devices with a home, and how many people, there were for long in the year."""
        stay = pl.col("plays").sum(), pl.col("first_day").min(), pl.col("last_day").max()
        groups = window.residents.group_by("account", "group").agg(*stay, pl.col("at_home").any())
        people = window.residents.group_by("account", "people").agg(*stay).filter(_STAYS)
        of_homes = groups.filter(_STAYS & pl.col("at_home")).group_by("account").agg(homes=pl.len())
        share = pl.col("plays") / pl.col("plays").sum()
        lived_in = window.homes_lived_in.filter(
            (pl.col("plays") >= _SETTLED_PLAYS) & (pl.col("last_day") - pl.col("first_day") >= _SETTLED_IN)
        )
        of_people = people.group_by("account").agg(people=pl.len(), effective=1 / (share**2).sum())
        return (
            window.residents.select("account")
            .unique()
            .join(of_homes, on="account", how="left")
            .join(of_people, on="account", how="left")
            .join(_most_at_once(lived_in), on="account", how="left")
            .with_columns(pl.col("homes", "people").fill_null(0), pl.col("effective").fill_null(1))
            .with_columns(lived_in=pl.coalesce("most_at_once", "homes"))
        )

    homes_365d = Feature(
        says="Homes whose devices met nowhere in the year, each used for two weeks.",
        unit="homes",
        expr=pl.col("homes"),
        missing=_MISSING,
        when_high="{value:.0f} homes were used for long whose devices met nowhere all year; most accounts have "
        "{typical:.0f}",
        innocent=_INNOCENT,
        examples=[
            (_APART, 2),
            (_ONE_PROFILE, 2),
            (_CAME_HOME, 1),
            (_ON_THE_TV, 1),
            (_ONE_SLIP, 2),
            (_SELDOM_ON_THEIRS, 2),
            (_ALWAYS_ON_THEIRS, 2),
            (_GUESTS, 1),
            (_NEW_ADDRESS_EACH_DAY, 1),
            (_NEW_DEVICE_EACH_DAY, 1),
            (_THREE_DEVICES, 2),
            ([{}], None),
        ],
        telling="rank",
        implied_by=("lived_in_homes_365d",),
        shown_by=OFF_MAIN,
    )
    lived_in_homes_365d = Feature(
        says="Homes that were lived in on one day of the year, each for four weeks or more: where devices play a good "
        "part of what they play in the time; who comes again and again for visits makes no two homes one. Where nobody "
        "lives anywhere by that, `homes_365d`.",
        unit="homes",
        expr=pl.col("lived_in"),
        missing=_MISSING,
        when_high="{value:.0f} homes whose devices met nowhere all year were lived in at the same time; most accounts "
        "have {typical:.0f}",
        innocent=_INNOCENT,
        examples=[
            (_seen({1: (1, 1), 2: (2, 2)}, (90, 60, 45, 10)), 2),
            (_VISITS_EACH_OTHER, 2),
            (_COMES_AND_GOES, 1),
            (_ONE_EVENING, 1),
            (_ONE_AFTER_THE_OTHER, 1),
            (_A_DAY_TOGETHER, 2),
            (_FOUR_WEEKS, 2),
            (_A_DAY_LESS, 1),
            (_LITTLE, 1),
            (_TWO_OF_MANY_ADDRESSES, 1),
            (_GUESTS, 1),
            ([{}], None),
        ],
        shown_by=OFF_MAIN,
    )
    people_365d = Feature(
        says="Groups of people of whom none shared a home, a line or a profile with another in the year, each there "
        "for two weeks.",
        unit="groups",
        expr=pl.col("people"),
        missing=_MISSING,
        when_high="{value:group} of people watched for long who shared nothing all year; most accounts have "
        "{typical:.0f}",
        innocent=_INNOCENT,
        examples=[
            (_APART, 2),
            (_ONE_PROFILE, 1),
            (_CAME_HOME, 1),
            (_GUESTS, 1),
            (_NEW_ADDRESS_EACH_DAY, 1),
            (_NEW_DEVICE_EACH_DAY, 1),
            ([{}], None),
        ],
        telling="rank",
        shown_by=OFF_MAIN,
    )
    effective_people_365d = Feature(
        says="The same groups, each counted by how much it played (Hill 1973, of order 2): 1 where one plays nearly "
        "everything, 3 where three play alike.",
        unit="groups",
        expr=pl.col("effective"),
        missing=_MISSING,
        when_high="the year's plays are spread over {value:.1f} groups of people who shared nothing; most accounts "
        "have {typical:.1f}",
        innocent=_INNOCENT,
        examples=[(_APART, 2), (_ONE_PROFILE, 1), (_GUESTS, 1), ([{}], None)],
        telling="rank",
        implied_by=("people_365d",),
        shown_by=OFF_MAIN,
    )


def _most_at_once(homes: pl.DataFrame) -> pl.DataFrame:
    """`account, most_at_once`: most of its `homes` that were there on one day, the first day of one of them."""
    other_there = (pl.col("first_day_other") <= pl.col("first_day")) & (pl.col("last_day_other") >= pl.col("first_day"))
    return (
        homes.join(homes, on="account", suffix="_other")
        .group_by("account", "group")
        .agg(there=other_there.sum())
        .group_by("account")
        .agg(most_at_once=pl.col("there").max())
    )
