"""What each write of an integration promises, in a sentence `validate` prints."""

from __future__ import annotations

from collections.abc import Iterator

from engine.run.model import Flow, Integration

_KEYED = "exactly once: the target refuses a second one, and every doubt is looked up"
_LOOKUP = "exactly once unless a person keys the same document between look and send; every doubt is looked up"
_BLIND = "at most once: the target can't be asked, so every doubt waits for a person"
_FILE = "one file under exactly one name; where it can't be told whether it arrived, a person decides"
SENTENCES = {"keyed": _KEYED, "lookup": _LOOKUP, "blind": _BLIND, "file": _FILE}


def promises(integration: Integration) -> Iterator[str]:
    """One line a flow."""
    for flow in integration.flows.values():
        kind, settle = _class(flow)
        waits = f" (settles after {settle})" if settle else ""
        yield f"{flow.name}: {flow.source.address} -> {flow.target.address}: {kind}, {SENTENCES[kind]}{waits}"


def _class(flow: Flow) -> tuple[str, str]:
    create = flow.target.kind.create
    if create is None:
        return "file", ""
    seconds = int(create.guarantee.settle.total_seconds())
    return create.guarantee.class_, f"{seconds} s"
