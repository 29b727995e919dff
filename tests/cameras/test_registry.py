"""The registry tells each change once and finds a camera by whatever people call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import report
from tests.cameras.case import a_camera, make_bus
from webcam_rpc.cameras.models import CameraStatusChanged, CurrentMode, NodeReport, Status
from webcam_rpc.cameras.registry import AmbiguousDevice, CameraRegistry

if TYPE_CHECKING:
    from webcam_rpc.bus import Stamped


class RegistryCase(SynchronousTestCase):
    """A registry with a link, an alias and a listener."""

    def setUp(self) -> None:
        """Build it."""
        self.published: list[Stamped] = []
        self.links = {"/dev/v4l/by-path/p": "/dev/video0", "/dev/v4l/by-id/i": "/dev/video0"}
        self.bus = make_bus()
        self.bus.subscribe(self.published.append)
        self.nodes: dict[str, str] = {}
        self.registry = CameraRegistry(
            self.bus,
            lambda path: self.links.get(path, path),
            "/dev",
            {"porch": "usb-1", "ghost": "usb-9"}.get,
            self.nodes.get,
        )


class PutTests(RegistryCase):
    """What is announced."""

    def test_announced_once(self) -> None:
        """A camera that is put twice as it was is announced once."""
        self.assertTrue(self.registry.put(a_camera()))
        self.assertFalse(self.registry.put(a_camera()))
        (stamped,) = self.published
        self.assertEqual(stamped.event, CameraStatusChanged(a_camera()))
        self.assertIs(self.registry.last("usb-1"), stamped)

    def test_visible_changes(self) -> None:
        """Another status, node, name, reason or mode is announced; other values of controls are not."""
        found = report("uvc-hd")
        self.registry.put(a_camera())
        for change in (
            {"status": Status.ERROR},
            {"device": "/dev/video2"},
            {"name": "Other"},
            {"reason": "broken"},
            {"report": msgspec.structs.replace(found, mode=CurrentMode("YUYV", 320, 240, 15))},
            {"report": None},
        ):
            self.assertTrue(self.registry.put(a_camera(**change)), change)
            self.registry.put(a_camera())
        quiet = msgspec.structs.replace(found, controls=())
        self.assertFalse(self.registry.put(a_camera(report=quiet)))
        kept = self.registry.get("usb-1")
        assert kept is not None
        self.assertEqual(kept.report, quiet)

    def test_unknown(self) -> None:
        """What was never put is not there."""
        self.assertIsNone(self.registry.get("usb-1"))
        self.assertRaises(KeyError, self.registry.last, "usb-1")

    def test_forgets(self) -> None:
        """Of more than 256, those that went longest ago are forgotten; one that is there never is."""
        self.registry.put(a_camera("here", "/dev/video0"))
        self.registry.put(a_camera("back", "/dev/video1"))
        for number in range(300):
            self.registry.put(a_camera(f"gone-{number}", status=Status.DISCONNECTED))
        self.registry.put(a_camera("back", "/dev/video1", status=Status.DISCONNECTED))
        last = self.registry.last("back")
        self.registry.put(a_camera("gone-300", status=Status.DISCONNECTED))
        known = [camera.camera_id for camera in self.registry.all()]
        self.assertEqual(len(known), 256)
        self.assertIn("here", known)
        self.assertIn("back", known)
        self.assertIn("gone-299", known)
        self.assertNotIn("gone-0", known)
        self.assertIs(self.registry.last("back"), last)
        self.assertRaises(KeyError, self.registry.last, "gone-0")


class BlameTests(RegistryCase):
    """A camera that is there and delivers nothing."""

    def setUp(self) -> None:
        """Put one in."""
        super().setUp()
        self.registry.put(a_camera())
        self.published.clear()

    def seen(self) -> list[tuple[str, str | None]]:
        """Give status and reason of what was told since the last time; the last is what the camera is now."""
        told = [stamped.event.camera for stamped in self.published if isinstance(stamped.event, CameraStatusChanged)]
        self.published.clear()
        if told:
            self.assertEqual(self.registry.get("usb-1"), told[-1])
        return [(camera.status.value, camera.reason) for camera in told]

    def test_blamed(self) -> None:
        """It is in ERROR with the reason, told once for each reason, until it is not blamed any more."""
        for reason in ("silent", "silent", "busy", None, None):
            self.registry.blame("usb-1", reason)
        self.assertEqual(self.seen(), [("ERROR", "silent"), ("ERROR", "busy"), ("CONNECTED", None)])
        self.assertEqual(self.registry.get("usb-1"), a_camera())

    def test_still_there(self) -> None:
        """It is present, and found by its node."""
        self.registry.blame("usb-1", "silent")
        self.assertEqual([camera.camera_id for camera in self.registry.present()], ["usb-1"])
        self.assertIsNotNone(self.registry.find("video0"))
        self.assertTrue(self.registry.is_there(a_camera()))

    def test_put_meanwhile(self) -> None:
        """Another look at it takes the blame away no more than another mode does; both are there afterwards."""
        self.registry.blame("usb-1", "silent")
        self.seen()
        self.assertFalse(self.registry.put(a_camera()))
        self.assertTrue(self.registry.put(a_camera(name="Other")))
        self.assertEqual(self.seen(), [("ERROR", "silent")])
        self.registry.blame("usb-1", None)
        self.assertEqual(self.registry.get("usb-1"), a_camera(name="Other"))

    def test_put_as_it_was_got(self) -> None:
        """Who takes it from here, changes it and puts it back does not make the blame a part of it."""
        self.registry.blame("usb-1", "silent")
        taken = self.registry.get("usb-1")
        assert taken is not None
        self.registry.put(msgspec.structs.replace(taken, name="Other"))
        self.registry.blame("usb-1", None)
        self.assertEqual(self.registry.get("usb-1"), a_camera(name="Other"))

    def test_worse_reason(self) -> None:
        """A camera that cannot even be asked keeps that reason; the blame shows when it can be asked again."""
        self.registry.put(a_camera(status=Status.ERROR, reason="no permission"))
        self.registry.blame("usb-1", "silent")
        self.registry.put(a_camera())
        self.registry.blame("usb-1", None)
        self.assertEqual(self.seen(), [("ERROR", "no permission"), ("ERROR", "silent"), ("CONNECTED", None)])

    def test_unplugged(self) -> None:
        """The blame goes with the camera, and does not come back with it."""
        self.registry.blame("usb-1", "silent")
        self.registry.put(a_camera(status=Status.DISCONNECTED))
        self.registry.put(a_camera(device="/dev/video2"))
        self.assertEqual(self.seen(), [("ERROR", "silent"), ("DISCONNECTED", None), ("CONNECTED", None)])

    def test_unknown(self) -> None:
        """Nobody is told of a camera that is not known."""
        self.registry.blame("usb-9", "silent")
        self.registry.blame("usb-9", None)
        self.assertEqual(self.seen(), [])
        self.assertIsNone(self.registry.get("usb-9"))

    def test_blamed_by_a_listener(self) -> None:
        """A listener that blames in answer to a change has the last word, and the order is kept."""
        self.bus.subscribe(lambda _: self.registry.blame("usb-1", "silent"))
        self.registry.put(a_camera(device="/dev/video2"))
        self.assertEqual(self.seen(), [("CONNECTED", None), ("ERROR", "silent")])


class ListTests(RegistryCase):
    """The order, and who is there."""

    def test_order(self) -> None:
        """Those present come first, each group by number and not by text."""
        for camera_id, number, status in (
            ("a", 10, Status.CONNECTED),
            ("b", 2, Status.ERROR),
            ("c", 0, Status.DISCONNECTED),
            ("d", 2, Status.CONNECTED),
        ):
            self.registry.put(a_camera(camera_id, f"/dev/video{number}", status=status))
        self.assertEqual([camera.camera_id for camera in self.registry.all()], ["b", "d", "a", "c"])
        self.assertEqual([camera.camera_id for camera in self.registry.present()], ["b", "d", "a"])


class FindTests(RegistryCase):
    """Ids, paths, links, numbers and aliases."""

    def setUp(self) -> None:
        """Put two cameras in."""
        super().setUp()
        self.first = a_camera("usb-1", "/dev/video0")
        self.second = a_camera("usb-2", "/dev/video2", vendor_id="0bda")
        self.registry.put(self.first)
        self.registry.put(self.second)

    def test_by_name(self) -> None:
        """Everything that means the first camera finds it."""
        for text in ("usb-1", "/dev/video0", "/dev/v4l/by-path/p", "/dev/v4l/by-id/i", "video0", "camera0", "porch"):
            self.assertEqual(self.registry.find(text), self.first, text)

    def test_unknown(self) -> None:
        """What means no camera finds none."""
        for text in ("", "usb-3", "/dev/video1", "video1", "video", "video-2", "ghost", "video0\n", "xvideo0", "2"):
            self.assertIsNone(self.registry.find(text), text)

    def test_present_before_gone(self) -> None:
        """A number means the camera that has it, not one that had it."""
        self.registry.put(a_camera("a-gone", "/dev/video2", status=Status.DISCONNECTED))
        self.assertEqual(self.registry.find("video2"), self.second)
        self.registry.put(a_camera("usb-2", "/dev/video2", status=Status.DISCONNECTED))
        self.assertIsNotNone(self.registry.find("video2"))

    def test_gone_and_replaced(self) -> None:
        """A camera that is gone answers to its last number, unless something else is there now."""
        self.registry.put(a_camera(status=Status.DISCONNECTED))
        self.assertIsNotNone(self.registry.find("/dev/video0"))
        self.nodes["/dev/video0"] = "another camera's metadata node"
        self.assertIsNone(self.registry.find("/dev/video0"))
        self.assertIsNone(self.registry.find("video0"))

    def test_is_there(self) -> None:
        """A camera is there while it has the node that it had."""
        camera = a_camera()
        self.registry.put(camera)
        self.assertTrue(self.registry.is_there(camera))
        self.registry.put(a_camera(device="/dev/video4"))
        self.assertFalse(self.registry.is_there(camera))
        self.registry.put(a_camera(status=Status.DISCONNECTED))
        self.assertFalse(self.registry.is_there(camera))

    def test_shared_link(self) -> None:
        """A by-id link of two cameras of one model leads to either: refused, with both named. By-path is exact."""
        twin = NodeReport("uvcvideo", "Webcam", "usb-2", "", frozenset(), None, (), ())
        self.registry.put(a_camera("usb-3", "/dev/video4", report=twin))
        error = self.assertRaises(AmbiguousDevice, self.registry.find, "/dev/v4l/by-id/i")
        self.assertEqual(error.camera_ids, ("usb-1", "usb-3"))
        self.assertEqual(self.registry.find("/dev/v4l/by-path/p"), self.first)
        self.registry.put(a_camera("usb-3", "/dev/video4", status=Status.DISCONNECTED))
        self.assertEqual(self.registry.find("/dev/v4l/by-id/i"), self.first)

    def test_node_path(self) -> None:
        """A path, a link and a number name a node, camera or not; other names do not."""
        for text, path in (
            ("/dev/video9", "/dev/video9"),
            ("/dev/v4l/by-path/p", "/dev/video0"),
            ("video9", "/dev/video9"),
            ("camera09", "/dev/video9"),
            ("porch", None),
        ):
            self.assertEqual(self.registry.node_path(text), path, text)
