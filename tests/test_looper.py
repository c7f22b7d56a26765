"""The account that must never be missed: one film on 365 days in a row, on a cold start, in any service."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support import KEY, LAST_DAY, clock

from detector import config, demo, identity, published
from detector.ingesting import ingest
from detector.nightly import night
from detector.retraining import train
from detector.runs import open_doors
from detector.simulate import simulate

POPULATIONS, ACCOUNTS, DAYS = 20, 1_500, 365


def _with_a_daily_film(
    playbacks: pl.DataFrame, account_id: str, rank: float, seed: int, *, at: dt.time, zone: str
) -> pl.DataFrame:
    """The log, and in it one film a day of an account, on a screen and line of its own, within 40 minutes of a time.

    `rank` says which film: 0 is the one that is watched most, 1 the one that is watched least.
    """
    films = playbacks.filter(pl.col("title_kind") == "movie")["title_id"].value_counts().sort("count", "title_id")
    film = films["title_id"][round((1 - rank) * (films.height - 1))]
    told = playbacks.filter(pl.col("title_id") == film).head(1).select("^title_.*$")
    habit = playbacks.filter(pl.col("account_id") == account_id).tail(1).drop("^title_.*$").hstack(told)
    jitter_s = np.random.default_rng(seed).integers(-2_400, 2_400, DAYS)
    local = [
        dt.datetime.combine(LAST_DAY - dt.timedelta(days=ago), at) + dt.timedelta(seconds=int(jitter))
        for ago, jitter in enumerate(jitter_s)
    ]
    began = pl.Series(local, dtype=pl.Datetime("ms")).dt.replace_time_zone(zone or habit["timezone"][0])
    ritual = pl.concat([habit] * DAYS).with_columns(
        device_id=pl.lit("the tablet"),  # a device shows one thing at a time
        started_at=began.dt.convert_time_zone("UTC"),
        position_start_s=pl.lit(0, pl.Int64),
        position_end_s=pl.col("title_runtime_s").cast(pl.Int64),
    )
    ended = ritual.with_columns(ended_at=pl.col("started_at") + pl.duration(seconds="title_runtime_s"))
    return pl.concat([playbacks, ended.select(playbacks.columns).cast(playbacks.schema)])


def _found(folder: Path, seed: int, *, at: dt.time, zone: str) -> dict[str, Any]:
    """What a first night says of such an account, beside an innocent one's life and one abusive account in 100."""
    service = simulate(accounts=ACCOUNTS, days=DAYS, end=LAST_DAY, seed=1_000 + seed, abuse_share=0.01)
    member = service.truth.filter(pl.col("label") == "benign").sample(1, seed=seed)["account_id"][0]
    rank = seed / (POPULATIONS - 1)
    log = _with_a_daily_film(service.playbacks, member, rank, seed, at=at, zone=zone)
    (log.drop("timezone", "country") if zone else log).write_parquet(folder / "log.parquet")
    (folder / "key").write_text(KEY)
    settings = config.load(environ={}).settings
    with open_doors(folder / "home", settings, folder / "key") as doors:
        list(ingest([str(folder / "log.parquet")], into=doors.home, keys=doors.keys, settings=settings, now=clock()))
        train(doors, LAST_DAY, settings=settings, clock=clock)
        night(doors, LAST_DAY, settings=settings, clock=clock)
        scores = published.scores(doors, published.run_of(doors, LAST_DAY), with_features=True)
        account = f"{identity.pseudonym_of(member, doors.keys):016x}"
    return scores.row(by_predicate=pl.col("account") == account, named=True)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(POPULATIONS))
def test_one_film_on_365_days_is_flagged_on_a_cold_start(tmp_path: Path, seed: int) -> None:
    """Whatever the film's place in the catalogue."""
    row = _found(tmp_path, seed, at=dt.time(13), zone="")
    assert row["longest_streak_365d"] == DAYS
    assert row["flagged"], f"rank {row['rank']}, score {row['score']}"
    assert row["kind"] == "loop or automated playback"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(0, POPULATIONS, 4))
def test_one_film_a_day_around_midnight_is_flagged_where_the_log_says_no_zone(tmp_path: Path, seed: int) -> None:
    """Eight in the evening in New York: now on one UTC date and now on the next, so that some dates have none."""
    row = _found(tmp_path, seed, at=dt.time(0), zone="UTC")
    assert row["longest_streak_365d"] < DAYS / 4
    assert row["longest_streak_1_missed_365d"] > DAYS / 3
    assert row["longest_noon_streak_365d"] == DAYS
    assert row["flagged"], f"rank {row['rank']}, score {row['score']}"
    assert row["kind"] == "loop or automated playback"


@pytest.mark.soak
def test_the_demo_puts_the_looping_account_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The story that it tells."""
    demo.run(tmp_path / "demo", now=clock(), clock=clock)
    first = capsys.readouterr().out.split("the first 10:\n\n")[1].split("in truth: ")[:2]
    assert f"viewed the same title on {DAYS} days in a row" in first[0]
    assert first[1].startswith("year-long looper")
