"""Scores + capacity → flags."""

import polars as pl
import pytest

from detector import decisions

SHARING = "household sharing"
QUIET = dict.fromkeys(
    (f"score_{name}" for name in ("repetition", "concurrency", "devices", "places", "groups", "change", "rings")), 0.1
)


@pytest.mark.parametrize(
    ("evidence", "measured", "kind"),
    [
        ({"score_repetition": 9.0, "score_rings": 2.5}, {"ring_accounts": 5.0}, "loop or automated playback"),
        ({"score_repetition": 2.1, "score_rings": 2.5}, {"ring_accounts": 5.0}, "ring"),
        ({"score_rings": 2.5}, {"ring_accounts": 2.0}, "unclear"),
        ({"score_concurrency": 3.0}, {"hours_per_active_day": 60.0, "active_hours": 24.0}, "restreaming"),
        ({"score_concurrency": 3.0}, {"hours_per_active_day": 60.0, "active_hours": 12.0}, "unclear"),
        ({"score_groups": 3.0}, {"returning_groups": 6.0, "lasting_groups": 3.0}, "resale"),
        (
            {"score_groups": 2.0, "score_change": 2.5},
            {"returning_groups": 2.0, "lasting_groups": 2.0},
            "account takeover",
        ),
        ({"score_groups": 3.0}, {"returning_groups": 4.0, "lasting_groups": 2.0, "newcomer_share": 0.1}, "resale"),
        ({"score_groups": 3.0}, {"returning_groups": 4.0, "lasting_groups": 2.0, "newcomer_share": 0.0}, SHARING),
        ({"score_groups": 2.0}, {"returning_groups": 3.0, "lasting_groups": 2.0}, SHARING),
        ({"score_groups": 2.0}, {"returning_groups": 2.0, "lasting_groups": 1.0}, SHARING),
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


def test_a_log_without_a_family_still_has_kinds() -> None:
    """A model that knows one family only names what that family shows."""
    scores = pl.DataFrame({"account": [1, 2], "score_repetition": [3.0, 0.5]})
    named = decisions.kinds(scores, pl.DataFrame({"account": [1, 2]}))
    assert named["kind"].to_list() == ["loop or automated playback", "unclear"]
