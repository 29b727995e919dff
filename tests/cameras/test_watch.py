"""What a node is, and which node of a function is the camera, is judged by what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import capture, report
from tests.cameras.case import usb
from webcam_rpc.cameras.inventory import Node
from webcam_rpc.cameras.models import NodeReport, Status, Trouble
from webcam_rpc.cameras.probe import Outcome, Output
from webcam_rpc.cameras.watch import Watch, choose, claim, describe, in_order, judge, permission

if TYPE_CHECKING:
    from webcam_rpc.cameras.inventory import Facts

DEVICE = "/dev/video0"


def trouble(output: Output) -> Trouble:
    """Judge what must be trouble."""
    verdict = judge(output, DEVICE)
    assert isinstance(verdict, Trouble), verdict
    return verdict


def said(name: str, status: int = 1) -> Output:
    """Give the output of a run that was captured."""
    return Output(Outcome.DONE, capture(f"{name}.stdout"), capture(f"{name}.stderr"), status)


class JudgeTests(SynchronousTestCase):
    """The verdict on one run."""

    def test_report(self) -> None:
        """A report is a report, whatever the exit status says."""
        for status in (0, 1, None):
            verdict = judge(Output(Outcome.DONE, capture("uvc-hd"), "noise", status), DEVICE)
            self.assertEqual(verdict, report("uvc-hd"))

    def test_gone_midway(self) -> None:
        """Half a report of a node that went away is none, and does not pass for a metadata node's."""
        found = trouble(Output(Outcome.DONE, capture("gone-midway")))
        self.assertIn("went away", found.detail)
        self.assertFalse(found.lasting)
        self.assertIsInstance(judge(Output(Outcome.DONE, capture("uvc-hd-metadata")), DEVICE), NodeReport)

    def test_did_not_end(self) -> None:
        """A run that did not end is no report, whatever it printed before; all but a stop are told at once."""
        for outcome, words, lasting in (
            (Outcome.TIMEOUT, "does not come to an end on /dev/video0: plug the camera in again", True),
            (Outcome.FLOOD, "prints without end", True),
            (Outcome.MISSING, "No such file: install v4l-utils", True),
            (Outcome.CANCELLED, "was stopped", False),
        ):
            found = trouble(Output(outcome, capture("uvc-hd"), "v4l2-ctl: No such file"))
            self.assertIn(words, found.reason)
            self.assertEqual((found.code, found.lasting), ("V4L2_FAILED", lasting))

    def test_refusals(self) -> None:
        """What the kernel refused is told with what to do about it; all of it may be over in a moment."""
        for name, code, words in (
            ("no-permission", "V4L2_PERMISSION", "group video"),
            ("no-node", "V4L2_FAILED", "plug the camera in again"),
            ("busy-set-fmt", "V4L2_FAILED", "close the program"),
            ("no-driver", "V4L2_FAILED", "it said: Unable to detect"),
            ("not-v4l2-null", "V4L2_FAILED", "it said: Unable to detect what device /dev/null is, exiting."),
        ):
            found = trouble(said(name))
            self.assertEqual((found.code, found.lasting), (code, False), name)
            self.assertIn(words, found.reason, name)

    def test_nonsense(self) -> None:
        """What cannot be understood is quoted in one line, cut; silence is called so."""
        found = trouble(Output(Outcome.DONE, "a\n" * 500))
        self.assertTrue(found.detail.endswith("it said: " + ("a " * 100).strip() + " "), found.detail)
        self.assertIn("it said: nothing", trouble(Output(Outcome.DONE)).detail)

    def test_mute(self) -> None:
        """A camera without controls that took its time answers no requests; a quick one has none."""
        text = capture("mute-report")
        self.assertIn("does not answer", trouble(Output(Outcome.DONE, text, seconds=10.0)).reason)
        self.assertIsInstance(judge(Output(Outcome.DONE, text, seconds=0.3), DEVICE), NodeReport)
        self.assertIsInstance(judge(Output(Outcome.DONE, capture("uvc-hd"), seconds=10.0), DEVICE), NodeReport)
        self.assertIsInstance(judge(Output(Outcome.DONE, capture("uvc-hd-metadata"), seconds=10.0), DEVICE), NodeReport)


def watch(number: int, facts: Facts | None, name: str | None = None, **state: Any) -> Watch:
    """Give a node that is known by the capture of this name, or not known."""
    node = Node(f"/dev/video{number}", number, number, accessible=True)
    known = report(name) if name is not None else None
    return Watch(node, facts, 0.0, initial=False, report=known, **state)


class ChooseTests(SynchronousTestCase):
    """Which node of a function is the camera."""

    def test_first_that_captures(self) -> None:
        """By the driver's order, not by the number and not by who was probed first."""
        metadata = watch(0, usb("1-1", 1), "uvc-hd-metadata")
        camera = watch(1, usb("1-1", 0), "uvc-hd")
        later = watch(2, usb("1-1", 2), "uvc-mjpeg")
        self.assertIs(choose([later, metadata, camera]), camera)
        self.assertEqual(in_order([later, metadata, camera]), [camera, metadata, later])

    def test_none(self) -> None:
        """Nodes that capture nothing, and infrared sensors, are no cameras."""
        self.assertIsNone(choose([watch(0, usb("1-1"), "uvc-hd-metadata"), watch(1, usb("1-1", 1), "uvc-ir-grey")]))
        self.assertIsNone(choose([]))

    def test_waits_for_an_earlier_one(self) -> None:
        """While an earlier node may be the camera, a later one is not; one that udev rules out is not waited for."""
        later = watch(1, usb("1-1", 1), "uvc-hd")
        self.assertIsNone(choose([watch(0, usb("1-1", 0)), later]))
        self.assertIs(choose([watch(0, usb("1-1", 0, captures=False)), later]), later)

    def test_trouble(self) -> None:
        """One that cannot be probed is the camera if it may capture; a metadata node is not spoken of."""
        broken = permission(DEVICE)
        first = watch(0, usb("1-1", 0), trouble=broken)
        self.assertIs(choose([first, watch(1, usb("1-1", 1), trouble=broken)]), first)
        self.assertIsNone(choose([watch(1, usb("1-1", 1), trouble=broken)]))
        self.assertIsNone(choose([watch(0, usb("1-1", 0), "uvc-hd-metadata", trouble=broken)]))
        known = watch(2, usb("1-1", 2), "uvc-hd", trouble=broken)
        self.assertIs(choose([known]), known)

    def test_early(self) -> None:
        """One that udev says captures is the camera before its probe is over."""
        early = watch(0, usb("1-1", 0, captures=True), early=True)
        self.assertIs(choose([early]), early)

    def test_without_facts(self) -> None:
        """Where the system says nothing, a node is a function by itself and may capture."""
        alone = watch(3, None, trouble=permission(DEVICE))
        self.assertEqual((alone.function, alone.index), ("/dev/video3", 0))
        self.assertIs(choose([alone]), alone)


class DescribeTests(SynchronousTestCase):
    """The camera that a node is."""

    def test_probed(self) -> None:
        """Facts come from the system, name and driver from the probe."""
        node = watch(0, usb("1-1", serial="SN1"), "uvc-serial")
        camera = describe(node, "id")
        self.assertEqual((camera.camera_id, camera.device, camera.status), ("id", "/dev/video0", Status.CONNECTED))
        self.assertEqual((camera.vendor_id, camera.product_id, camera.serial), ("0bda", "5634", "SN1"))
        self.assertEqual((camera.name, camera.driver, camera.usb_path), ('Cam: "A"', "uvcvideo", "1-1"))

    def test_trouble(self) -> None:
        """In trouble it has a reason, and the driver's name until there is a better one."""
        camera = describe(watch(0, usb("1-1"), trouble=permission(DEVICE)), "id")
        self.assertEqual((camera.status, camera.name), (Status.ERROR, "Webcam: Webcam"))
        self.assertEqual(camera.reason, permission(DEVICE).reason)
        self.assertIsNone(camera.serial)

    def test_unknown(self) -> None:
        """Of which nothing is known is named by its node."""
        self.assertEqual(describe(watch(4, None), "id").name, "/dev/video4")

    def test_claim(self) -> None:
        """An infrared sensor claims an id of its own, once it is known to be one."""
        self.assertEqual(claim(watch(0, usb("1-1"))).suffix, "")
        self.assertEqual(claim(watch(0, usb("1-1"), "uvc-ir-grey")).suffix, "-ir")
        self.assertEqual(claim(watch(5, None)).by_port, "platform-video5")
