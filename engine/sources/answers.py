"""What a partner answers to files of ours: acknowledgements picked up from a folder, and what each says of which file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.contracts import Record
from engine.sources.pickup import Pickup

_ACCEPTED = frozenset({"A", "E", "P"})
_MOST_TOLD = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """The keys of `acknowledged:`. Without an answer `within` that time people are told."""

    pickup: Pickup
    within: timedelta = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A partner's word on the file of ours with that control number. `rejected`: its sets refused, by number; None means all or none."""

    series: str
    control: int
    accepted: bool
    rejected: tuple[int, ...] | None
    reason: str


def said_in(record: Record) -> Said | None:
    """What one record of a file of acknowledgements says; None where its numbers are none of ours."""
    answered = record.get("answered")
    if answered is not None:
        return _of_interchange(record, answered)
    return _of_group(record)


def _of_interchange(record: Record, answered: Mapping[str, Any]) -> Said | None:
    number, verdict = str(answered.get("interchange", "")), str(answered.get("verdict", ""))
    if not _is_number(number) or verdict != "R":
        return None  # that an interchange arrived says nothing of what is in it
    reason = f"the partner rejects the whole interchange (TA1 code {answered.get('note', '')})"
    return Said(series=_series(record), control=int(number), accepted=False, rejected=None, reason=reason)


def _of_group(record: Record) -> Said | None:
    from engine.formats.x12_acks import answer_of

    answer = answer_of(record)
    if not _is_number(answer.number):
        return None
    refused = [each for each in answer.sets if not each.accepted]
    accepted = answer.verdict in _ACCEPTED
    told = [f"set {each.number}: {', '.join((*_codes(each.codes), *each.errors)) or 'rejected'}" for each in refused]
    reason = "; ".join(["the partner's acknowledgement rejects it", *_codes(answer.codes), *told][:_MOST_TOLD])
    return Said(
        series=_series(record),
        control=int(answer.number),
        accepted=accepted,
        rejected=tuple(int(each.number) for each in refused if _is_number(each.number)) if accepted else None,
        reason="" if accepted and not refused else reason,
    )


def _codes(codes: tuple[str, ...]) -> Iterator[str]:
    if codes:
        yield f"code {' '.join(codes)}"


def _series(record: Record) -> str:
    """Our numbers towards whoever sent this: the answer's receiver is us."""
    from engine.formats.x12_compose import series_of
    from engine.formats.x12_findings import Party

    said = record.get("envelope", {})
    us = Party(qualifier=said.get("receiver_qualifier", ""), id=said.get("receiver", ""))
    them = Party(qualifier=said.get("sender_qualifier", ""), id=said.get("sender", ""))
    return series_of(us, them)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9
