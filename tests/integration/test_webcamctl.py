"""``webcamctl`` against the real service: by the admin socket and at a distance, on a terminal and in a pipe."""

from __future__ import annotations

import io
import json
import re
import signal
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

from tests.command import Command
from tests.integration.test_service import ServiceCase, reactor
from tests.service import Service, eventually
from webcam_rpc import cli

if TYPE_CHECKING:
    from pathlib import Path

#: Seconds for a command: far more than it takes.
PATIENCE = 60.0
_SELFTEST = """\
✅ Ping test passed! Response: 'pong' in N ms
✅ Response time (N ms) is within 5000ms threshold
✅ Invalid method test passed! Got expected error: {'code': -32601, 'message': 'Method not found: invalid_method'}
✅ Malformed JSON test passed! Got expected parse error: {'code': -32700, 'message': 'Parse error'}
📷 Testing camera status notifications for 1 seconds...
📷 Camera Status Update: /dev/video-demo -> CONNECTED
   Resolution: 640x480, FPS: 30
✅ Camera notification test passed! Received 1 notifications
🎉 All tests passed!
"""


class CtlCase(ServiceCase):
    """Commands beside a service."""

    def begin(self, service: Service, *arguments: str, terminal: bool = False, remote: bool = False) -> Command:
        """Type a command; by the admin socket unless it is ``remote``."""
        everything = (*arguments, *self.where(service, remote=remote))
        command = Command(reactor, service.directory, everything, service.environ, terminal=terminal)
        self.addCleanup(command.kill)
        return command

    def where(self, service: Service, *, remote: bool) -> tuple[str, str]:
        """Say which service is meant."""
        return ("--url", service.url) if remote else ("--state-dir", str(service.state))

    async def at_terminal(self, service: Service, *arguments: str) -> str:
        """Type a command at a terminal and wait for its end; gives what was shown."""
        command = self.begin(service, *arguments, terminal=True)
        self.assertEqual(await command.ended(PATIENCE), 0, command.out)
        return command.out

    async def listening(self, service: Service, *arguments: str, status: int = 0, remote: bool = False) -> Command:
        """Type a command that has a reactor, and wait for its end."""
        command = self.begin(service, *arguments, remote=remote)
        self.assertEqual(await command.ended(PATIENCE), status, command.out + command.err)
        return command

    def typed(self, service: Service, *arguments: str, status: int = 0, remote: bool = False) -> tuple[str, str]:
        """Type a command, in this process since that is soon done; gives output and errors."""
        out, err, ended = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                cli.main([*arguments, *self.where(service, remote=remote)])
            except SystemExit as end:
                ended = int(end.code or 0)
        self.assertEqual(ended, status, f"{arguments}: {out.getvalue()}{err.getvalue()}")
        return out.getvalue(), err.getvalue()

    def json(self, service: Service, *arguments: str) -> Any:
        """Give what a command with ``--json`` prints: one line."""
        out, _ = self.typed(service, *arguments, "--json")
        self.assertEqual(out.count("\n"), 1)
        return json.loads(out)


class LookingTests(CtlCase):
    """Commands that change nothing."""

    async def test_every_look(self) -> None:
        """Each is answered, for people and for programs, and as the service itself answers."""
        service = await self.serve()
        client = await self.connect(service)
        for arguments, method, params in (
            (("cameras",), "get_camera_list", None),
            (("cameras", "demo"), "get_camera_status", {"device": "demo"}),
            (("formats",), "get_camera_capabilities", {"device": "demo"}),
            (("storage",), "get_storage_info", None),
            (("schedule",), "list_schedules", None),
        ):
            expected = await client.call(method, params)
            answered = self.json(service, *arguments)
            self.assertEqual(set(answered), set(expected), arguments)
        self.assertRegex(self.typed(service, "status")[0], r"(?m)^Cameras: +1 of 1 connected$")
        self.assertIn("640x480 @ 30", self.typed(service, "cameras", remote=True)[0])
        self.assertEqual((self.json(service, "ping"))["response"], "pong")
        self.assertIn("Nothing is wrong", self.typed(service, "diagnose")[0])

    async def test_colours(self) -> None:
        """A terminal has colours, a file has none."""
        service = await self.serve()
        self.assertNotIn("\x1b", self.typed(service, "cameras")[0])
        self.assertIn("\x1b[32mCONNECTED", await self.at_terminal(service, "cameras"))

    async def test_who_may_what(self) -> None:
        """A token is asked for where one is needed, and does."""
        service = await self.serve()
        token = self.typed(service, "token", "create", "--role", "viewer")[0].strip()
        (service.directory / "token").write_text(token, "utf-8")
        _, refused = self.typed(service, "snapshots", remote=True, status=77)
        self.assertIn("--token-file", refused)
        self.typed(service, "snapshots", "--token-file", str(service.directory / "token"), remote=True)
        wrong = await self.listening(service, "monitor", "--token", "wrk_wrong", remote=True, status=77)
        self.assertIn("webcamctl token create", wrong.err)

    async def test_no_service(self) -> None:
        """Nothing that needs the service does without, and each says so with a status of its own."""
        service = self.make()
        service.directory.mkdir(parents=True)
        for arguments in (("cameras",), ("monitor",), ("record", "demo")):
            self.assertIn("no service is at work", self.typed(service, *arguments, status=69)[1])
        selftest = self.begin(service, "selftest", "--url", "ws://127.0.0.1:1/ws")
        self.assertEqual(await selftest.ended(PATIENCE), 2)  # two services
        away = Command(reactor, service.directory, ("selftest", "--url", "ws://127.0.0.1:1"), service.environ)
        self.assertEqual(await away.ended(PATIENCE), 69)
        self.assertTrue(away.out.startswith("❌ http://127.0.0.1:1: nothing listens there"), away.out)


class FileTests(CtlCase):
    """Pictures and recordings."""

    def files(self, directory: Path) -> set[str]:
        """Name what was fetched."""
        return {path.name for path in directory.iterdir() if path.suffix in {".jpg", ".mp4", ".part"}}

    async def test_recording_with_an_end(self) -> None:
        """One with a duration is waited for, with a bar on a terminal; it can be listed, fetched and deleted."""
        service = await self.serve()
        shown = await self.at_terminal(service, "record", "--duration", "1", "--name", "one.mp4")
        self.assertRegex(shown, r"\[#+-*\] +\d+%")
        self.assertRegex(shown, r"one\.mp4: [0-9.]+ s, \d+ frames, ")
        self.assertRegex(self.typed(service, "recordings")[0], r"\none\.mp4 .* demo\n")
        self.typed(service, "recordings", "download", "one.mp4", "-o", str(service.directory))
        size = (self.json(service, "recordings", "info", "one.mp4"))["file_size"]
        self.assertEqual((service.directory / "one.mp4").stat().st_size, size)
        self.assertEqual(self.files(service.directory), {"one.mp4"})
        self.typed(service, "recordings", "protect", "one.mp4")
        _, refused = self.typed(service, "recordings", "delete", "one.mp4", "--yes", status=1)
        self.assertIn("unprotect", refused)
        self.typed(service, "recordings", "unprotect", "one.mp4")
        self.typed(service, "recordings", "delete", "one.mp4", "--yes")
        self.assertEqual((self.json(service, "recordings"))["files"], [])

    async def test_recording_that_is_ended(self) -> None:
        """Ctrl-C, and SIGTERM, end a recording that is waited for; its file is whole, and told."""
        service = await self.serve()
        at_terminal = self.begin(service, "record", "--wait", "--name", "one.mkv", terminal=True)
        await at_terminal.says("one.mkv", PATIENCE)
        at_terminal.type(b"\x03")
        self.assertEqual(await at_terminal.ended(PATIENCE), 0)
        self.assertRegex(at_terminal.out, r"one\.mkv: [0-9.]+ s, \d+ frames, ")
        looks = service.log.count('"get_recording_status"')
        for_programs = self.begin(service, "record", "--wait", "--name", "two.mkv", "--json")
        client = await self.administer(service)
        await client.wait_for(lambda one: one.params.get("filename") == "two.mkv", PATIENCE)
        # timeout(1) sends its signal twice.
        await eventually(reactor, lambda: service.log.count('"get_recording_status"') > looks, PATIENCE, "a look")
        for _ in range(2):
            for_programs.send_signal(signal.SIGTERM)
        self.assertEqual(await for_programs.ended(PATIENCE), 0)
        ended = json.loads(for_programs.out)
        self.assertEqual((ended["status"], ended["files"]), ("STOPPED", ["two.mkv"]))
        self.assertEqual((await client.call("get_recording_status", {"device": "demo"}))["state"], "IDLE")

    async def test_snapshot(self) -> None:
        """A picture is here as a file, or alone on standard output."""
        service = await self.serve()
        told = self.typed(service, "snapshot", "-o", str(service.directory / "here.jpg"))[0]
        self.assertRegex(told, r"^demo_\w+\.jpg: 640x480, [0-9.]+ kB\n$")
        self.assertEqual((service.directory / "here.jpg").read_bytes()[:3], b"\xff\xd8\xff")
        self.assertEqual((self.json(service, "snapshots"))["total"], 1)


class ListeningTests(CtlCase):
    """The commands that stay connected."""

    async def test_selftest(self) -> None:
        """It prints what its users know, by the admin socket and at a distance."""
        service = await self.serve()
        for remote in False, True:
            lines = (
                await self.listening(service, "selftest", "--duration", "1", "--threshold", "5000", remote=remote)
            ).out.splitlines()
            self.assertEqual(
                [re.sub(r"[0-9.]+ ms", "N ms", line) for line in lines],
                _SELFTEST.splitlines(),
            )
        self.assertEqual(len((await self.listening(service, "selftest", "--simple")).out.splitlines()), 3)
        slow = await self.listening(service, "selftest", "--simple", "--threshold", "0.000001", status=1)
        self.assertIn("❌ Response time", slow.out)
        self.assertIn("❌ 1 of 2 tests failed", slow.out)

    async def test_no_camera(self) -> None:
        """Where there is nothing to be notified of, that is told and is no failure."""
        service = await self.serve("--device-dir", "/var/empty", demo=False)
        out = (await self.listening(service, "selftest", "--monitor", "--duration", "1")).out
        self.assertIn("No camera is connected", out)

    async def test_monitor(self) -> None:
        """Each event is told once, and so is what happened while the service was away."""
        service = await self.serve()
        people, programs = self.begin(service, "monitor"), self.begin(service, "monitor", "--json", remote=True)
        for command in people, programs:
            await command.says("CONNECTED", PATIENCE)
        client = await self.connect(service)
        for number in range(3):
            await client.call("take_snapshot", {"device": "demo", "filename": f"{number}.jpg"})
        for command in people, programs:
            await command.says("2.jpg", PATIENCE)
        await client.close()
        await service.stop()
        listen = "tcp:" + service.url.partition(":")[2].removeprefix("//127.0.0.1:").partition("/")[0]
        again = await Service(
            reactor, service.directory, options=["--demo"], listen=[f"{listen}:interface=127.0.0.1"]
        ).start()
        self.addCleanup(again.stop)
        for command in people, programs:
            await self.eventually_said(command, "The connection is back")
            command.send_signal(signal.SIGINT)
            self.assertEqual(await command.ended(PATIENCE), 0)
            self.assertIn("is not known any more", command.err)
        self.assertEqual([people.out.count(f"snapshot {number}.jpg") for number in range(3)], [1, 1, 1])
        told = [json.loads(line) for line in programs.out.splitlines()]
        self.assertEqual([one["method"] for one in told].count("snapshot_status_update"), 3)
        self.assertEqual(told[-1]["params"]["status"], "CONNECTED")
        self.assertNotEqual(told[-1]["params"]["epoch"], told[0]["params"]["epoch"])

    async def eventually_said(self, command: Command, text: str) -> None:
        """Wait until standard error has this."""
        await eventually(reactor, lambda: text in command.err, PATIENCE, text)

    async def test_one_camera(self) -> None:
        """What happens elsewhere is not told where one camera was asked for."""
        service = await self.serve("--config", str(self.two_cameras()), demo=False)
        command = self.begin(service, "monitor", "--camera", "two", "--topic", "snapshots")
        await self.eventually_said(command, "Listening")
        client = await self.connect(service)
        for camera in ("one", "two"):
            await client.call("take_snapshot", {"device": camera, "filename": f"{camera}.jpg"})
        await command.says("two.jpg", PATIENCE)
        command.send_signal(signal.SIGINT)
        await command.ended(PATIENCE)
        self.assertEqual(command.out.count("\n"), 1)
        _, refused = self.typed(service, "snapshot", status=1)
        self.assertIn("which camera?", refused)

    def two_cameras(self) -> Path:
        """Write a configuration with two test patterns."""
        file = self.make(demo=False).directory.parent / "two.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        sources = "".join(f"    - {{id: {name}, kind: test_pattern}}\n" for name in ("one", "two"))
        file.write_text(f"cameras:\n  devices: []\n  sources:\n{sources}", "utf-8")
        return file
