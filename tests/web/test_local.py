"""The admin socket: whose file it is, who may come in by it, and what becomes of it."""

from __future__ import annotations

import os
import socket
import stat
import sys
import tempfile
from io import StringIO
from pathlib import Path
from shutil import rmtree
from typing import Any, ClassVar

from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from webcam_rpc.web.local import AdminSocket
from webcam_rpc.web.peers import Peer

reactor: Any = global_reactor


class _Channel(Protocol):
    """As the site's, as far as the socket is concerned with it."""

    peer_of: Any = None
    made: ClassVar[list[Peer]] = []

    def connectionMade(self) -> None:
        """Note who came."""
        self.made.append(self.peer_of(self.transport))
        assert self.transport is not None
        self.transport.loseConnection()


class AdminSocketTests(TestCase):
    """A service with a real socket and a site that only notes who comes."""

    timeout = 30

    def setUp(self) -> None:
        """Make a state directory, with a short path."""
        self.state = Path(tempfile.mkdtemp()) / "state"
        self.addCleanup(rmtree, self.state.parent)
        _Channel.made = []

    def make(self, state: Path | None = None) -> AdminSocket:
        """Make the service, to be stopped at the end."""
        site: Any = Factory.forProtocol(_Channel)
        site.noisy = False
        admin = AdminSocket(reactor, state or self.state, site)
        self.addCleanup(admin.stopService)
        return admin

    async def visit(self, path: str | Path) -> Peer:
        """Connect, be sent away, and give whom the site has seen last."""
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.connect(str(path))
            visitor.settimeout(0)
            for _ in range(1000):
                await deferLater(reactor, 0.01)
                try:
                    self.assertEqual(visitor.recv(1), b"")
                except BlockingIOError:
                    continue
                return _Channel.made[-1]
        raise AssertionError("nobody answers")

    async def test_ours(self) -> None:
        """It is for its owner alone, who is an administrator; at the end the file is gone."""
        admin = self.make()
        admin.startService()
        mode = stat.S_IMODE(admin.path.stat().st_mode)
        self.assertEqual(oct(mode), "0o600")
        peer = await self.visit(admin.path)
        self.assertEqual((peer.admin, peer.loopback, peer.address), (True, True, None))
        self.assertIn(f"pid={os.getpid()},uid={os.getuid()}", peer.name)
        await admin.stopService()
        self.assertFalse(admin.path.exists())

    async def test_stale(self) -> None:
        """What a service that was killed has left behind is in nobody's way."""
        self.state.mkdir()
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(self.state / "admin.sock"))
        admin = self.make()
        admin.startService()
        self.assertTrue((await self.visit(admin.path)).admin)

    async def test_taken(self) -> None:
        """Where another service listens, this one ends with one line, and the other's socket stays."""
        first = self.make()
        first.startService()
        stderr = StringIO()
        self.patch(sys, "__stderr__", stderr)
        stopped = self.assertRaises(SystemExit, self.make().privilegedStartService)
        self.assertEqual(stopped.code, 1)
        expected = f"Cannot listen on {first.path}: another service uses this state directory\n"
        self.assertEqual(stderr.getvalue(), expected)
        self.assertTrue((await self.visit(first.path)).admin)

    async def test_successor(self) -> None:
        """A service that stops leaves the socket of one that has started since."""
        first = self.make()
        first.startService()
        first.path.unlink()
        second = self.make()
        second.startService()
        await first.stopService()
        self.assertTrue((await self.visit(second.path)).admin)

    async def test_no_socket(self) -> None:
        """A file that is no socket stays as it is, and the cameras are served without an admin socket."""
        self.state.mkdir()
        (self.state / "admin.sock").write_text("mine")
        admin = self.make()
        admin.startService()
        self.successResultOf(admin.stopService())
        self.assertEqual(admin.path.read_text(), "mine")

    async def test_long_path(self) -> None:
        """A directory whose path does not fit into a socket's address has its admin socket all the same."""
        state = self.state / ("long" * 30)
        admin = self.make(state)
        admin.startService()
        directory = os.open(state, os.O_PATH)
        self.addCleanup(os.close, directory)
        peer = await self.visit(f"/proc/self/fd/{directory}/admin.sock")
        self.assertTrue(peer.admin)
        await admin.stopService()
        self.assertFalse(admin.path.exists())

    async def test_somebody_else(self) -> None:
        """Who is not one of the trusted users is no administrator, whatever let him connect."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.assertTrue(Peer.of_user(ours, {os.getuid()}).admin)
            self.assertFalse(Peer.of_user(ours, {os.getuid() + 1}).admin)

    def test_nobody_else(self) -> None:
        """Whoever comes from outside of a user namespace is not taken for an administrator."""
        self.patch(os, "getuid", lambda: 65534)
        self.assertEqual(self.make()._site._trusted, frozenset({0}))
