"""Secrets that were pasted into a spec by mistake: what a report must not repeat, whatever is wrong with the line they stand in.

Found by the names of keys, in the text as it stands, for the line may be no YAML at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from engine.redaction import MASK, SHORTEST

_SECRET_KEY = re.compile(
    r"(?i)(?<![\w-])(?:[\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|authorization)|to)"
    r"['\"]?\s*:(?=\s|$)"
)
_SECRET_DEFAULT = re.compile(r"\btype:\s*secret\b.{0,200}?\b(?:default|example)\s*:(?=\s)")
_REFERENCE = re.compile(
    r"\s*(?:\{\s*(?:secret:\s*[a-z][a-z0-9_.-]*|env:\s*[A-Z][A-Z0-9_]*|need:\s*[a-z_.]+)\s*\}.*|[a-z][a-z0-9_.-]*\s*\}.*)"
)
"""`{secret: name}`, and its inside: names of secrets are no secrets."""
_NEXT_KEY = re.compile(r",\s*[\w.-]+\s*:\s")
_BLOCK = re.compile(r"\s*[|>][-+0-9]*\s*$")
_APART = re.compile(r"[\s{}\[\],'\"|>&*!%@`\\#:]+")
_AROUND = " \t'\"{}[],|>&*!%@`"
_WORD = re.compile(r"[A-Za-z_.-]*")
_CUT = 39
"""Characters of a long value that a message shows."""
_LONGEST, _LARGEST, _MOST = 4096, 2 * 1024 * 1024, 500
"""Characters of a value and bytes of a file that are looked at; and of how many values one pattern is made."""


def literals_in(text: str) -> Iterator[str]:
    """Everything that looks like a secret written where its name should stand."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        for found in (*_SECRET_KEY.finditer(line), *_SECRET_DEFAULT.finditer(line)):
            rest = line[found.end() : found.end() + _LONGEST]
            if _BLOCK.match(rest):
                yield from _block(lines, number)
            elif not _REFERENCE.fullmatch(rest):
                yield from _values(_NEXT_KEY.split(rest, maxsplit=1)[0])


def _values(rest: str) -> Iterator[str]:
    value = rest.strip(_AROUND)
    quoted = rest.strip()[:1] in {"'", '"'}
    for form in (value, value[:_CUT]):
        if len(form) >= SHORTEST and (quoted or not _WORD.fullmatch(form)):
            yield form
    yield from (part for part in _APART.split(value) if len(part) >= SHORTEST and not _WORD.fullmatch(part))


def _block(lines: list[str], number: int) -> Iterator[str]:
    """The lines of a text that begins after this one."""
    depth = len(lines[number]) - len(lines[number].lstrip())
    for line in lines[number + 1 :]:
        if line.strip() and len(line) - len(line.lstrip()) <= depth:
            return
        if len(line.strip()) >= SHORTEST:
            yield line.strip()


def hider(file: str) -> Callable[[str], str]:
    """A function that masks what was pasted into that file."""
    try:
        with Path(file).open("rb") as stream:
            return hider_of(stream.read(_LARGEST).decode("utf-8-sig", "replace"))
    except OSError:
        return lambda text: text


def hider_of(spec: str) -> Callable[[str], str]:
    """The same for a spec's text. Where nearly everything looks like a secret, nothing is shown."""
    found = set(islice(literals_in(spec), 50 * _MOST))
    if len(found) > _MOST:
        return lambda _text: MASK
    if not found:
        return lambda text: text
    pattern = re.compile("|".join(map(re.escape, sorted(found, key=len, reverse=True))))
    return lambda text: pattern.sub(MASK, text)
