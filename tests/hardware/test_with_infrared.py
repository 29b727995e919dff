"""Infrared sensors, which are cameras only where the configuration wants them."""

from __future__ import annotations

from tests.hardware.bench import Bench, plug


class InfraredTests(Bench):
    """With ``cameras.infrared``."""

    alone = True
    options = ("--set", "cameras.infrared=true")

    async def test_infrared_is_listed(self) -> None:
        """The infrared sensor is a camera of its own, with an id of its own."""
        camera = await plug(0, "--profile", "ir")
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        await self.eventually(lambda: len({one.params["camera_id"] for one in self.updates()}) > 1, "two cameras")
        cameras = (await self.client.call("get_camera_list"))["cameras"]
        self.assertEqual(len(cameras), 2, cameras)
        self.assertEqual(len({one["camera_id"] for one in cameras}), 2)
        infrared = next(one for one in cameras if one["device"] != camera.node)
        self.assertIn(infrared["device"], camera.nodes)
        answer = await self.client.call("get_camera_capabilities", {"device": infrared["camera_id"]})
        self.assertEqual(answer["formats"], ["GREY"])
