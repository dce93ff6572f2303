"""What each write of an integration promises, in a sentence `validate` prints."""

from __future__ import annotations

from collections.abc import Iterator

from engine.run.model import Flow, Integration

_KEYED = "exactly once: the target refuses a second one, and every doubt is looked up"
_LOOKUP = "exactly once unless a person keys the same document between look and send; every doubt is looked up"
_BLIND = "at most once: the target can't be asked, so every doubt waits for a person"
_FILE = "one file under exactly one name; where it can't be told whether it arrived, a person decides"
_UPDATE = "brought up to date, which may be repeated; every doubt is looked up"
_COMPARE = "nothing is written: what is missing there or differs waits for a person"
SENTENCES = {"keyed": _KEYED, "lookup": _LOOKUP, "blind": _BLIND, "file": _FILE, "update": _UPDATE, "compare": _COMPARE}


def promises(integration: Integration) -> Iterator[str]:
    """One line a flow."""
    for flow in integration.flows.values():
        word, settle = promised(flow)
        waits = f" (settles after {settle} s)" if settle else ""
        yield f"{flow.name}: {flow.source.address} -> {flow.target.address}: {word}, {SENTENCES[word]}{waits}"


def promised(flow: Flow) -> tuple[str, int]:
    """The class of a flow's write, and after how many seconds a doubt is settled; 0 where it has no such time."""
    if flow.by_file:
        return "file", 0
    ways = flow.ways
    settle = int(ways.settle.total_seconds())
    if ways.create is not None:
        return ways.guarantee.value, settle
    return ("compare" if ways.update is None else "update"), settle
