"""How much of a day ran at once: a sweep over the starts and ends of streams on the UTC clock."""

import polars as pl

_DAY_MS = 86_400_001  # moments of a UTC date, both midnights among them


def overlaps(rows: pl.LazyFrame) -> pl.LazyFrame:
    """`peak_streams` and the seconds of overlap, of the accounts that have any; few do, and only these are swept.

    `rows` are playbacks with their part of the day's UTC clock: `utc_start`, `utc_end`,
    `seconds`; sorted by account and start.
    """
    streams = rows.filter(pl.col("seconds") > 0).select(
        "account", "profile", "device", "network", start="utc_start", end="utc_end"
    )
    # Where streams overlap at all, one of them overlaps the next to start.
    meets_next = (pl.col("account") == pl.col("account").shift(-1)) & (pl.col("end") > pl.col("start").shift(-1))
    overlapping = streams.filter(meets_next).select("account").unique()
    # Worked out once: three sweeps go over them.
    several = streams.join(overlapping, on="account", how="semi").collect(engine="in-memory").lazy()
    together = _sweep(several, ["account"]).rename({"peak": "peak_streams"})
    by_network = _union(_spread(several, ["account"], over="network"), ["account", "network"])
    by_device = _union(_spread(several, ["account", "profile"], over="device"), ["account", "profile", "device"])
    networks = _sweep(by_network, ["account"]).select("account", overlap2_networks_s="overlap2_s")
    profiles = (
        _sweep(by_device, ["account", "profile"])
        .group_by("account")
        .agg(overlap2_same_profile_s=pl.col("overlap2_s").sum())
    )
    return together.join(networks, on="account", how="left").join(profiles, on="account", how="left")


def _spread(streams: pl.LazyFrame, by: list[str], *, over: str) -> pl.LazyFrame:
    """The streams of the keys that have several of something: no others can overlap across them."""
    known = streams.drop_nulls([*by, over])
    several = known.group_by(by).agg(least=pl.col(over).min(), most=pl.col(over).max())
    return known.join(several.filter(pl.col("least") != pl.col("most")), on=by, how="semi")


def _events(streams: pl.LazyFrame, by: list[str]) -> pl.LazyFrame:
    """Starts and ends in order of time within each key, ends first, with how many streams run from there on."""
    since_first_ms = (pl.col("at") - pl.col("at").min()).dt.total_milliseconds()
    is_start = pl.col("change") > 0
    numbered = streams.sort(by).with_columns(nth_key=pl.struct(by).rle_id().cast(pl.Int64))
    return (
        pl.concat(
            [
                numbered.select(*by, "nth_key", at="start", change=pl.lit(1, pl.Int32)),
                numbered.select(*by, "nth_key", at="end", change=pl.lit(-1, pl.Int32)),
            ]
        )
        # By one number, which is sorted in a third of the time that several columns take.
        .sort((pl.col("nth_key") * _DAY_MS + since_first_ms) * 2 + is_start)
        # Each key's changes sum to zero, so one running sum serves all keys.
        .with_columns(running=pl.col("change").cum_sum())
    )


def _sweep(streams: pl.LazyFrame, by: list[str]) -> pl.LazyFrame:
    """Of the keys that have any overlap, how many streams ran at most, and for how long two or three of them."""
    lasts_ms = (pl.col("at").shift(-1) - pl.col("at")).dt.total_milliseconds()
    return (
        _events(streams, by)
        .with_columns(overlap2_ms=lasts_ms)
        .filter(pl.col("running") >= 2)
        .with_columns(overlap3_ms=pl.when(pl.col("running") >= 3).then("overlap2_ms").otherwise(0))
        .group_by(by)
        .agg(
            peak=pl.col("running").max().cast(pl.UInt32),
            overlap2_s=pl.col("overlap2_ms").sum() // 1000,
            overlap3_s=pl.col("overlap3_ms").sum() // 1000,
        )
    )


def _union(streams: pl.LazyFrame, by: list[str]) -> pl.LazyFrame:
    """The times when anything ran, per key, as streams that do not overlap."""
    events = _events(streams, by)
    edges = events.filter((pl.col("running") == 0) | (pl.col("running") == 1) & (pl.col("change") == 1))
    # Beginning and end of such a time follow one another.
    return (
        edges.with_columns(end=pl.col("at").shift(-1)).filter(pl.col("running") == 1).select(*by, start="at", end="end")
    )
