"""The yardstick of the file path: what a good programmer would write by hand for exactly this file and this mapping.

It makes the same checks as the engine does: strict CSV, the header's columns, the exact number of cells, amounts by pattern, dates that
exist, a complete key, headers that agree between the rows of a document, and rows of one document that stand together. Where a check
fails it stops: it has no error folder, no explanations and no other layout.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any

HEADER = (
    "vendor_id", "invoice_number", "document_type", "invoice_id", "vendor_name", "invoice_date", "due_date",
    "gl_posting_date", "currency", "invoice_total", "description", "approval_status",
)  # fmt: skip
LINES = ("line_number", "line_description", "line_amount", "gl_account", "cost_center")
WIDTH = len(HEADER) + len(LINES)

_amount = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,10})?").fullmatch
_whole = re.compile(r"[0-9]{1,9}").fullmatch
_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch


def documents(path: Path) -> Iterator[dict[str, Any]]:
    """The mapped invoices of a file, one at a time. Raises ValueError where anything is wrong."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        names = [name.strip() for name in next(reader)]
        if len(names) != WIDTH or len(set(names)) != WIDTH or not {*HEADER, *LINES} <= set(names):
            raise ValueError("the header is another one")
        head_of = itemgetter(*map(names.index, HEADER))
        line_of = itemgetter(*map(names.index, LINES))
        days: dict[str, date] = {}
        seen: set[tuple[str, str]] = set()
        head: tuple[str, ...] = ()
        key = ("", "")
        document: dict[str, Any] = {}
        lines: list[dict[str, Any]] = []
        for row in reader:
            if len(row) != WIDTH:
                if not any(row):
                    continue
                raise ValueError(f"line {reader.line_num}: {len(row)} cells")
            now = head_of(row)
            if now != head:
                fresh = (now[0].strip(), now[1].strip())
                made = _header(now, days)
                if fresh == key:
                    if made != {**document, "lines": None}:
                        raise ValueError(f"line {reader.line_num}: the header differs")
                else:
                    if lines:
                        document["lines"] = lines
                        yield document
                    if not all(fresh) or fresh in seen:
                        raise ValueError(f"line {reader.line_num}: no key, or its rows stand apart")
                    seen.add(fresh)
                    document, lines, head, key = made, [], now, fresh
            number, text, amount, account, center = line_of(row)
            amount = amount.strip()
            if not _amount(amount):
                raise ValueError(f"line {reader.line_num}: `{amount}` is no amount")
            if not (account := account.strip()):
                raise ValueError(f"line {reader.line_num}: no account")
            lines.append(
                {
                    "Line": int(number) if _whole(number) else _refuse(number),
                    "LineDesc": text.strip() or None,
                    "Amount": Decimal(amount),
                    "Account": account,
                    "Center": center.strip() or None,
                }
            )
        if lines:
            document["lines"] = lines
            yield document


def _header(cells: tuple[str, ...], days: dict[str, date]) -> dict[str, Any]:
    vendor, number, type_, id_, name, invoiced, due, posted, currency, total, text, status = map(str.strip, cells)
    if not _amount(total) or not type_ or not status or not invoiced:
        raise ValueError(f"invoice `{number}`: `{total}` is no amount, or something required is empty")
    return {
        "VendorID": vendor,
        "InvoiceNum": number,
        "DocumentType": type_,
        "InvoiceID": id_ or None,
        "VendorName": name or None,
        "InvoiceDate": days.get(invoiced) or _date(invoiced, days),
        "DueDate": (days.get(due) or _date(due, days)) if due else None,
        "ApplyDate": (days.get(posted) or _date(posted, days)) if posted else None,
        "CurrencyCode": currency or None,
        "Amount": Decimal(total),
        "Description": text or None,
        "Status": status,
        "lines": None,
    }


def _date(text: str, days: dict[str, date]) -> date:
    if not _day(text):
        _refuse(text)
    found = days[text] = date.fromisoformat(text)
    return found


def _refuse(text: str) -> int:
    raise ValueError(f"`{text}` has another form")
