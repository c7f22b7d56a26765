"""What a reviewer says is not to count, does not."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from support import KEY, TRAINED_UNTIL, clock

from detector import (
    config,
    decisions,
    digesting,
    explaining,
    features,
    identity,
    lookback,
    published,
    retraining,
    suppressing,
)
from detector.ingesting import ingest
from detector.ledger import Run
from detector.nightly import Night, night
from detector.runs import Doors, open_doors
from detector.store import Store
from detector.suppressed import Scope, Suppressed

MADE = dt.datetime.combine(TRAINED_UNTIL, dt.time(9), dt.UTC)
ENDS = TRAINED_UNTIL + dt.timedelta(days=30)
NIGHT = dt.date(2025, 6, 10)
KEYS = identity.Keys(KEY, bytes(32))


@pytest.fixture
def doors(home: Path, settings: config.Settings) -> Iterator[Doors]:
    with open_doors(home, settings) as doors:
        yield doors


def _night(doors: Doors, settings: config.Settings) -> tuple[Night, Run]:
    done = night(doors, TRAINED_UNTIL, settings=settings, clock=clock)
    return done, published.run_of(doors, TRAINED_UNTIL)


def _suppressed(scope: Scope = "everything", value: str | None = None, account: int = 1) -> Suppressed:
    return Suppressed(1, f"{account:016x}", scope, value, "why", MADE, "ana", ENDS)


@pytest.mark.parametrize(
    ("day", "lifted", "holds"),
    [
        (TRAINED_UNTIL, None, True),
        (TRAINED_UNTIL - dt.timedelta(days=1), None, False),
        (ENDS, None, True),
        (ENDS + dt.timedelta(days=1), None, False),
        (TRAINED_UNTIL, MADE, False),
        (TRAINED_UNTIL, MADE + dt.timedelta(days=1), True),
    ],
)
def test_a_suppression_holds_from_its_date_to_its_end(day: dt.date, lifted: dt.datetime | None, holds: bool) -> None:
    """The night of the date it was made is the first, that of its end the last, that before it was lifted too."""
    made = Suppressed(1, "0" * 16, "everything", None, "why", MADE, "ana", ENDS, lifted, None)
    assert made.holds(day) == holds


def test_what_does_not_count_is_typical_and_all_else_as_measured() -> None:
    """Of one account one feature; what is typical is that of its own peers."""
    measured = pl.DataFrame({"account": [1, 2], "devices": [9.0, 9.0], "networks": [5.0, 5.0]})
    measured = measured.cast({"account": pl.UInt64})
    typical = pl.DataFrame({"account": [1, 1], "feature": ["devices", "networks"], "typical": [2.0, 3.0]})
    typical = typical.cast({"account": pl.UInt64})
    judged = suppressing.made_typical(measured, typical, [_suppressed("feature", "devices")])
    assert judged.rows() == [(1, 2.0, 5.0), (2, 9.0, 5.0)]


def test_a_suppressed_account_is_kept_back_until_it_is_lifted(doors: Doors, settings: config.Settings) -> None:
    """It is counted among those kept back, is out of the queue, and comes back when the suppression is lifted."""
    _, run = _night(doors, settings)
    first = identity.to_hex(published.frame(doors, run, "flags")["account"])[0]
    made = doors.ledger.suppressions.make(first, "everything", None, ends_on=ENDS, why="a hotel", actor="ana", now=MADE)
    done, run = _night(doors, settings)
    assert done.record["kept_back"]["suppressed"] == 1
    assert first not in identity.to_hex(published.frame(doors, run, "flags")["account"]).to_list()
    today = MADE.date()
    assert first not in {case.account for case in doors.ledger.cases.queue(today=today)}
    assert first in {case.account for case in doors.ledger.cases.queue(today=ENDS + dt.timedelta(days=1))}
    doors.ledger.suppressions.lift(made.id, actor="ben", now=MADE)
    assert first in {case.account for case in doors.ledger.cases.queue(today=today)}
    done, run = _night(doors, settings)
    assert first in identity.to_hex(published.frame(doors, run, "flags")["account"]).to_list()


def test_a_suppressed_feature_is_no_reason_and_is_measured_all_the_same(
    doors: Doors, settings: config.Settings
) -> None:
    """The strongest reason of a flag, suppressed, lowers the score; what is published of the feature is what it was."""
    _, run = _night(doors, settings)
    flag = published.frame(doors, run, "flags").row(0, named=True)
    feature, mine = flag["reasons"][0]["feature"], pl.col("account") == flag["account"]
    before = published.frame(doors, run, "features").filter(mine)
    doors.ledger.suppressions.make(
        f"{flag['account']:016x}", "feature", feature, ends_on=ENDS, why="a test screen", actor="ana", now=MADE
    )
    _, run = _night(doors, settings)
    assert published.frame(doors, run, "features").filter(mine).equals(before)
    assert published.frame(doors, run, "scores").filter(mine)["score"][0] < flag["score"]
    again = published.frame(doors, run, "flags").filter(mine)
    assert feature not in {reason["feature"] for row in again["reasons"] for reason in row}


def test_nothing_is_told_of_a_feature_that_does_not_count() -> None:
    """Neither a reason nor that it is ordinary, which what stands in for it is; of others, and other accounts, all."""
    said = pl.DataFrame({"account": [1, 1, 2], "feature": ["devices", "networks", "devices"], "value": [2.0, 5.0, 9.0]})
    said = said.cast({"account": pl.UInt64})
    left = suppressing.told(said, [_suppressed("feature", "devices"), _suppressed("everything", account=2)])
    assert left.rows() == [(1, "networks", 5.0), (2, "devices", 9.0)]


def test_a_suppressed_feature_speaks_for_nobody_either(doors: Doors, settings: config.Settings) -> None:
    """What was told as no more than in most accounts is not, when it does not count: neither by the night nor of it."""
    _, run = _night(doors, settings)
    flag = published.frame(doors, run, "flags").row(0, named=True)
    said = {f"no more than in most accounts: {decisions._shortly(f)}: ": f.name for f in features.CATALOGUE.values()}
    line, feature = next((s, n) for s, n in said.items() for told in flag["counter_evidence"] if told.startswith(s))
    doors.ledger.suppressions.make(
        f"{flag['account']:016x}", "feature", feature, ends_on=ENDS, why="a test screen", actor="ana", now=MADE
    )
    _, run = _night(doors, settings)
    [again] = published.frame(doors, run, "flags").filter(pl.col("account") == flag["account"])["counter_evidence"]
    assert not [told for told in again if told.startswith(line)]


@pytest.mark.parametrize("column", ["device", "network"])
def test_playbacks_left_out_are_as_if_they_had_never_been(
    trained_home: Path, tmp_path: Path, settings: config.Settings, column: str
) -> None:
    """Features of the window are those of a home that never saw the playbacks of that device or network."""
    home = Store(trained_home)
    visits = pl.concat(home.read(digesting.DAYS, [NIGHT], "visits.parquet"))
    roaming = visits.drop_nulls(column).group_by("account").agg(pl.col(column).unique().sort())
    account, values = roaming.filter(pl.col(column).list.len() > 1).sort("account").row(0)
    pair = {"account": pl.Series([account], dtype=pl.UInt64), column: pl.Series(values[:1], dtype=pl.UInt64)}
    out = {column: pl.DataFrame(pair)}
    met = lookback.meet(home, NIGHT, settings.window, out=out)
    left = features.build_features(lookback.window_without(home, NIGHT, settings, met=met, out=out))

    other = Store(tmp_path)
    for date in home.partitions("playbacks"):
        for part in home.parts("playbacks", date).values():
            (rows,) = home.read("playbacks", [date], part.name)
            mine = suppressing.without(rows.lazy().filter(pl.col("account") == account), out).collect()
            if not mine.is_empty():
                other.put("playbacks", date, {part.name: mine}, part.notes)
    digesting.bring_up_to_date(other, NIGHT, settings=settings, key_id="k")
    (window,) = lookback.windows(other, NIGHT, settings.window, met=met)
    never = features.build_features(window)
    with_all = next(iter(lookback.windows(home, NIGHT, settings.window, met=met)))
    names = [
        feature.name
        for family in (features.Repetition, features.Concurrency, features.Devices, features.Places, features.Rhythm)
        for feature in family.features
    ]
    assert left.select("account", *names).equals(never.select("account", *names))
    before = features.build_features(with_all).filter(pl.col("account") == account)
    assert not left.select(names).equals(before.select(names))


def _home_of(folder: Path, rows: list[dict[str, object]], settings: config.Settings) -> Store:
    """A home that has taken these rows in and digested them up to the night."""
    folder.mkdir()
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(folder / "log.parquet")
    home, now = Store(folder / "home"), dt.datetime.combine(NIGHT, dt.time(), dt.UTC) + dt.timedelta(days=3)
    list(ingest([str(folder / "log.parquet")], into=home, keys=KEYS, settings=settings, now=now))
    digesting.bring_up_to_date(home, NIGHT, settings=settings, key_id=KEYS.key_id)
    return home


def _evenings(
    device: str, titles: str, days: int, hour: int, hours: int = 2, **said: object
) -> list[dict[str, object]]:
    """Playbacks of a device on the last days up to the night; `{n}` in the title is the number of the day."""
    first = dt.datetime.combine(NIGHT, dt.time(hour), dt.UTC) - dt.timedelta(days=days - 1)
    row = {"account_id": "a", "device_id": device, "title_kind": "movie", "timezone": "UTC", "duration_s": hours * 3600}
    return [
        row | {"title_id": titles.format(n=n), "started_at": first + dt.timedelta(days=n)} | said for n in range(days)
    ]


def _without(home: Store, hour: int, settings: config.Settings) -> pl.DataFrame:
    """The features of a home without the device that begins at that hour."""
    [rows] = home.read("playbacks", [NIGHT])
    out = {"device": rows.filter(pl.col("started_at").dt.hour() == hour).select("account", "device").unique()}
    met = lookback.meet(home, NIGHT, settings.window, out=out)
    return features.build_features(lookback.window_without(home, NIGHT, settings, met=met, out=out))


def test_a_streak_of_the_year_goes_with_the_device_that_made_it(tmp_path: Path, settings: config.Settings) -> None:
    """A bar's screen plays one film for 130 days, a phone others every other day, and that film, too, on the first
    three days of the window: without the screen these three are left; without the phone all are."""
    phone = _evenings("phone", "film {n}", 130, 10)[1::2] + _evenings("phone", "loop", settings.window.days, 12)[:3]
    home = _home_of(tmp_path / "log", _evenings("bar", "loop", 130, 20) + phone, settings)
    streaks = ["longest_streak", "longest_streak_365d", "longest_streak_1_missed_365d"]
    assert _without(home, 20, settings).select(streaks).rows() == [(3, 3, 3)]
    assert _without(home, 10, settings).select(streaks).rows() == [(28, 130, 130)]


def test_a_streak_that_ended_before_the_window_stays(tmp_path: Path, settings: config.Settings) -> None:
    """A bar's screen played a film for 100 days in spring; in the window a phone and a tablet take turns with another.
    Without the tablet the streak of these is shorter, and the one of the spring is what it was."""
    spring = _evenings("bar", "loop", 140, 20)[:100]
    phone, tablet = _evenings("phone", "show", 10, 10)[::2], _evenings("tablet", "show", 10, 12)[1::2]
    home = _home_of(tmp_path / "log", spring + phone + tablet, settings)
    streaks = ["longest_streak", "longest_streak_365d"]
    assert _without(home, 12, settings).select(streaks).rows() == [(1, 100)]


def test_a_streak_that_ended_in_the_window_goes_with_its_device(tmp_path: Path, settings: config.Settings) -> None:
    """A bar's screen played a film up to the end of May, ten days before the night. That month, which is kept as a
    whole, still tells of it."""
    bar = _evenings("bar", "loop", 130, 20)[: -NIGHT.day] + _evenings("bar", "other", 1, 20)
    home = _home_of(tmp_path / "log", bar + _evenings("phone", "film {n}", 130, 10), settings)
    streaks = ["longest_streak", "longest_streak_365d"]
    assert _without(home, 10, settings).select(streaks).rows() == [(settings.window.days - NIGHT.day, 130 - NIGHT.day)]
    assert _without(home, 20, settings).select(streaks).rows() == [(1, 1)]


def test_what_began_before_the_window_runs_on_without_another_device(tmp_path: Path, settings: config.Settings) -> None:
    """A channel left on for six days from four days before the window on, and a phone; a second phone is left out."""
    window_days = settings.window.days
    channel = _evenings("screen", "channel", window_days + 4, 6, 144, title_kind="live")[:1]
    kept = channel + _evenings("phone", "film {n}", 60, 10)
    home = _home_of(tmp_path / "all", kept + _evenings("other", "other {n}", 60, 18), settings)
    never = _home_of(tmp_path / "never", kept, settings)
    [window] = lookback.windows(never, NIGHT, settings.window, met=lookback.meet(never, NIGHT, settings.window))
    measured = ["device_hours_per_day", "unresting_days", "hours_per_active_day", "two_streams_h"]
    of_it = features.build_features(window).select(measured)
    assert _without(home, 18, settings).select(measured).equals(of_it)
    assert of_it["two_streams_h"][0] > 0


def test_a_night_leaves_out_a_suppressed_device(doors: Doors, settings: config.Settings) -> None:
    """No playback of it is evidence any more; the night is made anew because of it."""
    _, run = _night(doors, settings)
    flags = published.frame(doors, run, "flags")
    first = TRAINED_UNTIL - dt.timedelta(days=settings.window.days - 1)
    shown = lookback.playbacks_of(doors.home, flags["account"], first, TRAINED_UNTIL, settings.playbacks)
    evidence = flags.select("account", playback="evidence").explode("playback").drop_nulls()
    shows = shown.join(evidence, on=["account", "playback"]).drop_nulls("device").sort("account", "playback")
    account, device = shows.select("account", "device").row(0)
    doors.ledger.suppressions.make(
        f"{account:016x}", "device", f"{device:016x}", ends_on=ENDS, why="a kiosk", actor="ana", now=MADE
    )
    done, run = _night(doors, settings)
    assert not done.unchanged
    own = pl.col("account") == account
    left = published.frame(doors, run, "flags").filter(own).select(playback="evidence").explode("playback")
    gone = shown.filter(own, pl.col("device") == device)["playback"]
    assert not set(left["playback"]) & set(gone)


def test_an_account_whose_only_device_is_suppressed_stays_in_the_night(doors: Doors, settings: config.Settings) -> None:
    """Nothing is known of it then but that it is there: it has a row in every frame, and can be explained."""
    first = TRAINED_UNTIL - dt.timedelta(days=settings.window.days - 1)
    everybody = [account for date in doors.home.partitions(digesting.DAYS)[-1:] for account in _seen(doors, date)]
    visits = lookback.days_of(doors.home, everybody, first, TRAINED_UNTIL).visits
    alone = visits.group_by("account").agg(pl.col("device").unique()).filter(pl.col("device").list.len() == 1)
    account, (device,) = alone.filter(pl.col("device").list.first().is_not_null()).sort("account").row(0)
    before, _ = _night(doors, settings)
    doors.ledger.suppressions.make(
        f"{account:016x}", "device", f"{device:016x}", ends_on=ENDS, why="a kiosk", actor="ana", now=MADE
    )
    done, run = _night(doors, settings)
    assert done.record["accounts"] == before.record["accounts"]
    told = explaining.explain(doors, run, account, settings=settings)
    assert (told["reasons"], told["evidence"], told["flagged"]) == ([], [], False)


def _seen(doors: Doors, date: dt.date) -> list[int]:
    (rows,) = doors.home.read(digesting.DAYS, [date], "account_days.parquet")
    return rows["account"].to_list()


def test_what_is_suppressed_is_not_explained_with(doors: Doors, settings: config.Settings) -> None:
    """Of an account that is no longer flagged, neither a feature nor a device that does not count is a reason, and why
    it is not flagged is said where its place is not the reason."""
    _, run = _night(doors, settings)
    flag = published.frame(doors, run, "flags").row(0, named=True)
    account = flag["account"]
    first = TRAINED_UNTIL - dt.timedelta(days=settings.window.days - 1)
    seen = lookback.days_of(doors.home, [account], first, TRAINED_UNTIL).visits["device"].drop_nulls()
    device = seen.unique().sort()[0]
    scopes: list[tuple[Scope, str | None]] = [
        ("device", f"{device:016x}"), ("feature", flag["reasons"][0]["feature"]), ("everything", None),
    ]  # fmt: skip
    for scope, value in scopes:
        doors.ledger.suppressions.make(
            f"{account:016x}", scope, value, ends_on=ENDS, why="a lab", actor="ana", now=MADE
        )
    _, run = _night(doors, settings)
    told = explaining.explain(doors, run, account, settings=settings)
    assert (told["flagged"], told["kept_back"]) == (False, "suppressed")
    assert scopes[1][1] not in {reason["feature"] for reason in told["reasons"]}
    assert told["evidence"]
    assert f"{device:016x}" not in {playback["device"] for playback in told["evidence"]}
    devices = {line["feature"]: line["value"] for line in told["features"]}["devices"]
    assert devices == seen.n_unique() - 1


def test_what_is_suppressed_is_not_learned_from(doors: Doors, settings: config.Settings) -> None:
    """Any suppression that holds keeps its account out of training, and the record says how many."""
    account = int(published_account(doors))
    doors.ledger.suppressions.make(
        f"{account:016x}", "feature", "devices", ends_on=ENDS, why="a lab", actor="ana", now=MADE
    )
    trained = retraining.train(doors, TRAINED_UNTIL, settings=settings, clock=clock)
    assert trained.record["suppressed_left_out"] == 1
    assert trained.record["confirmed_left_out"] == 0


def published_account(doors: Doors) -> int:
    """An account of which enough has been seen."""
    champion = doors.registry().versions()[0]
    return int(doors.registry().load(champion).highest_[0])
