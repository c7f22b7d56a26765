"""Netflix's personal export: `CONTENT_INTERACTION/ViewingActivity.csv`. One account, named at ingest, several profiles.

Columns are found by name, in any order, quoted or not; lines may end in CRLF, and in the semicolons or the second
layer of quotes that a spreadsheet adds. Rows with a `Supplemental Video Type` (hooks, trailers, recaps) are left out;
they are not rejects, and `row` counts them. Devices are known by name only. A blank duration makes a view known by
its start; one that cannot be read ends the row before it starts, so that the rules reject it.

What the fields mean was read off an export of 16,791 rows, five profiles, four years (Portuguese):

- **Bookmark** is the place in the title where the stretch ended: `position_end_s` (`Latest Bookmark` repeats it on
  the last row of a title, and is taken where Bookmark is blank). Bookmark - Duration is where it began: over a
  profile's earlier stretches of the same title it falls within a minute of the last bookmark in two thirds of 5,153
  cases, and on 0 within 3 s in 37 % of 6,170 first stretches; most others are later by intros that were skipped.
  It is negative in 10 %: of those that miss 0 by at most a minute, 73 % are first stretches and half of the others
  follow a bookmark in the first minute, so they began at 0; beyond that (2 %) somebody wound back: null.
- **Attributes**: `Autoplayed: user action: None` is autoplay (median 12 s), `User_Interaction` a user,
  `Unspecified` and `Visibility_Timeout` unknown. None at all is *null*, not a user: four of five next episodes that
  start within 15 s after the one before carry none, hardly fewer than after ten minutes.
- **Title**: 4,235 of 5,337 titles end in a word and a number in brackets after at least two colons, "Series: Season
  1: Name (Episode 2)": episodes all. The others have at most one colon but for one, and are films and specials but
  for a few clips ("Name (Clip): Film") and extras. So the first shape is an episode in any language, and so is a
  season between colons (older exports); up to one colon and no brackets is a film; the rest is null.
"""

from pathlib import Path

import polars as pl

from detector import tables
from detector.errors import SettingsError
from detector.sources import _values as values
from detector.sources._csv import fields, header, line_end
from detector.sources._fields import began, somewhere
from detector.sources._format import Format, Options, missing_columns, reading

_REQUIRED = ("Profile Name", "Start Time", "Duration", "Title")
_OPTIONAL = ("Attributes", "Supplemental Video Type", "Device Type", "Bookmark", "Latest Bookmark", "Country")
_COLON = r"(?::\s|\x{FF1A})"  # the second of each pair is the full-width one
_OPEN, _CLOSE = r"[(\x{FF08}]", r"[)\x{FF09}]"
_WORD_AND_NUMBER = r"(?:\p{L}[\p{L}\p{M}.]*\s*\d{1,4}|第?\s*\d{1,4}\.?\s*\p{L}[\p{L}\p{M}]*)"


def _recognises(path: Path) -> bool:
    return set(_REQUIRED) <= set(_header(path)[1])


def _read(path: Path, options: Options) -> pl.LazyFrame:
    if not options.account.strip():
        raise SettingsError(
            "expected a name for the one account of a Netflix export, found none; pass --account NAME (any you like)"
        )
    with reading(path, "a Netflix ViewingActivity.csv"):
        return _rows(_table(path), options)


def _header(path: Path) -> tuple[str, tuple[str, ...]]:
    """What separates the columns, and their names; a spreadsheet may have put quotes around the whole line."""
    first = header(path)
    if first is None:
        return "", ()
    names = _without_tail(first.names)
    within = _cells(names[0], ",") if names else ()
    return (",", within) if set(_REQUIRED) <= set(within) else (first.separator, names)


def _table(path: Path) -> pl.LazyFrame:
    """The file as text, one column per name known here; absent ones null."""
    separator, names = _header(path)
    if missing := [name for name in _REQUIRED if name not in names]:
        raise missing_columns(path, missing, names, "take CONTENT_INTERACTION/ViewingActivity.csv from the export")
    lines = path.read_bytes().decode("utf-8-sig", "replace").split(line_end(path).decode())[1:]
    split = [_cells(line, separator) for line in lines if line.strip("\r ;")]
    places = {name: names.index(name) for name in (*_REQUIRED, *_OPTIONAL) if name in names}
    known = {
        name: [cells[places[name]] if places.get(name, len(cells)) < len(cells) else None for cells in split]
        for name in (*_REQUIRED, *_OPTIONAL)
    }
    return pl.LazyFrame(known, schema=dict.fromkeys(known, pl.String))


def _cells(line: str, separator: str) -> tuple[str, ...]:
    """The cells of one line, without what a spreadsheet with another separator put around it."""
    cells = _without_tail(fields(line, separator))
    return _without_tail(fields(cells[0], separator)) if len(cells) == 1 else cells


def _without_tail(cells: tuple[str, ...]) -> tuple[str, ...]:
    return (*cells[:-1], cells[-1].rstrip("; ")) if cells else ()


def _rows(table: pl.LazyFrame, options: Options) -> pl.LazyFrame:
    table = table.with_columns(pl.when(pl.all().str.strip_chars() != "").then(pl.all().str.strip_chars()))
    start = values.instant(pl.col("Start Time"), pl.String())
    length = _seconds("Duration")
    end = pl.when(length.is_not_null()).then(start + values.span(length))
    position = pl.coalesce(_seconds("Bookmark"), _seconds("Latest Bookmark"))
    played = table.with_row_index("row", offset=1).filter(pl.col("Supplemental Video Type").is_null())
    return tables.shape(
        played.select(
            "row",
            account_id=pl.lit(options.account),
            profile_id="Profile Name",
            device_name="Device Type",
            device_type="Device Type",
            title_id="Title",
            title_name="Title",
            # What starts on its own and what is chosen over it may begin as one, by the minute mostly.
            playback_id=pl.concat_str(
                "Profile Name", "Start Time", "Title", "Duration", "Device Type", separator="/", ignore_nulls=True
            ),
            title_kind=_kind(pl.col("Title")),
            started_at=start,
            ended_at=pl.coalesce(end, pl.when(pl.col("Duration").is_not_null()).then(start - pl.duration(seconds=1))),
            position_start_s=began(position, length),
            position_end_s=position,
            country=_country(pl.col("Country")),
            interaction=_interaction(pl.col("Attributes")),
        ),
        tables.RawRows,
    )


def _seconds(name: str) -> pl.Expr:
    """H:MM:SS as seconds; null for anything else, such as "Not latest view"."""
    part = pl.col(name).str.extract_groups(r"^(\d{1,6}):(\d{2}):(\d{2})$").struct
    return part[0].cast(pl.Int64) * 3600 + part[1].cast(pl.Int64) * 60 + part[2].cast(pl.Int64)


def _kind(title: pl.Expr) -> pl.Expr:
    colons = title.str.count_matches(_COLON)
    numbered = title.str.contains(rf"{_OPEN}{_WORD_AND_NUMBER}{_CLOSE}$") & (colons >= 2)
    season = title.str.contains(rf"{_COLON}\s*{_WORD_AND_NUMBER}\s*{_COLON}")
    film = (colons <= 1) & ~title.str.contains(_OPEN)
    return pl.when(numbered | season).then(pl.lit("episode")).when(film).then(pl.lit("movie"))


def _country(written: pl.Expr) -> pl.Expr:
    return somewhere(written.str.extract(r"^([A-Za-z]{2})\b").str.to_uppercase())


def _interaction(attributes: pl.Expr) -> pl.Expr:
    return (
        pl.when(attributes.str.contains("User_Interaction", literal=True))
        .then(pl.lit("user"))
        .when(attributes.str.contains("user action: None", literal=True))
        .then(pl.lit("autoplay"))
        .when(attributes.str.contains("Autoplayed", literal=True))
        .then(pl.lit("unknown"))
    )


FORMAT = Format(
    "netflix",
    "Netflix's personal export, ViewingActivity.csv",
    (".csv",),
    _recognises,
    _read,
    lacks=("IP address", "device id"),
    grows=True,
)
