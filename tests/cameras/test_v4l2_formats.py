"""The listing of formats is read rightly."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import capture, report
from webcam_rpc.cameras import v4l2
from webcam_rpc.cameras.models import Mode, Range, SizeRange


def modes(*lines: str) -> tuple[Mode, ...]:
    """Parse a listing of formats made of these lines."""
    return v4l2.parse_formats("\n".join(("ioctl: VIDIOC_ENUM_FMT", "\tType: Video Capture", "", *lines)))


class FormatTests(SynchronousTestCase):
    """The listing of formats."""

    def test_alone(self) -> None:
        """The listing alone gives the modes that the report gives."""
        self.assertEqual(v4l2.parse_formats(capture("sample-uvc-capture-list-formats-ext")), report("uvc-hd").modes)

    def test_ranges_of_sizes(self) -> None:
        """Sizes are ranges with the step that is printed, or with step 1 where they are continuous."""
        found = modes(
            "\t[0]: 'YUYV' (YUYV 4:2:2)",
            "\t\tSize: Continuous 32x16 - 4096x2048",
            "\t\tSize: Stepwise 48x32 - 4096x2160 with step 16/8",
        )
        self.assertEqual(found[0], Mode("YUYV", SizeRange(32, 4096, 1), SizeRange(16, 2048, 1), ()))
        self.assertEqual(found[1], Mode("YUYV", SizeRange(48, 4096, 16), SizeRange(32, 2160, 8), ()))

    def test_continuous_intervals(self) -> None:
        """A continuous interval is printed without a step, and is a range as a stepwise one is."""
        found = modes(
            "\t[0]: 'GREY' (8-bit Greyscale)",
            "\t\tSize: Discrete 640x480",
            "\t\t\tInterval: Continuous 0.017s - 0.133s (7.500-59.940 fps)",
        )
        self.assertEqual(found, (Mode("GREY", 640, 480, Range(7.5, 59.94, 0)),))

    def test_no_sizes(self) -> None:
        """A format whose sizes the driver does not enumerate is listed with the size that is set now."""
        text = "ioctl: VIDIOC_ENUM_FMT\n\t[0]: 'YUYV' (YUYV 4:2:2)\n\t[1]: 'NV12' (Y/UV 4:2:0)\n"
        full = capture("uvc-hd")
        found = v4l2.parse_report(full[: full.index("ioctl:")] + text)
        self.assertEqual(found.modes, (Mode("YUYV", 640, 480, ()), Mode("NV12", 640, 480, ())))
        self.assertTrue(found.captures)
        self.assertEqual(v4l2.parse_formats(text)[0], Mode("YUYV", 0, 0, ()))

    def test_unreadable_lines(self) -> None:
        """What stands below a format or a size that cannot be read is not given to the one before it."""
        found = modes(
            "\t[0]: 'MJPG' (Motion-JPEG, compressed)",
            "\t\tSize: Discrete 640x480",
            "\t\t\tInterval: Discrete 0.033s (30.000 fps)",
            "\t\t\tInterval: Unknown ",
            "\t\t\tInterval: Discrete 0.000s (inf fps)",
            "\t\t\tInterval: Discrete inf (0.000 fps)",
            "\t\tSize: Unknown ",
            "\t\t\tInterval: Discrete 0.067s (15.000 fps)",
            "\t[1]: '' (Bayer)",
            "\t\t\tInterval: Discrete 0.100s (10.000 fps)",
            "\t\tSize: Discrete 1x1",
            "\t\t\tInterval: Discrete 0.100s (10.000 fps)",
        )
        self.assertEqual(found, (Mode("MJPG", 640, 480, (30,)),))
        found = modes("\t[0]: 'MJPG'", "\t\tSize: Discrete 1x1", "\t[1]: ''", "\t\t\tInterval: Discrete 1s (1.000 fps)")
        self.assertEqual(found, (Mode("MJPG", 1, 1, ()),))

    def test_old_layout(self) -> None:
        """Versions up to 1.16 spread a format over four lines."""
        found = modes(
            "\tIndex       : 0",
            "\tType        : Video Capture",
            "\tPixel Format: 'MJPG' (compressed)",
            "\tName        : Motion-JPEG",
            "\t\tSize: Discrete 1280x720",
            "\t\t\tInterval: Discrete 0.133s (7.500 fps)",
        )
        self.assertEqual(found, (Mode("MJPG", 1280, 720, (7.5,)),))
