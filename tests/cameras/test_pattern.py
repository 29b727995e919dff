"""The test-pattern cameras are cameras like the others."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.case import LogCase, a_camera, make_bus
from webcam_rpc.cameras import pattern
from webcam_rpc.cameras.models import CameraStatusChanged, CurrentMode, Mode, Status
from webcam_rpc.cameras.registry import CameraRegistry
from webcam_rpc.config import Source


class PatternCase(SynchronousTestCase):
    """Two sources, one of an unusual size and rate."""

    def setUp(self) -> None:
        """Build the service."""
        self.registry = CameraRegistry(make_bus(), lambda path: path, "/dev", lambda _: None, lambda _: None)
        sources = (
            Source(id="demo", kind="test_pattern"),
            Source(id="odd", kind="test_pattern", name="Odd", width=100, height=50, fps=7),
        )
        self.patterns = pattern.TestPatterns(sources, self.registry)


class PresenceTests(PatternCase, LogCase):
    """They are there when the service runs."""

    def setUp(self) -> None:
        """Collect the log too."""
        LogCase.setUp(self)
        PatternCase.setUp(self)

    def test_present(self) -> None:
        """Each is connected at once, with what it is set to and all that it can."""
        self.patterns.startService()
        demo, odd = self.registry.all()
        self.assertEqual((demo.camera_id, demo.name, demo.status), ("demo", "Test pattern", Status.CONNECTED))
        assert odd.report is not None
        self.assertEqual(odd.report.mode, CurrentMode("MJPG", 100, 50, 7))
        self.assertIn(Mode("MJPG", 100, 50, (30, 25, 20, 15, 10, 7, 5)), odd.report.modes)
        self.assertTrue(odd.report.captures)
        self.assertIn("Initial camera status: /dev/video-demo - CONNECTED", self.lines())

    def test_started_twice(self) -> None:
        """A second start announces nothing anew and does not take a mode back."""
        self.patterns.startService()
        first = self.registry.last("demo")
        self.patterns.stopService()
        self.patterns.startService()
        self.assertIs(self.registry.last("demo"), first)

    def test_owns(self) -> None:
        """A camera of another kind is not one of these."""
        self.assertTrue(self.patterns.owns(a_camera("demo")))
        self.assertFalse(self.patterns.owns(a_camera("usb-1")))


class OperationTests(PatternCase):
    """Reading and setting."""

    def setUp(self) -> None:
        """Start the service."""
        super().setUp()
        self.patterns.startService()
        self.demo, self.odd = self.registry.all()

    def test_set_mode(self) -> None:
        """The nearest size and rate are taken, announced and read back."""
        wanted = CurrentMode("YUYV", 1200, 700, 24)
        found = self.successResultOf(self.patterns.set_mode(self.demo, wanted))
        self.assertEqual(found.mode, CurrentMode("MJPG", 1280, 720, 25))
        self.assertEqual(self.successResultOf(self.patterns.read(self.demo)), found)
        event = self.registry.last("demo").event
        assert isinstance(event, CameraStatusChanged)
        self.assertEqual(event.camera.report, found)

    def test_own_size_and_rate(self) -> None:
        """What the configuration says is among what can be set; without a rate it is the configured one."""
        found = self.successResultOf(self.patterns.set_mode(self.odd, CurrentMode("MJPG", 99, 49, None)))
        self.assertEqual(found.mode, CurrentMode("MJPG", 100, 50, 7))

    def test_no_controls(self) -> None:
        """There are no controls, so setting some changes nothing."""
        before = self.successResultOf(self.patterns.read(self.demo))
        self.successResultOf(self.patterns.write_controls(self.demo, {"brightness": 1}))
        self.assertEqual(self.successResultOf(self.patterns.read(self.demo)), before)
        self.assertEqual(before.controls, ())
