"""Fit, score, explain: features in, frames out."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy import stats

from detector import config, model
from detector.features import Family, Feature, Shape
from detector.model import AccountModel

SETTINGS = config.load(environ={"DETECTOR_MODEL__TREES": "10", "DETECTOR_MODEL__SAMPLES": "128"}).settings.model


def _feature(*, telling: Shape | None = None, given: float | None = None) -> Feature:
    return Feature(
        says="Something.", unit="", expr=pl.lit(0), when_high="{value} {typical}", innocent=("chance",), examples=(),
        telling=telling, given=given,
    )  # fmt: skip


class Habits(Family):
    """Invented features."""

    streak = _feature(telling="exponential")
    share = _feature()


class Screens(Family):
    """Invented features."""

    overlap = _feature(telling="rank")
    devices = _feature(given=1.0)


class Travel(Family):
    """Invented features."""

    speed = _feature()
    places = _feature()


CATALOGUE = {feature.name: feature for family in (Habits, Screens, Travel) for feature in family.features}


def _accounts(seed: int, n: int, *, first: int = 0) -> pl.DataFrame:
    """Ordinary accounts, drawn independently of each other; counts and measures, a tenth of some unknown."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "account": pl.Series(np.arange(first, first + n), dtype=pl.UInt64),
            "streak": rng.geometric(0.5, n).astype(float),
            "share": rng.uniform(0, 1, n),
            "overlap": rng.gamma(1, 600, n).round(),
            "devices": pl.Series(rng.poisson(2, n).astype(float)).set(pl.Series(rng.uniform(size=n) < 0.1), None),
            "speed": pl.Series(rng.lognormal(3, 1, n)).set(pl.Series(rng.uniform(size=n) < 0.1), None),
            "places": rng.poisson(1, n).astype(float),
        }
    )


@pytest.fixture(scope="module")
def ordinary() -> pl.DataFrame:
    return _accounts(1, 2_000)


@pytest.fixture(scope="module")
def fitted(ordinary: pl.DataFrame) -> AccountModel:
    return model.fit(ordinary, CATALOGUE, SETTINGS)


def test_the_order_of_rows_and_columns_changes_nothing(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """A model of shuffled accounts gives each account the very same score, p-value and family scores."""
    shuffled = ordinary.sample(fraction=1, shuffle=True, seed=3).select(reversed(ordinary.columns))
    again = model.fit(shuffled, CATALOGUE, SETTINGS)
    expected = model.score(fitted, ordinary)
    assert_frame_equal(model.score(again, shuffled).sort("account"), expected, check_exact=True)


@pytest.mark.parametrize("buckets", [3, 500])
def test_the_cut_into_buckets_changes_nothing(ordinary: pl.DataFrame, fitted: AccountModel, buckets: int) -> None:
    """Accounts scored in buckets, down to a few at a time, score as all at once."""
    parts = [model.score(fitted, ordinary.filter(pl.col("account") % buckets == bucket)) for bucket in range(buckets)]
    assert_frame_equal(pl.concat(parts).sort("account"), model.score(fitted, ordinary), check_exact=True)


def test_one_row_for_each_account_in_the_order_given(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """Score, p-value and one column for each family and for all of them, without null, NaN or infinity."""
    some = ordinary.sample(50, seed=1)
    scored = model.score(fitted, some)
    assert scored["account"].equals(some["account"])
    families = ["score_habits", "score_screens", "score_travel", "score_overall"]
    assert scored.columns == ["account", "score", "p_value", *families]
    assert scored.select(pl.exclude("account").is_finite().all()).row(0) == (True,) * 6
    strongest = [sum(sorted(row)[-2:]) for row in scored.select(families[:-1]).iter_rows()]
    assert scored["score"].to_list() == pytest.approx(strongest, rel=1e-8)


def test_nobody_to_score_is_no_trouble(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """An empty bucket has the columns and types of any other."""
    empty = model.score(fitted, ordinary.clear())
    assert empty.is_empty()
    assert empty.schema == model.score(fitted, ordinary.head(1)).schema
    assert model.explain(fitted, ordinary.clear()).schema == model.explain(fitted, ordinary.head(1)).schema


@pytest.mark.parametrize("row", [0, 1, 1_000, 1_999])
@pytest.mark.parametrize("streak", [100.0, 365.0, 100_000.0])
def test_an_account_extreme_in_one_telling_feature_ranks_first(row: int, streak: float) -> None:
    """The same title on 365 days in a row, everything else ordinary: first of thousands, wherever it stands, and
    whether it helped to grow the forests, to calibrate them, or came later."""
    accounts = _accounts(row, 2_000)
    typical = accounts.median().with_columns(account=pl.lit(row, pl.UInt64), streak=pl.lit(streak))
    accounts = pl.concat([accounts.filter(pl.col("account") != row), typical.select(accounts.columns)]).sort("account")
    for learned_from in (accounts, accounts.filter(pl.col("account") != row)):
        scored = model.score(model.fit(learned_from, CATALOGUE, SETTINGS), accounts)
        assert scored.filter(pl.col("score") == pl.col("score").max())["account"].to_list() == [row]


def test_a_longer_streak_is_never_less_suspicious(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """Past what training has seen, each further day and each further second of overlap counts, and none is ignored."""
    for name in ("streak", "overlap"):
        most = float(ordinary[name].max())  # type: ignore[arg-type]
        values = [most, most + 1, most + 2, 2 * most, 365.0, 10 * most, 1e6]
        one = pl.concat([ordinary.head(1).with_columns(pl.lit(value).alias(name)) for value in sorted(values)])
        family = model.score(fitted, one)[f"score_{CATALOGUE[name].family}"]
        assert (family.diff().drop_nulls() > 0).all(), family


def test_a_telling_feature_speaks_however_ordinary_the_rest_is(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """The family's evidence is at least that of the feature's own tail, less what its chances cost."""
    scored = model.score(fitted, ordinary)
    told = model.explain(fitted, ordinary).filter(pl.col("feature") == "streak").sort("account")
    assert (scored["score_habits"] - (told["surprise"] - np.log10(2)) >= -1e-8).all()


def test_features_unknown_of_everybody_are_left_out(ordinary: pl.DataFrame) -> None:
    """A log without devices gives the model it would have had if nobody had thought of them."""
    bare = ordinary.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("devices", "overlap", "places"))
    one = model.fit(bare, CATALOGUE, SETTINGS)
    without = {name: feature for name, feature in CATALOGUE.items() if name not in ("devices", "overlap", "places")}
    other = model.fit(ordinary.select("account", *without), without, SETTINGS)
    assert list(one.names) == ["streak", "share", "speed"]
    assert set(one.families) == {"habits", "travel"}
    assert_frame_equal(model.score(one, ordinary), model.score(other, ordinary), check_exact=True)


def test_a_champion_ignores_features_that_came_after_it(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """A new column cannot break the model in use."""
    with_new = ordinary.select(pl.lit(1e9).alias("brand_new"), pl.all())
    assert_frame_equal(model.score(fitted, with_new), model.score(fitted, ordinary), check_exact=True)


@pytest.mark.parametrize("missing", [None, float("nan")])
@pytest.mark.parametrize("name", ["speed", "devices"])
def test_what_is_unknown_of_an_account_is_judged_as_typical(
    ordinary: pl.DataFrame, fitted: AccountModel, name: str, missing: float | None
) -> None:
    """Null stands for the median of those of whom it is known, or for what the feature says is given then."""
    given_ = CATALOGUE[name].given
    stands_for = ordinary[name].median() if given_ is None else given_
    some = ordinary.head(200)
    unknown = some.with_columns(pl.lit(missing, pl.Float64).alias(name))
    known = some.with_columns(pl.lit(stands_for, pl.Float64).alias(name))
    assert_frame_equal(model.score(fitted, unknown), model.score(fitted, known), check_exact=True)


def test_an_account_of_which_nothing_is_known_is_not_suspicious(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """It scores below most, and there is nothing to explain."""
    nothing = ordinary.head(1).with_columns(pl.lit(None, pl.Float64).alias(name) for name in CATALOGUE)
    scores = model.score(fitted, ordinary)["score"]
    assert model.score(fitted, nothing)["score"][0] < scores.median()
    assert model.explain(fitted, nothing).is_empty()


def test_only_so_many_accounts_are_learned_from(ordinary: pl.DataFrame) -> None:
    """The first of each half, by pseudonym: accounts past the limit change nothing."""
    limited = SETTINGS.model_copy(update={"training_accounts": 1_000})
    first = model.fit(ordinary.head(1_000), CATALOGUE, SETTINGS)
    assert_frame_equal(
        model.score(model.fit(ordinary, CATALOGUE, limited), ordinary), model.score(first, ordinary), check_exact=True
    )


def test_another_seed_grows_other_forests(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """The seed is used; the same seed gives the same forests (see above)."""
    other = model.fit(ordinary, CATALOGUE, SETTINGS.model_copy(update={"seed": 1}))
    assert not model.score(other, ordinary)["score_overall"].equals(model.score(fitted, ordinary)["score_overall"])


# Error rates

_ALLOWED = 1e-6  # how often a right model may fail these tests


def test_p_values_of_ordinary_accounts_are_uniform() -> None:
    """Accounts drawn like those learned from: their p-values differ from uniform ones by no more than two samples of
    such sizes may (Kolmogorov and Smirnov)."""
    calibrating, new = 1_000, 1_000
    fitted = model.fit(_accounts(2, 2 * calibrating), CATALOGUE, SETTINGS)
    p = np.sort(model.score(fitted, _accounts(3, new, first=10_000))["p_value"].to_numpy())
    steps = np.arange(1, new + 1) / new
    distance = max(np.max(steps - p), np.max(p - (steps - 1 / new)))
    assert distance < stats.kstwo.isf(_ALLOWED, calibrating * new // (calibrating + new))


def test_no_p_value_is_below_the_least() -> None:
    """That of a score beyond all, also without the held-out accounts that were confirmed."""
    fitted = model.fit(_accounts(1, 300), CATALOGUE, SETTINGS)
    for one in (fitted, fitted.without(fitted.highest_[-3:].tolist())):
        assert one.least_p_value == one.p_value(np.array([np.inf]))[0] < 0.01


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_line_of_a_p_value_is_the_lowest_score_that_has_it(share: float) -> None:
    """A hair lower is more common; what nobody can be rarer than has no line, and anything has a p-value of 1."""
    fitted = model.fit(_accounts(1, 300), CATALOGUE, SETTINGS)
    line = fitted.line_of(share)
    above, below = fitted.p_value(np.array([line, np.nextafter(line, -np.inf)]))
    assert above <= share < below
    assert fitted.line_of(fitted.least_p_value / 2) == np.inf
    assert fitted.line_of(1.0) == -np.inf


def test_rare_p_values_are_as_rare_as_they_say() -> None:
    """Over many small services together, no more than one ordinary account in 100 has a p-value of at most 0.01.

    Given its held-out accounts, each service's number of such accounts is beta-binomial; the bound is the far end of
    their sum, drawn often.
    """
    services, held_out, new = 20, 500, 2_000
    found = 0
    for service in range(services):
        fitted = model.fit(_accounts(100 + service, 2 * held_out), CATALOGUE, SETTINGS)
        scored = model.score(fitted, _accounts(200 + service, new, first=10_000))
        found += scored.filter(pl.col("p_value") <= 0.01).height
    reached = (held_out + 1) // 100
    null = stats.betabinom(new, reached, held_out + 1 - reached)
    sums = null.rvs((100_000, services), random_state=np.random.default_rng(0)).sum(axis=1)
    mean, spread = sums.mean(), sums.std()
    assert found < max(sums.max(), mean + 4.75 * spread)  # one in a million, were it normal


@pytest.mark.parametrize("rare", [3, 7, 20, 33, 100, 150])
def test_accounts_of_one_kind_have_the_p_value_of_their_kind(rare: int) -> None:
    """Ties count: where `rare` of 300 held-out accounts are like this one, its p-value is (1 + rare) / 301."""
    accounts = pl.DataFrame({"account": pl.Series(range(600), dtype=pl.UInt64)}).with_columns(
        pl.when(pl.col("account") // 2 < rare).then(7.0).otherwise(1.0).alias(name) for name in CATALOGUE
    )
    scored = model.score(model.fit(accounts, CATALOGUE, SETTINGS), accounts)
    assert scored["p_value"][0] == pytest.approx((1 + rare) / 301)
    assert scored["p_value"][-1] == pytest.approx(1)


# Explanations


def test_explanations_say_value_typical_and_how_many_lie_lower(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """One row for each feature known of the account, and where it stands among those learned from."""
    some = ordinary.head(300)
    explained = model.explain(fitted, some)
    assert explained.height == sum(some[name].count() for name in CATALOGUE)
    assert explained.equals(explained.sort("account", "feature"))
    for row in explained.filter(pl.col("feature").is_in(["streak", "share", "overlap"])).iter_rows(named=True):
        column = ordinary[row["feature"]]
        assert row["value"] == some.filter(pl.col("account") == row["account"])[row["feature"]][0]
        assert row["typical"] == pytest.approx(column.median(), rel=1e-6)
        lower = 100 * (column < row["value"]).mean()
        assert row["percentile"] == pytest.approx(lower, abs=0.3)  # told to a thousandth of the accounts


def test_what_is_extreme_is_the_greatest_surprise(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """Of an account that is ordinary but for its streak, the streak comes first, above everybody's."""
    one = ordinary.median().with_columns(account=pl.lit(2**64 - 1, pl.UInt64), streak=pl.lit(365.0))
    explained = model.explain(fitted, one).sort("surprise", descending=True)
    assert explained["feature"][0] == "streak"
    assert explained["percentile"][0] == 100
    assert explained["account"].unique().to_list() == [2**64 - 1]
    assert explained["surprise"][0] > model.explain(fitted, ordinary)["surprise"].max()


def _tampered(ordinary: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, set[str]]]:
    """Accounts with two features beyond everybody's, and which these are."""
    rng = np.random.default_rng(0)
    rows, tampered = [], {}
    for row in ordinary.sample(200, seed=0).iter_rows(named=True):
        names = [str(name) for name in rng.choice([name for name in CATALOGUE if name != "share"], 2, replace=False)]
        rows.append(row | {name: 1.5 * float(ordinary[name].max()) for name in names})  # type: ignore[arg-type]
        tampered[row["account"]] = set(names)
    return pl.DataFrame(rows, schema=ordinary.schema), tampered


def test_features_that_were_tampered_with_are_named_first(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """Of the two features with the greatest surprise, nearly all are the two that were raised."""
    accounts, tampered = _tampered(ordinary)
    told = model.explain(fitted, accounts).sort("account", "surprise", "feature", descending=[False, True, False])
    named = dict(told.group_by("account").agg(pl.col("feature").head(2)).iter_rows())
    right = [len(tampered[account] & set(first)) / 2 for account, first in named.items()]
    assert np.mean(right) > 0.98


def test_without_the_features_that_are_named_an_account_is_ordinary(
    ordinary: pl.DataFrame, fitted: AccountModel
) -> None:
    """Set to what is typical, the two named first take the score away; two others named last leave it."""
    accounts, _ = _tampered(ordinary)
    told = model.explain(fitted, accounts).sort("account", "surprise", "feature", descending=[False, True, False])
    scores = {"as it is": model.score(fitted, accounts)["score"].mean()}
    for which, pick in (
        ("without the first", pl.col("feature").head(2)),
        ("without the last", pl.col("feature").tail(2)),
    ):
        picked = told.group_by("account").agg(put=pick)
        put = accounts.join(picked, on="account", maintain_order="left").with_columns(
            pl.when(pl.col("put").list.contains(name)).then(ordinary[name].median()).otherwise(name).alias(name)
            for name in CATALOGUE
        )
        scores[which] = model.score(fitted, put)["score"].mean()
    everybody = model.score(fitted, ordinary)["score"].mean()
    assert scores["without the first"] < everybody + 0.5  # type: ignore[operator]
    assert scores["without the last"] > 0.8 * scores["as it is"]  # type: ignore[operator]
    assert scores["as it is"] > everybody + 3  # type: ignore[operator]


def test_that_two_homes_are_apart_is_told_by_the_homes_of_the_year(fitted: AccountModel) -> None:
    """A third is no family's; where the homes are not known, nothing counts for less."""
    evidence = {name: np.full(3, 2.0) for name in ("habits", "screens", "travel")}
    asked = {"shows_sharing": ["habits", "screens", "travel"]}
    sharing = AccountModel(**fitted.get_params() | asked | {"names": ["homes_365d", "places"]})
    homes = np.array([[1, 9], [2, 9], [3, 9]], dtype=np.float32)
    assert sharing.total(evidence, shared=sharing.shared(homes)).tolist() == pytest.approx([4.0, 2.8, 4.0])
    unknown = AccountModel(**fitted.get_params() | asked)
    assert unknown.total(evidence, shared=unknown.shared(homes)).tolist() == pytest.approx([4.0, 4.0, 4.0])


class Apart(Family):
    """An invented family."""

    shows_sharing = True
    homes_365d = _feature(telling="rank")
    beyond = _feature(telling="rank")


_SHARED_BY_SOME = CATALOGUE | {feature.name: feature for feature in Apart.features}


def _shared_by_some(ordinary: pl.DataFrame) -> pl.DataFrame:
    """Of every 33 accounts one is shared by two homes."""
    two = pl.int_range(pl.len()) % 33 == 0
    return ordinary.with_columns(homes_365d=pl.when(two).then(2.0).otherwise(1.0), beyond=two.cast(pl.Float64))


def test_accounts_are_scored_and_calibrated_for_less_where_two_homes_share_them(ordinary: pl.DataFrame) -> None:
    """In a night as in training: else their p-values would compare two measures."""
    some = _shared_by_some(ordinary)
    learned = model.fit(some, _SHARED_BY_SOME, SETTINGS, passes=0)
    x = model.matrix(learned, some)
    evidence = learned.evidence(x)
    less = learned.total(evidence | {"apart": np.where(some["homes_365d"] == 2, 0.7, 1) * evidence["apart"]})
    assert (less < learned.total(evidence)).any()
    assert learned.predict(x).tolist() == pytest.approx(less.tolist())
    assert model.score(learned, some)["score"].to_list() == pytest.approx(less.tolist())
    own = x[(some["account"] % 2 == 1).to_numpy()]
    calibration = learned.total(learned.evidence(own, own=True), shared=learned.shared(own))
    assert learned.calibration_.tolist() == pytest.approx(sorted(calibration.tolist()))


def test_accounts_that_two_homes_share_do_not_teach_that_this_is_ordinary(ordinary: pl.DataFrame) -> None:
    """While it is learned what is ordinary they count in full, and are left out: they stay rarer than one in 33, which
    is what they are."""
    two = pl.col("homes_365d") == 2
    some = _shared_by_some(ordinary).with_columns(streak=pl.when(two).then(11.0).otherwise("streak"))
    learned = model.fit(some, _SHARED_BY_SOME, SETTINGS)
    assert model.score(learned, some.filter(two))["score_apart"].median() > np.log10(33) + 1


def test_a_few_extreme_accounts_do_not_teach_that_they_are_ordinary(ordinary: pl.DataFrame) -> None:
    """With 2 % of the accounts extreme in two ways, one more of them is as odd as if they were not there; but its
    p-value counts them."""
    few = pl.int_range(pl.len()) % 49 == 0
    odd = {"overlap": 50_000.0, "places": 40.0}
    extreme = ordinary.with_columns(pl.when(few).then(value).otherwise(name).alias(name) for name, value in odd.items())
    one = ordinary.head(1).with_columns(**{name: pl.lit(value) for name, value in odd.items()})
    scores = [
        model.score(model.fit(population, CATALOGUE, SETTINGS), one).row(0, named=True)
        for population in (ordinary, extreme)
    ]
    assert scores[1]["score"] == pytest.approx(scores[0]["score"], abs=0.4)
    taught = model.score(model.fit(extreme, CATALOGUE, SETTINGS, passes=0), one).row(0, named=True)
    assert taught["score"] < scores[0]["score"] - 0.4
    assert scores[1]["p_value"] > 5 * scores[0]["p_value"]


def test_an_account_is_compared_with_its_peers(ordinary: pl.DataFrame) -> None:
    """Typical values and percentiles are those of the peer group; a small group, or none, is compared with all."""
    name = next(iter(CATALOGUE))
    groups = (
        pl.when(pl.col("account") % 5 < 2).then(pl.lit("many")).when(pl.col("account") % 5 == 4).then(pl.lit("few"))
    )
    peered = ordinary.with_columns(peer=groups)
    peered = peered.with_columns(pl.when(pl.col("peer") == "many").then(pl.col(name) + 100).otherwise(name).alias(name))
    few = peered.filter(pl.col("peer") == "few").height
    fitted = model.fit(peered, CATALOGUE, SETTINGS, least_peers=few + 1)
    told = model.explain(fitted, peered).filter(pl.col("feature") == name)
    medians = dict(peered.group_by("peer").agg(pl.col(name).median()).iter_rows())
    by_peer = {peer: part for (peer,), part in told.partition_by("peer", as_dict=True).items()}
    assert set(by_peer) == {"many", None}
    assert by_peer["many"]["typical"].unique().to_list() == [pytest.approx(medians["many"], rel=0.01)]
    overall = pytest.approx(peered[name].median(), rel=0.05)
    assert by_peer[None]["typical"].unique().to_list() == [overall]
    scored = model.score(model.fit(peered.drop("peer"), CATALOGUE, SETTINGS), peered)
    assert scored["score"].equals(model.score(fitted, peered)["score"])


def test_confirmed_accounts_leave_the_calibration(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """Without some of the highest held-out accounts others are rarer; the score stays, and the model that was asked."""
    highest = fitted.highest_.tolist()
    assert len(highest) == min(300, (ordinary["account"] % 2 == 1).sum())
    before = model.score(fitted, ordinary)
    after = model.score(fitted.without(highest[-10:]), ordinary)
    assert after["score"].equals(before["score"])
    below = (ordinary["account"] == highest[-11]).arg_true()[0]  # the highest of those that stay
    assert after["p_value"][below] < before["p_value"][below]
    assert model.score(fitted, ordinary).equals(before)
    assert model.score(fitted.without([1 << 63]), ordinary).equals(before)


def test_little_of_something_is_not_suspicious(ordinary: pl.DataFrame, fitted: AccountModel) -> None:
    """High means suspicious: an account of which every feature is rare because it is low stands out by nothing."""
    at = model.matrix(fitted, ordinary).min(axis=0) - 1
    evidence = fitted.evidence(at[None, :].astype(np.float32))
    typical = fitted.evidence(np.median(model.matrix(fitted, ordinary), axis=0)[None, :])
    assert {name: values[0] for name, values in evidence.items()} == pytest.approx(
        {name: values[0] for name, values in typical.items()}, abs=0.3
    )
