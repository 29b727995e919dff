"""The sockets: where it listens, what it says of that, and what becomes of a mistake."""

from __future__ import annotations

import socket
import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import reactor as global_reactor
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase

from tests.cameras.case import LogCase
from webcam_rpc.web.endpoints import Endpoint
from webcam_rpc.web.listener import Listener

if TYPE_CHECKING:
    from twisted.logger import ILogObserver

reactor: Any = global_reactor
_INET6 = Path("/proc/net/if_inet6")
_IPV6 = _INET6.exists() and bool(_INET6.read_text(encoding="utf-8"))


def at(*texts: str) -> tuple[Endpoint, ...]:
    """Give endpoints without TLS."""
    return tuple(Endpoint(text, None, text) for text in texts)


class ListenerTests(LogCase):
    """On a reactor in memory."""

    def setUp(self) -> None:
        """Make the reactor."""
        super().setUp()
        self.reactor = MemoryReactor()

    def make(self, *endpoints: str) -> Listener:
        """Make a listener."""
        return Listener(self.reactor, at(*endpoints), Factory())

    def test_before_privileges_are_dropped(self) -> None:
        """It listens on every endpoint in the privileged start, and only once."""
        listener = self.make("tcp:80:interface=127.0.0.1", "tcp:8002:interface=127.0.0.1")
        listener.privilegedStartService()
        self.assertEqual([server[0] for server in self.reactor.tcpServers], [80, 8002])
        self.assertEqual(self.lines(), [])
        listener.startService()
        self.assertEqual(len(self.reactor.tcpServers), 2)
        said = "Server started successfully at ws://"
        self.assertEqual(len([line for line in self.lines() if line.startswith(said)]), 2)

    def test_started_again(self) -> None:
        """After a stop it listens again."""
        listener = self.make("tcp:8002:interface=127.0.0.1")
        for count in (1, 2):
            listener.startService()
            self.assertEqual(len(self.reactor.tcpServers), count)
            self.successResultOf(listener.stopService())

    def test_nonsense(self) -> None:
        """An endpoint that is none ends the process with one line that repeats it."""
        for endpoint in ("nonsense:1", "tcp:port", "tcp:"):
            stderr = StringIO()
            self.patch(sys, "__stderr__", stderr)
            stopped = self.assertRaises(SystemExit, self.make(endpoint).privilegedStartService)
            self.assertEqual(stopped.code, 1)
            (line,) = stderr.getvalue().splitlines()
            self.assertTrue(line.startswith(f"Cannot listen on {endpoint}: "), line)


class SocketTests(TestCase):
    """On real sockets."""

    timeout = 30

    async def test_busy(self) -> None:
        """A port that is taken ends the process with one line that says so."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            stderr = StringIO()
            self.patch(sys, "__stderr__", stderr)
            endpoint = f"tcp:{taken.getsockname()[1]}:interface=127.0.0.1"
            stopped = self.assertRaises(SystemExit, Listener(reactor, at(endpoint), Factory()).privilegedStartService)
        self.assertEqual(stopped.code, 1)
        self.assertEqual(stderr.getvalue(), f"Cannot listen on {endpoint}: Address already in use\n")

    async def test_places(self) -> None:
        """It says where: the port that it really got, an IPv6 address in brackets, a unix socket's path."""
        logged: list[Any] = []
        observer = cast("ILogObserver", logged.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        path = Path(self.mktemp())
        endpoints = ["tcp:0:interface=127.0.0.1", f"unix:{path}"]
        if _IPV6:
            endpoints.append("tcp6:0:interface=\\:\\:1")
        listener = Listener(reactor, at(*endpoints), Factory())
        listener.startService()
        ports: list[Any] = [port.getHost() for port, _ in listener._ports]
        await listener.stopService()
        places = [event["url"] for event in logged if "url" in event]
        self.assertEqual(places[:2], [f"ws://127.0.0.1:{ports[0].port}/ws", f"unix:{path}"])
        self.assertNotEqual(ports[0].port, 0)
        if len(endpoints) > 2:
            self.assertEqual(places[2], f"ws://[::1]:{ports[2].port}/ws")
        with socket.socket() as client:
            self.assertNotEqual(client.connect_ex(("127.0.0.1", ports[0].port)), 0)
