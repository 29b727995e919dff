"""Plugging in and pulling out: what clients are told, and who a camera is."""

from __future__ import annotations

import glob
import os

from tests.hardware.bench import Bench, driver_mode, links_to, nodes_of, plug, replug, unplug
from tests.wsclient import RPCFailed


class PlugTests(Bench):
    """One camera, and what is not a camera."""

    async def test_plug_and_unplug_are_announced(self) -> None:
        """A plugged camera is announced with the mode that the driver has, an unplugged one without any."""
        camera = await plug(0)
        told = (await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")).params
        pixels, size, rate = await driver_mode(camera.node)
        self.assertEqual((told["device"], told["resolution"], told["fps"]), (camera.node, size, rate), pixels)
        self.assertIn("Testbed Camera 0", told["name"])
        self.assertIsNone(told["reason"])

        status = await self.client.call("get_camera_status", {"device": camera.node})
        self.assertEqual(
            (status["camera_id"], status["vendor_id"], status["product_id"], status["serial"], status["usb_path"]),
            ("usb-1d6b-0102-tb0000", "1d6b", "0102", "TB0000", camera.usb_path),
        )
        self.assertEqual(status["driver"], "uvcvideo")

        await unplug(0)
        told = (await self.announced("usb-1d6b-0102-tb0000", "DISCONNECTED")).params
        self.assertEqual(told["device"], camera.node)
        await self.ends_as({})
        self.assertIn(f"Camera connected: {camera.node} - {size} @ {rate:g}fps", self.service.log)
        self.assertIn(f"Camera disconnected: {camera.node}", self.service.log)

    async def test_the_metadata_node_is_not_a_camera(self) -> None:
        """The second node of a webcam never shows: not in a notification, not in the list, not by its name."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        await self.ends_as({"usb-1d6b-0102-tb0000": camera.node})
        try:
            answer = await self.client.call("get_camera_status", {"device": camera.nodes[1]})
        except RPCFailed as error:
            self.assertEqual((error.code, error.data["resource"]), (-32010, "camera"))
        else:
            self.fail(f"{camera.nodes[1]} is taken for a camera: {answer}")
        await unplug(0)
        await self.announced("usb-1d6b-0102-tb0000", "DISCONNECTED")
        self.assertEqual({one.params["device"] for one in self.updates()}, {camera.node})

    async def test_a_late_client_is_told_what_is_there(self) -> None:
        """Who connects when a camera is there gets its state at once, marked as initial, with the last seq."""
        camera = await plug(0)
        news = await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        late = await self.connect()
        first = await late.wait_for(lambda one: one.method == "camera_status_update", 30)
        self.assertTrue(first.params["initial"])
        for name in ("camera_id", "device", "resolution", "fps", "seq", "epoch"):
            self.assertEqual(first.params[name], news.params[name], name)
        await unplug(0)
        gone = await self.announced("usb-1d6b-0102-tb0000", "DISCONNECTED", since=0, client=late)
        self.assertEqual(gone.params["device"], camera.node)

    async def test_a_name_leads_to_the_camera(self) -> None:
        """The id, the path, the number, cameraN and both kinds of links all mean the same camera."""
        camera = await plug(3)
        await self.announced("usb-1d6b-0102-tb0003", "CONNECTED")
        links = links_to(camera.node)
        self.assertGreaterEqual(len(links), 2)
        number = camera.node.removeprefix("/dev/video")
        for name in ("usb-1d6b-0102-tb0003", camera.node, f"video{number}", f"camera{number}", *links):
            answer = await self.client.call("get_camera_status", {"device": name})
            self.assertEqual((answer["camera_id"], answer["device"]), ("usb-1d6b-0102-tb0003", camera.node), name)


class IdentityTests(Bench):
    """A camera is what it is, not where it landed."""

    async def test_two_with_one_serial(self) -> None:
        """The second camera of a serial is told apart by its port; the first keeps its id, come what may."""
        first = await plug(0, "--serial", "TWIN")
        await self.announced("usb-1d6b-0102-twin", "CONNECTED")
        second = await plug(1, "--serial", "TWIN")
        twin = f"usb-1d6b-0102-at-{second.usb_path}"
        await self.announced(twin, "CONNECTED")
        await self.ends_as({"usb-1d6b-0102-twin": first.node, twin: second.node})
        self.assertEqual([one.params["status"] for one in self.updates("usb-1d6b-0102-twin")][-1], "CONNECTED")
        self.assertNotIn("DISCONNECTED", [one.params["status"] for one in self.updates("usb-1d6b-0102-twin")])

        # Both come back as who they were, whoever is first.
        await unplug(0)
        await unplug(1)
        await self.ends_as({})
        second = await plug(1, "--serial", "TWIN")
        await self.announced(twin, "CONNECTED", since=self.client.mark() - 2)
        first = await plug(0, "--serial", "TWIN")
        await self.ends_as({"usb-1d6b-0102-twin": first.node, twin: second.node})

    async def test_a_link_that_two_share_is_ambiguous(self) -> None:
        """Two alike share one by-id link, which the last to come has: it names neither, and the answer says so."""
        await plug(0, "--serial", "TWIN2", "--name", "Alike")
        await self.announced(None, "CONNECTED")
        second = await plug(1, "--serial", "TWIN2", "--name", "Alike")
        await self.announced(f"usb-1d6b-0102-at-{second.usb_path}", "CONNECTED")
        link = next(link for link in glob.glob("/dev/v4l/by-id/*Alike*index0"))
        try:
            answer = await self.client.call("get_camera_status", {"device": link})
        except RPCFailed as error:
            self.assertEqual((error.code, error.data["param"]), (-32602, "device"))
        else:
            self.fail(f"{link} was taken for {answer['camera_id']}")
        by_path = next(link for link in links_to(second.node) if "/by-path/" in link)
        answer = await self.client.call("get_camera_status", {"device": by_path})
        self.assertEqual(answer["camera_id"], f"usb-1d6b-0102-at-{second.usb_path}")

    async def test_without_serials(self) -> None:
        """Cameras without a serial are known by their ports."""
        first, second = await plug(0, "--serial", "none"), await plug(1, "--serial", "none")
        ids = [f"usb-1d6b-0102-at-{camera.usb_path}" for camera in (first, second)]
        for camera_id in ids:
            await self.announced(camera_id, "CONNECTED")
        await self.ends_as({ids[0]: first.node, ids[1]: second.node})

    async def test_another_number(self) -> None:
        """A camera that comes back on another number has its id and its alias, and is found by the new number."""
        before = await plug(0, "--serial", "MOVER")
        await self.announced("usb-1d6b-0102-mover", "CONNECTED")
        named = await self.client.call("set_camera_alias", {"device": before.node, "name": "front door"})
        self.assertEqual(named["camera_id"], "usb-1d6b-0102-mover")
        # Who holds a descriptor keeps the number taken.
        holder = os.open(before.node, os.O_RDONLY | os.O_NONBLOCK)
        try:
            after = await replug(0)
        finally:
            os.close(holder)
        self.assertNotEqual(after.node, before.node)
        await self.announced("usb-1d6b-0102-mover", "DISCONNECTED")
        await self.ends_as({"usb-1d6b-0102-mover": after.node})
        for name in ("front door", "usb-1d6b-0102-mover", after.node):
            answer = await self.client.call("get_camera_status", {"device": name})
            self.assertEqual((answer["camera_id"], answer["device"]), ("usb-1d6b-0102-mover", after.node), name)
        self.assertEqual(nodes_of(after.usb_path), list(after.nodes))

    async def test_a_number_that_another_took(self) -> None:
        """A path means what is there now, and never the camera that was there before: not even a metadata node."""
        first = await plug(0, "--serial", "BEFORE")
        holder = os.open(first.node, os.O_RDONLY | os.O_NONBLOCK)
        try:
            first = await replug(0)  # on the second number
        finally:
            os.close(holder)
        await self.ends_as({"usb-1d6b-0102-before": first.node})
        await unplug(0)
        await self.announced("usb-1d6b-0102-before", "DISCONNECTED", since=self.client.mark() - 1)
        gone = await self.client.call("get_camera_status", {"device": first.node})
        self.assertEqual((gone["camera_id"], gone["status"]), ("usb-1d6b-0102-before", "DISCONNECTED"))
        second = await plug(0, "--serial", "AFTER")
        self.assertEqual(second.nodes[1], first.node)
        await self.announced("usb-1d6b-0102-after", "CONNECTED")
        with self.assertRaises(RPCFailed) as raised:
            await self.client.call("get_camera_status", {"device": second.nodes[1]})
        self.assertEqual((raised.exception.code, raised.exception.data["resource"]), (-32010, "camera"))
