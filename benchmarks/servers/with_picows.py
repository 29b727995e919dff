"""picows on uvloop with orjson."""

from __future__ import annotations

import asyncio
import os

import orjson
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from benchmarks.servers.job import answer, asked, event

clients: set[WSTransport] = set()


class Ping(WSListener):  # type: ignore[misc,unused-ignore]
    """One client."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Count it in."""
        clients.add(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Answer a call."""
        if frame.msg_type == WSMsgType.TEXT:
            call = orjson.loads(frame.get_payload_as_memoryview())
            transport.send(WSMsgType.TEXT, orjson.dumps(answer(call)))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Count it out."""
        clients.discard(transport)


async def main() -> None:
    """Serve."""
    published = 0

    def publish() -> None:
        nonlocal published
        data = os.read(0, 4096).decode()
        if not data:
            os._exit(0)  # who started it has gone
        for line in data.splitlines():
            for _ in range(asked(line)):
                published += 1
                payload = orjson.dumps(event(published))
                for transport in clients:
                    transport.send(WSMsgType.TEXT, payload)

    def client(request: WSUpgradeRequest) -> Ping:  # noqa: ARG001 - picows's signature
        return Ping()

    asyncio.get_running_loop().add_reader(0, publish)
    server = await ws_create_server(client, "127.0.0.1", 0, backlog=1024)
    print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await server.serve_forever()


uvloop.run(main())
