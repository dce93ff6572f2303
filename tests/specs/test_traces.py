"""A run as a collector sees it: which flow, how it ended, each parcel and each call, and nothing of what was in them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from engine.redaction import MASK, Redactor
from engine.run.seams import Seams, quiet
from engine.service.traces import Untraced, open_traces
from engine.service.working import perform

from .otlp_sink import Sink, attributes
from .ramp_world import SECRET, SPEC
from .webhook_endpoint import Endpoint

TOKEN = "a-collector-token"


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


def environ(sink, **more):
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, **more}


def traced(world, sink, flow="bills"):
    """The flow's run, as the service does it."""
    with Endpoint(world) as endpoint, open_traces(environ(sink), world.redactor) as traces:
        parts = replace(endpoint.parts, traces=traces)
        parts.firings.ask(f"{SPEC}/{flow}", cause="person", by="ann")
        firing = parts.firings.take("worker-1")
        return perform(parts, firing, stopping=lambda: False)


def test_a_run_is_a_span_with_its_parcels_and_calls_in_it(ramp_world, sink):
    ramp_world.bill("INV-77")
    assert traced(ramp_world, sink) == "done"
    (run,) = [span for span in sink.spans if span.name == f"run {SPEC}/bills"]
    told = attributes(run)
    assert (told["mlconnector.flow"], told["mlconnector.cause"]) == (f"{SPEC}/bills", "person")
    assert (told["mlconnector.outcome"], told["mlconnector.documents.posted"]) == ("done", 1)
    assert {span.trace_id for span in sink.spans} == {run.trace_id}
    assert sink.services == {"mlconnector"}
    (parcel,) = [span for span in sink.spans if span.name == "parcel"]
    assert parcel.parent_span_id == run.span_id
    assert attributes(parcel)["mlconnector.read"] == 1
    calls = [span for span in sink.spans if "mlconnector.system" in attributes(span)]
    assert len(calls) == told["mlconnector.calls"]
    systems = {attributes(span)["mlconnector.system"] for span in calls}
    assert systems == {"ramp", "epicor"}
    within = {run.span_id, parcel.span_id}
    assert {span.parent_span_id for span in calls} <= within
    assert {attributes(span)["http.request.method"] for span in calls} == {"GET", "POST"}
    assert all(
        run.start_time_unix_nano - 10**9 < span.start_time_unix_nano <= span.end_time_unix_nano for span in calls
    )


def test_nothing_of_what_was_sent_or_answered_is_in_it(ramp_world, sink):
    ramp_world.bill("INV-77", amount="12345.67")
    traced(ramp_world, sink)
    assert sink.spans
    for inside in ("INV-77", "12345.67", "ACME", SECRET, "page_size", "http://127.0.0.1"):
        assert inside.encode() not in sink.raw


def test_a_run_that_stops_is_an_error(ramp_world, sink):
    ramp_world.strike("503", "bills", 0)
    assert traced(ramp_world, sink) == "failed"
    (run,) = [span for span in sink.spans if span.name.startswith("run ")]
    assert (run.status.code, attributes(run)["mlconnector.outcome"]) == (2, "stopped")
    assert any(
        attributes(span).get("http.response.status_code") == 503 and span.status.code == 2 for span in sink.spans
    )


def test_a_collector_that_fails_stops_no_run(ramp_world):
    ramp_world.bill("INV-77")
    with Sink(status=400) as sink:
        assert traced(ramp_world, sink) == "done"
    ramp_world.assert_whole("INV-77", ("10.30",))


def test_headers_and_the_service_are_settings_and_headers_are_masked(sink):
    redactor = Redactor()
    given = environ(sink, OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{TOKEN}", OTEL_SERVICE_NAME="ap-east")
    with (
        open_traces(given, redactor) as traces,
        traces.run("a/b", "schedule", quiet, Seams(environ={})) as (_, seams),
    ):
        seams.watch(
            "call", {"system": "erp", "step": "find", "method": "GET", "status": 200, "outcome": "done", "seconds": 0.1}
        )
    assert sink.headers["authorization"] == f"Bearer {TOKEN}"
    assert sink.services == {"ap-east"}
    assert redactor.text(f"sent Bearer {TOKEN}") == f"sent {MASK}"


def test_a_bug_ends_its_spans_too(sink):
    def fail(traces):
        with traces.run("a/b", "schedule", quiet, Seams(environ={})) as (tell, _):
            tell("parcel", {"name": "x.csv", "size": 3})
            raise ZeroDivisionError

    with open_traces(environ(sink), Redactor()) as traces, pytest.raises(ZeroDivisionError):
        fail(traces)
    assert sorted(span.name for span in sink.spans) == ["parcel", "run a/b"]
    (run,) = [span for span in sink.spans if span.name == "run a/b"]
    assert (run.status.code, run.status.message) == (2, "ZeroDivisionError")


def test_without_a_collector_nothing_is_watched_or_even_imported():
    with open_traces({}, Redactor()) as traces:
        assert isinstance(traces, Untraced)
        seams = Seams(environ={})
        with traces.run("a/b", "schedule", quiet, seams) as watched:
            assert watched == (quiet, seams)
    said = "import sys, engine.service.working, engine.service.traces; print([m for m in sys.modules if 'opentelemetry' in m])"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_packages_that_are_missing_are_named():
    said = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from engine.redaction import Redactor\nfrom engine.service.traces import open_traces\n"
        "open_traces({'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:9'}, Redactor()).__enter__()"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=False)
    assert "pip install 'mlconnector[otel]'" in done.stderr
