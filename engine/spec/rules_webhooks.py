"""Rules about what a system announces by itself."""

from __future__ import annotations

from engine.spec.nodes import step
from engine.spec.problems import Problems
from engine.spec.tree import SystemTree


def check_webhooks(system: SystemTree, problems: Problems) -> None:
    """Objects that are announced belong to a system that says how its messages are checked."""
    objects = system.node.get("objects")
    if "webhook" in system.node or objects is None:
        return
    for name, node in objects.items():
        if "hinted" in node:
            message = f"nothing announces `{name}`: the system file has no `webhook`"
            problems.add("E311", node.key_mark("hinted"), message, path=step(node.path, "hinted"))
