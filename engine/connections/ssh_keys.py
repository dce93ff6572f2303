"""Private keys for logging in: every format `ssh-keygen`, OpenSSL and cloud consoles hand out."""

from __future__ import annotations

import io

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from engine.errors import SetupError

_ADVICE = "it must be the whole text of a private key, from `-----BEGIN` to the `-----END` line"


def load_private_key(text: str, passphrase: str | None = None) -> paramiko.PKey:
    """A key from its text (OpenSSH, PEM or PKCS#8; plain or encrypted). Raises SetupError with what to do about it."""
    text = text.replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n"
    if text.startswith("PuTTY-User-Key-File"):
        raise SetupError(
            "the private key is in PuTTY's format (.ppk); convert it with `puttygen key.ppk -O private-openssh -o key`"
            " (or PuTTYgen: Conversions, Export OpenSSH key) and use the result"
        )
    if "PRIVATE KEY-----" not in text:
        half = "this is the public half; " if text.startswith(("ssh-", "ecdsa-", "-----BEGIN PUBLIC")) else ""
        raise SetupError(f"the private key can't be used: {half}{_ADVICE}")
    return _as_paramiko(_load(text.encode(), passphrase))


def _load(data: bytes, passphrase: str | None) -> object:
    load = load_ssh_private_key if b"BEGIN OPENSSH" in data else load_pem_private_key
    try:
        try:
            return load(data, passphrase.encode() if passphrase else None)
        except TypeError as error:
            # Raised both for a missing and for a needless passphrase; only the first is a mistake.
            if not passphrase:
                raise SetupError("the private key is encrypted; give its `passphrase` as well") from error
            return load(data, None)
    except UnsupportedAlgorithm as error:
        raise SetupError(f"the private key's kind is not supported ({error}); make an ed25519 key") from error
    except ValueError as error:
        if passphrase:
            raise SetupError("the private key can't be opened: wrong `passphrase`, or a damaged key") from error
        if b"ENCRYPTED" in data:
            raise SetupError("the private key is encrypted; give its `passphrase` as well") from error
        raise SetupError(f"the private key can't be read; {_ADVICE}") from error


def _as_paramiko(key: object) -> paramiko.PKey:
    # The SSH library reads fewer formats than `cryptography`, so every key goes through the one form it surely reads.
    kind: type[paramiko.Ed25519Key | paramiko.ECDSAKey | paramiko.RSAKey]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        kind = paramiko.Ed25519Key
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        kind = paramiko.ECDSAKey
    elif isinstance(key, rsa.RSAPrivateKey):
        kind = paramiko.RSAKey
    else:
        raise SetupError(f"the private key is of a kind no server takes any more ({type(key).__name__}); use ed25519")
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return kind.from_private_key(io.StringIO(plain))
