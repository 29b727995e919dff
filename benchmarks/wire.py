"""WebSocket from the client's side, as cheap as it gets: frames made once, replies told by their lengths.

Owns opening many connections and reading frames off bytes. It parses what it must and keeps nothing else, for the load
generator must not be what is measured.
"""

from __future__ import annotations

import json
import select
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TEXT, _PING, _PONG, _FIN, _MASKED = 0x01, 0x09, 0x0A, 0x80, 0x80
_MASK = b"\x12\x34\x56\x78"
_SHORT, _MIDDLING = 125, 126
#: How many connections are opened at a time: a listener's backlog may be 50 (Twisted's is).
_AT_ONCE = 32
#: Seconds that a server may take to answer.
PATIENCE = 20.0
#: A server has said all it has to say to a new client when it is quiet for so long.
_QUIET = 0.15


class BenchmarkFailed(Exception):  # noqa: N818 - what a row says
    """A figure cannot be had; the text says why."""


def frame(payload: bytes, opcode: int = _TEXT) -> bytes:
    """Write a frame as a client has to, masked (RFC 6455, section 5.3)."""
    masked = bytes(byte ^ _MASK[place % 4] for place, byte in enumerate(payload))
    if len(payload) > _SHORT:
        return bytes((_FIN | opcode, _MASKED | _MIDDLING)) + len(payload).to_bytes(2, "big") + _MASK + masked
    return bytes((_FIN | opcode, _MASKED | len(payload))) + _MASK + masked


def request(method: str, number: int, **params: object) -> bytes:
    """Write a call's frame."""
    call: dict[str, object] = {"jsonrpc": "2.0", "method": method, "id": number}
    if params:
        call["params"] = params
    return frame(json.dumps(call, separators=(",", ":")).encode())


def frames(data: bytes | bytearray) -> Iterator[tuple[int, int, int, int]]:
    """Give opcode, start, start of the payload and end of each whole frame that a server sent."""
    at = 0
    while at + 2 <= len(data):
        size, body = data[at + 1], at + 2
        if size == 126:  # noqa: PLR2004 - RFC 6455, section 5.2
            size, body = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif size == 127:  # noqa: PLR2004 - the same
            size, body = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        if body > len(data) or body + size > len(data):
            return
        yield data[at] & 0x0F, at, body, body + size
        at = body + size


class Calls:
    """One blocking connection that makes calls: for what is not measured by the thousand."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.settimeout(PATIENCE)
        self._data = bytearray()
        self._number = 100

    def ask(self, sent: bytes, number: int) -> tuple[bytes, int]:
        """Send a call's frame and wait for its reply; give the reply and the length of its frame."""
        self._socket.sendall(sent)
        wanted = (b'"id":%d' % number, b'"id": %d' % number)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            end = 0
            for opcode, start, body, end in frames(self._data):
                payload = bytes(self._data[body:end])
                if opcode == _PING:
                    self._socket.sendall(frame(payload, _PONG))
                elif any(text in payload for text in wanted):
                    del self._data[:end]
                    return payload, end - start
            del self._data[:end]
            self._read()
        raise BenchmarkFailed("a call was not answered")

    def call(self, method: str, **params: object) -> object:
        """Make a call; give its result."""
        self._number += 1
        reply, _ = self.ask(request(method, self._number, **params), self._number)
        answer = json.loads(reply)
        if "result" not in answer:
            raise BenchmarkFailed(f"{method}: {answer.get('error')}")
        return answer["result"]

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _read(self) -> None:
        data = self._socket.recv(65536)
        if not data:
            raise BenchmarkFailed("the server has closed a connection")
        self._data += data


def connect(port: int, path: str, count: int = 1) -> list[socket.socket]:
    """Open WebSockets, and let the server say what it says to a new client; gives them blocking, and read empty."""
    opened: list[socket.socket] = []
    try:
        while len(opened) < count:
            opened.extend(_shake(port, path, min(_AT_ONCE, count - len(opened))))
        quieten(opened)
    except BaseException:
        hang_up(opened)
        raise
    return opened


def hang_up(connections: Sequence[socket.socket]) -> None:
    """Close them all at once, without a word: what is left of them would be in the next figure."""
    for connection in connections:
        # With a reset nothing stays in TIME_WAIT, and tens of thousands find a port.
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()


def quieten(connections: Sequence[socket.socket], quiet: float = _QUIET) -> None:
    """Read and forget until nothing has come for a while."""
    with select.epoll() as poll:
        sockets = {connection.fileno(): connection for connection in connections}
        for number in sockets:
            poll.register(number, select.EPOLLIN)
        deadline = time.monotonic() + PATIENCE
        while ready := poll.poll(quiet, len(sockets)):
            if time.monotonic() > deadline:
                raise BenchmarkFailed("a server does not stop talking")
            for number, _ in ready:
                if not sockets[number].recv(1 << 18):
                    raise BenchmarkFailed("the server has closed a connection")


def _shake(port: int, path: str, count: int) -> list[socket.socket]:
    asked = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ).encode()
    made: list[socket.socket] = []
    try:
        for _ in range(count):
            made.append(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            made[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made[-1].sendall(asked)
        for connection in made:
            _read_head(connection)
    except OSError as error:
        hang_up(made)
        raise BenchmarkFailed(f"no connection: {error}") from None
    return made


def _read_head(connection: socket.socket) -> None:
    """Read the answer to the handshake, and not what is behind it."""
    head = b""
    while b"\r\n\r\n" not in head:
        seen = connection.recv(4096, socket.MSG_PEEK)
        if not seen:
            raise BenchmarkFailed(f"no WebSocket: {head!r}")
        end = (head + seen).find(b"\r\n\r\n")
        head += connection.recv(len(seen) if end < 0 else end + 4 - len(head))
    if b" 101 " not in head.partition(b"\r\n")[0]:
        raise BenchmarkFailed(f"no WebSocket: {head.partition(bytes(2))[0][:80]!r}")
