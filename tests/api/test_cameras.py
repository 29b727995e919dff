"""The methods about cameras: list, status, capabilities, mode, alias, diagnosis."""

from __future__ import annotations

from tests.api.case import ApiCase
from tests.cameras.case import HD, METADATA
from tests.media.feedcase import Viewer
from tests.media.jpegs import part, small
from webcam_rpc import config
from webcam_rpc.cameras.models import CurrentMode, Status, Trouble
from webcam_rpc.cameras.pattern import TestPatterns as Patterns

TROUBLE = Trouble("V4L2_FAILED", "v4l2-ctl hangs", "plug it in again", lasting=True)


class ListTests(ApiCase):
    """Which cameras there are and how each stands."""

    def test_list(self) -> None:
        """Cameras that are there come first; only those that work count as connected."""
        self.plug("usb-gone", "/dev/video0", status=Status.DISCONNECTED)
        self.plug("usb-bad", "/dev/video4", status=Status.ERROR, reason="no", report=None)
        self.plug("usb-good", "/dev/video2")
        listing = self.call("get_camera_list")
        self.assertEqual([one["camera_id"] for one in listing["cameras"]], ["usb-good", "usb-bad", "usb-gone"])
        self.assertEqual((listing["total"], listing["connected"]), (3, 1))

    def test_nothing(self) -> None:
        """A machine without cameras has an empty list, not an error."""
        self.assertEqual(self.call("get_camera_list"), {"cameras": [], "total": 0, "connected": 0})

    def test_status(self) -> None:
        """A camera by any of its names, with the mode in force and nobody who holds it."""
        self.plug("usb-gate", "/dev/video2", serial="77")
        mode = self.device.report.mode
        assert mode is not None
        for name in ("usb-gate", "/dev/video2", "video2", "camera2", "gate"):
            status = self.call("get_camera_status", [name])
            self.assertEqual((status["camera_id"], status["device"]), ("usb-gate", "/dev/video2"), name)
        self.assertEqual((status["resolution"], status["fps"]), (mode.resolution, mode.fps))
        self.assertEqual((status["alias"], status["serial"], status["status"]), ("gate", "77", "CONNECTED"))
        self.assertEqual((status["holder"], status["consumers"], status["recording"]), (None, {}, None))

    def test_captured(self) -> None:
        """While frames come, the mode is the one in which they do; before and after, the one that the driver told."""
        self.feeds.startService()
        self.plug("usb-gate")
        before = self.call("get_camera_status", ["usb-gate"])["resolution"]
        attachment = self.feeds.of("usb-gate").attach("stream", Viewer())
        self.assertEqual(self.call("get_camera_status", ["usb-gate"])["resolution"], before)
        for _ in range(10):  # the first ones warm it up
            self.children.started[-1].prints(part(small(1280, 720)))
        self.assertEqual((before, self.call("get_camera_status", ["usb-gate"])["resolution"]), ("640x480", "1280x720"))
        self.assertEqual(self.call("get_camera_list")["cameras"][0]["resolution"], "1280x720")
        attachment.detach()
        self.clock.advance(60)
        self.assertEqual(self.call("get_camera_status", ["usb-gate"])["resolution"], before)

    def test_unknown(self) -> None:
        """A camera that nobody knows is not found, under the name that was asked for."""
        self.assertEqual(self.refused("get_camera_status", ["x"]), (-32010, {"resource": "camera", "id": "x"}))

    def test_ambiguous(self) -> None:
        """A link that two cameras of one model share is refused with their ids."""
        for number in (0, 2):
            path = f"/dev/video{number}"
            self.plug(f"usb-{number}", path, vendor_id="1", product_id="2", serial="3")
        link = "/dev/v4l/by-id/usb-x"
        self.inventory.links[link] = "/dev/video0"
        code, data = self.refused("get_camera_status", [link])
        self.assertEqual((code, data["param"], data["rule"]), (-32602, "device", "ambiguous"))
        self.assertIn("usb-0, usb-2", data["hint"])


class CapabilitiesTests(ApiCase):
    """What a camera can do."""

    def test_as_seen(self) -> None:
        """As last seen, without asking the camera again, even when it is gone."""
        self.plug(status=Status.DISCONNECTED)
        self.device.trouble = TROUBLE
        able = self.call("get_camera_capabilities", ["usb-1"])
        self.assertEqual(able["validation_status"], "confirmed")
        self.assertEqual(set(able["formats"]), {mode["pixel_format"] for mode in able["modes"]})
        self.assertTrue(able["modes"])

    def test_refresh(self) -> None:
        """Asked again, its trouble is told with a remedy, and one that is gone cannot be asked."""
        self.plug()
        self.device.trouble = TROUBLE
        failed = {"reason": "V4L2_FAILED", "detail": "v4l2-ctl hangs", "remedy": "plug it in again"}
        self.assertEqual(
            self.refused("get_camera_capabilities", {"device": "usb-1", "refresh": True}), (-32050, failed)
        )
        self.plug(status=Status.DISCONNECTED)
        code, data = self.refused("get_camera_capabilities", ["usb-1", True])
        self.assertEqual((code, data["reason"]), (-32020, "CAMERA_DISCONNECTED"))


class FormatTests(ApiCase):
    """Setting the mode."""

    def setUp(self) -> None:
        """Plug in a camera."""
        super().setUp()
        self.plug()
        assert self.device.report.mode is not None
        self.before: CurrentMode = self.device.report.mode

    def test_partly(self) -> None:
        """What is left out stays as it is; the answer is what the driver has."""
        mode = self.call("set_camera_format", {"device": "usb-1", "width": 320, "height": 240})
        self.assertEqual((mode["width"], mode["height"], mode["resolution"]), (320, 240, "320x240"))
        self.assertEqual((mode["pixel_format"], mode["fps"]), (self.before.pixel_format, self.before.fps))
        self.plug()
        mode = self.call("set_camera_format", {"device": "usb-1", "fps": 15})
        self.assertEqual((mode["resolution"], mode["fps"]), ("320x240", 15))

    def test_half_a_size(self) -> None:
        """A width without a height is refused and names what is missing, as is the other way round."""
        for given, missing in (("width", "height"), ("height", "width")):
            code, data = self.refused("set_camera_format", {"device": "usb-1", given: 320})
            self.assertEqual((code, data["param"], data["rule"]), (-32602, missing, "missing"))
        self.assertEqual(self.device.report.mode, self.before)

    def test_format(self) -> None:
        """A pixel format that the camera lacks is refused with those that it has."""
        code, data = self.refused("set_camera_format", {"device": "usb-1", "pixel_format": "NOPE"})
        self.assertEqual((code, data["param"], data["rule"]), (-32602, "pixel_format", "choice"))
        self.assertIn(self.before.pixel_format, data["hint"])

    def test_bounds(self) -> None:
        """Sizes and rates that no camera has do not reach it."""
        for wrong in (
            {"width": 0, "height": 1},
            {"width": 65536, "height": 1},
            {"fps": 0},
            {"fps": 1001},
            {"fps": None},
        ):
            self.assertEqual(self.refused("set_camera_format", {"device": "usb-1", **wrong})[0], -32602, wrong)

    def test_busy(self) -> None:
        """While another program streams, the state is DEVICE_BUSY and names the holder as far as it can be seen."""
        self.device.busy = True
        answer = self.refused("set_camera_format", {"device": "usb-1", "fps": 15})
        self.assertEqual(answer, (-32020, {"reason": "DEVICE_BUSY", "holder": None}))

    def test_unplugged(self) -> None:
        """A camera that is gone cannot be set."""
        self.plug(status=Status.DISCONNECTED)
        code, data = self.refused("set_camera_format", {"device": "usb-1", "fps": 15})
        self.assertEqual((code, data), (-32020, {"reason": "CAMERA_DISCONNECTED", "camera_id": "usb-1"}))


class AliasTests(ApiCase):
    """Naming a camera."""

    def test_name(self) -> None:
        """The name works at once, replaces the one before, and is on the disk when the answer comes."""
        self.plug()
        self.assertEqual(self.call("set_camera_alias", ["usb-1", "door"])["alias"], "door")
        self.assertIn(b'"door"', self.memory.path.read_bytes())
        self.assertEqual(self.call("set_camera_alias", ["door", "porch"])["alias"], "porch")
        self.assertEqual(self.refused("get_camera_status", ["door"])[0], -32010)
        self.assertIsNone(self.call("set_camera_alias", ["porch", ""])["alias"])
        self.assertEqual(self.refused("get_camera_status", ["porch"])[0], -32010)

    def test_refused(self) -> None:
        """A name that looks like a device, or belongs to another camera, is refused by rule."""
        self.plug()
        for name, rule in (("video0", "pattern"), ("/dev/video0", "pattern"), ("gate", "taken")):
            code, data = self.refused("set_camera_alias", ["usb-1", name])
            self.assertEqual((code, data["param"], data["rule"]), (-32602, "name", rule), name)


class DiagnosisTests(ApiCase):
    """Why does it not work."""

    def test_camera(self) -> None:
        """A camera is checked from the outside in; a program that is missing comes with what to type."""
        self.plug()
        self.inventory.plug(0)
        answer = self.start("diagnose_camera", ["usb-1"])
        self.v4l2ctl.answer("/dev/video0", HD)
        checks = {check["check"]: check for check in self.successResultOf(answer)["checks"]}
        expected = ["node", "permission", "holder", "node_type", "formats", "usb", "v4l2-ctl", "ffmpeg"]
        self.assertEqual(list(checks), expected)
        self.assertEqual((checks["v4l2-ctl"]["ok"], checks["ffmpeg"]["ok"]), (True, False))
        self.assertEqual(checks["ffmpeg"]["remedy"], "apt-get install ffmpeg")

    def test_node_that_is_no_camera(self) -> None:
        """A node that is not listed can be asked about by its path: the metadata node says what it is."""
        self.inventory.plug(1)
        answer = self.start("diagnose_camera", ["/dev/video1"])
        self.v4l2ctl.answer("/dev/video1", METADATA)
        said = self.successResultOf(answer)
        self.assertIn(("node_type", False), [(check["check"], check["ok"]) for check in said["checks"]])
        self.assertEqual((said["device"], said["camera_id"]), ("/dev/video1", None))

    def test_nothing_there(self) -> None:
        """A path without a node says so with a remedy; a name that is neither is not found."""
        said = self.call("diagnose_camera", ["video7"])
        self.assertEqual((said["device"], said["camera_id"]), ("/dev/video7", None))
        self.assertEqual((said["checks"][0]["check"], said["checks"][0]["ok"]), ("node", False))
        missing = said["checks"][-1]
        self.assertEqual((missing["check"], missing["remedy"]), ("ffmpeg", "apt-get install ffmpeg"))
        self.assertEqual(self.refused("diagnose_camera", ["nobody"])[0], -32010)

    def test_pattern(self) -> None:
        """The test pattern has no node, which is no fault."""
        Patterns((config.Source(id="demo", kind="test_pattern"),), self.registry).startService()
        checks = self.call("diagnose_camera", ["demo"])["checks"]
        self.assertEqual((checks[0]["check"], checks[0]["ok"]), ("node", True))
