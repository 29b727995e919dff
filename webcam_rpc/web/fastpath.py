"""The fast path: whole text frames taken without Autobahn's parser, and bytes sent without waiting for epoll.

Nearly every message is one unfragmented, masked, uncompressed text frame that is complete in what was read. Those are
taken here; everything else (fragments, control frames, compression, big frames, bad UTF-8, every violation) is handed
to Autobahn's parser, a frame at a time, so that its state is clean again for the next whole frame. ``server.fast_path``
switches this off, and it switches itself off on releases that its tests do not name.

What leans on the internals of Autobahn (:data:`AUTOBAHN`) and Twisted (:data:`TWISTED`), each with a test in
tests/web/test_fastpath_internals.py that says what moved:

- ``data`` is what was read and not parsed, ``current_frame`` the header of the frame that has begun, with
  ``current_frame_masker.pointer()`` of its ``length`` bytes gone by, and ``inside_message`` tells that a message has.
  Where none of them is set in the state OPEN, the next byte is the first of a frame.
- ``_dataReceived`` is ``dataReceived`` without the arguments of a line of log that nobody reads.
- ``autoPingTimeoutCall`` runs while a pong is awaited, and with ``autoPingRestartOnAnyTraffic`` a message is as good as
  one, by ``_cancelAutoPingTimeoutCall``.
- What a Twisted connection has not sent yet is in ``dataBuffer`` and ``_tempDataBuffer``: while both are empty, bytes
  may go straight to its ``socket``, until ``connected`` ends or ``disconnecting``, ``_writeDisconnecting`` or
  ``_aborting`` begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import autobahn
from twisted.internet import tcp
from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger

import twisted
from webcam_rpc.web.protocol import WebcamServerProtocol

if TYPE_CHECKING:
    from collections.abc import Callable

#: The releases, by year and month, on which the tests of this module have passed.
AUTOBAHN = ("24.4", "25.9", "25.10", "26.6", "26.7", "26.10")
TWISTED = ("24.11", "25.5", "26.4", "26.10")

#: The first byte of a frame that is a whole, uncompressed text message, and of the second the bit of a masked one with
#: the lengths that say that the length comes in two or in eight bytes more (RFC 6455, section 5.2).
_WHOLE_TEXT, _MASKED, _TWO, _EIGHT = 0x81, 0x80, 126, 127
#: The shortest and the longest header with its mask.
_SHORT_HEADER, _LONG_HEADER = 6, 14
#: Longer frames come in several reads anyway.
_MOST = 16 * 1024
#: How much Autobahn gets at once: it copies all that it holds at each step.
_PIECE = 4096

_from_bytes = int.from_bytes
_log = Logger(namespace="webcam_rpc.web")


def protocol_for(wanted: bool) -> type[WebcamServerProtocol]:  # noqa: FBT001 - it is the option
    """Give the class of WebSockets for the option ``server.fast_path``."""
    if not wanted:
        return WebcamServerProtocol
    unknown = unknown_releases()
    if unknown:
        _log.warn("The fast path is off: it does not know {unknown}", unknown=unknown)
        return WebcamServerProtocol
    return FastServerProtocol


def unknown_releases() -> str:
    """Name the releases that the fast path does not know; an empty text where it knows all."""
    found = (("Autobahn", vars(autobahn)["__version__"], AUTOBAHN), ("Twisted", twisted.__version__, TWISTED))
    return ", ".join(
        f"{name} {release}" for name, release, known in found if ".".join(release.split(".")[:2]) not in known
    )


class FastServerProtocol(WebcamServerProtocol):
    """One WebSocket whose whole text frames do not go through Autobahn, nor what it sends through Twisted's buffer."""

    def parse(self, data: bytes) -> int:
        """Take whole text frames; or hand one other frame, or a piece of it, to Autobahn."""
        if data and self._between_messages:
            taken = self._take_whole_frames(data)
            if taken >= 0:
                return taken
        if self.failedByMe:
            # Autobahn stays in the frame that failed, whose rest may be a byte, and goes no further.
            return len(data)
        piece = data[: self._wanted(data)]
        self._dataReceived(piece)
        return len(piece)

    def writer(self) -> Callable[[bytes], object]:
        """Give what takes the bytes for the peer."""
        transport = self.transport
        if isinstance(transport, tcp.Connection) and not ISSLTransport.providedBy(transport):
            return _Socket(transport).write
        return super().writer()

    @property
    def _between_messages(self) -> bool:
        return not (
            self.data
            or self.current_frame is not None
            or self.inside_message
            or self.failedByMe
            or self.state != self.STATE_OPEN
        )

    def _take_whole_frames(self, data: bytes) -> int:  # noqa: C901 - to call functions would take longer than they do
        """Take the whole text frames that ``data`` begins with; give how many bytes they are.

        0 where the first has yet to come in full or may not be taken now, -1 where it is for Autobahn.
        """
        client, size = self.client, len(data)
        if client is None:
            return -1
        may_step, received = client.reading.may_step, client.received
        most = min(_MOST, self.maxMessagePayloadSize)
        taken = messages = 0
        foreign = False
        while size - taken >= _SHORT_HEADER:
            length, start = data[taken + 1] - _MASKED, taken + _SHORT_HEADER
            if length == _TWO:
                length, start = data[taken + 2] << 8 | data[taken + 3], start + 2
                # One that did not need them is a violation.
                foreign = length < _TWO
            elif length == _EIGHT:
                foreign = True
            if foreign or data[taken] != _WHOLE_TEXT or not 0 <= length <= most:
                foreign = True
                break
            end = start + length
            if end > size:
                # Autobahn closes at the first byte that is no UTF-8, which may be long before the last comes.
                foreign = not _is_ascii(data[start:], data[start - 4 : start])
                break
            if not may_step():
                break
            mask = data[start - 4 : start] * ((length >> 2) + 1)
            text = (_from_bytes(data[start:end], "big") ^ _from_bytes(mask[:length], "big")).to_bytes(length, "big")
            if not (text.isascii() or _is_utf8(text)):
                foreign = True
                break
            taken = end
            messages += 1
            received(text)
            if self.state != self.STATE_OPEN:
                break
        else:
            foreign = _is_foreign(data[taken : taken + 2])
        if messages:
            self.factory.clients.counts.fast_path += messages
            if self.autoPingTimeoutCall is not None and self.autoPingRestartOnAnyTraffic:
                self._cancelAutoPingTimeoutCall()
        return -1 if foreign and not taken else taken

    def _wanted(self, data: bytes) -> int:
        """Give how many bytes are the rest of the frame that Autobahn has begun, or will; at most a piece."""
        if self.current_frame is not None:
            rest = self.current_frame.length - self.current_frame_masker.pointer() - len(self.data)
            return int(min(max(rest, 0), _PIECE))
        head = self.data + data[:_LONG_HEADER]
        if len(head) < 2:  # noqa: PLR2004 - opcode and length
            return len(data)
        length = head[1] & ~_MASKED
        size = 2 + (4 if head[1] & _MASKED else 0)
        if length >= _TWO:
            extended = 2 if length == _TWO else 8
            length, size = int.from_bytes(head[2 : 2 + extended], "big"), size + extended
        if len(head) < size:
            return len(data)
        return min(size + length - len(self.data), _PIECE)


def _is_foreign(head: bytes) -> bool:
    """Tell from the first two bytes of a frame, or the first, that it is none for the fast path."""
    return head[:1] not in (b"", b"\x81") or (len(head) > 1 and not _MASKED <= head[1] < _MASKED + _EIGHT)


def _is_ascii(part: bytes, mask: bytes) -> bool:
    """Tell whether a part of a masked text has nothing but ASCII characters in it."""
    size = len(part)
    masks = (mask * ((size >> 2) + 1))[:size]
    return (_from_bytes(part, "big") ^ _from_bytes(masks, "big")).to_bytes(size, "big").isascii()


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Socket:
    """Sends at once what a socket takes; only the rest goes through the transport, and waits for epoll."""

    __slots__ = ("_send", "_transport")

    def __init__(self, transport: tcp.Connection) -> None:
        self._transport = transport
        self._send = transport.socket.send

    def write(self, data: bytes) -> None:
        transport = self._transport
        if (
            transport.dataBuffer
            or transport._tempDataBuffer  # noqa: SLF001 - see above
            or not transport.connected
            or transport.disconnecting
            or transport._writeDisconnecting  # noqa: SLF001
            or transport._aborting  # noqa: SLF001
        ):
            transport.write(data)
            return
        try:
            sent = self._send(data)
        except OSError:
            # The transport finds out itself what it is.
            sent = 0
        if sent < len(data):
            transport.write(data[sent:])
