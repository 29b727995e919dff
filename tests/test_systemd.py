"""What the service manager is told, on a real datagram socket."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.systemd import SystemdNotifier


class NotifierTests(SynchronousTestCase):
    """A notifier with a clock, and the socket that systemd would listen on."""

    def setUp(self) -> None:
        """Listen; a socket's path must be short."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = str(Path(directory.name) / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(path)
        self.socket.setblocking(False)  # noqa: FBT003
        # The library that writes the datagrams reads the process's own environment.
        self.patch(os, "environ", {**os.environ, "NOTIFY_SOCKET": path})
        self.environ = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "6000000"}
        self.clock = Clock()
        self.cameras = 1

    def make(self, **environ: str) -> SystemdNotifier:
        """Make a notifier."""
        return SystemdNotifier(self.clock, {**self.environ, **environ}, lambda: f"{self.cameras} cameras")

    def told(self) -> list[str]:
        """Give what came since the last time."""
        datagrams = []
        while True:
            try:
                datagrams.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return datagrams

    def test_reloading(self) -> None:
        """RELOADING with the time of the reload, then READY: only between READY and STOPPING."""
        notifier = self.make()
        notifier.startService()
        notifier.reloading()
        notifier.reloaded()
        self.assertEqual(self.told(), [])
        self.clock.advance(0)
        self.clock.advance(1.5)
        self.told()
        notifier.reloading()
        self.assertEqual(self.told(), ["RELOADING=1\nMONOTONIC_USEC=1500000"])
        notifier.reloaded()
        self.assertEqual(self.told(), ["READY=1", "WATCHDOG=1\nSTATUS=1 cameras"])
        notifier.stopService()
        self.told()
        notifier.reloading()
        notifier.reloaded()
        self.assertEqual(self.told(), [])

    def test_life(self) -> None:
        """READY a turn after the start, a sign of life with the status in a third of the time, STOPPING at the end."""
        notifier = self.make()
        notifier.startService()
        self.assertEqual(self.told(), [])
        self.clock.advance(0)
        self.assertEqual(self.told(), ["READY=1", "WATCHDOG=1\nSTATUS=1 cameras"])
        self.cameras = 2
        self.clock.advance(1.9)
        self.assertEqual(self.told(), [])
        self.clock.advance(0.1)
        self.assertEqual(self.told(), ["WATCHDOG=1\nSTATUS=2 cameras"])
        notifier.stopService()
        self.assertEqual(self.told(), ["STOPPING=1"])
        self.clock.advance(60)
        self.assertEqual(self.told(), [])

    def test_stopped_at_once(self) -> None:
        """A service that is stopped in the turn of its start was never ready."""
        notifier = self.make()
        notifier.startService()
        notifier.stopService()
        self.clock.advance(0)
        self.assertEqual(self.told(), ["STOPPING=1"])

    def test_no_watchdog(self) -> None:
        """Without a watchdog, or with that of another process, the status is renewed every ten seconds."""
        for environ in ({"WATCHDOG_USEC": ""}, {"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "x"}):
            notifier = self.make(**environ)
            notifier.startService()
            self.clock.advance(0)
            self.told()
            self.clock.advance(9.9)
            self.assertEqual(self.told(), [], environ)
            self.clock.advance(0.2)
            self.assertEqual(self.told(), ["WATCHDOG=1\nSTATUS=1 cameras"], environ)
            notifier.stopService()
            self.told()

    def test_no_systemd(self) -> None:
        """Without a socket nothing is said and no timer runs."""
        notifier = SystemdNotifier(self.clock, {}, lambda: "")
        notifier.startService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        notifier.stopService()
        self.assertEqual(self.told(), [])
