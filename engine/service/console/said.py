"""What a change says on the next page, once: signed with the session's form token, so nobody else can put words there."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import Response

from engine.service.console.sessions import is_secure
from engine.state.people import Session

_COOKIE = "mlc_said"
_LONGEST = 1200


def write(request: Request, response: Response, text: str) -> None:
    """Puts the text aside for the next page."""
    shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    packed = base64.urlsafe_b64encode(shown.encode("utf-8", "replace")).decode()
    response.set_cookie(
        _COOKIE, f"{packed}.{_signed(request.state.session, packed)}", max_age=300, httponly=True, samesite="strict",
        secure=is_secure(request), path="/",
    )  # fmt: skip


def read(request: Request, session: Session | None) -> str:
    """The text put aside; empty when there is none, or it is not ours."""
    packed, _, signature = request.cookies.get(_COOKIE, "").partition(".")
    if session is None or not packed or not hmac.compare_digest(_signed(session, packed).encode(), signature.encode()):
        return ""
    try:
        return base64.urlsafe_b64decode(packed).decode()
    except (ValueError, binascii.Error):
        return ""


def forget(request: Request, response: Response) -> None:
    """It was shown."""
    response.delete_cookie(_COOKIE, path="/", httponly=True, samesite="strict", secure=is_secure(request))


def _signed(session: Session, packed: str) -> str:
    return hmac.digest(session.form_token.encode(), packed.encode("utf-8", "replace"), hashlib.sha256).hex()
