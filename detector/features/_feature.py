"""What a feature is: one block that says everything about itself."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import polars as pl

from detector import days, tables

Shape = Literal["exponential", "rank"]


@dataclass(frozen=True)
class Window:
    """What features are computed from.

    `days` are the account-days of the window that ends on `day` (`tables.AccountDays` and `nth_day`, 1 for the
    first of the window); `titles` and `visits` are their lists, one row each with `account` and `day`, plays only;
    `year` is one row per account with what is known of the year up to `day` (`tables.Spans`).
    """

    day: dt.date
    length_days: int
    days: pl.DataFrame
    titles: pl.DataFrame
    visits: pl.DataFrame
    year: pl.DataFrame

    @classmethod
    def of(cls, account_days: pl.DataFrame, year: pl.DataFrame, *, day: dt.date, length_days: int) -> Self:
        """The window over account-days, unfolded once for all families."""
        nth_day = (pl.col("day") - (day - dt.timedelta(days=length_days))).dt.total_days().cast(pl.UInt32)
        lists = (
            account_days.select("account", "day", name).explode(name).unnest(name).filter(pl.col("plays") > 0)
            for name in ("titles", "visits")
        )
        titles, visits = lists
        scalars = account_days.drop("titles", "visits").with_columns(nth_day=nth_day)
        return cls(day, length_days, scalars, titles, visits, year)

    @property
    def first_day(self) -> dt.date:
        """The day the window begins."""
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
        examples: account-days (rows as dicts, see `window_of`) and the value they give.
        given: what the model is given where the value is null; None is the typical value in training.
        telling: alone enough to put an account before a reviewer when extreme; the shape of its tail beyond what
            training has seen: "exponential" where each further unit is as unlikely as the one before it (a day more
            of a streak), else "rank".
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
    telling: Shape | None = None
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


EXAMPLE_DAY = dt.date(2025, 6, 30)


def window_of(rows: Sequence[Mapping[str, Any]]) -> Window:
    """A window of 28 days up to `EXAMPLE_DAY` over one account's days, as examples write them.

    `ago` is how many days before the last one a row stands (0 unless said), `plays` is 1 unless said, and lists
    hold only what matters; everything else is null or, for counts, 0.
    """
    zero: dict[str, Any] = {"account": 1, "plays": 1, "views": 0, "hours": 0, "rest_h": 24, "visits": []}
    of_list: dict[str, dict[str, Any]] = {
        "titles": {"plays": 1, "views": 0, "streak_days": 0},
        "visits": {"plays": 1, "hours": 0},
    }
    whole = []
    for row in rows:
        known = zero | {name: value for name, value in row.items() if name != "ago"}
        for name, least in of_list.items():
            if known.get(name) is not None:
                known[name] = [least | item for item in known[name]]
        whole.append(known | {"day": EXAMPLE_DAY - dt.timedelta(days=row.get("ago", 0))})
    schema = tables.columns(tables.AccountDays)
    account_days = pl.DataFrame([{name: row.get(name) for name in schema} for row in whole], schema=schema)
    first_day = EXAMPLE_DAY - dt.timedelta(days=27)
    in_window = account_days.filter(pl.col("day") >= first_day)
    return Window.of(in_window, days.fold(account_days), day=EXAMPLE_DAY, length_days=28)
