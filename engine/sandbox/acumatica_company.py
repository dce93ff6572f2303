"""The small company an Acumatica stand-in starts with when nothing else is given: made up, by entity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ADDRESS = {
    "AddressLine1": "1200 Larimer Street",
    "City": "Denver",
    "State": "CO",
    "PostalCode": "80204",
    "Country": "US",
}

SMALL_COMPANY: Mapping[str, Any] = {
    "Account": [
        {"AccountCD": "61000", "Description": "Office supplies", "Type": "Expense", "AccountClass": "OPEX"},
        {"AccountCD": "62000", "Description": "Freight in", "Type": "Expense", "AccountClass": "OPEX"},
        {"AccountCD": "63000", "Description": "Software subscriptions", "Type": "Expense", "AccountClass": "OPEX"},
        {"AccountCD": "69999", "Description": "Old suspense", "Type": "Expense", "Active": False},
    ],
    "Subaccount": [
        {"SubaccountCD": "PLT-000", "Description": "Plant"},
        {"SubaccountCD": "SAL-000", "Description": "Sales"},
        {"SubaccountCD": "OLD-000", "Description": "Closed department", "Active": False},
    ],
    "Project": [
        {"ProjectID": "X", "Description": "Non-project"},
        {"ProjectID": "PLANT25", "Description": "Plant extension"},
    ],
    "CostCode": [{"CostCodeID": "00-000", "Description": "No cost code"}, {"CostCodeID": "01-100", "Description": "Site work"}],
    "Vendor": [
        {
            "VendorID": "ACME", "VendorName": "Acme Industrial Supply", "TaxRegistrationID": "84-1234567",
            "MainContact": {"Email": "ar@acme.example", "Phone1": "303-555-0100", "Address": _ADDRESS},
        },
        {"VendorID": "NWFRT", "VendorName": "Northwind Freight", "Terms": "15D"},
        {"VendorID": "DATALINE", "VendorName": "Dataline Software"},
        {"VendorID": "HARBOR", "VendorName": "Harbor Facilities", "Status": "Inactive"},
        {"VendorID": "OBRIEN", "VendorName": "O'Brien & Söhne", "CurrencyID": "EUR"},
    ],
    "PurchaseOrder": [
        {
            "VendorID": "ACME", "OrderNbr": "PO000042", "Description": "Desks for the plant",
            "Details": [
                {
                    "InventoryID": "DESK", "LineDescription": "Standing desk", "OrderQty": "2", "UOM": "EA",
                    "UnitCost": "150.25", "Account": "61000", "Subaccount": "PLT-000",
                },
                {
                    "InventoryID": "LAMP", "LineDescription": "Desk lamp", "OrderQty": "4", "UOM": "EA",
                    "UnitCost": "19.99", "Account": "61000", "Subaccount": "PLT-000",
                },
            ],
        },
        {"VendorID": "NWFRT", "OrderNbr": "PO000043", "Status": "Closed", "Details": []},
    ],
    "Bill": [
        {
            "Vendor": "ACME", "VendorRef": "INV-PAID", "ReferenceNbr": "000101", "Status": "Open", "Date": "2026-01-15",
            "Details": [{"Account": "61000", "Subaccount": "PLT-000", "ExtendedCost": "250.00"}],
        },
        {
            "Vendor": "NWFRT", "VendorRef": "FR-2201", "ReferenceNbr": "000102", "Status": "Open", "Date": "2026-01-20",
            "Details": [{"Account": "62000", "Subaccount": "000-000", "ExtendedCost": "80.40"}],
        },
    ],
    "Check": [
        {
            "Vendor": "ACME", "ReferenceNbr": "000501", "PaymentRef": "10021", "CashAccount": "10200",
            "PaymentAmount": "250.00", "ApplicationDate": "2026-02-10", "Status": "Closed",
            "Details": [{"DocType": "Bill", "ReferenceNbr": "000101", "AmountPaid": "250.00"}],
        },
    ],
    "Payment": [{"CustomerID": "ABARTENDE", "ReferenceNbr": "000501", "PaymentAmount": "999.00", "Status": "Open"}],
}  # fmt: skip
"""A receipt of a customer bears the number of a payment to a vendor: `Payment` is not the entity of AP."""
