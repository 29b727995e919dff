"""The service as ``python -m webcam_rpc serve`` runs it, with real events on demand.

    python -m benchmarks.servers.ours [options of serve]

Nothing of it is replaced: the bus on which it publishes is kept in mind when the service makes it, and a reader of
standard input is added to its reactor.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReadDescriptor
from zope.interface import implementer

from webcam_rpc import __main__
from webcam_rpc import tap as composition
from webcam_rpc.cameras.models import Camera, CameraStatusChanged, Status

if TYPE_CHECKING:
    from webcam_rpc.bus import Bus

tap: Any = composition
_EVENT = CameraStatusChanged(Camera("demo", "/dev/video-demo", "Demo camera", Status.CONNECTED))


@implementer(IReadDescriptor)
class Publisher:
    """Publishes what standard input asks for.

    :param bus: the service's own.
    """

    def __init__(self, bus: Bus, reactor: Any) -> None:  # noqa: ANN401 - of many interfaces
        self._bus = bus
        self._reactor = reactor

    def fileno(self) -> int:
        """Give standard input's descriptor."""
        return 0

    def doRead(self) -> None:
        """Publish."""
        for line in os.read(0, 4096).decode().splitlines():
            word, _, count = line.partition(" ")
            for _ in range(int(count) if word == "publish" else 0):
                self._bus.publish(_EVENT)

    def connectionLost(self, reason: object) -> None:  # noqa: ARG002 - Twisted's signature
        """End: who started this has gone."""
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    def logPrefix(self) -> str:
        """Name this reader."""
        return "stdin"


def main() -> None:
    """Be the service."""
    make_bus = tap.make_bus

    def make_and_remember() -> Bus:
        from twisted.internet import reactor  # noqa: PLC0415 - the service has chosen it by now

        bus: Bus = make_bus()
        installed: Any = reactor
        installed.addReader(Publisher(bus, reactor))
        return bus

    tap.make_bus = make_and_remember
    __main__.main(["serve", *sys.argv[1:]])


if __name__ == "__main__":
    main()
