"""Tables as files that other programs open: Parquet, JSON, and CSV that no spreadsheet takes for formulas."""

import io
from pathlib import Path

import polars as pl

from detector import terminal
from detector.errors import SettingsError

# What a spreadsheet takes for a formula, plain or full-width, whatever blanks or control characters come before it
# (OWASP, CSV injection); the quote in front of it makes it text.
_FORMULA = r"^[\s\x00-\x20\x{200B}\x{FEFF}]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r\n]"
SUFFIXES = (".csv", ".json", ".parquet")


def as_bytes(frame: pl.DataFrame, out: Path) -> bytes:
    """The frame in the format that the suffix of `out` names.

    Raises:
        SettingsError: it names none.
    """
    buffer = io.BytesIO()
    if out.suffix == ".parquet":
        frame.write_parquet(buffer)
    elif out.suffix == ".json":
        buffer.write(terminal.as_json(frame).encode())
    elif out.suffix == ".csv":
        without_formulas(frame).write_csv(buffer)
    else:
        raise SettingsError(f"expected --out to end in {', '.join(SUFFIXES)}, found {out.name!r}; rename it")
    return buffer.getvalue()


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, every text that would be a formula behind a quote.

    >>> without_formulas(pl.DataFrame({"name": ["=1+1", "a-b"], "score": [-1, 2]})).rows()
    [("'=1+1", -1), ('a-b', 2)]
    """
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA)).then(pl.lit("'") + pl.col(name)).otherwise(name).alias(name)
        for name in texts
    )
