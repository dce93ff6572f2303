"""What the ledger answers with, and what it can be asked to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypedDict

from engine.contracts import Record, State
from engine.errors import MlconnectorError


class LostClaim(MlconnectorError):
    """Somebody else changed the document since it was read: nothing was written; leave it alone."""


class AlreadyTaken(MlconnectorError):
    """Another run took in the same file meanwhile: nothing was written, and nothing is missing."""


class IllegalTransition(MlconnectorError):
    """The delivery protocol knows no such step; a bug in the caller, and nothing was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """The latest version of a document: enough to tell new, unchanged and changed apart."""

    version: int
    content_hash: str
    state: State
    tries: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One document as it stands in a list: what it is called and why it is there, and nothing sealed."""

    flow: str
    key: str
    version: int
    state: State
    number: str
    party: str
    amount: str | None
    reason: str
    step: str
    place: str
    reference: str
    tries: int
    created_at: datetime
    updated_at: datetime


class Claimed(NamedTuple):
    """A document that was claimed, without its content."""

    key: str
    version: int
    epoch: int
    state: State
    parcel_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ParcelRow:
    """A parcel the ledger has seen. `state` is `ingested`, `partial`, `settled` or `bad`."""

    id: str
    flow: str
    kind: str
    name: str
    sha256: str
    size: int
    state: str
    reason: str
    counts: Mapping[str, int]
    run: str
    seen_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ParcelName:
    """A name under which some content was seen."""

    name: str
    sha256: str
    seen_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """How far a source was read: everything up to `value`; `cap` is the newest stamp there before that pass."""

    value: str
    cap: str = ""
    pass_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of a flow. `outcome` is empty while it is at work."""

    id: str
    flow: str
    mode: str
    spec_sha: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    ok: bool
    summary: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class OutgoingFile:
    """A file as it was built. `control` is its number in `series`, `made_at` the time in it; `answered`: the partner acknowledges it."""

    flow: str
    folder: str
    name: str
    sha256: str
    size: int
    number: int
    made_at: datetime
    series: str = ""
    control: int = 0
    answered: bool = False
    spec_sha: str = ""
    run_id: str = ""

    @property
    def place(self) -> str:
        """Folder and name, as the documents' reference."""
        return f"{self.folder.rstrip('/')}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboxBatch:
    """A file that is built or dropped. Numbers are never reused. `state` is `built`, `sending`, `done` or `held`.

    `answer` is what the partner said of it: `due`, `overdue`, `accepted`, `rejected`, or nothing where nothing is expected.
    """

    flow: str
    number: int
    folder: str
    name: str
    sha256: str
    size: int
    documents: int
    state: str
    built_at: datetime
    made_at: datetime
    control: int = 0
    answer: str = ""
    spec_sha: str = ""

    @property
    def place(self) -> str:
        """Folder and name, as the documents' reference."""
        return f"{self.folder.rstrip('/')}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One commit step that went on the wire, opened for reading. `finished_at` None: how it ended is not known."""

    key: str
    version: int
    step: str
    epoch: int
    number: int
    spec_sha: str
    request_sha: str
    request: bytes
    started_at: datetime
    deadline_at: datetime
    outcome: str
    status: int | None
    response: bytes
    finished_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """How many documents stand in a state, and what they add up to (documents without an amount add nothing)."""

    documents: int
    amount: Decimal


class Changes(TypedDict, total=False):
    """What may change together with the state; everything left out stays as it is.

    `settle` starts the wait of an IN_DOUBT document now: `not_before` = now + settle, measured on the boot clock.
    """

    step: str
    reference: str
    reason: str
    not_before: datetime | None
    tries: int
    crashes: int
    payload: Record | None
    spec_sha: str
    amount: str | None
    identifiers: Mapping[str, str]
    settle: timedelta
