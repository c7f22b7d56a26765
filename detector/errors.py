"""The exception tree and its exit codes.

Every refusal is a `DetectorError`: one sentence that says what was expected, what was found and what to do.
The command line prints the sentence and ends with the class's `exit_code`; anything else is a bug and ends with 1.
"""

import re
from collections.abc import Iterable
from typing import ClassVar

_SHOWN = 30
_NAME = re.compile(r"[^\W\d][\w .()/-]{0,60}")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_NAMING = set(
    "account address asn bookmark city client connection country created date day device duration end ended "
    "episode event id ip item kind label latitude library log longitude media method movie ms name network "
    "operation paused percent plan play played platform player position profile progress rating reference region "
    "row runtime season section seconds series server session start started state stop stopped table time "
    "timestamp timezone title track ts type updated user username utc verdict view viewed watched zone".split()
)  # of which the names of columns are made


class DetectorError(Exception):
    """A refusal. `exit_code` is what the process ends with; the message is for a person."""

    exit_code: ClassVar[int] = 1


class SettingsError(DetectorError):
    """The command line or a configuration file asks for something that cannot be."""

    exit_code = 2


class GateError(DetectorError):
    """The data were read but look wrong as a whole; nothing was published."""

    exit_code = 3


class InputError(DetectorError):
    """Something that should be read is missing, unreadable or unknown."""

    exit_code = 4


class DeniedError(DetectorError):
    """Somebody asks for what their role does not allow."""

    exit_code = 77  # EX_NOPERM of sysexits.h


class IntegrityError(DetectorError):
    """Stored or published bytes are not the ones that were written."""

    exit_code = 5


class NoChampionError(DetectorError):
    """No model is in use yet."""

    exit_code = 6


class BusyError(DetectorError):
    """Another run holds the lock, or a store it needs stays locked or away; trying again later is right."""

    exit_code = 75


def columns_found(found: Iterable[str]) -> str:
    """The columns of a table that lacks some, for a sentence.

    Where most are not made of words that columns are named with, its first row of ids and titles stands there, and
    nothing of it is repeated.

    >>> columns_found(["accountId", "film", "Start Time"]), columns_found(["jane", "The Title", "TV"])
    ('accountId, film, Start Time', 'no line of column names')
    """
    names = list(found)
    named = [name for name in names if _NAMING.intersection(map(str.lower, _WORD.findall(name)))]
    odd = [name for name in names if name and not _NAME.fullmatch(name)]  # such as an address, a time
    if odd or 2 * len(named) < max(len(names), 1):
        return "no line of column names"
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
