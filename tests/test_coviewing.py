"""Which titles go together."""

from collections.abc import Iterable

import polars as pl
import pytest

from detector import coviewing, tables
from detector.coviewing import alike

Screen = tuple[int, int | None]


def _alike(shown: dict[Screen, Iterable[int]], *, plays: int = 1) -> set[tuple[int, int]]:
    """The pairs of two, from what each screen - an account and a device - shows."""
    rows = [
        {"account": account, "device": device, "title": title, "plays": plays}
        for (account, device), titles in shown.items()
        for title in titles
    ]
    found = alike(tables.shape(pl.LazyFrame(rows, schema_overrides={"device": pl.UInt64}), tables.TitleDays))
    assert found.equals(found.unique().sort("title", "goes_with"))
    return {(title, other) for title, other in found.iter_rows()}


def _two_crowds(screens: int = 20) -> dict[Screen, Iterable[int]]:
    """Every other screen shows 1 and 2, those between them 3 and 4; all of them show 9."""
    return {(n, 1): (9, 1 + 2 * (n % 2), 2 + 2 * (n % 2)) for n in range(screens)}


def test_titles_that_the_same_screens_show_go_together_both_ways_and_each_with_itself() -> None:
    """What everybody sees goes with nothing: it says nothing of anybody."""
    assert _alike(_two_crowds()) == {(n, n) for n in (1, 2, 3, 4, 9)} | {(1, 2), (2, 1), (3, 4), (4, 3)}


def test_a_title_that_few_screens_show_has_no_row() -> None:
    """Five are enough, four are not."""
    assert _alike({(n, 1): (1, 2) if n < 4 else (2,) for n in range(9)}) == {(2, 2)}
    assert (1, 1) in _alike({(n, 1): (1, 2) if n < 5 else (2,) for n in range(9)})


def test_two_titles_that_two_screens_show_both_do_not_go_together() -> None:
    """That is chance, or one household; three are enough."""
    apart: dict[Screen, Iterable[int]] = {(n, 1): (3 if n > 10 else 1 + n % 2,) for n in range(100)}
    both: dict[Screen, Iterable[int]] = {(200 + n, 1): (1, 2) for n in range(3)}
    assert (1, 2) in _alike(apart | both)
    both.popitem()
    assert (1, 2) not in _alike(apart | both)


def test_what_two_devices_of_one_account_show_does_not_go_together_by_that() -> None:
    """Or strangers who share an account would make their tastes one."""
    shown: dict[Screen, Iterable[int]] = {}
    for n in range(20):
        shown |= {(n, 1): (1, 2), (n, 2): (3, 4)}
    assert _alike(shown) == {(n, n) for n in (1, 2, 3, 4)} | {(1, 2), (2, 1), (3, 4), (4, 3)}


def test_a_screen_that_shows_everything_ties_nothing() -> None:
    """A bar that shows all there is does not make all of it alike."""
    everything: dict[Screen, Iterable[int]] = {(1000 + n, 1): range(1, 300) for n in range(30)}
    assert _alike(_two_crowds() | everything) == _alike(_two_crowds())


def test_without_devices_or_plays_nothing_is_known() -> None:
    """Null devices are no screen, and what only ran on from the day before was not chosen."""
    assert _alike({(n, None): (1, 2) for n in range(20)}) == set()
    assert _alike(_two_crowds(), plays=0) == set()


def test_the_order_of_rows_changes_nothing() -> None:
    """Last first, the same pairs."""
    assert _alike(dict(reversed(_two_crowds().items()))) == _alike(_two_crowds())


def test_of_many_rows_an_even_share_of_the_accounts_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those in the lower half of the pseudonyms, when half of the rows are allowed."""
    low: dict[Screen, Iterable[int]] = {(n, 1): (1, 2) for n in range(10)} | {(n, 1): (5,) for n in range(10, 20)}
    high: dict[Screen, Iterable[int]] = {(2**63 + n, 1): (3, 4) for n in range(10)}
    assert (3, 3) in _alike(low | high)
    monkeypatch.setattr(coviewing, "_ROWS", 25)
    assert _alike(low | high) == {(1, 1), (2, 2), (5, 5), (1, 2), (2, 1)}
