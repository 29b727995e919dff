"""Runs of v4l2-ctl in real threads: ended from outside, they leave neither child nor thread."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList, inlineCallbacks
from twisted.internet.task import Clock, LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.cameras.case import Contract
from tests.cameras.test_probe import ENVIRONMENT, has_ended
from webcam_rpc.cameras.probe import Outcome, Output, V4L2Ctl
from webcam_rpc.testing import FakeThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class ThreadsContract(Contract):
    """What callers rely on of threads, real and fake."""

    def run_in_thread(self, function: Callable[..., Any], *args: object) -> Deferred[Any]:
        """Hand a function over."""
        raise NotImplementedError

    def finish(self) -> Deferred[Any] | None:
        """Wait for the threads."""
        raise NotImplementedError

    @inlineCallbacks
    def test_result(self) -> Generator[Any, Any, None]:
        """The result and the failure of a function come back, the one after the other."""
        came: list[object] = []
        good = self.run_in_thread(divmod, 7, 2).addBoth(came.append)
        bad = self.run_in_thread(divmod, 7, 0).addErrback(lambda failure: came.append(failure.type))
        self.assertEqual(came, [])
        yield self.finish()
        yield DeferredList([good, bad])
        self.assertEqual(came, [(3, 1), ZeroDivisionError])


class FakeThreadsTests(ThreadsContract, SynchronousTestCase):
    """The fake ones keep the contract."""

    def setUp(self) -> None:
        """Make them."""
        self.threads = FakeThreads()

    def run_in_thread(self, function: Callable[..., Any], *args: object) -> Deferred[Any]:
        """Hand a function over."""
        return self.threads.run(function, *args)

    def finish(self) -> None:
        """Work."""
        self.threads.work()


class Pool(Contract):
    """A pool of threads of the test's own."""

    def setUp(self) -> None:
        """Start it."""
        from twisted.internet import reactor  # noqa: PLC0415 - installed by now

        self.reactor: Any = reactor
        self.pool = ThreadPool(0, 4, "webcam_rpc.tests")
        self.pool.start()
        self.addCleanup(self.end)
        self.addCleanup(self.assertEqual, self.reactor.getDelayedCalls(), [])

    def end(self) -> None:
        """Stop it, which waits for the threads."""
        self.pool.stop()
        names = [thread.name for thread in threading.enumerate()]
        self.assertEqual([name for name in names if "webcam_rpc.tests" in name], [])

    def run_in_thread(self, function: Callable[..., Any], *args: object) -> Deferred[Any]:
        """Hand a function over."""
        return deferToThreadPool(self.reactor, self.pool, function, *args)


class PoolTests(Pool, ThreadsContract, TestCase):
    """The real ones keep the contract."""

    def setUp(self) -> None:
        """Make the functions come back in order."""
        super().setUp()
        self.pool.adjustPoolsize(0, 1)

    def finish(self) -> None:
        """Nothing to do: they work by themselves."""


class HangingTests(Pool, TestCase):
    """Children that hang, ended from outside."""

    def setUp(self) -> None:
        """Make a runner whose turns never end by time: the clock stands still."""
        super().setUp()
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()
        self.clock = Clock()
        self.v4l2ctl = V4L2Ctl(self.clock, self.run_in_thread, ENVIRONMENT)

    def hang(self, number: int) -> Deferred[Output]:
        """Ask for a run that leaves its number in a file and hangs."""
        script = (
            f"echo $$ > {self.directory}/{number}.part; mv {self.directory}/{number}.part {self.directory}/{number}"
        )
        return self.v4l2ctl.run(f"/dev/video{number}", ["sh", "-c", f"{script}; exec sleep 60"], 50.0)

    def begun(self, *numbers: int) -> Deferred[Any]:
        """Wait until the children of these run."""

        def look() -> None:
            if all((self.directory / str(number)).exists() for number in numbers):
                looking.stop()

        # A child tells only the file system that it has begun, so that is looked at until it has.
        looking = LoopingCall(look)
        return looking.start(0.01).addTimeout(60, self.reactor)

    def pid(self, number: int) -> int:
        """Give the number of a child."""
        return int((self.directory / str(number)).read_text())

    @inlineCallbacks
    def test_cancel(self) -> Generator[Any, Any, None]:
        """A run is cancelled at once, its child is killed, and the next for this device is not held up."""
        first = self.hang(0)
        yield self.begun(0)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        output = yield self.v4l2ctl.run("/dev/video0", ["echo", "next"], 30.0)
        self.assertEqual((output.outcome, output.stdout), (Outcome.DONE, "next\n"))
        self.assertFalse(Path(f"/proc/{self.pid(0)}").exists())

    @inlineCallbacks
    def test_stop(self) -> Generator[Any, Any, None]:
        """The stop kills what runs, starts nothing of what waits, and the threads end."""
        results = [self.hang(number) for number in range(3)]
        yield self.begun(0, 1)
        self.v4l2ctl.stop()
        outputs = yield DeferredList(results)
        self.assertEqual([output.outcome for _, output in outputs], [Outcome.CANCELLED] * 3)
        self.assertEqual(sorted(os.listdir(self.directory)), ["0", "1"])
        self.assertTrue(has_ended(self.pid(0)))
        self.assertTrue(has_ended(self.pid(1)))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @inlineCallbacks
    def test_synchronous(self) -> Generator[Any, Any, None]:
        """Where the runner of threads is none, a run is over when it is asked for."""

        def at_once(function: Callable[..., Any], *args: object) -> Deferred[Any]:
            done: Deferred[Any] = Deferred()
            done.callback(function(*args))
            return done

        v4l2ctl = V4L2Ctl(self.clock, at_once, ENVIRONMENT)
        for number in range(3):
            result = v4l2ctl.run("/dev/video0", ["echo", str(number)], 30.0)
            self.assertTrue(result.called)
            output = yield result
            self.assertEqual(output.stdout, f"{number}\n")
        self.assertEqual(self.clock.getDelayedCalls(), [])
