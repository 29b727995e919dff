"""Every reason why a camera does not work has a check that finds it and says what to do."""

from __future__ import annotations

from pathlib import Path

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.captures import capture
from tests.cameras.case import HD, METADATA, usb
from webcam_rpc.cameras.diagnosis import Check, Diagnosis
from webcam_rpc.cameras.probe import Outcome, Output
from webcam_rpc.testing import FakeInventory, FakeThreads, FakeV4L2Ctl

DEVICE = "/dev/video0"


class DiagnosisTests(SynchronousTestCase):
    """A machine whose parts fail one by one."""

    def setUp(self) -> None:
        """Build a machine where all is well."""
        self.inventory = FakeInventory()
        self.inventory.plug(0, usb("1-1"))
        self.v4l2ctl = FakeV4L2Ctl()
        self.threads = FakeThreads()
        self.path = Path(self.mktemp()).resolve()
        self.path.mkdir()
        for name in ("v4l2-ctl", "ffmpeg"):
            (self.path / name).write_text("#!/bin/sh\n")
            (self.path / name).chmod(0o755)

    def examine(self, answer: Output | str = HD) -> dict[str, Check]:
        """Examine the device, and give the checks by name."""
        diagnosis = Diagnosis(self.inventory, self.v4l2ctl, self.threads.run, {"PATH": str(self.path)})
        result = diagnosis.examine(DEVICE)
        self.threads.work()
        if self.v4l2ctl.running:
            self.v4l2ctl.answer(DEVICE, answer)
        checks = self.successResultOf(result)
        by_name = {check.check: check for check in checks}
        self.assertEqual(len(by_name), len(checks), "a check twice")
        for check in checks:
            self.assertTrue(check.ok is not False or check.remedy, f"{check.check} says not what to do")
        return by_name

    def test_well(self) -> None:
        """Where all is well, every check says so, from the outside in."""
        checks = self.examine()
        self.assertEqual(
            list(checks),
            ["node", "permission", "holder", "node_type", "formats", "usb", "v4l2-ctl", "ffmpeg"],
        )
        self.assertEqual({check.ok for check in checks.values()} - {True, None}, set())
        self.assertIn("6 modes in MJPG, YUYV", checks["formats"].detail)

    def test_no_node(self) -> None:
        """Without a node the rest cannot be told, the tools can."""
        self.inventory.unplug(0)
        checks = self.examine()
        self.assertEqual(list(checks), ["node", "v4l2-ctl", "ffmpeg"])
        self.assertEqual(checks["node"].ok, False)

    def test_no_permission(self) -> None:
        """Where we may not open it, that is said, and no run is tried."""
        self.inventory.permit(0, accessible=False)
        checks = self.examine()
        self.assertEqual(checks["permission"].ok, False)
        self.assertIn("group video", checks["permission"].remedy or "")
        self.assertEqual(self.v4l2ctl.runs, [])
        self.assertIn("usb", checks)

    def test_tool_missing(self) -> None:
        """A tool that is missing is named with its package; without v4l2-ctl no run is tried."""
        for name, package in (("ffmpeg", "ffmpeg"), ("v4l2-ctl", "v4l-utils")):
            (self.path / name).unlink()
            check = self.examine()[name]
            self.assertEqual((check.ok, check.remedy), (False, f"apt-get install {package}"))
        self.assertEqual(len(self.v4l2ctl.runs), 1)

    def test_other_nodes(self) -> None:
        """Why a node is not listed: it captures nothing, or it is an infrared sensor."""
        self.assertEqual(self.examine(METADATA)["node_type"].ok, False)
        infrared = self.examine(capture("uvc-ir-grey"))["node_type"]
        self.assertEqual((infrared.ok, infrared.remedy), (True, "listed only with cameras.infrared: true"))

    def test_fails(self) -> None:
        """A run that fails says how, with the remedy that clients get too."""
        check = self.examine(Output(Outcome.TIMEOUT))["formats"]
        self.assertEqual((check.ok, check.remedy), (False, "plug the camera in again"))

    def test_usb(self) -> None:
        """A mode that needs more than the port gives is found; compressed ones are not counted."""
        speed = msgspec.structs.replace(usb("1-1"), usb_speed=12.0)
        self.inventory.plug(0, speed)
        raw = self.examine(capture("uvc-yuyv"))["usb"]
        self.assertEqual(raw.ok, False)
        self.assertIn("needs 147 of about 8 Mbit/s", raw.detail)
        self.assertEqual(self.examine(HD)["usb"].ok, True)
        self.inventory.plug(0, usb("1-1"))
        self.assertEqual(self.examine(capture("uvc-yuyv"))["usb"].ok, True)

    def test_usb_unknown(self) -> None:
        """What sysfs does not say cannot be told."""
        self.inventory.plug(0, msgspec.structs.replace(usb("1-1"), usb_speed=None))
        self.assertIsNone(self.examine()["usb"].ok)
        self.inventory.plug(0)
        self.assertIsNone(self.examine()["usb"].ok)

    def test_holder(self) -> None:
        """Who has the node open is named."""
        device = Path(self.mktemp()).resolve()
        device.write_text("")
        diagnosis = Diagnosis(self.inventory, self.v4l2ctl, self.threads.run, {})
        with device.open() as file:
            self.assertFalse(file.closed)
            holders = diagnosis.holders(str(device))
            self.threads.work()
        self.assertEqual(self.successResultOf(holders).found, (), "we are no stranger")
