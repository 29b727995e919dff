"""Operations on a camera answer with what the driver made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import capture, report
from tests.cameras.case import Contract, a_camera
from webcam_rpc.cameras.device import Device, DeviceBusy, DeviceGone, DeviceTrouble, V4L2Device
from webcam_rpc.cameras.models import CurrentMode, NodeReport
from webcam_rpc.cameras.probe import Outcome, Output
from webcam_rpc.cameras.watch import permission
from webcam_rpc.testing import FakeDevice, FakeV4L2Ctl

if TYPE_CHECKING:
    from collections.abc import Sequence

CAMERA = a_camera()
WANTED = CurrentMode("MJPG", 320, 240, 15)


def value_of(found: NodeReport, name: str) -> object:
    """Give the value of a control."""
    return next(control.value for control in found.controls if control.name == name)


class ScriptedV4L2Ctl(FakeV4L2Ctl):
    """Answers at once, as v4l2-ctl would for one camera."""

    def __init__(self) -> None:
        super().__init__()
        self.text = capture("uvc-hd")
        #: What every run gives while it is set.
        self.instead: Output | None = None

    def run(self, device: str, argv: Sequence[str], timeout: float) -> Deferred[Output]:
        """Do what is asked."""
        result = super().run(device, argv, timeout)
        if self.instead is not None:
            self.answer(device, self.instead)
            return result
        option = argv[3]
        if option.startswith("--set-ctrl=brightness="):
            self.text = self.text.replace("default=0 value=0", f"default=0 value={option.rpartition('=')[2]}", 1)
        elif option.startswith("--set-fmt-video="):
            self.text = self.text.replace("Width/Height      : 640/480", "Width/Height      : 320/240")
            self.text = self.text.replace("30.000 (30/1)", "15.000 (15/1)", 1)
        self.answer(device, self.text if "--all" in argv else "")
        return result


class DeviceContract(Contract):
    """What callers rely on, of the real device and of the fake one."""

    device: Device

    def be_busy(self) -> None:
        """Let another program stream."""
        raise NotImplementedError

    def be_in_trouble(self) -> None:
        """Let every operation fail for want of permission."""
        raise NotImplementedError

    def test_read(self) -> None:
        """The camera is read."""
        self.assertEqual(self.successResultOf(self.device.read(CAMERA)), report("uvc-hd"))

    def test_write_controls(self) -> None:
        """What was written is what is read."""
        self.assertIsNone(self.successResultOf(self.device.write_controls(CAMERA, {"brightness": 7})))
        found = self.successResultOf(self.device.read(CAMERA))
        self.assertEqual((value_of(found, "brightness"), value_of(found, "contrast")), (7, 32))

    def test_set_mode(self) -> None:
        """The mode that is given back is the one that is in force."""
        found = self.successResultOf(self.device.set_mode(CAMERA, WANTED))
        self.assertEqual(found.mode, WANTED)
        self.assertEqual(self.successResultOf(self.device.read(CAMERA)), found)

    def test_busy(self) -> None:
        """While another program streams, the mode cannot be set."""
        self.be_busy()
        self.failureResultOf(self.device.set_mode(CAMERA, WANTED), DeviceBusy)

    def test_trouble(self) -> None:
        """Reading and setting the mode fail with what is wrong."""
        self.be_in_trouble()
        for result in (self.device.read(CAMERA), self.device.set_mode(CAMERA, WANTED)):
            failure = self.failureResultOf(result, DeviceTrouble)
            self.assertEqual(failure.value.trouble, permission("/dev/video0"))


class FakeDeviceTests(DeviceContract, SynchronousTestCase):
    """The fake one keeps the contract, and its driver has the habits of drivers."""

    def setUp(self) -> None:
        """Make it."""
        self.device = self.fake = FakeDevice(report("uvc-hd"))

    def be_busy(self) -> None:
        """Say so."""
        self.fake.busy = True

    def be_in_trouble(self) -> None:
        """Say so."""
        self.fake.trouble = permission("/dev/video0")

    def test_driver(self) -> None:
        """Values are clamped, a set with a control that is stuck or unknown is dropped whole."""
        self.fake.write_controls(CAMERA, {"brightness": 1000, "contrast": 5})
        self.assertEqual((value_of(self.fake.report, "brightness"), value_of(self.fake.report, "contrast")), (64, 5))
        self.fake.stuck.add("contrast")
        self.fake.write_controls(CAMERA, {"brightness": 1, "contrast": 6})
        self.fake.write_controls(CAMERA, {"brightness": 1, "nosuch": 6})
        self.assertEqual((value_of(self.fake.report, "brightness"), value_of(self.fake.report, "contrast")), (64, 5))


class V4L2DeviceTests(DeviceContract, SynchronousTestCase):
    """The real one keeps the contract, and judges by what came out."""

    def setUp(self) -> None:
        """Make it."""
        self.v4l2ctl = ScriptedV4L2Ctl()
        self.updated: list[tuple[str, NodeReport]] = []
        self.there = True
        self.device = V4L2Device(
            self.v4l2ctl, lambda _: self.there, lambda device, found: self.updated.append((device, found))
        )

    def be_busy(self) -> None:
        """Print what is printed then."""
        self.v4l2ctl.instead = Output(Outcome.DONE, capture("busy-set-fmt.stdout"), status=255)

    def be_in_trouble(self) -> None:
        """Print what is printed then."""
        self.v4l2ctl.instead = Output(Outcome.DONE, "", capture("no-permission.stderr"), 1)

    def test_told(self) -> None:
        """Every report is passed on, with the node that it is of."""
        self.device.read(CAMERA)
        self.device.set_mode(CAMERA, WANTED)
        self.assertEqual([device for device, _ in self.updated], ["/dev/video0"] * 2)
        self.assertEqual(self.updated[1][1].mode, WANTED)

    def test_one_run_each(self) -> None:
        """One run sets, one reads; each within what a call may take."""
        self.device.set_mode(CAMERA, WANTED)
        self.device.write_controls(CAMERA, {"white_balance_automatic": False, "gain": 3})
        first, second, third = self.v4l2ctl.runs
        self.assertIn("--set-parm=15", first.argv)
        self.assertIn("--all", second.argv)
        self.assertEqual(third.argv[3:], ("--set-ctrl=white_balance_automatic=0", "--set-ctrl=gain=3"))
        self.assertLessEqual(sum(run.timeout for run in (first, second)), 15)

    def test_run_that_does_not_end(self) -> None:
        """A run that hangs is trouble for each operation; what was read then is passed on to nobody."""
        self.v4l2ctl.instead = Output(Outcome.TIMEOUT, capture("uvc-hd"))
        for result in (
            self.device.read(CAMERA),
            self.device.write_controls(CAMERA, {"gain": 1}),
            self.device.set_mode(CAMERA, WANTED),
        ):
            self.assertIn("does not come to an end", self.failureResultOf(result, DeviceTrouble).getErrorMessage())
        self.assertEqual(self.updated, [])

    def test_gone_before(self) -> None:
        """Nothing is run for a camera that has lost its node: another may have the number."""
        self.there = False
        for result in (
            self.device.read(CAMERA),
            self.device.write_controls(CAMERA, {"gain": 1}),
            self.device.set_mode(CAMERA, WANTED),
        ):
            self.failureResultOf(result, DeviceGone)
        self.assertEqual(self.v4l2ctl.runs, [])

    def test_gone_meanwhile(self) -> None:
        """What was read while the number changed hands is passed on to nobody."""
        v4l2ctl = FakeV4L2Ctl()
        device = V4L2Device(v4l2ctl, lambda _: self.there, lambda device, found: self.updated.append((device, found)))
        result = device.read(CAMERA)
        self.there = False
        v4l2ctl.answer("/dev/video0", capture("uvc-hd"))
        self.failureResultOf(result, DeviceGone)
        self.assertEqual(self.updated, [])

    def test_refused_quietly(self) -> None:
        """A refusal that the exit status hides shows in what is read: the old mode."""
        device = V4L2Device(RefusingV4L2Ctl(), lambda _: True, lambda *_: None)
        found = self.successResultOf(device.set_mode(CAMERA, WANTED))
        self.assertEqual(found.mode, report("uvc-hd").mode)

    def test_cannot_be_written(self) -> None:
        """What has no place on the command line fails as a Deferred, not as a surprise."""
        self.failureResultOf(self.device.write_controls(CAMERA, {"text": "a,brightness=9"}), ValueError)
        self.assertEqual(self.v4l2ctl.runs, [])


class RefusingV4L2Ctl(FakeV4L2Ctl):
    """Refuses every format and exits with 0, as v4l2-ctl does."""

    def run(self, device: str, argv: Sequence[str], timeout: float) -> Deferred[Output]:
        """Answer at once."""
        result = super().run(device, argv, timeout)
        refused = Output(Outcome.DONE, capture("set-format-unknown.stdout"), capture("set-format-unknown.stderr"), 0)
        self.answer(device, capture("uvc-hd") if "--all" in argv else refused)
        return result


class DeviceTroubleTests(SynchronousTestCase):
    """The error itself."""

    def test_says_what_to_do(self) -> None:
        """Its text is what clients read."""
        failure = self.failureResultOf(fail(DeviceTrouble(permission("/dev/video0"))))
        self.assertIn("group video", failure.getErrorMessage())
