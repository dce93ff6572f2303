"""Pinned host keys: which key a server must show, in any form people have it at hand."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

from engine.errors import SetupError

_KEY_TYPE = re.compile(r"(ssh|ecdsa|sk)-[A-Za-z0-9@.-]+")
_FINGERPRINT = re.compile(r"(?:\d+ )?(SHA256:[A-Za-z0-9+/]{43})=?(?: .*)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """The keys one server may show: whole keys (as sent on the wire), SHA-256 fingerprints, and revoked keys."""

    keys: frozenset[bytes]
    fingerprints: frozenset[str]
    revoked: frozenset[bytes]

    @property
    def types(self) -> frozenset[str]:
        """The key types of the whole keys; empty when there is any fingerprint, which does not tell its type."""
        return frozenset() if self.fingerprints else frozenset(map(key_type, self.keys))

    def accept(self, blob: bytes) -> bool:
        """Whether a server showing this key is the right one."""
        return blob not in self.revoked and (blob in self.keys or fingerprint(blob) in self.fingerprints)


def fingerprint(blob: bytes) -> str:
    """`SHA256:` and the digest, as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def key_type(blob: bytes) -> str:
    """The type named inside a public key (RFC 4253, 6.6); empty when the bytes are no key."""
    size = int.from_bytes(blob[:4], "big")
    name = blob[4 : 4 + size]
    return name.decode("ascii", "replace") if len(blob) > 4 + size and 0 < size <= 64 else ""


def parse_pins(text: str, host: str, port: int = 22) -> Pins:
    """Reads known_hosts lines, `ssh-ed25519 AAAA…` lines and `SHA256:…` fingerprints, one a line.

    Raises SetupError for a line that can't be read and when nothing is left for this host.
    """
    keys: set[bytes] = set()
    prints: set[str] = set()
    revoked: set[bytes] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if found := _FINGERPRINT.fullmatch(" ".join(words)):
            prints.add(found[1])
        elif _KEY_TYPE.fullmatch(words[0]):
            keys.add(_decode(words, number))
        else:
            marker = words.pop(0) if words[0].startswith("@") else ""
            if len(words) < 3:
                raise SetupError(_unreadable(number, words))
            if not _names(words[0], host, port):
                continue
            if marker not in {"", "@revoked"}:
                raise SetupError(f"`host_key` line {number}: `{marker}` is not supported; pin the server's own key")
            (revoked if marker else keys).add(_decode(words[1:], number))
    if not (keys or prints):
        raise SetupError(
            f"no host key is pinned for `{host}` port {port}; look at the key with"
            " `mlconnector check --show-host-key`, compare it with what the server's owner says, and set `host_key`"
        )
    return Pins(keys=frozenset(keys), fingerprints=frozenset(prints), revoked=frozenset(revoked))


def _decode(words: list[str], number: int) -> bytes:
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error, ValueError):
        raise SetupError(_unreadable(number, words)) from None
    if key_type(blob) != words[0]:
        raise SetupError(f"`host_key` line {number}: the key inside is not of type `{words[0]}`; copy it again")
    return blob


def _unreadable(number: int, words: list[str]) -> str:
    if words and words[0].upper().startswith("MD5:"):
        return f"`host_key` line {number}: MD5 fingerprints are not accepted; use the `SHA256:` one"
    return f"`host_key` line {number} can't be read; use a known_hosts line, `ssh-ed25519 AAAA…` or a `SHA256:…` print"


def _names(patterns: str, host: str, port: int) -> bool:
    """Whether a known_hosts line is about this server (sshd(8): bracketed with a port, patterns, `!`, or hashed)."""
    name = (host if port == 22 else f"[{host}]:{port}").lower()
    if patterns.startswith("|1|"):
        try:
            salt, digest = (base64.b64decode(part) for part in patterns[3:].split("|"))
        except (ValueError, binascii.Error):
            return False
        return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)
    matched = False
    for pattern in patterns.lower().split(","):
        bare = pattern.removeprefix("!")
        expression = re.escape(bare).replace(r"\*", ".*").replace(r"\?", ".")
        if re.fullmatch(expression, name):
            if pattern != bare:
                return False
            matched = True
    return matched
