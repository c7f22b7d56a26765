"""What every log format is made of, and how a file is refused.

A module of this package defines one or more `Format` values; `detector.sources.FORMATS` lists them. A format turns
its rows into the columns of `tables.RawRows` and checks nothing: what it cannot read becomes null and is judged
later. It refuses only a file that cannot be read as that format at all.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import polars as pl

from detector.errors import InputError, columns_found

Fact = Literal["IP address", "country", "device id", "device name", "duration", "title"]
_ADDRESS = frozenset[Fact]({"IP address"})
_TITLE = frozenset[Fact]({"title"})
_DEVICE = frozenset[Fact]({"device id", "device name"})
# Of each of these sets a family needs one fact. Where people live is told from lines.
_NEEDED_BY: dict[str, tuple[frozenset[Fact], ...]] = {
    "repetition": (_TITLE,),
    "concurrency": (frozenset({"duration"}),),
    "devices": (_DEVICE,),
    "places": (frozenset({"IP address", "country"}),),
    **dict.fromkeys(("groups", "profiles", "residents", "joined", "change"), (_ADDRESS, _DEVICE)),
    "taste": (_TITLE, _DEVICE),
    "rings": (frozenset({"IP address", "device id"}),),
    "hands": (frozenset({"device id"}),),
    "unresting": (_DEVICE,),
}


@dataclass(frozen=True)
class Options:
    """What the person who ingests says about files that do not say it themselves.

    `account`: name of the one account a file holds, "" where rows name it. `timezone`: IANA zone of rows without
    one, "" for none. `columns`: our name of a column → the name it has in the file. `clock`: the zone of a server that
    writes times without an offset, "" for UTC.
    """

    account: str = ""
    timezone: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    clock: str = ""


@dataclass(frozen=True)
class Format:
    """One log format.

    `recognises` looks at the beginning of a file only. `read` gives rows in the columns of `tables.RawRows`, absent
    ones null, `row` being 1 for the first data row; it raises InputError, or SettingsError where an option it needs
    is missing. `suffixes` are those of the files taken from a folder. `lacks` is what no file of the format says.
    `grows`: a later file of the same log holds all that the earlier one did. `further` names the columns of a file that
    are not read, where whoever wrote it may have meant others by them.
    """

    name: str
    says: str
    suffixes: tuple[str, ...]
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Options], pl.LazyFrame]
    lacks: tuple[Fact, ...] = ()
    grows: bool = False
    further: Callable[[Path, Options], Sequence[str]] = lambda _path, _options: ()

    @property
    def left_out(self) -> tuple[str, ...]:
        """The families that a log of this format alone leaves out."""
        return tuple(family for family, needs in _NEEDED_BY.items() if any(one <= set(self.lacks) for one in needs))

    @property
    def caveat(self) -> str:
        """What the format lacks and what that leaves out, in one line; "" where it lacks nothing."""
        if not self.lacks:
            return ""
        so = f", so {_listed(self.left_out, 'and')} will say nothing" if self.left_out else ""
        return f"{self.name}: says no {_listed(self.lacks, 'or')}{so}"


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


@contextmanager
def reading(path: Path, expected: str = "a readable file") -> Iterator[None]:
    """Say in one sentence why `path` could not be read. Wrap collecting a source's rows in it as well.

    What Polars says is left out: it may quote ids.

    Raises:
        InputError: in place of what Polars or the system raised.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"expected {expected} at {path}, found: {error.strerror or 'none'}; check the path") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise InputError(
            f"expected {expected} at {path}, found something damaged, cut short or of another kind; export it again"
        ) from None


def missing_columns(path: Path, missing: Iterable[str], found: Iterable[str], remedy: str) -> InputError:
    """The refusal of a file without columns that it must have."""
    return InputError(f"expected {' and '.join(missing)} in {path}, found {columns_found(found)}; {remedy}")


def head(path: Path, size: int = 65_536) -> bytes:
    """The first bytes of a file, without a byte order mark."""
    with path.open("rb") as file:
        return file.read(size).removeprefix(b"\xef\xbb\xbf")


def decoded(raw: bytes) -> str:
    """Text in the encoding that its first bytes show, without a byte order mark; what is not text is replaced.

    >>> decoded("Jos\u00e9".encode("utf-16")), decoded(b"Jos" + bytes([233]))
    ('Jos\u00e9', 'Jos\ufffd')
    """
    return raw.decode(json.detect_encoding(raw), "replace").removeprefix("\ufeff")
