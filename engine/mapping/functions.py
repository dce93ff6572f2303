"""The function library: one table for expressions (`pad_left(number, `5`)`) and templates (`{{ number | pad_left(5) }}`).

Every function is deterministic: no clock, no random, no input but its arguments.
"""

from __future__ import annotations

from engine.mapping.functions_list import LISTS
from engine.mapping.functions_odata import ODATA
from engine.mapping.functions_text import TEXT
from engine.mapping.functions_value import VALUES
from engine.mapping.signature import Function

FUNCTIONS: dict[str, Function] = {
    entry.name: entry for entry in sorted((*TEXT, *VALUES, *ODATA, *LISTS), key=lambda e: e.name)
}

FILTERS: dict[str, Function] = {name: entry for name, entry in FUNCTIONS.items() if entry.filter}
"""Those a template may use: all but the ones that take an `&expression`."""
