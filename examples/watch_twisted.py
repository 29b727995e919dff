"""Shows what cameras do, with Twisted: ``python examples/watch_twisted.py [URL]``; WEBCAM_TOKEN may hold a token."""

from __future__ import annotations

import os
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from webcam_rpc.client.address import DEFAULT
from webcam_rpc.client.following import Missed
from webcam_rpc.client.models import CameraStatusUpdate, RecordingStatusUpdate
from webcam_rpc.client.on_twisted import Client


async def watch(reactor: Any, url: str) -> None:  # noqa: ANN401 - provides many interfaces
    """Print what is there, then what happens."""
    client = Client(reactor, url, token=os.environ.get("WEBCAM_TOKEN"))
    client.startService()
    try:
        server = await client.get_server_info()
        print(f"{server.name} {server.version}", flush=True)
        async for event in client.events(CameraStatusUpdate, RecordingStatusUpdate):
            if isinstance(event, CameraStatusUpdate):
                print(f"{event.timestamp} {event.device}: {event.status}", flush=True)
            elif isinstance(event, Missed):
                print(f"events are missing ({event.reason}); this is how things are now:", flush=True)
            else:
                print(f"{event.timestamp} {event.device}: {event.filename}: {event.status}", flush=True)
    finally:
        await (client.stopService() or _nothing())


async def _nothing() -> None:
    pass


def main(reactor: Any, url: str = DEFAULT) -> Deferred[None]:  # noqa: ANN401 - provides many interfaces
    """Run until it is interrupted."""
    return Deferred.fromCoroutine(watch(reactor, url))


if __name__ == "__main__":
    react(main, sys.argv[1:])
