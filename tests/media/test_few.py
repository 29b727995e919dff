"""Of many who could go on at once a few do in each turn."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from tests.web.case import Turns
from webcam_rpc.media.few import PER_TURN, Few


class FewTests(SynchronousTestCase):
    """Who waits."""

    def setUp(self) -> None:
        """Let nobody wait."""
        self.clock = Turns()
        self.few = Few(self.clock)
        self.went: list[int] = []

    def come(self, number: int) -> None:
        """Let somebody come."""
        self.few.through().addCallback(lambda _: self.went.append(number))

    def test_turns(self) -> None:
        """The first few go at once, the next in the next turn, in their order; a later one does not overtake them."""
        for number in range(3 * PER_TURN):
            self.come(number)
        self.assertEqual(self.went, list(range(PER_TURN)))
        self.clock.turn()
        self.assertEqual(self.went, list(range(2 * PER_TURN)))
        self.come(3 * PER_TURN)
        for _ in range(3):
            self.clock.turn()
        self.assertEqual(self.went, list(range(3 * PER_TURN + 1)))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_quiet_again(self) -> None:
        """In a turn of its own everybody goes at once."""
        for number in range(3):
            self.come(number)
            self.clock.turn()
        self.assertEqual(self.went, [0, 1, 2])

    def test_one_that_leaves(self) -> None:
        """Who leaves while it waits keeps nobody else."""
        for number in range(PER_TURN):
            self.come(number)
        leaving = self.few.through()
        self.come(99)
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        self.clock.turn()
        self.assertEqual(self.went[-1], 99)
