"""Specs that stopped validating, and starts that failed before they were a run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

from engine.run.model import Integration
from engine.service.alerts.eye import Eye, command
from engine.state import alerts_looks
from engine.state.alerts import Finding

_SHOWN = 300


def broken(eye: Eye, problems: Mapping[str, str]) -> Iterator[Finding]:
    """The integration's file has mistakes: everybody its flows would tell is told, or nobody is, and it shows."""
    path = str(eye.integration.path)
    if path not in problems:
        return
    first = next((line for line in problems[path].splitlines() if line.strip()), "it can't be read")
    for name in _everybody(eye.integration):
        yield Finding(
            integration=eye.integration.name,
            kind="broken_spec",
            subject=path,
            name=name,
            since=eye.now,
            said=f"{path}: {first[:_SHOWN]}",
            next_step=command("validate", path),
            heals="its last good version goes on until it is mended",
        )


def _everybody(integration: Integration) -> list[str]:
    """Whoever any flow would tell, or else whoever can be told; nobody, by no name, where the spec has none."""
    told = {flow.kind.on_error.alert for flow in integration.flows.values() if flow.kind.on_error is not None}
    return sorted(told or set(integration.alerts)) or [""]


def failed_starts(eye: Eye) -> Iterator[Finding]:
    """A secret is missing, the spec asks for what this machine has not, a process died of it too often."""
    flows = {flow.id: flow for flow in eye.integration.flows.values()}
    for firing in alerts_looks.failed_starts(eye.desk, eye.integration.name):
        flow = flows.get(firing.flow)
        if flow is not None:
            again = f"mlconnector run {shlex.quote(str(eye.integration.path))} --flow {flow.name}"
            yield eye.find(
                flow,
                "not_started",
                since=firing.ended_at or firing.queued_at,
                said=firing.reason or "it could not be started",
                next_step=again,
            )
