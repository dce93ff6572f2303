"""How much memory and time reading one file may take: whatever a file holds, the machine and the run survive it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from engine.contracts import BadRow, Row
from engine.errors import ParcelError, SetupError

MEMORY = "MLCONNECTOR_FILE_MEMORY"
SECONDS = "MLCONNECTOR_FILE_SECONDS"
_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """`memory` in bytes; `seconds`, and one more for every `bytes_a_second` of the file.

    Files above `apart_above` bytes are read in a process of their own; below it the readers' own limits keep the memory small.
    """

    memory: int = 1024 * _MIB
    seconds: float = 60
    bytes_a_second: int = 256 * 1024
    apart_above: int = _MIB

    def allowed(self, size: int) -> float:
        """Seconds reading a file of that size may take, the time its rows wait to be used not counted."""
        return self.seconds + size / self.bytes_a_second


DEFAULT = Limits()


def read_limits(environ: Mapping[str, str]) -> Limits:
    """The limits, with what the environment says (memory in MiB). Raises SetupError for what is no number above 0."""
    memory = _number(environ, MEMORY, DEFAULT.memory // _MIB)
    return Limits(memory=memory * _MIB, seconds=_number(environ, SECONDS, int(DEFAULT.seconds)))


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**7):
        raise SetupError(f"`{name}` is `{text[:40]}`: it needs a whole number above 0")
    return int(text)


def too_large(limits: Limits) -> ParcelError:
    """The file asks for more memory than one file may have."""
    return ParcelError(
        f"reading it takes more than {limits.memory // _MIB} MiB of memory, the most one file may have:"
        f" split the file, or raise `{MEMORY}`"
    )


def too_slow(seconds: float) -> ParcelError:
    """The file takes longer than one file may."""
    return ParcelError(
        f"reading it takes longer than {seconds:.0f} seconds, the most a file of its size may take:"
        f" split the file, or raise `{SECONDS}`"
    )


def in_time(rows: Iterator[Row | BadRow], seconds: float, clock: Callable[[], float]) -> Iterator[Row | BadRow]:
    """The rows, as long as getting them does not take longer. Raises ParcelError."""
    left = seconds
    while True:
        before = clock()
        row = next(rows, None)
        left -= clock() - before
        if left < 0:
            raise too_slow(seconds)
        if row is None:
            return
        yield row
