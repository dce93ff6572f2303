"""The yardsticks of structured files: what a good programmer would write by hand for exactly these files.

Each reads a file once, piece by piece, and makes the checks the engine makes: structure, counts and control totals, required values,
amounts by pattern, dates that exist, lengths, balance. Where a check fails it raises ValueError and stops: it tells no other mistakes,
has no error folder and knows no other layout. What is wrong at the end of a file is found after its documents were handed over: whoever
takes them must be able to take them back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.parsers import expat

_amount = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,10})?").fullmatch
_day = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})").fullmatch
_PIECE = 256 * 1024


class Days(dict[str, date]):
    """Dates by their text, each looked at once."""

    def __missing__(self, text: str) -> date:
        found = _day(text)
        if found is None:
            raise ValueError(f"`{text}` is no date")
        self[text] = day = date(*map(int, found.groups()))
        return day


def money(text: str) -> Decimal:
    """An amount in plain notation."""
    text = text.strip()
    if not _amount(text):
        raise ValueError(f"`{text}` is no amount")
    return Decimal(text)


def needed(text: str) -> str:
    """Text that must be there."""
    found = text.strip()
    if not found:
        raise ValueError("something required is empty")
    return found


_LINE = {"Text": "text", "Amount": "amount", "Account": "account", "Center": "center"}
_HEAD = {
    "Number": "number", "InvoiceDate": "date", "DueDate": "due", "Total": "total", "Note": "note", "Status": "status",
}  # fmt: skip


def xml(path: Path) -> Iterator[dict[str, Any]]:
    """Invoices with their lines: expat's events, a stack of names, no tree. A DTD is refused."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    days, done = Days(), list[dict[str, Any]]()
    stack, text = list[str](), list[str]()
    head: dict[str, str] = {}
    row: dict[str, str] = {}
    lines: list[dict[str, Any]] = []

    def keep(into: dict[str, str], name: str, value: str) -> None:
        if name in into:
            raise ValueError(f"`{name}` is there twice")
        into[name] = value

    def start(name: str, attributes: dict[str, str]) -> None:
        stack.append(name)
        depth = len(stack)
        if depth == 1 and name != "Invoices":
            raise ValueError("the root is another one")
        if depth > 64 or len(attributes) > 256:
            raise ValueError("too deep, or too many attributes")
        if depth == 2 and name == "Invoice":
            head.clear()
            lines.clear()
            if "currency" in attributes:
                head["currency"] = attributes["currency"]
        elif depth == 4 and name == "Line":
            row.clear()
            if "no" in attributes:
                row["line"] = attributes["no"]
        text.clear()

    def end(name: str) -> None:
        depth = len(stack)
        if depth == 5 and stack[3] == "Line":
            if name in _LINE:
                keep(row, _LINE[name], "".join(text))
        elif depth == 4 and name == "Line":
            number = row.get("line", "").strip()
            lines.append(
                {
                    "line": int(number) if number else None,
                    "text": row.get("text", "").strip() or None,
                    "amount": money(row["amount"]),
                    "account": needed(row["account"]),
                    "center": row.get("center", "").strip() or None,
                }
            )
        elif depth == 4 and stack[2] == "Vendor":
            if name in {"Id", "Name"}:
                keep(head, "vendor" if name == "Id" else "name", "".join(text))
        elif depth == 3:
            if name in _HEAD:
                keep(head, _HEAD[name], "".join(text))
        elif depth == 2 and name == "Invoice":
            due = head.get("due", "").strip()
            done.append(
                {
                    "vendor": needed(head["vendor"]),
                    "number": needed(head["number"]),
                    "name": head.get("name", "").strip() or None,
                    "currency": head.get("currency", "").strip() or None,
                    "date": days[head["date"].strip()],
                    "due": days[due] if due else None,
                    "total": money(head["total"]),
                    "note": head.get("note", "").strip() or None,
                    "status": needed(head["status"]),
                    "lines": lines.copy(),
                }
            )
        stack.pop()
        text.clear()

    def doctype(*_: object) -> None:
        raise ValueError("a DTD")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text.append, doctype
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            parser.Parse(piece, False)
            yield from done
            done.clear()
        parser.Parse(b"", True)


def _segments(path: Path) -> Iterator[list[str]]:
    """The elements of each segment, by the delimiters the ISA has at its fixed places."""
    with path.open("rb") as file:
        head = file.read(106)
        if len(head) < 106 or not head.startswith(b"ISA"):
            raise ValueError("no ISA")
        mark, end = head[3:4].decode(), head[105:106]
        yield head[:105].decode("ascii").split(mark)
        carry = b""
        while piece := file.read(_PIECE):
            *whole, carry = (carry + piece).split(end)
            for raw in whole:
                yield raw.strip().decode("ascii").split(mark)
        if carry.strip():
            raise ValueError("something stands behind the last segment")


_text = str.isprintable
_number = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)").fullmatch
_BPR, _TRN = (2, 18, 1, 3, 10, 2, 12, 3, 35, 10, 9, 2, 12, 3, 35, 8), (2, 30, 10, 30)
_N1, _RMR, _DTM = (3, 60, 2, 80, 2, 3), (3, 30, 2, 18, 18, 18, 2, 18), (3, 8, 8, 2, 3, 35)
_PARTIES = {"PR": "payer", "PE": "payee"}
_AFTER = {"BPR": "start", "TRN": "BPR", "N1": "TRN N1", "ENT": "TRN N1", "RMR": "ENT RMR", "DTM": "RMR"}
"""Which of the segments may stand before each, the repeated DTM after an RMR counted as the RMR."""


def _sized(parts: list[str], most: tuple[int, ...]) -> None:
    if len(parts) - 1 > len(most):
        raise ValueError(f"{parts[0]} has too many elements")
    for text, length in zip(parts[1:], most, strict=False):
        if len(text) > length or not _text(text):
            raise ValueError(f"{parts[0]}: `{text}` is too long, or no text")


def _paid(text: str) -> Decimal:
    if len(text) > 18 or not _number(text):
        raise ValueError(f"`{text}` is no amount")
    return Decimal(text)


def x12(path: Path) -> Iterator[dict[str, Any]]:
    """Payment advices of one interchange: envelopes, control numbers and counts, order, lengths, balance."""
    days, found = Days(), _segments(path)
    isa = next(found)
    groups = sets = size = 0
    gs: list[str] = []
    number, before, seen = "", "", set[str]()
    document: dict[str, Any] = {}
    lines: list[dict[str, Any]] = []
    closed = False
    for parts in found:
        name = parts[0]
        size += 1
        if number:
            if name == "SE":
                if int(parts[1]) != size or parts[2] != number or before != "RMR" or "number" not in document:
                    raise ValueError(f"set {number}: its SE does not fit")
                if sum((line["paid"] for line in lines), Decimal(0)) != document["amount"]:
                    raise ValueError(f"set {number} does not balance")
                document["lines"] = lines
                yield document
                number = ""
                continue
            if before not in _AFTER.get(name, "") or not before:
                raise ValueError(f"set {number}: a {name} can't stand after {before}")
            if name == "RMR":
                _sized(parts, _RMR)
                if not parts[1] or not parts[2]:
                    raise ValueError("an RMR without qualifier or reference")
                lines.append({"invoice": needed(parts[2]), "paid": _paid(parts[4]), "dated": None})
                before = "RMR"
            elif name == "DTM":
                _sized(parts, _DTM)
                if parts[1] == "003":
                    lines[-1]["dated"] = days[parts[2]]
            elif name == "BPR":
                _sized(parts, _BPR)
                if parts[3] not in {"C", "D"} or not parts[1] or not parts[4]:
                    raise ValueError("BPR")
                document |= {
                    "amount": _paid(parts[2]),
                    "method": parts[4],
                    "date": days[parts[16]] if parts[16:] else None,
                }
                before = name
            elif name == "TRN":
                _sized(parts, _TRN)
                document["number"] = needed(parts[2])
                before = name
            elif name == "N1":
                _sized(parts, _N1)
                side = _PARTIES[parts[1]]
                document[side] = parts[2] if side == "payer" else parts[4]
                before = name
            elif name == "ENT":
                before = name
        elif name == "ST":
            number = parts[2]
            if parts[1] != "820" or not gs or number in seen or not (number.isdigit() and 4 <= len(number) <= 9):
                raise ValueError(f"set {number} has no group, another kind, or a number that came before")
            seen.add(number)
            size, before, sets = 1, "start", sets + 1
            document, lines = {}, []
        elif name == "GS":
            if gs or parts[1] != "RA" or not parts[6].isdigit():
                raise ValueError("GS")
            gs, sets, seen = parts, 0, set()
        elif name == "GE":
            if not gs or int(parts[1]) != sets or parts[2] != gs[6]:
                raise ValueError("GE does not fit its GS")
            gs, groups = [], groups + 1
        elif name == "IEA":
            if gs or int(parts[1]) != groups or parts[2] != isa[13]:
                raise ValueError("IEA does not fit the ISA")
            closed = True
        else:
            raise ValueError(f"{name} stands outside")
    if not closed or number:
        raise ValueError("the interchange has no end")


_cents = re.compile(r"[0-9]{12}").fullmatch


def _implied(text: str) -> Decimal:
    if not _cents(text):
        raise ValueError(f"`{text}` is no amount")
    return Decimal(f"{text[:-2]}.{text[-2:]}")


def fixed(path: Path) -> Iterator[dict[str, Any]]:
    """Bills with their lines: header, bills, trailer with two counts and a sum."""
    days = Days()
    bills = lines_seen = cents = 0
    payer, ended = "", False
    document: dict[str, Any] = {}
    lines: list[dict[str, Any]] = []
    with path.open(encoding="cp1252", newline="") as file:
        for count, text in enumerate(file, 1):
            text = text.rstrip("\r\n")
            if ended or (count == 1) != (text[:1] == "H"):
                raise ValueError(f"line {count} stands where it can't")
            kind = text[:1]
            if kind == "L":
                if not document:
                    raise ValueError(f"line {count}: no bill")
                amount, account = text[6:18], text[48:68].strip()
                if not _cents(amount) or not account:
                    raise ValueError(f"line {count}: no amount, or no account")
                cents += int(amount)
                lines.append(
                    {
                        "line": int(text[1:6]),
                        "amount": _implied(amount),
                        "text": text[18:48].strip() or None,
                        "account": account,
                        "center": text[68:80].strip() or None,
                    }
                )
                lines_seen += 1
            elif kind == "B":
                if document:
                    yield _bill(document, lines)
                vendor, number = text[21:31].strip(), text[1:21].strip()
                if not vendor or not number:
                    raise ValueError(f"line {count}: no key")
                document = {
                    "vendor": vendor,
                    "number": number,
                    "payer": payer or None,
                    "date": days[text[31:39]],
                    "total": _implied(text[39:51]),
                    "name": text[51:77].strip() or None,
                    "currency": text[77:80].strip() or None,
                }
                lines = []
                bills += 1
            elif kind == "H":
                payer = text[1:11].strip()
            elif kind == "T":
                if (int(text[1:10]), int(text[10:19]), int(text[19:34])) != (bills, lines_seen, cents):
                    raise ValueError("the trailer states other totals")
                ended = True
            else:
                raise ValueError(f"line {count}: `{kind}` is no record type")
    if not ended:
        raise ValueError("the file has no trailer")
    if document:
        yield _bill(document, lines)


def _bill(document: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    if not lines:
        raise ValueError("a bill without lines")
    document["lines"] = lines
    return document


READERS: dict[str, Callable[[Path], Iterator[dict[str, Any]]]] = {"xml": xml, "x12": x12, "fixed": fixed}
