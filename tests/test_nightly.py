"""The batch: from new files to published flags, and what it refuses."""

import datetime as dt
import shutil
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from support import TRAINED_UNTIL, clock

from detector import casefiles, config, digesting, lookback, published, retraining
from detector.errors import GateError, InputError, IntegrityError, NoChampionError
from detector.ingesting import ingest
from detector.nightly import Night, night
from detector.runs import Doors, open_doors
from detector.verifying import verify

FIRST_NIGHT = TRAINED_UNTIL + dt.timedelta(days=1)


def _log(service: Path, first: dt.date, last: dt.date) -> list[str]:
    files = sorted((service / "playbacks").iterdir())
    return [str(file) for file in files if str(first) <= file.stem <= str(last)]


def _take_in(doors: Doors, service: Path, first: dt.date, last: dt.date, settings: config.Settings) -> None:
    list(ingest(_log(service, first, last), into=doors.home, keys=doors.keys, settings=settings, now=clock()))


def _night(doors: Doors, day: dt.date, settings: config.Settings, rebuild_since: dt.date | None = None) -> Night:
    return night(doors, day, settings=settings, clock=clock, rebuild_since=rebuild_since)


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
        _take_in(doors, service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1), settings)
        done = _night(doors, FIRST_NIGHT, settings)
        results = _results(doors, FIRST_NIGHT)
        scored = results["scores"].filter(pl.col("score").is_not_null())
        assert done.record["accounts"] == results["scores"].height == results["features"].height
        assert 0 < results["flags"].height <= max(1, round(0.01 * scored.height))
        assert results["scores"]["account"].is_sorted()
        assert verify(doors)[1] == []


def test_flags_say_why_and_show_it(home: Path, service: Path, settings: config.Settings) -> None:
    """Each flag has a reason in words, something that speaks against it, and playbacks of that very account."""
    with open_doors(home, settings) as doors:
        _take_in(doors, service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1), settings)
        _night(doors, FIRST_NIGHT, settings)
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
        _take_in(doors, service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1), settings)
        first = _night(doors, FIRST_NIGHT, settings)
        second = _night(doors, FIRST_NIGHT, settings)
        assert second.unchanged
        assert second.run_id == first.run_id
        assert len(doors.ledger.publications()) == 1


def test_other_settings_publish_anew(home: Path, service: Path, settings: config.Settings) -> None:
    """A night under another capacity, among other peers, or by another seed supersedes the one before."""
    others = settings.model_copy(update={"peers": settings.peers.model_copy(update={"traits": ["country"]})})
    wider = settings.model_copy(update={"decision": settings.decision.model_copy(update={"capacity_share": 0.05})})
    seeded = wider.model_copy(update={"model": settings.model.model_copy(update={"seed": 7})})
    with open_doors(home, settings) as doors:
        first = _night(doors, TRAINED_UNTIL, settings)
        second = _night(doors, TRAINED_UNTIL, wider)
        assert not second.unchanged
        assert published.run_of(doors, TRAINED_UNTIL).id == second.run_id
        superseded = doors.ledger.run(first.run_id)
        assert superseded is not None
        assert superseded.status == "superseded"
        assert not _night(doors, TRAINED_UNTIL, seeded).unchanged
        assert not _night(doors, TRAINED_UNTIL, others).unchanged


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
                _take_in(doors, service, FIRST_NIGHT, last + dt.timedelta(days=1), settings)
            for day in _nights(last):
                if not at_once:
                    _take_in(doors, service, day, day + dt.timedelta(days=1), settings)
                _night(doors, day, settings)
            results.append([_results(doors, day) for day in _nights(last)])
    for daily, back_fill, again in zip(*results, strict=True):
        _same(daily, back_fill)
        _same(back_fill, again)


def test_order_and_size_of_files_change_nothing(
    trained_home: Path, tmp_path: Path, service: Path, settings: config.Settings
) -> None:
    """The same rows in one file, shuffled, give the same night."""
    last = FIRST_NIGHT + dt.timedelta(days=1)
    rows = pl.concat([pl.read_parquet(file) for file in _log(service, FIRST_NIGHT, last)])
    rows.sample(fraction=1, shuffle=True, seed=5).write_csv(tmp_path / "shuffled.csv")
    results = []
    for name, files in (("as-is", _log(service, FIRST_NIGHT, last)), ("shuffled", [str(tmp_path / "shuffled.csv")])):
        shutil.copytree(trained_home, tmp_path / name)
        with open_doors(tmp_path / name, settings) as doors:
            list(ingest(files, into=doors.home, keys=doors.keys, settings=settings, now=clock()))
            _night(doors, FIRST_NIGHT, settings)
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
        shutil.copy(_log(service, TRAINED_UNTIL, TRAINED_UNTIL)[0], copy)
        [again] = ingest([str(copy)], into=doors.home, keys=doors.keys, settings=settings, now=clock())
        assert again.known
        assert {day: doors.home.parts("playbacks", day) for day in doors.home.partitions("playbacks")} == before


def test_the_same_rows_in_another_file_count_once(home: Path, service: Path, settings: config.Settings) -> None:
    """An exact replay in a file of its own changes no score."""
    with open_doors(home, settings) as doors:
        _night(doors, TRAINED_UNTIL, settings)
        before = _results(doors, TRAINED_UNTIL)
        replay = home / "replay.csv"
        pl.read_parquet(_log(service, TRAINED_UNTIL, TRAINED_UNTIL)[0]).write_csv(replay)
        list(ingest([str(replay)], into=doors.home, keys=doors.keys, settings=settings, now=clock()))
        done = _night(doors, TRAINED_UNTIL, settings)
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
    _take_in(doors, service, days[0], days[-1] + dt.timedelta(days=1), settings)
    for day in days:
        _night(doors, day, settings)
    account = pl.read_parquet(_log(service, days[0], days[0])[0])["account_id"][0]
    late = _extra(account, days[0], doors.home.home / "late.parquet")
    list(ingest([late], into=doors.home, keys=doors.keys, settings=settings, now=clock()))


def test_late_rows_within_the_look_back_are_used(home: Path, service: Path, settings: config.Settings) -> None:
    """A row that comes three days late makes its day, and those after it that depend on it, anew."""
    with open_doors(home, settings) as doors:
        days = _nights(FIRST_NIGHT + dt.timedelta(days=3))
        _nights_and_a_late_row(doors, service, days, settings)
        before = _results(doors, days[-1])["features"]
        done = _night(doors, days[-1], settings)
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
        held = _night(doors, days[-1], narrow)
        assert held.unchanged
        assert held.record["held_days"][0] == days[0].isoformat()
        _same(before, _results(doors, days[-1]))
        _night(doors, days[-1], narrow, rebuild_since=days[0])
        after = _results(doors, days[-1])["features"]
        assert after["devices"].sum() == before["features"]["devices"].sum() + 1


def test_late_rows_are_held_whoever_digests(home: Path, service: Path, settings: config.Settings) -> None:
    """Neither training nor an earlier night merges them silently: what is too late for the latest night is too late."""
    narrow = settings.model_copy(update={"days": settings.days.model_copy(update={"look_back_days": 2})})
    with open_doors(home, narrow) as doors:
        days = _nights(FIRST_NIGHT + dt.timedelta(days=3))
        _nights_and_a_late_row(doors, service, days, narrow)
        before = doors.home.parts(digesting.DAYS, days[0])
        assert _night(doors, days[1], narrow).record["held_days"] == [days[0].isoformat()]
        assert retraining.train(doors, days[-1], settings=narrow, clock=clock).record["held_days"] == [str(days[0])]
        assert doors.home.parts(digesting.DAYS, days[0]) == before


def test_a_file_that_can_not_be_read_is_left_out_of_the_night(
    home: Path, service: Path, settings: config.Settings, tmp_path: Path
) -> None:
    """The rest is scored, and the night says what is missing; where no file can be read, there is no night."""
    log = tmp_path / "log"
    log.mkdir()
    (log / "torn.parquet").write_bytes(b"PAR1")
    source = settings.source.model_copy(update={"paths": [str(log)]})
    reading = settings.model_copy(update={"source": source})
    with open_doors(home, reading) as doors:
        with pytest.raises(InputError, match=r"torn\.parquet"):
            _night(doors, FIRST_NIGHT, reading)
        for file in _log(service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1)):
            shutil.copy(file, log)
        done = _night(doors, FIRST_NIGHT, reading)
        assert done.record["ingested"]["unread"] == 1
        assert any("left out: " in warning and "torn.parquet" in warning for warning in done.record["warnings"])
        assert doors.ledger.published(FIRST_NIGHT) is not None


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
                _night(doors, TRAINED_UNTIL, settings)
        assert doors.ledger.published(TRAINED_UNTIL) is not None
        assert doors.home.partitions(casefiles.TABLE) == []
        again = _night(doors, TRAINED_UNTIL, settings)
        assert again.unchanged
        assert again.record["case_files"] == len(doors.ledger.cases.queue()) > 0
        assert doors.home.partitions(casefiles.TABLE) == [TRAINED_UNTIL]
        assert verify(doors)[1] == []


def test_without_a_champion_nothing_is_published(
    tmp_path: Path, service: Path, key_file: Path, settings: config.Settings
) -> None:
    """The days are digested all the same, and the refusal says what to do."""
    with open_doors(tmp_path / "home", settings, key_file) as doors:
        _take_in(doors, service, dt.date(2025, 5, 1), dt.date(2025, 5, 20), settings)
        with pytest.raises(NoChampionError, match="detector train --day 2025-05-19"):
            _night(doors, dt.date(2025, 5, 19), settings)
        assert doors.home.partitions(digesting.DAYS)[-1] == dt.date(2025, 5, 19)
        assert doors.ledger.publications() == []
        assert "refused" in {run.status for run in doors.ledger.runs(9)}


def test_a_night_without_playbacks_is_refused(home: Path, settings: config.Settings) -> None:
    """A day far from anything stored is no night."""
    with open_doors(home, settings) as doors, pytest.raises(InputError, match="found none"):
        _night(doors, dt.date(2024, 1, 1), settings)


@pytest.mark.parametrize("share", [0.1, 3])
def test_a_day_of_strange_volume_is_not_published(
    home: Path, service: Path, settings: config.Settings, tmp_path: Path, share: float
) -> None:
    """With a week of known days, a day of a tenth or thrice the usual volume stops the night."""
    strict = settings.model_copy(update={"gate": settings.gate.model_copy(update={"volume_playbacks": 50})})
    with open_doors(home, settings) as doors:
        day = pl.concat(
            pl.read_parquet(file) for file in _log(service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1))
        )
        copies = [
            day.with_columns(device_id=pl.col("device_id") + f"-{n}", profile_id=pl.lit(f"p{n}"))
            for n in range(max(1, int(share)))
        ]
        strange = pl.concat(copies).sample(fraction=min(1, share), seed=1)
        strange.write_parquet(tmp_path / "strange.parquet")
        list(
            ingest(
                [str(tmp_path / "strange.parquet")], into=doors.home, keys=doors.keys, settings=settings, now=clock()
            )
        )
        with pytest.raises(GateError, match="nothing was published"):
            _night(doors, FIRST_NIGHT, strict)
        assert doors.ledger.publications() == []
        moving = settings.model_copy(update={"gate": settings.gate.model_copy(update={"drift_features": 99})})
        assert _night(doors, FIRST_NIGHT, moving).record["warnings"], "below the least volume it warns"


def test_a_night_without_a_playback_is_not_published_where_there_are_always_some(
    home: Path, settings: config.Settings
) -> None:
    """Also where a service is too small for the gate on volume; and of days far off it is said which has some."""
    with open_doors(home, settings) as doors:
        following = TRAINED_UNTIL + dt.timedelta(days=2)
        with pytest.raises(GateError, match=f"on {following}, found 0; nothing was published"):
            _night(doors, following, settings)
        far = TRAINED_UNTIL + dt.timedelta(days=60)
        with pytest.raises(InputError, match=f"try --day {TRAINED_UNTIL}$"):
            _night(doors, far, settings)


def test_a_file_of_rejects_is_not_taken_in(tmp_path: Path, key_file: Path, settings: config.Settings) -> None:
    """Of a file with too many rejects only these are kept, each with its rule."""
    rows = pl.DataFrame(
        {
            "account_id": ["a"] * 4,
            "title_id": ["t"] * 4,
            "started_at": [f"2025-06-0{n}T10:00:00Z" for n in range(1, 4)] + ["1970-01-01T00:00:00Z"],
        }
    )
    rows.write_csv(tmp_path / "log.csv")
    with open_doors(tmp_path / "home", settings, key_file) as doors:
        with pytest.raises(GateError, match=r"found 25% \(mostly: started_before_earliest\)"):
            list(ingest([str(tmp_path / "log.csv")], into=doors.home, keys=doors.keys, settings=settings, now=clock()))
        assert doors.home.partitions("playbacks") == []
        [rejects] = doors.home.read("rejects", doors.home.partitions("rejects"))
        assert rejects["rule"].to_list() == ["started_before_earliest"]
        assert rejects["row"].to_list() == [4]


def test_names_leave_with_the_window(home: Path, settings: config.Settings) -> None:
    """After a night the sealed table holds nothing older than its window."""
    with open_doors(home, settings) as doors:
        assert doors.home.partitions("sealed")[0] < TRAINED_UNTIL - dt.timedelta(days=28)
        _night(doors, TRAINED_UNTIL, settings)
        assert doors.home.partitions("sealed")[0] >= TRAINED_UNTIL - dt.timedelta(days=28)


def test_no_clear_id_or_title_is_left_anywhere(home: Path, service: Path, settings: config.Settings) -> None:
    """No account, profile, device or title id, no title name and no IP stands in any file of the home."""
    with open_doors(home, settings) as doors:
        _night(doors, TRAINED_UNTIL, settings)
    rows = pl.read_parquet(_log(service, TRAINED_UNTIL, TRAINED_UNTIL)[0]).head(20)
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


def test_a_night_is_not_made_over_playbacks_that_are_gone(home: Path, settings: config.Settings) -> None:
    """A day whose rows were stored and are not there any more would be digested anew without them."""
    with open_doors(home, settings) as doors:
        shutil.move(home / "playbacks" / "2025-05-03", home / "elsewhere")
        with pytest.raises(IntegrityError, match="found none of 2025-05-03"):
            _night(doors, TRAINED_UNTIL, settings)
        assert doors.ledger.published(TRAINED_UNTIL) is None
        shutil.move(home / "elsewhere", home / "playbacks" / "2025-05-03")
        assert not _night(doors, TRAINED_UNTIL, settings).unchanged


def test_a_day_far_ahead_is_refused_before_it_is_digested(home: Path, settings: config.Settings) -> None:
    """A year that was mistyped leaves no empty days behind, and the refusal names the last day there is."""
    with open_doors(home, settings) as doors:
        before = doors.home.partitions("account_days")
        with pytest.raises(InputError, match="the last stored day is"):
            _night(doors, dt.date(2030, 1, 1), settings)
        assert doors.home.partitions("account_days") == before


def test_a_changed_model_scores_nothing(home: Path, settings: config.Settings) -> None:
    """A champion whose bytes are not those that were registered is refused before it is loaded."""
    from detector.errors import IntegrityError

    model = next(home.glob("mlflow/artifacts/**/model.skops"))
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with open_doors(home, settings) as doors:
        with pytest.raises(IntegrityError):
            _night(doors, TRAINED_UNTIL, settings)
        assert doors.ledger.publications() == []


def test_a_release_that_renews_device_ids_holds_the_night(
    trained_home: Path, tmp_path: Path, service: Path, settings: config.Settings
) -> None:
    """New device ids for everybody are no wave of takeovers: nothing is published, and the feature is named."""
    shutil.copytree(trained_home, tmp_path / "home")
    last = FIRST_NIGHT + dt.timedelta(days=6)
    with open_doors(tmp_path / "home", settings) as doors:
        for file in _log(service, FIRST_NIGHT, last):
            renewed = pl.read_parquet(file).with_columns(pl.col("device_id") + "-renewed")
            renewed.write_parquet(tmp_path / Path(file).name)
            one = [str(tmp_path / Path(file).name)]
            list(ingest(one, into=doors.home, keys=doors.keys, settings=settings, now=clock()))
        before = published_days(doors)
        with pytest.raises(GateError, match="new_devices_per_week"):
            _night(doors, last, settings)
        assert published_days(doors) == before
        assert "refused" in {run.status for run in doors.ledger.runs(9)}
        allowing = settings.model_copy(update={"gate": settings.gate.model_copy(update={"drift_features": 99})})
        assert _night(doors, last, allowing).record["moved_since_training"]


def published_days(doors: Doors) -> list[dt.date | None]:
    return [run.day for run in doors.ledger.publications()]
