"""``webcamctl`` as an operator uses it, with cameras that are plugged and unplugged."""

from __future__ import annotations

import json
import signal

from tests.command import Command
from tests.hardware.bench import Bench, driver_controls, plug, reactor, unplug

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


class ListeningTests(CtlBench):
    """The commands that stay connected."""

    async def test_a_camera_comes_and_goes(self) -> None:
        """It is a line for people and one for programs, and what the users of the test know; Ctrl-C ends it well."""
        people, programs = self.begin("monitor", terminal=True), self.begin("monitor", "--json", "--topic", "cameras")
        tested = self.begin("selftest", "--duration", "30", "--threshold", "5000")
        await people.says("Listening to", PATIENCE)
        await self.eventually(lambda: "Listening to" in programs.err, "the other one listens", PATIENCE)
        await tested.says("Testing camera status notifications for 30 seconds...\n", PATIENCE)
        camera = await plug(0)
        await people.says("640x480 @ 30", PATIENCE)
        await programs.says('"resolution"', PATIENCE)
        await tested.says(f"Update: {camera.node} -> CONNECTED\n   Resolution: 640x480, FPS: 30\n", PATIENCE)
        await unplug(0)
        for command in people, programs, tested:
            await command.says("DISCONNECTED", PATIENCE)
        people.type(b"\x03")
        programs.send_signal(signal.SIGINT)
        self.assertEqual([await command.ended(PATIENCE) for command in (people, programs, tested)], [0, 0, 0])

        told = [json.loads(line)["params"] for line in programs.out.splitlines()]
        self.assertEqual({(one["camera_id"], one["device"]) for one in told}, {(CAMERA_ID, camera.node)})
        self.assertEqual((told[0]["status"], told[-1]["status"]), ("CONNECTED", "DISCONNECTED"))
        self.assertEqual(sorted(one["seq"] for one in told), [one["seq"] for one in told])
        (line, *_) = [line for line in people.out.splitlines() if "640x480" in line]
        self.assertIn(camera.node, line)
        self.assertIn("\x1b[32mCONNECTED\x1b[0m", line)

        lines = tested.out.splitlines()
        self.assertRegex(lines[0], r"^✅ Ping test passed! Response: 'pong' in [0-9.]+ ms$")
        self.assertRegex(lines[1], r"^✅ Response time \([0-9.]+ ms\) is within 5000ms threshold$")
        self.assertTrue(lines[2].startswith("✅ Invalid method test passed! Got expected error: {'code': -32601, "))
        self.assertTrue(
            lines[3].startswith("✅ Malformed JSON test passed! Got expected parse error: {'code': -32700, ")
        )
        self.assertEqual(lines[-3], f"📷 Camera Status Update: {camera.node} -> DISCONNECTED")
        self.assertRegex(lines[-2], r"^✅ Camera notification test passed! Received [2-9] notifications$")
        self.assertEqual(lines[-1], "🎉 All tests passed!")


class CameraTests(CtlBench):
    """What is done with a camera."""

    async def test_a_camera_from_end_to_end(self) -> None:
        """It is listed, set, pictured and recorded, as the only one there is; once it is gone, that is told."""
        camera = await plug(0)
        await self.announced(CAMERA_ID, "CONNECTED")
        listed = await self.typed("cameras")
        self.assertRegex(listed, rf"{camera.node} +CONNECTED .*640x480 @ 30 +{CAMERA_ID}\n")
        self.assertEqual(await self.typed("controls", "set", "brightness=20"), "brightness = 20\n")
        self.assertEqual(await driver_controls(camera.node, "brightness"), {"brightness": 20})
        # The biggest pictures are much work for an emulated machine.
        await self.client.call("set_camera_format", {"device": CAMERA_ID, "width": 320, "height": 240, "fps": 5})
        picture = self.service.directory / "picture.jpg"
        await self.typed("snapshot", "--fresh", "-o", str(picture))
        self.assertEqual(picture.read_bytes()[:2], b"\xff\xd8")
        recorded = json.loads(
            await self.typed("record", "--duration", "2", "--codec", "copy", "--format", "mkv", "--json")
        )
        self.assertEqual((recorded["status"], recorded["frames"] > 0), ("STOPPED", True), recorded)
        film = self.service.directory / "film.mkv"
        await self.typed("recordings", "download", recorded["filename"], "-o", str(film))
        self.assertEqual(film.stat().st_size, recorded["file_size"])
        await unplug(0)
        await self.announced(CAMERA_ID, "DISCONNECTED")
        command = self.begin("snapshot", CAMERA_ID)
        self.assertEqual(await command.ended(PATIENCE), 1)
        self.assertIn("is not plugged in", command.err)
