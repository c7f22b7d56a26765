"""The door to matplotlib: what is better seen than read."""

# ruff: noqa: PLC0415 - matplotlib is loaded when a picture is drawn
import io
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from detector import evaluation
from detector.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("#1b6ca8", "#d98b2b", "#8a8a8a", "#3f8f4f")
_METHODS = (evaluation.OURS, evaluation.COUNTS, evaluation.RULES, evaluation.LEARNED)  # each has its colour


def draw(found: evaluation.Evaluation) -> bytes:
    """A PNG: how much of each abusive kind is caught, and how many of each innocent kind are alarmed about."""
    from matplotlib.figure import Figure

    mine = found.measures.filter(pl.col("measure") == evaluation.ABOVE_1, pl.col("accounts") > 0)
    mine = mine.filter(pl.col("value").is_not_null())
    parts = [mine.filter(pl.col("label") == label) for label in ("abuse", "benign")]
    kinds = [part["kind"].unique(maintain_order=True).to_list() for part in parts]
    figure = Figure(figsize=(11, 2.4 + 0.36 * max(1, *map(len, kinds))), layout="constrained")
    titles = ("caught, at 1 % false alarms", "innocent, above that line")
    for axes, part, names, title in zip(figure.subplots(1, 2), parts, kinds, titles, strict=True):
        methods = part["method"].unique(maintain_order=True).to_list()
        for number, method in enumerate(methods):
            rows = part.filter(pl.col("method") == method)
            height = [names.index(kind) + 0.2 * (number - (len(methods) - 1) / 2) for kind in rows["kind"]]
            value, low, high = (100 * rows[name].to_numpy() for name in ("value", "low", "high"))
            colour = _COLOURS[_METHODS.index(method)]
            axes.errorbar(value, height, xerr=[value - low, high - value], fmt="o", color=colour, label=method, ms=5)
        sizes = dict(part.select("kind", "accounts").iter_rows())
        axes.set_yticks(range(len(names)), [f"{name} ({sizes[name]})" for name in names])
        axes.set_ylim(max(len(names), 1) - 0.4, -0.6)
        axes.set_xlim(left=-0.02 * axes.get_xlim()[1])  # so that a dot at 0 is whole
        axes.set_xlabel("per cent of the accounts, with 95 % intervals")
        axes.set_title(title)
        axes.grid(axis="x", alpha=0.3)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return _png(figure)


def compared(found: Comparison) -> bytes:
    """A PNG: the flags that a challenger would keep, gain and lose by night, and how both stand on verdicts."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    by_night, on_verdicts = figure.subplots(1, 2, width_ratios=(2, 1))
    days = [f"{day:%m-%d}" for day in found.nights["day"]]
    bottom = np.zeros(len(days))
    for name, colour in zip(("kept", "gained"), _COLOURS, strict=False):
        by_night.bar(days, found.nights[name], bottom=bottom, color=colour, label=name)
        bottom += found.nights[name].to_numpy()
    by_night.bar(days, -found.nights["lost"].to_numpy(), color=_COLOURS[2], label="lost")
    by_night.axhline(0, color="black", linewidth=0.8)
    by_night.set_title("flags by night")
    by_night.legend(frameon=False)
    for number, row in enumerate(found.verdicts.iter_rows(named=True)):
        counts = [row["confirmed_flagged"], row["false_alarms_flagged"]]
        on_verdicts.bar(
            [0 + 0.38 * number, 1.2 + 0.38 * number], counts, 0.36, color=_COLOURS[number], label=row["model"]
        )
    on_verdicts.set_xticks([0.19, 1.39], ["confirmed", "false alarms"])
    on_verdicts.set_title("accounts with a verdict, flagged")
    on_verdicts.legend(frameon=False)
    return _png(figure)


def _png(figure: "Figure") -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
