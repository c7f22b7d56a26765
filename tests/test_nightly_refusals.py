"""What a night refuses, leaves out or holds: no model, gone or strange data, a changed model."""

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from nights import FIRST_NIGHT, log_of, published_days, run_night, take_in
from support import QUICK, TRAINED_UNTIL, clock
from typer.testing import CliRunner

from detector import config, digesting, registry, retraining
from detector.cli import app
from detector.errors import GateError, InputError, IntegrityError, NoChampionError
from detector.ingesting import ingest
from detector.runs import open_doors
from detector.verifying import verify


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
            run_night(doors, FIRST_NIGHT, reading)
        for file in log_of(service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1)):
            shutil.copy(file, log)
        done = run_night(doors, FIRST_NIGHT, reading)
        assert done.record["ingested"]["unread"] == 1
        assert any("left out: " in warning and "torn.parquet" in warning for warning in done.record["warnings"])
        assert doors.ledger.published(FIRST_NIGHT) is not None


def test_without_a_champion_nothing_is_published(
    tmp_path: Path, service: Path, key_file: Path, settings: config.Settings
) -> None:
    """The days are digested all the same, and the refusal says what to do."""
    with open_doors(tmp_path / "home", settings, key_file) as doors:
        take_in(doors, service, dt.date(2025, 5, 1), dt.date(2025, 5, 20), settings)
        with pytest.raises(NoChampionError, match="detector train --day 2025-05-19"):
            run_night(doors, dt.date(2025, 5, 19), settings)
        assert doors.home.partitions(digesting.DAYS)[-1] == dt.date(2025, 5, 19)
        assert doors.ledger.publications() == []
        assert "refused" in {run.status for run in doors.ledger.runs(9)}


def test_a_night_without_playbacks_is_refused(home: Path, settings: config.Settings) -> None:
    """A day far from anything stored is no night."""
    with open_doors(home, settings) as doors, pytest.raises(InputError, match="found none"):
        run_night(doors, dt.date(2024, 1, 1), settings)


@pytest.mark.parametrize("share", [0.1, 3])
def test_a_day_of_strange_volume_is_not_published(
    home: Path, service: Path, settings: config.Settings, tmp_path: Path, share: float
) -> None:
    """With a week of known days, a day of a tenth or thrice the usual volume stops the night."""
    strict = settings.model_copy(update={"gate": settings.gate.model_copy(update={"volume_playbacks": 50})})
    with open_doors(home, settings) as doors:
        day = pl.concat(
            pl.read_parquet(file) for file in log_of(service, FIRST_NIGHT, FIRST_NIGHT + dt.timedelta(days=1))
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
            run_night(doors, FIRST_NIGHT, strict)
        assert doors.ledger.publications() == []
        moving = settings.model_copy(update={"gate": settings.gate.model_copy(update={"drift_features": 99})})
        assert run_night(doors, FIRST_NIGHT, moving).record["warnings"], "below the least volume it warns"


def test_a_night_without_a_playback_is_not_published_where_there_are_always_some(
    home: Path, settings: config.Settings
) -> None:
    """Also where a service is too small for the gate on volume; and of days far off it is said which has some."""
    with open_doors(home, settings) as doors:
        following = TRAINED_UNTIL + dt.timedelta(days=2)
        with pytest.raises(GateError, match=f"on {following}, found 0; nothing was published"):
            run_night(doors, following, settings)
        far = TRAINED_UNTIL + dt.timedelta(days=60)
        with pytest.raises(InputError, match=f"try --day {TRAINED_UNTIL}$"):
            run_night(doors, far, settings)


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
        [file] = ingest([str(tmp_path / "log.csv")], into=doors.home, keys=doors.keys, settings=settings, now=clock())
        assert "found 25% (mostly: started_before_earliest)" in file.refused
        assert file.new_rows == 0
        assert doors.home.partitions("playbacks") == []
        [rejects] = doors.home.read("rejects", doors.home.partitions("rejects"))
        assert rejects["rule"].to_list() == ["started_before_earliest"]
        assert rejects["row"].to_list() == [4]


def test_a_night_is_not_made_over_playbacks_that_are_gone(home: Path, settings: config.Settings) -> None:
    """A day whose rows were stored and are not there any more would be digested anew without them."""
    with open_doors(home, settings) as doors:
        shutil.move(home / "playbacks" / "2025-05-03", home / "elsewhere")
        with pytest.raises(IntegrityError, match="found none of 2025-05-03"):
            run_night(doors, TRAINED_UNTIL, settings)
        assert doors.ledger.published(TRAINED_UNTIL) is None
        shutil.move(home / "elsewhere", home / "playbacks" / "2025-05-03")
        assert not run_night(doors, TRAINED_UNTIL, settings).unchanged


def test_a_day_far_ahead_is_refused_before_it_is_digested(home: Path, settings: config.Settings) -> None:
    """A year that was mistyped leaves no empty days behind, and the refusal names the last day there is."""
    with open_doors(home, settings) as doors:
        before = doors.home.partitions("account_days")
        with pytest.raises(InputError, match="the last stored day is"):
            run_night(doors, dt.date(2030, 1, 1), settings)
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
            run_night(doors, TRAINED_UNTIL, settings)
        assert doors.ledger.publications() == []


def test_a_model_that_is_gone_is_not_replaced_in_silence(home: Path, settings: config.Settings) -> None:
    """Where nights name a model and none is there, `mlflow` was lost. Where there is no backup one trains anew, and
    `verify` goes on telling that the model of these nights is gone."""
    with open_doors(home, settings) as doors:
        run_night(doors, TRAINED_UNTIL, settings)
        models = doors.registry()
        for model in models.versions():
            models._client.delete_model_version("accounts", model.version)
        with pytest.raises(IntegrityError, match="found none; bring `mlflow` back"):
            run_night(doors, TRAINED_UNTIL, settings)
        done = CliRunner().invoke(app, ["--home", str(home), "models"], env=QUICK)
        assert "found none; bring `mlflow` back" in str(done.exception)
        retraining.train(doors, TRAINED_UNTIL, settings=settings, clock=clock)
        assert any("expected model 1, which published nights name" in problem for problem in verify(doors)[1])


def test_another_model_of_the_same_number_is_told(
    home: Path, settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry that was begun anew counts from 1 again. Nights of an older program do not say which they had."""
    with open_doors(home, settings) as doors:
        run_night(doors, TRAINED_UNTIL, settings)
        assert verify(doors)[1] == []
        (model,) = doors.registry().versions()
        monkeypatch.setattr(registry.Registry, "versions", lambda _: [replace(model, sha256="0" * 64)])
        assert any("expected model 1, which published nights name, found another" in one for one in verify(doors)[1])
        # A night of an older version does not say which it was.
        for run in doors.ledger.publications():
            doors.ledger.add_to_record(run.id, {"model_sha256": None})
        assert not any("published nights name" in one for one in verify(doors)[1])


def test_a_release_that_renews_device_ids_holds_the_night(
    trained_home: Path, tmp_path: Path, service: Path, settings: config.Settings
) -> None:
    """New device ids for everybody are no wave of takeovers: nothing is published, and the feature is named."""
    shutil.copytree(trained_home, tmp_path / "home")
    last = FIRST_NIGHT + dt.timedelta(days=6)
    with open_doors(tmp_path / "home", settings) as doors:
        for file in log_of(service, FIRST_NIGHT, last):
            renewed = pl.read_parquet(file).with_columns(pl.col("device_id") + "-renewed")
            renewed.write_parquet(tmp_path / Path(file).name)
            one = [str(tmp_path / Path(file).name)]
            list(ingest(one, into=doors.home, keys=doors.keys, settings=settings, now=clock()))
        before = published_days(doors)
        with pytest.raises(GateError, match="new_devices_per_week"):
            run_night(doors, last, settings)
        assert published_days(doors) == before
        assert "refused" in {run.status for run in doors.ledger.runs(9)}
        allowing = settings.model_copy(update={"gate": settings.gate.model_copy(update={"drift_features": 99})})
        assert run_night(doors, last, allowing).record["moved_since_training"]
