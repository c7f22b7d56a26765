"""Door to location databases (.mmdb): where an IP is, as one edition of a database says.

The settings name the files (`[geo]`): one of cities or countries, one of autonomous systems, laid out as MaxMind's
are (DB-IP's are too). Each distinct IP is looked up once, at ingest, before it is dropped.
"""

import datetime as dt
import functools
import hashlib
import ipaddress
import zoneinfo
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import maxminddb
import polars as pl

from detector import config, tables
from detector.errors import InputError, SettingsError

_PLACE = ("country", "region", "city", "latitude", "longitude", "accuracy_km")
_FOUND = (*_PLACE, "timezone")
_TYPES = {"city": ("city", "country", "enterprise"), "asn": ("asn", "isp", "enterprise")}


@dataclass(frozen=True)
class Databases:
    """The open databases by their name in the settings, and the digest of each; both empty where none is named."""

    readers: Mapping[str, maxminddb.Reader] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def opened(settings: config.Geo) -> Iterator[Databases]:
    """The databases that the settings name.

    Raises:
        InputError: one is missing, unreadable, or no such database.
        SettingsError: one tells something else than it is named for.
    """
    with ExitStack() as stack:
        readers = {name: stack.enter_context(_opened(path, name)) for name, path in _named(settings).items()}
        yield Databases(readers, {name: _digest(path) for name, path in _named(settings).items()})


def editions(settings: config.Geo) -> dict[str, dict[str, str]]:
    """By name in the settings, the `type` of each database and the UTC date it was `built`: for a run's record.

    Raises:
        InputError, SettingsError: as `opened`.
    """
    found = {}
    for name, path in _named(settings).items():
        with _opened(path, name) as reader:
            about = reader.metadata()
            built = dt.datetime.fromtimestamp(about.build_epoch, dt.UTC).date()
            found[name] = {"type": about.database_type, "built": built.isoformat()}
    return found


def locate(rows: pl.LazyFrame, databases: Databases) -> pl.LazyFrame:
    """Raw rows (`tables.RawRows`) with the place, the time zone and the autonomous system of their IP, taken as given,
    else looked up.

    A place is one thing: a row that says anything of it but its country keeps what it says, and one that says its
    country only is given the rest where the database agrees on the country. The zone of a server is that of nobody who
    watches through it.

    Raises:
        InputError: a database is damaged.
    """
    if not databases.readers:
        return rows
    frame = tables.shape(rows, tables.RawRows).collect()
    found = _look_up(frame["ip"].unique().drop_nulls(), databases)
    own = pl.any_horizontal(pl.col(name).is_not_null() for name in _PLACE if name != "country")
    through_server = pl.col("network_kind").is_in(tables.SERVERS).fill_null(False)
    agrees = pl.col("country").is_null() | pl.col("country").eq_missing(pl.col("found_country"))
    located = frame.join(found, on="ip", how="left", maintain_order="left").with_columns(
        *(pl.when(agrees & ~own).then(f"found_{name}").otherwise(name).alias(name) for name in _PLACE),
        timezone=pl.coalesce("timezone", pl.when(agrees & ~through_server).then("found_timezone")),
    )
    return located.with_columns(asn=pl.coalesce("asn", "found_asn")).select(frame.columns).lazy()


def _look_up(ips: pl.Series, databases: Databases) -> pl.DataFrame:
    wanted = tables.columns(tables.RawRows)
    schema = {"ip": pl.String} | {f"found_{name}": wanted[name] for name in (*_FOUND, "asn")}
    answers = []
    for ip in ips:
        asked = _address(ip)
        if asked is not None:
            records = {name: _record(reader, asked) for name, reader in databases.readers.items()}
            answers.append((ip, *_place(records.get("city", {})), _asn(records.get("asn", {}))))
    return pl.DataFrame(answers, schema=schema, orient="row")


def _address(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(ip.strip())
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _record(reader: maxminddb.Reader, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Mapping[str, Any]:
    try:
        record = reader.get(address)
    except ValueError:
        return {}  # an IPv6 address, and a database of IPv4 only
    except maxminddb.InvalidDatabaseError:
        raise InputError("expected sound location databases under [geo], found a damaged one; fetch it again") from None
    return record if isinstance(record, dict) else {}


def _place(record: Mapping[str, Any]) -> tuple[str | float | int | None, ...]:
    """The values of `_FOUND`; each is null where the database does not say it, or not in the form it should."""
    parts = record.get("subdivisions")
    region = parts[0] if isinstance(parts, list) and parts else {}
    latitude, longitude = (_number(_at(record, "location", name)) for name in ("latitude", "longitude"))
    known = latitude is not None and longitude is not None
    radius = _number(_at(record, "location", "accuracy_radius"))
    country = _text(_at(record, "country", "iso_code"))
    return (
        country.upper() if country and len(country) == 2 else None,
        _text(_at(region, "iso_code")) or _text(_at(region, "names", "en")),
        _text(_at(record, "city", "names", "en")),
        latitude if known else None,
        longitude if known else None,
        round(radius) if known and radius is not None else None,
        _zone(_at(record, "location", "time_zone")),
    )


def _zone(name: Any) -> str | None:
    return name if isinstance(name, str) and name in _zones() else None


@functools.cache  # the machine's list of zones, read from its files
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _asn(record: Mapping[str, Any]) -> int | None:
    number = record.get("autonomous_system_number")
    return number if isinstance(number, int) else None


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _named(settings: config.Geo) -> dict[str, Path]:
    return {name: Path(path) for name, path in settings.model_dump().items() if path}


@contextmanager
def _opened(path: Path, name: str) -> Iterator[maxminddb.Reader]:
    try:
        reader = maxminddb.open_database(path)
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "none"
        raise InputError(f"expected a location database at {path}, found: {why}; mend [geo] {name}") from None
    except maxminddb.InvalidDatabaseError:
        raise InputError(
            f"expected a location database (.mmdb) at {path}, found another kind of file or a damaged one; "
            f"fetch it again, or mend [geo] {name}"
        ) from None
    with reader:
        kind = reader.metadata().database_type
        if not any(part in kind.lower() for part in _TYPES[name]):
            raise SettingsError(
                f"expected a database of {' or '.join(_TYPES[name])} as [geo] {name}, found {kind!r} at {path}; "
                "name the right file"
            )
        yield reader


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
