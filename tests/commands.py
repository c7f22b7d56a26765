"""The program as a test types it."""

import signal
import sys
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

from support import QUICK
from typer.testing import CliRunner

from detector.cli import main


def detector(
    *args: object, cwd: Path, stdin: str | bytes = "", env: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Run the program in a folder: exit code, standard output, standard error.

    It runs in this process: to load its libraries anew for each of some two hundred commands takes longer than all that
    they do. What is about processes (signals, two at once) starts its own.
    """
    there = QUICK | {"COLUMNS": "200"} | (env or {})
    before = signal.getsignal(signal.SIGTERM)
    with (
        chdir(cwd),
        CliRunner().isolation(input=stdin, env=there) as (out, err, _),
        patch.object(sys, "argv", ["detector", *map(str, args)]),
    ):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            signal.signal(signal.SIGTERM, before)
        sys.stdout.flush()
        sys.stderr.flush()
        return code, out.getvalue().decode(), err.getvalue().decode()


def refused(
    *args: object, cwd: Path, code: int, saying: str, stdin: str | bytes = "", env: dict[str, str] | None = None
) -> None:
    """The program refuses: this exit code, one sentence on standard error, no traceback."""
    found, out, err = detector(*args, cwd=cwd, stdin=stdin, env=env)
    assert found == code, err
    assert out == ""
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert saying in lines[0]
    assert "Traceback" not in err
