"""The fast path does what Autobahn's parser does: compared with it (:mod:`.differential`), and where it hands over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from twisted.trial.unittest import SynchronousTestCase

from tests.web import differential
from tests.web.case import Broken, WebTestCase, request
from tests.web.differential import GOODBYE, HANG_UP, NEWS, Setting, compare, shrink
from tests.web.test_admission import AdmissionCase
from tests.web.wire import BINARY, CLOSE, CONTINUATION, ELSEWHERE, PING, PONG, TEXT, frame
from webcam_rpc import config
from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.callqueue import CALLS_PER_TURN
from webcam_rpc.web.fastpath import FastServerProtocol

if TYPE_CHECKING:
    from tests.web.differential import Script
    from tests.web.wire import Wire

#: How many streams are made up here; scripts/fuzz tries more.
_STREAMS = 200
#: What takes the fast path, at most.
_MOST = 16 * 1024

_PING = frame(TEXT, request("ping"))


def sized(size: int) -> bytes:
    """Write a text that is so long: a call where there is room for one."""
    text = request("ping")
    return text + b" " * (size - len(text)) if size >= len(text) else b"7" * size


class DifferentialTests(SynchronousTestCase):
    """The same bytes, both ways."""

    def same(self, *script: Any, setting: Setting = Setting()) -> tuple[int, int]:  # noqa: B008 - it is frozen
        """Run a script both ways; a failure comes with the least that makes it fail."""
        try:
            return compare(setting, script)
        except AssertionError as error:
            least = shrink(lambda less: self.differs(setting, less), script)
            raise AssertionError(f"{error}\n{setting}\n{least!r}") from error

    def differs(self, setting: Setting, script: Script) -> bool:
        """Tell whether a script fails."""
        try:
            compare(setting, script)
        except AssertionError:
            return True
        return False

    def cut(self, data: bytes, *then: Any) -> None:
        """Run ``data`` in two reads, cut at each place in turn."""
        for place in range(len(data) + 1):
            self.same(data[:place], NEWS, data[place:], *then)

    def test_made_up(self) -> None:
        """Streams of everything, cut anywhere, with anything going on around them; most calls take the fast path."""
        messages = fast = 0
        for seed in range(_STREAMS):
            setting, script = differential.make(seed)
            with_this = self.same(*script, setting=setting)
            messages, fast = messages + with_this[0], fast + with_this[1]
        self.flushLoggedErrors(Broken)
        self.assertGreater(fast, messages // 2)
        self.assertGreater(messages, 10 * _STREAMS)

    def test_shrinking(self) -> None:
        """What is shown of a failure is the least of it."""
        script = (b"abc", 1.0, b"defgh" * 50 + b"!" + b"xyz" * 50, NEWS)
        self.assertEqual(
            shrink(lambda less: any(isinstance(step, bytes) and b"!" in step for step in less), script), (b"!",)
        )

    def test_lengths(self) -> None:
        """Each form of length, at its ends and at the limits; what is longer than the fast path takes is Autobahn's."""
        for limit in (1024, 70_000):
            for size in (0, 1, 125, 126, 127, 1023, 1024, 1025, 16383, 16384, 16385, 65535, 65536, 70_000, 70_001):
                data, setting = frame(TEXT, sized(size)), Setting(max_message_size=limit)
                fits = size <= limit
                found = self.same(_PING + data + _PING, setting=setting)
                self.assertEqual(found, (1 + 2 * fits, 1 + fits + (size <= min(limit, _MOST))), (limit, size))
                for place in (1, 2, 3, 4, 7, 8, 9, 14, len(data) - 1):
                    self.same(data[:place], NEWS, data[place:] + _PING, setting=setting)

    def test_masks(self) -> None:
        """Any mask, of zeros too."""
        for mask in (bytes(4), b"\xff" * 4, b"\x00\xff\x80\x01"):
            for size in range(12):
                data = frame(TEXT, b"123456789012"[:size], mask=mask) + frame(
                    TEXT, request("echo", text="é"), mask=mask
                )
                self.assertEqual(self.same(data), (2, 2))

    def test_cut_anywhere(self) -> None:
        """Calls with control frames and fragments between them, in two reads."""
        self.cut(
            _PING
            + frame(PING, b"x")
            + frame(TEXT, b"[" + request("ping") + b",1]")
            + frame(TEXT, request("echo", text="é")[:20], fin=False)
            + frame(PONG)
            + frame(CONTINUATION, request("echo", text="é")[20:])
            + frame(TEXT)
            + frame(CLOSE, b"\x03\xe8")
            + _PING
        )

    def test_what_looks_like_a_text(self) -> None:
        """Where a frame has begun, in its head or behind it, bytes that look like a whole text are none."""
        text = b"\x81\x80" + bytes(4)
        for begin, data in (
            (1, frame(PING, b"x", mask=b"\x80\x00\x00\x00")),
            (2, frame(PING, b"1234", mask=text[:4])),
            (4, b"\x81\xfe\x00\xfe" + text[:4] + bytes(254)),
            (8, frame(PING, b"xx" + text, mask=bytes(4))),
            (8, frame(TEXT, b'"\x00' + text + b'"', mask=bytes(4), fin=False) + frame(CONTINUATION)),
            (len(frame(TEXT, fin=False)), frame(TEXT, fin=False) + text),
            (9, frame(BINARY, b"xx" + text + b"x", mask=bytes(4))),
        ):
            self.same(_PING + data[:begin], NEWS, data[begin:] + _PING, 1.0)
            self.same(_PING + data[:begin], data[begin:] + _PING, 1.0)

    def test_bad_utf8(self) -> None:
        """Text that is none is refused, wherever it is bad and however it comes."""
        for bad in (b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"):
            for text in (b'"' + bad + b'"', bad + b"x" * 200, b"x" * 126 + bad):
                fast = differential.Side(Setting(), fast=True)
                fast.make(_PING + frame(TEXT, text) + _PING)
                fast.settle()
                self.assertEqual((fast.close_codes, fast.clients.counts.fast_path), ([1007], 1))
                fast.end()
                self.same(_PING + frame(TEXT, text) + _PING, 1.0)
            self.cut(frame(TEXT, b'"' + bad + b'"') + _PING, 1.0)
        # A character that two fragments share is none of two messages.
        self.assertEqual(self.same(frame(TEXT, b'"\xc3', fin=False) + frame(CONTINUATION, b'\xa9"') + _PING), (2, 1))

    def test_violations(self) -> None:
        """Whatever must not be comes to the same end, wherever the reads end, and the call before it is answered."""
        for data in (
            frame(TEXT, b"{}", masked=False),
            frame(PING, masked=False),
            *(frame(opcode, b"{}") for opcode in range(16)),
            *(frame(TEXT, b"{}", rsv=rsv) for rsv in range(1, 8)),
            frame(TEXT, b"{}", fin=False) + frame(TEXT, b"{}"),
            frame(PING, fin=False),
            frame(PING, b"x" * 126),
            bytes((0x81, 0xFE, 0, 125)) + bytes(129),
            bytes((0x81, 0xFE, 0, 2)) + bytes(6),
            bytes((0x81, 0xFF)) + (65535).to_bytes(8, "big") + bytes(20),
            bytes((0x81, 0xFF)) + (1 << 63).to_bytes(8, "big") + bytes(20),
            bytes((0x81, 0xFF)) + (1 << 20).to_bytes(8, "big") + bytes(20),
        ):
            self.same(_PING + data + _PING, 1.0)
            for place in range(1, 15):
                self.same(data[:place], NEWS, data[place:20] + _PING, 1.0)

    def test_goodbyes(self) -> None:
        """Close frames, good and bad, before, between and behind calls; ours too, and none at all."""
        for payload in (b"", b"\x03\xe8", b"\x03\xe9bye", b"\x0b\xb8", b"\x03\xed", b"\x03", b"\x03\xe8\xff"):
            self.same(_PING + frame(CLOSE, payload) + _PING, 1.0)
        for event in (GOODBYE, HANG_UP):
            for place in (0, 3, len(_PING), len(_PING) + 3):
                self.same((_PING * 3)[:place], event, (_PING * 3)[place:] + frame(CLOSE, b"\x03\xe9"), 1.0)


class WholeFrameTests(WebTestCase):
    """What happens between two frames of one read."""

    def setUp(self) -> None:
        """Open a WebSocket."""
        super().setUp()
        self.wire = self.websocket()

    def client(self) -> Any:
        """Give the server's side of it."""
        (client,) = self.clients
        return client

    def echo(self, number: int) -> bytes:
        """Write a call of what something happens in."""
        return frame(TEXT, request("echo", number, text="x"))

    def kinds(self, wire: Wire) -> list[int]:
        """Give the opcodes of what was written."""
        return [each.opcode for each in wire.frames()]

    def test_counted(self) -> None:
        """Whole text frames are counted, and what else is a message is not."""
        counts = self.clients.counts
        for data, took in (
            (_PING * 3, 3),
            (frame(TEXT, b"{"), 1),
            (frame(TEXT, request("ping")[:9], fin=False) + frame(CONTINUATION, request("ping")[9:]), 0),
            (frame(TEXT, sized(_MOST)), 1),
            (frame(TEXT, sized(_MOST + 1)), 0),
            (frame(PING) + _PING, 1),
        ):
            before, received = counts.fast_path, counts.messages_received
            self.wire.send(data)
            self.assertEqual(counts.fast_path - before, took)
            self.assertGreater(counts.messages_received, received)

    def test_one_write(self) -> None:
        """The replies to the calls of one read are one write."""
        self.wire.take()
        self.wire.send(_PING * CALLS_PER_TURN)
        self.assertEqual(len(self.wire.written), 1)
        self.assertEqual(len(self.replies(self.wire)), CALLS_PER_TURN)

    def test_clients_close(self) -> None:
        """What comes behind a close frame in the same read is not looked at."""
        self.wire.send(_PING + frame(CLOSE, b"\x03\xe8") + _PING)
        self.assertEqual(self.kinds(self.wire), [TEXT, CLOSE])
        self.assertEqual(len(self.methods.performed), 1)

    def test_our_close(self) -> None:
        """A call that closes its own connection is the last one, and its answer has come too late."""
        self.methods.meanwhile = lambda: self.client().close(1001, "enough")
        self.wire.send(_PING + self.echo(1) + self.echo(2) + _PING)
        self.assertEqual(self.kinds(self.wire), [TEXT, CLOSE])
        self.assertEqual(len(self.methods.performed), 2)
        self.wire.send(_PING + frame(CLOSE, b"\x03\xe9"))
        self.settle()
        self.assertEqual((self.wire.take(), self.wire.lost, self.wire.aborted), (b"", True, False))
        self.assertEqual(self.clients.counts.fast_path, 2)

    def test_the_end_of_the_service(self) -> None:
        """So it is when the service ends in the middle of a read."""
        self.methods.meanwhile = lambda: stopped.append(self.clients.stopService())
        stopped: list[Any] = []
        self.wire.send(self.echo(1) + self.echo(2))
        (close,) = self.wire.frames()
        self.assertEqual((close.opcode, close.code, len(self.methods.performed)), (CLOSE, 1001, 1))
        self.wire.send(frame(CLOSE, close.payload))
        self.clock.advance(0)
        self.successResultOf(stopped[0])

    def test_lost(self) -> None:
        """A connection that is lost within a call has had its last one."""
        for end in ("hang_up", "abortConnection"):
            wire = self.websocket()
            before = len(self.methods.performed)
            self.methods.meanwhile = getattr(wire, end)
            wire.send(self.echo(1) + self.echo(2) + frame(PING) + frame(TEXT, b"\xff"))
            self.clock.advance(0)
            self.assertTrue(wire.lost)
            if end == "hang_up":
                self.assertEqual(len(self.methods.performed), before + 1)

    def test_a_violation_in_between(self) -> None:
        """What was before it is answered before the close frame, and what is behind it never."""
        self.wire.send(_PING + frame(BINARY, b"x") + _PING)
        self.assertEqual(self.kinds(self.wire), [TEXT, CLOSE])
        self.assertEqual(len(self.methods.performed), 1)

    def test_a_flood_behind_a_violation(self) -> None:
        """It is dropped at once, and not in pieces as long as the rest of the frame that failed."""
        self.wire.send(frame(TEXT, b"\xff" + b"x" * 17_000)[:-1])
        self.assertEqual(self.kinds(self.wire), [CLOSE])
        self.assertEqual(self.wire.protocol.parse(bytes(60_000)), 60_000)
        self.assertLess(len(self.wire.protocol.data), 60_000)

    def test_order(self) -> None:
        """Pongs keep their place between the replies."""
        self.wire.send(_PING + frame(PING, b"a") + _PING + frame(PING, b"b") + frame(PING, b"c") + _PING)
        self.assertEqual(self.kinds(self.wire), [TEXT, PONG, TEXT, PONG, PONG, TEXT])

    def test_news_in_between(self) -> None:
        """What is broadcast while a read is looked at comes where it happened."""

        def news() -> None:
            self.clients.broadcast(b'{"n":1}', "camera_status_update", None)

        self.methods.meanwhile = news
        self.wire.send(_PING + self.echo(2) + _PING)
        self.assertEqual([each.get("n", each.get("id")) for each in self.replies(self.wire)], [1, 1, 2, 1])

    def test_half_a_frame_waits(self) -> None:
        """Of what is not complete no more is kept than the fast path takes; Autobahn is given the rest as it comes."""
        reading = self.client().reading
        data = frame(TEXT, sized(_MOST))
        self.wire.send(data[:-1])
        self.assertEqual((len(reading._rest), self.wire.protocol.data, self.wire.paused), (len(data) - 1, b"", False))
        self.wire.send(data[-1:])
        self.assertEqual((len(self.replies(self.wire)), reading._rest), (1, b""))
        data = frame(TEXT, sized(_MOST + 1))
        self.wire.send(data[:-1])
        self.assertEqual(reading._rest, b"")
        self.wire.send(data[-1:] + _PING)
        self.assertEqual((len(self.replies(self.wire)), self.clients.counts.fast_path), (2, 2))

    def test_pieces(self) -> None:
        """Autobahn, which copies all that it holds at each step, gets a few kilobytes of a long frame at a time."""
        link, data = self.wire.protocol, frame(TEXT, sized(60_000))
        self.assertEqual(link.parse(data), 4096)
        self.assertIsNotNone(link.current_frame)
        self.assertEqual(link.parse(data[4096:]), 4096)

    def test_back_to_the_fast_path(self) -> None:
        """Behind each frame that was Autobahn's, in the same read, the next whole one is not."""
        for data in (
            frame(PING),
            frame(PING, b"x" * 125),
            frame(PONG, b"x"),
            frame(TEXT, b"{", fin=False) + frame(CONTINUATION),
            frame(TEXT, fin=False) + frame(CONTINUATION, b"x" * 126),
            frame(TEXT, fin=False) + frame(CONTINUATION, b"x" * 65536),
            frame(TEXT, b"x" * 5000, fin=False) + frame(PING, b"x") + frame(CONTINUATION, b"x" * 5000),
        ):
            for place in (1, 3, 7, 8, 12, len(data) // 2, len(data)):
                before = self.clients.counts.fast_path
                self.wire.send(data[:place])
                self.wire.send(data[place:] + _PING)
                self.settle()
                self.assertEqual(self.clients.counts.fast_path, before + 1, (data[:9], place))
        self.assertFalse(self.wire.aborted)

    def test_answered_by_a_call(self) -> None:
        """A whole frame is as good as a pong, and the next ping comes an interval later; half of one is not."""
        self.clock.advance(20)
        self.assertEqual(self.kinds(self.wire), [PING])
        self.clock.advance(10)
        self.wire.send(_PING)
        self.assertEqual(self.kinds(self.wire), [TEXT])
        self.clock.advance(19.9)
        self.assertEqual(self.kinds(self.wire), [])
        self.clock.advance(0.1)
        self.assertEqual(self.kinds(self.wire), [PING])
        self.clock.advance(19.9)
        self.wire.send(_PING[:-1])
        self.clock.advance(0.1)
        self.assertTrue(self.wire.aborted)

    def test_calls_put_no_ping_off(self) -> None:
        """Where no pong is awaited they change nothing."""
        self.clock.advance(19)
        self.wire.send(_PING)
        self.clock.advance(1)
        self.assertEqual(self.kinds(self.wire), [TEXT, PING])

    def test_a_flood_and_a_slow_reader(self) -> None:
        """A few calls a turn, none while its replies wait, and what is kept is one read."""
        self.wire.send(_PING * 1000)
        self.assertEqual((len(self.methods.performed), self.wire.paused), (CALLS_PER_TURN, True))
        self.wire.producer.pauseProducing()
        self.settle()
        self.assertLessEqual(len(self.methods.performed), 2 * CALLS_PER_TURN)
        self.assertTrue(self.wire.paused)
        self.wire.producer.resumeProducing()
        self.settle()
        self.assertEqual((len(self.methods.performed), self.wire.paused), (1000, False))
        self.assertEqual(self.clients.counts.fast_path, 1000)


class OptionTests(WebTestCase):
    """``server.fast_path``."""

    def test_on(self) -> None:
        """It is on unless told."""
        self.assertIsInstance(self.websocket().protocol, FastServerProtocol)

    def test_changed(self) -> None:
        """It holds for whoever connects after it has been changed."""
        first = self.websocket()
        self.site.configure(config.Server(fast_path=False))
        second = self.websocket()
        self.assertEqual([isinstance(wire.protocol, FastServerProtocol) for wire in (first, second)], [True, False])
        for wire in (first, second):
            self.assertEqual(self.call(wire, "ping")["result"], "pong")
        self.assertEqual(self.clients.counts.fast_path, 1)


class RightsTests(AdmissionCase):
    """Who somebody is can change between two frames of one read."""

    def setUp(self) -> None:
        """Know somebody."""
        super().setUp()
        self.tokens.add(Role.ADMIN, "good")

    def test_revoked(self) -> None:
        """A token that is revoked by the first call of a read is no good for the second."""

        def revoke() -> None:
            self.tokens.revoked.add("id-good")
            self.admission.grants.recheck()

        wire = self.websocket("X-API-Key: good", peer=ELSEWHERE)
        self.methods.meanwhile = revoke
        wire.send(
            frame(TEXT, request("admin", 1))
            + frame(TEXT, request("echo", 2, text="x"))
            + frame(TEXT, request("admin", 3))
        )
        codes = [each.get("error", {}).get("code") for each in self.replies(wire)]
        self.assertEqual(codes, [None, None, -32002])

    def test_third_wrong_token(self) -> None:
        """It is answered, the calls behind it until the turn ends too, and then there is a close frame and no more."""
        wire = self.websocket(peer=ELSEWHERE)
        wire.send(frame(TEXT, request("authenticate", auth_token="wrong")) * 3 + _PING * 100 + frame(PING))
        self.settle()
        *answers, close = wire.frames()
        self.assertEqual((close.opcode, close.code), (CLOSE, 1008))
        self.assertEqual([each.opcode for each in answers], [TEXT] * CALLS_PER_TURN)
        self.assertEqual([json.loads(each.payload).get("result") for each in answers[3:]], ["pong"] * 13)
