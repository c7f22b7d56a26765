"""Every table: one class, its key, columns, units, nulls.

Inside frames, account, profile, device, title, address and network are keyed pseudonyms (u64, see `identity`);
everywhere else they are 16 hex digits. Times are UTC to the millisecond; durations are whole seconds; a *day* is
the local day (see `days`), a *UTC date* is a date of the UTC clock. Null always means "not known".
"""

import functools
from typing import Any

import dataframely as dy
import polars as pl

from detector.cases import KINDS

UTC_MS = pl.Datetime("ms", "UTC")
IPV6_FROM = 2**63  # pseudonyms of addresses: from here on they stand for one of IPv6, below for one of IPv4
LAN = IPV6_FROM - 1  # ... and this one for all those of the network at home that the log's own server stands in

TITLE_KINDS = ("movie", "episode", "live", "track", "clip")
NETWORK_KINDS = ("residential", "mobile", "hosting", "vpn", "hotel", "education")
SERVERS = ("hosting", "vpn")  # such an address says where a server stands, not a person
PASSING = ("hotel", "education")  # people stay there who have a home elsewhere
CROWDS = ("mobile", *PASSING)  # strangers meet there
NOBODYS = (*SERVERS, *CROWDS)  # nobody's home
STARTED_BY = ("user", "autoplay", "unknown")
STATUSES = ("scored", "short history", "few playbacks", "not seen")


def _id(description: str, **options: Any) -> dy.UInt64:
    return dy.UInt64(description=description, **options)


def _time(description: str, **options: Any) -> dy.Datetime:
    return dy.Datetime(time_unit="ms", time_zone="UTC", description=description, **options)


class Playable(dy.Schema):
    """What a playback says of itself beyond its ids; the same in the input, in the store and after repair."""

    position_start_s = dy.Int64(nullable=True, min=0, description="where in the title it began, seconds")
    position_end_s = dy.Int64(nullable=True, min=0, description="where in the title it ended, seconds")
    device_type = dy.String(nullable=True, max_length=200, description="class of device, as the service says it")
    asn = dy.Int64(nullable=True, min=0, max=2**32 - 1, description="autonomous system number of the address")
    country = dy.String(nullable=True, regex="^[A-Z]{2}$", description="ISO 3166-1 alpha-2")
    region = dy.String(nullable=True, max_length=200, description="region as given")
    city = dy.String(nullable=True, max_length=200, description="city as given")
    latitude = dy.Float64(nullable=True, min=-90, max=90, description="degrees north")
    longitude = dy.Float64(nullable=True, min=-180, max=180, description="degrees east")
    accuracy_km = dy.Int64(nullable=True, min=0, max=20_100, description="radius around the place that it may lie in")
    network_kind = dy.String(nullable=True, check=lambda c: c.is_in(NETWORK_KINDS), description="one of NETWORK_KINDS")
    title_kind = dy.String(nullable=True, check=lambda c: c.is_in(TITLE_KINDS), description="one of TITLE_KINDS")
    title_runtime_s = dy.Int64(nullable=True, min=1, max=10**6, description="length of the title, seconds")
    interaction = dy.String(
        nullable=True, check=lambda c: c.is_in(STARTED_BY), description="who started it: STARTED_BY"
    )
    plan_streams = dy.Int64(nullable=True, min=1, max=1000, description="streams the account's plan allows at once")


class RawRows(Playable):
    """One row of a log in the words of this project, ids still in clear. Never stored.

    What a source yields: it turns its format into these columns and checks nothing; a value it could not read is
    null, and a required one that is null becomes a reject. `row` counts from 1 in the file.
    """

    row = dy.Int64(description="number of the row in its file, the first data row being 1")
    account_id = dy.String(min_length=1, max_length=10_000, description="the service's id of the account")
    profile_id = dy.String(nullable=True, max_length=10_000, description="id or name of the profile")
    device_id = dy.String(nullable=True, max_length=10_000, description="the service's id of the device")
    device_name = dy.String(nullable=True, max_length=10_000, description="a name standing for the id of the device")
    title_id = dy.String(nullable=True, max_length=10_000, description="the service's id of the title")
    title_name = dy.String(nullable=True, max_length=10_000, description="what a person calls the title")
    playback_id = dy.String(nullable=True, max_length=10_000, description="the log's own key of the row")
    started_at = _time("when it began")
    ended_at = _time("when it ended; null: known by its start only", nullable=True)
    ip = dy.String(nullable=True, max_length=100, description="IPv4 or IPv6 as text")
    network = dy.String(nullable=True, max_length=1_000, description="the service's own name of the network")
    timezone = dy.String(nullable=True, max_length=100, description="IANA time zone")
    offset_s = dy.Int32(
        nullable=True, description="seconds east of UTC of the clock by which it is written; null: UTC's, or not said"
    )
    says_offset = dy.Bool(nullable=True, description="whether the log says `started_at` for all the world to read")


class CheckedRows(Playable):
    """One believable row of a log, as it came, under pseudonyms. Stored by UTC date of `started_at`."""

    playback = _id("playback_id, else account, profile, device, title and start together")
    account = _id("account")
    profile = _id("profile within its account", nullable=True)
    device = _id("device", nullable=True)
    device_is_real = dy.Bool(description="the device has an id of its own, rather than a name standing for it")
    title = _id("title", nullable=True)
    address = _id("IPv4 whole, IPv6 /64; see IPV6_FROM and LAN", nullable=True)
    network = _id("IPv4 /24, IPv6 /48, or the network as given", nullable=True)
    started_at = _time("when it began")
    ended_at = _time("when it ended; null: known by its start only", nullable=True)
    day = dy.Date(description="local day of started_at")
    utc_offset_s = dy.Int32(description="local clock minus UTC at started_at")


class Playbacks(CheckedRows):
    """One stretch of one title on one device of one account, after repair: resumes merged, ghosts cut."""

    ended_at = _time("when it ended, an idle tail cut off; null: known by its start only", nullable=True)
    seconds = dy.Int64(nullable=True, min=0, description="watched, pauses between merged stretches left out")
    stretches = dy.List(
        dy.Struct({"started_at": _time("when it began"), "ended_at": _time("when it ended", nullable=True)}),
        nullable=True,
        description="those that were merged; null: it is one",
    )
    is_view = dy.Bool(description="covers enough of the title to count as a view")
    is_bare_view = dy.Bool(
        nullable=True, description="... and hardly more than that; null: no duration or length known"
    )
    is_repeat = dy.Bool(
        nullable=True, description="same title again, next on its device, under resume_gap_s after it ended"
    )


class Rejects(dy.Schema):
    """One row of a log that was not believed, and one rule it broke; a row that broke two stands twice."""

    file = dy.String(description="name of the file, without its folder")
    row = dy.Int64(nullable=True, description="number of the row in the file; null: the whole file")
    account = _id("account, where it could be read", nullable=True)
    rule = dy.String(description="the rule that was broken")


class AccountDays(dy.Schema):
    """One account on one day.

    Plays, views, repeats, streaks and hours belong to the local day; seconds, overlaps, peaks and travel are measured
    on the UTC clock and booked to the UTC date of the same name.
    """

    account = _id("account", primary_key=True)
    day = dy.Date(primary_key=True, description="local day, and UTC date for seconds, overlaps and travel")
    plays = dy.UInt32(description="playbacks that started on the local day")
    views = dy.UInt32(description="... of which views")
    bare_views_known = dy.UInt32(description="views of which it is known whether they hardly count as such")
    bare_views = dy.UInt32(description="... of which do")
    repeats = dy.UInt32(nullable=True, description="... of which repeats; null: none of them countable")
    starts_known = dy.UInt32(description="playbacks of which it is known who started them, a person or autoplay")
    starts_by_person = dy.UInt32(description="... of which a person did")
    seconds = dy.Int64(nullable=True, description="watched, on the UTC date; null: no duration known")
    hours = dy.UInt32(description="bit h is set when something played in local hour h")
    rest_h = dy.UInt32(description="longest run of local hours of the day, taken as a ring, in which nothing played")
    busiest_device_hours = dy.UInt32(
        nullable=True, description="local hours in which its busiest device played; null: no device known"
    )
    longest_streak_days = dy.UInt32(nullable=True, description="longest running streak of a title; null: no titles")
    longest_loose_streak_days = dy.UInt32(nullable=True, description="longest loose streak of a title; null: no titles")
    longest_noon_streak_days = dy.UInt32(nullable=True, description="longest noon streak of a title; null: no titles")
    peak_streams = dy.UInt32(nullable=True, description="most streams at once; null: no duration known")
    overlap2_s = dy.Int64(nullable=True, description="seconds with two or more streams at once")
    overlap3_s = dy.Int64(nullable=True, description="seconds with three or more streams at once")
    overlap2_networks_s = dy.Int64(
        nullable=True, description="seconds with streams on two or more networks of one protocol at once"
    )
    overlap2_same_profile_s = dy.Int64(nullable=True, description="seconds with one profile on two devices at once")
    fastest_kmh = dy.Float64(
        nullable=True,
        description="fastest travel implied between plays, to those of the UTC date; null: under two places",
    )
    last_latitude = dy.Float64(nullable=True, description="place of the last located play of the UTC date")
    last_longitude = dy.Float64(nullable=True, description="place of the last located play of the UTC date")
    last_accuracy_km = dy.Int64(nullable=True, description="radius around it that it may lie in; null: not said")
    last_located_at = _time("when that play began", nullable=True)
    plan_streams = dy.Int64(nullable=True, description="most streams the plan allowed")
    device_type = dy.String(nullable=True, description="class of device of its first playback that says one")


class TitleDays(dy.Schema):
    """One title of one account on one day; live channels aside, for the same channel is not the same thing again."""

    account = _id("account", primary_key=True)
    day = dy.Date(primary_key=True, description="local day, and UTC date for seconds")
    title = _id("title", primary_key=True)
    plays = dy.UInt32(description="playbacks that started on the local day")
    views = dy.UInt32(description="... of which views")
    repeats = dy.UInt32(nullable=True, description="... of which repeats; null: none of them countable")
    seconds = dy.Int64(nullable=True, description="watched, on the UTC date; null: no duration known")
    first_minute = dy.UInt16(
        nullable=True,
        description="minute of the local day at which it was first started; null: "
        "it only ran on from the day before, or the log gives dates without a time",
    )
    streak_days = dy.UInt32(description="local days in a row with a view, up to this one; 0 without a view on it")
    loose_streak_days = dy.UInt32(
        nullable=True,
        description="local days with a view less those without, never two of these in a row, up to this one; 0 without "
        "a view on it; null: digested before this was counted",
    )
    halves = dy.UInt8(
        nullable=True,
        description="halves of the local day in which a view of it began: 1 before noon, 2 after, 3 both, 0 neither; "
        "null: digested before this was noted",
    )
    noon_streak_days = dy.UInt32(
        nullable=True,
        description="days from noon to noon in a row with a view, up to the last one; 0 without a view on the local "
        "day; null: digested before this was counted",
    )
    device = _id("one of the devices that it was on, the lowest", nullable=True)
    other_device = _id("another, the highest; null: it was on one only", nullable=True)


class Visits(dy.Schema):
    """What was seen together on one day: a profile on a device at an address and place."""

    account = _id("account")
    day = dy.Date(description="local day, and UTC date for seconds")
    profile = _id("profile", nullable=True)
    device = _id("device", nullable=True)
    address = _id("IPv4 whole, IPv6 /64; see IPV6_FROM and LAN", nullable=True)
    network = _id("IPv4 /24, IPv6 /48, or the network as given", nullable=True)
    network_kind = dy.String(nullable=True, description="one of NETWORK_KINDS")
    country = dy.String(nullable=True, description="ISO 3166-1 alpha-2")
    region = dy.String(nullable=True, description="region as given")
    plays = dy.UInt32(description="playbacks that started on the local day")
    seconds = dy.Int64(nullable=True, description="watched, on the UTC date; null: no duration known")
    hours = dy.UInt32(description="bit h is set when something played in local hour h")
    utc_hours = dy.UInt32(description="bit h is set when something played in hour h of the UTC date")


class Spans(dy.Schema):
    """One account over a calendar month, or a part of one, or the year: account-days folded."""

    account = _id("account", primary_key=True)
    first_day = dy.Date(description="first day seen")
    last_day = dy.Date(description="last day seen")
    active_days = dy.UInt32(description="days with plays")
    plays = dy.UInt32(description="playbacks")
    views = dy.UInt32(description="views")
    longest_streak_days = dy.UInt32(nullable=True, description="longest running streak on any of its days")
    longest_loose_streak_days = dy.UInt32(nullable=True, description="longest loose streak on any of its days")
    longest_noon_streak_days = dy.UInt32(nullable=True, description="longest noon streak on any of its days")


class SpanDevices(dy.Schema):
    """One device of one account over such a span."""

    account = _id("account", primary_key=True)
    device = _id("device", primary_key=True)
    first_day = dy.Date(description="first day seen")


class SpanLines(dy.Schema):
    """One device of one account on one line over such a span: an address that may be somebody's home, or else the
    network of a carrier or a server; both null in a hotel, on a campus, and where the log says neither."""

    account = _id("account")
    device = _id("device")
    address = _id("IPv4 whole, IPv6 /64, where it may be somebody's home", nullable=True)
    network = _id("IPv4 /24, IPv6 /48, or the network as given", nullable=True)
    first_day = dy.Date(description="first day seen")
    last_day = dy.Date(description="last day seen")
    plays = dy.UInt32(description="playbacks")


class SpanProfiles(dy.Schema):
    """One profile of one account on one device over such a span."""

    account = _id("account", primary_key=True)
    device = _id("device", primary_key=True)
    profile = _id("profile", primary_key=True)
    first_day = dy.Date(description="first day seen")
    plays = dy.UInt32(description="playbacks")


class Scores(dy.Schema):
    """One account seen in the window of one night. The family scores are further columns, `score_<family>`."""

    account = _id("account", primary_key=True)
    day = dy.Date(primary_key=True, description="the night")
    score = dy.Float64(nullable=True, description="higher is more suspicious; null: too little seen")
    status = dy.String(check=lambda c: c.is_in(STATUSES), description="one of STATUSES")
    p_value = dy.Float64(
        nullable=True, min=0, max=1, description="share of the calibration accounts that score as high"
    )
    rank = dy.UInt32(nullable=True, description="1 is the highest score of the night")
    model_version = dy.String(description="version of the champion that scored")
    history_days = dy.UInt32(description="days since the account was first seen in the year kept, both ends counted")


class Flags(dy.Schema):
    """One account put before a reviewer by one night."""

    account = _id("account", primary_key=True)
    day = dy.Date(primary_key=True, description="the night")
    kind = dy.String(check=lambda c: c.is_in(KINDS), description="one of cases.KINDS")
    kind_share = dy.Float64(
        nullable=True,
        description="its strongest evidence, as a share of that and the strongest for anything else; null: unclear",
    )
    score = dy.Float64(description="higher is more suspicious")
    q_value = dy.Float64(description="Benjamini-Hochberg over the night's p-values")
    unexplained = dy.Bool(description="shown though no verdict resembles it, so that new kinds are seen")
    reasons = dy.List(
        dy.Struct(
            {
                "feature": dy.String(),
                "value": dy.Float64(),
                "typical": dy.Float64(),
                "percentile": dy.Float64(),
                "sentence": dy.String(),
            }
        ),
        description="the features that made it, strongest first",
    )
    counter_evidence = dy.List(dy.String(), description="sentences that speak for an innocent cause")
    evidence = dy.List(dy.UInt64(), description="playbacks that show it (CheckedRows.playback)")
    cleared_by = dy.List(
        dy.String(),
        nullable=True,
        description="the fewest features that, set to what is typical, bring the score below the lowest one flagged; "
        "null: more than a few",
    )
    first_seen = dy.Date(description="first day of the account in the year kept")


def columns(table: type[dy.Schema]) -> dict[str, pl.DataType]:
    """Names and types of a table's columns, in order.

    >>> columns(Rejects)["row"]
    Int64
    """
    return dict(_columns(table))


@functools.cache  # put together anew by each call of dataframely
def _columns(table: type[dy.Schema]) -> dict[str, pl.DataType]:
    return {name: column.dtype for name, column in table.columns().items()}


def shape(frame: pl.LazyFrame, table: type[dy.Schema]) -> pl.LazyFrame:
    """The frame with exactly the table's columns, in order, and as many rows; absent columns are null."""
    present = frame.collect_schema().names()
    wanted = columns(table)
    return frame.with_columns(
        (pl.col(name) if name in present else pl.lit(None)).cast(dtype).alias(name) for name, dtype in wanted.items()
    ).select(*wanted)  # a selection of nothing but literals would be one row, however many there were
