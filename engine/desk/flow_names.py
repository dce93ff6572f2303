"""The flow a person means, by its whole id or by its name alone."""

from __future__ import annotations

from engine.errors import UsageError
from engine.run.workspace import Workspace
from engine.state import ledger_overview


def flow_id(workspace: Workspace, name: str) -> str:
    """The id of the one flow of that name the ledger knows. Raises UsageError for none and for several."""
    known = ledger_overview.flows(workspace.desk)
    found = [flow for flow in known if name in {flow, flow.rpartition("/")[2]}]
    if not found:
        told = f"it knows {', '.join(known)}" if known else "nothing ran in this workspace yet"
        raise UsageError(f"The ledger knows no flow `{name}`; {told}")
    if len(found) > 1:
        raise UsageError(f"`{name}` could be any of these; give one whole: {', '.join(found)}")
    return found[0]


def chosen_flow(workspace: Workspace, name: str | None) -> str | None:
    """The same where naming a flow is optional."""
    return None if name is None else flow_id(workspace, name)


def short(flow: str) -> str:
    """A flow's name without its integration, for tables."""
    return flow.rpartition("/")[2]
