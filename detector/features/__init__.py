"""Account-days → features: the catalogue, and one row per account.

A feature is one block in the file of its family; adding one touches no other file. All are computed here, the same
way for a night, for training and for the examples that stand beside them.
"""

from collections.abc import Sequence

import polars as pl

from detector.features._feature import Family, Feature, Shape, Window, window_of
from detector.features._peers import Trait, peers_of
from detector.features.change import Change
from detector.features.concurrency import Concurrency
from detector.features.devices import Devices
from detector.features.groups import Groups
from detector.features.hands import Hands
from detector.features.joined import Joined
from detector.features.places import Places
from detector.features.profiles import Profiles
from detector.features.repetition import Repetition
from detector.features.residents import Residents
from detector.features.rhythm import Rhythm
from detector.features.rings import Rings
from detector.features.taste import Taste
from detector.features.unresting import Unresting

__all__ = [
    "CATALOGUE",
    "FAMILIES",
    "Change",
    "Concurrency",
    "Devices",
    "Family",
    "Feature",
    "Groups",
    "Hands",
    "Joined",
    "Places",
    "Profiles",
    "Repetition",
    "Residents",
    "Rhythm",
    "Rings",
    "Shape",
    "Taste",
    "Trait",
    "Unresting",
    "Window",
    "build_features",
    "window_of",
]

FAMILIES: tuple[type[Family], ...] = (
    Repetition,
    Concurrency,
    Devices,
    Places,
    Groups,
    Profiles,
    Residents,
    Joined,
    Change,
    Taste,
    Rhythm,
    Rings,
    Hands,
    Unresting,
)
CATALOGUE: dict[str, Feature] = {feature.name: feature for family in FAMILIES for feature in family.features}

_SIGNIFICANT = 9  # figures; the last digits of a float may depend on how the work was cut


def build_features(
    window: Window, families: Sequence[type[Family]] = FAMILIES, *, peers: Sequence[Trait] = ()
) -> pl.DataFrame:
    """One row per account seen in the window, sorted: `account`, and a Float64 column for each feature.

    Null means what the feature's `missing` says. With `peers`, the column `peer` says in words which accounts are alike
    in these traits; it is null where one is not known.

    >>> window = window_of([{"ago": 1, "longest_streak_days": 17}, {"longest_streak_days": 18}])
    >>> build_features(window)["longest_streak"].to_list()
    [18.0]
    """
    over_days = set(window.days.columns)
    direct: list[Feature] = []
    frames: list[pl.LazyFrame] = []
    for family in families:
        by_days = [feature for feature in family.features if set(feature.expr.meta.root_names()) <= over_days]
        direct += by_days
        prepared = family.prepare(window)
        if prepared is not None:
            rest = [feature for feature in family.features if feature not in by_days]
            frames.append(prepared.lazy().select("account", *(_value(feature) for feature in rest)))
    features = window.days.lazy().group_by("account").agg(_value(feature) for feature in direct)
    for frame in frames:
        features = features.join(frame, on="account", how="left")
    names = [feature.name for family in families for feature in family.features]
    if peers:
        features = features.join(peers_of(window, peers).lazy(), on="account", how="left")
        names.append("peer")
    return features.select("account", *names).sort("account").collect()


def _value(feature: Feature) -> pl.Expr:
    return feature.expr.cast(pl.Float64).round_sig_figs(_SIGNIFICANT).alias(feature.name)
