"""Where it is watched."""

import polars as pl

from detector.features._feature import Family, Feature, Window
from detector.tables import SERVERS

_MISSING = "no playback of the window says its network"
_LEAST_PLAYS = 10  # below, a share of plays says nothing
_OFF_MAIN = pl.col("network").is_not_null() & (
    pl.col("network") != pl.col("network").drop_nulls().mode().sort().first()
)


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
        return networks.join(countries, on="account", how="full", coalesce=True).join(
            kinds, on="account", how="full", coalesce=True
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
