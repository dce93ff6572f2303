"""The small company of the demo, by system: what its stand-in holds at the start when nothing else is given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.sandbox.acumatica_company import SMALL_COMPANY as ACUMATICA_COMPANY
from engine.sandbox.ramp_stand import COMPANY as RAMP_COMPANY
from engine.sandbox.syspro_seed import SMALL_COMPANY

SPECS = Path(__file__).resolve().parents[2] / "specs"
"""The shipped specs, in the source tree as in an installation."""

SPEC = SPECS / "epicor-kinetic--stampli.yaml"

SHOWN = str(SPEC.relative_to(Path.cwd()) if SPEC.is_relative_to(Path.cwd()) else SPEC)
"""The spec as a person would type it here."""

_VENDORS = [
    {"VendorNum": 112, "VendorID": "ACME", "Name": "Acme Industrial Supply", "City": "Denver", "State": "CO"},
    {"VendorNum": 118, "VendorID": "NWFRT", "Name": "Northwind Freight", "City": "Reno", "TermsCode": "N15"},
    {"VendorNum": 121, "VendorID": "DATALINE", "Name": "Dataline Software", "City": "Austin", "State": "TX"},
    {"VendorNum": 127, "VendorID": "HARBOR", "Name": "Harbor Facilities", "City": "Tacoma", "State": "WA"},
    {"VendorNum": 130, "VendorID": "OBRIEN", "Name": "O'Brien & Söhne", "City": "Linz", "Country": "Austria"},
]
_ACCOUNTS = [
    ("6100|00|00", "Office supplies"),
    ("6100|00|10", "Office supplies, plant"),
    ("6100|00|20", "Office supplies, sales"),
    ("6200|00|00", "Freight in"),
    ("6200|00|10", "Freight in, plant"),
    ("6200|00|20", "Freight in, sales"),
    ("6300|00|00", "Software subscriptions"),
    ("6300|00|10", "Software subscriptions, plant"),
    ("6300|00|20", "Software subscriptions, sales"),
    ("2000|00|00", "Accounts payable"),
]

STARTERS: Mapping[str, Mapping[str, Any]] = {
    "epicor-kinetic": {
        "vendors": _VENDORS,
        "gl_accounts": [{"COACode": "MAIN", "GLAccount": account, "AccountDesc": name} for account, name in _ACCOUNTS],
    },
    "stampli": {
        "/outbound/invoices_20260302_0800.csv": {"file": "samples/demo_invoices_morning.csv"},
        "/outbound/invoices_20260302_1200.csv": {"file": "samples/demo_invoices_noon.csv"},
    },
    "acumatica": ACUMATICA_COMPANY,
    "ramp": RAMP_COMPANY,
    "syspro": SMALL_COMPANY,
    "sftp-files": {"/inbound/vendors_20260302.csv": {"file": "samples/partner_vendors.csv"}},
}
"""System to what its stand-in is seeded with; files lie below `SPECS`."""

EVENING: Mapping[str, Any] = {"/outbound/invoices_20260302_1800.csv": {"file": "samples/demo_invoices_evening.csv"}}
"""What Stampli exports later in the demo."""
