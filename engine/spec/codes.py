"""Every code a problem can have, with the long text `mlconnector explain CODE` prints. The texts are in codes.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from engine.errors import Severity

_HEADING = re.compile(r"^## ([EWC]\d{3}) (.+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """One code: `title` in a few words, `text` says what it means with an example of wrong and right."""

    code: str
    title: str
    severity: Severity
    text: str


def severity_of(code: str) -> Severity:
    """`warning` for advice (W4xx), `error` for the rest."""
    return "warning" if code.startswith("W") else "error"


def read_codes(text: str) -> dict[str, Code]:
    """The codes of a text: a heading `## E101 title` and what follows it."""
    parts = _HEADING.split(text)
    found = zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    return {
        code: Code(code=code, title=title, severity=severity_of(code), text=body.strip()) for code, title, body in found
    }


CODES = read_codes(Path(__file__).with_name("codes.md").read_text(encoding="utf-8"))
