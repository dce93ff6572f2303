"""What the rooms promise one another: the words of design.md as types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, BinaryIO, Literal, Protocol

Record = dict[str, Any]
"""Field name to value: text, int, Decimal, bool, date, datetime, None, or a list of records."""

Clock = Callable[[], datetime]
"""Now, aware, UTC."""

Sleep = Callable[[float], None]
"""Waits that many seconds."""

Random = Callable[[], float]
"""A number in [0, 1)."""


class State(StrEnum):
    """Where a document is on its way; the transitions are in `state/transitions.py`."""

    READY = "ready"  # mapped, checked, waiting for its turn
    WAITING = "waiting"  # something it refers to is not there yet
    PROBING = "probing"  # claimed; looking whether the target has it; no effect possible yet
    SENDING = "sending"  # intent is durable; the request may be on the wire
    IN_DOUBT = "in_doubt"  # may or may not have happened; looked up after `settle`
    POSTED = "posted"  # complete in the target
    ADOPTED = "adopted"  # found complete in the target, not sent by us
    REJECTED = "rejected"  # the target refused it; tried again at later polls
    HELD = "held"  # a person decides
    CONFLICT = "conflict"  # the same key came again with other content; a person decides
    QUARANTINED = "quarantined"  # could not be mapped; waits for data or spec to change
    CANCELLED = "cancelled"  # a person decided not to post it, or a newer version replaced it


class Guarantee(StrEnum):
    """What a target allows us to promise (delivery protocol, section 1)."""

    KEYED = "keyed"
    LOOKUP = "lookup"
    BLIND = "blind"
    FILE = "file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One document as the ledger knows it. `key` and `version` identify it; `epoch` is the fencing token of its claim.

    `tries`: how often it was sent; 0 means never. A person's release has `forgiven` so many of them: `turns` are what is left.
    `purged_at`: since then source and payload are gone, for their time was over.
    """

    key: str
    version: int
    flow: str
    kind: str
    number: str
    party: str
    state: State
    content_hash: str
    source: Record
    payload: Record | None
    parcel_id: str = ""
    place: str = ""
    amount: str | None = None
    identifiers: Mapping[str, str] = field(default_factory=dict)
    epoch: int = 0
    step: str = ""
    tries: int = 0
    forgiven: int = 0
    crashes: int = 0
    reference: str = ""
    reason: str = ""
    not_before: datetime | None = None
    spec_sha: str = ""
    updated_at: datetime | None = None
    purged_at: datetime | None = None

    @property
    def turns(self) -> int:
        """Tries since a person last let it go on: what limits are about."""
        return self.tries - self.forgiven

    @property
    def marker(self) -> str:
        """Our operation id, short enough for a reference field of the target: `mlc:` and 12 hex digits."""
        import hashlib

        return "mlc:" + hashlib.sha256(f"{self.key}#{self.version}".encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One record as read, and where it stood (`row 7`, `page 2 item 3`)."""

    place: str
    values: Record


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRow:
    """A record that could not be read; the rest of its parcel can."""

    place: str
    values: Record
    error: str
    field: str = ""


Block = tuple[Sequence[int], Sequence[Sequence[Any]]]
"""Line numbers and rows, some hundred at once: what is done per block costs nothing per row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One pass over a file's rows. `places` say where in a row each wanted value stands; with `texts` all are text, never None."""

    places: tuple[int, ...]
    blocks: Iterator[Block | BadRow]
    texts: bool = False


Line = tuple[str, Sequence[Any]]
"""Where a line stands (`line 12`, `segment 14`) and its wanted values, None where absent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nested:
    """One document of a structured file: where it begins, the wanted values of its header, and its lines. Values are text or None."""

    place: str
    header: Sequence[Any]
    lines: Sequence[Line] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class FileEntry:
    """A regular file as listed: the raw name as the server sent it, size in bytes, modified in whole seconds of the server's clock."""

    name: bytes
    size: int
    modified: int

    @property
    def shown(self) -> str:
        """The name for people: undecodable bytes and control characters escaped."""
        text = self.name.decode("utf-8", "backslashreplace")
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A folder's usable files, and those passed over with the reason."""

    entries: tuple[FileEntry, ...]
    skipped: tuple[tuple[str, str], ...] = ()


class Files(Protocol):
    """A place that holds files: an SFTP server, a local folder. Folders are absolute inside it, `/` separated."""

    def scan(self, folder: str) -> Listing:
        """Usable files of a folder. Raises SetupError when the folder is missing or closed, TransientError when it can't be reached."""

    def fetch(self, folder: str, entry: FileEntry, into: BinaryIO) -> str:
        """Copies exactly the listed bytes and returns their SHA-256 in hex. Raises Unsettled when the file changed meanwhile."""

    def put(self, folder: str, name: str, data: BinaryIO, size: int, *, replace: bool = False) -> None:
        """Places a file atomically under its final name: temporary name, size verified, rename. Raises FileExistsError unless `replace`."""

    def move(self, folder: str, entry: FileEntry, to_folder: str, name: str) -> str:
        """Moves without ever overwriting; returns the final name. Done already counts as done."""

    def find(self, folder: str, name: str) -> FileEntry | None:
        """The file of that name, or None."""

    def remove(self, folder: str, name: str) -> None:
        """Removes a file; a missing one is no error."""

    def ensure(self, folder: str) -> None:
        """Makes the folder where it is missing and we may."""

    def close(self) -> None:
        """Ends the session; the object may be used again."""


class ReadAgain(Exception):
    """One pass over a parcel does not do: its rows have to be put in order first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """What a source hands over at once: one file, one page pass. `read` may be called again and yields the same.

    `rush` is faster where it is given, and may raise ReadAgain at any moment: what came so far is void, `read` has it all.
    `received` fills up while it is read: the envelopes its sender is to be told about, as plain data.
    """

    id: str
    kind: Literal["file", "pass", "event", "replay"]
    name: str
    read: Callable[[], Iterator[Row | BadRow]]
    rush: Callable[[], Iterator[Row | BadRow]] | None = None
    sha256: str = ""
    size: int = 0
    again: bool = False
    received: list[dict[str, Any]] = field(default_factory=list)
    handle: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ParcelOutcome:
    """How a parcel ended: durable in the ledger, or unusable with its reason."""

    ok: bool
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


class Source(Protocol):
    """Hands over parcels, and finishes each once its records are durable."""

    def parcels(self) -> Iterator[Parcel]:
        """Raises SetupError, TransientError; ParcelError comes from `Parcel.read`."""

    def settle(self, parcel: Parcel, outcome: ParcelOutcome) -> None:
        """Archive, error folder, cursor. Called after the ledger has committed; may be called again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the target shows for a document's key. `matches` 0 = certainly absent; `record` is the one found, as answered."""

    matches: int
    whole: bool = False
    ours: bool = False
    reference: str = ""
    differences: tuple[str, ...] = ()
    shown: Record = field(default_factory=dict)
    record: Record = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The target's definite success: its own reference for the document."""

    reference: str
    detail: Mapping[str, Any] = field(default_factory=dict)


Intend = Callable[[str], None]
"""Called with a commit step's name just before it goes on the wire; returns once the intent is durable."""


class Target(Protocol):
    """Takes one document at a time. `find` raises TransientError, SetupError; `send` also Refused, InDoubt."""

    guarantee: Guarantee
    settle: timedelta
    one_at_a_time: str | None
    at_once: int
    can_undo: bool

    def find(self, document: Document) -> Found:
        """Looks whether the target has the document; a failed look is an error, never `absent`."""

    def send(self, document: Document, intend: Intend) -> Receipt:
        """Writes it. Before each commit step `intend(step)` is called; after it every doubt is InDoubt."""

    def amend(self, document: Document, found: Found, intend: Intend) -> Receipt:
        """Brings the one document found up to date. Doing it twice must do no harm. Same errors as `send`."""

    def undo(self, document: Document, found: Found) -> None:
        """Removes a half-written document of ours. Same errors as `send`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One exchange with a system, for the trail: redacted and capped by the trail, not by the caller."""

    system: str
    step: str
    method: str
    address: str
    status: int | None
    outcome: str
    seconds: float
    request: bytes = b""
    response: bytes = b""


Watch = Callable[[Call], None]
"""Told about every exchange, as it ends."""


class Lookups(Protocol):
    """Reads other objects for a mapping's `lookup`: batched, cached for the run."""

    def fetch(self, name: str, keys: Sequence[tuple[Any, ...]]) -> Mapping[tuple[Any, ...], Sequence[Record]]:
        """For each key the records found (none, one, several). Raises TransientError, SetupError."""
