"""Where udev is not heard, as in a container: the poll alone finds cameras."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from tests.hardware.bench import Bench, plug, reactor, unplug
from tests.service import Service

if TYPE_CHECKING:
    from pathlib import Path

#: A network namespace of its own, to which udevd's announcements do not come, and no trace of udev's database. The
#: listening socket comes from outside, since no address of that namespace can be reached from here.
_CONTAINER = 'mount -t tmpfs none /run/udev && export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web && exec "$@"'


def namespace(pid: int) -> str:
    """Tell in which network namespace a process is."""
    return os.readlink(f"/proc/{pid}/ns/net")


class PollingTests(Bench):
    """The service is in namespaces of its own."""

    alone = True

    async def start_service(self, directory: Path) -> Service:
        """Start the service where udev does not reach."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            service = Service(
                reactor,
                directory,
                options=self.options,
                listen=["systemd:domain=INET:index=0"],
                prefix=["/usr/bin/unshare", "--mount", "--net", "/bin/sh", "-c", _CONTAINER, "sh"],
                sockets=[listener],
            )
            await service.start()
        service.url = f"ws://127.0.0.1:{port}/ws"
        return service

    async def test_plug_and_unplug(self) -> None:
        """A camera is announced with its mode and its id, also when udev says nothing, and so is its end."""
        self.assertNotEqual(namespace(self.service.pid), namespace(os.getpid()))
        self.assertEqual(os.listdir(f"/proc/{self.service.pid}/root/run/udev"), [])
        camera = await plug(0)
        told = await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        self.assertEqual((told.params["device"], told.params["resolution"]), (camera.node, "640x480"))
        await self.ends_as({"usb-1d6b-0102-tb0000": camera.node})
        await unplug(0)
        await self.announced("usb-1d6b-0102-tb0000", "DISCONNECTED")
        await self.ends_as({})
