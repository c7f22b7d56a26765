"""Spotify's personal data: the extended history, and the older history of a year. One account a set of files.

Both say when a stream *ended*, so it began `ms_played` before. In the extended history (`Streaming_History_*.json`,
`endsong_*.json`) that is `ts`, in UTC to the second. Its platform is a sentence about the device and stands for its
name. `reason_start` tells whether a person was there: a click or a button is a user, the track before running out is
autoplay.

The older history (`StreamingHistory*.json`) gives the end to the minute. Two streams in a row would then seem to
overlap by up to a minute, so each end is moved within its minute, as little as needed, to where the stream begins no
earlier than the one before it ended; what cannot be moved apart did overlap. It says neither where nor on what.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from detector.errors import InputError, SettingsError
from detector.sources import _fields as field
from detector.sources import _json
from detector.sources import _values as values
from detector.sources._format import Fact, Format, Options, missing_columns, reading

_EXTENDED = ("ts", "ms_played")
_WANTED = (
    *_EXTENDED, "username", "platform", "conn_country", "ip_addr", "ip_addr_decrypted", "master_metadata_track_name",
    "master_metadata_album_artist_name", "spotify_track_uri", "episode_name", "episode_show_name",
    "spotify_episode_uri", "audiobook_title", "audiobook_uri", "audiobook_chapter_uri", "audiobook_chapter_title",
    "reason_start",
)  # fmt: skip
_YEARLY = ("endTime", "msPlayed")
_OF_YEAR = (*_YEARLY, "artistName", "trackName", "podcastName", "episodeName")
_REMEDY = "take the JSON files with the streaming history as they were sent"
_MINUTE = dt.timedelta(minutes=1)
_STARTED_BY = {
    "clickrow": "user",
    "playbtn": "user",
    "fwdbtn": "user",
    "backbtn": "user",
    "clickside": "user",
    "trackdone": "autoplay",
    "unknown": "unknown",
}


def _recognises(path: Path, needed: Sequence[str]) -> bool:
    return set(needed) <= _json.first_keys(path)


def _read(
    path: Path,
    options: Options,
    needed: Sequence[str],
    wanted: Sequence[str],
    rows: Callable[[pl.LazyFrame, Options], pl.LazyFrame],
) -> pl.LazyFrame:
    with reading(path, "a streaming history of Spotify"):
        records = _json.at(_json.load(path))
        if records is None:
            raise InputError(f"expected a list of streams in {path}, found other JSON; {_REMEDY}")
        first = records[0] if records and isinstance(records[0], dict) else {}
        if records and (missing := [name for name in needed if name not in first]):
            raise missing_columns(path, missing, first, _REMEDY)
        if not options.account.strip() and not first.get("username"):
            raise SettingsError(
                "expected a name for the one account of a Spotify export, found none; pass --account NAME (any you "
                "like)"
            )
        return rows(_json.table(records, wanted), options)


def _account(options: Options) -> pl.Expr:
    return pl.lit(options.account) if options.account.strip() else field.text("username")


def _extended(table: pl.LazyFrame, options: Options) -> pl.LazyFrame:
    end = field.instant("ts")
    is_spoken = field.text("spotify_episode_uri", "audiobook_chapter_uri").is_not_null()
    is_track = field.text("spotify_track_uri").is_not_null()
    return field.raw_rows(
        table,
        account_id=_account(options),
        device_name=field.text("platform"),
        device_type=field.text("platform").str.slice(0, 200),
        title_id=field.text("spotify_track_uri", "spotify_episode_uri", "audiobook_chapter_uri", "audiobook_uri"),
        title_name=pl.when(is_track)
        .then(field.joined(" - ", "master_metadata_album_artist_name", "master_metadata_track_name"))
        .otherwise(
            pl.coalesce(
                field.joined(" - ", "episode_show_name", "episode_name"),
                field.joined(" - ", "audiobook_title", "audiobook_chapter_title"),
            )
        ),
        title_kind=pl.when(is_track).then(pl.lit("track")).when(is_spoken).then(pl.lit("episode")),
        started_at=end - values.span(field.number("ms_played") / 1000),
        ended_at=end,
        ip=field.ip("ip_addr", "ip_addr_decrypted"),
        country=field.country("conn_country"),
        interaction=field.kind("reason_start", _STARTED_BY),
    )


def _of_year(table: pl.LazyFrame, options: Options) -> pl.LazyFrame:
    title = pl.coalesce(
        field.joined(" - ", "artistName", "trackName"), field.joined(" - ", "podcastName", "episodeName")
    )
    is_track = field.text("trackName").is_not_null()
    is_spoken = field.text("episodeName").is_not_null()
    written = field.joined("/", "endTime", "artistName", "trackName", "podcastName", "episodeName", "msPlayed")
    rows = field.raw_rows(
        table,
        account_id=pl.lit(options.account),
        # Where its end is moved to lies with the streams before it, which another export may not hold.
        playback_id=pl.concat_str(written, pl.int_range(pl.len()).over(written), separator="/"),
        title_id=title,
        title_name=title,
        title_kind=pl.when(is_track).then(pl.lit("track")).when(is_spoken).then(pl.lit("episode")),
        started_at=field.instant("endTime") - values.span(field.number("msPlayed") / 1000),
        ended_at=field.instant("endTime"),
    ).collect()
    starts, ends = _apart(rows["started_at"].to_list(), rows["ended_at"].to_list())
    times = {"started_at": starts, "ended_at": ends}
    return rows.with_columns(pl.Series(name, moments, rows[name].dtype) for name, moments in times.items()).lazy()


_Moments = list[dt.datetime | None]


def _apart(starts: _Moments, ends: _Moments) -> tuple[_Moments, _Moments]:
    """Streams in the order of the file, which is that of their ends, each moved later by less than a minute."""
    last: dt.datetime | None = None
    for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if start is None or end is None:
            continue
        later = max(last - start, dt.timedelta()) if last is not None else dt.timedelta()
        if later < _MINUTE:
            starts[place], ends[place] = start + later, end + later
        last = max(last, ends[place] or end) if last is not None else ends[place]
    return starts, ends


def _format(
    name: str,
    says: str,
    needed: Sequence[str],
    wanted: Sequence[str],
    rows: Callable[[pl.LazyFrame, Options], pl.LazyFrame],
    lacks: tuple[Fact, ...],
) -> Format:
    return Format(
        name,
        says,
        (".json",),
        lambda path: _recognises(path, needed),
        lambda path, options: _read(path, options, needed, wanted, rows),
        lacks,
        grows=True,
    )


EXTENDED = _format("spotify", "Spotify's extended streaming history", _EXTENDED, _WANTED, _extended, ("device id",))
YEARLY = _format(
    "spotify-year",
    "Spotify's older history of a year",
    _YEARLY,
    _OF_YEAR,
    _of_year,
    ("IP address", "country", "device id", "device name"),
)
