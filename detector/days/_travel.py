"""How fast somebody would have had to move to be where successive playbacks were."""

import polars as pl

from detector.tables import SERVERS

_EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG
_LOCATION_NOISE_KM = 100.0  # places closer than this may be one place: IP geolocation errs by as much
_LEAST_TRAVEL_S = 900  # two starts closer than this are judged as if this far apart
LAST = {
    "last_latitude": "latitude",
    "last_longitude": "longitude",
    "last_accuracy_km": "accuracy_km",
    "last_located_at": "at",
}


def travel(rows: pl.LazyFrame, key: list[str], previous: pl.LazyFrame) -> pl.LazyFrame:
    """Fastest travel between successive located plays by `key` (account, and day where there are several).

    Plays follow one another on the UTC clock, whatever the local clocks say. The first of a UTC date is held against
    the last of the date before; that of the first day against what the `previous` account-days end with, whose `day`
    is that first one.
    """
    located = rows.filter(
        (pl.col("started_at").dt.date() == pl.col("day"))
        & pl.col("latitude").is_not_null()
        & pl.col("longitude").is_not_null()
        & ~pl.col("network_kind").is_in(SERVERS).fill_null(False)
    ).select(*key, "latitude", "longitude", "accuracy_km", at="started_at")
    ends = pl.any_horizontal((pl.col(name) != pl.col(name).shift(-1)).fill_null(True) for name in key)
    last = located.filter(ends).select(*key, **LAST)
    before = [previous.select(last.collect_schema().names())]
    if "day" in key:
        before.append(last.with_columns(pl.col("day").dt.offset_by("1d")))
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in key)
    steps = located.join(pl.concat(before), on=key, how="left", maintain_order="left").with_columns(
        pl.when(same).then(pl.col(name).shift(1)).otherwise(pl.col(last)).alias(last) for last, name in LAST.items()
    )
    compared = steps.group_by(key).agg(compared=pl.col("last_located_at").is_not_null().any())
    # A step within one place is none; an account without a step has no speed.
    kmh = pl.when("compared").then(pl.col("fastest_kmh").fill_null(0.0))
    return (
        last.join(compared, on=key, how="left")
        .join(_fastest_kmh(steps, key), on=key, how="left")
        .with_columns(fastest_kmh=kmh)
        .drop("compared")
    )


def _fastest_kmh(steps: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    """Per account the fastest of its steps between two places; 0 for those too short to be any."""
    moved = steps.filter(
        (pl.col("latitude") != pl.col("last_latitude")) | (pl.col("longitude") != pl.col("last_longitude"))
    )
    km = _haversine_km(pl.col("last_latitude"), pl.col("last_longitude"), pl.col("latitude"), pl.col("longitude"))
    # Where a look-up says how far it may be off, only what is surely apart is a way.
    unsure_km = pl.col("accuracy_km").fill_null(0) + pl.col("last_accuracy_km").fill_null(0)
    km = (km - unsure_km).clip(0)
    hours = (pl.col("at") - pl.col("last_located_at")).dt.total_seconds().clip(_LEAST_TRAVEL_S) / 3600
    speed = pl.when(km >= _LOCATION_NOISE_KM).then(km / hours).otherwise(0.0).round_sig_figs(9)
    return moved.group_by(key).agg(fastest_kmh=speed.max())


def _haversine_km(lat1: pl.Expr, lon1: pl.Expr, lat2: pl.Expr, lon2: pl.Expr) -> pl.Expr:
    """Great-circle distance (Sinnott 1984)."""
    half_lat, half_lon = (lat2 - lat1).radians() / 2, (lon2 - lon1).radians() / 2
    a = half_lat.sin() ** 2 + lat1.radians().cos() * lat2.radians().cos() * half_lon.sin() ** 2
    return 2 * _EARTH_RADIUS_KM * a.clip(0, 1).sqrt().arcsin()
