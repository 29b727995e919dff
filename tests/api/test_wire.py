"""The shapes that clients read."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import REPORTS, report
from tests.cameras.case import a_camera
from webcam_rpc.api.wire import Capabilities, camera_info, camera_status_update, capabilities, mode_in_force
from webcam_rpc.cameras.models import Camera, CurrentMode, Mode, Range, SizeRange, Status

RATES = Mode("MJPG", 640, 480, (30, 7.5))


def able(*modes: Mode) -> Capabilities:
    """Give the capabilities of a camera with these modes."""
    return capabilities(a_camera(report=msgspec.structs.replace(report("uvc-hd"), modes=modes)))


class CapabilitiesTests(SynchronousTestCase):
    """What people choose from, made of the exact modes."""

    def test_choices(self) -> None:
        """Each format, size and rate once; sizes from small to large, rates whole where they are."""
        shown = able(RATES, Mode("YUYV", 320, 240, (15.0, 30)), Mode("YUYV", 640, 480, ()))
        self.assertEqual(shown.formats, ("MJPG", "YUYV"))
        self.assertEqual(shown.resolutions, ("320x240", "640x480"))
        self.assertEqual(msgspec.json.encode(shown.fps_options), b"[7.5,15,30]")

    def test_ranges(self) -> None:
        """A range of sizes is in the modes only; a range of rates gives its ends."""
        wide = SizeRange(16, 1920, 8)
        shown = able(Mode("YUYV", wide, SizeRange(16, 1080, 8), Range(1.0, 60.0, 0.0)))
        self.assertEqual((shown.resolutions, shown.fps_options), ((), (1, 60)))
        encoded = msgspec.to_builtins(shown.modes[0])
        self.assertEqual(encoded["width"], {"min": 16, "max": 1920, "step": 8})

    def test_validation(self) -> None:
        """Confirmed once the camera told, provisional while it may yet, none where it could not be asked."""
        for status, told, expected in (
            (Status.CONNECTED, report("uvc-hd"), "confirmed"),
            (Status.CONNECTED, None, "provisional"),
            (Status.ERROR, None, "none"),
        ):
            self.assertEqual(capabilities(a_camera(status=status, report=told)).validation_status, expected)

    def test_every_capture(self) -> None:
        """What real devices reported can be shown and read back."""
        for name in REPORTS:
            shown = capabilities(a_camera(report=report(name)))
            self.assertEqual(msgspec.json.decode(msgspec.json.encode(shown), type=Capabilities), shown, name)


class CameraTests(SynchronousTestCase):
    """A camera, and the news of it."""

    def test_mode(self) -> None:
        """The mode in force is that of a camera which is CONNECTED and has told it."""
        connected = a_camera()
        self.assertIsNotNone(mode_in_force(connected))
        for status in (Status.ERROR, Status.DISCONNECTED):
            self.assertIsNone(mode_in_force(a_camera(status=status)))
            info = camera_info(a_camera(status=status), None)
            self.assertEqual((info.resolution, info.fps), (None, None))
        self.assertIsNone(mode_in_force(a_camera(report=None)))

    def test_no_rate(self) -> None:
        """A driver that tells no rate: the resolution is there, fps is left out of the news and null in the list."""
        mode = CurrentMode("MJPG", 640, 480, None)
        camera = a_camera(report=msgspec.structs.replace(report("uvc-hd"), mode=mode))
        news = self.news(camera)
        self.assertEqual(news["resolution"], "640x480")
        self.assertNotIn("fps", news)
        self.assertIsNone(camera_info(camera, None).fps)

    def test_initial(self) -> None:
        """Only a state on connect says that it is one."""
        self.assertIs(self.news(a_camera(), initial=True)["initial"], True)  # noqa: FBT003 - true, not merely truthy
        self.assertNotIn("initial", self.news(a_camera()))

    def news(self, camera: Camera, *, initial: bool = False) -> dict[str, object]:
        """Give the params of the notification, as JSON has them."""
        update = camera_status_update(camera, seq=1, epoch="e", timestamp="t", initial=initial)
        shown: dict[str, object] = msgspec.json.decode(msgspec.json.encode(update))
        return shown
