"""The tables of the Epicor Kinetic stand-in: columns with their types, keys, and the OData set each is read through.

Column names and keys are the vendor's own (from its published swagger), spelling traps included: `REFPONum`, `POes`,
`PODetail.PONUM`, `GLAccount1`. A type is one letter: s text, i integer, d decimal, b boolean, D date, T date and time;
`=` marks a column the server calculates, which cannot be filtered or sorted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
TYPES: Mapping[str, str] = {"s": "string", "i": "integer", "d": "decimal", "b": "boolean", "D": "date", "T": "datetime"}
_BLANK: Mapping[str, Any] = {
    "string": "",
    "integer": 0,
    "decimal": Decimal(0),
    "boolean": False,
    "date": None,
    "datetime": None,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table: `columns` maps each name to its type; `expands` maps a navigation name to the child table's name."""

    name: str
    service: str
    set: str | None
    key: tuple[str, ...]
    columns: dict[str, str]
    calculated: frozenset[str]
    expands: Mapping[str, str] = field(default_factory=dict)

    def blank(self) -> dict[str, Any]:
        """A new row with every column at its empty value, marked as added."""
        row = {name: _BLANK[kind] for name, kind in self.columns.items()}
        return {**row, "SysRowID": EMPTY_GUID, "RowMod": "A"}


def _table(name: str, service: str, set_: str | None, key: str, columns: str, expands: str = "") -> Table:
    parsed: dict[str, str] = {"Company": "string"}
    calculated = set()
    for part in columns.split():
        column, _, kind = part.partition(":")
        if kind.startswith("="):
            calculated.add(column)
        parsed[column] = TYPES[kind.lstrip("=") or "s"]
    parsed |= {"SysRevID": "integer", "SysRowID": "string", "RowMod": "string"}
    return Table(
        name=name,
        service=service,
        set=set_,
        key=("Company", *key.split()),
        columns=parsed,
        calculated=frozenset(calculated | {"RowMod"}),
        expands=dict(pair.split(":") for pair in expands.split()),
    )


_SEGMENTS = " ".join(f"SegValue{number}" for number in range(1, 21))

_TABLES = (
    _table(
        "Vendor",
        "Erp.BO.VendorSvc",
        "Vendors",
        "VendorNum",
        "VendorNum:i VendorID Name Address1 Address2 Address3 City State ZIP Country CountryNum:i TermsCode PurPoint "
        "CurrencyCode TaxPayerID TaxRegionCode GroupCode Inactive:b Approved:b PayHold:b PMUID:i EMailAddress PhoneNum "
        "FaxNum VendURL LegalName Print1099:b Reporting1099Name",
    ),
    _table(
        "GLAccount",
        "Erp.BO.GLAccountSvc",
        "GLAccounts",
        "COACode GLAccount1",
        f"COACode GLAccount1 GLAccount AccountDesc Active:b {_SEGMENTS} EffFrom:D EffTo:D MultiCompany:b",
    ),
    _table(
        "COASegValues",
        "Erp.BO.COASegValuesSvc",
        "COASegValues",
        "COACode SegmentNbr SegmentCode",
        "COACode SegmentNbr:i SegmentCode SegmentName SegmentDesc SegmentAbbrev ActiveFlag:b Category NormalBalance",
    ),
    _table(
        "APInvHed",
        "Erp.BO.APInvoiceSvc",
        "APInvoices",
        "VendorNum InvoiceNum",
        "VendorNum:i InvoiceNum GroupID OpenPayable:b Posted:b DebitMemo:b InvoiceDate:D DueDate:D DiscountDate:D "
        "ApplyDate:D TermsCode InvoiceAmt:d DocInvoiceAmt:d InvoiceBal:d DocInvoiceBal:d UnpostedBal:d "
        "InvoiceVendorAmt:d DocInvoiceVendorAmt:d ScrDocInvoiceVendorAmt:=d InvoiceVariance:=d DocInvoiceVariance:=d "
        "TaxAmt:d CurrencyCode ExchangeRate:d Description InvoiceComment InvoiceRef REFPONum:i VendorNumVendorID:=s "
        "VendorNumName:=s PMUID:i PayHold:b FiscalYear:i FiscalPeriod:i LegalNumber EntryPerson ChangeDate:T ChangedBy",
        "APInvDtls:APInvDtl",
    ),
    _table(
        "APInvDtl",
        "Erp.BO.APInvoiceSvc",
        "APInvDtls",
        "VendorNum InvoiceNum InvoiceLine",
        "VendorNum:i InvoiceNum InvoiceLine:i LineType PartNum Description LineComment VendorQty:d ScrVendorQty:=d PUM "
        "UnitCost:d DocUnitCost:d ExtCost:d DocExtCost:d ScrDocExtCost:=d CostPerCode PONum:i POLine:i PORelNum:i "
        "PackSlip PackLine:i JobNum PurchCode TaxCatID GLAccount FinalInvoice:b ChangeDate:T",
        "APInvExps:APInvExp",
    ),
    _table(
        "APInvExp",
        "Erp.BO.APInvoiceSvc",
        "APInvExps",
        "VendorNum InvoiceNum InvoiceLine InvExpSeq",
        "VendorNum:i InvoiceNum InvoiceLine:i InvExpSeq:i ExpAmt:d DocExpAmt:d GLAccount GLAccountDesc:=s ExtGLAccount "
        "COACode BookID",
    ),
    _table(
        "APInvExpTGLC",
        "Erp.BO.APInvoiceSvc",
        None,
        "Key1 Key2 Key3 Key4",
        "RelatedToFile Key1 Key2 Key3 Key4 Key5 Key6 GLAcctContext BookID COACode GLAccount "
        f"{_SEGMENTS} UserCanModify:b InvExpSeq:i",
    ),
    _table(
        "APInvGrp",
        "Erp.BO.APInvGrpSvc",
        "APInvGrps",
        "GroupID",
        "GroupID CreatedBy ActiveUserID FiscalYear:i FiscalPeriod:i ApplyDate:D LockStatus BaseTotal:d PostInProcess:b "
        "PostErrorLog",
    ),
    _table(
        "POHeader",
        "Erp.BO.POSvc",
        "POes",
        "PONum",
        "PONum:i OrderDate:D VendorNum:i VendorVendorID:=s VendorName:=s TermsCode OpenOrder:b VoidOrder:b Approve:b "
        "ApprovalStatus CurrencyCode TotalOrder:d DocTotalOrder:d BuyerID EntryPerson Confirmed:b DueDate:D "
        "PromiseDate:D CommentText POType PurPoint ChangeDate:T",
        "PODetails:PODetail",
    ),
    _table(
        "PODetail",
        "Erp.BO.POSvc",
        "PODetails",
        "PONUM POLine",
        "PONUM:i POLine:i OpenLine:b VoidLine:b PartNum VenPartNum LineDesc OrderQty:d PUM XOrderQty:d IUM UnitCost:d "
        "DocUnitCost:d ExtCost:d DocExtCost:d CostPerCode DueDate:D ClassID Taxable:b CalcJobNum:=s CalcTranType:=s "
        "ChangeDate:T",
        "PORels:PORel",
    ),
    _table(
        "PORel",
        "Erp.BO.POSvc",
        "PORels",
        "PONum POLine PORelNum",
        "PONum:i POLine:i PORelNum:i DueDate:D PromiseDt:D RelQty:d XRelQty:d OpenRelease:b VoidRelease:b "
        "ReceivedQty:d ArrivedQty:d InvoicedQty:d JobNum TranType WarehouseCode",
    ),
    _table(
        "CheckHed",
        "Erp.BO.PaymentEntrySvc",
        "PaymentEntries",
        "HeadNum",
        "HeadNum:i GroupID BankAcctID CheckNum:i CheckDate:D CheckAmt:d DocCheckAmt:d PaymentTotal:d DocPaymentTotal:d "
        "VendorNum:i VendorNumVendorID:=s Name PMUID:i ManualPrint:b Posted:b Voided:b ClearedCheck:b ClearedDate:D "
        "ClearedAmt:d CurrencyCode FiscalYear:i FiscalPeriod:i LegalNumber VendorBankID ChangeDate:T ChangedBy",
        "APTrans:APTran",
    ),
    _table(
        "APTran",
        "Erp.BO.PaymentEntrySvc",
        "APTrans",
        "HeadNum APTranNo InvoiceNum Voided",
        "HeadNum:i APTranNo:i InvoiceNum Voided:b TranType TranAmt:d DocTranAmt:d DiscAmt:d DocDiscAmt:d TranDate:D "
        "CheckNum:i BankAcctID GroupID Posted:b VendorNum:i Description ChangeDate:T",
    ),
    _table(
        "APChkGrp",
        "Erp.BO.APChkGrpSvc",
        "APChkGrps",
        "GroupID",
        "GroupID BankAcctID CheckDate:D PMUID:i CurrencyCode ActiveUserID",
    ),
    _table(
        "Terms",
        "Erp.BO.TermsSvc",
        "Terms",
        "TermsCode",
        "TermsCode Description TermsType NumberOfDays:i NumberOfPayments:i DiscountType",
    ),
    _table("PayMethod", "Erp.BO.PayMethodSvc", "PayMethods", "PMUID", "PMUID:i Name Type:i"),
    _table("BankAcct", "Erp.BO.BankAcctSvc", "BankAccts", "BankAcctID", "BankAcctID Description CurrencyCode"),
)


def new_tables() -> dict[str, Table]:
    """The tables by name; each stand-in gets its own, because a seed may add customer columns (`…_c`)."""
    return {
        table.name: Table(
            name=table.name,
            service=table.service,
            set=table.set,
            key=table.key,
            columns=dict(table.columns),
            calculated=table.calculated,
            expands=table.expands,
        )
        for table in _TABLES
    }


def written(value: Any) -> Any:
    """A stored value as it goes into JSON: dates at midnight without a zone, times in UTC with `Z`."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    return value
