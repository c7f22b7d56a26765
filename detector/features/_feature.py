"""What a feature is: one block that says everything about itself."""

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self

import polars as pl

from detector import tables
from detector.days import TABLES, Day
from detector.features._groups import apart, grouped
from detector.features._homes import homes_lived_in, people_of
from detector.features._protocols import as_one, homes_of_two, with_both
from detector.features._ties import on_one_line
from detector.features._visitors import with_visitors
from detector.neighbours import Neighbours
from detector.spans import Span, by_context, fold

Shape = Literal["exponential", "power", "rank"]


@dataclass(frozen=True)
class Window:
    """What features are computed from.

    `days` are the account-days of the window that ends on `day` (`tables.AccountDays` and `nth_day`, 1 for the
    first of the window); `titles` (`tables.TitleDays`) and `visits` (`tables.Visits`) are what these are made up of,
    also where no play belongs to the day: its seconds and UTC hours are those of the UTC date, on which an evening in
    America is the next day's. `contexts` are the visits with plays over all its days together (`spans.by_context`; one
    may stand there twice); `year` is what is known of the year up to `day`, and `neighbours` what the accounts have in
    common with others.
    """

    day: dt.date
    length_days: int
    days: pl.DataFrame
    titles: pl.DataFrame
    visits: pl.DataFrame
    contexts: pl.DataFrame
    year: Span
    neighbours: Neighbours

    @classmethod
    def of(
        cls,
        digested: Day,
        contexts: pl.DataFrame,
        year: Span,
        neighbours: Neighbours,
        *,
        day: dt.date,
        length_days: int,
    ) -> Self:
        """The window over digested days and the contexts of their visits, put together."""
        nth_day = (pl.col("day") - (day - dt.timedelta(days=length_days))).dt.total_days().cast(pl.UInt32)
        return cls(
            day,
            length_days,
            digested.account_days.with_columns(nth_day=nth_day),
            digested.titles,
            digested.visits,
            contexts.sort("account", maintain_order=True),  # several families group them by it
            year,
            neighbours,
        )

    @functools.cached_property
    def _of_two_protocols(self) -> pl.DataFrame:
        return homes_of_two(self.year.lines, self.year.profiles, self.contexts, self.neighbours.hubs)

    @functools.cached_property
    def _lines(self) -> pl.DataFrame:
        """What devices of the year were on, or their people."""
        hubs = self.neighbours.hubs
        return with_visitors(with_both(self.year.lines, self._of_two_protocols, hubs), self.year.profiles, hubs)

    @functools.cached_property
    def _one_line(self) -> pl.DataFrame:
        return on_one_line(self._lines, self.neighbours.hubs)

    @functools.cached_property
    def grouped(self) -> pl.DataFrame:
        """Its contexts by group of people."""
        return grouped(self.contexts, self._lines, self.neighbours.hubs, self._one_line)

    @functools.cached_property
    def apart(self) -> pl.DataFrame:
        """Its contexts by what met and whose profile it shows; several families look at them."""
        return apart(self.contexts, self._lines, self.neighbours.hubs, self._one_line)

    @functools.cached_property
    def residents(self) -> pl.DataFrame:
        """The devices of its year, by group and by people; several families look at them."""
        return people_of(self._lines, self.year.profiles, self.neighbours.hubs, self._one_line)

    @functools.cached_property
    def homes_lived_in(self) -> pl.DataFrame:
        """The homes of its year that devices live in, of accounts not all of whose devices were on one line."""
        hubs = self.neighbours.hubs
        return homes_lived_in(as_one(self.year.lines, self._of_two_protocols, hubs), hubs, self._one_line)

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
        when_high: the sentence a reviewer reads, with {value} and {typical}; {value:day} counts days.
        innocent: causes worth checking before thinking ill.
        examples: account-days (rows as dicts, see `window_of`) and the value they give.
        given: what the model is given where the value is null; None is the typical value in training.
        telling: alone enough to put an account before a reviewer when extreme; the shape of its tail beyond what
            training has seen: "exponential" where each further unit is as unlikely as the one before it (a day more
            of a streak), "power" where each doubling is, else "rank".
        history_days: for how many days an account must be known before its value is; nought where any history will do.
        implied_by: features that say the same and more of an account wherever they are at least as high; beside one
            of them it is no further reason. Of two that are so of each other and as high, the first of the catalogue is
            told.
        shown_by: which of the account's playbacks of the window show it, as a mask over them in order of time; the
            value that they are to show stands beside them as `reason_value`.
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
    history_days: int = 0
    implied_by: tuple[str, ...] = ()
    shown_by: pl.Expr | None = None
    name: str = field(default="", init=False)
    family: str = field(default="", init=False)
    cause: str = field(default="", init=False)
    weight: float = field(default=1.0, init=False)
    in_full_from: float | None = field(default=None, init=False)
    shows_sharing: bool = field(default=False, init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "family", owner.__name__.lower())
        object.__setattr__(self, "cause", getattr(owner, "cause", "") or owner.__name__.lower())
        object.__setattr__(self, "weight", getattr(owner, "weight", 1.0))
        object.__setattr__(self, "in_full_from", getattr(owner, "in_full_from", None))
        object.__setattr__(self, "shows_sharing", getattr(owner, "shows_sharing", False))

    def sentence(self, value: float, typical: float) -> str:
        """What a reviewer reads of an account's value.

        >>> from detector.features import CATALOGUE
        >>> CATALOGUE["longest_streak"].sentence(18, 1)
        'viewed the same title on 18 days in a row; most accounts reach 1'
        """
        return self.when_high.format(value=_Number(value), typical=_Number(typical))


class _Number(float):
    """A number in a sentence: what else a format names is counted.

    >>> f"{_Number(1):day} {_Number(2):day} {_Number(2):.1f}"
    '1 day 2 days 2.0'
    """

    def __format__(self, form: str) -> str:
        if form[:1] in ("", ".", ","):
            return super().__format__(form)
        number = f"{float(self):.0f}"
        return f"{number} {form}{'' if number == '1' else 's'}"


STRANGERS = "strangers"  # a cause: somebody who is not of the household, come later or there all year
MANY_PEOPLE = ("many people", 0.5)  # a cause and its weight: most of those whom many people use are big households


class Family:
    """A group of features that watch one side of an account's life. Its attributes are the features."""

    features: ClassVar[tuple[Feature, ...]] = ()
    cause: ClassVar[str] = ""  # what shows in it, where other families show the same; else the family's own name
    weight: ClassVar[float] = 1.0  # how much of its evidence speaks of abuse, rather than of a way to live
    in_full_from: ClassVar[float | None] = None  # so much of it that nobody lives like that: all of it counts
    shows_sharing: ClassVar[bool] = False  # whether two homes that share an account show in it as strangers do

    def __init_subclass__(cls) -> None:
        cls.features = tuple(value for value in vars(cls).values() if isinstance(value, Feature))

    @classmethod
    def prepare(cls, window: Window) -> pl.DataFrame | None:
        """Columns by account for what no expression over days can say; None where the family needs none."""
        return None


EXAMPLE_DAY, EXAMPLE_DAYS = dt.date(2025, 6, 30), 28


def window_of(rows: Sequence[Mapping[str, Any]]) -> Window:
    """A window of `EXAMPLE_DAYS` up to `EXAMPLE_DAY` over one account's days, as examples write them.

    `ago` is how many days before the last one a row stands (0 unless said), `plays` is 1 unless said, `titles` and
    `visits` are lists that hold only what matters, `ring` says what the account has in common with others
    (`neighbours.Neighbours.accounts`); a title goes with itself and with those that its `goes_with` lists, and is one
    that nobody else shows where that is None; everything else is null or, for counts, 0.
    """
    written: dict[str, list[dict[str, Any]]] = {"account_days": [], "titles": [], "visits": []}
    rings = [
        {"account": 1, "device_accounts": 0, "device_accounts_beside": 0} | row["ring"] for row in rows if "ring" in row
    ]
    for row in rows:
        day = {"account": 1, "day": EXAMPLE_DAY - dt.timedelta(days=row.get("ago", 0))}
        written["account_days"].append(_LEAST["account_days"] | dict(row) | day)
        for name in ("titles", "visits"):
            written[name] += [_LEAST[name] | item | day for item in row.get(name) or ()]
    digested = Day(
        *(
            pl.DataFrame(
                [{name: row.get(name) for name in tables.columns(table)} for row in written[part]],
                schema=tables.columns(table),
            )
            for part, table in TABLES.items()
        )
    )
    in_window = pl.col("day") > EXAMPLE_DAY - dt.timedelta(days=EXAMPLE_DAYS)
    seen = Day(*(getattr(digested, part).filter(in_window) for part in TABLES))
    year = fold(digested.account_days.lazy(), by_context(digested.visits).lazy())
    alone = Neighbours.none()
    pairs = {
        (item["title"], other)
        for item in written["titles"]
        if item.get("title") is not None and item.get("goes_with", ()) is not None
        for other in (item["title"], *item.get("goes_with", ()))
    }
    neighbours = replace(
        alone,
        accounts=pl.DataFrame(rings, schema=alone.accounts.schema),
        alike=pl.DataFrame(sorted(pairs), schema=alone.alike.schema, orient="row"),
    )
    return Window.of(seen, by_context(seen.visits), year, neighbours, day=EXAMPLE_DAY, length_days=EXAMPLE_DAYS)


_LEAST: dict[str, dict[str, Any]] = {
    "account_days": {"plays": 1, "views": 0, "bare_views_known": 0, "bare_views": 0, "hours": 0, "rest_h": 24},
    "titles": {"plays": 1, "views": 0, "streak_days": 0},
    "visits": {"plays": 1, "hours": 0, "utc_hours": 0},
}
