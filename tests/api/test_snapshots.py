"""``take_snapshot`` as clients see it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tests.api.case import ApiCase, at_once
from tests.media.fakes_snap import FakeFeed, FakeLibrary, a_jpeg, a_png
from webcam_rpc.api.snapshots import SnapshotMethods
from webcam_rpc.cameras.models import Status, Trouble
from webcam_rpc.media.feeds import Feeds
from webcam_rpc.media.snapshots import DEADLINE, FRAME_DEADLINE, INLINE_LIMIT, Snapshots
from webcam_rpc.media.troubles import CameraAway, Stopping, StorageBroken, StorageLow
from webcam_rpc.rpc.methods import MethodTable
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from webcam_rpc.media.feed import Feed


class FakeFeeds(Feeds):
    """One camera's feed, until the service stops."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.stopping = False

    def of(self, camera_id: str) -> Feed:
        """Give the one that is there."""
        if self.stopping:
            raise Stopping
        if camera_id != self._feed.camera_id:
            raise CameraAway(camera_id)
        return self._feed


class SnapshotTests(ApiCase):
    """One camera that delivers."""

    def make_table(self) -> MethodTable:
        """Give all methods and this one."""
        self.feed = FakeFeed(self.clock)
        self.feeds_of_one = FakeFeeds(self.feed)
        self.library = FakeLibrary(Path(self.mktemp()).absolute())
        snapshots = Snapshots(self.clock, self.children, self.library, self.bus, at_once)
        others = [method for method in super().make_table() if method.name != "take_snapshot"]
        return MethodTable((*others, *SnapshotMethods(self.registry, self.feeds_of_one, snapshots).methods()))

    def setUp(self) -> None:
        """Plug the camera in, and let it deliver."""
        super().setUp()
        self.plug()
        self.feed.deliver()

    def take(self, **params: Any) -> Any:
        """Take a picture that needs no waiting."""
        return self.call("take_snapshot", {"device": "usb-1", **params})

    def hint(self, param: str, rule: str, **params: Any) -> str:
        """Give the hint to a picture that is refused for this parameter and rule, and of which nothing is left."""
        code, data = self.refused("take_snapshot", {"device": "usb-1", **params})
        self.assertEqual((code, data["param"], data["rule"]), (-32602, param, rule))
        self.assertEqual(self.library.listed, [])
        hint: str = data["hint"]
        return hint

    def test_result(self) -> None:
        """The answer names files that are there, and how they are fetched."""
        self.clock.advance(0.1)
        result = self.take(device="video0", filename="gate")
        path = Path(result["file_path"])
        self.assertEqual(path.read_bytes(), self.feed.newest and self.feed.newest.jpeg)
        meta = msgspec.json.decode(Path(result["metadata_file"]).read_bytes())
        expected = {
            "device": "/dev/video0",
            "camera_id": "usb-1",
            "filename": "gate.jpg",
            "status": "SUCCESS",
            "timestamp": "2026-01-01T12:00:00.000Z",
            "age_ms": 100.0,
            "resolution": "640x480",
            "file_size": path.stat().st_size,
            "file_path": str(self.library.directory / "snapshots" / "gate.jpg"),
            "download_url": "/files/snapshots/gate.jpg",
            "metadata_file": f"{path}.json",
            "format": "jpg",
            "sha256": meta["sha256"],
        }
        self.assertEqual(result, expected)

    def test_by_position(self) -> None:
        """Parameters by position come in the order of the documentation."""
        started = self.start("take_snapshot", ["usb-1", "gate", "png", 50, False, 1000, True])
        (child,) = self.children.started
        child.prints(a_png())
        child.ends()
        result = self.successResultOf(started)
        self.assertEqual((result["filename"], result["data"]), ("gate.png", base64.b64encode(a_png()).decode()))

    def test_method(self) -> None:
        """It takes an operator, and is over before a call is cut off."""
        method = self.table.get("take_snapshot")
        self.assertIs(method.role, Role.OPERATOR)
        self.assertLess(FRAME_DEADLINE, DEADLINE)
        self.assertLess(DEADLINE, method.deadline_s)

    def test_format_of_the_name(self) -> None:
        """Without a format the name says it; with one it has to fit."""
        started = self.start("take_snapshot", {"device": "usb-1", "filename": "gate.png"})
        self.children.started[0].prints(a_png())
        self.children.started[0].ends()
        self.assertEqual(self.successResultOf(started)["format"], "png")
        self.library.listed.clear()
        self.hint("filename", "extension", filename="gate.jpg", format="png")
        self.hint("filename", "extension", filename="gate.png", format="jpg")

    def test_inline(self) -> None:
        """The picture comes with the answer, as base64."""
        self.assertEqual(self.take(inline=True)["data"], base64.b64encode(a_jpeg(filling=b"picture 1")).decode())
        self.assertNotIn("data", self.take())

    def test_inline_too_big(self) -> None:
        """One that is too big for an answer is refused with a way out."""
        self.feed.deliver(jpeg=a_jpeg(filling=bytes(INLINE_LIMIT)))
        hint = self.hint("inline", "too_big", inline=True)
        self.assertIn("download_url", hint)
        self.assertIn("quality", hint)
        self.assertEqual(self.take()["status"], "SUCCESS")

    def test_bad_params(self) -> None:
        """What cannot be meant is refused with the parameter's name."""
        self.hint("filename", "pattern", filename="../../etc/passwd")
        for param, value in (("quality", 0), ("quality", 101), ("quality", "best"), ("max_age_ms", -1)):
            code, data = self.refused("take_snapshot", {"device": "usb-1", param: value})
            self.assertEqual((code, data["param"]), (-32602, param))
        code, data = self.refused("take_snapshot", {"device": "usb-1", "format": "gif"})
        self.assertEqual((code, data["param"]), (-32602, "format"))
        self.take(filename="gate")
        self.library.listed.clear()
        self.hint("filename", "exists", filename="gate")

    def test_fresh(self) -> None:
        """A fresh picture waits for the next frame, as does one that may not be old."""
        for params in ({"fresh": True}, {"max_age_ms": 50}):
            self.clock.advance(0.1)
            started = self.start("take_snapshot", {"device": "usb-1", **params})
            self.assertNoResult(started)
            self.feed.deliver()
            self.assertEqual(self.successResultOf(started)["age_ms"], 0.0)

    def test_no_camera(self) -> None:
        """A camera that is not known, and one that is unplugged, before or meanwhile."""
        code, data = self.refused("take_snapshot", {"device": "usb-9"})
        self.assertEqual((code, data["resource"]), (-32010, "camera"))
        started = self.start("take_snapshot", {"device": "usb-1", "fresh": True})
        self.feed.unplug()
        error: Any = self.failureResultOf(started).value
        self.assertEqual((error.code, error.data["reason"]), (-32020, "CAMERA_DISCONNECTED"))
        self.plug(status=Status.DISCONNECTED)
        code, data = self.refused("take_snapshot", {"device": "usb-1"})
        self.assertEqual((code, data["reason"]), (-32020, "CAMERA_DISCONNECTED"))

    def test_no_frame(self) -> None:
        """A camera that gives nothing is told with what to do, a busy one with who has it."""
        started = self.start("take_snapshot", {"device": "usb-1", "fresh": True})
        self.feed.fail(Trouble("USB_BANDWIDTH", "no room", "use MJPG", lasting=True))
        error: Any = self.failureResultOf(started).value
        told = {"reason": "USB_BANDWIDTH", "detail": "no room", "remedy": "use MJPG"}
        self.assertEqual((error.code, error.data), (-32050, told))
        started = self.start("take_snapshot", {"device": "usb-1", "fresh": True})
        self.feed.fail(Trouble("DEVICE_BUSY", "in use", "end it", lasting=True), {"pid": 7, "comm": "cheese"})
        error = self.failureResultOf(started).value
        self.assertEqual((error.code, error.data["reason"]), (-32020, "DEVICE_BUSY"))
        self.assertEqual(error.data["holder"], {"pid": 7, "comm": "cheese"})

    def test_no_ffmpeg(self) -> None:
        """What needs ffmpeg says so where there is none."""
        self.children.missing.add("ffmpeg")
        code, data = self.refused("take_snapshot", {"device": "usb-1", "quality": 50})
        self.assertEqual((code, data["reason"]), (-32050, "FFMPEG_FAILED"))
        self.assertIn("apt-get install", data["remedy"])

    def test_no_room(self) -> None:
        """A full disk and a broken directory have errors of their own."""
        self.library.refusal = StorageLow(5, 7)
        self.assertEqual(
            self.refused("take_snapshot", {"device": "usb-1"}), (-32060, {"available_space": 5, "required": 7})
        )
        self.library.refusal = StorageBroken("/media cannot be written to")
        code, data = self.refused("take_snapshot", {"device": "usb-1"})
        self.assertEqual((code, data["reason"]), (-32050, "STORAGE_FAILED"))

    def test_stopping(self) -> None:
        """While the service stops nothing new is begun."""
        self.feeds_of_one.stopping = True
        self.assertEqual(self.refused("take_snapshot", {"device": "usb-1"}), (-32080, None))
