"""Passwords: what a good one is, and their Argon2id hashes."""

from __future__ import annotations

import re
import threading
from functools import cache
from typing import TYPE_CHECKING

from engine.errors import SetupError, UsageError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 12
LONGEST = 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_AT_ONCE = threading.BoundedSemaphore(2)
"""A hash takes 64 MiB: a storm of logins must not take the machine."""


@cache
def hasher() -> PasswordHasher:
    """RFC 9106's second choice: 64 MiB, three passes, four lanes. Stored with each hash; one made otherwise is made again at login."""
    try:
        from argon2 import PasswordHasher
    except ModuleNotFoundError as error:
        raise SetupError("The console needs its packages: `pip install 'mlconnector[service]'`") from error
    return PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4, hash_len=32, salt_len=16)


def check_name(name: str) -> str:
    """The name, if it can be one. Raises UsageError."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"`{name}` is no name for a person: use letters, digits and `. _ @ + -`, at most 64")
    return name


def check_password(password: str, name: str) -> str:
    """The password, if it is good enough (NIST SP 800-63B: length counts, composition does not). Raises UsageError."""
    if len(password) < SHORTEST:
        raise UsageError(f"A password needs at least {SHORTEST} characters: a few words make a good one")
    if len(password) > LONGEST:
        raise UsageError(f"A password may have at most {LONGEST} characters")
    plain = password.casefold()
    if plain == name.casefold() or plain.replace(name.casefold(), "") == "" or len(set(plain)) < 4:
        raise UsageError("The password is the name, or the same few characters again and again: choose another")
    return password


def hash_password(password: str) -> str:
    """Its hash, with its parameters and salt."""
    with _AT_ONCE:
        return hasher().hash(password)


def fits(hashed: str, password: str) -> bool:
    """Whether it is the password of that hash. Nobody's hash fits nothing, and takes as long."""
    from argon2.exceptions import InvalidHashError, VerificationError

    with _AT_ONCE:
        try:
            return hasher().verify(hashed or nobody(), password) and hashed != ""
        except (VerificationError, InvalidHashError):
            return False


def is_old(hashed: str) -> bool:
    """Whether it was made with other parameters than hashes are made with today."""
    return hasher().check_needs_rehash(hashed)


@cache
def nobody() -> str:
    """A hash to compare with where there is no such person."""
    import secrets

    return hasher().hash(secrets.token_urlsafe(16))
