"""Hosts as they are compared."""

from __future__ import annotations


def host_name(host: str) -> str:
    """No port, no brackets, lower case, no final dot."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0].rstrip(".")
