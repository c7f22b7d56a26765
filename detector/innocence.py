"""Whether an account's playbacks fit an innocent cause of what stands out, for the reviewer to weigh.

One check for each family of features that has one, all of one shape: from the window's playbacks (`tables.Playbacks`)
of some accounts, and the `account, evidence` that shows the family's reasons (see `decisions.evidence_of`), to
`account, fit`, a sentence. Of an account of which the log does not say enough, there is no row.
"""

from collections.abc import Callable, Mapping

import polars as pl

from detector import tables

# A child's favourite, or a title left on to fall asleep, is the habit of one person: on the same screen (and perhaps
# another), in the same home (and perhaps another), at the same hours.
_SCREENS, _PLACES, _HOURS = 2, 2, 8
_MOSTLY, _SELDOM = 0.8, 0.2  # shares: what fits a cause need not fit it always
_LATELY_DAYS = 14
_RESTED_H = 5  # people sleep, if not always at night
# A provider hands out addresses anew: lines of one sort in one region are one place, where the region is known.
_PLACE = (
    pl.when(pl.col("region").is_not_null())
    .then(pl.concat_str("country", "region", "network_kind", separator=" ", ignore_nulls=True))
    .otherwise(pl.coalesce("network", "address").cast(pl.String))
)
_REGION = pl.coalesce(
    pl.concat_str("country", "region", separator=" "), pl.coalesce("network", "address").cast(pl.String)
)
_HOUR_S = 3600
_PROTOCOLS = 2  # IPv4 and IPv6

Check = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]


def one_habit(playbacks: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Whether the title that shows a repetition on most days is played as one person's habit would be, each time that
    it is. What a log does not say of screens and places speaks neither way; what begins again by itself was begun
    once."""
    local = pl.col("started_at").dt.epoch("s") + pl.col("utc_offset_s")
    began = ~pl.col("is_repeat").fill_null(False)
    titles = _shown(playbacks, evidence).drop_nulls("title").group_by("account", "title")
    habits = titles.agg(days=pl.col("day").n_unique())
    habits = habits.sort("days", "title", descending=[True, False]).unique("account", keep="first")
    lies = (
        playbacks.join(habits, on=["account", "title"], how="semi")
        .filter(began.any().over("account"))  # else the window knows only how it went on
        .group_by("account")
        .agg(
            screens=pl.col("device").drop_nulls().n_unique(),
            places=_PLACE.drop_nulls().n_unique(),
            hours=(local // _HOUR_S % 24).filter(began).n_unique(),
        )
        .with_columns(known=pl.concat_str(_counted("devices", "screens"), _counted("places", "places")))
    )
    habit = (pl.col("screens") <= _SCREENS) & (pl.col("places") <= _PLACES) & (pl.col("hours") <= _HOURS)
    return _said(
        lies,
        habit,
        "a child's favourite or a title left on: of the title that shows it on most days there are {}hours of the day "
        "at which it was begun: {}",
        "known",
        "hours",
    )


def one_roof(playbacks: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Whether several devices at work at once are mostly in one home, and rest, as in a big household. A server is
    nobody's home; who is on a carrier's network, or in a hotel, may be anywhere, and such hours speak neither way."""
    kind = pl.col("network_kind")
    home = pl.when(~kind.is_in(tables.CROWDS).fill_null(False)).then(_PLACE)
    at_once = (
        _by_hour(playbacks, home)
        .filter(pl.col("place").is_not_null().all().over("account", "hour"))
        .group_by("account", "hour")
        .agg(
            pl.col("day").min(),
            devices=pl.col("device").drop_nulls().n_unique(),
            # Within an hour nobody hands out addresses anew: one home is on one network, or on two, of either protocol.
            together=(pl.col("place").n_unique() == 1)
            & (pl.col("network").drop_nulls().n_unique() <= _PROTOCOLS)
            & ~kind.is_in(tables.SERVERS).fill_null(False).any(),
        )
        .filter(pl.col("devices") > 1)
        .group_by("account")
        .agg(hours=pl.len(), days=pl.col("day").n_unique(), together=pl.col("together").sum())
    )
    rests = pl.col("hours") <= (24 - _RESTED_H) * pl.col("days")
    return _said(
        at_once,
        (pl.col("together") >= _MOSTLY * pl.col("hours")) & rests,
        "a big household: of {} hours of the clock with several devices at work, on {} days, {} saw them all in one "
        "home",
        "hours",
        "days",
        "together",
    )


def one_traveller(playbacks: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Whether what plays away from the main region, or line where no region is known, plays on devices that come back
    to it, and not while others play there: a journey, a second home."""
    hours = _by_hour(playbacks, _REGION).drop_nulls(["device", "place"])
    days = hours.group_by("account", "place").agg(days=pl.col("day").n_unique())
    main = (
        days.sort("account", "days", "place", descending=[False, True, False])
        .group_by("account", maintain_order=True)
        .agg(main=pl.col("place").first())
    )
    placed = hours.join(main, on="account").with_columns(away=pl.col("place") != pl.col("main"))
    away = (
        placed.with_columns(
            comes_back=(~pl.col("away")).any().over("account", "device"),
            both=(~pl.col("away")).any().over("account", "hour"),
        )
        .filter("away")
        .group_by("account")
        .agg(
            hours=pl.struct("hour", "device").n_unique(),
            theirs=pl.struct("hour", "device").filter("comes_back").n_unique(),
            both=pl.struct("hour", "device").filter("both").n_unique(),
        )
    )
    fits = (pl.col("theirs") >= _MOSTLY * pl.col("hours")) & (pl.col("both") <= _SELDOM * pl.col("hours"))
    return _said(
        away,
        fits,
        "a traveller or a second home: of {} hours of the clock away from the main place (each for each device), {} "
        "are of devices that were there too, and during {} something played there as well",
        "hours",
        "theirs",
        "both",
    )


def one_more_device(playbacks: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Whether devices that came lately play where those before them do, as a new phone or television would: on one
    network, for in one region are many homes. Who is on a carrier's, or in a hotel, speaks neither way."""
    in_crowds = pl.col("network_kind").is_in(tables.CROWDS).fill_null(False)
    line = pl.when(~in_crowds).then(pl.coalesce("network", "address"))
    placed = playbacks.select("account", "day", "device", place=line).drop_nulls(["device", "place"])
    lately = pl.col("day").max().over("account") - pl.duration(days=_LATELY_DAYS)
    came = placed.with_columns(new=pl.col("day").min().over("account", "device") > lately)
    before = came.filter(~pl.col("new")).select("account", "place", theirs=True).unique()
    met = came.filter("new").join(before, on=["account", "place"], how="left").join(before, on="account", how="semi")
    of_newcomers = met.group_by("account").agg(playbacks=pl.len(), theirs=pl.col("theirs").fill_null(False).sum())
    return _said(
        of_newcomers,
        pl.col("theirs") >= _MOSTLY * pl.col("playbacks"),
        "a new device of the household: of {} playbacks on devices seen in the last two weeks and not in those before, "
        "{} are where others had been seen",
        "playbacks",
        "theirs",
    )


def one_of_them(playbacks: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Whether devices that came lately play what was played on those before them, as a member of the household would
    who goes on with a show, or sees a film again."""
    titles = playbacks.select("account", "day", "device", "title").drop_nulls(["device", "title"])
    lately = pl.col("day").max().over("account") - pl.duration(days=_LATELY_DAYS)
    came = titles.with_columns(new=pl.col("day").min().over("account", "device") > lately)
    before = came.filter(~pl.col("new")).select("account", "title", theirs=True).unique()
    met = came.filter("new").select("account", "title").unique().join(before, on=["account", "title"], how="left")
    of_newcomers = (
        met.join(before, on="account", how="semi")
        .group_by("account")
        .agg(titles=pl.len(), theirs=pl.col("theirs").fill_null(False).sum())
    )
    return _said(
        of_newcomers,
        pl.col("theirs") >= _SELDOM * pl.col("titles"),
        "one of the household on a new device: of {} titles on devices seen in the last two weeks and not in "
        "those before, {} were also played on others",
        "titles",
        "theirs",
    )


def one_who_sleeps(playbacks: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Whether there is time to sleep on most local days, be it at night or not: after an hour of the day in which
    something played, or from its midnight to the first. What follows the last hour of all is not known, and so counts
    as a rest."""
    hours = _by_hour(_on_local_clock(playbacks)).select("account", "hour").unique().sort("account", "hour")
    gap_h = (pl.col("hour") - pl.col("hour").shift(1) - 1).over("account")
    rests = hours.with_columns(rest_h=gap_h.shift(-1).over("account"), before_h=gap_h)
    since_midnight = (pl.col("before_h") >= _RESTED_H) & (pl.col("hour") % 24 >= _RESTED_H)
    rested = (pl.col("rest_h") >= _RESTED_H).fill_null(True) | since_midnight.fill_null(False)
    begun = playbacks.select("account", date=pl.col("day").cast(pl.Int32).cast(pl.Int64)).unique()
    by_day = rests.group_by("account", date=pl.col("hour") // 24).agg(rested=rested.any())
    by_day = by_day.join(begun, on=["account", "date"], how="semi")  # not those that are only reached past midnight
    days = by_day.group_by("account").agg(days=pl.len(), rested=pl.col("rested").sum())
    return _said(
        days,
        pl.col("rested") >= _MOSTLY * pl.col("days"),
        "people who sleep, if at odd hours: on {} days with playbacks, {} had a rest of 5 hours or more",
        "days",
        "rested",
    )


CHECKS: Mapping[str, Check] = {
    "repetition": one_habit,
    "concurrency": one_roof,
    "devices": one_roof,
    "places": one_traveller,
    "groups": one_traveller,
    "profiles": one_traveller,
    "residents": one_traveller,
    "change": one_more_device,
    "taste": one_of_them,
    "rhythm": one_who_sleeps,
    "unresting": one_who_sleeps,
}
"""The check of a family's innocent causes; families that have none are not there."""


def _shown(playbacks: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    shown = evidence.explode("evidence", empty_as_null=False).rename({"evidence": "playback"})
    return playbacks.join(shown, on=["account", "playback"], how="semi", maintain_order="left")


def _on_local_clock(playbacks: pl.DataFrame) -> pl.DataFrame:
    offset = pl.duration(seconds=pl.col("utc_offset_s"), time_unit="ms")
    return playbacks.with_columns(pl.col("started_at", "ended_at") + offset)


def _by_hour(playbacks: pl.DataFrame, place: pl.Expr = _PLACE) -> pl.DataFrame:
    """`account, day, device, place, network, network_kind, hour`: every hour since 1970 that a playback touches."""
    last_ms = pl.coalesce("ended_at", "started_at").dt.epoch("ms") - 1
    first_ms = pl.col("started_at").dt.epoch("ms")
    return (
        playbacks.with_columns(
            hour=pl.int_ranges(
                first_ms // (_HOUR_S * 1000), pl.max_horizontal(first_ms, last_ms) // (_HOUR_S * 1000) + 1
            ),
            place=place,
        )
        .select("account", "day", "device", "place", "network", "network_kind", "hour")
        .explode("hour")
    )


def _counted(what: str, column: str) -> pl.Expr:
    """How many there are, as the beginning of a list; "" where none is known."""
    return pl.when(pl.col(column) > 0).then(pl.format(what + ": {}, ", column)).otherwise(pl.lit(""))


def _said(found: pl.DataFrame, fits: pl.Expr, sentence: str, *columns: str) -> pl.DataFrame:
    fitting = pl.when(fits).then(pl.lit("the data fit ")).otherwise(pl.lit("the data hardly fit "))
    return found.sort("account").select("account", fit=pl.concat_str(fitting, pl.format(sentence, *columns)))
