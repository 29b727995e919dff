"""A body on its way to a client, as fast as the client takes it: the next piece when the last has been taken.

Owns the pace of bodies that are longer than what a transport should hold, and the end of clients that take nothing. An
answer is only finished when all of it has been taken: the time for the next request begins then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.ranges import Range

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.web.channel import Request

#: Bytes sent at a time, which Twisted does in one go.
PIECE = 128 * 1024
#: How long a disk may take for a piece.
DISK_TIMEOUT = 14.0
#: A client that has not taken a piece in so long is gone.
STALLED = 30.0

#: What a body is made of: bytes, and ranges of a file.
Pieces: TypeAlias = "deque[bytes | Range]"


def _unreadable(_: Range) -> Deferred[bytes]:
    raise TypeError("there is no file")


@implementer(IPushProducer)
class Sending:
    """A body; the head is set already.

    :param read: reads a range, beside the reactor; a range may turn out to be shorter, but not empty.
    :param close: called once, when nothing is read any more.
    """

    _log = Logger(namespace="webcam_rpc.web")

    def __init__(
        self,
        clock: IReactorTime,
        request: Request,
        pieces: Pieces,
        read: Callable[[Range], Deferred[bytes]] = _unreadable,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._request = request
        self._grant = request.grant
        self._pieces = pieces
        self._read = read
        self._close = close
        self._paused = False
        self._reading = False
        self._over = False
        self._timer: IDelayedCall | None = None

    def start(self) -> None:
        """Begin."""
        self._request.registerProducer(self, True)  # noqa: FBT003 - Twisted's
        self._grant.watch(self._role_changed)
        self._go_on()

    def pauseProducing(self) -> None:
        """Wait until the client has taken what there is."""
        self._paused = True
        self._allow(STALLED, self._drop)

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        self._allow(None)
        self._go_on()

    def stopProducing(self) -> None:
        """End: the connection is lost."""
        self._end()

    def _go_on(self) -> None:
        while self._pieces and not (self._paused or self._reading or self._over):
            piece = self._next()
            if isinstance(piece, bytes):
                self._request.write(piece)
            else:
                self._reading = True
                self._allow(DISK_TIMEOUT, lambda: self._break_off("the disk does not answer"))
                self._read(piece).addCallback(self._was_read, piece).addErrback(self._failed)
        if not (self._pieces or self._paused or self._reading or self._over):
            self._end()
            self._request.unregisterProducer()
            self._request.finish()

    def _next(self) -> bytes | Range:
        piece = self._pieces.popleft()
        if isinstance(piece, bytes):
            if len(piece) > PIECE:
                self._pieces.appendleft(piece[PIECE:])
            return piece[:PIECE]
        if piece.length > PIECE:
            self._pieces.appendleft(Range(piece.start + PIECE, piece.end))
        return Range(piece.start, min(piece.end, piece.start + PIECE))

    def _was_read(self, data: bytes, piece: Range) -> None:
        self._reading = False
        if self._over:
            self._close()
            return
        self._allow(None)
        if not data:
            self._break_off("the file is shorter than it was")
            return
        if len(data) < piece.length:
            self._pieces.appendleft(Range(piece.start + len(data), piece.end))
        self._request.write(data)
        self._go_on()

    def _failed(self, failure: Failure) -> None:
        self._reading = False
        if self._over:
            self._close()
        else:
            self._break_off(failure.getErrorMessage())

    def _break_off(self, reason: str) -> None:
        """End the connection: only that says that the rest will not come."""
        self._log.error("Sending {path} failed: {reason}", path=self._request.path, reason=reason)
        self._drop()

    def _drop(self) -> None:
        self._end()
        self._request.channel.transport.abortConnection()

    def _role_changed(self) -> None:
        """End where whoever asked may not have it any more."""
        if self._grant.role < Role.VIEWER:
            self._drop()

    def _allow(self, seconds: float | None, late: Callable[[], None] | None = None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if seconds is None or late is None else self._clock.callLater(seconds, late)

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        self._grant.end()
        self._pieces.clear()
        self._allow(None)
        if not self._reading:
            # Else a thread still reads: it is closed when that is done.
            self._close()
