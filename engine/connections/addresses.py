"""The addresses behind a host's name, as far as they may be reached."""

from __future__ import annotations

import ipaddress
import socket

from engine.connections.origin import why_forbidden
from engine.errors import SetupError, TransientError


def resolve(host: str, port: int, *, allow_loopback: bool) -> list[str]:
    """What the name stands for now, each checked: a name that points to a metadata service is refused.

    Raises SetupError for a name that leads nowhere or where nothing may be sent, TransientError when the name server is silent.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise TransientError(f"`{host}` can't be looked up right now: {error.strerror}") from error
        raise SetupError(f"there is no host `{host}`; check the address ({error.strerror})") from error
    except (UnicodeError, OverflowError) as error:
        raise SetupError(f"`{host}` port {port} is no address; correct it") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        why = why_forbidden(ipaddress.ip_address(address.partition("%")[0]), allow_loopback=allow_loopback)
        if why:
            raise SetupError(f"`{host}` {why}: nothing is sent there. Correct the address, or the name server")
    return addresses
