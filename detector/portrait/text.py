"""The pictures of one account in text, at most 80 columns wide."""

import datetime as dt
import string
import textwrap
from collections.abc import Iterable, Sequence

import polars as pl

from detector.portrait import Portrait, telling_days

_BARS = "▁▂▃▄▅▆▇█"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NOTHING, _WATCHED, _RUN = "·", "▒", "█"
_HALF_HOURS = 48
_DEVICES, _DAYS, _NIGHTS = 12, 4, 60  # at most so many are drawn


def draw(portrait: Portrait) -> str:
    """Every picture for which something is known, each under a line that says how to read it."""
    parts = [_calendar(portrait), _hours(portrait), _roaming(portrait), _strip(portrait), _nights(portrait)]
    return "\n\n".join(part for part in parts if part)


def sparkline(values: Iterable[float | None], *, most: float | None = None) -> str:
    """Values as bars from nothing to `most` (the largest of them unless said); a blank where one is not known.

    >>> sparkline([0, 1, None, 4, 8])
    '▁▂ ▅█'
    """
    known = list(values)
    top = most or max((value for value in known if value is not None), default=0) or 1
    return "".join(" " if value is None else _BARS[min(int(value / top * 8), 7)] for value in known)


def _calendar(portrait: Portrait) -> str:
    days = portrait.calendar
    if not days["plays"].sum():
        return ""
    monday = days["day"][0] - dt.timedelta(days=days["day"][0].weekday())
    weeks = (days["day"][-1] - monday).days // 7 + 1
    cells = [[" "] * weeks for _ in _WEEKDAYS]
    for day, plays, in_streak in days.select("day", "plays", "in_streak").iter_rows():
        cells[day.weekday()][(day - monday).days // 7] = _RUN if in_streak else _WATCHED if plays else _NOTHING
    run = int(days["in_streak"].sum())
    told = f"{_RUN} its longest run of one title ({run} days), " if run else ""
    head = f"a year, a column a week, to {portrait.day}: {told}{_WATCHED} watched, {_NOTHING} nothing"
    rows = [f"{name} {''.join(row)}" for name, row in zip(_WEEKDAYS, cells, strict=True)]
    return _under(textwrap.wrap(head, 80), rows)


def _hours(portrait: Portrait) -> str:
    rows = [
        f"{name}  {sparkline(portrait.hours[f'{name}_share'], most=1)}"
        for name in ("weekday", "weekend")
        if portrait.hours[f"{name}_share"].null_count() == 0
    ]
    ruler = f"{'':9}{'0     6     12    18   23'}"
    return _under(["hours of the day in which something played, by share of the days"], [ruler, *rows]) if rows else ""


def _roaming(portrait: Portrait) -> str:
    if portrait.roaming.is_empty():
        return ""
    first: dt.date = portrait.roaming["day"].to_list()[0]
    days = [first + dt.timedelta(days=ago) for ago in range((portrait.day - first).days + 1)]
    rows = _by_device(portrait.roaming, len(days))
    for day, device, network in portrait.roaming.select("day", "device_no", "network_no").iter_rows():
        if device in rows:
            rows[device][days.index(day)] = letter(network)
    head = [f"each device by day, {days[0]} to {days[-1]}: the network it was on, {_NOTHING} nothing"]
    return _under(head, _lines(rows, len(portrait.devices)))


def _strip(portrait: Portrait) -> str:
    stretches = portrait.stretches.filter(pl.col("device_no").is_not_null(), pl.col("to_h").is_not_null())
    if stretches.is_empty():
        return ""
    body: list[str] = []
    for day in telling_days(stretches, _DAYS):
        of_day = stretches.filter(pl.col("day") == day)
        rows = _by_device(of_day, _HALF_HOURS)
        for device, network, elsewhere, from_h, to_h in of_day.select(
            "device_no", "network_no", "elsewhere", "from_h", "to_h"
        ).iter_rows():
            for cell in range(int(2 * from_h), min(_HALF_HOURS, max(int(2 * from_h) + 1, round(2 * to_h)))):
                if device in rows and not (rows[device][cell].isupper() and not elsewhere):
                    rows[device][cell] = letter(network) if elsewhere else letter(network).lower()
        body += [f"{day}", *_lines(rows, of_day["device_no"].n_unique())]
    head = (
        "the days with the most at once, by half hours from 0 to 24: its network, a capital while another streams on "
        "another network"
    )
    return _under(textwrap.wrap(head, 80), body)


def _nights(portrait: Portrait) -> str:
    nights = portrait.nights.tail(_NIGHTS)
    if len(nights) < 2:
        return ""
    first, last = nights["day"][0], nights["day"][-1]
    return _under([f"score by night, {first} to {last}"], [sparkline(nights["score"])])


def letter(network_no: int | None) -> str:
    """How a network is called in pictures: A to Z by its number, * beyond, ? where none is known.

    >>> letter(1), letter(30), letter(None)
    ('A', '*', '?')
    """
    if network_no is None:
        return "?"
    return string.ascii_uppercase[network_no - 1] if network_no <= 26 else "*"


def _by_device(rows: pl.DataFrame, width: int) -> dict[int, list[str]]:
    numbers = rows["device_no"].drop_nulls().unique().sort().to_list()
    return {number: [_NOTHING] * width for number in numbers[:_DEVICES]}


def _lines(rows: dict[int, list[str]], devices: int) -> list[str]:
    lines = [f"device {number:<3} {''.join(cells)}" for number, cells in rows.items()]
    return lines if devices <= len(rows) else [*lines, f"and {devices - len(rows)} more devices"]


def _under(head: Sequence[str], body: Sequence[str]) -> str:
    return "\n".join([*head, *(f"  {line}" for line in body)])
