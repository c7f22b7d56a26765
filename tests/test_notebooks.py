"""Every notebook runs from its first cell to its last, goes through the front door alone, and can be looked at."""

import ast
import base64
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def executed(request: pytest.FixtureRequest) -> Any:
    """The notebook as it comes out of a fresh kernel; an error in a cell fails here."""
    from nbclient import NotebookClient

    notebook = nbformat.read(request.param, as_version=4)  # type: ignore[no-untyped-call]
    with warnings.catch_warnings(action="ignore"):  # of the kernel's own machinery
        NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return notebook


def test_there_is_a_notebook() -> None:
    """At least the story."""
    assert "story" in {path.stem for path in NOTEBOOKS}


def _code(path: Path) -> list[Any]:
    cells = nbformat.read(path, as_version=4).cells  # type: ignore[no-untyped-call]
    return [cell for cell in cells if cell.cell_type == "code"]


def test_it_imports_the_front_door_only() -> None:
    """Nothing of the package is imported but the package."""
    for path in NOTEBOOKS:
        for cell in _code(path):
            for node in ast.walk(ast.parse(cell.source)):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
                assert not [name for name in names if name.startswith("detector.")]


def test_the_stored_one_shows_its_pictures() -> None:
    """As it lies in the repository it has been executed: each code cell in order, with its pictures, and nothing that
    a machine grumbled about."""
    for path in NOTEBOOKS:
        cells = _code(path)
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
        outputs = [output for cell in cells for output in cell.outputs]
        assert any("image/png" in output.get("data", {}) for output in outputs)
        assert not [output for output in outputs if output.get("name") == "stderr"]


def _pictures(notebook: Any) -> list[bytes]:
    return [
        base64.b64decode(output["data"]["image/png"])
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]


def test_the_story_ends_with_the_one(executed: Any) -> None:
    """The first of the list is the account that watched one film on 365 days."""
    text = "".join(
        output.get("text", "") for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs
    )
    assert "viewed the same title on 365 days in a row" in text
    assert len(_pictures(executed)) >= 4


def test_pictures_show_in_a_browser(executed: Any, tmp_path: Path) -> None:
    """In a real Chromium every picture loads at its full width, and no error is logged."""
    if CHROMIUM is None:
        reason = "no Chromium on this machine, and none could be installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    images = [f'<img src="data:image/png;base64,{base64.b64encode(p).decode()}">' for p in _pictures(executed)]
    page_file = tmp_path / "story.html"
    page_file.write_text("<!doctype html><title>story</title>" + "".join(images), encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(page_file.as_uri())
        widths = page.evaluate("[...document.images].map(i => i.complete ? i.naturalWidth : 0)")
        browser.close()
    assert len(widths) == len(images)
    assert all(width > 400 for width in widths)
    assert errors == []
