"""People who joined lately, beside the old life that goes on."""

import datetime as dt
from typing import Any

import polars as pl

from detector.features._feature import STRANGERS, Family, Feature, Window
from detector.features._groups import OF_THEIRS
from detector.spans import days_of
from detector.tables import SERVERS

_KNOWN_DAYS = 42  # before, an account has no old life beside which a new one could show
_LEAST_DAYS = 2
_GUESTS = dt.timedelta(days=14)  # who leaves within so many was a guest, or on a journey
_GONE = dt.timedelta(days=4)  # and is gone when not seen for so many
_MISSING = (
    f"no playback of the window says its device and where it was, or the account is known for under {_KNOWN_DAYS} days"
)
_OLD = [{"ago": ago, "visits": [{"profile": 1, "device": 1, "address": 1, "country": "DE"}]} for ago in (60, 20, 1)]
_NEW = [{"ago": ago, "visits": [{"profile": 2, "device": 2, "address": 2, "country": "BR"}]} for ago in (3, 2)]
_NEAR = [{"ago": ago, "visits": [{"profile": 2, "device": 2, "address": 2, "country": "DE"}]} for ago in (3, 2)]
_MINE = [
    {"ago": ago, "visits": [{"profile": 1, "device": 2, "network": 2, "network_kind": "mobile"}]} for ago in (3, 2)
]
_WENT = [{"ago": ago, "visits": [{"profile": 2, "device": 2, "address": 2, "country": "BR"}]} for ago in (12, 9)]
_TIED = [{"ago": 1, "visits": [{"profile": 2, "device": 2, "address": 1, "country": "DE"}]}]


def _renewed(profile: int | None) -> list[dict[str, Any]]:
    """A browser at home whose id is another every week, then abroad; a TV stays."""
    seen: list[tuple[int, int | None, int, int, str]] = [(60, None, 7, 1, "DE"), (1, None, 7, 1, "DE")]
    seen += [(ago, profile, ago, 1, "DE") for ago in (56, 49, 42, 35, 28)]
    seen += [(ago, profile, 8, 2, "BR") for ago in (3, 2)]
    names = ("profile", "device", "address", "country")
    return [{"ago": ago, "visits": [dict(zip(names, visit, strict=True))]} for ago, *visit in seen]


_RENEWED = _renewed(1)
_THEIR_OLD_SCREEN = [{"ago": ago, "visits": [{"profile": 2, "device": 3, "address": 2}]} for ago in (60, 35)]
_UNPLACED = [{"ago": ago, "visits": [{"profile": 1, "device": 1, "address": 1}]} for ago in (60, 20, 5)]
_TWO_AT_ONCE = [{"ago": ago, "visits": [{"profile": 1, "device": 9, "address": 2, "country": "BR"}]} for ago in (3, 2)]
_FOR_WEEKS = [{"ago": ago, "visits": [{"profile": 1, "device": 8, "address": 2, "country": "BR"}]} for ago in (26, 2)]
_MORE_THAT_LAST = [
    {"ago": ago, "visits": [{"profile": 1, "device": device, "address": 1} for device in range(80, 85)]}
    for ago in (60, 20, 1)
]
_BEHIND_A_VPN = [
    {"ago": ago, "visits": [{"device": 2, "address": 2, "country": "BR", "network_kind": "vpn"}]} for ago in (3, 2)
]
_INNOCENT = (
    "a move with all devices new",
    "a present unwrapped at somebody else's place",
    "a journey with a new device",
)


class Change(Family):
    """People who joined lately, beside the old life that goes on.

    A new phone comes to where the old devices are, and so does a guest's; who moves takes some of them along. Who takes
    over an account brings devices that were never seen, to a place where none of the old ones was ever seen; on a
    profile that is somebody's, or after which the old devices fall silent, this is hardly a newcomer of the household.
    """

    cause = STRANGERS

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """Plays by groups of devices that joined in the window while older ones went on, by what they are like. Where a
        server stands says nothing of where they are."""
        first = window.year.devices.select("account", "device", device_first_day="first_day")
        # Where an old screen of theirs stands, which the window did not see, people are not new.
        met = window.residents.select(
            "account", "device", met_first_day=pl.col("first_day").min().over("account", "group")
        )
        began = pl.min_horizontal(pl.col("device_first_day").fill_null(window.first_day), "met_first_day")
        groups = (
            window.apart.join(first, on=["account", "device"], how="left")
            .join(met, on=["account", "device"], how="left")
            .group_by("account", "group")
            .agg(
                pl.col("plays").sum(),
                pl.col("country").filter(~pl.col("network_kind").is_in(SERVERS).fill_null(False)).unique(),
                pl.col("profile").unique(),
                devices=pl.col("device").n_unique(),
                began=began.min(),
                last_day=pl.col("last_day").max(),
                days=days_of(),
            )
        )
        is_old = pl.col("began") <= window.first_day
        old = (
            groups.filter(is_old)
            .group_by("account")
            .agg(
                old_last_day=pl.col("last_day").max(),
                old_countries=pl.col("country").explode(),
                old_profiles=pl.col("profile").explode(),
                old_devices=pl.col("devices").sum(),
            )
        )

        def meets(name: str, old_ones: str) -> pl.Expr:
            return pl.col(name).list.drop_nulls().list.set_intersection(old_ones).list.len() > 0

        says_country = pl.all_horizontal(
            pl.col(countries).list.drop_nulls().list.len() > 0 for countries in ("country", "old_countries")
        )
        # At home, a new device that follows on the old one is no stranger, nor is who was there on one day only; abroad
        # it is, for an owner who is locked out or watches little ends before others come.
        beside = (pl.col("days") >= _LEAST_DAYS) & (pl.col("old_last_day") > pl.col("began"))
        left = (pl.col("last_day") < window.day - _GONE) & (pl.col("last_day") - pl.col("began") < _GUESTS)
        newcomers = (
            groups.filter(~is_old)
            .join(old, on="account")
            .with_columns(
                abroad=says_country & ~meets("country", "old_countries"), on_theirs=meets("profile", "old_profiles")
            )
            .filter(pl.col("abroad") | beside)
            # Who moves takes a phone along; of one device that another follows on, nobody can tell.
            .with_columns(stays=~left & (beside | (pl.col("old_devices") >= 2)))
            .group_by("account")
            .agg(
                newcomer_plays=pl.col("plays").sum(),
                abroad_plays=pl.col("plays").filter("abroad").sum(),
                staying_plays=pl.col("plays").filter("stays").sum(),
                on_their_profile_plays=pl.col("plays").filter(pl.col("on_theirs") & pl.col("stays")).sum(),
            )
        )
        known_days = (pl.lit(window.day) - pl.col("first_day")).dt.total_days() + 1
        return (
            groups.group_by("account")
            .agg(pl.col("plays").sum())
            .join(newcomers, on="account", how="left")
            .join(window.year.accounts.select("account", known_days=known_days), on="account", how="left")
            .with_columns(
                pl.col("newcomer_plays", "abroad_plays", "staying_plays", "on_their_profile_plays").fill_null(0)
            )
        )

    newcomer_share = Feature(
        says="Share of the plays by groups of devices that joined within the window, for days while older ones went on "
        "or in another country: none of them had been seen before, and nothing ties them to the others.",
        unit="share",
        expr=pl.when(pl.col("known_days") >= _KNOWN_DAYS).then(pl.col("newcomer_plays") / pl.col("plays")),
        missing=_MISSING,
        history_days=_KNOWN_DAYS,
        when_high="{value:.0%} of the plays came from people who joined lately, with devices and places of their own; "
        "most accounts have {typical:.0%}",
        innocent=_INNOCENT,
        examples=[
            ([*_OLD, *_NEW], 0.5),
            ([*_OLD, *_NEW, *_TIED], 0),
            ([*_OLD[:2], *_NEW], 0.666666667),
            ([*_OLD[:2], *_NEAR], 0),
            ([*_OLD, *_NEAR], 0.5),
            ([*_OLD, _NEAR[0]], 0),
            (_RENEWED, 0),
            (_renewed(None), 0),
            ([*_RENEWED, *_TWO_AT_ONCE], 0.8),
            ([*_RENEWED[:-2], *_FOR_WEEKS], 0.666666667),
            ([*_RENEWED, *_MORE_THAT_LAST], 0.153846154),
            ([*_RENEWED[:5], *_RENEWED[-2:]], 0.666666667),
            ([*_OLD, *_NEW, *_THEIR_OLD_SCREEN], 0),
            (_NEW, None),
        ],
        implied_by=("newcomer_abroad_share", "newcomers_staying_share", "newcomers_on_profile_share"),
        shown_by=OF_THEIRS,
    )
    newcomer_abroad_share = Feature(
        says="Share of the plays by such groups in countries where none of the older ones was seen.",
        unit="share",
        expr=pl.when(pl.col("known_days") >= _KNOWN_DAYS).then(pl.col("abroad_plays") / pl.col("plays")),
        missing=_MISSING,
        history_days=_KNOWN_DAYS,
        when_high="{value:.0%} of the plays came from people who joined lately in another country; most accounts have "
        "{typical:.0%}",
        innocent=_INNOCENT,
        examples=[
            ([*_OLD, *_NEW], 0.5),
            ([*_OLD, *_NEW, *_TIED], 0),
            ([*_OLD, *_BEHIND_A_VPN], 0),
            ([*_UNPLACED, *_NEW], 0),
            (_NEW, None),
        ],
        shown_by=OF_THEIRS,
    )
    newcomers_staying_share = Feature(
        says="Share of the plays by such groups that are still there, or stayed for two weeks; none that came as the "
        "only older device fell silent.",
        unit="share",
        expr=pl.when(pl.col("known_days") >= _KNOWN_DAYS).then(pl.col("staying_plays") / pl.col("plays")),
        missing=_MISSING,
        history_days=_KNOWN_DAYS,
        when_high="{value:.0%} of the plays came from people who joined lately, with devices and places of their own, "
        "and stayed; most accounts have {typical:.0%}",
        innocent=_INNOCENT,
        examples=[([*_OLD, *_NEW], 0.5), ([*_OLD, *_WENT], 0), ([*_OLD, *_NEW, *_TIED], 0), (_NEW, None)],
        telling="rank",
        implied_by=("newcomers_on_profile_share",),
        shown_by=OF_THEIRS,
    )
    newcomers_on_profile_share = Feature(
        says="Share of the plays by such groups, still there or for two weeks, on a profile that the older ones use.",
        unit="share",
        expr=pl.when(pl.col("known_days") >= _KNOWN_DAYS).then(pl.col("on_their_profile_plays") / pl.col("plays")),
        missing=_MISSING,
        history_days=_KNOWN_DAYS,
        when_high="{value:.0%} of the plays came from new devices at new places on a profile that was somebody's; most "
        "accounts have {typical:.0%}",
        innocent=_INNOCENT,
        examples=[([*_OLD, *_MINE], 0.5), ([*_OLD, *_NEW], 0), ([*_OLD, *_MINE, *_TIED], 0), (_NEW, None)],
        telling="rank",
        shown_by=OF_THEIRS,
    )
