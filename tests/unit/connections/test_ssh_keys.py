"""Private keys in every format in use, and what is said when one can't be opened."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from engine.connections.ssh_keys import load_private_key
from engine.errors import SetupError

ED25519 = ed25519.Ed25519PrivateKey.generate()
ECDSA = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
LOCKED = BestAvailableEncryption(b"correct horse")
PLAIN = NoEncryption()
OPENSSH, PEM, PKCS8 = PrivateFormat.OpenSSH, PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8

FORMATS: dict[str, tuple[Any, ...]] = {
    "ed25519 openssh": (ED25519, OPENSSH, PLAIN),
    "ed25519 openssh locked": (ED25519, OPENSSH, LOCKED),
    "ed25519 pkcs8": (ED25519, PKCS8, PLAIN),
    "ed25519 pkcs8 locked": (ED25519, PKCS8, LOCKED),
    "ecdsa openssh": (ECDSA, OPENSSH, PLAIN),
    "ecdsa pem locked": (ECDSA, PEM, LOCKED),
    "ecdsa pkcs8 locked": (ECDSA, PKCS8, LOCKED),
    "rsa openssh locked": (RSA, OPENSSH, LOCKED),
    "rsa pem": (RSA, PEM, PLAIN),
    "rsa pem locked": (RSA, PEM, LOCKED),
    "rsa pkcs8": (RSA, PKCS8, PLAIN),
    "rsa pkcs8 locked": (RSA, PKCS8, LOCKED),
}
LOCKED_FORMATS = [name for name in FORMATS if name.endswith("locked")]


def text_of(name: str) -> str:
    key, form, encryption = FORMATS[name]
    assert isinstance(encryption, KeySerializationEncryption)
    return key.private_bytes(Encoding.PEM, form, encryption).decode()


def public_of(name: str) -> str:
    return FORMATS[name][0].public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_key_it_holds(name: str) -> None:
    passphrase = "correct horse" if name.endswith("locked") else None
    key = load_private_key(text_of(name), passphrase)
    assert f"{key.get_name()} {key.get_base64()}" == public_of(name)


@pytest.mark.parametrize("name", LOCKED_FORMATS)
def test_a_missing_passphrase_is_asked_for(name: str) -> None:
    with pytest.raises(SetupError, match="give its `passphrase`"):
        load_private_key(text_of(name))


@pytest.mark.parametrize("name", LOCKED_FORMATS)
def test_a_wrong_passphrase_is_called_that(name: str) -> None:
    with pytest.raises(SetupError, match="wrong `passphrase`"):
        load_private_key(text_of(name), "incorrect horse")


@pytest.mark.parametrize("name", ["ed25519 openssh", "rsa pem", "rsa pkcs8"])
def test_a_needless_passphrase_does_no_harm(name: str) -> None:
    assert load_private_key(text_of(name), "needless").get_base64() in public_of(name)


@pytest.mark.parametrize("damage", [lambda text: text.replace("\n", "\\n"), lambda text: text.replace("\n", "\r\n")])
def test_line_breaks_as_environment_variables_and_windows_write_them_are_understood(damage) -> None:
    assert load_private_key(damage(text_of("ed25519 openssh"))).get_base64() in public_of("ed25519 openssh")


def test_a_putty_key_is_told_how_to_be_converted() -> None:
    with pytest.raises(SetupError, match="puttygen"):
        load_private_key("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "BEGIN"),
        ("/home/me/.ssh/id_ed25519", "BEGIN"),
        (public_of("ed25519 openssh"), "public half"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "can't be read"),
        ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----", "can't be read"),
    ],
    ids=lambda _: "text",
)
def test_what_is_no_private_key_is_refused_with_what_to_give(text: str, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        load_private_key(text)


def test_a_kind_no_server_takes_is_named() -> None:
    key = dsa.generate_private_key(1024).private_bytes(Encoding.PEM, PKCS8, PLAIN).decode()
    with pytest.raises(SetupError, match="ed25519"):
        load_private_key(key)


def test_an_error_never_shows_the_key() -> None:
    text = text_of("rsa pkcs8 locked")
    with pytest.raises(SetupError) as caught:
        load_private_key(text, "incorrect horse")
    assert not any(line in str(caught.value) for line in text.splitlines()[1:-1])
    assert "horse" not in str(caught.value)
