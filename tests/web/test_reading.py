"""Fairness: a few frames and a few calls a turn, and nothing more from whoever does not read."""

from __future__ import annotations

import json

from tests.web.case import WebTestCase, request
from tests.web.wire import CLOSE, CONTINUATION, PING, TEXT, frame
from webcam_rpc import config
from webcam_rpc.web.callqueue import CALLS_PER_TURN
from webcam_rpc.web.reading import STEPS_PER_TURN, TURN


class FairnessTests(WebTestCase):
    """One client that floods."""

    def test_calls(self) -> None:
        """Of many calls in one read a few are performed, the transport is paused, and the rest follows."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("ping")) * 100)
        self.assertEqual(len(self.methods.performed), CALLS_PER_TURN)
        self.assertTrue(wire.paused)
        self.clock.turn()
        self.assertGreater(len(self.methods.performed), CALLS_PER_TURN)
        self.assertLessEqual(len(self.methods.performed), 2 * CALLS_PER_TURN)
        self.settle()
        self.assertEqual(len(self.replies(wire)), 100)
        self.assertFalse(wire.paused)

    def test_another_client_is_served_in_between(self) -> None:
        """A ping of another client is answered before the flood is done."""
        flood, other = self.websocket(), self.websocket()
        flood.send(frame(TEXT, request("ping")) * 1000)
        self.assertEqual(self.call(other, "ping")["result"], "pong")
        self.assertLess(len(self.methods.performed), 2 * CALLS_PER_TURN)

    def test_messages_that_take_long(self) -> None:
        """A turn ends with the call that took up its time, however few there were before."""

        def time_passes() -> None:
            self.clock.rightNow += TURN

        self.methods.meanwhile = time_passes
        wire = self.websocket()
        wire.send(frame(TEXT, request("echo", text="x")) * 4)
        self.assertEqual(len(self.methods.performed), 1)
        self.assertTrue(wire.paused)
        self.clock.turn()
        self.assertEqual(len(self.methods.performed), 2)
        self.settle()
        self.assertEqual(len(self.replies(wire)), 4)
        self.assertFalse(wire.paused)

    def test_batches(self) -> None:
        """The calls of a batch count one by one, and nothing is read until they are done."""
        wire = self.websocket()
        batch = json.dumps([json.loads(request("ping"))] * 100).encode()
        wire.send(frame(TEXT, batch) * 3)
        self.assertEqual(len(self.methods.performed), CALLS_PER_TURN)
        self.assertTrue(wire.paused)
        self.settle()
        self.assertEqual(len(self.methods.performed), 300)
        self.assertFalse(wire.paused)

    def test_pings_and_empty_fragments(self) -> None:
        """Frames that are no calls are a few a turn too."""
        pings = self.websocket()
        pings.send(frame(PING, b"x") * 1000)
        self.assertLessEqual(len(pings.frames()), STEPS_PER_TURN)
        self.assertTrue(pings.paused)
        fragments = self.websocket()
        fragments.send(frame(TEXT, request("ping"), fin=False) + frame(CONTINUATION, fin=False) * 1000 + frame(0))
        self.assertEqual(fragments.take(), b"")
        self.assertTrue(fragments.paused)
        self.settle()
        self.assertFalse(pings.paused)
        self.assertEqual(self.replies(fragments)[0]["result"], "pong")

    def test_data_that_comes_while_paused(self) -> None:
        """What TLS had decrypted already when it was paused is not lost and not out of order."""
        wire = self.websocket()
        for number in range(3):
            wire.send(b"".join(frame(TEXT, request("ping", number * 50 + n)) for n in range(50)))
        self.settle()
        self.assertEqual([reply["id"] for reply in self.replies(wire)], list(range(150)))

    def test_much_that_comes_while_paused(self) -> None:
        """It does not end the pause: no more is read than is looked at."""
        wire = self.websocket()
        wire.send(frame(PING, b"x") * 200)
        wire.send(frame(PING, b"x"))
        self.assertTrue(wire.paused)
        self.settle()
        self.assertEqual(len(wire.frames()), 201)
        self.assertFalse(wire.paused)

    def test_a_client_that_goes_in_the_middle(self) -> None:
        """The rest of a flood goes with its client."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("ping")) * 100)
        wire.hang_up()
        performed = len(self.methods.performed)
        self.settle()
        self.assertEqual(len(self.methods.performed), performed)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_close_within_a_flood(self) -> None:
        """A client that floods and then closes gets all its answers before the close frame."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("ping")) * 100 + frame(CLOSE, b"\x03\xe8"))
        self.settle()
        self.assertEqual([each.opcode for each in wire.frames()], [TEXT] * 100 + [CLOSE])

    def test_our_close_within_a_flood(self) -> None:
        """Once we have closed, the rest of a flood is gone through without a call, up to the client's close frame."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("ping")) * 100 + frame(CLOSE, b"\x03\xe9"))
        (client,) = self.clients
        client.close(1001, "shutting down")
        performed = len(self.methods.performed)
        for _ in range(10):
            self.clock.advance(0)
        self.assertEqual(len(self.methods.performed), performed)
        self.assertTrue(wire.lost)
        self.assertFalse(wire.aborted)


class SlowReaderTests(WebTestCase):
    """Clients that don't read what they are sent."""

    limits = config.Server(max_pending=10_000)

    def test_its_calls_wait(self) -> None:
        """Reading pauses until its replies have gone out, and nothing is lost."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("slow")))
        wire.producer.pauseProducing()
        wire.send(frame(TEXT, request("ping", 2)) * 3)
        self.assertTrue(wire.paused)
        self.settle()
        self.assertEqual(self.methods.performed, [])
        # A call that was under way has its reply waiting.
        self.methods.work[0].callback("done")
        self.assertEqual(wire.take(), b"")
        wire.producer.resumeProducing()
        self.settle()
        self.assertEqual([reply["id"] for reply in self.replies(wire)], [1, 2, 2, 2])
        self.assertFalse(wire.paused)

    def test_its_pings_wait(self) -> None:
        """Pongs are made only as far as they can be written."""
        wire = self.websocket()
        wire.producer.pauseProducing()
        for _ in range(3):
            wire.send(frame(PING, b"x") * 1000)
        self.settle()
        self.assertEqual(wire.take(), b"")
        self.assertTrue(wire.paused)

    def test_broadcasts_wait_and_then_close(self) -> None:
        """What waits is bounded: one notification too many closes the client with 1013 and drops the rest."""
        wire = self.websocket()
        wire.producer.pauseProducing()
        payload = b'"' + b"x" * 2990 + b'"'
        told = [self.clients.broadcast(payload, "camera_status_update", None) for _ in range(5)]
        self.assertEqual(told, [1, 1, 1, 0, 0])
        (close,) = wire.frames()
        self.assertEqual((close.opcode, close.code), (CLOSE, 1013))
        wire.producer.resumeProducing()
        self.assertEqual(wire.take(), b"")
        self.clock.advance(1)
        self.assertTrue(wire.aborted)

    def test_broadcasts_that_wait_are_delivered(self) -> None:
        """A client that falls behind for a moment misses nothing."""
        wire = self.websocket()
        wire.producer.pauseProducing()
        for number in range(3):
            self.clients.broadcast(b'{"n":%d}' % number, "camera_status_update", None)
        wire.producer.resumeProducing()
        self.assertEqual([each["n"] for each in self.replies(wire)], [0, 1, 2])

    def test_our_close(self) -> None:
        """The close frame of a client is heard even while it has not read all."""
        wire = self.websocket()
        wire.producer.pauseProducing()
        wire.send(frame(TEXT, request("ping")))
        self.assertTrue(wire.paused)
        (client,) = self.clients
        client.close(1001, "shutting down")
        self.settle()
        self.assertFalse(wire.paused)
        wire.send(frame(CLOSE, b"\x03\xe9"))
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.aborted)
        self.assertEqual(self.methods.performed, [])

    def test_replies_that_nobody_reads(self) -> None:
        """Its own replies may wait longer, since reading has paused, but not without a bound."""
        wire = self.websocket()
        wire.send(frame(TEXT, request("slow")) * 10)
        wire.producer.pauseProducing()
        for work in self.methods.work[:5]:
            work.callback("x" * 9_000)
        self.assertEqual(wire.take(), b"")
        self.methods.work[5].callback("x" * 9_000)
        self.assertEqual([each.code for each in wire.frames()], [1013])
        self.assertEqual(self.methods.cancelled, 4)
