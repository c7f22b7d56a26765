"""The command line: alone reads argv, the environment, the clock and the exit status.

Each command is a few lines over a function of the library.
"""

import os
import signal
import sys
import traceback
from pathlib import Path

from detector.cli import arrivals, auditing, batch, console, deciding, operating, reading, review
from detector.cli._common import app
from detector.errors import DetectorError

__all__ = ["app", "arrivals", "auditing", "batch", "console", "deciding", "main", "operating", "reading", "review"]


class _Terminated(BaseException):
    """SIGTERM came."""


def _on_sigterm(number: int, _: object) -> None:
    raise _Terminated


def main() -> None:
    """Run a command; every refusal is a sentence and an exit code (see `errors`)."""
    signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        app()
    except DetectorError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: nothing more to say
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except _Terminated:
        sys.exit(143)
    except Exception as error:
        # What it says may quote ids: its kind and place are enough to find it.
        where = traceback.extract_tb(error.__traceback__)[-1]
        print(
            f"error: unexpected {type(error).__name__} in {Path(where.filename).name}:{where.lineno}; "
            "please report this line; `detector runs` says what became of the run",
            file=sys.stderr,
        )
        sys.exit(1)
