"""What people decide about documents: told apart by number or key, released only the safe way."""

from __future__ import annotations

import json

import pytest

from engine.contracts import State
from engine.desk import credentials, people
from engine.errors import UsageError

from .conftest import a_document, take_in


@pytest.fixture
def held(desk):
    take_in(
        desk.workspace,
        a_document("1", State.HELD, reason="The total differs", amount="10.50"),
        a_document("2", State.QUARANTINED, reason="`x` is missing", payload=None),
        a_document("3", State.WAITING, reason="waits for vendor"),
        a_document("4"),
    )
    return desk


def test_the_list_shows_what_waits_for_a_person(held):
    text = people.list_held(held.workspace, every=False, form="text")

    assert text.startswith("NUMBER")
    assert "The total differs" in text
    assert "10.50" in text
    assert "waits for vendor" not in text


def test_all_shows_what_the_engine_tries_again_too(held):
    found = json.loads(people.list_held(held.workspace, every=True, form="json"))

    assert {row["number"] for row in found} == {"1", "2", "3"}


def test_an_empty_list_says_so(desk):
    assert people.list_held(desk.workspace, every=True, form="text") == "Nothing is held."
    assert people.list_held(desk.workspace, every=True, form="json") == "[]"


def test_a_document_is_shown_as_read_and_as_mapped(held):
    text = people.show_document(held.workspace, "1", form="text")
    facts = json.loads(people.show_document(held.workspace, "key/1", form="json"))

    assert "The total differs" in text
    assert '"vendor": "ACME"' in text
    assert facts["as mapped"] == {"vendor": "ACME", "number": "1"}
    assert facts["attempts"] == []


def test_a_held_document_is_looked_up_first(held):
    said = people.release(held.workspace, "1", reason="checked", posted_as=None, send=False)

    assert "looked up first" in said
    assert held.document("1").state is State.IN_DOUBT


def test_send_skips_no_look_but_the_wait(held):
    people.release(held.workspace, "1", reason="checked", posted_as=None, send=True)

    assert held.document("1").state is State.READY


def test_what_a_person_posted_counts_as_posted(held):
    said = people.release(held.workspace, "1", reason="keyed by hand", posted_as="INV-9", send=False)

    after = held.document("1")
    assert said == "1 counts as posted under INV-9."
    assert (after.state, after.reference) == (State.POSTED, "INV-9")


def test_posted_and_send_exclude_each_other(held):
    with pytest.raises(UsageError, match="one of --posted-as and --send"):
        people.release(held.workspace, "1", reason="x", posted_as="INV-9", send=True)


def test_what_was_never_mapped_cannot_be_released(held):
    with pytest.raises(UsageError, match=r"never mapped .*mlconnector replay"):
        people.release(held.workspace, "2", reason="x", posted_as=None, send=True)


@pytest.mark.parametrize("state", [State.POSTED, State.CANCELLED])
def test_what_is_settled_stays_settled(held, state):
    if state is State.POSTED:
        people.release(held.workspace, "1", reason="x", posted_as="INV-9", send=False)
    else:
        people.reject(held.workspace, "1", reason="x")

    with pytest.raises(UsageError):
        people.release(held.workspace, "1", reason="again", posted_as=None, send=True)
    assert held.document("1").state is state


def test_a_rejected_document_is_never_posted(held):
    assert people.reject(held.workspace, "1", reason="a duplicate") == "1 will not be posted."
    assert held.document("1").state is State.CANCELLED


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_decision_without_a_reason_is_none(held, reason):
    with pytest.raises(UsageError, match="reason"):
        people.reject(held.workspace, "1", reason=reason)


def test_who_decided_is_in_the_trail(held):
    people.reject(held.workspace, "1", reason="a duplicate")
    held.workspace.trail.flush()

    last = held.workspace.trail.entries(key="key/1")[-1]

    assert (last.actor, last.detail["reason"]) == ("tess", "a duplicate")


def test_a_number_of_several_documents_must_be_told_apart(desk):
    take_in(
        desk.workspace,
        a_document("7", State.HELD, key="a/7", party="ACME"),
        a_document("7", State.HELD, key="b/7", party="ZETA"),
    )

    with pytest.raises(UsageError, match="give the key") as error:
        people.pick(desk.workspace, "7")

    assert "a/7" in str(error.value)
    assert "ZETA" in str(error.value)
    assert people.pick(desk.workspace, "b/7").party == "ZETA"


def test_of_several_the_one_that_waits_is_meant(desk):
    take_in(desk.workspace, a_document("7", key="a/7"), a_document("7", State.HELD, key="b/7"))

    assert people.pick(desk.workspace, "7").key == "b/7"


def test_an_unknown_document_is_told(desk):
    with pytest.raises(UsageError, match=r"No document `99`.*held list --all"):
        people.pick(desk.workspace, "99")


def test_secrets_are_listed_by_name_and_never_by_value(desk):
    assert credentials.list_secrets(desk.workspace) == "No secrets are stored."
    credentials.store_secret(desk.workspace, "epicor.api_key", "hunter2-hunter2")

    text = credentials.list_secrets(desk.workspace)

    assert "epicor.api_key  2026-11-21 09:00" in text
    assert "hunter2" not in text


def test_a_secret_too_short_to_be_masked_is_refused(desk):
    with pytest.raises(UsageError):
        credentials.store_secret(desk.workspace, "pin", "1234")
    assert credentials.list_secrets(desk.workspace) == "No secrets are stored."


def test_removing_a_secret_that_is_not_there_is_told(desk):
    credentials.store_secret(desk.workspace, "a.key", "hunter2-hunter2")
    assert credentials.remove_secret(desk.workspace, "a.key") == "Removed `a.key`."
    with pytest.raises(UsageError, match=r"a\.key"):
        credentials.remove_secret(desk.workspace, "a.key")


def test_after_a_new_key_everything_still_opens(held):
    credentials.store_secret(held.workspace, "a.key", "hunter2-hunter2")

    said = credentials.rotate_keys(held.workspace, held.time)

    assert said.startswith("Sealed ")
    assert held.workspace.vault.get("a.key").expose() == "hunter2-hunter2"
    assert held.document("1").payload == {"vendor": "ACME", "number": "1"}
