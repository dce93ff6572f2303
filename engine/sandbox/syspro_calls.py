"""The e.net calls of the SYSPRO stand-in: which route takes which arguments, and which business object answers where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

from engine.sandbox.syspro_answers import Trouble, xml_text
from engine.sandbox.syspro_find import find_rows
from engine.sandbox.syspro_invoices import post_invoices
from engine.sandbox.syspro_journals import post_journals
from engine.sandbox.syspro_queries import query_ledger, query_supplier
from engine.sandbox.syspro_sessions import Sessions
from engine.sandbox.syspro_store import Store
from engine.sandbox.syspro_suppliers import set_up_suppliers
from engine.sandbox.syspro_xml import read_xml

VERSION = "7.0.0.6"
_POSTING = ("UserId", "BusinessObject", "XmlParameters", "XmlIn")
ROUTES: Mapping[str, tuple[str, ...]] = {
    "logon": ("Operator", "OperatorPassword", "CompanyId", "CompanyPassword"),
    "logoff": ("UserId",),
    "getversion": (),
    "getlogonprofile": ("UserId",),
    "query/query": ("UserId", "BusinessObject", "XmlIn"),
    "query/browse": ("UserId", "XmlIn"),
    "query/fetch": ("UserId", "XmlIn"),
    "query/nextkey": ("UserId", "BusinessObject", "XmlIn"),
    "query/previouskey": ("UserId", "BusinessObject", "XmlIn"),
    "setup/add": _POSTING,
    "setup/update": _POSTING,
    "setup/delete": _POSTING,
    "transaction/post": _POSTING,
    "transaction/build": ("UserId", "BusinessObject", "XmlIn"),
}
"""Route in lower case, as the letters of a path do not matter, to its arguments, whose letters do."""

_QUERIES: Mapping[str, Callable[[Store, ET.Element], ET.Element]] = {
    "APSQRY": query_supplier,
    "GENQGL": query_ledger,
    "COMFND": find_rows,
}
Post = Callable[[Store, ET.Element, ET.Element, str], ET.Element]
_POSTS: Mapping[tuple[str, str], Post] = {
    ("transaction/post", "APSTIN"): post_invoices,
    ("transaction/post", "GENTJL"): post_journals,
    ("setup/add", "APSSSP"): lambda store, *given: set_up_suppliers(store, "Add", *given),
    ("setup/update", "APSSSP"): lambda store, *given: set_up_suppliers(store, "Update", *given),
}


def read_query(query: str) -> dict[str, str]:
    """The arguments, percent-decoded as UTF-8; a `+` stays a plus sign. Trouble for a broken or repeated one."""
    found: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name in found:
            raise Trouble(f"The argument '{name}' is there twice")
        try:
            found[name] = unquote_to_bytes(value).decode()
        except UnicodeDecodeError:
            raise Trouble(f"The argument '{name}' is not encoded as UTF-8") from None
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Calls:
    """Answers one call with its text; Trouble when the call fails as a whole."""

    store: Store
    sessions: Sessions

    def answer(self, route: str, query: str) -> str:
        given = read_query(query)
        for name in ROUTES[route]:
            if name not in given:
                raise Trouble(f"The argument '{name}' is missing")
        self.store.ignored.update(f"{route}: {name}" for name in given if name not in ROUTES[route])
        if route == "logon":
            return self.sessions.logon(*(given[name] for name in ROUTES[route]))
        if route == "getversion":
            return VERSION
        session = self.sessions.find(given["UserId"])
        if route == "logoff":
            self.sessions.logoff(given["UserId"])
            return "0"
        if route == "getlogonprofile":
            return xml_text(self._profile(session.operator))
        return xml_text(self._carry_out(route, given, session.operator))

    def _carry_out(self, route: str, given: Mapping[str, str], operator: str) -> ET.Element:
        name = given.get("BusinessObject", {"query/browse": "COMBRW", "query/fetch": "COMFCH"}.get(route, ""))
        post = _POSTS.get((route, name))
        if post is not None:
            parameters = read_xml(given["XmlParameters"], "XmlParameters")
            return post(self.store, parameters, read_xml(given["XmlIn"], "XmlIn"), operator)
        if route == "query/query" and name in _QUERIES:
            return _QUERIES[name](self.store, read_xml(given["XmlIn"], "XmlIn"))
        raise Trouble(f"The business object '{name}' can't be used with {route}")

    def _profile(self, operator: str) -> ET.Element:
        root = ET.Element("UserProfile")
        told = {"Operator": operator, "CompanyId": self.sessions.company, "Version": VERSION}
        for name, text in told.items():
            ET.SubElement(root, name).text = text
        return root
