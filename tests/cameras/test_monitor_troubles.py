"""Whatever goes wrong with a camera is told with what to do about it, and ends in the true state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from twisted.logger import LogLevel

from tests.cameras.captures import capture
from tests.cameras.case import HD, METADATA, MonitorCase, usb
from webcam_rpc.cameras.probe import Outcome, Output

if TYPE_CHECKING:
    from webcam_rpc.cameras.inventory import Facts, Node
    from webcam_rpc.cameras.models import NodeReport

DEVICE = "/dev/video0"
CONNECTED = ("video0", "CONNECTED", "640x480@30")
DISCONNECTED = ("video0", "DISCONNECTED", "640x480@30")
ERROR = ("video0", "ERROR", "")
GONE = Output(Outcome.DONE, "", capture("no-driver.stderr"), 1)
REFUSED = Output(Outcome.DONE, "", capture("no-permission.stderr"), 1)


class PermissionTests(MonitorCase):
    """udev sets the permissions a moment after the node appears, or never."""

    def test_late(self) -> None:
        """Until the grace is over nothing is said; when the node may be opened, it is probed."""
        self.start()
        self.inventory.plug(0, usb("1-1"), accessible=False)
        self.tick(1.5)
        self.assertEqual((self.news(), self.v4l2ctl.runs), ([], []))
        self.inventory.permit(0, accessible=True)
        self.tick()
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual(self.news(), [CONNECTED])

    def test_never(self) -> None:
        """After the grace it is in error, once, with the remedy; when somebody grants it, it is connected."""
        self.start()
        self.inventory.plug(0, usb("1-1"), accessible=False)
        self.tick(10)
        self.assertEqual(self.news(), [ERROR])
        self.assertIn(
            "no permission to open /dev/video0: add the service's user to the group", self.only().reason or ""
        )
        (line,) = self.lines(LogLevel.error)
        self.assertIn("Camera in error: /dev/video0 - no permission", line)
        self.inventory.permit(0, accessible=True)
        self.tick()
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual(self.news(), [CONNECTED])
        self.assertIsNone(self.only().reason)

    def test_metadata_node(self) -> None:
        """Of the metadata node's permissions nobody hears."""
        self.inventory.plug(0, usb("1-1", 0), accessible=False)
        self.inventory.plug(1, usb("1-1", 1), accessible=False)
        self.start()
        self.tick(10)
        self.assertEqual(self.news(), [ERROR])

    def test_lost(self) -> None:
        """A camera that may not be opened any more is in error, and well again when it may."""
        self.inventory.plug(0, usb("1-1"))
        self.start()
        self.v4l2ctl.answer(DEVICE, HD)
        self.inventory.permit(0, accessible=False)
        self.tick(3)
        self.assertEqual(self.news(), [CONNECTED, ("video0", "ERROR", "640x480@30")])
        self.inventory.permit(0, accessible=True)
        self.tick()
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual(self.news(), [CONNECTED])

    def test_lost_during_the_probe(self) -> None:
        """The probe's answer does not hide that it may not be opened any more."""
        self.inventory.plug(0, usb("1-1"))
        self.start()
        self.inventory.permit(0, accessible=False)
        self.tick()
        self.v4l2ctl.answer(DEVICE, HD)
        self.tick(3)
        self.assertEqual(self.news(), [CONNECTED, ("video0", "ERROR", "640x480@30")])

    def test_lost_and_given_back_during_the_probe(self) -> None:
        """When the permission is back before a slow probe is over, there was never an error."""
        self.inventory.plug(0, usb("1-1"))
        self.start()
        for accessible in (False, True):
            self.inventory.permit(0, accessible=accessible)
            self.tick(0.5)
        self.tick(8)
        self.assertEqual(self.news(), [])
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual((self.news(), len(self.v4l2ctl.runs)), ([CONNECTED], 1))

    def test_lost_between_two_probes(self) -> None:
        """A camera that failed once and then may not be opened is in error when the grace is over, not silent."""
        self.inventory.plug(0, usb("1-1"))
        self.start()
        self.v4l2ctl.answer(DEVICE, GONE)
        self.inventory.permit(0, accessible=False)
        for _ in range(50):
            self.tick()
            if self.v4l2ctl.running:
                self.v4l2ctl.answer(DEVICE, REFUSED)
        self.assertEqual(self.news(), [ERROR])

    def test_refused_all_the_same(self) -> None:
        """Where the kernel refuses what the mode allows, as for a device cgroup, that ends in the same error."""
        self.inventory.plug(0, usb("1-1"))
        self.start()
        for _ in range(60):
            if self.v4l2ctl.running:
                self.v4l2ctl.answer(DEVICE, REFUSED)
            self.tick()
        self.assertEqual(self.news(), [ERROR])
        self.assertIn("no permission", self.only().reason or "")


class ProbeTests(MonitorCase):
    """Probes that fail, hang, or come too late."""

    def setUp(self) -> None:
        """Plug a camera in."""
        super().setUp()
        self.inventory.plug(0, usb("1-1"))
        self.start()

    def test_unplugged_meanwhile(self) -> None:
        """A camera that goes during its probe was never there for anybody, and the probe is cancelled."""
        self.inventory.unplug(0)
        self.tick()
        self.assertEqual((self.v4l2ctl.running, self.news()), ((), []))

    def test_replaced_meanwhile(self) -> None:
        """The answer of the one that is gone is not taken for the one that has its number."""
        self.inventory.plug(0, usb("1-1", serial="new"))
        self.tick()
        self.assertEqual(self.v4l2ctl.running, (self.v4l2ctl.runs[1],))
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual(self.news(), [CONNECTED])
        self.assertEqual(self.only().camera_id, "usb-0bda-5634-new")

    def test_fails_at_first(self) -> None:
        """What may be over in a moment is tried again before anything is said."""
        self.v4l2ctl.answer(DEVICE, GONE)
        self.tick()
        self.v4l2ctl.answer(DEVICE, Output(Outcome.DONE, capture("gone-midway")))
        self.tick(0.3)
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual(self.news(), [CONNECTED])

    def test_missing(self) -> None:
        """Without v4l2-ctl the camera is in error at once, with what to install; the pauses grow to half a minute."""
        times: list[float] = []
        while len(times) < 8:
            if self.v4l2ctl.running:
                times.append(self.clock.seconds())
                self.v4l2ctl.answer(DEVICE, Output(Outcome.MISSING, stderr="v4l2-ctl: No such file or directory"))
            self.tick()
        for index, pause in enumerate((0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 30.0)):
            self.assertApproximates(times[index + 1] - times[index], pause, 0.15)
        self.assertEqual(self.news(), [ERROR])
        self.assertIn("install v4l-utils", self.only().reason or "")

    def test_hangs_and_recovers(self) -> None:
        """A run that did not end is an error at once; when the camera answers, it is connected and left alone."""
        for _ in range(3):
            self.v4l2ctl.answer(DEVICE, Output(Outcome.TIMEOUT))
            self.tick(1)
        self.assertEqual(self.news(), [ERROR])
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual(self.news(), [CONNECTED])
        self.tick(60)
        self.assertEqual(len(self.v4l2ctl.runs), 4)

    def test_no_camera_after_all(self) -> None:
        """What was in error and turns out to be no camera is gone."""
        self.v4l2ctl.answer(DEVICE, Output(Outcome.TIMEOUT))
        self.tick()
        self.v4l2ctl.answer(DEVICE, METADATA)
        self.assertEqual(self.news(), [ERROR, ("video0", "DISCONNECTED", "")])

    def test_slow(self) -> None:
        """When udev says that it captures, a slow probe does not hold back the news; the mode follows."""
        self.tick()
        self.inventory.udev_says(0, captures=True)
        self.assertEqual(self.news(), [])
        self.tick()
        self.assertEqual(self.news(), [("video0", "CONNECTED", "")])
        self.assertEqual(self.only().name, "Webcam: Webcam")
        self.tick(4)
        self.assertEqual(self.news(), [])
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual(self.news(), [CONNECTED])

    def test_slow_and_unknown(self) -> None:
        """Without udev's word, or by its word a metadata node, nothing is said before the probe is over."""
        self.inventory.plug(2, usb("1-2", captures=False))
        self.tick(4)
        self.assertEqual(self.news(), [])


class IdentityTests(MonitorCase):
    """Ids that are given before all is known."""

    def test_without_sysfs(self) -> None:
        """Where v4l2-ctl alone tells what a camera is, the id that it had before is gone."""
        self.inventory.plug(0, accessible=False)
        self.start()
        self.tick(3)
        self.assertEqual(self.only().camera_id, "platform-video0")
        self.inventory.permit(0, accessible=True)
        self.tick()
        self.v4l2ctl.answer(DEVICE, capture("uvc-serial"))
        self.assertEqual(self.only().camera_id, "usb-0000-0000-sn0001")
        self.assertEqual(self.news(), [ERROR, ("video0", "DISCONNECTED", ""), CONNECTED])
        self.monitor.updated(DEVICE, self.report_without_serial())
        self.assertEqual(self.only().camera_id, "usb-0000-0000-sn0001", "once known, it stays")

    def report_without_serial(self) -> NodeReport:
        """Give the report of the camera as a run that was cut short would."""
        known = self.only().report
        assert known is not None
        return msgspec.structs.replace(known, serial="")

    def test_infrared(self) -> None:
        """An infrared sensor that could not be probed at first has the id of one in the end."""
        self.inventory.plug(0, usb("1-1"))
        self.start(infrared=True)
        self.v4l2ctl.answer(DEVICE, Output(Outcome.TIMEOUT))
        self.tick()
        self.v4l2ctl.answer(DEVICE, capture("uvc-ir-grey"))
        self.assertEqual(self.only().camera_id, "usb-0bda-5634-at-1-1-ir")


class LoopTests(MonitorCase):
    """No look that fails is the last."""

    def test_directory_unreadable(self) -> None:
        """It is said once, cameras stay as they were, and the first look that works goes on."""
        self.inventory.plug(0, usb("1-1"))
        self.start()
        self.v4l2ctl.answer(DEVICE, HD)
        self.inventory.problem = PermissionError(13, "Permission denied")
        self.tick(1)
        self.assertEqual(len(self.lines(LogLevel.error)), 1)
        self.assertIn("Permission denied", self.monitor.problem or "")
        self.assertEqual(self.news(), [CONNECTED])
        self.inventory.problem = None
        self.inventory.unplug(0)
        self.tick()
        self.assertEqual(self.news(), [DISCONNECTED])
        self.assertIsNone(self.monitor.problem)

    def test_defect(self) -> None:
        """A defect anywhere in a look is logged, and the next tick comes."""
        self.start()
        self.inventory.problem = ValueError("a defect in the scan")
        self.tick()
        self.inventory.problem = None
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.inventory.plug(0, usb("1-1"))
        self.tick()
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual(self.news(), [CONNECTED])

    def test_defect_in_the_comparison(self) -> None:
        """The same for what comes after the scan: the node is looked at again."""
        defects = [ValueError("a defect in the facts")]
        facts = self.inventory.facts

        def failing(node: Node) -> Facts | None:
            if defects:
                raise defects.pop()
            return facts(node)

        self.inventory.facts = failing  # type: ignore[method-assign]
        self.inventory.plug(0, usb("1-1"))
        self.start()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.tick()
        self.v4l2ctl.answer(DEVICE, HD)
        self.assertEqual(self.news(), [CONNECTED])
