"""Pins in every form people have them at hand."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from engine.connections.host_keys import fingerprint, key_type, parse_pins
from engine.errors import SetupError
from engine.sandbox.sftp_keys import make_private_key, public_line, read_key

LINE = public_line(read_key(make_private_key()))
OTHER = public_line(read_key(make_private_key()))


def blob(line: str) -> bytes:
    return base64.b64decode(line.split()[1])


def hashed(name: str) -> str:
    salt = b"0123456789abcdefghij"
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        f"{LINE} somebody@somewhere",
        f"# a note\n\n  {LINE}  \n",
        f"files.example.com {LINE}",
        f"FILES.example.com,192.0.2.7 {LINE}",
        f"*.example.com {LINE}",
        f"file?.example.com {LINE}",
        f"!backup.example.com,*.example.com {LINE}",
        f"{hashed('files.example.com')} {LINE}",
        f"other.example.com {OTHER}\nfiles.example.com {LINE}",
        fingerprint(blob(LINE)),
        f"{fingerprint(blob(LINE))}=",
        f"256 {fingerprint(blob(LINE))} files.example.com (ED25519)",
        f"{OTHER}\n{LINE}",
    ],
    ids=lambda _: "pin",
)
def test_every_form_accepts_its_key_and_no_other(text: str) -> None:
    pins = parse_pins(text, "files.example.com")
    assert pins.accept(blob(LINE))
    stranger = blob(public_line(read_key(make_private_key())))
    assert not pins.accept(stranger)


@pytest.mark.parametrize("name", ["[files.example.com]:2222", hashed("[files.example.com]:2222")])
def test_an_unusual_port_is_part_of_the_name(name: str) -> None:
    assert parse_pins(f"{name} {LINE}", "files.example.com", 2222).accept(blob(LINE))
    with pytest.raises(SetupError, match="no host key is pinned"):
        parse_pins(f"{name} {LINE}", "files.example.com", 22)


@pytest.mark.parametrize(
    "text", ["", "# only a note", f"other.example.com {LINE}", f"!files.example.com,* {LINE}"], ids=lambda _: "pin"
)
def test_nothing_left_for_this_host_says_how_to_get_a_pin(text: str) -> None:
    with pytest.raises(SetupError, match="show-host-key"):
        parse_pins(text, "files.example.com")


def test_a_revoked_key_is_refused_even_when_pinned_too() -> None:
    pins = parse_pins(f"{LINE}\n{fingerprint(blob(LINE))}\n@revoked * {LINE}", "files.example.com")
    assert not pins.accept(blob(LINE))


def test_a_certificate_authority_is_refused_by_name_where_it_applies() -> None:
    with pytest.raises(SetupError, match="@cert-authority"):
        parse_pins(f"@cert-authority *.example.com {LINE}", "files.example.com")
    assert parse_pins(f"@cert-authority *.example.org {OTHER}\n{LINE}", "files.example.com").accept(blob(LINE))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", "MD5"),
        ("ssh-ed25519", "line 1 can't be read"),
        ("ssh-ed25519 not/base64!", "line 1 can't be read"),
        (f"ssh-rsa {LINE.split()[1]}", "not of type `ssh-rsa`"),
        (f"{LINE}\nnonsense", "line 2 can't be read"),
        (f"files.example.com ssh-ed25519 {'A' * 7}", "line 1 can't be read"),
        ("SHA256:tooshort", "line 1 can't be read"),
    ],
    ids=lambda _: "pin",
)
def test_a_damaged_pin_is_named_by_its_line(text: str, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        parse_pins(text, "files.example.com")


def test_types_are_known_for_whole_keys_only() -> None:
    assert parse_pins(LINE, "h").types == {"ssh-ed25519"}
    assert parse_pins(f"{LINE}\n{fingerprint(blob(OTHER))}", "h").types == frozenset()


def test_bytes_that_are_no_key_have_no_type() -> None:
    assert [key_type(data) for data in (b"", b"\0\0\0\7ssh-rsa", b"\xff\xff\xff\xff", b"\0\0\0\0x")] == [""] * 4
