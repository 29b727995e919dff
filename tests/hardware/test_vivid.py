"""The kernel's own virtual driver, which any Linux with root can load: a camera that is not on USB."""

from __future__ import annotations

import glob
import os
import re

from tests.hardware.bench import Bench, driver_mode, driver_modes, run


def vivid_nodes() -> list[str]:
    """List the device nodes that vivid has."""
    return ["/dev/" + os.path.basename(path) for path in glob.glob("/sys/devices/platform/vivid.*/video4linux/video*")]


class VividTests(Bench):
    """One instance with one webcam input."""

    needs = "vivid"

    async def test_on_and_off(self) -> None:
        """It is announced with its mode, found by every name, knows its modes, and goes."""
        load = ("n_devs=1", "node_types=0x1", "num_inputs=1", "input_types=0", "no_error_inj=0")
        await run("modprobe", "vivid", *load)
        self.addCleanup(run, "modprobe", "-r", "vivid", ok=False)
        node = (await self.eventually(vivid_nodes, "a node"))[0]
        news = await self.client.wait_for(
            lambda one: one.params.get("device") == node and "resolution" in one.params, 40, self.since, "CONNECTED"
        )
        camera_id = news.params["camera_id"]
        self.assertTrue(re.fullmatch(r"platform-[a-z0-9-]+", camera_id), camera_id)
        _, size, rate = await driver_mode(node)
        self.assertEqual(news.params["resolution"], size)
        self.assertAlmostEqual(news.params["fps"], rate, 2)
        number = node.removeprefix("/dev/video")
        for name in (camera_id, node, f"video{number}", f"camera{number}"):
            answer = await self.client.call("get_camera_capabilities", {"device": name})
            self.assertEqual((answer["camera_id"], answer["device"]), (camera_id, node))
        modes = {(mode["pixel_format"], mode["width"], mode["height"]) for mode in answer["modes"]}
        self.assertEqual(modes, await driver_modes(node))
        self.assertGreater(len(answer["formats"]), 10)

        await self.client.call(
            "set_camera_format", {"device": node, "pixel_format": "YUYV", "width": 640, "height": 360}
        )
        self.assertEqual((await driver_mode(node))[:2], ("YUYV", "640x360"))
        controls = (await self.client.call("get_camera_controls", {"device": node}))["controls"]
        kinds = {control["type"] for control in controls}
        self.assertTrue({"int", "bool", "menu"} <= kinds, kinds)

        await run("modprobe", "-r", "vivid")
        await self.announced(camera_id, "DISCONNECTED")
