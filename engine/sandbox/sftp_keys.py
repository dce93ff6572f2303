"""Key pairs for a stand-in server and its visitors, made anew for every run."""

from __future__ import annotations

import io

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def make_private_key() -> str:
    """A new ed25519 private key as OpenSSH text."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def read_key(text: str) -> paramiko.Ed25519Key:
    """The key of such a text."""
    return paramiko.Ed25519Key.from_private_key(io.StringIO(text))


def public_line(key: paramiko.PKey) -> str:
    """The public half as `ssh-ed25519 AAAA…`."""
    return f"{key.get_name()} {key.get_base64()}"
