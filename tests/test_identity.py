"""Pseudonyms and their key."""

import datetime as dt
import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import config, tables
from detector.errors import SettingsError
from detector.identity import (
    Keys,
    from_hex,
    ip_prefixes,
    pseudonym_of,
    pseudonymise,
    pseudonymise_ids,
    to_hex,
)

KEY, OTHER_KEY = "5a" * 32, "c3" * 32
KEYS = Keys(KEY, bytes(range(32)))
IDENTITY = config.load().settings.identity
NOON = dt.datetime(2025, 6, 1, 12, tzinfo=dt.UTC)
CLEAR_IDS = {"account_id", "profile_id", "device_id", "device_name", "title_id", "title_name", "playback_id", "ip"}


def _rows(*rows: dict[str, Any]) -> pl.DataFrame:
    """Raw rows that hold what is said and are null elsewhere."""
    given_ = [{"row": 1, "account_id": "anna", "started_at": NOON} | row for row in rows]
    schema = tables.columns(tables.RawRows)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in given_], schema=schema)


def _pseudonyms(column: str, *rows: dict[str, Any]) -> list[int | None]:
    return pseudonymise(_rows(*rows), KEYS, IDENTITY)[column].to_list()


def _standard(*parts: str) -> int:
    """What the standard library makes of a domain and its ids."""
    digest = hmac.new(KEY.encode(), "\x1f".join(parts).encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big")


IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1e\x1f"), max_size=30)


@given(account=IDS, profile=IDS)
@settings(max_examples=100)
def test_a_pseudonym_is_the_first_64_bits_of_hmac_sha256(account: str, profile: str) -> None:
    """Emoji, NUL and the empty text included, the standard library's HMAC-SHA256 gives the same."""
    out = pseudonymise_ids(pl.DataFrame({"account_id": [account], "profile_id": [profile]}), KEYS)
    assert out["account"].to_list() == [_standard("account", account)]
    assert out["profile"].to_list() == [_standard("profile", account, profile)]
    assert pseudonym_of(account, KEYS) == _standard("account", account)


def test_pseudonyms_are_u64_also_in_the_upper_half() -> None:
    """No bit is lost to a sign: about half of many pseudonyms have the highest bit set."""
    out = pseudonymise_ids(pl.DataFrame({"account_id": [str(n) for n in range(1_000)]}), KEYS)["account"]
    assert out.dtype == pl.UInt64
    assert out.n_unique() == 1_000
    assert 350 < (out >= 2**63).sum() < 650  # nine standard deviations to each side


def test_the_same_text_in_another_column_is_another_pseudonym() -> None:
    """An account, a title, a device and a device's name that read the same can not be matched."""
    same = _rows(
        {"account_id": "x", "title_id": "x", "device_id": "x", "profile_id": "x", "playback_id": "x", "network": "x"}
    )
    named = _rows({"account_id": "x", "device_name": "x"})
    one, other = (pseudonymise(rows, KEYS, IDENTITY).row(0, named=True) for rows in (same, named))
    made = [one[name] for name in ("account", "title", "device", "profile", "playback", "network")]
    assert len({*made, other["device"]}) == 7


def test_two_households_may_both_have_a_mum_and_a_living_room_tv() -> None:
    """Profiles and device names are keyed with their account; a real device id is the same device anywhere."""
    mums = _pseudonyms(
        "profile", {"profile_id": "Mum"}, {"profile_id": "Mum"}, {"account_id": "b", "profile_id": "Mum"}
    )
    assert mums[0] == mums[1] != mums[2]
    tvs = _pseudonyms("device", {"device_name": "TV"}, {"device_name": "TV"}, {"account_id": "b", "device_name": "TV"})
    assert tvs[0] == tvs[1] != tvs[2]
    ids = _pseudonyms("device", {"device_id": "serial"}, {"account_id": "b", "device_id": "serial"})
    assert ids[0] == ids[1]


def test_a_device_name_stands_in_only_where_there_is_no_id() -> None:
    """With an id the name is ignored, and the row says which of both it was."""
    both = {"device_id": "d", "device_name": "TV"}
    rows: list[dict[str, Any]] = [both, {"device_id": "d"}, {"device_name": "TV"}, {}]
    device = _pseudonyms("device", *rows)
    assert device[0] == device[1] != device[2]
    assert device[3] is None
    assert _pseudonyms("device_is_real", *rows) == [True, True, False, False]


def test_the_network_at_home_is_one_address() -> None:
    """Whoever has one of its addresses is in the house of the server, by whichever protocol and cable."""
    at_home = _prefixes(
        "192.168.1.5", "192.168.7.6", "10.0.0.2", "172.31.4.4", "127.0.0.1", "fe80::1", "fd00::7", "::1"
    )
    assert len(set(at_home.values())) == 1
    elsewhere = _prefixes("192.167.1.5", "172.32.4.4", "11.0.0.2", "100.64.0.1", "240.0.0.1", "fec0::1", "2001:db8::1")
    assert len({*elsewhere.values(), *at_home.values()}) == 8


def test_a_pseudonym_says_of_which_protocol_an_address_is() -> None:
    """And nothing more: which of the network at home it was is not kept."""
    rows = _rows(*({"ip": ip} for ip in ("203.0.113.9", "2001:db8::1", "192.168.1.5", "::ffff:203.0.113.9")))
    v4, v6, lan, mapped = pseudonymise(rows, KEYS, IDENTITY)["address"]
    assert v4 == mapped < tables.LAN == lan < tables.IPV6_FROM <= v6


@pytest.mark.parametrize("control", ["\x1f", "\x1e", "\x1e\x1f", "\x1f\x1e"])
def test_an_id_that_holds_a_separator_imitates_no_other_pair(control: str) -> None:
    """Account "a?b" with profile "c" is not account "a" with profile "b?c", whatever control characters stand there."""
    one, other = _pseudonyms(
        "profile",
        {"account_id": f"a{control}b", "profile_id": "c"},
        {"account_id": "a", "profile_id": f"b{control}c"},
    )
    assert one != other


def test_what_is_not_known_has_no_pseudonym() -> None:
    """Null stays null: two unknown devices, titles or profiles are never the same one."""
    [row] = pseudonymise(_rows({}), KEYS, IDENTITY).to_dicts()
    assert [row[name] for name in ("profile", "device", "title", "address", "network")] == [None] * 5


def test_a_playback_is_known_by_the_logs_own_key_else_by_all_that_names_it() -> None:
    """The same key in the same account is the same playback; without one, the same ids and start are."""
    by_key = _pseudonyms("playback", {"playback_id": "7"}, {"playback_id": "7", "title_id": "t"})
    assert by_key[0] == by_key[1]
    assert _pseudonyms("playback", {"playback_id": "7", "account_id": "b"})[0] != by_key[0]
    same = {"profile_id": "p", "device_id": "d", "title_id": "t"}
    one, again, *others = _pseudonyms(
        "playback",
        same,
        same,
        {**same, "title_id": "u"},
        {**same, "device_id": "e"},
        {**same, "profile_id": None},
        {**same, "account_id": "b"},
        {**same, "started_at": NOON + dt.timedelta(milliseconds=1)},
    )
    assert one == again
    assert len({one, *others}) == 6


def test_rows_keep_their_order_and_number() -> None:
    """Duplicated rows stay two, and each row keeps its own pseudonyms beside what else it says."""
    ips = ["203.0.113.9", None, "2001:db8::1", "203.0.113.9", "nonsense"] * 40
    rows = _rows(*({"row": n, "ip": ip, "account_id": str(n % 7)} for n, ip in enumerate(ips)))
    out = pseudonymise(rows, KEYS, IDENTITY)
    assert out["row"].to_list() == list(range(200))
    assert out["account"].to_list() == [_standard("account", str(n % 7)) for n in range(200)]
    assert [address is None for address in out["address"]] == [ip in (None, "nonsense") for ip in ips]


def test_nothing_in_clear_is_left() -> None:
    """Neither the columns nor the texts of ids, names and IPs survive, in whatever form the frame is printed."""
    clear = {name: f"clear-{name}" for name in CLEAR_IDS} | {"network": "clear-network", "ip": "198.51.100.77"}
    out = pseudonymise(_rows(clear), KEYS, IDENTITY)
    assert not set(out.columns) & CLEAR_IDS
    assert "clear-" not in out.write_csv()
    assert "198.51" not in out.write_csv()


def test_an_empty_log_gives_an_empty_frame_of_the_same_types() -> None:
    """No rows are no trouble."""
    empty, one = (pseudonymise(rows, KEYS, IDENTITY) for rows in (_rows({}).clear(), _rows({})))
    assert empty.is_empty()
    assert empty.schema == one.schema


def test_another_key_gives_other_pseudonyms() -> None:
    """Without the key nobody can tell which account a pseudonym stands for."""
    assert pseudonym_of("anna", KEYS) != pseudonym_of("anna", Keys(OTHER_KEY, KEYS.sealing))


def test_the_key_id_names_a_key_without_telling_it() -> None:
    """Eight hex digits, the same for the same key, no part of it."""
    assert KEYS.key_id == Keys(KEY, b"").key_id != Keys(OTHER_KEY, b"").key_id
    assert len(KEYS.key_id) == 8
    assert KEYS.key_id not in KEY


# Addresses and networks


def _prefixes(*ips: str | None) -> dict[str, tuple[str | None, str | None]]:
    found = ip_prefixes(pl.Series(ips, dtype=pl.String), IDENTITY)
    return {row["ip"]: (row["address_text"], row["network_text"]) for row in found.to_dicts()}


@given(
    version=st.sampled_from([4, 6]),
    number=st.integers(0, 2**128 - 1),
    flipped=st.integers(0, 127),
)
@settings(max_examples=200)
def test_networks_are_those_of_the_standard_library(version: int, number: int, flipped: int) -> None:
    """Two IPs share an address (IPv4 whole, IPv6 /64) or a network (/24, /48) exactly when ipaddress says so."""
    bits, address_bits, network_bits = (32, 32, 24) if version == 4 else (128, 64, 48)
    make: Callable[[int], Any] = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    one, other = make(number % 2**bits), make((number ^ (1 << flipped)) % 2**bits)
    if version == 6 and (one.ipv4_mapped or other.ipv4_mapped):
        return  # an IPv4 address: see below
    found = _prefixes(str(one), str(other))
    if ("at home", "at home") in found.values():
        return  # one address: see below
    for position, length in enumerate((address_bits, network_bits)):
        together = other in ipaddress.ip_network((one, length), strict=False)
        assert (found[str(one)][position] == found[str(other)][position]) == together


def test_an_ipv4_address_written_as_ipv6_is_the_ipv4_address() -> None:
    """A log that changes its notation does not move a household."""
    found = _prefixes("203.0.113.9", "::ffff:203.0.113.9", "::FFFF:CB00:7109", " 203.0.113.9\n", "203.000.113.009")
    assert len(set(found.values())) == 1


def test_an_ipv6_address_never_equals_an_ipv4_address() -> None:
    """::cb00:7109 has the same number as 203.0.113.9, and is another address in another network."""
    found = _prefixes("203.0.113.9", "::cb00:7109")
    assert not set(found["203.0.113.9"]) & set(found["::cb00:7109"])


@pytest.mark.parametrize(
    "text",
    ["", " ", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4/24", "1.2.3.4:80", "-1.2.3.4", "१.२.३.४",
     "3405803785", "0x7f.1.1.1", "2001:db8::g", "1::2::3", "::ffff:1.2.3.256", "1.2.3.4\x00", "😀",
     "unknown", "9" * 99],
)  # fmt: skip
def test_what_is_no_ip_is_not_known(text: str) -> None:
    """Nonsense has neither address nor network, and spoils no row beside it."""
    assert _prefixes(text, "203.0.113.9")[text] == (None, None)
    out = pseudonymise(_rows({"ip": text}, {"ip": "203.0.113.9"}), KEYS, IDENTITY)
    assert out["address"].is_null().to_list() == [True, False]
    assert out["network"].is_null().to_list() == [True, False]


def test_prefix_lengths_are_settings() -> None:
    """A service that counts /16 as one network can say so; no two lengths give the same pseudonym."""
    wide = IDENTITY.model_copy(update={"ipv4_network_bits": 16})
    rows = _rows({"ip": "203.0.113.9"}, {"ip": "203.0.200.1"}, {"ip": "203.1.0.0"})
    networks = pseudonymise(rows, KEYS, wide)["network"].to_list()
    assert networks[0] == networks[1] != networks[2]
    assert not set(networks) & set(pseudonymise(rows, KEYS, IDENTITY)["network"])


def test_the_services_own_name_of_a_network_counts_before_the_ip() -> None:
    """Two IPs of one named network are one network and two addresses."""
    rows = _rows({"ip": "203.0.113.9", "network": "n"}, {"ip": "198.51.100.1", "network": "n"})
    out = pseudonymise(rows, KEYS, IDENTITY)
    assert out["network"].n_unique() == 1
    assert out["address"].n_unique() == 2


# Hex digits


@given(st.lists(st.none() | st.integers(0, 2**64 - 1) | st.sampled_from([0, 2**63 - 1, 2**63, 2**64 - 1])))
def test_hex_digits_stand_for_exactly_one_pseudonym(values: list[int | None]) -> None:
    """16 digits each, over all 64 bits, and back again; null stays null."""
    digits = to_hex(pl.Series("account", values, dtype=pl.UInt64))
    assert digits.name == "account"
    assert digits.dtype == pl.String
    assert [text and len(text) for text in digits] == [None if value is None else 16 for value in values]
    assert [None if text is None else from_hex(text) for text in digits] == values


def test_hex_digits_may_be_typed_in_capitals() -> None:
    """A reviewer who types FF means ff."""
    assert from_hex("00000000000000FF") == 255


@pytest.mark.parametrize(
    "text", ["", "ff", "0" * 15, "0" * 17, "000000000000000g", "0x00000000000000", " " * 16, "-000000000000001",
             "0000_0000_0000_0", "\N{FULLWIDTH DIGIT ZERO}" * 16, "member-123456789"],
)  # fmt: skip
def test_what_is_not_16_hex_digits_is_refused_without_repeating_it(text: str) -> None:
    """It may be the service's own id in clear, which belongs on standard input: exit code 2 says so."""
    with pytest.raises(SettingsError, match="--id -") as refused:
        from_hex(text)
    assert len(text.strip()) < 3 or text not in str(refused.value)
