"""Faults: how they are written and when they fire; the history that tells what really happened."""

from __future__ import annotations

import threading

import pytest

from engine.sandbox.faults import HTTP_KINDS, KINDS, Fault, Faults, parse
from engine.sandbox.history import History, matches_path


def test_a_fault_is_written_in_up_to_four_parts() -> None:
    assert parse("lost_answer:UpdateMaster:2") == Fault(kind="lost_answer", at="UpdateMaster", nth=2)
    assert parse("slow:Vendors:1:3") == Fault(kind="slow", at="Vendors", nth=1, value="3")
    assert parse("429:*:1") == Fault(kind="429")
    assert parse("500:Update") == Fault(kind="500", at="Update")
    assert parse("503") == Fault(kind="503")
    assert parse("redirect:*:1:http://127.0.0.1:9") == Fault(kind="redirect", value="http://127.0.0.1:9")


@pytest.mark.parametrize("text", ["", "explode", "500:Update:x", "500:Update:-1", "500:Update:²"])
def test_a_bad_fault_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="fault `"):
        parse(text)


def test_an_unknown_kind_is_answered_with_all_kinds() -> None:
    with pytest.raises(ValueError, match=r"lost_answer, cut_before.*changed_host_key"):
        parse("explode:Update")


def test_a_value_that_is_no_number_is_refused_when_needed() -> None:
    with pytest.raises(ValueError, match="`soon` is no number of seconds"):
        Fault(kind="slow", value="soon").seconds(1)


def test_every_kind_has_a_sentence() -> None:
    assert all(text.endswith(".") for text in KINDS.values())


def test_a_fault_fires_once_on_its_hit() -> None:
    faults = Faults([parse("500:Update:2")])
    assert [faults.take("Update") is not None for _ in range(4)] == [False, True, False, False]


def test_hit_zero_means_every_hit_until_cleared() -> None:
    faults = Faults()
    faults.add("503:*:0")
    assert all(faults.take(name) for name in ("Update", "Vendors"))
    faults.clear()
    assert faults.take("Update") is None


def test_each_fault_counts_its_own_hits() -> None:
    faults = Faults([parse("500:Update:1"), parse("503:Up*:2")])
    kinds = [fault.kind if fault else None for fault in (faults.take("Update"), faults.take("Update"))]
    assert kinds == ["500", "503"]


def test_kinds_of_the_other_wire_neither_fire_nor_count() -> None:
    faults = Faults([parse("denied:*:1")])
    assert faults.take("Update", HTTP_KINDS) is None
    assert faults.take("put", {"denied"}) == parse("denied:*:1")


def test_a_pattern_covers_a_name_or_the_end_of_a_path_in_its_case() -> None:
    assert matches_path("/live/api/v1/Erp.BO.VendorSvc/Vendors", "Vendors")
    assert matches_path("/live/TokenResource.svc/", "TokenResource.svc")
    assert matches_path("/a/APInvoiceSvc/Update", "*InvoiceSvc/Update")
    assert not matches_path("/a/Update", "update")
    assert not matches_path("/a/UpdateMaster", "Update")


def test_concurrent_hits_fire_a_fault_exactly_once() -> None:
    faults, fired = Faults([parse("500:*:50")]), []
    threads = [
        threading.Thread(target=lambda: fired.extend(f for _ in range(25) if (f := faults.take("x")))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fired) == 1


def test_the_history_tells_effects_and_calls_and_dumps_as_json() -> None:
    history = History("till")
    history.record("sale.saved", "7", amount=1, items=("a", "b"))
    history.record("sale.deleted", "7")
    history.call("POST", "/api/Save", 200, query="a=1")
    assert [effect.what for effect in history.effects("sale.*")] == ["sale.saved", "sale.deleted"]
    assert history.effects("sale.saved")[0].detail == {"amount": 1, "items": ("a", "b")}
    assert len(history.calls("Save")) == 1
    dumped = history.dump()
    assert dumped["effects"][0]["detail"] == {"amount": 1, "items": ["a", "b"]}
    assert dumped["calls"][0]["query"] == "a=1"
    history.clear()
    assert history.effects() == []
    assert history.calls() == []
