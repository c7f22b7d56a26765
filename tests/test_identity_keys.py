"""The two keys of a home, and what is sealed under one of them."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from test_identity import KEY, KEYS, OTHER_KEY

from detector.errors import InputError, IntegrityError, SettingsError
from detector.identity import (
    Keys,
    load_keys,
    pseudonymise_ids,
    seal,
    unseal,
)

# Keys


def test_a_home_gets_two_keys_that_only_its_owner_can_read(tmp_path: Path) -> None:
    """Made on first use with mode 0600 whatever the umask, different from each other, and kept."""
    before = os.umask(0)
    try:
        keys = load_keys(tmp_path)
    finally:
        os.umask(before)
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["identity.key", "sealing.key"]
    for name in files:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert keys.sealing != bytes.fromhex(keys.pseudonym)
    assert load_keys(tmp_path) == keys


def test_two_homes_have_two_keys(tmp_path: Path) -> None:
    """Keys are drawn, not derived."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, other = load_keys(tmp_path / "one"), load_keys(tmp_path / "other")
    assert one.pseudonym != other.pseudonym
    assert one.sealing != other.sealing


RACER = """
import sys, hashlib
from pathlib import Path
from detector.identity import load_keys
root, me, other = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
for n in range(100):
    home = root / str(n)
    home.mkdir(exist_ok=True)
    (root / f"{n}.{me}").touch()
    while not (root / f"{n}.{other}").exists():
        pass
    keys = load_keys(home)
    print(hashlib.sha256(keys.pseudonym.encode() + keys.sealing).hexdigest())
"""


def test_two_processes_that_race_to_make_the_key_end_with_the_same(tmp_path: Path) -> None:
    """A hundred times, both get the keys that are on disk in the end, and nothing else is left there."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), *names],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for names in (("a", "b"), ("b", "a"))
    ]
    try:
        outputs = [racer.communicate(timeout=60) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
    assert [err for _, err in outputs] == ["", ""]
    assert outputs[0][0] == outputs[1][0]
    on_disk = [load_keys(tmp_path / str(n)) for n in range(100)]
    seen = [hashlib.sha256(keys.pseudonym.encode() + keys.sealing).hexdigest() for keys in on_disk]
    assert outputs[0][0].split() == seen
    assert len(set(seen)) == 100
    assert {path.name for path in tmp_path.glob("*/*")} == {"identity.key", "sealing.key"}


def test_a_given_key_is_kept_by_the_home(tmp_path: Path) -> None:
    """Homes that were given the same key give the same pseudonyms, then and later, and seal with keys of their own."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    homes = [tmp_path / name for name in ("one", "other")]
    for home in homes:
        home.mkdir()
    one, other = (load_keys(home, tmp_path / "key") for home in homes)
    assert one.pseudonym == other.pseudonym == KEY
    assert one.sealing != other.sealing
    assert load_keys(homes[0]) == one
    assert stat.S_IMODE((homes[0] / "identity.key").stat().st_mode) == 0o600


def _chain(error: BaseException | None) -> str:
    """Everything that an error and whatever led to it say of themselves."""
    said = ""
    while error is not None:
        said += f"{error} {error!r} {error.args}"
        error = error.__cause__ or error.__context__
    return said


def _tells_no_key(error: BaseException) -> bool:
    said = _chain(error).lower()
    return not any(key[:16] in said for key in (KEY, OTHER_KEY, KEYS.sealing.hex())) and str(KEYS.sealing) not in said


def test_a_home_refuses_another_key_than_its_own(tmp_path: Path) -> None:
    """Pseudonyms under two keys would never meet: said as a matter of settings, and the home keeps its key."""
    (tmp_path / "key").write_text(KEY)
    load_keys(tmp_path, tmp_path / "key")
    (tmp_path / "key").write_text(OTHER_KEY)
    with pytest.raises(SettingsError, match=r"another in .*key; give that key, or name another --home") as refused:
        load_keys(tmp_path, tmp_path / "key")
    assert _tells_no_key(refused.value)
    assert load_keys(tmp_path).pseudonym == KEY


@pytest.mark.parametrize(
    "content",
    [b"", KEY[:-1].encode(), (KEY + "0").encode(), KEY.upper().encode(), b"\xef\xbb\xbf" + KEY.encode(), b"g" * 64,
     (KEY + "\xe9").encode(), (KEY[:32] + "\n" + KEY[32:]).encode(), b"\xff" * 64, b"\x00" * 64, "٣".encode() * 64],
)  # fmt: skip
@pytest.mark.parametrize("where", ["given", "identity.key", "sealing.key"])
def test_what_is_no_key_is_refused_without_telling_it(tmp_path: Path, where: str, content: bytes) -> None:
    """Short, long, upper-case, torn or binary: exit code 2, the file is named, its bytes are not."""
    (tmp_path / where).write_bytes(content)
    with pytest.raises(SettingsError, match=f"64 lower-case hex digits in .*{where}") as refused:
        load_keys(tmp_path, tmp_path / "given" if where == "given" else None)
    assert _tells_no_key(refused.value)


def test_a_key_file_that_can_not_be_read_is_missing_input(tmp_path: Path) -> None:
    """No such file, or a folder: exit code 4 and the reason; and the home got no key of its own from it."""
    (tmp_path / "folder").mkdir()
    for name, reason in (("nowhere", "No such file"), ("folder", "Is a directory")):
        with pytest.raises(InputError, match=f"{name}, found: {reason}"):
            load_keys(tmp_path, tmp_path / name)
    assert not (tmp_path / "identity.key").exists()


FULL_DISK = """
import sys, resource
from pathlib import Path
from detector.errors import InputError
from detector.identity import load_keys
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
try:
    load_keys(Path(sys.argv[1]))
except InputError as error:
    print(error)
"""


def test_a_full_disk_leaves_no_part_of_a_key(tmp_path: Path) -> None:
    """The refusal is a sentence, and the next run starts from nothing."""
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "expected to write a key" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_keys_are_not_in_what_they_print_nor_in_errors_of_frames() -> None:
    """Neither `repr` nor what Polars says of a plan that failed tells a key."""
    said = [repr(KEYS), str(KEYS), f"{KEYS}", json.dumps(KEYS, default=str)]
    wrong: list[pl.DataFrame] = [
        pl.DataFrame({"account_id": [["a list"]]}),
        pl.DataFrame({"profile_id": ["no account"]}),
        pl.DataFrame({"account_id": ["a"], "playback_id": ["no start"]}),
    ]
    for rows in wrong:
        with pytest.raises(pl.exceptions.PolarsError) as error:
            pseudonymise_ids(rows, KEYS)
        assert _tells_no_key(error.value)
    for text in said:
        assert KEY not in text
        assert str(KEYS.sealing) not in text


# Sealed names

NAMES = pl.DataFrame(
    {"pseudonym": [2**64 - 1, 7, None], "name": ["Zoë 😀", None, "a\x00b"]}, schema_overrides={"pseudonym": pl.UInt64}
)


def test_sealed_names_come_back_as_they_were() -> None:
    """Emoji, NUL, nulls, huge pseudonyms and no rows at all included."""
    for names in (NAMES, NAMES.clear()):
        assert_frame_equal(unseal(seal(names, KEYS), KEYS), names)


def test_sealing_twice_gives_different_bytes_that_show_no_name() -> None:
    """A fresh nonce each time; nothing of the names or of Parquet is to be seen."""
    one, other = seal(NAMES, KEYS), seal(NAMES, KEYS)
    assert one[:12] != other[:12]
    assert one[12:] != other[12:]
    for part in ("Zoë".encode(), b"PAR1", b"pseudonym"):
        assert part not in one


@given(st.data())
@settings(max_examples=100)
def test_one_altered_byte_is_refused(data: st.DataObject) -> None:
    """Wherever it stands, nonce and tag included."""
    sealed = bytearray(seal(NAMES, KEYS))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(IntegrityError, match="expected names sealed under this home's key"):
        unseal(bytes(sealed), KEYS)


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27, 28, -1])
def test_torn_sealed_names_are_refused(length: int) -> None:
    """However few bytes are left."""
    with pytest.raises(IntegrityError):
        unseal(seal(NAMES, KEYS)[:length], KEYS)


def test_names_open_under_their_own_key_only() -> None:
    """Another home's sealing key opens nothing; the pseudonym key has no part in it."""
    sealed = seal(NAMES, KEYS)
    with pytest.raises(IntegrityError) as refused:
        unseal(sealed, Keys(KEY, bytes(32)))
    assert _tells_no_key(refused.value)
    assert_frame_equal(unseal(sealed, Keys(OTHER_KEY, KEYS.sealing)), NAMES)


def test_a_key_that_is_another_is_refused(tmp_path: Path) -> None:
    """What was written under a key is nobody's under another: neither takes the place of the one that was used."""
    keys = load_keys(tmp_path)
    assert load_keys(tmp_path, made_with=keys.key_id, sealed_with=keys.sealing_key_id) == keys
    for name, made_with, sealed_with in (
        ("identity.key", keys.key_id, None),
        ("sealing.key", None, keys.sealing_key_id),
    ):
        before = (tmp_path / name).read_text()
        (tmp_path / name).write_text(OTHER_KEY)
        with pytest.raises(IntegrityError, match=f"{name}.*bring it back"):
            load_keys(tmp_path, made_with=made_with, sealed_with=sealed_with)
        (tmp_path / name).write_text(before)
