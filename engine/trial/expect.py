"""What a case expects, against what is there: each difference as one text a person can read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from engine.contracts import Document, State
from engine.run.show import plain

if TYPE_CHECKING:
    from engine.trial.stand import Stand

_STATES = {state.value for state in State}


def compare_outcomes(
    expected: Mapping[str, int] | None, documents: Sequence[Document], passed_by: Mapping[str, int]
) -> Iterator[str]:
    """Documents by the state they ended in, all versions, and records passed by. A state not named must have none."""
    if expected is None:
        return
    actual = Counter(document.state.value for document in documents)
    for name in sorted(_STATES | set(expected)):
        found = actual[name] if name in _STATES else passed_by.get(name, 0)
        if found != expected.get(name, 0):
            yield f"outcomes: expected {expected.get(name, 0)} {name}, there are {found}"


def compare_stands(expected: Mapping[str, Any], stands: Mapping[str, Stand]) -> Iterator[str]:
    """`commits`, the records of objects (`alias.object`) and files (`alias:/path`)."""
    if "commits" in expected:
        made = sum(stand.commits() for stand in stands.values())
        if made != expected["commits"]:
            yield f"commits: expected {expected['commits']}, there are {made}"
    for name, wanted in expected.items():
        alias, dot, address = name.partition("." if ":" not in name else ":")
        if dot == "." and alias in stands:
            yield from (f"{name}: {text}" for text in compare_rows(wanted, stands[alias].rows(address)))
        elif dot == ":" and alias in stands:
            yield from _compare_files(name, wanted, stands[alias].files(address))


def compare_rows(expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """As many rows as expected, in any order, each with at least the expected fields; lists inside alike."""
    left = list(actual)
    unmet = []
    for wanted in expected:
        found = next((row for row in left if not difference(wanted, row)), None)
        if found is None:
            unmet.append(wanted)
        else:
            left.remove(found)
    if len(expected) != len(actual):
        yield f"expected {len(expected)} rows, there are {len(actual)}"
    for wanted in unmet:
        yield f"expected  {_shown(wanted)}"
        nearest = min(left, key=lambda row: _distance(wanted, row), default=None)
        yield f"nearest   {difference(wanted, nearest)}" if nearest is not None else "nothing like it is there"
    if not unmet:
        yield from (f"not expected  {_shown(_head(row))}" for row in left)


def _compare_files(name: str, wanted: Mapping[str, Any], found: Mapping[str, bytes]) -> Iterator[str]:
    if not found:
        yield f"{name}: there is no such file"
        return
    text = wanted.get("contains")
    for path, data in found.items():
        if text is not None and text not in data.decode("utf-8", "replace"):
            yield f"{path}: `{text}` is not in it"


def difference(expected: Any, actual: Any) -> str:
    """How a value differs from what is expected of it; empty when it does not. Numbers by value, dates as text."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        apart = ((name, difference(wanted, actual.get(name))) for name, wanted in expected.items())
        return "; ".join(f"{name} {text}" for name, text in apart if text)
    if isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        return "; ".join(compare_rows(expected, actual)) if _of_maps(expected, actual) else _scalar(expected, actual)
    return _scalar(expected, actual)


def _scalar(expected: Any, actual: Any) -> str:
    return "" if _same(expected, actual) else f"is {_shown(actual)}, expected {_shown(expected)}"


def _same(expected: Any, actual: Any) -> bool:
    if isinstance(actual, bool) or isinstance(expected, bool):
        return expected is actual
    if isinstance(actual, Decimal | int) and expected is not None:
        try:
            return Decimal(str(expected)) == actual
        except InvalidOperation:
            return False
    if isinstance(actual, date):
        return actual.isoformat().startswith(str(expected))
    return bool(expected == actual)


def _of_maps(*lists: Sequence[Any]) -> bool:
    return all(isinstance(item, Mapping) for items in lists for item in items)


def _distance(expected: Mapping[str, Any], row: Mapping[str, Any]) -> int:
    return sum(bool(difference(wanted, row.get(name))) for name, wanted in expected.items())


def _head(row: Mapping[str, Any]) -> dict[str, Any]:
    """The first few filled fields: enough to know the row by."""
    filled = [
        (name, value) for name, value in row.items() if value not in {None, "", 0} and not isinstance(value, list)
    ]
    return dict(filled[:6])


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_shown(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return "nothing" if value is None else str(plain(value))
