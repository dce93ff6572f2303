"""What is said of received interchanges: a 997 for each group, a TA1 where one is due, each a file of its own."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from engine.contracts import Record
from engine.mapping.values import Value
from engine.targets.forms import Stamp

if TYPE_CHECKING:
    from engine.formats.x12_findings import Group

Plain = Mapping[str, Any]
_UNSAFE = re.compile(r"[^A-Za-z0-9]")
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
DUPLICATE = "025"
"""TA1's code for a control number that came before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledge:
    """The keys of `acknowledge:`. `ta1`: what answers whole interchanges, those that `asked`, also the rejected ones, or none."""

    folder: str
    name: Value
    ta1: Literal["asked", "rejected", "never"] = "rejected"


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """One acknowledgement: what it answers to, by the sender's control numbers, and what it is written from."""

    form: Literal["997", "TA1"]
    sender: str
    interchange: str
    group: str
    verdict: str
    payload: Record


def due_for(received: Iterable[Plain], kind: Acknowledge, *, refused: Collection[str] | None = ()) -> Iterator[Due]:
    """What is due for the interchanges of a file. `refused` names sets that could not be used (`str` of their key); None: all of them."""
    from engine.formats.x12_acks import wants_997
    from engine.formats.x12_received import interchange_of

    for plain in received:
        whole = interchange_of({**plain, "groups": []})
        if kind.ta1 != "never" and (whole.ack_wanted or (kind.ta1 == "rejected" and whole.verdict == "R")):
            yield _ta1(plain, whole.note)
        for group in plain["groups"]:
            alone = {**plain, "groups": [group]}
            found = interchange_of(alone).groups[0]
            if wants_997(whole, found):
                bad = None if refused is None else [key for key in _keys(found, refused) if key in refused]
                yield Due(
                    form="997",
                    sender=sender_of(plain),
                    interchange=plain["control"],
                    group=found.control,
                    verdict="rejected" if bad or (bad is None and group["sets"]) else "received",
                    payload={"form": "997", "received": alone, "refused": bad},
                )


def _keys(group: Group, refused: Collection[str]) -> Iterator[str]:
    """Of its sets; a group may have very many, and most files have none that is refused."""
    return (str(each.key) for each in group.sets) if refused else iter(())


def duplicate_of(plain: Plain, kind: Acknowledge) -> Due | None:
    """The TA1 for an interchange whose number came before."""
    return None if kind.ta1 == "never" or (kind.ta1 == "asked" and not plain["ack_wanted"]) else _ta1(plain, DUPLICATE)


def sender_of(plain: Plain) -> str:
    """Who sent an interchange: qualifier and id."""
    return f"{plain['sender']['qualifier']}:{plain['sender']['id']}"


def _ta1(plain: Plain, note: str) -> Due:
    payload = {"form": "TA1", "received": {**plain, "groups": []}, "note": note}
    verdict = "accepted" if note == "000" else f"rejected, code {note}"
    return Due(
        form="TA1", sender=sender_of(plain), interchange=plain["control"], group="", verdict=verdict, payload=payload
    )


class AcknowledgementForm:
    """Files with one acknowledgement each, from us to whoever sent what it answers to."""

    def series(self, first: Record) -> str:
        """Our numbers towards that sender, the same that everything else we send there takes."""
        from engine.formats.x12_compose import series_of
        from engine.formats.x12_received import interchange_of

        received = interchange_of({**first["received"], "groups": []})
        return series_of(received.receiver, received.sender)

    def names(self, first: Record) -> Mapping[str, str]:
        """What is acknowledged, in letters that may stand in a file's name: the sender chose them."""
        received = first["received"]
        told = {"sender": received["sender"]["id"], "interchange": received["control"]}
        told["group"] = received["groups"][0]["control"] if received["groups"] else ""
        return {name: _UNSAFE.sub("_", text) for name, text in told.items()}

    def encode(self, records: Iterable[Record], stamp: Stamp) -> Iterator[bytes]:
        """The one record's file. Raises RecordError where its sender can't be addressed."""
        from engine.formats.x12_acks import build_997, build_ta1
        from engine.formats.x12_compose import Batch
        from engine.formats.x12_received import interchange_of

        batch = Batch(number=stamp.number, at=stamp.at)
        for record in records:
            received = interchange_of(record["received"])
            if record["form"] == "TA1":
                yield from build_ta1(received, batch, note=record["note"])
            else:
                group, refused = received.groups[0], record["refused"]
                bad = None if refused is None else set(refused)
                sets = group.sets if bad is None or bad else ()
                outcomes = {each.key: "R" for each in sets if bad is None or str(each.key) in bad}
                yield from build_997(received, group, outcomes, batch)  # type: ignore[arg-type]  # "R" is a verdict

    def check(self, record: Record) -> None:
        """Written once for nothing: what the sender wrote into its envelope may be impossible to answer."""
        deque(self.encode([record], Stamp(number=1, at=_ANY_TIME)), maxlen=0)
