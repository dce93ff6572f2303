"""What every part of the ledger works with, and how a document stands in its row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from engine.contracts import Clock, Document, State
from engine.state.boot import BootClock
from engine.state.codec import decode_plain, decode_record, encode_plain, encode_record, moment, stamp
from engine.state.database import Database
from engine.state.purged import purged_at
from engine.state.tables import document as documents
from engine.state.trail import Trail
from engine.state.vault import Vault

LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Desk:
    """The ledger's parts, handed to the functions that do its work."""

    database: Database
    tenant: str
    clock: Clock
    boot: BootClock
    vault: Vault
    trail: Trail
    actor: str

    def seal_record(self, record: Mapping[str, Any], key: str, version: int, field: str) -> bytes:
        """A source record or payload, sealed for its row."""
        return self.vault.seal(encode_record(dict(record)), "document", key, str(version), field)

    def clean(self, text: str) -> str:
        """A reason as it may be stored and shown: secrets masked, no control characters, not endless."""
        return _CONTROL.sub(" ", self.trail.redactor.text(text))[:LONGEST_REASON]

    def read(self, row: Row[Any]) -> Document:
        """The document of a row."""
        opened = self.vault.open
        identity = ("document", row.key, str(row.version))
        payload, purged = row.payload_sealed, purged_at(row.source_sealed)
        return Document(
            key=row.key,
            version=row.version,
            flow=row.flow,
            kind=row.kind,
            number=row.number,
            party=row.party,
            state=State(row.state),
            content_hash=row.content_hash,
            source={} if purged else decode_record(opened(row.source_sealed, *identity, "source")),
            payload=None if payload is None else decode_record(opened(payload, *identity, "payload")),
            parcel_id=row.parcel_id,
            place=row.place,
            amount=row.amount,
            identifiers=decode_plain(row.identifiers),
            epoch=row.epoch,
            step=row.step,
            tries=row.tries,
            forgiven=row.forgiven,
            crashes=row.crashes,
            reference=row.reference,
            reason=row.reason,
            not_before=moment(row.not_before),
            spec_sha=row.spec_sha,
            updated_at=moment(row.updated_at),
            purged_at=purged,
        )

    def new_row(self, document: Document, run_id: str, now: str) -> dict[str, Any]:
        """The row of a document that is taken in, all but its place in the order of arrival."""
        key, version = document.key, document.version
        payload = document.payload
        return {
            "tenant": self.tenant,
            "key": key,
            "version": version,
            "flow": document.flow,
            "kind": document.kind,
            "number": no_nul(document.number),
            "party": no_nul(document.party),
            "state": document.state.value,
            "content_hash": document.content_hash,
            "source_sealed": self.seal_record(document.source, key, version, "source"),
            "payload_sealed": None if payload is None else self.seal_record(payload, key, version, "payload"),
            "parcel_id": document.parcel_id,
            "place": no_nul(document.place),
            "step": document.step,
            "amount": document.amount,
            "identifiers": no_nul(encode_plain(document.identifiers)) if document.identifiers else "{}",
            "reason": self.clean(document.reason) if document.reason else "",
            "not_before": stamp(document.not_before),
            "waits_since": now if document.state is State.WAITING else None,
            "spec_sha": document.spec_sha,
            "run": run_id,
            "created_at": now,
            "updated_at": now,
        }


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")
_BLANKS = re.compile(r"\s+")
_DASHES = str.maketrans("‐‑–", "---")


def no_nul(text: str) -> str:
    """The text without NUL, which PostgreSQL can't hold."""
    return text.replace("\x00", "") if "\x00" in text else text


def normal(text: str) -> str:
    """An identifier as it is searched: compatible forms folded, one blank, one kind of dash, upper case."""
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", no_nul(text)).translate(_DASHES)).strip().upper()


def identifier_rows(tenant: str, key: str, version: int, identifiers: Mapping[str, str]) -> list[dict[str, Any]]:
    """What makes a document findable."""
    return [
        {"tenant": tenant, "name": name, "value": normal(str(value)), "key": key, "version": version}
        for name, value in identifiers.items()
        if value
    ]


def at(desk: Desk, key: str, version: int) -> tuple[Any, ...]:
    """The conditions that name one row."""
    return documents.c.tenant == desk.tenant, documents.c.key == key, documents.c.version == version


def now_text(desk: Desk) -> str:
    """The time, as stored."""
    moment_now: datetime = desk.clock()
    return stamp(moment_now)
