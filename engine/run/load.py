"""`load`: a spec file to an Integration, or every problem in it. The one way in for `validate`, `run` and the tests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import Problem, UsageError
from engine.run.compile import compile_integration, compile_system
from engine.run.model import Integration
from engine.spec.document import Node, Problems
from engine.spec.tree import SpecTree, load_system, load_tree

if TYPE_CHECKING:
    from engine.formats.x12_set import TransactionSet


def load(path: Path) -> Integration:
    """The integration, ready to run. Raises SpecError with every problem in it, UsageError for a system or test file."""
    integration, problems = examine(path)
    problems.raise_errors()
    if integration is None:
        raise UsageError(f"`{path}` is no integration: name the file that has `integration:` and `flows:`")
    return integration


def check(path: Path) -> tuple[Problem, ...]:
    """Every problem of a spec file of any kind, warnings included, in the order of the file."""
    return examine(path)[1].found


def examine(path: Path) -> tuple[Integration | None, Problems]:
    """The integration as far as it compiles, and its problems; a system or test file has problems only."""
    problems = Problems()
    tree = load_tree(path, problems)
    if tree is None:
        return None, problems
    if tree.kind == "system":
        compile_system(path.stem, load_system(tree, problems), problems)
        return None, problems
    if tree.kind == "x12-set":
        compile_x12_set(tree.integration, problems)
    if tree.kind != "integration":
        return None, problems
    return compile_integration(tree, path, fingerprint(tree), problems), problems


def compile_x12_set(node: Node, problems: Problems) -> TransactionSet | None:
    """A set description, ready for use; None after a problem, the shape's own among them."""
    from engine.formats.x12 import compile_set

    if problems.found:
        return None
    try:
        return compile_set(node.plain())
    except ValueError as error:
        problems.add("E105", node, str(error))
        return None


def fingerprint(tree: SpecTree) -> str:
    """SHA-256 over the files a run's meaning depends on: the integration, its systems, its crosswalks."""
    digest = hashlib.sha256()
    for file in sorted(tree.files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()
