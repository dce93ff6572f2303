"""What must not be read by whoever gets hold of the database: sealed with AES-256-GCM, bound to the row it stands in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.contracts import Clock
from engine.errors import SetupError, UsageError
from engine.redaction import SHORTEST, Redactor, Secret
from engine.state.codec import moment, stamp
from engine.state.database import Database
from engine.state.keyring import Key, Keyring, load_keyring
from engine.state.tables import secret

MAGIC = b"mlc1"
_NONCE = 12
HEAD = len(MAGIC) + 8
"""Bytes of a sealed value that tell its key: the form, then the key's id."""

_CHECK = b"this key opens this database"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSecret:
    """A secret in the vault, without its value."""

    name: str
    key_id: str
    updated_at: datetime


def seal(key: Key, data: bytes, tenant: str, *identity: str) -> bytes:
    """Encrypts for exactly this place: moved to another row, column or tenant it can't be opened."""
    nonce = os.urandom(_NONCE)
    return MAGIC + bytes.fromhex(key.id) + nonce + key.cipher.encrypt(nonce, data, _place(key, tenant, identity))


def unseal(keyring: Keyring, sealed: bytes, tenant: str, *identity: str) -> bytes:
    """What was sealed. Raises SetupError when the key is missing, or the value was altered or moved here."""
    sealed = bytes(sealed)
    key_id = sealed[len(MAGIC) : HEAD].hex()
    key = keyring.find(key_id) if sealed.startswith(MAGIC) else None
    if key is None:
        raise SetupError(f"The state was sealed with key `{key_id}`, which is not among the keys given: add it")
    try:
        return key.cipher.decrypt(sealed[HEAD : HEAD + _NONCE], sealed[HEAD + _NONCE :], _place(key, tenant, identity))
    except InvalidTag as error:
        where = " ".join(identity)
        raise SetupError(
            f"The sealed value of `{where}` was altered or moved: restore the database from a backup"
        ) from error


def _place(key: Key, tenant: str, identity: tuple[str, ...]) -> bytes:
    return "|".join(["mlc1", *map(_escaped, (tenant, *identity, key.id))]).encode()


@lru_cache(maxsize=4096)
def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace("|", "%7C")


class Vault:
    """One tenant's sealed values, its secrets and its login tokens. Every secret read is masked from then on."""

    def __init__(self, database: Database, tenant: str, keyring: Keyring, *, redactor: Redactor, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.tenant = tenant
        self.keyring = keyring
        self.redactor = redactor
        for key in keyring.keys:
            redactor.add(key.text())

    def seal(self, data: bytes, *identity: str) -> bytes:
        """Encrypts for the named place of this tenant."""
        return seal(self.keyring.current, data, self.tenant, *identity)

    def open(self, sealed: bytes, *identity: str) -> bytes:
        """The opposite. Raises SetupError."""
        return unseal(self.keyring, sealed, self.tenant, *identity)

    def set(self, name: str, value: str) -> None:
        """Keeps a secret, replacing an earlier one. Raises UsageError when it is too short to be masked safely."""
        if len(value) < SHORTEST:
            raise UsageError(f"The secret `{name}` is shorter than {SHORTEST} characters: it would mask ordinary words")
        self.redactor.add(value)
        self.keep("secret", name, value.encode(), None)

    def get(self, name: str) -> Secret:
        """Raises SetupError when there is none of that name."""
        found = self.fetch("secret", name)
        if found is None:
            raise SetupError(f"The secret `{name}` is not in the vault: `mlconnector secrets set {name}`")
        value = found.decode()
        self.redactor.add(value)
        return Secret(value)

    def mask_stored(self) -> None:
        """From now on every stored secret is masked, for a person may type one where it does not belong."""
        asked = select(secret.c.name, secret.c.sealed).where(*self._of("secret"))
        with self._database.look() as connection:
            rows = connection.execute(asked).all()
        for name, sealed in rows:
            with suppress(SetupError, UnicodeDecodeError):  # one that was spoilt is told where it is used
                self.redactor.add(self.open(sealed, "secret", name).decode())

    def names(self) -> list[StoredSecret]:
        """The secrets there are, by name."""
        asked = select(secret.c.name, secret.c.sealed, secret.c.updated_at).where(*self._of("secret")).order_by("name")
        with self._database.look() as connection:
            rows = connection.execute(asked).all()
        return [
            StoredSecret(name=name, key_id=bytes(sealed[len(MAGIC) : HEAD]).hex(), updated_at=moment(updated))
            for name, sealed, updated in rows
        ]

    def remove(self, name: str) -> None:
        """Raises UsageError when there is none of that name."""
        with self._database.write() as connection:
            gone = connection.execute(delete(secret).where(*self._of("secret"), secret.c.name == name))
        if not gone.rowcount:
            raise UsageError(f"The secret `{name}` is not in the vault: `mlconnector secrets list` shows what is")

    def audit_key(self, key_id: str | None = None) -> tuple[str, bytes]:
        """Id and bytes of the key that chains the trail: the current one, or that of an earlier, retired master key."""
        if key_id is None:
            current = self.keyring.current
            return current.id, current.audit
        key = self.keyring.find(key_id)
        kept = key.audit if key else self.fetch("audit", key_id)
        if kept is None:
            raise SetupError(f"The trail was written with key `{key_id}`, which is not among the keys given: add it")
        return key_id, kept

    def keep(self, kind: str, name: str, value: bytes, expires: datetime | None) -> None:
        """Seals one value of any kind in the table of secrets."""
        sealed = {
            "sealed": self.seal(value, kind, name),
            "expires_at": stamp(expires),
            "updated_at": stamp(self._clock()),
        }
        with self._database.write() as connection:
            put_sealed(connection, self.tenant, kind, name, sealed)

    def fetch(self, kind: str, name: str) -> bytes | None:
        """One value of any kind, unless it is missing or has expired."""
        asked = select(secret.c.sealed, secret.c.expires_at).where(*self._of(kind), secret.c.name == name)
        with self._database.look() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None or (row.expires_at is not None and moment(row.expires_at) <= self._clock()):
            return None
        return self.open(row.sealed, kind, name)

    def _of(self, kind: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return secret.c.tenant == self.tenant, secret.c.kind == kind

    def verify(self) -> None:
        """Raises SetupError when these keys are not this database's; the first call marks the database as theirs."""
        if self.fetch("check", "key") is not None:
            return
        try:
            self.keep("check", "key", _CHECK, None)
        except IntegrityError:  # another process was first
            self.fetch("check", "key")

    @property
    def tokens(self) -> Tokens:
        """Where logins keep their tokens between runs."""
        return Tokens(self)


class Tokens:
    """Login tokens, sealed, gone when they expire."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def get(self, name: str) -> bytes | None:
        """The token kept under that name, unless it has expired."""
        value = self._vault.fetch("token", name)
        if value is not None:
            self._vault.redactor.add(value.decode("utf-8", "replace"))
        return value

    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        """Durable when it returns: a rotating refresh token is stored before it is used."""
        self._vault.redactor.add(value.decode("utf-8", "replace"))
        self._vault.keep("token", name, value, expires)


def put_sealed(connection: Connection, tenant: str, kind: str, name: str, values: Mapping[str, object]) -> None:
    """Writes one row of the table of secrets, whether it is there or not."""
    place = (secret.c.tenant == tenant, secret.c.kind == kind, secret.c.name == name)
    if not connection.execute(update(secret).where(*place).values(**values)).rowcount:
        connection.execute(insert(secret).values(tenant=tenant, kind=kind, name=name, **values))


def open_vault(
    database: Database,
    tenant: str,
    workspace: Path,
    *,
    environment: Mapping[str, str],
    redactor: Redactor,
    clock: Clock,
) -> Vault:
    """The tenant's vault with its keys found (or, for a new database, made) and proven to fit. Raises SetupError."""
    with database.look() as connection:
        used = connection.execute(select(secret.c.name).where(secret.c.kind == "check").limit(1)).first() is not None
    keyring = load_keyring(workspace, environment, make=not used)
    vault = Vault(database, tenant, keyring, redactor=redactor, clock=clock)
    vault.verify()
    return vault
