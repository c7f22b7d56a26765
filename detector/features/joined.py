"""People who joined in the year: devices that the older ones of the account never met."""

import datetime as dt

import polars as pl

from detector.features._feature import STRANGERS, Family, Feature, Window
from detector.features._groups import OF_THEIRS, WITH_PLACE
from detector.features._ties import SETTLED
from detector.tables import SERVERS

KNOWN_DAYS = 50  # before, an account has no old life beside which a new one could show
STAY_DAYS, GONE = 14, dt.timedelta(days=10)  # who left so long ago, and came for less, was a guest
_MISSING = (
    f"no playback of the window says its device and where it was, or the account is known for under {KNOWN_DAYS} days"
)
_INNOCENT = ("a move with all devices new", "a new screen in a second home", "a journey with a new device")
_OLD = [
    {"ago": ago, "visits": [{"profile": 1, "device": 1, "address": 1, "country": "DE", "region": "A", "plays": 2}]}
    for ago in (80, 60, 20, 2)
]


_UNPLACED = [{"ago": ago, "visits": [{"device": 1, "address": 1, "plays": 2}]} for ago in (80, 60, 20, 2)]


def _new(ago: tuple[int, ...], **more: object) -> list[dict[str, object]]:
    visit = {"profile": 1, "device": 2, "address": 2, "country": "DE", "region": "B", "plays": 4} | more
    return [{"ago": days, "visits": [visit]} for days in ago]


class Joined(Family):
    """People who joined in the year: devices that the older ones of the account never met.

    Who takes an account over, or buys a place in one, watches on devices and lines of their own from one day on,
    be that a home's, a carrier's or a server's, whether the old life goes on beside it or falls silent, and on whose
    profile ever. Who came months ago is no less a stranger than who came last week.
    """

    cause = STRANGERS

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """The plays of the window by groups of devices that joined and stayed, and the days of both lives."""
        devices = window.residents
        groups = (
            devices.group_by("account", "group")
            .agg(pl.col("first_day").min(), pl.col("last_day").max())
            .join(window.year.accounts.select("account", since=pl.col("first_day") + SETTLED), on="account")
            .with_columns(is_new=pl.col("first_day") > pl.col("since"))
            .filter(pl.col("is_new").any().over("account") & ~pl.col("is_new").all().over("account"))
        )
        by_device = devices.select("account", "device", "group").join(
            groups.select("account", "group", "is_new"), on=["account", "group"]
        )
        contexts = window.contexts.join(by_device, on=["account", "device"])
        theirs = window.visits.join(by_device, on="account", how="semi").filter(pl.col("plays") > 0)
        visits = theirs.join(by_device, on=["account", "device"])
        served = pl.col("network_kind").is_in(SERVERS).fill_null(False)
        seen = contexts.group_by("account", "group").agg(
            pl.col("plays").sum(),
            countries=pl.col("country").filter(~served).drop_nulls().unique(),
            regions=pl.concat_str("country", "region", separator=" ").filter(~served).drop_nulls().unique(),
        )
        old_days = visits.filter(~pl.col("is_new")).select("account", "day").unique()
        around = pl.concat([old_days.with_columns(pl.col("day") + dt.timedelta(days=n)) for n in (-1, 0, 1)]).unique()
        beside = (
            visits.filter("is_new")
            .select("account", "group", "day")
            .unique()
            .join(around, on=["account", "day"], how="semi")
            .group_by("account", "group")
            .agg(beside_days=pl.len())
        )
        groups = groups.join(seen, on=["account", "group"]).join(beside, on=["account", "group"], how="left")
        old = groups.filter(~pl.col("is_new")).group_by("account").agg(pl.col("countries", "regions").explode())
        beside_days = pl.col("beside_days").fill_null(0)
        there_days = (pl.col("last_day") - pl.col("first_day")).dt.total_days() + 1
        stays = (there_days >= STAY_DAYS) | (there_days >= 2) & (pl.col("last_day") > window.day - GONE)
        joined = (
            groups.join(old, on="account", how="left", suffix="_old")
            # Of many places no region is known, and many regions are of one country.
            .with_columns(elsewhere=_apart("countries") | _apart("regions"), beside_days=beside_days)
            .filter(pl.col("is_new") & stays)
            .group_by("account")
            .agg(
                joined=pl.col("plays").sum(),
                joined_elsewhere=pl.col("plays").filter("elsewhere").sum(),
                beside_days=pl.col("beside_days").max(),
            )
        )
        known = (pl.lit(window.day) - pl.col("first_day")).dt.total_days() + 1 >= KNOWN_DAYS
        return (
            window.contexts.join(devices, on="account", how="semi")
            .group_by("account")
            .agg(pl.col("plays").sum())
            .join(joined, on="account", how="left")
            .join(window.year.accounts.select("account", known=known), on="account", how="left")
            .with_columns(pl.col("joined", "joined_elsewhere", "beside_days").fill_null(0))
        )

    joined_365d_share = Feature(
        says="Share of the plays by devices that joined after the account's first 25 days and stayed, none of which "
        "ever met an older one; on whichever line.",
        unit="share",
        expr=pl.when("known").then(pl.col("joined") / pl.col("plays")),
        missing=_MISSING,
        history_days=KNOWN_DAYS,
        when_high="{value:.0%} of the plays came from devices that joined later and that no older one ever met; most "
        "accounts have {typical:.0%}",
        innocent=_INNOCENT,
        examples=[
            ([*_OLD, *_new((30, 5))], 0.5),
            ([*_OLD, *_new((50, 5))], 0.5),
            ([*_OLD, *_new((60, 5))], 0),
            ([*_OLD, *_new((30, 5), address=None, network=9, network_kind="mobile", region="A")], 0.5),
            ([*_OLD, *_new((30, 27))], 0),
            ([*_OLD, *_new((30, 5)), *_new((5,), address=1)], 0),
            ([*_OLD, *_new((33,), device=1, address=1, profile=2, plays=2), *_new((30, 5), profile=2)], 0),
            ([*_OLD, *_new((60,), device=1, address=1, profile=2, plays=2), *_new((30, 5), profile=2)], 0.5),
            ([*_OLD, *_new((33,), device=3, address=1, profile=3, plays=8), *_new((30, 5), profile=3)], 0),
            ([*_OLD, *_new((33,), device=3, address=1, profile=3, plays=1), *_new((30, 5), profile=3)], 0.5),
            ([*_OLD, *_new((33,), device=3, address=1, profile=3, plays=8), *_new((50, 5), profile=3)], 0.5),
            ([*_OLD, *_new((50,), device=3, address=1, profile=3, plays=20), *_new((20, 5), profile=3, plays=6)], 0.75),
            (_new((30, 5)), None),
        ],
        telling="rank",
        implied_by=("joined_365d_elsewhere_share",),
        shown_by=OF_THEIRS,
    )
    joined_365d_elsewhere_share = Feature(
        says="Share of the plays by such devices in countries or regions where no older one played in the window; who "
        "was in none that is known was not elsewhere.",
        unit="share",
        expr=pl.when("known").then(pl.col("joined_elsewhere") / pl.col("plays")),
        missing=_MISSING,
        history_days=KNOWN_DAYS,
        when_high="{value:.0%} of the plays came from devices that joined later, in a region where no older one "
        "played lately, and that none ever met; most accounts have {typical:.0%}",
        innocent=_INNOCENT,
        examples=[
            ([*_OLD, *_new((30, 5))], 0.5),
            ([*_OLD, *_new((30, 5), region="A")], 0),
            ([*_UNPLACED, *_new((30, 5))], 0),
            ([*_OLD, *_new((30, 5), region=None)], 0),
            ([*_OLD, *_new((30, 5), country="BR", region=None)], 0.5),
            ([*_OLD, *_new((30, 5), country="BR", region=None, network_kind="vpn")], 0),
            ([*_OLD[:2], *_new((30, 5))], 1),
            (_new((30, 5)), None),
        ],
        telling="rank",
        shown_by=OF_THEIRS,
    )
    joined_365d_beside_days = Feature(
        says="Most days on which such devices played while an older one, which they never met, played on the same day, "
        "the one before or the one after.",
        unit="days",
        expr=pl.when("known").then("beside_days"),
        missing=_MISSING,
        history_days=KNOWN_DAYS,
        when_high="on {value:day} devices that joined later played within a day of older ones that they never met; "
        "most accounts have {typical:.0f}",
        innocent=_INNOCENT,
        examples=[
            ([*_OLD, *_new((30, 5, 3))], 1),
            ([*_OLD, *_new((30, 7))], 0),
            (_new((30, 5)), None),
        ],
        telling="rank",
        shown_by=WITH_PLACE,
    )


def _apart(places: str) -> pl.Expr:
    """Whether newcomers are known to play in places where no older one does. Older ones that fell silent play in none;
    of those that play, but it is not known where, nobody can tell."""
    older = f"{places}_old"
    unknown = (pl.col(older).list.drop_nulls().list.len() == 0).fill_null(False)
    met = pl.col(places).list.set_intersection(older).list.len() > 0
    return (pl.col(places).list.len() > 0) & ~met.fill_null(False) & ~unknown
