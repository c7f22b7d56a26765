"""Checked rows → repaired playbacks: the rows around a day, when the day is digested.

It is a pure function of what is stored, so that file and arrival order change nothing.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from detector import config, tables

_NAMED_BY = ["account", "device", "title", "profile"]
# What an edition of a location database said at ingest, and the local day that may follow from it.
LOOKED_UP = [
    "country", "region", "city", "latitude", "longitude", "accuracy_km", "asn", "day", "utc_offset_s",
]  # fmt: skip
_SHORT_KINDS = ["track", "clip"]
_PLAYED_SPEED = 2.0  # nobody watches faster: further progress is a seek
_BARE = 1.1  # times what a view needs: who plays to be counted goes on no longer than that
_FADE_S = 60  # so long a player may take to end one thing when it has begun the next


@dataclass(frozen=True)
class Repaired:
    """`playbacks` (`tables.Playbacks`), sorted by account and start, and the rows that were left out, as `replays` of
    others and for their `conflicts` (`tables.CheckedRows`)."""

    playbacks: pl.DataFrame
    replays: pl.DataFrame
    conflicts: pl.DataFrame


def repair(rows: pl.DataFrame, settings: config.Playbacks) -> Repaired:
    """Checked rows → playbacks: replays and contradictions out, ghosts cut, resumes merged, views marked.

    Exact replays vanish. Two rows that name the same playback but say different things are both left out; two that
    only place it differently are one, for a later file may have been taken in with a later location database.
    Where a real device id stands, a device shows one thing at a time. See GLOSSARY for *playback*, *repeat*, *ghost*.
    """
    # One name for all: each step lets go of what the one before it made, or a large day would be in memory six times.
    rows, replays, conflicts = _without_replays(rows)
    rows = _cut_ghosts(rows, settings)
    rows = _merge_resumes(rows, settings)
    rows = _mark_views(rows, settings)
    rows = tables.shape(rows.lazy(), tables.Playbacks).collect()
    return Repaired(rows.sort("account", "started_at", "playback"), replays, conflicts)


def _without_replays(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    names = ["account", "playback"]
    again = rows.select(names).is_duplicated()
    said = [name for name in rows.columns if name not in LOOKED_UP]
    several = rows.filter(again).sort(LOOKED_UP, nulls_last=True)
    first = several.select(pl.struct(said).is_first_distinct()).to_series()
    once = several.filter(first)
    contradicting = once.select(names).is_duplicated()
    kept = pl.concat([rows.filter(~again), once.filter(~contradicting)])
    return kept, several.filter(~first), once.filter(contradicting)


def _cut_ghosts(rows: pl.DataFrame, settings: config.Playbacks) -> pl.DataFrame:
    """End what was left open: at the progress made, at the runtime, at the next start on the same device."""
    start, end = pl.col("started_at"), pl.col("ended_at")
    # No row lasts longer than `longest_s`; a position beyond that is nonsense, and would overflow a duration.
    # Who ended before where they began has gone back, and how much was played on the way is not known.
    gone_s = pl.col("position_end_s") - pl.col("position_start_s")
    progress_s = pl.when(gone_s >= 0).then(gone_s.clip(upper_bound=settings.longest_s))
    progress = pl.duration(seconds=progress_s)
    runtime = pl.duration(
        milliseconds=(pl.col("title_runtime_s") * 1000 * settings.resume_runtime_ratio).cast(pl.Int64)
    )
    recorded = (pl.col("title_kind") != "live").fill_null(True)
    # A channel that is at 0 from start to end has no positions.
    placed = (progress > pl.duration(seconds=0)) | ((progress == pl.duration(seconds=0)) & recorded)
    idle = placed & (end - start > progress + pl.duration(seconds=settings.resume_gap_s))
    overrun = progress.is_null() & recorded & (end - start > runtime)
    cut = (
        pl.when(idle).then(start + progress).when(overrun).then(start + runtime).otherwise(end).dt.cast_time_unit("ms")
    )
    rows = rows.with_columns(ended_at=cut).sort("account", "device", "started_at", "ended_at", "playback")
    same_device = (pl.col("account") == pl.col("account").shift(-1)) & (pl.col("device") == pl.col("device").shift(-1))
    # Two devices may have one name; but what fades into the next at its end is one player's.
    fades = start.shift(-1) > pl.max_horizontal(end - pl.duration(seconds=_FADE_S), start + (end - start) / 2)
    superseded = same_device & (pl.col("device_is_real") | fades) & (start.shift(-1) < end)
    cut = pl.when(superseded).then(start.shift(-1)).otherwise(end)
    return rows.with_columns(ended_at=cut).with_row_index("nth_on_device")


def _merge_resumes(rows: pl.DataFrame, settings: config.Playbacks) -> pl.DataFrame:
    """Stretches → playbacks, with `seconds`, `is_repeat` and the share of `position` that they went through."""
    rows = rows.sort(*_NAMED_BY, "started_at", "playback")
    named = pl.all_horizontal((pl.col(c) == pl.col(c).shift(1)).fill_null(False) for c in _NAMED_BY[:-1]) & pl.col(
        "profile"
    ).eq_missing(pl.col("profile").shift(1))
    seconds = (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds()
    gap_s = (pl.col("started_at") - pl.coalesce("ended_at", "started_at").shift(1)).dt.total_seconds()
    rows = rows.with_columns(
        seconds=seconds,
        is_next=(pl.col("nth_on_device").cast(pl.Int64).diff() == 1).fill_null(False),
        # What overlaps is not apart: of a device known by its name only, it is a stream of another such device.
        near=(named & (gap_s >= 0) & (gap_s < settings.resume_gap_s)).fill_null(False),
        countable=pl.col("device").is_not_null() & pl.col("title").is_not_null(),
    )
    begins, follows, unclear = _resume_breaks(rows, settings.resume_runtime_ratio)
    rows = rows.with_columns(follows=follows, unclear=unclear, stretch_of=begins.cum_sum())
    first_columns = [c for c in rows.columns if c not in ("stretch_of", "ended_at", "seconds", "position_end_s")]
    single = begins & begins.shift(-1, fill_value=True)
    alone = rows.filter(single).with_columns(stretches=pl.lit(None, tables.columns(tables.Playbacks)["stretches"]))
    merged = (
        rows.filter(~single)
        .group_by("stretch_of", maintain_order=True)
        .agg(
            pl.col(first_columns).first(),
            pl.col("ended_at").max(),
            pl.when(pl.col("seconds").is_not_null().any()).then(pl.col("seconds").sum()).alias("seconds"),
            pl.col("position_end_s").last(),
            stretches=pl.struct("started_at", "ended_at"),
            unclear_any=pl.col("unclear").any(),
        )
        .with_columns(unclear="unclear_any")
        .drop("unclear_any")
    )
    return pl.concat([alone, merged.select(alone.columns)])


def _resume_breaks(rows: pl.DataFrame, runtime_ratio: float) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Per stretch, sorted: does a playback begin here; does it follow at once on the same title; was that unclear.

    The decision depends on what was merged before, so it walks; but only through stretches that follow each other
    within the resume gap, which few do. What is merged only for want of knowledge ends with the local day, for a
    channel that never stops is a playback a day, whichever days one looks at; and with anything else on the same
    device, for a song that comes again after others is no longer the same playback. Nor is it a repeat then.
    """
    near = rows["near"].to_numpy()
    begins = np.ones(rows.height, dtype=bool)
    unclear = np.zeros(rows.height, dtype=bool)
    walked = np.flatnonzero(near | np.append(near[1:], False))
    on_and_on = pl.col("is_next") & (pl.col("day") == pl.col("day").shift(1))
    columns = rows.select("near", on_and_on, "seconds", "position_start_s", "position_end_s", "title_runtime_s")[
        walked
    ].rows()
    together_s, last_position = 0, None
    for place, (is_near, is_on_and_on, seconds, position_start, position_end, runtime) in zip(
        walked.tolist(), columns, strict=True
    ):
        goes_on = False
        if is_near:
            if position_start is not None and last_position is not None:
                # A rewind is not a restart: only falling back by more than half of the way is.
                goes_on = 2 * position_start >= last_position
            elif runtime is not None:
                goes_on = together_s + (seconds or 0) <= runtime_ratio * runtime
            else:
                goes_on = is_on_and_on
                unclear[place] = True
        begins[place] = not goes_on
        together_s = (seconds or 0) + (together_s if goes_on else 0)
        last_position = position_end
    return pl.Series(begins), pl.Series(near & begins) & rows["is_next"], pl.Series(unclear) & rows["is_next"]


def _mark_views(playbacks: pl.DataFrame, settings: config.Playbacks) -> pl.DataFrame:
    seconds, runtime = pl.col("seconds"), pl.col("title_runtime_s")
    progress = (pl.col("position_end_s") - pl.col("position_start_s")).clip(0, (seconds * _PLAYED_SPEED).cast(pl.Int64))
    covered = pl.max_horizontal(seconds, progress)
    kind = pl.col("title_kind").fill_null("unknown")
    least = (
        pl.when(runtime.is_not_null())
        .then(runtime * settings.view_runtime_share)
        .when(kind == "movie")
        .then(settings.view_movie_s)
        .when(kind.is_in(_SHORT_KINDS))
        .then(settings.view_track_s)
        .otherwise(settings.view_episode_s)
    )
    long_enough = kind.is_in(_SHORT_KINDS) | (
        (runtime.is_null() | (runtime >= settings.shortest_video_s))
        & (seconds.is_null() | (covered >= settings.shortest_video_s))
    )
    # A log that tells only when something was viewed means that it was.
    viewed = long_enough & (seconds.is_null() | (covered >= least))
    # Whether somebody stopped there is not known of what may have been as short, and nobody stops a channel at its end.
    ends = (runtime.is_not_null() | kind.is_in(_SHORT_KINDS)) & (kind != "live")
    bare = pl.when(seconds.is_not_null() & ends).then(viewed.fill_null(False) & (covered < _BARE * least))
    playbacks = playbacks.with_columns(is_view=viewed.fill_null(False), is_bare_view=bare)
    ordered = playbacks.sort("stretch_of")
    repeated = pl.col("follows") & pl.col("is_view").shift(1, fill_value=False)
    told = pl.when(pl.col("countable") & ~pl.col("unclear")).then(repeated)
    # The same channel is not the same thing again.
    return ordered.with_columns(is_repeat=pl.when(pl.col("title_kind") == "live").then(False).otherwise(told))
