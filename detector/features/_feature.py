"""What a feature is: one block that says everything about itself."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import polars as pl


@dataclass(frozen=True)
class Window:
    """What features are computed from.

    `days` are the account-days of the window that ends on `day` (`tables.AccountDays`), `year` one row per account
    with what is known of the year up to it (see `features.fold_year`).
    """

    day: dt.date
    length_days: int
    days: pl.DataFrame
    year: pl.DataFrame

    @property
    def first_day(self) -> dt.date:
        return self.day - dt.timedelta(days=self.length_days - 1)


@dataclass(frozen=True)
class Feature:
    """One number per account that is higher when more suspicious.

    Attributes:
        says: what the number is.
        unit: of the value.
        expr: over an account's days of the window, or over the columns that its family prepared.
        missing: what null means.
        when_high: the sentence a reviewer reads, with {value} and {typical}.
        innocent: causes worth checking before thinking ill.
        examples: account-days (rows as dicts; unnamed columns are empty) and the value they give.
        given: what the model is given where the value is null; None is the typical value in training.
        telling: alone enough to put an account before a reviewer when extreme.
        shown_by: which of the account's playbacks of the window show it, as a mask over them in order of time.
    """

    says: str
    unit: str
    expr: pl.Expr
    when_high: str
    innocent: tuple[str, ...]
    examples: Sequence[tuple[Sequence[Mapping[str, Any]], float | None]]
    missing: str = "never"
    given: float | None = None
    telling: bool = False
    shown_by: pl.Expr | None = None
    name: str = field(default="", init=False)
    family: str = field(default="", init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "family", owner.__name__.lower())


class Family:
    """A group of features that watch one side of an account's life. Its attributes are the features."""

    features: ClassVar[tuple[Feature, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.features = tuple(value for value in vars(cls).values() if isinstance(value, Feature))

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame | None:
        """Columns by account for what no expression over days can say; None where the family needs none."""
        return None
