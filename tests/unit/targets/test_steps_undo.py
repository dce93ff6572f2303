"""What is half-written and ours is removed; nothing else ever is."""

from __future__ import annotations

from typing import Any

import pytest

from engine.contracts import Found
from engine.errors import InDoubt, MlconnectorError, Refused, TransientError

from .erp import GONE, LOST, Reply
from .test_steps import POLLED, Erp, document, sent, target


def half_written(**more: Any) -> Erp:
    erp = Erp()
    erp.instead["SaveLine2"] = LOST
    with pytest.raises(InDoubt):
        sent(erp, [])
    erp.instead.clear()
    erp.invoices[-1] |= more
    return erp


def test_a_half_written_document_of_ours_is_removed() -> None:
    erp = half_written()
    with target(erp) as writer:
        found = writer.find(document())
        assert (found.matches, found.whole, found.ours) == (1, False, True)
        writer.undo(document(), found)

        assert erp.invoices == []
        assert writer.find(document()).matches == 0


@pytest.mark.parametrize(
    ("more", "says"), [({"Comment": "typed by Ann"}, "ours alone"), ({"Posted": True}, "can't be removed any more")]
)
def test_what_is_not_ours_or_is_posted_is_never_removed(more: dict[str, Any], says: str) -> None:
    erp = half_written(**more)
    with target(erp) as writer, pytest.raises(Refused, match=says):
        writer.undo(document(), Found(matches=1, ours=True))
    assert len(erp.invoices) == 1
    assert "Delete" not in erp.asked


def test_nothing_is_removed_on_the_word_of_an_old_look_alone() -> None:
    erp = half_written()
    with target(erp) as writer:
        with pytest.raises(Refused, match="ours alone"):
            writer.undo(document(), Found(matches=1, ours=False))
        erp.invoices.append(dict(erp.invoices[0]))
        with pytest.raises(Refused, match="ours alone"):
            writer.undo(document(), Found(matches=1, ours=True))
    assert "Delete" not in erp.asked


def test_undoing_what_is_gone_is_done() -> None:
    with target(Erp()) as writer:
        writer.undo(document(), Found(matches=1, ours=True))


def test_a_delete_that_finds_nothing_is_done() -> None:
    erp = half_written()
    erp.instead["Delete"] = GONE
    with target(erp) as writer:
        writer.undo(document(), Found(matches=1, ours=True))


@pytest.mark.parametrize(
    ("reply", "error"), [(LOST, InDoubt), (Reply(status=400, body={"why": "no"}), Refused), (Reply(status=429, body={}), TransientError)]
)  # fmt: skip
def test_undoing_fails_like_writing(reply: Reply, error: type[MlconnectorError]) -> None:
    erp = half_written()
    erp.instead["Delete"] = reply
    with target(erp) as writer, pytest.raises(error):
        writer.undo(document(), Found(matches=1, ours=True))


def test_what_has_no_undo_is_not_undone() -> None:
    with target(Erp(), POLLED, None) as writer, pytest.raises(Refused, match="doesn't say how"):
        writer.undo(document(), Found(matches=1, ours=True))
