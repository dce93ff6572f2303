"""Where a segment may stand: from what came before, to the part of the set it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.contracts import Record
from engine.formats.x12_set import Loop, Part

Frames = tuple[tuple[Loop, int], ...]
"""The open loops from the set inward, each with the order of the part that came last in it."""


@dataclass(kw_only=True, eq=False, slots=True)
class State:
    """The open loops after a segment. `moves` remembers where each next segment may go, `rows` what whole segments were read as."""

    frames: Frames
    moves: dict[str, tuple[Move, ...]]
    rows: dict[bytes, tuple[Move, Record]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Move:
    """A segment understood as `part`. It stands in the open loop number `depth`; `state` holds afterwards, `kept` loops stay open.

    `early` says that it should have come sooner; `skipped` are the loops it opens without their own first segments.
    """

    part: Part
    depth: int
    kept: int
    state: State
    early: bool = False
    skipped: tuple[Part, ...] = ()
    lift: str = ""
    free: bool = False
    """No condition and no limit: it fits whatever came before."""


class Places:
    """All states of one set's shape, made as they are met."""

    def __init__(self, root: Loop) -> None:
        self._states: dict[tuple[tuple[int, int], ...], State] = {}
        self.start = self._state(((root, 0),))

    def moves(self, state: State, segment: str) -> tuple[Move, ...]:
        """What the segment may be, the likeliest first; nothing where it can't stand here."""
        found = state.moves.get(segment)
        if found is None:
            found = state.moves[segment] = tuple(self._possible(state.frames, segment))
        return found

    def _state(self, frames: Frames) -> State:
        key = tuple((id(loop), order) for loop, order in frames)
        if key not in self._states:
            self._states[key] = State(frames=frames, moves={})
        return self._states[key]

    def _possible(self, frames: Frames, segment: str) -> Iterator[Move]:
        for early in (False, True):
            for depth in range(len(frames) - 1, -1, -1):
                loop, last = frames[depth]
                for part in loop.parts:
                    if (part.order < last) is not early:
                        continue
                    if part.segment.id == segment:
                        yield self._move(frames[:depth], (loop, part.order), part, early=early)
                    if part.opener_optional and not early:
                        yield from self._without_opener(frames[:depth], loop, part, segment)

    def _without_opener(self, outer: Frames, loop: Loop, opener: Part, segment: str) -> Iterator[Move]:
        assert opener.loop is not None
        frames = (*outer, (loop, opener.order))
        for part in opener.loop.parts:
            if part.segment.id == segment:
                yield self._move(frames, (opener.loop, part.order), part, skipped=(opener,))

    def _move(
        self,
        outer: Frames,
        frame: tuple[Loop, int],
        part: Part,
        *,
        early: bool = False,
        skipped: tuple[Part, ...] = (),
    ) -> Move:
        loop, order = frame
        depth = len(outer)
        frames: Frames = (*outer, (loop, order))
        if part.loop is not None:
            frames = (*frames, (part.loop, 0))
        return Move(
            part=part,
            depth=depth,
            kept=depth + 1 - len(skipped),
            state=self._state(frames),
            early=early,
            skipped=skipped,
            lift=_lift_of(outer, loop),
            free=part.repeat and part.most is None and not part.when,
        )


def _lift_of(outer: Frames, loop: Loop) -> str:
    """The name under which rows of a lifted loop know the segment that opened it."""
    above: Sequence[tuple[Loop, int]] = outer[-1:]
    return next((part.lift for each, _ in above for part in each.parts if part.loop is loop and part.lift), "")
