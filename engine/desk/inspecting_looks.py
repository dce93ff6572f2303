"""What each format tells of a file nobody has described yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO

from engine.contracts import BadRow
from engine.desk import sniffing_csv, sniffing_fixed, sniffing_json, sniffing_x12, sniffing_xml
from engine.desk.inspecting_told import Told, show_record
from engine.desk.sniffed import HEAD, MOST_BYTES, Sniffed
from engine.errors import ParcelError
from engine.formats.fixed import Fixed
from engine.formats.fixed_lines import place_of, raw_records
from engine.formats.fixed_structure import check_structure
from engine.formats.x12 import X12
from engine.formats.xml import Xml

_EVERY = 500
_SHOWN_TYPES = 200
_GUESSED = 20_000
"""Rows whose values columns are judged by."""


def look_csv(sniffed: Sniffed, told: Told, most: int) -> None:
    """Dialect, columns with the type their values look like, rows."""
    from engine.desk.starting_types import Guess

    _text_facts(sniffed, told)
    dialect = sniffing_csv.dialect_of(sniffed)
    kind = dialect.format(sniffed.encoding)
    if len(dialect.columns) == 1:
        told.notice("no delimiter was found: each line is one value. If it is fixed width, say `--as fixed`")
    told.facts |= {
        "delimiter": {"\t": "tab"}.get(dialect.delimiter, dialect.delimiter) if len(dialect.columns) > 1 else "none",
        "quote": dialect.quote,
        "header": "names the columns" if dialect.header else "none",
        **({"lines before it": dialect.skip_rows} if dialect.skip_rows else {}),
    }
    if dialect.repeated:
        told.notice(
            f"the header names {', '.join(dialect.repeated)} more than once: read here without it, columns by number"
        )
    if dialect.footer is not None:
        told.notice("the last row is unlike the others: taken for a footer")
        kind = replace(kind, footer=None)
    guesses = {name: Guess() for name in dialect.columns if name}
    rows, bad, held = 0, 0, None
    with sniffed.path.open("rb") as stream:
        for item in _looked_at(kind.records_of(stream), stream, told):
            if held is not None:
                rows, bad = rows + 1, bad + isinstance(held, BadRow)
                _see_row(held, guesses, told, most, guess=rows <= _GUESSED)
            held = item
    if held is not None and dialect.footer is None:
        rows, bad = rows + 1, bad + isinstance(held, BadRow)
        _see_row(held, guesses, told, most, guess=True)
    columns = [
        {
            "column": name,
            "looks like": guess.keys(identifies=False, money=False)["type"],
            "empty": guess.empty,
            "longest": guess.longest,
        }
        for name, guess in guesses.items()
    ]
    told.facts |= {
        "rows": rows,
        **({"bad rows": bad} if bad else {}),
        "columns": len(dialect.columns),
        "each column": columns,
    }


def _see_row(item: Any, guesses: dict[str, Any], told: Told, most: int, *, guess: bool) -> None:
    if isinstance(item, BadRow):
        told.wrong(f"{item.place}: {item.error}")
        return
    line, record = item
    show_record(told, most, f"line {line}", record)
    if guess:
        for name, value in record.items():
            if name in guesses:
                guesses[name].see(value)


def look_fixed(sniffed: Sniffed, told: Told, most: int) -> None:
    """Record length, record types by how lines begin, how many of each; the fields are guesses."""
    _text_facts(sniffed, told)
    types = sniffing_fixed.types_of(sniffed)
    size = len(types[0].code) if types else 0
    length = sniffing_fixed.total_length(types)
    told.facts["record length"] = length or "differs by type"
    told.facts["discriminator"] = f"characters 1 to {size}" if size else "none: all lines look alike"
    if not types:
        raise ParcelError("the file has no records")
    kind = sniffing_fixed.format_of(sniffed, types)
    counts: Counter[str] = Counter()
    lengths: dict[str, set[int]] = {one.code: set(one.lengths) for one in types}
    with sniffed.path.open("rb") as stream:
        for raw in _looked_at(raw_records(kind, stream), stream, told):
            code = raw[0][:size]
            if code in counts or len(counts) < _SHOWN_TYPES:
                counts[code] += 1
            if code in lengths and len(raw[0]) not in lengths[code]:
                others = " or ".join(map(str, sorted(lengths[code])))
                told.wrong(
                    f"{place_of(kind, raw)}: the record has {len(raw[0])} characters, and others like it {others}"
                )
            show_record(told, most, place_of(kind, raw), raw[0])
        told.facts |= {"records": counts.total(), "each record type": _type_rows(types, counts)}
        stream.seek(0)
        _check_order(kind, stream, told)
    told.notice("where fields begin and end is guessed from where blanks and digits stand: compare with the layout")


def _type_rows(types: Iterable[sniffing_fixed.RecordType], counts: Counter[str]) -> list[dict[str, Any]]:
    return [
        {
            "begins with": one.code or "(anything)",
            "records": counts[one.code],
            "length": "/".join(map(str, one.lengths)),
            "stands": one.stands,
            "fields": " ".join(f"{first}-{last}" for first, last in one.fields[:40]),
        }
        for one in types
    ]


def _check_order(kind: Fixed, stream: BinaryIO, told: Told) -> None:
    try:
        if told.facts["records"] and "counted" not in told.facts:
            check_structure(kind, stream, told.findings)
    except ParcelError as error:
        told.notice(str(error))


def look_xml(sniffed: Sniffed, told: Told, most: int) -> None:
    """Root, namespaces, repeating elements, and the first of what seem to be the records."""
    shape = sniffing_xml.Shape()
    try:
        with sniffed.path.open("rb") as stream:
            sniffing_xml.shape_of(stream, sniffed.encoding, shape)
    finally:
        told.facts |= sniffing_xml.facts(shape)
    if shape.crowded:
        told.notice("there are more different elements than are told apart here")
    if not shape.whole:
        told.facts["counted"] = f"the first {MOST_BYTES:,} bytes"
    path = sniffing_xml.record_path(shape.root)
    record = sniffing_xml.at(shape.root, path)
    told.facts |= {"record element": "/".join(path), "records": record.count}
    repeat = tuple(dict.fromkeys("/".join(p) for p, s in sniffing_xml.spots(record) if p and s.most > 1))
    kind = Xml(
        records="/".join(path),
        repeat=repeat,
        encoding="latin-1" if sniffed.encoding in {"cp1252", "latin-1"} else "utf-8",
    )
    with sniffed.path.open("rb") as stream:
        for item in kind.records_of(stream):
            if len(told.records) >= most:
                break
            if isinstance(item, BadRow):
                show_record(told, most, item.place, item.values)
            else:
                show_record(told, most, f"line {item[0]}", item[1])


def look_json(sniffed: Sniffed, told: Told, most: int) -> None:
    """Layout, where the records are, and their members by path."""
    _text_facts(sniffed, told)
    kind = sniffing_json.layout_of(sniffed)
    told.facts["layout"] = "one object a line" if kind.layout == "lines" else "one document"
    told.facts["records at"] = kind.records or "the top"
    members = sniffing_json.Members()
    try:
        with sniffed.path.open("rb") as stream:
            for number, record in _looked_at(kind.records_of(stream), stream, told):
                members.see(record)
                show_record(told, most, f"{'line' if kind.layout == 'lines' else 'record'} {number}", record)
    finally:
        told.facts["records"] = members.records
        told.facts["each member"] = [
            {"path": path, "holds": " or ".join(sorted(one.types)), "times": one.count}
            for path, one in list(members.found.items())[:_SHOWN_TYPES]
        ]
    if members.crowded:
        told.notice("there are more different members than are told apart here")


def look_x12(sniffed: Sniffed, told: Told, most: int) -> None:
    """Interchanges, groups and sets with their numbers and parties; the sets themselves where a description knows them."""
    seen = sniffing_x12.Seen()
    with sniffed.path.open("rb") as stream:
        head = stream.read(HEAD)
        stream.seek(0)
        try:
            sniffing_x12.envelopes_of(stream, seen)
        finally:
            told.facts |= sniffing_x12.facts(seen, head)
            told.notice(*seen.findings)
        if seen.cut:
            told.facts["counted"] = "a part of the file"
        for message in sniffing_x12.broken(seen):
            told.wrong(message)
        kind = sniffing_x12.described(seen)
        if kind is None:
            names = ", ".join(name for name, _ in seen.sets.most_common(5)) or "none"
            told.notice(f"what is inside the sets ({names}) is not looked at: that needs one set, and its description")
            return
        if told.problems or seen.cut:
            return
        _look_into_sets(kind, stream, told, most)


def _look_into_sets(kind: X12, stream: BinaryIO, told: Told, most: int) -> None:
    stream.seek(0)
    nesting, bad = kind.nest(stream, [], [], None), 0
    for item in nesting:
        if isinstance(item, BadRow):
            bad += 1
            told.wrong(f"{item.place}: {item.error}")
    told.notice(*nesting.findings)
    told.facts |= {"sets that can't be read": bad} if bad else {}
    stream.seek(0)
    for number, record in islice((item for item in kind.records_of(stream) if not isinstance(item, BadRow)), most):
        show_record(told, most, f"set {number}", record)


def _text_facts(sniffed: Sniffed, told: Told) -> None:
    ends = sniffed.line_ends
    name = {"utf-8-sig": "ASCII" if sniffed.ascii else "UTF-8"}.get(sniffed.encoding, sniffed.encoding)
    told.facts["encoding"] = name + (f", byte order mark of {sniffed.mark}" if sniffed.mark else "")
    told.facts["line ends"] = ", ".join(name.upper() for name in ends) or "none"
    if len(ends) > 1:
        told.notice("line ends are mixed: " + ", ".join(f"{count:,} {name.upper()}" for name, count in ends.items()))
    if sniffed.text and not sniffed.text.endswith(("\n", "\r")) and sniffed.whole:
        told.notice("the last line has no line end")


def _looked_at(items: Iterable[Any], stream: BinaryIO, told: Told) -> Iterable[Any]:
    """The items, up to as many bytes as are looked at."""
    for count, item in enumerate(items):
        if count % _EVERY == 0 and stream.tell() > MOST_BYTES:
            told.facts["counted"] = f"the first {MOST_BYTES:,} bytes"
            return
        yield item


LOOKS: dict[str, Callable[[Sniffed, Told, int], None]] = {
    "csv": look_csv,
    "fixed": look_fixed,
    "xml": look_xml,
    "json": look_json,
    "x12": look_x12,
}
