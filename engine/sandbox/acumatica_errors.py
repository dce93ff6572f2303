"""Errors of the Acumatica stand-in: each status with the body the vendor's server gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.sandbox.acumatica_json import encode
from engine.sandbox.web_messages import Request, Response

PX_EXCEPTION = "PX.Data.PXException"
TOO_MANY = b"The custom error module does not recognize this error."
_NOT_FOUND_PAGE = b"<!DOCTYPE html><html><head><title>404 - File or directory not found.</title></head></html>"


class Refusal(Exception):  # it is an answer, not a fault of ours
    """The stand-in refuses a request with this status and body."""

    def __init__(self, status: int, body: Any, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def failed(message: str, *, kind: str = PX_EXCEPTION, status: int = 500) -> Refusal:
    """An exception of the application: `HttpError` with what was thrown; bad logins and business errors alike."""
    body = {
        "message": "An error has occurred.",
        "exceptionMessage": message,
        "exceptionType": kind,
        "stackTrace": "   at PX.Api.ContractBased.SystemContracts.V4.EntityService.Execute()",
    }
    return Refusal(status, body)


def invalid(key: str, text: str) -> Refusal:
    """400: a body of the wrong shape; `key` is the place, such as `entity.VendorRef`, empty for the whole body."""
    return Refusal(400, {"message": "The request is invalid.", "modelState": {key: [text]}})


def no_resource(url: str, detail: str = "", *, page: bool = False) -> Refusal:
    """404 in the form of the web framework, or as an HTML page."""
    if page:
        return Refusal(404, _NOT_FOUND_PAGE, headers={"Content-Type": "text/html"})
    body = {"message": f"No HTTP resource was found that matches the request URI '{url}'."}
    return Refusal(404, body | ({"messageDetail": detail} if detail else {}))


def no_record() -> Refusal:
    return Refusal(404, {"message": "No entity satisfies the condition."})


def not_logged_in() -> Refusal:
    return Refusal(401, {"message": "You are not logged in."})


def too_many(retry_after: int | None = None) -> Refusal:
    """429 as recorded: plain text, and no Retry-After unless the server is set up to send one."""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    return Refusal(429, TOO_MANY, headers=headers | ({"Retry-After": str(retry_after)} if retry_after else {}))


def respond(refusal: Refusal) -> Response:
    """The answer to a refused request."""
    headers = dict(refusal.headers)
    kind = headers.pop("Content-Type", "application/json; charset=utf-8")
    body = refusal.body if isinstance(refusal.body, bytes) else encode(refusal.body)
    return Response(status=refusal.status, body=body, content_type=kind, headers=headers)


def refuse_as_asked(_request: Request, status: int, message: str) -> Response:
    """The error a fault asks for, in the body its status has here."""
    if status == 401:
        return respond(not_logged_in())
    if status == 429:
        return respond(too_many())
    return respond(failed(message, status=status) if status >= 500 else Refusal(status, {"message": message}))
