"""How a custom method of the Epicor Kinetic stand-in is declared and how its parameters are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.sandbox.epicor_columns import TYPES
from engine.sandbox.epicor_dataset import Dataset, read_dataset
from engine.sandbox.epicor_errors import unreadable
from engine.sandbox.epicor_store import Store, read_value


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of a method: its typed parameters, `ds` among them, in the company it was made for."""

    store: Store
    service: str
    method: str
    company: str
    args: Mapping[str, Any]

    @property
    def ds(self) -> Dataset:
        dataset = self.args["ds"]
        assert isinstance(dataset, Dataset)
        return dataset


Run = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """`params` maps each member of the body to its type; `reads` marks the few methods that GET may call as well."""

    params: Mapping[str, str]
    run: Run
    reads: bool = False


def method(params: str, run: Run, *, reads: bool = False) -> Method:
    """Declare a method, its parameters written as `ProposedVendorID:s confirmCheck:b ds`."""
    pairs = (part.partition(":") for part in params.split())
    return Method(params={name: TYPES.get(kind, "ds") for name, _, kind in pairs}, run=run, reads=reads)


def answer(dataset: Dataset, **more: Any) -> dict[str, Any]:
    """The usual result: the changed dataset and the other out parameters under `parameters`."""
    return {"parameters": {"ds": dataset.out(), **more}}


def read_args(declared: Method, given: Any, call: Call, *, booleans_required: bool) -> Mapping[str, Any]:
    """The typed parameters; 400 for a missing or ill-typed one. Members nobody declared are ignored, as in practice."""
    if not isinstance(given, dict):
        raise unreadable("The body must be a JSON object.")
    call.store.ignored.update(f"{call.method}: {name}" for name in given if name not in declared.params)
    args: dict[str, Any] = {}
    for name, kind in declared.params.items():
        if name not in given:
            if kind != "boolean" or booleans_required:
                raise unreadable(f"Parameter '{name}' is required but not present in the request.")
            args[name] = False
        elif kind == "ds":
            args[name] = read_dataset(call.store, call.service, call.method, given[name], company=call.company)
        else:
            args[name] = read_value(kind, given[name], name)
    return args
