"""Everything that is looked at, and one look at all of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engine.service.alerts import documents, files, restored, runs, specs
from engine.service.alerts.eye import Condition, Eye
from engine.state.alerts import Alert, Finding, settle

OF_A_FLOW: tuple[Condition, ...] = (
    runs.stopped,
    runs.no_success,
    runs.left_behind,
    documents.causes,
    documents.in_doubt,
    files.unusable,
    files.expected,
    files.answers,
)


def look(eye: Eye, broken: Mapping[str, str], flows: Collection[str] | None = None) -> tuple[int, int]:
    """Looks at an integration, or at some of its flows, and remembers what it finds; how many alerts opened and closed."""
    chosen = [flow for flow in eye.integration.flows.values() if flows is None or flow.id in flows]
    found: list[Finding] = [each for flow in chosen for condition in OF_A_FLOW for each in condition(eye, flow)]
    found += [*specs.broken(eye, broken), *specs.failed_starts(eye), *restored.restored(eye)]
    looked = {flow.id for flow in chosen}
    known = {flow.id for flow in eye.integration.flows.values()}

    def keeps(alert: Alert) -> bool:
        return alert.flow in known - looked and alert.kind != "not_started"

    return settle(eye.desk, eye.integration.name, found, keeps)
