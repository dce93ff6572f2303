"""Value trees of a spec, compiled: the way in for whoever holds a node."""

from __future__ import annotations

from collections.abc import Mapping

from engine.mapping.crosswalk import Crosswalk
from engine.mapping.operations import TreeCompiler
from engine.mapping.values import Value
from engine.spec.document import Node, Problems


def compile_value(
    node: Node, problems: Problems, *, crosswalks: Mapping[str, Crosswalk] | None = None, lookups: bool = False
) -> Value | None:
    """The value tree a node holds, or None where it has problems. `crosswalks` and `lookups` exist in a flow's mapping only."""
    return TreeCompiler(problems, crosswalks=crosswalks, lookups=lookups).compile(node)
