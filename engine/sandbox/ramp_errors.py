"""Errors of the Ramp stand-in: `error_v2` bodies with their codes, and the plain errors of the token endpoint.

Proved codes: 7001 validation, 7002 unknown token, 7028 expired token, 7062 not ready to sync, 7089 no accounting
connection, 7100 scope. Nothing public proves one for 404, 405, 409, 429 and 5xx: those say `DEVELOPER_7000` here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.sandbox.ramp_json import encode
from engine.sandbox.web_messages import Response

Problems = dict[str, list[str]]
"""Parameter or member to what is wrong with it."""

_CODES: Mapping[int, str] = {401: "DEVELOPER_7028", 403: "DEVELOPER_7100", 422: "DEVELOPER_7001"}
_UNPROVED = "DEVELOPER_7000"
NO_CONNECTION, NOT_READY, UNKNOWN_TOKEN = "DEVELOPER_7089", "DEVELOPER_7062", "DEVELOPER_7002"


class Refusal(Exception):  # it is an answer, not a fault of ours
    """The stand-in refuses a request with this status; `details` tells what is wrong with which member."""

    def __init__(self, status: int, message: str, *, code: str = "", details: Mapping[str, Sequence[str]] = {}) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or _CODES.get(status, _UNPROVED)
        self.details = {name: list(texts) for name, texts in details.items()}


class LoginRefusal(Exception):
    """The token endpoint refuses; `code` is one of RFC 6749, section 5.2."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def invalid(problems: Problems) -> Refusal:
    """422 for members or parameters of the wrong kind; the message is the first problem's."""
    first = next(iter(problems.values()))[0]
    return Refusal(422, first, details=problems)


def not_found(what: str, key: str) -> Refusal:
    return Refusal(404, f"{what} {key} not found")


def respond(refusal: Refusal, trace: str, *, error_id: bool = False, retry_after: int | None = None) -> Response:
    """The error in both of its forms, `error_v2` and the older `error`."""
    body = {
        "error_code": refusal.code,
        "additional_info": refusal.details,
        "notes": "",
        "message": refusal.message,
    }
    if error_id:
        body["error_id"] = trace
    headers = {"x-trace-id": trace}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Response(status=refusal.status, body=encode({"error_v2": body, "error": refusal.details}), headers=headers)


def respond_login(refusal: LoginRefusal, trace: str) -> Response:
    body = {"error": refusal.code, "error_description": refusal.message}
    headers = {"x-trace-id": trace, "Cache-Control": "no-store"}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Basic"
    return Response(status=refusal.status, body=encode(body), headers=headers)
