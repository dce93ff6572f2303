"""The stand-in for Stampli's file exchange: its files, its server, its faults."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import paramiko
import pytest

from engine.connections.sftp import Sftp, SftpSettings
from engine.errors import SetupError, TransientError
from engine.sandbox.faults import Fault
from engine.sandbox.stampli import INVOICE_COLUMNS, PAYMENT_COLUMNS, VENDOR_COLUMNS, Stampli, Style, render

INVOICE = {
    "company_id": "C1",
    "invoice_number": "INV-1",
    "invoice_date": date(2026, 11, 20),
    "invoice_total": Decimal("30.00"),
    "lines": [
        {"line_number": 1, "line_description": 'Paper, "A4"', "line_amount": Decimal("10.00")},
        {"line_number": 2, "line_description": "Größe", "line_amount": Decimal("20.00")},
    ],
}


@pytest.fixture
def stampli() -> Iterator[Stampli]:
    with Stampli() as stampli:
        yield stampli


@pytest.fixture
def foreign(stampli: Stampli) -> Iterator[paramiko.SFTPClient]:
    """Somebody else's client: the server must not only understand our own."""
    transport = paramiko.Transport((stampli.server.host, stampli.server.port))
    transport.connect(username=stampli.server.username, password=stampli.server.password)
    client = paramiko.SFTPClient.from_transport(transport)
    assert client is not None
    yield client
    client.close()
    transport.close()
    transport.join()


def test_the_settings_open_the_door(stampli: Stampli) -> None:
    with Sftp(SftpSettings(**stampli.settings())) as files:
        skipped = dict(files.scan("/").skipped)
    assert skipped == {"outbound": "a folder", "inbound": "a folder"}
    [effect] = stampli.history.effects("auth.*")
    assert (effect.what, effect.detail["method"]) == ("auth.accepted", "publickey")


def test_invoices_repeat_their_header_on_every_line(stampli: Stampli) -> None:
    text = stampli.write_invoices("invoices_1.csv", [INVOICE]).read_text()
    header, first, second = text.splitlines()
    assert header == ",".join(INVOICE_COLUMNS)
    assert first.startswith("C1,,,INV-1,,,2026-11-20,")
    assert '"Paper, ""A4"""' in first
    assert "INV-1" in second
    assert ",30.00," in first


def test_payments_have_their_own_columns(stampli: Stampli) -> None:
    payment = {"payment_number": "P1", "lines": [{"invoice_number": "INV-1", "amount_applied": Decimal("5.10")}]}
    header, row = stampli.write_payments("payments_1.csv", [payment]).read_text().splitlines()
    assert header == ",".join(PAYMENT_COLUMNS)
    assert row == ",,P1,,,,,,,,INV-1,,5.10,,"


def test_vendors_are_one_row_each(stampli: Stampli) -> None:
    path = stampli.write_vendors("vendors_1.csv", [{"vendor_id": "V1", "status": "ACTIVE"}])
    assert path.read_text().splitlines() == [",".join(VENDOR_COLUMNS), ",V1,,,ACTIVE" + "," * 13]


def test_files_can_be_written_the_way_each_customer_has_them() -> None:
    columns = ["invoice_number", "line_description", "approved"]
    style = Style(encoding="cp1252", newline="\r\n", delimiter=";", columns=columns)
    assert render(INVOICE_COLUMNS, [{**INVOICE, "approved": True}], style) == (
        b'invoice_number;line_description;approved\r\nINV-1;"Paper, ""A4""";true\r\nINV-1;Gr\xf6\xdfe;true\r\n'
    )
    assert render(columns, [{}], Style(bom=True, header=False)) == b"\xef\xbb\xbf,,\n"


def test_a_finished_file_is_there_at_once_with_the_time_asked_for(stampli: Stampli) -> None:
    modified = datetime(2026, 11, 20, tzinfo=UTC)
    path = stampli.write("a.csv", b"12345", modified=modified)
    assert path.stat().st_mtime == modified.timestamp()
    assert [one.name for one in stampli.path("/outbound").iterdir() if one.is_file()] == ["a.csv"]
    [effect] = stampli.history.effects("file.offered")
    assert effect.key == "/outbound/a.csv"


def test_a_slow_file_grows_when_the_test_says_so(stampli: Stampli) -> None:
    growing = stampli.write_slowly("slow.csv", [b"one\n", b"two\n"])
    with Sftp(stampli.server.settings()) as files:
        assert files.find("/outbound", "slow.csv") is None
        sizes = []
        for size in growing:
            [entry] = files.scan("/outbound").entries
            sizes.append((size, entry.size))
    assert sizes == [(4, 4), (8, 8)]


def test_what_arrives_can_be_read_back(stampli: Stampli) -> None:
    data = "vendor_id,vendor_name\nV1,Größe\n".encode()
    with Sftp(stampli.server.settings()) as files:
        files.put("/inbound", "vendors_1.csv", io.BytesIO(data), len(data))
        files.put("/inbound", "vendors_2.csv", io.BytesIO(data), len(data))
    stampli.path("/inbound/.vendors_3.csv.part").write_bytes(b"half")
    assert stampli.read_inbound("vendors_*.csv") == [{"vendor_id": "V1", "vendor_name": "Größe"}] * 2
    assert stampli.read_inbound("gl_*.csv") == []


def test_the_history_tells_what_became_visible(stampli: Stampli, foreign: paramiko.SFTPClient) -> None:
    foreign.putfo(io.BytesIO(b"12345"), "/inbound/.a.tmp")
    assert stampli.history.effects("file.*") == []
    foreign.rename("/inbound/.a.tmp", "/inbound/a.csv")
    foreign.putfo(io.BytesIO(b"123"), "/inbound/b.csv")
    foreign.rename("/inbound/b.csv", "/outbound/archive/b.csv")
    foreign.remove("/inbound/a.csv")
    told = [(effect.what, effect.key, effect.detail.get("size")) for effect in stampli.history.effects("file.*")]
    assert told == [
        ("file.appeared", "/inbound/a.csv", 5),
        ("file.appeared", "/inbound/b.csv", 3),
        ("file.moved", "/inbound/b.csv", 3),
        ("file.removed", "/inbound/a.csv", None),
    ]
    [first, _] = stampli.history.effects("file.appeared")
    assert first.detail["sha256"] == hashlib.sha256(b"12345").hexdigest()


def test_other_peoples_clients_are_served(stampli: Stampli, foreign: paramiko.SFTPClient) -> None:
    foreign.putfo(io.BytesIO(b"x" * 200_000), "/inbound/a.csv")
    assert foreign.stat("/inbound/a.csv").st_size == 200_000
    assert [entry.filename for entry in foreign.listdir_iter("/inbound")] == ["a.csv"]
    with foreign.open("/inbound/a.csv") as stream:
        assert stream.read() == b"x" * 200_000
    foreign.putfo(io.BytesIO(b"new"), "/inbound/b.csv")
    with pytest.raises(OSError, match="Failure"):
        foreign.rename("/inbound/b.csv", "/inbound/a.csv")
    foreign.posix_rename("/inbound/b.csv", "/inbound/a.csv")
    assert foreign.stat("/inbound/a.csv").st_size == 3
    assert foreign.normalize("/inbound/../inbound/.") == "/inbound"
    foreign.mkdir("/inbound/new")
    with pytest.raises(FileNotFoundError):
        foreign.stat("/inbound/missing")
    with pytest.raises(OSError, match="nsupported"):
        foreign.readlink("/inbound/a.csv")


def test_nobody_climbs_out(stampli: Stampli, foreign: paramiko.SFTPClient) -> None:
    assert sorted(foreign.listdir("/../..")) == ["inbound", "outbound"]
    with pytest.raises(FileNotFoundError):
        foreign.stat("/../../../etc/passwd")
    (stampli.path("/inbound") / "out.csv").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="Failure"):
        foreign.open("/inbound/out.csv")


@pytest.mark.parametrize("operation", ["open", "list", "stat", "rename", "remove", "mkdir"])
def test_any_operation_can_be_denied(operation: str) -> None:
    with Stampli(faults=[Fault(kind="denied", at=operation, nth=0)]) as stampli:
        stampli.write("a.csv", b"12345")
        with Sftp(stampli.server.settings()) as files:
            attempts = {
                "open": lambda: files.put("/inbound", "b.csv", io.BytesIO(b""), 0),
                "list": lambda: files.scan("/outbound"),
                "stat": lambda: files.find("/outbound", "a.csv"),
                "rename": lambda: files.put("/inbound", "b.csv", io.BytesIO(b""), 0),
                "remove": lambda: files.remove("/outbound", "a.csv"),
                "mkdir": lambda: files.ensure("/inbound/new"),
            }
            with pytest.raises(SetupError, match="permission denied"):
                attempts[operation]()


def test_stopping_leaves_no_thread_and_no_directory() -> None:
    before = set(threading.enumerate())
    with Stampli() as stampli, Sftp(stampli.server.settings()) as files:
        files.scan("/outbound")
        root = stampli.server.root
    assert set(threading.enumerate()) == before
    assert not root.exists()


def test_a_visitor_who_never_leaves_does_not_keep_it_from_stopping() -> None:
    started = time.monotonic()
    with Stampli(faults=[Fault(kind="slow", at="list", nth=0, value="60")]) as stampli:
        settings = stampli.server.settings(operation_timeout=0.05)
        with Sftp(settings, sleep=lambda seconds: None) as files, pytest.raises(TransientError, match="no answer"):
            files.scan("/outbound")
    assert time.monotonic() - started < 5
