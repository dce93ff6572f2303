"""What goes in and out of a stand-in's web server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request as read from the wire: `path` still percent-encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def params(self) -> dict[str, str]:
        """The decoded query parameters; of a repeated name the last value."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What to answer; Content-Length, Date and Connection are added when it is written, a Set-Cookie for each cookie."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """How an answer leaves: `response` None closes without one, `cut` sends half of the body, `drip` is s per byte."""

    response: Response | None
    closes: bool = False
    resets: bool = False
    cut: bool = False
    announced: bool = True
    drip: float = 0.0


Answer = Callable[[Request], Response]
Refuse = Callable[[Request, int, str], Response]


def refuse_plainly(request: Request, status: int, message: str) -> Response:
    """An error in no vendor's shape, for stand-ins that have none of their own."""
    return Response(status=status, body=message.encode(), content_type="text/plain; charset=utf-8")


def by_method(request: Request) -> str:
    """The operation with its method before the last part, such as `/api/PUT Bill`: a path may serve several."""
    head, slash, last = operation_path(request.path).rpartition("/")
    return f"{head}{slash}{request.method} {last}"


def operation_path(path: str) -> str:
    """The path without trailing slashes and without the key predicate of an entity: what faults are matched on."""
    head, slash, last = path.rstrip("/").rpartition("/")
    return head + slash + last.partition("(")[0]
