"""Values as logs write them → values of this project. What cannot be read becomes null.

Each function takes a column and the type it has in the file (numbers may stand as text) and gives an expression.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

import polars as pl

from detector.tables import UTC_MS

_MS_FROM = 1e11  # an epoch of this size counts milliseconds; in seconds it would lie in the year 5138
_FIRST, _LAST = dt.datetime(1000, 1, 1, tzinfo=dt.UTC), dt.datetime(9000, 1, 1, tzinfo=dt.UTC)
_EXACT_FLOAT = 2**53
_ISO = r"^[1-8]\d{3}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[Zz]|UTC|[+-][0-2]\d(?::?[0-5]\d)?)?$"
_AFTER_MINUTES = 16
_CLOCKS_S = (-12 * 3_600, 14 * 3_600)  # by which people live, west and east of UTC


def texts(rows: Iterable[Sequence[object]], names: Sequence[str]) -> pl.LazyFrame:
    """Rows of Python values as a table of text: whole numbers without a point, bytes decoded, lists and objects null.

    >>> texts([(1, 2.5, True), (7.0, [], b"x")], ["a", "b", "c"]).collect().rows()
    [('1', '2.5', 'true'), ('7', None, 'x')]
    """
    columns: list[list[str | None]] = [[] for _ in names]
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(_as_text(value))
    return pl.LazyFrame(dict(zip(names, columns, strict=True)), schema=dict.fromkeys(names, pl.String))


def _as_text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")  # JSON may hold half of a surrogate pair
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_FLOAT:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else None


def there(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether the file holds a value, be it readable or not; blank text is none."""
    if dtype.is_numeric() or dtype.is_temporal():
        return column.is_not_null()
    return (_written(column, dtype).str.strip_chars() != "").fill_null(False)


def text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Text as it stands, blank text null; whole numbers without a decimal point, whatever their type.

    >>> pl.DataFrame({"id": [7.0, None]}).select(text(pl.col("id"), pl.Float64())).to_series().to_list()
    ['7', None]
    """
    written = _written(column, dtype)
    if dtype.is_float():
        whole = (column == column.floor()) & (column.abs() < _EXACT_FLOAT)
        written = pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(written)
        return pl.when(column.is_not_nan()).then(written)
    return pl.when(written.str.strip_chars() != "").then(written)


def number(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A number as float, NaN and infinities included; a duration as its seconds; no other time is a number."""
    if dtype == pl.Duration:
        return column.dt.total_microseconds() / 1e6
    if dtype.is_temporal():
        return pl.lit(None, pl.Float64)
    if dtype.is_numeric() or dtype == pl.Boolean:
        return column.cast(pl.Float64, strict=False)
    return _written(column, dtype).str.strip_chars().cast(pl.Float64, strict=False)


def whole(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A number rounded down; null where it is not finite."""
    if dtype.is_integer():
        return column.cast(pl.Int64, strict=False)
    return number(column, dtype).floor().cast(pl.Int64, strict=False)


def instant(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A moment: a datetime, ISO text or an epoch in seconds or milliseconds; without an offset it is UTC.

    A date alone is no moment.

    >>> log = pl.DataFrame({"t": ["2024-05-01 12:00", "2024-05-01T14:00:00+02:00", "1714564800", "noon"]})
    >>> moments = log.select(instant(pl.col("t"), pl.String())).to_series()
    >>> [moment and moment.isoformat() for moment in moments]
    ['2024-05-01T12:00:00+00:00', '2024-05-01T12:00:00+00:00', '2024-05-01T12:00:00+00:00', None]
    """
    if isinstance(dtype, pl.Datetime):
        in_utc = column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
        moment = _bounded(in_utc.dt.cast_time_unit("ms"))
    elif dtype.is_temporal():
        moment = pl.lit(None, UTC_MS)
    elif dtype.is_numeric():
        moment = _epoch(column.cast(pl.Float64, strict=False))
    else:
        written = _written(column, dtype).str.strip_chars()
        moment = pl.coalesce(_iso(written), _epoch(written.cast(pl.Float64, strict=False)))
    return moment


def says_offset(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether a moment is said as `instant` reads it: with an offset from UTC, or as an epoch.

    >>> log = pl.DataFrame({"t": ["2024-05-01T14:00:00+02:00", "1714564800", "2024-05-01 12:00"]})
    >>> log.select(says_offset(pl.col("t"), pl.String())).to_series().to_list()
    [True, True, False]
    """
    if isinstance(dtype, pl.Datetime):
        return pl.lit(dtype.time_zone is not None)
    if dtype.is_temporal() or dtype.is_numeric():
        return pl.lit(dtype.is_numeric())
    return _written(column, dtype).str.strip_chars().str.contains(r"(?:[zZ]|[+-]\d{2}:?\d{0,2}|^[\d.]+)$")


def offset_s(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Seconds east of UTC of the clock by which a moment is written; null where that is UTC's, or none.

    >>> log = pl.DataFrame({"t": ["2024-05-01T14:00:00+02:00", "2024-05-01T12:00:00Z", "1714564800"]})
    >>> log.select(offset_s(pl.col("t"), pl.String())).to_series().to_list()
    [7200, None, None]
    """
    if isinstance(dtype, pl.Datetime) and dtype.time_zone not in (None, "UTC"):
        seconds = (column.dt.base_utc_offset() + column.dt.dst_offset()).dt.total_seconds()
    elif dtype.is_temporal() or dtype.is_numeric():
        seconds = pl.lit(None, pl.Int64)
    else:
        seconds = _east_s(_written(column, dtype).str.strip_chars().str.slice(_AFTER_MINUTES))
    return pl.when((seconds != 0) & seconds.is_between(*_CLOCKS_S)).then(seconds.cast(pl.Int32))


def span(seconds: pl.Expr) -> pl.Expr:
    """Seconds as a span of time to the millisecond, at most 300 years either way; null where they are NaN."""
    bounded = pl.when(seconds.is_not_nan()).then(seconds.clip(-1e10, 1e10))
    return (bounded * 1000).round().cast(pl.Int64).cast(pl.Duration("ms"))


def _written(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Binary:
        return column.map_batches(_decoded, return_dtype=pl.String)
    if dtype == pl.Duration:
        return pl.lit(None, pl.String)
    return column.cast(pl.String, strict=False)


def _decoded(raw: pl.Series) -> pl.Series:
    # A cast refuses the whole column for one bad byte.
    return pl.Series(raw.name, [value and value.decode("utf-8", "replace") for value in raw], pl.String)


def _bounded(moment: pl.Expr) -> pl.Expr:
    return pl.when(moment.is_between(pl.lit(_FIRST, UTC_MS), pl.lit(_LAST, UTC_MS))).then(moment)


def _epoch(number: pl.Expr) -> pl.Expr:
    milliseconds = pl.when(number.abs() < _MS_FROM).then(number * 1000).otherwise(number)
    return _bounded(milliseconds.round().cast(pl.Int64, strict=False).cast(UTC_MS))


def _iso(written: pl.Expr) -> pl.Expr:
    # Taken apart by place: capturing every part with one expression takes four times as long.
    iso = pl.when(written.str.contains(_ISO)).then(written)
    rest = iso.str.slice(_AFTER_MINUTES)
    second = pl.when(rest.str.starts_with(":")).then(rest.str.slice(0, 3)).otherwise(pl.lit(":00"))
    clock = pl.concat_str(iso.str.slice(0, 10), pl.lit(" "), iso.str.slice(11, 5), second)
    moment = clock.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="ms", time_zone="UTC", strict=False)
    fraction_ms = rest.str.extract(r"(\.\d{1,3})").cast(pl.Float64) * 1000
    offset_ms = _east_s(rest).fill_null(0) * 1000
    return moment + (fraction_ms.round().fill_null(0) - offset_ms).cast(pl.Int64).cast(pl.Duration("ms"))


def _east_s(rest: pl.Expr) -> pl.Expr:
    """The offset at the end of what follows the minutes of ISO text, in seconds; null where there is none."""
    offset = rest.str.extract(r"([+-]\d{2}:?\d{0,2})$").str.replace(":", "", literal=True)
    minutes = (offset.str.slice(0, 1) + offset.str.slice(3)).cast(pl.Int64, strict=False).fill_null(0)
    return (offset.str.slice(0, 3).cast(pl.Int64) * 60 + minutes) * 60
