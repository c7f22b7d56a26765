"""How things are said on a page: times, shares, where a case stands, what was done to it."""

import datetime as dt
import math
from collections.abc import Callable, Mapping
from typing import Any

from detector.cases import Case
from detector.features import CATALOGUE

_UNITS = ((86400 * 365, "y"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "min"))


def age(then: dt.datetime, now: dt.datetime) -> str:
    """How long ago, in one unit.

    >>> age(dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 3, 4))
    '2 d'
    """
    seconds = (now - then).total_seconds()
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return "now"


def moment(at: dt.datetime) -> str:
    """A time of the UTC clock."""
    return f"{at:%Y-%m-%d %H:%M}"


def day(at: dt.date) -> str:
    """A day with its weekday.

    >>> day(dt.date(2026, 1, 2))
    'Fri 2 Jan 2026'
    """
    return f"{at:%a} {at.day} {at:%b %Y}"


def span(seconds: int | None) -> str:
    """A length of time.

    >>> span(5000), span(59), span(None)
    ('1 h 23', '59 s', '-')
    """
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 3600} h {seconds // 60 % 60:02}" if seconds >= 3600 else f"{seconds // 60} min"


def number(value: float | None) -> str:
    """A number as short as it can be read.

    >>> number(0.0), number(2411.38621), number(0.294), number(None)
    ('0', '2,411', '0.294', '-')
    """
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def measure(value: float | None, unit: str) -> str:
    """What was measured, a share in per cent.

    >>> measure(1.0, "share"), measure(1.0, "days")
    ('100 %', '1')
    """
    return share(value) if unit == "share" else number(value)


def capital(sentence: str) -> str:
    """A sentence as one begins it."""
    return sentence[:1].upper() + sentence[1:]


def share(value: float | None) -> str:
    """A share in per cent; what is small but not nothing is not said to be nothing.

    >>> share(0.29), share(0.00294), share(0.00001)
    ('29 %', '0.29 %', '< 0.01 %')
    """
    if value is None:
        return "-"
    if value == 0:
        return "0 %"
    if value < 0.0001:
        return "< 0.01 %"
    return f"{value * 100:.2g} %" if value < 0.1 else f"{value:.0%}".replace("%", " %")


def tail(percentile: float) -> float:
    """Where a percentile stands on a scale from 0 to 1 on which each nine takes as much room as the last.

    >>> tail(0), round(tail(90), 2), round(tail(99), 2), tail(100)
    (0.0, 0.33, 0.67, 1.0)
    """
    return min(-math.log10(max(1 - percentile / 100, 1e-3)) / 3, 1.0) + 0.0


def short(digits: str | None) -> str:
    """The beginning of a pseudonym, enough to tell those of one account apart."""
    return digits[:6] if digits else "-"


def describe(feature: str) -> str:
    """What a feature says, in words."""
    return CATALOGUE[feature].says.rstrip(".") if feature in CATALOGUE else feature


def standing(case: Case | Mapping[str, Any]) -> str:
    """Where a case stands, in a few words."""
    said = case if isinstance(case, Mapping) else vars(case)
    status = said["status"]
    if status not in ("proposed", "decided"):
        return str(status)
    what = said["verdict_kind"] or said["cause"]
    verdict = f"{said['outcome']}{f': {what}' if what else ''}"
    if said["response"] not in (None, "none"):
        verdict += f", {said['response']}"
    contest = {None: "", "open": "; contested", "upheld": "; contested, upheld", "overturned": "; overturned"}
    return f"waits for a second person: {verdict}" if status == "proposed" else verdict + contest[said["contest"]]


_DONE = {
    "undone": "took the verdict back",
    "noted": "noted",
    "withdrawn": "no longer shows it",
    "agreed": "agreed, as the second person",
    "disagreed": "disagreed, as the second person: it is open again",
    "reopened": "opened it again",
    "contested": "recorded that the holder contests it",
    "contest upheld": "reviewed the contest: the verdict holds",
    "contest overturned": "reviewed the contest: the verdict does not hold",
}


def done(act: Mapping[str, Any]) -> str:
    """What was done to a case, as the rest of a sentence that begins with who did it.

    >>> done({"action": "assigned", "detail": {"to": "ana"}})
    'put it into the hands of ana'
    >>> done({"action": "shown again", "detail": {"score": [9.0, 11.5], "kind": ["ring", "resale"]}})
    'showed it again: looks like resale now, not like ring; score 9.0, now 11.5'
    """
    say = _SAYING.get(act["action"])
    return say(act["detail"]) if say else _DONE.get(act["action"], str(act["action"]))


def _verdict(detail: Mapping[str, Any]) -> str:
    return ", ".join(str(detail[name]) for name in ("outcome", "kind", "cause", "response") if detail.get(name))


def _shown_again(detail: Mapping[str, Any]) -> str:
    told = []
    if "kind" in detail:
        told.append("looks like {1} now, not like {0}".format(*detail["kind"]))
    if "family" in detail:
        told.append("most unusual in {1} now, not in {0}".format(*detail["family"]))
    if "score" in detail:
        before, after = ("none" if score is None else f"{score:.1f}" for score in detail["score"])
        told.append(f"score {before}, now {after}")
    for name, words in (("reasons_new", "new"), ("reasons_gone", "no longer")):
        if detail.get(name):
            told.append(f"{words}: {', '.join(describe(feature).lower() for feature in detail[name])}")
    return f"showed it again{': ' if told else ''}{'; '.join(told)}"


def counted(suppressed: Mapping[str, Any]) -> str:
    """What is left out, in words.

    >>> counted({"scope": "device", "value": "0a1b2c3d4e5f6071"})
    'the device 0a1b2c'
    """
    scope, value = suppressed["scope"], suppressed["value"]
    if scope == "everything":
        return "everything"
    return f"\u201c{describe(value)}\u201d" if scope == "feature" else f"the {scope} {short(value)}"


_SAYING: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "assigned": lambda detail: (
        f"put it into the hands of {detail['to']}" if detail.get("to") else "gave it back to the queue"
    ),
    "decided": lambda detail: f"decided: {_verdict(detail)}",
    "proposed": lambda detail: f"proposed, for a second person to agree: {_verdict(detail)}",
    "kind changed": lambda detail: f"found that it looks like {detail.get('to')} now, not like {detail.get('from')}",
    "snoozed": lambda detail: (
        f"put it off until {detail['until']}" if detail.get("until") else "brought it back into the queue"
    ),
    "suppressed": lambda detail: (
        f"let {counted(detail)} not count until {detail.get('until')}: {detail.get('why', '')}"
    ),
    "lifted": lambda detail: f"let {counted(detail)} count again",
    "shown again": _shown_again,
}
