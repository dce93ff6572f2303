"""An integration moved to another workspace or database: `state export`, `state import`. While nobody runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engine.errors import UsageError
from engine.run.show import in_form
from engine.run.workspace import Workspace
from engine.state import ledger_overview
from engine.state.ledger_moving import Moved, export_state, import_state, read_header
from engine.state.locks import flow_lock


def export_to(workspace: Workspace, file: Path, *, integration: str | None, form: str) -> str:
    """Writes an integration's state. Raises UsageError when none or several could be meant, AlreadyRunning while a run is at work."""
    flows = ledger_overview.flows(workspace.desk)
    name = _chosen(_integrations(flows), integration)
    ours = [flow for flow in flows if _integration(flow) == name]
    with _alone(workspace, ours):
        told = export_state(workspace.desk, name, ours, file)
    text = (
        f"{file}: {_figures(told)} of {name}. Payloads are sealed with this workspace's key; secrets are not in it."
        f" From now on run {name} in one place only: what is posted here after this is not in the file."
    )
    return in_form(form, text, {"file": str(file), **_facts(told)})


def import_from(workspace: Workspace, file: Path, *, integration: str | None, reason: str, form: str) -> str:
    """Takes an exported integration in. Raises UsageError, SetupError, AlreadyRunning; then nothing was changed."""
    if not reason.strip():
        raise UsageError("An import needs a reason: it is kept in the trail")
    header = read_header(workspace.desk, file)
    _refuse_another(workspace, header, integration)
    with _alone(workspace, header.flows):
        told = import_state(workspace.desk, file, reason=reason)
    text = (
        f"{told.integration}: took {_figures(told)}, exported {told.exported_at[:19]} UTC."
        " Store its secrets (`mlconnector secrets set`), keep the settings that name the books (site, company, folder) as they"
        " were, for they are part of every key; then run it here and no longer there."
    )
    return in_form(form, text, _facts(told))


def _refuse_another(workspace: Workspace, header: Moved, integration: str | None) -> None:
    if integration is not None and header.integration != integration:
        raise UsageError(f"The file is of `{header.integration}`, not of `{integration}`; nothing was changed")
    here = _integrations(ledger_overview.flows(workspace.desk))
    if integration is None and here and header.integration not in here:
        raise UsageError(
            f"The file is of `{header.integration}`, and this workspace runs {', '.join(here)}: "
            f"say `--integration {header.integration}` if both shall live here; nothing was changed"
        )


def _integration(flow: str) -> str:
    return flow.rpartition("/")[0]


def _integrations(flows: Iterable[str]) -> list[str]:
    return sorted({_integration(flow) for flow in flows})


def _chosen(known: list[str], wanted: str | None) -> str:
    if wanted is not None and wanted not in known:
        raise UsageError(f"The ledger knows no integration `{wanted}`; it knows {', '.join(known) or 'none yet'}")
    if wanted is None and len(known) != 1:
        told = f"say --integration, one of {', '.join(known)}" if known else "nothing ran in this workspace yet"
        raise UsageError(f"There is not one integration to export: {told}")
    return wanted if wanted is not None else known[0]


@contextmanager
def _alone(workspace: Workspace, flows: Iterable[str]) -> Iterator[None]:
    """While no run of any of these flows is at work. Raises AlreadyRunning."""
    with ExitStack() as locks:
        for flow in sorted(flows):
            locks.enter_context(flow_lock(workspace.database, workspace.tenant, flow))
        yield


def _figures(told: Moved) -> str:
    return f"{told.rows.get('document', 0):,} documents and {told.rows.get('cursor', 0):,} cursors"


def _facts(told: Moved) -> dict[str, object]:
    return {
        "integration": told.integration,
        "exported_at": told.exported_at,
        "flows": list(told.flows),
        "rows": dict(told.rows),
    }
