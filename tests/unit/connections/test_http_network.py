"""Which machines a connection talks to: not this one, not a metadata service, not one whose certificate nobody vouches for."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import pytest

from engine.connections.exchange import Exchange, Fixed
from engine.connections.http import Http, HttpKind
from engine.connections.http_network import Network
from engine.errors import SetupError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Nothing:
    def get(self, name: str) -> bytes | None:
        return None

    def put(self, name: str, value: bytes, expires: datetime | None) -> None:
        raise AssertionError


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "100.100.100.200", "::ffff:169.254.169.254", "224.0.0.1", "127.0.0.1", "::1", "0.0.0.0"]
)  # fmt: skip
def test_a_name_that_points_to_a_forbidden_address_is_refused(address: str) -> None:
    network = Network(allow_loopback=False, resolve=lambda host, port: ["10.0.0.1", address])
    with pytest.raises(SetupError, match=r"erp\.example"):
        network.connect_tcp("erp.example", 443)


def test_a_name_that_is_unknown_is_a_failed_connection() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("not known")

    with pytest.raises(httpcore.ConnectError, match="not known"):
        Network(allow_loopback=False, resolve=unknown).connect_tcp("erp.example", 443)


def test_a_certificate_nobody_vouches_for_is_a_matter_of_settings(tmp_path: Path) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(self_signed(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse_one() -> None:
            conn, _ = listening.accept()
            with conn:
                try:
                    server_side.wrap_socket(conn, server_side=True).close()
                except OSError:
                    return

        thread = threading.Thread(target=refuse_one)
        thread.start()
        base = Fixed(f"https://127.0.0.1:{listening.getsockname()[1]}/")
        http = Http(
            HttpKind(base=base), {}, name="erp", watch=lambda call: None, tokens=Nothing(), clock=lambda: NOW,
            sleep=lambda seconds: None, random=lambda: 0.0, allow_loopback=True,
        )  # fmt: skip
        with http, pytest.raises(SetupError, match="certificate"):
            http.write(Exchange(post="Save"), {}, step="save")
        thread.join()


def self_signed(folder: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    cert = made.sign(key, hashes.SHA256())
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(encoded + cert.public_bytes(serialization.Encoding.PEM))
    return path
