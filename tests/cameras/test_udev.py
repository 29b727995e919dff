"""udev's announcements make us look, whatever comes over the socket, and their absence is no trouble."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import MemoryReactor
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from tests.cameras.case import LogCase, no_udev
from webcam_rpc.cameras.udev import UdevMonitor


class Netlink:
    """What pyudev's monitor offers, on a socket pair: ``-`` is a message that the filter drops, ``!`` an error."""

    def __init__(self) -> None:
        self.far, self.near = socket.socketpair()
        self.near.setblocking(False)  # noqa: FBT003 - the socket's own signature

    def fileno(self) -> int:
        """Give the descriptor."""
        return self.near.fileno()

    def poll(self, timeout: float) -> object:
        """Give one device; None where there is none, or where the filter dropped it."""
        assert timeout == 0, "the reactor must not wait"
        try:
            said = self.near.recv(1)
        except BlockingIOError:
            return None
        if said == b"!":
            raise OSError(105, "No buffer space available")
        return None if said == b"-" else said

    def close(self) -> None:
        """Close both ends."""
        self.far.close()
        self.near.close()


class UdevTests(LogCase):
    """The reader, on a reactor that only keeps a list."""

    def setUp(self) -> None:
        """Make a listening monitor."""
        super().setUp()
        self.netlink = Netlink()
        self.addCleanup(self.netlink.close)
        self.reactor = MemoryReactor()
        self.looks = 0
        self.udev = UdevMonitor(self.reactor, self.look, lambda: self.netlink)
        self.udev.start()

    def look(self) -> None:
        """Count."""
        self.looks += 1

    def test_listens(self) -> None:
        """While it listens, the reactor reads its descriptor."""
        self.assertTrue(self.udev.listening)
        self.assertEqual(self.reactor.getReaders(), [self.udev])
        self.assertEqual(self.udev.fileno(), self.netlink.fileno())

    def test_one_look_for_many(self) -> None:
        """Announcements that came together are one reason to look."""
        self.netlink.far.send(b"xxxxx")
        self.udev.doRead()
        self.assertEqual(self.looks, 1)
        self.assertRaises(BlockingIOError, self.netlink.near.recv, 1)

    def test_dropped_by_the_filter(self) -> None:
        """A message that the filter drops is passed over, and what is behind it stays for the next turn."""
        self.netlink.far.send(b"-x")
        self.udev.doRead()
        self.udev.doRead()
        self.assertEqual(self.looks, 2)
        self.assertRaises(BlockingIOError, self.netlink.near.recv, 1)

    def test_storm(self) -> None:
        """No storm holds one turn of the reactor: a part is read, the rest waits."""
        self.netlink.far.send(b"x" * 1000)
        self.udev.doRead()
        self.assertEqual(self.looks, 1)
        self.assertGreater(len(self.netlink.near.recv(1000)), 900)

    def test_overrun(self) -> None:
        """When the kernel dropped announcements, we look all the same and go on listening."""
        self.netlink.far.send(b"!")
        self.udev.doRead()
        self.assertEqual(self.looks, 1)
        self.assertTrue(self.udev.listening)

    def test_stop(self) -> None:
        """After the stop nothing is read; a second stop is harmless, and so is a new start."""
        for _ in range(2):
            self.udev.stop()
            self.assertEqual((self.reactor.getReaders(), self.udev.listening, self.udev.fileno()), ([], False, -1))
        self.udev.start()
        self.assertEqual(self.reactor.getReaders(), [self.udev])

    def test_lost(self) -> None:
        """When the reactor gives the socket up, that is said and the poll is alone."""
        self.lines()
        self.udev.connectionLost(Failure(ConnectionLost()))
        self.assertFalse(self.udev.listening)
        self.assertIn("polling alone", self.lines()[0])
        self.udev.stop()

    def test_absent(self) -> None:
        """A machine without udev is told about in one line that is no error."""
        udev = UdevMonitor(self.reactor, self.look, no_udev)
        udev.start()
        self.assertFalse(udev.listening)
        self.assertEqual(self.lines(), ["udev is not heard (no udev here): cameras are found by polling alone"])
        udev.stop()


class RealReactorTests(TestCase):
    """The reader, on the reactor that runs the service."""

    def test_announcement(self) -> Deferred[Any]:
        """What arrives on the socket makes us look."""
        from twisted.internet import reactor  # noqa: PLC0415 - installed by now

        netlink = Netlink()
        self.addCleanup(netlink.close)
        looked: Deferred[None] = Deferred()
        udev = UdevMonitor(reactor, lambda: looked.callback(None), lambda: netlink)
        udev.start()
        netlink.far.send(b"x")

        def stop(_: None) -> Deferred[None]:
            udev.stop()
            return succeed(None)

        return looked.addCallback(stop).addTimeout(30, reactor)
