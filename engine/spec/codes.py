"""Every code a problem can have, with the long text `mlconnector explain CODE` prints."""

from __future__ import annotations

from engine.errors import Severity


def severity_of(code: str) -> Severity:
    """`warning` for advice (W4xx), `error` for the rest."""
    return "warning" if code.startswith("W") else "error"
