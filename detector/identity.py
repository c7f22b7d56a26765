"""Pseudonyms and their key.

Every id of the service becomes an HMAC-SHA256 under the home's key, cut to 64 bits (Krawczyk, Bellare, Canetti,
RFC 2104), before anything is stored. Each kind of id has its own domain, so that the same text as an account and as
a title gives different pseudonyms. A second key seals the few names that a reviewer with a purpose may open.

The key never appears in a message, and plans that hold it are collected here, never handed on: a serialised plan
would hold the key too.
"""

import io
import ipaddress
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import polars_hash as plh
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from detector import config, tables
from detector.errors import InputError, IntegrityError, SettingsError

_SEPARATOR = "\x1f"  # ASCII unit separator; in an id it is escaped, so that no id can imitate another pair
_ESCAPE = "\x1e"
_KEY_BYTES = 32
# By domain, what names an id of it, the id itself last.
_DOMAINS = {
    "account": ["account_id"],
    "profile": ["account_id", "profile_id"],
    "device": ["device_id"],
    "device name": ["account_id", "device_name"],
    "title": ["title_id"],
    "address": ["address_text"],
    "network": ["network_text"],
}
# Of these a log says few again and again: each is worked out once, and joining is several times as fast as hashing.
_FEW = ("title", "network")
_LAN = "at home"
_LAN_NETWORKS = [
    ipaddress.ip_network(net)
    for net in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7", "fe80::/10",
        "::1/128",
    )
]  # fmt: skip
_CLEAR = [*dict.fromkeys(part for parts in _DOMAINS.values() for part in parts), "title_name", "playback_id"]


@dataclass(frozen=True)
class Keys:
    """The two keys of a home. `key_id` may be shown: it tells which key made a pseudonym, and nothing else."""

    pseudonym: str = field(repr=False)
    sealing: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """Eight hex digits that name the pseudonym key."""
        return _id_of(self.pseudonym)

    @property
    def sealing_key_id(self) -> str:
        """Eight hex digits that name the sealing key."""
        return _id_of(self.sealing.hex())


def load_keys(
    home: Path, key_file: Path | None = None, *, made_with: str | None = None, sealed_with: str | None = None
) -> Keys:
    """The keys of a home, made on first use with mode 0600; `key_file` gives the pseudonym key instead.

    `made_with` is the id of the key that the home's rows were written under, null where there are none, `sealed_with`
    that of its names: a key that is missing or is another was lost, and would make strangers of all that is known.

    Raises:
        InputError: a key file is missing, or can not be read or made.
        IntegrityError: a key of a home that has been used is gone, or is not the one that it was used with.
        SettingsError: a key file does not hold 64 hex digits, or the home was made with another key.
    """
    own, sealing = home / "identity.key", home / "sealing.key"
    for path in (own, sealing):
        if made_with is not None and not path.exists() and (path == sealing or key_file is None):
            raise IntegrityError(
                f"expected the key that {home} was made with in {path}, found none; bring it back from a backup"
            )
    if key_file is not None:
        given = _read_key(key_file)
        known = _read_key(own) == given if own.exists() else made_with in (None, _id_of(given))
        if not known:
            raise SettingsError(
                f"expected the key that {home} was made with, found another in {key_file}; "
                "give that key, or name another --home"
            )
        if not own.exists():
            _write_key(own, given)
    keys = Keys(_read_or_make(own), bytes.fromhex(_read_or_make(sealing)))
    for path, used, found in ((own, made_with, keys.key_id), (sealing, sealed_with, keys.sealing_key_id)):
        if used not in (None, found):
            raise IntegrityError(
                f"expected the key {used} that {home} was used with in {path}, found {found}; bring it back from a "
                "backup"
            )
    return keys


def _id_of(pseudonym_key: str) -> str:
    return str(pl.select(_hmac(pl.lit("key id"), pseudonym_key)).item())[:8]


def _read_or_make(path: Path) -> str:
    if not path.exists():
        _write_key(path, secrets.token_hex(_KEY_BYTES))
    return _read_key(path)


def _read_key(path: Path) -> str:
    try:
        key = path.read_bytes().decode("ascii", "replace").strip()  # an error of decoding would hold the bytes
    except OSError as error:
        raise InputError(f"expected a key of {2 * _KEY_BYTES} hex digits in {path}, found: {error.strerror}") from None
    if len(key) != 2 * _KEY_BYTES or set(key) - set("0123456789abcdef"):
        raise SettingsError(f"expected {2 * _KEY_BYTES} lower-case hex digits in {path}, found something else")
    return key


def _write_key(path: Path, key: str) -> None:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # each writer has its own
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)  # whoever is first has made it
    except OSError as error:
        raise InputError(
            f"expected to write a key to {path}, found: {error.strerror}; free or unlock that place"
        ) from None
    finally:
        aside.unlink(missing_ok=True)


def _hmac(value: pl.Expr, key: str) -> pl.Expr:
    return plh.concat_str(value).chash.hmac_sha256(key=key)


def _text(domain: str, parts: Iterable[str | pl.Expr]) -> pl.Expr:
    """What names an id: its parts together; null where a part is null."""
    escapes = {sign: _ESCAPE + sign for sign in (_ESCAPE, _SEPARATOR)}
    columns = (pl.col(part) if isinstance(part, str) else part for part in parts)
    escaped = (column.cast(pl.String).str.replace_many(escapes) for column in columns)
    return pl.concat_str(pl.lit(domain), *escaped, separator=_SEPARATOR)


def _pseudonym(text: pl.Expr, key: str) -> pl.Expr:
    return _hmac(text, key).str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)


def pseudonymise(rows: pl.DataFrame, keys: Keys, settings: config.Identity) -> pl.DataFrame:
    """Raw rows with `playback, account, profile, device, device_is_real, title, address, network` for their ids.

    Profiles, and names that stand for a device id, are keyed together with the account: two households may both
    have a "Mum" and a "Living room TV". `playback` is the log's own key of the row, else all that names a playback.
    The clear columns are gone from the result.

    >>> rows = pl.DataFrame({"account_id": ["a", "b"], "title_id": ["x", "x"]})
    >>> out = pseudonymise_ids(rows, Keys("00" * 32, b""))
    >>> out["account"].n_unique(), out["title"].n_unique()
    (2, 1)
    """
    hashed = _pseudonym(_text("address", _DOMAINS["address"]), keys.pseudonym) % tables.IPV6_FROM
    text = pl.col("address_text")
    address = (
        pl.when(text == _LAN)
        .then(tables.LAN)
        .when(text.str.starts_with("6:"))
        .then(hashed + tables.IPV6_FROM)
        .otherwise(hashed)
        .cast(pl.UInt64)
    )
    prefixes = ip_prefixes(rows["ip"], settings).lazy().with_columns(address=address).collect().drop("address_text")
    rows = rows.join(prefixes, on="ip", how="left", maintain_order="left")
    rows = rows.with_columns(network_text=pl.coalesce("network", "network_text"))
    return pseudonymise_ids(rows.drop("network"), keys).drop("ip", strict=False)


def pseudonymise_ids(rows: pl.DataFrame, keys: Keys) -> pl.DataFrame:
    """As `pseudonymise`, for tables without IPs: only the id columns that are there are turned."""
    there = {domain: parts for domain, parts in _DOMAINS.items() if parts[-1] in rows.columns}
    for domain in [few for few in _FEW if few in there]:
        distinct = _of_each(rows, domain, keys.pseudonym)
        rows = rows.join(distinct, on=there[domain], how="left", maintain_order="left")
    pseudonyms = {
        domain: _pseudonym(_text(domain, parts), keys.pseudonym)
        for domain, parts in there.items()
        if domain not in _FEW
    }
    if "playback_id" in rows.columns:
        pseudonyms["playback"] = _pseudonym(_playback_text(), keys.pseudonym)
    rows = rows.lazy().with_columns(**pseudonyms).collect()
    if "device name" in rows.columns:
        rows = rows.with_columns(
            device=pl.coalesce("device", "device name"), device_is_real=pl.col("device_id").is_not_null()
        ).drop("device name")
    return rows.drop(_CLEAR, strict=False)


def _playback_text() -> pl.Expr:
    """What names a playback: the log's own key of the row, else all that tells it from others."""
    start = pl.col("started_at").dt.epoch("ms")
    names = (pl.col(name).fill_null("") for name in ("profile_id", "device_id", "device_name", "title_id"))
    by_all = _text("row", ["account_id", *names, start])
    return pl.coalesce(_text("playback", ["account_id", "playback_id"]), by_all)


def _of_each(rows: pl.DataFrame, domain: str, key: str) -> pl.DataFrame:
    """What names the distinct ids of a domain, and these with their pseudonym."""
    parts = _DOMAINS[domain]
    pseudonym = _pseudonym(_text(domain, parts), key).alias(domain)
    return rows.lazy().select(parts).drop_nulls().unique().with_columns(pseudonym).collect()


def pseudonym_of(account_id: str, keys: Keys) -> int:
    """The pseudonym of one account id."""
    return int(pseudonymise_ids(pl.DataFrame({"account_id": [account_id]}), keys)["account"][0])


def ip_prefixes(ips: pl.Series, settings: config.Identity) -> pl.DataFrame:
    """Per distinct IP what of it is kept: `address_text` and `network_text`. What is no IP has nulls.

    An IPv4 address written as IPv6 (::ffff:a.b.c.d) is the IPv4 address. Those of a network at home (RFC 1918, RFC
    4193, link-local) are one address: whoever has one is in the house of the server that wrote the log.

    >>> ip_prefixes(pl.Series(["203.0.113.9"]), config.load().settings.identity).row(0)
    ('203.0.113.9', '4:3405803785/32', '4:13303921/24')
    """
    octets = pl.col("ip").str.extract_groups(r"^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$")
    fourth, third, second, first = (octets.struct.field(str(4 - i)).cast(pl.UInt8, strict=False) for i in range(4))
    number = (
        fourth.cast(pl.UInt32)
        + third.cast(pl.UInt32) * 256
        + second.cast(pl.UInt32) * 65536
        + first.cast(pl.UInt32) * 2**24
    )
    distinct = pl.DataFrame({"ip": ips.cast(pl.String).unique().drop_nulls()}).with_columns(number=number)
    return pl.concat(
        [
            distinct.filter(pl.col("number").is_not_null()).select(
                "ip",
                address_text=_ipv4_text(pl.col("number"), settings.ipv4_address_bits),
                network_text=_ipv4_text(pl.col("number"), settings.ipv4_network_bits),
            ),
            # The few others (IPv6, mapped, nonsense) are worth the standard library's care.
            pl.DataFrame(
                [(ip, *_prefixes(ip, settings)) for ip in distinct.filter(pl.col("number").is_null())["ip"]],
                schema={"ip": pl.String, "address_text": pl.String, "network_text": pl.String},
                orient="row",
            ),
        ]
    )


def _ipv4_text(number: pl.Expr, bits: int) -> pl.Expr:
    at_home = pl.any_horizontal(
        number // 2 ** (32 - net.prefixlen) == int(net.network_address) >> (32 - net.prefixlen)
        for net in _LAN_NETWORKS
        if net.version == 4
    )
    return pl.when(at_home).then(pl.lit(_LAN)).otherwise(pl.format(f"4:{{}}/{bits}", number // 2 ** (32 - bits)))


def _prefixes(ip: str, settings: config.Identity) -> tuple[str | None, str | None]:
    try:
        address = ipaddress.ip_address(ip.strip())
    except ValueError:
        return None, None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else address
    plain = mapped or address
    if any(plain in net for net in _LAN_NETWORKS if net.version == plain.version):
        return _LAN, _LAN
    if mapped is not None:
        keeps = (settings.ipv4_address_bits, settings.ipv4_network_bits)
        return tuple(f"4:{int(mapped) >> (32 - bits)}/{bits}" for bits in keeps)  # type: ignore[return-value]
    keeps = (settings.ipv6_address_bits, settings.ipv6_network_bits)
    return tuple(f"6:{int(address) >> (128 - bits)}/{bits}" for bits in keeps)  # type: ignore[return-value]


def to_hex(values: pl.Series) -> pl.Series:
    """u64 pseudonyms as 16 hex digits, null where null: what stands anywhere outside frames.

    >>> to_hex(pl.Series([255, None], dtype=pl.UInt64)).to_list()
    ['00000000000000ff', None]
    """
    data = values.fill_null(0).to_numpy().astype(">u8").tobytes().hex()
    digits = pl.Series(values.name, [data[i : i + 16] for i in range(0, len(data), 16)], dtype=pl.String)
    return digits.set(values.is_null(), None)


def from_hex(digits: str) -> int:
    """The pseudonym written as 16 hex digits.

    Raises:
        SettingsError: it is not 16 hex digits.
    """
    if len(digits) != 16 or set(digits.lower()) - set("0123456789abcdef"):
        raise SettingsError(
            "expected ACCOUNT as the 16 hex digits that `detector scores` prints, found something else; "
            "for the service's own id use --id - and write it on standard input"
        )
    return int(digits, 16)


def seal(names: pl.DataFrame, keys: Keys) -> bytes:
    """A table of names, encrypted and authenticated whole (AES-256-GCM, a fresh nonce each time)."""
    clear = io.BytesIO()
    names.write_parquet(clear)
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(keys.sealing).encrypt(nonce, clear.getvalue(), b"sealed names")


def unseal(sealed: bytes, keys: Keys) -> pl.DataFrame:
    """The table that `seal` was given.

    Raises:
        IntegrityError: the bytes were changed, or sealed under another key.
    """
    try:
        clear = AESGCM(keys.sealing).decrypt(sealed[:12], sealed[12:], b"sealed names")
    except (InvalidTag, ValueError):
        raise IntegrityError(
            "expected names sealed under this home's key, found other bytes; restore sealing.key or the sealed files"
        ) from None
    return pl.read_parquet(clear)
