"""How fast somebody would have had to move to be where successive playbacks were."""

import polars as pl

_EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG
_LOCATION_NOISE_KM = 100.0  # places closer than this may be one place: IP geolocation errs by as much
_LEAST_TRAVEL_S = 900  # two starts closer than this are judged as if this far apart
_PLACELESS = ["hosting", "vpn"]  # such an address says where a server stands, not a person


def travel(rows: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    """Fastest travel between successive located plays, the first of them against the last of the day before."""
    place = ["latitude", "longitude", "at"]
    located = (
        rows.lazy()
        .filter(
            pl.col("on_day")
            & pl.col("latitude").is_not_null()
            & pl.col("longitude").is_not_null()
            & ~pl.col("network_kind").is_in(_PLACELESS).fill_null(False)
        )
        .select("account", "latitude", "longitude", at="started_at")
        .sort("account", "at", "latitude", "longitude")
        .collect()
    )
    same = pl.col("account") == pl.col("account").shift(1)
    begins = located.select(~same.fill_null(False)).to_series()
    before = previous.filter(pl.col("last_located_at").is_not_null()).select(
        "account", "last_latitude", "last_longitude", last_at="last_located_at"
    )
    steps = located.with_columns(pl.when(same).then(pl.col(name).shift(1)).alias(f"last_{name}") for name in place)
    first_steps = located.filter(begins).join(before, on="account", how="left").select(steps.columns)
    steps = pl.concat([steps.filter(~begins), first_steps])
    fastest = _fastest_kmh(steps)
    last = located.filter(begins.shift(-1, fill_value=True)).select(
        "account", last_latitude="latitude", last_longitude="longitude", last_located_at="at"
    )
    return last.join(fastest, on="account", how="left")


def _fastest_kmh(steps: pl.DataFrame) -> pl.DataFrame:
    """Per account the fastest of its steps; 0 where none is long enough to be one, no row without a step."""
    known = steps.filter(pl.col("last_at").is_not_null())
    moved = known.filter(
        (pl.col("latitude") != pl.col("last_latitude")) | (pl.col("longitude") != pl.col("last_longitude"))
    )
    km = _haversine_km(pl.col("last_latitude"), pl.col("last_longitude"), pl.col("latitude"), pl.col("longitude"))
    hours = (pl.col("at") - pl.col("last_at")).dt.total_seconds().clip(_LEAST_TRAVEL_S) / 3600
    speeds = moved.select(
        "account", kmh=pl.when(km >= _LOCATION_NOISE_KM).then(km / hours).otherwise(0.0).round_sig_figs(9)
    )
    fastest = speeds.group_by("account").agg(pl.col("kmh").max())
    return (
        known.select("account")
        .unique()
        .join(fastest, on="account", how="left")
        .select("account", fastest_kmh=pl.col("kmh").fill_null(0.0))
    )


def _haversine_km(lat1: pl.Expr, lon1: pl.Expr, lat2: pl.Expr, lon2: pl.Expr) -> pl.Expr:
    """Great-circle distance (Sinnott 1984)."""
    half_lat, half_lon = (lat2 - lat1).radians() / 2, (lon2 - lon1).radians() / 2
    a = half_lat.sin() ** 2 + lat1.radians().cos() * lat2.radians().cos() * half_lon.sin() ** 2
    return 2 * _EARTH_RADIUS_KM * a.clip(0, 1).sqrt().arcsin()
