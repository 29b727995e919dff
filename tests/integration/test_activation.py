"""Sockets that somebody else listens on: what systemd passes, without systemd."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.threads import deferToThread

from tests.integration.test_service import PATIENCE, ServiceCase

if TYPE_CHECKING:
    from tests.service import Service

#: What systemd does at last: the descriptors are for this process (sd_listen_fds(3)).
_AS_SYSTEMD = ("/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:local exec "$@"', "sh")
_REQUEST = b"GET /openrpc.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def _answer(connection: socket.socket) -> bytes:
    with connection:
        connection.settimeout(PATIENCE)
        return b"".join(iter(lambda: connection.recv(65536), b""))


class ActivationTests(ServiceCase):
    """Two services, one after the other, on sockets that stay."""

    def listen(self) -> tuple[socket.socket, socket.socket]:
        """Listen as systemd would."""
        tcp = socket.create_server(("127.0.0.1", 0))
        local = socket.socket(socket.AF_UNIX)
        self.addCleanup(tcp.close)
        self.addCleanup(local.close)
        directory = Path(self.mktemp())
        directory.mkdir()
        descriptor = os.open(directory, os.O_PATH)
        self.addCleanup(os.close, descriptor)
        self.local = f"/proc/self/fd/{descriptor}/web.sock"
        local.bind(self.local)
        local.listen(5)
        return tcp, local

    def connect_to(self, listening: socket.socket) -> socket.socket:
        """Connect, and ask; the kernel takes both, whether anybody accepts or not."""
        connection = socket.socket(listening.family)
        connection.connect(self.local if listening.family == socket.AF_UNIX else listening.getsockname())
        connection.sendall(_REQUEST)
        return connection

    def make_activated(self, sockets: Any) -> Service:
        """Make a service that is passed the sockets."""
        return self.make(listen=(), prefix=_AS_SYSTEMD, sockets=sockets)

    async def test_restart(self) -> None:
        """Whoever connects while no service runs is served by the next one, on TCP and on a unix socket."""
        sockets = self.listen()
        first = await self.make_activated(sockets).start()
        self.assertEqual(first.url, f"ws://127.0.0.1:{sockets[0].getsockname()[1]}/ws")
        for each in sockets:
            self.assertTrue((await deferToThread(_answer, self.connect_to(each))).startswith(b"HTTP/1.1 200 "))
        await first.stop()

        between = [self.connect_to(each) for each in sockets]
        second = await self.make_activated(sockets).start()
        self.addCleanup(second.stop)
        for connection in between:
            self.assertTrue((await deferToThread(_answer, connection)).startswith(b"HTTP/1.1 200 "))

    async def test_no_listener(self) -> None:
        """A descriptor that listens on nothing is a mistake that is told in one line."""
        with socket.socket() as idle, socket.socket() as other:
            service = self.make_activated((idle, other))
            service.spawn()
            self.assertEqual(await service.ended(), 78)
        self.assertIn("descriptor 3 is no stream socket that listens", service.log)
