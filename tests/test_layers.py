"""The house stands as it was drawn: what is pure imports no door, and each outside world has its one door."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "detector"
PURE = (
    "tables",
    "errors",
    "access",
    "cases",
    "handling",
    "aftermath",
    "suppressed",
    "suppressing",
    "views",
    "error_rate",
    "clearing",
    "onset",
    "comparison",
    "playbacks",
    "days",
    "coviewing",
    "neighbours",
    "spans",
    "features",
    "forests",
    "combining",
    "model",
    "tails",
    "decisions",
    "likeness",
    "innocence",
    "reranking",
    "offering",
    "drift",
    "ranking",
    "rivals",
    "naming",
    "evaluation",
    "portrait",
    "simulate",
)
RECIPES = (
    "ingesting",
    "growing",
    "receipts",
    "corrections",
    "repairing",
    "digesting",
    "lookback",
    "findings",
    "nightly",
    "verifying",
    "training",
    "retraining",
    "published",
    "explaining",
    "reviewing",
    "typed",
    "tallying",
    "casefiles",
    "demo",
)
# A foreign library or a module of the standard library that reaches the world, and where it may be imported.
DOORS = {
    "mlflow": {"registry"},
    "skops": {"registry"},
    "sqlalchemy": {"ledger", "cli"},  # cli: hides a password in a URL
    "alembic": {"ledger"},
    "sqlite3": {"ledger", "sources"},
    "typer": {"cli"},
    "rich": {"terminal"},
    "filelock": {"runs"},
    "cryptography": {"identity"},
    "polars_hash": {"identity"},
    "secrets": {"console", "demo", "identity", "runs"},
    "fastapi": {"console"},
    "jinja2": {"console"},
    "pwdlib": {"console"},
    "authlib": {"console"},
    "uvicorn": {"cli"},
    "sklearn": {"comparison", "forests", "model", "reranking", "rivals", "tails"},
    "numba": {"forests"},
    "matplotlib": {"pictures"},
    "pydantic_settings": {"config"},
    "tomllib": {"config"},
    "tempfile": {"registry", "training", "sources"},
    "maxminddb": {"geo"},
    "http": {"webhook"},
}
# What a module of the package may not import, itself or through others.
NO_DOOR = {
    "store",
    "ledger",
    "registry",
    "sources",
    "geo",
    "runs",
    "terminal",
    "pictures",
    "exports",
    "webhook",
    "cli",
    "console",
}


def _module_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _files() -> list[Path]:
    return [path for path in PACKAGE.rglob("*.py") if "packaged" not in path.parts]


def _imports(path: Path) -> set[str]:
    """Full names of what a file imports while it runs; imports for type checkers alone do not count."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _own(path: Path) -> set[str]:
    return {name.split(".")[1] for name in _imports(path) if name.startswith("detector.")}


@pytest.mark.parametrize("library", DOORS)
def test_each_outside_world_has_its_door(library: str) -> None:
    """A library that touches the world is imported by its door alone."""
    users = {_module_of(path) for path in _files() if any(name.split(".")[0] == library for name in _imports(path))}
    assert users == DOORS[library]


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_import_no_door(module: str) -> None:
    """What turns frames into frames knows nothing of files, databases, models at rest or terminals."""
    files = [path for path in _files() if _module_of(path) == module]
    assert files
    allowed = {"simulate": {"errors"}}.get(module, set())
    for path in files:
        assert not (_own(path) & NO_DOOR) - allowed, path.name


def test_no_door_imports_a_recipe() -> None:
    """Doors are handed to recipes, never the other way round."""
    for path in _files():
        if _module_of(path) in ("store", "ledger", "registry", "identity", "config", "sources", "geo"):
            assert not _own(path) & {*RECIPES, "cli", "console"}, path.name


@pytest.mark.parametrize("call", ["datetime.now", "dt.datetime.now", "date.today", "time.time"])
def test_the_clock_is_read_by_the_command_line_alone(call: str) -> None:
    """`now` is an argument everywhere else."""
    readers = {_module_of(path) for path in _files() if f"{call}(" in path.read_text()}
    assert readers <= {"cli"}


def test_every_module_is_placed() -> None:
    """A new module has to be drawn into this picture before it passes."""
    doors = {
        "store",
        "ledger",
        "registry",
        "sources",
        "geo",
        "identity",
        "config",
        "runs",
        "terminal",
        "pictures",
        "exports",
        "webhook",
        "console",
        "cli",
    }
    assert {_module_of(path) for path in _files()} - {"__init__"} == {*PURE, *RECIPES, *doors}


@pytest.mark.parametrize("module", ["detector", "detector.cli"])
def test_importing_is_light(module: str) -> None:
    """The front door and the command line load neither scikit-learn nor MLflow nor Polars nor the web."""
    heavy = ("sklearn", "mlflow", "polars", "sqlalchemy", "matplotlib", "fastapi")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["detector.published", "detector.reviewing"])
def test_reading_is_lighter_than_learning(module: str) -> None:
    """Scores and the queue are read without scikit-learn and MLflow, which take seconds to load."""
    code = f"import sys, {module}; print([m for m in ('sklearn', 'mlflow', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_does_nothing(tmp_path: Path) -> None:
    """No module writes a file or prints a word when it is imported."""
    names = sorted(
        ".".join(("detector", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for path in _files()
        if "versions" not in path.parts and path.name != "env.py"  # Alembic runs these
    )
    code = "\n".join(f"import {name}" for name in names)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["cli", "features", "ledger", "playbacks", "sources"])
def test_public_names_exist(package: str) -> None:
    """What a package lists as public is there."""
    module = importlib.import_module(f"detector.{package}")
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_front_door_names_exist() -> None:
    """Every name that the front door promises can be had, and is listed for type checkers too."""
    import detector

    for name in detector.__all__:
        assert getattr(detector, name) is not None
    assert sorted(detector._WHERE) == sorted(detector.__all__)
