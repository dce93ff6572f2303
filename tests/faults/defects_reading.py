"""Passes over a list, calls and chains of calls with one step of the protocol left out."""

from __future__ import annotations

from contextvars import Context
from dataclasses import replace

from engine.connections.deadline import Deadline
from engine.connections.exchange import Fixed
from engine.connections.http import Http
from engine.contracts import Parcel, ParcelOutcome
from engine.sources.listing import ListSource
from engine.targets.steps import StepTarget


class MovesTheCursorEarly(ListSource):
    """The cursor moves when the last page was read, not when it is in the ledger."""

    def _read(self, this):
        yield from super()._read(this)
        self.settle(Parcel(id="", kind="pass", name="", read=lambda: iter(()), handle=this), ParcelOutcome(ok=True))


class LooksNotBack(ListSource):
    """A pass begins exactly where the one before ended."""

    def __init__(self, kind, http, fields, cursor, since, **given):
        super().__init__(kind, http, fields, cursor, replace(since, lookback=0), **given)


class KnowsNoCap(ListSource):
    """The newest stamp seen is the next beginning, whatever was saved while the pass went on."""

    def _cap(self, changed):
        return 10**9


class SkipsPlainly(ListSource):
    """The next page is asked for behind the last row, without a row of both."""

    def _read(self, this):
        kind, skip = self._kind, 0
        while True:
            query = {**kind.query, "order": Fixed("Id"), kind.page.limit: Fixed(3), kind.page.skip: Fixed(skip)}
            page = kind.records(self._http.read(replace(kind, query=query), {}, step="list").body)
            yield from (self._row("", record) for record in page)
            skip += len(page)
            if not page:
                return


class CountsFromTheSend(Http):
    """The time between an intent and its call counts for nothing."""

    def deadline(self):
        return Deadline(3600)


class LogsInForEver(Http):
    """Each 401 is one more reason to log in and send again."""

    def _once(self, prepared, step, *, changes):
        with self.deadline() as deadline:
            while deadline.left:
                outcome, ticket = self._attempt(prepared, step, self._guard, deadline, changes=changes)
                if outcome.kind != "reauthenticate":
                    return outcome
                self._renew(ticket)
            return outcome


class UndoesAtLeisure(StepTarget):
    """A half-written document is removed however long ago the intent was written."""

    def undo(self, document, found):
        Context().run(super().undo, document, found)
