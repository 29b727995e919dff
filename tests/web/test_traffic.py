"""The log of messages: a hundred lines a second, and the rest counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.web.peers import Peer
from webcam_rpc.web.traffic import LIMIT, Traffic

if TYPE_CHECKING:
    from twisted.logger import LogEvent

PEER = Peer.of(IPv4Address("TCP", "192.0.2.1", 1234))


class TrafficTests(SynchronousTestCase):
    """The lines of it."""

    def setUp(self) -> None:
        """Take what is logged."""
        self.clock = Clock()
        self.traffic = Traffic(self.clock)
        self.events: list[LogEvent] = []
        observer: Any = self.events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def lines(self) -> list[str]:
        """Give the lines since the last time."""
        mine = [each for each in self.events if each["log_namespace"] == "webcam_rpc.traffic"]
        self.events.clear()
        return [each["log_format"].format(**each) for each in mine]

    def test_words(self) -> None:
        """Each line says who, and what; what is no UTF-8 can be written all the same."""
        self.traffic.received(PEER, b"{}")
        self.traffic.sending(PEER, b"\xff")
        self.traffic.pinged()
        self.assertEqual(
            self.lines(),
            ["Received from 192.0.2.1:1234: {}", "Sending to 192.0.2.1:1234: \ufffd", "Ping method called"],
        )

    def test_limited(self) -> None:
        """A hundred lines in a second, then one line that counts the rest, though nothing else comes."""
        for _ in range(100):
            self.traffic.received(PEER, b"{}")
            self.traffic.sending(PEER, b"{}")
            self.traffic.pinged()
        self.assertEqual(len(self.lines()), LIMIT)
        self.clock.advance(1)
        self.assertEqual(self.lines(), ["... and 200 more messages in the last second"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.traffic.pinged()
        self.assertEqual(self.lines(), ["Ping method called"])

    def test_exactly_the_limit(self) -> None:
        """A hundred lines leave nothing to count, and the next second has as many."""
        for _ in range(3):
            for _ in range(LIMIT):
                self.traffic.pinged()
            self.clock.advance(1)
            self.assertEqual(self.lines(), ["Ping method called"] * LIMIT)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late_in_the_second(self) -> None:
        """The count comes when the second is over in which the first line was."""
        self.traffic.pinged()
        self.clock.advance(0.75)
        for _ in range(LIMIT):
            self.traffic.pinged()
        self.assertEqual(len(self.lines()), LIMIT)
        self.clock.advance(0.25)
        self.assertEqual(self.lines(), ["... and 1 more messages in the last second"])

    def test_flush(self) -> None:
        """What is held back when the service ends is written then."""
        for _ in range(LIMIT + 2):
            self.traffic.pinged()
        self.lines()
        self.traffic.flush()
        self.traffic.flush()
        self.assertEqual(self.lines(), ["... and 2 more messages in the last second"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_off(self) -> None:
        """Switched off it says nothing of pings either."""
        self.traffic.configure("OFF")
        self.traffic.pinged()
        self.assertEqual((self.traffic.enabled, self.lines()), (False, []))
        self.traffic.configure("INFO")
        self.traffic.pinged()
        self.assertEqual(self.lines(), ["Ping method called"])
