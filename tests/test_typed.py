"""What people type at the desk, and what it means."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from detector import config, identity, typed
from detector.cases import Verdict
from detector.errors import InputError
from detector.runs import Doors, open_doors


@pytest.fixture
def doors(home: Path, settings: config.Settings) -> Iterator[Doors]:
    with open_doors(home, settings) as doors:
        yield doors


def test_a_table_of_verdicts_is_read_by_either_id(doors: Doors) -> None:
    """`account` or the service's own `account_id`; a row that makes no sense is named by its number."""
    table = pl.DataFrame({"account_id": ["account-1"], "verdict": ["False-Alarm"], "cause": ["guests"], "kind": [""]})
    expected = f"{identity.pseudonym_of('account-1', doors.keys):016x}"
    assert typed.verdicts_of(table, doors) == [(expected, Verdict("false alarm", cause="guests"))]
    severe = pl.DataFrame({"account": ["0" * 16], "verdict": ["confirmed"], "action": ["limit-streams"]})
    assert typed.verdicts_of(severe, doors) == [("0" * 16, Verdict("confirmed", response="limit streams"))]
    named = pl.DataFrame({"account": ["0" * 16], "verdict": ["confirmed"], "kind": ["Account-Takeover"]})
    assert typed.verdicts_of(named, doors) == [("0" * 16, Verdict("confirmed", kind="account takeover"))]
    rows = pl.DataFrame({"account": ["0" * 16, "0" * 16], "verdict": ["confirmed", "guilty"]})
    with pytest.raises(InputError, match="row 2"):
        typed.verdicts_of(rows, doors)
    with pytest.raises(InputError, match="rename"):
        typed.verdicts_of(pl.DataFrame({"verdict": ["confirmed"]}), doors)
    with pytest.raises(InputError, match="found none"):
        typed.verdicts_of(rows.clear(), doors)
    twice = pl.DataFrame({"account": ["0" * 16, "1" * 16, "0" * 16], "verdict": ["confirmed"] * 3})
    with pytest.raises(InputError, match="row 3: expected an account once, found it in row 1"):
        typed.verdicts_of(twice, doors)


def test_a_table_of_verdicts_may_come_from_a_spreadsheet(doors: Doors) -> None:
    """With blanks around names and words, and with columns that are somebody else's; a list is no verdict."""
    table = pl.DataFrame({"account ": [" " + "0" * 16], " verdict": ["confirmed "], "tags": [["a", "b"]]})
    assert typed.verdicts_of(table, doors) == [("0" * 16, Verdict("confirmed"))]
    with pytest.raises(InputError, match="several values in one"):
        typed.verdicts_of(table.with_columns(cause=pl.Series([["guests", "a lab"]])), doors)
