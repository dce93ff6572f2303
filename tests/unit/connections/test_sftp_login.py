"""Who gets in, to whom we talk, and what is said when it does not work."""

from __future__ import annotations

import base64
import logging
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.connections.host_keys import fingerprint
from engine.connections.sftp import Sftp, scan_host_key
from engine.errors import SetupError, TransientError
from engine.sandbox.faults import Fault
from engine.sandbox.sftp_keys import make_private_key, public_line, read_key
from engine.sandbox.sftp_server import SftpServer


@pytest.fixture
def server() -> Iterator[SftpServer]:
    with SftpServer(folders=["/outbound"]) as server:
        yield server


def connect(server: SftpServer, **changes: object) -> None:
    with Sftp(server.settings(**changes), sleep=lambda seconds: None) as files:
        files.scan("/outbound")


def logins(server: SftpServer) -> list[tuple[str, str]]:
    return [(effect.what, effect.detail["method"]) for effect in server.history.effects("auth.*")]


def test_the_right_password_gets_in(server: SftpServer) -> None:
    connect(server)
    assert logins(server) == [("auth.accepted", "password")]


def test_the_right_key_gets_in_without_sending_the_password(server: SftpServer) -> None:
    connect(server, private_key=server.private_key)
    assert logins(server) == [("auth.accepted", "publickey")]


def test_a_wrong_password_is_a_setup_error_that_names_user_and_server(server: SftpServer) -> None:
    with pytest.raises(SetupError, match=r"refused the login of `mlconnector`.*password") as caught:
        connect(server, password="not the password")
    assert f"127.0.0.1:{server.port}" in str(caught.value)
    assert "not the password" not in str(caught.value)
    assert logins(server) == [("auth.refused", "password")]


def test_a_wrong_key_is_a_setup_error_that_points_at_the_key(server: SftpServer) -> None:
    with pytest.raises(SetupError, match="private key"):
        connect(server, private_key=make_private_key(), password=None)


def test_a_wrong_user_is_refused(server: SftpServer) -> None:
    with pytest.raises(SetupError, match="`somebody`"):
        connect(server, username="somebody")


def test_no_credential_at_all_is_noticed_before_connecting(server: SftpServer) -> None:
    with pytest.raises(SetupError, match="no `password` and no `private_key`"):
        connect(server, password=None)


def test_settings_do_not_show_secrets(server: SftpServer) -> None:
    shown = repr(server.settings(private_key=server.private_key, passphrase="a passphrase"))
    assert server.password not in shown
    assert "a passphrase" not in shown
    assert "BEGIN" not in shown


@pytest.mark.parametrize("form", ["line", "known_hosts", "fingerprint", "several"])
def test_every_form_of_the_right_pin_lets_us_in(server: SftpServer, form: str) -> None:
    line = server.host_key_line
    pin = {
        "line": line,
        "known_hosts": f"[127.0.0.1]:{server.port} {line}",
        "fingerprint": fingerprint(base64.b64decode(line.split()[1])),
        "several": f"{public_line(read_key(make_private_key()))}\n{line}",
    }[form]
    connect(server, host_key=pin)


@pytest.mark.parametrize("form", ["line", "fingerprint", "revoked"])
def test_another_host_key_stops_everything_before_a_credential_is_sent(server: SftpServer, form: str) -> None:
    stranger = public_line(read_key(make_private_key()))
    pin = {
        "line": stranger,
        "fingerprint": fingerprint(base64.b64decode(stranger.split()[1])),
        "revoked": f"{server.host_key_line}\n@revoked * {server.host_key_line}",
    }[form]
    shown = fingerprint(base64.b64decode(server.host_key_line.split()[1]))
    with pytest.raises(SetupError, match=r"Nothing was sent") as caught:
        connect(server, host_key=pin)
    assert shown in str(caught.value)
    assert logins(server) == []


def test_a_pin_of_another_type_stops_before_a_credential_is_sent(server: SftpServer) -> None:
    body = struct.pack(">I", 7) + b"ssh-rsa" + struct.pack(">I", 3) + b"\1\0\1" + struct.pack(">I", 5) + b"\0abcd"
    with pytest.raises(SetupError, match=r"no host key of the pinned type `ssh-rsa`.*`ssh-ed25519`"):
        connect(server, host_key=f"ssh-rsa {base64.b64encode(body).decode()}")
    assert logins(server) == []


def test_a_host_key_changed_between_two_connections_is_noticed(server: SftpServer) -> None:
    with Sftp(server.settings(), sleep=lambda seconds: None) as files:
        files.scan("/outbound")
        server.replace_host_key()
        server.cut()
        with pytest.raises(SetupError, match="another host key"):
            files.scan("/outbound")
    assert logins(server) == [("auth.accepted", "password")]


def test_the_stand_in_can_be_told_to_change_its_key(server: SftpServer) -> None:
    settings = server.settings()
    server.faults.add(Fault(kind="changed_host_key"))
    with Sftp(settings) as files, pytest.raises(SetupError, match="another host key"):
        files.scan("/outbound")


def test_no_pin_tells_how_to_get_one(server: SftpServer) -> None:
    with pytest.raises(SetupError, match="show-host-key"):
        connect(server, host_key="")


def test_scan_host_key_shows_the_key_without_logging_in(server: SftpServer) -> None:
    kind, key, shown = scan_host_key(server.host, server.port)
    assert f"{kind} {key}" == server.host_key_line
    assert shown == fingerprint(base64.b64decode(key))
    assert logins(server) == []


@contextmanager
def raw_server(*answers: bytes) -> Iterator[int]:
    """Sends each visitor the next of `answers` and then keeps silent until the visitor leaves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answer in answers:
                visitor, _ = listener.accept()
                with visitor:
                    visitor.sendall(answer)
                    while True:
                        try:
                            if not visitor.recv(4096):
                                break
                        except OSError:
                            break

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def greeting(host_key_types: bytes) -> bytes:
    lists = [b"curve25519-sha256@libssh.org", host_key_types, b"aes128-ctr", b"aes128-ctr", b"hmac-sha2-256"]
    lists += [b"hmac-sha2-256", b"none", b"none", b"", b""]
    body = b"\x14" + os.urandom(16) + b"".join(struct.pack(">I", len(one)) + one for one in lists) + b"\0" * 5
    padding = 8 - (len(body) + 5) % 8 + 8
    packet = struct.pack(">IB", len(body) + padding + 1, padding) + body + b"\0" * padding
    return b"SSH-2.0-legacy\r\n" + packet


def test_a_server_with_nothing_but_ssh_rsa_is_named_with_the_way_out(server: SftpServer) -> None:
    answer = greeting(b"ssh-rsa,ssh-dss")
    with (
        raw_server(answer, answer) as port,
        pytest.raises(SetupError, match=r"only offers `ssh-rsa`, `ssh-dss`.*SHA-1"),
    ):
        connect(server, port=port)


def test_a_server_that_accepts_and_never_speaks_is_given_up_in_time(server: SftpServer) -> None:
    with raw_server(b"", b"", b"") as port, pytest.raises(TransientError, match="handshake"):
        connect(server, port=port, connect_timeout=0.2)


def test_a_server_that_is_no_ssh_server_is_given_up(server: SftpServer) -> None:
    with raw_server(*[b"220 ftp.example.com FTP ready\r\n"] * 3) as port, pytest.raises(TransientError, match="SSH"):
        connect(server, port=port, connect_timeout=0.2)


def test_a_closed_port_is_tried_again_and_then_transient() -> None:
    waits: list[float] = []
    with SftpServer() as server:
        settings = server.settings()
    with Sftp(settings, sleep=waits.append) as files, pytest.raises(TransientError, match="can't be reached"):
        files.scan("/outbound")
    assert len(waits) >= 2
    assert all(0 < wait < 1 for wait in waits)


def test_this_machine_is_reached_only_where_that_is_allowed(server: SftpServer) -> None:
    with pytest.raises(SetupError, match="this machine itself"):
        connect(server, allow_loopback=False)
    with pytest.raises(SetupError, match="this machine itself"):
        scan_host_key(server.host, server.port, allow_loopback=False)
    assert logins(server) == []


@pytest.mark.parametrize("host", ["169.254.169.254", "fe80::1%1"])
def test_metadata_and_link_local_addresses_are_never_reached(server: SftpServer, host: str) -> None:
    with pytest.raises(SetupError, match="nothing is sent there"):
        connect(server, host=host, host_key=server.host_key_line)


def test_nothing_of_the_ssh_library_reaches_the_log(server: SftpServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SetupError):
        connect(server, password="not the password")
    assert caplog.records == []
