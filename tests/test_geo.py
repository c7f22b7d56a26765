"""Location databases: real .mmdb files, written here."""

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from detector import config, geo, identity, tables
from detector.errors import InputError, SettingsError
from detector.ingesting import ingest
from detector.receipts import Ingested
from detector.store import Store

LYON = {
    "country": {"iso_code": "FR"},
    "subdivisions": [{"iso_code": "ARA", "names": {"en": "Auvergne-Rhone-Alpes"}}],
    "city": {"names": {"en": "Lyon", "fr": "Lyon"}},
    "location": {"latitude": 45.75, "longitude": 4.85, "accuracy_radius": 20, "time_zone": "Europe/Paris"},
}
PLACE = ("country", "region", "city", "latitude", "longitude", "accuracy_km")
OF_LYON = ("FR", "ARA", "Lyon", 45.75, 4.85, 20)
NOWHERE = (None,) * 6


def database(path: Path, networks: Mapping[str, Any], kind: str = "GeoLite2-City", ip_version: int = 6) -> str:
    writer = MMDBWriter(ip_version=ip_version, database_type=kind, ipv4_compatible=ip_version == 6)
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return str(path)


def located(settings: config.Geo, *rows: Mapping[str, Any]) -> pl.DataFrame:
    frame = pl.LazyFrame([dict(row) for row in rows])
    with geo.opened(settings) as databases:
        return geo.locate(tables.shape(frame, tables.RawRows), databases).collect()


def place(settings: config.Geo, **row: Any) -> tuple[Any, ...]:
    return located(settings, {"account_id": "a", **row}).select(PLACE).row(0)


@pytest.fixture
def of_lyon(tmp_path: Path) -> config.Geo:
    """A database that knows one network of IPv4 and one of IPv6, and one that knows who runs them."""
    networks = {"203.0.113.0/24": LYON, "2001:db8::/32": LYON}
    system = {"autonomous_system_number": 64500, "autonomous_system_organization": "An ISP"}
    return config.Geo(
        city=database(tmp_path / "city.mmdb", networks),
        asn=database(tmp_path / "asn.mmdb", dict.fromkeys(networks, system), "GeoLite2-ASN"),
    )


@pytest.mark.parametrize(
    ("ip", "found"),
    [
        ("203.0.113.9", OF_LYON),
        (" 203.0.113.9 ", OF_LYON),
        ("::ffff:203.0.113.9", OF_LYON),
        ("2001:db8::7", OF_LYON),
        ("198.51.100.9", NOWHERE),
        ("192.168.1.7", NOWHERE),
        ("nonsense", NOWHERE),
        (None, NOWHERE),
    ],
)
def test_addresses_and_where_they_are(ip: str | None, found: tuple[Any, ...], of_lyon: config.Geo) -> None:
    """Both kinds of IP are found; unknown, private and senseless ones are nowhere."""
    assert place(of_lyon, ip=ip) == found


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ({"country": "FR"}, OF_LYON),
        ({"country": "DE"}, ("DE", None, None, None, None, None)),
        ({"city": "Vienne"}, (None, None, "Vienne", None, None, None)),
        ({"country": "FR", "region": "PACA"}, ("FR", "PACA", None, None, None, None)),
        ({"latitude": 1.0, "longitude": 2.0}, (None, None, None, 1.0, 2.0, None)),
    ],
)
def test_what_a_row_says_of_its_place_is_not_mixed_with_another(
    given: dict[str, Any], then: tuple[Any, ...], of_lyon: config.Geo
) -> None:
    """A place is taken as given, else looked up; a bare country is given the rest where the database agrees."""
    assert place(of_lyon, ip="203.0.113.9", **given) == then


@pytest.mark.parametrize(
    ("given", "zone"),
    [
        ({}, "Europe/Paris"),
        ({"city": "Vienne"}, "Europe/Paris"),
        ({"timezone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ({"country": "DE"}, None),
        ({"network_kind": "vpn"}, None),
        ({"ip": "198.51.100.9"}, None),
    ],
)
def test_the_zone_is_taken_as_given_else_looked_up(
    given: dict[str, Any], zone: str | None, of_lyon: config.Geo
) -> None:
    """Where the database agrees on the country, and not of who watches through a server."""
    [row] = located(of_lyon, {"account_id": "a", "ip": "203.0.113.9"} | given).rows(named=True)
    assert row["timezone"] == zone


def test_autonomous_systems_are_taken_as_given_else_looked_up(of_lyon: config.Geo) -> None:
    """A number of its own stays, whatever the row says of its place."""
    rows = [{"ip": "203.0.113.9", "asn": asn, "city": city} for asn, city in ((None, "x"), (7, None))]
    assert located(of_lyon, *rows)["asn"].to_list() == [64500, 7]


def test_rows_stay_in_order_and_in_number(of_lyon: config.Geo) -> None:
    """Looking up changes no other column and no row."""
    ips = ["203.0.113.9", None, "198.51.100.1", "203.0.113.9", "nonsense"]
    rows = located(of_lyon, *[{"row": n, "account_id": "a", "ip": ip} for n, ip in enumerate(ips, 1)])
    assert dict(rows.schema) == tables.columns(tables.RawRows)
    assert rows["row"].to_list() == [1, 2, 3, 4, 5]
    assert rows["ip"].to_list() == ips
    assert rows["country"].to_list() == ["FR", None, None, "FR", None]


@pytest.mark.parametrize(
    ("record", "found"),
    [
        ({}, NOWHERE),
        ({"country": {"iso_code": "fr"}}, ("FR", None, None, None, None, None)),
        ({"subdivisions": [{"names": {"en": "Paris"}}]}, (None, "Paris", None, None, None, None)),
        ({"location": {"latitude": 1.5}}, NOWHERE),
        ({"location": {"latitude": 1.5, "longitude": 2.5}}, (None, None, None, 1.5, 2.5, None)),
        ({"country": "FR", "subdivisions": [], "city": {"names": {}}, "location": [1]}, NOWHERE),
        ("just text", NOWHERE),
    ],
)
def test_records_that_say_less(record: Any, found: tuple[Any, ...], tmp_path: Path) -> None:
    """What a database leaves out or writes in another form is not known; half of a coordinate is none."""
    settings = config.Geo(city=database(tmp_path / "c.mmdb", {"203.0.113.0/24": record}), asn="")
    assert place(settings, ip="203.0.113.9") == found


def test_a_database_of_ipv4_only_says_nothing_of_ipv6(tmp_path: Path) -> None:
    """Nothing is made of the wrong kind of address."""
    settings = config.Geo(city=database(tmp_path / "c.mmdb", {"203.0.113.0/24": LYON}, ip_version=4), asn="")
    assert [place(settings, ip=ip) for ip in ("203.0.113.9", "2001:db8::7")] == [OF_LYON, NOWHERE]


def test_no_database_changes_nothing() -> None:
    """Without a setting rows go through as they are."""
    assert place(config.Geo(city="", asn=""), ip="203.0.113.9") == NOWHERE
    assert geo.editions(config.Geo(city="", asn="")) == {}


def test_editions_say_type_and_date(of_lyon: config.Geo) -> None:
    """What goes into a run's record."""
    built = {edition["built"] for edition in geo.editions(of_lyon).values()}
    assert {name: edition["type"] for name, edition in geo.editions(of_lyon).items()} == {
        "city": "GeoLite2-City",
        "asn": "GeoLite2-ASN",
    }
    assert abs(dt.date.fromisoformat(built.pop()) - dt.datetime.now(dt.UTC).date()) <= dt.timedelta(days=1)
    assert built == set()


@pytest.mark.parametrize(
    ("content", "error", "saying"),
    [
        (None, InputError, "No such file"),
        (b"", InputError, "another kind of file"),
        (b"account_id,ip\n", InputError, "another kind of file"),
        (
            "GeoLite2-ASN",
            SettingsError,
            r"a database of city or country or enterprise as \[geo\] city, found 'GeoLite2",
        ),
    ],
)
def test_wrong_files_are_refused_before_any_work(
    content: Any, error: type[Exception], saying: str, tmp_path: Path
) -> None:
    """A missing or other file ends with 4, a database of something else with 2, and nothing was taken in."""
    path = tmp_path / "x.mmdb"
    if isinstance(content, str):
        database(path, {"203.0.113.0/24": {"autonomous_system_number": 1}}, content)
    elif content is not None:
        path.write_bytes(content)
    settings = config.Geo(city=str(path), asn="")
    with pytest.raises(error, match=saying):
        geo.editions(settings)
    home = Store(tmp_path / "home")
    with pytest.raises(error, match=saying):
        _ingest(home, "log-that-is-not-there.csv", settings)
    assert home.partitions("playbacks") == []


def test_a_damaged_database_is_a_refusal_without_the_address(tmp_path: Path) -> None:
    """Damage that shows only when a record is read is said in one sentence."""
    path = tmp_path / "c.mmdb"
    database(path, {"203.0.113.0/24": LYON})
    raw = path.read_bytes()
    begin = raw.index(b"\x00" * 16, 8) + 16
    path.write_bytes(raw[:begin] + b"\xff" * 64 + raw[begin + 64 :])
    with pytest.raises(InputError, match="found a damaged one") as refusal:
        place(config.Geo(city=str(path), asn=""), ip="203.0.113.9")
    assert "203.0.113" not in str(refusal.value)


KEYS = identity.Keys("0" * 64, bytes(32))


def _ingest(home: Store, path: str, settings: config.Geo) -> list[Ingested]:
    changed = config.load().settings.model_copy(update={"geo": settings})
    now = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
    return list(ingest([path], into=home, keys=KEYS, settings=changed, now=now))


def _stored(home: Store) -> pl.DataFrame:
    (date,) = home.partitions("playbacks")
    return pl.concat(home.scan("playbacks", [date])).collect()


def test_another_edition_is_another_reading(tmp_path: Path) -> None:
    """The same database changes nothing; a changed one has files read again, and their rows replaced."""
    log = tmp_path / "log.ndjson"
    row = {"account_id": "a", "title_id": "t", "started_at": "2024-05-01T12:00:00Z", "ip": "203.0.113.9"}
    log.write_text(json.dumps(row) + "\n")
    home = Store(tmp_path / "home")
    settings = config.Geo(city=str(tmp_path / "c.mmdb"), asn="")
    database(tmp_path / "c.mmdb", {"203.0.113.0/24": LYON})
    assert [file.known for _ in range(2) for file in _ingest(home, str(log), settings)] == [False, True]
    assert _stored(home).select(PLACE).rows() == [OF_LYON]
    assert "ip" not in _stored(home).columns
    database(tmp_path / "c.mmdb", {"203.0.113.0/24": LYON | {"country": {"iso_code": "BE"}}})
    assert [file.known for file in _ingest(home, str(log), settings)] == [False]
    assert _stored(home)["country"].to_list() == ["BE"]
    assert [file.known for file in _ingest(home, str(log), config.Geo(city="", asn=""))] == [False]
    assert _stored(home)["country"].to_list() == [None]
