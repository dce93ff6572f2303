"""Addresses of messages: where they are kept, which can be used, and what of them is never shown."""

from __future__ import annotations

import fnmatch
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from engine.connections.addresses import resolve
from engine.errors import SetupError
from engine.redaction import SHORTEST, Redactor
from engine.run.telling import AlertKind
from engine.service.alerts.hushed import hush
from engine.state.vault import Vault

_LOCAL = frozenset({"blink1", "dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Kinds of address that run programs or write to this machine's own screen, bus or log."""
_PIECES = re.compile(r"[/:@?&=#,;]+")
_TELLING = 12
"""A piece of an address this long is taken for a token and masked everywhere; shorter ones would mask ordinary words."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address, ready to be sent to. `hidden`: every piece of it, longest first, for texts about it."""

    plugin: Any
    kind: str
    hidden: tuple[str, ...]

    def masked(self, text: str) -> str:
        """A text without anything of the address."""
        for piece in self.hidden:
            text = text.replace(piece, "***")
        return text


def addresses_of(kind: AlertKind, vault: Vault, environ: Mapping[str, str]) -> list[str]:
    """The addresses of one of `alerts`. Raises SetupError, which shows none."""
    if kind.to.secret:
        text = vault.get(kind.to.secret).expose()
    else:
        text = environ.get(kind.to.env, "")
        if not text.strip():
            raise SetupError(f"environment variable {kind.to.env}, where an alert goes, is not set")
    found = text.split()
    for each in found:
        vault.redactor.add(each)
    return found


def open_address(text: str, redactor: Redactor, allowed_hosts: Sequence[str] = ()) -> Address:
    """Raises SetupError for one that can't be used, TransientError where its host can't be looked up now."""
    kind = text.partition(":")[0].lower()
    if kind in _LOCAL:
        raise SetupError(f"`{kind}` addresses stay on this machine: alerts go over the network only")
    plugin = _plugin(text)
    if plugin is None or type(plugin).__module__.split(".")[:2] != ["apprise", "plugins"]:
        raise SetupError(
            "the address of an alert can't be read, or needs a package that is not installed: write it as Apprise does, "
            "such as mailtos://user:password@host?to=name@host"
        )
    address = Address(plugin, kind, tuple(sorted(set(_pieces(text)), key=len, reverse=True)))
    for piece in address.hidden:
        if len(piece) >= _TELLING and any(letter.isdigit() for letter in piece) and piece != plugin.host:
            redactor.add(piece)
    redactor.add(str(plugin.password or ""))
    _check_host(address, allowed_hosts)
    return address


def _plugin(text: str) -> Any:
    """The library loads all its plugins, once: two seconds, and warnings that are not ours."""
    hush()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from apprise import Apprise, AppriseAsset

            asset = AppriseAsset(
                app_id="mlconnector", app_desc="mlconnector", async_mode=False, http_redirects=False,
                pgp_autogen=False, pem_autogen=False, allow_templates=False, interpret_emojis=False,
            )  # fmt: skip
            return Apprise.instantiate(text, asset=asset)
    except ImportError:
        raise SetupError("Alerts are sent by `apprise`: `pip install 'mlconnector[service]'`") from None


def _pieces(text: str) -> Iterator[str]:
    yield text
    for piece in _PIECES.split(text.partition("://")[2]):
        for form in (piece, unquote(piece)):
            if len(form) >= SHORTEST:
                yield form


def _check_host(address: Address, allowed: Sequence[str]) -> None:
    host = _host(address.plugin)
    if allowed and not any(fnmatch.fnmatchcase(host, pattern.lower()) for pattern in allowed):
        known = f"`{host}`" if host else f"a host `{address.kind}` does not name"
        raise SetupError(f"the alert would be sent to {known}, which MLCONNECTOR_ALLOW_HOSTS does not allow")
    if host:
        resolve(host, 0, allow_loopback=True)


def _host(plugin: Any) -> str:
    """Where it sends to; empty where the library alone knows."""
    mail = getattr(plugin, "smtp_host", None)
    if mail:
        return str(mail).lower()
    if any("{host}" in template for template in type(plugin).templates):
        return str(plugin.host or "").lower()
    fixed = getattr(plugin, "notify_url", None)
    host = (urlsplit(fixed).hostname or "") if isinstance(fixed, str) else ""
    return "" if "{" in host else host
