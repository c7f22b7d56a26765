"""The playback table, as Parquet, CSV or NDJSON: what a service writes for this project.

Columns and their meaning are those of `tables.RawRows`, plus `duration_s`; any order, further columns ignored.
Required: `account_id` (or the account given at ingest), `started_at`, and one of `title_id`, `device_id` and
`device_name`.

- Times: datetimes (naive ones are UTC), ISO text (UTC without an offset), epoch seconds or milliseconds.
- `ended_at` absent or unreadable is `started_at` + `duration_s`.
- An end or a duration that is there but says nothing (text, NaN) puts `ended_at` one second *before* `started_at`,
  and a negative duration as far before as it says, so that the rules reject the row rather than take it for a view
  known by its start only. Durations beyond 300 years, infinite ones too, count as 300 years.
- Ids become text as they stand. Blank text is null. `country` is upper-cased, and null where it is ZZ, XX or T1; kinds
  and `interaction` are lower-cased.

CSV may be separated by comma, semicolon, tab or bar. Blank lines are no rows; \\N and NULL are null. An NDJSON line
that is not a JSON object is a row of nulls.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from detector import tables
from detector.errors import InputError, SettingsError
from detector.sources import _csv, _ndjson
from detector.sources import _fields as fields
from detector.sources import _values as values
from detector.sources._format import Format, Options, decoded, head, missing_columns, reading

_OF_START = ("row", "says_offset", "offset_s")
_WANTED = {name: dtype for name, dtype in tables.columns(tables.RawRows).items() if name not in _OF_START}
_OURS = (*_WANTED, "duration_s")
_NAMED_BY = ("title_id", "device_id", "device_name")
_IDS = {"account_id", "profile_id", "title_id", "device_id", "device_name", "playback_id", "title_name"}
_LOWER = {"title_kind", "network_kind", "interaction"}
_MAP = "name yours under [source.columns]"


def _rows(frame: pl.LazyFrame, path: Path, options: Options, found: Sequence[str] = ()) -> pl.LazyFrame:
    """Rows of the playback table → `tables.RawRows`; `found` is what a refusal shows, else the frame's columns."""
    schema = dict(frame.collect_schema())
    named = _names(list(schema), path, options, found or list(schema))
    for theirs in named.values():
        if schema[theirs].is_nested():
            raise InputError(f"expected one value a row in column {theirs} of {path}, found {schema[theirs]}; {_MAP}")
    ours = {name: schema[theirs] for name, theirs in named.items()}
    rows = frame.select(pl.col(theirs).alias(name) for name, theirs in named.items()).with_row_index("row", offset=1)
    read = [_value(name, dtype) for name, dtype in ours.items() if name not in ("started_at", "ended_at", "duration_s")]
    if "account_id" not in ours:
        read.append(pl.lit(options.account).alias("account_id"))
    start, dtype = pl.col("started_at"), ours["started_at"]
    rows = rows.with_columns(
        *read,
        started_at=values.instant(start, dtype),
        says_offset=values.says_offset(start, dtype),
        offset_s=values.offset_s(start, dtype),
    )
    rows = rows.with_columns(fields.ip("ip")) if "ip" in ours else rows
    return tables.shape(rows.with_columns(ended_at=_end(ours)), tables.RawRows)


def check_columns(columns: Mapping[str, str]) -> None:
    """Nothing where `[source.columns]` maps columns that there are: our name → the file's.

    Raises:
        SettingsError: one of them is none of ours.
    """
    if unknown := sorted(set(columns) - set(_OURS)):
        raise SettingsError(
            f"expected names of the playback table under [source.columns], found {', '.join(unknown)}; "
            f"it knows {', '.join(sorted(_OURS))}"
        )


def _names(stand: Sequence[str], path: Path, options: Options, found: Sequence[str]) -> dict[str, str]:
    """Our name → the file's name of each column that is used."""
    check_columns(options.columns)
    _refuse_twice(stand, path, options)
    stands = {name.strip(): name for name in stand}
    named = {name: stands[theirs] for name in _OURS if (theirs := options.columns.get(name, name)) in stands}
    missing = [f"{theirs} (for {name})" for name, theirs in options.columns.items() if theirs not in stands]
    if "account_id" not in named and "account_id" not in options.columns and not options.account:
        missing.append("account_id (or --account NAME)")
    if "started_at" not in named and "started_at" not in options.columns:
        missing.append("started_at")
    if not any(name in named or name in options.columns for name in _NAMED_BY):
        missing.append("title_id or device_id")
    if missing:
        raise missing_columns(path, missing, found, _MAP)
    return named


def _refuse_twice(stand: Sequence[str], path: Path, options: Options) -> None:
    stripped = [name.strip() for name in stand]
    for name in _OURS:
        theirs = options.columns.get(name, name)
        if stripped.count(theirs) > 1:
            raise InputError(
                f"expected one column {theirs} in {path}, found {stripped.count(theirs)}; drop or rename the others"
            )


def _value(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if _WANTED[name] == pl.Int64:
        value = values.whole(column, dtype)
    elif _WANTED[name] == pl.Float64:
        value = values.number(column, dtype).fill_nan(None)
    else:
        value = values.text(column, dtype)
        value = value if name in _IDS else value.str.strip_chars()
        value = value.str.to_lowercase() if name in _LOWER else value
        value = fields.somewhere(value.str.to_uppercase()) if name == "country" else value
    return value.alias(name)


def _end(ours: dict[str, pl.DataType]) -> pl.Expr:
    start = pl.col("started_at")
    ends, given = [], []
    if "ended_at" in ours:
        ends.append(values.instant(pl.col("ended_at"), ours["ended_at"]))
        given.append(values.there(pl.col("ended_at"), ours["ended_at"]))
    if "duration_s" in ours:
        ends.append(start + values.span(values.number(pl.col("duration_s"), ours["duration_s"])))
        given.append(values.there(pl.col("duration_s"), ours["duration_s"]))
    if not ends:
        return pl.lit(None, tables.UTC_MS)
    return pl.coalesce(*ends, pl.when(pl.any_horizontal(given)).then(start - pl.duration(seconds=1)))


def _is_parquet(path: Path) -> bool:
    return head(path, 4) == b"PAR1"


def _read_parquet(path: Path, options: Options) -> pl.LazyFrame:
    with reading(path, "Parquet"):
        return _rows(pl.scan_parquet(path, glob=False, hive_partitioning=False), path, options)


def _is_csv(path: Path) -> bool:
    is_json = decoded(head(path)).lstrip()[:1] in ("[", "{")
    others = path.suffix == ".parquet" or _is_parquet(path) or is_json
    return not others and _csv.header(path) is not None


def _read_csv(path: Path, options: Options) -> pl.LazyFrame:
    with reading(path, "CSV"):
        if _is_parquet(path):
            raise InputError(f"expected text with columns in {path}, found Parquet; leave --format out")
        frame = _csv.scan(path)
        _refuse_twice(_csv_names(path), path, options)  # as they stand: Polars gives each a name of its own
        return _rows(frame, path, options)


def _is_ndjson(path: Path) -> bool:
    return path.suffix != ".parquet" and head(path).lstrip()[:1] == b"{"


def _read_ndjson(path: Path, options: Options) -> pl.LazyFrame:
    with reading(path, "NDJSON"):
        found = _ndjson.first_keys(path)
        if not found:
            raise InputError(f"expected one JSON object a line in {path}, found another first line; is it NDJSON?")
        keys = _ndjson.keys_anywhere(path, [options.columns.get(name, name) for name in _OURS])
        return _rows(_ndjson.scan(path, keys), path, options, found)


def _csv_names(path: Path) -> Sequence[str]:
    header = _csv.header(path)
    return header.names if header else ()


def _parquet_names(path: Path) -> Sequence[str]:
    return list(pl.read_parquet_schema(path))


def _format(
    name: str,
    says: str,
    suffixes: tuple[str, ...],
    recognises: Callable[[Path], bool],
    read: Callable[[Path, Options], pl.LazyFrame],
    names: Callable[[Path], Sequence[str]],
) -> Format:
    def further(path: Path, options: Options) -> Sequence[str]:
        ours = {options.columns.get(name, name) for name in _OURS}
        return [stands.strip() for stands in names(path) if stands.strip() not in ours]

    return Format(name, f"the playback table as {says}", suffixes, recognises, read, further=further)


_COLUMNS = "text with columns (comma, semicolon, tab or bar)"
PARQUET = _format("parquet", "Parquet", (".parquet",), _is_parquet, _read_parquet, _parquet_names)
CSV = _format("csv", _COLUMNS, (".csv", ".tsv"), _is_csv, _read_csv, _csv_names)
NDJSON = _format(
    "ndjson", "one JSON object a line", (".ndjson", ".jsonl"), _is_ndjson, _read_ndjson, _ndjson.first_keys
)
FORMATS = (PARQUET, NDJSON, CSV)
_NAMES = {PARQUET.name: _parquet_names, NDJSON.name: _ndjson.first_keys, CSV.name: _csv_names}


def is_mapped(path: Path, options: Options) -> bool:
    """Whether `[source.columns]` says of a file when a playback began, and all that it names stands there: then it is
    this table, whatever other format has columns of these names."""
    if "started_at" not in options.columns:
        return False
    format = next((format for format in FORMATS if format.recognises(path)), None)
    try:
        return format is not None and bool(_names(_NAMES[format.name](path), path, options, ()))
    except InputError:
        return False
