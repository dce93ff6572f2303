"""The environment and the settings a run starts with: read exactly, and everything missing named at once."""

from __future__ import annotations

import pytest

from engine.desk.credentials import store_secret
from engine.errors import SetupError, UsageError
from engine.redaction import Secret
from engine.run.environment import read_environment
from engine.run.load import load
from engine.run.settings import books, fill


def write(folder, text):
    (folder / "acme.env").write_text(text, encoding="utf-8")
    return folder / "acme.env"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=value", "value"),
        ("NAME = value ", "value"),
        ("export NAME=value", "value"),
        ("NAME='a b'", "a b"),
        ('NAME="a # b"', "a # b"),
        ("NAME=a=b=c", "a=b=c"),
        ("NAME=", ""),
        ('NAME="it\'s"', "it's"),
        ("NAME='open", "'open"),
        ("NAME=münchen", "münchen"),
    ],
)
def test_a_line(tmp_path, line, value):
    assert read_environment(write(tmp_path, f"# comment\n\n{line}\n"))["NAME"] == value


def test_the_file_is_laid_over_the_process_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MLC_TEST_A", "outside")
    monkeypatch.setenv("MLC_TEST_B", "outside")

    environ = read_environment(write(tmp_path, "MLC_TEST_B=inside"))

    assert (environ["MLC_TEST_A"], environ["MLC_TEST_B"]) == ("outside", "inside")


@pytest.mark.parametrize("line", ["NAME", "1NAME=x", "NA-ME=x", "=x", "- x: y"])
def test_a_bad_line_is_told_with_its_number_and_not_its_value(tmp_path, line):
    with pytest.raises(UsageError, match=r"acme\.env:2: expected NAME=value") as error:
        read_environment(write(tmp_path, f"A=1\n{line}secret-part\n"))
    assert "secret-part" not in str(error.value)


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / "acme.env").write_bytes(b"NAME=\xff\xfe")

    with pytest.raises(UsageError, match="UTF-8"):
        read_environment(tmp_path / "acme.env")


@pytest.fixture
def needy(desk):
    """The integration with three settings from outside, one of them a secret."""
    system = desk.folder / "systems" / "partner.yaml"
    system.write_text(
        system.read_text().replace(
            "Folder}\n",
            "Folder}\n  port: {type: integer, title: Port}\n  token: {type: secret, title: Token}\n",
        )
    )
    desk.write_spec(
        lambda text: text.replace(
            "{path: {env: PARTNER_PATH}}",
            "{path: {env: PARTNER_PATH}, port: {env: PARTNER_PORT}, token: {secret: partner.token}}",
        )
    )
    return desk


def test_everything_missing_is_named_at_once(needy):
    with pytest.raises(SetupError) as error:
        fill(load(needy.spec), needy.workspace.vault, {})

    said = str(error.value)
    assert said.startswith("`books` can't start: ")
    assert "PARTNER_PATH (setting `path` of `partner`)" in said
    assert "PARTNER_PORT" in said
    assert "partner.token" in said


def test_settings_come_typed_and_secrets_closed(needy):
    store_secret(needy.workspace, "partner.token", "s3cret-token")

    settings = fill(load(needy.spec), needy.workspace.vault, {"PARTNER_PATH": "/x", "PARTNER_PORT": "22"})["partner"]

    assert (settings["path"], settings["port"]) == ("/x", 22)
    assert isinstance(settings["token"], Secret)
    assert "s3cret" not in repr(settings)


def test_an_integer_that_is_none_is_told(needy):
    store_secret(needy.workspace, "partner.token", "s3cret-token")

    with pytest.raises(SetupError, match=r"PARTNER_PORT .setting `port` of `partner`.: .*twenty-two"):
        fill(load(needy.spec), needy.workspace.vault, {"PARTNER_PATH": "/x", "PARTNER_PORT": "twenty-two"})


def test_books_are_the_system_and_the_settings_it_names(desk):
    system = load(desk.spec).systems["partner"]

    assert books(system, {"path": "/x"}) == ("partner", "/x")
    assert books(system, {}) == ("partner", "")
