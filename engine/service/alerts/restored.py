"""A database that came back from a backup: people hear of it for a week, whether or not a run said so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from engine.service.alerts.eye import Eye, command
from engine.state.alerts import Finding
from engine.state.restored import last_restored

_TOLD_FOR = timedelta(days=7)


def restored(eye: Eye) -> Iterator[Finding]:
    """An older state is at work: everybody the integration can tell is told, or nobody is, and it shows."""
    found = last_restored(eye.desk)
    if found is None or eye.now - found.noticed_at > _TOLD_FOR:
        return
    state = f"of {found.state_of:%Y-%m-%d %H:%M} UTC" if found.state_of is not None else "empty"
    for name in sorted(eye.integration.alerts) or [""]:
        yield Finding(
            integration=eye.integration.name,
            kind="restored",
            subject=f"{found.noticed_at:%Y-%m-%d %H:%M}",
            name=name,
            since=found.noticed_at,
            said=f"the database is {state}: {found.missing:,} lines of its trail are missing, a backup was restored",
            next_step=command("sweep", str(eye.integration.path)),
            heals="documents already in the target are adopted, not posted; what a target can't tell is held",
        )
