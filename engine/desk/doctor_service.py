"""What `doctor` finds about living on: a restored backup, who serves, whether people hear of it, what the specs still lack."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from engine.desk.doctor_machine import Finding
from engine.desk.doctor_state import Patient
from engine.errors import MlconnectorError, SpecError
from engine.run.load import load
from engine.run.restoring import THEN
from engine.run.settings import fill
from engine.state import inspection
from engine.state.database import Database
from engine.state.firings_workers import workers_in
from engine.state.heads import Behind, behind, heads_file
from engine.state.keyring import load_keyring
from engine.state.messages import failed_in
from engine.state.restored import restored_in
from engine.state.schema import VERSIONS
from engine.state.vault import Vault

SILENT = timedelta(minutes=2)
"""A process that serves says that it is there every few seconds; after so long without a word it is gone, or hangs."""
RECENT = timedelta(days=7)


def service_findings(patient: Patient, specs: Sequence[Path]) -> Iterator[Finding]:
    """Everything beyond the machine and the state itself; nothing where there is no state, or one of another version."""
    try:
        with inspection.inspected(patient.url, patient.workspace) as database:
            if inspection.schema_version(database) == VERSIONS[-1]:
                yield from _backup(patient, database)
                yield from _service(patient, database)
                yield from _messages(patient, database)
                yield from _specs(patient, database, specs)
    except MlconnectorError:
        return  # told by those who look at the state


def _backup(patient: Patient, database: Database) -> Iterator[Finding]:
    """Whether the database is older than what was done with it, or lately was."""
    now = patient.seams.clock()
    path = heads_file(patient.workspace, patient.environ)
    try:
        found = behind(path, database, patient.tenant)
    except MlconnectorError as error:
        yield Finding(
            name="backup", state="warn", detail=str(error), advice="let its owner run doctor, or mend its rights"
        )
        return
    if found is not None:
        yield Finding(name="backup", state="warn", detail=str(found), advice=THEN)
        return
    restored = restored_in(database, patient.tenant)
    if restored is not None and now - restored.noticed_at < RECENT:
        was = Behind(state_of=restored.state_of, missing=restored.missing, noted_at=restored.noticed_at)
        yield Finding(name="backup", state="warn", detail=str(was), advice=THEN)
        return
    yield Finding(name="backup", state="ok", detail=f"nothing is missing that was noted in `{path}`")


def _service(patient: Patient, database: Database) -> Iterator[Finding]:
    found = workers_in(database, patient.tenant)
    now = patient.seams.clock()
    if not found:
        yield Finding(name="service", state="ok", detail="nobody serves: flows run when somebody starts them")
        return
    silent = [each for each in found if now - each.seen_at > SILENT]
    said = "; ".join(f"{each.kind} {each.owner}, seen {each.seen_at:%Y-%m-%d %H:%M:%S} UTC" for each in found)
    if len(silent) == len(found):
        advice = "start it again (`mlconnector serve`), and look in its log for why it ended"
        yield Finding(name="service", state="fail", detail=f"nobody is alive: {said}", advice=advice)
    elif silent:
        advice = "it was killed or hangs: what it left is taken up by the others; end it if it is still there"
        names = ", ".join(each.owner for each in silent)
        yield Finding(name="service", state="warn", detail=f"{said}; silent: {names}", advice=advice)
    else:
        yield Finding(name="service", state="ok", detail=said)


def _messages(patient: Patient, database: Database) -> Iterator[Finding]:
    failed = failed_in(database, patient.tenant, patient.seams.clock() - RECENT)
    if not failed:
        yield Finding(name="alerts", state="ok", detail="no message failed in the last 7 days")
        return
    last = failed[0]
    detail = f"{len(failed)} messages were not delivered in the last 7 days, the last to `{last.name}`: {last.error}"
    advice = f"mend the address (`mlconnector secrets set`), then `mlconnector alerts test` for `{last.name}`"
    yield Finding(name="alerts", state="fail", detail=detail, advice=advice)


def _specs(patient: Patient, database: Database, specs: Sequence[Path]) -> Iterator[Finding]:
    """Whether everything a spec needs from outside is there; never what it is."""
    if not specs:
        return
    keyring = load_keyring(patient.workspace, patient.environ, make=False)
    vault = Vault(database, patient.tenant, keyring, redactor=patient.redactor, clock=patient.seams.clock)
    for spec in specs:
        name = f"spec {spec.name}"
        try:
            fill(load(spec), vault, patient.environ)
        except SpecError:
            advice = f"`mlconnector validate {spec}` tells each"
            yield Finding(name=name, state="fail", detail="it has mistakes", advice=advice)
        except MlconnectorError as error:
            advice = "set each variable in the environment or --env-file, and each secret by `mlconnector secrets set`"
            yield Finding(name=name, state="fail", detail=str(error), advice=advice)
        else:
            yield Finding(name=name, state="ok", detail="every variable and secret it needs is there")
