"""What callers rely on of children, real and fake alike."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.cameras.case import Contract
from webcam_rpc.media.child import Child, Children, Exit
from webcam_rpc.media.troubles import ProgramFailed, Stopping
from webcam_rpc.testing import FakeChild, FakeChildren

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred

reactor: Any = global_reactor


class ChildContract(Contract):
    """``cat`` and ``sleep``, or what a test makes of a fake."""

    children: Children

    def result_of(self, waiting: Deferred[Any], then: Callable[[Any], None]) -> Deferred[Any] | None:
        """Go on with a result."""
        raise NotImplementedError

    def cat(self, child: Child, printed: bytes) -> None:
        """Let ``child`` be a ``cat`` whose input has ended."""

    def test_fed_to_the_end(self) -> Any:
        """It prints what it was fed with, ends well when its input does, and is not counted any more."""
        got = bytearray()
        child = self.children.start(["cat"], stdout=got.extend, stdin=True)
        self.assertGreater(child.pid, 0)
        self.assertEqual((len(self.children), child.running), (1, True))
        child.write(b"one ")
        child.write(b"two")
        finished = child.finish(30)
        self.cat(child, b"one two")

        def check(told: Exit) -> None:
            self.assertEqual((told, bytes(got)), (Exit(0, None, ""), b"one two"))
            self.assertEqual((len(self.children), child.running), (0, False))

        return self.result_of(finished, check)

    def test_killed(self) -> Any:
        """Killed it ends by that signal; killing, stopping, feeding it again changes nothing and fails nothing."""
        child = self.children.start(["sleep", "1000"], stdin=True)
        waiting = child.when_ended()
        child.kill()

        def check(told: Exit) -> None:
            self.assertEqual((told.status, told.signal), (None, signal.SIGKILL))
            for again in (child.kill(), child.stop(1), child.finish(1), child.when_ended()):
                self.assertIs(self.successResultOf(again), told)

        return self.result_of(waiting, check)

    def test_missing(self) -> Any:
        """A program that is not there is refused, and counts as nothing."""
        error = self.assertRaises(ProgramFailed, self.children.start, ["no-such"])
        self.assertEqual((error.detail, error.remedy), ("no-such is not in PATH", "apt-get install no-such"))
        self.assertEqual(len(self.children), 0)

    def test_cancelled_waiter(self) -> Any:
        """Who waits no longer disturbs nobody else."""
        child = self.children.start(["sleep", "1000"])
        waiting = child.when_ended()
        waiting.addErrback(lambda _: None)
        other = child.when_ended()
        waiting.cancel()
        child.kill()
        return self.result_of(other, lambda told: self.assertEqual(told.signal, signal.SIGKILL))

    def test_stop_service(self) -> Any:
        """A service that stops waits for its children, and starts no more."""
        child = self.children.start(["sleep", "1000"])
        stopping = self.children.stopService()
        self.assertRaises(Stopping, self.children.start, ["cat"])
        child.kill()
        return self.result_of(stopping, lambda _: self.assertEqual(len(self.children), 0))


class RealTests(ChildContract, TestCase):
    """The real ones keep the contract."""

    def setUp(self) -> None:
        """Make them."""
        self.children = Children(reactor, os.environ)

    def result_of(self, waiting: Deferred[Any], then: Callable[[Any], None]) -> Deferred[Any]:
        """Wait for it."""
        return waiting.addCallback(then)


class FakeTests(ChildContract, SynchronousTestCase):
    """The fakes keep the contract."""

    def setUp(self) -> None:
        """Make them."""
        self.clock = Clock()
        fakes = FakeChildren(self.clock)
        fakes.missing.add("no-such")
        self.children = fakes

    def result_of(self, waiting: Deferred[Any], then: Callable[[Any], None]) -> None:
        """Have it now; nothing is left on the clock."""
        then(self.successResultOf(waiting))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def cat(self, child: Child, printed: bytes) -> None:
        """Print and end."""
        assert isinstance(child, FakeChild)
        self.assertEqual((child.written, child.input_ended), (printed, True))
        child.prints(printed)
        child.ends()
