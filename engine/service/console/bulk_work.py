"""Many documents given another turn at once: done in a thread of its own, told document by document, in one person's name.

Kept in this process's memory only: what was done stands in the ledger and the trail, and what was not can be asked for again.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakKeyDictionary

from engine.contracts import State
from engine.desk.replay import Name, Turn, give_turns
from engine.errors import MlconnectorError
from engine.run.model import Integration
from engine.run.workspace import open_workspace
from engine.service.console.document_actions import GO_ON, run_now
from engine.service.parts import Parts
from engine.state.database import Database

Give = Callable[[Sequence[Name], Integration | None], Iterator[Turn]]
"""Gives a piece its turns."""
log = logging.getLogger(__name__)
PIECE = 200
MOST = 100_000
"""Documents of one go."""
KEPT = 20
"""Goes that are remembered."""
SHOWN = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What became of one document."""

    number: str
    key: str
    version: int
    state: State
    moved: bool
    said: str


@dataclass(slots=True)
class Go:
    """One person's asking, and how far it has come. `error`: why it stopped early."""

    id: str
    by: str
    remap: bool
    reason: str
    names: dict[str, list[Name]]
    began: datetime
    done: int = 0
    moved: int = 0
    error: str = ""
    ended: bool = False
    told: list[Told] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    @property
    def many(self) -> int:
        """How many documents it is about."""
        return sum(len(names) for names in self.names.values())

    @property
    def flows(self) -> list[str]:
        """Their flows."""
        return sorted(self.names)


_GOES: WeakKeyDictionary[Database, dict[str, Go]] = WeakKeyDictionary()
_KEEPING = threading.Lock()


def go_of(parts: Parts, id_: str) -> Go | None:
    """The one of that id; None after the process was started anew."""
    with _KEEPING:
        return _GOES.get(parts.workspace.database, {}).get(id_)


def start(parts: Parts, names: dict[str, list[Name]], *, by: str, remap: bool, reason: str, wait: float = 1.0) -> Go:
    """Begins, and waits a moment: a small go is over when it returns. `names`: flow to its documents."""
    go = Go(secrets.token_hex(6), by, remap, reason, names, parts.seams.clock())
    with _KEEPING:
        kept = _GOES.setdefault(parts.workspace.database, {})
        kept[go.id] = go
        for old in [each.id for each in kept.values() if each.ended][: max(0, len(kept) - KEPT)]:
            del kept[old]
    thread = threading.Thread(target=_work, args=(parts, go), name=f"replay-{go.id}")
    thread.start()
    thread.join(wait)
    return go


def _work(parts: Parts, go: Go) -> None:
    own = parts.workspace
    try:
        with open_workspace(
            own.folder, seams=parts.seams, redactor=own.redactor, tenant=own.tenant, actor=go.by
        ) as workspace:

            def give(names: Sequence[Name], spec: Integration | None) -> Iterator[Turn]:
                return give_turns(workspace, parts.seams, names, spec, reason=go.reason)

            for turn in _turns(parts, go, give):
                _note(go, turn)
    except MlconnectorError as error:
        go.error = str(error)
    except Exception:  # a bug ends this go and nothing else; what was done stands in the ledger
        log.exception("a bug in a replay of %s documents", go.many)
        go.error = "something went wrong here; the log has it"
    finally:
        _run_flows(parts, go)
        go.ended = True


def _turns(parts: Parts, go: Go, give: Give) -> Iterator[Turn]:
    for flow, names in go.names.items():
        spec = parts.shelf.integrations.get(flow.partition("/")[0])
        if go.remap and spec is None:
            go.error = f"`{flow}` is not served here, so its spec is not known"
            continue
        for some in _pieces(names):
            if not threading.main_thread().is_alive():
                go.error = "the process was stopped"
                return
            yield from give(some, spec if go.remap else None)


def _pieces(names: Sequence[Name]) -> Iterator[Sequence[Name]]:
    for start_at in range(0, len(names), PIECE):
        yield names[start_at : start_at + PIECE]


def _note(go: Go, turn: Turn) -> None:
    document, moved = turn.document, turn.state is not turn.document.state
    go.done += 1
    go.moved += moved
    if len(go.told) < SHOWN:
        told = Told(
            number=document.number,
            key=document.key,
            version=document.version,
            state=turn.state,
            moved=moved,
            said=turn.said,
        )
        go.told.append(told)
    if turn.state in GO_ON and document.flow not in go.started:
        go.started.append(document.flow)


def _run_flows(parts: Parts, go: Go) -> None:
    """Those whose documents go on now."""
    try:
        for flow in go.started:
            run_now(parts, flow, go.by)
    except MlconnectorError as error:
        go.error = go.error or str(error)
