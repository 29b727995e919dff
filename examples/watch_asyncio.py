"""Shows what cameras do, with asyncio: ``python examples/watch_asyncio.py [URL]``; WEBCAM_TOKEN may hold a token."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

from webcam_rpc.client.address import DEFAULT
from webcam_rpc.client.following import Missed
from webcam_rpc.client.models import CameraStatusUpdate, RecordingStatusUpdate
from webcam_rpc.client.on_asyncio import Client


async def watch(url: str) -> None:
    """Print what is there, then what happens."""
    async with Client(url, token=os.environ.get("WEBCAM_TOKEN")) as client:
        server = await client.get_server_info()
        print(f"{server.name} {server.version}", flush=True)
        async for event in client.events(CameraStatusUpdate, RecordingStatusUpdate):
            if isinstance(event, CameraStatusUpdate):
                print(f"{event.timestamp} {event.device}: {event.status}", flush=True)
            elif isinstance(event, Missed):
                print(f"events are missing ({event.reason}); this is how things are now:", flush=True)
            else:
                print(f"{event.timestamp} {event.device}: {event.filename}: {event.status}", flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(watch(sys.argv[1] if len(sys.argv) > 1 else DEFAULT))
