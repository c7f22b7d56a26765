"""The pictures of an account as shapes with classes; colours are the style sheet's, so that both schemes have theirs.

Each is drawn from a table of `portrait` and stands beside it. What a shape means is in its title.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from detector.portrait import Portrait, telling_days

_COLOURS = 8  # networks that have a colour of their own; the others share the last
_LANES, _DAYS, _OTHERS = 12, 4, 24  # devices, days of the strip and other accounts that are drawn


@dataclass(frozen=True)
class Shape:
    """An element of a drawing: its name, attributes, and what it says (for a text) or means (for the others)."""

    name: str
    attributes: Mapping[str, Any]
    says: str = ""


@dataclass(frozen=True)
class Drawing:
    """A picture in units of about a pixel; `says` tells in a sentence what it shows."""

    width: float
    height: float
    says: str
    shapes: Sequence[Shape] = field(default_factory=tuple)


def hue(number: int | None) -> str:
    """The class of a network's colour; those beyond the palette share the last, unknown ones have none."""
    return "hue-0" if number is None else f"hue-{min(number, _COLOURS)}"


def _rect(x: float, y: float, width: float, height: float, kind: str, says: str = "") -> Shape:
    box = {"x": round(x, 1), "y": round(y, 1), "width": round(width, 1), "height": round(height, 1)}
    return Shape("rect", box | {"class": kind}, says)


def _text(x: float, y: float, says: str, kind: str = "", anchor: str = "start") -> Shape:
    return Shape("text", {"x": round(x, 1), "y": round(y, 1), "text-anchor": anchor, "class": kind}, says)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Shape:
    ends = {"x1": round(x1, 1), "y1": round(y1, 1), "x2": round(x2, 1), "y2": round(y2, 1)}
    return Shape("line", ends | {"class": kind})


def _dot(x: float, y: float, radius: float, kind: str, says: str = "") -> Shape:
    return Shape("circle", {"cx": round(x, 1), "cy": round(y, 1), "r": round(radius, 1), "class": kind}, says)


def calendar(portrait: Portrait) -> Drawing:
    """A year, a column for each week: days on which something was watched, and those of the longest run."""
    cell, left, top = 12, 28, 16
    rows = portrait.calendar.to_dicts()
    first: dt.date = rows[0]["day"]
    monday = first - dt.timedelta(days=first.weekday())
    shapes = [
        _text(0, top + n * cell + 9, name, "axis") for n, name in ((0, "Mon"), (2, "Wed"), (4, "Fri"), (6, "Sun"))
    ]
    for row in rows:
        day: dt.date = row["day"]
        week, weekday = divmod((day - monday).days, 7)
        x, y = left + week * cell, top + weekday * cell
        if day.day <= 7 and weekday == 0:
            shapes.append(_text(x, 10, f"{day:%b}", "axis"))
        kind = "streak" if row["in_streak"] else "watched" if row["plays"] else "nothing"
        run = f", day {row['streak_days']} of a run" if row["streak_days"] > 1 else ""
        shapes.append(_rect(x, y, cell - 2, cell - 2, kind, f"{day}: {row['plays']} playbacks{run}"))
    weeks = (rows[-1]["day"] - monday).days // 7 + 1
    watched, longest = sum(row["plays"] > 0 for row in rows), max(row["streak_days"] for row in rows)
    says = f"Something was watched on {watched} of {len(rows)} days"
    if longest > 1:
        says += f"; the longest run of days with a view of the same title has {longest}"
    return Drawing(left + weeks * cell, top + 7 * cell, f"{says}.", shapes)


def strip(portrait: Portrait) -> Drawing | None:
    """The days that tell most, hour by hour: a lane for each device; what ran at once is coloured by network."""
    days = telling_days(portrait.stretches, _DAYS)
    if not days:
        return None
    left, lane, width, top = 92, 13, 620, 16
    hour = width / 30
    shapes = [_text(left + number * hour, 10, f"{number % 24:02}", "axis", "middle") for number in range(0, 31, 3)]
    y: float = top
    for day in days:
        rows = portrait.stretches.filter(pl.col("day") == day).to_dicts()
        lanes = sorted({row["device_no"] or 0 for row in rows})[:_LANES]
        shapes.append(_text(0, y + 10, f"{day:%a %-d %b}", "name"))
        for number, device in enumerate(lanes):
            at = y + number * lane
            shapes.append(_text(left - 6, at + 10, f"{device or '?'}", "axis", "end"))
            shapes.append(_line(left, at + lane - 1.5, left + width, at + lane - 1.5, "rule"))
            shapes += [_stretch(row, left, at, hour) for row in rows if (row["device_no"] or 0) == device]
        y += len(lanes) * lane + 10
    says = f"{len(days)} days, a lane for each device; streams that ran at once are coloured by network."
    return Drawing(left + width + 8, y - 4, says, shapes)


def _stretch(row: Mapping[str, Any], left: float, y: float, hour: float) -> Shape:
    start, end = row["from_h"], row["to_h"] if row["to_h"] is not None else row["from_h"]
    at_once = (row["at_once"] or 1) > 1
    says = f"{_clock(start)} to {_clock(row['to_h'])}, device {_no(row['device_no'])}, network {_no(row['network_no'])}"
    if at_once:
        says += f", {row['at_once']} at once"
    length = min(end, 30) - start
    return _rect(
        left + start * hour, y + 1, max(length * hour, 1.5), 9, hue(row["network_no"]) if at_once else "alone", says
    )


def _clock(hours: float | None) -> str:
    return "unknown" if hours is None else f"{int(hours) % 24:02}:{int(hours * 60) % 60:02}"


def _no(number: int | None) -> str:
    return "unknown" if number is None else str(number)


def roaming(portrait: Portrait) -> Drawing | None:
    """Devices by day: each dot is where a device watched most that day, coloured by network."""
    rows = portrait.roaming.to_dicts()
    if not rows:
        return None
    first, last = min(row["day"] for row in rows), portrait.day
    days, lanes = (last - first).days + 1, min(portrait.devices.height, _LANES)
    left, top, lane, step = 92, 16, 15, min(22.0, 640 / days)
    shapes = [
        _text(left + n * step, 10, f"{first + dt.timedelta(days=n):%-d %b}", "axis", "middle")
        for n in range(0, days, max(1, days // 7))
    ]
    for number in range(lanes):
        y = top + number * lane + lane / 2
        shapes.append(_text(left - 12, y + 4, f"device {number + 1}", "axis", "end"))
        shapes.append(_line(left, y, left + (days - 1) * step, y, "rule"))
    for row in rows:
        if row["device_no"] is None or row["device_no"] > lanes:
            continue
        x, y = left + (row["day"] - first).days * step, top + (row["device_no"] - 1) * lane + lane / 2
        says = f"{row['day']}: device {row['device_no']} on network {_no(row['network_no'])}, {row['plays']} playbacks"
        shapes.append(
            _dot(x, y, 3.5 + min(row["networks"] - 1, 2) if row["networks"] else 3.5, hue(row["network_no"]), says)
        )
    devices, networks = portrait.devices.height, portrait.networks.height
    says = f"{devices} devices over {days} days on {networks} networks, coloured by network."
    return Drawing(left + (days - 1) * step + 12, top + lanes * lane + 2, says, shapes)


def hours(portrait: Portrait) -> Drawing:
    """The hours of the day: of how many days each has something, on weekdays and at weekends."""
    step, height, top = 22, 70, 8
    shapes = [_line(0, top + height, 24 * step, top + height, "rule")]
    for row in portrait.hours.to_dicts():
        x = row["hour"] * step
        for name, offset, kind in (("weekday_share", 2, "weekday"), ("weekend_share", 11, "weekend")):
            value = row[name]
            if value is None:  # no such day was seen
                continue
            words = f"{row['hour']:02}:00, {kind}s: {value:.0%}"
            shapes.append(_rect(x + offset, top + height * (1 - value), 8, height * value, kind, words))
        if row["hour"] % 3 == 0:
            shapes.append(_text(x, top + height + 13, f"{row['hour']:02}", "axis"))
    return Drawing(
        24 * step, top + height + 18, "Share of the days on which something played in each local hour.", shapes
    )


def ring(portrait: Portrait) -> Drawing | None:
    """What ties the account to others: it, the devices and addresses that are shared, the other accounts."""
    rows = portrait.ring.to_dicts()
    if not rows:
        return None
    shared = list(dict.fromkeys((row["what"], row["shared"]) for row in rows))[:_OTHERS]
    others = list(dict.fromkeys(row["other"] for row in rows if (row["what"], row["shared"]) in shared))
    drawn = others[:_OTHERS]
    step, top = 22, 14
    height = max(len(shared), len(drawn)) * step
    middle = top + height / 2

    def spread(things: Sequence[Any]) -> dict[Any, float]:
        return {thing: top + height * (n + 0.5) / len(things) for n, thing in enumerate(things)}

    at, beside = spread(shared), spread(drawn)
    lines: list[Shape] = [_line(70, middle, 240, y, "tie") for y in at.values()]
    for row in rows:
        thing = (row["what"], row["shared"])
        if thing in at and row["other"] in beside:
            lines.append(_line(240, at[thing], 430, beside[row["other"]], "tie"))
    shapes = [*lines, _dot(70, middle, 7, "self", "this account"), _text(58, middle + 4, "this one", "axis", "end")]
    for (what, digits), y in at.items():
        shapes += [
            _dot(240, y, 5, f"shared-{what}", what),
            _text(240, y - 8, f"{what} {digits:016x}"[: len(what) + 7], "axis", "middle"),
        ]
    for account, y in beside.items():
        shapes += [_dot(430, y, 6, "other", f"account {account:016x}"), _text(442, y + 4, f"{account:016x}", "mono")]
    more = f" ({len(others) - len(drawn)} more are not drawn)" if len(others) > len(drawn) else ""
    return Drawing(
        570,
        top + height + 6,
        f"{len(others)} other accounts share {len(shared)} devices or addresses with it{more}.",
        shapes,
    )


def nights(portrait: Portrait) -> Drawing | None:
    """The score, night by night; flagged nights are filled."""
    rows = [row for row in portrait.nights.to_dicts() if row["score"] is not None]
    if len(rows) < 2:
        return None
    left, top, width, height = 30, 8, 620, 80
    first, last = rows[0]["day"], rows[-1]["day"]
    most = max(1.0, *(row["score"] for row in rows))
    days = max((last - first).days, 1)
    points = [
        (left + (row["day"] - first).days / days * width, top + height * (1 - row["score"] / most), row) for row in rows
    ]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in points)
    shapes = [
        _text(left - 6, top + 8, f"{most:.0f}", "axis", "end"),
        _text(left - 6, top + height, "0", "axis", "end"),
        _line(left, top + height, left + width, top + height, "rule"),
        Shape("path", {"d": path, "class": "score"}),
        _text(left, top + height + 14, f"{first}", "axis"),
        _text(left + width, top + height + 14, f"{last}", "axis", "end"),
    ]
    for x, y, row in points:
        flagged = "flagged" if row["flagged"] else "unflagged"
        shapes.append(_dot(x, y, 3.5, flagged, f"{row['day']}: {row['score']:.1f}, {flagged}"))
    return Drawing(left + width + 8, top + height + 20, f"The score over {len(rows)} nights.", shapes)


def months(portrait: Portrait) -> list[dict[str, Any]]:
    """The calendar as a table: by month, days watched, playbacks, views, and days of the longest run."""
    by_month = portrait.calendar.group_by(pl.col("day").dt.truncate("1mo"), maintain_order=True).agg(
        watched=(pl.col("plays") > 0).sum(),
        plays=pl.col("plays").sum(),
        views=pl.col("views").sum(),
        in_run=pl.col("in_streak").sum(),
    )
    return by_month.to_dicts()


def strip_rows(portrait: Portrait) -> Iterable[dict[str, Any]]:
    """The strip as a table."""
    days = telling_days(portrait.stretches, _DAYS)
    for row in portrait.stretches.filter(pl.col("day").is_in(days)).to_dicts():
        yield row | {"begins": _clock(row["from_h"]), "ends": _clock(row["to_h"])}
