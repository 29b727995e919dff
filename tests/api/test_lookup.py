"""From what a client calls a camera to the camera, and troubles to errors."""

from __future__ import annotations

from tests.api.case import ApiCase
from webcam_rpc.api.lookup import camera_of, find_camera, present_camera, troubles_told
from webcam_rpc.cameras.device import DeviceTrouble
from webcam_rpc.cameras.models import Status, Trouble
from webcam_rpc.rpc.errors import DependencyFailed, InvalidParams, InvalidState, NotFound


class LookupTests(ApiCase):
    """Finding a camera."""

    def test_order(self) -> None:
        """An id counts before a path, a number and an alias."""
        self.plug("usb-gate", "/dev/video0")
        self.plug("video0", "/dev/video4")
        self.assertEqual(camera_of(self.registry, "video0").device, "/dev/video4")
        self.assertEqual(camera_of(self.registry, "camera0").device, "/dev/video0")
        self.assertEqual(camera_of(self.registry, "gate").device, "/dev/video0")

    def test_link(self) -> None:
        """A link leads to its node's camera."""
        self.plug("usb-1", "/dev/video3")
        self.inventory.links["/dev/v4l/by-path/x"] = "/dev/video3"
        self.assertEqual(camera_of(self.registry, "/dev/v4l/by-path/x").camera_id, "usb-1")

    def test_unknown(self) -> None:
        """Nothing by that name: NotFound, or None where that is an answer."""
        self.assertRaises(NotFound, camera_of, self.registry, "x")
        self.assertIsNone(find_camera(self.registry, "x", or_none=True))

    def test_ambiguous(self) -> None:
        """An ambiguous link is the fault of the parameter that carried it, even where None would be an answer."""
        for number in (0, 2):
            self.plug(f"usb-{number}", f"/dev/video{number}", vendor_id="1", product_id="2")
        self.inventory.links["/dev/v4l/by-id/x"] = "/dev/video0"
        error = self.assertRaises(
            InvalidParams, find_camera, self.registry, "/dev/v4l/by-id/x", "filters.device", or_none=True
        )
        assert error.data is not None
        self.assertEqual((error.data["param"], error.data["rule"]), ("filters.device", "ambiguous"))

    def test_present(self) -> None:
        """Something can be done with a camera in error, not with one that is gone."""
        self.plug(status=Status.ERROR, reason="x")
        self.assertEqual(present_camera(self.registry, "usb-1").status, Status.ERROR)
        self.plug(status=Status.DISCONNECTED)
        error = self.assertRaises(InvalidState, present_camera, self.registry, "usb-1")
        self.assertEqual(error.data, {"reason": "CAMERA_DISCONNECTED", "camera_id": "usb-1"})

    def test_troubles(self) -> None:
        """A trouble becomes a failed dependency with all that is known; other exceptions pass."""

        def fail(error: Exception) -> None:
            with troubles_told():
                raise error

        trouble = DeviceTrouble(Trouble("V4L2_FAILED", "hangs", "unplug", lasting=True))
        error = self.assertRaises(DependencyFailed, fail, trouble)
        self.assertEqual(error.data, {"reason": "V4L2_FAILED", "detail": "hangs", "remedy": "unplug"})
        self.assertRaises(KeyError, fail, KeyError())
