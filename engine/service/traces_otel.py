"""Runs as spans: the run, in it each parcel, in them each call. No span holds what was sent, answered or asked for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from engine.redaction import Redactor
from engine.run.seams import Progress, Seams

MOST_CALLS = 2000
"""Calls of a run that have a span; all are counted."""

SEND_SECONDS = 5.0
_GOOD = frozenset({"ok", "done", "absent", "duplicate"})


class Spans:
    """Sends the spans of every run of this process to a collector, in batches, behind the runs' backs."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], service: str, redactor: Redactor) -> None:
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces", headers=dict(headers), timeout=SEND_SECONDS
        )
        self._provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("mlconnector")
        self._redactor = redactor

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()

    @contextmanager
    def run(self, flow: str, cause: str, progress: Progress, seams: Seams) -> Iterator[tuple[Progress, Seams]]:
        """A span from here to the end, and in it what the run tells of."""
        span = self._tracer.start_span(
            f"run {flow}", Context(), attributes={"mlconnector.flow": flow, "mlconnector.cause": cause}
        )
        told = _Run(self._tracer, span, self._redactor)

        def tell(event: str, detail: Mapping[str, Any]) -> None:
            progress(event, detail)
            told.tell(event, detail)

        def watch(event: str, detail: Mapping[str, Any]) -> None:
            seams.watch(event, detail)
            told.tell(event, detail)

        try:
            yield tell, replace(seams, watch=watch)
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            told.end()


class _Run:
    """One run's spans; told from every thread of the run."""

    def __init__(self, tracer: Tracer, span: Span, redactor: Redactor) -> None:
        self._tracer = tracer
        self._span = span
        self._redactor = redactor
        self._lock = threading.Lock()
        self._parcel: Span | None = None
        self._counts: Counter[str] = Counter()

    def tell(self, event: str, detail: Mapping[str, Any]) -> None:
        with self._lock:
            if event == "parcel":
                self._begin_parcel(detail)
            elif event == "ingested":
                self._end_parcel(detail)
            elif event == "delivered":
                self._counts[f"documents.{detail.get('state', '')}"] += 1
            elif event in {"call", "file"}:
                self._counts["calls"] += 1
                if self._counts["calls"] <= MOST_CALLS:
                    self._call(event, detail)
            elif event == "ended":
                self._outcome(str(detail.get("outcome", "")))

    def end(self) -> None:
        with self._lock:
            self._end_parcel({})
            for name, count in self._counts.items():
                self._span.set_attribute(f"mlconnector.{name}", count)
            self._span.end()

    def _outcome(self, outcome: str) -> None:
        self._span.set_attribute("mlconnector.outcome", outcome)
        if outcome == "stopped":
            self._span.set_status(Status(StatusCode.ERROR))

    def _begin_parcel(self, detail: Mapping[str, Any]) -> None:
        self._end_parcel({})
        attributes: dict[str, Any] = {
            "mlconnector.parcel": self._redactor.text(str(detail.get("name", ""))),
            "mlconnector.size": int(detail.get("size") or 0),
        }
        self._parcel = self._tracer.start_span("parcel", set_span_in_context(self._span), attributes=attributes)

    def _end_parcel(self, detail: Mapping[str, Any]) -> None:
        """Read or not: what it held is told where it was taken in."""
        if self._parcel is None:
            return
        for name, count in detail.items():
            if type(count) is int:
                self._parcel.set_attribute(f"mlconnector.{name}", count)
        self._parcel.end()
        self._parcel = None

    def _call(self, event: str, detail: Mapping[str, Any]) -> None:
        """Told when it is over: its span begins when it began."""
        end = time.time_ns()
        seconds: float = detail.get("seconds", 0.0)
        what, outcome = str(detail.get("step", "")), str(detail.get("outcome", ""))
        attributes: dict[str, Any] = {
            "mlconnector.system": str(detail.get("system", "")),
            "mlconnector.step": what,
            "mlconnector.outcome": outcome,
        }
        if event == "call":
            attributes["http.request.method"] = str(detail.get("method", ""))
            if detail.get("status") is not None:
                attributes["http.response.status_code"] = int(detail["status"])
        else:
            attributes["mlconnector.bytes"] = int(detail.get("bytes") or 0)
        span = self._tracer.start_span(
            f"{attributes['mlconnector.system']} {what}",
            set_span_in_context(self._parcel or self._span),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=end - int(seconds * 1e9),
        )
        if outcome not in _GOOD:
            span.set_status(Status(StatusCode.ERROR, outcome))
        span.end(end)
