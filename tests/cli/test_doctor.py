"""`doctor`: what is wrong with a machine or a workspace is named with what to do, and nothing is changed by looking."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace

import pytest

from engine.desk.doctor import examine
from engine.desk.doctor_machine import mounts, packages
from engine.run.seams import Seams, utc_now
from engine.state import inspection
from engine.state.database import open_database
from engine.state.locks import flow_lock
from tests.postgres import NoPostgres, fresh_database, running_server


@pytest.fixture
def worked(desk):
    """A workspace in which something was done."""
    desk.place("a.csv", "1,10.50")
    assert desk.at("run", desk.spec).exit_code == 0
    return desk


def findings(desk, *words, **more):
    result = desk.at("doctor", "--format", "json", *words, **more)
    told = json.loads(result.stdout)
    assert told["exit_code"] == result.exit_code
    assert all(one["advice"] for one in told["findings"] if one["state"] != "ok")
    return result.exit_code, {one["name"]: one for one in told["findings"]}


def state(desk):
    """Every file of the workspace with its content and time."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in desk.folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_a_workspace_in_order(worked):
    before = state(worked)
    code, found = findings(worked)

    assert code == 0
    assert {one["state"] for one in found.values()} == {"ok"}
    assert found.keys() >= {
        "python", "packages", "clock", "time zones", "disk", "file system", "workspace", "database", "durability", "key",
        "locks", "last run", "trail",
    }  # fmt: skip
    assert found["durability"]["detail"] == "journal_mode=wal, synchronous=2"
    assert "books/invoices" in found["last run"]["detail"]
    assert state(worked) == before


def test_the_key_is_told_by_its_id_and_source_and_never_shown(worked):
    key = (worked.folder / ".mlconnector.key").read_text().strip()
    _, by_file = findings(worked)
    (worked.folder / ".mlconnector.key").unlink()
    result = worked.at("doctor", environ={"MLCONNECTOR_KEY": key})

    assert ".mlconnector.key" in by_file["key"]["detail"]
    assert "from MLCONNECTOR_KEY, opens this state" in result.stdout
    assert key not in result.output + json.dumps(by_file)


def test_no_workspace_is_told_and_not_made(desk):
    code, found = findings(desk)

    assert (code, found["workspace"]["state"]) == (0, "warn")
    assert not (desk.folder / ".mlconnector").exists()


def test_a_lost_key(worked):
    (worked.folder / ".mlconnector.key").unlink()
    code, found = findings(worked)

    assert (code, found["key"]["state"]) == (2, "fail")


def test_files_open_to_others(worked):
    (worked.folder / ".mlconnector.key").chmod(0o644)
    code, found = findings(worked)

    assert (code, found["workspace"]["state"]) == (2, "fail")
    assert "mode 0644" in found["workspace"]["detail"]


def test_a_state_that_is_none(worked):
    for path in (worked.folder / ".mlconnector").glob("state.db*"):
        path.write_text("this is no database, and long enough to be read as one")
    code, found = findings(worked)

    assert (code, found["state"]["state"]) == (2, "fail")


def test_an_older_state_is_told_and_not_upgraded(worked):
    file = worked.folder / ".mlconnector" / "state.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    code, found = findings(worked)

    assert (code, found["database"]["state"]) == (0, "warn")
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)


def test_a_trail_cut_short_or_changed(worked):
    file = worked.folder / ".mlconnector" / "state.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE trail SET actor = 'nobody' WHERE n = 2")
    assert findings(worked)[1]["trail"]["state"] == "ok", "only the head is looked at"
    assert findings(worked, "--full")[1]["trail"]["state"] == "fail"

    with closing(sqlite3.connect(file)) as database, database:
        database.execute("DELETE FROM trail WHERE n = (SELECT max(n) FROM trail)")
    code, found = findings(worked)
    assert (code, found["trail"]["state"]) == (2, "fail")


def test_who_is_at_work(worked):
    database = open_database(None, worked.folder)
    with flow_lock(database, "default", "books/invoices"):
        _, at_work = findings(worked)
    database.close()
    _, after = findings(worked)

    assert "books-invoices by process" in at_work["locks"]["detail"]
    assert after["locks"]["detail"] == "nobody is at work"


def test_a_clock_that_went_back(worked):
    seams = Seams(environ={}, clock=lambda: utc_now() - timedelta(hours=3))
    text, code = examine(workspace=worked.folder, tenant="default", env_file=None, full=False, form="json", seams=seams)

    found = {one["name"]: one for one in json.loads(text)["findings"]}
    assert (code, found["last run"]["state"]) == (2, "fail")
    assert "in the future" in found["last run"]["detail"]


def test_a_clock_that_was_never_set(desk):
    seams = Seams(environ={}, clock=lambda: utc_now().replace(year=1970))
    text, code = examine(workspace=desk.folder, tenant="default", env_file=None, full=False, form="text", seams=seams)

    assert code == 2
    assert "fail  clock: 1970" in text


@pytest.mark.parametrize(
    ("required", "says"),
    [
        ("click<3,>=2", "click is 8"),
        ("no-such-package>=1", "no-such-package is missing"),
        ("click!=8,>=99.0.1", "needs !=8,>=99.0.1"),
    ],
)
def test_packages_that_do_not_fit(required, says):
    (found,) = packages([required])

    assert found.state == "fail"
    assert says in found.detail


def test_extras_and_fitting_packages_are_fine():
    (found,) = packages(["click>=8.2,<9", 'psycopg[binary]>=99; extra == "postgres"', "tzdata>=2025.1"])

    assert found.state == "ok"


@pytest.mark.parametrize(
    ("kind", "url", "state"),
    [("ext4", "", "ok"), ("nfs4", "", "fail"), ("cifs", "", "fail"), ("nfs4", "postgresql://db/x", "warn")],
)
def test_a_network_share_is_no_place_for_sqlite(tmp_path, kind, url, state):
    table = tmp_path / "mounts"
    table.write_text(f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path.resolve()} {kind} rw 0 0\n")
    (found,) = mounts(tmp_path, {"MLCONNECTOR_DATABASE_URL": url}, table)

    assert found.state == state


@pytest.fixture(scope="module")
def server():
    try:
        with running_server() as address:
            yield address
    except NoPostgres as error:
        pytest.skip(str(error))


class Pooled:
    """What a pooler of transactions makes of a session: each statement may meet another one."""

    def __init__(self, engine):
        self.engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.open = []

    def execute(self, *words):
        self.open.append(self.engine.connect())
        return self.open[-1].execute(*words)

    def close(self):
        for connection in self.open:
            connection.close()


def test_a_shared_database(server, desk):
    with fresh_database(server, "doctor") as url:
        open_database(url, desk.folder).close()
        environ = {"MLCONNECTOR_DATABASE_URL": url}
        _, found = findings(desk, environ=environ)
        database = open_database(url, desk.folder)
        with flow_lock(database, "default", "books/invoices"):
            _, at_work = findings(desk, environ=environ)
        pooled = SimpleNamespace(session=lambda: Pooled(database.engine))
        held = inspection.session_lock_holds(database), inspection.session_lock_holds(pooled)
        database.close()

    assert found["database"]["detail"].startswith("PostgreSQL")
    assert found["session locks"]["state"] == "ok"
    assert found["database clock"]["state"] == "ok"
    assert found["durability"]["state"] == "fail", "the test server runs without fsync, and doctor sees it"
    assert found["locks"]["detail"] == "nobody is at work"
    assert "process" in at_work["locks"]["detail"]
    assert held == (True, False)


def test_no_secret_is_told(worked):
    worked.at("secrets", "set", "a.b", input="hunter2-hunter2")

    assert "hunter2" not in worked.at("doctor", "--full").output
