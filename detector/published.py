"""What was published, read back: scores of a night, answers for accounts that are asked for, and how good the night was
where the answers are known."""

# ruff: noqa: PLC0415
import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from detector import config, identity, store
from detector.errors import InputError, IntegrityError, columns_found
from detector.ledger import Run
from detector.runs import Doors

if TYPE_CHECKING:
    from detector.evaluation import Evaluation


def run_of(doors: Doors, day: dt.date | None) -> Run:
    """The run that is served for a day, the latest published one where none is named.

    Raises:
        InputError: nothing is published for it.
    """
    run = doors.ledger.latest_published() if day is None else doors.ledger.published(day)
    if run is not None:
        return run
    if day is None:
        raise InputError("expected a published night, found none; run `detector nightly` first")
    days = [str(published.day) for published in doors.ledger.publications()]
    found = f"those of {days[0]} to {days[-1]} ({len(days)})" if days else "none"
    raise InputError(f"expected a published night for {day}, found {found}; run `detector nightly --day {day}`")


def frame(doors: Doors, run: Run, name: str) -> pl.DataFrame:
    """`scores`, `features` or `flags` of a published run, or what its accounts have in common, `ties` and `hubs` (see
    `neighbours.Neighbours`), checked against its digest.

    Raises:
        InputError: there is no such table, or the run was published before there was.
    """
    file = f"{name}.parquet"
    if file not in run.manifest:
        known = ", ".join(sorted(known.removesuffix(".parquet") for known in run.manifest))
        raise InputError(
            f"expected {name} of the night of {run.day}, found it published with {known} alone; name one of these, or "
            f"publish it anew with `detector nightly --from {run.day} --to {run.day}` if an earlier version did"
        )
    return pl.read_parquet(store.checked_bytes(doors.home.home / str(run.directory) / file, run.manifest[file]))


def damaged(doors: Doors, run: Run) -> list[str]:
    """What is wrong with the files that a run published, one sentence each."""
    problems = []
    for file, sha256 in run.manifest.items():
        try:
            store.checked_bytes(doors.home.home / str(run.directory) / file, sha256)
        except IntegrityError as error:
            problems.append(str(error))
    return problems


def scores(doors: Doors, run: Run, *, with_features: bool = False) -> pl.DataFrame:
    """Scores with `flagged` and `kind`, highest first; `account` as 16 hex digits."""
    flags = frame(doors, run, "flags").select("account", "kind", flagged=pl.lit(True))
    joined = frame(doors, run, "scores").join(flags, on="account", how="left")
    if with_features:
        joined = joined.join(frame(doors, run, "features"), on="account", how="left")
    ordered = joined.with_columns(pl.col("flagged").fill_null(False)).sort("rank", "account", nulls_last=True)
    return ordered.with_columns(account=identity.to_hex(ordered["account"]))


def scores_for(doors: Doors, run: Run, asked: pl.DataFrame, *, with_features: bool = False) -> pl.DataFrame:
    """One row for each row of `asked`, in its order: its `account_id`, and what `scores` says of it.

    An account that the night did not see has the status "not seen". Other columns of `asked` are ignored.

    Raises:
        InputError: `asked` has no column `account_id`.
    """
    if "account_id" not in asked.columns:
        raise InputError(f"expected a column account_id, found {columns_found(asked.columns)}; name it so")
    ids = asked.select(pl.col("account_id").cast(pl.String))
    said = ids.with_columns(pl.when(pl.col("account_id").str.strip_chars() != "").then("account_id"))
    accounts = identity.pseudonymise_ids(said, doors.keys)["account"]
    known = scores(doors, run, with_features=with_features)
    answered = ids.with_columns(account=identity.to_hex(accounts)).join(
        known, on="account", how="left", maintain_order="left"
    )
    return answered.with_columns(
        pl.col("status").fill_null("not seen"), pl.col("flagged").fill_null(False), pl.col("day").fill_null(run.day)
    )


def evaluate(doors: Doors, run: Run, truth: pl.DataFrame, settings: config.Settings) -> "Evaluation":
    """How good a night is against `truth`: `account_id, kind, label`, maybe `intensity` and `households`; ids become
    pseudonyms first. With the verdicts that stand today, also how good the order is that they teach.

    Raises:
        InputError: `truth` is not such a table, or names no account of that night.
    """

    from detector import evaluation, reranking  # scikit-learn: seconds that reading a night need not spend

    if missing := [name for name in ("account_id", "kind", "label") if name not in truth.columns]:
        raise InputError(f"expected a column {missing[0]} in truth, found {columns_found(truth.columns)}; add it")
    wanted = [name for name in ("account_id", "kind", "label", "intensity", "households") if name in truth.columns]
    texts = truth.select(pl.col(wanted).cast(pl.String))
    if "households" in wanted:
        texts = texts.with_columns(households=_whole_numbers(texts["households"]))
    known = texts.with_columns(account=identity.pseudonymise_ids(texts.select("account_id"), doors.keys)["account"])
    scores, features = (frame(doors, run, name) for name in ("scores", "features"))
    if known.height and known.join(scores, on="account", how="semi").is_empty():
        raise InputError(
            f"expected accounts of {run.day} in truth, found none of its {known.height}; see that it is of this "
            "service and that this home has the key it was made with"
        )
    names = reranking.teaching(scores, features)
    verdicts = reranking.labelled(doors.ledger.cases.decided(), names, unwanted=settings.decision.kinds_not_reviewed)
    measured = scores.join(features, on="account", how="left")
    return evaluation.evaluate(
        scores,
        known,
        features,
        priority=reranking.rerank_by_others(verdicts, measured, names, seed=settings.model.seed),
        flagged=frame(doors, run, "flags")["account"],
        capacity_share=settings.decision.capacity_share,
        seed=settings.model.seed,
    )


def _whole_numbers(texts: pl.Series) -> pl.Series:
    numbers = texts.replace("", None).cast(pl.Int64, strict=False)
    if strange := texts.filter(numbers.is_null()).replace("", None).drop_nulls().to_list():
        raise InputError(f"expected whole numbers of {texts.name} in truth, found {strange[0]!r}; correct it")
    return numbers
