"""What waits for one client that reads slower than we write.

The transport says by its producer interface when its own buffer (64 KiB) is full and when it is empty again. In
between, whole frames wait here, where they can be counted. Twisted's buffer itself would grow without a bound.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.web.connections import Transport


@implementer(IPushProducer)
class Outbox:
    """The frames for one client, in order.

    :param transport: has this registered as its producer.
    :param drained: called when everything is with the transport again and it takes more.
    :ivar full: whether the transport takes nothing more for now.
    :ivar waiting: the bytes that wait here.
    """

    def __init__(self, transport: Transport, drained: Callable[[], None]) -> None:
        self.full = False
        self.waiting = 0
        self._transport = transport
        self._drained = drained
        self._frames: deque[bytes] = deque()

    def write(self, frame: bytes) -> None:
        """Send ``frame`` as soon as it can be."""
        if self.full:
            self._frames.append(frame)
            self.waiting += len(frame)
        else:
            # May call pauseProducing before it returns.
            self._transport.write(frame)

    def clear(self) -> None:
        """Forget what waits; what the transport has goes on its way."""
        self._frames.clear()
        self.waiting = 0

    def pauseProducing(self) -> None:
        """Wait: the transport's buffer is full."""
        self.full = True

    def resumeProducing(self) -> None:
        """Go on: the transport's buffer is empty."""
        self.full = False
        while self._frames and not self.full:
            frame = self._frames.popleft()
            self.waiting -= len(frame)
            self._transport.write(frame)
        if not self.full:
            self._drained()

    def stopProducing(self) -> None:
        """Forget everything: the connection is lost."""
        self.full = True
        self.clear()
