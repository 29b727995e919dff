"""How much may wait for an encoder."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.media.backlog import BEHIND, BYTES, CATCH_UP, FOR_THE_PAST, Backlog

FRAME = 50_000


class BacklogTests(SynchronousTestCase):
    """Frames of 50 kB, ten a second."""

    def setUp(self) -> None:
        """Begin."""
        self.clock = Clock()
        self.backlog = Backlog(self.clock)

    def write(self, seconds: float) -> None:
        """Write frames for so long, whatever waits."""
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            self.backlog.takes(1, begun=True)
            self.backlog.note(FRAME)

    def test_bytes(self) -> None:
        """Never more than so many bytes wait."""
        self.assertTrue(self.backlog.takes(BYTES, begun=False))
        self.assertFalse(self.backlog.takes(BYTES + 1, begun=False))

    def test_seconds(self) -> None:
        """Once it has kept up, an encoder may be behind by so much time only."""
        self.write(5.0)
        self.assertTrue(self.backlog.takes(0, begun=True))
        behind = round(BEHIND * 10) * FRAME
        self.assertTrue(self.backlog.takes(behind, begun=True))
        self.assertFalse(self.backlog.takes(behind + 2 * FRAME, begun=True))

    def test_start(self) -> None:
        """While it has given nothing yet it has time, but not forever."""
        self.assertTrue(self.backlog.takes(0, begun=False))
        self.write(CATCH_UP - 1)
        self.assertTrue(self.backlog.takes(90 * FRAME, begun=False))
        self.write(2.0)
        self.assertFalse(self.backlog.takes(90 * FRAME, begun=False))

    def test_past(self) -> None:
        """The past may wait beside the rest, and takes its time."""
        self.backlog.excuse(BYTES, 5.0)
        self.assertTrue(self.backlog.takes(2 * BYTES, begun=False))
        self.write(CATCH_UP + 5.0 * FOR_THE_PAST - 1)
        self.assertTrue(self.backlog.takes(2 * BYTES, begun=True))
        self.write(2.0)
        self.assertFalse(self.backlog.takes(2 * BYTES, begun=True))

    def test_goes_on(self) -> None:
        """When nothing comes for a while, the next frame is taken."""
        self.write(5.0)
        self.clock.advance(60.0)
        self.assertTrue(self.backlog.takes(0, begun=True))
