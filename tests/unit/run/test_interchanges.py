"""X12 through a whole run: documents in and out, acknowledgements both ways, and nothing of them twice."""

from __future__ import annotations

import hashlib

import pytest

from engine.contracts import State

from .interchange_desk import SPEC, SYSTEM, advice, answer, of, rejected_interchange, segments


@pytest.fixture
def house(desk):
    for name in ("acks", "answers"):
        (desk.box / name).mkdir()
    (desk.folder / "systems" / "partner.yaml").write_text(SYSTEM, encoding="utf-8")
    desk.spec.write_text(SPEC, encoding="utf-8")
    return desk


def put(house, name, data, folder="in"):
    (house.box / folder / name).write_bytes(data)


def acks(house):
    return [segments(file.read_bytes()) for file in sorted((house.box / "acks").iterdir())]


def files(house, folder):
    return sorted(file.name for file in (house.box / folder).iterdir())


def advices(house, **options):
    return house.run(flows=("advices",), **options).flows[0]


def remittances(house, **options):
    return house.run(flows=("remittances",), **options).flows[0]


def test_a_payment_advice_becomes_documents_and_is_acknowledged(house):
    put(house, "820_1.edi", advice({"number": "EFT1"}, {"number": "EFT2", "amount": "20"}))
    told = advices(house)

    assert told.counts["posted"] == 2
    assert house.out() == {
        "ledger_1.csv": "number,payer,amount,date\nEFT1,Acme Corp,150.50,2026-11-21\nEFT2,Acme Corp,20.00,2026-11-21\n"
    }
    (found,) = acks(house)
    assert files(house, "acks") == ["997_PAYER_000000001.edi"]
    assert [each.strip() for each in of("ISA", found)[0][4:8]] == ["ZZ", "PAYEE", "ZZ", "PAYER"]
    assert of("GS", found)[0][:3] == ["FA", "PAYEE", "PAYER"]
    assert of("AK1", found) == [["RA", "7"]]
    assert of("AK2", found) == [["820", "0001"], ["820", "0002"]]
    assert of("AK5", found) == [["A"], ["A"]]
    assert of("AK9", found) == [["A", "2", "2", "2"]]
    assert any("acknowledged: 1" in note for note in told.notes)


def test_a_set_out_of_balance_is_rejected_and_the_other_goes_on(house):
    put(house, "820_1.edi", advice({"number": "EFT1", "paid": "99"}, {"number": "EFT2"}))
    assert advices(house).counts == {"read": 2, "posted": 1, "quarantined": 1}
    (found,) = acks(house)
    assert [each[0] for each in of("AK5", found)] == ["R", "A"]
    assert of("AK9", found)[0][0] == "P"


def test_a_set_that_can_not_be_mapped_is_rejected_too(house):
    put(house, "820_1.edi", advice({"number": "EFT1", "payer": "Nobody"}, {"number": "EFT2"}, {"number": "EFT3"}))
    assert advices(house).counts["quarantined"] == 1
    (found,) = acks(house)
    assert of("AK5", found) == [["R", "5"], ["A"], ["A"]]


def test_what_is_wrong_with_an_element_is_told_where_it_stands(house):
    put(house, "820_1.edi", advice({"number": "EFT1", "amount": "1x"}, {"number": "EFT2"}))
    advices(house)
    (found,) = acks(house)
    assert of("AK3", found)[0][:2] == ["BPR", "2"]
    assert of("AK4", found)[0][:3] == ["2", "782", "6"]


def test_of_very_many_wrong_sets_the_later_ones_are_told_by_their_verdict(house):
    sets = [{"number": f"EFT{n}", "amount": "1x" if n < 2100 else "5"} for n in range(4300)]
    put(house, "820_1.edi", advice(*sets))
    assert advices(house).counts == {"read": 4300, "posted": 2200, "quarantined": 2100}
    (found,) = acks(house)
    verdicts = of("AK5", found)
    assert [verdict for verdict, *_ in verdicts] == ["R"] * 2100 + ["A"] * 2200
    assert len(of("AK4", found)) == 2 * 2000, "two of each set"
    assert of("AK9", found) == [["P", "4300", "4300", "2200"]]


def test_a_file_refused_whole_rejects_every_set(house):
    put(house, "820_1.edi", advice(*({"number": f"EFT{n}", "payer": "Nobody"} for n in range(3))))
    told = advices(house)
    assert told.bad_files
    assert files(house, "bad")[0] == "820_1.edi"
    (found,) = acks(house)
    assert [each[0] for each in of("AK5", found)] == ["R", "R", "R"]
    assert of("AK9", found)[0] == ["R", "3", "3", "0"]


def test_the_same_file_again_is_acknowledged_once(house):
    data = advice({"number": "EFT1"})
    for name in ("820_1.edi", "820_2.edi"):
        put(house, name, data)
        advices(house)
    put(house, "820_1.edi", data)
    advices(house)
    assert len(acks(house)) == 1
    assert list(house.out()) == ["ledger_1.csv"]


def test_a_used_control_number_is_refused_with_025_and_nothing_is_posted(house):
    put(house, "820_1.edi", advice({"number": "EFT1"}))
    advices(house)
    put(house, "820_2.edi", advice({"number": "EFT2"}))
    told = advices(house)

    assert "has used this number before, in `820_1.edi`" in told.bad_files[0]
    assert told.exit_code == 3
    assert "820_2.edi" in files(house, "bad")
    assert list(house.out()) == ["ledger_1.csv"]
    assert [of("TA1", found) for found in acks(house)] == [[], [["000000101", "261121", "1200", "R", "025"]]]


def test_another_sender_may_use_the_same_number(house):
    put(house, "820_1.edi", advice({"number": "EFT1"}))
    put(house, "820_2.edi", advice({"number": "EFT2"}, sender="OTHER"))
    assert advices(house).counts["posted"] == 2
    assert len(acks(house)) == 2


def test_numbers_may_come_again_where_the_spec_allows_it(house):
    system = house.folder / "systems" / "partner.yaml"
    system.write_text(SYSTEM.replace("balance: error}", "balance: error, duplicates: read}"), encoding="utf-8")
    for number in (1, 2):
        put(house, f"820_{number}.edi", advice({"number": f"EFT{number}"}))
        assert advices(house).counts["posted"] == 1
    assert len(acks(house)) == 1, "once for each sender, interchange and group"


def test_a_partial_file_is_refused_and_its_whole_one_is_read_later(house):
    put(house, "820_1.edi", advice({"number": "EFT1"}, whole=False))
    told = advices(house)
    assert told.bad_files
    assert house.out() == {}
    (found,) = acks(house)
    assert of("TA1", found)[0][3:] == ["R", "023"]

    put(house, "820_1.edi", advice({"number": "EFT1"}))
    assert advices(house).counts["posted"] == 1
    assert [bool(of("AK9", each)) for each in acks(house)] == [False, True]


def test_an_asked_for_ta1_is_sent_beside_the_997(house):
    put(house, "820_1.edi", advice({"number": "EFT1"}, asks=True))
    advices(house)
    assert sorted((len(of("TA1", found)), len(of("AK9", found))) for found in acks(house)) == [(0, 1), (1, 0)]
    assert len({of("ISA", found)[0][12] for found in acks(house)}) == 2


def test_acknowledgements_are_never_acknowledged(house):
    put(house, "820_1.edi", answer(7))
    advices(house)
    assert acks(house) == []


def test_one_document_alone_acknowledges_nothing(house):
    put(house, "820_1.edi", advice({"number": "EFT1"}))
    advices(house, only="EFT1")
    assert acks(house) == []
    advices(house)
    assert len(acks(house)) == 1


def test_an_acknowledgement_that_could_not_be_placed_goes_at_the_next_run(house):
    (house.box / "acks").rmdir()
    put(house, "820_1.edi", advice({"number": "EFT1"}))
    told = advices(house)
    assert told.error
    assert told.counts["posted"] == 1, "the other side is served all the same"
    (house.box / "acks").mkdir()
    advices(house)
    assert len(acks(house)) == 1


def test_a_dry_run_tells_of_a_used_number_and_sends_nothing(house):
    put(house, "820_1.edi", advice({"number": "EFT1"}))
    advices(house)
    put(house, "820_2.edi", advice({"number": "EFT2"}))
    told = house.run(flows=("advices",), dry_run=True).flows[0]
    assert "has used this number before" in told.bad_files[0]
    assert len(acks(house)) == 1


PAYMENTS = "number,amount,invoice,paid\nP1,30,INV-1,10\nP1,30,INV-2,20\nP2,5.50,INV-3,5.50\n"


def sent(house):
    return {file.name: segments(file.read_bytes()) for file in sorted((house.box / "out").glob("*.edi"))}


def test_payments_go_out_as_one_interchange_with_a_control_number(house):
    put(house, "pay_1.csv", PAYMENTS.encode())
    assert remittances(house).counts["posted"] == 2
    (name, found), *more = sent(house).items()
    assert (name, more) == ("820_000000001.edi", [])
    assert of("ISA", found)[0][12] == "000000001"
    assert of("BPR", found)[0][:4] == ["C", "30", "C", "CHK"]
    assert [each[1:4:2] for each in of("RMR", found)] == [["INV-1", "10"], ["INV-2", "20"], ["INV-3", "5.5"]]
    assert of("SE", found) == [["9", "0001"], ["8", "0002"]]


def test_control_numbers_are_shared_by_all_that_goes_to_a_partner(house):
    put(house, "820_1.edi", advice({"number": "EFT1"}))
    advices(house)
    put(house, "pay_1.csv", PAYMENTS.encode())
    remittances(house)
    put(house, "pay_2.csv", PAYMENTS.replace("P", "Q").encode())
    remittances(house)
    numbers = [of("ISA", found)[0][12] for found in (*acks(house), *sent(house).values())]
    assert numbers == ["000000001", "000000002", "000000003"]


def test_a_payment_out_of_balance_is_held_and_the_rest_goes(house):
    put(house, "pay_1.csv", PAYMENTS.replace("P1,30,INV-2,20", "P1,30,INV-2,19").encode())
    told = remittances(house)
    assert (told.counts["posted"], told.counts["held"]) == (1, 1)
    assert "add up to 29" in house.document("P1").reason
    assert [each[1] for each in of("TRN", sent(house)["820_000000001.edi"])] == ["P2"]


def accepted_once(house):
    put(house, "pay_1.csv", PAYMENTS.encode())
    remittances(house)


def test_an_accepted_file_is_noted(house):
    accepted_once(house)
    put(house, "997_a.edi", answer(1, "A", ("0001", "A"), ("0002", "A")), "answers")
    told = remittances(house)
    assert "the partner accepted 820_000000001.edi" in told.notes
    assert files(house, "done") == ["997_a.edi", "pay_1.csv"]
    assert set(house.states().values()) == {"posted"}


def test_a_rejected_set_is_held_with_the_partners_reasons(house):
    accepted_once(house)
    put(house, "997_a.edi", answer(1, "P", ("0001", "R"), ("0002", "A")), "answers")
    told = remittances(house)
    assert house.states() == {"P1": "held", "P2": "posted"}
    reason = house.document("P1").reason
    assert "set 0001" in reason
    assert "BPR at 2" in reason
    assert told.exit_code == 3
    assert any("rejected" in line for line in told.trouble)


@pytest.mark.parametrize("data", [answer(1, "R"), rejected_interchange(1)])
def test_a_rejected_file_holds_all_of_it_once(house, data):
    accepted_once(house)
    put(house, "997_a.edi", data, "answers")
    remittances(house)
    assert house.states() == {"P1": "held", "P2": "held"}
    house.workspace.ledger.cancel(house.document("P1").key, actor="tess", reason="paid by hand")
    put(house, "997_b.edi", data.replace(b"000000900", b"000000901"), "answers")
    remittances(house)
    assert house.states()["P1"] == "cancelled"


def test_a_file_nobody_acknowledged_in_time_is_told_once(house):
    accepted_once(house)
    house.time.pass_by(hours=3)
    assert any("was not acknowledged within" in line for line in remittances(house).trouble)
    assert not any("was not acknowledged within" in line for line in remittances(house).trouble)
    put(house, "997_a.edi", answer(1), "answers")
    assert "the partner accepted 820_000000001.edi" in remittances(house).notes


def test_an_acknowledgement_of_nothing_of_ours_is_told(house):
    put(house, "997_a.edi", answer(77), "answers")
    assert any("which no file of ours has" in line for line in remittances(house).trouble)
    assert files(house, "done") == ["997_a.edi"]


def test_an_unusable_acknowledgement_goes_to_the_error_folder(house):
    put(house, "997_a.edi", answer(1)[:120], "answers")
    assert any("can't be used" in line for line in remittances(house).trouble)
    assert files(house, "bad")[0] == "997_a.edi"


def test_the_same_bytes_are_built_again_after_a_crash(house):
    """The control number and the time in the file are durable before the upload begins."""
    put(house, "pay_1.csv", PAYMENTS.encode())
    (house.box / "out").rmdir()
    assert remittances(house).error
    house.time.pass_by(hours=5)
    (batch,) = house.workspace.ledger.outbox_pending("books/remittances")
    (house.box / "out").mkdir()
    assert remittances(house).earlier == {}
    (name,) = sent(house)
    assert name == "820_000000001.edi"
    assert (house.box / "out" / name).stat().st_size == batch.size
    assert hashlib.sha256((house.box / "out" / name).read_bytes()).hexdigest() == batch.sha256
    assert set(house.states().values()) == {State.POSTED.value}
