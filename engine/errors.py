"""Every error, grouped by what the runner does about it.

MlconnectorError
├── SpecError            nothing runs; every problem is printed             exit 1
├── UsageError           the command is wrong; nothing was changed          exit 2
├── RecordError          this document is held, quarantined or rejected     exit 3
│   └── Refused          ... because the target said no
├── ParcelError          this file goes to the error folder                 exit 3
├── InDoubt              never sent again without looking                   exit 3
├── SetupError           this flow stops and alerts                         exit 4
├── TransientError       back off; the work stays for the next run          exit 4
│   └── Unsettled        a file is still being written: next poll
└── AlreadyRunning       another run of this flow is at work                exit 5
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing wrong in a spec: where (1-based line and column), what, and what was probably meant."""

    code: str
    message: str
    file: str
    line: int
    column: int
    length: int = 1
    severity: Severity = "error"
    path: str = ""
    suggestion: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.code}] {self.message}"


class MlconnectorError(Exception):
    """Anything mlconnector says on purpose; `exit_code` is what the command ends with."""

    exit_code = 70


class SpecError(MlconnectorError):
    """The spec does not hold together: nothing runs."""

    exit_code = 1

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class UsageError(MlconnectorError):
    """The operator asked for something that can't be done; nothing was changed."""

    exit_code = 2


class RecordError(MlconnectorError):
    """One document can't be mapped, checked or accepted; the rest goes on. `field` names where."""

    exit_code = 3

    def __init__(self, message: str, *, field: str = "", waits: bool = False, hold: bool = False) -> None:
        super().__init__(f"`{field}`: {message}" if field else message)
        self.field = field
        self.waits = waits
        self.hold = hold


class Refused(RecordError):
    """The target parsed the request and said no. `reference` is the target's own id of the answer.

    `half_written` tells that an earlier commit step of the same document did succeed: it must be undone or held.
    """

    def __init__(
        self, message: str, *, reference: str = "", status: int | None = None, half_written: bool = False
    ) -> None:
        super().__init__(message)
        self.reference = reference
        self.status = status
        self.half_written = half_written


class ParcelError(MlconnectorError):
    """A whole file is unreadable (structure, encoding, header): nothing of it is used. `place` says where it broke."""

    exit_code = 3

    def __init__(self, message: str, *, place: str = "") -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place


class InDoubt(MlconnectorError):
    """A write may or may not have happened: look before anything else."""

    exit_code = 3

    def __init__(self, message: str, *, duplicate: bool = False, status: int | None = None) -> None:
        super().__init__(message)
        self.duplicate = duplicate
        self.status = status


class SetupError(MlconnectorError):
    """The connection is wrong (login, host key, address, version): no record can go through it."""

    exit_code = 4


class LostLock(SetupError):
    """The database took away what kept others out: this run stops before it sends more, and the next one goes on."""


class TransientError(MlconnectorError):
    """It may work later, and nothing was changed by trying. `after` is how many seconds the other side asked for."""

    exit_code = 4

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Unsettled(TransientError):
    """A file changed while it was read: it is still being written."""


class AlreadyRunning(MlconnectorError):
    """Another run of this flow holds its lock."""

    exit_code = 5
