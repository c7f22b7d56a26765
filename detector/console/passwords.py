"""Passwords: argon2id through pwdlib, with its recommended parameters."""

import functools

from pwdlib import PasswordHash

from detector.errors import SettingsError

SHORTEST = 10  # characters; NIST SP 800-63B asks for 8 at least, and for no rules of composition


@functools.cache
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@functools.cache
def _nobodys() -> str:
    return _hasher().hash("the password of nobody")


def hashed(password: str) -> str:
    """What is kept of a password.

    Raises:
        SettingsError: it is too short.
    """
    if len(password) < SHORTEST:
        raise SettingsError(
            f"expected a password of at least {SHORTEST} characters, found {len(password)}; choose a longer one"
        )
    return _hasher().hash(password)


def is_right(password: str, kept: str | None) -> bool:
    """Whether it is the password; takes as long where none is kept, so that time does not tell who is named."""
    right = _hasher().verify(password, kept or _nobodys())
    return right and kept is not None
