"""A transaction set's segments to one record with named, nested values; what is wrong is told by segment and element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engine.contracts import Record
from engine.formats.x12_envelope import RawSet
from engine.formats.x12_findings import At, ElementError, Notes, SegmentError, verdict_of
from engine.formats.x12_keys import Leniency
from engine.formats.x12_paths import Spot, values_at
from engine.formats.x12_places import Move, Places, State
from engine.formats.x12_read import Delimiters
from engine.formats.x12_rows import RowReader
from engine.formats.x12_set import Loop, Part, TransactionSet

_MOST_ERRORS = 100
_MOST_ELEMENT_ERRORS = 99
_REMEMBERED = 1000
"""Segments of one place that are known by heart: names, dates and codes come again and again."""


@dataclass(kw_only=True, slots=True)
class Parsed:
    """One set read. `rows` tells where a repeated part of the record began, by the identity of its dict.

    `order` has every segment in the file's order: the part it is, and its own row.
    """

    record: Record = field(default_factory=dict)
    order: list[tuple[Part, Record]] = field(default_factory=list)
    rows: dict[int, At] = field(default_factory=dict)
    errors: list[SegmentError] = field(default_factory=list)
    more_errors: int = 0
    rejected: bool = False
    unbalanced: str = ""


class SetReader:
    """Reads sets of one description. One reader serves a whole file."""

    def __init__(self, description: TransactionSet, *, leniency: Leniency, notes: Notes, encoding: str) -> None:
        self.description, self.leniency, self.notes, self.encoding = description, leniency, notes, encoding
        self._places: dict[tuple[str, Delimiters], Places] = {}
        balance = description.balance
        spot = Spot(loop=description.latest)
        self._total = values_at(spot, balance.total) if balance else None
        self._parts = [values_at(spot, path) for path in balance.of] if balance else []

    def read(self, raw: RawSet, version: str) -> Parsed:
        """The set as a record; never raises for what a file may hold."""
        places = self._places.get((version, raw.delimiters))
        if places is None:
            if len(self._places) > 20:
                self._places.clear()  # versions are the sender's words
            places = self._places[version, raw.delimiters] = Places(self.description.version(version))
        return _Pass(self, raw, places).run()

    def amounts(self, record: Record) -> tuple[list[str], list[str]]:
        """The total that is stated, if any, and the amounts that must add up to it; nothing where no balance is declared."""
        if self._total is None:
            return [], []
        return list(self._total(record)), [amount for get in self._parts for amount in get(record)]

    def unbalanced(self, record: Record) -> str:
        """What does not add up, in words; empty where it does or where nothing was declared."""
        balance = self.description.balance
        totals, amounts = self.amounts(record)
        if not totals or balance is None:
            return ""
        stated = Decimal(totals[0])
        found = sum(map(Decimal, amounts), Decimal(0))
        if stated == found:
            return ""
        of = " and ".join(f"`{path}`" for path in balance.of)
        return f"`{balance.total}` is {stated}, but {of} add up to {found}"


class _Pass:
    """One set on its way to a record: `containers` are the rows of the open loops."""

    def __init__(self, reader: SetReader, raw: RawSet, places: Places) -> None:
        self._reader, self._raw, self._places = reader, raw, places
        self._notes, self._leniency = reader.notes, reader.leniency
        self._known, self._ignored = reader.description.known, reader.description.ignored
        self._done = Parsed()
        self._state: State = places.start
        self._containers: list[Record] = [self._done.record]
        self._openers: list[Record | None] = [None]
        self._plain: tuple[Move, Record] | None = None
        self._read_row = RowReader(raw.delimiters, self._leniency, self._notes).read

    def run(self) -> Parsed:
        mark = self._raw.delimiters.element
        blanks = (f" {mark}", f"{mark} ")
        encoding = self._reader.encoding
        position = 1
        at = self._raw.at
        containers, again = self._containers, self._again
        for raw, at in self._raw.segments:
            position += 1
            known = self._state.rows.get(raw)
            if known is not None and (known[0].free or known[0].part.name not in containers[known[0].kept - 1]):
                again(known[0], known[1].copy(), position, at)
                continue
            try:
                text = raw.decode(encoding)
            except UnicodeDecodeError:
                text = raw.decode("latin-1")
                self._segment_error(text[:3].strip(mark), position, "6", f"a byte is no {encoding}", at)
                continue
            if not text.isprintable() and ("\n" in text or "\r" in text):
                text = text.replace("\r", "").replace("\n", "")
                self._quirk("a segment is broken over several lines", text[:3], position, at)
                raw = b""
            parts = text.split(mark)
            if blanks[0] in text or blanks[1] in text:
                parts = [part.strip() for part in parts]
                self._quirk("blanks around an element", parts[0], position, at)
                raw = b""
            before, self._plain = self._state, None
            self._segment(text, parts, position, at)
            if self._plain is not None and 0 < len(raw) < _REMEMBERED:
                before.rows[raw] = self._plain
        self._close(0, position + 1, at)
        self._check_required(self._state.frames[0][0], self._done.record, position + 1, at)
        if not self._done.rejected:
            self._done.unbalanced = self._reader.unbalanced(self._done.record)
        return self._done

    def _again(self, move: Move, row: Record, position: int, at: At) -> None:
        """A segment that was read before at the same place."""
        if move.kept < len(self._containers):
            self._close(move.kept, position, at)
        self._attach(move, row, at)

    def _segment(self, text: str, parts: list[str], position: int, at: At) -> None:
        name = parts[0]
        state = self._state
        moves = state.moves.get(name)
        if moves is None:
            if name in self._ignored:
                self._notes.add(f"`{name}` was passed over, as the description says", at)
                return
            if name not in self._known:
                self._segment_error(name, position, "1", "the set has no such segment; it was passed over", at)
                return
            moves = self._places.moves(state, name)
        move = moves[0] if moves and moves[0].free else self._choose(moves, parts)
        if move is None:
            self._misfit(name, moves, position, at)
            return
        if move.kept < len(self._containers):
            self._close(move.kept, position, at)
        if move.early or move.skipped:
            self._odd(move, position, at)
        row, errors, plain = self._read_row(move.part.segment, text, parts, at)
        if errors:
            self._element_errors(name, errors, position, at, move)
        elif (
            plain
            and len(state.rows) < _REMEMBERED
            and not (move.early or move.skipped)
            and move is _fitting(moves, parts)
        ):
            self._plain = move, row.copy()
        self._attach(move, row, at)

    def _choose(self, moves: tuple[Move, ...], parts: list[str]) -> Move | None:
        """The first that fits and still has room."""
        for move in moves:
            part = move.part
            if part.when and not part.fits(parts):
                continue
            there = self._containers[move.kept - 1].get(part.name)
            if there is not None and (not part.repeat or (part.most is not None and len(there) >= part.most)):
                continue
            return move
        return None

    def _attach(self, move: Move, row: Record, at: At) -> None:
        part, depth = move.part, move.depth
        self._done.order.append((part, row))
        containers, openers = self._containers, self._openers
        for _ in move.skipped:
            containers.append(containers[-1])
            openers.append(None)
        container = containers[depth]
        if move.lift and (opener := openers[depth]) is not None:
            row[move.lift] = opener
        if part.repeat:
            there = container.get(part.name)
            if there is None:
                container[part.name] = [row]
            else:
                there.append(row)
            self._done.rows[id(row)] = at
        else:
            container[part.name] = row
        if part.loop is not None:
            containers.append(container if part.lift else row)
            openers.append(row if part.lift else None)
        self._state = move.state

    def _close(self, depth: int, position: int, at: At) -> None:
        """Leaves the loops below that depth; what they must have is asked for now."""
        frames = self._state.frames
        for inner in range(len(self._containers) - 1, max(depth, 1) - 1, -1):
            loop = frames[inner][0]
            if loop.required:
                self._check_required(loop, self._containers[inner], position, at)
        del self._containers[max(depth, 1) :], self._openers[max(depth, 1) :]

    def _check_required(self, loop: Loop, container: Record, position: int, at: At) -> None:
        for part in loop.required:
            if part.name not in container:
                self._segment_error(part.segment.id, position, "3", f"`{part.name}` is missing", at, loop.id)

    def _element_errors(self, name: str, errors: Sequence[ElementError], position: int, at: At, move: Move) -> None:
        worst = "R" if any(error.verdict == "R" for error in errors) else "E"
        told = SegmentError(
            segment=name,
            position=position,
            code="8",
            message="; ".join(error.message for error in errors[:5]),
            at=at,
            verdict=worst,  # type: ignore[arg-type]  # one of the two above
            loop=_loop_id(move),
            elements=tuple(errors[:_MOST_ELEMENT_ERRORS]),
        )
        self._keep(told)

    def _segment_error(self, name: str, position: int, code: str, message: str, at: At, loop: str = "") -> None:
        verdict = "R" if code == "6" else verdict_of("segment", code, self._leniency)
        clean = "".join(letter if letter.isalnum() else "?" for letter in name[:3])
        told = SegmentError(
            segment=clean,
            position=position,
            code="2" if code == "6" else code,
            message=message,
            at=at,
            verdict=verdict,
            loop=loop,
        )
        self._keep(told)

    def _keep(self, told: SegmentError) -> None:
        self._done.rejected = self._done.rejected or told.verdict == "R"
        if told.verdict == "E":
            self._notes.add(f"`{told.segment}`: {told.message}", told.at)
        if len(self._done.errors) < _MOST_ERRORS:
            self._done.errors.append(told)
        else:
            self._done.more_errors += 1

    def _misfit(self, name: str, moves: tuple[Move, ...], position: int, at: At) -> None:
        full = [move for move in moves if not move.part.when]
        if not full:
            self._segment_error(name, position, "2", "it can't stand here", at)
            return
        part = full[0].part
        code = "4" if part.loop is not None else "5"
        self._segment_error(name, position, code, f"`{part.name}` comes too often", at, _loop_id(full[0]))

    def _odd(self, move: Move, position: int, at: At) -> None:
        name = move.part.segment.id
        if move.early:
            self._segment_error(name, position, "7", f"`{move.part.name}` should have come sooner", at, _loop_id(move))
        for part in move.skipped:
            opener = part.segment.id
            if self._leniency == "strict":
                self._segment_error(opener, position, "3", f"{opener} is missing before {name}", at, opener)
            else:
                self._notes.add(f"`{name}` stands without the {opener} that should come before it", at)

    def _quirk(self, message: str, name: str, position: int, at: At) -> None:
        self._notes.add(message, at)
        if self._leniency == "strict":
            self._segment_error(name, position, "6", message, at)


def _fitting(moves: tuple[Move, ...], parts: list[str]) -> Move | None:
    """The first that would be taken if there were room for each."""
    return next((move for move in moves if move.free or move.part.fits(parts)), None)


def _loop_id(move: Move) -> str:
    return move.part.loop.id if move.part.loop is not None else move.state.frames[-1][0].id
