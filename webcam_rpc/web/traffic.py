"""The log of messages as they come and go: its logger's name, its wording, its limit, and the switch that ends it.

The limit is held here and not where lines are written: of thousands of messages in a second all but a hundred must cost
no more than to be counted.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from webcam_rpc.web.peers import Peer

#: How many lines are written in a second.
LIMIT = 100


class Traffic:
    """Logs messages. Whoever calls it looks at ``enabled`` first: off, it costs one look.

    :param clock: the reactor; what was held back is counted in a line of its own when its second is over.
    """

    def __init__(self, clock: IReactorTime, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._clock = clock
        self._log = Logger(namespace="webcam_rpc.traffic")
        self._second = -math.inf
        #: How many more lines this second has; below zero, how many were held back.
        self._left = 0
        self._over: IDelayedCall | None = None

    def configure(self, level: str) -> None:
        """Log from now on, or do not where the level is ``OFF``: what a level lets through the log decides."""
        self.enabled = level != "OFF"

    def received(self, peer: Peer, text: bytes) -> None:
        """Log a message that came."""
        if self._admits():
            self._log.info("Received from {peer}: {text}", peer=peer.name, text=text.decode("utf-8", "replace"))

    def sending(self, peer: Peer, text: bytes) -> None:
        """Log a message that goes."""
        if self._admits():
            self._log.info("Sending to {peer}: {text}", peer=peer.name, text=text.decode("utf-8", "replace"))

    def pinged(self) -> None:
        """Log that the method was called."""
        if self.enabled and self._admits():
            self._log.info("Ping method called")

    def flush(self) -> None:
        """Write what is still to be written: the count of the lines that were held back."""
        if self._over is not None:
            self._over.cancel()
            self._count()

    def _admits(self) -> bool:
        if self._over is not None:
            self._left -= 1
            return False
        now = self._clock.seconds()
        if now - self._second >= 1:
            self._second, self._left = now, LIMIT
        self._left -= 1
        if self._left >= 0:
            return True
        self._over = self._clock.callLater(1 - (now - self._second), self._count)
        return False

    def _count(self) -> None:
        held_back, self._over, self._second = -self._left, None, -math.inf
        self._log.info("... and {rest} more messages in the last second", rest=held_back)
