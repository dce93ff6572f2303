"""Connections are used again, one caller each, never more than allowed; a request leaves in one piece."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpcore
import pytest
from httpcore._backends.sync import SyncStream

from engine.connections.deadline import Deadline
from engine.connections.http_network import Network, Stream
from engine.connections.http_pool import Pool


class Server:
    """Answers `ok` to every request; `hang_up` closes after each answer without saying so."""

    def __init__(self, *, hang_up: bool = False) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.connections = 0
        self._hang_up = hang_up
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        talks = []
        while True:
            try:
                conn, _ = self.listening.accept()
            except OSError:
                break
            self.connections += 1
            self._open.append(conn)
            talks.append(threading.Thread(target=self._talk, args=(conn,)))
            talks[-1].start()
        for talk in talks:
            talk.join()

    def _talk(self, conn: socket.socket) -> None:
        with conn:
            while conn.recv(65536):
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                if self._hang_up:
                    return

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self._thread.join()


@contextmanager
def serving(**how: bool) -> Iterator[Server]:
    server = Server(**how)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def pooled(at_once: int) -> Iterator[Pool]:
    pool = Pool(at_once=at_once, network=Network(allow_loopback=True), tls=ssl.create_default_context())
    try:
        yield pool
    finally:
        pool.close()


def ask(pool: Pool, server: Server) -> bytes:
    answer, give_back = begin(pool, server)
    return end(answer, give_back)


def begin(pool: Pool, server: Server):
    return pool.send(httpcore.Request("GET", f"http://127.0.0.1:{server.port}/", headers={"Host": "127.0.0.1"}))


def end(answer: httpcore.Response, give_back) -> bytes:
    body = b"".join(answer.stream)
    answer.stream.close()
    give_back()
    return body


def test_a_connection_is_used_again():
    with serving() as server, pooled(4) as pool:
        assert [ask(pool, server) for _ in range(5)] == [b"ok"] * 5
        assert server.connections == 1


def test_one_the_server_closed_meanwhile_is_not_used_again():
    with serving(hang_up=True) as server, pooled(1) as pool:
        assert ask(pool, server) == b"ok"
        assert wait_for(pool._idle[0].has_expired)
        assert ask(pool, server) == b"ok"
        assert server.connections == 2


def test_no_more_than_allowed_at_once_and_who_waits_gives_up_at_his_deadline():
    with serving() as server, pooled(1) as pool:
        held = begin(pool, server)
        with Deadline(0.05), pytest.raises(httpcore.PoolTimeout):
            ask(pool, server)
        assert end(*held) == b"ok"
        assert ask(pool, server) == b"ok"
        assert server.connections == 1


def test_an_idle_one_makes_room_for_another_origin():
    with serving() as one, serving() as other, pooled(1) as pool:
        assert ask(pool, one) == ask(pool, other) == b"ok"
        assert len(pool._idle) == 1
        assert ask(pool, other) == b"ok"
        assert (one.connections, other.connections) == (1, 1)


def test_a_call_that_failed_leaves_its_place():
    with serving() as server, pooled(1) as pool:
        gone = socket.create_server(("127.0.0.1", 0))
        port = gone.getsockname()[1]
        gone.close()
        for _ in range(3):
            with pytest.raises(httpcore.ConnectError):
                pool.send(httpcore.Request("GET", f"http://127.0.0.1:{port}/"))
        assert ask(pool, server) == b"ok"


def test_what_is_in_use_when_the_pool_closes_is_closed_as_it_comes_back():
    with serving() as server, pooled(2) as pool:
        held = begin(pool, server)
        pool.close()
        assert end(*held) == b"ok"
        assert pool._idle == []


def test_many_threads_share_what_there_is():
    with serving() as server, pooled(3) as pool:
        answers: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: answers.extend(ask(pool, server) for _ in range(20))) for _ in range(9)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [b"ok"] * 180
        assert server.connections <= 3


def test_head_and_body_leave_together_once_the_request_has_ended():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        stream = Stream(SyncStream(ours))
        stream.write(b"head ")
        with pytest.raises(BlockingIOError):
            theirs.recv(100)
        stream.write(b"body")
        stream.write(b"")
        assert theirs.recv(100) == b"head body"


def test_what_is_held_leaves_before_an_answer_is_read_and_when_it_is_large():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = Stream(SyncStream(ours))
        stream.write(b"head")
        theirs.sendall(b"answer")
        assert stream.read(100) == b"answer"
        assert theirs.recv(100) == b"head"
        stream.write(b"x" * 65536)
        assert theirs.recv(65536, socket.MSG_WAITALL) == b"x" * 65536


def test_an_answer_given_before_a_failed_write_is_read_all_the_same():
    ours, theirs = socket.socketpair()
    with ours:
        stream = Stream(SyncStream(ours))
        theirs.sendall(b"too large")
        theirs.close()
        stream.write(b"head")
        assert stream.read(100) == b"too large"


def wait_for(true) -> bool:
    for _ in range(100):
        if true():
            return True
        threading.Event().wait(0.01)
    return False
