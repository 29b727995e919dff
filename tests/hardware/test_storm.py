"""Many plugs and unplugs: each ends in the state that the machine is in, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hardware.bench import (
    Bench,
    children,
    descriptors,
    detach,
    exists,
    in_port,
    is_probing,
    nodes_of,
    plug,
    plug_at_once,
    threads,
    unplug,
)

if TYPE_CHECKING:
    from collections.abc import Callable

#: Cable pulls take more than a second each on an emulated machine; more of them by the environment.
CYCLES = int(os.environ.get("WEBCAM_HARDWARE_CYCLES", "12"))
#: What the service may have: the reactor's, and a pool that keeps the threads that it once needed.
THREADS = 17
_DRIVER = Path("/sys/bus/usb/drivers/uvcvideo")


class StormTests(Bench):
    """What a bad cable does."""

    timeout = 120 + 6 * CYCLES

    async def _quiet(self) -> list[str]:
        """List the service's descriptors once it has no child any more; its threads are no more than they may be."""
        await self.eventually(lambda: not children(self.service.pid), "no child of the service")
        self.assertLessEqual(threads(self.service.pid), THREADS)
        return descriptors(self.service.pid)

    async def test_cable(self) -> None:
        """A cable that is pulled and put back again and again, each time before anybody could have finished."""
        camera = await plug(0)
        await self.ends_as({"usb-1d6b-0102-tb0000": camera.node})
        before = await self._quiet()
        await unplug(0)
        port = f"/sys/bus/usb/devices/{camera.usb_path}"
        for cycle in range(CYCLES):
            await plug_at_once(0)
            await self.eventually(lambda: nodes_of(camera.usb_path), "a node")
            if cycle % 3 == 0:
                await self.eventually(lambda: is_probing(self.service.pid, "/dev/video"), "a probe")
            detach(0)
            await self.eventually(lambda: not in_port(0) and not exists(port), "gone")
        await self.ends_as({})
        again = await plug(0)
        await self.ends_as({"usb-1d6b-0102-tb0000": again.node})
        self.assertEqual(await self._quiet(), before)
        await unplug(0)
        await self.ends_as({})

    async def _bound(self, function: str, found: Callable[[], list[str]]) -> None:
        """Give a function back to the driver until it has a node.

        The driver asks the camera, and gives up for good where the answer is late, as an emulated one may be.
        """
        for attempt in range(3):
            if attempt and (_DRIVER / function).exists():
                (_DRIVER / "unbind").write_text(function)
            (_DRIVER / "bind").write_text(function)
            with contextlib.suppress(AssertionError):
                await self.eventually(found, "a node", 15)
                return
        self.fail(f"{function} has no node")

    async def test_driver(self) -> None:
        """200 times the nodes of two cameras go and come as fast as the kernel can."""
        cameras = [await plug(0), await plug(1)]
        ids = ["usb-1d6b-0102-tb0000", "usb-1d6b-0102-tb0001"]
        await self.ends_as(dict(zip(ids, [camera.node for camera in cameras], strict=True)))
        before = await self._quiet()
        for cycle in range(100):
            for camera in cameras:
                function = f"{camera.usb_path}:1.0"
                (_DRIVER / "unbind").write_text(function)
                (_DRIVER / "bind").write_text(function)
            if cycle % 10 == 0:  # some of the storm is slow enough for a probe to begin
                await self.client.call("ping")
        # The kernel may take a moment to give up the last nodes that were open, and to make the new ones.
        await self.eventually(lambda: all(nodes_of(camera.usb_path) for camera in cameras), "the nodes of both")
        there = {camera_id: nodes_of(camera.usb_path)[0] for camera_id, camera in zip(ids, cameras, strict=True)}
        await self.ends_as(there)
        for camera in cameras:
            (_DRIVER / "unbind").write_text(f"{camera.usb_path}:1.0")
        await self.ends_as({})
        await self._bound(f"{cameras[1].usb_path}:1.0", lambda: nodes_of(cameras[1].usb_path))
        await self.ends_as({ids[1]: nodes_of(cameras[1].usb_path)[0]})
        self.assertEqual(await self._quiet(), before)
