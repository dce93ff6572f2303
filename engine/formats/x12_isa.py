"""What an ISA says, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from engine.formats.x12_findings import Interchange, Party
from engine.formats.x12_read import Head

_QUALIFIERS = frozenset(
    {*(f"{n:02}" for n in (*range(1, 5), *range(7, 21), *range(27, 39))), "AM", "NR", "SA", "SN", "ZZ"}
)

Told = tuple[str, str]
"""TA1's note code, and the finding in words."""


def opened(head: Head) -> Interchange:
    e = head.elements
    return Interchange(
        sender=Party(qualifier=e[4], id=e[5]),
        receiver=Party(qualifier=e[6], id=e[7]),
        date=e[8],
        time=e[9],
        version=e[11],
        control=e[12],
        ack_wanted=e[13] == "1",
        usage=e[14],
        at=head.at,
    )


def faults(start: Interchange) -> Iterator[Told]:
    """What an interchange can't be read with."""
    if not start.control.isdigit():
        yield "018", f"the control number `{start.control[:20]}` (ISA13) is no number"
    if not start.sender.id:
        yield "006", "the sender (ISA06) is missing"
    if not start.receiver.id:
        yield "008", "the receiver (ISA08) is missing"


def oddities(start: Interchange) -> Iterator[Told]:
    """What is wrong and harmless."""
    for code, name, party in (("005", "ISA05", start.sender), ("007", "ISA07", start.receiver)):
        if party.qualifier not in _QUALIFIERS:
            yield code, f"the qualifier `{party.qualifier}` ({name}) is unknown"
    if not _is_date(start.date):
        yield "014", f"the date `{start.date}` (ISA09) is no date"
    if not (start.time.isdigit() and len(start.time) == 4 and start.time < "2400" and start.time[2:] < "60"):
        yield "015", f"the time `{start.time}` (ISA10) is no time"
    if not (start.version.isdigit() and len(start.version) == 5):
        yield "017", f"the version `{start.version}` (ISA12) is unknown"


def accepted(version: str, versions: tuple[str, ...]) -> bool:
    """Whether GS08 is one of them, or one with a partner's own ending; a guide (`X218`) has to be named itself."""
    return any(
        version == known or (version.startswith(known) and not version[len(known) :].startswith("X"))
        for known in versions
    )


def same_number(one: str, other: str) -> bool:
    """Whether two control numbers are the same, whatever zeros stand before them."""
    return one == other or (one.isdigit() and other.isdigit() and one.lstrip("0") == other.lstrip("0"))


def _is_date(text: str) -> bool:
    if len(text) != 6 or not text.isdigit() or not text.isascii():
        return False
    try:
        date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        return False
    return True
