"""The door to files: partitions, manifests, atomic publication."""

import datetime as dt
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from detector.errors import InputError, IntegrityError, SettingsError
from detector.store import MANIFEST, Store, checked_bytes, digest_of, open_home, sha256, to_parquet, write_atomically

DAY = dt.date(2024, 2, 29)
NEXT = dt.date(2024, 3, 1)


def _frame(*accounts: int) -> pl.DataFrame:
    return pl.DataFrame({"account": pl.Series(accounts, dtype=pl.UInt64), "title": [f"film {a} 😀" for a in accounts]})


def _only_file(store: Store, day: dt.date = DAY) -> Path:
    """The file of the one part that a partition has."""
    [path] = (path for path in store.folder("days", day).iterdir() if path.name != MANIFEST)
    return path


def _files(home: Path) -> set[str]:
    return {path.name for path in home.rglob("*") if path.is_file()}


def test_what_was_put_is_read(tmp_path: Path) -> None:
    """Frames with huge ids and emoji, empty ones, and bytes come back as they were, with rows and notes."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a.parquet": _frame(1, 2**64 - 1)}, {"plays": 3, "until": NEXT})
    store.put("days", NEXT, {"a.parquet": _frame()})
    store.put("sealed", DAY, {"names": b"\x00\xff"})
    one, none = store.read("days", [DAY, NEXT])
    assert_frame_equal(one, _frame(1, 2**64 - 1))
    assert_frame_equal(none, _frame())
    assert store.read_bytes("sealed", DAY, "names") == b"\x00\xff"
    part = store.parts("days", DAY)["a.parquet"]
    assert part.rows == 2
    assert part.notes == {"plays": 3, "until": "2024-03-01"}
    assert part.sha256 == sha256(to_parquet(_frame(1, 2**64 - 1)))


def test_parts_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Whatever the order in which they were put."""
    store = Store(tmp_path)
    for name in ("c", "a", "b"):
        store.put("days", DAY, {name: _frame(ord(name))})
    assert list(store.parts("days", DAY)) == ["a", "b", "c"]
    assert [frame["account"][0] for frame in store.read("days", [DAY])] == [97, 98, 99]


def test_parts_of_one_name_and_some_columns_can_be_read_alone(tmp_path: Path) -> None:
    """Over days, with the columns asked for, in their order; days without such a part are passed over."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1), "b": _frame(2)})
    store.put("days", NEXT, {"a": _frame(3)})
    assert [frame["account"].to_list() for frame in store.read("days", [DAY, NEXT], "a")] == [[1], [3]]
    assert [frame["account"].to_list() for frame in store.read("days", [DAY, NEXT], "b")] == [[2]]
    assert pl.concat(store.scan("days", [DAY, NEXT], "a")).collect()["account"].to_list() == [1, 3]
    assert store.read("days", [DAY], "b", ["title", "account"])[0].columns == ["title", "account"]


def test_scanning_gives_what_reading_gives(tmp_path: Path) -> None:
    """Piece by piece or at once."""
    store = Store(tmp_path)
    for name in ("a", "b"):
        store.put("days", DAY, {name: _frame(*range(10_000))})
    assert_frame_equal(pl.concat(store.scan("days", [DAY, NEXT])).collect(), pl.concat(store.read("days", [DAY, NEXT])))


def test_a_day_without_a_partition_has_nothing(tmp_path: Path) -> None:
    """It is not an error to ask; a part that is asked for by name must be there."""
    store = Store(tmp_path)
    assert store.parts("days", DAY) == {}
    assert store.read("days", [DAY]) == store.scan("days", [DAY]) == store.partitions("days") == []
    with pytest.raises(IntegrityError, match=r"expected part a\.parquet"):
        store.read_bytes("days", DAY, "a.parquet")


def test_partitions_are_the_days_in_order(tmp_path: Path) -> None:
    """Across years and leap days; copies and other things that people leave there are no days."""
    store = Store(tmp_path)
    for day in (NEXT, DAY, dt.date(1999, 12, 31)):
        store.put("days", day, {"a": _frame(1)})
    for stranger in ("2024-02-29 (copy)", "20240228", "2024-W09-3", "backup", "2024-02-30"):
        (tmp_path / "days" / stranger).mkdir()
        (tmp_path / "days" / stranger / MANIFEST).write_text("{}")
    (tmp_path / "days" / "2024-02-28").mkdir()  # made, and then the writer was killed
    assert store.partitions("days") == [dt.date(1999, 12, 31), DAY, NEXT]
    assert store.verify() == (3, [])


def test_a_part_is_replaced_by_its_name(tmp_path: Path) -> None:
    """The new content is all there is; the bytes of the old one are gone from the disk."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1)}, {"first": True})
    old = _only_file(store)
    store.put("days", DAY, {"a": _frame(2, 3)})
    [frame] = store.read("days", [DAY])
    assert_frame_equal(frame, _frame(2, 3))
    assert store.parts("days", DAY)["a"].notes == {}
    assert not old.exists()
    assert len(_files(tmp_path)) == 2


def test_putting_the_same_again_changes_nothing(tmp_path: Path) -> None:
    """The same content under the same name stays readable, with the notes of the last time."""
    store = Store(tmp_path)
    for n in range(2):
        store.put("days", DAY, {"a": _frame(1)}, {"n": n})
    assert_frame_equal(store.read("days", [DAY])[0], _frame(1))
    assert store.parts("days", DAY)["a"].notes == {"n": 1}


def test_two_parts_may_have_the_same_content(tmp_path: Path) -> None:
    """Forgetting or replacing one leaves the other."""
    store = Store(tmp_path)
    for name in ("a", "b", "c"):
        store.put("days", DAY, {name: _frame(1)})
    store.remove_part("days", DAY, "a")
    store.put("days", DAY, {"b": _frame(2)})
    assert [frame["account"].to_list() for frame in store.read("days", [DAY])] == [[2], [1]]


def test_forgetting_a_part_leaves_the_others(tmp_path: Path) -> None:
    """Its bytes are gone; forgetting what is not there does nothing; after the last part the day is gone."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1)})
    store.put("days", DAY, {"b": _frame(2)})
    store.remove_part("days", DAY, "unknown")
    store.remove_part("days", NEXT, "unknown")
    store.remove_part("days", DAY, "a")
    assert [frame["account"].to_list() for frame in store.read("days", [DAY])] == [[2]]
    assert len(_files(tmp_path)) == 2
    store.remove_part("days", DAY, "b")
    assert store.partitions("days") == []
    assert _files(tmp_path) == set()


def test_forgetting_a_partition_takes_all_of_it(tmp_path: Path) -> None:
    """Files that no manifest named are gone with it, and other days stay."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1)})
    store.put("days", NEXT, {"a": _frame(2)})
    (store.folder("days", DAY) / "left over").write_bytes(b"x")
    store.remove("days", DAY)
    assert store.partitions("days") == [NEXT]
    assert not store.folder("days", DAY).exists()


# What is not as it was written


def test_a_byte_flipped_anywhere_in_a_part_is_refused(tmp_path: Path) -> None:
    """At 50 random places: by reading, all of it or a column, by scanning, and each is found and named by `verify`."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(*range(5_000))})
    path = _only_file(store)
    content = path.read_bytes()
    for place in random.Random(50).sample(range(len(content)), 50):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(IntegrityError, match="restore it from a backup"):
            store.read("days", [DAY])
        with pytest.raises(IntegrityError):
            store.read("days", [DAY], columns=["title"])
        with pytest.raises(IntegrityError):
            store.scan("days", [DAY])
        assert store.verify()[0] == 1
        assert [str(path) in problem for problem in store.verify()[1]] == [True]
    path.write_bytes(content)
    assert store.verify() == (1, [])


def test_a_byte_flipped_anywhere_in_a_manifest_shows_no_other_rows(tmp_path: Path) -> None:
    """Either it is refused, or the flip hit a note or a space, and the rows are those that were written."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1, 2)})
    path = store.folder("days", DAY) / MANIFEST
    content = path.read_bytes()
    refused = 0
    for place in range(len(content)):
        for bit in (0, 1, 4, 7):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :])
            try:
                [frame] = store.read("days", [DAY])
            except IntegrityError:
                refused += 1
            else:
                assert_frame_equal(frame, _frame(1, 2))
    assert refused > 64 * 4  # each digit of the digest at least


@pytest.mark.parametrize(
    "manifest",
    ["", "[]", "{}", "null", '{"parts": []}', '{"parts": {"a": {}}}', '{"parts": {"a": 3}}', "\x00", '{"parts"'],
)
def test_a_torn_manifest_is_refused_and_named(tmp_path: Path, manifest: str) -> None:
    """Whatever it was torn to, and `verify` goes on to the next."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1)})
    store.put("days", NEXT, {"a": _frame(1)})
    path = store.folder("days", DAY) / MANIFEST
    path.write_text(manifest)
    with pytest.raises(IntegrityError, match="expected a manifest"):
        store.read("days", [DAY])
    checked, [problem] = store.verify()
    assert checked == 1
    assert str(path) in problem


def test_a_part_that_is_gone_is_refused_and_named(tmp_path: Path) -> None:
    """A file that somebody deleted is not silently no rows."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1)})
    path = _only_file(store)
    path.unlink()
    with pytest.raises(IntegrityError, match="No such file"):
        store.read("days", [DAY])
    checked, [problem] = store.verify()
    assert checked == 1
    assert str(path) in problem


def test_verify_counts_every_part_of_every_table_and_names_each_problem(tmp_path: Path) -> None:
    """Two tables, two days, three parts each; two of them changed."""
    store = Store(tmp_path)
    for table in ("days", "months"):
        for day in (DAY, NEXT):
            for name in ("a", "b", "c"):
                store.put(table, day, {name: f"{table} {day} {name}".encode()})
    assert store.verify() == (12, [])
    changed = [next(store.folder(table, DAY).glob("*.b")) for table in ("days", "months")]
    for path in changed:
        path.write_bytes(path.read_bytes() + b"\n")
    checked, problems = store.verify()
    assert checked == 12
    assert [str(path) in problem for path, problem in zip(changed, problems, strict=True)] == [True, True]


def test_what_the_manifest_does_not_name_does_not_exist(tmp_path: Path) -> None:
    """A stranger's Parquet file, the aside-file of a killed writer and a manifest in the making are not seen."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1)})
    folder = store.folder("days", DAY)
    (folder / "stranger.parquet").write_bytes(to_parquet(_frame(2)))
    (folder / f".a.{os.getpid()}").write_bytes(to_parquet(_frame(3))[:50])
    (folder / f".{MANIFEST}.{os.getpid()}").write_text('{"parts"')
    store.folder("days", NEXT).mkdir()
    (store.folder("days", NEXT) / f".{MANIFEST}.1").write_text('{"parts": {}}')
    assert pl.concat(store.read("days", [DAY, NEXT]))["account"].to_list() == [1]
    assert store.partitions("days") == [DAY]
    assert store.verify() == (1, [])


# Writers that fail

FULL_DISK = """
import sys, datetime as dt, resource
from pathlib import Path
from detector.errors import InputError
from detector.store import Store
limit, data, notes = (int(size) for size in sys.argv[2:])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    Store(Path(sys.argv[1])).put("days", dt.date(2024, 2, 29), {"a": bytes(data)}, {"note": "x" * notes})
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize(("data", "notes"), [(9_000, 0), (10, 9_000)], ids=["content", "manifest"])
def test_a_full_disk_leaves_the_old_content(tmp_path: Path, data: int, notes: int) -> None:
    """Whether there is no room for the content or only none for the manifest: a sentence, and the day is as before."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1)}, {"note": "old"})
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path), "5000", str(data), str(notes)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "expected to write" in done.stdout
    assert "File too large" in done.stdout
    assert_frame_equal(store.read("days", [DAY])[0], _frame(1))
    assert store.parts("days", DAY)["a"].notes == {"note": "old"}
    assert store.verify() == (1, [])
    assert not [name for name in _files(tmp_path) if name.startswith(".")]


WRITER = """
import sys, datetime as dt
from pathlib import Path
from detector.store import Store
store = Store(Path(sys.argv[1]))
for n in range(10**9):
    store.put("days", dt.date(2024, 2, 29), {"a": str(n).encode() * 1000, "b": bytes(n % 9)}, {"n": n})
    if n == 0:
        print("begun", flush=True)
"""


def test_a_killed_writer_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """A process that replaces two parts over and over is killed at random: both stand as of one writing."""
    moments = random.Random(9)
    store = Store(tmp_path)
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "begun\n"
            time.sleep(moments.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
        parts = store.parts("days", DAY)
        assert parts["a"].notes == parts["b"].notes
        assert store.read_bytes("days", DAY, "a") == str(parts["a"].notes["n"]).encode() * 1000
        assert store.verify() == (2, [])


def test_what_can_not_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """A file where a folder should be, a folder where the file should be, a name that is too long: exit code 4."""
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder" / "full").mkdir(parents=True)
    for path in (tmp_path / "file" / "below", tmp_path / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(InputError, match="free or unlock that place"):
            write_atomically(path, b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_file_is_written_whole_and_its_folders_are_made(tmp_path: Path) -> None:
    """Old content is replaced, nothing else is left beside it."""
    for data in (b"long old content", b"new", b""):
        write_atomically(tmp_path / "a" / "b" / "file", data)
        assert (tmp_path / "a" / "b" / "file").read_bytes() == data
    assert _files(tmp_path) == {"file"}


# Homes and digests


def test_a_home_is_made_where_it_is_missing(tmp_path: Path) -> None:
    """With the folders above it; opening it again changes nothing."""
    home = tmp_path / "a" / "b 😀"
    assert open_home(home) == open_home(home) == Store(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert home.is_dir()


def test_a_home_that_is_a_file_is_a_matter_of_settings(tmp_path: Path) -> None:
    """Or lies below one: exit code 2, and the path is named."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(SettingsError, match="expected a folder for --home") as refused:
            open_home(path)
        assert str(path) in str(refused.value)


def test_bytes_are_checked_against_a_digest(tmp_path: Path) -> None:
    """The digest is SHA-256 in hex; empty files have one too."""
    for data in (b"", b"abc"):
        (tmp_path / "file").write_bytes(data)
        assert checked_bytes(tmp_path / "file", sha256(data)) == data
    assert sha256(b"abc").startswith("ba7816bf8f01cfea")  # FIPS 180-2, appendix B.1
    with pytest.raises(IntegrityError):
        checked_bytes(tmp_path / "file", sha256(b"abd"))
    with pytest.raises(IntegrityError, match="Is a directory"):
        checked_bytes(tmp_path, sha256(b""))


def test_a_digest_of_plain_data_tells_any_difference() -> None:
    """Another value, type, order of a list or day is another digest; the order of keys is not."""
    same = [{"a": 1, "b": [1, 2], "day": DAY}, {"day": DAY, "b": [1, 2], "a": 1}]
    others = [{**same[0], "a": "1"}, {**same[0], "b": [2, 1]}, {**same[0], "day": NEXT}, {**same[0], "c": None}]
    assert len({digest_of(value) for value in same}) == 1
    assert len({digest_of(value) for value in [*same, *others]}) == 5


def test_manifests_can_be_read_by_people_and_other_programs(tmp_path: Path) -> None:
    """Plain JSON with digest, rows and notes of each part."""
    store = Store(tmp_path)
    store.put("days", DAY, {"a": _frame(1, 2)}, {"plays": 7})
    written = json.loads((tmp_path / "days" / "2024-02-29" / MANIFEST).read_text())
    assert written == {"parts": {"a": {"sha256": sha256(to_parquet(_frame(1, 2))), "rows": 2, "notes": {"plays": 7}}}}
