"""`detector.evaluation` and `detector.rivals`: figures worked out by hand, and intervals that are honest."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from detector import evaluation, features, naming, rivals
from detector.errors import InputError
from detector.evaluation import (
    ABOVE_01,
    ABOVE_1,
    AVERAGE_PRECISION,
    FLAGGED,
    LEARNED,
    OURS,
    PRECISION,
    RIGHTLY,
    WITHIN_CAPACITY,
    Evaluation,
)

ABUSE, INNOCENT = "all abuse", "all innocent"


def _judged(
    *accounts: tuple[str, str, float | None],
    devices: list[int] | None = None,
    unknown: int = 0,
    unknown_score: float = -1.0,
    capacity_share: float = 0.5,
    draws: int = 50,
) -> Evaluation:
    """Evaluate accounts given as label, kind and score; `unknown` more have a score that nobody asked about."""
    n = len(accounts)
    truth = pl.DataFrame(
        {"account": range(n), "kind": [a[1] for a in accounts], "label": [a[0] for a in accounts]},
        schema={"account": pl.UInt64, "kind": pl.String, "label": pl.String},
    )
    scores = pl.DataFrame(
        {"account": range(n + unknown), "score": [*(a[2] for a in accounts), *[unknown_score] * unknown]},
        schema={"account": pl.UInt64, "score": pl.Float64},
    )
    features = scores.select("account", devices=pl.Series(devices or [1] * (n + unknown), dtype=pl.UInt32))
    return evaluation.evaluate(scores, truth, features, capacity_share=capacity_share, draws=draws)


def _value(found: Evaluation, measure: str, kind: str, method: str = OURS) -> float | None:
    return _row(found, measure, kind, method)["value"]


def _row(found: Evaluation, measure: str, kind: str, method: str = OURS) -> dict[str, float]:
    return found.measures.filter(measure=measure, kind=kind, method=method).row(0, named=True)


def _innocents(n: int, score: float = 0.0) -> list[tuple[str, str, float | None]]:
    return [("benign", "household", score + i / 1000) for i in range(n)]


def test_a_perfect_ranking_is_perfect() -> None:
    """Abuse above all innocents: average precision and recall are 1, and none of the innocents is above a line."""
    found = _judged(("abuse", "resale", 9), ("abuse", "ring", 8), *_innocents(2))
    for measure in (AVERAGE_PRECISION, PRECISION, ABOVE_1, ABOVE_01, WITHIN_CAPACITY):
        assert _value(found, measure, ABUSE) == 1
    assert _value(found, ABOVE_1, INNOCENT) == 0


def test_average_precision_by_hand() -> None:
    """Abuse on places 1 and 3: (1/1 + 2/3) / 2; each kind is ranked without the other one."""
    found = _judged(("abuse", "resale", 9), ("benign", "household", 8), ("abuse", "ring", 7), ("benign", "sleeper", 1))
    assert _value(found, AVERAGE_PRECISION, ABUSE) == pytest.approx(5 / 6)
    assert _value(found, AVERAGE_PRECISION, "resale") == 1
    assert _value(found, AVERAGE_PRECISION, "ring") == pytest.approx(1 / 2)
    assert _value(found, PRECISION, ABUSE) == pytest.approx(1 / 2)


def test_equal_scores_are_one_step() -> None:
    """Whoever is tied with innocents is not put before them by chance, nor above the line."""
    found = _judged(("abuse", "resale", 5), ("benign", "household", 5), ("benign", "household", 5))
    assert _value(found, AVERAGE_PRECISION, ABUSE) == pytest.approx(1 / 3)
    assert _value(found, ABOVE_1, ABUSE) == 0


def test_lines_by_hand() -> None:
    """Of 1,000 innocents ten lie above the 1 % line and one above the 0.1 % line; recall is counted above them."""
    abuse = [("abuse", "resale", score) for score in (0.9985, 0.9975, 0.9895, 0.9885)]
    found = _judged(*abuse, *_innocents(1000))
    assert _value(found, ABOVE_1, INNOCENT) == pytest.approx(0.01)
    assert _value(found, ABOVE_01, "resale") == pytest.approx(1 / 4)  # between the highest innocent and the second
    assert _value(found, ABOVE_1, "resale") == pytest.approx(3 / 4)


def test_sharing_counts_neither_way() -> None:
    """Accounts labelled sharing change no figure and are no false alarm, though they take a reviewer's time."""
    others = [("abuse", "resale", 9), *_innocents(3)]
    without = _judged(*others)
    with_friends = _judged(*others, ("sharing", "friends who share", 10))
    for measure in (AVERAGE_PRECISION, ABOVE_1):
        assert _value(without, measure, ABUSE) == _value(with_friends, measure, ABUSE) == 1
    assert _value(without, PRECISION, ABUSE) == 0.5  # of four accounts the first two
    assert _value(with_friends, PRECISION, ABUSE) == 1  # of five as well, one of them a friend's
    assert "friends who share" not in with_friends.measures["kind"]
    assert _value(_judged(*others, ("sharing", "friends who share", 10), capacity_share=0.2), PRECISION, ABUSE) is None


def test_capacity_is_a_share_of_the_scored() -> None:
    """Accounts that truth does not name have their place in the queue too, as on a real night."""
    accounts = [("abuse", "resale", 9), ("abuse", "resale", 7), ("benign", "household", 8), ("benign", "sleeper", 1)]
    found = _judged(*accounts, unknown=6, capacity_share=0.2)
    assert _row(found, PRECISION, ABUSE)["accounts"] == 2
    assert _value(found, PRECISION, ABUSE) == pytest.approx(1 / 2)
    assert _value(found, WITHIN_CAPACITY, "resale") == pytest.approx(1 / 2)
    assert _value(found, WITHIN_CAPACITY, "household") == 1
    assert _value(found, WITHIN_CAPACITY, "sleeper") == 0
    crowded_out = _judged(*accounts, unknown=6, unknown_score=10, capacity_share=0.2)
    assert _value(crowded_out, PRECISION, ABUSE) is None
    assert _value(crowded_out, WITHIN_CAPACITY, "resale") == 0
    assert _value(crowded_out, AVERAGE_PRECISION, ABUSE) == pytest.approx((1 + 2 / 3) / 2)


def test_what_the_night_flagged_is_counted_by_kind() -> None:
    """Policy may leave out the highest: then it is not flagged, however high; sharing counts neither way."""
    kinds = [
        ("abuse", "resale"),
        ("abuse", "ring"),
        ("benign", "sleeper"),
        ("benign", "sleeper"),
        ("sharing", "friends"),
    ]
    truth = pl.DataFrame(
        [(account, kind, label) for account, (label, kind) in enumerate(kinds)],
        schema={"account": pl.UInt64, "kind": pl.String, "label": pl.String},
        orient="row",
    )
    scores = truth.select("account", score=9.0 - pl.col("account").cast(pl.Float64))
    features = truth.select("account", devices=pl.lit(1, pl.UInt32))
    flagged = pl.Series([1, 2, 4], dtype=pl.UInt64)
    found = evaluation.evaluate(scores, truth, features, flagged=flagged, draws=2)
    assert _value(found, FLAGGED, "resale") == 0
    assert _value(found, FLAGGED, "ring") == 1
    assert _value(found, FLAGGED, "sleeper") == _value(found, FLAGGED, ABUSE) == _value(found, FLAGGED, INNOCENT) == 0.5
    assert _row(found, RIGHTLY, ABUSE)["accounts"] == 2
    assert _value(found, RIGHTLY, ABUSE) == 0.5
    ranking = evaluation.evaluate(scores, truth, features, draws=2)
    assert FLAGGED not in ranking.measures["measure"]


def test_the_order_that_verdicts_teach_is_measured_beside_the_score() -> None:
    """By the same measures: here the score puts the sleeper first, and the verdicts put it last."""
    kinds = [("benign", "sleeper"), ("abuse", "resale"), ("benign", "household")]
    truth = pl.DataFrame(
        [(account, kind, label) for account, (label, kind) in enumerate(kinds)],
        schema={"account": pl.UInt64, "kind": pl.String, "label": pl.String},
        orient="row",
    )
    scores = truth.select("account", score=pl.Series([9.0, 8.0, 1.0]))
    features = truth.select("account", devices=pl.lit(1, pl.UInt32))
    priority = truth.select("account", priority=pl.Series([-3.0, 8.5, -1.0])).reverse()
    found = evaluation.evaluate(scores, truth, features, priority=priority, capacity_share=0.34, draws=2)
    assert _value(found, PRECISION, ABUSE) == 0
    assert _value(found, PRECISION, ABUSE, LEARNED) == 1
    assert _value(found, AVERAGE_PRECISION, "resale") == 0.5
    assert _value(found, AVERAGE_PRECISION, "resale", LEARNED) == 1
    assert list(found.learned_side_by_side(AVERAGE_PRECISION)[0]) == [AVERAGE_PRECISION, "accounts", OURS, LEARNED]
    assert LEARNED not in found.side_by_side(AVERAGE_PRECISION)[0]


def test_intervals_contain_the_point_and_narrow() -> None:
    """Every interval contains its value, within 0 to 1; with 16 times the accounts it is less than half as wide."""
    widths = []
    for times in (1, 16):
        pattern = [("abuse", "resale", 5 + i % 3) for i in range(12 * times)]
        found = _judged(*pattern, *[("benign", "household", i % 7) for i in range(40 * times)], draws=300)
        values = found.measures.drop_nulls()
        assert values.filter((pl.col("low") <= pl.col("value")) & (pl.col("value") <= pl.col("high"))).equals(values)
        assert values["low"].min() == 0
        assert values["high"].max() == 1
        row = _row(found, AVERAGE_PRECISION, ABUSE)
        widths.append(row["high"] - row["low"])
    assert 0 < widths[1] < widths[0] / 2


def test_few_accounts_prove_little() -> None:
    """Where all of three are caught, the interval says that it may as well be two of three."""
    found = _judged(*[("abuse", "ring", 9.0)] * 3, *_innocents(100))
    assert _row(found, ABOVE_1, "ring")["low"] < 2 / 3


def test_equal_arguments_give_equal_figures() -> None:
    """The bootstrap is seeded, and the order of the rows does not matter."""
    accounts = [("abuse", "resale", 3.0), ("abuse", "ring", 1.0), *_innocents(20, score=1)]
    one = _judged(*accounts)
    assert_frame_equal(one.measures, _judged(*accounts).measures)
    frames = [pl.DataFrame({"account": range(22), "score": [a[2] for a in accounts]})]
    frames.append(
        pl.DataFrame({"account": range(22), "kind": [a[1] for a in accounts], "label": [a[0] for a in accounts]})
    )
    frames.append(pl.DataFrame({"account": range(22), "devices": [1] * 22}))
    shuffled = [frame.cast({"account": pl.UInt64}).sample(fraction=1, shuffle=True, seed=3) for frame in frames]
    assert_frame_equal(one.measures, evaluation.evaluate(*shuffled, capacity_share=0.5, draws=50).measures)


def test_accounts_without_a_score_are_counted_and_left_out() -> None:
    """They change no figure; those that the night did not see count as well."""
    found = _judged(("abuse", "resale", 9), ("abuse", "resale", None), ("benign", "household", 1))
    assert found.accounts.rows() == [("benign", 1, 1, 0), ("sharing", 0, 0, 0), ("abuse", 2, 1, 1)]
    assert _row(found, ABOVE_1, "resale")["accounts"] == 1
    truth = pl.DataFrame({"account": [1, 2], "kind": ["ring", "household"], "label": ["abuse", "benign"]})
    scores = pl.DataFrame({"account": [2], "score": [1.0]})
    unseen = evaluation.evaluate(scores, truth, pl.DataFrame({"account": [2], "devices": [1]}), draws=5)
    assert unseen.accounts.rows() == [("benign", 1, 1, 0), ("sharing", 0, 0, 0), ("abuse", 1, 0, 1)]
    assert _value(unseen, ABOVE_1, "ring") is None


@pytest.mark.parametrize("accounts", [[("abuse", "ring", 1.0)] * 3, _innocents(3), [], [("benign", "household", None)]])
def test_one_class_alone_has_no_figure(accounts: list[tuple[str, str, float | None]]) -> None:
    """Where there is nobody to tell apart, nothing is claimed."""
    found = _judged(*accounts)
    assert _value(found, AVERAGE_PRECISION, ABUSE) is None
    assert _value(found, ABOVE_1, ABUSE) is None


def test_a_kind_that_truth_does_not_name_is_not_listed() -> None:
    """Only kinds of the given truth have rows: two of the abusive here."""
    found = _judged(("abuse", "ring", 2), ("abuse", "resale", 2), *_innocents(2))
    kinds = found.measures.filter(measure=AVERAGE_PRECISION, method=OURS)["kind"]
    assert kinds.to_list() == [ABUSE, "resale", "ring"]


def test_the_abusive_are_judged_by_intensity_too() -> None:
    """Where truth tells it, there is a row for each intensity, over all abusive kinds."""
    truth = pl.DataFrame(
        {
            "account": range(4),
            "kind": ["resale", "ring", "resale", "household"],
            "label": ["abuse"] * 3 + ["benign"],
            "intensity": ["faint", "blatant", "blatant", None],
        }
    )
    scores = pl.DataFrame({"account": range(4), "score": [0.0, 3.0, 2.0, 1.0]})
    found = evaluation.evaluate(scores, truth, scores.select("account", devices=1), draws=5)
    assert _value(found, ABOVE_1, "all abuse, faint") == 0
    assert _value(found, ABOVE_1, "all abuse, blatant") == 1
    assert _row(found, ABOVE_1, "all abuse, blatant")["accounts"] == 2


def test_wrong_truth_is_refused() -> None:
    """Another label, or an account twice, ends with a sentence."""
    with pytest.raises(InputError, match="expected the labels benign, sharing, abuse in truth, found 'bad'; rename it"):
        _judged(("bad", "ring", 2))
    truth = pl.DataFrame({"account": [1, 1], "kind": "ring", "label": "abuse"})
    scores = pl.DataFrame({"account": [1], "score": [1.0]})
    with pytest.raises(InputError, match="expected each account once in truth, found 1 rows more"):
        evaluation.evaluate(scores, truth, scores.select("account"))


def test_rivals_rank_by_what_they_see() -> None:
    """An account with 60 devices is first to the forest on counts and to the rules, whatever our score says."""
    accounts = [("abuse", "resale", 0.0), *_innocents(40, score=1)]
    found = _judged(*accounts, devices=[60, *(1 + i % 4 for i in range(40))])
    assert _value(found, AVERAGE_PRECISION, ABUSE) == pytest.approx(1 / 41)
    assert _value(found, AVERAGE_PRECISION, ABUSE, evaluation.COUNTS) == 1
    assert _value(found, AVERAGE_PRECISION, ABUSE, evaluation.RULES) == 1


def test_rivals_read_features_that_there_are() -> None:
    assert {*rivals.COUNTS, *rivals.RULES} <= set(features.CATALOGUE)


def test_rivals_without_their_features_are_left_out() -> None:
    """A log that counts nothing leaves our score alone on the table."""
    features = pl.DataFrame({"account": [1, 2], "views_per_title": [1.0, 2.0]})
    assert rivals.usual_rules(features) is rivals.counts_forest(features, seed=0) is None
    truth = pl.DataFrame({"account": [1, 2], "kind": ["ring", "household"], "label": ["abuse", "benign"]})
    scores = pl.DataFrame({"account": [1, 2], "score": [1.0, 0.5]})
    found = evaluation.evaluate(scores, truth, features, draws=5)
    assert found.measures["method"].unique().to_list() == [OURS]


def test_two_broken_rules_outrank_one_badly_broken() -> None:
    """The number of rules comes first, then by how far they are broken."""
    features = pl.DataFrame({"devices": [500, 11, 12, None], "countries": [9, 9, 9, 9], "networks": [1, 13, 13, 2]})
    scores = rivals.usual_rules(features)
    assert scores is not None
    assert scores.arg_sort(descending=True).to_list() == [2, 1, 0, 3]
    assert scores[3] == 0


def test_people_read_it_side_by_side() -> None:
    """One row for each kind, the whole first, with a cell for each method."""
    rows = _judged(("abuse", "ring", 2), ("abuse", "resale", 2), *_innocents(2)).side_by_side(ABOVE_1)
    assert [row[ABOVE_1] for row in rows] == [ABUSE, "resale", "ring", INNOCENT, "household"]
    assert rows[0][OURS].startswith("100.0 [")
    assert rows[0].keys() == {ABOVE_1, "accounts", OURS, evaluation.COUNTS, evaluation.RULES}


def _naming() -> Evaluation:
    """Four of the sharing and two who resell, at a capacity of two: two lasting groups are sharing, six that come and
    go resale."""
    truth = pl.DataFrame(
        {
            "account": range(7),
            "kind": ["friends"] * 4 + ["resale"] * 2 + ["household"],
            "label": ["sharing"] * 4 + ["abuse"] * 2 + ["benign"],
            "households": [2, 4, 2, None, 2, 2, 1],
        }
    )
    scores = pl.DataFrame({"account": range(7), "score": [9.0, 5.0, 4.0, 3.0, 8.0, None, 1.0]})
    features = pl.DataFrame(
        {
            "account": range(7),
            "lived_in_homes_365d": [3.0, 2.0, None, 3.0, 0.0, 2.0, 1.0],
            "lasting_groups": [2.0, 2.0, None, 3.0, 0.0, 2.0, 1.0],
            "returning_groups": [3.0, 2.0, None, 6.0, 7.0, 2.0, 1.0],
            "newcomer_share": [0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0],
        }
    )
    return evaluation.evaluate(scores, truth, features, capacity_share=0.34, draws=5)


def test_sharing_is_told_apart_from_resale_by_name() -> None:
    """All who have a score are named, not only the flagged; of those without a score nothing is said."""
    found = _naming().naming.filter(pl.col("measure") != naming.WITHIN_ONE)
    values = {(row["kind"], row["among"], row["measure"]): row["value"] for row in found.iter_rows(named=True)}
    assert values == {
        ("friends", naming.HIGHEST, naming.NAMED_SHARING): 1.0,
        ("friends", naming.HIGHEST, naming.NAMED_RESALE): 0.0,
        ("friends", naming.HIGHEST, naming.NAMED_OTHERWISE): 0.0,
        ("friends", naming.ALL_SCORED, naming.NAMED_SHARING): 0.5,
        ("friends", naming.ALL_SCORED, naming.NAMED_RESALE): 0.25,
        ("friends", naming.ALL_SCORED, naming.NAMED_OTHERWISE): 0.25,
        ("resale", naming.HIGHEST, naming.NAMED_SHARING): 0.0,
        ("resale", naming.HIGHEST, naming.NAMED_RESALE): 1.0,
        ("resale", naming.HIGHEST, naming.NAMED_OTHERWISE): 0.0,
        ("resale", naming.ALL_SCORED, naming.NAMED_SHARING): 0.0,
        ("resale", naming.ALL_SCORED, naming.NAMED_RESALE): 1.0,
        ("resale", naming.ALL_SCORED, naming.NAMED_OTHERWISE): 0.0,
    }


def test_households_are_counted_where_both_numbers_are_known() -> None:
    """3 for 2 is within one, 2 for 4 is not; an unknown number on either side is left out, and a truth without the
    column gives no figure. Somebody watched, so there is one at least."""
    rows = _naming().naming.filter(measure=naming.WITHIN_ONE, among=naming.ALL_SCORED)
    assert rows.select("kind", "accounts", "value").rows() == [("friends", 2, 0.5), ("resale", 1, 1.0)]
    assert rows["low"][0] < 0.5 < rows["high"][0]
    without = _judged(("sharing", "friends", 2), *_innocents(2)).naming.filter(measure=naming.WITHIN_ONE)
    assert set(without.select("accounts", "value").rows()) == {(0, None)}


def test_people_read_the_naming_side_by_side() -> None:
    """One row for each kind, the sharing first, with the flagged beside all."""
    rows = _naming().names_side_by_side(naming.NAMED_RESALE)
    assert [row[naming.NAMED_RESALE] for row in rows] == ["friends", "resale"]
    assert (rows[0]["the highest"], rows[0]["all scored"]) == (1, 4)
    assert rows[0]["of all scored"].strip().startswith("25.0 [")
