"""The master keys: where they come from, and the keys made of them. The first one seals, all of them open."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.errors import SetupError
from engine.state.private import check_private, sync_folder, write_private

KEY_FILE = ".mlconnector.key"
_LENGTH = 32
LOOK_EVERY = 0.05
"""Seconds a key file is not looked at again: a rotation waits longer than that before it lays a key aside."""


class Key:
    """A master key, never used itself: AES-256-GCM seals with one key made of it, HMAC-SHA256 chains with another."""

    __slots__ = ("_master", "audit", "cipher", "id")

    def __init__(self, master: bytes) -> None:
        self._master = master
        self.id = hashlib.sha256(b"mlconnector key id" + master).hexdigest()[:16]
        self.cipher = AESGCM(_derive(master, b"mlconnector seal 1"))
        self.audit = _derive(master, b"mlconnector audit 1")

    def text(self) -> str:
        """The master key as it stands in a key file or an environment variable."""
        return base64.b64encode(self._master).decode()


def new_key() -> Key:
    """A random key."""
    return Key(secrets.token_bytes(_LENGTH))


class Keyring:
    """Keys in use. One that came from a file is read again when the file changes, so a rotation reaches every process."""

    def __init__(
        self, keys: Sequence[Key], file: Path | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        if not keys:
            raise SetupError("There is no key: put 32 random bytes as Base64 into MLCONNECTOR_KEY")
        self._keys = tuple(keys)
        self._file = file
        self._seen = _look(file)
        self._now, self._looked = now, now()

    @property
    def file(self) -> Path | None:
        """Where the keys are kept; None when the environment holds them."""
        return self._file

    @property
    def keys(self) -> tuple[Key, ...]:
        """The current key first, then those being retired: as the file is now."""
        if self._file is not None and (seen := _look(self._file)) != self._seen:
            self._keys = _read(self._file)
            self._seen = seen
        self._looked = self._now()
        return self._keys

    @property
    def current(self) -> Key:
        """What new rows are sealed with."""
        return self._lately()[0]

    def find(self, key_id: str) -> Key | None:
        """The key of that id, if it is here; an unknown one may have come into the file a moment ago."""
        found = next((key for key in self._lately() if key.id == key_id), None)
        return found or next((key for key in self.keys if key.id == key_id), None)

    def _lately(self) -> tuple[Key, ...]:
        """The keys as they were a moment ago: for every value that is sealed or opened."""
        return self._keys if self._file is None or self._now() - self._looked < LOOK_EVERY else self.keys

    def replace(self, keys: Sequence[Key]) -> None:
        """Writes the key file anew. Raises SetupError when the keys come from the environment."""
        if self._file is None:
            raise SetupError("The keys come from MLCONNECTOR_KEY: change them there")
        write_private(self._file, _text(keys))
        self._keys, self._seen = tuple(keys), _look(self._file)


def load_keyring(workspace: Path, environment: Mapping[str, str], *, make: bool) -> Keyring:
    """The keys of MLCONNECTOR_KEY, of the file in MLCONNECTOR_KEY_FILE, or of the workspace's key file.

    Raises SetupError when there are none (and `make` does not ask for a new file), they are malformed or open to others.
    """
    if environment.get("MLCONNECTOR_KEY", "").strip():
        return Keyring(_parse(environment["MLCONNECTOR_KEY"], "MLCONNECTOR_KEY"))
    named = environment.get("MLCONNECTOR_KEY_FILE", "")
    file = Path(named) if named else workspace / KEY_FILE
    if not file.exists():
        if named or not make:
            raise SetupError(
                f"The key file `{file}` is missing, and the state can't be read without it: put it back, "
                "or give its content as MLCONNECTOR_KEY"
            )
        _make(file)
    return Keyring(_read(file), file)


def _make(file: Path) -> None:
    """Only one of two processes that start together makes the key; the other finds it whole."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.new")
    write_private(temporary, _text([new_key()]))
    try:
        os.link(temporary, file)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    sync_folder(file.parent)


def _read(file: Path) -> tuple[Key, ...]:
    check_private(file)
    return _parse(file.read_text(encoding="ascii", errors="replace"), f"`{file}`")


def _parse(text: str, where: str) -> tuple[Key, ...]:
    keys = []
    for part in text.replace(",", "\n").split():
        try:
            master = base64.b64decode(part.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            master = b""
        if len(master) != _LENGTH:
            raise SetupError(
                f"{where} holds something that is no key: a key is 32 random bytes as Base64 (44 characters)"
            )
        keys.append(Key(master))
    if not keys:
        raise SetupError(f"{where} holds no key")
    return tuple(keys)


def _text(keys: Sequence[Key]) -> bytes:
    return "".join(f"{key.text()}\n" for key in keys).encode()


def _look(file: Path | None) -> tuple[int, int, int] | None:
    if file is None:
        return None
    found = file.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_LENGTH, salt=None, info=purpose).derive(master)
