"""The log of a service: lines for people or JSON for machines, each saying whose flow and run it is about, no secret in any."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

from engine.redaction import RedactingFilter, Redactor, harmless, one_line

Form = Literal["text", "json"]
_ABOUT: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)
_NOISY = ("asyncio", "httpx", "httpcore", "paramiko", "uvicorn", "procrastinate", "apprise", "alembic")
"""Libraries whose own news is of no use below a warning."""


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Everything logged inside, by this thread, is about this tenant, flow or run."""
    token = _ABOUT.set({**(_ABOUT.get() or {}), **{name: value for name, value in fields.items() if value}})
    try:
        yield
    finally:
        _ABOUT.reset(token)


@contextmanager
def logging_to(stream: TextIO, form: Form, redactor: Redactor, *, debug: bool = False) -> Iterator[None]:
    """The process's only log while inside, through the redactor."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonLines() if form == "json" else _Lines())
    handler.addFilter(_Context())
    handler.addFilter(RedactingFilter(redactor))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    quiet = {name: logging.getLogger(name).level for name in _NOISY}
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        for name, was in quiet.items():
            logging.getLogger(name).setLevel(was)


def usual_form() -> Form:
    """Text where a person looks on, JSON where something collects it."""
    return "text" if sys.stderr.isatty() else "json"


class _Context(logging.Filter):
    """Notes on each record what its thread is about, before anything else looks at it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.about = _ABOUT.get() or {}
        return True


class _JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `said`, `from`, and what it is about; `trace` of an error nobody foresaw."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "at": _at(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "said": record.getMessage(),
            "from": record.name,
            **getattr(record, "about", {}),
        }
        if record.exc_text:
            fields["trace"] = record.exc_text
        return harmless(json.dumps(fields, ensure_ascii=False))


class _Lines(logging.Formatter):
    """Time, level, what it is about, what is said."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "about", {})
        flow = f"{one_line(fields['flow'])}: " if "flow" in fields else ""
        line = f"{_at(record):%Y-%m-%d %H:%M:%S} {record.levelname:<7} {flow}{record.getMessage()}"
        return f"{line}\n{record.exc_text}" if record.exc_text else line


def _at(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
