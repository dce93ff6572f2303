"""Looking whether a system already has a document: `find` of a system file, and what its answer means.

A look that fails is an error and never means absent; absent is an answer that says so, or a list with no records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.connections.exchange import Exchange, Tree
from engine.contracts import Found, Record
from engine.errors import RecordError, Refused, TransientError
from engine.mapping.expressions import Expression
from engine.targets.steps_compare import difference
from engine.targets.steps_scope import holds

if TYPE_CHECKING:
    from engine.connections.http import Http

STEP = "find"


@dataclass(frozen=True, kw_only=True, slots=True)
class Look(Exchange):
    """Asks for the documents of a key. `ours` and `whole` are told of the one found: without `ours` nothing counts as ours.

    What is not `lasting` can't be found later: a message that was taken, say, under a key that makes a second one harmless.
    """

    records: Expression
    show: dict[str, Expression] = field(default_factory=dict)
    ours: Expression | None = None
    whole: Expression | None = None
    reference: Tree | None = None
    lasting: bool = True


def look(http: Http, kind: Look, scope: Mapping[str, Any]) -> list[Record]:
    """The records found, none when certainly absent. Raises TransientError, SetupError, and Refused when the look itself is."""
    answer = http.read(kind, scope, step=STEP)
    if answer.absent:
        return []
    try:
        records = kind.records(answer.body) if answer.body is not None else None
    except RecordError as error:
        raise TransientError(f"The answer to `{STEP}` can't be read: {error}") from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise TransientError(
            f"The answer to `{STEP}` has no records at `{kind.records.text}`, so it doesn't say that there are none"
        )
    return records


def judge(kind: Look, records: Sequence[Record], scope: Mapping[str, Any], compare: Sequence[str] | None) -> Found:
    """What the records mean for the document in `scope`; without `compare`, whatever both have must be the same.

    Raises Refused when the one found can't be judged.
    """
    if len(records) != 1:
        return Found(matches=len(records))
    record = records[0]
    found = {**scope, "found": record}
    try:
        shown = {name: shows({**scope, **record, "found": record}) for name, shows in kind.show.items()}
        return Found(
            matches=1,
            whole=kind.whole is None or holds(kind.whole(found)),
            ours=kind.ours is not None and holds(kind.ours(found)),
            reference=_reference(kind, found),
            differences=differences(shown, scope["document"], _both(shown, scope) if compare is None else compare),
            shown=shown,
            record=record,
        )
    except RecordError as error:
        raise Refused(f"A document of this key is there, and it can't be judged: {error}") from error


def _both(shown: Record, scope: Mapping[str, Any]) -> list[str]:
    """What the look shows and the document says something about: what it leaves empty stays as it is there."""
    return [name for name in shown if scope["document"].get(name) is not None]


def differences(shown: Record, document: Record, compare: Sequence[str]) -> tuple[str, ...]:
    """One sentence for each field of `compare` that is not the same there as here."""
    texts = (difference(name, shown.get(name), document.get(name)) for name in compare)
    return tuple(text for text in texts if text)


def _reference(kind: Look, scope: Mapping[str, Any]) -> str:
    value = kind.reference(scope) if kind.reference is not None else None
    return "" if value is None else str(value)
