"""GL coding in the Epicor Kinetic stand-in: the rows each saved line gets, and writing an account on them."""

from __future__ import annotations

from collections.abc import Mapping

from engine.sandbox.epicor_errors import business
from engine.sandbox.epicor_methods import Call, Method, method
from engine.sandbox.epicor_store import COA, Row, Store

_SEGMENTS = tuple(f"SegValue{number}" for number in range(1, 21))


def new_gl_rows(store: Store, line: Row) -> tuple[Row, Row]:
    """The expense row and its GL row a saved line gets; the account is empty or the vendor's default."""
    account = store.vendor_gl.get(line["VendorNum"], "")
    expense = store.tables["APInvExp"].blank() | {
        **{name: line[name] for name in ("Company", "VendorNum", "InvoiceNum", "InvoiceLine")},
        "InvExpSeq": 1,
        "ExpAmt": line["ExtCost"],
        "DocExpAmt": line["DocExtCost"],
        "GLAccount": account,
        "COACode": COA,
        "BookID": "MAIN",
    }
    coded = store.tables["APInvExpTGLC"].blank() | {
        "Company": line["Company"],
        "RelatedToFile": "APInvExp",
        "Key1": str(line["VendorNum"]),
        "Key2": line["InvoiceNum"],
        "Key3": str(line["InvoiceLine"]),
        "Key4": "1",
        "GLAcctContext": "Expense",
        "BookID": "MAIN",
        "COACode": COA,
        "GLAccount": account,
        "UserCanModify": True,
        "InvExpSeq": 1,
    }
    return store.put("APInvExp", expense), store.put("APInvExpTGLC", coded | segments(account))


def segments(account: str) -> dict[str, str]:
    """The twenty segment columns of an account such as `6100|00|10`."""
    parts = account.split("|") if account else []
    return dict(zip(_SEGMENTS, [*parts, *[""] * 20], strict=False))


def code_row(store: Store, row: Row, method_name: str, company: str) -> Row:
    """Write the account of a GL row and show it on the expense row; 400 for an unknown or inactive account."""
    stored = store.stored_for("APInvExpTGLC", row)
    if stored is None or row["RowMod"] == "D":
        message = "GL rows come and go with their line."
        raise business(message, table="APInvExpTGLC", field="RelatedToFile", method=method_name)
    line_key = (int(row["Key1"]), row["Key2"], int(row["Key3"]), int(row["Key4"]))
    header = store.get("APInvHed", *line_key[:2], company=company)
    expense = store.get("APInvExp", *line_key, company=company)
    if header is None or expense is None or header["Posted"]:
        message = f"Invoice {line_key[1]} cannot be changed."
        raise business(message, table="APInvExpTGLC", field="GLAccount", method=method_name)
    name = _account_of(row, stored)
    account = _open_account(store, name, method_name, company)
    _check_segments(row, stored, name, method_name)
    saved = store.put("APInvExpTGLC", {**row, "GLAccount": name, **segments(name)})
    shown = {"GLAccount": name, "GLAccountDesc": account["AccountDesc"], "ExtGLAccount": name}
    store.put("APInvExp", {**expense, **shown})
    store.note("ap_invoice.coded", f"{line_key[0]}/{line_key[1]}", line=line_key[2], account=name)
    return saved


def _account_of(row: Row, stored: Row) -> str:
    """The account meant: the written one, else the one the written segments make."""
    if row["GLAccount"] == stored["GLAccount"] and any(row[name] != stored[name] for name in _SEGMENTS):
        return "|".join(row[name] for name in _SEGMENTS if row[name])
    account: str = row["GLAccount"]
    return account


def _open_account(store: Store, name: str, method_name: str, company: str) -> Row:
    account = store.get("GLAccount", COA, name, company=company)
    if account is None:
        message = f"GL account '{name}' does not exist." if name else "GL account is required."
        raise business(message, table="APInvExpTGLC", field="GLAccount", method=method_name)
    if not account["Active"]:
        message = f"GL account '{name}' is inactive."
        raise business(message, table="APInvExpTGLC", field="GLAccount", method=method_name)
    return account


def _check_segments(row: Row, stored: Row, name: str, method_name: str) -> None:
    expected = segments(name)
    for segment in _SEGMENTS:
        if row[segment] not in {"", stored[segment], expected[segment]}:
            message = f"{segment} '{row[segment]}' does not agree with GL account '{name}'."
            raise business(message, table="APInvExpTGLC", field=segment, method=method_name)


def _exists(call: Call, coa: str, account: str) -> bool:
    found = call.store.get("GLAccount", coa, account, company=call.company)
    return found is not None and bool(found["Active"])


def _validate(call: Call) -> dict[str, object]:
    if not _exists(call, call.args["COACode"], call.args["GLAccount"]):
        message = f"GL account '{call.args['GLAccount']}' is invalid."
        raise business(message, table="GLAccount", field="GLAccount", method=call.method)
    return {"parameters": {}}


METHODS: Mapping[str, Method] = {
    "GlAccountExists": method(
        "ipCOACode:s ipGLAccount:s",
        lambda call: {"returnObj": _exists(call, call.args["ipCOACode"], call.args["ipGLAccount"])},
    ),
    "ValidateGLAccount": method(
        "COACode:s GLAccount:s ExtCompanyID:s RestrictID:s EffectiveDate:D ValidateDynamicSegment:b", _validate
    ),
}
