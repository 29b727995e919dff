"""The WebSocket's limits and its manners."""

from __future__ import annotations

import json
import tracemalloc
import zlib

import msgspec

from tests.web.case import WebTestCase, request
from tests.web.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, UPGRADE, frame, head
from webcam_rpc import config
from webcam_rpc.web.protocol import FRAMES_PER_MESSAGE, WebcamServerProtocol

#: What Autobahn copies to each connection.
OPTIONS = WebcamServerProtocol.CONFIG_ATTRS

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"


class MessageTests(WebTestCase):
    """Messages in, answers out."""

    def test_a_call_is_answered(self) -> None:
        """A text message is a call and its answer is one text message."""
        self.assertEqual(self.call(self.websocket(), "ping"), {"jsonrpc": "2.0", "result": "pong", "id": 1})

    def test_a_message_in_pieces_is_one_message(self) -> None:
        """Fragments, and reads that end anywhere, make no difference."""
        wire = self.websocket()
        text = request("echo", text="é")
        data = frame(TEXT, text[:7], fin=False) + frame(PING, b"x") + frame(CONTINUATION, text[7:])
        for index in range(len(data)):
            wire.send(data[index : index + 1])
        found = wire.frames()
        self.assertEqual([each.opcode for each in found], [PONG, TEXT])
        self.assertEqual(json.loads(found[1].payload)["result"], "é")

    def test_what_comes_right_behind_the_handshake_is_not_lost(self) -> None:
        """A client that does not wait for the answer to its handshake is served all the same."""
        wire = self.connect()
        wire.send(head("GET", "/ws", *UPGRADE) + frame(TEXT, request("ping")))
        self.assertIn(b'"pong"', wire.take().partition(b"\r\n\r\n")[2])

    def test_a_reply_longer_than_a_message_may_be_is_sent(self) -> None:
        """The limit is one on what clients send."""
        reply = self.call(self.websocket(), "big", size=self.limits.max_message_size + 1)
        self.assertEqual(len(reply["result"]), self.limits.max_message_size + 1)

    def test_a_ping_is_answered(self) -> None:
        """Pongs carry what the ping did."""
        wire = self.websocket()
        wire.send(frame(PING, b"abc"))
        self.assertEqual([(each.opcode, each.payload) for each in wire.frames()], [(PONG, b"abc")])


class ViolationTests(WebTestCase):
    """What clients must not do ends in a close frame that says what it was."""

    def closed(self, *data: bytes, extension: str | None = None) -> int:
        """Send ``data`` and give the code of the close frame that must be the last thing written."""
        wire = self.websocket(*([extension] if extension else []))
        for each in data:
            wire.send(each)
            self.settle()
        found = wire.frames()
        self.assertEqual([each.opcode for each in found], [CLOSE])
        self.assertFalse(wire.aborted)
        self.assertTrue(wire.half_closed)
        # Nothing is answered or even looked at after that.
        wire.send(frame(TEXT, request("ping")) + frame(PING, b"x") + b"\xff" * 100)
        self.assertEqual(wire.take(), b"")
        self.assertFalse(wire.lost)
        self.clock.advance(1.0)
        self.settle()
        self.assertTrue(wire.lost)
        self.assertEqual(len(self.clients), 0)
        self.assertEqual(len(self.clients.connections), 0)
        return found[0].code

    def test_binary(self) -> None:
        """Binary messages are refused with 1003, at their first byte."""
        self.assertEqual(self.closed(frame(BINARY, b"\x00\x01")), 1003)
        self.assertEqual(self.closed(frame(BINARY, b"\x00" * 500)[:10]), 1003)

    def test_bad_utf8(self) -> None:
        """Text that is not UTF-8, or ends within a character, is refused with 1007."""
        self.assertEqual(self.closed(frame(TEXT, b'"\xff"')), 1007)
        self.assertEqual(self.closed(frame(TEXT, b'"\xc3')), 1007)
        self.assertEqual(self.closed(frame(TEXT, b'"\xed\xa0\x80"')), 1007)

    def test_bad_utf8_in_a_close_reason(self) -> None:
        """A reason has to be UTF-8 too."""
        self.assertEqual(self.closed(frame(CLOSE, b"\x03\xe8\xff")), 1007)

    def test_protocol_violations(self) -> None:
        """Frames that cannot be are refused with 1002."""
        for name, data in {
            "unmasked": frame(TEXT, b"{}", masked=False),
            "reserved opcode": frame(0x3, b""),
            "reserved control opcode": frame(0xB, b""),
            "reserved bit": frame(TEXT, b"{}", rsv=2),
            "compressed, which was not agreed on": frame(TEXT, b"{}", rsv=4),
            "fragmented ping": frame(PING, b"", fin=False),
            "long ping": frame(PING, b"x" * 126),
            "continuation of nothing": frame(CONTINUATION, b"{}"),
            "text within text": frame(TEXT, b"{", fin=False) + frame(TEXT, b"}"),
            "close code of one byte": frame(CLOSE, b"\x03"),
            "close code that must not be sent": frame(CLOSE, b"\x03\xed"),
            "length not minimal": bytes((0x81, 0x80 | 126, 0, 2)) + b"\x00\x00\x00\x00{}",
        }.items():
            self.assertEqual(self.closed(data), 1002, name)

    def test_message_too_big(self) -> None:
        """A message over the limit is refused with 1009, as soon as its header says so."""
        limit = self.limits.max_message_size
        self.assertEqual(self.closed(frame(TEXT, b" " * (limit + 1))[:14]), 1009)
        half = b" " * (limit // 2 + 1)
        self.assertEqual(self.closed(frame(TEXT, half, fin=False), frame(CONTINUATION, half)[:14]), 1009)

    def test_message_of_the_greatest_size(self) -> None:
        """A message of just the limit is taken."""
        wire = self.websocket()
        text = request("ping")
        wire.send(frame(TEXT, text + b" " * (self.limits.max_message_size - len(text))))
        self.settle()
        self.assertEqual(self.replies(wire)[0]["result"], "pong")

    def test_too_many_frames(self) -> None:
        """Empty fragments reach a limit of their own."""
        wire = self.websocket()
        wire.send(frame(TEXT, b"", fin=False))
        for _ in range(FRAMES_PER_MESSAGE - 1):
            wire.send(frame(CONTINUATION, b"", fin=False))
        self.assertEqual(wire.take(), b"")
        wire.send(frame(CONTINUATION, b""))
        (close,) = wire.frames()
        self.assertEqual((close.opcode, close.code), (CLOSE, 1009))

    def test_the_most_frames(self) -> None:
        """A message of as many frames as there may be is taken, and the next one counts anew."""
        wire = self.websocket()
        for _ in range(2):
            wire.send(frame(TEXT, request("ping"), fin=False))
            for _ in range(FRAMES_PER_MESSAGE - 2):
                wire.send(frame(CONTINUATION, b"", fin=False))
            wire.send(frame(CONTINUATION, b""))
            self.assertEqual(self.replies(wire)[0]["result"], "pong")


class ClosingTests(WebTestCase):
    """Goodbyes."""

    def test_the_clients_close_is_answered(self) -> None:
        """A client that closes gets a close frame back, and the server closes the socket first."""
        wire = self.websocket()
        wire.send(frame(CLOSE, b"\x03\xe8bye"))
        self.assertEqual([(each.opcode, each.code) for each in wire.frames()], [(CLOSE, 1000)])
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.aborted)
        self.settle()
        self.assertEqual(len(self.clients), 0)

    def test_nothing_is_answered_after_the_clients_close(self) -> None:
        """What is ready only when the client has said goodbye comes too late; what follows its goodbye is not kept."""
        wire = self.websocket()
        wire.blocked = True
        wire.send(frame(TEXT, request("slow")) + frame(CLOSE) + b"x" * 60_000)
        wire.send(b"x" * 60_000)
        self.methods.work[0].callback("done")
        self.assertEqual([each.opcode for each in wire.frames()], [CLOSE])
        self.assertLess(len(wire.protocol.data), 10_000)

    def test_a_client_that_closes_and_does_not_read_is_dropped(self) -> None:
        """The last bytes have a second to go out."""
        wire = self.websocket()
        wire.blocked = True
        wire.send(frame(CLOSE, b"\x03\xe8"))
        self.clock.advance(0.9)
        self.assertFalse(wire.aborted)
        self.clock.advance(0.2)
        self.settle()
        self.assertTrue(wire.aborted)
        self.assertEqual(len(self.clients.connections), 0)

    def test_our_close_is_clean_if_the_client_answers(self) -> None:
        """The socket is closed in order, not reset, after both close frames."""
        wire = self.websocket()
        (client,) = self.clients
        client.close(1001, "shutting down")
        self.assertEqual([each.code for each in wire.frames()], [1001])
        wire.send(frame(CLOSE, b"\x03\xe9"))
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.aborted)

    def test_nothing_is_answered_after_our_close(self) -> None:
        """Messages that cross our close frame are ignored, and so are pings; neither are calls under way answered."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("slow")))
        (client,) = self.clients
        client.close(1001, "shutting down")
        wire.take()
        wire.send(frame(TEXT, request("ping")) + frame(PING, b"x") + frame(TEXT, b"{"))
        client.send(b"{}")
        self.settle()
        self.assertEqual(wire.take(), b"")
        self.assertEqual(self.methods.performed, [])
        self.assertEqual(self.methods.cancelled, 1)

    def test_a_violation_after_our_close_resets_nothing(self) -> None:
        """A client that sends garbage after our close frame still gets it."""
        wire = self.websocket()
        (client,) = self.clients
        client.close(1001, "shutting down")
        wire.send(b"\xff" * 500)
        self.assertFalse(wire.aborted)
        self.assertEqual([each.code for each in wire.frames()], [1001])

    def test_a_client_that_does_not_answer_our_close_is_dropped(self) -> None:
        """A second is all that it has."""
        wire = self.websocket()
        (client,) = self.clients
        client.close(1001, "shutting down")
        self.clock.advance(1.0)
        self.assertTrue(wire.aborted)

    def test_no_timer_is_left_when_the_connection_is_lost(self) -> None:
        """A lost connection leaves nothing behind, whatever was going on."""
        for last in (b"", frame(BINARY, b"x"), frame(CLOSE, b""), frame(TEXT, request("slow")), frame(PING, b"") * 99):
            wire = self.websocket()
            wire.send(last)
            wire.hang_up()
            self.clock.advance(0)
            self.assertEqual(self.clock.getDelayedCalls(), [], last)


class SilenceTests(WebTestCase):
    """Dead peers are noticed."""

    def test_ping_every_interval(self) -> None:
        """A client that answers is pinged again after the interval, and lives."""
        wire = self.websocket()
        for _ in range(3):
            self.clock.advance(19.9)
            self.assertEqual(wire.take(), b"")
            self.clock.advance(0.1)
            (ping,) = wire.frames()
            self.assertEqual(ping.opcode, PING)
            wire.send(frame(PONG, ping.payload))
        self.assertFalse(wire.disconnecting)

    def test_silence(self) -> None:
        """A client that does not answer is dropped after the timeout."""
        wire = self.websocket()
        self.clock.advance(20)
        self.clock.advance(19.9)
        self.assertFalse(wire.aborted)
        self.clock.advance(0.1)
        self.assertTrue(wire.aborted)


class ImpatienceTests(WebTestCase):
    """Pings that are more often than calls may take."""

    limits = config.Server(ping_interval=1, ping_timeout=0.5)

    def test_calls_of_ours_are_no_silence(self) -> None:
        """A client that is not read because its calls take long is not dropped for it, but is for silence after it."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("slow", None)) * 200)
        self.settle()
        self.assertTrue(wire.paused)
        for _ in range(5):
            self.clock.advance(0.5)
        self.assertFalse(wire.aborted)
        for work in self.methods.work:
            work.callback("done")
        self.settle()
        for work in self.methods.work[128:]:
            work.callback("done")
        self.settle()
        self.assertFalse(wire.paused)
        for _ in range(5):
            self.clock.advance(0.5)
        self.assertTrue(wire.aborted)


class CompressionTests(WebTestCase):
    """permessage-deflate."""

    def compressed(self, payload: bytes) -> bytes:
        """Write a compressed message."""
        deflater = zlib.compressobj(wbits=-15)
        data = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
        return frame(TEXT, data.removesuffix(b"\x00\x00\xff\xff"), rsv=4)

    def test_no_context_takeover_is_agreed_on(self) -> None:
        """Whatever the client offers, neither side keeps its context."""
        for offer in (
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ):
            self.websocket(f"Sec-WebSocket-Extensions: {offer}")
            self.assertIn(
                "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                self.handshake,
            )

    def test_a_window_that_the_client_wants_is_confirmed(self) -> None:
        """A client may ask for a small window, and is told that it gets it."""
        self.websocket("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9")
        self.assertIn("server_max_window_bits=9", self.handshake)

    def test_offers_that_cannot_be_accepted_are_declined(self) -> None:
        """An unknown extension, or a parameter that is not known, is no reason to fail."""
        for offer in (
            "x-unknown",
            "permessage-deflate; foo=bar",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        ):
            wire = self.websocket(f"Sec-WebSocket-Extensions: {offer}")
            self.assertNotIn("Sec-WebSocket-Extensions", self.handshake)
            self.assertEqual(self.call(wire, "ping")["result"], "pong")

    def test_the_first_good_offer_is_accepted(self) -> None:
        """The client's fallback is taken where its first wish cannot be."""
        self.websocket("Sec-WebSocket-Extensions: permessage-deflate; foo, permessage-deflate")
        self.assertIn("Sec-WebSocket-Extensions: permessage-deflate;", self.handshake)

    def test_messages_both_ways(self) -> None:
        """A long reply is compressed, each on its own; a short one is not worth it."""
        wire = self.websocket(DEFLATE)
        for _ in range(2):
            wire.send(self.compressed(request("echo", text="x" * 5000)))
            (reply,) = wire.frames()
            self.assertEqual(reply.rsv, 4)
            text = zlib.decompressobj(-15).decompress(reply.payload + b"\x00\x00\xff\xff")
            self.assertEqual(json.loads(text)["result"], "x" * 5000)
        wire.send(self.compressed(request("ping")))
        (reply,) = wire.frames()
        self.assertEqual((reply.rsv, json.loads(reply.payload)["result"]), (0, "pong"))

    def test_a_small_window_is_kept_to(self) -> None:
        """What is sent can be inflated with the window that the client asked for."""
        wire = self.websocket("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9")
        # Repeats itself at a distance that only a wider window would see.
        text = "".join(str(n * 7919 % 10007) for n in range(300)) * 8
        wire.send(frame(TEXT, request("echo", text=text)))
        (reply,) = wire.frames()
        # In small pieces, so that zlib has nothing but its window to look back at.
        inflater, inflated, rest = zlib.decompressobj(-9), b"", reply.payload + b"\x00\x00\xff\xff"
        while rest:
            inflated += inflater.decompress(rest, 100)
            rest = inflater.unconsumed_tail
        self.assertEqual(json.loads(inflated)["result"], text)

    def test_a_bomb(self) -> None:
        """A message that is small on the wire and big inflated is refused with 1009 and never held whole."""
        wire = self.websocket(DEFLATE)
        bomb = self.compressed(b" " * (64 << 20))
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        wire.send(bomb)
        self.assertLess(tracemalloc.get_traced_memory()[1], 4 << 20)
        (close,) = wire.frames()
        self.assertEqual((close.opcode, close.code), (CLOSE, 1009))

    def test_the_limit_counts_all_fragments(self) -> None:
        """A message of just the limit passes in compressed fragments; one byte more does not."""
        limit = self.limits.max_message_size
        text = request("ping")
        for size, opcode in ((limit, TEXT), (limit + 1, CLOSE)):
            wire = self.websocket(DEFLATE)
            whole = text + b" " * (size - len(text))
            deflater = zlib.compressobj(wbits=-15)
            data = deflater.compress(whole) + deflater.flush(zlib.Z_SYNC_FLUSH)
            data = data.removesuffix(b"\x00\x00\xff\xff")
            wire.send(frame(TEXT, data[:100], rsv=4, fin=False) + frame(CONTINUATION, data[100:]))
            self.assertEqual([each.opcode for each in wire.frames()], [opcode])

    def test_garbage(self) -> None:
        """What is not deflated is refused with 1007."""
        wire = self.websocket(DEFLATE)
        wire.send(frame(TEXT, b"\xff" * 20, rsv=4))
        (close,) = wire.frames()
        self.assertEqual((close.opcode, close.code), (CLOSE, 1007))

    def test_bad_utf8_inflated(self) -> None:
        """Compressed text has to be UTF-8 too."""
        wire = self.websocket(DEFLATE)
        wire.send(self.compressed(b'"\xff"'))
        self.assertEqual([each.code for each in wire.frames()], [1007])

    def test_no_context_is_kept(self) -> None:
        """Between messages nothing of zlib is held."""
        wire = self.websocket(DEFLATE)
        wire.send(self.compressed(request("echo", text="x" * 5000)))
        self.assertIsNone(wire.protocol._perMessageCompress._inflater)

    def test_broadcasts_are_not_compressed(self) -> None:
        """The same bytes go to everybody, so compression would be once for each."""
        wire = self.websocket(DEFLATE)
        self.clients.broadcast(b'"' + b"x" * 5000 + b'"', "camera_status_update", None)
        self.clock.turn()
        (notification,) = wire.frames()
        self.assertEqual(notification.rsv, 0)


class SizeTests(WebTestCase):
    """What a connection keeps."""

    def test_neither_options_nor_handshake(self) -> None:
        """Only what differs between connections, a fraction of what Autobahn keeps."""
        link = self.websocket().protocol
        mine = set(vars(link))
        self.assertEqual(mine & (set(OPTIONS) | {"http_headers", "http_request_data"}), set())
        self.assertLess(len(mine), 30)
        self.assertEqual(link.maxMessagePayloadSize, self.limits.max_message_size)

    def test_options_of_a_reload(self) -> None:
        """Other options hold for those that are opened from then on; those that are open keep theirs."""
        before = self.websocket().protocol
        self.site.configure(msgspec.structs.replace(self.limits, max_message_size=2048))
        after = self.websocket().protocol
        self.assertEqual((before.maxMessagePayloadSize, after.maxMessagePayloadSize), (1_048_576, 2048))


class NoCompressionTests(WebTestCase):
    """Compression can be switched off."""

    limits = config.Server(compression=False)

    def test_the_offer_is_declined(self) -> None:
        """Without compression the offer is not answered, and a compressed message is a violation."""
        wire = self.websocket(DEFLATE)
        self.assertNotIn("Sec-WebSocket-Extensions", self.handshake)
        wire.send(frame(TEXT, b"{}", rsv=4))
        self.assertEqual([each.code for each in wire.frames()], [1002])
