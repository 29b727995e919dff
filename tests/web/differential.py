"""The same bytes on two sites, one with the fast path and one without: what they do has to be the same.

A script is what happens to one WebSocket, in order: what is read from it, and what goes on around it. Where two reads
follow each other the second comes in the same turn, as it does from TLS although reading was paused. Before anything
else, and at the end, both sites settle and are compared: the calls that were performed, in order; every byte that was
written; how the socket was ended; whether it is read from; every timer; the counters.

They may differ in two ways, neither of which the promises speak of. How many writes the bytes were. Which call falls
into which turn: a turn has so many steps of parsing, and a whole frame is one here and two for Autobahn; so they are
compared when they have settled.
"""

from __future__ import annotations

import json
import random
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from msgspec import UNSET
from twisted.logger import LogLevel

from tests.web.case import WebTestCase, request
from tests.web.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, frames
from webcam_rpc import config
from webcam_rpc.web.calls import Calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.web.wire import Frame
    from webcam_rpc.rpc.methods import Caller
    from webcam_rpc.rpc.session import Call

#: A read, seconds that pass, or something else by its name.
Step: TypeAlias = "bytes | float | str"
Script: TypeAlias = "tuple[Step, ...]"

#: What happens beside reads: the client takes nothing more, or takes again, what it is sent; it answers our ping; a
#: call that takes its time is done; there are news for everybody; we close; it hangs up.
FULL, DRAINED, ANSWER, DONE, NEWS, GOODBYE, HANG_UP = "full", "drained", "answer", "done", "news", "goodbye", "hang up"
EVENTS = (FULL, DRAINED, ANSWER, DONE, NEWS, GOODBYE, HANG_UP)

_DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


class Setting(NamedTuple):
    """What the site and the client have agreed on."""

    deflate: bool = False
    max_message_size: int = 70_000
    max_pending: int = 20_000

    def limits(self, *, fast: bool) -> config.Server:
        """Give the limits of a site."""
        return config.Server(max_message_size=self.max_message_size, max_pending=self.max_pending, fast_path=fast)


class _Noting(Calls):
    """Notes each call as it begins."""

    noted: list[tuple[str, bytes, bytes]]

    def perform(self, call: Call, caller: Caller) -> object:
        """Note it and perform it."""
        self.noted.append((call.method, _text(call.id), _text(call.params)))
        return super().perform(call, caller)


def _text(raw: Any) -> bytes:
    return b"" if raw is UNSET else bytes(raw)


class Side(WebTestCase):
    """One of the two sites, outside of a test, with one WebSocket."""

    def runTest(self) -> None:  # noqa: N802 - unittest's name
        """Nothing: it is used by others."""

    def __init__(self, setting: Setting, *, fast: bool) -> None:
        super().__init__()
        self.limits = setting.limits(fast=fast)
        self.noted: list[tuple[str, bytes, bytes]] = []
        self.written: list[Frame] = []
        self.broadcasts = 0
        self.setUp()
        self.wire = self.websocket(*([_DEFLATE] if setting.deflate else []))

    def make_calls(self) -> Calls:
        """Note each call."""
        calls = _Noting(self.methods.table(), self.clock, new_id=lambda: "c0ffee")
        calls.noted = self.noted
        return calls

    def make(self, step: Step) -> None:
        """Make a step of the script."""
        if isinstance(step, bytes):
            self.wire.send(step)
        elif isinstance(step, float):
            self.clock.advance(step)
        elif not self.wire.lost:
            self._happen(step)

    def _happen(self, event: str) -> None:
        wire = self.wire
        if event == FULL and wire.producer is not None:
            wire.producer.pauseProducing()
        elif event == DRAINED and wire.producer is not None:
            wire.producer.resumeProducing()
        elif event == ANSWER:
            pings = [each.payload for each in self.written if each.opcode == PING]
            wire.send(frame(PONG, pings[-1] if pings else b""))
        elif event == DONE:
            for work in [work for work in self.methods.work if not work.called][:1]:
                work.callback("done")
        elif event == NEWS:
            self.broadcasts += 1
            self.clients.broadcast(b'{"news":%d}' % self.broadcasts, "camera_status_update", None)
        elif event == GOODBYE:
            for client in self.clients:
                client.close(1001, "shutting down")
        elif event == HANG_UP:
            wire.hang_up()

    @property
    def in_a_frame(self) -> bool:
        """Whether a frame has begun to come."""
        link = self.wire.protocol
        return bool(link.data) or link.current_frame is not None

    def settle(self, turns: int = 1) -> None:
        """Let the reactor turn until nothing is left for now, and read what was written."""
        super().settle(turns)
        self.written += frames(self.wire.take())

    @property
    def close_codes(self) -> list[int]:
        """The codes of the close frames that were written."""
        return [each.code for each in self.written if each.opcode == CLOSE]

    def seen(self) -> dict[str, object]:
        """Give all that the other side has to have too."""
        wire, counts = self.wire, self.clients.counts
        return {
            "calls": self.noted,
            # Pings carry the time and random bytes.
            "frames": [PING if each.opcode == PING else each for each in self.written],
            "lost": wire.lost,
            "aborted": wire.aborted,
            "half closed": wire.half_closed,
            "closed": wire.disconnecting,
            # Whose last frame was the client's close frame is not read from any more, paused or not.
            "paused": wire.paused and not wire.disconnecting,
            "timers": sorted(call.getTime() for call in self.clock.getDelayedCalls()),
            "clients": len(self.clients),
            "cancelled": self.methods.cancelled,
            "counts": {name: getattr(counts, name) for name in counts.__slots__ if name != "fast_path"},
        }

    def end(self) -> None:
        """Hang up; nothing is left, and nothing was a defect."""
        try:
            if not self.wire.lost:
                self.wire.hang_up()
            self.clock.advance(0)
            assert len(self.clients) == len(self.clients.connections) == 0, "a client is left"
            # One of the methods raises, on purpose, where it is called.
            defects = [event for event in self.log if event["log_level"] >= LogLevel.error]
            assert all("broken" in str(event) or "unencodable" in str(event) for event in defects), defects
        finally:
            self.doCleanups()


def compare(setting: Setting, script: Script) -> tuple[int, int]:
    """Run a script on both sites; AssertionError where they differ.

    Gives how many messages came, and how many of them took the fast path.
    """
    fast, stock = Side(setting, fast=True), Side(setting, fast=False)
    try:
        for step in script:
            if not isinstance(step, bytes):
                _settle(fast, stock)
                if step == ANSWER and stock.in_a_frame:
                    # It would be other bytes of that frame on each side: what we ping with is random.
                    continue
            for side in (fast, stock):
                side.make(step)
        _settle(fast, stock)
    finally:
        fast.end()
        stock.end()
    assert stock.clients.counts.fast_path == 0, "the fast path was taken where it is off"
    return fast.clients.counts.messages_received, fast.clients.counts.fast_path


def _settle(fast: Side, stock: Side) -> None:
    fast.settle()
    stock.settle()
    seen, expected = fast.seen(), stock.seen()
    for name, value in expected.items():
        assert seen[name] == value, f"{name}: {_short(seen[name])} with the fast path, {_short(value)} without"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 1500 else f"{text[:700]} … {text[-700:]}"


def shrink(fails: Callable[[Script], bool], script: Script, tries: int = 400) -> Script:
    """Take out what the failure does not need: steps, then parts of what is read."""
    size = max(1, len(script) // 2)
    while size and tries:
        at = 0
        while at < len(script) and tries:
            tries -= 1
            less = script[:at] + script[at + size :]
            if fails(less):
                script = less
            else:
                at += size
        size //= 2
    for at, step in enumerate(script):
        size = len(step) // 2 if isinstance(step, bytes) else 0
        while size and tries:
            place = 0
            while isinstance(step, bytes) and place < len(step) and tries:
                tries -= 1
                less = (*script[:at], step[:place] + step[place + size :], *script[at + 1 :])
                if fails(less):
                    script, step = less, step[:place] + step[place + size :]  # noqa: PLW2901 - it is the step now
                else:
                    place += size
            size //= 2
    return script


# What a client may send.

_LENGTHS = (0, 1, 2, 3, 4, 5, 6, 60, 124, 125, 126, 127, 128, 1023, 1024, 1025, 4095, 4096, 4097, 16383, 16384, 16385)
_LONG = (20_000, 65535, 65536, 70_000, 70_001)
_BAD_UTF8 = (b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\xf0\x9f\x98")
_TEXTS = ("", "x", "é", "日本語", "😀" * 9, '"\\', "x" * 300)
_NONSENSE = (b"{", b"[]", b"null", b"[1,2]", b'{"jsonrpc":"2.0"}', b"\x00", b" ", b'{"jsonrpc":"2.0","method":"ping"}')
_CODES = (
    b"",
    b"\x03\xe8",
    b"\x03\xe9bye",
    b"\x0b\xb8",
    b"\x03\xed",
    b"\x03",
    b"\x00\x00",
    b"\x03\xe8\xff",
    b"\xff\xff",
)


def _call(chance: random.Random) -> bytes:
    number = chance.choice((None, chance.randrange(1000), chance.randrange(1000)))
    method = chance.choice(
        ("ping", "ping", "echo", "echo", "echo", "slow", "wait", "nothing", "broken", "big", "admin")
    )
    if method == "echo":
        text = chance.choice(_TEXTS)
        if chance.random() < 0.5:
            return request(method, number, text="TEXT").replace(
                b"TEXT", json.dumps(text, ensure_ascii=False)[1:-1].encode()
            )
        return request(method, number, text=text)
    if method == "big":
        return request(method, number, size=chance.choice((0, 100, 126, 1024, 5000, 70_000)))
    return request(method, number)


def _message(chance: random.Random) -> bytes:
    what = chance.random()
    if what < 0.6:
        return _call(chance)
    if what < 0.7:
        return b"[" + b",".join(_call(chance) for _ in range(chance.choice((1, 2, 20, 100, 101)))) + b"]"
    if what < 0.85:
        text = _call(chance)
        return text + b" " * max(0, chance.choice(_LENGTHS if chance.random() < 0.8 else _LONG) - len(text))
    return chance.choice(_NONSENSE)


def _masked(opcode: int, payload: bytes, chance: random.Random, **more: Any) -> bytes:
    """Write a frame with a mask of its own; none at all in its bits where it is of zeros."""
    return frame(opcode, payload, mask=chance.choice((bytes(4), chance.randbytes(4), chance.randbytes(4))), **more)


def _fragments(chance: random.Random) -> Iterator[bytes]:
    text = _message(chance)
    cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.randint(0, 4)))
    parts = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    for number, part in enumerate(parts):
        yield _masked(TEXT if number == 0 else CONTINUATION, part, chance, fin=number == len(parts) - 1)
        if chance.random() < 0.3:
            yield _masked(chance.choice((PING, PONG)), chance.randbytes(chance.choice((0, 1, 125))), chance)


def _compressed(chance: random.Random) -> Iterator[bytes]:
    deflater = zlib.compressobj(wbits=-15)
    data = deflater.compress(_message(chance)) + deflater.flush(zlib.Z_SYNC_FLUSH)
    data = data.removesuffix(b"\x00\x00\xff\xff")
    if chance.random() < 0.3:
        cut = chance.randrange(len(data) + 1)
        yield _masked(TEXT, data[:cut], chance, rsv=4, fin=False)
        yield _masked(CONTINUATION, data[cut:], chance)
    else:
        yield _masked(TEXT, data, chance, rsv=4)


def _violation(chance: random.Random) -> bytes:
    text, short = _message(chance), chance.randrange(126)
    bad, place = chance.choice(_BAD_UTF8), chance.choice((0, len(text) // 2, len(text)))
    long = chance.choice((0, 125, 65535, 1 << 62, 1 << 63))
    return chance.choice(
        (
            _masked(TEXT, text[:place] + bad + text[place:], chance),
            _masked(TEXT, text[:place] + bad + text[place:], chance),
            frame(chance.choice((TEXT, PING, CONTINUATION)), text[:100], masked=False),
            _masked(chance.choice((3, 7, 11, 15)), text[:100], chance),
            _masked(TEXT, text, chance, rsv=chance.randrange(1, 8)),
            bytes((0x81, 0xFE)) + short.to_bytes(2, "big") + chance.randbytes(40),
            bytes((0x81, 0xFF)) + long.to_bytes(8, "big") + chance.randbytes(40),
            _masked(BINARY, text, chance),
            _masked(PING, bytes(chance.choice((10, 126))), chance, fin=False),
            _masked(CONTINUATION, text[:50], chance) + chance.randbytes(chance.randint(1, 40)),
        )
    )


def _stream(chance: random.Random, setting: Setting) -> bytes:
    """Write what one client sends."""
    ill = chance.random()
    pieces: list[bytes] = []
    for _ in range(chance.choice((1, 3, 10, 40))):
        what = chance.random()
        if what < 0.62:
            pieces.append(_masked(TEXT, _message(chance), chance))
        elif what < 0.70:
            pieces.append(_masked(TEXT, _call(chance), chance) * chance.choice((2, 17, 60)))
        elif what < 0.78:
            pieces += _fragments(chance)
        elif what < 0.87:
            payload = chance.randbytes(chance.choice((0, 1, 30, 125)))
            pieces.append(_masked(chance.choice((PING, PONG)), payload, chance) * chance.choice((1, 1, 1, 70)))
        elif what < 0.94 and setting.deflate:
            pieces += _compressed(chance)
        elif what < 0.97 and ill < 0.4:
            pieces.append(_violation(chance))
        elif what < 0.985 and ill < 0.6:
            pieces.append(_masked(CLOSE, chance.choice(_CODES), chance))
        elif ill < 0.2:
            pieces.append(chance.randbytes(chance.choice((1, 5, 100))))
    data = b"".join(pieces)
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.2 else data


def _reads(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """Cut a stream into what is read at a time, from byte by byte to everything at once."""
    usual = chance.choice((1, 2, 7, 50, 1000, 20_000, 65_536))
    usual = max(usual, len(data) // 500)
    while data:
        size = chance.choice((usual, chance.randint(1, 2 * usual), chance.randint(1, 16)))
        yield data[:size]
        data = data[size:]


def make(seed: int) -> tuple[Setting, Script]:
    """Make a script up, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - it is to be the same each time
    setting = Setting(
        chance.random() < 0.4, chance.choice((1024, 20_000, 70_000, 70_000)), chance.choice((4096, 20_000, 1 << 20))
    )
    script: list[Step] = []
    if chance.random() < 0.2:
        # A pong is awaited.
        script.append(20.0)
    between = chance.choice((0.0, 0.02, 0.2))
    for read in _reads(_stream(chance, setting), chance):
        script.append(read)
        if chance.random() < between:
            script.append(chance.choice((0.0, 0.0, 0.5, 3.0, 19.0, *EVENTS[:5], *EVENTS[:5], *EVENTS)))
    script += (DRAINED, 3.0, 20.0, ANSWER, NEWS, 20.0, 20.0, 1.0)
    return setting, tuple(script)
