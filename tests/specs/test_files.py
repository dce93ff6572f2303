"""Files as they come over SFTP: whole or growing, again or changed, good, partly bad, unusable."""

from __future__ import annotations

import json

import pytest

from engine.sandbox.faults import Fault
from engine.sandbox.stampli import INVOICE_COLUMNS, PLAIN, Style, render

from .world import CANARIES, invoice, line


def content(*invoices, style=PLAIN):
    return render(INVOICE_COLUMNS, invoices, style)


def logins(world, what):
    return [effect.detail["method"] for effect in world.stampli.history.effects(f"auth.{what}")]


def test_a_password_opens_the_sftp_server(world):
    world.offer("invoices_001.csv", invoice())
    assert world.run("invoices").exit_code == 0
    assert set(logins(world, "accepted")) == {"password"}
    world.assert_whole("00123")


def test_a_key_opens_the_sftp_server(world):
    world.change(
        "",
        ("auth: password", "auth: key"),
        ("password: {secret: stampli.password}", "private_key: {secret: stampli.private_key}"),
    )
    world.offer("invoices_001.csv", invoice())
    assert world.run("invoices").exit_code == 0
    assert set(logins(world, "accepted")) == {"publickey"}
    world.assert_whole("00123")


def test_a_wrong_sftp_password_stops_the_flow_and_reads_nothing(world):
    world.secrets["stampli.password"] = "canary-wrong-password"
    world.store_secrets()
    world.offer("invoices_001.csv", invoice())
    result = world.run("invoices")
    assert result.exit_code == 4
    assert "canary" not in result.render("text")
    assert (logins(world, "accepted"), world.outbound(), world.numbers()) == ([], ["invoices_001.csv"], [])
    assert world.stampli.history.calls() == []


def test_a_changed_host_key_stops_the_run_before_any_credential_is_sent(world):
    world.offer("invoices_001.csv", invoice())
    world.stampli.server.replace_host_key()
    result = world.run("invoices")
    assert result.exit_code == 4
    assert "host key" in result.flows[0].error
    assert world.stampli.history.effects("auth.*") == []
    assert (world.outbound(), world.numbers()) == (["invoices_001.csv"], [])


def test_a_file_that_grows_between_two_looks_is_left_for_the_next_run(world):
    data = content(invoice())
    world.stampli.write("invoices_001.csv", data[:300])
    grown = []

    def upload_goes_on(seconds):
        if not grown:
            with world.stampli.path("/outbound/invoices_001.csv").open("ab") as stream:
                grown.append(stream.write(data[300:]))
        world.clock.forward(seconds=seconds)

    world.run("invoices", seams={"sleep": upload_goes_on})
    assert (world.numbers(), world.outbound()) == ([], ["invoices_001.csv"])
    world.run("invoices")
    world.assert_whole("00123")


def test_a_file_that_grows_while_it_is_read_is_left_for_the_next_run(world):
    world.offer("invoices_001.csv", invoice())
    world.stampli.faults.add(Fault(kind="grow", at="read"))
    result = world.run("invoices")
    assert (world.numbers(), world.outbound(), result.flows[0].bad_files) == ([], ["invoices_001.csv"], [])
    world.stampli.write("invoices_001.csv", content(invoice(), invoice("00124")))
    world.run("invoices")
    assert world.numbers() == ["00123", "00124"]


@pytest.mark.parametrize("kind", ["partial_read", "drop", "vanish"])
def test_a_file_read_short_is_never_taken_for_a_whole_one(world, kind):
    path = world.offer("invoices_001.csv", *(invoice(f"M-{n}") for n in range(20)))
    data = path.read_bytes()
    world.stampli.faults.add(Fault(kind=kind, at="open" if kind == "vanish" else "read"))
    world.run("invoices")
    assert world.numbers() == []
    world.stampli.write("invoices_001.csv", data)
    world.run("invoices")
    assert len(world.numbers()) == 20


def test_the_same_content_under_another_name_posts_nothing(world):
    data = content(invoice())
    world.stampli.write("invoices_001.csv", data)
    world.run("invoices", "credit_memos")
    world.stampli.write("invoices_002.csv", data)
    result = world.run("invoices", "credit_memos")
    assert result.exit_code == 0
    world.assert_whole("00123")
    assert world.outbound() == []


def test_the_same_name_with_new_content_is_read(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices", "credit_memos")
    world.offer("invoices_001.csv", invoice("00124"))
    world.run("invoices", "credit_memos")
    assert world.numbers() == ["00123", "00124"]
    assert len(world.outbound("/archive")) == 2, "the archive keeps both"


def test_the_same_name_with_new_content_is_read_where_it_was_never_moved_away(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")  # credit memos have not read it yet: it stays
    world.offer("invoices_001.csv", invoice("00124"))
    world.run("invoices", "credit_memos")
    assert world.numbers() == ["00123", "00124"]


def test_the_same_invoice_in_another_file_is_seen(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    world.offer("invoices_002.csv", invoice(), invoice("00124"))
    assert world.counts(world.run("invoices")) == {"seen": 1, "posted": 1}
    world.assert_whole("00123")
    assert world.saved("00124") == 1


def test_a_changed_invoice_under_the_same_number_is_a_conflict(world):
    world.offer("invoices_001.csv", invoice())
    world.run("invoices")
    world.offer("invoices_002.csv", invoice("00123", line(1, "99.00")))
    result = world.run("invoices")
    assert (result.exit_code, world.counts(result)) == (3, {"conflict": 1})
    world.assert_whole("00123")
    assert [d.state.value for d in world.documents("00123")] == ["posted", "conflict"]


def test_one_file_with_one_number_twice_and_other_content_posts_one_at_most(world):
    world.offer("invoices_001.csv", invoice(), invoice("00124"), invoice("00123", line(1, "99.00")))
    result = world.run("invoices")
    assert result.exit_code == 3
    assert world.saved("00123") <= 1
    assert world.saved("00124") == 1
    states = sorted(document.state.value for document in world.documents("00123"))
    assert set(states) & {"conflict", "held", "quarantined"}, states


BAD = {
    "unclosed_quote": content(invoice()).replace(b"line 1", b'"line 1'),
    "missing_column": content(invoice(), style=Style(columns=[c for c in INVOICE_COLUMNS if c != "invoice_total"])),
    "wrong_encoding": content(invoice("00999", line(1, "1.00"), vendor_name="Müller"), style=Style(encoding="cp1252")),
    "wrong_delimiter": content(invoice(), style=Style(delimiter=";")),
    "header_twice": content(invoice()).replace(b"tax_total", b"invoice_total"),
    "short_row": content(invoice()) + b"INVOICE,short\n",
    "nul_bytes": content(invoice()) + b"\0\0\0\n",
    "binary": bytes(range(256)) * 8,
}


@pytest.mark.parametrize("bad", BAD)
def test_an_unusable_file_goes_to_the_error_folder_and_the_good_one_beside_it_is_posted(world, bad):
    world.stampli.write("invoices_001.csv", BAD[bad])
    world.offer("invoices_002.csv", invoice("G-1"))
    result = world.run("invoices", "credit_memos")
    assert result.exit_code == 3
    assert world.numbers() == ["G-1"]
    assert len([f for f in result.flows for _ in f.bad_files]) == 1, "told once, not by every reader"
    placed = world.outbound("/error")
    reasons = [name for name in placed if name.endswith(".error.json")]
    assert len(placed) == 2
    assert len(reasons) == 1
    reason = json.loads((world.stampli.path("/outbound/error") / reasons[0]).read_text())
    assert reason["file"] == "invoices_001.csv"
    assert len(reason["what"]) > 20
    bytes_kept = (world.stampli.path("/outbound/error") / reasons[0].removesuffix(".error.json")).read_bytes()
    assert bytes_kept == BAD[bad]
    assert world.outbound() == []
    assert world.run("invoices", "credit_memos").exit_code == 0, "it is told about once"


def test_an_empty_file_may_be_an_upload_that_begins_and_is_put_aside_when_it_stays_so(world, caplog):
    world.stampli.write("invoices_001.csv", b"")
    world.offer("invoices_002.csv", invoice())
    assert world.run("invoices").exit_code == 0
    assert "invoices_001.csv" in world.outbound()
    world.clock.forward(minutes=2)
    assert world.run("invoices").exit_code == 3
    assert "alert: invoices: file invoices_001.csv can't be used: the file is empty" in caplog.text
    assert "invoices_001.csv" not in world.outbound()
    assert world.numbers() == ["00123"]


def test_a_file_with_only_a_header_is_done_with_and_posts_nothing(world):
    world.stampli.write("invoices_001.csv", content())
    world.offer("invoices_002.csv", invoice())
    assert world.run("invoices", "credit_memos").exit_code == 0
    assert (world.numbers(), world.outbound(), len(world.outbound("/archive"))) == (["00123"], [], 2)


def test_a_corrected_file_is_read_when_it_is_placed_again(world):
    world.stampli.write("invoices_001.csv", BAD["missing_column"])
    world.run("invoices")
    world.offer("invoices_001.csv", invoice())
    assert world.run("invoices").exit_code == 0
    world.assert_whole("00123")


def test_one_bad_record_is_quarantined_and_the_rest_posted(world):
    bad = invoice("B-1", line(1, "5.00"), invoice_date="20.02.2026")
    world.offer("invoices_001.csv", invoice("G-1"), bad, invoice("G-2"))
    result = world.run("invoices")
    assert (result.exit_code, world.counts(result)) == (3, {"posted": 2, "quarantined": 1})
    assert world.numbers() == ["G-1", "G-2"]
    document = world.document("B-1")
    assert "invoice_date" in document.reason
    assert "20.02.2026" in document.reason


def test_a_hostile_amount_is_never_posted(world):
    hostile = ["NaN", "1e3", "1_000", "١٢", "12.345.6", "Infinity", "0x10", "1,000.00", "--1", "5 EUR"]
    bad = [invoice(f"H-{n}", line(1, "5.00"), invoice_total=amount) for n, amount in enumerate(hostile)]
    good = [invoice(f"G-{n}") for n in range(len(bad) + 1)]
    world.offer("invoices_001.csv", *bad, *good)
    world.run("invoices")
    assert world.numbers() == sorted(each["invoice_number"] for each in good)
    assert {world.state(each["invoice_number"]) for each in bad} == {"quarantined"}


def test_most_records_bad_means_the_layout_changed_and_nothing_of_the_file_is_taken(world):
    bad = [invoice(f"B-{n}", line(1, "5.00"), invoice_date="20.02.2026") for n in range(3)]
    world.offer("invoices_001.csv", invoice("G-1"), *bad)
    world.offer("invoices_002.csv", invoice("G-2"))
    result = world.run("invoices")
    assert result.exit_code == 3
    assert world.numbers() == ["G-2"]
    assert "layout" in result.flows[0].bad_files[0]
    assert "20.02.2026" in result.flows[0].bad_files[0], "the first reason is told"
    assert any(name.startswith("invoices_001") for name in world.outbound("/error"))


def test_an_archive_that_refuses_the_file_posts_nothing_twice(world):
    world.offer("invoices_001.csv", invoice())
    world.stampli.faults.add(Fault(kind="denied", at="rename"))
    world.run("invoices", "credit_memos")
    world.run("invoices", "credit_memos")
    world.assert_whole("00123")
    assert world.outbound() == []


def test_a_connection_lost_during_the_move_posts_nothing_twice(world):
    world.offer("invoices_001.csv", invoice())
    world.stampli.faults.add(Fault(kind="drop", at="rename", value="after"))
    world.run("invoices", "credit_memos")
    world.run("invoices", "credit_memos")
    world.assert_whole("00123")
    assert (world.outbound(), len(world.outbound("/archive"))) == ([], 1)


def test_names_that_look_like_paths_or_commands_stay_names(world):
    world.offer("invoices_$(rm -rf).csv", invoice("N-1"))
    world.offer("invoices_=cmd|' .csv", invoice("N-2"))
    world.offer("invoices_ü.csv", invoice("N-3"))
    world.run("invoices", "credit_memos")
    assert world.numbers() == ["N-1", "N-2", "N-3"]
    assert len(world.outbound("/archive")) == 3


def test_the_sftp_password_is_never_sent_anywhere_else(world):
    world.offer("invoices_001.csv", invoice())
    world.run()
    sent = json.dumps(world.epicor.history.dump())
    assert CANARIES["sftp"] not in sent
