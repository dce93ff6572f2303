"""Sessions of the SYSPRO stand-in: one for each operator, each takes a licence seat, all end some day."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from engine.sandbox.history import History
from engine.sandbox.syspro_answers import DEAD_SESSION, Trouble
from engine.sandbox.syspro_rules import Rules


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """`id` is 34 hex characters and two blanks."""

    id: str
    operator: str
    ends: datetime


@dataclass(kw_only=True)
class Sessions:
    """`operators` maps each operator to the password. A session ends its life after the Logon, busy or not."""

    operators: Mapping[str, str]
    company: str
    company_password: str
    rules: Rules
    history: History
    clock: Callable[[], datetime]
    random: Random
    _open: dict[str, Session] = field(default_factory=dict)

    def logon(self, operator: str, password: str, company: str, company_password: str) -> str:
        """A new session id; the operator's session before is dead. Trouble for wrong words or when no seat is free."""
        if operator not in self.operators:
            raise Trouble(f"Invalid operator code '{operator}'")
        if not _same(password, self.operators[operator]):
            raise Trouble("Invalid operator password")
        if company != self.company:
            raise Trouble(f"Invalid company id '{company}'")
        if not _same(company_password, self.company_password):
            raise Trouble("Invalid company password")
        self._sweep()
        before = self._open.pop(operator, None)
        if before is None and len(self._open) >= self.rules.seats:
            raise Trouble("The maximum number of licensed users is logged in; no license is free")
        if before is not None:
            self.history.record("session.displaced", operator)
        number = f"{self.random.getrandbits(120):030X}0100  "
        ends = self.clock() + timedelta(seconds=self.rules.session_life)
        self._open[operator] = Session(id=number, operator=operator, ends=ends)
        self.history.record("session.opened", operator)
        return number

    def find(self, given: str) -> Session:
        """The living session of an id; Trouble for one that is unknown, logged off, displaced or over."""
        self._sweep()
        for session in self._open.values():
            same = given == session.id if self.rules.blanks_matter else given.strip() == session.id.strip()
            if same:
                return session
        raise Trouble(DEAD_SESSION)

    def logoff(self, given: str) -> None:
        session = self.find(given)
        del self._open[session.operator]
        self.history.record("session.closed", session.operator)

    def operators_in(self) -> list[str]:
        """Who holds a seat now."""
        self._sweep()
        return sorted(self._open)

    def forget(self) -> None:
        """Every session is dead."""
        self._open.clear()

    def _sweep(self) -> None:
        now = self.clock()
        for operator, session in list(self._open.items()):
            if session.ends <= now:
                del self._open[operator]
                self.history.record("session.expired", operator)


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())
