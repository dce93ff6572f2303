"""The queue's tables: made, brought up to date from any version they were, and used in our own transactions."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from engine.errors import SetupError
from engine.state import queue
from engine.state.database import open_database

FUNCTIONS = f"""
    SELECT p.proname, pg_get_function_identity_arguments(p.oid) FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = '{queue.SCHEMA}' ORDER BY 1, 2
"""
COLUMNS = f"""
    SELECT table_name, column_name, udt_name FROM information_schema.columns
    WHERE table_schema = '{queue.SCHEMA}' AND table_name <> 'applied' ORDER BY 1, 2
"""
LIVE = "03.00"
"""A queue that was made by the first release of its present line."""


@pytest.fixture
def database(postgres_url, tmp_path):
    found = open_database(postgres_url, tmp_path)
    yield found
    found.close()


def seen(database, asked):
    with database.look() as connection:
        return [tuple(row) for row in connection.execute(text(asked))]


def made_by(database, version):
    """The queue's tables as an older version left them."""
    old = [step for step in queue.packaged().steps if step < version]
    with database.write() as connection:
        connection.execute(text(f"CREATE SCHEMA {queue.SCHEMA}"))
        connection.execute(
            text(f"CREATE TABLE {queue.SCHEMA}.applied (step text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())")
        )
    for step in old:
        with database.write() as connection, queue.within_queue(connection) as driver:
            driver.execute(queue.packaged().steps[step])
            driver.execute(f"INSERT INTO {queue.SCHEMA}.applied (step) VALUES (%s)", [step])
    return old


def test_a_new_queue_is_made_once_and_is_up_to_date(database):
    assert not queue.standing(database).there

    taken = queue.make_queue(database)

    assert taken == tuple(queue.packaged().steps)
    assert queue.standing(database) == queue.Standing(there=True)
    assert queue.make_queue(database) == queue.make_queue(database, upgrading=True) == ()


def test_an_older_queue_is_refused_and_then_upgraded_to_the_same_tables(database, server, tmp_path):
    old = made_by(database, LIVE)
    with pytest.raises(SetupError, match="run `mlconnector db upgrade` once"):
        queue.make_queue(database)

    taken = queue.make_queue(database, upgrading=True)

    assert [*old, *taken] == list(queue.packaged().steps)
    upgraded = seen(database, FUNCTIONS), seen(database, COLUMNS)
    with database.write() as connection:
        connection.execute(text(f"DROP SCHEMA {queue.SCHEMA} CASCADE"))
    queue.make_queue(database)
    assert (seen(database, FUNCTIONS), seen(database, COLUMNS)) == upgraded


def test_a_queue_of_a_newer_version_is_left_alone(database):
    queue.make_queue(database)
    with database.write() as connection:
        connection.execute(text(f"INSERT INTO {queue.SCHEMA}.applied (step) VALUES ('99.00.00_01_more.sql')"))

    with pytest.raises(SetupError, match="newer"):
        queue.make_queue(database, upgrading=True)


def test_our_own_tables_are_found_first_again_after_the_queue_was_used(database):
    queue.make_queue(database)
    with database.write() as connection:
        before = connection.execute(text("SHOW search_path")).scalar()
        with queue.within_queue(connection) as driver:
            assert driver.execute("SHOW search_path").fetchone()[0] == queue.SCHEMA
        assert connection.execute(text("SHOW search_path")).scalar() == before
