"""What each HTTP fault does to a request: one function per kind, in one table."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from engine.sandbox.faults import Fault
from engine.sandbox.web_messages import Delivery, Refuse, Request, Response


class Worker(Protocol):
    """What a fault needs of the web server: the work, the vendor's error shape, waiting, and later work."""

    refuse: Refuse
    forget_logins: Callable[[], None]
    sleep: Callable[[float], object]

    def work(self, request: Request) -> Response: ...

    def land_later(self, seconds: float, request: Request) -> None: ...


def plan(fault: Fault, request: Request, worker: Worker) -> Delivery:
    """Do as much of the work as the fault leaves, and say how the answer is delivered."""
    return _PLANS[fault.kind](fault, request, worker)


def _lost_answer(fault: Fault, request: Request, worker: Worker) -> Delivery:
    worker.work(request)
    return Delivery(response=None, closes=True)


def _cut_before(fault: Fault, request: Request, worker: Worker) -> Delivery:
    return Delivery(response=None, closes=True)


def _truncated(fault: Fault, request: Request, worker: Worker) -> Delivery:
    return Delivery(response=worker.work(request), closes=True, cut=True)


def _truncated_unmarked(fault: Fault, request: Request, worker: Worker) -> Delivery:
    return Delivery(response=worker.work(request), closes=True, cut=True, announced=False)


def _reset(fault: Fault, request: Request, worker: Worker) -> Delivery:
    worker.work(request)
    return Delivery(response=None, closes=True, resets=True)


def _refused(status: int, message: str) -> Callable[[Fault, Request, Worker], Delivery]:
    def refused(fault: Fault, request: Request, worker: Worker) -> Delivery:
        response = worker.refuse(request, status, message)
        if fault.value is not None:
            response = replace(response, headers={**response.headers, "Retry-After": fault.value})
        return Delivery(response=response)

    return refused


def _failed_after(fault: Fault, request: Request, worker: Worker) -> Delivery:
    worker.work(request)
    return Delivery(response=worker.refuse(request, 500, "An error occurred. Contact your system administrator."))


def _html(fault: Fault, request: Request, worker: Worker) -> Delivery:
    page = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>"
    return Delivery(response=Response(body=page, content_type="text/html; charset=utf-8"))


def _slow(fault: Fault, request: Request, worker: Worker) -> Delivery:
    response = worker.work(request)
    worker.sleep(fault.seconds(1.0))
    return Delivery(response=response)


def _drip(fault: Fault, request: Request, worker: Worker) -> Delivery:
    return Delivery(response=worker.work(request), drip=fault.seconds(0.01))


def _black_hole(fault: Fault, request: Request, worker: Worker) -> Delivery:
    worker.sleep(fault.seconds(86400.0))
    return Delivery(response=None, closes=True)


def _expired_token(fault: Fault, request: Request, worker: Worker) -> Delivery:
    worker.forget_logins()
    return Delivery(response=worker.refuse(request, 401, "The token has expired."))


def _redirect(fault: Fault, request: Request, worker: Worker) -> Delivery:
    host = fault.value or "elsewhere.invalid"
    origin = host if "://" in host else f"http://{host}"
    return Delivery(response=Response(status=302, headers={"Location": origin + request.path}))


def _late(fault: Fault, request: Request, worker: Worker) -> Delivery:
    worker.land_later(fault.seconds(1.0), request)
    return Delivery(response=None, closes=True)


def _nan(fault: Fault, request: Request, worker: Worker) -> Delivery:
    response = worker.work(request)
    return Delivery(response=replace(response, body=re.sub(rb":\s*-?\d[\d.eE+-]*", b":NaN", response.body, count=1)))


def _duplicate_keys(fault: Fault, request: Request, worker: Worker) -> Delivery:
    response = worker.work(request)
    twice = re.sub(rb'^\s*\{\s*("(?:[^"\\]|\\.)*")\s*:', rb"{\1:null,\1:", response.body, count=1)
    return Delivery(response=replace(response, body=twice))


def _deep(fault: Fault, request: Request, worker: Worker) -> Delivery:
    levels = int(fault.seconds(100000))
    return Delivery(response=Response(body=b"[" * levels + b"]" * levels))


def _gzip_bomb(fault: Fault, request: Request, worker: Worker) -> Delivery:
    blanks = b" " * (int(fault.seconds(64)) * 1024 * 1024)
    return Delivery(response=Response(body=gzip.compress(blanks, 1), headers={"Content-Encoding": "gzip"}))


def _foreign_link(fault: Fault, request: Request, worker: Worker) -> Delivery:
    response = worker.work(request)
    host = fault.value or "elsewhere.invalid"
    foreign = host if "://" in host else f"http://{host}"
    own = f"http://{request.headers.get('host', '')}"
    return Delivery(response=replace(response, body=response.body.replace(own.encode(), foreign.encode())))


def _error_in_200(fault: Fault, request: Request, worker: Worker) -> Delivery:
    return Delivery(response=replace(worker.refuse(request, 400, "The request was not carried out."), status=200))


_PLANS: Mapping[str, Callable[[Fault, Request, Worker], Delivery]] = {
    "lost_answer": _lost_answer,
    "cut_before": _cut_before,
    "truncated": _truncated,
    "truncated_unmarked": _truncated_unmarked,
    "reset": _reset,
    "429": _refused(429, "Too many requests."),
    "500": _refused(500, "An error occurred. Contact your system administrator."),
    "500_after": _failed_after,
    "503": _refused(503, "The service is unavailable."),
    "html": _html,
    "slow": _slow,
    "drip": _drip,
    "black_hole": _black_hole,
    "expired_token": _expired_token,
    "redirect": _redirect,
    "late": _late,
    "nan": _nan,
    "duplicate_keys": _duplicate_keys,
    "deep": _deep,
    "gzip_bomb": _gzip_bomb,
    "foreign_link": _foreign_link,
    "error_in_200": _error_in_200,
}
