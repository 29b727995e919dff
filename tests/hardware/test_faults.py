"""Cameras that do not answer, go while they are asked, or are swapped in a moment."""

from __future__ import annotations

import functools
import os
import signal
import time

from tests.hardware.bench import (
    DEADLINE,
    Bench,
    detach,
    exists,
    fresh_directory,
    in_port,
    is_probing,
    nodes_of,
    plug,
    plug_at_once,
    reactor,
    replug,
    run,
    set_state,
    unplug,
)
from tests.service import Service


class FaultTests(Bench):
    """One service that meets them all."""

    async def _mute(self, slot: int) -> str:
        """Plug a camera in that answers nothing from the moment the service may ask it; its node."""
        os.kill(self.service.pid, signal.SIGSTOP)
        try:
            camera = await plug(slot)
            await set_state(slot, "mute")
        finally:
            os.kill(self.service.pid, signal.SIGCONT)
        return camera.node

    async def test_a_mute_camera(self) -> None:
        """A camera that answers nothing ends as an error with a reason, and costs nobody else anything."""
        good = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        began = time.monotonic()
        node = await self._mute(1)
        slowest, pings, mark = 0.0, 0, self.client.mark()
        while not [one for one in self.updates("usb-1d6b-0102-tb0001") if one.params["status"] == "ERROR"]:
            self.assertLess(time.monotonic() - began, DEADLINE, "the mute camera is no error yet")
            asked = time.monotonic()
            self.assertEqual(await self.client.call("ping"), "pong")
            slowest, pings = max(slowest, time.monotonic() - asked), pings + 1
        took = time.monotonic() - began
        self.assertLess(slowest, took / 4, f"{pings} pings, the slowest {slowest:.3f} s, while it took {took:.1f} s")
        told = await self.announced("usb-1d6b-0102-tb0001", "ERROR", since=mark)
        self.assertEqual(told.params["device"], node)
        self.assertTrue(told.params["reason"])
        self.assertEqual([one.params["status"] for one in self.updates("usb-1d6b-0102-tb0000")][-1], "CONNECTED")
        status = await self.client.call("get_camera_status", {"device": good.node})
        self.assertEqual(status["status"], "CONNECTED")

        mark = self.client.mark()
        again = await replug(1)
        await self.announced("usb-1d6b-0102-tb0001", "CONNECTED", since=mark)
        await self.ends_as({"usb-1d6b-0102-tb0000": good.node, "usb-1d6b-0102-tb0001": again.node})

    async def test_unplugged_while_it_is_probed(self) -> None:
        """A camera that goes while v4l2-ctl asks it is not there afterwards, and nothing of the probe is left."""
        for _ in range(3):
            await plug_at_once(0)
            node = (await self.eventually(lambda: nodes_of("1-1"), "a node"))[0]
            await self.eventually(functools.partial(is_probing, self.service.pid, node), "v4l2-ctl on it")
            detach(0)
            await self.eventually(lambda: not in_port(0), "gone")
        await self.eventually(lambda: not nodes_of("1-1"), "no node")
        await self.ends_as({})
        await self.eventually(lambda: not is_probing(self.service.pid, "/dev/video"), "no v4l2-ctl")
        await self.ends_as({})

    async def test_another_camera_on_the_number(self) -> None:
        """Between two looks another camera took the number: the one is gone, the other is there."""
        first = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        os.kill(self.service.pid, signal.SIGSTOP)
        try:
            await unplug(0)
            second = await plug(1, "--profile", "yuyv")
        finally:
            os.kill(self.service.pid, signal.SIGCONT)
        self.assertEqual(first.node, second.node)
        await self.announced("usb-1d6b-0102-tb0001", "CONNECTED")
        await self.announced("usb-1d6b-0102-tb0000", "DISCONNECTED")
        await self.ends_as({"usb-1d6b-0102-tb0001": second.node})
        answer = await self.client.call("get_camera_capabilities", {"device": second.node})
        self.assertEqual((answer["camera_id"], answer["formats"]), ("usb-1d6b-0102-tb0001", ["YUYV"]))

    async def test_the_same_camera_replugged_between_two_looks(self) -> None:
        """A replug that fits between two looks ends with the camera there, asked anew."""
        camera = await plug(0, "--serial", "BLINK")
        await self.announced("usb-1d6b-0102-blink", "CONNECTED")
        await self.client.call(
            "set_camera_format",
            {"device": camera.node, "pixel_format": "MJPG", "width": 320, "height": 240, "fps": 15},
        )
        os.kill(self.service.pid, signal.SIGSTOP)
        try:
            again = await replug(0)
        finally:
            os.kill(self.service.pid, signal.SIGCONT)
        await self.ends_as({"usb-1d6b-0102-blink": again.node})
        # The camera itself came back with its own default.
        await self.client.wait_for(
            lambda one: one.params.get("resolution") == "640x480" and one.params["camera_id"] == "usb-1d6b-0102-blink",
            DEADLINE,
            self.client.mark() - 1,
        )


class StopTests(Bench):
    """A service of its own, that is stopped at the worst moment."""

    async def test_stopped_while_a_probe_hangs(self) -> None:
        """SIGTERM during a probe that does not end: clients are told, status 0, and no v4l2-ctl is left."""
        service = await Service(reactor, fresh_directory()).start()
        self.addCleanup(service.kill)
        own, self.service = self.service, service
        client = await self.connect()
        self.service = own
        os.kill(service.pid, signal.SIGSTOP)
        try:
            camera = await plug(0)
            await set_state(0, "mute")
        finally:
            os.kill(service.pid, signal.SIGCONT)
        await self.eventually(lambda: is_probing(service.pid, camera.node), "a probe that hangs")
        pid = service.pid
        self.assertEqual(await service.stop(), 0, service.log[-3000:])
        self.assertEqual((await client.lost()).code, 1001)
        self.assertFalse(exists(f"/proc/{pid}"))
        await set_state(0, "ok")
        left = await run("pgrep", "-P", "1", "-f", f"v4l2-ctl.*{camera.node}", ok=False)
        self.assertEqual(left, "")
        self.assertNotIn("Traceback", service.log)
