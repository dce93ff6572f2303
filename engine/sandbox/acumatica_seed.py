"""Filling the Acumatica stand-in: records with few fields given, the rest sensible; a small company to start with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.sandbox.acumatica_actions import Actions
from engine.sandbox.acumatica_record import Given, Record
from engine.sandbox.acumatica_save import Terms, store_new, work_out
from engine.sandbox.acumatica_shapes import SHAPES, Shape
from engine.sandbox.acumatica_store import Store

KNOWN: Mapping[str, Mapping[str, int]] = {
    "terms": {"30D": 30, "15D": 15, "45D": 45, "60D": 60, "COD": 0},
    "currency": {"USD": 2, "EUR": 2, "CAD": 2, "GBP": 2},
    "branch": {"MAIN": 1, "EAST": 2},
    "customer": {"ABARTENDE": 1},
}
"""What the endpoint has no entity for: terms with their days, currencies, branches, customers."""
BASELINE: Mapping[str, Any] = {
    "Account": [
        {"AccountCD": "10200", "Description": "Checking account", "Type": "Asset", "CashAccount": True},
        {"AccountCD": "20000", "Description": "Accounts payable", "Type": "Liability"},
        {"AccountCD": "50000", "Description": "Office supplies", "Type": "Expense"},
    ],
    "Subaccount": [{"SubaccountCD": "000-000", "Description": "No department"}],
}
_RELEASED = frozenset({"Bill", "Check", "Payment", "JournalTransaction"})
_DONE = frozenset({"Open", "Closed", "Voided", "Posted", "Reserved"})


def plant(store: Store, seeds: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """Stores the records of a seed by entity; ValueError for an unknown entity or field, or what it refers to missing.

    A record whose key is there is changed. Nothing enters the history.
    """
    unknown = sorted(set(seeds) - set(SHAPES))
    if unknown:
        raise ValueError(f"`{unknown[0]}` cannot be seeded; use one of {', '.join(SHAPES)}")
    order = ("Account", "Subaccount", "Project", "CostCode", "Vendor", "PurchaseOrder", "Bill", "Check")
    with store.transaction():
        for name in (*order, *(set(SHAPES) - set(order))):
            for given in seeds.get(name, ()):
                _plant(store, SHAPES[name], given)


def change(store: Store, entity: str, where: Mapping[str, Any], values: Mapping[str, Any]) -> list[Record]:
    """Changes every record that has these values as a person would; LookupError when there is none."""
    shape = SHAPES[entity]
    typed = {name: typed_value(shape, name, value) for name, value in values.items()}
    with store.transaction():
        found = [record for record in store.all(entity) if all(record.values[k] == v for k, v in where.items())]
        if not found:
            raise LookupError(f"no {entity} has {dict(where)}")
        changed = []
        for record in found:
            copy = record.copied()
            copy.values |= typed
            changed.append(store.put(entity, copy))
        store.note("person.changed", f"{entity} {dict(where)}", **typed)
    return changed


def typed_value(shape: Shape, name: str, value: Any) -> Any:
    """A seed's value as the field's type: amounts may be text such as "10.30", dates text such as "2025-01-31"."""
    kind = shape.fields.get(name)
    if kind is None:
        raise ValueError(f"`{name}` is no field of {shape.name}; known are {', '.join(shape.fields)}")
    if value is None:
        return None
    try:
        if kind == "decimal" and not isinstance(value, float | bool):
            return Decimal(value)
        if kind == "date":
            return value if type(value) is date else date.fromisoformat(str(value)[:10])
        if kind == "datetime":
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, InvalidOperation, TypeError):
        raise ValueError(f"`{shape.name}.{name}` does not take `{value!r}` as {kind}") from None
    wanted: dict[str, type] = {"string": str, "integer": int, "boolean": bool}
    if kind == "decimal":
        raise ValueError(f"`{shape.name}.{name}` takes no float; write the amount as text")
    if type(value) is not wanted[kind]:
        raise ValueError(f"`{shape.name}.{name}` does not take `{value!r}` as {kind}")
    return value


def _plant(store: Store, shape: Shape, plain: Mapping[str, Any]) -> None:
    given = _given(store, shape, plain)
    if "Hold" in shape.fields:
        given.values.setdefault("Hold", given.values.get("Status") == "On Hold")
    existing = store.get(shape.name, *(given.values.get(name) for name in shape.key))
    terms = Terms(today=store.today(), branch="MAIN")
    saving = work_out(store, shape, given, existing, terms, all_fields=True)
    wrong = [f"{name}: {text}" for (_, _, name), text in saving.problems.items()] + saving.top
    if wrong:
        raise ValueError(f"{shape.name} {dict(plain)}: {wrong[0]}")
    derived = {name: value for name, value in given.values.items() if name in shape.derived}
    saving.draft.values |= derived
    if "Balance" in derived and "Amount" not in given.values:
        saving.draft.values["Amount"] = derived["Balance"]
    if shape.name == "Bill" and "Amount" not in given.values:
        total = sum((line.values["Amount"] for line in saving.draft.lists["Details"]), Decimal(0))
        saving.draft.values |= {"Amount": total, "Balance": derived.get("Balance", total)}
    saving.draft.released = derived.get("Status") in _DONE and shape.name in _RELEASED
    stored = store_new(store, shape, saving) if existing is None else store.put(shape.name, saving.draft)
    if shape.name == "Check" and stored.released and existing is None:
        _apply(store, stored)
    if "LastModifiedDateTime" in derived:
        stored.values["LastModifiedDateTime"] = derived["LastModifiedDateTime"]


def _apply(store: Store, check: Record) -> None:
    """A payment that is out already has lowered the balances of its bills, unless it was voided."""
    if check.values["Status"] != "Voided":
        Actions(store=store, jobs={}, today=store.today).pay(check, 1)
    check.lists["History"] = [line.copied() for line in check.lists["Details"]]


def _given(store: Store, shape: Shape, plain: Mapping[str, Any]) -> Given:
    values = {
        name: typed_value(shape, name, value)
        for name, value in plain.items()
        if name not in {*shape.lists, *shape.links, "custom", "note"}
    }
    lists = {
        name: [_given(store, inner, item) for item in plain[name]]
        for name, inner in shape.lists.items()
        if name in plain
    }
    links = {name: _given(store, inner, plain[name]) for name, inner in shape.links.items() if name in plain}
    return Given(values=values, lists=lists, links=links, custom=dict(plain.get("custom", {})), note=plain.get("note"))
