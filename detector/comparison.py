"""Champion and challenger on nights that have been: whom each would have put before reviewers, and who was right."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score

from detector import config, decisions, likeness
from detector.cases import Case
from detector.model import AccountModel, score

CHAMPION, CHALLENGER = "champion", "challenger"
_OF = (CHAMPION, CHALLENGER)
_NO_PEER, _PEERS = "all others", 20


@dataclass(frozen=True)
class PastNight:
    """A published night: its `features` (one row per account) and `scores` (`tables.Scores`)."""

    day: dt.date
    features: pl.DataFrame
    scores: pl.DataFrame


@dataclass(frozen=True)
class Comparison:
    """What another model would have meant.

    Attributes:
        nights: `day, kept, gained, lost`: flags of both, of the challenger alone, of the champion alone.
        verdicts: a row for each model: `model, confirmed, confirmed_flagged, false_alarms, false_alarms_flagged,
            average_precision`: accounts with such a verdict seen in these nights, those it flags, and how well its
            scores on the last of these nights set the confirmed above the false alarms (null: only one sort is known).
        peers: `peer, accounts, champion, challenger`: per cent of a peer group that each flags.
    """

    nights: pl.DataFrame
    verdicts: pl.DataFrame
    peers: pl.DataFrame
    cases_gained: int

    @property
    def lost_share(self) -> float:
        """Share of the champion's flags that the challenger would not raise; 0 where there were none."""
        kept, lost = (int(self.nights[name].sum()) for name in ("kept", "lost"))
        return lost / (kept + lost) if lost else 0.0

    def refusals(self, limits: config.Promotion) -> list[str]:
        """Why the challenger should not come into use, one sentence each; none where it may."""
        found = []
        champion, challenger = (self.verdicts.row(n, named=True) for n in (0, 1))
        old, new = champion["average_precision"], challenger["average_precision"]
        if old is not None and new is not None and new < old - limits.verdict_loss:
            found.append(f"it is worse on verdicts: average precision {new:.3f}, that of the champion is {old:.3f}")
        if self.lost_share > limits.lost_share:
            found.append(
                f"it would drop {self.lost_share:.0%} of the champion's flags, allowed are {limits.lost_share:.0%}"
            )
        return found

    def summary(self) -> dict[str, Any]:
        """Plain data of it, for a run's record."""
        return {
            "nights": self.nights.with_columns(pl.col("day").cast(pl.String)).to_dicts(),
            "verdicts": self.verdicts.to_dicts(),
            "peers": self.peers.to_dicts(),
            "lost_share": self.lost_share,
            "cases_gained": self.cases_gained,
        }


_ON_CASES = {"verdict": pl.String, "what": pl.String, "cases": pl.Int64, "within_capacity": pl.Int64}


def compare(
    champion: AccountModel,
    challenger: AccountModel,
    nights: Sequence[PastNight],
    decided: Iterable[Case],
    settings: config.Decision,
) -> Comparison:
    """Both models over nights that have been, under today's capacity and policy, as if no verdict had been known.

    What was confirmed as a kind that policy keeps from reviewers counts neither way: to rank it low is no fault.
    """
    unwanted = settings.kinds_not_reviewed
    outcomes = {int(case.account, 16): case.taught for case in decided if case.teaches(unwanted)}
    labelled = pl.DataFrame(
        {"account": list(outcomes), "confirmed": [outcome == "confirmed" for outcome in outcomes.values()]},
        schema={"account": pl.UInt64, "confirmed": pl.Boolean},
    )
    rows, seen = [], []
    for night in nights:
        scored = {name: _scored(model, night) for name, model in zip(_OF, (champion, challenger), strict=True)}
        flagged = {name: set(_flagged(frame, night, settings)) for name, frame in scored.items()}
        old, new = flagged[CHAMPION], flagged[CHALLENGER]
        rows.append({"day": night.day, "kept": len(old & new), "gained": len(new - old), "lost": len(old - new)})
        frame = night.features.select("account", *([pl.col("peer")] if "peer" in night.features.columns else []))
        frame = frame.with_columns(
            pl.col("account").is_in(pl.Series(sorted(flagged[name]), dtype=pl.UInt64).implode()).alias(name)
            for name in _OF
        )
        for name in _OF:
            own = scored[name].select("account", pl.col("score").alias(f"score_{name}"))
            frame = frame.join(own, on="account", how="left", maintain_order="left")
        seen.append(frame.with_columns(day=pl.lit(night.day)))
    every = pl.concat(seen, how="diagonal")
    gained = every.filter(pl.col(CHALLENGER) & ~pl.col(CHAMPION))["account"].n_unique()
    return Comparison(
        pl.DataFrame(rows, schema={"day": pl.Date, "kept": pl.Int64, "gained": pl.Int64, "lost": pl.Int64}),
        _on_verdicts(every, labelled),
        _by_peers(every),
        gained,
    )


def on_cases(model: AccountModel, decided: Iterable[Case], *, capacity_share: float) -> pl.DataFrame:
    """How a model sees what reviewers have decided on, by what they said: `verdict`, `what` (the confirmed kind or the
    innocent cause; "no cause said"), `cases`, `within_capacity`: how many of them score as high as the capacity's share
    of held-out accounts. Accounts are seen as the night that showed the case last measured them."""
    said = [case for case in decided if case.taught in ("confirmed", "false alarm") and case.measured]
    if not said:
        return pl.DataFrame(schema=_ON_CASES)
    measured = pl.DataFrame(
        [{name: case.measured.get(name) for name in model.names} for case in said],
        schema=dict.fromkeys(model.names, pl.Float64),
    )
    found = score(model, measured.with_columns(account=pl.int_range(len(said), dtype=pl.UInt64)))
    what = [case.verdict_kind if case.taught == "confirmed" else case.cause or "no cause said" for case in said]
    rows = pl.DataFrame(
        {
            "verdict": [case.taught for case in said],
            "what": what,
            "within_capacity": found["p_value"] <= capacity_share,
        }
    )
    counted = rows.group_by("verdict", "what").agg(cases=pl.len(), within_capacity=pl.col("within_capacity").sum())
    return counted.select(pl.col(name).cast(dtype) for name, dtype in _ON_CASES.items()).sort("verdict", "what")


def _scored(model: AccountModel, night: PastNight) -> pl.DataFrame:
    enough = night.scores.filter(pl.col("status") == "scored").select("account")
    scored = score(model, night.features.join(enough, on="account", how="semi", maintain_order="left"))
    ranked = scored.sort("score", "account", descending=[True, False]).select("account").with_row_index("rank", 1)
    return scored.join(ranked, on="account", how="left", maintain_order="left")


def _flagged(scored: pl.DataFrame, night: PastNight, settings: config.Decision) -> list[int]:
    kinds = likeness.kinds(scored, night.features)
    nobody = pl.Series([], dtype=pl.UInt64)
    chosen = decisions.put_before_reviewers(scored, kinds, resting=nobody, promised=False, settings=settings)
    return chosen.accounts["account"].to_list()


def _on_verdicts(every: pl.DataFrame, labelled: pl.DataFrame) -> pl.DataFrame:
    known = every.join(labelled, on="account", how="inner").sort("day", "account")
    rows = []
    for name in _OF:
        by_account = known.group_by("account", maintain_order=True).agg(
            pl.col("confirmed").first(), pl.col(name).any(), score=pl.col(f"score_{name}").last()
        )
        confirmed = pl.col("confirmed")
        counts = by_account.select(
            confirmed=confirmed.sum(),
            confirmed_flagged=(confirmed & pl.col(name)).sum(),
            false_alarms=(~confirmed).sum(),
            false_alarms_flagged=(~confirmed & pl.col(name)).sum(),
        ).row(0, named=True)
        told = by_account.drop_nulls("score")
        both = told["confirmed"].any() and not told["confirmed"].all()
        precision = float(np.round(average_precision_score(told["confirmed"], told["score"]), 9)) if both else None
        rows.append({"model": name, **counts, "average_precision": precision})
    schema = {"model": pl.String} | dict.fromkeys(
        ("confirmed", "confirmed_flagged", "false_alarms", "false_alarms_flagged"), pl.Int64
    )
    return pl.DataFrame(rows, schema=schema | {"average_precision": pl.Float64})


def _by_peers(every: pl.DataFrame) -> pl.DataFrame:
    peer = pl.col("peer").fill_null(_NO_PEER) if "peer" in every.columns else pl.lit(_NO_PEER)
    return (
        every.with_columns(peer=peer)
        .group_by("peer")
        .agg(pl.col("account").n_unique().alias("accounts"), *((pl.col(name).mean() * 100).round(3) for name in _OF))
        .sort("accounts", "peer", descending=[True, False])
        .head(_PEERS)
    )


def report(compared: Comparison, champion: str, challenger: str) -> str:
    """The comparison as Markdown, for people who decide."""
    lines = [
        f"# Model {challenger} against model {champion}, which is in use",
        "",
        f"On {compared.nights.height} nights that have been, under today's capacity and policy. "
        f"{compared.lost_share:.0%} of the champion's flags would be gone, and {compared.cases_gained} accounts would "
        "be new cases for reviewers.",
    ]
    for title, frame in (
        ("Flags by night", compared.nights),
        ("On verdicts", compared.verdicts),
        (f"Flagged by peer group, in per cent; the {_PEERS} largest", compared.peers),
    ):
        lines += ["", f"## {title}", "", *_markdown(frame)]
    return "\n".join(lines) + "\n"


def _markdown(frame: pl.DataFrame) -> list[str]:
    rows = [["-" if value is None else str(value) for value in row] for row in frame.iter_rows()]
    return ["| " + " | ".join(row) + " |" for row in [frame.columns, ["---"] * frame.width, *rows]]
