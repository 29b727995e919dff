"""The ends of a child's pipes on the real reactor: all that goes in comes out, and no descriptor stays."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from twisted.internet import main
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from webcam_rpc.media.pipes import Input, Output, make_pipe

if TYPE_CHECKING:
    from collections.abc import Callable

reactor: Any = global_reactor
DONE = Failure(main.CONNECTION_DONE)


def is_open(descriptor: int) -> bool:
    """Tell whether a descriptor of ours is open."""
    return os.path.exists(f"/proc/self/fd/{descriptor}")


class PipeCase(TestCase):
    """Pipes whose other end the test has."""

    def output(self, take: Callable[[bytes], None]) -> tuple[Output, int, Deferred[None]]:
        """Give an output, the end that a child would write into, and what fires when it is over."""
        ours, theirs = make_pipe(child_reads=False)
        over: Deferred[None] = Deferred()
        output = Output(reactor, ours, take, lambda: over.callback(None))
        self.addCleanup(output.connectionLost, DONE)
        return output, theirs, over

    def input(self) -> tuple[Input, int]:
        """Give an input, and the end that a child would read from."""
        ours, theirs = make_pipe(child_reads=True)
        made = Input(reactor, ours)
        self.addCleanup(made.connectionLost, DONE)
        return made, theirs


class MakePipeTests(PipeCase):
    """What a pipe is."""

    def test_ends(self) -> None:
        """Ours does not block, the child's does; neither is inherited by other children; it holds a megabyte."""
        for child_reads in (False, True):
            ours, theirs = make_pipe(child_reads=child_reads)
            self.addCleanup(os.close, ours)
            self.addCleanup(os.close, theirs)
            self.assertEqual((os.get_blocking(ours), os.get_blocking(theirs)), (False, True))
            self.assertEqual((os.get_inheritable(ours), os.get_inheritable(theirs)), (False, False))
        os.set_blocking(theirs, False)
        os.write(ours, b"x" * (1 << 20))
        self.assertEqual(len(os.read(theirs, 1 << 21)), 1 << 20)


class OutputTests(PipeCase):
    """What a child prints."""

    async def test_all_of_it(self) -> None:
        """More than a pipe holds comes whole and in order, and the end when the last writer has closed."""
        pieces: list[bytes] = []
        output, theirs, over = self.output(pieces.append)
        data = os.urandom(3_000_000)
        # Through an input: the test's own end must not block.
        os.set_blocking(theirs, False)
        feeder = Input(reactor, theirs)
        feeder.write(data)
        feeder.loseConnection()
        await over
        self.assertEqual(b"".join(pieces), data)
        self.assertEqual(output.fileno(), -1)

    async def test_closed_here(self) -> None:
        """Closed by us it gives nothing more, tells the end once, and the descriptor is gone."""
        pieces: list[bytes] = []
        output, theirs, over = self.output(pieces.append)
        number = output.fileno()
        for _ in range(2):
            output.connectionLost(DONE)
        await over
        self.assertFalse(is_open(number))
        os.close(theirs)
        self.assertEqual(pieces, [])
        output.drain()

    async def test_drain(self) -> None:
        """What is in the pipe is had at once, without the reactor, be it at its end or not."""
        for close in (False, True):
            pieces: list[bytes] = []
            output, theirs, over = self.output(pieces.append)
            data = os.urandom(1_000_000)
            os.write(theirs, data)
            if close:
                os.close(theirs)
            output.drain()
            self.assertEqual(b"".join(pieces), data)
            output.connectionLost(DONE)
            await over
            if not close:
                os.close(theirs)

    async def test_drain_ends(self) -> None:
        """A writer that never stops does not keep it."""
        sizes: list[int] = []

        def take(data: bytes) -> None:
            sizes.append(len(data))
            os.write(theirs, b"more")

        output, theirs, _ = self.output(take)
        os.write(theirs, b"more")
        output.drain()
        self.assertLess(len(sizes), 20)
        os.close(theirs)


class InputTests(PipeCase):
    """What a child is fed with."""

    async def test_pending(self) -> None:
        """What the pipe has not taken is counted until it is taken; the end comes behind it."""
        feeder, theirs = self.input()
        data = os.urandom(3_000_000)
        for at in range(0, len(data), 100_000):
            feeder.write(data[at : at + 100_000])
        self.assertEqual(feeder.pending, len(data))
        feeder.loseConnection()
        feeder.write(b"too late")
        self.assertEqual(feeder.pending, len(data))
        pieces: list[bytes] = []
        over: Deferred[None] = Deferred()
        os.set_blocking(theirs, False)
        Output(reactor, theirs, pieces.append, lambda: over.callback(None))
        await over
        self.assertEqual(b"".join(pieces), data)
        self.assertEqual((feeder.pending, feeder.fileno()), (0, -1))

    async def test_partly_taken(self) -> None:
        """What the pipe has taken is pending no more, though the reader has not read it."""
        feeder, theirs = self.input()
        feeder.write(b"x" * 3_000_000)
        some: Deferred[None] = Deferred()
        self._poll(lambda: feeder.pending < 3_000_000, some)
        await some
        self.assertTrue(0 < feeder.pending < 3_000_000)
        os.close(theirs)

    async def test_nothing_written(self) -> None:
        """The end comes without a byte too."""
        feeder, theirs = self.input()
        over: Deferred[None] = Deferred()
        os.set_blocking(theirs, False)
        pieces: list[bytes] = []
        Output(reactor, theirs, pieces.append, lambda: over.callback(None))
        feeder.write(b"")
        feeder.loseConnection()
        await over
        self.assertEqual(pieces, [])

    async def test_reader_gone(self) -> None:
        """Nobody reads any more: it is closed, what waits is dropped, and more is not taken."""
        feeder, theirs = self.input()
        feeder.write(b"x" * 3_000_000)
        number = feeder.fileno()
        os.close(theirs)
        closed: Deferred[None] = Deferred()
        self._poll(lambda: feeder.fileno() < 0, closed)
        await closed
        feeder.write(b"more")
        self.assertEqual(feeder.pending, 0)
        self.assertFalse(is_open(number))
        feeder.loseConnection()

    def _poll(self, condition: Callable[[], bool], done: Deferred[None], turns: int = 10_000) -> None:
        if condition() or not turns:
            done.callback(None)
        else:
            reactor.callLater(0, self._poll, condition, done, turns - 1)
