"""Where the pictures of a stream leave: a transport that is given one at a time, and asks for the next.

Owns what is sent to one viewer, how, and how long that may take. It leans on this of Twisted's TCP transport: a
``bufferSize`` of 0 makes it pause its producer whenever it is given something, and resume it when all of that is sent;
so while it is not paused nothing waits in it, and what is sent on its ``socket`` is in order.
"""

from __future__ import annotations

from collections import deque
from socket import AF_INET, AF_INET6, IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp
from twisted.internet.interfaces import IPushProducer, IUNIXTransport
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: A viewer that has taken nothing for so long is gone.
STALLED = 30.0
#: Bytes written at a time where the transport has a buffer of its own, which is also what a viewer has to take within
#: STALLED.
_PIECE = 64 * 1024
#: Bytes left to the transport of what a socket did not take, for it to tell when the socket takes more.
_TOKEN = 4096

#: Options of tcp(7) by their values. TCP_NOTSENT_LOWAT lets the kernel keep little that is not on its way yet, without
#: a limit on what is: SO_SNDBUF would limit the rate on long ways, and the default is up to 4 MB, which on a slow one
#: is many seconds of old pictures. The others find out within two minutes that a machine has vanished while its camera
#: gave no pictures.
_NOTSENT_LOWAT, _KEEPIDLE, _KEEPINTVL, _KEEPCNT = 25, 4, 5, 6
_TCP_OPTIONS = ((_NOTSENT_LOWAT, 64 * 1024), (_KEEPIDLE, 60), (_KEEPINTVL, 15), (_KEEPCNT, 4))


@implementer(IPushProducer)
class Outlet:
    """The way to one viewer.

    :param drained: called when the viewer has taken all that was sent and there is room for more.
    :param broken: called once when the viewer cannot be reached, or takes nothing any more.
    :ivar blocked: whether the last picture is still being sent.
    """

    def __init__(
        self,
        clock: IReactorTime,
        transport: Any,  # noqa: ANN401 - several of its interfaces
        drained: Callable[[], None],
        broken: Callable[[], None],
    ) -> None:
        self.blocked = False
        self._clock = clock
        self._transport = transport
        self._drained = drained
        self._broken = broken
        self._over = False
        #: What is left of the last picture.
        self._left: deque[memoryview] = deque()
        #: When it was blocked: each time that the viewer takes something that begins anew.
        self._since = 0.0
        self._socket = self._prepare_socket()
        transport.registerProducer(self, True)  # noqa: FBT003 - Twisted's
        self._timer: IDelayedCall = clock.callLater(STALLED, self._look)

    def begin(self, head: bytes) -> None:
        """Send what comes before all pictures, behind whatever the transport has of earlier answers."""
        self._transport.write(head)

    def send(self, pieces: tuple[bytes, ...]) -> None:
        """Send a picture; not while it is blocked."""
        if self._socket is None:
            self._left.extend(map(memoryview, pieces))
            self._flush()
            return
        # Straight to the socket: Twisted's transport would put the pieces together, which copies every picture for
        # every viewer, and wait for epoll before it sends: measured with 50 viewers that costs four times as much.
        sent = self._send_now(pieces)
        if sent < sum(map(len, pieces)):
            for piece in pieces:
                if sent < len(piece):
                    self._left.append(memoryview(piece)[sent:])
                sent = max(0, sent - len(piece))
            self._leave_token()

    def close(self) -> None:
        """Send nothing more; what the transport has goes on its way."""
        self._over = True
        self._left.clear()
        if self._timer.active():
            self._timer.cancel()

    def pauseProducing(self) -> None:
        """Wait: the transport has something to send."""
        self.blocked = True
        self._since = self._clock.seconds()

    def resumeProducing(self) -> None:
        """Go on: the transport has sent all that it had."""
        if self._over:
            return
        self.blocked = False
        self._flush()
        if not self.blocked:
            self._drained()

    def stopProducing(self) -> None:
        """Send nothing more: the connection is lost."""
        self.close()

    def _prepare_socket(self) -> Any:  # noqa: ANN401 - a socket, or None where it is not ours to use
        socket = getattr(self._transport, "socket", None)  # through TLS too
        if socket is None or socket.family not in (AF_INET, AF_INET6):
            return None
        socket.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        for option, value in _TCP_OPTIONS:
            socket.setsockopt(IPPROTO_TCP, option, value)
        transport = self._transport
        if not isinstance(transport, tcp.Connection) or IUNIXTransport.providedBy(transport) or transport.TLS:
            return None
        transport.bufferSize = 0
        return socket

    def _flush(self) -> None:
        """Send what is left, as far as it goes."""
        if self._socket is None:
            while self._left and not self.blocked:
                self._transport.write(self._cut(_PIECE))
        elif self._left:
            sent = self._send_now(self._left)
            while self._left and sent >= len(self._left[0]):
                sent -= len(self._left.popleft())
            if self._left:
                self._left[0] = self._left[0][sent:]
                self._leave_token()

    def _send_now(self, pieces: Iterable[bytes | memoryview]) -> int:
        try:
            return int(self._socket.sendmsg(pieces))
        except BlockingIOError:
            return 0
        except OSError:
            self._break()
            return 0

    def _leave_token(self) -> None:
        """Have the transport wait for the socket."""
        if not self._over:
            self._transport.write(self._cut(_TOKEN))

    def _cut(self, most: int) -> bytes:
        """Take the first bytes off what is left."""
        first = self._left[0]
        if len(first) <= most:
            self._left.popleft()
        else:
            self._left[0] = first[most:]
        return bytes(first[:most])

    def _look(self) -> None:
        """See whether the viewer still takes something."""
        idle = self._clock.seconds() - self._since if self.blocked else 0.0
        if idle >= STALLED:
            self._break()
        else:
            self._timer = self._clock.callLater(STALLED - idle, self._look)

    def _break(self) -> None:
        if not self._over:
            self.close()
            self._broken()
