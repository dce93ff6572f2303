"""The stand-ins behind their common words, and `sandbox`, which leaves them running for a person."""

from __future__ import annotations

import os
import signal
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.redaction import Redactor
from engine.run.environment import read_environment
from engine.run.running import Options, run_spec
from engine.run.seams import Seams, quiet
from engine.run.workspace import open_workspace
from engine.sandbox.command import serve, until_stopped
from engine.sandbox.stands import STANDS, EpicorStand, StampliStand, stand_in

SPECS = Path(__file__).resolve().parents[3] / "specs"
SPEC = SPECS / "epicor-kinetic--stampli.yaml"
VENDOR = {"VendorNum": 12, "VendorID": "ACME", "Name": "Acme"}
INVOICE = {
    "VendorID": "ACME",
    "InvoiceNum": "A-1",
    "DocInvoiceVendorAmt": "10.30",
    "APInvDtls": [{"DocExtCost": "10.30", "GLAccount": "6100|00|10"}],
}


def noon() -> datetime:
    return datetime(2026, 3, 2, 12, tzinfo=UTC)


def needs(system: str) -> set[str]:
    """The settings a shipped system file declares."""
    from engine.spec.document import Problems, read_document

    node = read_document(SPECS / "systems" / f"{system}.yaml", Problems())
    declared = node.get("needs") if node else None
    assert declared is not None
    return {name for name, _ in declared.items()}


@pytest.mark.parametrize("name", sorted(STANDS.keys() & {path.stem for path in (SPECS / "systems").glob("*.yaml")}))
def test_every_setting_a_system_needs_has_a_value(name):
    with stand_in(name, noon) as stand:
        missing = needs(name) - set(stand.settings) - {"auth", "passphrase"}

    assert missing == set()


def test_an_unknown_system_is_named():
    with pytest.raises(UsageError, match="no stand-in for the system `oracle`; there are epicor-kinetic, stampli"):
        stand_in("oracle", noon)


def test_epicor_takes_and_shows_rows_by_the_names_of_the_spec():
    with EpicorStand(noon) as stand:
        stand.seed({"vendors": [VENDOR], "gl_accounts": [{"GLAccount": "6100|00|10"}], "ap_invoices": [INVOICE]}, SPECS)
        stand.seed(
            {
                "ap_payments": [
                    {"VendorID": "ACME", "CheckNum": 7, "APTrans": [{"InvoiceNum": "A-1", "DocTranAmt": "1"}]}
                ]
            },
            SPECS,
        )

        invoice, payment = stand.rows("ap_invoices")[0], stand.rows("ap_payments")[0]

        assert (invoice["VendorID"], invoice["VendorNum"]) == ("ACME", 12)
        assert invoice["APInvDtls"][0]["GLAccount"] == "6100|00|10"
        assert (payment["VendorID"], payment["APTrans"][0]["InvoiceNum"]) == ("ACME", "A-1")
        assert stand.commits() == 0, "what was there from the start is nobody's doing"
        assert stand.complaints() == []
        assert stand.files("*") == {}


def test_a_row_that_is_there_is_changed():
    with EpicorStand(noon) as stand:
        stand.seed({"vendors": [VENDOR]}, SPECS)
        before = stand.rows("vendors")[0]["SysRevID"]
        stand.seed({"vendors": [{"VendorID": "ACME", "City": "Boulder"}]}, SPECS)

        (vendor,) = stand.rows("vendors")

    assert (vendor["City"], vendor["Name"], vendor["VendorNum"]) == ("Boulder", "Acme", 12)
    assert vendor["SysRevID"] > before


def test_what_a_stand_in_cant_do_is_refused():
    with EpicorStand(noon) as epicor, StampliStand(noon) as stampli:
        with pytest.raises(UsageError, match="NoSuchColumn"):
            epicor.seed({"vendors": [{**VENDOR, "NoSuchColumn": 1}]}, SPECS)
        with pytest.raises(UsageError, match="no vendor `ACME`"):
            epicor.seed({"ap_invoices": [INVOICE]}, SPECS)
        with pytest.raises(UsageError, match="no rows of `orders`"):
            epicor.rows("orders")
        with pytest.raises(UsageError, match="`melted` is no kind of fault"):
            epicor.fault("melted", "*", 1, None)
        with pytest.raises(UsageError, match="holds files"):
            stampli.seed({"invoices": [{}]}, SPECS)
        with pytest.raises(UsageError, match="is not there"):
            stampli.seed({"/outbound/a.csv": {"file": "samples/nowhere.csv"}}, SPECS)


def test_stampli_holds_files_by_path():
    with StampliStand(noon) as stand:
        stand.seed(
            {"/outbound/a.csv": {"text": "a,b\n"}, "/inbound/vendors_1.csv": {"text": "vendor_id\nACME\n"}}, SPECS
        )

        assert stand.files("/outbound/*") == {"/outbound/a.csv": b"a,b\n"}
        assert stand.rows("vendors") == [{"vendor_id": "ACME"}]
        assert stand.commits() == 1


def run(workspace: Path, env_file: Path):
    """`mlconnector run` as a person would type it in the other terminal."""
    environ = read_environment(env_file)
    seams = Seams(environ=environ, sleep=lambda _: None, allow_loopback=environ["MLCONNECTOR_ALLOW_LOOPBACK"] == "1")
    with open_workspace(workspace, seams=seams, redactor=Redactor(), actor="test") as opened:
        return run_spec(SPEC, opened, seams, Options(flows=("vendors",)), quiet)


def test_sandbox_can_be_run_against_and_leaves_nothing(tmp_path):
    home, said, seen = tmp_path / ".mlconnector", [], []

    def use() -> None:
        seen.append(run(home / "sandbox", home / "sandbox.env").plain()["flows"][0]["counts"])
        seen.append(stat.S_IMODE((home / "sandbox.env").stat().st_mode))

    serve(SPEC, ("slow:Vendors:9:0.01",), None, said.append, home=home, wait=use)

    assert seen[0]["posted"] == 5
    assert seen[1] == 0o600
    assert any(line.startswith("epicor: http://127.0.0.1:") for line in said)
    assert any(f"mlconnector run {SPEC} --workspace {home}/sandbox --env-file" in line for line in said)
    assert said[-1] == "stampli: " + said[-1].partition(": ")[2]
    assert "1 documents or files" in said[-1]
    assert list(home.iterdir()) == []


def test_sandbox_takes_its_data_from_a_test_file(tmp_path):
    counts = []
    home = tmp_path / "home"
    seed = SPECS / "epicor-kinetic--stampli.test.yaml"

    def use() -> None:
        counts.append(run(home / "sandbox", home / "sandbox.env").plain()["flows"][0]["counts"]["posted"])

    serve(SPEC, (), seed, lambda _: None, home=home, wait=use)

    assert counts == [3]


@pytest.mark.parametrize("fault", ["melted:save", "lost_answer:save:x", "lost_answer:save:2"])
def test_a_fault_that_means_nothing_starts_nothing(tmp_path, fault):
    with pytest.raises(UsageError):
        serve(SPEC, (fault,), None, lambda _: None, home=tmp_path / "home", wait=lambda: pytest.fail("it started"))

    assert not (tmp_path / "home").exists()


def test_a_signal_ends_the_wait_and_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()

    until_stopped()

    timer.join()
    assert signal.getsignal(signal.SIGTERM) is before
