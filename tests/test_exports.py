"""Tables that leave the program carry no commands into the next one."""

import io
import json
from pathlib import Path

import polars as pl
import pytest

from detector import exports
from detector.errors import SettingsError

HOSTILE = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", " =1", "\u200b=1", "\x00=1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_a_csv_begins_a_formula(text: str) -> None:
    """Whatever blanks or hidden marks stand before it, a quote comes first; the text behind it is whole."""
    written = exports.as_bytes(pl.DataFrame({"note": [text]}), Path("out.csv"))
    (cell,) = pl.read_csv(io.BytesIO(written))["note"]
    assert cell == f"'{text}"


def test_numbers_and_ordinary_text_are_left_alone() -> None:
    """A negative number is a number, a hyphen inside a word is a hyphen, a null is empty."""
    frame = pl.DataFrame({"score": [-1.5], "who": ["ana-maria"], "note": pl.Series([None], dtype=pl.String)})
    assert pl.read_csv(io.BytesIO(exports.as_bytes(frame, Path("out.csv")))).rows() == [(-1.5, "ana-maria", None)]


def test_parquet_and_json_give_back_what_went_in() -> None:
    """Nothing is quoted where nothing is taken for a formula."""
    frame = pl.DataFrame({"note": HOSTILE})
    assert pl.read_parquet(io.BytesIO(exports.as_bytes(frame, Path("out.parquet")))).equals(frame)
    assert json.loads(exports.as_bytes(frame, Path("out.json"))) == frame.to_dicts()


def test_another_suffix_is_refused() -> None:
    """The refusal names those that are known."""
    with pytest.raises(SettingsError, match=r"csv, \.json, \.parquet, found 'out\.xlsx'"):
        exports.as_bytes(pl.DataFrame(), Path("out.xlsx"))
