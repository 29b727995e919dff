"""What is plugged is announced, once, as what it is; and nothing else is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from twisted.logger import LogLevel

from tests.cameras.captures import capture
from tests.cameras.case import HD, METADATA, MonitorCase, usb
from webcam_rpc.cameras.inventory import Facts
from webcam_rpc.cameras.models import NodeReport
from webcam_rpc.testing import FakeV4L2Ctl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.probe import Output

CONNECTED = ("video0", "CONNECTED", "640x480@30")
DISCONNECTED = ("video0", "DISCONNECTED", "640x480@30")


class PromptV4L2Ctl(FakeV4L2Ctl):
    """Answers each run before it gives it back, as a synchronous runner of threads would."""

    def run(self, device: str, argv: Sequence[str], timeout: float) -> Deferred[Output]:
        """Answer at once."""
        result = super().run(device, argv, timeout)
        self.answer(device, METADATA if int(device[-1]) % 2 else HD)
        return result


class PlugTests(MonitorCase):
    """One webcam, with its two nodes."""

    def test_plugged(self) -> None:
        """It is probed at the next tick, and announced as soon as the probe is over."""
        self.start()
        self.inventory.plug(0, usb("1-1", serial="SN1"))
        self.assertEqual(self.v4l2ctl.runs, [])
        self.tick()
        (run,) = self.v4l2ctl.runs
        self.assertEqual(run.argv, ("v4l2-ctl", "-d", "/dev/video0", "--all", "--list-formats-ext"))
        self.assertEqual(run.timeout, 12.0)
        self.assertEqual(self.news(), [])
        self.v4l2ctl.answer("/dev/video0", HD)
        self.assertEqual(self.news(), [CONNECTED])
        self.assertEqual((self.only().camera_id, self.only().name), ("usb-0bda-5634-sn1", "Testbed Camera"))
        self.assertEqual(self.remembered, 1)
        self.assertIn("Camera connected: /dev/video0 - 640x480 @ 30fps", self.lines())
        self.tick(5)
        self.assertEqual((self.news(), len(self.v4l2ctl.runs)), ([], 1))

    def test_there_at_the_start(self) -> None:
        """What is there at the start is looked at without waiting for a tick."""
        self.inventory.plug(0, usb("1-1"))
        self.start()
        self.v4l2ctl.answer("/dev/video0", HD)
        self.assertEqual(self.news(), [CONNECTED])
        self.assertIn("Initial camera status: /dev/video0 - CONNECTED", self.lines())

    def test_unplugged(self) -> None:
        """It is gone at the next tick; that is no error."""
        self.inventory.plug(0, usb("1-1"))
        self.start()
        self.v4l2ctl.answer("/dev/video0", HD)
        self.inventory.unplug(0)
        self.tick()
        self.assertEqual(self.news(), [CONNECTED, DISCONNECTED])
        self.assertEqual(self.registry.present(), [])
        self.assertIn("Camera disconnected: /dev/video0", self.lines())
        self.assertEqual(self.lines(LogLevel.error), [])

    def test_udev_makes_it_sooner(self) -> None:
        """Whoever has a reason to look need not wait for the tick."""
        self.start()
        self.inventory.plug(0, usb("1-1"))
        self.monitor.look()
        self.assertEqual(self.probing(), ["video0"])
        self.assertFalse(self.monitor.hears_udev)

    def test_metadata_node(self) -> None:
        """The metadata node is not even probed when the camera is known first, and never announced."""
        self.inventory.plug(0, usb("1-1", 0))
        self.inventory.plug(1, usb("1-1", 1))
        self.start()
        self.assertEqual(self.probing(), ["video0"])
        self.v4l2ctl.answer("/dev/video0", HD)
        self.tick(5)
        self.assertEqual((self.news(), len(self.v4l2ctl.runs)), ([CONNECTED], 1))
        self.inventory.unplug(0)
        self.tick()
        self.v4l2ctl.answer("/dev/video1", METADATA)
        self.inventory.unplug(1)
        self.tick()
        self.assertEqual(self.news(), [DISCONNECTED])

    def test_metadata_node_first(self) -> None:
        """Where the metadata node appears and is probed first, it is still not announced."""
        self.start()
        self.inventory.plug(1, usb("1-1", 1))
        self.tick()
        self.inventory.plug(0, usb("1-1", 0))
        self.tick()
        self.assertEqual(self.probing(), ["video1", "video0"])
        self.v4l2ctl.answer("/dev/video1", METADATA)
        self.assertEqual(self.news(), [])
        self.v4l2ctl.answer("/dev/video0", HD)
        self.assertEqual(self.news(), [CONNECTED])

    def test_second_probe_returns_first(self) -> None:
        """Of two nodes that capture the first is the camera, even when the answer for the second comes first."""
        self.start()
        self.inventory.plug(2, usb("1-1", 2, captures=False))
        self.tick()
        self.inventory.plug(0, usb("1-1", 0))
        self.tick()
        self.v4l2ctl.answer("/dev/video2", HD)
        self.assertEqual(self.news(), [], "the first may yet be it")
        self.v4l2ctl.answer("/dev/video0", HD)
        self.tick(5)
        self.assertEqual(self.news(), [CONNECTED])

    def test_probes_that_answer_at_once(self) -> None:
        """Where a run is over when it is asked for, the camera is announced once and the metadata node left alone."""
        self.v4l2ctl = PromptV4L2Ctl()
        for number in (0, 1):
            self.inventory.plug(number, usb("1-1", number))
        self.start(poll_interval=0.1)
        self.tick(5)
        self.assertEqual((self.news(), len(self.v4l2ctl.runs)), ([CONNECTED], 1))

    def test_other_devices(self) -> None:
        """Grabbers' outputs and nodes without formats are no cameras; a platform camera is one."""
        self.inventory.plug(0, Facts(function="/sys/devices/platform/vivid.0", index=0))
        self.inventory.plug(1, Facts(function="/sys/devices/platform/vivid.0", index=1))
        self.start()
        self.v4l2ctl.answer("/dev/video0", capture("vivid-metadata"))
        self.v4l2ctl.answer("/dev/video1", capture("vivid-webcam"))
        self.assertEqual(self.news(), [("video1", "CONNECTED", "640x360@5")])
        self.assertEqual(self.only().camera_id, "platform-vivid-0-index1")

    def test_two_alike(self) -> None:
        """Two with one serial are two cameras, and the one that stays keeps its id when the other goes."""
        self.inventory.plug(0, usb("1-1", serial="S"))
        self.start()
        self.v4l2ctl.answer("/dev/video0", HD)
        self.inventory.plug(2, usb("1-2", serial="S"))
        self.tick()
        self.v4l2ctl.answer("/dev/video2", HD)
        self.assertEqual(
            [camera.camera_id for camera in self.registry.present()], ["usb-0bda-5634-s", "usb-0bda-5634-at-1-2"]
        )
        self.inventory.unplug(0)
        self.tick()
        self.assertEqual(self.only().camera_id, "usb-0bda-5634-at-1-2")

    def test_moved(self) -> None:
        """On another number and port it is the same camera."""
        self.inventory.plug(0, usb("1-1", serial="S"))
        self.start()
        self.v4l2ctl.answer("/dev/video0", HD)
        self.inventory.unplug(0)
        self.inventory.plug(7, usb("2-1", serial="S"))
        self.tick()
        self.v4l2ctl.answer("/dev/video7", HD)
        self.assertEqual([status for _, status, _ in self.news()], ["CONNECTED", "DISCONNECTED", "CONNECTED"])
        self.assertEqual((self.only().camera_id, self.only().device), ("usb-0bda-5634-s", "/dev/video7"))
        self.assertEqual(len(self.registry.all()), 1)

    def test_number_reused_within_a_tick(self) -> None:
        """Another camera in the same place between two looks: the first is gone, the second is there."""
        self.inventory.plug(0, usb("1-1", serial="A"))
        self.start()
        self.v4l2ctl.answer("/dev/video0", HD)
        self.inventory.plug(0, usb("1-1", serial="B"))
        self.tick()
        self.assertEqual(self.news(), [CONNECTED, DISCONNECTED])
        self.v4l2ctl.answer("/dev/video0", capture("uvc-yuyv"))
        self.assertEqual(self.news(), [("video0", "CONNECTED", "640x480@30")])
        self.assertEqual(self.only().camera_id, "usb-0bda-5634-b")

    def test_another_mode(self) -> None:
        """What a later run found, another mode, is announced; what it found of a node that is gone is not."""
        self.inventory.plug(0, usb("1-1"))
        self.start()
        self.v4l2ctl.answer("/dev/video0", HD)
        known = self.only().report
        assert isinstance(known, NodeReport)
        assert known.mode is not None
        other = msgspec.structs.replace(known, mode=msgspec.structs.replace(known.mode, fps=15))
        self.monitor.updated("/dev/video0", other)
        self.assertEqual(self.news(), [CONNECTED, ("video0", "CONNECTED", "640x480@15")])
        self.inventory.unplug(0)
        self.tick()
        self.news()
        self.monitor.updated("/dev/video0", known)
        self.assertEqual(self.news(), [])


class InfraredTests(MonitorCase):
    """A laptop's camera with an infrared sensor has four nodes."""

    def plug(self) -> None:
        """Plug it in."""
        for number in range(4):
            self.inventory.plug(number, usb("1-1", number))

    def answer(self) -> None:
        """Answer each probe, the last first, with what the node is."""
        names = ("uvc-ir-color", "uvc-ir-metadata", "uvc-ir-grey", "uvc-ir-grey-metadata")
        while self.v4l2ctl.running:
            device = self.v4l2ctl.running[-1].device
            self.v4l2ctl.answer(device, capture(names[int(device[-1])]))

    def test_without_the_option(self) -> None:
        """The colour sensor is the camera, and nothing else is looked at."""
        self.plug()
        self.start()
        self.answer()
        self.tick(5)
        self.assertEqual(self.news(), [CONNECTED])
        self.assertEqual(len(self.v4l2ctl.runs), 1)

    def test_with_the_option(self) -> None:
        """The infrared sensor is a camera too, by an id of its own."""
        self.plug()
        self.start(infrared=True)
        self.answer()
        self.tick(5)
        self.assertEqual([device for device, _, _ in self.news()], ["video0", "video2"])
        self.assertEqual(
            [camera.camera_id for camera in self.registry.present()],
            ["usb-0bda-5634-at-1-1", "usb-0bda-5634-at-1-1-ir"],
        )

    def test_alone(self) -> None:
        """An infrared sensor alone is no camera unless it is asked for."""
        for infrared in (False, True):
            self.inventory.plug(2, usb("1-1", 0))
            self.start(infrared=infrared)
            self.answer()
            self.assertEqual(len(self.registry.present()), int(infrared))
            self.monitor.stopService()


class StopTests(MonitorCase):
    """Start and stop."""

    def test_twice(self) -> None:
        """What is there at the second start has the id that it had, and what went meanwhile is gone."""
        self.inventory.plug(0, usb("1-1", serial="S"))
        self.inventory.plug(2, usb("1-2"))
        self.start()
        for device in ("/dev/video0", "/dev/video2"):
            self.v4l2ctl.answer(device, HD)
        self.successResultOf(self.monitor.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.registry.present()), 2)
        self.inventory.unplug(2)
        self.start()
        self.v4l2ctl.answer("/dev/video0", HD)
        self.assertEqual(self.only().camera_id, "usb-0bda-5634-s")

    def test_with_probes_in_flight(self) -> None:
        """The stop cancels probes, retries and waiting news; nothing comes after it."""
        for number in range(4):
            self.inventory.plug(number, usb(f"1-{number + 1}"), accessible=number != 2)
        self.start()
        self.v4l2ctl.answer("/dev/video1", "")
        self.successResultOf(self.monitor.stopService())
        self.assertEqual((self.clock.getDelayedCalls(), self.v4l2ctl.running), ([], ()))
        self.inventory.unplug(3)
        self.tick(40)
        self.assertEqual(self.news(), [])
