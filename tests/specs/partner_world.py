"""The same world with a partner's file server in it, for the integration that moves files."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine.contracts import Document
from engine.sandbox.partner import Partner
from engine.sandbox.stands import PartnerStand

from .world import World

SPEC = "epicor-kinetic--sftp-files"
PASSWORD = "canary-partner-password-0b6e"


class PartnerWorld(World):
    """`partner` is the partner's server; `put` hands a file over as the partner would."""

    def __init__(self, stack: ExitStack, folder: Path, **epicor: Any) -> None:
        super().__init__(stack, folder, **epicor)
        self.files = PartnerStand(self.clock)
        self.files.server = self.partner = Partner()
        self.partner.server.password = PASSWORD
        stack.enter_context(self.files)
        self.spec = self.folder / "specs" / f"{SPEC}.yaml"
        self.environ |= {
            "PARTNER_HOST": self.partner.server.host,
            "PARTNER_PORT": str(self.partner.server.port),
            "PARTNER_USER": self.partner.server.username,
            "PARTNER_HOST_KEY": self.partner.server.host_key_line,
            "PARTNER_CODE": "NORTHBANK",
            "COMPANY_NAME": "Example Manufacturing",
            "COMPANY_X12_ID": "EXAMPLEMFG",
            "PARTNER_X12_ID": "NORTHBANK",
        }
        self.secrets["partner.password"] = PASSWORD
        self.store_secrets()

    def vendors(self, *rows: dict[str, Any], name: str = "vendors_001.csv") -> None:
        """A vendor file in the partner's inbound folder; each row has a name and is active unless it says otherwise."""
        self.partner.write_vendors(name, [{"vendor_name": row["vendor_id"], "status": "ACTIVE", **row} for row in rows])

    def fixed_vendors(self, *rows: dict[str, Any], name: str = "vendors_001.txt") -> Path:
        """The same as a fixed-width file."""
        given = [{"vendor_name": row["vendor_id"], "status": "ACTIVE", **row} for row in rows]
        return self.partner.write_vendors_fixed(name, given)

    def refused(self, flow: str, name: str = "vendors_001.txt") -> str:
        """Why a file was not taken: nothing of it was, it stands in the error folder with that reason beside it."""
        result = self.run(flow)
        (told,) = [bad for each in result.flows for bad in each.bad_files]
        beside = json.loads((self.partner.path("/error") / f"{name}.error.json").read_text())
        assert result.exit_code == 3
        assert (self.partner.path("/error") / name).is_file()
        assert not (self.partner.path("/inbound") / name).exists()
        assert self.epicor.history.effects("*") == []
        assert beside["what"] in told
        return told

    def confirmations(self, *rows: dict[str, Any], name: str = "confirmations_001.csv") -> None:
        """A confirmation file; invoice 00123 of ACME over 10.30, booked, unless a row says otherwise."""
        usual = {
            "vendor_id": "ACME",
            "invoice_number": "00123",
            "invoice_date": "2026-02-20",
            "invoice_total": "10.30",
            "currency": "USD",
            "status": "BOOKED",
        }
        self.partner.write_confirmations(name, [{**usual, **row} for row in rows])

    def vendor(self, vendor_id: str) -> dict[str, Any]:
        """The one vendor of that id in the ERP."""
        (found,) = [row for row in self.epicor.vendors() if row["VendorID"] == vendor_id]
        return found

    def vendor_saves(self, vendor_id: str) -> int:
        """How often the ERP stored that vendor by a call of ours."""
        return sum(effect.key == vendor_id for effect in self.epicor.history.effects("vendor.saved"))

    def now(self, flow: str, number: str) -> Document:
        """The ledger's newest version of a document of one flow."""
        return [one for one in self.documents(number) if one.flow.endswith(f"/{flow}")][-1]

    def sent(self, pattern: str) -> list[str]:
        """The contents of the files that went out, oldest first."""
        return [path.read_bytes().decode() for path in self.partner.taken(pattern)]
