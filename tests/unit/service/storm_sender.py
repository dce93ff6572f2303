"""A sender of webhooks as a process of its own: so many deliveries a second over so many connections, what failed sent again.

Its arguments are a JSON object; it prints one: how often each status came, how long the slowest answers took.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import sys
import time
from collections import Counter
from typing import Any


def delivery(given: dict[str, Any], number: int) -> bytes:
    body = json.dumps({"id": f"e-{number}", "type": given["type"], "object": {"id": f"b-{number}"}}).encode()
    signature = hmac.digest(given["secret"].encode(), body, hashlib.sha256).hex()
    head = (
        f"POST {given['path']} HTTP/1.1\r\nHost: 127.0.0.1\r\n{given['header']}: {signature}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def storm(given: dict[str, Any]) -> dict[str, Any]:
    numbers = [number for number in range(given["many"]) for _ in range(given.get("times", 1))]
    ready = [delivery(given, number) for number in numbers]
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    statuses: Counter[str] = Counter()
    took: list[float] = []
    left = len(ready)
    done = asyncio.Event()

    async def sender() -> None:
        nonlocal left
        streams = None
        while True:
            raw = await queue.get()
            at = time.perf_counter()
            try:
                if streams is None:
                    streams = await asyncio.open_connection(given["host"], given["port"])
                reader, writer = streams
                writer.write(raw)
                head = await reader.readuntil(b"\r\n\r\n")
                status = head[9:12].decode()
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                await reader.readexactly(length)
                if b"connection: close" in head.lower():
                    writer.close()
                    streams = None
            except (OSError, asyncio.IncompleteReadError):
                status, streams = "lost", None
            statuses[status] += 1
            if status == "200":
                took.append(time.perf_counter() - at)
                left -= 1
                if not left:
                    done.set()
            else:
                queue.put_nowait(raw)
                await asyncio.sleep(0.05)

    senders = [asyncio.create_task(sender()) for _ in range(given["connections"])]
    began = time.perf_counter()
    for place, raw in enumerate(ready):
        ahead = began + place / given["rate"] - time.perf_counter()
        if ahead > 0.002:
            await asyncio.sleep(ahead)
        queue.put_nowait(raw)
    await asyncio.wait_for(done.wait(), 60)
    seconds = time.perf_counter() - began
    for task in senders:
        task.cancel()
    took.sort()
    return {
        "statuses": statuses,
        "seconds": round(seconds, 3),
        "rate": round(len(ready) / seconds),
        "median": round(took[len(took) // 2], 4),
        "slowest": round(took[-1], 4),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(storm(json.loads(sys.argv[1])))))  # noqa: T201
