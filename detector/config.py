"""Typed settings, and where each value came from.

Later layers win: the packaged default, `HOME/config.toml`, the file given with `--config`, the environment
(`DETECTOR_<SECTION>__<KEY>`). Nothing else in the package reads settings from anywhere. What each key means
stands beside it in `configs/default.toml`.
"""

import datetime as dt
import os
import tomllib
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import pydantic_settings
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from detector.cases import Kind
from detector.errors import InputError, SettingsError

_NO_CLOCKS = ("localtime", "Factory", "posixrules")  # the machine's own, and nobody's


def known_zone(name: str) -> str:
    """The name of a time zone, as it was given.

    Raises:
        ValueError: it is none.
    """
    try:
        zoneinfo.ZoneInfo(name)
        if name in _NO_CLOCKS or name.startswith(("posix/", "right/")):
            raise ValueError(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"expected an IANA time zone such as Europe/Paris, found {name!r}") from None
    return name


Zone = Annotated[str, pydantic.AfterValidator(known_zone)]
Country = Annotated[
    str, pydantic.StringConstraints(pattern="^[A-Za-z]{2}$", to_upper=True)
]  # the environment's is lower
Share = Annotated[float, pydantic.Field(ge=0, le=1)]
Positive = Annotated[int, pydantic.Field(gt=0)]
Natural = Annotated[int, pydantic.Field(ge=0)]


class Section(pydantic.BaseModel):
    """One table of the configuration; an unknown key is refused."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Source(Section):
    """What `nightly` ingests first, and how to read it."""

    paths: tuple[str, ...] = ()
    format: str
    account: str
    timezone: Zone | Annotated[str, pydantic.StringConstraints(pattern="^$")]
    columns: dict[str, str]


class Days(Section):
    """Which local day a playback belongs to, and when a day is over."""

    default_zone: Zone
    westernmost_zone: Zone
    closing_h: Annotated[int, pydantic.Field(ge=0, le=168)]
    look_back_days: Natural
    zone_by_country: dict[Country, Zone]


class Identity(Section):
    """How much of an IP makes an address, and the network around it."""

    ipv4_address_bits: Annotated[int, pydantic.Field(ge=1, le=32)]
    ipv4_network_bits: Annotated[int, pydantic.Field(ge=1, le=32)]
    ipv6_address_bits: Annotated[int, pydantic.Field(ge=1, le=128)]
    ipv6_network_bits: Annotated[int, pydantic.Field(ge=1, le=128)]


class Geo(Section):
    """Location databases (.mmdb); an empty path is none."""

    city: str
    asn: str


class Playbacks(Section):
    """What a believable row is, and when stretches are one playback and a playback is a view."""

    earliest: dt.date
    future_tolerance_s: Natural
    longest_s: Positive
    resume_gap_s: Natural
    resume_runtime_ratio: Annotated[float, pydantic.Field(ge=1)]
    view_runtime_share: Share
    view_movie_s: Positive
    view_episode_s: Positive
    view_track_s: Positive
    shortest_video_s: Natural


class Gate(Section):
    """When the data as a whole look too wrong to publish from."""

    reject_share: Share
    volume_low_ratio: Share
    volume_high_ratio: Annotated[float, pydantic.Field(ge=1)]
    volume_days: Positive
    volume_playbacks: Natural
    drift_features: Natural


class Window(Section):
    """How far a night looks back."""

    days: Annotated[int, pydantic.Field(ge=7, le=64)]  # the days of a title are bits of a number
    year_days: Annotated[int, pydantic.Field(ge=28)]
    history_days: Natural
    history_playbacks: Natural


class Model(Section):
    """Size of the forests and of what they learn from."""

    trees: Positive
    samples: Positive
    training_accounts: Positive
    small_home_accounts: Natural
    seed: Annotated[int, pydantic.Field(ge=0, lt=2**32)]


class Peers(Section):
    """Whom an account is compared with."""

    traits: tuple[Literal["plan_streams", "country", "device_type"], ...]
    least_accounts: Positive


class Decision(Section):
    """Which accounts are put before reviewers."""

    capacity_share: Share
    false_discovery_share: Annotated[float, pydantic.Field(gt=0, lt=1)]
    kinds_not_reviewed: tuple[Kind, ...]
    rest_days: Natural
    unexplained_share: Share


class Review(Section):
    """How the cases put before reviewers are kept."""

    keep_days: Natural


class Webhook(Section):
    """Who is told of a published night; an empty address is nobody."""

    url: Annotated[str, pydantic.StringConstraints(pattern=r"^(https?://\S+)?$")]
    timeout_s: Positive
    attempts: Positive


class Promotion(Section):
    """When a challenger may not come into use without a word."""

    nights: Positive
    verdict_loss: Share
    lost_share: Share


class State(Section):
    """Where the ledger of runs lives."""

    database_url: str
    lock_timeout_s: Natural


class Oidc(Section):
    """An identity provider that vouches for people; an empty issuer is none."""

    issuer: str
    client_id: str
    client_secret_file: str
    name_claim: str


class Console(Section):
    """The browser console: how long a session lasts, what failed sign-ins cost, and who else may vouch for people."""

    idle_s: Positive
    longest_s: Positive
    failures_window_s: Positive
    failures_per_name: Positive
    failures_per_address: Positive
    public_url: str
    proxy_header: str
    proxy_addresses: tuple[str, ...]
    oidc: Oidc


class Settings(BaseSettings):
    """All settings of one run; immutable."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="DETECTOR_", env_nested_delimiter="__")

    source: Source
    days: Days
    identity: Identity
    geo: Geo
    playbacks: Playbacks
    gate: Gate
    window: Window
    model: Model
    peers: Peers
    decision: Decision
    review: Review
    webhook: Webhook
    promotion: Promotion
    state: State
    console: Console

    def __init__(self, **values: Any) -> None:
        # The layers are merged in `load`; nothing may slip in from the process on the way.
        super().__init__(_env_prefix="DETECTOR_NOTHING_", **values)


@dataclass(frozen=True)
class Loaded:
    """Settings, and by dotted key the layer that set it: "default", a file's path, or "environment"."""

    settings: Settings
    origin: dict[str, str]


def packaged(name: str) -> Path:
    """A file that ships with the package, such as `configs/default.toml`; in a checkout it stands at the top level.

    >>> packaged("configs/default.toml").name
    'default.toml'
    """
    here = Path(__file__).parent
    shipped = here / "packaged" / name
    return shipped if shipped.exists() else here.parent / name


def load(*, home: Path | None = None, file: Path | None = None, environ: Mapping[str, str] | None = None) -> Loaded:
    """Read and check every layer.

    Raises:
        InputError: a configuration file is missing, can not be read or is not TOML.
        SettingsError: a key is unknown or a value is not what it should be.
    """
    layers: list[tuple[str, dict[str, Any]]] = [("default", _toml(packaged("configs/default.toml")))]
    if home is not None and os.path.exists(home / "config.toml"):  # False where a name is too long
        layers.append((str(home / "config.toml"), _toml(home / "config.toml")))
    if file is not None:
        layers.append((str(file), _toml(file)))
    layers.append(("environment", _environment(environ or {})))

    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name, layer in layers:
        _merge(merged, layer, name, origin, "")
    try:
        return Loaded(Settings(**merged), origin)
    except pydantic.ValidationError as error:
        raise SettingsError(_sentence(error, layers)) from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"expected a configuration file at {path}, found none; check the path") from None
    except OSError as error:
        raise InputError(f"expected a configuration file at {path}, found: {error.strerror}; check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"expected TOML in {path}, found: {error}; mend that line") from None


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    wanted = {key: value for key, value in environ.items() if key.startswith("DETECTOR_") and "__" in key}
    source = EnvSettingsSource(Settings)
    source.env_vars = {key.lower(): value for key, value in wanted.items()}
    try:
        known = source()
    except pydantic_settings.SettingsError as error:
        raise SettingsError(
            f"expected JSON for lists and tables among {', '.join(sorted(wanted))} in the environment, "
            f"found: {error.__cause__ or error}; mend or unset it"
        ) from None
    for key in wanted:
        section = key.removeprefix("DETECTOR_").split("__")[0].lower()
        if section not in Settings.model_fields:
            raise SettingsError(
                f"expected one of {sorted(Settings.model_fields)} in {key}, found {section!r}; unset it"
            )
    return known


def _merge(into: dict[str, Any], layer: dict[str, Any], name: str, origin: dict[str, str], prefix: str) -> None:
    for key, value in layer.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, dict):
            child = into.setdefault(key, {})
            if not isinstance(child, dict):
                into[key] = child = {}
            _merge(child, value, name, origin, f"{dotted}.")
        else:
            into[key] = value
            origin[dotted] = name


def _sets(layer: object, path: Sequence[str]) -> bool:
    """Whether a layer says something of a key, or puts something else where its table should be."""
    for part in path:
        if not isinstance(layer, dict):
            return True
        if part not in layer:
            return False
        layer = layer[part]
    return True


def _sentence(error: pydantic.ValidationError, layers: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """The first thing that is wrong, with its key and the last layer that set it, and the keys of what else is."""
    paths = [[part for part in one["loc"] if isinstance(part, str) and "[" not in part] for one in error.errors()]
    first, path = error.errors()[0], paths[0]
    key, *others = dict.fromkeys(map(".".join, paths))
    where = next((name for name, layer in reversed(layers) if _sets(layer, path)), "the settings")
    more = f" (and {', '.join(map(repr, others))})" if others else ""
    if first["type"] == "extra_forbidden":
        return f"expected known settings, found {key!r} in {where}; `detector config show` lists them{more}"
    said = first["msg"].removeprefix("Value error, ")
    found = "" if "found" in said else f", found {first['input']!r}"
    return f"setting {key!r} in {where}: {said}{found}; mend it there{more}"
