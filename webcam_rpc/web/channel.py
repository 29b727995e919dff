"""One connection while it speaks HTTP, and the requests on it: what is read of them, and how long that may take.

Owns the bounds on what comes before anything is known of a client: 16 KiB of head, a deadline for it that no slow
trickle moves, the size of a body while it comes, a few requests a turn.
"""

from __future__ import annotations

from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING

from twisted.protocols.policies import ProtocolWrapper
from twisted.web import http, server

from webcam_rpc.web.connections import end_writing
from webcam_rpc.web.peers import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IProtocol
    from twisted.python.failure import Failure

    from webcam_rpc.web.connections import Transport
    from webcam_rpc.web.grants import Grant
    from webcam_rpc.web.site import Site

#: Bytes of a request's line and headers.
HEAD_LIMIT = 16 * 1024
#: Digits of a Content-Length: more are more than anything could be, and from 4300 on Python refuses to read them.
_LENGTH_DIGITS = 19
#: How long a body may take, from the end of its head.
BODY_TIMEOUT = 30.0
#: How many requests of one connection are begun in one turn of the reactor: hundreds fit into one read.
REQUESTS_PER_TURN = 8
#: How long a socket may take to take its last bytes.
CLOSE_TIMEOUT = 1.0
#: How long we wait at the end for the request of a client that has just connected: it may be on its way. Whoever
#: connects later is the next process's, where systemd has the socket.
LAST_REQUEST = 0.5


class Channel(http.HTTPChannel):
    """One connection, while it speaks HTTP."""

    MAX_LENGTH = HEAD_LIMIT
    totalHeadersSize = HEAD_LIMIT  # noqa: N815 - Twisted's name

    site: Site
    peer: Peer
    #: Says who the other end is.
    peer_of: Callable[[Transport], Peer] = staticmethod(lambda transport: Peer.of(transport.getPeer()))
    transport: Transport  # type: ignore[assignment]
    _head = 0
    _refused = False
    _deadline: IDelayedCall | None = None
    _begun = 0
    _answered = False
    _leaving = False
    _turn: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Count the connection, and give it its time for a request."""
        super().connectionMade()
        self.peer = self.peer_of(self.transport)
        connections = self.site.clients.connections
        silent = connections.takes_none
        if not connections.open(self.transport, self.peer, self._leave):
            if silent:
                self._refused = True
                self.transport.abortConnection()
            else:
                self.site.clients.counts.refused += 1
                self.refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._wait(self.site.limits.handshake_timeout)

    def dataReceived(self, data: bytes) -> None:
        """Parse, unless this connection has had its last answer."""
        if not self._refused:
            super().dataReceived(data)

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take a line of a head, whose rest may be so much shorter."""
        self._head += len(line) + len(self.delimiter)
        self.MAX_LENGTH = max(0, HEAD_LIMIT - self._head)
        if self._head > HEAD_LIMIT:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif not self._refused:
            super().lineReceived(line)

    def lineLengthExceeded(self, _line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Refuse a head that is too long, be it in one line or in many."""
        self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def headerReceived(self, line: bytes) -> bool:  # noqa: N802 - Twisted's name
        """Take a header, unless it leaves a doubt about where the body ends.

        Twisted takes ``Transfer-Encoding: identity`` for nothing at all, beside other codings too; a proxy in front of
        us may not, and see another request in the body (RFC 9112, sections 6.1 and 11.2).
        """
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        if name == b"content-length" and len(value) > _LENGTH_DIGITS:
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if value.isdigit() else HTTPStatus.BAD_REQUEST)
            return False
        if name == b"transfer-encoding" and value.lower() != b"chunked":
            self.refuse(HTTPStatus.NOT_IMPLEMENTED)
            return False
        return bool(super().headerReceived(line))

    def allHeadersReceived(self) -> None:  # noqa: N802 - Twisted's name
        """Begin the body's time."""
        self._wait(BODY_TIMEOUT)
        super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take a piece of a body, unless it was refused."""
        if not self._refused:
            super().rawDataReceived(data)

    def allContentReceived(self) -> None:  # noqa: N802 - Twisted's name
        """Hand a whole request over; from here on the time is ours."""
        if self._refused:
            return
        self._stop_waiting()
        self._head = 0
        self.MAX_LENGTH = HEAD_LIMIT
        self._begun += 1
        if self._turn is None:
            self._turn = self.callLater(0, self._next_turn)
        if self._begun >= REQUESTS_PER_TURN:
            # Stops the loop over what has been read.
            self.paused = True
        super().allContentReceived()

    def checkPersistence(self, request: http.Request, version: bytes) -> bool:  # noqa: N802 - Twisted's name
        """Take no other request after one that comes at the end of the service."""
        if self._leaving:
            request.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            return False
        persistent: bool = super().checkPersistence(request, version)
        return persistent

    def requestDone(self, request: http.Request) -> None:  # noqa: N802 - Twisted's name
        """Wait for the next request, no longer than for the first."""
        self._answered = True
        self._wait(self.site.limits.handshake_timeout)
        super().requestDone(request)
        if self.paused:
            self.transport.pauseProducing()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override,unused-ignore]
        """Forget the connection."""
        self._stop()
        self.site.clients.connections.lost(self.transport)
        super().connectionLost(reason)

    def refuse(self, status: HTTPStatus) -> None:
        """Answer with a bare status, take nothing more, and close."""
        reason = status.phrase.encode()
        self._refused = True
        self.transport.write(b"HTTP/1.1 %d %b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % (status, reason))
        self.transport.unregisterProducer()
        end_writing(self.transport)
        self._wait(CLOSE_TIMEOUT)

    def hand_over(self, protocol: IProtocol, leave: Callable[[], None] | None = None) -> bytes:
        """Give the socket to another protocol, for good; returns what was read beyond the request.

        :param leave: called at the end of the service, to close the socket.
        """
        self._stop()
        # What came while the request was looked at lies apart.
        transport, rest = self.transport, bytes(self.clearLineBuffer()) + b"".join(self._dataBuffer)
        self.site.clients.connections.hand_over(transport, leave)
        transport.unregisterProducer()
        self.transport = None  # type: ignore[assignment]
        self.requests.clear()
        if isinstance(transport, ProtocolWrapper):
            # TLS: what decrypts stays the socket's protocol.
            transport.wrappedProtocol = protocol
        else:
            transport.protocol = protocol
        protocol.makeConnection(transport)  # type: ignore[arg-type]
        # Twisted pauses it when much comes behind a request.
        transport.resumeProducing()
        return rest

    def _leave(self) -> None:
        """Go, at the end of the service, unless a request is being answered or may be on its way."""
        self._leaving = True
        if self.requests and self._deadline is None:
            self.persistent = False
            self.requests[0].responseHeaders.setRawHeaders(b"Connection", [b"close"])
        elif self._answered and not self._head:
            self._refused = True
            self.loseConnection()
        elif not self._refused:
            self._wait(LAST_REQUEST)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = self.callLater(seconds, self._too_late)

    def _next_turn(self) -> None:
        self._turn = None
        self._begun = 0
        if self.paused:
            self.paused = False
            self.transport.resumeProducing()
            self.dataReceived(b"")

    def _stop(self) -> None:
        self._stop_waiting()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self._refused:
            self.transport.abortConnection()
            return
        self._refused = True
        self.loseConnection()
        self._wait(CLOSE_TIMEOUT)


class Request(server.Request):
    """A request whose body is bounded while it comes.

    :ivar grant: what whoever sent it may do, once it is let in.
    """

    channel: Channel
    content: BytesIO
    grant: Grant

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Get ready for the body, or refuse it."""
        self.content = BytesIO()
        if length is not None and length > self.channel.site.limits.max_message_size:
            self.channel.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take a piece of the body; a chunked one tells its size only by and by."""
        if self.content.tell() + len(data) > self.channel.site.limits.max_message_size:
            self.channel.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 - Twisted's name
        """Begin to answer. Twisted would parse forms first, of which there are none here."""
        self.content.seek(0)
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, query = path.partition(b"?")
        self.args = http.parse_qs(query, keep_blank_values=True)
        self.process()

    def process(self) -> None:
        """Find the resource; ``*``, which stands for the server, is none."""
        if self.path == b"*":
            self.path = b"/*"
        super().process()
