"""From a JMESPath syntax tree to plain closures: jmespath parses, this evaluates, exactly and within bounds.

A closure takes the current value and a budget, `[elements left]`, which keeps projections inside projections finite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import RecordError
from engine.mapping.compare import compare
from engine.mapping.functions import FUNCTIONS
from engine.mapping.functions_value import is_true
from engine.mapping.signature import call_function

Budget = list[int]
Closure = Callable[[Any, Budget], Any]
Tree = dict[str, Any]

MOST_ELEMENTS = 1_000_000
"""List elements one evaluation may touch."""


def compile_tree(tree: Tree) -> Closure:
    """The closure of a syntax tree whose functions and arguments were checked before."""
    return _COMPILERS[tree["type"]](tree)


def read_member(value: Any, name: str) -> Any:
    """A member of an object; null for anything else, as JMESPath has it."""
    try:
        return value.get(name)
    except AttributeError:
        return None


def read_item(value: Any, index: int) -> Any:
    """An item of a list; null where there is none."""
    if not isinstance(value, list):
        return None
    try:
        return value[index]
    except IndexError:
        return None


def spend(budget: Budget, count: int) -> None:
    """Raises RecordError once an evaluation has touched too many elements."""
    budget[0] -= count
    if budget[0] < 0:
        raise RecordError(f"touches more than {MOST_ELEMENTS} list elements")


def _field(tree: Tree) -> Closure:
    name = tree["value"]
    return lambda value, _budget: read_member(value, name)


def _index(tree: Tree) -> Closure:
    index = tree["value"]
    return lambda value, _budget: read_item(value, index)


def _literal(tree: Tree) -> Closure:
    constant = tree["value"]
    return lambda _value, _budget: constant


def _itself(tree: Tree) -> Closure:
    return lambda value, _budget: value


def _chain(tree: Tree) -> Closure:
    parts = [compile_tree(child) for child in tree["children"]]
    if len(parts) == 2:
        first, second = parts
        return lambda value, budget: second(first(value, budget), budget)

    def run(value: Any, budget: Budget) -> Any:
        for part in parts:
            value = part(value, budget)
        return value

    return run


def _comparator(tree: Tree) -> Closure:
    name = tree["value"]
    left, right = (compile_tree(child) for child in tree["children"])
    return lambda value, budget: compare(name, left(value, budget), right(value, budget))


def _or(tree: Tree) -> Closure:
    left, right = (compile_tree(child) for child in tree["children"])

    def run(value: Any, budget: Budget) -> Any:
        found = left(value, budget)
        return found if is_true(found) else right(value, budget)

    return run


def _and(tree: Tree) -> Closure:
    left, right = (compile_tree(child) for child in tree["children"])

    def run(value: Any, budget: Budget) -> Any:
        found = left(value, budget)
        return right(value, budget) if is_true(found) else found

    return run


def _not(tree: Tree) -> Closure:
    inner = compile_tree(tree["children"][0])
    return lambda value, budget: not is_true(inner(value, budget))


def _function(tree: Tree) -> Closure:
    entry = FUNCTIONS[tree["value"]]
    arguments = [compile_tree(child) for child in tree["children"]]
    if tree["children"] and any(child["type"] == "expref" for child in tree["children"]):
        return lambda value, budget: call_function(entry, _bound(arguments, value, budget))
    return lambda value, budget: call_function(entry, [argument(value, budget) for argument in arguments])


def _bound(arguments: Sequence[Closure], value: Any, budget: Budget) -> list[Any]:
    results = [argument(value, budget) for argument in arguments]
    for result in results:
        spend(budget, len(result) if isinstance(result, list) else 0)
    return results


def _expref(tree: Tree) -> Closure:
    inner = compile_tree(tree["children"][0])

    def run(value: Any, budget: Budget) -> Any:
        return lambda item: inner(item, budget)

    return run


def _flatten(tree: Tree) -> Closure:
    inner = compile_tree(tree["children"][0])

    def run(value: Any, budget: Budget) -> Any:
        base = inner(value, budget)
        if not isinstance(base, list):
            return None
        merged: list[Any] = []
        for element in base:
            spend(budget, len(element) if isinstance(element, list) else 1)
            if isinstance(element, list):
                merged.extend(element)
            else:
                merged.append(element)
        return merged

    return run


def _project(elements: Any, right: Closure, budget: Budget) -> list[Any]:
    spend(budget, len(elements))
    found = (right(element, budget) for element in elements)
    return [value for value in found if value is not None]


def _projection(tree: Tree) -> Closure:
    left, right = (compile_tree(child) for child in tree["children"])

    def run(value: Any, budget: Budget) -> Any:
        base = left(value, budget)
        return _project(base, right, budget) if isinstance(base, list) else None

    return run


def _value_projection(tree: Tree) -> Closure:
    left, right = (compile_tree(child) for child in tree["children"])

    def run(value: Any, budget: Budget) -> Any:
        base = left(value, budget)
        return _project(list(base.values()), right, budget) if isinstance(base, dict) else None

    return run


def _filter(tree: Tree) -> Closure:
    left, right, condition = (compile_tree(child) for child in tree["children"])

    def run(value: Any, budget: Budget) -> Any:
        base = left(value, budget)
        if not isinstance(base, list):
            return None
        spend(budget, len(base))
        return _project([element for element in base if is_true(condition(element, budget))], right, budget)

    return run


def _slice(tree: Tree) -> Closure:
    part = slice(*tree["children"])
    return lambda value, _budget: value[part] if isinstance(value, list) else None


def _select_list(tree: Tree) -> Closure:
    members = [compile_tree(child) for child in tree["children"]]
    return lambda value, budget: None if value is None else [member(value, budget) for member in members]


def _select_object(tree: Tree) -> Closure:
    members = [(child["value"], compile_tree(child["children"][0])) for child in tree["children"]]
    return lambda value, budget: None if value is None else {name: member(value, budget) for name, member in members}


_COMPILERS: dict[str, Callable[[Tree], Closure]] = {
    "and_expression": _and,
    "comparator": _comparator,
    "current": _itself,
    "expref": _expref,
    "field": _field,
    "filter_projection": _filter,
    "flatten": _flatten,
    "function_expression": _function,
    "identity": _itself,
    "index": _index,
    "index_expression": _chain,
    "literal": _literal,
    "multi_select_dict": _select_object,
    "multi_select_list": _select_list,
    "not_expression": _not,
    "or_expression": _or,
    "pipe": _chain,
    "projection": _projection,
    "slice": _slice,
    "subexpression": _chain,
    "value_projection": _value_projection,
}
