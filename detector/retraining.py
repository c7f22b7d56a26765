"""The recipe beside the nightly one: learn a model, and bring it into use."""

import datetime as dt
import platform
import string
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from importlib.metadata import version as version_of
from typing import Any

import polars as pl

from detector import (
    comparison,
    config,
    features,
    lookback,
    model,
    pictures,
    published,
    registry,
    suppressing,
    training,
)
from detector.errors import GateError, InputError, IntegrityError
from detector.ingesting import Progress, silent
from detector.nightly import digest, take_in
from detector.registry import Registered
from detector.runs import Doors, on_record


@dataclass(frozen=True)
class Trained:
    """A new version of the model, whether it is now in use, what it learned from, and how it compares with the champion
    on past nights; null where there was no other to compare with, or `not_compared` says why not."""

    version: str
    champion: bool
    record: dict[str, Any]
    compared: comparison.Comparison | None = None
    not_compared: str | None = None


@dataclass(frozen=True)
class Promoted:
    """The version that is in use now, and why it was not compared with the one before; null: it was, or did not need
    to be."""

    version: str
    not_compared: str | None


def train(
    doors: Doors,
    day: dt.date,
    *,
    settings: config.Settings,
    clock: Callable[[], dt.datetime],
    progress: Progress = silent,
) -> Trained:
    """Fit on the window up to `day`, digesting what is missing; the first model becomes champion, others challenge.

    A home with fewer than `[model] small_home_accounts` to learn from is fitted beside an invented service.

    Raises:
        InputError: nothing is stored that the window could hold.
    """
    with on_record(doors, "train", day=day, clock=clock) as (_, record):
        return _train(doors, day, [], record, settings, clock, progress)


def retrain(
    doors: Doors,
    day: dt.date,
    *,
    settings: config.Settings,
    clock: Callable[[], dt.datetime],
    progress: Progress = silent,
) -> Trained:
    """Fit anew on the window up to `day`, without the accounts that reviewers confirmed, and compare with the champion.

    What was confirmed is not to teach what is ordinary; false alarms stay. What is suppressed teaches nothing, neither
    here nor in `train`. The comparison goes with the model, as a report and a picture.

    Raises:
        InputError: nothing is stored that the window could hold.
    """
    with on_record(doors, "retrain", day=day, clock=clock) as (_, record):
        decided = doors.ledger.cases.decided(measured=False)
        confirmed = [int(case.account, 16) for case in decided if case.taught == "confirmed"]
        trained = _train(doors, day, confirmed, record, settings, clock, progress)
        if trained.champion:
            return trained
        progress("compare", 0, 1)
        models = doors.registry()
        champion = models.with_alias(registry.CHAMPION)
        assert champion is not None  # else this one would be it
        compared = compare(doors, champion, models.version(trained.version), settings)
        progress("compare", 1, 1)
        if isinstance(compared, str):
            record["not_compared"] = compared
            return replace(trained, not_compared=compared)
        record["comparison"] = compared.summary()
        models.attach(
            trained.version,
            {
                "comparison.md": comparison.report(compared, champion.version, trained.version),
                "comparison.png": pictures.compared(compared),
            },
        )
        return replace(trained, compared=compared)


def compare(
    doors: Doors, champion: Registered, challenger: Registered, settings: config.Settings
) -> comparison.Comparison | str:
    """Two models on the last published nights, or why they can not be compared: there is no night whose features both
    can read, or the champion can be used no more. Then it holds back no other."""
    models = doors.registry()
    new = models.load(challenger)
    try:
        old = models.load(champion)
    except IntegrityError as error:
        return f"model {champion.version}, which is in use, can be used no more: {error}"
    nights: list[comparison.PastNight] = []
    for run in reversed(doors.ledger.publications()):
        if len(nights) == settings.promotion.nights:
            break
        found = published.frame(doors, run, "features")
        if run.day is not None and {*old.names, *new.names} <= set(found.columns):
            nights.append(comparison.PastNight(run.day, found, published.frame(doors, run, "scores")))
    if not nights:
        return f"no night is published whose features both it and model {champion.version} can read"
    decided = doors.ledger.cases.decided()
    return comparison.compare(old, new, sorted(nights, key=lambda night: night.day), decided, settings.decision)


def promote(
    doors: Doors,
    version: str,
    *,
    override: str,
    actor: str,
    settings: config.Settings,
    clock: Callable[[], dt.datetime],
) -> Promoted:
    """Bring a model into use, by the hand of `actor`: the challenger where `version` is empty. One that has been in use
    before may come back.

    Raises:
        InputError: there is no such version, or no challenger.
        IntegrityError: its file is not as it was written, or is of other library versions: no night could use it.
        GateError: it is worse on verdicts than the champion or changes too much, and no `override` says why it should
            come into use all the same; the reason goes on record.
    """
    with on_record(doors, "promote", day=None, clock=clock) as (_, record):
        record["actor"] = actor
        models = doors.registry()
        wanted = models.version(version) if version else models.with_alias(registry.CHALLENGER)
        if wanted is None:
            raise InputError("expected a challenger, found none; name a version of `detector models`")
        models.load(wanted)
        champion = models.with_alias(registry.CHAMPION)
        record["model_version"] = wanted.version
        not_compared = None
        if champion is not None and champion.version != wanted.version and not wanted.has_been_champion:
            compared = compare(doors, champion, wanted, settings)
            if isinstance(compared, str):
                record["not_compared"] = not_compared = compared
                reasons = []
            else:
                reasons = compared.refusals(settings.promotion)
            record["refusals"] = reasons
            if reasons and not override.strip():
                raise GateError(
                    f"expected model {wanted.version} to do no worse than model {champion.version}, found that "
                    f"{'; '.join(reasons)}; nothing was changed: look at its comparison.md, or say why it should come "
                    'into use all the same with --override "why"'
                )
        if override.strip():
            record["override"] = override.strip()
        return Promoted(models.promote(wanted.version).version, not_compared)


def _train(
    doors: Doors,
    day: dt.date,
    confirmed: Collection[int],
    record: dict[str, Any],
    settings: config.Settings,
    clock: Callable[[], dt.datetime],
    progress: Progress,
) -> Trained:
    take_in(doors, settings, now=clock(), record=record, progress=progress)
    digest(doors, day, settings=settings, record=record, progress=progress)
    seen = _features(doors, day, settings, progress)
    left = seen.filter(~pl.col("account").is_in(pl.Series(confirmed, dtype=pl.UInt64).implode()))
    silenced = suppressing.accounts(doors.ledger.suppressions.on(day))
    learned = left.filter(~pl.col("account").is_in(silenced.implode()))
    own = learned.height
    if own < settings.model.small_home_accounts:
        others = training.invented(doors.home, day, settings, seed=settings.model.seed, progress=progress)
        learned = pl.concat([learned, others])
    progress("fit", 0, 2)
    fitted = model.fit(learned, features.CATALOGUE, settings.model, least_peers=settings.peers.least_accounts)
    progress("fit", 1, 2)
    record.update(_record(fitted, day, own, learned.height - own, settings, doors.keys.key_id))
    record["confirmed_left_out"] = seen.height - left.height
    record["suppressed_left_out"] = left.height - own
    models = doors.registry()
    capacity = settings.decision.capacity_share
    logged = models.log(
        fitted,
        example=registry.example_of(fitted),
        record=record,
        metrics={"accounts": own, "features": len(fitted.names)},
        card=card(fitted, record, comparison.on_cases(fitted, doors.ledger.cases.decided(), capacity_share=capacity)),
    )
    first = models.with_alias(registry.CHAMPION) is None
    (models.promote if first else models.challenge)(logged.version)
    record["model_version"] = logged.version
    progress("fit", 2, 2)
    return Trained(logged.version, first, dict(record))


def _features(doors: Doors, day: dt.date, settings: config.Settings, progress: Progress) -> pl.DataFrame:
    progress("features", 0, 1)
    met = lookback.meet(doors.home, day, settings.window)
    learned = [
        training.learn_from(
            features.build_features(window, peers=settings.peers.traits), window.year.accounts, day, settings.window
        )
        for window in lookback.windows(doors.home, day, settings.window, met=met)
    ]
    progress("features", 1, 1)
    return pl.concat(learned)


def _record(
    fitted: model.AccountModel, day: dt.date, own: int, invented: int, settings: config.Settings, key_id: str
) -> dict[str, Any]:
    first_day = day - dt.timedelta(days=settings.window.days - 1)
    return {
        "first_day": first_day.isoformat(),
        "day": day.isoformat(),
        "own_accounts": own,
        "invented_accounts": invented,
        "features": list(fitted.names),
        "features_left_out": [name for name in features.CATALOGUE if name not in fitted.names],
        "seed": settings.model.seed,
        "key_id": key_id,
        "versions": {name: version_of(name) for name in ("scikit-learn", "polars", "mlflow", "skops")}
        | {"python": platform.python_version()},
    }


def card(fitted: model.AccountModel, record: dict[str, Any], on_cases: pl.DataFrame) -> str:
    """The model card (Mitchell et al. 2019), filled from the run; `on_cases` is how the model sees what reviewers have
    decided on (see `comparison.on_cases`)."""
    template = string.Template(config.packaged("models/card.md").read_text(encoding="utf-8"))
    typical = fitted.quantiles_[len(fitted.quantiles_) // 2]
    rows = "\n".join(
        f"| `{name}` | {features.CATALOGUE[name].family} | {value:.3g} {features.CATALOGUE[name].unit} |"
        for name, value in zip(fitted.names, typical, strict=True)
    )
    verdicts = "\n".join(
        f"| {verdict} | {what} | {cases} | {within} |" for verdict, what, cases, within in on_cases.iter_rows()
    )
    return template.substitute(
        verdicts=verdicts or "| none yet | | | |",
        first_day=record["first_day"],
        day=record["day"],
        own_accounts=record["own_accounts"],
        invented_accounts=record["invented_accounts"],
        trees=fitted.trees,
        samples=fitted.samples,
        seed=fitted.seed,
        features=rows,
        left_out=", ".join(f"`{name}`" for name in record["features_left_out"]) or "none",
        versions=", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        key_id=record["key_id"],
    )
