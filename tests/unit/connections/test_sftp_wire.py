"""Hostile and broken servers, packet by packet."""

from __future__ import annotations

import struct
import time

import pytest

from engine.connections.sftp_packets import Attributes, Kind, LostError, Reader, pack_int, pack_text
from engine.connections.sftp_wire import StatusError, Wire

HELLO = struct.pack(">IBI", 5, Kind.VERSION, 3)


class Script:
    """A channel that plays a server's bytes back, `step` at a time, and then closes."""

    def __init__(self, *packets: bytes, step: int = 1 << 20, pause: float = 0) -> None:
        self.left = b"".join(packets)
        self.step = step
        self.pause = pause

    def settimeout(self, timeout: float | None) -> None: ...

    def sendall(self, s: bytes) -> None: ...

    def recv(self, nbytes: int) -> bytes:
        time.sleep(self.pause)
        piece, self.left = self.left[: min(nbytes, self.step)], self.left[min(nbytes, self.step) :]
        return piece


def packet(kind: int, body: bytes) -> bytes:
    return struct.pack(">IB", len(body) + 1, kind) + body


def wire(*packets: bytes) -> Wire:
    return Wire(Script(HELLO, *packets), timeout=1)


@pytest.mark.parametrize(
    "greeting",
    [
        b"",
        b"\0",
        struct.pack(">I", 0),
        struct.pack(">I", 0xFFFFFFFF),
        packet(Kind.STATUS, b"\0" * 8),
        packet(Kind.VERSION, b"\0\0\0\3\0\0\0\x09posix"),
    ],
)
def test_a_broken_greeting_is_a_lost_connection(greeting: bytes) -> None:
    with pytest.raises(LostError):
        Wire(Script(greeting), timeout=1)


def test_extensions_are_kept() -> None:
    greeting = packet(Kind.VERSION, pack_int(3) + pack_text(b"fsync@openssh.com") + pack_text(b"1"))
    assert Wire(Script(greeting), timeout=1).extensions == {b"fsync@openssh.com": b"1"}


@pytest.mark.parametrize(
    "answer",
    [
        packet(Kind.DATA, pack_int(1) + pack_text(b"data")),
        packet(Kind.STATUS, pack_int(1)),
        packet(Kind.STATUS, b"\0"),
        packet(Kind.STATUS, pack_int(7) + pack_int(0)),
        struct.pack(">I", 0x7FFFFFFF),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_lost_connection(answer: bytes) -> None:
    with pytest.raises(LostError):
        wire(answer).call(Kind.REMOVE, pack_text(b"/x"))


def test_a_connection_once_lost_is_never_used_again() -> None:
    conversation = wire(packet(Kind.DATA, pack_int(1)), packet(Kind.STATUS, pack_int(2) + pack_int(0)))
    with pytest.raises(LostError):
        conversation.call(Kind.REMOVE, pack_text(b"/x"))
    with pytest.raises(LostError, match="no longer usable"):
        conversation.call(Kind.REMOVE, pack_text(b"/x"))
    conversation.forget([1, 2])


def test_answers_may_come_in_any_order() -> None:
    conversation = wire(
        packet(Kind.STATUS, pack_int(2) + pack_int(4) + pack_text(b"no")),
        packet(Kind.STATUS, pack_int(1) + pack_int(0) + pack_text(b"")),
    )
    first, second = (conversation.ask(Kind.REMOVE, pack_text(b"/x")) for _ in range(2))
    conversation.answer(first)
    with pytest.raises(StatusError, match="no"):
        conversation.answer(second)


def test_a_servers_words_are_made_fit_for_a_log() -> None:
    text = b"no\x1b[31m\r\nnew line \xff" + b"x" * 1000
    conversation = wire(packet(Kind.STATUS, pack_int(1) + pack_int(4) + pack_text(text)))
    with pytest.raises(StatusError) as caught:
        conversation.call(Kind.REMOVE, pack_text(b"/x"))
    assert caught.value.text.isprintable()
    assert len(caught.value.text) <= 200


def test_an_answer_dripping_in_is_given_up_at_the_deadline() -> None:
    channel = Script(HELLO, packet(Kind.STATUS, b"\0" * 1000))
    conversation = Wire(channel, timeout=0.1)
    channel.step, channel.pause = 1, 0.02
    started = time.monotonic()
    with pytest.raises(LostError, match=r"within 0\.1 seconds"):
        conversation.call(Kind.REMOVE, pack_text(b"/x"))
    assert time.monotonic() - started < 0.5


def test_a_refusal_leaves_the_conversation_usable() -> None:
    conversation = wire(
        packet(Kind.STATUS, pack_int(1) + pack_int(3) + pack_text(b"Permission denied")),
        packet(Kind.STATUS, pack_int(2) + pack_int(0)),
    )
    with pytest.raises(StatusError, match="status 3"):
        conversation.call(Kind.REMOVE, pack_text(b"/x"))
    conversation.call(Kind.REMOVE, pack_text(b"/x"))


@pytest.mark.parametrize(
    "attributes",
    [Attributes(), Attributes(size=2**40), Attributes(mode=0o100644, modified=2**32 - 1), Attributes(size=0, mode=0)],
)
def test_attributes_survive_the_way(attributes: Attributes) -> None:
    assert Attributes.read(Reader(attributes.pack())) == attributes


def test_owner_and_extended_attributes_are_passed_over() -> None:
    body = pack_int(0x80000003) + struct.pack(">QII", 5, 0, 0) + pack_int(1) + pack_text(b"a") + pack_text(b"b")
    assert Attributes.read(Reader(body + b"rest")) == Attributes(size=5)
