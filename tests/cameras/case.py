"""What the tests of the cameras share: cameras made of captures, and a monitor on fakes and a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import capture, report
from webcam_rpc import config
from webcam_rpc.bus import Bus
from webcam_rpc.cameras.identity import Identities
from webcam_rpc.cameras.inventory import Facts
from webcam_rpc.cameras.models import Camera, CameraStatusChanged, Status
from webcam_rpc.cameras.monitor import CameraMonitor
from webcam_rpc.cameras.registry import CameraRegistry
from webcam_rpc.cameras.udev import UdevMonitor
from webcam_rpc.testing import FakeInventory, FakeV4L2Ctl

if TYPE_CHECKING:
    from twisted.logger import ILogObserver, LogEvent

    from webcam_rpc.bus import Stamped

if TYPE_CHECKING:
    Contract = SynchronousTestCase
else:
    #: The base of tests that several parts share: no TestCase by itself, so that no runner runs it by itself.
    Contract = object

HD = capture("uvc-hd")
METADATA = capture("uvc-hd-metadata")


def usb(port: str, index: int = 0, serial: str = "", *, captures: bool | None = None) -> Facts:
    """Give the facts of a node of the webcam at ``port``."""
    return Facts(
        function=f"/sys/devices/pci0000:00/usb1/{port}/{port}:1.0",
        index=index,
        name="Webcam: Webcam",
        vendor_id="0bda",
        product_id="5634",
        serial=serial,
        usb_path=port,
        usb_speed=480.0,
        captures=captures,
    )


def a_camera(camera_id: str = "usb-1", device: str = "/dev/video0", **more: Any) -> Camera:
    """Give a connected camera."""
    known: dict[str, Any] = {"name": "Webcam", "status": Status.CONNECTED, "report": report("uvc-hd"), **more}
    return Camera(camera_id=camera_id, device=device, **known)


def make_bus() -> Bus:
    """Make a bus whose clock stands still."""
    return Bus("epoch", lambda: "2025-07-30T10:00:00Z")


def no_udev() -> Any:
    """Stand for a machine without udev."""
    raise OSError("no udev here")


class LogCase(SynchronousTestCase):
    """A test that may look at what was logged."""

    def setUp(self) -> None:
        """Collect what is logged."""
        self.logged: list[LogEvent] = []
        observer = cast("ILogObserver", self.logged.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def lines(self, level: LogLevel = LogLevel.info) -> list[str]:
        """Give the lines of ``level``, and forget them."""
        found = [
            event["log_format"].format(**event)
            for event in self.logged
            if event.get("log_level") is level and event.get("log_namespace", "").startswith("webcam_rpc")
        ]
        self.logged.clear()
        return found


class MonitorCase(LogCase):
    """A monitor on a machine of fakes, at time zero and not yet started."""

    def setUp(self) -> None:
        """Build the machine."""
        super().setUp()
        self.clock = Clock()
        self.inventory = FakeInventory()
        self.v4l2ctl = FakeV4L2Ctl()
        self.bus = make_bus()
        self.published: list[Stamped] = []
        self.bus.subscribe(self.published.append)
        self.registry = CameraRegistry(
            self.bus, self.inventory.resolve_link, "/dev", lambda _: None, self.inventory.node
        )
        self.remembered = 0
        self.monitor = self.make_monitor(config.Cameras())
        self.addCleanup(self.end)

    def make_monitor(self, settings: config.Cameras) -> CameraMonitor:
        """Make a monitor of the machine."""

        def remember() -> None:
            self.remembered += 1

        return CameraMonitor(
            self.clock,
            settings,
            self.inventory,
            self.v4l2ctl,
            self.registry,
            Identities(),
            lambda announced: UdevMonitor(MemoryReactor(), announced, no_udev),
            remember,
        )

    def end(self) -> None:
        """Stop the monitor; nothing of it may be left on the clock."""
        if self.monitor.running:
            self.successResultOf(self.monitor.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.v4l2ctl.running, ())

    def start(self, **settings: Any) -> None:
        """Start the monitor, with settings that differ from the default."""
        if settings:
            self.monitor = self.make_monitor(msgspec.convert(settings, config.Cameras))
        self.monitor.startService()

    def tick(self, seconds: float = 0.1) -> None:
        """Let time pass, tick by tick."""
        for _ in range(round(seconds / 0.1)):
            self.clock.advance(0.1)

    def news(self) -> list[tuple[str, str, str]]:
        """Give device, status and mode of what clients were told since the last time."""
        told = []
        for stamped in self.published:
            assert isinstance(stamped.event, CameraStatusChanged)
            camera = stamped.event.camera
            mode = camera.report.mode if camera.report is not None else None
            text = f"{mode.resolution}@{mode.fps}" if mode is not None else ""
            told.append((camera.device.removeprefix("/dev/"), camera.status.value, text))
        self.published.clear()
        return told

    def probing(self) -> list[str]:
        """Give the names of the devices whose probe is in flight."""
        return [run.device.removeprefix("/dev/") for run in self.v4l2ctl.running]

    def only(self) -> Camera:
        """Give the one camera that is present."""
        (camera,) = self.registry.present()
        return camera
