"""The WebSocket: Autobahn's parser and state machine, with every limit on, between a socket and a :class:`Client`.

What leans on Autobahn's internals (24.4 to 26.10), each with a test in tests/web/test_internals.py that says what
moved:

- ``processData`` makes one step of parsing and is called until it gives False; the next ``dataReceived``, of nothing
  too, goes on with what was left in ``data``. So a turn can end between two frames.
- ``_fail_connection(code, reason)`` is where every violation ends. After its close frame the original goes on parsing,
  and a second violation resets the socket and with it the close frame.
- ``_closeConnection(abort)`` closes the socket. The original resets it even after a clean close.
- ``sendCloseFrame`` sends any code, while ``sendClose`` refuses 1001 and 1003; ``closeHandshakeTimeoutCall`` is its
  timer, which the original leaves running when the connection is lost.
- ``_perMessageCompress`` is the codec, ``websocket_extensions`` what the client offers, until onConnect returns.
- ``factory._batched_timer.call_later`` makes every timer. The original uses the global reactor and whole seconds.
- ``_connectionMade`` begins a connection. The original looks first at what it is made of, ``_transport_details``, and
  of TLS knows only pyOpenSSL's connections, which ours are not (:mod:`.tlsconnection`).
- ``CONFIG_ATTRS`` names the options, which ``_connectionMade`` copies from the factory to each connection.
- ``succeedHandshake`` is the end of the handshake. What only that needed is in :data:`_HANDSHAKE`; ``trafficStats`` is
  counted in and never read; ``send_queue`` is for messages that are sent in pieces, which ours are not.
- ``onAutoPingTimeout`` with ``autoPingTimeoutCall`` ends a silent connection.

The messages are taken by IWebSocketChannelFrameApi (``onMessageBegin``, ``onMessageFrameBegin``, ``onMessageEnd`` with
``message_data``), which is public. They are sent past Autobahn, see :mod:`.frames`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeAlias

from webcam_rpc.web import deflate
from webcam_rpc.web.client import Client
from webcam_rpc.web.connections import end_writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.config import Server as Limits
    from webcam_rpc.web.admission import Admission
    from webcam_rpc.web.calls import Calls
    from webcam_rpc.web.clients import Clients
    from webcam_rpc.web.connections import Transport
    from webcam_rpc.web.grants import Grant

    # Autobahn's releases differ in what they tell of their types: here it has none.
    WebSocketServerFactory: TypeAlias = Any
    WebSocketServerProtocol: TypeAlias = Any
    TrafficStats: TypeAlias = Any
    TransportDetails: TypeAlias = Any
    txaio: Any
else:
    import txaio
    from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
    from autobahn.wamp.types import TransportDetails
    from autobahn.websocket.protocol import TrafficStats

#: Empty frames never reach a limit in bytes.
FRAMES_PER_MESSAGE = 8192
#: How long the peer may take to answer our close frame, and a socket to take its last bytes.
CLOSE_TIMEOUT = 1.0

_UNSUPPORTED, _TOO_BIG = 1003, 1009

#: What Autobahn keeps of the handshake for as long as the connection lasts.
_HANDSHAKE = frozenset(
    {
        "_wskey",
        "http_headers",
        "http_request_data",
        "http_request_host",
        "http_request_params",
        "http_request_path",
        "http_request_uri",
        "http_response_data",
        "http_status_line",
        "websocket_extensions",
        "websocket_origin",
        "websocket_protocols",
    }
)
#: What a connection begins with, and most end with; of the class, so that it need not be of each of them.
_AT_FIRST: dict[str, object] = {
    "websocket_version": 13,
    **dict.fromkeys(
        (
            "closedByMe",
            "droppedByMe",
            "failedByMe",
            "inside_message",
            "triggered",
            "wasClean",
            "wasCloseHandshakeTimeout",
            "wasMaxFramePayloadSizeExceeded",
            "wasMaxMessagePayloadSizeExceeded",
            "wasOpenHandshakeTimeout",
            "wasServerConnectionDropTimeout",
            "wasServingFlashSocketPolicyFile",
        ),
        False,
    ),
    **dict.fromkeys(
        (
            "_perMessageCompress",
            "autoPingPending",
            "autoPingPendingSent",
            "autoPingTimeoutCall",
            "closeHandshakeTimeoutCall",
            "current_frame",
            "localCloseCode",
            "localCloseReason",
            "openHandshakeTimeoutCall",
            "remoteCloseCode",
            "remoteCloseReason",
            "trackedTimings",
            "wasNotCleanReason",
            "websocket_protocol_in_use",
        )
    ),
}
_TRANSPORT = TransportDetails(is_server=True)
#: How much Autobahn gets at once: it copies all that it holds at each step.
_PIECE = 4096
#: What fits into a close frame beside its code (RFC 6455, section 5.5).
_REASON = 123


class WebcamServerProtocol(WebSocketServerProtocol):  # type: ignore[misc]
    """One WebSocket. Its callbacks only hand over to its client."""

    #: What a client does wrong is its business, not the log's: Autobahn would warn of each.
    log = txaio.make_logger(level="error")

    # Autobahn's own, of which its older releases tell no types.
    factory: WebcamServerFactory
    transport: Transport
    data: bytes
    failedByMe: bool  # noqa: N815 - Autobahn's name
    autoPingTimeoutCall: IDelayedCall | None  # noqa: N815 - Autobahn's name
    message_data: list[bytes]
    websocket_extensions: list[deflate.Extension]

    client: Client | None = None
    frames = 0
    closing: IDelayedCall | None = None

    # Set by whoever hands a socket over, before the handshake.
    grant: Grant

    @property
    def writable(self) -> bool:
        """Whether messages may be sent."""
        return bool(self.state == self.STATE_OPEN)

    def parse(self, data: bytes) -> int:
        """Parse a piece of what came, and what was left of the pieces before; give its size."""
        piece = data[:_PIECE]
        super().dataReceived(piece)
        return len(piece)

    def writer(self) -> Callable[[bytes], object]:
        """Give what takes the bytes for the peer."""
        return self.transport.write

    def close(self, code: int, reason: str) -> None:
        """Send a close frame; the peer has CLOSE_TIMEOUT to answer it."""
        if self.writable:
            self.sendCloseFrame(code, reason.encode()[:_REASON])

    def connectionMade(self) -> None:
        """Begin. What the transport is made of nobody asks."""
        self._transport_details = _TRANSPORT
        transport: Any = self.transport
        with contextlib.suppress(AttributeError, OSError):  # a unix socket has no such thing
            transport.setTcpNoDelay(True)
        self._connectionMade()

    def onConnect(self, _request: object) -> None:
        """Accept the handshake: the resource has checked it."""
        self.websocket_extensions = deflate.decline_unknown(self.websocket_extensions)

    def succeedHandshake(self, res: object) -> None:  # noqa: N802 - Autobahn's name
        """End the handshake, and keep nothing of it: what Autobahn keeps is more than all the rest of a connection."""
        super().succeedHandshake(res)
        self.send_queue = ()
        self.trafficStats = self.factory.traffic_stats
        mine, common, missing = vars(self), type(self), object()
        # A dict that has had much in it stays large.
        self.__dict__ = {
            name: value
            for name, value in mine.items()
            if name not in _HANDSHAKE and getattr(common, name, missing) is not value
        }

    def onOpen(self) -> None:
        """Let the client in."""
        self.client = self.factory.client(self)
        self.factory.clients.add(self.client)

    def dataReceived(self, data: bytes) -> None:
        """Look at what came, as far as one turn goes."""
        if self.client is None:
            super().dataReceived(data)
        else:
            self.client.reading.received(data)

    def processData(self) -> bool:  # noqa: N802 - Autobahn's name
        """Make a step of parsing, if it may be made now."""
        if self.failedByMe:
            self.data = b""
            return False
        return self.client is not None and self.client.reading.may_step() and bool(super().processData())

    def onMessageBegin(self, is_binary: bool) -> None:  # noqa: FBT001 - Autobahn's signature
        """Refuse binary messages before they have come."""
        super().onMessageBegin(is_binary)
        self.frames = 0
        if is_binary:
            self._fail_connection(_UNSUPPORTED, "text messages only")

    def onMessageFrameBegin(self, length: int) -> None:
        """Count the message's frames."""
        super().onMessageFrameBegin(length)
        self.frames += 1
        if self.frames > FRAMES_PER_MESSAGE:
            self._fail_connection(_TOO_BIG, f"a message may have {FRAMES_PER_MESSAGE} frames")

    def onMessageEnd(self) -> None:  # noqa: N802 - Autobahn's name
        """Hand the message over; once a close frame has gone out it is not answered any more."""
        text, self.message_data = self.message_data, []
        if self.client is not None and self.writable:
            self.client.received(b"".join(text))

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:  # noqa: FBT001, FBT002, N802 - Autobahn's
        """Send a frame of Autobahn's own behind what this turn has for the client already."""
        if self.client is not None:
            self.client.flush()
        super().sendData(data, sync, chopsize)

    def onAutoPingTimeout(self) -> None:  # noqa: N802 - Autobahn's name
        """Give the peer up, unless it is us who don't read."""
        if self.client is not None and self.client.reading.waits_for_us:
            self.autoPingTimeoutCall = self.factory.later(self.autoPingTimeout, self.onAutoPingTimeout)
        else:
            self.factory.clients.counts.silent += 1
            super().onAutoPingTimeout()

    def connectionLost(self, reason: Failure) -> None:
        """Forget the connection."""
        super().connectionLost(reason)
        for timer in (self.closing, self.closeHandshakeTimeoutCall):
            if timer is not None and timer.active():
                timer.cancel()
        self.factory.lost(self)

    def unregisterProducer(self) -> None:  # noqa: N802 - Autobahn's name
        """Leave the transport to itself, once: Autobahn asks for it each time that it could be the last."""
        if self.client is not None and self.closing is None:
            super().unregisterProducer()

    def _fail_connection(self, code: int = 1001, reason: str = "going away") -> None:
        """End the connection with a close frame and look at nothing more (RFC 6455, section 7.1.7)."""
        if self.failedByMe or self.client is None:
            return
        self.failedByMe = True
        self.client.close(code, reason)
        end_writing(self.transport)

    def _closeConnection(self, abort: bool = False) -> None:  # noqa: FBT001, FBT002, N802 - Autobahn's
        """Close the socket: at once if the peer is gone, else when it has taken its last bytes or its time is up."""
        if self.client is not None:
            self.client.reading.stop()
        if abort and not self.wasClean:
            self.transport.abortConnection()
            return
        self.closing = self.factory.later(CLOSE_TIMEOUT, self.transport.abortConnection)
        if not self.failedByMe:
            self.transport.loseConnection()


class Timers:
    """Makes Autobahn's timers on a reactor that is given, and to the point."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock

    def call_later(self, delay: float, function: Callable[..., object], *args: object) -> IDelayedCall:
        """Call ``function`` after ``delay`` seconds."""
        return self._clock.callLater(delay, function, *args)


class WebcamServerFactory(WebSocketServerFactory):  # type: ignore[misc]
    """Makes WebSockets, each with the limits of the configuration.

    :param clock: the reactor.
    :param limits: the section ``server``.
    :param clients: where each client is entered.
    :param calls: performs what they ask for.
    :param admission: proves their tokens.
    :param protocol_for: gives the class for ``server.fast_path``.
    """

    noisy = False
    client_type: type[Client] = Client

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits,
        clients: Clients,
        calls: Calls,
        admission: Admission,
        protocol_for: Callable[[bool], type[WebcamServerProtocol]] = lambda _: WebcamServerProtocol,
    ) -> None:
        super().__init__(server="webcam-rpc", reactor=clock)
        self._batched_timer = Timers(clock)
        #: Where all count together; nobody looks.
        self.traffic_stats = TrafficStats()
        self.clients = clients
        self._calls = calls
        self._admission = admission
        self._protocol_for = protocol_for
        self.configure(limits)

    def configure(self, limits: Limits) -> None:
        """Give these limits to the WebSockets that are opened from now on."""
        self._limits = limits
        self.setProtocolOptions(
            versions=[13],
            webStatus=False,
            maxMessagePayloadSize=limits.max_message_size,
            failByDrop=False,
            # The site has a deadline of its own for the head, from the first byte on.
            openHandshakeTimeout=0,
            closeHandshakeTimeout=CLOSE_TIMEOUT,
            perMessageCompressionAccept=deflate.accept if limits.compression else None,
            autoPingInterval=limits.ping_interval,
            autoPingTimeout=limits.ping_timeout,
        )
        self.protocol = self._with_options(self._protocol_for(limits.fast_path))

    def _with_options(self, protocol: type[WebcamServerProtocol]) -> type[WebcamServerProtocol]:
        """Give a class that has the options, which Autobahn would copy to each connection, and log as often."""
        options = {name: getattr(self, name) for name in protocol.CONFIG_ATTRS}
        options = {name: staticmethod(option) if callable(option) else option for name, option in options.items()}
        return type(protocol.__name__, (protocol,), {**_AT_FIRST, **options, "CONFIG_ATTRS": ()})

    def later(self, delay: float, function: Callable[[], object]) -> IDelayedCall:
        """Call ``function`` after ``delay`` seconds."""
        return self._batched_timer.call_later(delay, function)

    def client(self, link: WebcamServerProtocol) -> Client:
        """Make the client of a WebSocket that is open, and the codec that was agreed on."""
        agreed: Any = link._perMessageCompress  # noqa: SLF001 - see above
        codec = None
        if agreed is not None:
            size = self._limits.max_message_size
            codec = deflate.Deflate(agreed.server_max_window_bits, size, link._fail_connection)  # noqa: SLF001
            link._perMessageCompress = codec  # noqa: SLF001
        return self.client_type(
            link,
            link.grant,
            admission=self._admission,
            allowance=self._admission.allowance(link.grant.visit),
            calls=self._calls,
            clock=self.reactor,
            max_pending=self._limits.max_pending,
            traffic=self.clients.traffic,
            counts=self.clients.counts,
            turn=self.clients.turn,
            codec=codec,
        )

    def lost(self, link: WebcamServerProtocol) -> None:
        """Forget a WebSocket whose connection is lost."""
        if link.client is not None:
            self.clients.remove(link.client)
        self.clients.connections.lost(link.transport)
