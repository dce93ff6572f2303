"""What people ask about alerts: which there are, whether a message arrives, and to send what is due."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.errors import MlconnectorError, SetupError, UsageError
from engine.redaction import one_line
from engine.run.model import Integration
from engine.run.seams import Seams
from engine.run.show import in_form, table
from engine.run.workspace import Workspace
from engine.service.alerts.addresses import addresses_of
from engine.service.alerts.office import Office
from engine.service.alerts.words import headline
from engine.spec.problems import did_you_mean
from engine.state import alerts, messages
from engine.state.firings import Firings

_TEST = "mlconnector: a test message"


def list_alerts(workspace: Workspace, *, every: bool, form: str) -> str:
    """What is wrong now (with `every` also what was), and messages that could not be sent."""
    found, unsent = alerts.listed(workspace.desk, every=every), messages.unsent(workspace.desk)
    facts = {"alerts": [asdict(alert) for alert in found], "messages": [_message(each) for each in unsent]}
    head = ("SINCE", "STATE", "TOLD", "WHAT", "WHY")
    rows = [
        (_time(a.since), a.state, f"{a.name} {_time(a.told_at)}" if a.told_at else "", headline(a), a.said)
        for a in found
    ]
    lines = [table([head, *rows])] if found else ["Nothing is wrong." if not every else "Nothing was ever wrong."]
    lines += [
        one_line(f"not sent to {m.name} {'and given up' if m.state == 'failed' else 'yet'}: {m.error}") for m in unsent
    ]
    return in_form(form, "\n".join(lines), facts)


def try_alerts(
    workspace: Workspace, seams: Seams, integration: Integration, name: str | None, *, form: str
) -> tuple[str, int]:
    """Sends a real message to every address of one of `alerts`, or of all; what happened, and the exit code.

    Raises UsageError for a name the spec does not have.
    """
    if name is not None and name not in integration.alerts:
        close = did_you_mean(name, integration.alerts)
        raise UsageError(f"`{integration.name}` has no alert `{name}`{f': {close}' if close else ''}")
    if not integration.alerts:
        raise UsageError(f"`{integration.name}` has no `alerts`: nobody could be told")
    office = _office(workspace, seams)
    told = [each for chosen in ([name] if name else integration.alerts) for each in _tried(office, integration, chosen)]
    workspace.trail.note("alert test", detail={"to": name or ", ".join(integration.alerts), "sent": _went(told)})
    workspace.trail.flush()
    lines = [f"{t['name']}, address {t['address']}: {'sent' if t['sent'] else 'NOT sent: ' + t['error']}" for t in told]
    return in_form(form, "\n".join(map(one_line, lines)), {"sent": told}), 0 if all(t["sent"] for t in told) else 4


def _tried(office: Office, integration: Integration, name: str) -> list[dict[str, Any]]:
    try:
        many = len(addresses_of(integration.alerts[name], office.workspace.vault, office.seams.environ))
    except SetupError as error:
        return [{"name": name, "address": 1, "sent": False, "error": str(error)}]
    body = f"A test: messages of {integration.title} ({integration.name}) for `{name}` arrive here."
    told: list[dict[str, Any]] = []
    for n in range(many):
        said = ""
        try:
            office.deliver(integration, name, n, f"{_TEST} ({integration.name})", body)
        except MlconnectorError as failure:
            said = office.workspace.desk.clean(str(failure))
        told.append({"name": name, "address": n + 1, "sent": not said, "error": said})
    return told


def send_alerts(
    workspace: Workspace, seams: Seams, integration: Integration, *, at_once: bool, form: str
) -> tuple[str, int]:
    """One look, and what is due is sent; what happened, and the exit code. For whoever runs flows without a service."""
    office = _office(workspace, seams)
    opened, closed = office.look(integration, {})
    digests = office.tell(integration, at_once=at_once)
    went, stayed = office.send(integration)
    facts = {"opened": opened, "closed": closed, "digests": digests, "sent": went, "not_sent": stayed}
    waiting = len([each for each in alerts.to_tell(workspace.desk, integration.name) if each.state == "open"])
    text = f"{opened} opened, {closed} closed, {waiting} not told yet; {went} messages sent, {stayed} not sent"
    return in_form(form, text, facts | {"not_told_yet": waiting}), 4 if stayed else 0


def _office(workspace: Workspace, seams: Seams) -> Office:
    return Office(workspace=workspace, seams=seams, firings=Firings(workspace.desk))


def _went(told: list[dict[str, Any]]) -> int:
    return sum(each["sent"] for each in told)


def _message(message: messages.Message) -> dict[str, Any]:
    """Without its body, which may be long and says what the alerts say."""
    return {name: value for name, value in asdict(message).items() if name != "body"}


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment is not None else ""
