"""Styles and scripts: their address holds the hash of what is in them, so a browser may keep them for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

FOLDER = Path(__file__).with_name("static")
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}


@cache
def files() -> dict[str, tuple[str, bytes]]:
    """Every file's hash and content, by name."""
    found = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in _KINDS}
    return {name: (hashlib.sha256(data).hexdigest()[:16], data) for name, data in found.items()}


def address_of(name: str) -> str:
    """Where a page finds the file. Raises KeyError for one there is not."""
    return f"/static/{files()[name][0]}/{name}"


async def serve(request: Request) -> Response:
    """The file; an old hash is gone."""
    name = request.path_params["name"]
    digest, data = files().get(name, ("", b""))
    if not digest or request.path_params["digest"] != digest:
        return PlainTextResponse("There is no such file.", status_code=404)
    return Response(
        data,
        media_type=_KINDS[Path(name).suffix],
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )
