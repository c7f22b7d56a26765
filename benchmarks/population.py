"""A log of any size, drawn fast: the same people each day, so that windows and histories mean something."""

import datetime as dt

import numpy as np
import polars as pl

PLAYS_A_DAY = 3
_TITLES, _CITIES = 20_000, 40


def day_of_log(accounts: int, day: dt.date, seed: int) -> pl.DataFrame:
    """The playback table of one UTC date: three playbacks of each account, shuffled."""
    rng = np.random.default_rng([seed, day.toordinal()])
    n = accounts * PLAYS_A_DAY
    account = np.repeat(np.arange(accounts), PLAYS_A_DAY)
    nth = rng.integers(0, 4, n)
    away = rng.random(n) < 0.15
    minute = (rng.normal(1200, 150, n) % 1440).astype(np.int64)
    title = (rng.pareto(1.1, n) * 50).astype(np.int64) % _TITLES
    runtime_s = 1200 + title % 97 * 60
    seconds = (runtime_s * np.clip(rng.normal(0.85, 0.25, n), 0.02, 1)).astype(np.int64)
    # 22:00 of the day before to 22:00, so that sittings do not run past midnight of the UTC date
    started = pl.Series((minute * 60 + rng.integers(0, 60, n)) * 1000).cast(pl.Duration("ms"))
    network = account * 3 + np.where(away, 1 + nth % 2, 0)
    city = np.where(away, (account + nth) % _CITIES, account % _CITIES)
    frame = pl.DataFrame({"account": account, "device": account * 4 + nth, "title": title, "network": network})
    return frame.select(
        account_id=pl.format("member-{}", "account"),
        profile_id=pl.Series(nth % 3).cast(pl.String),
        device_id=pl.format("device-{}", "device"),
        title_id=pl.format("title-{}", "title"),
        title_kind=pl.lit("movie"),
        title_runtime_s=pl.Series(runtime_s),
        started_at=pl.lit(day).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC") + started,
        duration_s=pl.Series(seconds),
        ip=pl.format(
            "{}.{}.{}.{}",
            240 + pl.col("network") // 2**24 % 16,
            pl.col("network") // 65536 % 256,
            pl.col("network") // 256 % 256,
            pl.col("network") % 256,
        ),
        country=pl.Series(np.array(["US", "CA", "GB", "DE"])[city % 4]),
        latitude=pl.Series(25.0 + city % 20),
        longitude=pl.Series(-120.0 + city * 2),
        network_kind=pl.lit("residential"),
    ).sample(fraction=1, shuffle=True, seed=int(rng.integers(2**31)))
