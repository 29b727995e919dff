"""A name means one camera, whoever gave it."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.cameras.aliases import Aliases, AliasRefused
from webcam_rpc.cameras.memory import CameraMemory
from webcam_rpc.testing import FakeThreads


class AliasTests(SynchronousTestCase):
    """The configuration's names and the clients'."""

    def setUp(self) -> None:
        """One name is configured."""
        self.memory = CameraMemory(Path("unused"), FakeThreads().run)
        self.aliases = Aliases({"door": "usb-1"}, self.memory)

    def test_named(self) -> None:
        """A name leads to the camera and back."""
        self.aliases.name("usb-2", "Front porch")
        self.assertEqual(self.aliases.camera_id("Front porch"), "usb-2")
        self.assertEqual(self.aliases.of("usb-2"), "Front porch")
        self.assertEqual(self.memory.content.aliases, {"Front porch": "usb-2"})
        self.assertIsNone(self.aliases.of("usb-3"))
        self.assertIsNone(self.aliases.camera_id("porch"))

    def test_one_name_a_camera(self) -> None:
        """A new name takes the place of the old one; the empty one only takes it away."""
        self.aliases.name("usb-2", "porch")
        self.aliases.name("usb-2", "garden")
        self.assertIsNone(self.aliases.camera_id("porch"))
        self.aliases.name("usb-2", "")
        self.assertEqual(self.memory.content.aliases, {})

    def test_client_before_configuration(self) -> None:
        """A client's name is the one that is shown; the configured one still leads to the camera."""
        self.aliases.name("usb-1", "porch")
        self.assertEqual(self.aliases.of("usb-1"), "porch")
        self.assertEqual(self.aliases.camera_id("door"), "usb-1")
        self.aliases.name("usb-1", "door")
        self.assertEqual(self.aliases.of("usb-1"), "door")
        self.assertEqual(self.memory.content.aliases, {})

    def test_taken(self) -> None:
        """Another camera's name is refused with its owner, and nothing is changed."""
        self.aliases.name("usb-2", "porch")
        for alias in ("porch", "door"):
            error = self.assertRaises(AliasRefused, self.aliases.name, "usb-3", alias)
            self.assertEqual(error.rule, "taken")
        self.assertIn("usb-1", str(error))
        self.assertEqual(self.memory.content.aliases, {"porch": "usb-2"})

    def test_pattern(self) -> None:
        """A name that could be an id, a number or a path is refused, and the old one is kept."""
        self.aliases.name("usb-2", "porch")
        for alias in ("usb-2", "video0", "7", "/dev/video0", " ", "a\n", "a" * 65):
            error = self.assertRaises(AliasRefused, self.aliases.name, "usb-2", alias)
            self.assertEqual(error.rule, "pattern", alias)
        self.assertEqual(self.aliases.of("usb-2"), "porch")

    def test_configured_since(self) -> None:
        """A name that the configuration has given away since is no longer shown for the camera that had it."""
        self.memory.content.aliases["door"] = "usb-2"
        self.assertEqual(self.aliases.camera_id("door"), "usb-1")
        self.assertIsNone(self.aliases.of("usb-2"))
