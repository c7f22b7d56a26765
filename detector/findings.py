"""What one night finds: account-days → features, scores and flags, under what reviewers have said so far."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from detector import (
    clearing,
    config,
    decisions,
    drift,
    error_rate,
    features,
    identity,
    likeness,
    lookback,
    model,
    offering,
    reranking,
    suppressing,
)
from detector.cases import Case, Shown
from detector.ingesting import Progress
from detector.neighbours import Neighbours
from detector.registry import Registered
from detector.store import Store
from detector.suppressed import Suppressed


@dataclass(frozen=True)
class Findings:
    """What a night found: the frames that it publishes, whom it puts before reviewers, and how far its calibration
    accounts have been reviewed. `kinds` has a row per account, `reasons` one (`account, reasons`) for each that becomes
    a case; `waiting` are those of the calibration accounts still to be reviewed that are not suppressed; `moved` says
    what is no longer as in training, one sentence each (see `drift`), nothing where the model was fitted beside an
    invented service."""

    frames: dict[str, pl.DataFrame]
    kinds: pl.DataFrame
    reasons: pl.DataFrame
    chosen: decisions.Chosen
    reviewed: error_rate.Calibration
    waiting: list[int]
    moved: list[str]

    def shown(self, accounts: pl.Series) -> list[Shown]:
        """Accounts of the night as their cases show them."""
        scores, measured = self.frames["scores"], self.frames["features"]
        rows = (
            pl.DataFrame({"account": accounts})
            .join(scores, on="account", how="inner", maintain_order="left")
            .join(self.kinds, on="account", how="left", maintain_order="left")
            .join(measured, on="account", how="left", maintain_order="left")
            .join(self.reasons, on="account", how="left", maintain_order="left")
            .with_columns(pl.col("reasons").fill_null([]), family=offering.dominant(scores.columns))
        )
        names = reranking.teaching(scores, measured)
        return [
            Shown(
                digits,
                row["kind"],
                row["score"],
                row["family"],
                {name: row[name] for name in names},
                [{name: reason[name] for name in ("feature", "sentence")} for reason in row["reasons"]],
            )
            for digits, row in zip(identity.to_hex(rows["account"]), rows.iter_rows(named=True), strict=True)
        ]


def _priority(
    scores: pl.DataFrame, measured: pl.DataFrame, decided: list[Case], settings: config.Settings
) -> pl.DataFrame | None:
    """In which order reviewers would want to see the night, told from their verdicts; None where they can not tell."""
    names = reranking.teaching(scores, measured)
    labelled = reranking.labelled(decided, names, unwanted=settings.decision.kinds_not_reviewed)
    learned = reranking.fit(labelled, names, seed=settings.model.seed)
    if learned is None:
        return None
    return reranking.rerank(learned, scores.join(measured, on="account", how="left", maintain_order="left"))


def find(
    home: Store,
    day: dt.date,
    fitted: model.AccountModel,
    champion: Registered,
    decided: list[Case],
    settings: config.Settings,
    progress: Progress,
    *,
    resting: pl.Series,
    suppressed: Sequence[Suppressed] = (),
) -> Findings:
    """One night, from account-days to flags.

    Verdicts on the `decided` cases teach; who is `resting` after one is not put before reviewers (`decisions.resting`).
    Of what is `suppressed` a feature is measured as it is and does not count; without a device or a network, everything
    is measured as if it had never been.
    """
    progress("score", 0, 3)
    computed, years = [], []
    out = suppressing.left_out(suppressed)
    met = lookback.meet(home, day, settings.window, out=out)
    for window in lookback.windows(home, day, settings.window, met=met):
        computed.append(features.build_features(window, peers=settings.peers.traits))
        years.append(window.year.accounts.select("account", "first_day", "plays"))
    by_account, year = pl.concat(computed), pl.concat(years)
    measured = _measured(home, day, by_account, met, out, settings)
    judged = _judged(fitted, measured, suppressed)
    progress("score", 1, 3)
    reviewed = error_rate.calibration(fitted.highest_.tolist(), seen=by_account["account"].to_list(), decided=decided)
    judge = fitted.without(reviewed.confirmed)
    scored = model.score(judge, judged)
    scores = decisions.decide(scored, year, day=day, model_version=champion.version, settings=settings.window)
    kinds = likeness.kinds(scores, judged)
    progress("score", 2, 3)
    chosen = decisions.put_before_reviewers(
        scores,
        kinds,
        priority=_priority(scores, judged, decided, settings),
        resting=resting,
        suppressed=suppressing.accounts(suppressed, "everything"),
        promised=reviewed.earned,
        settings=settings.decision,
    )
    flagged = judged.join(chosen.accounts, on="account", how="semi")
    explained = suppressing.told(model.explain(fitted, flagged), suppressed)
    first = day - dt.timedelta(days=settings.window.days - 1)
    shown = lookback.playbacks_of(home, chosen.accounts["account"], first, day, settings.playbacks)
    shown = suppressing.without(shown.lazy(), out).collect()
    argued = decisions.argue(explained, shown, features.CATALOGUE, note_of(champion))
    silent = suppressing.accounts(suppressed, "everything").to_list()
    waiting = [account for account in reviewed.open if account not in silent]
    offered = judged.filter(pl.col("account").is_in(pl.Series(waiting, dtype=pl.UInt64).implode()))
    others = offered.join(flagged, on="account", how="anti")
    of_others = suppressing.told(model.explain(fitted, others), suppressed)
    told = decisions.reasons_of(of_others, features.CATALOGUE, note_of(champion))
    reasons = pl.concat([frame.select("account", "reasons") for frame in (argued, told)])
    # Where less than one account has a place, the first must be rare as well.
    rare = judge.line_of(settings.decision.capacity_share) if chosen.capacity < 1 else None
    lines = chosen.accounts.select("account", line=pl.max_horizontal("line", pl.lit(rare, pl.Float64)))
    cleared_by = clearing.cleared_by(fitted, flagged, explained, lines=lines)
    flags = decisions.flag(chosen.accounts, scores, kinds, argued, cleared_by, year)
    own = not champion.record.get("invented_accounts")
    earlier = day.isoformat() < str(champion.record.get("day", ""))
    drifted = drift.drift(fitted, measured, scores, features.CATALOGUE, before_training=earlier)
    moved = drift.alarms(drifted) if own else []
    progress("score", 3, 3)
    frames = {"features": measured, "scores": scores, "flags": flags, "ties": met.ties, "hubs": met.hubs.to_frame()}
    return Findings(frames, kinds, reasons, chosen, reviewed, waiting, moved)


def _measured(
    home: Store,
    day: dt.date,
    by_account: pl.DataFrame,
    met: Neighbours,
    out: Mapping[str, pl.DataFrame],
    settings: config.Settings,
) -> pl.DataFrame:
    """The features as they are without the playbacks that are left `out`; of an account with no others nothing is
    known but that it is there."""
    if not out:
        return by_account
    window = lookback.window_without(home, day, settings, met=met, out=out)
    anew = features.build_features(window, peers=settings.peers.traits)
    theirs = pl.col("account").is_in(suppressing.whose(out).implode())
    silent = by_account.filter(theirs).join(anew, on="account", how="anti")
    return pl.concat([by_account.filter(~theirs), anew, silent.select("account")], how="diagonal").sort("account")


def _judged(fitted: model.AccountModel, measured: pl.DataFrame, suppressed: Sequence[Suppressed]) -> pl.DataFrame:
    """The features as they are judged: with what is typical in place of those that do not count."""
    of_features = suppressing.accounts(suppressed, "feature")
    typical = model.explain(fitted, measured.filter(pl.col("account").is_in(of_features.implode())))
    return suppressing.made_typical(measured, typical, suppressed)


def note_of(champion: Registered) -> str:
    """What each sentence must add about whom the account was compared with."""
    return " (compared with an invented service)" if champion.record.get("invented_accounts") else ""
