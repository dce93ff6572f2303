"""An exchange and a scope become the request that goes on the wire."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from engine.connections.auth import check_header
from engine.connections.exchange import Exchange
from engine.connections.origin import Origin, join, origin_of
from engine.connections.wire import Wire, encode_form, encode_json, encode_query, text_of
from engine.connections.xml_text import encode_xml
from engine.errors import RecordError, SetupError

_ALWAYS = {"User-Agent": "mlconnector", "Accept-Encoding": "gzip, deflate", "Connection": "keep-alive"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A request without credentials: everything a spec says, as text and bytes."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | None


def prepare(
    exchange: Exchange, scope: Mapping[str, Any], base: httpx.URL, wire: Wire, accept: str = "application/json"
) -> Prepared:
    """Raises RecordError for values that can't be sent, SetupError for headers that can't."""
    path = exchange.path(scope)
    if not isinstance(path, str) or not path:
        raise RecordError("the path of a call is empty or no text")
    documents = {name: encode_xml(tree(scope), wire) for name, tree in exchange.query_xml.items()}
    query = encode_query({name: tree(scope) for name, tree in exchange.query.items()} | documents, wire)
    url = join(base, path, query)
    content, kind = _content(exchange, scope, wire)
    headers = {"Accept": accept} | ({"Content-Type": kind} if kind else {})
    for name, tree in exchange.headers.items():
        value = tree(scope)
        if value is not None:
            headers = {key: text for key, text in headers.items() if key.lower() != name.lower()}
            headers[name] = check_header(name, text_of(value, wire))
    return Prepared(method=exchange.method, url=url, headers=headers, content=content)


def check_length(url: httpx.URL, longest: int | None) -> None:
    """Raises RecordError for an address longer than the system takes."""
    if longest is not None and (size := len(str(url))) > longest:
        raise RecordError(
            f"its request is {size} bytes long and the system takes {longest} (`longest_url`): send less of it, or divide it"
        )


def build(prepared: Prepared, seconds: float) -> httpx.Request:
    """The request as a transport takes it, every one of its waits at most that long."""
    given = {name.lower() for name in prepared.headers}
    headers = {name: text for name, text in _ALWAYS.items() if name.lower() not in given} | dict(prepared.headers)
    return httpx.Request(
        prepared.method,
        prepared.url,
        headers=httpx.Headers(headers, encoding="utf-8"),
        content=prepared.content,
        extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), seconds)},
    )


def check_origin(url: httpx.URL, allowed: Collection[Origin]) -> None:
    """Raises SetupError unless the address is on one of these origins."""
    origin = origin_of(url)
    if origin not in allowed:
        allowed_text = ", ".join(f"`{known}`" for known in allowed)
        raise SetupError(f"a call to `{origin}` is refused: this connection goes to {allowed_text} only")


def _content(exchange: Exchange, scope: Mapping[str, Any], wire: Wire) -> tuple[bytes | None, str]:
    if exchange.send is None:
        # Servers answer 411 to a POST that does not say its length.
        return (None if exchange.method in {"GET", "DELETE"} else b""), ""
    value = exchange.send(scope)
    if exchange.encoding == "form":
        return encode_form(value, wire), "application/x-www-form-urlencoded"
    if exchange.encoding == "xml":
        return encode_xml(value, wire).encode(), "application/xml; charset=utf-8"
    return encode_json(value, wire), "application/json"
