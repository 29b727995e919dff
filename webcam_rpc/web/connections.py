"""Every socket that is open: how many there may be, how many from one address, and that none is left at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IHalfCloseableDescriptor, ISSLTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime

    from webcam_rpc.web.peers import Peer

#: How many sockets above the limit are answered with 503 at one time; more are closed without a word.
_ANSWERED = 256


class Transport(Protocol):
    """What is used of Twisted's stream transports: several of its interfaces at once."""

    # ruff: noqa: D102, N802 - Twisted's methods and names

    def write(self, data: bytes) -> None: ...
    def loseConnection(self) -> None: ...
    def loseWriteConnection(self) -> None: ...
    def abortConnection(self) -> None: ...
    def getPeer(self) -> object: ...
    def registerProducer(self, producer: IPushProducer, streaming: bool, /) -> None: ...  # noqa: FBT001 - Twisted's
    def unregisterProducer(self) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...

    protocol: object


def end_writing(transport: Transport) -> None:
    """Send what is written, then the end of the stream, and go on reading.

    To close a socket on which unread data waits resets it, and the peer may then lose what it was sent last: a close
    frame, or the reason why its request was refused. TLS has no half-closed state.
    """
    if IHalfCloseableDescriptor.providedBy(transport) and not ISSLTransport.providedBy(transport):
        transport.loseWriteConnection()
    else:
        # TLS says nothing more, not even goodbye, while a producer could.
        transport.unregisterProducer()
        transport.loseConnection()


#: What a socket is; each begins as one of plain HTTP.
KINDS = _HTTP, _WEBSOCKET, _STREAM = "http", "websocket", "stream"


@dataclass(slots=True)
class _Socket:
    counted: str | None
    admitted: bool
    leave: Callable[[], None] | None
    kind: str = _HTTP


class Connections:
    """The open sockets, by their transports.

    :param clock: the reactor.
    :param most: how many there may be.
    :param most_per_address: how many of one address, this machine's own excepted.
    """

    def __init__(
        self,
        clock: IReactorTime,
        most: int,
        most_per_address: int,
    ) -> None:
        self._clock = clock
        #: Tells whether an address is that of a proxy, which has as many as its clients have together.
        self.is_proxy: Callable[[str | None], bool] = lambda _: False
        self._most = most
        self._most_per_address = most_per_address
        self._sockets: dict[Transport, _Socket] = {}
        self._admitted = 0
        self._per_address: Counter[str] = Counter()
        self._closing = False
        self._closed: list[Deferred[None]] = []
        self._deadline: IDelayedCall | None = None

    def __len__(self) -> int:
        """Count the sockets."""
        return len(self._sockets)

    def by_kind(self) -> dict[str, int]:
        """Count the sockets by what they are."""
        counts = dict.fromkeys(KINDS, 0)
        for socket in self._sockets.values():
            counts[socket.kind] += 1
        return counts

    @property
    def takes_none(self) -> bool:
        """Whether a new socket is to be closed without a word."""
        return self._closing or len(self._sockets) >= self._most + _ANSWERED

    def open(self, transport: Transport, peer: Peer, leave: Callable[[], None]) -> bool:
        """Enter a socket, admitted or not; tell whether it is within the limits.

        :param leave: called at the end of the service: closes the socket unless it is in the middle of something.
        """
        address = None if peer.loopback or self.is_proxy(peer.address) else peer.network
        room = address is None or self._per_address[address] < self._most_per_address
        # A machine that is full is one that an administrator has to get into.
        admitted = (peer.admin or (room and self._admitted < self._most)) and not self._closing
        self._sockets[transport] = _Socket(address if admitted else None, admitted, leave)
        if admitted:
            self._admitted += 1
            if address is not None:
                self._per_address[address] += 1
        return admitted

    def belongs_to(self, transport: Transport, peer: Peer) -> bool:
        """Count a proxy's socket as one of its client's from now on; tell whether that one may have another."""
        socket, address = self._sockets.get(transport), peer.network
        if socket is None or not socket.admitted or socket.counted == address or address is None:
            return True
        self._uncount(socket)
        if self._per_address[address] >= self._most_per_address:
            return False
        socket.counted = address
        self._per_address[address] += 1
        return True

    def hand_over(self, transport: Transport, leave: Callable[[], None] | None) -> None:
        """Note that this socket is something else now; a WebSocket has no ``leave``, but a goodbye of its own."""
        socket = self._sockets[transport]
        socket.leave, socket.kind = leave, _WEBSOCKET if leave is None else _STREAM

    def lost(self, transport: Transport) -> None:
        """Forget a socket that is closed."""
        socket = self._sockets.pop(transport, None)
        if socket is None:
            return
        self._admitted -= socket.admitted
        self._uncount(socket)
        if self._closing and not self._sockets:
            self._all_closed()

    def close(self, grace: float) -> Deferred[None]:
        """Close every socket: idle ones now, the rest after ``grace`` seconds; done when the last is lost."""
        self._closing = True
        for socket in tuple(self._sockets.values()):
            if socket.leave is not None:
                socket.leave()
        if not self._sockets:
            return succeed(None)
        if self._deadline is None:
            self._deadline = self._clock.callLater(grace, self._abort)
        done: Deferred[None] = Deferred()
        self._closed.append(done)
        return done

    def reopen(self) -> None:
        """Take sockets again."""
        self._closing = False

    def configure(self, most: int, most_per_address: int) -> None:
        """Let so many in from now on; those who are in stay."""
        self._most = most
        self._most_per_address = most_per_address

    def _uncount(self, socket: _Socket) -> None:
        if socket.counted is None:
            return
        self._per_address[socket.counted] -= 1
        if not self._per_address[socket.counted]:
            # There are many addresses in the world.
            del self._per_address[socket.counted]
        socket.counted = None

    def _abort(self) -> None:
        self._deadline = None
        for transport in tuple(self._sockets):
            transport.abortConnection()

    def _all_closed(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        waiting, self._closed = self._closed, []
        for done in waiting:
            done.callback(None)
