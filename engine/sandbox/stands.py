"""The stand-ins by the names of the systems they stand for, each behind the same few words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from random import Random
from types import TracebackType
from typing import Any, Self

from engine.contracts import Clock
from engine.errors import UsageError
from engine.sandbox.acumatica_stand import AcumaticaStand
from engine.sandbox.epicor import Epicor
from engine.sandbox.faults import Fault, Faults
from engine.sandbox.file_exchange import FileExchange
from engine.sandbox.history import matches_path
from engine.sandbox.partner import Partner
from engine.sandbox.ramp_stand import RampStand
from engine.sandbox.stampli import Stampli
from engine.sandbox.syspro_stand import SysproODataStand, SysproStand
from engine.sandbox.web_messages import operation_path
from engine.trial.stand import Stand

BANK = {"BankAcctID": "MAIN", "Description": "Main account"}
API_KEY = "sandbox-api-key"


def stand_in(name: str, clock: Clock) -> Stand:
    """The stand-in of a system, not started. Raises UsageError for a system there is none of."""
    if name not in STANDS:
        raise UsageError(f"There is no stand-in for the system `{name}`; there are {', '.join(STANDS)}")
    return STANDS[name](clock)


class EpicorStand:
    """Epicor Kinetic over HTTP; `server` is the stand-in itself."""

    def __init__(self, clock: Clock) -> None:
        self.server = Epicor(clock=clock, random=Random(1), api_key=API_KEY, seed={"bank_accounts": [BANK]})

    @property
    def settings(self) -> Mapping[str, str]:
        logins = self.server.logins
        return {
            "site": self.server.url,
            "company": self.server.company,
            "api": "v2",
            "username": logins.username,
            "password": logins.password,
            "client_id": logins.client_id,
            "client_secret": logins.client_secret,
            "token_url": self.server.token_url,
            "scope": "epicor_erp",
            "api_key": API_KEY,
            "ap_group": "MLC",
            "payment_group": "MLCPAY",
            "bank_account": BANK["BankAcctID"],
            "pay_method": "1",
        }

    def seed(self, data: Mapping[str, Any], base: Path) -> None:
        for name, rows in data.items():
            word, table, key, lines = _SEEDS.get(name, (name, "", "", ""))
            for row in rows:
                self._seed_row(word, table, key, _vendor_named(self.server, row, lines))

    def _seed_row(self, word: str, table: str, key: str, row: dict[str, Any]) -> None:
        """A vendor or account that is there is changed, as a person would; everything else is planted."""
        try:
            if key and key in row and any(there[key] == row[key] for there in self.server.rows(table)):
                self.server.update(table, {key: row[key]}, **row)
            else:
                self.server.seed(**{word: [row]})
        except (ValueError, LookupError) as error:
            raise UsageError(f"The Epicor stand-in can't hold this: {error}") from error

    def fault(self, kind: str, at: str, nth: int, value: str | None) -> None:
        _add(self.server.faults, kind, at, nth, value)

    def rows(self, name: str) -> list[dict[str, Any]]:
        if name == "ap_invoices":
            return [_invoice(row) for row in self.server.invoices()]
        if name in {"ap_payments", "payments_made"}:
            return [{**row, "VendorID": row["VendorNumVendorID"]} for row in self.server.payments()]
        if name == "purchase_orders":
            return [_order(self.server, row) for row in self.server.rows("POHeader")]
        if name not in _SEEDS:
            raise UsageError(f"The Epicor stand-in has no rows of `{name}`; it has {', '.join(_SEEDS)}")
        return self.server.rows(_SEEDS[name][1])

    def files(self, pattern: str) -> dict[str, bytes]:
        return {}

    def commits(self) -> int:
        made = [*self.server.history.effects("ap_invoice.header_saved"), *self.server.history.effects("payment.saved")]
        gone = [*self.server.history.effects("ap_invoice.deleted"), *self.server.history.effects("payment.deleted")]
        vendors = self.server.history.effects("vendor.saved")  # new ones and changes alike
        return sum(bool(effect.detail.get("new")) for effect in made) - len(gone) + len(vendors)

    def calls(self, at: str = "*") -> int:
        return sum(matches_path(operation_path(call.path), at) for call in self.server.history.calls())

    def complaints(self) -> list[str]:
        ignored = [f"a real server would pass over `{name}` in silence" for name in sorted(self.server.ignored)]
        return [*ignored, *(f"its own mistake:\n{crash}" for crash in self.server.crashes)]

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.server.stop()


_SEEDS: Mapping[str, tuple[str, str, str, str]] = {
    "vendors": ("vendors", "Vendor", "VendorID", ""),
    "gl_accounts": ("gl_accounts", "GLAccount", "GLAccount", ""),
    "segment_values": ("segments", "COASegValues", "", ""),
    "ap_invoices": ("invoices", "APInvHed", "", "APInvDtls"),
    "ap_payments": ("payments", "CheckHed", "", "APTrans"),
    "payments_made": ("payments", "CheckHed", "", "APTrans"),
    "purchase_orders": ("orders", "POHeader", "", "PODetails"),
}
"""The object of the system file: the stand-in's word for it, its table, the column a row is known by, its lines."""

_OWN_LINES = {"APInvDtls": "lines", "APTrans": "pays", "PODetails": "lines"}


def _vendor_named(server: Epicor, given: Mapping[str, Any], lines: str) -> dict[str, Any]:
    """A document's row as the stand-in takes it: its lines under their own word, its vendor by number."""
    row = dict(given)
    if not lines:
        return row
    if lines in row:
        row[_OWN_LINES[lines]] = row.pop(lines)
    vendor = row.pop("VendorID", None)
    if vendor is not None and "VendorNum" not in row:
        numbers = [there["VendorNum"] for there in server.vendors() if there["VendorID"] == vendor]
        if not numbers:
            raise UsageError(f"The Epicor stand-in has no vendor `{vendor}`: seed it first")
        row["VendorNum"] = numbers[0]
    return row


def _invoice(row: Mapping[str, Any]) -> dict[str, Any]:
    """An invoice by the names of the system file: the vendor's id, and each line with the account it is coded to."""
    lines = [
        {**line, "GLAccount": next((expense["GLAccount"] for expense in line["APInvExps"]), "")}
        for line in row["APInvDtls"]
    ]
    return {**row, "VendorID": row["VendorNumVendorID"], "APInvDtls": lines}


def _order(server: Epicor, row: Mapping[str, Any]) -> dict[str, Any]:
    """An order by the names of the system file, with its lines."""
    lines = [line for line in server.rows("PODetail") if line["PONUM"] == row["PONum"]]
    return {**row, "VendorID": row["VendorVendorID"], "PODetails": lines}


class FilesStand:
    """Files over SFTP; `server` is the stand-in itself, `more` are its settings besides the login."""

    def __init__(self, server: FileExchange, **more: str) -> None:
        self.server = server
        self._more = more

    @property
    def settings(self) -> Mapping[str, str]:
        return {name: str(value) for name, value in self.server.settings().items()} | self._more

    def seed(self, data: Mapping[str, Any], base: Path) -> None:
        for name, given in data.items():
            path = PurePosixPath(name)
            if not name.startswith("/") or not isinstance(given, Mapping):
                who = self.server.name.capitalize()
                raise UsageError(f"The {who} stand-in holds files: give `{name}` as a path with `file` or `text`")
            self.server.write(path.name, _content(given, base), folder=str(path.parent))

    def fault(self, kind: str, at: str, nth: int, value: str | None) -> None:
        _add(self.server.faults, kind, at, nth, value)

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Of all CSV files taken in that are called like the object: `vendors_out` has `vendors_*.csv`."""
        return [dict(row) for row in self.server.read_taken(f"{name.removesuffix('_out')}_*.csv")]

    def files(self, pattern: str) -> dict[str, bytes]:
        root = self.server.server.root
        found = {f"/{path.relative_to(root).as_posix()}": path for path in sorted(root.rglob("*")) if path.is_file()}
        return {name: path.read_bytes() for name, path in found.items() if fnmatchcase(name, pattern)}

    def commits(self) -> int:
        return len(self.server.taken())

    def calls(self, at: str = "*") -> int:
        noted = "open" if at in {"read", "write"} else at  # the pieces of a file are not noted one by one
        return sum(fnmatchcase(call.method, noted) for call in self.server.history.calls())

    def complaints(self) -> list[str]:
        return []

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.server.__exit__(kind, error, at)


class StampliStand(FilesStand):
    """Stampli's file exchange."""

    server: Stampli

    def __init__(self, clock: Clock) -> None:
        super().__init__(Stampli(), company_id="1")


class PartnerStand(FilesStand):
    """A trading partner's file server."""

    server: Partner

    def __init__(self, clock: Clock) -> None:
        super().__init__(
            Partner(),
            partner="PARTNER",
            our_name="Example Manufacturing",
            our_qualifier="ZZ",
            our_id="EXAMPLEMFG",
            partner_qualifier="ZZ",
            partner_id="NORTHBANK",
            usage="P",
        )


STANDS: Mapping[str, Callable[[Clock], Stand]] = {
    "epicor-kinetic": EpicorStand,
    "stampli": StampliStand,
    "sftp-files": PartnerStand,
    "acumatica": AcumaticaStand,
    "syspro": SysproStand,
    "syspro-odata": SysproODataStand,
    "ramp": RampStand,
}


def _content(given: Mapping[str, Any], base: Path) -> bytes:
    if "text" in given:
        return str(given["text"]).encode()
    path = base / str(given["file"])
    if not path.is_file():
        raise UsageError(f"`{path}` is not there")
    return path.read_bytes()


def _add(faults: Faults, kind: str, at: str, nth: int, value: str | None) -> None:
    try:
        faults.add(Fault(kind=kind, at=at, nth=nth, value=value))
    except ValueError as error:
        raise UsageError(str(error)) from error
