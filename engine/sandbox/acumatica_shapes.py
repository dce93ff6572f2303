"""Entities of the Acumatica stand-in: fields with their types, keys, linked entities, detail lists, what they refer to.

The names are those of endpoint Default, 24.200.001. Where the documents name an entity without its fields (contacts,
attributes, applications), the fewest that make sense are here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """One entity: `fields` to their types, `derived` ones a client can't set, `refs` to what a value must be found in.

    `view` is what its errors call it, `code` the system's short name of it in custom fields.
    """

    name: str
    fields: Mapping[str, str]
    key: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    derived: frozenset[str] = frozenset()
    refs: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Shape] = field(default_factory=dict)
    lists: Mapping[str, Shape] = field(default_factory=dict)
    view: str = ""
    padded: bool = False


def _fields(
    *, text: str, amounts: str = "", numbers: str = "", flags: str = "", dates: str = "", times: str = ""
) -> dict[str, str]:
    kinds = {
        "string": text, "decimal": amounts, "integer": numbers, "boolean": flags, "date": dates, "datetime": times,
    }  # fmt: skip
    return {name: kind for kind, names in kinds.items() for name in names.split()}


_CODED = {
    "Account": "Account", "Subaccount": "Subaccount", "Project": "Project", "CostCode": "CostCode",
    "Branch": "branch", "BranchID": "branch",
}  # fmt: skip

_ADDRESS = Shape(name="Address", fields=_fields(text="AddressLine1 AddressLine2 City State PostalCode Country"))
_CONTACT = Shape(
    name="Contact", fields=_fields(text="DisplayName Email Phone1 Fax WebSite"), links={"Address": _ADDRESS}
)

_VENDOR = Shape(
    name="Vendor",
    fields=_fields(
        text="VendorID VendorName VendorClass Status LegalName Terms CurrencyID APAccount APSubaccount CashAccount "
        "PaymentMethod PaymentBy TaxZone TaxRegistrationID F1099Box ParentAccount LocationName",
        flags="F1099Vendor",
        times="CreatedDateTime LastModifiedDateTime",
    ),
    key=("VendorID",),
    required=("VendorID", "VendorName"),
    derived=frozenset({"CreatedDateTime", "LastModifiedDateTime"}),
    refs={
        "Terms": "terms",
        "CurrencyID": "currency",
        "APAccount": "Account",
        "APSubaccount": "Subaccount",
        "CashAccount": "Account",
    },
    links={"MainContact": _CONTACT, "PrimaryContact": _CONTACT, "RemittanceContact": _CONTACT},
    lists={
        "Contacts": _CONTACT,
        "Attributes": Shape(name="AttributeValue", fields=_fields(text="AttributeID Value")),
        "PaymentInstructions": Shape(
            name="PaymentInstruction", fields=_fields(text="PaymentInstructionsID Description Value")
        ),
    },
    view="Vendor",
    padded=True,
)

_ACCOUNT = Shape(
    name="Account",
    fields=_fields(
        text="AccountCD Description Type AccountClass CurrencyID PostOption TaxCategory",
        numbers="AccountID",
        flags="Active CashAccount UseDefaultSubaccount",
        times="LastModifiedDateTime",
    ),
    key=("AccountCD",),
    required=("AccountCD", "Type"),
    derived=frozenset({"AccountID", "LastModifiedDateTime"}),
    refs={"CurrencyID": "currency"},
    view="Account",
    padded=True,
)

_SUBACCOUNT = Shape(
    name="Subaccount",
    fields=_fields(text="SubaccountCD Description", numbers="SubaccountID", flags="Active Secured"),
    key=("SubaccountCD",),
    required=("SubaccountCD",),
    derived=frozenset({"SubaccountID"}),
    view="Sub",
)

_PROJECT = Shape(
    name="Project",
    fields=_fields(text="ProjectID Description Status"),
    key=("ProjectID",),
    required=("ProjectID",),
    view="Project",
    padded=True,
)

_COST_CODE = Shape(
    name="CostCode",
    fields=_fields(text="CostCodeID Description", times="LastModifiedDateTime"),
    key=("CostCodeID",),
    required=("CostCodeID",),
    derived=frozenset({"LastModifiedDateTime"}),
    view="Cost Code",
)

_ORDER_LINE = Shape(
    name="PurchaseOrderDetail",
    fields=_fields(
        text="LineType InventoryID LineDescription UOM Account Subaccount Project ProjectTask CostCode BranchID "
        "WarehouseID",
        amounts="OrderQty UnitCost ExtendedCost QtyOnReceipts ReceivedAmount",
        numbers="LineNbr",
        flags="Completed Cancelled",
        dates="Promised Requested",
    ),
    derived=frozenset({"LineNbr", "QtyOnReceipts", "ReceivedAmount"}),
    refs=_CODED,
    view="Document Details",
)
_ORDER = Shape(
    name="PurchaseOrder",
    fields=_fields(
        text="Type OrderNbr VendorID VendorRef Status Description CurrencyID Terms Branch Location Project Owner",
        amounts="LineTotal OrderTotal ControlTotal TaxTotal",
        flags="Hold",
        dates="Date PromisedOn",
        times="LastModifiedDateTime",
    ),
    key=("Type", "OrderNbr"),
    required=("VendorID",),
    derived=frozenset({"Status", "LineTotal", "OrderTotal", "TaxTotal", "LastModifiedDateTime"}),
    refs={"VendorID": "Vendor", "Terms": "terms", "CurrencyID": "currency", "Branch": "branch", "Project": "Project"},
    lists={"Details": _ORDER_LINE},
    view="Purchase Order",
)

_BILL_LINE = Shape(
    name="BillDetail",
    fields=_fields(
        text="Account Subaccount Branch UOM InventoryID TransactionDescription Description Project ProjectTask CostCode "
        "TaxCategory POOrderType POOrderNbr POReceiptType POReceiptNbr",
        amounts="Amount ExtendedCost Qty UnitCost",
        numbers="POLine POReceiptLine",
        flags="NonBillable CalculateDiscountsOnImport",
    ),
    derived=frozenset({"Amount"}),
    refs=_CODED,
    view="AP Transactions",
)
_APPLIED = _fields(text="DocType ReferenceNbr", amounts="AmountPaid Balance CashDiscountBalance", numbers="DocLineNbr")
_BILL = Shape(
    name="Bill",
    fields=_fields(
        text="Type ReferenceNbr Vendor VendorRef LocationID PostPeriod Terms CurrencyID BranchID CashAccount Description "
        "Status Project",
        amounts="Amount Balance TaxTotal",
        flags="IsTaxValid Hold ApprovedForPayment",
        dates="Date DueDate",
        times="LastModifiedDateTime",
    ),
    key=("Type", "ReferenceNbr"),
    required=("Vendor",),
    derived=frozenset({"Balance", "TaxTotal", "Status", "LastModifiedDateTime"}),
    refs={
        "Vendor": "Vendor",
        "Terms": "terms",
        "CurrencyID": "currency",
        "BranchID": "branch",
        "Project": "Project",
        "CashAccount": "Account",
    },
    lists={
        "Details": _BILL_LINE,
        "TaxDetails": Shape(
            name="BillTaxDetail",
            fields=_fields(text="TaxID", amounts="TaxRate TaxableAmount TaxAmount"),
            derived=frozenset({"TaxID", "TaxRate", "TaxableAmount", "TaxAmount"}),
        ),
        "Applications": Shape(name="BillApplication", fields=_APPLIED, derived=frozenset(_APPLIED)),
    },
    view="AP Transactions",
)

_CHECK = Shape(
    name="Check",
    fields=_fields(
        text="Type ReferenceNbr Vendor PaymentMethod CashAccount PaymentRef CurrencyID Description Status",
        amounts="PaymentAmount UnappliedBalance",
        flags="Hold",
        dates="ApplicationDate",
        times="LastModifiedDateTime",
    ),
    key=("Type", "ReferenceNbr"),
    required=("Vendor", "CashAccount"),
    derived=frozenset({"UnappliedBalance", "Status", "LastModifiedDateTime"}),
    refs={"Vendor": "Vendor", "CashAccount": "Account", "CurrencyID": "currency"},
    lists={
        "Details": Shape(
            name="CheckDetail", fields=_APPLIED, derived=frozenset({"Balance", "CashDiscountBalance"}), view="Documents to Apply"
        ),
        "History": Shape(name="CheckHistoryDetail", fields=_APPLIED, derived=frozenset(_APPLIED)),
    },
    view="AP Payments",
)  # fmt: skip

_PAYMENT = Shape(
    name="Payment",
    fields=_fields(
        text="Type ReferenceNbr CustomerID PaymentMethod CashAccount PaymentRef CurrencyID Description Status",
        amounts="PaymentAmount",
        flags="Hold",
        dates="ApplicationDate",
        times="LastModifiedDateTime",
    ),
    key=("Type", "ReferenceNbr"),
    required=("CustomerID",),
    derived=frozenset({"Status", "LastModifiedDateTime"}),
    refs={"CustomerID": "customer"},
    view="AR Payments",
)

_ENTRY_LINE = Shape(
    name="JournalTransactionDetail",
    fields=_fields(text="Account Subaccount BranchID TransactionDescription", amounts="DebitAmount CreditAmount"),
    required=("Account", "Subaccount"),
    refs=_CODED,
    view="GL Transactions",
)
_ENTRY = Shape(
    name="JournalTransaction",
    fields=_fields(
        text="Module BatchNbr LedgerID BranchID PostPeriod Description Status",
        flags="Hold",
        dates="TransactionDate",
        times="LastModifiedDateTime",
    ),
    key=("Module", "BatchNbr"),
    derived=frozenset({"Status", "LastModifiedDateTime"}),
    refs={"BranchID": "branch"},
    lists={"Details": _ENTRY_LINE},
    view="Batch",
)

SHAPES: Mapping[str, Shape] = {
    shape.name: shape
    for shape in (
        _VENDOR, _ACCOUNT, _SUBACCOUNT, _PROJECT, _COST_CODE, _ORDER, _BILL, _CHECK, _PAYMENT, _ENTRY,
    )
}  # fmt: skip
"""The entities of the endpoint by name; there is none for terms."""

NUMBERED: Mapping[str, str] = {
    "Bill": "ReferenceNbr",
    "Check": "ReferenceNbr",
    "Payment": "ReferenceNbr",
    "PurchaseOrder": "OrderNbr",
    "JournalTransaction": "BatchNbr",
}
"""The key field the system numbers itself."""


def spell_out(shape: Shape) -> Iterator[tuple[str, Shape]]:
    """Every linked entity and detail list of an entity by its path, such as `MainContact/Address`."""
    for name, inner in {**shape.links, **shape.lists}.items():
        yield name, inner
        for path, deeper in spell_out(inner):
            yield f"{name}/{path}", deeper
