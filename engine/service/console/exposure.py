"""Who can reach the console: this machine only, unless what stands in front of it speaks TLS."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from engine.errors import UsageError


def check_exposure(host: str, address: str) -> None:
    """Raises UsageError where passwords and invoices would cross a network in the clear, or `address` is no address."""
    if address:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
            raise UsageError(f"`{address}` is no address of a console: `https://mlconnector.acme.example` is its form")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise UsageError(f"`{address}` is not encrypted: put a TLS proxy in front and give its `https://` address")
    if not is_loopback(host) and not address.startswith("https://"):
        raise UsageError(
            f"`--host {host}` can be reached from other machines, and passwords would cross the network in the clear: put a "
            "proxy with TLS in front and say `--address https://…`, or leave `--host` out and use an SSH tunnel"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
