"""PUT of the Acumatica stand-in: which record is meant, what changes, and what refuses it.

The record is the one of the `id`, of the `$filter`, or of all key fields in the body; else a new one, even when a key
was mistyped. `If-None-Match: *` lets it insert only, `If-Match: *` update only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from engine.sandbox.acumatica_documents import COMPLETE
from engine.sandbox.acumatica_errors import Refusal, failed, invalid
from engine.sandbox.acumatica_filter import Predicate
from engine.sandbox.acumatica_record import Given, Record
from engine.sandbox.acumatica_saving import Line, Saving, label
from engine.sandbox.acumatica_shapes import NUMBERED, Shape
from engine.sandbox.acumatica_store import Store, blank, name_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """Under which a save is asked for: the request's headers and its filter."""

    today: date
    branch: str
    keep: Predicate | None = None
    insert_only: bool = False
    update_only: bool = False
    expanded: frozenset[str] = frozenset()


def save(store: Store, shape: Shape, given: Given, terms: Terms) -> Record:
    """Creates or updates; 412, 422 with the entity's echo, or 500. The change is noted."""
    existing = find(store, shape, given, terms.keep)
    if (existing is not None and terms.insert_only) or (existing is None and terms.update_only):
        raise Refusal(412, {"message": "The record does not satisfy the condition of the request."})
    if existing is not None and existing.released:
        raise Refusal(422, _locked(shape, existing))
    saving = work_out(store, shape, given, existing, terms)
    if saving.problems or saving.top:
        raise saving.refuse(terms.expanded)
    record = store_new(store, shape, saving) if existing is None else store.put(shape.name, saving.draft)
    verb = "created" if existing is None else "changed"
    store.note(f"{word(shape)}.{verb}", name_of(shape, record), **told(shape, record))
    return record


def find(store: Store, shape: Shape, given: Given, keep: Predicate | None) -> Record | None:
    """The record a body means, None for a new one."""
    if given.id is not None:
        found = store.by_id(shape.name, given.id)
        if found is None:
            raise failed("No entity satisfies the condition.")
        return found
    if keep is not None:
        matching = store.all(shape.name, keep)
        if len(matching) > 1:
            raise failed("More than one entity satisfies the condition.")
        return matching[0] if matching else None
    return store.get(shape.name, *(given.values.get(name) for name in shape.key))


def work_out(
    store: Store, shape: Shape, given: Given, existing: Record | None, terms: Terms, *, all_fields: bool = False
) -> Saving:
    """The draft with everything filled in and checked; `all_fields` sets derived fields too, for a seed."""
    draft = existing.copied() if existing is not None else blank(shape, store.guid())
    saving = Saving(
        store=store, shape=shape, given=given, draft=draft, before=existing, today=terms.today, branch=terms.branch
    )
    fixed = set() if all_fields else set(shape.derived)
    if not all_fields:
        fixed |= {NUMBERED[shape.name]} if shape.name in NUMBERED else set()
        fixed |= set(shape.key) if existing is not None else set()
    _take(store, shape, draft, given, frozenset(fixed))
    _take_lines(saving, all_fields=all_fields)
    _check_required(saving)
    complete = COMPLETE.get(shape.name)
    if complete is not None:
        complete(saving)
    _check_references(saving)
    return saving


def store_new(store: Store, shape: Shape, saving: Saving) -> Record:
    """Stores a new record, numbered."""
    number = NUMBERED.get(shape.name)
    if number is not None and saving.values[number] is None:
        saving.values[number] = store.next_number(shape.name)
    return store.put(shape.name, saving.draft)


def word(shape: Shape) -> str:
    """The entity in the history: `bill`, `purchase_order`."""
    return label(shape.name).lower().replace(" ", "_")


def told(shape: Shape, record: Record) -> dict[str, Any]:
    """What the history tells of a record: its own fields, and how many lines of which amounts."""
    detail: dict[str, Any] = {"id": record.id}
    for name in ("Vendor", "VendorID", "VendorRef", "Type", "ReferenceNbr", "Amount", "PaymentAmount", "Status"):
        if record.values.get(name) is not None:
            detail[name] = record.values[name]
    if "Details" in shape.lists:
        detail["lines"] = [
            {name: value for name, value in line.values.items() if value is not None}
            for line in record.lists["Details"]
        ]
    return detail


def _take(store: Store, shape: Shape, record: Record, given: Given, fixed: frozenset[str]) -> None:
    """Sets what was given; a field that can't be set is dropped without a word, and noted."""
    for name, value in given.values.items():
        if name not in fixed:
            record.values[name] = value
        elif value != record.values[name]:
            store.ignored.add(f"{shape.name}.{name} (not settable)")
    record.note = record.note if given.note is None else given.note
    record.custom |= given.custom
    for name, inner in given.links.items():
        _take(store, shape.links[name], record.links[name], inner, shape.links[name].derived)


def _take_lines(saving: Saving, *, all_fields: bool) -> None:
    """Lines with an id change or go, those without are added; lists nobody may write are left alone."""
    for name, shape in saving.shape.lists.items():
        stored = saving.draft.lists[name]
        earlier = {line.id: line.copied() for line in stored}
        touched: dict[str, tuple[int, Given]] = {}
        sent = saving.given.lists.get(name, [])
        if sent and set(shape.fields) <= shape.derived and not all_fields:
            saving.store.ignored.add(f"{saving.shape.name}.{name} (not settable)")
            sent = []
        for index, given in enumerate(sent):
            line = next((line for line in stored if line.id == given.id), None) if given.id else None
            if given.id is not None and line is None:
                saving.top.append(f"There is no line {given.id} in {name}.")
                continue
            if given.delete:
                if line is None:
                    raise invalid(f"entity.{name}[{index}].delete", "A line to delete needs its id.")
                stored.remove(line)
                continue
            if line is None:
                line = blank(shape, saving.store.guid())
                stored.append(line)
            touched[line.id] = (index, given)
            _take(saving.store, shape, line, given, frozenset() if all_fields else shape.derived)
        saving.lines[name] = [_line(line, earlier.get(line.id), touched.get(line.id)) for line in stored]


def _line(record: Record, before: Record | None, touched: tuple[int, Given] | None) -> Line:
    index, given = touched if touched is not None else (None, Given())
    return Line(record=record, before=before, index=index, given=given)


def _check_required(saving: Saving) -> None:
    for name in saving.shape.required:
        if saving.values[name] is None:
            saving.wrong(name, f"'{label(name)}' cannot be empty.")
    for list_name, shape in saving.shape.lists.items():
        for line in saving.lines[list_name]:
            for name in shape.required:
                if line.record.values[name] is None:
                    saving.wrong(name, f"'{label(name)}' cannot be empty.", line, list_name)


def _check_references(saving: Saving) -> None:
    """Whatever is new or changed must refer to something that is there and active."""
    before = saving.before.values if saving.before is not None else {}
    for name, message in _lost(saving.store, saving.shape.refs, saving.values, before):
        saving.wrong(name, message)
    for list_name, shape in saving.shape.lists.items():
        for line in saving.lines[list_name]:
            earlier = line.before.values if line.before is not None else {}
            for name, message in _lost(saving.store, shape.refs, line.record.values, earlier):
                saving.wrong(name, message, line, list_name)


def _lost(
    store: Store, refs: Mapping[str, str], values: Mapping[str, Any], before: Mapping[str, Any]
) -> list[tuple[str, str]]:
    found = []
    for name, kind in refs.items():
        value = values.get(name)
        if value is None or value == before.get(name):
            continue
        if not store.known(kind, value):
            found.append((name, f"{label(name)} '{value}' cannot be found in the system."))
        elif kind in {"Account", "Subaccount"} and store.get(kind, value).values["Active"] is False:  # type: ignore[union-attr]
            found.append((name, f"{label(name)} '{value}' is inactive."))
        elif kind == "Project" and store.get(kind, value).values["Status"] != "Active":  # type: ignore[union-attr]
            found.append((name, f"{label(name)} '{value}' is not active."))
    return found


def _locked(shape: Shape, record: Record) -> dict[str, Any]:
    error = f"Updating  '{shape.view}' record raised at least one error. The document is released and can't be changed."
    return {"id": record.id, "rowNumber": 1, "error": error} | {
        name: {"value": record.values[name]} for name in shape.key
    }


def delete(store: Store, shape: Shape, record: Record) -> None:
    """Removes a record; 500 for one that is released."""
    if record.released:
        raise failed(f"The document {name_of(shape, record)} is released and can't be deleted.")
    store.remove(shape.name, record)
    store.note(f"{word(shape)}.deleted", name_of(shape, record), **told(shape, record))
