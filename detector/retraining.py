"""The recipe beside the nightly one: learn a model, and bring it into use."""

import datetime as dt
import platform
import string
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as version_of
from typing import Any

import polars as pl

from detector import config, digesting, features, lookback, model, registry, training
from detector.errors import InputError
from detector.ingesting import Progress, silent
from detector.nightly import take_in
from detector.runs import Doors, on_record


@dataclass(frozen=True)
class Trained:
    """A new version of the model, whether it is now in use, and what it learned from."""

    version: str
    champion: bool
    record: dict[str, Any]


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
        take_in(doors, settings, now=clock(), progress=progress)
        digesting.bring_up_to_date(doors.home, day, settings=settings, key_id=doors.keys.key_id, progress=progress)
        learned = _features(doors, day, settings, progress)
        own = learned.height
        if own < settings.model.small_home_accounts:
            others = training.invented(doors.home, day, settings, seed=settings.model.seed, progress=progress)
            learned = pl.concat([learned, others])
        progress("fit", 0, 2)
        fitted = model.fit(learned, features.CATALOGUE, settings.model)
        progress("fit", 1, 2)
        record.update(_record(fitted, day, own, learned.height - own, settings, doors.keys.key_id))
        models = doors.registry()
        logged = models.log(
            fitted,
            example=registry.example_of(fitted),
            record=record,
            metrics={"accounts": own, "features": len(fitted.names)},
            card=card(fitted, record),
        )
        first = models.with_alias(registry.CHAMPION) is None
        (models.promote if first else models.challenge)(logged.version)
        record["model_version"] = logged.version
        progress("fit", 2, 2)
        return Trained(logged.version, first, record)


def _features(doors: Doors, day: dt.date, settings: config.Settings, progress: Progress) -> pl.DataFrame:
    if not lookback.look(doors.home, day, settings.window).window:
        stored = doors.home.partitions("playbacks")
        known = f"the last stored day is {stored[-1]}: try --day {stored[-1]}" if stored else "ingest some first"
        raise InputError(f"expected playbacks in the {settings.window.days} days up to {day}, found none; {known}")
    progress("features", 0, 1)
    met = lookback.meet(doors.home, day, settings.window)
    learned = [
        training.learn_from(features.build_features(window), window.year.accounts, day, settings.window)
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


def card(fitted: model.AccountModel, record: dict[str, Any]) -> str:
    """The model card (Mitchell et al. 2019), filled from the run."""
    template = string.Template(config.packaged("models/card.md").read_text(encoding="utf-8"))
    typical = fitted.quantiles_[len(fitted.quantiles_) // 2]
    rows = "\n".join(
        f"| `{name}` | {features.CATALOGUE[name].family} | {value:.3g} {features.CATALOGUE[name].unit} |"
        for name, value in zip(fitted.names, typical, strict=True)
    )
    return template.substitute(
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
