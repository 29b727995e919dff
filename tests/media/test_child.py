"""Children, real ones: what they print comes whole, they end when they are told, and nothing of them stays."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.media.childcase import LONG, ChildCase, descriptors, drop, ended, eventually, reactor
from webcam_rpc.media.child import Child, Children, Exit
from webcam_rpc.media.troubles import ProgramFailed

if TYPE_CHECKING:
    from pathlib import Path

    from twisted.internet.defer import Deferred


class EndTests(ChildCase):
    """However a child is ended, its group ends with it."""

    async def test_by_itself(self) -> None:
        """Status and last words are told to all who wait, then and later."""
        child = self.shell("echo first >&2; echo last >&2; exit 3")
        waiting = [child.when_ended(), child.when_ended()]
        for one in waiting:
            self.assertEqual(await one, Exit(3, None, "first\nlast\n"))
        self.assertEqual(await child.when_ended(), Exit(3, None, "first\nlast\n"))
        self.assertEqual((child.running, len(self.children)), (False, 0))

    async def test_by_a_signal(self) -> None:
        """A signal is told as one."""
        ended_by = await self.shell("kill -SEGV $$").when_ended()
        self.assertEqual((ended_by.status, ended_by.signal), (None, signal.SIGSEGV))

    async def test_asked(self) -> None:
        """Who heeds SIGTERM ends by it, and has time to do so."""
        child = self.shell("trap 'echo bye >&2; exit 0' TERM; echo $$ > $NOTE; while :; do sleep 0.01; done")
        (pid,) = await self.noted()
        self.assertEqual(pid, child.pid)
        told = await child.stop(LONG)
        self.assertEqual((told.status, told.stderr[-4:]), (0, "bye\n"))

    async def test_ignores_sigterm(self) -> None:
        """Who does not heed it is killed, with all that it started."""
        child = self.shell("trap '' TERM; sleep 1000 & echo $! > $NOTE; echo $$ >> $NOTE; wait")
        grandchild, _ = await self.noted(2)
        told = await child.stop(0.1)
        self.assertEqual(told.signal, signal.SIGKILL)
        await eventually(lambda: ended(grandchild))

    async def test_killed(self) -> None:
        """A kill is one for the whole group, a sleeping and a busy one."""
        child = self.shell("(while :; do :; done) & echo $! > $NOTE; sleep 1000 & echo $! >> $NOTE; wait")
        grandchildren = await self.noted(2)
        self.assertEqual((await child.kill()).signal, signal.SIGKILL)
        await eventually(lambda: all(ended(pid) for pid in grandchildren))
        self.assertEqual((await child.kill()).signal, signal.SIGKILL)

    async def test_killed_at_once(self) -> None:
        """A kill in the moment of the start, when it has no group yet, is not lost."""
        for _ in range(10):
            child = self.shell("echo x > $NOTE; sleep 1000")
            self.assertEqual((await child.kill()).signal, signal.SIGKILL)

    async def test_ended_before_it_is_known(self) -> None:
        """A child that has ended before spawnProcess returns: its group is killed, and never our own."""
        known: list[int] = []

        class Slow:
            """A reactor that is slower to start a child than the child is to end."""

            def __getattr__(self, name: str) -> Any:
                return getattr(reactor, name)

            def spawnProcess(self, child: Child, *args: Any, **more: Any) -> Any:  # noqa: N802 - Twisted's name
                connected = child.makeConnection

                def connect(transport: Any) -> None:
                    connected(transport)
                    known.append(child.pid)
                    child.pid = transport.pid  # killpg(0) would be the end of the test's own process
                    os.waitid(os.P_PID, transport.pid, os.WEXITED | os.WNOWAIT)

                child.makeConnection = connect  # type: ignore[method-assign]
                return reactor.spawnProcess(child, *args, **more)

        children = Children(Slow(), {**os.environ, "NOTE": str(self.note)})
        child = children.start(["sh", "-c", "sleep 1000 & echo $! > $NOTE"])
        self.assertEqual(known, [child.pid])
        self.assertEqual((await child.when_ended()).status, 0)
        (grandchild,) = await self.noted()
        await eventually(lambda: ended(grandchild))
        self.assertEqual(len(children), 0)

    async def test_leaves_a_grandchild(self) -> None:
        """What a child leaves behind in its group is killed, though it holds the pipes."""
        pieces: list[bytes] = []
        child = self.shell("sleep 1000 & echo $! > $NOTE; echo said", pieces.append)
        self.assertEqual((await child.when_ended()).status, 0)
        self.assertEqual(b"".join(pieces), b"said\n")
        (grandchild,) = await self.noted()
        await eventually(lambda: ended(grandchild))

    async def test_grandchild_that_escapes(self) -> None:
        """One in a session of its own that holds the pipes does not keep the child from having ended."""
        child = self.shell("setsid sh -c 'echo $$ > $NOTE; exec sleep 1000' & wait", lambda _: None)
        (grandchild,) = await self.noted()
        await child.kill()
        self.assertFalse(ended(grandchild))
        os.kill(grandchild, signal.SIGKILL)

    async def test_group(self) -> None:
        """It leads a session and a group of its own, without a terminal to read from."""
        pieces: list[bytes] = []
        child = self.shell("ps -o sid=,pgid= -p $$; read line || echo none", pieces.append)
        await child.when_ended()
        self.assertEqual(b"".join(pieces).split(), [str(child.pid).encode()] * 2 + [b"none"])

    async def test_environment(self) -> None:
        """Its words are not translated, and what is meant for us alone is not given to it."""
        pieces: list[bytes] = []
        await self.shell("echo $LC_ALL $AV_LOG_FORCE_NOCOLOR-$FFREPORT-$NOTIFY_SOCKET-", pieces.append).when_ended()
        self.assertEqual(b"".join(pieces), b"C 1---\n")

    async def test_floods_its_errors(self) -> None:
        """One that says megabytes on standard error is killed; of what it said the last 8 KiB are kept."""
        told = await self.shell("yes wrong >&2").when_ended()
        self.assertEqual((told.signal, len(told.stderr)), (signal.SIGKILL, 8192))

    async def test_says_much(self) -> None:
        """Less than that is no reason to end it, and does not stop it; bytes that are no text are replaced."""
        told = await self.shell("head -c 500000 /dev/zero >&2; printf 'a\\377b' >&2").when_ended()
        self.assertEqual((told.status, told.stderr[-4:]), (0, "\x00a�b"))


class PipesTests(ChildCase):
    """What goes in and what comes out."""

    async def test_all_that_it_prints(self) -> None:
        """A child that prints megabytes and ends at once is heard to its last byte before its end is told."""
        for size in (0, 1, 70_000, 5_000_000):
            got = bytearray()
            child = self.shell(f"head -c {size} /dev/zero; printf end", got.extend)
            await child.when_ended()
            self.assertEqual((len(got), bytes(got[-3:])), (size + 3, b"end"))

    async def test_of_a_busy_reactor(self) -> None:
        """What it printed is not lost when the reactor was too busy to read while it was waited for."""
        clock = Clock()

        class Busy:
            """The reactor, with time of its own."""

            seconds, callLater = clock.seconds, clock.callLater  # noqa: N815 - Twisted's name

            def __getattr__(self, name: str) -> Any:
                return getattr(reactor, name)

        got = bytearray()
        children = Children(Busy(), os.environ)
        child = children.start(["sh", "-c", "head -c 900000 /dev/zero"], stdout=got.extend)
        assert child._output is not None
        child._output.stopReading()
        await eventually(lambda: bool(clock.getDelayedCalls()))
        clock.advance(1)
        self.assertEqual((await child.when_ended()).status, 0)
        self.assertEqual(len(got), 900_000)

    async def test_fed(self) -> None:
        """Megabytes that are written at once arrive whole, the end behind them; meanwhile they are pending."""
        got = bytearray()
        child = self.shell("cat", got.extend, stdin=True)
        data = bytes(range(256)) * 20_000
        child.write(data)
        self.assertEqual(child.pending, len(data))
        self.assertEqual((await child.finish(LONG)).status, 0)
        self.assertEqual(bytes(got), data)
        self.assertEqual(child.pending, 0)

    async def test_does_not_read(self) -> None:
        """One that reads nothing is killed at the deadline of its finish; what it did not take stays pending."""
        child = self.shell("sleep 1000", stdin=True)
        child.write(b"x" * 3_000_000)
        finishing = child.finish(0.2)
        self.assertEqual((await finishing).signal, signal.SIGKILL)

    async def test_closes_its_input(self) -> None:
        """One that closes its input early goes on; what is written is dropped, and it ends well."""
        got = bytearray()
        os.mkfifo(self.note)
        child = self.shell("exec <&-; echo closed; read line < $NOTE; echo $line", got.extend, stdin=True)
        await eventually(lambda: bool(got))
        child.write(b"x" * 3_000_000)
        await eventually(lambda: not child.pending)
        child.write(b"more")
        self.assertEqual(child.pending, 0)
        await eventually(lambda: _opened_to_write(self.note))
        self.assertEqual((await child.finish(LONG)).status, 0)
        self.assertEqual(bytes(got), b"closed\ngo\n")

    async def test_without_input(self) -> None:
        """A child that is not fed reads nothing; what is written to it is nobody's."""
        child = self.shell("cat")
        child.write(b"x")
        child.end_input()
        self.assertEqual((child.pending, (await child.when_ended()).status), (0, 0))

    async def test_no_descriptor_stays(self) -> None:
        """Fifty children, however they end, leave as many descriptors as there were before."""
        await self.shell(":").when_ended()
        scripts = ("cat", "cat >&2", ":", "sleep 9 & :", "exec <&- >&-; :")
        before = descriptors()
        for number in range(50):
            child = self.shell(scripts[number % 5], drop, stdin=True)
            child.write(b"x" * 200_000)
            child.end_input()
            await (child.kill() if number % 2 else child.when_ended())
        self.assertEqual(descriptors(), before)

    async def test_no_descriptor_stays_of_failed_starts(self) -> None:
        """A program that is not there, and a process that cannot be made, leave none either."""

        class Full:
            """The reactor of a machine on which no process can be made."""

            def __getattr__(self, name: str) -> Any:
                return getattr(reactor, name)

            def spawnProcess(self, *_: object, **__: object) -> None:  # noqa: N802 - Twisted's name
                raise BlockingIOError(11, "Resource temporarily unavailable")

        before = descriptors()
        full = Children(Full(), os.environ)
        for _ in range(50):
            error = self.assertRaises(ProgramFailed, full.start, ["sh"], stdout=drop, stdin=True)
            self.assertEqual(error.detail, "sh cannot be started: Resource temporarily unavailable")
            error = self.assertRaises(ProgramFailed, self.children.start, ["no-such"], stdout=drop, stdin=True)
            self.assertEqual((error.detail, error.remedy), ("no-such is not in PATH", "apt-get install no-such"))
        self.assertEqual((descriptors(), len(full)), (before, 0))


def _opened_to_write(fifo: Path) -> bool:
    try:
        descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    os.write(descriptor, b"go\n")
    os.close(descriptor)
    return True


class UnkillableTests(SynchronousTestCase):
    """A child in uninterruptible sleep, which no test can make: what is done when the kernel never tells its end."""

    def test_given_up(self) -> None:
        """A second after SIGKILL it counts as ended, and what waits for it is told so once."""
        clock = Clock()

        class Stuck(Child):
            """A child that no signal reaches."""

            def _signal(self, number: int) -> None:
                sent.append(number)

        sent: list[int] = []
        child = Stuck(clock)
        told: Deferred[Exit] = child.stop(2.0)
        clock.advance(2)
        self.assertEqual(sent, [signal.SIGTERM, signal.SIGKILL])
        self.assertNoResult(told)
        clock.advance(1)
        self.assertEqual(self.successResultOf(told), Exit(None, None, ""))
        self.assertEqual(clock.getDelayedCalls(), [])
