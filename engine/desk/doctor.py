"""`doctor`: one finding after the other about this machine and this workspace, each with what to do. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from engine.desk.doctor_machine import Finding, clock, mounts, packages, python, room, time_zones
from engine.desk.doctor_service import service_findings
from engine.desk.doctor_state import Patient, state_findings
from engine.errors import MlconnectorError
from engine.redaction import Redactor, one_line
from engine.run.environment import read_environment
from engine.run.seams import Seams
from engine.run.show import as_json
from engine.state.boot import system_boot

FAILED = 2


def examine(
    *,
    workspace: Path,
    tenant: str,
    env_file: Path | None,
    full: bool,
    form: str,
    specs: Sequence[Path] = (),
    seams: Seams | None = None,
) -> tuple[str, int]:
    """What to print and the exit code: 0, or 2 when something fails. Raises UsageError for a bad env file."""
    outside = seams or Seams(environ=read_environment(env_file), boot=system_boot)
    redactor = Redactor()
    patient = Patient(workspace, tenant, outside, redactor, full=full)
    findings = list(_findings(patient, specs))
    return redactor.values(render(findings, form)), FAILED if any(one.state == "fail" for one in findings) else 0


def _findings(patient: Patient, specs: Sequence[Path]) -> Iterator[Finding]:
    workspace, seams = patient.workspace, patient.seams
    machine: Sequence[Callable[[], Iterator[Finding]]] = (
        python,
        packages,
        lambda: clock(seams),
        time_zones,
        lambda: room(workspace),
        lambda: mounts(workspace, seams.environ),
    )
    for look in machine:
        yield from look()
    try:
        yield from state_findings(patient)
        yield from service_findings(patient, specs)
    except MlconnectorError as error:
        yield Finding(
            name="state", state="fail", detail=str(error), advice="the rest can't be looked at until this is mended"
        )


def render(findings: Sequence[Finding], form: str) -> str:
    """`text` or `json`."""
    if form == "json":
        states = [one.state for one in findings]
        summary = {state: states.count(state) for state in ("ok", "warn", "fail")}
        ok = not summary["fail"]
        return as_json(
            {"ok": ok, "exit_code": 0 if ok else FAILED, **summary, "findings": [one.plain() for one in findings]}
        )
    lines: list[str] = []
    for one in findings:
        lines.append(one_line(f"{one.state:<4}  {one.name}: {one.detail}"))
        if one.advice:
            lines.append(one_line(f"      what to do: {one.advice}"))
    return "\n".join(lines)
