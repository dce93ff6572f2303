"""Whether a change was asked for by our own page: same origin, and the token of the session in the form."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from starlette.requests import ClientDisconnect, Request

LARGEST = 1 << 20
MOST_FIELDS = 5000
TOKEN = "csrf_token"  # noqa: S105 - the field's name
_AGAIN = "Open the page again and repeat it there."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a form is not taken."""

    status: int
    reason: str


async def check(request: Request, token: str, address: str) -> Refusal | None:
    """Reads the form into the request's state; what is wrong with it, or None. An empty `token` is not asked for (the login)."""
    if not same_origin(request, address):
        return Refusal(403, f"The request did not come from a page of this console. {_AGAIN}")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"application/x-www-form-urlencoded", ""}:
        return Refusal(415, "Only forms of this console are taken.")
    try:
        body = await _body(request)
        if len(body) > LARGEST:
            return Refusal(413, "The form is too large.")
        text = body.decode("ascii").replace("%00", "")  # no database of ours holds a NUL
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except (ValueError, ClientDisconnect):
        return Refusal(400, "The form could not be read.")
    request.state.fields = fields
    request.state.form = {name: values[-1] for name, values in fields.items()}
    given = request.state.form.pop(TOKEN, "") or request.headers.get("X-CSRF-Token", "")
    if token and not hmac.compare_digest(given.encode(), token.encode()):
        return Refusal(403, f"The form belongs to another session. {_AGAIN}")
    return None


def same_origin(request: Request, address: str) -> bool:
    """By what only a browser can say: Sec-Fetch-Site, and the Origin where there is one. Without either: no."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        return False
    if site is not None and site != "same-origin":
        return False
    return origin is None or _is_ours(origin, request, address)


def _is_ours(origin: str, request: Request, address: str) -> bool:
    if address:
        ours = urlsplit(address)
        if origin == f"{ours.scheme}://{ours.netloc}":
            return True
        if ours.scheme == "https":
            return False
    return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


async def _body(request: Request) -> bytes:
    """At most a little more than the largest form: the rest is not read."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            break
    return b"".join(parts)
