"""What goes out to one client: as one write in each turn of the reactor, and not without a bound.

Frames are collected while the reactor's turn lasts, be they answers to all that was read at once or a burst of events,
and leave together. Where the client reads slower than we write, they wait here, where they can be counted: the
transport says by its producer interface when its own buffer (64 KiB) is full and when it is empty again. Twisted's
buffer itself would grow without a bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger, LogLevel
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime

#: The bytes that are written at once, unless one frame has more; so many wait for no end of a turn.
PORTION = 64 * 1024


class Turn:
    """The outboxes that have something to send when this turn of the reactor ends.

    :param clock: the reactor.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._log = Logger(namespace="webcam_rpc.web")
        self._outboxes: list[Outbox] = []

    def add(self, outbox: Outbox) -> None:
        """Flush ``outbox`` at the end of this turn."""
        if not self._outboxes:
            self._clock.callLater(0, self._end)
        self._outboxes.append(outbox)

    def _end(self) -> None:
        outboxes, self._outboxes = self._outboxes, []
        for outbox in outboxes:
            try:
                outbox.flush()
            except Exception:  # noqa: BLE001 - one connection's defect must not silence the others
                self._log.failure("Sending to a client failed", level=LogLevel.error)


@implementer(IPushProducer)
class Outbox:
    """The frames for one client, in order. It has to be registered as the transport's producer.

    :param write: takes bytes; may call ``pauseProducing`` before it returns.
    :param turn: flushes it at the end of a turn.
    :param drained: called when everything is with the transport again and it takes more.
    :ivar full: whether the transport takes nothing more for now.
    :ivar held: whether somebody will flush it before this turn is over.
    :ivar waiting: the bytes that wait here.
    """

    __slots__ = ("_drained", "_frames", "_turn", "_write", "full", "held", "waiting")

    def __init__(self, write: Callable[[bytes], object], turn: Turn, drained: Callable[[], None]) -> None:
        self.full = False
        self.held = False
        self.waiting = 0
        self._write = write
        self._turn = turn
        self._drained = drained
        self._frames: list[bytes] = []

    def write(self, frame: bytes) -> None:
        """Send ``frame`` at the end of this turn, or as soon as it can be."""
        frames = self._frames
        if not frames and not self.held and not self.full:
            self._turn.add(self)
        frames.append(frame)
        self.waiting += len(frame)
        if self.waiting >= PORTION and not self.full:
            self.flush()

    def flush(self) -> None:
        """Send what there is, as far as the transport takes it."""
        frames = self._frames
        if not frames or self.full:
            return
        if self.waiting <= PORTION or len(frames) == 1:
            data = frames[0] if len(frames) == 1 else b"".join(frames)
            self.clear()
            self._write(data)
            return
        taken = 0
        while taken < len(frames) and not self.full:
            begin, size = taken, 0
            while taken < len(frames) and size < PORTION:
                size += len(frames[taken])
                taken += 1
            self.waiting -= size
            self._write(b"".join(frames[begin:taken]))
        # What came meanwhile stands behind them.
        del frames[:taken]

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
        self.flush()
        if not self.full:
            self._drained()

    def stopProducing(self) -> None:
        """Forget everything: the connection is lost."""
        self.full = True
        self.clear()
