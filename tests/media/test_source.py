"""The mode that is captured, each choice with its reason, and the command that captures it."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import REPORTS, report
from tests.cameras.case import a_camera
from webcam_rpc.cameras.models import PATTERN_DRIVER, CurrentMode, Mode, NodeReport, Range, SizeRange, Trouble
from webcam_rpc.media.source import Limits, argv, choose, qscale

USUAL = Limits(1280, 720, 30)


def offering(*modes: tuple[str, int, int, Any]) -> NodeReport:
    """Give the report of a camera with these modes."""
    return msgspec.structs.replace(report("uvc-hd"), modes=tuple(Mode(*mode) for mode in modes))


class ChooseTests(SynchronousTestCase):
    """Nothing is asked for: the best within the limits."""

    def chosen(self, of: NodeReport, limits: Limits = USUAL) -> tuple[str, int, int, Any]:
        """Give what is chosen."""
        mode = choose(of, limits)
        assert isinstance(mode, CurrentMode), mode
        return mode.pixel_format, mode.width, mode.height, mode.fps

    def test_real(self) -> None:
        """What is chosen of real cameras."""
        for name, best in (
            # JPEGs cost nothing to copy; 1920x1080 goes over the limits.
            ("uvc-hd", ("MJPG", 1280, 720, 30)),
            ("uvc-ir-color", ("MJPG", 1280, 720, 30)),
            # It is set to YUYV at 5 frames a second, which is of no importance; 60 go over the limits.
            ("uvc-many", ("MJPG", 1280, 720, 30)),
            ("uvc-mjpeg", ("MJPG", 640, 480, 30)),
            # Any rate up to 30.
            ("uvc-continuous", ("MJPG", 640, 480, 30)),
            # There is nothing but raw pictures.
            ("uvc-yuyv", ("YUYV", 640, 480, 30)),
            ("uvc-ir-grey", ("GREY", 640, 480, 30)),
            # 1280x720 would be 12.5 frames a second: too few for its size to be worth more.
            ("vivid-webcam", ("YUYV", 640, 480, 25)),
            # Any size; no rates are told.
            ("vivid-hdmi", ("YUYV", 1280, 720, None)),
        ):
            self.assertEqual(self.chosen(report(name)), best, name)

    def test_all_captures(self) -> None:
        """Of every camera that was ever seen something is chosen within the limits that a command can be made for."""
        for name in REPORTS:
            known = report(name)
            mode = choose(known, USUAL)
            self.assertEqual(isinstance(mode, CurrentMode), known.captures, name)
            if isinstance(mode, CurrentMode):
                self.assertTrue(mode.width <= 1280 and mode.height <= 720 and (mode.fps or 0) <= 30, (name, mode))
                self.assertIn("-video_size", argv(a_camera(), mode, 85))

    def test_limits(self) -> None:
        """Size and rate each have their limit."""
        self.assertEqual(self.chosen(report("uvc-hd"), Limits(1920, 1080, 10)), ("MJPG", 1920, 1080, 10))
        self.assertEqual(self.chosen(report("uvc-hd"), Limits(1279, 1080, 30)), ("MJPG", 640, 480, 30))
        self.assertEqual(self.chosen(report("uvc-continuous"), Limits(320, 240, 12.5)), ("MJPG", 320, 240, 12.5))

    def test_smooth_before_big(self) -> None:
        """A bigger picture is worth more, unless it stutters; where all stutter the bigger one is taken."""
        big, small = ("MJPG", 1280, 720), ("MJPG", 640, 480)
        self.assertEqual(self.chosen(offering((*small, (30,)), (*big, (15,)))), (*big, 15))
        self.assertEqual(self.chosen(offering((*small, (30,)), (*big, (14,)))), (*small, 30))
        self.assertEqual(self.chosen(offering((*small, (10,)), (*big, (5,)))), (*big, 5))

    def test_copied_before_big(self) -> None:
        """What need not be encoded is taken before a bigger picture."""
        self.assertEqual(self.chosen(offering(("YUYV", 1280, 720, (30,)), ("MJPG", 640, 480, (30,))))[0], "MJPG")

    def test_all_too_big(self) -> None:
        """A camera whose smallest picture goes over the limits gives that one, copied and smooth if it can be."""
        of = offering(
            ("YUYV", 1920, 1080, (5,)),
            ("MJPG", 1920, 1080, (30, 15)),
            ("YUYV", 3840, 2160, (1,)),
            ("MJPG", 3840, 2160, (30,)),
        )
        self.assertEqual(self.chosen(of), ("MJPG", 1920, 1080, 30))

    def test_all_too_fast(self) -> None:
        """A camera whose slowest rate goes over the limits gives that one."""
        self.assertEqual(self.chosen(offering(("MJPG", 640, 480, (120, 60)))), ("MJPG", 640, 480, 60))
        self.assertEqual(self.chosen(offering(("MJPG", 640, 480, Range(50, 90, 0)))), ("MJPG", 640, 480, 50))

    def test_ranges(self) -> None:
        """Of a range of sizes the biggest within the limits that is a step of it; the smallest where none is."""
        for sizes, limits, size in (
            ((SizeRange(48, 4000, 32), SizeRange(32, 3000, 16)), USUAL, (1264, 720)),
            ((SizeRange(48, 640, 32), SizeRange(32, 400, 16)), USUAL, (624, 400)),
            ((SizeRange(48, 4000, 0), SizeRange(32, 3000, 0)), Limits(333, 222, 30), (333, 222)),
            ((SizeRange(2000, 4000, 8), SizeRange(1500, 3000, 8)), USUAL, (2000, 1500)),
        ):
            mode = choose(
                msgspec.structs.replace(report("uvc-hd"), modes=(Mode("MJPG", sizes[0], sizes[1], (30,)),)), limits
            )
            assert isinstance(mode, CurrentMode)
            self.assertEqual((mode.width, mode.height), size)

    def test_nothing_to_capture(self) -> None:
        """Formats that nobody can decode are named; sizes of nothing are none."""
        trouble = choose(offering(("HEVC", 640, 480, (30,)), ("Z16 ", 640, 480, (30,)), ("MJPG", 0, 0, ())), USUAL)
        assert isinstance(trouble, Trouble)
        self.assertEqual(trouble.code, "V4L2_FAILED")
        self.assertIn("only HEVC, MJPG, Z16 ", trouble.detail)
        trouble = choose(report("uvc-hd-metadata"), USUAL)
        assert isinstance(trouble, Trouble)
        self.assertIn("only none", trouble.detail)


class AskedTests(SynchronousTestCase):
    """A mode is asked for: that one or none, whatever the limits."""

    def test_written(self) -> None:
        """In each way of writing it; what is left out is chosen."""
        for name, asked, mode in (
            ("uvc-hd", "MJPG 1920x1080@30", CurrentMode("MJPG", 1920, 1080, 30)),
            ("uvc-hd", "YUYV 320x240@5", CurrentMode("YUYV", 320, 240, 5)),
            ("uvc-hd", "320x240@15", CurrentMode("MJPG", 320, 240, 15)),
            ("uvc-hd", "YUYV 640x480", CurrentMode("YUYV", 640, 480, 30)),
            ("uvc-hd", "640x480", CurrentMode("MJPG", 640, 480, 30)),
            ("uvc-many", "640x480", CurrentMode("MJPG", 640, 480, 60)),
            ("uvc-many", "640x480@60", CurrentMode("MJPG", 640, 480, 60)),
            ("uvc-continuous", "640x480@17.5", CurrentMode("MJPG", 640, 480, 17.5)),
            ("uvc-continuous", "320x240@2", CurrentMode("YUYV", 320, 240, 2)),
            ("vivid-webcam", "YUYV 1280x720@12.5", CurrentMode("YUYV", 1280, 720, 12.5)),
            ("vivid-hdmi", "UYVY 4096x2160", CurrentMode("UYVY", 4096, 2160, None)),
            ("vivid-hdmi", "NV12 4096x2160@24", CurrentMode("NV12", 4096, 2160, None)),
        ):
            self.assertEqual(choose(report(name), USUAL, asked), mode, asked)

    def test_rate_as_it_is_told(self) -> None:
        """A rate of 30000/1001 is meant by 29.97."""
        of = offering(("MJPG", 640, 480, (30, 29.97003)))
        self.assertEqual(choose(of, USUAL, "640x480@29.97"), CurrentMode("MJPG", 640, 480, 29.97003))

    def test_not_there(self) -> None:
        """A mode that is not there is not replaced by another: what there is is told."""
        for name, asked in (
            ("uvc-hd", "MJPG 641x480"),
            ("uvc-hd", "YUYV 1280x720"),
            ("uvc-hd", "640x480@29"),
            ("uvc-hd", "H264 640x480"),
            ("uvc-continuous", "640x480@31"),
            ("vivid-hdmi", "YUYV 641x480"),
            ("vivid-hdmi", "YUYV 16386x480"),
        ):
            trouble = choose(report(name), USUAL, asked)
            assert isinstance(trouble, Trouble), asked
            self.assertEqual((trouble.code, trouble.lasting), ("V4L2_FAILED", True))
            self.assertIn(f"no mode {asked} ", trouble.detail)
            self.assertIn("see get_camera_capabilities", trouble.remedy)
        trouble = choose(report("uvc-hd"), USUAL, "641x480")
        assert isinstance(trouble, Trouble)
        self.assertIn("MJPG 1280x720@30", trouble.remedy)
        self.assertLess(len(trouble.remedy), 300, "a line of text, not a list of 500")

    def test_in_force(self) -> None:
        """What the driver was set to is taken, listed or not, as long as ffmpeg knows its format."""
        listed = CurrentMode("YUYV", 320, 240, 5)
        self.assertEqual(choose(report("uvc-hd"), USUAL, listed), listed)
        unlisted = CurrentMode("YUYV", 352, 288, 5)
        self.assertEqual(choose(report("uvc-hd"), USUAL, unlisted), unlisted)
        trouble = choose(report("uvc-hd"), USUAL, CurrentMode("HEVC", 640, 480, 30))
        assert isinstance(trouble, Trouble)
        self.assertIn("no mode HEVC 640x480@30 that can be captured", trouble.detail)


class ArgvTests(SynchronousTestCase):
    """The commands."""

    def command(self, mode: CurrentMode, **camera: Any) -> str:
        """Give one as a line."""
        return " ".join(argv(a_camera(**camera), mode, 85))

    def test_copied(self) -> None:
        """JPEGs are copied and never encoded; a frame is not waited for to learn from it."""
        line = self.command(CurrentMode("MJPG", 1280, 720, 30))
        self.assertTrue(line.startswith("ffmpeg -hide_banner -nostdin "), line)
        options = "-f v4l2 -input_format mjpeg -video_size 1280x720 -framerate 30 -i /dev/video0 -c:v copy "
        self.assertIn(options, line)
        self.assertTrue(line.endswith(" -flush_packets 1 -f mpjpeg pipe:1"), line)
        self.assertIn("-analyzeduration 0 -probesize 32 ", line)
        self.assertNotIn("-q:v", line)

    def test_encoded(self) -> None:
        """Raw pictures are encoded, in the configured quality, with the standard tables."""
        for pixel_format, name in (("YUYV", "yuyv422"), ("GREY", "gray"), ("NV12", "nv12"), ("Y16 ", "gray16le")):
            line = self.command(CurrentMode(pixel_format, 640, 480, 15))
            self.assertIn(f"-input_format {name} -video_size 640x480 -framerate 15 -i /dev/video0 ", line)
            self.assertIn("-c:v mjpeg -q:v 6 -huffman default -pix_fmt yuvj420p", line)
            self.assertNotIn("copy", line)

    def test_rates(self) -> None:
        """A rate is written as it is; where the driver tells none, none is asked for."""
        self.assertIn("-framerate 12.5 ", self.command(CurrentMode("YUYV", 640, 480, 12.5)))
        self.assertIn("-framerate 29.97 ", self.command(CurrentMode("YUYV", 640, 480, 29.97003)))
        self.assertNotIn("-framerate", self.command(CurrentMode("YUYV", 640, 480, None)))

    def test_pattern(self) -> None:
        """The test pattern is drawn as fast as a camera would be, and no device is opened."""
        line = self.command(CurrentMode("MJPG", 320, 240, 10), driver=PATTERN_DRIVER, device="/dev/video-demo")
        self.assertIn("-re -f lavfi -i testsrc2=size=320x240:rate=10 -c:v mjpeg ", line)
        self.assertNotIn("/dev/", line)

    def test_quality(self) -> None:
        """Qualities of 1 to 100 are those of the encoder, 31 to 2, and more is never worse."""
        scale = [qscale(quality) for quality in range(1, 101)]
        self.assertEqual((scale[0], scale[-1]), (31, 2))
        self.assertEqual(scale, sorted(scale, reverse=True))
