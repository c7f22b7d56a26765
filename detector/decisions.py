"""Scores + policy + past verdicts → flags, each with what speaks for it, what speaks against it, and what shows it."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from detector import config, error_rate, innocence, offering, spans, tables
from detector.cases import Case
from detector.features import Feature

_REASONS, _FITS, _COUNTER, _EVIDENCE = 5, 2, 3, 100  # at most so many in a flag
_UNUSUAL, _USUAL = 90.0, 50.0  # percentiles
BEYOND_PROMISE = "beyond the promised error rate"
_HALT = re.compile(r"[:;]|\.(?= |$)")
_LEANS = re.compile(r"\b(such|these|the same groups)\b")  # what a feature is that leans on the one before it
_NIGHTLY = 0.2  # of the promised share: every account is looked at again each night (docs/error_rate.md)


def decide(
    scored: pl.DataFrame, year: pl.DataFrame, *, day: dt.date, model_version: str, settings: config.Window
) -> pl.DataFrame:
    """Scores of one night (`tables.Scores` and the family scores), sorted by account.

    `scored` is what the model says of every account seen in the window; `year` (`tables.Spans`) decides of which
    enough has been seen. An account of which too little has been seen keeps its row, without a score.
    """
    families = [name for name in scored.columns if name.startswith("score_")]
    history_days = ((pl.lit(day) - pl.col("first_day")).dt.total_days() + 1).cast(pl.UInt32)
    known = year.select("account", history_days=history_days, status=spans.status(day, settings))
    frame = scored.join(known, on="account", how="left", maintain_order="left").with_columns(
        pl.col("history_days").fill_null(0),
        pl.col("status").fill_null("short history"),
        day=pl.lit(day),
        model_version=pl.lit(model_version),
    )
    enough = pl.col("status") == "scored"
    frame = frame.with_columns(pl.when(enough).then(name).alias(name) for name in ("score", "p_value", *families))
    ranked = frame.filter(enough).sort("score", "account", descending=[True, False]).select("account")
    frame = frame.join(ranked.with_row_index("rank", offset=1), on="account", how="left")
    return frame.select(*tables.columns(tables.Scores), *families).sort("account")


def resting(decided: Iterable[Case], *, day: dt.date, rest_days: int) -> pl.Series:
    """The accounts (u64) that had a verdict less than so many days before a night."""
    late = [
        int(case.account, 16)
        for case in decided
        if case.decided_at is not None and (day - case.decided_at.date()).days < rest_days
    ]
    return pl.Series(late, dtype=pl.UInt64)


@dataclass(frozen=True)
class Chosen:
    """Whom a night puts before reviewers (`account, unexplained, q_value, line`), and by reason how many it does not
    though they score as high; `capacity` is how many reviewers can take. An `unexplained` one has a place though no
    verdict resembles it. With a score below its `line` an account would have had none; null where nobody was waiting
    for it."""

    accounts: pl.DataFrame
    kept_back: dict[str, int]
    capacity: float


def put_before_reviewers(
    scores: pl.DataFrame,
    kinds: pl.DataFrame,
    *,
    priority: pl.DataFrame | None = None,
    resting: pl.Series,
    suppressed: pl.Series | None = None,
    promised: bool,
    settings: config.Decision,
) -> Chosen:
    """As many as reviewers can take, by `priority` (`account, priority`; None: by score), those kept back apart.

    Kept back are the kinds that by policy are counted and not reviewed, the accounts that are `resting` after a
    verdict, and those that a reviewer has `suppressed` (null: none). Where an error rate is `promised`, also those
    beyond it. Where verdicts have given a priority, a share of the places is kept for what no verdict resembles. Where
    the capacity is less than one account, the first is flagged only if held-out accounts score as high no more often
    than the capacity allows: a home of one account is not flagged for being first.
    """
    scored = scores.filter(pl.col("score").is_not_null())
    capacity = round(settings.capacity_share * scored.height, 9)  # 0.29 of 100 is 29, not a hair less
    ordered = (
        kept_back(scored, kinds, resting=resting, suppressed=suppressed, promised=promised, settings=settings)
        .join(scored, on="account")
        .sort("rank")
    )
    if priority is None or capacity < 1:
        ordered = ordered.with_columns(priority="score")
    else:
        ordered = ordered.join(priority, on="account", how="left", maintain_order="left")
    beyond = pl.col("kept_back") == BEYOND_PROMISE
    candidates = ordered.filter(pl.col("kept_back").is_null())
    if capacity < 1:
        chosen = candidates.head(1).filter(pl.col("p_value") <= settings.capacity_share)
        chosen = chosen.select("account", unexplained=pl.lit(False))
    elif priority is None:
        chosen = candidates.head(int(capacity)).select("account", unexplained=pl.lit(False))
    else:
        open_to_all = priority.join(candidates, on="account", how="semi")
        chosen = offering.choose(open_to_all, candidates, int(capacity), settings.unexplained_share)
    # Those beyond the promise are told of where they would have had a place without it, the others by their score.
    able = ordered.filter(pl.col("kept_back").is_null() | beyond)
    last = candidates.head(max(int(capacity), 1))["rank"].max()  # that has a place by its score
    high = ordered.filter(~beyond, pl.col("rank") <= pl.lit(last).fill_null(max(capacity, 1)))
    high = pl.concat([high, able.head(max(int(capacity), 1)).filter(beyond)])
    # What was learned of an account stays what it is: its score alone would have to fall so far.
    next_one = able.join(chosen, on="account", how="anti")["priority"].max()
    line = pl.col("score") - (pl.col("priority") - pl.lit(next_one, pl.Float64))
    told = candidates.select("account", "q_value", line=line)
    return Chosen(
        chosen.join(told, on="account", how="left", maintain_order="left"),
        dict(high["kept_back"].value_counts().sort("kept_back").iter_rows()),
        capacity,
    )


def kept_back(
    scores: pl.DataFrame,
    kinds: pl.DataFrame,
    *,
    resting: pl.Series,
    suppressed: pl.Series | None = None,
    promised: bool,
    settings: config.Decision,
) -> pl.DataFrame:
    """`account, kind, q_value, kept_back` of the accounts with a score: why an account is not put before reviewers
    whatever its place, null: it may be. See `put_before_reviewers`."""
    scored = scores.filter(pl.col("score").is_not_null())
    silent = pl.Series([], dtype=pl.UInt64) if suppressed is None else suppressed
    beyond = pl.lit(promised) & (pl.col("q_value") > settings.false_discovery_share * _NIGHTLY)
    return (
        scored.select("account", q_value=error_rate.q_values(scored["p_value"]))
        .join(kinds.select("account", "kind"), on="account", how="left", maintain_order="left")
        .with_columns(
            kept_back=pl.coalesce(
                pl.when(pl.col("account").is_in(resting.implode())).then(pl.lit("decided lately")),
                pl.when(pl.col("account").is_in(silent.implode())).then(pl.lit("suppressed")),
                pl.when(pl.col("kind").is_in(settings.kinds_not_reviewed)).then(pl.col("kind")),
                pl.when(beyond).then(pl.lit(BEYOND_PROMISE)),
            )
        )
    )


def reasons_of(explained: pl.DataFrame, catalogue: Mapping[str, Feature], note: str = "") -> pl.DataFrame:
    """One row per account: `reasons` (strongest first; none where no feature stands out by itself) and
    `counter_evidence`.

    `explained` is what `model.explain` gives for the accounts; `note` ends each sentence, such as what the account
    was compared with.
    """
    in_order = explained.sort("account", "surprise", "feature", descending=[False, True, False])
    rows = []
    for (account,), known in in_order.partition_by("account", as_dict=True, maintain_order=True).items():
        lines = known.to_dicts()
        unusual = [line for line in lines if line["percentile"] >= _UNUSUAL and line["value"] > line["typical"]]
        told = {
            line["feature"]: line | {"sentence": sentence}
            for line in unusual
            # What reads like what is typical is no reason.
            if (sentence := catalogue[line["feature"]].sentence(line["value"], line["typical"]))
            != catalogue[line["feature"]].sentence(line["typical"], line["typical"])
        }
        for feature in [name for name in reversed(list(catalogue)) if name in told]:
            implied_by = (told[more]["value"] for more in catalogue[feature].implied_by if more in told)
            if any(value >= told[feature]["value"] for value in implied_by):
                del told[feature]  # of two that say the same of each other, the first of the catalogue is left
        reasons = [
            {name: line[name] for name in ("feature", "value", "typical", "percentile")}
            | {"sentence": line["sentence"] + _compared_with(line["peer"]) + note}
            for line in told.values()
        ][:_REASONS]
        rows.append(
            {
                "account": account,
                "reasons": reasons,
                "counter_evidence": _counter_evidence(reasons, lines, catalogue),
            }
        )
    wanted = ("account", "reasons", "counter_evidence")
    schema = {name: dtype for name, dtype in tables.columns(tables.Flags).items() if name in wanted}
    return pl.DataFrame(rows, schema=schema)


def argue(
    explained: pl.DataFrame, playbacks: pl.DataFrame, catalogue: Mapping[str, Feature], note: str = ""
) -> pl.DataFrame:
    """One row per account: `reasons`, `counter_evidence` and the `evidence` that shows the reasons.

    See `reasons_of` and `evidence_of`. The counter-evidence begins with whether the playbacks fit an innocent cause of
    the family that stands first, and of the next one (see `innocence`).
    """
    reasons = reasons_of(explained, catalogue, note)
    evidence = evidence_of(playbacks, reasons, catalogue)
    argued = reasons.join(evidence, on="account", how="left", maintain_order="left").join(
        _fits(playbacks, reasons, catalogue), on="account", how="left", maintain_order="left"
    )
    none = pl.lit([], pl.List(pl.String))
    return argued.select(
        "account",
        "reasons",
        counter_evidence=pl.concat_list(pl.col("fits").fill_null(none), "counter_evidence"),
        evidence=pl.col("evidence").fill_null(pl.lit([], pl.List(pl.UInt64))),
    )


def _fits(playbacks: pl.DataFrame, reasons: pl.DataFrame, catalogue: Mapping[str, Feature]) -> pl.DataFrame:
    """`account, fits`: whether the playbacks fit innocent causes of the families of an account's reasons, in the order
    of these."""
    named = (
        reasons.select("account", reason="reasons")
        .explode("reason")
        .drop_nulls("reason")
        .with_columns(nth=pl.int_range(pl.len()).over("account"), feature=pl.col("reason").struct.field("feature"))
        .with_columns(family=pl.col("feature").replace_strict({n: one.family for n, one in catalogue.items()}))
    )
    found = []
    for family, check in innocence.CHECKS.items():
        accused = named.filter(pl.col("family") == family)
        if not accused.is_empty():
            first = accused.group_by("account").agg(pl.col("nth").min())
            own = accused.group_by("account", maintain_order=True).agg(reasons="reason")
            theirs = playbacks.join(own, on="account", how="semi", maintain_order="left")
            fits = check(theirs, evidence_of(theirs, own, catalogue))
            found.append(fits.join(first, on="account").select("account", "nth", "fit"))
    empty = pl.DataFrame(schema={"account": pl.UInt64, "nth": pl.Int64, "fit": pl.String})
    in_order = (
        pl.concat([empty, *found]).sort("account", "nth").unique(["account", "fit"], keep="first", maintain_order=True)
    )
    return in_order.group_by("account", maintain_order=True).agg(fits=pl.col("fit").head(_FITS))


def _compared_with(peer: str | None) -> str:
    return f" (of those with {peer})" if peer else ""


def _counter_evidence(
    reasons: list[dict[str, object]], lines: list[dict[str, object]], catalogue: Mapping[str, Feature]
) -> list[str]:
    """Innocent causes of what stands first, and what is no more than in most accounts."""
    accused = {catalogue[str(reason["feature"])].family for reason in reasons}
    causes: dict[str, None] = {}
    for reason in reasons[:2]:
        causes |= dict.fromkeys(catalogue[str(reason["feature"])].innocent)
    ordinary = [
        f"no more than in most accounts: {_shortly(catalogue[str(line['feature'])])}: {_number(line['value'])}"
        for line in lines
        if float(str(line["percentile"])) <= _USUAL
        and catalogue[str(line["feature"])].family not in accused
        and not _LEANS.search(_shortly(catalogue[str(line["feature"])]))
    ]
    return [f"could be {cause}" for cause in causes] + ordinary[:_COUNTER]


def _shortly(feature: Feature) -> str:
    """What a feature is, up to the first halt."""
    first, *_ = _HALT.split(feature.says, 1)
    return first[0].lower() + first[1:]


def _number(value: object) -> str:
    return f"{value:.3g}"


def evidence_of(playbacks: pl.DataFrame, reasons: pl.DataFrame, catalogue: Mapping[str, Feature]) -> pl.DataFrame:
    """`account, evidence`: for each reason the playbacks of the window that show it, in order of time.

    `playbacks` (`tables.Playbacks`) are those of the window of the accounts in `reasons` (see `reasons_of`).
    """
    named = (
        reasons.select("account", feature="reasons")
        .explode("feature")
        .drop_nulls()
        .unnest("feature")
        .select("account", "feature", reason_value="value")
    )
    ordered = playbacks.sort("account", "started_at", "playback")
    parts = [pl.DataFrame(schema={"account": pl.UInt64, "playback": pl.UInt64, "started_at": tables.UTC_MS})]
    for feature in named["feature"].unique().sort():
        mask = catalogue[feature].shown_by
        if mask is not None:
            values = named.filter(pl.col("feature") == feature).select("account", "reason_value")
            shown = (
                ordered.join(values, on="account", maintain_order="left")
                .group_by("account", maintain_order=True)
                .agg(pl.col("playback", "started_at").filter(mask).tail(_EVIDENCE))
            )
            parts.append(shown.explode("playback", "started_at").drop_nulls())
    return (
        pl.concat(parts)
        .unique()
        .sort("account", "started_at", "playback")
        .group_by("account", maintain_order=True)
        .agg(evidence=pl.col("playback").tail(_EVIDENCE))
    )


def flag(
    chosen: pl.DataFrame,
    scores: pl.DataFrame,
    kinds: pl.DataFrame,
    argued: pl.DataFrame,
    cleared_by: pl.DataFrame,
    year: pl.DataFrame,
) -> pl.DataFrame:
    """Flags of one night (`tables.Flags`), highest score first."""
    joined = (
        chosen.join(scores, on="account", how="left")
        .join(kinds, on="account", how="left")
        .join(argued, on="account", how="left")
        .join(cleared_by, on="account", how="left")
        .join(year.select("account", first_seen="first_day"), on="account", how="left")
        .sort("rank")
    )
    return tables.shape(joined.lazy(), tables.Flags).collect()
