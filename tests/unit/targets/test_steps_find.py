"""Looking for a document: only a clear answer counts, and what is found is compared by the type of ours."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from engine.contracts import Found
from engine.errors import Refused, SetupError, TransientError
from engine.targets.steps_compare import difference, same

from .erp import GONE, LOST, Reply
from .test_steps import CREATE, FIND, Erp, document, sent, target


def written(**more: Any) -> Erp:
    erp = Erp()
    sent(erp, [])
    erp.invoices[-1] |= more
    return erp


def found(erp: Any, find: str = FIND, **more: Any) -> Found:
    with target(erp, CREATE, find, **more) as writer:
        return writer.find(document())


def test_nothing_there_is_absent() -> None:
    assert found(Erp()) == Found(matches=0)


def test_an_answer_that_says_so_is_absent() -> None:
    assert found(lambda asked: GONE) == Found(matches=0)


def test_a_document_found_is_judged() -> None:
    assert found(written(), compare=["Total", "Date"]) == Found(
        matches=1,
        whole=True,
        ours=True,
        reference="ACME/7",
        shown={"Total": Decimal("10.4"), "Date": "2026-11-02T00:00:00"},
    )


def test_somebody_elses_document_is_not_ours_and_tells_its_differences() -> None:
    there = found(written(Comment="Ann", Total=10.3, Date="2026-11-03T00:00:00"), compare=["Total", "Date"])

    assert not there.ours
    assert there.differences == (
        "`Total` is 10.3 there, 10.40 here",
        "`Date` is 2026-11-03T00:00:00 there, 2026-11-02 here",
    )


def test_a_document_without_its_lines_is_not_whole() -> None:
    assert not found(written(Lines=[{}])).whole


def test_without_ours_and_whole_a_document_is_whole_and_not_ours() -> None:
    find = "get: Invoices\nquery: {number: document.Number}\nrecords: value\n"
    create = CREATE[: CREATE.index("undo:")]
    with target(written(), create, find) as writer:
        assert writer.find(document()) == Found(matches=1, whole=True)


def test_several_documents_of_one_key_are_counted() -> None:
    erp = written()
    erp.invoices.append(dict(erp.invoices[0]))
    assert found(erp) == Found(matches=2)


@pytest.mark.parametrize(
    "reply",
    [
        LOST,
        Reply(status=500, body={}),
        Reply(raw=b"<html>Please log in</html>"),
        Reply(raw=b""),
        Reply(body={}),
        Reply(body={"value": None}),
        Reply(body={"value": [None]}),
        Reply(body={"value": {}}),
        Reply(status=429, body={}),
    ],
)
def test_a_look_that_fails_is_never_absent(reply: Reply) -> None:
    with pytest.raises(TransientError):
        found(lambda asked: reply)


def test_a_missing_member_inside_a_built_list_is_never_absent() -> None:
    with pytest.raises(TransientError, match="no records"):
        found(lambda asked: Reply(body={}), FIND.replace("records: value", 'records: "[returnObj]"'))


def test_a_look_the_system_does_not_offer_stops_the_flow() -> None:
    with pytest.raises(SetupError):
        found(lambda asked: Reply(status=404, body={}))


def test_a_document_that_can_not_be_judged_needs_a_person() -> None:
    with pytest.raises(Refused, match="can't be judged"):
        found(written(Lines=5))


def test_a_document_that_can_not_be_looked_for_needs_a_person() -> None:
    find = FIND.replace("document.Number}", '"document.Lines[0]"}')
    with pytest.raises(Refused, match="can't be looked for"):
        found(Erp(), find)


def test_settings_are_seen_by_what_judges() -> None:
    assert not found(written(), FIND.replace("found.Comment == marker", "found.Comment == need.group")).ours
    assert found(written(Comment="G"), FIND.replace("found.Comment == marker", "found.Comment == need.group")).ours


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (Decimal("10.3"), Decimal("10.30")),
        (10, Decimal("10.00")),
        ("10.30", Decimal("10.3")),
        (12, 12),
        ("12", 12),
        ("2026-11-02T00:00:00", date(2026, 11, 2)),
        ("2026-11-02T23:30:00-05:00", date(2026, 11, 2)),
        ("2026-11-02", date(2026, 11, 2)),
        ("2026-11-02T10:00:00Z", datetime(2026, 11, 2, 5, tzinfo=timezone(timedelta(hours=-5)))),
        (True, True),
        ("true", True),
        ("False", False),
        ("00123", "00123"),
        (123, "123"),
        (None, None),
        ("", None),
        (None, ""),
    ],
)
def test_values_that_mean_the_same(there: Any, here: Any) -> None:
    assert same(there, here)
    assert difference("Field", there, here) is None


@pytest.mark.parametrize(
    ("there", "here", "says"),
    [
        (Decimal("10.30"), Decimal("10.40"), "`Field` is 10.30 there, 10.40 here"),
        ("abc", Decimal(1), "`Field` is abc there, 1 here"),
        ("NaN", Decimal(1), "`Field` is NaN there, 1 here"),
        (None, Decimal(0), "`Field` is empty there, 0 here"),
        (0, None, "`Field` is 0 there, empty here"),
        ("123", "00123", "`Field` is 123 there, 00123 here"),
        ("acme", "ACME", "`Field` is acme there, ACME here"),
        (True, "true", "`Field` is true there, true here"),
        (1, True, "`Field` is 1 there, true here"),
        (True, 1, "`Field` is true there, 1 here"),
        (20261102, date(2026, 11, 2), "`Field` is 20261102 there, 2026-11-02 here"),
        ("2026-11-02T10Z", datetime(2026, 11, 2, 11, tzinfo=UTC), "`Field` is 2026-11-02T10Z there, 2026-11-02T11:00:00+00:00 here"),
    ],
)  # fmt: skip
def test_values_that_differ_say_so(there: Any, here: Any, says: str) -> None:
    assert difference("Field", there, here) == says
