"""The header of a CSV file: which column stands where, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from engine.errors import ParcelError
from engine.formats.csv_keys import CsvKeys
from engine.formats.reading import Wanted

MOST_COLUMNS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """A header understood. `places` are the positions of the wanted columns, None where an optional one is absent."""

    names: tuple[str, ...]
    places: tuple[int | None, ...]

    @property
    def width(self) -> int:
        """How many cells every row must have."""
        return len(self.names)


def understand(kind: CsvKeys, found: Sequence[str], wanted: Sequence[Wanted], findings: list[str]) -> Columns:
    """Raises ParcelError for repeated, missing, too many and (where asked) unknown columns."""
    if len(found) > MOST_COLUMNS:
        raise ParcelError(f"the file has {len(found)} columns, and {MOST_COLUMNS} are the most", place="header")
    names = [name.strip() for name in found]
    same = str.casefold if kind.match == "casefold" else str
    at = {same(name): place for place, name in enumerate(names) if name}
    repeated = [name for name, times in Counter(map(same, filter(None, names))).items() if times > 1]
    if repeated:
        raise ParcelError(f"the header names {_listed(repeated)} more than once", place="header")
    places = [_place(column, at, same) for column in wanted]
    missing = [w.names[0] for w, place in zip(wanted, places, strict=True) if place is None and w.required]
    if missing:
        raise ParcelError(_missing(missing, names), place="header")
    used = {place for place in places if place is not None} | {at.get(same(name)) for name in kind.columns}
    unknown = [name or f"(column {n + 1}, no name)" for n, name in enumerate(names) if n not in used]
    if unknown and wanted and kind.unknown_columns != "ignore":
        message = f"the file has columns the spec does not read: {_listed(unknown)}"
        if kind.unknown_columns == "error":
            raise ParcelError(message, place="header")
        findings.append(message)
    own = dict(zip(places, (column.names[0] for column in wanted), strict=True))
    return Columns(names=tuple(own.get(n, name) for n, name in enumerate(names)), places=tuple(places))


def _place(column: Wanted, at: dict[str, int], same: Callable[[str], str]) -> int | None:
    found = [at[name] for name in dict.fromkeys(map(same, column.names)) if name in at]
    if len(found) > 1:
        raise ParcelError(f"the header has several columns for the same field: {_listed(column.names)}", place="header")
    return found[0] if found else None


def _missing(missing: list[str], found: list[str]) -> str:
    meant = []
    for name in missing:
        near = get_close_matches(name, found, n=1, cutoff=0.6)
        meant.append(f"`{name}`" + (f" (is it `{near[0]}`?)" if near else ""))
    few = found[:40]
    rest = f" and {len(found) - len(few)} more" if len(found) > len(few) else ""
    return f"the header lacks {', '.join(meant)}; it has {_listed(few)}{rest}. Check the delimiter and the template"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name[:60]}`" for name in names) or "nothing"
