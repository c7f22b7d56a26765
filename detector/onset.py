"""Since when an account has looked as it does: the same model, asked week by week about its past."""

import datetime as dt
from dataclasses import replace

import polars as pl

from detector import config, features, model, spans
from detector.days import Day
from detector.features import Window
from detector.neighbours import Neighbours

_WEEK = dt.timedelta(days=7)
_LOOKS = 26  # half a year of weeks: before that, a year's streak had no year to be seen in


def since(
    year: Day, fitted: model.AccountModel, hubs: pl.Series, *, line: float, day: dt.date, settings: config.Window
) -> dt.date | None:
    """The earliest of the weekly looks back from `day`, without a gap, whose window scores `line` or more.

    `year` holds the account-days of one account over the year up to `day`. Null where not even the window up to `day`
    scores so: what others have in common with the account is not looked back on, apart from which addresses are
    `hubs` (see `neighbours.Neighbours`), so a ring may have begun at any time, and taste does not count. A look back on
    which too little had been seen for a score ends the search.
    """
    # Each look is an account of its own whose last day is the same: so all are computed at once, as any night is.
    looks = [_moved(year, number, settings.year_days, day) for number in range(_LOOKS)]
    whole = Day(*(pl.concat([getattr(look, part) for look in looks]) for part in ("account_days", "titles", "visits")))
    in_window = pl.col("day") > day - dt.timedelta(days=settings.days)
    seen = Day(*(frame.filter(in_window) for frame in (whole.account_days, whole.titles, whole.visits)))
    span = spans.fold(whole.account_days.lazy().select(spans.OF_DAYS), spans.by_context(whole.visits).lazy())
    met = replace(Neighbours.none(), hubs=hubs)
    built = features.build_features(
        Window.of(seen, spans.by_context(seen.visits), span, met, day=day, length_days=settings.days)
    )
    enough = span.accounts.filter(spans.status(day, settings) == "scored")
    scored = model.score(fitted, built.join(enough, on="account", how="semi"))
    high = scored.filter(pl.col("score") >= line)["account"].to_list()
    unbroken = [number for number in range(_LOOKS) if set(range(number + 1)) <= set(high)]
    return day - _WEEK * unbroken[-1] if unbroken else None


def _moved(year: Day, number: int, year_days: int, day: dt.date) -> Day:
    """What was known so many weeks before `day`, as days up to it, of an account with that number."""
    ahead = pl.duration(weeks=number)
    then = pl.col("day").is_between(day - dt.timedelta(days=year_days - 1), day)
    return Day(
        *(
            frame.with_columns(account=pl.lit(number, pl.UInt64), day=(pl.col("day") + ahead).cast(pl.Date)).filter(
                then
            )
            for frame in (year.account_days, year.titles, year.visits)
        )
    )
