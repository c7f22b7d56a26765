"""How many groups of people there are: devices and places that nothing ties together."""

from collections.abc import Mapping

import polars as pl

from detector.features._feature import Family, Feature, Window
from detector.features._groups import OFF_MAIN, at_once, hours_apart, regions
from detector.spans import days_of

_MISSING = "no playback of the window says its address, or none its device"
_LASTING_DAYS = 4  # a group that was there on fewer days is a visit
_RETURNING_DAYS = 2
_APART_H = 4
_TWO_HOMES = [
    {
        "ago": ago,
        "visits": [{"device": 1, "address": 1, "utc_hours": 0b11}, {"device": 2, "address": 2, "utc_hours": 0b10}],
    }
    for ago in range(4)
]
_NO_DEVICE_SAID = [
    {"ago": ago, "visits": [{"device": device, "address": address}]}
    for device, address in ((1, 1), (None, 2))
    for ago in (1, 0)
]
_NEVER_A_DEVICE = [{"ago": ago, "visits": [{"address": ago // 7}]} for ago in range(28)]
_TIED = [{"ago": 5, "visits": [{"device": 1, "address": 2}]}]
_OWN, _THEIRS = ({"device": home, "address": home, "country": "US"} for home in (1, 2))


def _two_homes(own: Mapping[str, object], theirs: Mapping[str, object], days: int = 10) -> list[dict[str, object]]:
    """Two homes with a device each, on so many days."""
    return [{"ago": ago, "visits": [_OWN | dict(own), _THEIRS | dict(theirs)]} for ago in range(days)]


_EVENING, _AFTERNOON, _NIGHT, _ALL_DAY = (
    {"utc_hours": bits} for bits in (1 << 20 | 1 << 21, 1 << 17 | 1 << 18, 1 << 3 | 1 << 4, 2**24 - 1)
)


class Groups(Family):
    """Groups of people: devices and addresses that nothing ties together."""

    shows_sharing = True

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """Groups by account, how they divide its plays, and the hours in which several of them watched."""
        groups = window.grouped.group_by("account", "group").agg(pl.col("plays").sum(), days=days_of())
        accounts = groups.group_by("account").agg(
            groups_seen=pl.len(),
            groups_returning=(pl.col("days") >= _RETURNING_DAYS).sum(),
            groups_lasting=(pl.col("days") >= _LASTING_DAYS).sum(),
            grouped_plays=pl.col("plays").sum(),
            main_plays=pl.col("plays").max(),
        )
        several = accounts.filter(pl.col("groups_seen") > 1).select("account")
        theirs = window.grouped.join(several, on="account", how="semi")
        together = at_once(theirs, window.visits, ["account", "day"], "group")
        of_days = together.group_by("account").agg(pl.col("most_at_once").max(), pl.col("shared_hours").sum())
        lasting = groups.filter(pl.col("days") >= _LASTING_DAYS).select("account", "group")
        those = window.grouped.join(lasting, on=["account", "group"], how="semi")
        return (
            accounts.join(of_days, on="account", how="left")
            .join(hours_apart(those, window.visits), on="account", how="left")
            .join(regions(those), on="account", how="left")
            .with_columns(
                pl.col("most_at_once").fill_null(1).clip(lower_bound=1), pl.col("shared_hours", "apart_h").fill_null(0)
            )
        )

    lasting_groups = Feature(
        says="Groups of people (devices and addresses that nothing ties together) there on at least four days.",
        unit="groups",
        expr=pl.col("groups_lasting"),
        missing=_MISSING,
        when_high="{value:group} of devices and places that never mixed were each used for days; most accounts "
        "have {typical:.0f}",
        innocent=("a student away from home", "a second home with devices of its own", "separated parents"),
        examples=[(_TWO_HOMES, 2), (_TWO_HOMES + _TIED, 1), ([{"visits": [{"device": 1}]}], None)],
        shown_by=OFF_MAIN,
    )
    returning_groups = Feature(
        says="Groups of people that were there on at least two days, those that came and went as well as those that "
        "lasted.",
        unit="groups",
        expr=pl.col("groups_returning"),
        missing=_MISSING,
        when_high="{value:group} of devices and places that never mixed came and went; most accounts have "
        "{typical:.0f}",
        innocent=("guests", "holidays with a borrowed screen", "a student away from home"),
        examples=[(_TWO_HOMES, 2), (_TWO_HOMES[:1], 0), (_NO_DEVICE_SAID, 2), (_NEVER_A_DEVICE, None)],
        telling="rank",
        implied_by=("lasting_groups",),
        shown_by=OFF_MAIN,
    )
    outside_main_group_share = Feature(
        says="Share of the plays outside the group of people that plays most.",
        unit="share",
        expr=1 - pl.col("main_plays") / pl.col("grouped_plays"),
        missing=_MISSING,
        when_high="{value:.0%} of the plays came from others than the main group of devices and places; most accounts "
        "have {typical:.0%}",
        innocent=("a student away from home", "guests"),
        examples=[(_TWO_HOMES, 0.5), (_TWO_HOMES + _TIED, 0), ([{}], None)],
        shown_by=OFF_MAIN,
    )
    groups_same_hour_h = Feature(
        says="Hours of the UTC clock in which two or more groups of people watched.",
        unit="hours",
        expr=pl.col("shared_hours"),
        missing=_MISSING,
        when_high="in {value:hour} of the window groups that never mixed watched within the same hour; most accounts "
        "have {typical:.0f}",
        innocent=("a student away from home", "separated parents"),
        examples=[(_TWO_HOMES, 4), (_TWO_HOMES + _TIED, 0), ([{}], None)],
        telling="rank",
        shown_by=OFF_MAIN,
    )
    most_groups_at_once = Feature(
        says="Most groups of people that watched in one hour of the UTC clock.",
        unit="groups",
        expr=pl.col("most_at_once"),
        missing=_MISSING,
        when_high="{value:group} that never mixed watched within one hour; most accounts have {typical:.0f}",
        innocent=("a student away from home", "guests"),
        examples=[(_TWO_HOMES, 2), (_TWO_HOMES + _TIED, 1), ([{}], None)],
        shown_by=OFF_MAIN,
    )
    lasting_groups_apart_h = Feature(
        says="Hours of the clock between the times of day at which two of the groups of people that lasted watch, of "
        "those furthest apart: 0 where only one did, or watches at all hours, and under four hours, which a household "
        "is apart, too. Those in other time zones, or with other bedtimes, are further.",
        unit="hours",
        expr=pl.when(pl.col("apart_h") >= _APART_H).then("apart_h").otherwise(pl.col("apart_h") * 0),
        missing=_MISSING,
        when_high="groups of devices and places that never mixed watch {value:hour} of the clock apart; those of most "
        "accounts {typical:.0f}",
        innocent=("a child or somebody who works nights at a second home", "a student away from home"),
        examples=[
            (_two_homes(_EVENING, _NIGHT), 7),
            (_two_homes(_EVENING, _EVENING), 0),
            (_two_homes(_EVENING, _AFTERNOON), 0),
            (_two_homes(_EVENING, _ALL_DAY), 0),
            (_two_homes(_EVENING, _NIGHT) + _TIED, 0),
            (_two_homes(_EVENING, _NIGHT, days=3), 0),
            ([{}], None),
        ],
        shown_by=OFF_MAIN,
    )
    lasting_group_regions = Feature(
        says="Regions in which the groups of people that lasted play most, or countries where the log says no regions.",
        unit="regions",
        expr=pl.col("regions"),
        missing="no group of people lasted of whose plays the log says the country",
        when_high="groups of devices and places that never mixed live in {value:region}; those of most accounts in "
        "{typical:.0f}",
        innocent=("a student away from home", "a second home with devices of its own"),
        examples=[
            (_two_homes({"region": "CA"}, {"region": "TX"}), 2),
            (_two_homes({"region": "CA"}, {"region": "CA"}), 1),
            (_two_homes({}, {"country": "MX"}), 2),
            (_two_homes({}, {"country": "MX", "network_kind": "vpn"}), 1),
            (_two_homes({"region": "CA"}, {"region": "TX"}, days=3), None),
            ([{}], None),
        ],
        shown_by=OFF_MAIN,
    )
