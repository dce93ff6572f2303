"""Rules for what stands in an integration without being used."""

from __future__ import annotations

from engine.spec.nodes import step
from engine.spec.problems import Problems
from engine.spec.tree import SpecTree
from engine.spec.walk import every_map, text_of


def check_use(tree: SpecTree, problems: Problems) -> None:
    """Advice about systems no flow reads, writes, looks up or takes a setting from."""
    uses, flows = tree.integration.get("systems"), tree.integration.get("flows")
    if uses is None or flows is None or not flows.value:
        return
    named = {
        address.value.partition(".")[0]
        for found in every_map(flows)
        for key in ("object", "lookup", "need")
        if (address := text_of(found, key)) is not None
    }
    for alias in uses.keys:
        if alias not in named:
            mark, path = uses.key_mark(alias), step(uses.path, alias)
            problems.add("W403", mark, f"no flow uses the system `{alias}`", suggestion="remove it", path=path)
