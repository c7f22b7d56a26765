"""What a night says of an account, put in the order in which a reviewer reads it."""

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from detector.features import CATALOGUE

_FIRST = 12  # playbacks and features that stand open; the rest unfolds


@dataclass(frozen=True)
class Evidence:
    """`could_be` are innocent causes to check, `ordinary` what is no more than in most accounts, `against` the other
    sentences that speak against it. `playbacks` carry beside each pseudonym a letter that tells it from others of this
    account, `things` are their devices and networks with pseudonym and letter. `families` are the evidence by side of
    life, strongest first; `causes` what a verdict may name."""

    reasons: Sequence[Mapping[str, Any]] = ()
    could_be: Sequence[str] = ()
    against: Sequence[str] = ()
    ordinary: Sequence[str] = ()
    cleared_by: Sequence[str] | None = None
    unusual: Sequence[Mapping[str, Any]] = ()
    usual: Sequence[Mapping[str, Any]] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    playbacks: Sequence[Mapping[str, Any]] = ()
    families: Sequence[tuple[str, float]] = ()
    causes: Sequence[str] = ()
    things: Sequence[tuple[str, str, str]] = ()


def of(night: Mapping[str, Any] | None) -> Evidence:
    """The evidence of a night as `explaining.explain` tells it; nothing where it is gone."""
    if night is None:
        return Evidence(causes=_causes(()))
    could_be, ordinary, against = [], [], []
    for sentence in night["counter_evidence"]:
        if sentence.startswith("could be "):
            could_be.append(sentence.removeprefix("could be "))
        elif sentence.startswith("no more than in most accounts: "):
            ordinary.append(sentence.removeprefix("no more than in most accounts: "))
        else:
            against.append(sentence)
    told = [row | {"unit": _unit(row["feature"])} for row in night["features"]]
    unusual = [row for row in told if row["percentile"] >= 90 and row["value"] != row["typical"]]
    families = {name.removeprefix("score_"): value for name, value in night.items() if name.startswith("score_")}
    playbacks = labelled(night["evidence"])
    things = {
        (kind, row[kind], row[f"{kind}_mark"]) for row in playbacks for kind in ("device", "network") if row.get(kind)
    }
    return Evidence(
        reasons=night["reasons"],
        could_be=could_be,
        against=against,
        ordinary=ordinary,
        cleared_by=night.get("cleared_by"),
        unusual=unusual,
        usual=[row for row in told if row not in unusual],
        missing=night["features_missing"],
        playbacks=playbacks,
        things=sorted(things, key=lambda thing: (thing[0], len(thing[2]), thing[2])),
        families=sorted(((name, value) for name, value in families.items() if value), key=lambda f: -f[1]),
        causes=_causes(reason["feature"] for reason in night["reasons"]),
    )


def _unit(feature: str) -> str:
    return CATALOGUE[feature].unit if feature in CATALOGUE else ""


def _causes(first: Iterable[str]) -> list[str]:
    """Innocent causes that a verdict may name: those of the features that made the case first."""
    named = [cause for name in first if name in CATALOGUE for cause in CATALOGUE[name].innocent]
    others = sorted({cause for feature in CATALOGUE.values() for cause in feature.innocent})
    return list(dict.fromkeys([*named, *others]))


def labelled(playbacks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Playbacks with `titles`, `devices`, `networks`, `profiles`: a mark for each pseudonym, in order of appearance.

    >>> labelled([{"device": "f3"}, {"device": None}, {"device": "0a"}, {"device": "f3"}])[3]["device_mark"]
    'A'
    """
    marks: dict[str, dict[str, str]] = {name: {} for name in ("title", "profile", "device", "network")}
    rows = []
    for playback in playbacks:
        row = dict(playback)
        for name, known in marks.items():
            if digits := playback.get(name):
                row[f"{name}_mark"] = known.setdefault(digits, _mark(len(known)))
            else:
                row[f"{name}_mark"] = None
        rows.append(row)
    return rows


def _mark(number: int) -> str:
    letters = string.ascii_uppercase
    return letters[number] if number < 26 else _mark(number // 26 - 1) + letters[number % 26]
