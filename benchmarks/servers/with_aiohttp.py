"""aiohttp on uvloop with orjson."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import orjson
import uvloop
from aiohttp import WSMsgType, web

from benchmarks.servers.job import answer, asked, event

clients: set[web.WebSocketResponse] = set()


async def client(request: web.Request) -> web.WebSocketResponse:
    """Serve one client."""
    connection = web.WebSocketResponse(compress=False, decode_text=False)
    await connection.prepare(request)
    clients.add(connection)
    try:
        async for message in connection:
            await connection.send_frame(orjson.dumps(answer(orjson.loads(message.data))), WSMsgType.TEXT)
    finally:
        clients.discard(connection)
    return connection


async def _send(connection: web.WebSocketResponse, events: list[bytes]) -> None:
    for payload in events:
        await connection.send_frame(payload, WSMsgType.TEXT)


async def main() -> None:
    """Serve."""
    loop = asyncio.get_running_loop()
    published = 0
    tasks: set[asyncio.Task[Any]] = set()

    async def publish_all(events: list[bytes]) -> None:
        for connection in tuple(clients):
            await _send(connection, events)

    def publish() -> None:
        nonlocal published
        data = os.read(0, 4096).decode()
        if not data:
            os._exit(0)  # who started it has gone
        for line in data.splitlines():
            count = asked(line)
            events = [orjson.dumps(event(published + place + 1)) for place in range(count)]
            published += count
            task = loop.create_task(publish_all(events))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    loop.add_reader(0, publish)
    application = web.Application()
    application.router.add_get("/", client)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(f"ws://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
    await asyncio.Event().wait()


uvloop.run(main())
