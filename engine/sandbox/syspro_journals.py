"""GENTJL of the SYSPRO stand-in: GL journals that must balance, in an open period, on known ledger codes.

A journal has no key of the caller's, so the same one sent twice is stored twice, as in reality. Stricter readings: a
journal is new (`ActionType` A), has entries that are not 0, and names a period of 1 to 12 in a year of four digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.etree import ElementTree as ET

from engine.sandbox.syspro_answers import (
    INVALID,
    NOT_FOUND,
    OUT_OF_BALANCE,
    PERIOD_CLOSED,
    FieldError,
    Trouble,
    add,
    add_error,
    root_of,
)  # fmt: skip
from engine.sandbox.syspro_rules import Period
from engine.sandbox.syspro_seed import CURRENCY
from engine.sandbox.syspro_store import Row, Store, written
from engine.sandbox.syspro_xml import Fields, check_shape, expect_root, read_options, shape

_NAME = "PostGlJournal"
_OPTIONS: Mapping[str, str] = {
    "IgnoreWarnings": "NYW", "ApplyIfEntireDocumentValid": "YN", "ValidateOnly": "NY", "ActionType": "AM",
    "ValidatePasswords": "NY", "DeleteEntriesonMaint": "NY", "IgnoreAnalysis": "NY",
}  # fmt: skip
_PARAMETERS = shape("Parameters", Parameters=shape(" ".join(_OPTIONS)))
_DOCUMENT = shape(
    "Item+",
    Item=shape(
        "JournalType JournalNumber AuthorizeJournal PostJournal CancelJournal HoldJournal JournalDate JournalReference "
        "Notation PostingPeriod PostingYear esignature SourceCode Currency AuditorsPassword JournalDetails+",
        JournalDetails=shape(
            "EntryNumber LedgerCode LedgerCodePassword Date Reference EntryAmount DeleteEntry Comment AnalysisEntry? "
            "InterCompanyDetail?"
        ),
    ),
)


@dataclass(kw_only=True)
class _Journal:
    """One item as judged."""

    head: Row
    entries: list[Row]
    errors: list[FieldError]


def post_journals(store: Store, parameters: ET.Element, document: ET.Element, operator: str) -> ET.Element:
    """Judge every journal, store what may be stored, and answer journal by journal."""
    for root, wanted in ((parameters, _PARAMETERS), (document, _DOCUMENT)):
        expect_root(root, _NAME)
        check_shape(root, wanted, strict=store.rules.strict_elements, ignored=store.ignored)
    options = read_options(parameters, _OPTIONS)
    if options["ActionType"] == "M":
        raise Trouble("There is no journal to maintain")
    journals = [_judge(store, Fields(element=element, errors=[])) for element in document.findall("Item")]
    if not journals:
        raise Trouble("The document holds no Item")
    refused = options["ApplyIfEntireDocumentValid"] == "Y" and any(journal.errors for journal in journals)
    good = [] if refused else [journal for journal in journals if not journal.errors]
    if options["ValidateOnly"] == "N":
        for journal in good:
            _apply(store, journal, operator)
    return _answer(store, journals, good)


def _judge(store: Store, given: Fields) -> _Journal:
    year, month = _period(store, given)
    entries = _read_entries(store, given)
    debit = sum((entry["EntryValue"] for entry in entries if entry["EntryValue"] > 0), Decimal(0))
    credit = -sum((entry["EntryValue"] for entry in entries if entry["EntryValue"] < 0), Decimal(0))
    if debit != credit or not entries:
        text = f"The journal does not balance: debits {debit:f}, credits {credit:f}"
        given.wrong("JournalDetails", OUT_OF_BALANCE, text)
    currency = given.raw("Currency") or CURRENCY
    if currency != CURRENCY:
        given.wrong("Currency", NOT_FOUND, f"Currency '{currency}' not found")
    head = {
        "GlYear": f"{year:04d}",
        "GlPeriod": f"{month:02d}",
        "JnlDate": given.day("JournalDate") or store.today(),
        "Reference": given.raw("JournalReference"),
        "Notation": given.raw("Notation"),
        "JournalType": given.one_of("JournalType", set("NPUSLAIE"), "N"),
        "JnlStatus": _status(given),
        "Currency": currency,
        "DebitAmount": debit,
        "CreditAmount": credit,
        "NumOfEntries": len(entries),
    }
    return _Journal(head=head, entries=entries, errors=given.errors)


def _status(given: Fields) -> str:
    """H held, C cancelled, P posted, else U."""
    given.one_of("AuthorizeJournal", {"D", "A", "U"}, "D")
    letters = {"HoldJournal": "H", "CancelJournal": "C", "PostJournal": "P"}
    said = [letter for name, letter in letters.items() if given.one_of(name, {"Y", "N"}, "N") == "Y"]
    return said[0] if said else "U"


def _period(store: Store, given: Fields) -> Period:
    now = store.period()
    said_year, said_month = given.whole("PostingYear"), given.whole("PostingPeriod")
    year, month = now[0] if said_year is None else said_year, now[1] if said_month is None else said_month
    if not 1000 <= year <= 9999:
        given.wrong("PostingYear", INVALID, f"The year {year} is not a year of four digits")
    elif not 1 <= month <= 12:
        given.wrong("PostingPeriod", INVALID, f"The period {month} is not one of 1 to 12")
    elif not store.is_open((year, month)):
        given.wrong("PostingPeriod", PERIOD_CLOSED, f"The period {year:04d}/{month:02d} is closed")
    return year, month


def _read_entries(store: Store, given: Fields) -> list[Row]:
    entries: list[Row] = []
    for number, line in enumerate(given.inner("JournalDetails"), 1):
        said = line.whole("EntryNumber")
        code, amount = line.needed("LedgerCode"), line.money("EntryAmount")
        if code and store.get("GenMaster", code) is None:
            line.wrong("LedgerCode", NOT_FOUND, f"Ledger code '{code}' not found")
        if amount == 0:
            line.wrong("EntryAmount", INVALID, "EntryAmount must not be zero")
        entries.append(
            {
                "EntryNumber": number if said is None else said,
                "GlCode": code,
                "EntryValue": amount,
                "EntryDate": line.day("Date"),
                "Reference": line.raw("Reference"),
                "Comment": line.raw("Comment"),
            }
        )
    numbers = [entry["EntryNumber"] for entry in entries]
    if len(set(numbers)) < len(numbers):
        given.wrong("JournalDetails", INVALID, "An EntryNumber is there twice")
    return entries


def _apply(store: Store, journal: _Journal, operator: str) -> None:
    head = journal.head
    head["GlJournal"] = store.next_number("gl_journal")
    store.put("GenJournalCtl", head)
    place = {name: head[name] for name in ("GlYear", "GlPeriod", "GlJournal")}
    for entry in journal.entries:
        store.put("GenJournalDetail", {**place, **entry})
    store.history.record(
        "gl_journal.posted",
        "/".join(place.values()),
        reference=head["Reference"],
        notation=head["Notation"],
        debit=head["DebitAmount"],
        entries=[dict(entry) for entry in journal.entries],
        operator=operator,
    )


def _answer(store: Store, journals: Sequence[_Journal], good: Sequence[_Journal]) -> ET.Element:
    root = root_of(store.rules, _NAME)
    for number, journal in enumerate(journals, 1):
        item = ET.SubElement(root, "Item")
        if journal.errors:
            add(item, "ItemNumber", f"{number:06d}")
            for error in journal.errors:
                add_error(item, error)
        elif "GlJournal" in journal.head:
            _tell(ET.SubElement(item, "Transaction"), journal.head)
    invalid = sum(len(journal.errors) for journal in journals)
    if invalid or store.rules.status_of_items:
        status = ET.SubElement(root, "StatusOfItems")
        add(status, "JournalsProcessed", f"{len(good):05d}")
        add(status, "PostingsProcessed", f"{sum(len(journal.entries) for journal in good):05d}")
        add(status, "PostingsInvalid", f"{invalid:05d}")
    return root


def _tell(transaction: ET.Element, head: Row) -> None:
    key = ET.SubElement(transaction, "Key")
    for name in ("GlYear", "GlPeriod", "GlJournal"):
        add(key, name, head[name])
    told = {
        "JournalDate": head["JnlDate"],
        "NumOfEntries": head["NumOfEntries"],
        "DebitAmount": head["DebitAmount"],
        "CreditAmount": head["CreditAmount"],
        "JnlPostingType": head["JournalType"],
        "Jnlstatus": head["JnlStatus"],
        "Currency": head["Currency"],
        "Authorised": "Y",
    }
    for name, value in told.items():
        add(transaction, name, written(value))
