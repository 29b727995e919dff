"""``webcamctl`` as an operator uses it, with cameras that are plugged and unplugged."""

from __future__ import annotations

import json
import signal
from typing import Any

from tests.command import Command
from tests.hardware.bench import Bench, plug, reactor, unplug

#: Seconds for a command: an emulated machine needs several for the imports alone.
PATIENCE = 90.0
CAMERA_ID = "usb-1d6b-0102-tb0000"


class CtlBench(Bench):
    """Commands beside the service, by its admin socket."""

    def begin(self, *arguments: str, terminal: bool = False) -> Command:
        """Type a command; it is gone when the test is over."""
        options = ("--state-dir", str(self.service.state))
        command = Command(
            reactor, self.service.directory, (*arguments, *options), self.service.environ, terminal=terminal
        )
        self.addCleanup(command.kill)
        return command

    async def typed(self, *arguments: str, status: int = 0) -> str:
        """Type a command and wait for its end; gives its standard output."""
        command = self.begin(*arguments)
        ended = await command.ended(PATIENCE)
        self.assertEqual(ended, status, f"{arguments}: {command.out}{command.err}")
        return command.out

    async def json(self, *arguments: str) -> Any:
        """Type a command with ``--json``."""
        return json.loads(await self.typed(*arguments, "--json"))


class ListeningTests(CtlBench):
    """The commands that stay connected."""

    async def test_monitor(self) -> None:
        """A camera that comes and goes is a line for each, for people and for programs; Ctrl-C ends it well."""
        people, programs = self.begin("monitor", terminal=True), self.begin("monitor", "--json", "--topic", "cameras")
        await people.says("Listening to", PATIENCE)
        await self.eventually(lambda: "Listening to" in programs.err, "the other one listens", PATIENCE)
        camera = await plug(0)
        await people.says("640x480 @ 30", PATIENCE)
        await programs.says('"resolution"', PATIENCE)
        await unplug(0)
        for command in people, programs:
            await command.says("DISCONNECTED", PATIENCE)
        people.type(b"\x03")
        programs.send_signal(signal.SIGINT)
        self.assertEqual([await command.ended(PATIENCE) for command in (people, programs)], [0, 0])
        told = [json.loads(line)["params"] for line in programs.out.splitlines()]
        self.assertEqual({(one["camera_id"], one["device"]) for one in told}, {(CAMERA_ID, camera.node)})
        self.assertEqual((told[0]["status"], told[-1]["status"]), ("CONNECTED", "DISCONNECTED"))
        self.assertEqual(sorted(one["seq"] for one in told), [one["seq"] for one in told])
        (line, *_) = [line for line in people.out.splitlines() if "640x480" in line]
        self.assertIn(camera.node, line)
        self.assertIn("\x1b[32mCONNECTED\x1b[0m", line)

    async def test_selftest(self) -> None:
        """It prints what its users know, with the camera that is plugged in and out while it listens."""
        command = self.begin("selftest", "--duration", "30", "--threshold", "5000")
        await command.says("Testing camera status notifications for 30 seconds...\n", PATIENCE)
        camera = await plug(0)
        await command.says(
            f"📷 Camera Status Update: {camera.node} -> CONNECTED\n   Resolution: 640x480, FPS: 30\n", 60
        )
        await unplug(0)
        await command.says(f"📷 Camera Status Update: {camera.node} -> DISCONNECTED\n", 60)
        self.assertEqual(await command.ended(PATIENCE), 0)
        lines = command.out.splitlines()
        self.assertRegex(lines[0], r"^✅ Ping test passed! Response: 'pong' in [0-9.]+ ms$")
        self.assertRegex(lines[1], r"^✅ Response time \([0-9.]+ ms\) is within 5000ms threshold$")
        self.assertEqual(
            lines[2:4],
            [
                (
                    "✅ Invalid method test passed! Got expected error: "
                    "{'code': -32601, 'message': 'Method not found: invalid_method'}"
                ),
                "✅ Malformed JSON test passed! Got expected parse error: {'code': -32700, 'message': 'Parse error'}",
            ],
        )
        self.assertRegex(lines[-2], r"^✅ Camera notification test passed! Received [2-9] notifications$")
        self.assertEqual(lines[-1], "🎉 All tests passed!")


class CameraTests(CtlBench):
    """What is done with a camera."""

    async def test_a_camera_from_end_to_end(self) -> None:
        """It is listed, asked, set, pictured and recorded, by name or as the only one there is."""
        camera = await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        listed = await self.typed("cameras")
        self.assertRegex(listed, rf"{camera.node} +CONNECTED .*640x480 @ 30 +{CAMERA_ID}\n")
        self.assertIn("MJPG", await self.typed("formats"))
        await self.typed("diagnose", camera.node)
        self.assertEqual(await self.typed("controls", "set", "brightness=20"), "brightness = 20\n")
        controls = (await self.json("controls", CAMERA_ID))["controls"]
        self.assertEqual([one["value"] for one in controls if one["name"] == "brightness"], [20])
        picture = self.service.directory / "picture.jpg"
        await self.typed("snapshot", "--fresh", "-o", str(picture))
        self.assertEqual(picture.read_bytes()[:2], b"\xff\xd8")
        recorded = await self.json("record", "--duration", "2", "--codec", "copy", "--format", "mkv")
        self.assertEqual((recorded["status"], recorded["frames"] > 0), ("STOPPED", True), recorded)
        film = self.service.directory / "film.mkv"
        await self.typed("recordings", "download", recorded["filename"], "-o", str(film))
        self.assertEqual(film.stat().st_size, recorded["file_size"])

    async def test_a_camera_that_is_gone(self) -> None:
        """What needs a camera says that none is plugged in, with a status of failure."""
        await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        await unplug(0)
        await self.announced(CAMERA_ID, "DISCONNECTED")
        command = self.begin("snapshot", CAMERA_ID)
        self.assertEqual(await command.ended(PATIENCE), 1)
        self.assertIn("is not plugged in", command.err)
        self.assertIn("DISCONNECTED", await self.typed("cameras"))
