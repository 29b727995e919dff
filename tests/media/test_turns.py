"""Turns: one thing after another in one thread."""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.media.index import IndexLost
from webcam_rpc.media.turns import Turns
from webcam_rpc.testing import FakeThreads


class TurnsTests(SynchronousTestCase):
    """Threads that wait for the test."""

    def setUp(self) -> None:
        """Begin with nothing to do."""
        self.threads = FakeThreads()
        self.turns = Turns(self.threads.run)
        self.done: list[int] = []

    def test_order(self) -> None:
        """One at a time, in order; a failure is its caller's and holds up nobody."""
        results = [self.turns.run(self.done.append, number) for number in range(2)]
        failed = self.turns.run(int, "x")
        last = self.turns.run(divmod, 7, 2)
        self.assertEqual(len(self.threads), 1)
        self.threads.work_one()
        self.assertEqual((self.done, len(self.threads)), ([0], 1))
        self.threads.work()
        self.assertEqual((self.done, [self.successResultOf(one) for one in results]), ([0, 1], [None, None]))
        self.failureResultOf(failed, ValueError)
        self.assertEqual(self.successResultOf(last), (3, 1))

    def test_cancelled(self) -> None:
        """One that gives up its place is never done."""
        first, second, third = (self.turns.run(self.done.append, number) for number in range(3))
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.threads.work()
        self.assertEqual(self.done, [0, 2])
        self.successResultOf(first)
        self.successResultOf(third)

    def test_index_lost(self) -> None:
        """It is done again where the index was lost, but not for ever."""

        def lose(times: int) -> str:
            self.done.append(times)
            if len(self.done) <= times:
                raise IndexLost
            return "found"

        found = self.turns.run(lose, 2)
        self.threads.work()
        self.assertEqual((self.successResultOf(found), len(self.done)), ("found", 3))
        self.done.clear()
        lost = self.turns.run(lose, 9)
        self.threads.work()
        self.failureResultOf(lost, IndexLost)
        self.assertEqual(len(self.done), 3)
