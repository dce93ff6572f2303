"""Another turn: never for what is posted, never from what could not be read, always through a look."""

from __future__ import annotations

import pytest

from engine.contracts import State
from engine.desk.replay import replay_documents
from engine.errors import UsageError
from engine.run.prepare import UNREAD

from .conftest import a_document, take_in


def replay(desk, *keys, failed=False, remap=None):
    return replay_documents(desk.workspace, desk.seams, keys, failed=failed, remap=remap)


def test_something_must_be_chosen(desk):
    with pytest.raises(UsageError, match="--failed"):
        replay(desk)
    assert replay(desk, failed=True) == "Nothing has failed."


@pytest.mark.parametrize("state", [State.POSTED, State.CANCELLED])
def test_what_is_settled_is_refused(desk, state):
    desk.place("a.csv", "ACME,1,10,I")
    desk.run()
    take_in(desk.workspace, a_document("2", State.HELD), name="other")
    desk.workspace.ledger.cancel("key/2", actor="tess", reason="a duplicate")

    with pytest.raises(UsageError, match="would double it" if state is State.POSTED else "rejected by a person"):
        replay(desk, "1" if state is State.POSTED else "2")


def test_a_refused_document_goes_on_with_its_stored_payload(desk):
    take_in(desk.workspace, a_document("1", State.HELD))

    assert replay(desk, "1") == "1: goes on at the next run with its stored payload"
    assert desk.document("1").state is State.IN_DOUBT


def test_what_goes_on_by_itself_is_left_alone(desk):
    take_in(desk.workspace, a_document("1"), a_document("2", State.WAITING))

    assert "goes on by itself" in replay(desk, "1")
    assert "goes on by itself" in replay(desk, "2")
    assert desk.states() == {"1": "ready", "2": "waiting"}


def test_what_was_never_mapped_needs_a_spec(desk):
    desk.place("a.csv", f"{'V' * 21},1,10,I")
    desk.run()

    assert "--remap SPEC" in replay(desk, "1")


def test_a_mended_spec_maps_it_anew(desk):
    desk.place("a.csv", "ACME,1,13,I")
    desk.run()
    before = desk.document("1").spec_sha
    desk.write_spec(lambda text: text.replace("total != `13`", "total != `14`"))

    said = replay(desk, "1", remap=desk.spec)
    after = desk.document("1").spec_sha
    assert said == f"1: ready [spec {before[:8]} -> {after[:8]}]"
    assert after != before
    assert desk.run().flows[0].moved == {"posted": 1}


def test_a_spec_that_does_not_help_leaves_it_as_it_is(desk):
    desk.place("a.csv", "ACME,1,13,I")
    desk.run()

    assert replay(desk, "1", remap=desk.spec).startswith("1: stays held (Thirteen is unlucky")
    assert desk.states() == {"1": "held"}


def test_failed_means_refused_and_unmapped(desk):
    desk.place("a.csv", "ACME,1,13,I", f"{'V' * 21},2,1,I")
    desk.run()

    assert replay(desk, failed=True, remap=desk.spec).startswith("2: quarantined (")
    assert desk.states() == {"1": "held", "2": "quarantined"}


def test_what_could_not_be_read_is_never_mapped(desk):
    desk.place("a.csv", "ACME,1,ten,I")
    desk.run()

    said = replay(desk, "1", remap=desk.spec)

    assert desk.document("1").step == UNREAD
    assert "could not be read" in said
    assert "place it again" in said
    assert desk.states() == {"1": "quarantined"}


def test_what_may_be_in_the_target_is_not_mapped_anew(desk):
    take_in(desk.workspace, a_document("1", State.HELD))
    desk.workspace.ledger.release("key/1", State.IN_DOUBT, actor="tess", reason="look")

    assert "may be in the target" in replay(desk, "1", remap=desk.spec)
    assert desk.states() == {"1": "in_doubt"}


def test_another_specs_document_is_told(desk):
    take_in(desk.workspace, a_document("1", State.QUARANTINED, flow="other/flow", payload=None), flow="other/flow")

    assert "belongs to other/flow, which is not in books.yaml" in replay(desk, "1", remap=desk.spec)
