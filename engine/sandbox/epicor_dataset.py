"""The `ds` that travels in every call: the server keeps nothing between calls but what was saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.sandbox.epicor_errors import business, unreadable
from engine.sandbox.epicor_store import Row, Store

TABLESETS: Mapping[str, tuple[str, ...]] = {
    "Erp.BO.APInvoiceSvc": ("APInvHed", "APInvDtl", "APInvExp", "APInvExpTGLC"),
    "Erp.BO.APInvGrpSvc": ("APInvGrp",),
    "Erp.BO.VendorSvc": ("Vendor",),
    "Erp.BO.APChkGrpSvc": ("APChkGrp",),
    "Erp.BO.PaymentEntrySvc": ("CheckHed", "APTran"),
    "Erp.BO.GLAccountSvc": ("GLAccount",),
    "Erp.BO.POSvc": ("POHeader", "PODetail", "PORel"),
}
# Members of the tableset nobody here fills; a client must carry them along unharmed all the same.
_ALWAYS_EMPTY: Mapping[str, tuple[str, ...]] = {
    "Erp.BO.APInvoiceSvc": ("APInvHedAttch", "APIHAPInvExp", "APInvJob", "APInvMsc", "APInvTax", "GlbAPIETGLC")
}


@dataclass(kw_only=True, slots=True)
class Dataset:
    """The typed rows of one service's tableset; `method` is the call it came with, for error texts."""

    service: str
    method: str
    tables: dict[str, list[Row]]

    def changed(self, table: str) -> list[Row]:
        """The rows marked A, U or D; a row without a mark is none of the server's business."""
        return [row for row in self.tables[table] if row["RowMod"] != ""]

    def current(self, table: str) -> Row:
        """The row a Change or OnChange method works on: the last one marked A or U. 400 when there is none."""
        rows = [row for row in self.tables[table] if row["RowMod"] in {"A", "U"}]
        if not self.tables[table]:
            raise business(f"The dataset holds no {table} record.", table=table, method=self.method)
        if not rows:
            raise business(f"No {table} record of the dataset is marked as changed.", table=table, method=self.method)
        return rows[-1]

    def require(self, table: str) -> None:
        """400 when the client dropped the table every method of the service starts from."""
        if not self.tables[table]:
            raise business(f"The dataset holds no {table} record.", table=table, method=self.method)

    def out(self) -> dict[str, Any]:
        """The whole tableset, with the members that are always empty."""
        extra: dict[str, list[Row]] = {name: [] for name in _ALWAYS_EMPTY.get(self.service, ())}
        return {**self.tables, **extra, "ExtensionTables": []}


def read_dataset(store: Store, service: str, method: str, given: Any, *, company: str) -> Dataset:
    """The `ds` of a request body; 400 when it is no object of lists of objects or a RowMod is unknown."""
    if not isinstance(given, dict):
        raise unreadable("`ds` must be an object.")
    known = TABLESETS[service]
    for name, rows in given.items():
        if not isinstance(rows, list):
            raise unreadable(f"`ds.{name}` must be a list of rows.")
        if name not in (*known, *_ALWAYS_EMPTY.get(service, ()), "ExtensionTables"):
            store.ignored.add(f"{method}: {name}")
    dataset = Dataset(service=service, method=method, tables={name: [] for name in known})
    for name in known:
        for row in given.get(name, []):
            typed = store.read_row(name, row, company=company, method=method)
            if typed["RowMod"] not in {"", "A", "U", "D"}:
                raise business(f"Invalid RowMod '{typed['RowMod']}'.", table=name, field="RowMod", method=method)
            if typed["Company"] != company:
                raise business(f"Company '{typed['Company']}' is not the company of this call.", table=name)
            dataset.tables[name].append(typed)
    return dataset


def dataset_of(service: str, method: str, **tables: list[Row]) -> Dataset:
    """A dataset made by the server: the stored rows, copied, so that nobody changes the store through them."""
    rows = {name: [dict(row) for row in tables.get(name, [])] for name in TABLESETS[service]}
    return Dataset(service=service, method=method, tables=rows)
