"""What waits for a client, and the frames that it gets."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web.wire import Wire, frames
from webcam_rpc.web.frames import text_frame
from webcam_rpc.web.outbox import PORTION, Outbox, Turn


class OutboxTests(SynchronousTestCase):
    """The queue in front of the transport."""

    def setUp(self) -> None:
        """Make one."""
        self.clock = Clock()
        self.wire = Wire(self.clock)
        self.turn = Turn(self.clock)
        self.drained = 0
        self.outbox = Outbox(self.wire.write, self.turn, self._drained)

    def _drained(self) -> None:
        self.drained += 1

    def test_end_of_turn(self) -> None:
        """What is written in a turn leaves in one write when it ends, and nothing waits then."""
        for each in (b"a", b"bb"):
            self.outbox.write(each)
        self.assertEqual((self.wire.written, self.outbox.waiting), ([], 3))
        self.clock.advance(0)
        self.assertEqual((self.wire.written, self.outbox.waiting), ([b"abb"], 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_held(self) -> None:
        """Where somebody flushes it anyway, the end of the turn need not."""
        self.outbox.held = True
        self.outbox.write(b"a")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.outbox.flush()
        self.assertEqual((self.wire.written, self.outbox.waiting), ([b"a"], 0))
        self.outbox.flush()
        self.assertEqual(len(self.wire.written), 1)

    def test_all_of_a_turn(self) -> None:
        """One end of the turn is for all of them, and the next for what is written then."""
        other = Outbox(self.wire.write, self.turn, self._drained)
        for each in (self.outbox, other):
            each.write(b"a")
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.clock.advance(0)
        self.outbox.write(b"b")
        self.clock.advance(0)
        self.assertEqual(self.wire.written, [b"a", b"a", b"b"])

    def test_one_that_fails(self) -> None:
        """Where one cannot be written to, the others of the turn can."""

        def fail(_: bytes) -> None:
            raise ZeroDivisionError

        for each in (Outbox(fail, self.turn, self._drained), self.outbox):
            each.write(b"a")
        self.clock.advance(0)
        self.assertEqual(self.wire.written, [b"a"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_much(self) -> None:
        """A portion does not wait for the end of the turn."""
        self.outbox.write(b"x" * (PORTION - 1))
        self.assertEqual(self.wire.written, [])
        self.outbox.write(b"y")
        self.assertEqual((len(self.wire.take()), self.outbox.waiting), (PORTION, 0))

    def test_portions(self) -> None:
        """What waited for the transport goes in portions of whole frames, for it to say when it has enough."""
        self.outbox.pauseProducing()
        for _ in range(5):
            self.outbox.write(b"x" * (PORTION // 2))
        self.outbox.resumeProducing()
        self.assertEqual([len(each) for each in self.wire.written], [PORTION, PORTION, PORTION // 2])
        self.assertEqual(self.outbox.waiting, 0)

    def test_waits_in_order(self) -> None:
        """While the transport is full, frames wait and are counted; then they go in order, and it is told."""
        self.outbox.pauseProducing()
        for each in (b"a", b"bb", b"ccc"):
            self.outbox.write(each)
        self.assertEqual((self.wire.take(), self.outbox.waiting), (b"", 6))
        self.outbox.resumeProducing()
        self.assertEqual((self.wire.take(), self.outbox.waiting), (b"abbccc", 0))
        self.assertEqual(self.drained, 1)

    def test_full_again(self) -> None:
        """A transport that is full again in between gets the rest later."""
        wire = Full(self)
        outbox = Outbox(wire.write, self.turn, self._drained)
        self.box = outbox
        outbox.pauseProducing()
        for each in (b"a", b"b", b"c"):
            outbox.write(each * PORTION)
        outbox.resumeProducing()
        self.assertEqual((self.drained, outbox.waiting), (0, 2 * PORTION))
        outbox.resumeProducing()
        outbox.resumeProducing()
        self.assertEqual(outbox.waiting, 0)
        self.assertEqual(wire.take(), b"a" * PORTION + b"b" * PORTION + b"c" * PORTION)

    def test_lost(self) -> None:
        """When the connection is lost nothing is kept or written."""
        self.outbox.pauseProducing()
        self.outbox.write(b"a")
        self.outbox.stopProducing()
        self.clock.advance(0)
        self.assertEqual(self.outbox.waiting, 0)
        self.assertEqual(self.wire.take(), b"")


class Full(Wire):
    """A transport that is full after each write."""

    def __init__(self, case: OutboxTests) -> None:
        super().__init__(Clock())
        self.case = case

    def write(self, data: bytes) -> None:
        """Take it, and no more."""
        super().write(data)
        self.case.box.pauseProducing()


class FrameTests(SynchronousTestCase):
    """Frames as they are on the wire."""

    def test_every_form_of_length(self) -> None:
        """Seven bits, sixteen and sixty-four, each from its least to its greatest."""
        for size, head in ((0, 2), (125, 2), (126, 4), (65535, 4), (65536, 10)):
            data = text_frame(b"x" * size)
            self.assertEqual(len(data), head + size)
            (read,) = frames(data)
            self.assertEqual((read.opcode, read.fin, read.rsv, read.payload), (1, True, 0, b"x" * size))

    def test_compressed(self) -> None:
        """RSV1 says so."""
        (read,) = frames(text_frame(b"x", compressed=True))
        self.assertEqual(read.rsv, 4)
