"""Messages arrive by mail and by web, are tried again until they do, and show nothing of where they go."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from datetime import timedelta
from email import message_from_bytes, policy
from itertools import pairwise

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from engine.errors import SetupError, TransientError
from engine.redaction import Redactor
from engine.service.alerts.addresses import open_address
from engine.service.alerts.office import Office
from engine.service.alerts.sending import post
from engine.state import messages
from engine.state.tables import metadata

PASSWORD = "s3cret-of-the-mailbox"


class Mailbox:
    """What a mail server took."""

    def __init__(self):
        self.got = []

    async def handle_DATA(self, _server, _session, envelope):
        self.got.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def mailbox():
    box = Mailbox()
    box.port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def locked():
    """A mail server that refuses every login, and repeats what it was given."""

    def refuse(_server, _session, _envelope, _mechanism, given):
        said = f"535 5.7.8 no entry for {given.login.decode()} with {given.password.decode()}"
        return AuthResult(success=False, handled=False, message=said)

    port = free_port()
    controller = Controller(Mailbox(), hostname="127.0.0.1", port=port, authenticator=refuse, auth_require_tls=False)
    controller.start()
    yield port
    controller.stop()


def held(place):
    place.put("one.csv", "ACME,1,13")
    place.run()
    place.tick()


def mail(port, more=""):
    return f"mailto://127.0.0.1:{port}/ap@acme.example?from=mlconnector@acme.example{more}"


def test_a_mail_arrives_as_plain_text(place, mailbox):
    place.workspace.vault.set("alerts.team", mail(mailbox.port))
    held(place)
    place.tick(minutes=16)

    (got,) = mailbox.got
    assert got["Subject"] == "mlconnector: 1 thing needs you (books)"
    assert got.get_content_type() == "text/plain"
    assert "1. invoices: a document is held, 13 in all\n   Since: Mon 02 Nov 07:00 UTC\n" in got.get_content().replace(
        "\r\n", "\n"
    )


def test_several_addresses_in_one_secret(place, sink, mailbox):
    place.workspace.vault.set("alerts.team", f"{sink.address}\n{mail(mailbox.port)}\n")
    held(place)
    place.tick(minutes=16)
    assert (len(sink.got), len(mailbox.got)) == (1, 1)


def test_one_address_that_fails_holds_up_no_other(place, sink, mailbox):
    sink.status = 503
    place.workspace.vault.set("alerts.team", f"{sink.address} {mail(mailbox.port)}")
    held(place)
    place.tick(minutes=16)
    place.tick(minutes=2)
    sink.status = 200
    place.tick(minutes=6)
    place.tick(hours=1)
    assert (len(sink.got), len(mailbox.got)) == (1, 1)


def test_the_address_may_come_from_the_environment(place, sink):
    place.say("{secret: alerts.team}", "{env: TEAM}")
    office = Office(workspace=place.workspace, seams=place.seams, firings=place.parts.firings)
    integration = place.shelf.integrations["books"]
    with pytest.raises(SetupError, match="environment variable TEAM, where an alert goes, is not set"):
        office.deliver(integration, "team", 0, "a", "b")
    place.seams.environ["TEAM"] = sink.address
    office.deliver(integration, "team", 0, "a", "b")
    assert sink.subjects == ["a"]


def test_what_fails_is_tried_again_with_growing_pauses_for_a_day(place, sink):
    sink.status = 500
    held(place)
    place.tick(minutes=16)
    tried = [place.clock.now]
    while (message := place.messages()[0]).state == "waiting":
        place.clock.now = message.not_before - timedelta(seconds=1)
        place.tick()
        assert len(sink.paths) == len(tried)
        place.tick(seconds=1)
        tried.append(place.clock.now)
    pauses = [round((b - a).total_seconds() / 60) for a, b in pairwise(tried)]
    assert pauses[:4] == [1, 5, 15, 60]
    assert set(pauses[4:]) == {60}
    assert 23 <= (tried[-1] - tried[0]).total_seconds() / 3600 <= 24

    assert (message.state, message.tries) == ("failed", len(tried))
    assert "`json` did not take the message" in message.error
    assert place.events().count("alert not sent") == 1
    assert sink.got == []


def test_it_is_sent_once_when_it_works_again(place, sink):
    sink.status = 500
    held(place)
    place.tick(minutes=16)
    assert [(m.state, m.tries) for m in place.messages()] == [("waiting", 1)]
    sink.status = 200
    place.tick(seconds=50)
    assert sink.got == []
    place.tick(seconds=15)
    place.tick(hours=2)
    assert [(m.state, m.tries, m.error) for m in place.messages()] == [("sent", 2, "")]
    assert len(sink.got) == 1


def test_a_message_a_dead_process_had_in_hand_is_sent_by_another(place, sink):
    held(place)
    place.clock.move(minutes=16)
    office = Office(workspace=place.workspace, seams=place.seams, firings=place.parts.firings)
    office.tell(place.shelf.integrations["books"])
    (message,) = messages.due(place.workspace.desk, "books")
    assert messages.take(place.workspace.desk, message)
    place.tick(minutes=4)
    assert sink.got == []
    place.tick(minutes=2)
    assert len(sink.got) == 1


def test_a_redirect_is_not_followed(place, sink):
    sink.status = 302
    held(place)
    place.tick(minutes=16)
    assert len(sink.paths) == 1
    assert place.messages()[0].state == "waiting"


def test_a_secret_that_is_missing_keeps_the_message_until_it_is_there(place, sink):
    address = sink.address
    place.workspace.vault.remove("alerts.team")
    held(place)
    place.tick(minutes=16)
    assert "The secret `alerts.team` is not in the vault" in place.messages()[0].error
    place.workspace.vault.set("alerts.team", address)
    place.tick(minutes=2)
    assert len(sink.got) == 1


def test_a_server_that_says_nothing_has_an_end():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = open_address(f"json://127.0.0.1:{server.getsockname()[1]}", Redactor())
        started = time.monotonic()
        with pytest.raises(TransientError, match=r"`json` gave no answer within 0\.2 s"):
            post(address, "a", "b", Redactor(), deadline=0.2)
        assert time.monotonic() - started < 2
        left = [thread for thread in threading.enumerate() if thread.name == "alert"]
        assert [thread.daemon for thread in left] == [True]
        server.accept()[0].close()
    left[0].join(10)


@pytest.mark.parametrize("scheme", ["syslog", "dbus", "gnome", "macosx", "windows", "kde", "blink1"])
def test_what_stays_on_this_machine_is_refused(scheme):
    with pytest.raises(SetupError, match=f"`{scheme}` addresses stay on this machine"):
        open_address(f"{scheme}://", Redactor())


@pytest.mark.parametrize("text", ["no address", "exec:///bin/sh", "file:///etc/passwd", "json://", "smb://x/y"])
def test_what_is_no_address_is_refused_without_showing_it(text):
    with pytest.raises(SetupError, match="can't be read") as error:
        open_address(text, Redactor())
    assert text not in str(error.value)


@pytest.mark.parametrize(
    ("address", "allowed", "reason"),
    [
        ("json://hooks.acme.example/x", "*.partner.example", "`hooks.acme.example`, which MLCONNECTOR_ALLOW_HOSTS"),
        ("mailto://ap:pa55word@gmail.com", "gmail.com", "`smtp.gmail.com`, which MLCONNECTOR_ALLOW_HOSTS"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "*.example", "a host `slack` does not name"),
        ("json://169.254.169.254/x", "", "link-local or cloud metadata"),
    ],
)
def test_addresses_follow_the_operators_list_of_hosts(address, allowed, reason):
    with pytest.raises(SetupError, match=reason):
        open_address(address, Redactor(), tuple(allowed.split()))


def test_an_allowed_host_is_sent_to(sink):
    address = open_address(sink.address, Redactor(), ("127.0.0.*",))
    post(address, "a", "b", Redactor())
    assert sink.bodies == ["b"]


def everything_kept(place):
    """Every text in the database, and every file beside it."""
    kept = []
    with place.workspace.database.look() as connection:
        for table in metadata.sorted_tables:
            kept += [
                str(value)
                for row in connection.execute(table.select())
                for value in row
                if not isinstance(value, bytes)
            ]
    return "\n".join(kept)


def test_a_refused_login_shows_no_secret(place, locked, caplog, capsys):
    """The server repeats name and password in its refusal: neither is in the log, the trail, the row or the error."""
    caplog.set_level(logging.DEBUG)
    place.workspace.vault.set("alerts.team", mail(locked, "").replace("//", f"//teller:{PASSWORD}@"))
    held(place)
    place.tick(minutes=16)

    (message,) = place.messages()
    assert message.state == "waiting"
    assert "535" in message.error
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("mail.")]
    shown = "\n".join([everything_kept(place), *ours, *capsys.readouterr()])
    for secret in (PASSWORD, "teller", "mlconnector@acme.example", "ap@acme.example"):
        assert secret not in shown, secret


def test_an_address_is_shown_nowhere(place, sink, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    sink.status, sink.answer = 403, json.dumps({"error": f"bad token in {sink.address}"})
    held(place)
    place.tick(minutes=16)
    sink.status = 200
    place.tick(minutes=2)

    assert len(sink.got) == 1
    shown = "\n".join([everything_kept(place), caplog.text, *capsys.readouterr(), *sink.bodies])
    for secret in ("T0KEN-1234567890abc", "s3cret-of-the-sink", "teller", sink.address):
        assert secret not in shown, secret


def test_secrets_in_a_reason_are_masked(place, sink):
    place.redactor.add("hunter2-hunter2")
    place.say("Nobody is no vendor", "The key is hunter2-hunter2")
    place.put("one.csv", "NOBODY,1,7")
    place.run()
    place.tick()
    place.tick(minutes=16)
    assert "The key is ***" in sink.bodies[0]
    assert "hunter2" not in everything_kept(place)
