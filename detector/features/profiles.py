"""Who uses what inside the account: profiles and devices that never meet."""

import polars as pl

from detector.features._feature import Family, Feature, Window
from detector.features._groups import OFF_MAIN, at_once
from detector.spans import days_of

_MISSING = "no playback of the window says its device and where it was, or none its profile"
_LASTING_DAYS, _LASTING_SPAN_DAYS = 3, 10  # who was there on fewer days, or within fewer, is a guest
_INNOCENT = ("a student away from home", "grown-up children on lines of their own", "friends who share")


def _two_lives(**tenant: object) -> list[dict[str, object]]:
    """An owner at home and somebody with a profile, a device and a carrier of their own, at the same hours."""
    owner = {"profile": 1, "device": 1, "address": 1, "country": "DE", "utc_hours": 0b11}
    other = {"profile": 2, "device": 2, "network": 9, "network_kind": "mobile", "country": "DE", "utc_hours": 0b10}
    return [{"ago": ago, "visits": [owner, other | tenant]} for ago in range(0, 16, 5)]


_APART, _ONE_PROFILE = _two_lives(), _two_lives(profile=1)
_MET = [{"ago": 9, "visits": [{"profile": 2, "device": 1, "address": 1}]}]
_NO_PROFILES = _two_lives(profile=None)


class Profiles(Family):
    """Who uses what inside the account: profiles and devices that never meet.

    People of one household share something: a TV, the home's line or, for who never is on it, a carrier's. Strangers
    who were let in share nothing, each with a profile and devices of their own; or they share one, and are at once
    where one person can not be. Told by what never met, this holds as well where every line is a carrier's.
    """

    weight = 0.5  # students and friends live like that too, and groups show much of the same

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """What never met, how long it was there, and when several of it watched at once."""
        several = window.apart.filter("several").drop_nulls("profile")  # whose it is not known is nobody's
        first, last = pl.col("first_day").min(), pl.col("last_day").max()
        there = several.group_by("account", "people").agg(
            pl.col("plays").sum(), days=days_of(), span_days=(last - first).dt.total_days() + 1
        )
        lasting = there.filter((pl.col("days") >= _LASTING_DAYS) & (pl.col("span_days") >= _LASTING_SPAN_DAYS))
        lives = lasting.group_by("account").agg(
            lasting=pl.len(), outside_share=1 - pl.col("plays").max() / pl.col("plays").sum()
        )
        stayed = several.join(lasting, on=["account", "people"], how="semi")
        hours = at_once(stayed, window.visits, ["account", "day"], "people")
        hours = hours.group_by("account").agg(pl.col("shared_hours").sum())
        of_profiles = at_once(several, window.visits, ["account", "profile", "day"], "group")
        of_profiles = of_profiles.group_by("account").agg(same_profile_hours=pl.col("shared_hours").sum())
        found = window.apart.group_by("account").agg(profiled=pl.col("profile").is_not_null().any())
        for frame in (lives, hours, of_profiles):
            found = found.join(frame, on="account", how="left")
        return found.with_columns(
            pl.col("lasting").fill_null(1), pl.col("outside_share", "shared_hours", "same_profile_hours").fill_null(0)
        )

    lasting_strangers = Feature(
        says="Groups of people that lasted for ten days, of which none shared a profile, a device or a place with "
        "another.",
        unit="groups",
        expr=pl.when("profiled").then("lasting"),
        missing=_MISSING,
        when_high="{value:group} of profiles, each with devices and lines of its own, never met; most accounts "
        "have {typical:.0f}",
        innocent=_INNOCENT,
        examples=[(_APART, 2), (_APART + _MET, 1), (_ONE_PROFILE, 1), (_NO_PROFILES, 1), ([{}], None)],
        telling="rank",
        shown_by=OFF_MAIN,
    )
    strangers_share = Feature(
        says="Share of the plays outside the largest of these groups.",
        unit="share",
        expr=pl.when("profiled").then("outside_share"),
        missing=_MISSING,
        when_high="{value:.0%} of the plays came from profiles whose devices and lines never met the others'; most "
        "accounts have {typical:.0%}",
        innocent=_INNOCENT,
        examples=[(_APART, 0.5), (_APART + _MET, 0), ([{}], None)],
        shown_by=OFF_MAIN,
    )
    strangers_same_hour_h = Feature(
        says="Hours of the UTC clock in which two or more such groups watched.",
        unit="hours",
        expr=pl.when("profiled").then("shared_hours"),
        missing=_MISSING,
        when_high="in {value:hour} of the window profiles that share neither device nor line watched within the "
        "same hour; most accounts have {typical:.0f}",
        innocent=_INNOCENT,
        examples=[(_APART, 4), (_APART + _MET, 0), ([{}], None)],
        telling="rank",
        shown_by=OFF_MAIN,
    )
    profile_in_two_places_h = Feature(
        says="Hours of the UTC clock in which one profile played on devices that never met.",
        unit="hours",
        expr=pl.when("profiled").then("same_profile_hours"),
        missing=_MISSING,
        when_high="in {value:hour} of the window one profile played in two places that nothing ties together; "
        "most accounts have {typical:.0f}",
        innocent=("a phone that is never on the home's line", "somebody who uses another's profile on the way"),
        examples=[(_ONE_PROFILE, 4), (_APART, 0), ([{}], None)],
        telling="rank",
        shown_by=OFF_MAIN,
    )
