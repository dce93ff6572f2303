"""The partner stand-in: its folders, the files put into them, and the words the other stand-ins have too."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from engine.connections.sftp import Sftp
from engine.connections.sftp_settings import SftpSettings
from engine.errors import SetupError, UsageError
from engine.run.load import load
from engine.sandbox.epicor_vendors import save_vendor
from engine.sandbox.faults import Fault
from engine.sandbox.file_exchange import Style
from engine.sandbox.operations import check_operation
from engine.sandbox.partner import CONFIRMATION_COLUMNS, FOLDERS, VENDOR_COLUMNS, Partner
from engine.sandbox.stands import EpicorStand, PartnerStand

SPECS = Path(__file__).resolve().parents[3] / "specs"
VENDOR = {"VendorNum": 12, "VendorID": "ACME", "Name": "Acme"}


def noon() -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def partner() -> Iterator[Partner]:
    with Partner() as partner:
        yield partner


def test_the_settings_open_the_door_to_its_five_folders(partner: Partner) -> None:
    with Sftp(SftpSettings(**partner.settings())) as files:
        skipped = dict(files.scan("/").skipped)
    assert skipped == {folder.strip("/"): "a folder" for folder in FOLDERS}


def test_vendor_files_have_one_row_a_vendor(partner: Partner) -> None:
    path = partner.write_vendors("vendors_1.csv", [{"vendor_id": "V1", "vendor_name": 'A, "B"'}])
    assert path.parent == partner.path("/inbound")
    assert path.read_text().splitlines() == [",".join(VENDOR_COLUMNS), 'V1,"A, ""B"""' + "," * 13]


def test_confirmations_are_written_in_the_style_asked_for(partner: Partner) -> None:
    row = {"vendor_id": "V1", "invoice_number": "1", "invoice_total": Decimal("10.30"), "status": "BOOKED"}
    path = partner.write_confirmations("confirmations_1.csv", [row], Style(delimiter=";", newline="\r\n"))
    assert path.read_bytes() == f"{';'.join(CONFIRMATION_COLUMNS)}\r\nV1;1;;10.30;;BOOKED\r\n".encode()


def test_what_arrives_is_read_from_the_outbound_folder(partner: Partner) -> None:
    data = b"vendor_id\nV1\n"
    with Sftp(partner.server.settings()) as files:
        files.put("/outbound", "vendors_1.csv", io.BytesIO(data), len(data))
    partner.write("vendors_2.csv", data)
    partner.path("/outbound/.vendors_3.csv.part").write_bytes(b"half")
    assert [path.name for path in partner.taken()] == ["vendors_1.csv"]
    assert partner.read_taken("vendors_*") == [{"vendor_id": "V1"}]


def test_a_slow_file_grows_in_the_inbound_folder(partner: Partner) -> None:
    growing = partner.write_slowly("slow.csv", [b"one\n", b"two\n"])
    assert list(growing) == [4, 8]
    assert (partner.path("/inbound") / "slow.csv").read_bytes() == b"one\ntwo\n"


def test_it_fails_as_it_is_told() -> None:
    with (
        Partner(faults=[Fault(kind="denied", at="rename")]) as partner,
        Sftp(partner.server.settings()) as files,
        pytest.raises(SetupError, match="permission denied"),
    ):
        files.put("/outbound", "a.csv", io.BytesIO(b"1"), 1)


def test_the_stand_shows_the_rows_of_an_object_and_its_files() -> None:
    with PartnerStand(noon) as stand:
        stand.seed(
            {"/outbound/vendors_1.csv": {"text": "vendor_id\nACME\n"}, "/inbound/vendors_1.csv": {"text": "x\n"}}, SPECS
        )
        assert stand.rows("vendors_out") == [{"vendor_id": "ACME"}]
        assert stand.rows("payments_out") == []
        assert list(stand.files("/inbound/*")) == ["/inbound/vendors_1.csv"]
        assert stand.commits() == 1
        assert stand.settings["partner"] == "PARTNER"
        assert stand.complaints() == []
        with pytest.raises(UsageError, match="The Partner stand-in holds files"):
            stand.seed({"vendors_out": [{}]}, SPECS)


def test_epicor_counts_every_vendor_saved_and_takes_orders_and_payments() -> None:
    line = {"POLine": 1, "LineDesc": "Paper", "OrderQty": "2", "DocUnitCost": "5.15"}
    payment = {"VendorID": "ACME", "CheckNum": 7, "Posted": True, "APTrans": [{"InvoiceNum": "A-1", "DocTranAmt": "1"}]}
    with EpicorStand(noon) as stand:
        stand.seed({"vendors": [VENDOR], "payments_made": [payment]}, SPECS)
        stand.seed({"purchase_orders": [{"PONum": 4711, "VendorID": "ACME", "PODetails": [line]}]}, SPECS)
        (order,), (paid,) = stand.rows("purchase_orders"), stand.rows("payments_made")
        assert (order["PONum"], order["VendorID"], order["DocTotalOrder"]) == (4711, "ACME", Decimal("10.30"))
        assert [row["LineDesc"] for row in order["PODetails"]] == ["Paper"]
        assert (paid["VendorID"], paid["Posted"], paid["APTrans"][0]["InvoiceNum"]) == ("ACME", True, "A-1")
        stand.seed({"vendors": [{"VendorID": "ACME", "City": "Reno"}]}, SPECS)
        assert stand.commits() == 0, "what a person does is nobody's delivery"
        store = stand.server.store
        with store.transaction():
            save_vendor(store, {**stand.server.vendors()[0], "City": "Tacoma", "RowMod": "U"}, "Update")
        assert stand.commits() == 1


def test_a_fault_may_strike_a_step_that_brings_up_to_date() -> None:
    integration = load(SPECS / "epicor-kinetic--sftp-files.yaml")
    for step in ("save_changes", "save", "rename", "APInvoices"):
        check_operation(step, integration)
    with pytest.raises(UsageError, match="save_change"):
        check_operation("save_change", integration)
