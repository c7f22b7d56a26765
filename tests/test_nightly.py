"""The batch: from new files to published flags."""

import datetime as dt
import shutil
from pathlib import Path

import polars as pl
import pytest
from nights import FIRST_NIGHT, log_of, run_night, take_in
from polars.testing import assert_frame_equal
from support import TRAINED_UNTIL, clock

from detector import casefiles, config, digesting, lookback, published, retraining
from detector.ingesting import ingest
from detector.runs import Doors, open_doors
from detector.verifying import verify


def _nights(last: dt.date) -> list[dt.date]:
    nights: list[dt.date] = pl.date_range(FIRST_NIGHT, last, eager=True).to_list()
    return nights


def _results(doors: Doors, day: dt.date) -> dict[str, pl.DataFrame]:
    run = published.run_of(doors, day)
    return {name: published.frame(doors, run, name) for name in ("scores", "flags", "features")}


def _same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> None:
    for name, frame in one.items():
        assert_frame_equal(frame, other[name], rel_tol=0, abs_tol=1e-9)


def test_a_night_publishes_scores_flags_and_features(home: Path, service: Path, settings: config.Settings) -> None:
    """One row per account seen, flags within capacity, and what is served matches its digests."""
    with open_doors(home, settings) as doors:
        take_in(doors, service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1), settings)
        done = run_night(doors, FIRST_NIGHT, settings)
        results = _results(doors, FIRST_NIGHT)
        scored = results["scores"].filter(pl.col("score").is_not_null())
        assert done.record["accounts"] == results["scores"].height == results["features"].height
        assert 0 < results["flags"].height <= max(1, round(0.01 * scored.height))
        assert results["scores"]["account"].is_sorted()
        assert verify(doors)[1] == []


def test_flags_say_why_and_show_it(home: Path, service: Path, settings: config.Settings) -> None:
    """Each flag has a reason in words, something that speaks against it, and playbacks of that very account."""
    with open_doors(home, settings) as doors:
        take_in(doors, service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1), settings)
        run_night(doors, FIRST_NIGHT, settings)
        flags = _results(doors, FIRST_NIGHT)["flags"]
        for flag in flags.iter_rows(named=True):
            assert flag["reasons"][0]["sentence"]
            assert flag["counter_evidence"]
            first = FIRST_NIGHT - dt.timedelta(days=27)
            own = lookback.playbacks_of(doors.home, [flag["account"]], first, FIRST_NIGHT, settings.playbacks)
            assert flag["evidence"]
            assert set(flag["evidence"]) <= set(own["playback"])


def test_the_same_night_again_is_nothing(home: Path, service: Path, settings: config.Settings) -> None:
    """With the same inputs, settings and model, the run that stands is served on."""
    with open_doors(home, settings) as doors:
        take_in(doors, service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1), settings)
        first = run_night(doors, FIRST_NIGHT, settings)
        second = run_night(doors, FIRST_NIGHT, settings)
        assert second.unchanged
        assert second.run_id == first.run_id
        assert len(doors.ledger.publications()) == 1


def test_other_settings_publish_anew(home: Path, service: Path, settings: config.Settings) -> None:
    """A night under another capacity, among other peers, or by another seed supersedes the one before."""
    others = settings.model_copy(update={"peers": settings.peers.model_copy(update={"traits": ["country"]})})
    wider = settings.model_copy(update={"decision": settings.decision.model_copy(update={"capacity_share": 0.05})})
    seeded = wider.model_copy(update={"model": settings.model.model_copy(update={"seed": 7})})
    with open_doors(home, settings) as doors:
        first = run_night(doors, TRAINED_UNTIL, settings)
        second = run_night(doors, TRAINED_UNTIL, wider)
        assert not second.unchanged
        assert published.run_of(doors, TRAINED_UNTIL).id == second.run_id
        superseded = doors.ledger.run(first.run_id)
        assert superseded is not None
        assert superseded.status == "superseded"
        assert not run_night(doors, TRAINED_UNTIL, seeded).unchanged
        assert not run_night(doors, TRAINED_UNTIL, others).unchanged


def test_one_night_at_a_time_equals_a_back_fill(
    trained_home: Path, tmp_path: Path, service: Path, settings: config.Settings
) -> None:
    """A week whose files come day by day gives what the same week gives when all files are there at once, twice."""
    last = FIRST_NIGHT + dt.timedelta(days=6)
    results = []
    for name, at_once in (("daily", False), ("back-fill", True), ("again", True)):
        shutil.copytree(trained_home, tmp_path / name)
        with open_doors(tmp_path / name, settings) as doors:
            if at_once:
                take_in(doors, service, FIRST_NIGHT, last + dt.timedelta(days=1), settings)
            for day in _nights(last):
                if not at_once:
                    take_in(doors, service, day, day + dt.timedelta(days=1), settings)
                run_night(doors, day, settings)
            results.append([_results(doors, day) for day in _nights(last)])
    for daily, back_fill, again in zip(*results, strict=True):
        _same(daily, back_fill)
        _same(back_fill, again)


def test_order_and_size_of_files_change_nothing(
    trained_home: Path, tmp_path: Path, service: Path, settings: config.Settings
) -> None:
    """The same rows in one file, shuffled, give the same night."""
    last = FIRST_NIGHT + dt.timedelta(days=1)
    rows = pl.concat([pl.read_parquet(file) for file in log_of(service, FIRST_NIGHT, last)])
    rows.sample(fraction=1, shuffle=True, seed=5).write_csv(tmp_path / "shuffled.csv")
    results = []
    for name, files in (("as-is", log_of(service, FIRST_NIGHT, last)), ("shuffled", [str(tmp_path / "shuffled.csv")])):
        shutil.copytree(trained_home, tmp_path / name)
        with open_doors(tmp_path / name, settings) as doors:
            list(ingest(files, into=doors.home, keys=doors.keys, settings=settings, now=clock()))
            run_night(doors, FIRST_NIGHT, settings)
            results.append(_results(doors, FIRST_NIGHT))
    _same(*results)


def test_the_number_of_buckets_changes_nothing(trained_home: Path, settings: config.Settings) -> None:
    """Windows worked on in one bucket of accounts or in many give the same features."""
    from detector.features import build_features
    from detector.store import Store

    built = []
    for bucket_rows in (10**9, 700, 97):
        met = lookback.meet(Store(trained_home), TRAINED_UNTIL, settings.window)
        windows = lookback.windows(
            Store(trained_home), TRAINED_UNTIL, settings.window, met=met, bucket_rows=bucket_rows
        )
        built.append(pl.concat([build_features(window) for window in windows]))
    assert built[0].equals(built[1])
    assert built[0].equals(built[2])


def test_taking_a_file_in_again_changes_nothing(home: Path, service: Path, settings: config.Settings) -> None:
    """A file is known by its content, whatever its name."""
    with open_doors(home, settings) as doors:
        before = {day: doors.home.parts("playbacks", day) for day in doors.home.partitions("playbacks")}
        copy = home / "another-name.parquet"
        shutil.copy(log_of(service, TRAINED_UNTIL, TRAINED_UNTIL)[0], copy)
        [again] = ingest([str(copy)], into=doors.home, keys=doors.keys, settings=settings, now=clock())
        assert again.known
        assert {day: doors.home.parts("playbacks", day) for day in doors.home.partitions("playbacks")} == before


def test_the_same_rows_in_another_file_count_once(home: Path, service: Path, settings: config.Settings) -> None:
    """An exact replay in a file of its own changes no score."""
    with open_doors(home, settings) as doors:
        run_night(doors, TRAINED_UNTIL, settings)
        before = _results(doors, TRAINED_UNTIL)
        replay = home / "replay.csv"
        pl.read_parquet(log_of(service, TRAINED_UNTIL, TRAINED_UNTIL)[0]).write_csv(replay)
        list(ingest([str(replay)], into=doors.home, keys=doors.keys, settings=settings, now=clock()))
        done = run_night(doors, TRAINED_UNTIL, settings)
        assert done.unchanged or done.record["replays"] > 0
        _same(before, _results(doors, TRAINED_UNTIL))


def _extra(account: str, day: dt.date, path: Path) -> str:
    """A file with one more playback of an account, on a local day of its UTC clock."""
    started = dt.datetime.combine(day, dt.time(12), dt.UTC)
    row = {
        "account_id": account,
        "title_id": "late title",
        "device_id": "late device",
        "started_at": started,
        "ended_at": started + dt.timedelta(hours=1),
        "timezone": "UTC",
    }
    pl.DataFrame([row]).write_parquet(path)
    return str(path)


def _nights_and_a_late_row(doors: Doors, service: Path, days: list[dt.date], settings: config.Settings) -> None:
    """Published nights, and then one more playback of the first of them."""
    take_in(doors, service, days[0], days[-1] + dt.timedelta(days=1), settings)
    for day in days:
        run_night(doors, day, settings)
    account = pl.read_parquet(log_of(service, days[0], days[0])[0])["account_id"][0]
    late = _extra(account, days[0], doors.home.home / "late.parquet")
    list(ingest([late], into=doors.home, keys=doors.keys, settings=settings, now=clock()))


def test_late_rows_within_the_look_back_are_used(home: Path, service: Path, settings: config.Settings) -> None:
    """A row that comes three days late makes its day, and those after it that depend on it, anew."""
    with open_doors(home, settings) as doors:
        days = _nights(FIRST_NIGHT + dt.timedelta(days=3))
        _nights_and_a_late_row(doors, service, days, settings)
        before = _results(doors, days[-1])["features"]
        done = run_night(doors, days[-1], settings)
        after = _results(doors, days[-1])["features"]
        assert done.record["held_days"] == []
        assert done.record["digested_days"] >= 1
        assert after["devices"].sum() == before["devices"].sum() + 1


def test_later_rows_are_held_and_reported(home: Path, service: Path, settings: config.Settings) -> None:
    """A row that comes after the look-back changes nothing that was published, until a back-fill asks for it."""
    narrow = settings.model_copy(update={"days": settings.days.model_copy(update={"look_back_days": 2})})
    with open_doors(home, narrow) as doors:
        days = _nights(FIRST_NIGHT + dt.timedelta(days=4))
        _nights_and_a_late_row(doors, service, days, narrow)
        before = _results(doors, days[-1])
        held = run_night(doors, days[-1], narrow)
        assert held.unchanged
        assert held.record["held_days"][0] == days[0].isoformat()
        _same(before, _results(doors, days[-1]))
        run_night(doors, days[-1], narrow, rebuild_since=days[0])
        after = _results(doors, days[-1])["features"]
        assert after["devices"].sum() == before["features"]["devices"].sum() + 1


def test_late_rows_are_held_whoever_digests(home: Path, service: Path, settings: config.Settings) -> None:
    """Neither training nor an earlier night merges them silently: what is too late for the latest night is too late."""
    narrow = settings.model_copy(update={"days": settings.days.model_copy(update={"look_back_days": 2})})
    with open_doors(home, narrow) as doors:
        days = _nights(FIRST_NIGHT + dt.timedelta(days=3))
        _nights_and_a_late_row(doors, service, days, narrow)
        before = doors.home.parts(digesting.DAYS, days[0])
        assert run_night(doors, days[1], narrow).record["held_days"] == [days[0].isoformat()]
        assert retraining.train(doors, days[-1], settings=narrow, clock=clock).record["held_days"] == [str(days[0])]
        assert doors.home.parts(digesting.DAYS, days[0]) == before


def test_what_follows_a_publication_is_made_up_for(
    home: Path, settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was cut off right after it had published is served; the same night again files its cases."""

    def cut_off(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    with open_doors(home, settings) as doors:
        with monkeypatch.context() as patch:
            patch.setattr(casefiles, "keep", cut_off)
            with pytest.raises(KeyboardInterrupt):
                run_night(doors, TRAINED_UNTIL, settings)
        assert doors.ledger.published(TRAINED_UNTIL) is not None
        assert doors.home.partitions(casefiles.TABLE) == []
        again = run_night(doors, TRAINED_UNTIL, settings)
        assert again.unchanged
        assert again.record["case_files"] == len(doors.ledger.cases.queue()) > 0
        assert doors.home.partitions(casefiles.TABLE) == [TRAINED_UNTIL]
        assert verify(doors)[1] == []


def test_names_leave_with_the_window(home: Path, settings: config.Settings) -> None:
    """After a night the sealed table holds nothing older than its window."""
    with open_doors(home, settings) as doors:
        assert doors.home.partitions("sealed")[0] < TRAINED_UNTIL - dt.timedelta(days=28)
        run_night(doors, TRAINED_UNTIL, settings)
        assert doors.home.partitions("sealed")[0] >= TRAINED_UNTIL - dt.timedelta(days=28)


def test_no_clear_id_or_title_is_left_anywhere(home: Path, service: Path, settings: config.Settings) -> None:
    """No account, profile, device or title id, no title name and no IP stands in any file of the home."""
    with open_doors(home, settings) as doors:
        run_night(doors, TRAINED_UNTIL, settings)
    rows = pl.read_parquet(log_of(service, TRAINED_UNTIL, TRAINED_UNTIL)[0]).head(20)
    wanted = {
        str(value).encode()
        for column in ("account_id", "device_id", "title_id", "title_name", "ip")
        for value in rows[column].drop_nulls()
    }
    for path in home.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content = pl.read_parquet(path).write_json().encode()
        assert not [clear for clear in wanted if clear in content], f"clear text in {path.name}"


def test_a_night_whose_files_were_damaged_is_published_anew(
    home: Path, service: Path, settings: config.Settings
) -> None:
    """The same night again is nothing only where what it published is there, as it was written."""
    with open_doors(home, settings) as doors:
        take_in(doors, service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1), settings)
        first = run_night(doors, FIRST_NIGHT, settings)
        before = _results(doors, FIRST_NIGHT)
        (scores,) = home.glob("runs/*/*/scores.parquet")
        scores.unlink()
        again = run_night(doors, FIRST_NIGHT, settings)
        assert not again.unchanged
        assert again.run_id != first.run_id
        _same(before, _results(doors, FIRST_NIGHT))
        assert verify(doors)[1] == []
