"""The exception tree and its exit codes.

Every refusal is a `DetectorError`: one sentence that says what was expected, what was found and what to do.
The command line prints the sentence and ends with the class's `exit_code`; anything else is a bug and ends with 1.
"""

from typing import ClassVar


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
