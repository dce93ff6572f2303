"""What the expressions of a step see, and when one of them holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.connections.exchange import Answer
from engine.contracts import Document


def document_scope(document: Document, need: Mapping[str, Any]) -> dict[str, Any]:
    """The names every expression may use: `document` (what we send), `key`, `marker` (our operation id), `need` (settings)."""
    return {"document": document.payload or {}, "key": document.key, "marker": document.marker, "need": need}


def batch_item(scope: Mapping[str, Any]) -> dict[str, Any]:
    """One document among others in a call: its own fields, with its `key` and `marker`."""
    return {**scope["document"], "key": scope["key"], "marker": scope["marker"]}


def answer_scope(scope: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """The answer's members at the root, over the names of the scope; all of it as `answer.status`, `answer.headers`, `answer.body`.

    Headers have their names in small letters.
    """
    members = answer.body if isinstance(answer.body, dict) else {}
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return {**scope, "answer": {"status": answer.status, "headers": headers, "body": answer.body}, **members}


def holds(value: Any) -> bool:
    """JMESPath's truth: null, false, empty text, list and map are false; a number is true, 0 too."""
    return not (value is None or value is False or (isinstance(value, str | list | dict) and not value))
