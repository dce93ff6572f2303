"""From a URL below the endpoint to the work: lists, keys, ids, actions, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import unquote

from engine.sandbox.acumatica_actions import Actions
from engine.sandbox.acumatica_errors import Refusal, failed, no_record, no_resource
from engine.sandbox.acumatica_input import Reader, is_guid, read_object
from engine.sandbox.acumatica_json import encode
from engine.sandbox.acumatica_reading import View, read_list, read_view, show
from engine.sandbox.acumatica_record import Record
from engine.sandbox.acumatica_save import Terms, delete, save
from engine.sandbox.acumatica_schema import describe_custom
from engine.sandbox.acumatica_sessions import Session
from engine.sandbox.acumatica_shapes import SHAPES, Shape
from engine.sandbox.acumatica_store import Store, name_of
from engine.sandbox.web_messages import Request, Response


@dataclass(frozen=True, kw_only=True, slots=True)
class Routes:
    """The entities of one endpoint version; `base` is its path, such as `/AcumaticaERP/entity/Default/24.200.001`."""

    store: Store
    actions: Actions
    base: str

    def answer(self, request: Request, session: Session, rest: str) -> Response:
        """What an entity's URL answers; 404, 405 for what there is not."""
        name, _, inner = unquote(rest).strip("/").partition("/")
        shape = SHAPES.get(name)
        rules = self.store.rules
        if shape is None:
            detail = f"No type was found that matches the controller named '{name}'."
            raise no_resource(request.path, detail, page=rules.html_404)
        if name in rules.forbidden:
            raise Refusal(403, {"message": "You have insufficient rights to access the object."})
        if request.method == "POST":
            return self._post(shape, inner, request)
        if not inner:
            return self._entity(shape, request, session)
        if inner == "$adHocSchema" and request.method == "GET":
            return Response(body=encode(describe_custom(self.store, shape)))
        if "/files/" in inner:
            return self._file(shape, inner, request)
        record = self._record(shape, inner)
        if request.method == "DELETE":
            delete(self.store, shape, record)
            return Response(status=204)
        if request.method != "GET":
            raise not_allowed(405)
        return Response(body=encode(show(self.store, shape, record, self._view(shape, request.params()))))

    def _entity(self, shape: Shape, request: Request, session: Session) -> Response:
        view = self._view(shape, request.params())
        if request.method == "GET":
            return Response(body=encode(read_list(self.store, shape, view)))
        if request.method != "PUT":
            raise not_allowed(405)
        given = Reader(store=self.store).read(read_object(request.body), shape)
        record = save(self.store, shape, given, self._terms(request, session, view))
        return Response(body=encode(show(self.store, shape, record, view)))

    def _post(self, shape: Shape, inner: str, request: Request) -> Response:
        if not inner:
            raise not_allowed(self.store.rules.post_status)
        if "/" in inner:
            raise no_resource(request.path)
        return self.actions.start(shape, inner, read_object(request.body), f"{self.base}/{shape.name}/{inner}")

    def status(self, request: Request, rest: str) -> Response | None:
        """The status of an action, None when the URL is none."""
        parts = unquote(rest).strip("/").split("/")
        if len(parts) != 4 or parts[2] != "status" or request.method != "GET" or parts[0] not in SHAPES:
            return None
        return self.actions.status(parts[3])

    def _view(self, shape: Shape, options: Mapping[str, str]) -> View:
        return read_view(self.store, shape, options, f"{self.base}/{shape.name}")

    def _terms(self, request: Request, session: Session, view: View) -> Terms:
        headers = request.headers
        for name in ("if-match", "if-none-match"):
            if headers.get(name, "*") != "*":
                raise Refusal(400, {"message": f"The header {name} takes * only."})
        branch = headers.get("px-cbapibranch", session.branch)
        if not self.store.known("branch", branch):
            raise failed(f"The branch {branch} cannot be found in the system.")
        return Terms(
            today=_business_date(headers.get("px-cbapibusinessdate")) or self.store.today(),
            branch=branch,
            keep=view.keep,
            insert_only="if-none-match" in headers,
            update_only="if-match" in headers,
            expanded=view.expand,
        )

    def _record(self, shape: Shape, inner: str) -> Record:
        """The record of an id or of all keys in their order; a key with `/` in it can't be written so."""
        parts = inner.split("/")
        if len(parts) == 1 and is_guid(parts[0]):
            found = self.store.by_id(shape.name, parts[0])
        elif len(parts) == len(shape.key):
            found = self.store.get(shape.name, *(part.rstrip(" ") for part in parts))
        else:
            found = None
        if found is not None:
            return found
        if self.store.rules.unknown_key == 500:
            raise failed("No entity satisfies the condition.")
        raise no_record()

    def _file(self, shape: Shape, inner: str, request: Request) -> Response:
        """Attaching a file: the body is its bytes."""
        key, _, name = inner.partition("/files/")
        record = self._record(shape, key)
        if request.method != "PUT" or not name or "/" in name:
            raise not_allowed(405)
        comment = request.headers.get("px-cbfilecomment", "")
        changed = record.copied()
        changed.files[name] = (self.store.guid(), request.body, comment)
        self.store.put(shape.name, changed)
        self.store.note("file.attached", name_of(shape, changed), file=name, size=len(request.body), comment=comment)
        return Response(status=204)


def not_allowed(status: int) -> Refusal:
    return Refusal(status, {"message": "The requested resource does not support this http method."})


def _business_date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise Refusal(400, {"message": f"The header PX-CbApiBusinessDate does not take '{text}'."}) from None


def json_response(value: Any) -> Response:
    return Response(body=encode(value))
