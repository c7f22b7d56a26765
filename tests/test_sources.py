"""Finding files, telling their format, and the shape that all formats share."""

import random
from pathlib import Path

import log_samples
import polars as pl
import pytest
from log_samples import FORMS, SAMPLES
from polars.testing import assert_frame_equal

from detector import sources, tables
from detector.errors import InputError, SettingsError
from detector.sources import Options

CSV = "account_id,title_id,started_at\na,t,2024-05-01T12:00:00Z\n"
NDJSON = '{"account_id":"a","title_id":"t","started_at":"2024-05-01T12:00:00Z"}\n'
NETFLIX = "Profile Name,Start Time,Duration,Title\nP,2024-05-01 12:00:00,0:10:00,Some Film\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def parquet(path: Path, rows: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    moment = pl.datetime(2024, 5, 1, 12)
    pl.select(account_id=pl.lit("a"), title_id=pl.lit("t"), started_at=moment).head(rows).write_parquet(path)
    return path


def test_folder_stands_for_all_log_files_below_it_sorted_without_hidden_ones(tmp_path: Path) -> None:
    """Files that some format may be are taken at any depth; hidden files, hidden folders and others are not."""
    taken = [
        "a/one.csv",
        "a/two.parquet",
        "b.ndjson",
        "c/d/e.jsonl",
        "f.db",
        "g.sqlite",
        "h.sqlite3",
        "i.json",
        "z.TSV",
    ]
    for name in [*taken, ".hidden.csv", ".git/x.csv", "a/notes.txt", "a/_SUCCESS"]:
        write(tmp_path / name, "x")
    (tmp_path / "folder.csv").mkdir()
    assert sources.expand([str(tmp_path)]) == sorted(tmp_path / name for name in taken)


def test_a_folder_inside_a_hidden_one_is_not_hidden_itself(tmp_path: Path) -> None:
    """Only what is hidden below the folder asked for is skipped."""
    file = write(tmp_path / ".cache" / "logs" / "a.csv", "x")
    assert sources.expand([str(file.parent)]) == [file]


def test_globs_files_and_folders_together_name_each_file_once(tmp_path: Path) -> None:
    """A file asked for by name is taken whatever its suffix; one meant twice stands once, where it came first."""
    one, two = write(tmp_path / "one.csv", "x"), write(tmp_path / "sub" / "two.csv", "x")
    odd = write(tmp_path / "export[1].txt", "x")
    assert sources.expand([str(odd), f"{tmp_path}/**/*.csv", str(tmp_path)]) == [odd, one, two]
    assert sources.expand([f"{tmp_path}/s*"]) == [two]


@pytest.mark.parametrize("asked", ["nothing-here", "*.csv", "empty", ""])
def test_what_stands_for_no_file_is_refused_by_name(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing path, a glob without a match, an empty folder, a blank: InputErrors that repeat what was asked."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "log.txt", "x")
    write(tmp_path / "below" / "log.csv", "x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found none") as refusal:
        sources.expand([str(tmp_path / "log.txt"), asked])
    assert repr(asked) in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("log.csv", CSV, "csv"),
        ("log.data", CSV, "csv"),
        ("log.csv", NETFLIX, "netflix"),
        ("renamed.txt", NETFLIX, "netflix"),
        ("log.csv", NDJSON, "ndjson"),
        ("log.json", "\ufeff\n" + NDJSON, "ndjson"),
    ],
)
def test_content_tells_the_format(name: str, content: str, format: str, tmp_path: Path) -> None:
    """A file is recognised by how it begins, whatever it is called, and gives all columns of RawRows in order."""
    taken, rows = sources.read(write(tmp_path / name, content), options=Options(account="home"))
    assert taken == format
    assert rows.collect_schema() == pl.Schema(tables.columns(tables.RawRows))
    assert rows.collect()["row"].to_list() == [1]


def test_parquet_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    """Parquet under any name is read as Parquet."""
    taken, rows = sources.read(parquet(tmp_path / "log.bin"), options=Options())
    assert (taken, rows.collect().height) == ("parquet", 1)


def _read(path: Path, format: str = "auto") -> tuple[str, pl.DataFrame]:
    """The format a file was read as, and its rows; a refusal of either step is an InputError."""
    with sources.reading(path):
        name, rows = sources.read(path, format=format, options=Options(account="home"))
        return name, rows.collect()


def test_there_is_a_sample_of_every_format() -> None:
    """What follows covers all of them, under their own names."""
    assert set(SAMPLES) == set(sources.FORMATS)
    assert all(name == f.name and f.says and f.suffixes for name, f in sources.FORMATS.items())


@pytest.mark.parametrize(("format", "form"), FORMS)
def test_every_format_recognises_its_own_and_no_other_does(format: str, form: str, tmp_path: Path) -> None:
    """Only the playback table, which takes any names of columns and is asked last, claims what is another's."""
    path = log_samples.write(tmp_path, format, form)
    claimed = [f.name for f in sources.FORMATS.values() if f.recognises(path)]
    assert claimed[0] == format
    assert set(claimed[1:]) <= {"csv", "ndjson"}


@pytest.mark.parametrize(("format", "form"), FORMS)
def test_every_format_gives_the_columns_of_raw_rows(format: str, form: str, tmp_path: Path) -> None:
    """One row of the sample is one row with an account, a start, and a title or a device, in the table's types."""
    name, rows = _read(log_samples.write(tmp_path, format, form))
    assert name == format
    assert dict(rows.schema) == tables.columns(tables.RawRows)
    (row,) = rows.to_dicts()
    assert row["row"] == 1
    assert row["account_id"]
    assert row["started_at"]
    assert row["title_id"] or row["device_id"]


@pytest.mark.parametrize(
    ("format", "form"), [(f, form) for f, form in FORMS if f not in ("parquet", "csv", "ndjson", "netflix")]
)
def test_every_format_says_truly_what_it_lacks(format: str, form: str, tmp_path: Path) -> None:
    """The sample says all that its format is not declared to lack, and nothing else; tables may say what they like."""
    (row,) = _read(log_samples.write(tmp_path, format, form))[1].to_dicts()
    shown = {
        "IP address": row["ip"],
        "device id": row["device_id"],
        "device name": row["device_name"] or row["device_id"],
        "duration": row["ended_at"],
        "title": row["title_id"],
    }
    lacks = set(sources.FORMATS[format].lacks)
    assert {fact for fact, value in shown.items() if value is None} == lacks - {"country"}
    assert row["country"] is None or "country" not in lacks


@pytest.mark.parametrize(("format", "form"), FORMS)
def test_every_format_ignores_a_column_it_does_not_know(format: str, form: str, tmp_path: Path) -> None:
    """A column that a later version adds changes nothing."""
    plain = _read(log_samples.write(tmp_path, format, form))
    assert _read(log_samples.write(tmp_path, format, form, {"added_column": "something"}))[0] == plain[0]
    assert_frame_equal(_read(log_samples.write(tmp_path, format, form, {"added_column": "something"}))[1], plain[1])


@pytest.mark.parametrize(("format", "form"), FORMS)
def test_blank_numbers_and_nulls_cost_no_row(format: str, form: str, tmp_path: Path) -> None:
    """Every column that names nobody and no time may be blank or null: the row stands, with less in it."""
    _, sample, _ = SAMPLES[format]
    row = log_samples.ANSWERED if form == "api" else sample
    needed = {
        "account_id", "user_id", "UserId", "server_user_id", "username", "started_at", "started", "Start Time", "ts",
        "ms_played", "endTime", "msPlayed", "DateCreated", "ActivityDateInserted", "start_time", "viewed_at", "row_id",
        "PlaybackDuration", "id", "PlayDuration", "PauseDuration",
    }  # fmt: skip
    for blank in ("", None):
        if blank is None and form == "tsv":
            continue
        changes = {key: blank for key in row if key not in needed}
        if format == "parquet":
            changes |= {"title_id": "t"}
        rows = _read(log_samples.write(tmp_path, format, form, {}, changes), format)[1]
        assert rows["row"].to_list() == [1, 2]
        assert rows["started_at"].is_not_null().all()
        assert rows["account_id"].is_not_null().all()


@pytest.mark.parametrize(("format", "form"), FORMS)
def test_numbers_may_stand_as_text(format: str, form: str, tmp_path: Path) -> None:
    """Integers written as strings are read as the integers."""
    _, sample, _ = SAMPLES[format]
    row = log_samples.ANSWERED if form == "api" else sample
    written = {key: str(value) for key, value in row.items() if type(value) in (int, float)}
    plain = _read(log_samples.write(tmp_path, format, form))[1]
    assert_frame_equal(_read(log_samples.write(tmp_path, format, form, written))[1], plain)


@pytest.mark.parametrize(("format", "form"), FORMS)
@pytest.mark.parametrize("damage", ["cut short", "half a first row", "empty", "another program's"])
def test_every_format_refuses_what_is_damaged_in_one_sentence_without_ids(
    format: str, form: str, damage: str, tmp_path: Path
) -> None:
    """A torn file is refused or gives the rows before the tear; nothing that stands in it reaches a message."""
    path = log_samples.write(tmp_path, format, form, *[{}] * 400)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut short": whole[: len(whole) * 2 // 3],
            "half a first row": whole[: len(whole) // 1000],
            "empty": b"",
            "another program's": b"\x7fELF\x02\x01\x01 secret-user Secret Title",
        }[damage]
    )
    by_line = form in ("csv", "ndjson", "tsv", "lines")
    try:
        rows = _read(path, format)[1]
    except (InputError, SettingsError) as refusal:
        said = str(refusal)
        assert "expected" in said
        assert "found" in said
        assert "\n" not in said
        assert not [secret for secret in log_samples.SECRETS if secret in said]
        assert not (by_line and damage == "cut short")
    else:
        assert by_line
        assert damage in ("cut short", "half a first row")
        assert rows.height < 400


@pytest.mark.parametrize(("format", "form"), FORMS)
def test_flipped_bytes_are_refused_or_read(format: str, form: str, tmp_path: Path) -> None:
    """Whatever happened to a file on its way, nothing but a refusal comes of it, or rows."""
    chance = random.Random(f"{format} {form}")
    path = log_samples.write(tmp_path, format, form)
    whole = path.read_bytes()
    said = []
    for _ in range(8):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            assert dict(_read(path, format)[1].schema) == tables.columns(tables.RawRows)
        except (InputError, SettingsError) as refusal:
            said.append(str(refusal))
    assert [secret for secret in log_samples.SECRETS if secret in "".join(said)] == []


def test_unknown_format_is_a_settings_error_that_lists_the_known(tmp_path: Path) -> None:
    """`--format betamax` names every format there is."""
    with pytest.raises(SettingsError, match="'betamax'") as refusal:
        sources.read(write(tmp_path / "a.csv", CSV), format="betamax", options=Options())
    assert all(name in str(refusal.value) for name in ("auto", *sources.FORMATS))


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("log.parquet", CSV, "none of them; export it again"),
        ("log.parquet", NDJSON, "none of them; export it again"),
        ("log.parquet", "just text", "none of them; export it again"),
        ("log.csv", b"\x1f\x8b\x08\0\0\0\0\0compressed", "a compressed file; unpack it first"),
        ("log.csv", b"\x28\xb5\x2f\xfdcompressed", "a compressed file; unpack it first"),
        ("log.csv", b"PK\x03\x04compressed", "a compressed file; unpack it first"),
        ("log.csv", "one word a line\nanother\n", "none of them; export it again"),
        ("log.csv", b"\xff\xfe" + CSV.encode("utf-16-le"), "text in UTF-16; save it as UTF-8"),
        ("log.csv", b"\xfe\xff" + CSV.encode("utf-16-be"), "text in UTF-16; save it as UTF-8"),
        ("log.csv", "\n\n", "none of them; export it again"),
        ("log.json", '\ufeff [{"id": 1, "who": "a"}]', "none of them; export it again"),
    ],
)
def test_unrecognised_file_is_refused_and_told_what_was_expected(
    name: str, content: str | bytes, found: str, tmp_path: Path
) -> None:
    """Text named .parquet, compressed bytes, UTF-16 and text without columns are refused; the formats are listed."""
    path = write(tmp_path / name, content)
    with pytest.raises(InputError, match=f"found {found}") as refusal:
        sources.read(path, options=Options(account="home"))
    assert str(path) in str(refusal.value)
    assert "netflix" in str(refusal.value)


@pytest.mark.parametrize("format", ["auto", *sources.FORMATS])
def test_empty_missing_and_folder_are_refused_in_every_format(format: str, tmp_path: Path) -> None:
    """A file of no bytes, no file and a folder each end in an InputError that names the path."""
    empty = write(tmp_path / "empty.csv", "")
    for path in (empty, tmp_path / "missing.csv", tmp_path):
        with pytest.raises(InputError, match="expected") as refusal:
            sources.read(path, format=format, options=Options(account="home"))[1].collect()
        assert str(path) in str(refusal.value)


@pytest.mark.parametrize("format", list(sources.FORMATS))
def test_a_format_asked_for_refuses_what_it_cannot_be(format: str, tmp_path: Path) -> None:
    """Asking for a format by name never crashes on other content: it is an InputError, or rows."""
    contents: list[str | bytes] = [CSV, NDJSON, "just text", "a,b\n1,2\n", "[1]\n", "{\n"]
    contents += [b"\0\1\2", b"PAR1PAR1", b"\xff\xfe,\xff\n"]
    refusals = []
    for content in contents:
        path = write(tmp_path / "file", content)
        try:
            with sources.reading(path):
                sources.read(path, format=format, options=Options(account="home"))[1].collect()
        except InputError as refusal:
            refusals.append(str(refusal))
    assert len(refusals) >= len(contents) - 1
    assert all(str(tmp_path / "file") in refusal for refusal in refusals)


def test_damage_found_while_collecting_is_one_sentence_without_data(tmp_path: Path) -> None:
    """A quote that never closes makes CSV unreadable; the refusal quotes nothing of what stands in the file."""
    path = write(tmp_path / "log.csv", CSV + 'b,"secret-title,2024-05-01T12:00:00Z\n')
    _, rows = sources.read(path, options=Options())
    with pytest.raises(InputError, match="damaged") as refusal, sources.reading(path, "CSV"):
        rows.collect()
    assert "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None
