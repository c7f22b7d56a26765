"""The fewest features that would clear an account."""

import polars as pl
import pytest
from test_model import CATALOGUE, SETTINGS, _accounts

from detector import clearing, model
from detector.model import AccountModel


@pytest.fixture(scope="module")
def fitted() -> AccountModel:
    return model.fit(_accounts(1, 2_000), CATALOGUE, SETTINGS)


def _line(fitted: AccountModel) -> float:
    """What one account in a hundred reaches."""
    return float(pl.Series(fitted.predict(model.matrix(fitted, _accounts(2, 1_000)))).quantile(0.99) or 0)


def _same(accounts: pl.DataFrame, line: float | None) -> pl.DataFrame:
    return accounts.select("account", line=pl.lit(line, pl.Float64))


def test_setting_the_named_features_to_typical_brings_the_score_below_the_line(fitted: AccountModel) -> None:
    """Faithful: what is named is what the score rests on, and no named feature is idle."""
    line = _line(fitted)
    accounts = _accounts(3, 2_000)
    high = accounts.filter(pl.Series(fitted.predict(model.matrix(fitted, accounts))) >= line)
    explained = model.explain(fitted, high)
    found = clearing.cleared_by(fitted, high, explained, lines=_same(high, line))
    assert found["account"].to_list() == sorted(high["account"].to_list())
    cleared = found.drop_nulls()
    assert cleared.height
    typical = dict(explained.select("feature", "typical").unique().iter_rows())
    for account, names in cleared.iter_rows():
        own = high.filter(pl.col("account") == account)
        assert names
        as_others = own.with_columns(pl.lit(typical[name], pl.Float64).alias(name) for name in names)
        assert fitted.predict(model.matrix(fitted, as_others))[0] < line
        but_last = own.with_columns(pl.lit(typical[name], pl.Float64).alias(name) for name in names[:-1])
        assert fitted.predict(model.matrix(fitted, but_last))[0] >= line


def test_an_account_below_the_line_needs_nothing(fitted: AccountModel) -> None:
    """An empty list; and no account at all gives no row."""
    some = _accounts(4, 5)
    found = clearing.cleared_by(fitted, some, model.explain(fitted, some), lines=_same(some, 1e9))
    assert found["cleared_by"].to_list() == [[]] * 5
    none = some.clear()
    assert clearing.cleared_by(fitted, none, model.explain(fitted, none), lines=_same(none, 1.0)).is_empty()


def test_what_can_not_be_cleared_is_null(fitted: AccountModel) -> None:
    """No feature brings a score below nought, nor below a line that there is not."""
    some = _accounts(4, 5)
    for line in (-1.0, None):
        found = clearing.cleared_by(fitted, some, model.explain(fitted, some), lines=_same(some, line))
        assert found["cleared_by"].null_count() == 5


def test_each_account_has_its_own_line(fitted: AccountModel) -> None:
    """Who is below it needs nothing, whatever the lines of others are."""
    some = _accounts(4, 5).sort("account")
    lines = some.select("account", line=pl.Series([1e9, -1.0, 1e9, -1.0, None]))
    found = clearing.cleared_by(fitted, some.reverse(), model.explain(fitted, some), lines=lines.reverse())
    assert found["cleared_by"].to_list() == [[], None, [], None, None]
