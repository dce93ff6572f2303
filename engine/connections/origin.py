"""Where a connection may go: its own scheme, host and port, and no address that is never a business system."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

import httpx

from engine.errors import RecordError, SetupError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PORTS = {"http": 80, "https": 443}
_METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")))
"""Cloud metadata services outside the link-local ranges."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port, as in RFC 6454."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


def origin_of(url: httpx.URL) -> Origin:
    """Raises SetupError for anything but a plain http or https address."""
    if url.scheme not in _PORTS or not url.host:
        raise SetupError(f"`{_shown(url)}` is no http or https address; write it as `https://host/…`")
    if url.userinfo:
        raise SetupError(f"the address of `{url.host}` holds a user name or password; use the settings for that")
    if url.port is not None and not 0 < url.port < 65536:
        raise SetupError(f"`{_shown(url)}` has a port that can't be: they go from 1 to 65535")
    return Origin(url.scheme, url.host.lower().rstrip("."), url.port or _PORTS[url.scheme])


def parse_url(text: str) -> httpx.URL:
    """Raises SetupError; the text itself may hold a secret and is not repeated."""
    try:
        return _parsed(text)
    except (httpx.InvalidURL, ValueError):
        raise SetupError("an address of this connection can't be read; write it as `https://host/…`") from None


@lru_cache(maxsize=128)
def _parsed(text: str) -> httpx.URL:
    """Most steps call one and the same address again and again; reading it costs a tenth of a call."""
    return httpx.URL(text)


def parse_base(text: str) -> httpx.URL:
    """The base address, ending in `/`. Raises SetupError."""
    url = parse_url(text)
    origin_of(url)
    if url.query or url.fragment:
        raise SetupError(
            f"the base address `{_shown(url)}` must end with its path: take off `?` or `#` and what follows"
        )
    why = _why_refused(_path_of(text))
    if why:
        raise SetupError(f"the base address `{_shown(url)}` {why}")
    return url if url.path.endswith("/") else parse_url(str(url) + "/")


def join(base: httpx.URL, path: str, query: str = "") -> httpx.URL:
    """The address of a path below `base`; a whole address stays as it is, for the caller to check its origin. Raises RecordError.

    `query` is added to what a whole address has of its own.

    Percent-encoded parts stay as they are, but dots that climb are refused however they are encoded: servers decode before they route.
    """
    whole = path.lower().startswith(("http://", "https://"))
    url = parse_url(path) if whole else base
    why = _why_refused(_path_of(path) if whole else path)
    if not whole and path.startswith("/"):
        why = "starts with `/` (write it relative to the base, or as a whole address)"
    if why:
        raise RecordError(f"the path of a call {why}; put values into a path with `url_encode`")
    if whole:
        return parse_url(f"{url}{'&' if url.query else '?'}{query}") if query else url
    return parse_url(f"{base}{quote(path, safe=_PATH_SAFE)}{'?' if query else ''}{query}")


def why_forbidden(address: Address, *, allow_loopback: bool) -> str:
    """Why nothing may be sent to this address; empty when it may. Private networks are where on-premises systems live."""
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address.sixtofour or _translated(address) or address
    if address.is_link_local or address in _METADATA:
        return "is a link-local or cloud metadata address"
    if address.is_multicast or address == ipaddress.ip_address("255.255.255.255"):
        return "is no address of one machine"
    if (address.is_loopback or address.is_unspecified) and not allow_loopback:
        return "is this machine itself"
    return ""


def _translated(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address a NAT64 gateway sends it on to (RFC 6052)."""
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


_UNSEEN = re.compile("[\x00-\x20\x7f]")
_PATH_SAFE = "/%$'(),:@!*;=&+~"


def _path_of(address: str) -> str:
    """The path as written, before a library resolves its dots; without the `/` it starts with and what follows `?`."""
    return address.partition("://")[2].partition("?")[0].partition("/")[2]


def _why_refused(path: str) -> str:
    if _UNSEEN.search(path):
        return "holds a blank or a control character"
    if "\\" in path:
        return "holds a backslash"
    if "?" in path or "#" in path:
        return "holds `?` or `#` (parameters belong under `query`)"
    if "//" in path:
        return "holds an empty part (`//`)"
    decoded = unquote(unquote(path)).replace("\\", "/")
    if any(part in {".", ".."} for part in decoded.split("/")):
        return "climbs (`..`)"
    return ""


def _shown(url: httpx.URL) -> str:
    return str(url.copy_with(query=None, fragment=None, username=None, password=None))
