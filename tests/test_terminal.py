"""What people see in a terminal: tables, plain data, and progress."""

import datetime as dt
import json
import os
import pty
import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.terminal import as_json, progress, table

BERLIN_WINTER = dt.timezone(dt.timedelta(hours=1))


def test_columns_are_aligned_text_to_the_left_and_numbers_to_the_right() -> None:
    """Wide headings and wide cells both make room; no blanks trail."""
    rows = [{"title": "A", "plays": 5, "score": 0.5}, {"title": "A long one", "plays": 12345, "score": 12.25}]
    assert table(rows, ["title", "plays", "score"]).split("\n") == [
        "title       plays  score",
        "A               5    0.5",
        "A long one  12345   12.2",
    ]


def test_no_rows_leave_the_headings() -> None:
    """A person sees that the list is empty, not an error."""
    assert table([], ["account", "score"]) == "account  score"


def test_what_is_not_known_is_a_dash() -> None:
    """Null and absent read the same, and never as nought."""
    assert table([{"a": None}, {}, {"a": 0}], ["a"]).split("\n") == ["a", "-", "-", "0"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"), (False, ""), (0, "0"), (2**64 - 1, "18446744073709551615"), (0.0, "0"), (3.14159, "3.14"),
        (99.4, "99.4"), (100.6, "101"), (-1234.5, "-1234"), (1e6, "1000000"), (0.000123, "0.000123"),
        (float("nan"), "nan"), (float("inf"), "inf"), (dt.date(2024, 2, 29), "2024-02-29"),
        (dt.datetime(2024, 2, 29, 23, 59, 59, tzinfo=dt.UTC), "2024-02-29 23:59"), ("", ""), ("São 😀", "São 😀"),
    ],
)  # fmt: skip
def test_values_read_as_people_write_them(value: object, text: str) -> None:
    """Three figures for small numbers, whole ones for large, ids whole, times to the minute."""
    assert table([{"v": value}], ["v"]).split("\n")[1].strip() == text


@pytest.mark.parametrize(
    "title",
    ["\x1b[2J\x1b[31mred", "\x1b]0;new title\x07", "\x9b31m", "a\rb", "a\nb", "a\tb", "a\x00b", "a\x08b", "\x7f",
     "\u202eevil\u202c", "\u200bhidden", "\u2028", "\ufeff", "\x85"],
)  # fmt: skip
def test_a_title_can_not_command_the_terminal(title: str) -> None:
    """Escapes, control characters, line breaks and marks that turn the reading order come out as replacement signs."""
    shown = table([{"title": title, "plays": 1}], ["title", "plays"])
    assert shown.count("\n") == 1
    assert shown.replace("\n", "").isprintable()
    assert "\N{REPLACEMENT CHARACTER}" in shown


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.none() | st.integers() | st.text()}), max_size=5))
def test_whatever_stands_in_the_rows_the_table_keeps_its_lines(rows: list[dict[str, object]]) -> None:
    """One line for the headings and one for each row, all of it printable, letters and digits untouched."""
    lines = table(rows, ["a", "b"]).split("\n")
    assert len(lines) == len(rows) + 1
    assert all(line.isprintable() for line in lines)
    for row, line in zip(rows, lines[1:], strict=True):
        assert [c for c in str(row["a"]) if c.isalnum()] == [c for c in line if c.isalnum()][
            : sum(c.isalnum() for c in str(row["a"]))
        ]


def test_json_writes_dates_in_iso_8601() -> None:
    """Days, moments with their offset, leap days; in lists and tables of any depth."""
    value = {
        "day": dt.date(2024, 2, 29),
        "at": [dt.datetime(2024, 12, 31, 23, 59, 59, 1000, tzinfo=dt.UTC)],
        "local": {"at": dt.datetime(2024, 1, 1, tzinfo=BERLIN_WINTER)},
    }
    assert json.loads(as_json(value)) == {
        "day": "2024-02-29",
        "at": ["2024-12-31T23:59:59.001000+00:00"],
        "local": {"at": "2024-01-01T00:00:00+01:00"},
    }


def test_json_of_a_frame_is_a_list_of_its_rows() -> None:
    """With nulls, lists, structs, days, moments and ids of 64 bits."""
    frame = pl.DataFrame(
        {
            "account": pl.Series([2**64 - 1, None], dtype=pl.UInt64),
            "day": [dt.date(2024, 2, 29), None],
            "at": pl.Series([dt.datetime(2024, 2, 29, tzinfo=dt.UTC), None], dtype=pl.Datetime("ms", "UTC")),
            "reasons": [[{"feature": "streak", "value": 18.0}], []],
        }
    )
    assert json.loads(as_json(frame)) == [
        {
            "account": 2**64 - 1,
            "day": "2024-02-29",
            "at": "2024-02-29T00:00:00+00:00",
            "reasons": [{"feature": "streak", "value": 18.0}],
        },
        {"account": None, "day": None, "at": None, "reasons": []},
    ]
    assert json.loads(as_json(frame.clear())) == []


@given(st.text())
def test_json_gives_text_back_as_it_was(text: str) -> None:
    """Emoji, quotes and control characters included; nothing that commands a terminal is written as it is."""
    written = as_json({text: text})
    assert json.loads(written) == {text: text}
    assert all(line.isprintable() for line in written.split("\n"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_json_has_no_word_for_is_not_written(value: float) -> None:
    """Other programs would choke on NaN."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json({"score": value})


def test_json_refuses_what_is_no_plain_data() -> None:
    """An object is never written as its description."""
    with pytest.raises(TypeError, match="set"):
        as_json({"v": {1}})


def test_progress_into_a_pipe_is_a_line_for_each_finished_step(capfd: pytest.CaptureFixture[str]) -> None:
    """On standard error, in words; results on standard output stay clean; steps of nothing are silent."""
    with progress() as show:
        for done in range(4):
            show("digest", done, 3)
        show("fit", 0, 1)
        show("publish", 0, 0)
        show("something new", 2, 2)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.split("\n") == ["digesting days: 3 of 3", "something new: 2 of 2", ""]


SHOW = """
from detector.terminal import progress
with progress() as show:
    for again in range(2):
        for done in range(3):
            show("score", done, 2)
print("result")
"""


def test_progress_on_a_terminal_is_bars_beside_clean_results() -> None:
    """The bars go to the terminal, also when a step comes a second time; standard output holds the result alone."""
    master, slave = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", SHOW], stdout=subprocess.PIPE, stderr=slave, text=True, check=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )  # fmt: skip
        seen = os.read(master, 100_000).decode()
    finally:
        os.close(slave)
        os.close(master)
    assert done.stdout == "result\n"
    assert "scoring" in seen
    assert "2/2" in seen
