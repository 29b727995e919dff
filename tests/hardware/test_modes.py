"""What cameras can do and what they are set to, against the drivers' own word."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.protocol import ProcessProtocol

from tests.hardware.bench import Bench, driver_mode, driver_modes, fresh_directory, plug, reactor
from tests.wsclient import RPCFailed

_RATES = [30, 25, 20, 15, 10, 5]
#: What each kind of test camera offers: {(pixel format, width, height): frames per second}.
PROFILES: dict[str, dict[tuple[str, int, int], list[int]]] = {
    "hd": {
        **{("MJPG", w, h): _RATES for w, h in ((640, 480), (320, 240), (1280, 720), (1920, 1080))},
        **{("YUYV", w, h): [30, 15, 5] for w, h in ((640, 480), (320, 240))},
    },
    "yuyv": {("YUYV", w, h): [30, 15, 5] for w, h in ((640, 480), (320, 240))},
    "many": {
        **{("YUYV", w, h): [5] for w, h in ((640, 480), (320, 240))},
        **{
            ("MJPG", w, h): [60, 30, 24, 20, 15, 10, 7, 5]
            for w, h in ((1920, 1080), (1280, 720), (640, 480), (320, 240))
        },
    },
}


class CapabilityTests(Bench):
    """Modes."""

    async def _modes(self, profile: str) -> tuple[str, dict[str, Any], dict[tuple[str, int, int], Any]]:
        camera = await plug(0, "--profile", profile)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        answer = await self.client.call("get_camera_capabilities", {"device": camera.node})
        modes = {(mode["pixel_format"], mode["width"], mode["height"]): mode["fps"] for mode in answer["modes"]}
        return camera.node, answer, modes

    async def _is_all_of(self, profile: str) -> None:
        node, answer, modes = await self._modes(profile)
        expected = PROFILES[profile]
        self.assertEqual({key: sorted(map(float, rates)) for key, rates in modes.items()}, _sorted(expected))
        self.assertEqual(set(modes), await driver_modes(node))
        self.assertEqual(set(answer["formats"]), {key[0] for key in expected})
        self.assertEqual(set(answer["resolutions"]), {f"{key[1]}x{key[2]}" for key in expected})
        self.assertEqual(set(answer["fps_options"]), {rate for rates in expected.values() for rate in rates})
        for rates in modes.values():
            self.assertFalse([rate for rate in rates if isinstance(rate, float) and rate.is_integer()])

    async def test_hd(self) -> None:
        """Two formats, each size with its own rates."""
        await self._is_all_of("hd")

    async def test_yuyv(self) -> None:
        """A camera without MJPEG."""
        await self._is_all_of("yuyv")

    async def test_many(self) -> None:
        """Many rates, and a default mode that is not the first format of most cameras."""
        await self._is_all_of("many")
        status = await self.client.call("get_camera_status", {"device": "usb-1d6b-0102-tb0000"})
        self.assertEqual((status["resolution"], status["fps"]), ("640x480", 5))

    async def test_continuous(self) -> None:
        """Rates that the driver gives as a range are given as a range."""
        _, _, modes = await self._modes("continuous")
        self.assertEqual(set(modes), {("MJPG", 640, 480), ("MJPG", 320, 240), ("YUYV", 320, 240)})
        rates = modes["MJPG", 640, 480]
        self.assertEqual(set(rates), {"min", "max", "step"})
        self.assertAlmostEqual(rates["min"], 5, 1)
        self.assertAlmostEqual(rates["max"], 30, 1)
        self.assertAlmostEqual(modes["YUYV", 320, 240]["min"], 1, 1)

    async def test_infrared_is_not_listed(self) -> None:
        """Of a camera with an infrared sensor the colour sensor alone is a camera, of four nodes one."""
        camera = await plug(0, "--profile", "ir")
        self.assertEqual(len(camera.nodes), 4)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        await self.ends_as({"usb-1d6b-0102-tb0000": camera.node})


class FormatTests(Bench):
    """The mode in force."""

    async def test_set(self) -> None:
        """The answer is the mode that the driver gave, and clients are told."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        mark = self.client.mark()
        answer = await self.client.call(
            "set_camera_format",
            {"device": camera.node, "pixel_format": "MJPG", "width": 1280, "height": 720, "fps": 15},
        )
        self.assertEqual(
            (answer["pixel_format"], answer["width"], answer["height"], answer["fps"]), ("MJPG", 1280, 720, 15)
        )
        self.assertEqual(await driver_mode(camera.node), ("MJPG", "1280x720", 15))
        told = await self.announced("usb-1d6b-0102-tb0000", "CONNECTED", since=mark)
        self.assertEqual((told.params["resolution"], told.params["fps"]), ("1280x720", 15))

    async def test_what_the_camera_lacks(self) -> None:
        """Asked for a size and rate that there are not, the answer is still what the driver has, or a refusal."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        params = {"device": camera.node, "pixel_format": "YUYV", "width": 800, "height": 600, "fps": 12}
        try:
            answer = await self.client.call("set_camera_format", params)
        except RPCFailed as error:
            self.assertIn(error.code, (-32602, -32030))
            self.assertEqual(await driver_mode(camera.node), ("MJPG", "640x480", 30))
        else:
            mode = (answer["pixel_format"], f"{answer['width']}x{answer['height']}", answer["fps"])
            self.assertEqual(await driver_mode(camera.node), mode)

    async def test_while_another_program_streams(self) -> None:
        """A camera that another program streams from is busy, and the answer names the program."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        frames = fresh_directory() / "frames"
        argv = ["ffmpeg", "-nostdin", "-v", "error", "-f", "v4l2", "-input_format", "mjpeg", "-i", camera.node]
        argv += ["-c", "copy", "-f", "mjpeg", str(frames)]
        process = reactor.spawnProcess(ProcessProtocol(), "/usr/bin/ffmpeg", argv, env=os.environ, childFDs={})
        try:
            await self.eventually(lambda: frames.exists() and frames.stat().st_size, "frames")
            with self.assertRaises(RPCFailed) as raised:
                await self.client.call(
                    "set_camera_format",
                    {"device": camera.node, "pixel_format": "MJPG", "width": 320, "height": 240, "fps": 15},
                )
            error = raised.exception
            self.assertEqual((error.code, error.data["reason"]), (-32020, "DEVICE_BUSY"))
            self.assertEqual(error.data["holder"], {"pid": process.pid, "comm": "ffmpeg"})
            status = await self.client.call("get_camera_status", {"device": camera.node})
            self.assertEqual((status["status"], status["holder"]), ("CONNECTED", error.data["holder"]))
            size = frames.stat().st_size
            await self.eventually(lambda: frames.stat().st_size > size, "the stream goes on")
        finally:
            process.signalProcess("KILL")
            await self.eventually(lambda: process.pid is None, "ffmpeg's end")


def _sorted(expected: dict[tuple[str, int, int], list[int]]) -> dict[tuple[str, int, int], list[float]]:
    return {key: sorted(map(float, rates)) for key, rates in expected.items()}
