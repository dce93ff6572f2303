"""What a spec test needs of a stand-in: whoever runs tests brings them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from engine.contracts import Clock


class Stand(Protocol):
    """One running stand-in of a system. Objects have the names of its system file."""

    @property
    def settings(self) -> Mapping[str, str]:
        """A value for each of the system's `needs`, secrets included."""

    def seed(self, data: Mapping[str, Any], base: Path) -> None:
        """Takes a test file's `sandbox` block: object to rows, or path to `file` (below `base`) or `text`.

        A row whose key is there already changes it. Raises UsageError for what it can't hold.
        """

    def fault(self, kind: str, at: str, nth: int, value: str | None) -> None:
        """Does wrong at the `nth` call (0: at each) of the operations `at` covers. Raises UsageError for an unknown kind."""

    def rows(self, name: str) -> list[dict[str, Any]]:
        """What the system now holds of an object, lines included. Raises UsageError for one it has no rows of."""

    def files(self, pattern: str) -> dict[str, bytes]:
        """Files by path, for a path or glob; none where the system holds no files."""

    def commits(self) -> int:
        """How many documents were created or changed, or files taken in, that are still there."""

    def calls(self, at: str = "*") -> int:
        """How many requests or file operations reached it, of those `at` covers."""

    def complaints(self) -> list[str]:
        """What a real system would pass over in silence or break on: unknown parameters, its own mistakes."""

    def __enter__(self) -> Self:
        """Starts it on loopback."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stops it; nothing of it stays."""


StandIn = Callable[[str, Clock], Stand]
"""System name and clock to a stand-in, not started. Raises UsageError for a system there is none of."""
