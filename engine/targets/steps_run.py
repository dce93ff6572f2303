"""Walking a chain of steps for one document, and what each way of failing means at that point of it.

Until a commit step was answered nothing lasting happened, so a doubt is a TransientError and a refusal is only that. From
then on the document is half-written: a refusal says so, and everything else is InDoubt (the delivery protocol, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from engine.connections.exchange import Answer
from engine.contracts import Clock, Intend, Sleep
from engine.errors import InDoubt, RecordError, Refused, SetupError, TransientError
from engine.targets.gathering import Gatherer
from engine.targets.steps_kinds import Loop, Poll, Step, Together
from engine.targets.steps_scope import answer_scope, batch_item, holds

if TYPE_CHECKING:
    from engine.connections.http import Http


class Chain:
    """One document on its way through the steps. `scope` grows by what the steps keep; `written` tells that one has committed.

    `every_write_commits` is for undoing, where each call but a GET has a lasting effect.
    """

    def __init__(
        self,
        http: Http,
        scope: Mapping[str, Any],
        intend: Intend,
        *,
        clock: Clock,
        sleep: Sleep,
        every_write_commits: bool = False,
        gatherer: Gatherer | None = None,
    ) -> None:
        self._gatherer = gatherer or Gatherer(1)
        self.scope = dict(scope)
        self.kept: dict[str, Any] = {}
        self.written = False
        self._http = http
        self._intend = intend
        self._clock = clock
        self._sleep = sleep
        self._every_write_commits = every_write_commits

    def run(self, items: Sequence[Loop | Step], at: str = "") -> None:
        """Does the steps in order. Raises Refused, InDoubt, TransientError, SetupError, RecordError."""
        for item in items:
            if isinstance(item, Loop):
                self._loop(item, at)
            else:
                with self._weighed(f"{item.name}{at}"):
                    self._step(item, f"{item.name}{at}")

    def _loop(self, loop: Loop, at: str) -> None:
        with self._weighed(f"each {loop.each.text}{at}"):
            items = _items(loop, self.scope)
        outside = {key: self.scope[key] for key in (loop.as_, "index") if key in self.scope}
        for index, item in enumerate(items, start=1):
            self.scope |= {loop.as_: item, "index": index}
            self.run(loop.steps, f"{at}[{index}]")
        for key in (loop.as_, "index"):
            self.scope.pop(key, None)
        self.scope |= outside

    @contextmanager
    def _weighed(self, name: str) -> Iterator[None]:
        """Lets errors out as what they mean at this point of the chain."""
        try:
            yield
        except Refused as error:
            if not self.written:
                raise
            raise Refused(str(error), reference=error.reference, status=error.status, half_written=True) from error
        except (TransientError, SetupError, RecordError) as error:
            if not self.written:
                raise
            text = f"Step `{name}`: {error}; the document is half-written, for an earlier step was saved"
            raise InDoubt(text) from error

    def _step(self, step: Step, name: str) -> None:
        if step.when is not None and not holds(step.when(self.scope)):
            return
        if step.batch is not None:
            self._shared(step, step.batch, name)
            return
        commits = step.commits or (self._every_write_commits and step.method != "GET")
        answer = self._committed(step, name) if commits else self._asked(step, name)
        if answer.absent and step.absent == "error":
            raise Refused(f"Step `{name}`: the system says the record is not there", status=answer.status)
        if answer.absent:
            self._keep(dict.fromkeys(step.keep))
            return
        self._take(step, name, answer_scope(self.scope, answer), answer, commits=commits)

    def _take(self, step: Step, name: str, scope: Mapping[str, Any], answer: Answer, *, commits: bool) -> None:
        self._expect(step, name, scope, answer, commits=commits)
        kept = {key: expression(scope) for key, expression in step.keep.items()}
        empty = next((key for key, value in kept.items() if value is None), None)
        if empty is not None and (commits or step.absent == "error"):
            text = f"Step `{name}`: answered {answer.status}, but `{step.keep[empty].text}` is not in the answer"
            raise InDoubt(text) if commits else TransientError(text)
        self._keep(kept)

    def _shared(self, step: Step, batch: Together, name: str) -> None:
        """One call for this document and others: of its answer only the result that is this one's counts."""
        deadline = self._http.deadline()
        with deadline:
            answer: Answer = self._gatherer.send(
                self.scope,
                deadline,
                lambda: self._intend(name),
                lambda scopes: self._http.write(step, {"documents": list(map(batch_item, scopes))}, step=name),
            )
        try:
            found = batch.results(answer_scope(self.scope, answer))
            results = found if isinstance(found, list) else []
            mine = [each for each in results if holds(batch.match({**self.scope, "result": each}))]
        except RecordError as error:
            raise InDoubt(f"Step `{name}`: the answer can't be read: {error}", status=answer.status) from error
        if len(mine) != 1:
            text = f"Step `{name}`: the answer has {len(mine)} results for this document, among {len(results)}"
            raise InDoubt(text, status=answer.status)
        scope = {**answer_scope(self.scope, answer), "result": mine[0]}
        if batch.refused is not None and holds(batch.refused(scope)):
            said = batch.message(scope) if batch.message is not None else None
            raise Refused(f"Step `{name}`: {said or 'refused'}", status=answer.status)
        self.written = True
        self._take(step, name, scope, answer, commits=True)

    def _committed(self, step: Step, name: str) -> Answer:
        with (
            self._http.deadline()
        ):  # from before the intent: held up between the two, somebody else may have taken over
            self._intend(name)
            answer = self._http.write(step, self.scope, step=name)
        self.written = self.written or not answer.absent
        return answer

    def _asked(self, step: Step, name: str) -> Answer:
        answer = self._once(step, name)
        if step.poll is None:
            return answer
        until = self._clock() + step.poll.within
        while not _done(step.poll, self.scope, answer):
            if self._clock() + step.poll.every > until:
                raise TransientError(f"Step `{name}`: not done after {step.poll.within.total_seconds():g} s")
            self._sleep(step.poll.every.total_seconds())
            answer = self._once(step, name)
        return answer

    def _once(self, step: Step, name: str) -> Answer:
        call = self._http.read if step.method == "GET" else self._http.try_once
        return call(step, self.scope, step=name)

    def _expect(self, step: Step, name: str, scope: Mapping[str, Any], answer: Answer, *, commits: bool) -> None:
        """A definite answer that is not the expected one: a doubt when it may have saved something, else a refusal."""
        if step.expect is None:
            return
        try:
            kept, why = holds(step.expect(scope)), f"`{step.expect.text}` does not hold on the answer"
        except RecordError as error:
            kept, why = False, str(error)
        if kept:
            return
        text = f"Step `{name}`: answered {answer.status}, but {why}"
        raise InDoubt(text, status=answer.status) if commits else Refused(text, status=answer.status)

    def _keep(self, values: Mapping[str, Any]) -> None:
        self.kept |= values
        self.scope |= values


def _items(loop: Loop, scope: Mapping[str, Any]) -> list[Any]:
    items = loop.each(scope)
    if items is None:
        return []
    if not isinstance(items, list):
        raise RecordError(f"`{loop.each.text}` is no list, so there is nothing to go through")
    return items


def _done(poll: Poll, scope: Mapping[str, Any], answer: Answer) -> bool:
    return holds(poll.until(answer_scope(scope, answer)))
