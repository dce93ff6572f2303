"""Errors of the Epicor Kinetic stand-in: the vendor's error types and body, in JSON or XML."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

from engine.sandbox.epicor_json import encode
from engine.sandbox.web_messages import Request, Response

_TYPES: Mapping[int, str] = {
    401: "System.UnauthorizedAccessException",
    403: "System.UnauthorizedAccessException",
    404: "Epicor.RESTApi.ErrorHandling.ApiException",
    405: "Epicor.RESTApi.ErrorHandling.ApiException",
    409: "Ice.Common.DuplicateRecordException",
    410: "Ice.Common.InvalidSessionException",
    429: "Epicor.RESTApi.ErrorHandling.ApiException",
    500: "System.Exception",
    503: "Ice.Common.ConversionsPendingException",
}
BUSINESS = "Ice.Common.BusinessObjectException"


class Refusal(Exception):  # it is an answer, not a fault of ours
    """The stand-in refuses a request with this status; `where` holds Program, Method, Table and Field."""

    def __init__(self, status: int, message: str, *, kind: str | None = None, **where: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind or _TYPES.get(status, BUSINESS)
        self.where = where


def business(message: str, *, table: str, field: str = "", method: str = "") -> Refusal:
    """A broken business rule: 400 with the table and the field it is about."""
    where = {"Program": "Erp.Services.BO.dll", "Method": method, "Table": table, "Field": field}
    return Refusal(400, message, kind=BUSINESS, **{name: text for name, text in where.items() if text})


def unreadable(detail: str = "") -> Refusal:
    """A body the server cannot make sense of; the sentence is the vendor's, the detail helps the reader of a test."""
    sentence = "Unable to deserialize entity. Input data is not in correct format."
    return Refusal(400, f"{sentence} {detail}".strip(), kind=BUSINESS)


def not_found(message: str = "Record not found.") -> Refusal:
    """The URL is right, but there is no such record."""
    return Refusal(404, message, kind="Ice.Common.RecordNotFoundException")


def bad_query(message: str) -> Refusal:
    """A `$` option that cannot be read or names an unknown column."""
    return Refusal(400, message, kind="Microsoft.OData.Core.ODataException")


def respond(request: Request, refusal: Refusal, correlation: str) -> Response:
    """The error answer in the form the client accepts: JSON, or XML when it asks for that only."""
    headers = {"WWW-Authenticate": "Basic"} if refusal.status == 401 else {}
    if wants_xml(request, default=request.path.rstrip("/").endswith("/TokenResource.svc")):
        name = HTTPStatus(refusal.status).name.title().replace("_", "")
        members = {
            "HttpStatus": name,
            "ErrorMessage": refusal.message,
            "ErrorType": refusal.kind,
            "CorrelationId": correlation,
        }
        inner = "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in members.items())
        text = f"<ApiExceptionResponse>{inner}</ApiExceptionResponse>"
        return Response(status=refusal.status, body=text.encode(), content_type="application/xml", headers=headers)
    body: dict[str, Any] = {
        "HttpStatus": refusal.status,
        "ReasonPhrase": "REST API Exception",
        "ErrorMessage": refusal.message,
        "ErrorType": refusal.kind,
        "ErrorDetails": [{"Message": refusal.message, "Type": "Error", **refusal.where}],
        "CorrelationId": correlation,
    }
    return Response(status=refusal.status, body=encode(body), headers=headers)


def wants_xml(request: Request, *, default: bool) -> bool:
    """Whether to answer in XML; `default` decides when the Accept header leaves it open."""
    accept = request.headers.get("accept", "")
    if "json" in accept:
        return False
    return "xml" in accept or default
