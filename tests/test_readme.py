"""What the README and the documents show is what happens."""

import re
import shlex
from pathlib import Path

import pytest
from commands import detector

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NETFLIX = """Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,Bookmark,\
Latest Bookmark,Country
Ana,2024-03-01 22:10:00,1:40:00,,An Invented Film,,Invented TV,1:40:00,1:40:00,BR (Brazil)
"""


def _blocks() -> list[list[str]]:
    return [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]


def test_it_opens_with_the_two_commands() -> None:
    """Make targets of these names exist, and are the first thing shown."""
    makefile = (ROOT / "Makefile").read_text()
    for command in (line.split("#")[0].split() for line in _blocks()[0]):
        assert command[0] == "make"
        assert f"\n{command[1]}:" in makefile


def test_blocks_run(tmp_path: Path) -> None:
    """Every other command, one after the other in an empty folder."""
    (tmp_path / "ViewingActivity.csv").write_text(NETFLIX)
    ran = 0
    for line in (line for block in _blocks()[1:] for line in block):
        program, *arguments = shlex.split(line)
        assert program == "detector"
        code, out, err = detector(*arguments, cwd=tmp_path)
        assert code == 0, f"{line}: {err}"
        assert out.strip()
        ran += 1
    assert ran >= 6


def test_links_lead_somewhere() -> None:
    """Every link to a file of the repository has its file."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), target


def test_the_table_of_exit_codes_is_whole() -> None:
    """Every exit code of the program stands in the README."""
    from detector import errors

    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.DetectorError)]
    codes = {kind.exit_code for kind in kinds}
    shown = {int(n) for n in re.findall(r"^\| (\d+)", README, re.MULTILINE)}
    assert codes <= shown


def test_the_table_of_formats_is_whole() -> None:
    """Every format stands in the README under its name, and no other."""
    from detector import sources

    table = README.split("## The formats")[1].split("\n## ")[0]
    named = [row.split("|")[2] for row in table.splitlines() if "`detector ingest" in row]
    assert {name for cell in named for name in re.findall("`(.+?)`", cell)} == set(sources.FORMATS)


def test_the_catalogue_of_features_is_up_to_date() -> None:
    """`make docs` would change nothing."""
    from docs.generate import page

    assert (ROOT / "docs" / "features.md").read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("name", ["configs/default.toml", "configs/production.toml"])
def test_configurations_that_are_shown_are_sound(name: str, tmp_path: Path) -> None:
    """What stands in configs/ can be used as it is."""
    code, _, err = detector("--config", ROOT / name, "config", "check", cwd=tmp_path)
    assert code == 0, err
