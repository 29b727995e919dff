"""What is fuzzed: each target takes any bytes, and raises AssertionError where a promise is not kept.

:data:`TARGETS` has them by name, each with seeds that are good, so that changes of them get far.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from twisted.logger import LogLevel

from tests.web.case import WebTestCase
from tests.web.wire import CLOSE, PING, PONG, TEXT, UPGRADE, frame, frames, head
from webcam_rpc.cameras import v4l2
from webcam_rpc.cameras.v4l2_controls import parse_controls
from webcam_rpc.cameras.v4l2_formats import parse_formats
from webcam_rpc.rpc.session import receive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CAPTURES = Path(__file__).parent.parent / "captures"
_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
#: What an error may reflect of its request, and what is around it.
_MOST = 8192 + 512


class Target(NamedTuple):
    """Something to give bytes to."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


class _Site(WebTestCase):
    """A site in memory, outside of a test."""

    def runTest(self) -> None:  # noqa: N802 - unittest's name
        """Nothing: it is used by the targets."""


def _pieces(data: bytes) -> Iterator[bytes]:
    """Cut bytes into frames: the first of each says which, the second how long."""
    while len(data) >= 2:
        first, size = data[0], data[1] * 4 if data[0] & 0x40 else data[1] % 126
        payload, data = data[2 : 2 + size], data[2 + size :]
        yield frame(first & 0x0F, payload, fin=bool(first & 0x80), rsv=first >> 4 & 3)


def websocket(data: bytes) -> None:
    """Bytes on an open WebSocket: whatever comes, what is written is whole, and nothing is logged as a defect.

    The first byte says whether compression is agreed on, and whether the rest is frames or anything.
    """
    site = _Site()
    site.setUp()
    try:
        how, data = data[:1] or b"\0", data[1:]
        raw = how[0] & 2
        wire = site.websocket(*([_DEFLATE] if how[0] & 1 else []))
        for piece in [data] if raw else list(_pieces(data)):
            wire.send(piece)
        site.settle(40)
        written = frames(wire.take())
        closes = [each for each in written if each.opcode == CLOSE]
        assert len(closes) <= 1, "two close frames"
        assert not closes or written[-1] is closes[0], "something comes after the close frame"
        for each in written:
            if each.opcode == TEXT and not each.rsv:
                json.loads(each.payload)
        if not raw and not closes and not wire.lost and not wire.aborted:
            wire.send(frame(PING, b"there?"))
            site.settle(40)
            assert [each.payload for each in frames(wire.take()) if each.opcode == PONG] == [b"there?"], "no pong"
        wire.hang_up()
        site.settle(5)
        defects = [event for event in site.log if event["log_level"] >= LogLevel.error]
        # One of the methods raises, on purpose, where it is called.
        assert all("broken" in str(event) or "unencodable" in str(event) for event in defects), defects
        assert len(site.clients) == 0, "a client is left"
    finally:
        site.doCleanups()


def handshake(data: bytes) -> None:
    """Bytes on a new connection: it is answered in HTTP, or waits for more, or is closed."""
    site = _Site()
    site.setUp()
    try:
        wire = site.connect()
        wire.send(data)
        site.settle(40)
        written = wire.take()
        assert not written or written.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), written[:80]
        assert b"Traceback" not in written
        defects = [event for event in site.log if event["log_level"] >= LogLevel.error]
        assert not defects, defects
        site.clock.advance(60)
        site.settle(5)
        if not wire.lost:
            wire.hang_up()
        assert len(site.clients.connections) == 0, "a connection is left"
    finally:
        site.doCleanups()


def jsonrpc(data: bytes) -> None:
    """Read a message: each request has one answer, with its own id, and an error reflects little."""
    exchange = receive(data)
    answers = [] if exchange.reply is None else [exchange.reply]
    for call in exchange.calls:
        answer = exchange.resolve(call, {"x": 1})
        if answer is not None:
            answers.append(answer)
    for answer in answers:
        found = json.loads(answer)
        for one in found if isinstance(found, list) else [found]:
            assert one["jsonrpc"] == "2.0"
            assert ("result" in one) != ("error" in one)
            if "error" in one:
                assert len(json.dumps(one["error"])) <= _MOST, "too much of the request comes back"


def v4l2_ctl(data: bytes) -> None:
    """Read what v4l2-ctl might print: it is understood, or it is not, and nothing else."""
    text = data.decode("utf-8", "replace")
    for parse in (v4l2.parse_report, parse_controls, parse_formats):
        try:
            parse(text)
        except v4l2.ParseError:
            continue
    v4l2.failure(text, text, 1)


def _framed(*messages: bytes, how: int = 0) -> bytes:
    """Write messages so that :func:`websocket` sends them as they are."""
    return bytes([how]) + b"".join(bytes([0x81, len(text)]) + text for text in messages)


_CALLS = (
    b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"x"}}',
    b'[{"jsonrpc":"2.0","id":"a","method":"ping"},{"jsonrpc":"2.0","method":"slow"}]',
    b'{"jsonrpc":"2.0","id":null,"method":"nothing","params":[1,2.5e3,"\\u00e9",{"a":[[]]}]}',
)
_SEEDS_WEBSOCKET = (
    _framed(*_CALLS),
    _framed(_CALLS[0], how=1),
    b"\0" + bytes([0x01, 5]) + b'{"jso' + bytes([0x89, 2]) + b"hi" + bytes([0x80, 3]) + b"n}}",
    b"\0" + bytes([0x88, 2]) + b"\x03\xe8",
    b"\x02" + frame(TEXT, _CALLS[0]) + frame(PING, b"x") + frame(CLOSE, b"\x03\xe8bye"),
    b"\x01" + bytes([0xC1, 7]) + b"\xaa\x56\x2a\xcb\x2a\x4d\x02",
)
_SEEDS_HANDSHAKE = (
    head("GET", "/ws", *UPGRADE),
    head("POST", "/rpc", "Content-Type: application/json", "Content-Length: 2") + b"{}",
    head("POST", "/rpc", "Content-Type: application/json", "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n",
    head("GET", "/openrpc.json?token=x&a=%41", "Cookie: webcam_rpc_token=x", "Range: bytes=0-1"),
)
_SEEDS_V4L2 = tuple(
    path.read_bytes() for path in sorted(CAPTURES.glob("*.txt")) if re.match(r"(uvc|vivid|mute|gone)", path.name)
)

TARGETS = {
    "websocket": Target(websocket, _SEEDS_WEBSOCKET),
    "handshake": Target(handshake, _SEEDS_HANDSHAKE),
    "jsonrpc": Target(jsonrpc, _CALLS),
    "v4l2-ctl": Target(v4l2_ctl, _SEEDS_V4L2),
}
