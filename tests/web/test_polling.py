"""The turn of the epoll reactor: what it does is what Twisted's own does."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.web.polling import poll_without_context, turn_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.logger import LogEvent


class End:
    """One end of a pair of sockets, watched by a reactor."""

    def __init__(self, note: Callable[[str], object], name: str) -> None:
        self.mine, self.other = socket.socketpair()
        self.fileno = self.mine.fileno
        self.name = name
        self.note = note
        self.meanwhile: Callable[[], object] = lambda: None

    def doRead(self) -> object:
        """Read."""
        self.note(f"{self.name} read {self.mine.recv(100)!r}")
        return self.meanwhile()

    def doWrite(self) -> None:  # noqa: N802 - Twisted's name
        """Write."""
        self.note(f"{self.name} write")

    def connectionLost(self, _reason: object) -> None:
        """Fail at that too."""
        self.note(f"{self.name} lost")
        raise ZeroDivisionError

    def logPrefix(self) -> str:
        """Give what the old log wants."""
        return self.name

    def close(self) -> None:
        """Close both."""
        self.mine.close()
        self.other.close()


class TurnTests(SynchronousTestCase):
    """Turns of a reactor that does not run."""

    def setUp(self) -> None:
        """Make one, and two sockets that it watches."""
        self.noted: list[str] = []
        self.reactor: Any = EPollReactor()
        self.ends = [End(self.noted.append, name) for name in ("a", "b")]
        for end in self.ends:
            self.reactor.addReader(end)

    def tearDown(self) -> None:
        """Close it."""
        self.reactor.removeAll()
        for waker in self.reactor._internalReaders:
            waker.connectionLost(None)
        self.reactor._poller.close()
        for end in self.ends:
            end.close()

    def both(self) -> list[Callable[[float | None], None]]:
        """Give Twisted's turn and ours."""
        return [self.reactor.doPoll, turn_of(self.reactor)]

    def told(self) -> list[str]:
        """Give what was noted since the last time."""
        noted = sorted(self.noted)
        self.noted.clear()
        return noted

    def test_events(self) -> None:
        """Each socket is read and written as there is something to do, and nothing is done where there is not."""
        for turn in self.both():
            turn(0)
            self.assertEqual(self.told(), [])
            for end in self.ends:
                end.other.send(b"x")
            self.reactor.addWriter(self.ends[1])
            turn(None)
            self.assertEqual(self.told(), ["a read b'x'", "b read b'x'", "b write"])
            self.reactor.removeWriter(self.ends[1])

    def test_gone_meanwhile(self) -> None:
        """One that is watched no more, because of what was done before it in the same turn, is left alone."""
        for turn in self.both():
            first, second = self.ends
            first.meanwhile = lambda: self.reactor.removeReader(self.ends[1])
            second.meanwhile = lambda: self.reactor.removeReader(self.ends[0])
            for end in self.ends:
                end.other.send(b"x")
            turn(0)
            self.assertEqual(len(self.told()), 1)
            for end in self.ends:
                end.meanwhile = lambda: None
                self.reactor.addReader(end)
            turn(0)
            self.assertEqual(len(self.told()), 1)

    def test_one_that_fails(self) -> None:
        """What one socket fails at is logged, and the others have their turn."""
        for turn in self.both():
            for end in self.ends:
                end.meanwhile = lambda: CONNECTION_LOST
                end.other.send(b"x")
                self.reactor.addReader(end)
            turn(0)
            self.assertEqual(self.told(), ["a lost", "a read b'x'", "b lost", "b read b'x'"])
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_level(self) -> None:
        """It is logged as the defect that it is."""
        events: list[LogEvent] = []
        observer: Any = events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.ends[0].meanwhile = lambda: CONNECTION_LOST
        self.ends[0].other.send(b"x")
        turn_of(self.reactor)(0)
        self.flushLoggedErrors(ZeroDivisionError)
        self.assertEqual(
            [(each["log_level"], each["log_namespace"]) for each in events], [(LogLevel.error, "webcam_rpc.web")]
        )


class ChoiceTests(SynchronousTestCase):
    """Which reactors are made to turn so."""

    def test_epoll(self) -> None:
        """The epoll reactor is, once; its own turn is still there."""
        reactor: Any = EPollReactor()
        self.addCleanup(reactor._poller.close)
        poll_without_context(reactor)
        turn = reactor.doIteration
        self.assertNotEqual(turn, reactor.doPoll)
        poll_without_context(reactor)
        self.assertIs(reactor.doIteration, turn)

    def test_others(self) -> None:
        """No other is, even where it is derived from that one."""

        class Derived(EPollReactor):
            pass

        derived: Any = Derived()
        self.addCleanup(derived._poller.close)
        for reactor in (derived, Clock()):
            poll_without_context(reactor)
            self.assertNotIn("doIteration", vars(reactor))
