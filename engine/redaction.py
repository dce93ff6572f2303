"""Secrets, and the one sink that keeps them out of whatever is written or shown.

By value: every secret in use, longest first, also as Base64 (alone or inside a longer text), hex, URL-encoded, JSON- and
HTML-escaped text, and each line of a key.
By name: members called like a secret are masked whatever they hold (the list is Airflow's).
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import threading
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import Any

MASK = "***"
SHORTEST = 6
"""A shorter secret would mask ordinary words; the vault refuses it."""

_NAMED = (
    "access_token|api[_-]?key|authorization|client_secret|passphrase|passwd|password|private_key|secret|token|x-api-key"
)
_NAME = re.compile(rf"(?i)[a-z_-]*(?:{_NAMED})")
_MEMBER = re.compile(rf'(?i)("(?:[a-z_-]*?)(?:{_NAMED})"\s*:\s*)"(?:[^"\\]|\\.)*"')
_HEADER = re.compile(rf"(?im)^((?:proxy-)?(?:{_NAMED})\s*:\s*).+$")
_QUERY = re.compile(rf"(?i)([?&;](?:[a-z_-]*?)(?:{_NAMED})=)[^&\s]+")


_PERCENT = re.compile("%[0-9A-F]{2}")
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = re.compile("[\t\n]")


def harmless(text: str) -> str:
    """Text whose control characters can't command a terminal or turn its direction; lines stay lines, JSON stays JSON."""
    return _UNSHOWN.sub(_escaped, text)


def one_line(text: str) -> str:
    """The same for a text that must not look like two lines of a log."""
    return _BREAKS.sub(_escaped, harmless(text))


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


class Secret:
    """A value that shows itself only when asked to: `expose()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def expose(self) -> str:
        """The value itself, for the last step before the wire."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def exposed(value: Any) -> Any:
    """The value, a Secret opened."""
    return value.expose() if isinstance(value, Secret) else value


class Redactor:
    """Masks every known secret in text. Secrets are added as they come into use and never forgotten."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._sorted: tuple[set[str], list[str]] = (self._forms, [])
        self._adding = threading.Lock()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """From now on this value, and the forms it takes on the wire, are masked."""
        lines = [line.strip() for line in secret.splitlines()] if "\n" in secret else []
        forms = {form for text in (secret, *lines) if len(text) >= SHORTEST for form in _written(text)}
        if len(secret) >= SHORTEST:
            forms |= _encoded(secret.encode())
        with self._adding:
            if not forms <= self._forms:
                self._forms = self._forms | forms

    def add_login(self, username: str, password: str) -> None:
        """A Basic login: the pair's Base64 is a secret too."""
        self.add(password)
        self.add(base64.b64encode(f"{username}:{password}".encode()).decode())

    def text(self, text: str) -> str:
        """The text with secrets masked, by value and by name."""
        text = self.values(text)
        if '"' in text:
            text = _MEMBER.sub(rf'\1"{MASK}"', text)
        if ":" in text:
            text = _HEADER.sub(rf"\1{MASK}", text)
        return _QUERY.sub(rf"\1{MASK}", text) if "=" in text else text

    def values(self, text: str) -> str:
        """The text with known secrets masked and nothing else: documents are shown as they are."""
        (known, longest_first), forms = self._sorted, self._forms
        if known is not forms:  # sorted when it is needed, for secrets come one by one
            longest_first = sorted(forms, key=len, reverse=True)
            self._sorted = (forms, longest_first)
        found = [form for form in longest_first if form in text]  # one pattern of them all takes four times as long
        return re.sub("|".join(map(re.escape, found)), MASK, text) if found else text

    def data(self, value: Any) -> Any:
        """The same for plain data: structure kept, members masked by name, text masked by value."""
        if isinstance(value, Secret):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {k: MASK if _NAME.fullmatch(str(k)) else self.data(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value


class RedactingFilter(logging.Filter):
    """Masks secrets in every log record that passes, its arguments and its traceback included."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = one_line(self._redactor.text(record.getMessage())), None
        if record.exc_info:
            record.exc_text = harmless(self._redactor.text(logging.Formatter().formatException(record.exc_info)))
            record.exc_info = None
        return True


def _written(text: str) -> set[str]:
    """As addresses, forms, JSON and web pages write it."""
    quoted, escaped = urllib.parse.quote(text, safe=""), json.dumps(text)[1:-1]
    return {
        text,
        quoted,
        _PERCENT.sub(_in_small, quoted),
        urllib.parse.quote_plus(text),
        escaped,
        escaped.replace("/", "\\/"),
        json.dumps(text, ensure_ascii=False)[1:-1],
        html.escape(text),
        json.dumps(html.escape(text))[1:-1],
    }


def _encoded(raw: bytes) -> set[str]:
    """As Base64 and hex."""
    whole = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), raw.hex(), raw.hex().upper()}
    return whole | {form for form in _inside(raw) if len(form) >= SHORTEST}


def _in_small(match: re.Match[str]) -> str:
    return match.group().lower()


def _inside(raw: bytes) -> Iterator[str]:
    """What is sure to stand in the Base64 of any text that holds the secret, at each of the three places it may begin."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        first, last = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        yield whole[first:last].decode()
        yield base64.urlsafe_b64encode(bytes(before) + raw)[first:last].decode()
