"""Opening: durable or not at all, the right version or not at all."""

import subprocess
import sys
import traceback

import pytest
from sqlalchemy import inspect, text

from engine.errors import SetupError, TransientError, UsageError
from engine.state import schema
from engine.state.database import open_database
from engine.state.tables import metadata


def test_sqlite_is_set_for_power_cuts(home):
    with home.database.look() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        ]
    assert found == ["wal", 2, 60_000]


def test_postgres_commits_are_synchronous_and_plain_addresses_work(postgres_url, tmp_path):
    database = open_database(postgres_url.replace("+psycopg", ""), tmp_path)
    with database.look() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
    assert not (tmp_path / ".mlconnector").exists()
    database.close()


def test_a_second_opening_finds_everything_and_does_not_load_alembic(home):
    code = (
        "import sys; from pathlib import Path; from engine.state.database import open_database\n"
        f"open_database(None, Path({str(home.workspace)!r})).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_database_from_the_future_is_left_alone(new_house):
    new_house.sql("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(UsageError, match="newer mlconnector"):
        open_database(new_house.url, new_house.workspace)


def empty(database):
    with database.write() as connection:
        metadata.drop_all(connection)
        connection.execute(text("DELETE FROM alembic_version"))


def test_the_migrations_lead_to_the_tables_the_code_knows(new_house):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    empty(new_house.database)
    assert schema.upgrade(new_house.database) == schema.VERSIONS[-1]
    with new_house.database.write() as connection:
        options = {"compare_server_default": not new_house.database.is_sqlite}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        assert set(metadata.tables) <= set(inspect(connection).get_table_names())


def test_the_list_of_versions_is_that_of_the_scripts():
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(schema._MIGRATIONS))
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == schema.VERSIONS


def test_every_table_has_a_tenant():
    assert all("tenant" in table.c for table in metadata.tables.values())


def test_addresses_that_cant_work_say_why(tmp_path):
    with pytest.raises(UsageError, match="memory"):
        open_database("sqlite://", tmp_path)
    with pytest.raises(UsageError, match="not supported"):
        open_database("mysql://x/y", tmp_path)
    with pytest.raises(UsageError, match="can't be read"):
        open_database("nonsense", tmp_path)
    with pytest.raises((TransientError, SetupError), match="state database"):
        open_database(f"postgresql://u@/none?host={tmp_path}", tmp_path)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:s3cretpw@127.0.0.1:1/state",
        "postgresql://user:s3cretpw@127.0.0.1:1/state?unheard_of=1",
        "postgresql://user:s3cretpw@127.0.0.1:99999/state",
        "postgresql://user:be@s3cretpw@127.0.0.1:1/state",
        "postgresql://user:be@s3:cretpw@127.0.0.1:1/state",
        "postgresql://user:s3cretpw@127.0.0.1:1,127.0.0.2:1/state",
        "postgresql://user@/state?password=s3cretpw&port=many",
        "user:s3cretpw@127.0.0.1/state",
        "mysql://user:s3cretpw@127.0.0.1/state",
    ],
)
def test_no_error_about_an_address_shows_its_password(address, tmp_path):
    """Not its message, nor what --debug adds."""
    with pytest.raises((TransientError, SetupError, UsageError)) as told:
        open_database(address, tmp_path)
    assert "cretpw" not in "".join(traceback.format_exception(told.value))


def test_an_option_nobody_knows_is_not_taken_for_a_broken_database(server, tmp_path):
    with pytest.raises(SetupError, match="unheard_of") as told:
        open_database(f"{server.format('postgres')}&unheard_of=1", tmp_path)
    assert "backup" not in str(told.value)


def test_a_connection_whose_other_end_is_gone_is_noticed_from_both_ends(postgres_url, tmp_path):
    """Else a machine that lost its power keeps its locks for hours; a socket of this machine shows only what was asked for."""
    database = open_database(postgres_url, tmp_path)
    connection = database.session()
    asked = connection.connection.dbapi_connection.info.get_parameters()
    connection.close()
    database.close()
    assert (asked["keepalives_idle"], asked["tcp_user_timeout"]) == ("10", "30000")


def test_a_database_open_to_others_is_refused(home):
    (home.workspace / ".mlconnector" / "state.db").chmod(0o644)
    with pytest.raises(SetupError, match="chmod 600"):
        open_database(None, home.workspace)


def test_an_open_folder_is_closed_and_a_link_is_refused(tmp_path):
    (tmp_path / "a" / ".mlconnector").mkdir(parents=True, mode=0o755)
    open_database(None, tmp_path / "a").close()
    assert (tmp_path / "a" / ".mlconnector").stat().st_mode & 0o777 == 0o700
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / ".mlconnector").symlink_to(tmp_path / "a")
    with pytest.raises(SetupError, match="not a folder"):
        open_database(None, tmp_path / "b")
    (tmp_path / "a" / ".mlconnector" / "state.db").unlink()
    (tmp_path / "a" / ".mlconnector" / "state.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError, match="can't be opened"):
        open_database(None, tmp_path / "a")


def test_what_is_no_database_says_so(tmp_path):
    folder = tmp_path / ".mlconnector"
    folder.mkdir()
    (folder / "state.db").write_bytes(b"not a database at all, but long enough to be looked at" * 50)
    (folder / "state.db").chmod(0o600)
    with pytest.raises(Exception, match="not a database"):
        open_database(None, tmp_path)


def test_a_workspace_opened_twice_in_one_process_keeps_its_journal_when_another_process_leaves(tmp_path):
    """A lock on a file ends when the process closes any handle of it: opened again, the database must not be touched by hand."""
    first = open_database(None, tmp_path)
    with first.write() as connection:
        connection.execute(text("CREATE TABLE note (n INTEGER)"))
    open_database(None, tmp_path).close()
    look = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('select * from note').fetchall(); c.close()"
    )
    subprocess.run([sys.executable, "-c", look, str(tmp_path / ".mlconnector/state.db")], check=True, timeout=30)

    assert (tmp_path / ".mlconnector/state.db-wal").exists()
    with first.write() as connection:
        connection.execute(text("INSERT INTO note VALUES (1)"))
    first.close()
