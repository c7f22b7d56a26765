"""How much of a day ran at once: a sweep over the starts and ends of streams on the UTC clock."""

import polars as pl

from detector.tables import IPV6_FROM, UTC_MS

_DAY_MS = 86_400_001  # moments of a UTC date, both midnights among them


def overlaps(rows: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    """`peak_streams` and the seconds of overlap by `key` (account, and day where there are several), of the accounts
    that have any; few do, and only these are swept.

    `rows` are playbacks with their part of the day's UTC clock: `utc_start`, `utc_end`,
    `seconds`; sorted by day, account and start. Nothing runs in the pauses between their `stretches`.
    """
    since = pl.col("day").cast(UTC_MS)
    streams = rows.filter(pl.col("seconds") > 0).select(
        *key, "profile", "device", "network", "stretches",
        is_ipv6=(pl.col("address") >= IPV6_FROM).fill_null(False),
        since=since, start=pl.col("utc_start") - since, end=pl.col("utc_end") - since,
    )  # fmt: skip
    # Where streams overlap at all, one of them overlaps the next to start.
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(-1) for name in key)
    overlapping = streams.filter(same & (pl.col("end") > pl.col("start").shift(-1))).select(key).unique()
    # Worked out once: three sweeps go over them.
    several = _running(streams.join(overlapping, on=key, how="semi")).collect(engine="in-memory").lazy()
    together = _sweep(several, key).rename({"peak": "peak_streams"})
    # One home may speak both protocols at once, the television the old one and the telephone the new one.
    by_network = _union(_spread(several, [*key, "is_ipv6"], over="network"), [*key, "is_ipv6", "network"])
    by_device = _union(_spread(several, [*key, "profile"], over="device"), [*key, "profile", "device"])
    networks = _sweep(by_network, [*key, "is_ipv6"]).group_by(key).agg(overlap2_networks_s=pl.col("overlap2_s").max())
    profiles = (
        _sweep(by_device, [*key, "profile"]).group_by(key).agg(overlap2_same_profile_s=pl.col("overlap2_s").sum())
    )
    return together.join(networks, on=key, how="left").join(profiles, on=key, how="left")


def _running(streams: pl.LazyFrame) -> pl.LazyFrame:
    """The streams without the pauses in them: each of its stretches stands for one that has several."""
    stretch = pl.col("stretches").struct
    start, end = (
        (stretch.field(name) - pl.col("since")).clip(pl.duration(), pl.duration(days=1))
        for name in ("started_at", "ended_at")
    )
    of_several = streams.filter(pl.col("stretches").is_not_null()).explode("stretches")
    parts = of_several.with_columns(start=start, end=end).filter(pl.col("start") < pl.col("end"))
    alone = streams.filter(pl.col("stretches").is_null())
    return pl.concat([part.drop("stretches", "since") for part in (alone, parts)])


def _spread(streams: pl.LazyFrame, by: list[str], *, over: str) -> pl.LazyFrame:
    """The streams of the keys that have several of something: no others can overlap across them."""
    known = streams.drop_nulls([*by, over])
    several = known.group_by(by).agg(least=pl.col(over).min(), most=pl.col(over).max())
    return known.join(several.filter(pl.col("least") != pl.col("most")), on=by, how="semi")


def _events(streams: pl.LazyFrame, by: list[str]) -> pl.LazyFrame:
    """Starts and ends in order of time within each key, ends first, with how many streams run from there on."""
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
        .sort((pl.col("nth_key") * _DAY_MS + pl.col("at").dt.total_milliseconds()) * 2 + is_start)
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
