"""What waits for a client, and the frames that it gets."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web.wire import Wire, frames
from webcam_rpc.web.frames import text_frame
from webcam_rpc.web.outbox import Outbox


class OutboxTests(SynchronousTestCase):
    """The queue in front of the transport."""

    def setUp(self) -> None:
        """Make one."""
        self.wire = Wire(Clock())
        self.drained = 0
        self.outbox = Outbox(self.wire, self._drained)

    def _drained(self) -> None:
        self.drained += 1

    def test_straight_through(self) -> None:
        """While the transport takes it, nothing waits."""
        self.outbox.write(b"a")
        self.assertEqual((self.wire.take(), self.outbox.waiting), (b"a", 0))

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
        outbox = Outbox(Full(self), self._drained)
        self.box = outbox
        outbox.pauseProducing()
        for each in (b"a", b"b"):
            outbox.write(each)
        outbox.resumeProducing()
        self.assertEqual((self.drained, outbox.waiting), (0, 1))
        outbox.resumeProducing()
        self.assertEqual(outbox.waiting, 0)

    def test_lost(self) -> None:
        """When the connection is lost nothing is kept or written."""
        self.outbox.pauseProducing()
        self.outbox.write(b"a")
        self.outbox.stopProducing()
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
