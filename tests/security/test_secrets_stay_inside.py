"""Controls 1, 4, 5, 28: canary secrets through every way a run can end; every byte that is left or shown is searched."""

from __future__ import annotations

import json
import logging

import pytest

from .stage import ALERT, PASSWORD, leaks

SECRETS = {"password": PASSWORD, "alert": ALERT}


def echoing(asked):
    """A server that repeats what must not be repeated."""
    said = f"login {asked.headers.get('authorization')} with {PASSWORD} refused"
    return (
        400,
        {"X-Echo": asked.headers.get("authorization", "")},
        json.dumps({"message": said, "password": PASSWORD}).encode(),
    )


def failing(asked):
    return echoing(asked) if asked.method == "POST" else None


ENDINGS = {
    "success": lambda _asked: None,
    "refusal": failing,
    "refused look": echoing,
    "bad login": lambda asked: (401, {}, f"no: {asked.headers['authorization']} {PASSWORD}".encode()),
    "lost answer": lambda asked: (0, {}, b"") if asked.method == "POST" else None,
    "web page": lambda asked: (200, {}, f"<html>{PASSWORD} {asked.headers['authorization']}</html>".encode()) if asked.body else None,
    "redirect with the login in it": lambda asked: (302, {"Location": f"/x?password={asked.headers['authorization'][6:]}"}, b""),
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_04_28_no_way_a_run_ends_leaves_or_shows_a_secret(stage, ending):
    """State, write-ahead log, locks, spool, archive, stdout and stderr with --debug."""
    stage.peer.answer = ENDINGS[ending]
    stage.offer_bill()
    ran = stage.cli("run", str(stage.spec), "--debug")
    assert ran.returncode in {0, 3, 4}, ran.stderr
    told = [stage.cli("audit", "--invoice", "A-1", "--format", "json"), stage.cli("held", "show", "A-1")]
    texts = [text for done in (ran, *told) for text in (done.stdout, done.stderr)]
    assert leaks(SECRETS, *texts, stage.home, stage.files) == []


def test_05_debug_logs_of_the_libraries_hold_no_secret(stage, caplog, capfd):
    """In the process, with every logger at DEBUG."""
    caplog.set_level(logging.DEBUG)
    stage.offer_bill()
    for ending in ("refusal", "bad login"):
        stage.peer.answer = ENDINGS[ending]
        stage.run()
    assert leaks(SECRETS, caplog.text, *capfd.readouterr(), stage.home) == []


def test_04_a_dry_run_shows_documents_and_no_secret(stage):
    stage.offer_bill(description=f"as agreed: {PASSWORD.replace(chr(34), '')}")
    stage.peer.answer = lambda asked: None
    ran = stage.cli("run", str(stage.spec), "--dry-run", "--debug")
    assert "A-1" in ran.stdout
    assert stage.peer.posts() == []
    assert leaks(SECRETS, ran.stdout, ran.stderr, stage.home) == []


def test_04_a_bug_in_the_middle_of_a_run_shows_no_secret(stage):
    """Settings that no code expects: the last resort catches it, with and without --debug."""
    stage.offer_bill()
    for debug in ([], ["--debug"]):
        ran = stage.cli("run", str(stage.spec), *debug, SHOP_SITE=f"http://user:{PASSWORD}@127.0.0.1:1")
        assert ran.returncode == 4
        assert leaks(SECRETS, ran.stdout, ran.stderr, stage.home) == []


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_04_validate_and_explain_do_not_know_secrets(stage, form):
    stage.change("", ("number: number", "number: nmber"))
    checked = stage.cli("validate", str(stage.spec), "--format", form)
    explained = stage.cli("explain", str(stage.spec))
    assert checked.returncode == 1
    assert leaks(SECRETS, checked.stdout, checked.stderr, explained.stdout, explained.stderr) == []


@pytest.mark.parametrize("value", ["{need: shop.password}", "{text: 'x{{ need.shop.password }}'}",
                                   "{join: [{const: x}, {need: shop.password}], with: '-'}",
                                   "{need: shop.password, type: string}", "need.shop.password",
                                   "{from: \"join('', [need.shop.password])\"}"])  # fmt: skip
def test_04_a_map_cannot_put_a_secret_into_a_document(stage, value):
    """A stranger's spec that mails the ERP's password to another system as a note on an invoice."""
    stage.change("", ("      vendor: vendor\n", f"      vendor: vendor\n      note: {value}\n"))
    stage.offer_bill()
    checked = stage.cli("validate", str(stage.spec))
    assert checked.returncode == 1, "validate accepts it"
    ran = stage.cli("run", str(stage.spec))
    assert ran.returncode == 1
    assert leaks(SECRETS, *(asked.body for asked in stage.peer.asked), ran.stdout, ran.stderr, stage.home) == []


def test_04_a_map_that_finds_another_way_to_a_setting_gets_no_secret(stage):
    """What no check of names can see is not there when the map runs."""
    stage.change("", ("      vendor: vendor\n", '      vendor: vendor\n      note: {from: "to_string([need][0])"}\n'))
    stage.offer_bill()
    ran = stage.cli("run", str(stage.spec))
    assert leaks(SECRETS, *(asked.body for asked in stage.peer.asked), ran.stdout, ran.stderr, stage.home) == []


NOTES = (
    "write: {object: shop.bills, pattern: create_once, if_exists: {compare: [date, total]}}",
    "write: {object: files.notes, pattern: append}",
)
MAP = (
    "      vendor: vendor\n      number: number\n      date: date\n      total: total\n"
    "      lines: {each: lines, map: {description: description, amount: amount}}\n"
)


@pytest.mark.parametrize("name", ["{text: 'n_{{ need.shop.password }}.csv'}", "{need: shop.password}",
                                  "{join: [{need: shop.password}, {const: .csv}], with: ''}"])  # fmt: skip
def test_04_a_file_name_cannot_hold_a_secret_of_another_system(stage, name):
    stage.change("", NOTES, (MAP, "      code: number\n      text: vendor\n"))
    stage.change("systems/files.yaml", ('{text: "notes_{{ batch }}.csv"}', name))
    stage.offer_bill()
    ran = stage.cli("run", str(stage.spec), "--debug")
    assert ran.returncode not in {0, 70}, ran.stdout + ran.stderr
    assert leaks(SECRETS, ran.stdout, ran.stderr, stage.home, stage.files) == []


def test_04_a_reference_with_a_secret_in_it_is_masked(stage):
    """A stranger's system file names its own password as the reference it gives back."""
    stage.change("systems/shop.yaml", ('"bill {{ id }}"', '"bill {{ need.password }}"'))
    stage.offer_bill()
    ran = stage.cli("run", str(stage.spec))
    shown = stage.cli("held", "show", "A-1")
    assert leaks(SECRETS, ran.stdout, ran.stderr, shown.stdout, shown.stderr, stage.home) == []


def test_01_a_secret_never_comes_from_the_command_line_or_goes_back_to_it(bare):
    done = bare.process("secrets", "set", "shop.password", stdin=PASSWORD + "\n")
    listed = bare.process("secrets", "list")
    assert done.returncode == 0
    assert "shop.password" in listed.stdout
    assert leaks(SECRETS, done.stdout, done.stderr, listed.stdout, listed.stderr, bare.home) == []
    short = bare.process("secrets", "set", "shop.pin", stdin="12345")
    assert short.returncode == 2
    assert "12345" not in short.stderr
