"""Reaching a machine step by step, each with words of its own for what is wrong: its name, its port, its certificate."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

from engine.connections.http_transport import tls_context
from engine.errors import SetupError, TransientError

TIMEOUT = 10.0
"""Seconds a machine has to take a connection, or to finish a handshake."""


def knock(addresses: Sequence[str], port: int, *, timeout: float = TIMEOUT) -> socket.socket:
    """A connection to the first address that takes one. Raises TransientError."""
    reason = "it has no address"
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=timeout)
        except TimeoutError:
            reason = f"no answer within {timeout:g} seconds"
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
    raise TransientError(f"port {port} does not open: {reason}")


def shake(sock: socket.socket, host: str) -> str:
    """Finishes a TLS handshake on the connection, and closes it; what was agreed on. Raises SetupError, TransientError."""
    try:
        with tls_context().wrap_socket(sock, server_hostname=host) as secured:
            return secured.version() or "TLS"
    except ssl.SSLCertVerificationError as error:
        raise SetupError(f"its certificate is not trusted: {error.verify_message}") from error
    except TimeoutError as error:
        raise SetupError("it does not answer a TLS handshake: this port may not speak TLS") from error
    except ssl.SSLError as error:
        raise SetupError(f"it does not speak TLS we accept ({error.reason or error})") from error
    except OSError as error:
        raise TransientError(f"it ended the TLS handshake: {error.strerror or error}") from error
