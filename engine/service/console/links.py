"""Addresses of documents and causes, for every page and message that names one."""

from __future__ import annotations

import base64
import binascii

from engine.errors import UsageError

LONGEST_VERSION = 6


def document_address(key: str, version: int) -> str:
    """The document's page."""
    return f"/documents/{document_name(key, version)}"


def document_name(key: str, version: int) -> str:
    """Key and version as one word that an address can hold, whatever stands in the key."""
    return f"{base64.urlsafe_b64encode(key.encode()).decode().rstrip('=')}.{version}"


def cause_address(cause: str) -> str:
    """The documents of a cause."""
    return f"/queue?cause={cause}"


def document_named(name: str) -> tuple[str, int]:
    """Key and version of such a word. Raises UsageError."""
    word, _, version = name.rpartition(".")
    unknown = UsageError("There is no document of that address: look for it by its number")
    if not (version.isascii() and version.isdigit() and len(version) < LONGEST_VERSION):
        raise unknown
    try:
        return base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode(), int(version)
    except (ValueError, binascii.Error):
        raise unknown from None
