"""The other end of a socket in memory, and WebSocket frames as a client writes and reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IHalfCloseableDescriptor
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress
    from twisted.internet.task import Clock

LOOPBACK = IPv4Address("TCP", "127.0.0.1", 54321)
ELSEWHERE = IPv4Address("TCP", "192.0.2.7", 40000)

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_MASK = b"\x11\x22\x33\x44"


@dataclass(frozen=True)
class Frame:
    """A frame from the server."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0

    @property
    def code(self) -> int:
        """The code of a close frame."""
        return int.from_bytes(self.payload[:2], "big")


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """Write a frame as a client does."""
    first = bytes(((0x80 if fin else 0) | rsv << 4 | opcode,))
    bit, size = (0x80 if masked else 0), len(payload)
    if size < 126:
        head = first + bytes((bit | size,))
    elif size < 65536:
        head = first + bytes((bit | 126,)) + size.to_bytes(2, "big")
    else:
        head = first + bytes((bit | 127,)) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    key = int.from_bytes((_MASK * (size // 4 + 1))[:size], "big")
    return head + _MASK + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


def frames(data: bytes) -> list[Frame]:
    """Read what a server wrote, which must be whole frames."""
    found = []
    while data:
        size, start = data[1] & 0x7F, 2
        if size == 126:
            size, start = int.from_bytes(data[2:4], "big"), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10], "big"), 10
        assert not data[1] & 0x80, "a server must not mask"
        assert len(data) >= start + size, "half a frame"
        found.append(Frame(data[0] & 0x0F, data[start : start + size], bool(data[0] & 0x80), data[0] >> 4 & 7))
        data = data[start + size :]
    return found


def head(method: str, path: str, *lines: str, host: str | None = "127.0.0.1:8002") -> bytes:
    """Write the head of a request."""
    named = [] if host is None else [f"Host: {host}"]
    return "\r\n".join((f"{method} {path} HTTP/1.1", *named, *lines, "", "")).encode("latin-1")


UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@implementer(IHalfCloseableDescriptor)
class Wire(StringTransport):
    """A server's transport that remembers how it was ended, and then is lost, as a real one."""

    protocol: Any
    producer: Any

    def __init__(self, clock: Clock, peer: IAddress = LOOPBACK) -> None:
        super().__init__(peerAddress=peer, lenient=True)
        self.clock = clock
        self.blocked = False
        self.half_closed = False
        self.aborted = False
        self.lost = False
        #: Each write by itself.
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Take what the server writes."""
        super().write(data)
        self.written.append(data)

    def send(self, data: bytes) -> None:
        """Give the server what a client sends, if the server still takes it."""
        if not self.lost:
            self.protocol.dataReceived(data)

    def hang_up(self) -> None:
        """Close as a client."""
        self._lose(Failure(ConnectionDone()))

    def readConnectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Be lost, as a transport is whose protocol does not know half-closed connections."""
        self._lose(reason)

    def writeConnectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Nothing."""

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Close once nothing waits; a client that does not read never lets it come to that."""
        super().loseConnection()
        if not self.blocked:
            self.clock.callLater(0, self._lose, Failure(ConnectionDone()))

    def loseWriteConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Note the end of the stream."""
        self.half_closed = True

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Close at once."""
        super().abortConnection()
        self.aborted = True
        self.clock.callLater(0, self._lose, Failure(ConnectionAborted()))

    def unregisterProducer(self) -> None:  # noqa: N802 - Twisted's name
        """Do as the real ones: not to have one is no fault."""
        self.producer = None

    @property
    def paused(self) -> bool:
        """Whether nothing is read from the client."""
        return bool(self.producerState == "paused")

    def take(self) -> bytes:
        """Give what the server has written since the last time."""
        data = self.value()
        self.clear()
        self.written.clear()
        return bytes(data)

    def frames(self) -> list[Frame]:
        """Give the frames since the last time."""
        return frames(self.take())

    def _lose(self, reason: Failure) -> None:
        if not self.lost:
            self.lost = True
            self.connected = False
            if self.producer is not None:
                self.producer.stopProducing()
            self.protocol.connectionLost(reason)
