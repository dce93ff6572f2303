"""Faults a stand-in is asked to commit: which one, at which operation, on which hit."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from engine.sandbox.history import matches_path

HTTP_KINDS: Mapping[str, str] = {
    "lost_answer": "The work is done, then the connection closes without an answer.",
    "cut_before": "The connection closes before any work is done.",
    "truncated": "The work is done; the answer stops in the middle of its announced Content-Length.",
    "truncated_unmarked": "The work is done; the answer has no Content-Length and stops in the middle.",
    "reset": "The work is done, then the connection is reset (RST) instead of answered.",
    "429": "No work is done; the answer is 429, with Retry-After when a value is given.",
    "500": "No work is done; the answer is 500.",
    "500_after": "The work is done, and the answer is 500 all the same.",
    "503": "No work is done; the answer is 503, with Retry-After when a value is given.",
    "html": "No work is done; the answer is 200 with an HTML page.",
    "slow": "The work is done; the answer comes after `value` seconds (default 1).",
    "drip": "The work is done; the answer comes one byte at a time, `value` seconds apart (default 0.01).",
    "black_hole": "No work is done and nothing is answered for `value` seconds (default: until the stand-in stops).",
    "expired_token": "The answer is 401, and every token and session given out before is dead.",
    "redirect": "No work is done; the answer is 302 to another host (`value` is the host, default elsewhere.invalid).",
    "late": "The connection closes without an answer, and the work is done `value` seconds later (default 1).",
    "nan": "The work is done; a number in the JSON answer is replaced by NaN.",
    "duplicate_keys": "The work is done; the first member of the JSON answer comes twice.",
    "deep": "No work is done; the answer is JSON nested `value` levels deep (default 100000).",
    "gzip_bomb": "No work is done; a small gzip answer unpacks to `value` MiB of blanks (default 64).",
    "foreign_link": "The work is done; addresses of this server in the answer lead to another (`value`, default elsewhere.invalid).",
    "error_in_200": "No work is done; the answer is 200 with an error body.",
}

SFTP_KINDS: Mapping[str, str] = {
    "drop": "The connection is dropped in the middle of the operation.",
    "slow": "The operation takes `value` seconds longer (default 1).",
    "denied": "The operation is refused with `permission denied`.",
    "changed_host_key": "The server shows another host key from the next connection on.",
    "vanish": "The file is gone when it is opened, although it was listed.",
    "grow": "The file gets longer while it is being read.",
    "rename_fails": "The rename is refused and the file keeps its old name.",
    "no_space": "A write is refused as if the disk were full.",
    "partial_read": "The read ends early, as if the file were shorter than listed.",
}

KINDS: Mapping[str, str] = {**HTTP_KINDS, **SFTP_KINDS, "slow": "The answer comes `value` seconds late (default 1)."}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """`kind` at the operations `at` covers (a case-sensitive glob), on the `nth` hit; 0 means on every hit."""

    kind: str
    at: str = "*"
    nth: int = 1
    value: str | None = None

    def __post_init__(self) -> None:
        """Refuse a kind nobody would act on: such a fault would make a test pass for nothing."""
        if self.kind not in KINDS:
            raise ValueError(f"`{self.kind}` is no kind of fault; use one of {', '.join(KINDS)}")
        if self.nth < 0:
            raise ValueError(f"`{self.nth}` is no hit to wait for; use 1 for the first, 0 for every hit")

    def seconds(self, default: float) -> float:
        """The value as a number of seconds; ValueError when it is none."""
        if self.value is None:
            return default
        try:
            return float(self.value)
        except ValueError:
            raise ValueError(f"`{self.value}` is no number of seconds for the fault `{self.kind}`") from None


def parse(text: str) -> Fault:
    """Read `kind[:at[:nth[:value]]]`, such as `lost_answer:UpdateMaster:2` or `slow:Vendors:1:3`; ValueError if bad."""
    kind, at, nth, value = (text.strip().split(":", 3) + [""] * 3)[:4]
    if nth and not (nth.isascii() and nth.isdigit()):
        raise ValueError(f"fault `{text}`: the third part is the number of the hit, such as 1, or 0 for every hit")
    try:
        return Fault(kind=kind, at=at or "*", nth=int(nth) if nth else 1, value=value or None)
    except ValueError as error:
        raise ValueError(f"fault `{text}`: {error}") from None


class Faults:
    """The faults a stand-in still has to commit, with the hits counted so far; safe to use from several threads."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._hits: list[tuple[Fault, list[int]]] = [(fault, [0]) for fault in faults]

    def add(self, fault: Fault | str) -> None:
        """Add a fault, or its text form; it counts hits from now on."""
        entry = (parse(fault) if isinstance(fault, str) else fault, [0])
        with self._lock:
            self._hits.append(entry)

    def clear(self) -> None:
        """Behave well from now on."""
        with self._lock:
            self._hits.clear()

    def take(self, operation: str, kinds: Collection[str] | None = None, *, also: str = "") -> Fault | None:
        """Count one hit of `operation` (a name or a path) and return the fault due now; the first added wins.

        `also` is a second name of the operation: a fault may be for either. Faults whose kind is not in `kinds` neither
        fire nor count.
        """
        due: Fault | None = None
        with self._lock:
            for fault, count in self._hits:
                if kinds is not None and fault.kind not in kinds:
                    continue
                if not matches_path(operation, fault.at) and not (also and matches_path(also, fault.at)):
                    continue
                count[0] += 1
                if due is None and fault.nth in {0, count[0]}:
                    due = fault
        return due
