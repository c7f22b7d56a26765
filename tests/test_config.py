"""Typed settings, and where each value came from."""

import tomllib
from pathlib import Path
from typing import Any

import pydantic
import pytest

from detector import config
from detector.errors import DetectorError, InputError, SettingsError


def _file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _dotted(table: dict[str, Any], prefix: str = "") -> set[str]:
    """The keys of a table of tables, as `section.key`; tables that are settings themselves are keys too."""
    found: set[str] = set()
    for key, value in table.items():
        found.add(f"{prefix}{key}")
        if isinstance(value, dict):
            found |= _dotted(value, f"{prefix}{key}.")
    return found


def _fields(model: type[pydantic.BaseModel], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(f"{prefix}{name}")
        if isinstance(field.annotation, type) and issubclass(field.annotation, pydantic.BaseModel):
            found |= _fields(field.annotation, f"{prefix}{name}.")
    return found


def _refusal(**layers: Any) -> DetectorError:
    with pytest.raises(DetectorError) as refused:
        config.load(**layers)
    return refused.value


def test_the_default_file_documents_every_setting_and_nothing_else() -> None:
    """Who reads configs/default.toml has seen all there is to set."""
    written = tomllib.loads(config.packaged("configs/default.toml").read_text(encoding="utf-8"))
    assert _dotted(written) == _fields(config.Settings)


def test_defaults_come_from_the_default_file() -> None:
    """Without any other layer, every value is the packaged one and says so."""
    loaded = config.load()
    assert set(loaded.origin.values()) == {"default"}
    assert loaded.settings.window.days == 28
    assert loaded.settings.decision.capacity_share == 0.01


def test_the_example_for_production_loads() -> None:
    """It changes what it says, adds to the tables it names, and leaves the rest."""
    path = config.packaged("configs/production.toml")
    loaded = config.load(file=path)
    assert loaded.settings.decision.capacity_share == 0.0005
    assert loaded.settings.source.columns["account_id"] == "subscriber_id"
    assert loaded.settings.days.zone_by_country == {"BR": "America/Sao_Paulo", "MX": "America/Mexico_City"}
    assert loaded.settings.window == config.load().settings.window
    assert loaded.origin["decision.capacity_share"] == str(path)
    assert loaded.origin["window.days"] == "default"


def test_later_layers_win_and_each_value_says_where_it_came_from(tmp_path: Path) -> None:
    """Default, then the home's file, then the file given, then the environment."""
    own = _file(tmp_path / "config.toml", "[model]\ntrees = 1\nsamples = 1\nseed = 1\n")
    given = _file(tmp_path / "given.toml", "[model]\ntrees = 2\nsamples = 2\n")
    loaded = config.load(home=tmp_path, file=given, environ={"DETECTOR_MODEL__TREES": "3"})
    model = loaded.settings.model
    assert (model.trees, model.samples, model.seed, model.training_accounts) == (3, 2, 1, 100_000)
    origins = [loaded.origin[f"model.{key}"] for key in ("trees", "samples", "seed", "training_accounts")]
    assert origins == ["environment", str(given), str(own), "default"]


def test_tables_are_merged_key_by_key(tmp_path: Path) -> None:
    """One more country in a later layer does not forget the earlier ones; lists are replaced whole."""
    _file(
        tmp_path / "config.toml", '[days.zone_by_country]\nBR = "America/Sao_Paulo"\nFR = "UTC"\n[source]\npaths=["a"]'
    )
    given = _file(tmp_path / "given.toml", '[days.zone_by_country]\nFR = "Europe/Paris"\n[source]\npaths=["b", "c"]')
    settings = config.load(home=tmp_path, file=given).settings
    assert settings.days.zone_by_country == {"BR": "America/Sao_Paulo", "FR": "Europe/Paris"}
    assert settings.source.paths == ("b", "c")


def test_a_home_without_a_file_is_no_trouble(tmp_path: Path) -> None:
    """The home's file is optional, and an empty one changes nothing."""
    assert config.load(home=tmp_path) == config.load()
    _file(tmp_path / "config.toml", "# nothing yet\n")
    assert config.load(home=tmp_path) == config.load()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("DETECTOR_MODEL__TREES", "7", ("model", "trees", 7)),
        ("DETECTOR_DECISION__CAPACITY_SHARE", "0.5", ("decision", "capacity_share", 0.5)),
        ("DETECTOR_SOURCE__PATHS", '["a.csv", "b"]', ("source", "paths", ("a.csv", "b"))),
        ("DETECTOR_SOURCE__ACCOUNT", "123", ("source", "account", "123")),
        ("DETECTOR_SOURCE__COLUMNS", '{"account_id": "user"}', ("source", "columns", {"account_id": "user"})),
        ("DETECTOR_SOURCE__COLUMNS__ACCOUNT_ID", "user", ("source", "columns", {"account_id": "user"})),
        ("DETECTOR_DAYS__ZONE_BY_COUNTRY", '{"BR": "UTC"}', ("days", "zone_by_country", {"BR": "UTC"})),
        ("DETECTOR_DAYS__ZONE_BY_COUNTRY__BR", "UTC", ("days", "zone_by_country", {"BR": "UTC"})),
        ("DETECTOR_STATE__DATABASE_URL", "postgresql://u:p@h/d?x=1&y=__z", ("state", "database_url", "postgresql://u:p@h/d?x=1&y=__z")),
    ],
)  # fmt: skip
def test_any_setting_can_come_from_the_environment(name: str, text: str, expected: tuple[str, str, object]) -> None:
    """Numbers and text as they are, lists and tables as JSON or key by key."""
    section, key, value = expected
    assert getattr(getattr(config.load(environ={name: text}).settings, section), key) == value


def test_only_the_environment_that_is_handed_over_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing slips in from the process or from a .env file that lies about."""
    monkeypatch.setenv("DETECTOR_MODEL__TREES", "7")
    monkeypatch.setenv("MODEL__TREES", "7")
    monkeypatch.setenv("MODEL", '{"trees": 7}')
    _file(tmp_path / ".env", "DETECTOR_MODEL__TREES=7\n")
    monkeypatch.chdir(tmp_path)
    assert config.load() == config.load(environ={"HOME": "/", "DETECTOR_HOME": "x", "PATH": "", "OTHER__THING": "1"})
    assert config.load().settings.model.trees == 100


def test_settings_can_not_be_changed_afterwards() -> None:
    """What was loaded is what every step of a run sees."""
    settings = config.load().settings
    with pytest.raises(pydantic.ValidationError):
        settings.model.trees = 1  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError):
        settings.model = settings.model  # type: ignore[misc]


WRONG = [
    ("[model]\ntrees = 0", "model.trees"),
    ('[model]\ntrees = "many"', "model.trees"),
    ("[model]\ntrees = 2.5", "model.trees"),
    ("[model]\ntrees = [300]", "model.trees"),
    ("[model]\ntrees = {now = 300}", "model.trees"),
    ("[model]\ntrees = 2025-01-01", "model.trees"),
    ("[model]\nseed = -1", "model.seed"),
    ("[model]\nseed = 4294967296", "model.seed"),
    ("[days]\nclosing_h = 169", "days.closing_h"),
    ("model = 3", "model"),
    ("[model]\ntree = 300", "model.tree"),
    ("[model]\ntrees_ = 300", "model.trees_"),
    ("[model]\ntrees_per_forest = 300", "model.trees_per_forest"),
    ("[models]\ntrees = 300", "models"),
    ("[modle]", "modle"),
    ("trees = 300", "trees"),
    ("[window]\ndays = 6", "window.days"),
    ("[window]\ndays = 65", "window.days"),
    ("[window]\nyear_days = 27", "window.year_days"),
    ("[decision]\ncapacity_share = 1.01", "decision.capacity_share"),
    ("[decision]\ncapacity_share = -0.01", "decision.capacity_share"),
    ("[decision]\ncapacity_share = nan", "decision.capacity_share"),
    ("[gate]\nvolume_high_ratio = 0.9", "gate.volume_high_ratio"),
    ("[identity]\nipv4_network_bits = 33", "identity.ipv4_network_bits"),
    ("[identity]\nipv6_address_bits = 0", "identity.ipv6_address_bits"),
    ("[identity]\nipv6_address_bits = 129", "identity.ipv6_address_bits"),
    ("[playbacks]\nearliest = 'yesterday'", "playbacks.earliest"),
    ("[days]\ndefault_zone = 'Mars/Phobos'", "days.default_zone"),
    ("[days]\ndefault_zone = ''", "days.default_zone"),
    ("[days]\ndefault_zone = 'Europe'", "days.default_zone"),
    ("[days]\ndefault_zone = '../../../etc/passwd'", "days.default_zone"),
    ("[days]\ndefault_zone = '+02:00'", "days.default_zone"),
    ('[days]\ndefault_zone = "a\\u0000b"', "days.default_zone"),
    ("[days.zone_by_country]\nBRA = 'UTC'", "days.zone_by_country.BRA"),
    ("[days.zone_by_country]\nBR = 'Brasilia'", "days.zone_by_country.BR"),
    ("[source]\npaths = 'a.parquet'", "source.paths"),
    ("[source]\npaths = [1]", "source.paths"),
    ("[source]\ntimezone = 'Paris'", "source.timezone"),
    ("[source.columns]\naccount_id = 3", "source.columns.account_id"),
]


@pytest.mark.parametrize(("text", "key"), WRONG, ids=[text for text, _ in WRONG])
@pytest.mark.parametrize("layer", ["home", "file"])
def test_a_wrong_setting_is_refused_with_its_key_and_its_file(tmp_path: Path, layer: str, text: str, key: str) -> None:
    """Unknown, of the wrong type, out of range or no such zone: exit code 2, and one knows what to mend where."""
    path = _file(tmp_path / "config.toml", text)
    error = _refusal(**({"home": tmp_path} if layer == "home" else {"file": path}))
    assert isinstance(error, SettingsError)
    assert f"'{key}' in {path}" in str(error)
    assert str(error).count("found ") == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DETECTOR_MODEL__TREES", "many"), ("DETECTOR_MODEL__TREES", ""), ("DETECTOR_MODEL__TREES", "0"),
        ("DETECTOR_MODEL__TREE", "3"), ("DETECTOR_MODEL__TREES_", "3"), ("DETECTOR_MODEL__TREES__NOW", "3"),
        ("DETECTOR_DAYS__DEFAULT_ZONE", "Mars/Phobos"), ("DETECTOR_DECISION__CAPACITY_SHARE", "inf"),
        ("DETECTOR_MODEL__TREES", "3 trees"), ("DETECTOR_PLAYBACKS__EARLIEST", "2023-02-29"),
    ],
)  # fmt: skip
def test_a_wrong_setting_of_the_environment_is_refused_as_such(name: str, text: str) -> None:
    """The key reads as in the files, and the environment is named, also where a file has a key that begins alike."""
    error = _refusal(environ={name: text})
    assert isinstance(error, SettingsError)
    key = name.removeprefix("DETECTOR_").lower().replace("__now", "").replace("__", ".")
    assert f"'{key}' in environment" in str(error)


@pytest.mark.parametrize(
    ("name", "text"),
    [("DETECTOR_MODLE__TREES", "3"), ("DETECTOR___TREES", "3"), ("DETECTOR_SOURCE__PATHS", "a.parquet"),
     ("DETECTOR_SOURCE__COLUMNS", "{account_id: user}")],
)  # fmt: skip
def test_a_variable_that_can_not_be_understood_is_named(name: str, text: str) -> None:
    """An unknown section, and what should have been JSON: exit code 2."""
    error = _refusal(environ={name: text, "DETECTOR_MODEL__TREES": "3"})
    assert isinstance(error, SettingsError)
    assert name in str(error)


def test_the_layer_that_is_to_blame_is_the_last_that_set_the_value(tmp_path: Path) -> None:
    """A right value in the home does not excuse a wrong one in the file given, nor the other way round."""
    _file(tmp_path / "config.toml", "[model]\ntrees = 5")
    given = _file(tmp_path / "given.toml", "[model]\ntrees = -5")
    assert f"'model.trees' in {given}" in str(_refusal(home=tmp_path, file=given))
    assert config.load(home=tmp_path, file=given, environ={"DETECTOR_MODEL__TREES": "5"}).settings.model.trees == 5


def test_several_wrong_settings_are_named(tmp_path: Path) -> None:
    """The first is told in full, of the others the keys."""
    path = _file(tmp_path / "many.toml", "[model]\ntrees = 0\nsamples = 0\nwood = 3")
    assert "(and 'model.samples', 'model.wood')" in str(_refusal(file=path))


def test_what_is_no_configuration_file_is_unreadable_input(tmp_path: Path) -> None:
    """Missing, a folder, below a file, a name that is too long, torn or binary: exit code 4, and the path is named."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    torn = _file(tmp_path / "torn", "[model]\ntrees = ")
    for path in ("missing", "folder", "torn/below", "x" * 300, "loop", "binary", torn):
        error = _refusal(file=tmp_path / path)
        assert isinstance(error, InputError)
        assert str(tmp_path / path) in str(error)


def test_a_twice_written_key_is_refused(tmp_path: Path) -> None:
    """Two lines for one setting: nobody can tell which was meant."""
    path = _file(tmp_path / "twice.toml", "[model]\ntrees = 1\ntrees = 2\n")
    assert isinstance(_refusal(file=path), InputError)


def test_a_home_whose_configuration_is_a_folder_says_so(tmp_path: Path) -> None:
    """It is not passed over."""
    (tmp_path / "config.toml").mkdir()
    assert isinstance(_refusal(home=tmp_path), InputError)


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati", "Asia/Kathmandu", "America/St_Johns", "UTC"])
def test_zones_from_the_westernmost_to_the_easternmost_are_known(zone: str) -> None:
    """-12 to +14, and those that are off by a part of an hour."""
    assert config.load(environ={"DETECTOR_DAYS__DEFAULT_ZONE": zone}).settings.days.default_zone == zone


def test_a_country_may_be_written_small() -> None:
    """The environment does not tell br from BR; rows say BR."""
    environ = {"DETECTOR_DAYS__ZONE_BY_COUNTRY": '{"mx": "UTC"}'}
    assert config.load(environ=environ).settings.days.zone_by_country == {"MX": "UTC"}
