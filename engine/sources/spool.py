"""The local copies of fetched files: generated names, ours alone, on disk before anything is made of them."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_SUFFIX = ".spool"


class Spool:
    """A flow's folder of local copies. Only one run of a flow is at work at a time, so what is found at the start is left over."""

    def __init__(self, root: Path, flow: str, *, token: Callable[[], str] = lambda: secrets.token_hex(8)) -> None:
        # A flow's name never becomes a path: its digest does.
        self.folder = root / hashlib.sha256(flow.encode()).hexdigest()[:16]
        self._token = token

    def clean(self) -> int:
        """Removes leftovers of a run that died; returns how many."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        left = [path for path in self.folder.iterdir() if path.name.endswith(_SUFFIX)]
        for path in left:
            remove(path)
        return len(left)

    @contextmanager
    def new(self) -> Iterator[tuple[Path, BinaryIO]]:
        """A new file to write; on disk when the block ends well, gone when it does not."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{self._token()}{_SUFFIX}"
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            with os.fdopen(opened, "wb") as file:
                yield path, file
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            remove(path)
            raise


def remove(path: Path) -> None:
    """Removes a local copy; a missing one is no error."""
    with suppress(FileNotFoundError):
        path.unlink()
