"""Deliveries with one step of the protocol left out, each a real one but for that step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from engine.contracts import Found, Guarantee, State
from engine.errors import TransientError
from engine.run.deliver import Delivery


class Instead:
    """A part with some of its members replaced."""

    def __init__(self, real, **members):
        self._real = real
        self.__dict__.update(members)

    def __getattr__(self, name):
        return getattr(self._real, name)


class SendsBeforeTheIntent(Delivery):
    """The intents are written down once the calls are made."""

    def _send(self, document):
        real = self._target

        def send(document, intend):
            steps = []
            try:
                return real.send(document, steps.append)
            finally:
                for step in steps:
                    intend(step)

        self._target = Instead(real, send=send)
        try:
            return super()._send(document)
        finally:
            self._target = real


class SendsUnseen(Delivery):
    """Nobody looks before the first send."""

    def _probe(self, document):
        return self._send(document)


class NeverWaits(Delivery):
    """A doubt is looked at once more as soon as anybody has the time."""

    def _to(self, document, state, **fields):
        if "settle" in fields:
            fields["settle"] = timedelta(0)
        return super()._to(document, state, **fields)


class LooksOnce(Delivery):
    """One look that shows nothing is enough."""

    def _resolve(self, document):
        return super()._resolve(replace(document, step="absent"))


class LooksTwiceAtOnce(Delivery):
    """The second look follows the first without a pause."""

    def _resolve(self, document):
        if document.step != "absent" and self._target.guarantee is not Guarantee.BLIND:
            try:
                if not self._target.find(document).matches:
                    document = replace(document, step="absent")
            except TransientError:
                pass
        return super()._resolve(document)


class TakesFailedForAbsent(Delivery):
    """A look that could not be made counts as one that showed nothing."""

    def __init__(self, **given):
        super().__init__(**given)
        real = self._target

        def find(document):
            try:
                return real.find(document)
            except TransientError:
                return Found(matches=0)

        self._target = Instead(real, find=find)


class TakesDoubtForFailure(Delivery):
    """No answer: surely nothing happened, so it is simply sent again."""

    def _doubt(self, document, reason):
        return self._back_off(document, TransientError(reason))


class TakesDoubtForSuccess(Delivery):
    """No answer: surely it was taken."""

    def _doubt(self, document, reason):
        return self._to(document, State.POSTED, reference="", step="sent", reason="")


class BelievesInWholeness(Delivery):
    """What is there is taken for complete."""

    def _judge(self, document, found, *, posted):
        return super()._judge(document, replace(found, whole=True), posted=posted)


class ResendsHalves(Delivery):
    """A half-written document is sent again beside the half."""

    def _clean_up(self, document, found, *, then):
        return self._send(document) if then is None else super()._clean_up(document, found, then=then)


class UndoesAnybodys(Delivery):
    """Whatever is half-written is removed, whoever wrote it."""

    def _judge(self, document, found, *, posted):
        return super()._judge(document, replace(found, ours=True), posted=posted)


class ComparesNothing(Delivery):
    """A document of the same key counts as ours, whatever it says."""

    def _judge(self, document, found, *, posted):
        return super()._judge(document, replace(found, differences=()), posted=posted)


class CountsOne(Delivery):
    """Two documents of a key are as good as one."""

    def _judge(self, document, found, *, posted):
        return super()._judge(document, replace(found, matches=1, whole=True, differences=()), posted=posted)


class SendsForEver(Delivery):
    """The sends of a document are not counted."""

    def _resolve(self, document):
        return super()._resolve(replace(document, forgiven=document.tries))


class AsksForEver(Delivery):
    """Refusals are not counted."""

    def _reject(self, document, reason):
        return super()._reject(replace(document, forgiven=document.tries), reason)


class CountsRefusedCalls(Delivery):
    """A call that the target did not even look at (429) counts as sent."""

    def _back_off(self, document, error):
        extra = document.state is State.SENDING
        return super()._back_off(replace(document, tries=document.tries + extra), error)


class SeesNothingNear(Delivery):
    """Numbers that differ in a zero are different invoices."""

    def _near(self, document):
        return None


class KeepsNoLock(Delivery):
    """The lock is taken, and never looked at again."""

    def __init__(self, *, still_ours=None, **given):
        super().__init__(**given)
