"""What has moved since training."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from detector import config, model
from detector.drift import alarms, drift, psi
from detector.features import Family, Feature
from detector.model import AccountModel

SETTINGS = config.load(environ={"DETECTOR_MODEL__TREES": "10", "DETECTOR_MODEL__SAMPLES": "128"}).settings.model


def _feature() -> Feature:
    return Feature(
        says="Something.", unit="", expr=pl.lit(0), when_high="{value} {typical}", innocent=("chance",), examples=(),
    )  # fmt: skip


class Habits(Family):
    """Invented features."""

    plays = _feature()
    constant = _feature()
    overlap = _feature()


class Things(Family):
    """Invented features."""

    devices = _feature()
    new_devices = _feature()
    speed = _feature()


CATALOGUE = {feature.name: feature for family in (Habits, Things) for feature in family.features}


def _accounts(seed: int, n: int) -> pl.DataFrame:
    """Counts, a constant, a heavy tail that is 0 for most, and a speed that is known of 70 %."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "account": pl.Series(np.arange(n), dtype=pl.UInt64),
            "plays": rng.gamma(2, 30, n).round(),
            "constant": np.zeros(n),
            "overlap": np.where(rng.random(n) < 0.97, 0, rng.pareto(0.7, n) * 1e4),
            "devices": 1.0 + rng.poisson(2, n),
            "new_devices": rng.poisson(0.15, n).astype(float),
            "speed": np.where(rng.random(n) < 0.3, np.nan, rng.lognormal(3, 1, n)),
        }
    ).with_columns(pl.col("speed").fill_nan(None))


@pytest.fixture(scope="module")
def fitted() -> AccountModel:
    return model.fit(_accounts(0, 4_000), CATALOGUE, SETTINGS)


def _drift(fitted: AccountModel, night: pl.DataFrame, catalogue: Mapping[str, Feature] = CATALOGUE) -> pl.DataFrame:
    return drift(fitted, night, model.score(fitted, night), catalogue)


def _alarmed(fitted: AccountModel, night: pl.DataFrame) -> set[str]:
    return set(_drift(fitted, night).filter("alarm")["name"])


@pytest.mark.parametrize("n", [1, 2, 7, 20, 60, 200, 1_000, 20_000])
def test_accounts_of_the_same_population_do_not_alarm(fitted: AccountModel, n: int) -> None:
    """Ten nights of a home of any size: chance moves the index of a small one, and that is no alarm."""
    for seed in range(10):
        drifted = _drift(fitted, _accounts(100 + seed, n))
        assert drifted["name"].to_list() == [*CATALOGUE, "score"]
        assert drifted.select(pl.col("psi", "missing_share").is_finite().all()).row(0) == (True, True)
        assert alarms(drifted) == []


@pytest.mark.parametrize("n", [100, 400])
def test_a_small_model_does_not_alarm_from_noise_either(n: int) -> None:
    """Few accounts in training are as much noise as few in a night."""
    for seed in range(5):
        small = model.fit(_accounts(200 + seed, n), CATALOGUE, SETTINGS)
        assert _alarmed(small, _accounts(300 + seed, n)) == set()


@pytest.mark.parametrize("n", [100, 5_000])
def test_a_release_that_renews_the_devices_of_everybody_alarms(fitted: AccountModel, n: int) -> None:
    """Each account has twice its devices, as many of them new: it is named, and the score has moved with it."""
    night = _accounts(1, n).with_columns(
        new_devices=pl.col("new_devices") + pl.col("devices"), devices=2 * pl.col("devices")
    )
    assert {"new_devices", "devices"} <= _alarmed(fitted, night) <= {"new_devices", "devices", "score"}
    assert alarms(_drift(fitted, night))[0].startswith("new_devices: expected a PSI below 0.25 since training, found ")


def test_a_column_that_falls_silent_alarms(fitted: AccountModel) -> None:
    """The log says no place any more: the share that is missing is told, before and now."""
    night = _accounts(2, 3_000).with_columns(speed=pl.lit(None, pl.Float64))
    drifted = _drift(fitted, night).filter(pl.col("name") == "speed").row(0, named=True)
    assert drifted["alarm"]
    assert drifted["missing_share"] == 1
    assert drifted["missing_share_trained"] == pytest.approx(_accounts(0, 4_000)["speed"].null_count() / 4_000)


def test_what_is_missing_by_a_value_that_stands_in_alarms(fitted: AccountModel) -> None:
    """Unknown of half of the accounts, and never in training: the typical value stands in and must not hide it."""
    half = pl.int_range(pl.len()) % 2 == 0
    night = _accounts(3, 3_000).with_columns(constant=pl.when(half).then("constant"))
    assert _alarmed(fitted, night) == {"constant"}


def test_a_tail_that_is_no_longer_rare_alarms(fitted: AccountModel) -> None:
    """Of a feature that is 0 for nearly everybody, in training all bins but one are ties; half of a night is not 0."""
    half = pl.int_range(pl.len()) % 2 == 0
    night = _accounts(4, 3_000).with_columns(overlap=pl.when(half).then(9_000.0).otherwise("overlap"))
    assert "overlap" in _alarmed(fitted, night)


def test_what_needs_a_history_may_be_missing(fitted: AccountModel) -> None:
    """Such values come with the age of a home: nights before that, and those long after training, are published. That
    one which was known is known no more has nothing to do with age."""
    night = _accounts(2, 3_000).with_columns(overlap=pl.lit(None, pl.Float64))
    assert _alarmed(fitted, night) == {"overlap"}
    waiting = CATALOGUE | {name: replace(CATALOGUE[name], history_days=50) for name in ("overlap", "speed")}
    scores = model.score(fitted, night)
    assert alarms(drift(fitted, night, scores, waiting, before_training=True)) == []
    assert alarms(drift(fitted, night, scores, waiting)) == ["overlap: missing of 100 %, in training of 0 %"]
    typical = float(fitted.given[fitted.names.index("speed")])
    known = _accounts(2, 3_000).with_columns(pl.col("speed").fill_null(typical))
    assert _alarmed(fitted, known) == {"speed"}
    assert alarms(_drift(fitted, known, waiting)) == []


def test_what_falls_below_all_that_training_saw_alarms(fitted: AccountModel) -> None:
    """Nobody had less than one device there: where everybody has none, or most have, that is no smaller shift than a
    rise."""
    for left in (1, 5):
        fallen = pl.int_range(pl.len()) % left != 1
        night = _accounts(6, 3_000).with_columns(devices=pl.when(fallen).then(0.0).otherwise("devices"))
        assert "devices" in _alarmed(fitted, night)
    night = _accounts(6, 3_000).with_columns(constant=pl.lit(-1.0))
    assert "constant" in _alarmed(fitted, night)


def test_the_order_of_accounts_changes_nothing_and_the_unscored_do_not_count(fitted: AccountModel) -> None:
    """Accounts of which too little was seen teach nothing and drift from nothing."""
    night = _accounts(5, 500)
    scores = model.score(fitted, night)
    odd = night.with_columns(pl.col("account") + 10_000, devices=pl.lit(999.0))
    unscored = odd.select("account", score=pl.lit(None, pl.Float64))
    of_both = pl.concat([unscored, scores.select("account", "score")]).reverse()
    more = drift(fitted, pl.concat([odd, night]).reverse(), of_both, CATALOGUE)
    assert more.equals(drift(fitted, night, scores, CATALOGUE))
    assert drift(fitted, odd, unscored, CATALOGUE).is_empty()


def test_the_index_between_samples_of_one_population_is_as_large_as_was_shown() -> None:
    """Its mean over many pairs is (bins - 1) (1/n + 1/m) (Yurdakul 2018), within what so many pairs allow."""
    rng = np.random.default_rng(0)
    n, m, bins, pairs = 3_000, 1_000, 10, 2_000
    shares = [rng.multinomial(size, np.full(bins, 1 / bins), pairs) / size for size in (n, m)]
    found = [psi(*pair) for pair in zip(*shares, strict=True)]
    expected = (bins - 1) * (1 / n + 1 / m)
    assert np.mean(found) == pytest.approx(
        expected, abs=5 * expected * np.sqrt(2 / (bins - 1) / pairs) + 0.02 * expected
    )
