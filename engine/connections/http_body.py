"""An answer's body, decompressed and counted while it comes in."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx

from engine.connections.wire import Broken

LARGEST_BODY = 50 * 1024 * 1024
LARGEST_HEADERS = 64 * 1024

_PIECE = 256 * 1024
_EITHER = zlib.MAX_WBITS | 32
"""Tells zlib to recognise gzip and deflate by their headers."""


class TooLarge(Broken):
    """An answer beyond the caps; asking again would bring the same."""


def read_body(response: httpx.Response, *, largest: int = LARGEST_BODY) -> bytes:
    """The whole body. Raises TooLarge, Broken, and httpx's transport errors."""
    if sum(len(name) + len(value) + 4 for name, value in response.headers.raw) > LARGEST_HEADERS:
        raise TooLarge(f"its headers are larger than {LARGEST_HEADERS // 1024} KiB")
    kept = bytearray()
    for piece in _decompressed(response):
        kept += piece
        if len(kept) > largest:
            raise TooLarge(f"it is larger than {largest // (1024 * 1024)} MiB; ask for smaller pages")
    return bytes(kept)


def _raw(response: httpx.Response) -> Iterator[bytes]:
    """The bytes as they come, without httpx's own counting and chunking of them."""
    assert isinstance(response.stream, httpx.SyncByteStream)
    return iter(response.stream)


def _decompressed(response: httpx.Response) -> Iterator[bytes]:
    if response.is_stream_consumed:  # an answer made in memory, by a transport without a network
        yield response.content
        return
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        yield from _raw(response)
        return
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise Broken("it is compressed in a way nobody asked for")
    inflater = zlib.decompressobj(_EITHER)
    seen = False
    try:
        for raw in _raw(response):
            seen, rest = True, raw
            while rest:
                if inflater.eof:  # gzip files may be joined end to end (RFC 1952, 2.2)
                    inflater = zlib.decompressobj(_EITHER)
                yield inflater.decompress(rest, _PIECE)
                rest = inflater.unconsumed_tail or inflater.unused_data
        yield inflater.flush()
    except zlib.error:
        raise Broken("its compression is damaged") from None
    if seen and not inflater.eof:
        raise Broken("it is cut off")
