"""`GET /live`: the process answers. `GET /ready`: it can do its work, or why not. For what restarts and balances; no login."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.errors import MlconnectorError
from engine.service.parts import Parts
from engine.state.gauges import look_once

DATABASE_SECONDS = 3.0


def health_routes(parts: Parts, ready: Callable[[], bool]) -> list[Route]:
    """`ready`: whether what starts the flows ticks, and is not stopping."""

    async def live(_request: Request) -> Response:
        return JSONResponse({"live": True}, headers={"Cache-Control": "no-store"})

    async def answer(_request: Request) -> Response:
        reason = "" if ready() else "the scheduler is not at work: it is starting, stopping or stuck"
        reason = reason or await _database(parts)
        said = {"ready": not reason} if not reason else {"ready": False, "reason": reason}
        return JSONResponse(said, status_code=503 if reason else 200, headers={"Cache-Control": "no-store"})

    return [Route("/live", live), Route("/ready", answer)]


async def _database(parts: Parts) -> str:
    """What is wrong with it; the error's own words may name hosts and people."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            await asyncio.to_thread(look_once, parts.workspace.desk)
    except TimeoutError:
        return f"the database does not answer within {DATABASE_SECONDS:g} seconds"
    except MlconnectorError:
        return "the database can't be reached"
    return ""
