"""`doctor` about a service: who is alive, whether people hear of what is wrong, and what the specs lack."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from engine.redaction import Redactor
from engine.run.seams import Seams, utc_now
from engine.run.workspace import open_workspace
from engine.state.codec import stamp
from engine.state.firings_workers import seen
from engine.state.tables_service import message, worker


@pytest.fixture
def worked(desk):
    desk.place("a.csv", "1,10.50")
    assert desk.at("run", desk.spec).exit_code == 0
    return desk


def opened(desk):
    return open_workspace(desk.folder, seams=Seams(environ={}), redactor=Redactor(), actor="test")


def finding(desk, name, *words, code=None):
    result = desk.at("doctor", "--format", "json", *words)
    told = json.loads(result.stdout)
    found = next(one for one in told["findings"] if one["name"] == name)
    assert bool(found["advice"]) is (found["state"] != "ok")
    assert code is None or result.exit_code == code
    return found


def test_without_a_service_nothing_is_wrong(worked):
    assert finding(worked, "service", code=0)["detail"] == "nobody serves: flows run when somebody starts them"


def test_who_serves_is_told(worked):
    with opened(worked) as workspace:
        seen(workspace.desk, "host:12", "serve", "books/invoices")

    found = finding(worked, "service", code=0)

    assert found["state"] == "ok"
    assert found["detail"].startswith("serve host:12, seen 20")


def test_one_of_two_that_is_silent_is_a_warning_and_all_of_them_a_failure(worked):
    old = stamp(utc_now() - timedelta(minutes=10))
    with opened(worked) as workspace:
        for owner in ("host:12", "host:13"):
            seen(workspace.desk, owner, "worker", "")
        with workspace.database.write() as connection:
            connection.execute(update(worker).where(worker.c.owner == "host:13").values(seen_at=old))
        one = finding(worked, "service", code=0)
        with workspace.database.write() as connection:
            connection.execute(update(worker).values(seen_at=old))
        every = finding(worked, "service", code=2)

    assert (one["state"], every["state"]) == ("warn", "fail")
    assert "silent: host:13" in one["detail"]
    assert "nobody is alive" in every["detail"]
    assert "mlconnector serve" in every["advice"]


def test_messages_that_were_given_up_are_a_failure(worked):
    row = {"tenant": "default", "integration": "books", "name": "ap_team", "subject": "s", "body": "b", "state": "failed",
           "tries": 9, "error": "the server said no"}  # fmt: skip
    with opened(worked) as workspace, workspace.database.write() as connection:
        ages = (timedelta(hours=1), timedelta(days=8))
        connection.execute(
            insert(message), [row | {"id": str(age), "created_at": stamp(utc_now() - age)} for age in ages]
        )

    found = finding(worked, "alerts", code=2)

    assert (
        found["detail"] == "1 messages were not delivered in the last 7 days, the last to `ap_team`: the server said no"
    )
    assert "mlconnector alerts test" in found["advice"]


def test_a_spec_that_has_all_it_needs(worked):
    assert finding(worked, "spec books.yaml", "--spec", worked.spec, code=0)["state"] == "ok"


def test_what_a_spec_lacks_is_named(worked):
    path = Path(worked.spec)
    path.write_text(path.read_text().replace("code: {env: PARTNER_CODE}", "code: {env: NO_SUCH_VARIABLE}"))

    found = finding(worked, "spec books.yaml", "--spec", worked.spec, code=2)

    assert "NO_SUCH_VARIABLE" in found["detail"]
    assert "secrets set" in found["advice"]


def test_a_spec_with_mistakes_is_told(worked):
    worked.break_spec()

    found = finding(worked, "spec books.yaml", "--spec", worked.spec, code=2)

    assert (found["detail"], "mlconnector validate" in found["advice"]) == ("it has mistakes", True)
