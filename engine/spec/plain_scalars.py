"""What an unquoted scalar means: text unless it is exactly a number, a boolean or null as one would write it back.

Whatever another reader would turn into something else (`0600`, `1_000`, `1.10`, a date, `TRUE`) is an error; the fix is to quote it.
"""

from __future__ import annotations

import re
from decimal import Decimal

from engine.spec.nodes import Kind

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]")
_NUMBER_LIKE = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?|[-+]?0[xob][0-9a-fA-F_]+|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_DATE_LIKE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}.*)?")
_CURLY = "“”„‟‘’‚‛"
_LONGEST = 30  # digits: more is an identifier, not a number


def read_plain(text: str) -> tuple[Kind, str | int | Decimal | bool | None, str | None]:
    """Kind and value of an unquoted scalar, and what is wrong with it: "a leading zero would be lost"."""
    if text in {"true", "false"}:
        return "bool", text == "true", None
    if text in {"", "null"}:
        return "null", None, None
    if text.lower() in {"true", "false", "null", "~"}:
        return "text", text, f"`{text}` unquoted is read as something else than text"
    if len(text) <= _LONGEST and _INTEGER.fullmatch(text) and text != "-0":
        return "int", int(text), None
    if len(text) <= _LONGEST and _DECIMAL.fullmatch(text):
        return "decimal", Decimal(text), None
    if _NUMBER_LIKE.fullmatch(text):
        return "text", text, f"`{text}` unquoted would be read as a number and change its form"
    if _DATE_LIKE.fullmatch(text):
        return "text", text, f"`{text}` unquoted would be read as a date"
    if text[0] in _CURLY and text[-1] in _CURLY and len(text) > 1:
        return "text", text, "these curly quotes would be part of the text"
    return "text", text, None


def fix_for(text: str) -> str:
    """How to write it instead."""
    if text.lower() in {"true", "false"}:
        return f'write {text.lower()} for a boolean, "{text}" for a text'
    if text.lower() in {"null", "~"}:
        return f'write null for no value, "{text}" for a text'
    return f'write "{text.strip(_CURLY)}"'
