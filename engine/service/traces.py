"""Traces of runs for OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT is set; nothing of it is even imported otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from engine.errors import SetupError
from engine.redaction import Redactor
from engine.run.seams import Progress, Seams

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
SERVICE = "OTEL_SERVICE_NAME"

Watched = tuple[Progress, Seams]


class Traces(Protocol):
    """Watches runs."""

    def run(self, flow: str, cause: str, progress: Progress, seams: Seams) -> AbstractContextManager[Watched]:
        """One run of a flow: what to hand it in place of these two, which are told as ever."""


class Untraced:
    """Where nobody asked for traces."""

    def run(self, flow: str, cause: str, progress: Progress, seams: Seams) -> AbstractContextManager[Watched]:
        """The same two."""
        return nullcontext((progress, seams))


@contextmanager
def open_traces(environ: Mapping[str, str], redactor: Redactor) -> Iterator[Traces]:
    """What is still to be sent is sent at the end, within some seconds. Raises SetupError when the packages are missing."""
    if not environ.get(ENDPOINT):
        yield Untraced()
        return
    try:
        from engine.service.traces_otel import Spans
    except ModuleNotFoundError as error:
        raise SetupError(
            f"{ENDPOINT} is set, and traces need their packages ({error.name} is missing): `pip install 'mlconnector[otel]'`"
        ) from error
    headers = dict(_pairs(environ.get(HEADERS, "")))
    for value in headers.values():
        redactor.add(value)
    spans = Spans(environ[ENDPOINT], headers, environ.get(SERVICE) or "mlconnector", redactor)
    try:
        yield spans
    finally:
        spans.close()


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """`name=value,name=value`, percent-encoded, as the variable's own specification has it."""
    from urllib.parse import unquote

    for pair in text.split(","):
        name, found, value = pair.partition("=")
        if found:
            yield name.strip().lower(), unquote(value.strip())
