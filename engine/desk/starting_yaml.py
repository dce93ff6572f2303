"""A system file as text: short maps in one line, everything quoted that another reader could take for something else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./ -]*(?<! )")
_WORDS = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])
_WIDTH = 120


def scalar(value: Any) -> str:
    """A value as it is written in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if len(text) < 200 and _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    if letter.isprintable():
        return letter
    code = ord(letter)
    if letter == "\t":
        return "\\t"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def inline(value: Any) -> str:
    """A value in one line, whatever is in it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(name)}: {inline(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(inline, value)) + "]"
    return scalar(value)


def block(name: str, value: Any, depth: int, note: str = "") -> Iterator[str]:
    """`name: value` at that depth: in one line where it is short, else a line for each member."""
    before = "  " * depth
    remark = f"  # CHECK: {comment(note)}" if note else ""
    line = f"{before}{scalar(name)}: {inline(value)}"
    if not isinstance(value, Mapping) or len(line) <= _WIDTH or not value:
        yield line + remark
        return
    yield f"{before}{scalar(name)}:{remark}"
    for key, item in value.items():
        yield from block(key, item, depth + 1)


def comment(text: str) -> str:
    """Text that stays in its line, and can't end the comment or command a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]
