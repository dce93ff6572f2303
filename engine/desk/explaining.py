"""`explain --format json`: a code, or every effective value of a spec, as data."""

from __future__ import annotations

from pathlib import Path

from engine.run.show import as_json
from engine.spec.codes import CODES
from engine.spec.document import Problems
from engine.spec.explain import effective
from engine.spec.report import REPORTERS
from engine.spec.tree import load_tree


def explain_as_json(what: str) -> tuple[str, int] | None:
    """What to print and the exit code; None for what is neither a file nor a code."""
    if Path(what).is_file():
        problems = Problems()
        tree = load_tree(Path(what), problems)
        if tree is None:
            return REPORTERS["json"](problems.found), 1
        return as_json([found._asdict() for found in effective(tree)]), 0
    code = CODES.get(what.upper())
    if code is None:
        return None
    return as_json({"code": code.code, "title": code.title, "severity": code.severity, "text": code.text}), 0
