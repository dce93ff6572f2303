"""What is accepted now and done later is waited for; what can't work is refused before it runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from engine.contracts import Guarantee
from engine.errors import InDoubt, SetupError, TransientError

from .erp import Asked, Reply, Time
from .test_steps import CREATE, FIND, POLLED, Erp, document, sent, target


@pytest.mark.parametrize("needs", [1, 3, 6])
def test_an_accepted_action_is_asked_about_until_it_is_done(needs: int) -> None:
    time, asked = Time(), []

    def serve(request: Asked) -> Reply:
        asked.append(request.path)
        done = asked.count("Status") >= needs
        return Reply(body={"done": done, "id": "R-1" if done else None})

    assert sent(serve, [], POLLED, find=None, time=time).reference == "R-1"
    assert time.slept == [2.0] * (needs - 1)
    assert asked.count("Release") == 1


def test_an_action_that_is_never_done_is_a_doubt_after_its_time() -> None:
    time = Time()
    with pytest.raises(InDoubt, match="not done after 10 s"):
        sent(lambda request: Reply(body={"done": False}), [], POLLED, find=None, time=time)

    assert sum(time.slept) == 10


def test_polling_before_anything_was_written_ends_in_a_delay() -> None:
    create = POLLED.replace("commits: true, ", "")
    create = create.replace("reference:", "  - {name: save, post: Save, commits: true}\nreference:")
    with pytest.raises(TransientError):
        sent(lambda request: Reply(body={"done": False}), [], create, find=None)


def test_what_the_target_promises_is_read_from_the_spec() -> None:
    with target(Erp(), at_once=4) as writer:
        assert writer.guarantee is Guarantee.LOOKUP
        assert writer.settle == timedelta(minutes=2)
        assert (writer.one_at_a_time, writer.at_once, writer.can_undo) == ("G", 1, True)
    with target(Erp(), POLLED, None, at_once=4) as writer:
        assert (writer.one_at_a_time, writer.at_once, writer.can_undo) == (None, 4, False)
        with pytest.raises(SetupError, match="no `find`"):
            writer.find(document())


@pytest.mark.parametrize(
    ("create", "find", "compare", "says"),
    [
        (CREATE.replace("name: new_line", "name: save"), FIND, [], "Two steps are called `save`"),
        (CREATE.replace("commits: true", "commits: false"), FIND, [], "No step says `commits: true`"),
        (CREATE.replace("expect: ran\n", "poll: {until: ran}\n"), FIND, [], "commits and polls"),
        (CREATE.replace("keep: {ds: ds, id: id}", "keep: {document: ds}"), FIND, [], "`document` can't be kept"),
        (CREATE.replace("as: line", "as: need"), FIND, [], "`need` can't be kept"),
        (CREATE, None, [], "needs `find`"),
        (CREATE, FIND.replace("ours: found.Comment == marker\n", ""), [], "to say `ours`"),
        (CREATE, FIND, ["Vendor"], "`Vendor` can't be compared"),
    ],
)
def test_what_can_not_work_is_refused_before_anything_runs(create: str, find: Any, compare: Any, says: str) -> None:
    with pytest.raises(SetupError, match=says), target(Erp(), create, find, compare=compare):
        pass
