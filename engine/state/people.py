"""Who may use the console, and which of them is in it now. Passwords and session tokens stand here as hashes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from engine.errors import UsageError
from engine.state import tables_service
from engine.state.codec import moment, stamp
from engine.state.ledger_desk import Desk, now_text
from engine.state.trail import Work

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""From the least to the most: each may what those before it may."""

_PERSON, _LOGIN = tables_service.person.c, tables_service.login.c


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Someone with a login. `failures`: wrong passwords since the last right one; `sessions`: open now, where asked for."""

    name: str
    role: Role
    failures: int = 0
    locked_until: datetime | None = None
    created_at: datetime | None = None
    sessions: int = 0

    def may(self, role: Role) -> bool:
        """Whether this person has at least that role."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A person's way in, until it ends. `form_token` stands in every form of it."""

    id: str
    person: Person
    form_token: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Guess:
    """A password is about to be compared: what it must fit, whether it may count at all, and the lock that its failing would leave."""

    hash: str
    locked: bool
    until: datetime | None = None


def anyone(desk: Desk) -> bool:
    """Whether there is a person at all."""
    with desk.database.look() as connection:
        asked = select(_PERSON.name).where(_PERSON.tenant == desk.tenant).limit(1)
        return connection.execute(asked).first() is not None


def listed(desk: Desk) -> list[Person]:
    """Everybody, by name, with how many sessions each has open."""
    many = select(func.count()).where(_LOGIN.tenant == desk.tenant, _LOGIN.person == _PERSON.name).scalar_subquery()
    asked = select(tables_service.person, many.label("sessions")).where(_PERSON.tenant == desk.tenant)
    with desk.database.look() as connection:
        rows = connection.execute(asked.order_by(_PERSON.name)).all()
    return [_person(row, sessions=row.sessions) for row in rows]


def find(desk: Desk, name: str) -> Person:
    """The person of that name. Raises UsageError for nobody."""
    with desk.database.look() as connection:
        row = connection.execute(select(tables_service.person).where(*_at(desk, name))).one_or_none()
    if row is None:
        raise UsageError(f"There is nobody called `{name}`: `mlconnector users list` shows who there is")
    return _person(row)


def add(desk: Desk, name: str, role: Role, password_hash: str) -> None:
    """Lets somebody in from now on. Raises UsageError for a name that is taken, or is a secret somebody mistook for one."""
    if desk.trail.redactor.values(name) != name:
        raise UsageError("That name is, or holds, a secret of this workspace: names are kept and shown, choose another")
    now = now_text(desk)
    row = {"tenant": desk.tenant, "name": name, "role": role, "password": password_hash}
    try:
        with desk.trail.writing() as work:
            work.connection.execute(insert(tables_service.person), row | {"created_at": now, "updated_at": now})
            work.tell("user added", detail={"user": name, "role": role})
    except IntegrityError:
        raise UsageError(f"There is a `{name}` already: `mlconnector users passwd` gives a new password") from None


def set_password(desk: Desk, name: str, password_hash: str) -> None:
    """Gives a new password, ends every session and takes a lock away. Raises UsageError for nobody."""
    values = {"password": password_hash, "failures": 0, "locked_until": None}
    _change(desk, name, values, "user password changed", {})


def set_role(desk: Desk, name: str, role: Role) -> None:
    """Gives another role and ends every session. Raises UsageError for nobody, and for the last admin."""
    with desk.trail.writing() as work:
        if role != "admin":
            _keep_an_admin(desk, work, name)
        _set(desk, work, name, {"role": role})
        work.tell("user role changed", detail={"user": name, "role": role})


def lock(desk: Desk, name: str, until: datetime | None) -> None:
    """Keeps somebody out until then and ends every session; None lets them in again. Raises UsageError for nobody, and the last admin."""
    event = "user unlocked" if until is None else "user locked"
    with desk.trail.writing() as work:
        if until is not None:
            _keep_an_admin(desk, work, name)
        _set(desk, work, name, {"locked_until": stamp(until), "failures": 0})
        work.tell(event, detail={"user": name} | ({} if until is None else {"until": until.isoformat()}))


def remove(desk: Desk, name: str) -> None:
    """Nobody of that name from now on. Raises UsageError for nobody, and for the last admin."""
    with desk.trail.writing() as work:
        _keep_an_admin(desk, work, name)
        _set(desk, work, name, {})
        work.connection.execute(delete(tables_service.person).where(*_at(desk, name)))
        work.tell("user removed", detail={"user": name})


def end_sessions(desk: Desk, name: str) -> None:
    """Whoever is in under that name has to log in again. Raises UsageError for nobody."""
    _change(desk, name, {}, "user sessions ended", {})


def guess(desk: Desk, name: str, *, most: int, lock_for: timedelta) -> Guess | None:
    """Counts a try before it is compared, so that many at once are no way round the limit; None for nobody."""
    now = desk.clock()
    with desk.trail.writing() as work:
        asked = select(_PERSON.password, _PERSON.failures, _PERSON.locked_until).where(*_at(desk, name))
        row = work.connection.execute(asked.with_for_update()).one_or_none()
        if row is None:
            return None
        until = moment(row.locked_until)
        if until is not None and until > now:
            return Guess(row.password, locked=True)
        tries = (0 if until is not None else row.failures) + 1
        values: dict[str, Any] = {"failures": tries, "locked_until": stamp(now + lock_for) if tries >= most else None}
        work.connection.execute(update(tables_service.person).where(*_at(desk, name)).values(**values))
        if tries >= most:
            work.tell("user locked", detail={"user": name, "reason": f"{tries} wrong passwords"}, actor=name)
    return Guess(row.password, locked=False, until=moment(values["locked_until"]))


def enter(
    desk: Desk,
    name: str,
    *,
    session: str,
    form_token: str,
    rehashed: str | None,
    where: str,
    guess: Guess | None = None,
) -> bool:
    """The password was right: a session begins. `session` is the hash of its token.

    False, and nothing begins, where the password or the lock is not what `guess` was about any more.
    """
    now = now_text(desk)
    same = (
        []
        if guess is None
        else [_PERSON.password == guess.hash, _PERSON.locked_until.is_not_distinct_from(stamp(guess.until))]
    )
    values: dict[str, Any] = {"failures": 0, "locked_until": None}
    if rehashed is not None:
        values["password"] = rehashed
    row = {"tenant": desk.tenant, "token_sha256": session, "person": name, "form_token": form_token}
    with desk.trail.writing() as work:
        mine = update(tables_service.person).where(*_at(desk, name), *same).values(**values)
        if work.connection.execute(mine).rowcount == 0:
            return False
        work.connection.execute(insert(tables_service.login), row | {"created_at": now, "seen_at": now})
        work.tell("user logged in", detail={"user": name, "from": where}, actor=name)
    return True


def session(desk: Desk, id: str, *, idle: timedelta, age: timedelta) -> Session | None:  # noqa: A002
    """The open session of that token hash; None once it was idle or open too long, or its person is kept out."""
    joined = tables_service.login.join(
        tables_service.person, (_PERSON.tenant == _LOGIN.tenant) & (_PERSON.name == _LOGIN.person)
    )
    asked = select(
        tables_service.person, _LOGIN.form_token, _LOGIN.created_at.label("begun_at"), _LOGIN.seen_at
    ).select_from(joined)
    now = desk.clock()
    with desk.database.look() as connection:
        row = connection.execute(asked.where(_LOGIN.tenant == desk.tenant, _LOGIN.token_sha256 == id)).one_or_none()
    if row is None:
        return None
    begun, seen = moment(row.begun_at), moment(row.seen_at)
    if begun + age <= now or seen + idle <= now:
        return None
    return Session(id=id, person=_person(row), form_token=row.form_token, created_at=begun, seen_at=seen)


def touch(desk: Desk, id: str) -> None:  # noqa: A002
    """The session was used."""
    with desk.database.write() as connection:
        mine = (_LOGIN.tenant == desk.tenant, _LOGIN.token_sha256 == id)
        connection.execute(update(tables_service.login).where(*mine).values(seen_at=now_text(desk)))


def leave(desk: Desk, id: str, name: str) -> None:  # noqa: A002
    """The session ends."""
    with desk.trail.writing() as work:
        mine = (_LOGIN.tenant == desk.tenant, _LOGIN.token_sha256 == id)
        work.connection.execute(delete(tables_service.login).where(*mine))
        work.tell("user logged out", detail={"user": name}, actor=name)


def sweep(desk: Desk, *, idle: timedelta, age: timedelta) -> int:
    """Forgets sessions that are over; how many there were."""
    now = desk.clock()
    over = (_LOGIN.seen_at <= stamp(now - idle)) | (_LOGIN.created_at <= stamp(now - age))
    with desk.database.write() as connection:
        done = connection.execute(delete(tables_service.login).where(_LOGIN.tenant == desk.tenant, over))
    return int(done.rowcount)


def _change(desk: Desk, name: str, values: dict[str, Any], event: str, detail: dict[str, Any]) -> None:
    with desk.trail.writing() as work:
        _set(desk, work, name, values)
        work.tell(event, detail={"user": name, **detail})


def _set(desk: Desk, work: Work, name: str, values: dict[str, Any]) -> None:
    """Writes the person's row and ends their sessions: what they were let in with no longer holds."""
    changed = update(tables_service.person).where(*_at(desk, name)).values(**values, updated_at=now_text(desk))
    if work.connection.execute(changed).rowcount == 0:
        raise UsageError(f"There is nobody called `{name}`: `mlconnector users list` shows who there is")
    mine = (_LOGIN.tenant == desk.tenant, _LOGIN.person == name)
    work.connection.execute(delete(tables_service.login).where(*mine))


def _keep_an_admin(desk: Desk, work: Work, name: str) -> None:
    """Raises UsageError where nobody would be left who may let others in."""
    asked = select(_PERSON.name).where(_PERSON.tenant == desk.tenant, _PERSON.role == "admin").with_for_update()
    admins: Sequence[str] = work.connection.execute(asked).scalars().all()
    if list(admins) == [name]:
        raise UsageError(f"`{name}` is the only admin: make somebody else one first (`mlconnector users role`)")


def _at(desk: Desk, name: str) -> tuple[Any, ...]:
    return _PERSON.tenant == desk.tenant, _PERSON.name == name


def _person(row: Any, *, sessions: int = 0) -> Person:
    return Person(
        name=row.name, role=row.role, failures=row.failures, locked_until=moment(row.locked_until),
        created_at=moment(row.created_at), sessions=sessions,
    )  # fmt: skip
