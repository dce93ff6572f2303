"""Control 32: an error nobody expected, in every seam, never posts a document; one line and an exit code are all there is."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from engine.desk.reporting import told
from engine.redaction import Redactor
from engine.run import session as sessions
from engine.run.running import Options, run_spec
from engine.run.seams import quiet

NEVER = {"posted", "adopted"}


class Broken:
    """A part with one function that fails as nobody expected; the rest works."""

    def __init__(self, inner, name, error):
        self._inner, self._name, self._error = inner, name, error

    def __getattr__(self, name):
        if name == self._name:

            def fail(*_args, **_kwargs):
                raise self._error

            return fail
        return getattr(self._inner, name)


@contextmanager
def broken(stage, part, name, error):
    """One poll with `part` of the session broken; through the same front as the command line."""

    class Session(sessions.Session):
        def target(self, flow):
            found = super().target(flow)
            return Broken(found, name, error) if part == "target" else found

        def source(self, flow, **options):
            found = super().source(flow, **options)
            return Broken(found, name, error) if part == "source" else found

    real, sessions.Session = sessions.Session, Session
    try:
        with stage.workspace() as workspace:
            if part == "files":
                from engine.run.connections import Connections

                opener = Connections.files
                Connections.files = lambda self, system: Broken(opener(self, system), name, error)
                try:
                    yield workspace
                finally:
                    Connections.files = opener
            else:
                yield workspace
    finally:
        sessions.Session = real


def poll(stage, part, name, error, capsys):
    """Exit code and stderr of one poll with something broken."""
    code = 0
    with broken(stage, part, name, error) as workspace:
        try:
            with told(Redactor(), debug=False):
                code = run_spec(stage.spec, workspace, stage.seams(), Options(), quiet).exit_code
        except SystemExit as end:
            code = int(end.code or 0)
    return code, capsys.readouterr().err


SEAMS = [
    ("target", "find", KeyError("found")),
    ("target", "send", KeyError("APInvHed")),
    ("target", "send", RecursionError("deep")),
    ("target", "send", MemoryError()),
    ("source", "parcels", RuntimeError("first line\nsecond line\x1b[31m")),
    ("source", "settle", RuntimeError("gone")),
    ("files", "scan", ValueError("odd name")),
    ("files", "fetch", ValueError("odd bytes")),
    ("files", "move", ValueError("odd place")),
]


@pytest.mark.parametrize(
    ("part", "name", "error"), SEAMS, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
def test_32_an_unexpected_error_never_posts(stage, capsys, part, name, error):
    stage.offer_bill()
    code, err = poll(stage, part, name, error, capsys)
    assert code in {3, 70}
    assert NEVER.isdisjoint(stage.states().values())
    assert stage.peer.posts() == []
    lines = [line for line in err.splitlines() if line.strip()]
    assert 1 <= len(lines) <= 2, err
    assert "Traceback" not in err
    assert "\x1b" not in err


@pytest.mark.parametrize(
    ("part", "name", "error"), SEAMS, ids=lambda value: value if isinstance(value, str) else type(value).__name__
)
def test_32_the_next_poll_posts_once_what_was_not_held(stage, capsys, part, name, error):
    """Failing closed is no dead end: what was left is taken up again, or in front of a person."""
    stage.offer_bill()
    poll(stage, part, name, error, capsys)
    stage.clock.sleep(3600)
    stage.run()
    assert stage.states()["A-1"] in {"posted", "held"}
    assert len(stage.peer.posts()) == (stage.states()["A-1"] == "posted")


def test_32_an_error_after_the_request_went_out_is_a_doubt_not_a_success(stage, capsys):
    """The target fails in our own code once its intent was written and the bytes were sent."""

    class Late:
        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            if name != "send":
                return getattr(self._inner, name)

            def send(document, intend):
                self._inner.send(document, intend)
                raise KeyError("reference")

            return send

    stage.offer_bill()

    class Session(sessions.Session):
        def target(self, flow):
            return Late(super().target(flow))

    real, sessions.Session = sessions.Session, Session
    try:
        result = stage.run()
    finally:
        sessions.Session = real
    assert result.exit_code == 3
    assert stage.states() == {"A-1": "in_doubt"}
    stage.clock.sleep(3600)
    stage.run()
    stage.clock.sleep(60)
    stage.run()
    assert stage.states() == {"A-1": "posted"}
    assert len(stage.peer.posts()) == 1
