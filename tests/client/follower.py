"""A process that follows the events with the client for asyncio, for tests: ``python -m tests.client.follower URL``.

Writes a line of JSON for each event, until it is sent SIGTERM; then one with the modules of Twisted that it has loaded,
which should be none.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import msgspec

from webcam_rpc.client.backoff import Backoff
from webcam_rpc.client.on_asyncio import Client


async def follow(url: str) -> None:
    """Write every event."""
    client = Client(url, backoff=Backoff(0.005, 0.05))
    events = client.events()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, events.close)
    async with client:
        async for event in events:
            told = {"kind": type(event).__name__, **msgspec.to_builtins(event)}
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1]))
    loaded = sorted({name.partition(".")[0] for name in sys.modules} & {"twisted", "autobahn", "txaio"})
    sys.stdout.write(json.dumps({"kind": "end", "loaded": loaded}) + "\n")
