"""Processes that are killed, stopped, started twice or fed a million rows: the command line itself, against the stand-ins."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from engine.sandbox.faults import Fault
from engine.sandbox.stampli import INVOICE_COLUMNS

from .world import CANARIES, SPECS, invoice

ROOT = SPECS.parent
MAIN = """
import sys, cli
try:
    cli.main(sys.argv[1:])
finally:
    peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print("peak", peak, file=sys.stderr)
"""
COMMITS = {
    "save": ("*APInvoiceSvc/UpdateMaster", 1),
    "save_line[1]": ("*APInvoiceSvc/UpdateMaster", 2),
    "code_line[1]": ("*APInvoiceSvc/Update", 1),
    "save_line[2]": ("*APInvoiceSvc/UpdateMaster", 3),
    "code_line[2]": ("*APInvoiceSvc/Update", 2),
}
LATER = pytest.mark.faults


class RealClock:
    """The time it is; runs of this process wait for real, but not long."""

    def __call__(self):
        return datetime.now(UTC)

    def sleep(self, seconds):
        time.sleep(min(seconds, 0.2))

    def forward(self, **_span):
        pass


class Site:
    """A world on real time and the processes that work on it. `moment` is what happens while an answer is slow."""

    def __init__(self, make_world):
        self.moment = lambda: None
        self.world = make_world(clock=RealClock(), sleep=lambda _seconds: self.moment())
        self.world.change("systems/stampli.yaml", ("apart: 5s", "apart: 100ms"))
        self.world.change("systems/epicor-kinetic.yaml", ("settle: 2m", "settle: 1s"))
        self.world.masters_are_fresh()
        self.env_file = self.world.folder / "site.env"
        lines = [f"{name}={value}" for name, value in self.world.environ.items()]
        self.env_file.write_text("\n".join([*lines, "MLCONNECTOR_ALLOW_LOOPBACK=1", ""]))
        self.env_file.chmod(0o600)
        self.output = ""

    def start(self, *arguments):
        place = ["--workspace", str(self.world.home), "--env-file", str(self.env_file)]
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, "run", str(self.world.spec), *arguments, *place],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end(self, process):
        out, err = process.communicate(timeout=100)
        self.output += out + err
        return process.returncode

    def run(self, *flows):
        return self.end(self.start(*(part for flow in flows for part in ("--flow", flow))))

    def strike(self, kind, at, nth=1):
        """At that call: with `slow` the work is done and not answered yet, with `black_hole` it is never done."""
        self.world.epicor.faults.add(Fault(kind=kind, at=at, nth=nth))

    def run_and_kill(self, *flows):
        """Killed without warning at the first slow answer."""
        process = self.start(*(part for flow in flows for part in ("--flow", flow)))
        self.moment = process.kill
        code = self.end(process)
        self.moment = lambda: None
        return code

    def settle(self, *numbers, flow="invoices"):
        for _ in range(8):
            self.run(flow)
            if all(self.world.state(number) == "posted" for number in numbers):
                return
        pytest.fail(str([(number, self.world.document(number)) for number in numbers]))


@pytest.fixture
def site(make_world):
    return Site(make_world)


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("slow", "save"),
        ("slow", "code_line[1]"),
        ("slow", "code_line[2]"),
        ("black_hole", "save_line[2]"),
        *(pytest.param("slow", step, marks=LATER) for step in ("save_line[1]", "save_line[2]")),
        *(pytest.param("black_hole", step, marks=LATER) for step in COMMITS if step != "save_line[2]"),
    ],
)
def test_killed_between_a_commit_and_its_answer_one_whole_invoice(site, kind, step):
    site.world.offer("invoices_001.csv", invoice())
    site.strike(kind, *COMMITS[step])
    assert site.run_and_kill("invoices") == -signal.SIGKILL
    site.settle("00123")
    site.world.assert_whole("00123")


def test_killed_while_a_file_is_taken_in_nothing_of_it_is_half_there(site):
    site.world.offer("invoices_001.csv", *(invoice(f"K-{n}") for n in range(10)))
    site.strike("slow", "*VendorSvc/Vendors")
    assert site.run_and_kill("invoices") == -signal.SIGKILL
    with site.world.workspace() as workspace:
        assert workspace.ledger.find_documents() == []
    assert site.run("invoices") == 0
    for n in range(10):
        site.world.assert_whole(f"K-{n}")


@pytest.mark.parametrize("at", ["*APInvoiceSvc/GetByID", pytest.param("*ChangeVendorID", marks=LATER)])
def test_killed_before_anything_was_saved_it_is_posted_at_the_next_run(site, at):
    site.world.offer("invoices_001.csv", invoice())
    site.strike("slow", at)
    assert site.run_and_kill("invoices") == -signal.SIGKILL
    site.settle("00123")
    site.world.assert_whole("00123")


@pytest.mark.parametrize("at", ["rename", pytest.param("write", marks=LATER), pytest.param("close", marks=LATER)])
def test_killed_while_a_file_is_placed_one_whole_file_at_most_and_no_doubt_hidden(site, at):
    world = site.world
    world.stampli.faults.add(Fault(kind="slow", at=at, value="0.5"))
    process = site.start("--flow", "vendors")
    until(lambda: any(e.what == "auth.accepted" for e in world.stampli.history.effects()))
    until(lambda: hidden(world))
    process.kill()
    site.end(process)
    time.sleep(0.3)
    for _ in range(2):
        site.run("vendors")
    assert len(world.stampli.inbound()) <= 1
    if world.stampli.inbound():
        assert {row["vendor_id"] for row in world.stampli.read_inbound("vendors_*")} == {"ACME", "NWFRT"}
        assert world.state("ACME") == "posted"
    else:
        assert world.state("ACME") == "held"


def hidden(world):
    return [path for path in world.stampli.path("/inbound").iterdir() if path.name.startswith(".")]


def until(condition, seconds=20):
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("it never came to that")


def test_sigterm_finishes_the_document_in_hand_and_exits_143(site):
    numbers = [f"T-{n:02}" for n in range(20)]
    site.world.offer("invoices_001.csv", *map(invoice, numbers))
    site.strike("slow", "*APInvoiceSvc/UpdateMaster", 4)
    process = site.start("--flow", "invoices")
    site.moment = process.terminate
    assert site.end(process) == 143
    done = site.world.numbers()
    assert 0 < len(done) < len(numbers)
    for number in done:
        site.world.assert_whole(number)
    with site.world.workspace() as workspace:
        states = {document.state.value for document in workspace.ledger.find_documents(limit=100)}
    assert states == {"posted", "ready"}
    assert site.run("invoices") == 0
    for number in numbers:
        site.world.assert_whole(number)


def test_a_second_process_on_the_same_flow_ends_with_5_and_posts_nothing_twice(site):
    site.world.offer("invoices_001.csv", invoice())
    site.strike("slow", "*APInvoiceSvc/UpdateMaster")
    seen = []

    def meanwhile():
        seen.append(site.world.run("invoices"))

    process = site.start("--flow", "invoices")
    site.moment = meanwhile
    assert site.end(process) == 0
    assert [(result.exit_code, "at work already" in result.flows[0].error) for result in seen] == [(5, True)]
    site.world.assert_whole("00123")


def test_two_threads_on_the_same_flow_post_nothing_twice(world):
    numbers = [f"T-{n}" for n in range(6)]
    world.offer("invoices_001.csv", *map(invoice, numbers))
    codes = []

    def one():
        codes.append(world.run("invoices").exit_code)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(codes) <= {0, 5}
    world.run("invoices")
    for number in numbers:
        world.assert_whole(number)


def test_the_command_line_tells_no_secret_and_leaves_private_files(site):
    site.world.offer("invoices_001.csv", invoice())
    site.strike("500", "*ChangeVendorID")
    codes = [site.run() for _ in range(2)]
    assert codes[-1] == 0
    assert "invoices: " in site.output
    for secret in (*CANARIES.values(), *site.world.epicor.logins.tokens):
        assert secret not in site.output
    if os.name == "posix":
        state = site.world.home / ".mlconnector"
        assert [path for path in (state, *state.rglob("*")) if path.stat().st_mode & 0o077] == []


def big_file(world, rows, *, per_invoice=10, approved=20):
    """Invoices of ten lines; the last few are approved, the rest still pending."""
    columns = [c for c in INVOICE_COLUMNS if c not in {"document_url", "project", "department"}]
    invoices = rows // per_invoice
    with (world.stampli.path("/outbound") / "invoices_big.csv").open("w") as stream:
        stream.write(",".join(columns) + "\n")
        for n in range(invoices):
            status = "APPROVED" if n >= invoices - approved else "PENDING"
            values = dict.fromkeys(columns, "") | {
                "document_type": "INVOICE", "invoice_number": f"B-{n:06}", "vendor_id": "ACME",
                "invoice_date": "2026-02-20", "gl_posting_date": "2026-02-28", "invoice_total": "10.00",
                "approval_status": status, "line_amount": "1.00", "gl_account": "OFFICE", "cost_center": "CC10",
            }  # fmt: skip
            for number in range(per_invoice):
                values |= {"line_number": str(number + 1), "line_description": f"something bought: item {number}"}
                stream.write(",".join(values.values()) + "\n")


@pytest.mark.parametrize(
    "rows", [100_000, pytest.param(1_000_000, marks=[LATER, pytest.mark.timeout(900)])], ids=["100k", "1M"]
)
def test_a_huge_file_is_read_in_little_memory(site, rows):
    big_file(site.world, rows)
    process = site.start("--flow", "invoices")
    out, err = process.communicate(timeout=800)
    assert process.returncode == 0, out + err
    assert len(site.world.numbers()) == 20
    site.world.assert_whole(f"B-{rows // 10 - 1:06}", ("1.00",) * 10)
    peak = int(re.search(r"^peak (\d+)$", err, re.MULTILINE)[1]) / 1024
    assert peak < 250
