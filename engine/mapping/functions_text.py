"""Functions on text: case, blanks, padding, parts, patterns, digests, encodings."""

from __future__ import annotations

import base64 as base64_codec
import hashlib
import hmac
import urllib.parse
import uuid as uuids
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import re2

from engine.errors import RecordError
from engine.mapping.signature import UNGIVEN, Function, function
from engine.mapping.text import to_text

LONGEST = 1 << 20
"""Characters a function's result may have."""

WIDEST = 1000
"""Characters padding may reach."""

_LARGEST_PATTERN = 1 << 20


def bounded(length: int) -> None:
    """Raises RecordError before a text longer than LONGEST is built."""
    if length > LONGEST:
        raise RecordError(f"the result would have more than {LONGEST} characters")


@lru_cache(maxsize=256)
def pattern(text: str) -> Any:
    """The compiled RE2 pattern. Raises ValueError that says why it is none."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _LARGEST_PATTERN
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        said = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise ValueError(
            f"`{text}` is no regular expression of RE2 (no backreferences, no look-around): {said}"
        ) from None


def text_of(*values: Any) -> str:
    """Texts of all values in a row; null counts as nothing."""
    parts = [to_text(value) for value in values if value is not None]
    bounded(sum(map(len, parts)))
    return "".join(parts)


def collapse(value: str) -> str:
    return " ".join(value.split())


def pad(value: Any, width: int, fill: str, *, left: bool) -> str:
    """Raises RecordError when the width is no count or the fill is not one character."""
    if width.__class__ is not int or not 0 <= width <= WIDEST:
        raise RecordError(f"a width must be a whole number from 0 to {WIDEST}")
    if len(fill) != 1:
        raise RecordError("the fill must be one character")
    text = to_text(value)
    return text.rjust(width, fill) if left else text.ljust(width, fill)


def pad_left(value: Any, width: int, fill: str = "0") -> str:
    return pad(value, width, fill, left=True)


def pad_right(value: Any, width: int, fill: str = " ") -> str:
    return pad(value, width, fill, left=False)


def strip_zeros(value: str) -> str:
    return value.lstrip("0") or value[-1:]


def join(separator: str, values: list[Any]) -> str:
    parts = [to_text(value) for value in values if value is not None]
    bounded(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def split(value: str, separator: str) -> list[str]:
    if not separator:
        raise RecordError("the separator is empty")
    return value.split(separator)


def replace(value: str, old: str, new: str) -> str:
    if not old:
        raise RecordError("the text to replace is empty")
    bounded(len(value) + value.count(old) * (len(new) - len(old)))
    return value.replace(old, new)


def substring(value: str, start: int, length: int | None = None) -> str:
    """From `start` (counted from 0; negative from the end), as many characters as asked for or as there are."""
    if start.__class__ is not int or (length is not None and (length.__class__ is not int or length < 0)):
        raise RecordError("start and length must be whole numbers")
    begin = start if start >= 0 else max(0, len(value) + start)
    return value[begin:] if length is None else value[begin : begin + length]


def regex_match(value: str, expression: str) -> bool:
    return _search(expression, value) is not None


def regex_extract(value: str, expression: str) -> str | None:
    """The first group, or the whole match where the pattern has no group; null when nothing matches."""
    found = _search(expression, value)
    if found is None:
        return None
    part = found.group(1) if found.re.groups else found.group(0)
    return None if part is None else str(part)


def regex_replace(value: str, expression: str, new: str) -> str:
    """Every match replaced by plain text (no group references)."""
    compiled = _compiled(expression)
    parts, at = [], 0
    for match in compiled.finditer(value):
        parts += [value[at : match.start()], new]
        at = match.end()
    bounded(len(value) + len(new) * len(parts))
    return "".join([*parts, value[at:]])


def digest(value: Any) -> str:
    """SHA-256 of the UTF-8 text, in hex."""
    return hashlib.sha256(to_text(value).encode()).hexdigest()


def hmac_sha256(value: Any, key: str) -> str:
    """HMAC-SHA-256 of the UTF-8 text, in hex."""
    return hmac.new(key.encode(), to_text(value).encode(), "sha256").hexdigest()


def uuid(value: Any) -> str:
    """A name-based UUID (RFC 9562, version 5) of the text."""
    return str(uuids.uuid5(uuids.NAMESPACE_OID, to_text(value)))


def base64(value: Any) -> str:
    return base64_codec.b64encode(to_text(value).encode()).decode()


def url_encode(value: Any) -> str:
    return urllib.parse.quote(to_text(value), safe="")


def check_pattern(arguments: Sequence[Any]) -> str | None:
    """What is wrong with a constant pattern, or None."""
    if len(arguments) < 2 or arguments[1] is UNGIVEN:
        return None
    try:
        pattern(arguments[1])
    except ValueError as error:
        return str(error)
    return None


def _compiled(expression: str) -> Any:
    try:
        return pattern(expression)
    except ValueError as error:
        raise RecordError(str(error)) from None


def _search(expression: str, value: str) -> Any:
    return _compiled(expression).search(value)


_HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
_SIGNED = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
_QUICK = "The quick brown fox jumps over the lazy dog"

TEXT: tuple[Function, ...] = (
    function("upper(value: text) -> text", str.upper, "In capitals.", (("acme",), "ACME")),
    function("lower(value: text) -> text", str.lower, "In small letters.", (("ACME",), "acme")),
    function("trim(value: text) -> text", str.strip, "Without blanks at either end.", (("  a b ",), "a b")),
    function(
        "collapse(value: text) -> text", collapse, "Trimmed, every run of blanks one blank.", (("  a   b ",), "a b")
    ),
    function(
        "pad_left(value: text|number, width: number, fill?: text) -> text",
        pad_left,
        "Filled on the left, with zeros unless said otherwise; never cut.",
        (("7", 5), "00007"),
        ((12, 4, " "), "  12"),
    ),
    function(
        "pad_right(value: text|number, width: number, fill?: text) -> text",
        pad_right,
        "Filled on the right, with blanks unless said otherwise; never cut.",
        (("AB", 4), "AB  "),
    ),
    function(
        "strip_zeros(value: text) -> text", strip_zeros, "Without leading zeros.", (("00123",), "123"), (("000",), "0")
    ),
    function(
        "join(separator: text, values: list) -> text",
        join,
        "The texts of a list with a separator between; nulls are left out.",
        (("-", ["a", "b"]), "a-b"),
        nulls=False,
    ),
    function(
        "concat(values*: any) -> text", text_of, "The texts in a row; nulls count as nothing.", (("A", 12, None), "A12")
    ),
    function(
        "split(value: text, separator: text) -> list",
        split,
        "The parts between separators.",
        (("a|b", "|"), ["a", "b"]),
    ),
    function(
        "replace(value: text, old: text, new: text) -> text",
        replace,
        "Every `old` replaced by `new`.",
        (("1,200", ",", ""), "1200"),
    ),
    function(
        "substring(value: text, start: number, length?: number) -> text",
        substring,
        "A part; the first character is number 0, negative numbers count from the end.",
        (("INV-77", 4), "77"),
        (("INV-77", 0, 3), "INV"),
        (("INV-77", -2), "77"),
    ),
    function(
        "regex_match(value: text, pattern: text) -> boolean",
        regex_match,
        "Whether the RE2 pattern is found anywhere in it.",
        (("INV-77", "^INV-[0-9]+$"), True),
        check=check_pattern,
    ),
    function(
        "regex_extract(value: text, pattern: text) -> text",
        regex_extract,
        "The first group of the RE2 pattern, or the whole match; null when it is not found.",
        (("PO 4711 / ACME", "PO ([0-9]+)"), "4711"),
        check=check_pattern,
    ),
    function(
        "regex_replace(value: text, pattern: text, new: text) -> text",
        regex_replace,
        "Every match of the RE2 pattern replaced by plain text.",
        (("12-34/5", "[^0-9]", ""), "12345"),
        check=check_pattern,
    ),
    function("hash(value: any) -> text", digest, "SHA-256 of the text, in hex.", (("hello",), _HELLO)),
    function(
        "hmac_sha256(value: any, key: text) -> text",
        hmac_sha256,
        "HMAC-SHA-256 of the text, in hex.",
        ((_QUICK, "key"), _SIGNED),
    ),
    function(
        "uuid(value: any) -> text",
        uuid,
        "A UUID made of the text, the same at every time: a key under which a call may be repeated.",
        (("INV-77",), "5fce89e3-a679-5395-8c76-45b978dbb782"),
    ),
    function("base64(value: any) -> text", base64, "Base64 of the UTF-8 text.", (("user:pass",), "dXNlcjpwYXNz")),
    function(
        "url_encode(value: any) -> text", url_encode, "Percent-encoded for an address.", (("a/b c",), "a%2Fb%20c")
    ),
)
