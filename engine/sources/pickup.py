"""Files picked up from a folder: settled, fetched whole, handed over, and put away only when every reader is done.

A file's identity is the SHA-256 of its bytes; its name is a note. Two listings that agree, a pause between them, and a look after the
download keep half-written files out; what none of them can see (a rewrite of equal size within the same second) the hash does.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import re2

from engine.contracts import BadRow, Clock, FileEntry, Files, Parcel, ParcelOutcome, Row, Sleep
from engine.errors import ParcelError, Unsettled
from engine.sources.pickup_away import After, Away
from engine.sources.pickup_memory import PickupMemory, Seen, Taken
from engine.sources.pickup_read import Note, Reader
from engine.sources.spool import Spool, remove

_UNFINISHED = (".tmp", ".part", ".filepart", ".writing", ".partial", ".crdownload", ".inprogress", ".mlctmp")
_RACY = timedelta(seconds=2)
_EMPTY_FOR = timedelta(minutes=1)
"""A file without a byte may be an upload that has just begun; one that stays so is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """When a file counts as complete: listings `apart` agree, and it has looked like this `for` so long by our clock."""

    apart: timedelta = timedelta(seconds=5)
    for_: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pickup:
    """The keys of `pickup:`. `match` and `exclude` are patterns with `*` and `?`, `matches` is a regular expression for the whole name."""

    folder: str
    match: str = "*"
    matches: str | None = None
    exclude: tuple[str, ...] = ()
    settled: Settled = field(default_factory=Settled)
    min_size: int = 1
    order: Literal["name", "modified"] = "name"
    max_files: int | None = None
    after: After | None = None
    missing_folder: Literal["error", "make"] = "error"
    same_content: Literal["skip", "read"] = "skip"
    stuck_after: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        if self.matches is not None:
            try:
                re2.compile(self.matches)
            except re2.error as error:
                raise ValueError(f"`matches` is no regular expression: {error}") from error

    def takes(self, shown: str) -> bool:
        """Whether a file of that name is one of ours."""
        if shown.lower().endswith(_UNFINISHED) or not fnmatch.fnmatchcase(shown, self.match):
            return False
        if self.matches is not None and re2.fullmatch(self.matches, shown) is None:
            return False
        return not any(fnmatch.fnmatchcase(shown, pattern) for pattern in self.exclude)


class PickupSource:
    """The files of one object as parcels of one flow. `readers` are all flows that read the same files, this one included."""

    def __init__(
        self,
        kind: Pickup,
        files: Files,
        read: Reader,
        memory: PickupMemory,
        *,
        flow: str,
        readers: tuple[str, ...],
        spool: Path,
        clock: Clock,
        sleep: Sleep,
        note: Note = lambda _event, _detail: None,
    ) -> None:
        self._kind = kind
        self._files = files
        self._read = read
        self._memory = memory
        self._flow = flow
        self._spool = Spool(spool, flow)
        self._empty_for = max(kind.settled.for_, kind.settled.apart, _EMPTY_FOR)
        self._clock = clock
        self._sleep = sleep
        self._note = note
        self._away = Away(files, kind.folder, kind.after, memory, flow=flow, readers=readers, clock=clock, note=note)

    def parcels(self) -> Iterator[Parcel]:
        """Settled files that are new; the next is fetched when the one before is settled. Raises SetupError, TransientError."""
        self._spool.clean()
        for entry, since in self._ready():
            taken = self._fetch(entry, since)
            if taken is None:
                continue
            seen = self._memory.content(self._flow, taken.sha256)
            if seen is not None and not self._again(taken, seen):
                continue
            again = seen is not None and seen.state == "done"
            received: list[dict[str, Any]] = []
            yield Parcel(
                id=_parcel_id(taken, again=again),
                kind="file",
                name=entry.shown,
                read=partial(self._rows, taken, received, rush=False),
                rush=partial(self._rows, taken, received, rush=True),
                sha256=taken.sha256,
                size=entry.size,
                again=again,
                received=received,
                handle=taken,
            )

    def _rows(self, taken: Taken, received: list[dict[str, Any]], *, rush: bool) -> Iterator[Row | BadRow]:
        received.clear()
        if taken.entry.size == 0 and self._kind.min_size > 0:
            raise ParcelError("the file is empty: nothing was written into it, or its upload broke off at once")
        return self._read(taken.path, received.append, rush=rush)

    def settle(self, parcel: Parcel, outcome: ParcelOutcome) -> None:
        """Puts the file away and lets the local copy go. What fails here is noted and tried again at the next run."""
        taken: Taken = parcel.handle
        state: Literal["done", "bad"] = "done" if outcome.ok else "bad"
        self._finish(taken, Seen(state=state, name=parcel.name, reason=outcome.reason))

    def _finish(self, taken: Taken, seen: Seen) -> None:
        gone = self._away.put_away(taken.entry, taken.sha256, seen)
        if not gone and taken.trusted:
            self._memory.remember(self._flow, taken.entry, taken.sha256)
        remove(taken.path)

    def _ready(self) -> list[tuple[FileEntry, datetime]]:
        """Files that may be fetched now, and since when they look as they do; those known already are put away or left."""
        first = {entry.name: entry for entry in self._listed() if not self._known(entry)}
        if not first:
            return []
        since = self._memory.first_seen(self._flow, list(first.values()))
        self._sleep(self._kind.settled.apart.total_seconds())
        ready = [
            entry
            for entry in self._listed()
            if entry.name in first and self._is_settled(entry, first[entry.name], since)
        ]
        ready.sort(key=(lambda e: (e.modified, e.name)) if self._kind.order == "modified" else (lambda e: (e.name, 0)))
        return [(entry, since[entry.name]) for entry in ready[: self._kind.max_files]]

    def _listed(self) -> list[FileEntry]:
        kind = self._kind
        if kind.missing_folder == "make":
            self._files.ensure(kind.folder)
        listing = self._files.scan(kind.folder)
        for shown, reason in listing.skipped:
            if kind.takes(shown):
                self._note("skipped", {"name": shown, "reason": reason})
        return [entry for entry in listing.entries if kind.takes(entry.shown)]

    def _known(self, entry: FileEntry) -> bool:
        """A file read before and unchanged since: not downloaded again, but put away when that is still due."""
        sha256 = self._memory.known_file(self._flow, entry)
        if sha256 is None:
            return False
        seen = self._memory.content(self._flow, sha256)
        if seen is None:
            return False
        self._away.put_away(entry, sha256, seen)
        return True

    def _is_settled(self, entry: FileEntry, first: FileEntry, since: Mapping[bytes, datetime]) -> bool:
        waiting = self._clock() - since[entry.name]
        if entry != first:
            reason = "it changed between two listings"
        elif entry.size < self._kind.min_size and not (entry.size == 0 and waiting >= self._empty_for):
            reason = f"it has {entry.size} bytes, and {self._kind.min_size} are the least"
        elif waiting < self._kind.settled.for_:
            reason = f"it has not been unchanged for {self._kind.settled.for_} yet"
        else:
            return True
        self._note("unsettled", {"name": entry.shown, "reason": reason})
        if entry == first and waiting >= self._kind.stuck_after:
            self._note("stuck", {"name": entry.shown, "reason": f"{reason}, for {waiting} now"})
        return False

    def _fetch(self, entry: FileEntry, since: datetime) -> Taken | None:
        """The local copy, or None when the file turned out to be still written."""
        now = self._clock()
        try:
            with self._spool.new() as (path, file):
                sha256 = self._files.fetch(self._kind.folder, entry, file)
                if file.tell() != entry.size:
                    raise Unsettled(f"`{entry.shown}` gave {file.tell()} bytes, and {entry.size} were listed")  # noqa: TRY301  # removes the copy
        except Unsettled as error:
            self._note("unsettled", {"name": entry.shown, "reason": str(error)})
            return None
        # Modification times are whole seconds: only a file that looked like this for two seconds before it was fetched can't have been
        # rewritten afterwards within its second (the racy rule of git, on our own clock).
        return Taken(entry=entry, sha256=sha256, path=path, trusted=now - since >= _RACY)

    def _again(self, taken: Taken, seen: Seen) -> bool:
        """Content that is in the ledger already: True when it is to be read all the same, else it is put away."""
        other = seen.name != taken.entry.shown
        if other:
            self._note(
                "same_content", {"name": taken.entry.shown, "first": seen.name, "policy": self._kind.same_content}
            )
        if seen.state == "bad" or (other and self._kind.same_content == "read"):
            # What was unusable and is placed again may be usable with today's spec.
            return True
        self._finish(taken, seen)
        return False


def _parcel_id(taken: Taken, *, again: bool) -> str:
    """The same bytes are the same parcel; read once more under another name, they are one of their own."""
    return f"file:{taken.sha256}" + (f":{taken.entry.shown}" if again else "")
