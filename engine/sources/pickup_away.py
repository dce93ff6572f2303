"""Putting files away: into the archive when every reader is done, into the error folder with a reason beside it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

from engine.contracts import Clock, FileEntry, Files
from engine.errors import SetupError, TransientError
from engine.sources.pickup_memory import PickupMemory, Seen
from engine.sources.pickup_read import Note


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
        try:
            final = self._move(entry, to)
            if final is not None and seen.state == "bad":
                self._explain(entry, to, final, sha256, seen)
        except (TransientError, SetupError, FileExistsError) as error:
            self._note("finalise_failed", {"name": entry.shown, "to": to, "reason": str(error)})
        return final is not None

    def _move(self, entry: FileEntry, to: str) -> str | None:
        """The name it got, or None when another file stands under the name by now: that one has not been read."""
        name = entry.name.decode("utf-8", "surrogateescape")
        now = self._files.find(self._folder, name)
        if now is not None and now != entry:
            self._note("replaced", {"name": entry.shown})
            return None
        final = self._files.move(self._folder, entry, to, name)
        moved = self._files.find(to, final)
        if moved is not None and (moved.size, moved.modified) != (entry.size, entry.modified):
            # It was replaced between our look and the move: back with it, the next poll reads it.
            self._files.move(to, moved, self._folder, name)
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
        self._files.put(to, f"{final}.error.json", io.BytesIO(text), len(text))
