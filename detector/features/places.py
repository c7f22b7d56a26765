"""Where it is watched."""

import datetime as dt
import itertools

import polars as pl

from detector.features._feature import Family, Feature, Window
from detector.tables import SERVERS

_MISSING = "no playback of the window says its network"
_LEAST_PLAYS = 10  # below, a share of plays says nothing
_EPOCH = dt.date(1970, 1, 1)  # from which the bits of a context's days are counted (`spans.by_context`)
_OFF_MAIN = pl.col("network").is_not_null() & (
    pl.col("network") != pl.col("network").drop_nulls().mode().sort().first()
)


def _at(network: int, days: range) -> list[dict[str, object]]:
    return [{"ago": ago, "visits": [{"network": network}]} for ago in days]


_MOVED = _at(1, range(10, 20)) + _at(2, range(10))
_TO_AND_FRO = _at(1, range(10, 20)) + _at(2, range(5, 10)) + _at(1, range(5))


class Places(Family):
    """Where it is watched."""

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame:
        """Plays by network and country."""
        kind = pl.col("network_kind")
        networks = (
            window.contexts.filter(pl.col("network").is_not_null())
            .group_by("account", "network")
            .agg(pl.col("plays").sum())
            .group_by("account")
            .agg(networks=pl.len(), networked_plays=pl.col("plays").sum(), main_network_plays=pl.col("plays").max())
        )
        countries = (
            window.contexts.filter(pl.col("country").is_not_null() & ~kind.is_in(SERVERS).fill_null(False))
            .group_by("account")
            .agg(countries=pl.col("country").n_unique())
        )
        kinds = (
            window.contexts.filter(kind.is_not_null())
            .group_by("account")
            .agg(kind_plays=pl.col("plays").sum(), hosting_plays=pl.col("plays").filter(kind == "hosting").sum())
        )
        return (
            networks.join(countries, on="account", how="full", coalesce=True)
            .join(kinds, on="account", how="full", coalesce=True)
            .join(_settled(window), on="account", how="left")
        )

    networks = Feature(
        says="Distinct networks.",
        unit="networks",
        expr=pl.col("networks"),
        missing=_MISSING,
        when_high="played from {value:network}; most accounts use {typical:.0f}",
        innocent=("mobile carriers", "a traveller", "an internet provider that changes addresses"),
        examples=[
            ([{"visits": [{"network": 1}, {"network": 2}]}, {"ago": 3, "visits": [{"network": 1}]}], 2),
            ([{"visits": [{}]}], None),
        ],
        shown_by=_OFF_MAIN,
    )
    countries = Feature(
        says="Distinct countries, by networks that are neither hosting nor VPN.",
        unit="countries",
        expr=pl.col("countries"),
        missing="no such playback of the window says its country",
        when_high="played from {value:.0f} countries; most accounts from {typical:.0f}",
        innocent=("a journey", "a home near a border"),
        examples=[
            ([{"visits": [{"country": "DE"}, {"country": "FR"}, {"country": "US", "network_kind": "vpn"}]}], 2),
            ([{"visits": [{}]}], None),
        ],
        shown_by=pl.col("country").is_not_null()
        & (pl.col("country") != pl.col("country").drop_nulls().mode().sort().first()),
    )
    outside_main_network_share = Feature(
        says="Share of the plays outside the network that is used most.",
        unit="share",
        expr=pl.when(pl.col("networked_plays") >= _LEAST_PLAYS).then(
            1 - pl.col("main_network_plays") / pl.col("networked_plays")
        ),
        missing=f"fewer than {_LEAST_PLAYS} plays of the window say their network",
        when_high="{value:.0%} of the plays came from outside the main network; most accounts have {typical:.0%}",
        innocent=("mobile carriers", "a second home", "an internet provider that changes addresses"),
        examples=[
            ([{"visits": [{"network": 1, "plays": 9}, {"network": 2, "plays": 3}]}], 0.25),
            ([{"visits": [{"network": 1, "plays": 9}]}], None),
        ],
        shown_by=_OFF_MAIN,
    )
    unsettled_days_share = Feature(
        says="Share of the networks played from, each counted once a day, that were not the one used on most days, "
        "which may change once in the window: one move is a move.",
        unit="share",
        expr=1 - pl.col("settled_days") / pl.col("network_days"),
        missing=_MISSING,
        when_high="counted by day, {value:.0%} of the networks played from were not the main one, one move allowed "
        "for; of most accounts {typical:.0%} were not",
        innocent=("mobile carriers", "a second home", "an internet provider that changes addresses"),
        examples=[
            (_MOVED, 0),
            (_TO_AND_FRO, 0.25),
            ([{"visits": [{"network": 1}, {"network": 2}]}, {"ago": 3, "visits": [{"network": 1}]}], 0.333333333),
            ([{"visits": [{}]}], None),
        ],
        shown_by=_OFF_MAIN,
    )
    fastest_travel_kmh = Feature(
        says="Fastest travel that two successive plays imply, by places at least 100 km apart.",
        unit="km/h",
        expr=pl.col("fastest_kmh").max(),
        missing="fewer than two plays say where they were",
        when_high="successive plays imply travel at {value:.0f} km/h; most accounts have {typical:.0f}",
        innocent=("two of the household in two places", "a location database that errs", "a VPN"),
        examples=[([{"fastest_kmh": 900.0}, {"ago": 2, "fastest_kmh": 0.0}, {"ago": 3}], 900), ([{}], None)],
        shown_by=_OFF_MAIN,
    )
    hosting_share = Feature(
        says="Share of the plays that came from data centres.",
        unit="share",
        expr=pl.when(pl.col("kind_plays") >= _LEAST_PLAYS).then(pl.col("hosting_plays") / pl.col("kind_plays")),
        missing=f"fewer than {_LEAST_PLAYS} plays of the window say the kind of their network",
        when_high="{value:.0%} of the plays came from data centres; most accounts have {typical:.0%}",
        innocent=("a VPN that its address list does not know",),
        examples=[
            (
                [
                    {
                        "visits": [
                            {"network": 1, "network_kind": "hosting", "plays": 3},
                            {"network": 2, "network_kind": "residential", "plays": 9},
                        ]
                    }
                ],
                0.25,
            ),
            ([{"visits": [{"network": 1, "plays": 20}]}], None),
        ],
        shown_by=(pl.col("network_kind") == "hosting").fill_null(False),
    )


def _settled(window: Window) -> pl.DataFrame:
    """`account, network_days, settled_days`: days on networks, and how many of them were on the main one, which may
    change after any day of the window."""
    networks = (
        window.contexts.filter(pl.col("network").is_not_null())
        .group_by("account", "network")
        .agg(pl.col("days").bitwise_or())
    )
    first = (window.first_day - _EPOCH).days
    until = list(itertools.accumulate(1 << (first + nth) % 64 for nth in range(window.length_days)))
    by_day = {"before": until, "after": [until[-1] - days for days in until]}
    most = [
        (pl.col("days") & pl.lit(days, pl.UInt64)).bitwise_count_ones().max().alias(f"{side}_{nth}")
        for side, masks in by_day.items()
        for nth, days in enumerate(masks)
    ]
    settled = (pl.col(f"before_{nth}") + pl.col(f"after_{nth}") for nth in range(window.length_days))
    return (
        networks.group_by("account")
        .agg(pl.col("days").bitwise_count_ones().sum().alias("network_days"), *most)
        .select("account", "network_days", settled_days=pl.max_horizontal(settled))
    )
