"""A system's settings filled in at start-up: from the spec, the environment, the vault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import re2

from engine.errors import RecordError, SetupError
from engine.mapping.convert import convert_value
from engine.run.model import Integration, Setting, System
from engine.state.vault import Vault


def fill(integration: Integration, vault: Vault, environ: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Alias to settings of every system. Raises SetupError naming everything that is missing, and how to supply it."""
    missing: list[str] = []
    filled = {
        alias: {
            name: _value(alias, name, setting, vault, environ, missing) for name, setting in system.settings.items()
        }
        for alias, system in integration.systems.items()
    }
    if missing:
        raise SetupError(f"`{integration.name}` can't start: " + "; ".join(missing))
    return filled


def books(system: System, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells one set of books from another: the system and the settings it names as its identity."""
    return (system.name, *(str(settings.get(name, "")) for name in system.books))


def _value(
    alias: str, name: str, setting: Setting, vault: Vault, environ: Mapping[str, str], missing: list[str]
) -> Any:
    if setting.secret:
        try:
            return vault.get(setting.secret)
        except SetupError as error:
            missing.append(str(error))
            return None
    if setting.env:
        if not environ.get(setting.env):
            missing.append(f"environment variable {setting.env} (setting `{name}` of `{alias}`) is not set")
            return None
        try:
            return _typed(environ[setting.env], setting)
        except RecordError as error:
            missing.append(f"environment variable {setting.env} (setting `{name}` of `{alias}`): {error}")
            return None
    return setting.value


def _typed(text: str, setting: Setting) -> Any:
    """A variable's text as the setting's type, held to what `validate` asks of one written in the spec. Raises RecordError."""
    if setting.type == "url" and not re2.match(r"https?://[^/\s]+", text):
        raise RecordError(f"`{text}` is no address: it starts with https:// or http://")
    if setting.pattern and not re2.fullmatch(setting.pattern, text):
        raise RecordError(f"`{text}` does not match {setting.pattern}")
    return convert_value(text.strip(), setting.type) if setting.type in {"integer", "decimal", "boolean"} else text
