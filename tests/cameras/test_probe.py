"""Whatever v4l2-ctl does, a run comes to an end, says how, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.case import Contract
from webcam_rpc.cameras.probe import OUTPUT_CAP, Outcome, Output, V4L2Ctl
from webcam_rpc.testing import FakeThreads, FakeV4L2Ctl

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "de_DE.UTF-8"}


def has_ended(pid: int, within: float = 10.0) -> bool:
    """Tell whether a process is dead, or dies within the time; it is not reaped here, so a zombie counts as dead."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with DefaultSelector() as selector:
        selector.register(descriptor, EVENT_READ)
        ended = bool(selector.select(within))
    os.close(descriptor)
    return ended


class V4L2CtlContract(Contract):
    """What callers rely on, of the real one and of the fake one."""

    def setUp(self) -> None:
        """Make the one under test."""
        self.v4l2ctl = self.make()

    def make(self) -> V4L2Ctl:
        """Make the one under test."""
        raise NotImplementedError

    def in_flight(self) -> int:
        """Count the runs in flight."""
        raise NotImplementedError

    def finish(self, *devices: str) -> None:
        """Let the runs in flight of these devices, which are all that there are, end by themselves."""
        raise NotImplementedError

    def ask(self, device: str) -> Deferred[Output]:
        """Ask for a run that prints ``said``."""
        return self.v4l2ctl.run(device, ["echo", "said"], 10.0)

    def test_done(self) -> None:
        """A run tells what was printed."""
        result = self.ask("/dev/video0")
        self.assertNoResult(result)
        self.finish("/dev/video0")
        output = self.successResultOf(result)
        self.assertEqual((output.outcome, output.stdout, output.stderr, output.status), (Outcome.DONE, "said\n", "", 0))

    def test_turns(self) -> None:
        """Of the runs for one device one is in flight; another device does not wait for it."""
        first, second, other = self.ask("/dev/video0"), self.ask("/dev/video0"), self.ask("/dev/video1")
        self.assertEqual(self.in_flight(), 2)
        self.finish("/dev/video0", "/dev/video1")
        self.successResultOf(first)
        self.successResultOf(other)
        self.assertNoResult(second)
        self.finish("/dev/video0")
        self.successResultOf(second)

    def test_cancelled(self) -> None:
        """A run that nobody wants any more fails with CancelledError, and the next has its turn."""
        first, second, third = (self.ask("/dev/video0") for _ in range(3))
        second.cancel()
        self.failureResultOf(second, CancelledError)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(third)
        while not third.called:
            self.finish("/dev/video0")
        self.assertIs(self.successResultOf(third).outcome, Outcome.DONE)
        self.assertEqual(self.in_flight(), 0)

    def test_asked_again_from_the_answer(self) -> None:
        """Who asks again as soon as it has its answer gets another."""
        again: list[Deferred[Output]] = []
        self.ask("/dev/video0").addCallback(lambda _: again.append(self.ask("/dev/video0")))
        self.finish("/dev/video0")
        self.finish("/dev/video0")
        self.successResultOf(again[0])

    def test_stop(self) -> None:
        """When it stops, every run ends as cancelled, and so does each that is asked for later, at once."""
        results = [self.ask("/dev/video0"), self.ask("/dev/video0"), self.ask("/dev/video1")]
        self.v4l2ctl.stop()
        if self.in_flight():
            self.finish("/dev/video0", "/dev/video1")
        results.append(self.ask("/dev/video0"))
        self.assertEqual([self.successResultOf(result).outcome for result in results], [Outcome.CANCELLED] * 4)
        self.assertEqual(self.in_flight(), 0)


class FakeV4L2CtlTests(V4L2CtlContract, SynchronousTestCase):
    """The fake one keeps the contract."""

    def make(self) -> V4L2Ctl:
        """Make the fake."""
        self.fake = FakeV4L2Ctl()
        return self.fake

    def in_flight(self) -> int:
        """Count what it calls running."""
        return len(self.fake.running)

    def finish(self, *devices: str) -> None:
        """Answer."""
        for device in devices:
            self.fake.answer(device, "said\n")


class Real(Contract):
    """The real one, whose threads are the test's own."""

    def make(self) -> V4L2Ctl:
        """Make the real one."""
        self.clock = Clock()
        self.threads = FakeThreads()
        return V4L2Ctl(self.clock, self.threads.run, ENVIRONMENT)

    def in_flight(self) -> int:
        """Count what is in a thread."""
        return len(self.threads)


class RealV4L2CtlTests(Real, V4L2CtlContract, SynchronousTestCase):
    """The real one keeps the contract, and shares two turns among all."""

    def finish(self, *devices: str) -> None:
        """Let the threads work."""
        for _ in devices:
            self.threads.work_one()

    def test_two_at_once(self) -> None:
        """Two children are started together; who sleeps in the kernel for long gives the turn away."""
        results = [self.ask(f"/dev/video{number}") for number in range(5)]
        self.assertEqual(self.in_flight(), 2)
        self.clock.advance(0.5)
        self.assertEqual(self.in_flight(), 4)
        self.finish("", "")
        self.assertEqual(self.in_flight(), 2)
        self.clock.advance(0.5)
        self.assertEqual(self.in_flight(), 3)
        self.finish("", "", "")
        for result in results:
            self.successResultOf(result)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_defect(self) -> None:
        """A defect in the thread is logged and ends the run as any other trouble would."""
        result = self.v4l2ctl.run("/dev/video0", ["echo", "a\0b"], 10.0)
        self.finish("/dev/video0")
        self.assertIs(self.successResultOf(result).outcome, Outcome.CANCELLED)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        next_one = self.ask("/dev/video0")
        self.finish("/dev/video0")
        self.successResultOf(next_one)


class ChildTests(Real, SynchronousTestCase):
    """Real children that behave as no program should."""

    def setUp(self) -> None:
        """Make a directory for their programs."""
        self.v4l2ctl = self.make()
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir()

    def perform(self, script: str, timeout: float = 20.0) -> Output:
        """Run a shell script to its end; in it $NOTE is a file to leave numbers of processes in."""
        program = self.directory / "v4l2-ctl"
        program.write_text(f"#!/bin/sh\nNOTE={self.directory}/note\n{script}\n")
        program.chmod(0o755)
        result = self.v4l2ctl.run("/dev/video0", [str(program)], timeout)
        self.threads.work()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return self.successResultOf(result)

    def noted(self) -> int:
        """Give the number that the script left."""
        return int((self.directory / "note").read_text())

    def test_exits_at_once(self) -> None:
        """One that says nothing and succeeds, and one that says nothing and fails."""
        for status in (0, 3):
            output = self.perform(f"exit {status}")
            self.assertEqual((output.outcome, output.stdout, output.status), (Outcome.DONE, "", status))

    def test_both_streams(self) -> None:
        """Both streams are read together and kept apart: more on either than a pipe holds stops nothing."""
        output = self.perform("head -c 100000 /dev/zero | tr '\\0' e >&2; head -c 100000 /dev/zero | tr '\\0' o")
        self.assertEqual((output.stdout, output.stderr), ("o" * 100_000, "e" * 100_000))
        self.assertIs(output.outcome, Outcome.DONE)

    def test_not_utf8(self) -> None:
        """Bytes that are no text are replaced."""
        self.assertEqual(self.perform("printf 'a\\377b'").stdout, "a�b")

    def test_environment(self) -> None:
        """The language is C, nothing can be typed, and it leads a process group of its own."""
        output = self.perform("echo $LC_ALL; read line || echo none; ps -o pgid= -p $$ | tr -d ' '; echo $$")
        language, typed, *numbers = output.stdout.split()
        self.assertEqual((language, typed), ("C", "none"))
        if len(numbers) > 1:
            self.assertEqual(numbers[0], numbers[1])

    def test_missing(self) -> None:
        """A program that is not there, or is none, is named with what is wrong."""
        text = self.directory / "text"
        text.write_text("no program")
        for name, wrong in (("no-such-tool", "No such file"), (str(text), "Permission denied")):
            result = self.v4l2ctl.run("/dev/video0", [name], 1.0)
            self.threads.work()
            output = self.successResultOf(result)
            self.assertEqual((output.outcome, output.status), (Outcome.MISSING, None))
            self.assertTrue(output.stderr.startswith(f"{name}: {wrong}"), output.stderr)

    def test_hangs(self) -> None:
        """One that hangs is ended when its time is up; what it printed until then is kept."""
        output = self.perform("echo $$ > $NOTE; echo begun; exec sleep 60", timeout=0.5)
        self.assertEqual((output.outcome, output.stdout, output.status), (Outcome.TIMEOUT, "begun\n", None))
        self.assertTrue(0.5 <= output.seconds < 10, output.seconds)
        self.assertFalse(Path(f"/proc/{self.noted()}").exists(), "not reaped")

    def test_ignores_sigterm(self) -> None:
        """One that cannot be asked is killed, its children too."""
        script = "trap '' TERM HUP INT; sleep 60 & echo $! > $NOTE; while :; do wait; done"
        self.assertIs(self.perform(script, timeout=0.5).outcome, Outcome.TIMEOUT)
        self.assertTrue(has_ended(self.noted()))

    def test_closes_its_streams(self) -> None:
        """One that closes its streams and stays is ended too."""
        output = self.perform("echo $$ > $NOTE; echo last; exec >&- 2>&-; exec sleep 60", timeout=0.5)
        self.assertEqual((output.outcome, output.stdout), (Outcome.TIMEOUT, "last\n"))
        self.assertFalse(Path(f"/proc/{self.noted()}").exists())

    def test_floods(self) -> None:
        """One that prints without end is ended at the cap, on either stream."""
        for stream in ("1", "2"):
            output = self.perform(f"echo $$ > $NOTE; exec yes >&{stream}")
            self.assertIs(output.outcome, Outcome.FLOOD)
            self.assertTrue(OUTPUT_CAP < len(output.stdout) + len(output.stderr) <= OUTPUT_CAP + 2 * 65536)
            self.assertFalse(Path(f"/proc/{self.noted()}").exists())

    def test_grandchild_holds_the_pipes(self) -> None:
        """One that ends and leaves a child with its pipes has ended; the child is killed."""
        output = self.perform("sleep 60 & echo $! > $NOTE; echo report")
        self.assertEqual((output.outcome, output.stdout, output.status), (Outcome.DONE, "report\n", 0))
        self.assertLess(output.seconds, 10)
        self.assertTrue(has_ended(self.noted()))

    def test_grandchild_that_escapes(self) -> None:
        """Not even a grandchild in a session of its own keeps the run from ending."""
        script = f"{sys.executable} -S -c 'import os, time; os.setsid(); time.sleep(60)' & echo $! > $NOTE; echo report"
        output = self.perform(script)
        os.kill(self.noted(), signal.SIGKILL)
        self.assertEqual((output.outcome, output.stdout), (Outcome.DONE, "report\n"))
        self.assertLess(output.seconds, 10)

    def test_killed_by_itself(self) -> None:
        """One that dies of a signal has no exit status."""
        output = self.perform("echo a; kill -SEGV $$")
        self.assertEqual((output.outcome, output.stdout, output.status), (Outcome.DONE, "a\n", None))

    def test_cancelled_before_its_turn(self) -> None:
        """A run that was cancelled before its thread began starts no child."""
        result = self.v4l2ctl.run("/dev/video0", ["touch", str(self.directory / "touched")], 1.0)
        result.cancel()
        self.failureResultOf(result, CancelledError)
        self.threads.work()
        self.assertEqual(os.listdir(self.directory), [])
