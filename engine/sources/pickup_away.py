"""Putting files away: into the archive when every reader is done, into the error folder with a reason beside it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.connections import names
from engine.contracts import Clock, FileEntry, Files
from engine.errors import SetupError, TransientError
from engine.sources.pickup_memory import PickupMemory, Seen
from engine.sources.pickup_read import Note

_REASON = ".error.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class After:
    """The keys of `after:`: where files go that were read, and those that can't be. Without a folder they stay where they are."""

    done: str | None = None
    bad: str | None = None


class Away:
    """Moves finished files out of one folder. A failure is noted, never raised: the documents are safe, the next run tries again."""

    def __init__(
        self,
        files: Files,
        folder: str,
        after: After | None,
        memory: PickupMemory,
        *,
        flow: str,
        readers: Sequence[str],
        clock: Clock,
        note: Note,
    ) -> None:
        self._files = files
        self._folder = folder
        self._after = after or After()
        self._memory = memory
        self._flow = flow
        self._readers = readers
        self._clock = clock
        self._note = note

    def put_away(self, entry: FileEntry, sha256: str, seen: Seen) -> bool:
        """Moves the file, unless another reader still needs it or the spec leaves files where they are; True when it is gone."""
        to = self._after.done if seen.state == "done" else self._after.bad
        # An unusable file is unusable for every reader: it need not wait for the others.
        waits_for = self._readers if seen.state == "done" else (self._flow,)
        if to is None or not self._memory.readers_done(sha256, waits_for):
            return False
        final = None
        name = names.decode(entry.name)
        try:
            bad = seen.state == "bad"
            final = self._move_explained(entry, to, sha256, seen) if bad else self._move(entry, to, name)
        except (TransientError, SetupError, FileExistsError) as error:
            self._note("finalise_failed", {"name": entry.shown, "to": to, "reason": str(error)})
        if final is not None:
            self._memory.put_away(sha256, self._readers)
        return final is not None

    def _move_explained(self, entry: FileEntry, to: str, sha256: str, seen: Seen) -> str | None:
        """The reason first, then the file: once the file has moved, nobody comes by here again to explain it."""
        name = self._free_name(entry, to, sha256)
        try:
            self._explain(entry, to, name, sha256, seen)
        except SetupError as error:  # it may not be written there: the file is put away all the same
            self._note("finalise_failed", {"name": entry.shown, "to": to, "reason": f"no note of why: {error}"})
            return self._move(entry, to, name)
        final = self._move(entry, to, name)
        if final != name:
            if final is not None:
                self._explain(entry, to, final, sha256, seen)
            self._files.remove(to, _beside(name))
        return final

    def _free_name(self, entry: FileEntry, to: str, sha256: str) -> str:
        """The file's own name, or where that is taken one made of its time and content: the same at every try."""
        name = names.decode(entry.name)
        if self._files.find(to, name) is None:
            return name
        modified = datetime.fromtimestamp(min(max(entry.modified, 0), 2**32), UTC)
        return names.decode(names.unique(entry.name, modified, sha256[:8]))

    def _move(self, entry: FileEntry, to: str, name: str) -> str | None:
        """The name it got, or None when another file stands under its own by now: that one has not been read."""
        own = names.decode(entry.name)
        now = self._files.find(self._folder, own)
        if now is not None and now != entry:
            self._note("replaced", {"name": entry.shown})
            return None
        final = self._files.move(self._folder, entry, to, name)
        moved = self._files.find(to, final)
        if moved is not None and (moved.size, moved.modified) != (entry.size, entry.modified):
            # It was replaced between our look and the move: back with it, the next poll reads it.
            self._files.move(to, moved, self._folder, own)
            self._note("replaced", {"name": entry.shown})
            return None
        self._note("moved", {"name": entry.shown, "to": f"{to}/{final.encode('utf-8', 'backslashreplace').decode()}"})
        return final

    def _explain(self, entry: FileEntry, to: str, final: str, sha256: str, seen: Seen) -> None:
        """A JSON file beside the unusable one, for the person who finds it there."""
        reason = {
            "what": seen.reason or "the file can't be used",
            "file": entry.shown,
            "from": self._folder,
            "flow": self._flow,
            "when": self._clock().isoformat(timespec="seconds"),
            "sha256": sha256,
            "size": entry.size,
            "next": f"Nothing of this file was used. Correct it and place it in `{self._folder}` again: it is then read anew.",
        }
        text = json.dumps(reason, indent=2, ensure_ascii=False).encode() + b"\n"
        self._files.put(to, _beside(final), io.BytesIO(text), len(text), replace=True)


def _beside(name: str) -> str:
    """What the reason for a file of that name is called; a name has at most 255 bytes, this one included."""
    return names.decode(names.encode(name)[: 255 - len(_REASON)]) + _REASON
