"""The configuration that is changed under clients that stay connected: by SIGHUP and by reload_config."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor

from tests.integration.test_service import PATIENCE, ServiceCase
from tests.service import eventually
from tests.wsclient import RPCFailed

if TYPE_CHECKING:
    from tests.service import Service

reactor: Any = global_reactor

# With a name of its own the machine is reached by others: loopback is nobody special then.
_BEFORE = "access: {anonymous: viewer, hosts: [cam.example]}\n"
_AFTER = """\
server: {port: 9123, max_message_size: 2048}
logging: {level: WARNING}
storage: {floor: 1000}
cameras: {aliases: {yard: demo}}
access: {anonymous: status, hosts: [cam.example]}
"""


class ReloadTests(ServiceCase):
    """A client without a token, an administrator, and a file that is written anew."""

    async def begin(self) -> Service:
        """Serve by a file, with both connected."""
        service = self.make()
        service.directory.mkdir(parents=True)
        self.file = service.directory / "webcam.yaml"
        self.file.write_text(_BEFORE)
        service.argv.extend(("--config", str(self.file)))
        await service.start()
        self.addCleanup(service.stop)
        self.client = await self.connect(service)
        self.admin = await self.administer(service)
        return service

    async def hang_up(self, service: Service, text: str, line: str) -> None:
        """Write the file, send SIGHUP, and wait for a line in the log."""
        before = len(service.log)
        self.file.write_text(text)
        service.send_signal(signal.SIGHUP)
        await eventually(reactor, lambda: line in service.log[before:], PATIENCE, line)

    async def configuration(self) -> Any:
        """Give how the component is."""
        return (await self.admin.call("get_status"))["components"]["configuration"]

    async def test_taken_over(self) -> None:
        """Everything that can be holds at once, on open sockets too; what waits is named; nobody is dropped."""
        service = await self.begin()
        self.assertEqual((await self.client.call("list_snapshots"))["files"], [])
        await self.hang_up(service, _AFTER, "a restart is needed for server.port")
        with self.assertRaises(RPCFailed) as refused:
            await self.client.call("list_snapshots")
        self.assertEqual(refused.exception.code, -32002)
        found = await self.client.call("get_camera_status", {"device": "yard"})
        self.assertEqual(found["camera_id"], "demo")
        # For new connections; those that are open keep theirs.
        self.assertEqual(await self.client.call("ping"), "pong")
        newcomer = await self.connect(service)
        newcomer.send(b" " * 4096)
        self.assertEqual((await newcomer.lost()).code, 1009)
        shown = await self.admin.call("get_config")
        self.assertEqual(shown["restart_required"], ["server.port"])
        options = shown["options"]
        self.assertEqual((options["storage.floor"]["value"], options["logging.level"]["value"]), (1000, "WARNING"))
        self.assertEqual(options["storage.floor"]["place"], f"{self.file}:3")
        self.assertEqual(options["server.port"]["pending"], 9123)
        self.assertNotIn("(Total clients: 3)", service.log)  # INFO: not logged any more
        answer = await self.admin.call("reload_config")
        self.assertEqual(answer, {"changed": [], "restart_required": ["server.port"]})
        self.assertIsNone(self.client.closed)

    async def test_broken(self) -> None:
        """A mistake is told with line and key, all stays as it was, and the mended file makes it well again."""
        service = await self.begin()
        await self.hang_up(
            service,
            "access: {anonymous: none, hosts: [cam.example]}\nstorage:\n  floor: much\n",
            f"{self.file}:3: storage.floor",
        )
        self.assertEqual((await self.configuration())["status"], "DEGRADED")
        with self.assertRaises(RPCFailed) as refused:
            await self.admin.call("reload_config")
        data: Any = refused.exception.data
        self.assertEqual((data["file"], data["line"], data["key"]), (str(self.file), 3, "storage.floor"))
        self.assertEqual((await self.admin.call("get_config"))["options"]["access.anonymous"]["value"], "viewer")
        self.assertEqual(await self.client.call("ping"), "pong")
        self.file.unlink()
        with self.assertRaises(RPCFailed):
            await self.admin.call("reload_config")
        await self.hang_up(service, _BEFORE, "nothing changed")
        self.assertEqual((await self.configuration())["status"], "HEALTHY")
        self.assertEqual(await self.client.call("ping"), "pong")

    async def test_hammered(self) -> None:
        """Twenty signals at once are no harm, and the last of what was written holds."""
        service = await self.begin()
        for floor in range(1, 21):
            self.file.write_text(f"storage: {{floor: {floor}}}\n")
            service.send_signal(signal.SIGHUP)
        answers = [self.admin.call("reload_config") for _ in range(20)]
        for answer in answers:
            await answer
        self.assertEqual((await self.admin.call("get_config"))["options"]["storage.floor"]["value"], 20)
        self.assertEqual(await self.client.call("ping"), "pong")
        service.send_signal(signal.SIGHUP)
        self.assertEqual(await service.stop(), 0)
