"""One save of the Acumatica stand-in while it is worked out: the draft, what was given, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engine.sandbox.acumatica_errors import Refusal
from engine.sandbox.acumatica_record import Given, Record
from engine.sandbox.acumatica_shapes import NUMBERED, Shape
from engine.sandbox.acumatica_store import Store

CENT = Decimal("0.01")
Place = tuple[str, int, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of the draft: `index` is its place among the given ones, None when nothing was given for it."""

    record: Record
    before: Record | None
    index: int | None
    given: Given


@dataclass(kw_only=True, slots=True)
class Saving:
    """`draft` becomes the record when `wrong` stays empty; `today` and `branch` are those of the request."""

    store: Store
    shape: Shape
    given: Given
    draft: Record
    before: Record | None
    today: date
    branch: str
    lines: dict[str, list[Line]] = field(default_factory=dict)
    problems: dict[Place, str] = field(default_factory=dict)
    top: list[str] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        return self.draft.values

    def default(self, **values: Any) -> None:
        """Fills what is still empty."""
        for name, value in values.items():
            if self.values[name] is None:
                self.values[name] = value

    def wrong(self, name: str, message: str, line: Line | None = None, list_name: str = "Details") -> None:
        """A field is refused; where the line was not given now, the whole record is."""
        if line is None:
            self.problems.setdefault(("", 0, name), message)
        elif line.index is None:
            self.top.append(message)
        else:
            self.problems.setdefault((list_name, line.index, name), message)

    def details(self) -> Iterator[Line]:
        yield from self.lines.get("Details", ())

    def refuse(self, expanded: frozenset[str]) -> Refusal:
        """422 with what was sent and the errors beside it; lines come back only where they are expanded."""
        action = "Inserting " if self.before is None else "Updating "
        message = f"{action} '{self.shape.view}' record raised at least one error. Please review the errors."
        body: dict[str, Any] = {"id": self.draft.id, "rowNumber": 1, "error": " ".join([message, *self.top])}
        for name, sent in self.given.lists.items():
            if name in expanded:
                body[name] = [
                    {"rowNumber": n + 1, **self._echo(line, (name, n))} for n, line in enumerate(sent)
                ]  # fmt: skip
        body |= self._echo(self.given, ("", 0))
        number = NUMBERED.get(self.shape.name)
        for name in self.shape.key:
            shown = "<NEW>" if name == number and self.before is None else self.values[name]
            body[name] = {"value": shown, **body.get(name, {})} if name != number else {"value": shown}
        return Refusal(422, body)

    def _echo(self, given: Given, place: tuple[str, int]) -> dict[str, Any]:
        body: dict[str, Any] = {name: {} if value is None else {"value": value} for name, value in given.values.items()}
        for (list_name, index, name), message in self.problems.items():
            if (list_name, index) == place:
                body[name] = {**body.get(name, {}), "error": message}
        return body


def cents(value: Decimal | None) -> Decimal:
    """The amount in the precision of the currency, to which the system rounds without a word."""
    return (value or Decimal(0)).quantize(CENT, ROUND_HALF_UP)


def label(name: str) -> str:
    """A field as an error calls it, such as `Cost Code`."""
    return "".join(
        f" {sign}" if sign.isupper() and name[n - 1].islower() and n else sign for n, sign in enumerate(name)
    )
