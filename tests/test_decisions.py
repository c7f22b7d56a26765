"""Scores + capacity → flags."""

import polars as pl
import pytest

from detector import config, decisions
from detector.cases import KINDS
from detector.decisions import Chosen

SHARING = "household sharing"
QUIET = dict.fromkeys(
    (f"score_{name}" for name in ("repetition", "concurrency", "devices", "places", "groups", "change", "rings")), 0.1
)


@pytest.mark.parametrize(
    ("evidence", "measured", "kind"),
    [
        ({"score_repetition": 9.0, "score_rings": 2.5}, {"ring_accounts": 5.0}, "loop or automated playback"),
        ({"score_repetition": 2.1, "score_rings": 2.5}, {"ring_accounts": 5.0}, "ring"),
        ({"score_repetition": 9.0, "score_rings": 2.5}, {"ring_accounts": 5.0, "lockstep_share": 0.9}, "ring"),
        ({"score_rings": 2.5}, {"ring_accounts": 2.0}, "unclear"),
        ({"score_repetition": 9.0}, {"hours_per_start": 200.0, "repeat_share": 0.0}, "restreaming"),
        ({"score_repetition": 9.0}, {"hours_per_start": 200.0, "repeat_share": 0.8}, "loop or automated playback"),
        ({"score_concurrency": 3.0}, {"hours_per_active_day": 60.0, "active_hours": 24.0}, "restreaming"),
        ({"score_concurrency": 3.0}, {"hours_per_active_day": 60.0, "active_hours": 12.0}, "unclear"),
        ({"score_groups": 3.0}, {"returning_groups": 6.0, "lasting_groups": 3.0}, "resale"),
        (
            {"score_groups": 3.0},
            {"returning_groups": 6.0, "lasting_groups": 3.0, "homes_365d": 2.0, "joined_home_share": 0.0},
            SHARING,
        ),
        (
            {"score_groups": 2.0, "score_change": 2.5},
            {"returning_groups": 2.0, "lasting_groups": 2.0},
            "account takeover",
        ),
        ({"score_groups": 3.0}, {"returning_groups": 4.0, "lasting_groups": 2.0, "newcomer_share": 0.1}, "resale"),
        ({"score_groups": 3.0}, {"returning_groups": 4.0, "lasting_groups": 2.0, "newcomer_share": 0.0}, SHARING),
        ({"score_groups": 2.0}, {"returning_groups": 3.0, "lasting_groups": 2.0}, SHARING),
        ({"score_groups": 2.0}, {"returning_groups": 2.0, "lasting_groups": 1.0}, SHARING),
        ({"score_profiles": 2.0}, {"returning_groups": 1.0, "lasting_strangers": 4.0}, "resale"),
        ({"score_profiles": 2.0}, {"returning_groups": 1.0, "lasting_strangers": 2.0}, "household sharing"),
        ({"score_residents": 3.0}, {"returning_groups": 1.0, "homes_365d": 4.0}, "resale"),
        ({"score_residents": 3.0}, {"returning_groups": 1.0, "homes_365d": 3.0, "joined_home_share": 0.1}, "resale"),
        ({"score_residents": 3.0}, {"returning_groups": 1.0, "homes_365d": 3.0, "joined_home_share": 0.0}, SHARING),
        ({"score_residents": 2.0, "score_joined": 3.0}, {"returning_groups": 2.0}, "account takeover"),
        ({"score_residents": 3.0, "score_joined": 2.0}, {"returning_groups": 2.0}, SHARING),
        ({"score_places": 2.0, "score_devices": 2.0}, {"returning_groups": None}, "resale"),
        ({"score_places": 2.0, "score_devices": 2.0}, {"returning_groups": 1.0}, "unclear"),
        ({}, {}, "unclear"),
    ],
)
def test_a_case_is_named_after_what_it_shows(
    evidence: dict[str, float], measured: dict[str, float | None], kind: str
) -> None:
    """The strongest sign names it; what is not known speaks for no kind, and one family that travels is no resale."""
    scores = pl.DataFrame({"account": [1], **{name: [value] for name, value in (QUIET | evidence).items()}})
    features = pl.DataFrame({"account": [1], **{name: [value] for name, value in measured.items()}})
    features = features.with_columns(pl.exclude("account").cast(pl.Float64))
    assert decisions.kinds(scores, features)["kind"].to_list() == [kind]


@pytest.mark.parametrize(
    ("evidence", "measured", "share"),
    [
        ({"score_repetition": 6.0, "score_rings": 2.0}, {}, 0.75),
        ({"score_rings": 3.0, "score_places": 2.0}, {"ring_accounts": 5.0}, 0.6),
        ({"score_concurrency": 3.0}, {"hours_per_active_day": 60.0, "active_hours": 24.0}, 0.968),
        ({}, {}, None),
    ],
)
def test_how_sure_a_kind_is(evidence: dict[str, float], measured: dict[str, float], share: float | None) -> None:
    """Its strongest evidence beside the strongest for anything else; of an unclear case nothing is said."""
    scores = pl.DataFrame({"account": [1], **{name: [value] for name, value in (QUIET | evidence).items()}})
    features = pl.DataFrame({"account": [1], **{name: [value] for name, value in measured.items()}})
    assert decisions.kinds(scores, features)["kind_share"].to_list() == [share]


def test_every_kind_but_unclear_has_families_that_speak_for_it() -> None:
    assert {*decisions._SPEAKING, "unclear"} == set(KINDS)


def test_a_log_without_a_family_still_has_kinds() -> None:
    """A model that knows one family only names what that family shows."""
    scores = pl.DataFrame({"account": [1, 2], "score_repetition": [3.0, 0.5]})
    named = decisions.kinds(scores, pl.DataFrame({"account": [1, 2]}))
    assert named["kind"].to_list() == ["loop or automated playback", "unclear"]


POLICY = config.load().settings.decision.model_copy(update={"capacity_share": 0.1, "unexplained_share": 0.5})
NOBODY = pl.Series([], dtype=pl.UInt64)


def _night(n: int = 20) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores that fall with the account, from n to 1, and kinds: account 1 shares, all others are unclear."""
    account = pl.int_range(n, dtype=pl.UInt64, eager=True).alias("account")
    scores = pl.DataFrame({"account": account}).with_columns(
        score=n - pl.col("account").cast(pl.Float64),
        rank=(pl.col("account") + 1).cast(pl.UInt32),
        p_value=(pl.col("account") + 1) / (n + 1),
        score_groups=pl.lit(1.0),
    )
    sharing = pl.when(pl.col("account") == 1).then(pl.lit("household sharing")).otherwise(pl.lit("unclear"))
    return scores, pl.DataFrame({"account": account}).with_columns(kind=sharing)


def _chosen(**changes: object) -> Chosen:
    scores, kinds = _night()
    asked: dict[str, object] = {"resting": NOBODY, "promised": False, "settings": POLICY} | changes
    return decisions.put_before_reviewers(scores, kinds, **asked)  # type: ignore[arg-type]


def test_what_is_kept_back_gives_its_place_to_the_next() -> None:
    """By policy, or after a verdict: counted, and not put before reviewers."""
    found = _chosen(resting=pl.Series([0], dtype=pl.UInt64))
    assert found.accounts["account"].to_list() == [2, 3]
    assert found.kept_back == {"decided lately": 1, "household sharing": 1}


def test_a_promise_keeps_back_what_is_beyond_it() -> None:
    """With 20 accounts against 20 nothing is rare enough for a promise of one in ten."""
    found = _chosen(promised=True)
    assert found.accounts.is_empty()
    assert found.kept_back == {"beyond the promised error rate": 1, "household sharing": 1}


def test_verdicts_order_what_is_shown_and_leave_places_for_the_unexplained() -> None:
    """Half of the places here go by what was learned, the other half by the score alone."""
    account = pl.int_range(20, dtype=pl.UInt64, eager=True).alias("account")
    priority = pl.DataFrame({"account": account}).with_columns(priority=pl.col("account").cast(pl.Float64))
    found = _chosen(priority=priority)
    assert found.accounts.select("account", "unexplained").rows() == [(19, False), (0, True)]
    assert found.accounts["q_value"].null_count() == 0


def test_a_home_of_one_account_is_not_flagged_for_being_first() -> None:
    """Where the capacity is less than one account, it takes a rare score."""
    scores, kinds = _night(2)
    usual = decisions.put_before_reviewers(scores, kinds, resting=NOBODY, promised=False, settings=POLICY)
    assert usual.accounts.is_empty()
    rare = scores.with_columns(p_value=pl.lit(0.05))
    flagged = decisions.put_before_reviewers(rare, kinds, resting=NOBODY, promised=False, settings=POLICY)
    assert flagged.accounts["account"].to_list() == [0]
