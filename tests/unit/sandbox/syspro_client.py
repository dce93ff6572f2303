"""A client of the SYSPRO stand-in that knows nothing of the engine: plain GETs with XML in the query."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import httpx

from engine.sandbox.syspro import COMPANY_PASSWORD, PASSWORD, Syspro

LOGON = {"Operator": "MLC", "OperatorPassword": PASSWORD, "CompanyId": "T", "CompanyPassword": COMPANY_PASSWORD}
LINE = {"LedgerCode": "10-1000-100", "LedgerNotation": "Toner", "LedgerValue": "120.50"}
INVOICE = {
    "Supplier": "0000123",
    "TransactionCode": "I",
    "Invoice": "INV-77",
    "TransactionValue": "120.50",
    "TransactionReference": "STAMPLI",
    "InvoiceDate": "2025-01-31",
    "LedgerDistribution": [LINE],
}
JOURNAL = {
    "JournalDate": "2025-01-31",
    "JournalReference": "PAY-9",
    "PostingPeriod": "1",
    "PostingYear": "2025",
    "JournalDetails": [
        {"LedgerCode": "10-2000-000", "EntryAmount": "80.10"},
        {"LedgerCode": "10-3000-000", "EntryAmount": "-80.10"},
    ],
}


def element(name: str, content: Any) -> ET.Element:
    """Dicts become children, lists repeat their name, the rest is text."""
    root = ET.Element(name)
    if isinstance(content, dict):
        for key, value in content.items():
            root.extend(element(key, item) for item in (value if isinstance(value, list) else [value]))
    else:
        root.text = str(content)
    return root


def xml(name: str, content: Any) -> str:
    return ET.tostring(element(name, content), encoding="unicode")


class Client:
    """`session` is sent as it was given, blanks included."""

    def __init__(self, server: Syspro) -> None:
        self.server = server
        self.http = httpx.Client(trust_env=False)
        self.session = ""

    def get(self, route: str, *, method: str = "GET", **arguments: str) -> httpx.Response:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in arguments.items())
        return self.http.request(method, f"{self.server.url}/{route}?{query}")

    def text(self, route: str, **arguments: str) -> str:
        """The body of a 200, read as cp1252."""
        answer = self.get(route, **arguments)
        assert answer.status_code == 200, answer.text
        return answer.content.decode("cp1252")

    def logon(self, **other: str) -> str:
        text = self.text("Logon", **{**LOGON, **other})
        if not text.startswith("ERROR"):
            self.session = text
        return text

    def call(self, route: str, name: str, document: str, parameters: str | None = None) -> str:
        more = {} if parameters is None else {"XmlParameters": parameters}
        return self.text(route, UserId=self.session, BusinessObject=name, **more, XmlIn=document)

    def xml(self, *given: Any) -> ET.Element:
        text = self.call(*given)
        assert text.startswith('<?xml version="1.0" encoding="Windows-1252"?>'), text
        return ET.fromstring(text.partition("?>")[2])

    def invoices(self, *items: Any, **options: str) -> ET.Element:
        parameters = xml("PostApInvoice", {"Parameters": options})
        return self.xml("Transaction/Post", "APSTIN", xml("PostApInvoice", {"Item": list(items)}), parameters)

    def journals(self, *items: Any, **options: str) -> ET.Element:
        parameters = xml("PostGlJournal", {"Parameters": options})
        return self.xml("Transaction/Post", "GENTJL", xml("PostGlJournal", {"Item": list(items)}), parameters)

    def suppliers(self, action: str, *items: Any, **options: str) -> ET.Element:
        parameters = xml("SetupApSupplier", {"Parameters": options})
        return self.xml(f"Setup/{action}", "APSSSP", xml("SetupApSupplier", {"Item": list(items)}), parameters)

    def find(self, **query: Any) -> ET.Element:
        return self.xml("Query/Query", "COMFND", xml("Query", query))


def errors(root: ET.Element) -> list[tuple[str, str, str]]:
    """Each field error: field, value, number."""
    return [
        (parent.tag, parent.findtext("Value") or "", parent.findtext("ErrorNumber") or "")
        for parent in root.iter()
        if parent.find("ErrorNumber") is not None
    ]


def counts(root: ET.Element) -> dict[str, str]:
    return {child.tag: child.text or "" for child in root.findall("StatusOfItems/*")}
