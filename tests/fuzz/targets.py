"""What is fuzzed: each target takes any bytes, and raises AssertionError where a promise is not kept.

:data:`TARGETS` has them by name, each with seeds that are good, so that changes of them get far.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from twisted.logger import LogLevel

from tests.web import differential as both
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


def differential(data: bytes) -> None:
    """Make the same of bytes with the fast path and without it.

    The first byte says what was agreed on, and each that follows which step comes next: a frame of a kind, in one or
    two reads, bytes as they are, time that passes, or something else that happens.
    """
    how, data = data[:1] or b"\0", data[1:]
    agreed = both.Setting(
        deflate=bool(how[0] & 1),
        max_message_size=(1024, 70_000)[how[0] >> 1 & 1],
        max_pending=(4096, 1 << 20)[how[0] >> 2 & 1],
    )
    both.compare(agreed, (*_script(data), both.DRAINED, 3.0, 20.0, both.ANSWER, both.NEWS, 20.0, 1.0))


def _script(data: bytes) -> Iterator[both.Step]:
    """Make a script of bytes: a step's first byte says which it is, the second how long."""
    masks = (bytes(4), b"\x01\x80\xff\x00")
    while len(data) >= 2:
        first, size, data = data[0], data[1], data[2:]
        kind = first >> 5
        if kind == 0:
            happens = first & 15
            yield both.EVENTS[happens] if happens < len(both.EVENTS) else (0.0, 0.5, 3.0, 20.0)[size & 3]
            continue
        payload, data = data[:size], data[size:]
        if kind == 1:
            yield payload
            continue
        # What is said of the payload: as it is, or many times over, or with blanks behind it.
        payload *= (1, 1, 1, 200)[first & 3]
        if first & 3 == 2:
            payload += b" " * (16_300 if size & 1 else 200)
        mask = masks[first >> 2 & 1]
        if kind == 2:
            opcode = data[:1] or b"\x81"
            data = data[1:]
            fin, rsv, masked = bool(opcode[0] & 0x80), opcode[0] >> 4 & 7, opcode[0] & 0x0F != 0x0E
            piece = frame(opcode[0] & 0x0F, payload, fin=fin, rsv=rsv, masked=masked, mask=mask)
        else:
            piece = frame(TEXT, payload, mask=mask) * (1, 1, 1, 1, 1, 2, 20, 70)[kind]
        cut = size * 7 % (len(piece) + 1) if first & 16 else 0
        if cut:
            yield piece[:cut]
        if first & 8:
            yield both.NEWS
        yield piece[cut:]


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
_SEEDS_DIFFERENTIAL = (
    b"\x02"
    + b"".join(
        bytes([kind << 5 | more, len(text)]) + text
        for kind in (3, 5)
        for more in (0, 4, 16, 24, 2)
        for text in _CALLS[:2]
    ),
    b"\x07"
    + bytes([0x40, 5])
    + b'{"jso'
    + b"\x01"
    + bytes([0x40, 2])
    + b"hi"
    + b"\x89"
    + bytes([0x50, 3])
    + b"n}}"
    + b"\x80",
    b"\x02"
    + bytes([0xE0, len(_CALLS[0])])
    + _CALLS[0]
    + bytes([0x40, 1])
    + b"x\x89"
    + b"\x00\x00"
    + b"\x60\x02{}"
    + b"\x01\x00",
    b"\x03"
    + bytes([0x40, 7])
    + b"\xaa\x56\x2a\xcb\x2a\x4d\x02"
    + b"\xc1"
    + b"\x0f\x03\x60\x02{}\x02\x00\x40\x02\x03\xe8\x88",
    b"\x02"
    + bytes([0x20, 18])
    + frame(TEXT, b'"\xc3\xa9"')
    + frame(PING, b"x")
    + bytes([0x78, 4])
    + b'"\xff"'
    + b"\x05\x00",
    b"\x02" + bytes([0x72, 3]) + b"[1]" + bytes([0x73, 20]) + b" " * 20 + b"\x04\x00\x06\x00",
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
    "differential": Target(differential, _SEEDS_DIFFERENTIAL),
    "handshake": Target(handshake, _SEEDS_HANDSHAKE),
    "jsonrpc": Target(jsonrpc, _CALLS),
    "v4l2-ctl": Target(v4l2_ctl, _SEEDS_V4L2),
}
