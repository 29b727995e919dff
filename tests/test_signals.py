"""Which signals end the service, and which do not."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeReactor:
    """A reactor that keeps what it is asked, until the test lets it run."""

    def __init__(self) -> None:
        self.running = True
        self.stops = 0
        self.asked: list[Callable[[], object]] = []

    def callWhenRunning(self, function: Callable[[], object]) -> None:  # noqa: N802 - Twisted's name
        """Keep ``function``."""
        self.asked.append(function)

    def callFromThread(self, function: Callable[..., object], *args: object) -> None:  # noqa: N802 - Twisted's name
        """Keep ``function`` with its arguments."""
        self.asked.append(lambda: function(*args))

    def stop(self) -> None:
        """Count."""
        self.stops += 1

    def run(self) -> None:
        """Do what was asked."""
        asked, self.asked = self.asked, []
        for function in asked:
            function()


class SignalsTests(SynchronousTestCase):
    """Real signals to this process, whose handlers are put back afterwards."""

    def setUp(self) -> None:
        """Start the service; its handlers wait for the reactor."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.before = signal.getsignal(signal.SIGTERM)
        self.reactor = FakeReactor()
        self.hung_up = 0
        Signals(self.reactor, self.hang_up).startService()

    def hang_up(self) -> None:
        """Count."""
        self.hung_up += 1

    def test_after_the_reactors(self) -> None:
        """The handlers are installed once the reactor runs: it would put its own in their place."""
        self.assertIs(signal.getsignal(signal.SIGTERM), self.before)
        self.reactor.run()
        self.assertIsNot(signal.getsignal(signal.SIGTERM), self.before)

    def test_stop(self) -> None:
        """SIGTERM and SIGINT stop the reactor, in its own turn and once."""
        self.reactor.run()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        self.assertEqual(self.reactor.stops, 0)
        self.reactor.run()
        self.assertEqual(self.reactor.stops, 1)

    def test_stopped_already(self) -> None:
        """A reactor that does not run any more is not stopped again, which would raise."""
        self.reactor.run()
        self.reactor.running = False
        os.kill(os.getpid(), signal.SIGINT)
        self.reactor.run()
        self.assertEqual(self.reactor.stops, 0)

    def test_hang_up(self) -> None:
        """SIGHUP ends nothing and is passed on, each time."""
        self.reactor.run()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
            self.reactor.run()
        self.assertEqual((self.hung_up, self.reactor.stops), (2, 0))
