"""What v4l2-ctl printed is read rightly, and anything else is read as far as it goes."""

from __future__ import annotations

import time

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import CAPTURES, REPORTS, capture, report
from webcam_rpc.cameras import v4l2
from webcam_rpc.cameras.models import CurrentMode, Mode, NodeReport, Range, SizeRange
from webcam_rpc.cameras.v4l2 import Failure


class ReportTests(SynchronousTestCase):
    """One run of --all --list-formats-ext."""

    def test_webcam(self) -> None:
        """The report of a webcam says what it is, what it is set to and what it offers."""
        found = report("uvc-hd")
        self.assertEqual((found.driver, found.card, found.bus_info), ("uvcvideo", "Testbed Camera", "usb-vhci_hcd.0-1"))
        self.assertEqual(found.serial, "")
        self.assertEqual(found.device_caps, {"Video Capture", "Streaming", "Extended Pix Format"})
        self.assertEqual(found.mode, CurrentMode("MJPG", 640, 480, 30))
        self.assertEqual(
            [(mode.pixel_format, mode.width, mode.height, mode.fps) for mode in found.modes],
            [
                ("MJPG", 640, 480, (30, 25, 20, 15, 10, 5)),
                ("MJPG", 320, 240, (30, 25, 20, 15, 10, 5)),
                ("MJPG", 1280, 720, (30, 25, 20, 15, 10, 5)),
                ("MJPG", 1920, 1080, (30, 25, 20, 15, 10, 5)),
                ("YUYV", 640, 480, (30, 15, 5)),
                ("YUYV", 320, 240, (30, 15, 5)),
            ],
        )
        self.assertEqual(len(found.controls), 15)
        self.assertTrue(found.captures)
        self.assertFalse(found.infrared)

    def test_metadata_node(self) -> None:
        """A metadata node lists Video Capture among the device's capabilities, and still captures no video."""
        for name in ("uvc-hd-metadata", "uvc-ir-metadata", "uvc-ir-grey-metadata", "vivid-metadata"):
            found = report(name)
            self.assertIn("Metadata Capture", found.device_caps, name)
            self.assertNotIn("Video Capture", found.device_caps, name)
            self.assertEqual((found.captures, found.mode, found.modes), (False, None, ()), name)

    def test_infrared_sensor(self) -> None:
        """Of a camera with an infrared sensor, one capture node is infrared and the other is not."""
        self.assertEqual([report(name).infrared for name in ("uvc-ir-color", "uvc-ir-grey")], [False, True])

    def test_names_with_punctuation(self) -> None:
        """A card's name is all that follows the first colon, and the serial is that of the media device."""
        self.assertEqual((report("uvc-serial").card, report("uvc-serial").serial), ('Cam: "A"', "SN0001"))
        self.assertEqual(report("uvc-ir-color").card, "Integrated Camera: Integrated I")

    def test_continuous_rates(self) -> None:
        """A range of intervals is a range of rates, slowest first."""
        rates = [mode.fps for mode in report("uvc-continuous").modes]
        self.assertEqual(rates, [Range(5, 30, 0), Range(5, 30, 0), Range(1, 30, 0)])

    def test_grabber(self) -> None:
        """A grabber lists its formats with ranges of sizes and no rates."""
        found = report("vivid-hdmi")
        self.assertEqual(len(found.modes), 83)
        self.assertEqual(found.modes[0], Mode("YUYV", SizeRange(16, 16384, 2), SizeRange(16, 8640, 2), ()))
        self.assertEqual(found.mode, CurrentMode("YUYV", 720, 576, 25))
        self.assertTrue(found.captures)

    def test_many_formats(self) -> None:
        """Broken rates and formats with blanks and marks in their names come through from the longest listing."""
        found = report("vivid-webcam")
        names = {mode.pixel_format for mode in found.modes}
        self.assertLessEqual({"Y10 ", "Y16 ", "Y16 -BE", "AR15-BE"}, names)
        self.assertEqual(len(names), 83)
        self.assertEqual(found.modes[0], Mode("YUYV", 320, 180, (1, 2, 4, 5, 10, 12.5, 15, 25, 30, 40, 50, 60)))
        self.assertEqual(found.mode, CurrentMode("YUYV", 640, 360, 5))

    def test_whole_rates_are_integers(self) -> None:
        """A whole rate is an integer, so that clients read 30 and not 30.0."""
        found = report("vivid-webcam")
        rates = [rate for mode in found.modes if not isinstance(mode.fps, Range) for rate in mode.fps]
        self.assertEqual({type(rate) for rate in rates if rate == int(rate)}, {int})
        self.assertIs(type(report("uvc-hd").mode and report("uvc-hd").mode.fps), int)  # type: ignore[union-attr]

    def test_multiplanar(self) -> None:
        """A device of the multi-planar API is a camera as well, and tells its format under another heading."""
        found = report("vivid-multiplanar-hdmi")
        self.assertIn("Video Capture Multiplanar", found.device_caps)
        self.assertEqual(found.mode, CurrentMode("YUYV", 720, 576, None))
        self.assertTrue(found.captures)
        planar = capture("vivid-multiplanar-hdmi").replace(
            "\nUser Controls",
            "Streaming Parameters Video Capture Multiplanar:\n\tFrames per second: 25.000 (25/1)\n",
            1,
        )
        self.assertEqual(v4l2.parse_report(planar).mode, CurrentMode("YUYV", 720, 576, 25))

    def test_while_another_streams(self) -> None:
        """A stream of another program takes nothing from the report."""
        found = report("busy-report")
        self.assertEqual((found.modes, found.controls), (report("uvc-hd").modes, report("uvc-hd").controls))

    def test_mute_camera(self) -> None:
        """A camera that answers no control request has no controls and all its formats."""
        found = report("mute-report")
        self.assertEqual((found.controls, found.modes), ((), report("uvc-hd").modes))

    def test_unplugged_during_the_run(self) -> None:
        """What was printed before the unplugging is read; there are no formats in it, so it captures nothing."""
        found = report("gone-midway")
        self.assertEqual((found.card, found.mode, found.captures), ("Testbed Camera 0", None, False))
        self.assertIn("Video Capture", found.device_caps)

    def test_driver_without_device_caps(self) -> None:
        """Where a driver tells no device caps, its capabilities are those of the node."""
        text = capture("uvc-hd")
        start, end = text.index("\tDevice Caps"), text.index("Media Driver Info")
        self.assertIn("Metadata Capture", v4l2.parse_report(text[:start] + text[end:]).device_caps)

    def test_empty_device_caps(self) -> None:
        """Device caps that are there and empty are not replaced."""
        text = "Driver Info:\n\tCapabilities     : 0x85200001\n\t\tVideo Capture\n\tDevice Caps      : 0x00000000\n"
        self.assertEqual(v4l2.parse_report(text).device_caps, frozenset())

    def test_no_format_set(self) -> None:
        """A node without a format has no mode: width 0, no characters, or no such section."""
        text = capture("uvc-hd")
        for old, new in (("640/480", "0/0"), ("'MJPG' (Motion-JPEG)\n", "''\n"), ("Format Video Capture:", "Other:")):
            self.assertIsNone(v4l2.parse_report(text.replace(old, new, 1)).mode, new)

    def test_output_format_is_not_the_mode(self) -> None:
        """The format of a node's output side is not what it captures."""
        text = capture("uvc-hd").replace("Format Video Capture:", "Format Video Output:")
        self.assertIsNone(v4l2.parse_report(text).mode)

    def test_mode_of_what_captures_nothing(self) -> None:
        """A codec has a format on its capture side, and captures no video all the same."""
        codec = capture("uvc-hd").replace("\t\tVideo Capture\n", "\t\tVideo Memory-to-Memory\n")
        self.assertEqual((v4l2.parse_report(codec).mode, v4l2.parse_report(codec).captures), (None, False))

    def test_fields_told_twice(self) -> None:
        """The first word counts: what a name with a line break in it adds below comes too late."""
        text = capture("uvc-hd").replace("Testbed Camera\n", "x\n\tDriver name      : y\n", 1)
        self.assertEqual((v4l2.parse_report(text).driver, v4l2.parse_report(text).card), ("uvcvideo", "x"))

    def test_rates(self) -> None:
        """A rate is whole, rounded to 3 digits, or not there."""
        for printed, rate in (
            ("29.970 (30000/1001)", 29.97),
            ("23.976 (24000/1001)", 23.976),
            ("25.000 (25000/1000)", 25),
            ("invalid (0/0)", None),
            ("0.000 (0/1)", None),
            ("-nan (0/0)", None),
            ("inf (1/0)", None),
        ):
            found = v4l2.parse_report(capture("uvc-hd").replace("30.000 (30/1)", printed, 1)).mode
            assert found is not None
            self.assertEqual(found.fps, rate, printed)

    def test_old_heading(self) -> None:
        """Versions that can be told to use libv4l2 say in the heading whether they did."""
        text = capture("uvc-hd").replace("Driver Info:", "Driver Info (not using libv4l2):", 1)
        self.assertEqual(v4l2.parse_report(text), report("uvc-hd"))

    def test_line_ends(self) -> None:
        """A report that came through a terminal, whose lines end in CR LF, is the same report."""
        self.assertEqual(v4l2.parse_report(capture("uvc-hd").replace("\n", "\r\n")), report("uvc-hd"))

    def test_names_are_cleaned(self) -> None:
        """A device cannot put control characters, directions of writing or broken Unicode into its name."""
        text = capture("uvc-hd").replace("Testbed Camera", "A\x1b[31m\x00\x0b\x85B\u2028\u202eC\udcff\x1c", 1)
        self.assertEqual(v4l2.parse_report(text).card, "A[31mBC")

    def test_no_report(self) -> None:
        """What is no report at all is refused, whatever else it is."""
        others = [path.stem for path in CAPTURES.glob("*.txt") if path.stem not in REPORTS]
        self.assertGreater(len(others), 10)
        for text in ["", "\n", "Driver Inf", "\tDriver Info:\n", *(capture(name) for name in others)]:
            with self.assertRaises(v4l2.ParseError):
                v4l2.parse_report(text)
        self.assertTrue(issubclass(v4l2.ParseError, ValueError))


class FailureTests(SynchronousTestCase):
    """Why a run failed."""

    def test_captures(self) -> None:
        """What v4l2-ctl printed tells why, whatever the status: it exits 0 on EBUSY, too."""
        for name, status, expected in (
            ("no-permission", 1, Failure.PERMISSION),
            ("no-node", 1, Failure.GONE),
            ("no-driver", 1, Failure.NOT_V4L2),
            ("not-v4l2-file", 1, Failure.NOT_V4L2),
            ("not-v4l2-null", 1, Failure.NOT_V4L2),
            ("not-v4l2-media", 1, Failure.NOT_V4L2),
            ("busy-set-fmt", 255, Failure.BUSY),
            ("busy-set-fmt-parm", 255, Failure.BUSY),
            ("busy-set-parm", 255, Failure.BUSY),
            ("busy-set-rate-passes", 255, Failure.BUSY),
            ("busy-stream", 0, Failure.BUSY),
            ("set-unknown", 1, Failure.UNKNOWN),
            ("set-format-unknown", 0, Failure.UNKNOWN),
            ("mute-set", 255, Failure.UNKNOWN),
            ("gone-midway-set", 1, Failure.UNKNOWN),
        ):
            out, err = capture(f"{name}.stdout"), capture(f"{name}.stderr")
            self.assertIs(v4l2.failure(out, err, status), expected, name)
            if expected is not Failure.UNKNOWN:
                self.assertEqual({v4l2.failure(out, err, other) for other in (0, 1, 255, None)}, {expected}, name)

    def test_inactive_control(self) -> None:
        """EACCES from a control's ioctl means an inactive or read-only control, not that the node may not be opened."""
        for name in ("set-inactive", "set-inactive-camera-class"):
            out, err = capture(f"{name}.stdout"), capture(f"{name}.stderr")
            self.assertIn("Permission denied", out + err)
            self.assertIs(v4l2.failure(out, err, 255), Failure.UNKNOWN, name)

    def test_unplugged(self) -> None:
        """Whatever an unplugged device says besides, it is gone."""
        for out, err in (
            ("", "Failed to open /dev/video0: No such device\n"),
            ("", "Failed to open /dev/video0: No such device or address\n"),
            ("", "Failed to open /dev/video0: No such file or directory\n"),
            ("VIDIOC_QUERYCAP: failed: No such device\n", "/dev/video0: not a v4l2 node\n"),
            ("VIDIOC_S_EXT_CTRLS: failed: No such device\n", "Error setting controls: No such device\n"),
        ):
            self.assertIs(v4l2.failure(out, err, 1), Failure.GONE, err)

    def test_opening(self) -> None:
        """Opening is refused by the mode, by the control group of the unit, or by the device."""
        for words, expected in (
            ("Permission denied", Failure.PERMISSION),
            ("Operation not permitted", Failure.PERMISSION),
            ("Device or resource busy", Failure.BUSY),
            ("Too many open files", Failure.UNKNOWN),
        ):
            self.assertIs(v4l2.failure("", f"Failed to open /dev/video0: {words}\n", 1), expected, words)

    def test_not_v4l2(self) -> None:
        """A device that answers QUERYCAP with ENOTTY is none of ours."""
        told = ("VIDIOC_QUERYCAP: failed: Inappropriate ioctl for device\n", "/dev/video0: not a v4l2 node\n")
        self.assertIs(v4l2.failure(*told, 1), Failure.NOT_V4L2)

    def test_quiet(self) -> None:
        """No complaint and status 0 is no failure; no complaint and another status, or none, is one."""
        self.assertIsNone(v4l2.failure("", "", 0))
        self.assertIsNone(v4l2.failure("Frame rate set to 15.000 fps\n", "", 0))
        self.assertIs(v4l2.failure("", "", 255), Failure.UNKNOWN)
        self.assertIs(v4l2.failure("", "", None), Failure.UNKNOWN)

    def test_names_are_not_complaints(self) -> None:
        """A camera that is called like a complaint is not taken for one."""
        text = capture("uvc-hd").replace("Testbed Camera", "Failed to open x: Permission denied")
        self.assertIsNone(v4l2.failure(text, "", 0))


class CommandTests(SynchronousTestCase):
    """The command lines."""

    def test_reading(self) -> None:
        """Reading is one run of v4l2-ctl on the node."""
        self.assertEqual(
            v4l2.probe_argv("/dev/video2"), ["v4l2-ctl", "-d", "/dev/video2", "--all", "--list-formats-ext"]
        )

    def test_setting_controls(self) -> None:
        """Each control is an argument of its own, in the order given; booleans are numbers."""
        argv = v4l2.set_controls_argv("/dev/video0", {"b": True, "a": -3, "text": "x = 'y'", "none": False})
        self.assertEqual(
            argv,
            [
                "v4l2-ctl",
                "-d",
                "/dev/video0",
                "--set-ctrl=b=1",
                "--set-ctrl=a=-3",
                "--set-ctrl=text=x = 'y'",
                "--set-ctrl=none=0",
            ],
        )

    def test_what_cannot_be_set(self) -> None:
        """A value that would set another control, and a name that is none, are refused before anything runs."""
        for name, value in (
            ("text", "a,brightness=99"),
            ("text", "a\0b"),
            ("a=1,b", 2),
            ("", 1),
            ("a b", 1),
            ("a\n", 1),
        ):
            with self.assertRaises(ValueError):
                v4l2.set_controls_argv("/dev/video0", {name: value})
        with self.assertRaises(ValueError):
            v4l2.set_controls_argv("/dev/video0", {})

    def test_setting_the_format(self) -> None:
        """Format, size and rate go in one run; the rate only where there is one."""
        argv = v4l2.set_format_argv("/dev/video0", "Y16 ", 320, 240, None)
        self.assertEqual(argv[1:], ["-d", "/dev/video0", "--set-fmt-video=width=320,height=240,pixelformat=Y16 "])
        self.assertEqual(v4l2.set_format_argv("/dev/video0", "MJPG", 320, 240, 29.97)[-1], "--set-parm=29.97")
        self.assertEqual(v4l2.set_format_argv("/dev/video0", "Y16 -BE", 320, 240, 15)[-1], "--set-parm=15")

    def test_what_is_no_format(self) -> None:
        """A format that is not four characters, or that would begin another setting, is refused."""
        for name in ("", "Y16", "MJPEG", "a,b=", "MJPG\n", "\u00e4bcd"):
            with self.assertRaises(ValueError):
                v4l2.set_format_argv("/dev/video0", name, 320, 240, 30)


_LINES = {name: capture(name).split("\n")[:300] for name in REPORTS}
_BROKEN = st.text(alphabet=st.characters(), max_size=40)


@st.composite
def mutilated(draw: st.DrawFn) -> str:
    """Make a capture in which lines are missing, doubled, cut, swapped or garbled."""
    lines = list(_LINES[draw(st.sampled_from(REPORTS))])
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(lines) - 1))
        what = draw(st.sampled_from(("delete", "double", "cut", "swap", "garble", "insert")))
        if what == "delete" and len(lines) > 1:
            del lines[at]
        elif what == "double":
            lines.insert(at, lines[at])
        elif what == "cut":
            lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
        elif what == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif what == "garble":
            place = draw(st.integers(0, len(lines[at])))
            lines[at] = lines[at][:place] + draw(_BROKEN) + lines[at][place + draw(st.integers(0, 8)) :]
        else:
            lines.insert(at, draw(_BROKEN))
    text = "\n".join(lines)
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


_THOROUGH = settings(
    max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


class RobustnessTests(SynchronousTestCase):
    """Text that no v4l2-ctl printed."""

    def check(self, text: str) -> None:
        """Demand a report that can be sent as JSON, or ParseError."""
        try:
            found = v4l2.parse_report(text)
        except v4l2.ParseError:
            self.assertNotIn("\nDriver Info:\n", text)
            return
        self.assertEqual(msgspec.json.decode(msgspec.json.encode(found), type=NodeReport), found)
        for mode in found.modes:
            self.assertIn(len(mode.pixel_format), (4, 7))

    @_THOROUGH
    @given(mutilated())
    def test_mutilated_captures(self, text: str) -> None:
        """A report with broken lines is read as far as it goes."""
        self.check(text)

    @_THOROUGH
    @given(st.text(max_size=300), st.sampled_from(("", "Driver Info:\n", "Driver Info:\nioctl: VIDIOC_ENUM_FMT\n")))
    def test_any_text(self, text: str, head: str) -> None:
        """So is any text."""
        self.check(head + text)
        v4l2.failure(text, head, None)

    def test_linear_time(self) -> None:
        """No text takes more time than its length warrants: each of these has made a careless pattern quadratic."""
        size = 1 << 16
        listing = "ioctl: VIDIOC_ENUM_FMT\n\t[0]: 'MJPG'\n\t\tSize: Discrete 1x1\n\t\t\tInterval: "
        for head, unit in (
            ("", "\n"),
            ("", " "),
            ("", "\t"),
            ("", "a "),
            ("", " :"),
            ("", "a" + " " * 1000),
            ("a 0x00980900 (int)", " "),
            ("a 0x00980900 (int) :", " min=1"),
            ("a 0x00980900 (int) :", " flags=a"),
            ("a 0x00980900 (str) : value='", "\\x"),
            ("a 0x00980900 (menu) :\n", "\t1: b\n"),
            (listing, "("),
            (listing, "(1.0-1.0 fp"),
            (listing, "1"),
            ("Failed to open ", ": "),
            ("", "Failed to open x: y\n"),
        ):
            text = "Driver Info:\n" + head + unit * (size // len(unit))
            began = time.process_time()
            v4l2.parse_report(text)
            v4l2.failure(text, text, 1)
            self.assertLess(time.process_time() - began, 5.0, repr(head + unit))

    def test_as_much_as_a_run_may_print(self) -> None:
        """4 MiB, where a run is ended, are no trouble."""
        line = "\t\tSize: Discrete 1x1 garbage and more garbage, in a line of usual length\n"
        text = "Driver Info:\n" + line * ((4 << 20) // len(line))
        began = time.process_time()
        self.assertEqual(v4l2.parse_report(text).modes, ())
        self.assertLess(time.process_time() - began, 20.0)
