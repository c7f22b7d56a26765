"""The story that this project began with, from a folder of playbacks to the first of the list.

The population is drawn here, not by `detector.simulate`: people in four time zones who watch what they like in the
evening, and among them those the story tells of.
"""

import datetime as dt

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from commands import detector
from support import KEY

ACCOUNTS, DAYS, TITLES = 5_000, 365, 4_000
LAST_DAY = dt.date(2025, 3, 31)  # both DST changes and New Year lie in the year
ZONES = ("America/Los_Angeles", "America/Sao_Paulo", "Europe/Berlin", "Pacific/Auckland")
FILM, OTHER_FILM = TITLES, TITLES + 1
STREAKERS, MISSED_ONE, LOOPER = range(53), range(53, 93), 93


def _evenings(rng: np.random.Generator) -> pl.DataFrame:
    """About two views a week of anything by anybody: `account, title, ago, minute` of the local day."""
    n = ACCOUNTS * DAYS * 2 // 7
    popularity = rng.zipf(1.3, 3 * n)
    return pl.DataFrame(
        {
            "account": rng.integers(0, ACCOUNTS, n),
            "title": popularity[popularity <= TITLES][:n] - 1,
            "ago": rng.integers(0, DAYS, n),
            "minute": rng.integers(17 * 60, 23 * 60, n),
        }
    )


def _ritual(rng: np.random.Generator, accounts: range, title: int, days_ago: npt.NDArray[np.int64]) -> pl.DataFrame:
    """One view a day, somewhere between early afternoon and late evening."""
    n = len(accounts) * len(days_ago)
    return pl.DataFrame(
        {
            "account": np.repeat(np.array(accounts), len(days_ago)),
            "title": np.full(n, title),
            "ago": np.tile(days_ago, len(accounts)),
            "minute": rng.integers(13 * 60, 22 * 60 + 30, n),
        }
    )


def _story() -> pl.DataFrame:
    rng = np.random.default_rng(365)
    missed = [
        _ritual(rng, range(account, account + 1), FILM, np.delete(np.arange(18), rng.integers(0, 18)))
        for account in MISSED_ONE
    ]
    drawn = [
        _evenings(rng),
        _ritual(rng, STREAKERS, FILM, np.arange(18)),
        *missed,
        _ritual(rng, range(LOOPER, LOOPER + 1), OTHER_FILM, np.arange(365)),
    ]
    # Nobody but those of the story sees its films, so that nobody's streak is longer than the story says.
    return pl.concat(part.cast(pl.Int64) for part in drawn)


def _log(drawn: pl.DataFrame) -> pl.DataFrame:
    """The playback table of what was drawn: local evenings become moments of the UTC clock."""
    local = pl.lit(LAST_DAY).cast(pl.Datetime("ms")) - pl.duration(days="ago") + pl.duration(minutes="minute")
    rows = drawn.with_columns(local=local.dt.cast_time_unit("ms"), zone=pl.col("account") % len(ZONES))
    placed = [
        rows.filter(pl.col("zone") == number).with_columns(
            started_at=pl.col("local").dt.replace_time_zone(zone).dt.convert_time_zone("UTC"), timezone=pl.lit(zone)
        )
        for number, zone in enumerate(ZONES)
    ]
    return pl.concat(placed).select(
        account_id=pl.format("member-{}", "account"),
        title_id=pl.format("title-{}", "title"),
        # A screen of its own for the film: a device shows one thing at a time.
        device_id=pl.format(
            "{}-{}", pl.when(pl.col("title") < TITLES).then(pl.lit("tv")).otherwise(pl.lit("tablet")), "account"
        ),
        started_at="started_at",
        ended_at=pl.col("started_at") + pl.duration(minutes=80),
        timezone="timezone",
        title_kind=pl.lit("movie"),
        title_runtime_s=pl.lit(90 * 60),
    )


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Every member's row of `scores --features`, by number of the member."""
    folder = tmp_path_factory.mktemp("story")
    log = _log(_story()).sort("started_at").with_columns(month=pl.col("started_at").dt.strftime("%Y-%m"))
    (folder / "log").mkdir()
    for (month,), rows in log.partition_by("month", as_dict=True, include_key=False).items():
        rows.write_parquet(folder / "log" / f"{month}.parquet")
    (folder / "key").write_text(KEY)
    ids = pl.DataFrame({"account_id": [f"member-{n}" for n in range(ACCOUNTS)]})
    ids.write_parquet(folder / "ids.parquet")
    for command in (
        ["--key-file", "key", "ingest", "log"],
        ["train", "--day", LAST_DAY],
        ["nightly", "--day", LAST_DAY],
        ["scores", "--for", "ids.parquet", "--features", "--out", "scores.parquet"],
    ):
        code, _, err = detector(*command, cwd=folder, env={"DETECTOR_MODEL__TREES": "300"})
        assert code == 0, err
    return pl.read_parquet(folder / "scores.parquet")


def test_the_story_is_measured(scores: pl.DataFrame) -> None:
    """53 members have a streak of 18 days; 40 who missed a day at most 17; one of 365; nobody else reaches 18."""
    streak = scores["longest_streak_365d"]
    assert [streak[n] for n in STREAKERS] == [18] * 53
    assert all(streak[n] <= 17 for n in MISSED_ONE)
    assert streak[LOOPER] == 365
    assert (streak[LOOPER + 1 :].drop_nulls() < 18).all()


def test_the_one_of_365_days_is_ranked_first(scores: pl.DataFrame) -> None:
    """It is flagged, as what it looks like."""
    row = scores.row(LOOPER, named=True)
    assert row["rank"] == 1
    assert row["flagged"]
    assert row["kind"] == "loop or automated playback"


def test_everybody_asked_for_is_answered(scores: pl.DataFrame) -> None:
    """One row for each member, in the order asked."""
    assert scores["account_id"].to_list() == [f"member-{n}" for n in range(ACCOUNTS)]
