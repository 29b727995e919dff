"""websockets on uvloop with orjson."""

from __future__ import annotations

import asyncio
import os

import orjson
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.servers.job import answer, asked, event


async def main() -> None:
    """Serve."""
    clients: set[ServerConnection] = set()
    published = 0

    async def client(connection: ServerConnection) -> None:
        clients.add(connection)
        try:
            while True:
                call = orjson.loads(await connection.recv(decode=False))
                await connection.send(orjson.dumps(answer(call)), text=True)
        finally:
            clients.discard(connection)

    def publish() -> None:
        nonlocal published
        data = os.read(0, 4096).decode()
        if not data:
            os._exit(0)  # who started it has gone
        for line in data.splitlines():
            for _ in range(asked(line)):
                published += 1
                broadcast(clients, orjson.dumps(event(published)).decode())

    asyncio.get_running_loop().add_reader(0, publish)
    server = await serve(client, "127.0.0.1", 0, compression=None, ping_interval=None, backlog=1024)
    print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await server.serve_forever()


uvloop.run(main())
