"""What was published, read back: scores of a night, answers for accounts that are asked for, why one stands out, and
how good the night was where the answers are known."""

import datetime as dt
from typing import Any

import polars as pl

from detector import config, decisions, evaluation, features, findings, identity, lookback, model, portrait, store
from detector.errors import InputError
from detector.ledger import Run
from detector.runs import Doors


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
    """`scores`, `features`, `flags` or `ties` (`neighbours.Neighbours.ties`) of a published run, checked against its
    digest."""
    file = f"{name}.parquet"
    return pl.read_parquet(store.checked_bytes(doors.home.home / str(run.directory) / file, run.manifest[file]))


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
        raise InputError(f"expected a column account_id, found {', '.join(asked.columns)}; rename it")
    ids = asked.select(pl.col("account_id").cast(pl.String))
    accounts = identity.pseudonymise_ids(ids, doors.keys)["account"]
    known = scores(doors, run, with_features=with_features)
    answered = ids.with_columns(account=identity.to_hex(accounts)).join(
        known, on="account", how="left", maintain_order="left"
    )
    return answered.with_columns(
        pl.col("status").fill_null("not seen"), pl.col("flagged").fill_null(False), pl.col("day").fill_null(run.day)
    )


def explain(doors: Doors, run: Run, account: int, *, settings: config.Settings, names: bool = False) -> dict[str, Any]:
    """Why an account stands where it stands: its score, reasons, counter-evidence and the playbacks that show it.

    `names` adds what the sealed table says of the account and of its titles: the caller has written the audit row.

    Raises:
        InputError: the night did not see the account.
    """
    digits = identity.to_hex(pl.Series([account], dtype=pl.UInt64))[0]
    mine = pl.col("account") == account
    row = frame(doors, run, "scores").filter(mine)
    if row.is_empty():
        raise InputError(
            f"expected an account seen in the {settings.window.days} days up to {run.day}, found none; "
            "look it up with `detector scores`, or give the service's own id with --id -"
        )
    assert run.day is not None  # published runs have one
    score = row.drop("account").row(0, named=True)
    own = frame(doors, run, "features").filter(mine)
    flag = frame(doors, run, "flags").filter(mine)
    told, note = _known(doors, run, own)
    explained: dict[str, Any] = {
        "account": digits,
        **score,
        "flagged": not flag.is_empty(),
        "features": told.drop("account").to_dicts(),
        "features_missing": {
            name: feature.missing
            for name, feature in features.CATALOGUE.items()
            if name in own.columns and own[name].null_count()
        },
    }
    first = run.day - dt.timedelta(days=settings.window.days - 1)
    playbacks = lookback.playbacks_of(doors.home, [account], first, run.day, settings.playbacks)
    argued = decisions.argue(told, playbacks, features.CATALOGUE, note) if flag.is_empty() else flag
    explained |= argued.select("reasons", "counter_evidence").row(0, named=True)
    if not flag.is_empty():
        explained |= flag.select("kind", "q_value", "first_seen", "cleared_by").row(0, named=True)
    shown = _shown(playbacks, argued["evidence"][0])
    if names:
        known = lookback.names_of(doors.home, doors.keys, first, run.day)
        account_names = known.filter((pl.col("kind") == "account") & (pl.col("id") == account))["name"]
        explained["account_id"] = account_names[0] if len(account_names) else None
        if not shown.is_empty():
            titles = known.filter(pl.col("kind") == "title").select(title="id", title_name="name")
            shown = shown.join(titles, on="title", how="left", maintain_order="left")
    hexed = [name for name in ("playback", "profile", "device", "title", "network") if name in shown.columns]
    explained["evidence"] = shown.with_columns(identity.to_hex(shown[name]) for name in hexed).to_dicts()
    return explained


def portray(doors: Doors, run: Run, account: int, settings: config.Settings) -> portrait.Portrait:
    """What the pictures of an account show, up to a night: the caller has written the audit row."""
    assert run.day is not None  # published runs have one
    window_days, year_days = settings.window.days, settings.window.year_days
    first = run.day - dt.timedelta(days=window_days - 1)
    year = lookback.days_of(doors.home, account, run.day - dt.timedelta(days=year_days - 1), run.day)
    playbacks = lookback.playbacks_of(doors.home, [account], first, run.day, settings.playbacks)
    nights = [_night(doors, served, account) for served in doors.ledger.publications() if served.day]
    return portrait.portray(
        year, playbacks, frame(doors, run, "ties"), pl.concat(nights).filter(pl.col("day") <= run.day),
        account=account, day=run.day, window_days=window_days, year_days=year_days,
    )  # fmt: skip


def plain(portrait: portrait.Portrait) -> dict[str, Any]:
    """A portrait as plain data: a list of rows for each table, pseudonyms as 16 hex digits."""
    told: dict[str, Any] = {"day": portrait.day, "streak_title": portrait.streak_title}
    if portrait.streak_title is not None:
        told["streak_title"] = f"{portrait.streak_title:016x}"
    for name, table in vars(portrait).items():
        if isinstance(table, pl.DataFrame):
            ids = [column for column, dtype in table.schema.items() if dtype == pl.UInt64]
            told[name] = table.with_columns(identity.to_hex(table[column]) for column in ids).to_dicts()
    return told


def _night(doors: Doors, run: Run, account: int) -> pl.DataFrame:
    mine = pl.col("account") == account
    flagged = not frame(doors, run, "flags").filter(mine).is_empty()
    return frame(doors, run, "scores").filter(mine).select("day", "score", "p_value", "rank", flagged=pl.lit(flagged))


def _known(doors: Doors, run: Run, own: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """What the model that scored the night says of each feature, and whom it compares with (`findings.note_of`)."""
    registry = doors.registry()
    used = next((v for v in registry.versions() if v.version == run.model_version), None)
    if used is None:
        raise InputError(
            f"expected model {run.model_version} that scored {run.day}, found it gone; run the night again"
        )
    told = model.explain(registry.load(used), own).sort("surprise", "feature", descending=[True, False])
    return told, findings.note_of(used)


def _shown(playbacks: pl.DataFrame, evidence: pl.Series) -> pl.DataFrame:
    wanted = ("playback", "day", "started_at", "ended_at", "seconds", "is_view", "is_repeat")
    places = ("title", "profile", "device", "network", "country")
    shown = playbacks.filter(pl.col("playback").is_in(evidence.to_list())).select(*wanted, *places)
    return shown.sort("started_at", "playback")


def evaluate(doors: Doors, run: Run, truth: pl.DataFrame, settings: config.Settings) -> evaluation.Evaluation:
    """How good a night is against `truth`: `account_id, kind, label`, maybe `intensity` and `households`; ids become
    pseudonyms first.

    Raises:
        InputError: `truth` is not such a table.
    """
    if missing := [name for name in ("account_id", "kind", "label") if name not in truth.columns]:
        raise InputError(f"expected a column {missing[0]} in truth, found {', '.join(truth.columns)}; add it")
    wanted = [name for name in ("account_id", "kind", "label", "intensity", "households") if name in truth.columns]
    texts = truth.select(pl.col(wanted).cast(pl.String))
    if "households" in wanted:
        texts = texts.with_columns(households=_whole_numbers(texts["households"]))
    known = texts.with_columns(account=identity.pseudonymise_ids(texts.select("account_id"), doors.keys)["account"])
    return evaluation.evaluate(
        frame(doors, run, "scores"),
        known,
        frame(doors, run, "features"),
        capacity_share=settings.decision.capacity_share,
        seed=settings.model.seed,
    )


def _whole_numbers(texts: pl.Series) -> pl.Series:
    numbers = texts.replace("", None).cast(pl.Int64, strict=False)
    if strange := texts.filter(numbers.is_null()).replace("", None).drop_nulls().to_list():
        raise InputError(f"expected whole numbers of {texts.name} in truth, found {strange[0]!r}; correct it")
    return numbers
