"""What kind of case an account looks like."""

import polars as pl
import pytest

from detector import likeness
from detector.cases import KINDS

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
        ({"score_unresting": 9.0}, {"hours_per_start": 200.0, "repeat_share": 0.0}, "restreaming"),
        ({"score_unresting": 9.0}, {"hours_per_start": 200.0, "repeat_share": 0.8}, "loop or automated playback"),
        (
            {"score_unresting": 9.0, "score_repetition": 2.5, "score_rings": 3.0},
            {"ring_accounts": 5.0, "views_per_title": 9.0},
            "loop or automated playback",
        ),
        ({"score_concurrency": 3.0}, {"hours_per_active_day": 60.0, "active_hours": 24.0}, "restreaming"),
        ({"score_concurrency": 3.0}, {"hours_per_active_day": 60.0, "active_hours": 12.0}, "unclear"),
        ({"score_unresting": 9.0}, {"unresting_days": 20.0, "repeat_share": 0.0}, "restreaming"),
        ({"score_unresting": 9.0, "score_repetition": 2.5}, {"unresting_days": 20.0}, "loop or automated playback"),
        ({"score_unresting": 9.0}, {"bare_view_share": 0.9}, "loop or automated playback"),
        ({"score_unresting": 9.0}, {"unresting_days": 2.0}, "unclear"),
        ({"score_groups": 3.0}, {"returning_groups": 6.0, "lasting_groups": 3.0}, "resale"),
        (
            {"score_groups": 3.0},
            {"returning_groups": 6.0, "lasting_groups": 3.0, "homes_365d": 2.0, "joined_365d_share": 0.0},
            SHARING,
        ),
        (
            {"score_groups": 2.0, "score_change": 2.5},
            {"returning_groups": 2.0, "lasting_groups": 2.0},
            "account takeover",
        ),
        (
            {"score_groups": 3.0, "score_change": 2.5},
            {"lasting_groups": 2.0, "returning_groups": 2.0, "newcomer_share": 0.6, "newcomer_abroad_share": 0.0},
            SHARING,
        ),
        (
            {"score_groups": 3.0, "score_change": 2.5},
            {"lasting_groups": 2.0, "returning_groups": 2.0, "newcomer_share": 0.6, "newcomer_abroad_share": 0.6},
            "account takeover",
        ),
        ({"score_groups": 3.0}, {"returning_groups": 4.0, "lasting_groups": 2.0, "newcomer_share": 0.1}, "resale"),
        ({"score_groups": 3.0}, {"returning_groups": 4.0, "lasting_groups": 2.0, "newcomer_share": 0.0}, SHARING),
        ({"score_groups": 2.0}, {"returning_groups": 3.0, "lasting_groups": 2.0}, SHARING),
        ({"score_groups": 2.0}, {"returning_groups": 2.0, "lasting_groups": 1.0}, SHARING),
        ({"score_profiles": 2.0}, {"returning_groups": 1.0, "lasting_strangers": 4.0}, "resale"),
        ({"score_profiles": 2.0}, {"returning_groups": 1.0, "lasting_strangers": 2.0}, "household sharing"),
        ({"score_residents": 3.0}, {"returning_groups": 1.0, "homes_365d": 4.0}, "resale"),
        ({"score_residents": 3.0}, {"returning_groups": 1.0, "homes_365d": 3.0, "newcomer_share": 0.1}, "resale"),
        ({"score_residents": 3.0}, {"returning_groups": 1.0, "homes_365d": 3.0, "joined_365d_share": 0.5}, SHARING),
        ({"score_residents": 3.0}, {"homes_365d": 1.0, "lived_in_homes_365d": 2.0}, SHARING),
        ({"score_residents": 3.0}, {"homes_365d": 1.0, "people_365d": 4.0}, "resale"),
        ({"score_residents": 3.0}, {"homes_365d": 2.0, "people_365d": 5.0}, SHARING),
        (
            {"score_groups": 3.0},
            {"returning_groups": 6.0, "newcomer_share": 0.3, "homes_365d": 2.0, "joined_365d_share": 0.1},
            "resale",
        ),
        ({"score_residents": 2.0, "score_joined": 3.0}, {"returning_groups": 2.0}, "account takeover"),
        ({"score_residents": 3.0, "score_joined": 2.0}, {"returning_groups": 2.0}, SHARING),
        ({"score_groups": 3.5, "score_joined": 3.0}, {"returning_groups": 2.0, "homes_365d": 1.0}, "account takeover"),
        ({"score_groups": 3.5, "score_joined": 3.0}, {"returning_groups": 2.0, "homes_365d": 2.0}, SHARING),
        ({"score_groups": 3.5, "score_joined": 3.0}, {"returning_groups": 2.0, "homes_365d": None}, SHARING),
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
    assert likeness.kinds(scores, features)["kind"].to_list() == [kind]


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
    assert likeness.kinds(scores, features)["kind_share"].to_list() == [share]


def test_every_kind_but_unclear_has_families_that_speak_for_it() -> None:
    assert {*likeness._SPEAKING, "unclear"} == set(KINDS)


def test_a_log_without_a_family_still_has_kinds() -> None:
    """A model that knows one family only names what that family shows."""
    scores = pl.DataFrame({"account": [1, 2], "score_repetition": [3.0, 0.5]})
    named = likeness.kinds(scores, pl.DataFrame({"account": [1, 2]}))
    assert named["kind"].to_list() == ["loop or automated playback", "unclear"]
