"""Lists of the Ramp stand-in: query parameters read by type, filters, and pages by the key of the last row.

A list comes in the order its rows were made. Filters that compare amounts take whole minor units. A `start` is good only
for the list, filters and page size it was given out for: the contract says not to change them midway, so this refuses it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from engine.sandbox.ramp_errors import Problems, invalid
from engine.sandbox.ramp_store import Row, Store

Show = Callable[[Store, Row], dict[str, Any]]
Matches = Callable[[Row, Any], bool]

SMALLEST, LARGEST = 2, 100
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A query parameter: how its text is read (ValueError tells what is wrong) and which rows it lets through."""

    read: Callable[[str], Any]
    matches: Matches


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """One list: the table it shows, the scope it needs; `newer` are the filters of 2026, known only behind a switch."""

    table: str
    scope: str
    noun: str
    show: Show
    filters: Mapping[str, Filter] = field(default_factory=dict)
    newer: Mapping[str, Filter] = field(default_factory=dict)

    def known(self, store: Store) -> Mapping[str, Filter]:
        return {**self.filters, **self.newer} if store.rules.filters_2026 else self.filters


def read_uuid(text: str) -> str:
    """The id in lower case with its hyphens."""
    try:
        found = str(uuid.UUID(text))
    except ValueError:
        found = ""
    if found != text.lower():
        raise ValueError("Not a valid UUID.")
    return found


def read_moment(text: str) -> datetime:
    """A full datetime, UTC where it names no offset; a date alone is none."""
    if not _MOMENT.fullmatch(text):
        raise ValueError("Not a valid datetime.")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("Not a valid datetime.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("Not a valid number.")
    return int(text)


def read_truth(text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ValueError("Not a valid boolean.")
    return _TRUTH[text.lower()]


def one_of(values: Collection[str]) -> Callable[[str], str]:
    """Reads one of these words."""

    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"Must be one of: {', '.join(values)}.")
        return text

    return read


def equal(column: str, read: Callable[[str], Any] = str) -> Filter:
    """Rows whose column has the value."""
    return Filter(read=read, matches=lambda row, value: bool(row[column] == value))


def since(column: str) -> Filter:
    return Filter(read=read_moment, matches=lambda row, value: row[column] is not None and row[column] >= value)


def until(column: str) -> Filter:
    return Filter(read=read_moment, matches=lambda row, value: row[column] is not None and row[column] <= value)


def spans(**columns: str) -> dict[str, Filter]:
    """`from_…` and `to_…` for each name, over its column."""
    both = {f"from_{name}": since(column) for name, column in columns.items()}
    return both | {f"to_{name}": until(column) for name, column in columns.items()}


def amounts(column: str) -> dict[str, Filter]:
    """`min_amount` and `max_amount`, in minor units."""
    return {
        "min_amount": Filter(read=read_whole, matches=lambda row, value: row[column]["amount"] >= value),
        "max_amount": Filter(read=read_whole, matches=lambda row, value: row[column]["amount"] <= value),
    }


def read_list(store: Store, listing: Listing, params: Mapping[str, str], url: str) -> dict[str, Any]:
    """One page of the list as it is answered; `url` is the list's own full address. 422 for a bad parameter."""
    size, place, wanted = _read(store, listing, params)
    filters = listing.known(store)
    found: list[Row] = []
    for row in store.after(listing.table, place):
        if all(filters[name].matches(row, value) for name, value in wanted.items()):
            found.append(row)
            if len(found) > size:
                break
    page, following = found[:size], None
    if len(found) > size:
        following = _next(store, listing, page[-1]["id"], params, url)
    return {"data": [listing.show(store, row) for row in page], "page": {"next": following}}


def _next(store: Store, listing: Listing, last: str, params: Mapping[str, str], url: str) -> str:
    tied = {name: text for name, text in params.items() if name != "start"}
    store.cursors[listing.table, last] = (store.place_of(listing.table, last), tied)
    return f"{url}?{urlencode({**tied, 'start': last})}"


def _read(store: Store, listing: Listing, params: Mapping[str, str]) -> tuple[int, int, dict[str, Any]]:
    """Page size, the place to go on behind, and the filters' values."""
    problems: Problems = {}
    known, wanted = listing.known(store), {}
    size = _page_size(params.get("page_size", str(store.rules.page_size)), problems)
    place = _start(store, listing, params, problems)
    for name, text in params.items():
        if name in {"page_size", "start"}:
            continue
        if name not in known:
            store.ignored.add(f"{listing.table}?{name}")
            if store.rules.strict_parameters:
                problems[name] = ["Unknown field."]
            continue
        try:
            wanted[name] = known[name].read(text)
        except ValueError as error:
            problems[name] = [str(error)]
    if problems:
        raise invalid(problems)
    return size, place, wanted


def _page_size(text: str, problems: Problems) -> int:
    if _WHOLE.fullmatch(text) and SMALLEST <= int(text) <= LARGEST:
        return int(text)
    problems["page_size"] = [f"Value must be between {SMALLEST} and {LARGEST}"]
    return 0


def _start(store: Store, listing: Listing, params: Mapping[str, str], problems: Problems) -> int:
    if "start" not in params:
        return -1
    try:
        last = read_uuid(params["start"])
    except ValueError as error:
        problems["start"] = [str(error)]
        return -1
    place, tied = store.cursors.get((listing.table, last), (-1, None))
    if tied != {name: text for name, text in params.items() if name != "start"}:
        problems["start"] = ["Not a cursor of this list with these filters and this page size."]
    return place
