"""Controls on a camera: set in the order that works, read back, kept, and set again when it returns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from twisted.internet.defer import Deferred, fail

from tests.cameras.captures import report
from tests.cameras.case import LogCase, a_camera, make_bus
from webcam_rpc.cameras.controls import Applied, CameraControls
from webcam_rpc.cameras.device import DeviceGone, DeviceTrouble
from webcam_rpc.cameras.memory import CameraMemory
from webcam_rpc.cameras.models import CameraControlsChanged, CameraStatusChanged, Control, Status
from webcam_rpc.cameras.watch import permission
from webcam_rpc.testing import FakeDevice, FakeThreads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webcam_rpc.bus import Stamped
    from webcam_rpc.cameras.models import Camera, ControlValue

#: As uvcvideo has it: what an automatic control is in charge of is inactive.
MANUAL: dict[str, tuple[str, ControlValue]] = {
    "white_balance_temperature": ("white_balance_automatic", False),
    "exposure_time_absolute": ("auto_exposure", 1),
    "focus_absolute": ("focus_automatic_continuous", False),
}


class ControlsCase(LogCase):
    """A connected webcam and a memory."""

    def setUp(self) -> None:
        """Build it."""
        super().setUp()
        extra = (
            Control("press", 1, "button", flags=("write-only", "execute-on-write")),
            Control("coarse", 2, "int", min=0, max=100, step=10, default=50, value=50),
            Control("fixed", 3, "int", min=0, max=9, step=1, default=4, value=5, flags=("read-only",)),
        )
        found = report("uvc-hd")
        self.device = FakeDevice(msgspec.structs.replace(found, controls=found.controls + extra), MANUAL)
        self.camera = a_camera(report=self.device.report)
        self.threads = FakeThreads()
        self.memory = CameraMemory(Path(self.mktemp()) / "cameras.json", self.threads.run)
        self.bus = make_bus()
        self.published: list[Stamped] = []
        self.controls = CameraControls(self.bus, self.memory, lambda _: self.device)
        self.bus.subscribe(self.published.append)

    def set(self, values: dict[str, ControlValue], *, persist: bool = False) -> Applied:
        """Set, and let the disk write."""
        result = self.controls.set(self.camera, values, persist=persist)
        self.threads.work()
        return self.successResultOf(result)

    def reset(self, names: Iterable[str] | None = None) -> Applied:
        """Reset, and let the disk write."""
        result = self.controls.reset(self.camera, names)
        self.threads.work()
        return self.successResultOf(result)

    def values(self) -> dict[str, ControlValue | None]:
        """Give the values that the camera has."""
        return {control.name: control.value for control in self.device.report.controls}

    def changes(self) -> list[dict[str, ControlValue]]:
        """Give what clients were told of controls."""
        events = [stamped.event for stamped in self.published]
        return [event.controls for event in events if isinstance(event, CameraControlsChanged)]

    def now(self, status: Status) -> None:
        """Let the camera have another status."""
        self.bus.publish(CameraStatusChanged(msgspec.structs.replace(self.camera, status=status)))


class LeavingDevice(FakeDevice):
    """Is unplugged after the first write."""

    def write_controls(self, camera: Camera, values: Mapping[str, ControlValue]) -> Deferred[None]:
        """Take the first."""
        return fail(DeviceGone(camera.camera_id)) if self.writes else super().write_controls(camera, values)


class SetTests(ControlsCase):
    """One request."""

    def test_automatic_first(self) -> None:
        """What is automatic is switched before what it is in charge of, whatever the order asked for."""
        asked: dict[str, ControlValue] = {
            "white_balance_temperature": 3000,
            "exposure_time_absolute": 100,
            "white_balance_automatic": False,
            "auto_exposure": "Manual Mode",
        }
        self.assertEqual(
            self.set(asked),
            Applied(
                {
                    "white_balance_automatic": False,
                    "auto_exposure": 1,
                    "white_balance_temperature": 3000,
                    "exposure_time_absolute": 100,
                },
                {},
            ),
        )
        self.assertEqual(
            self.device.writes,
            [
                {"white_balance_automatic": False, "auto_exposure": 1},
                {"white_balance_temperature": 3000, "exposure_time_absolute": 100},
            ],
        )

    def test_inactive(self) -> None:
        """While the automatic is in charge, its subject is refused with the reason; what else was asked is set."""
        applied = self.set({"focus_absolute": 5, "brightness": 3})
        self.assertEqual(applied.applied, {"brightness": 3})
        self.assertIn("automatic", applied.rejected["focus_absolute"])
        self.assertEqual(self.device.writes, [{"brightness": 3}])

    def test_refused_each(self) -> None:
        """Each refusal has its own reason, and costs the others nothing."""
        applied = self.set({"brightness": 65, "nosuch": 1, "fixed": 1, "auto_exposure": 2, "gain": "high", "hue": -40})
        self.assertEqual(applied.applied, {"hue": -40})
        for name, why in {
            "brightness": "out of range -64 to 64",
            "nosuch": "no such control",
            "fixed": "read-only",
            "auto_exposure": "no such choice: 1 (Manual Mode)",
            "gain": "not text",
        }.items():
            self.assertIn(why, applied.rejected[name])
        self.assertEqual(self.changes(), [{"hue": -40}])

    def test_nothing_to_set(self) -> None:
        """When all is refused, the driver is not asked and nobody is told."""
        self.assertEqual(self.set({"nosuch": 1}).applied, {})
        self.assertEqual((self.device.writes, self.changes()), ([], []))

    def test_step(self) -> None:
        """What was applied is what the driver made of it."""
        self.assertEqual(self.set({"coarse": 57}), Applied({"coarse": 60}, {}))
        self.assertEqual(self.changes(), [{"coarse": 60}])

    def test_driver_keeps_another_value(self) -> None:
        """One that the driver leaves as it was is refused with that; it drops the whole set, so others are retried."""
        self.device.stuck.add("contrast")
        applied = self.set({"contrast": 9, "brightness": 9})
        self.assertEqual(applied, Applied({"brightness": 9}, {"contrast": "the driver kept 32"}))
        self.assertEqual(self.values()["brightness"], 9)

    def test_button(self) -> None:
        """A button is pressed once; there is no value to read back."""
        self.assertEqual(self.set({"press": True}), Applied({"press": 1}, {}))
        self.assertEqual(self.device.writes, [{"press": 1}])

    def test_camera_in_trouble(self) -> None:
        """A camera that cannot be read fails the request, and nothing is kept or told."""
        self.device.trouble = permission("/dev/video0")
        result = self.controls.set(self.camera, {"brightness": 1}, persist=True)
        self.failureResultOf(result, DeviceTrouble)
        self.assertEqual((self.memory.content.controls, self.changes()), ({}, []))


class KeepTests(ControlsCase):
    """What survives a replug."""

    def test_kept(self) -> None:
        """What was applied is kept by the camera's id, on the disk, as it was read back; what was refused is not."""
        self.set({"coarse": 57, "contrast": 65}, persist=True)
        self.set({"brightness": 4}, persist=True)
        self.set({"gain": 4})
        loaded = CameraMemory(self.memory.path, self.threads.run)
        loaded.load()
        self.assertEqual(loaded.content.controls, {"usb-1": {"coarse": 60, "brightness": 4}})

    def test_buttons_are_not_kept(self) -> None:
        """To press a button is an act and no setting: it is not done again on return."""
        self.set({"press": 1}, persist=True)
        self.assertEqual(self.memory.content.controls, {})

    def test_set_again_on_return(self) -> None:
        """When the camera is back, what was kept is set again, once, and clients are told of the values."""
        self.memory.content.controls["usb-1"] = {"exposure_time_absolute": 100, "auto_exposure": 1}
        for _ in range(2):
            self.now(Status.CONNECTED)
        self.assertEqual(self.changes(), [{"auto_exposure": 1, "exposure_time_absolute": 100}])
        self.now(Status.DISCONNECTED)
        self.now(Status.CONNECTED)
        self.assertEqual(len(self.changes()), 2)

    def test_not_after_an_error(self) -> None:
        """A camera that was in error and never away keeps what people have set since."""
        self.memory.content.controls["usb-1"] = {"brightness": 4}
        self.now(Status.CONNECTED)
        self.set({"brightness": 7})
        self.now(Status.ERROR)
        self.now(Status.CONNECTED)
        self.assertEqual(self.values()["brightness"], 7)

    def test_not_before_it_is_known(self) -> None:
        """A camera that is announced before its probe is over is set when that is."""
        self.memory.content.controls["usb-1"] = {"brightness": 4}
        self.bus.publish(CameraStatusChanged(msgspec.structs.replace(self.camera, report=None)))
        self.assertEqual(self.device.writes, [])
        self.now(Status.CONNECTED)
        self.assertEqual(self.device.writes, [{"brightness": 4}])

    def test_other_cameras(self) -> None:
        """What was kept for one camera is not set on another."""
        self.memory.content.controls["usb-2"] = {"brightness": 4}
        self.now(Status.CONNECTED)
        self.assertEqual(self.device.writes, [])

    def test_cannot_be_set_again(self) -> None:
        """A camera in trouble is said so in the log; what is kept stays for the next time."""
        self.memory.content.controls["usb-1"] = {"brightness": 4}
        self.device.trouble = permission("/dev/video0")
        self.now(Status.CONNECTED)
        self.assertEqual(self.device.writes, [])
        self.assertEqual(self.memory.content.controls, {"usb-1": {"brightness": 4}})
        self.device.trouble = None
        self.now(Status.DISCONNECTED)
        self.now(Status.CONNECTED)
        self.assertEqual(self.values()["brightness"], 4)


class ResetTests(ControlsCase):
    """Back to the driver's defaults."""

    def setUp(self) -> None:
        """Set a few, of which all are kept."""
        super().setUp()
        self.set(
            {"white_balance_automatic": False, "white_balance_temperature": 3000, "brightness": 4, "gain": 9},
            persist=True,
        )

    def test_named(self) -> None:
        """Those that are named go back and are no longer kept; the others stay."""
        self.assertEqual(self.reset(["brightness"]), Applied({"brightness": 0}, {}))
        self.assertEqual((self.values()["brightness"], self.values()["gain"]), (0, 9))
        self.assertEqual(set(self.memory.content.controls["usb-1"]) & {"brightness", "gain"}, {"gain"})

    def test_all(self) -> None:
        """All go back, what is read-only or a button is not touched or complained of, and nothing is kept."""
        self.reset(["white_balance_temperature"])
        applied = self.reset()
        self.assertEqual(applied.rejected, {})
        self.assertEqual((self.values()["gain"], self.values()["white_balance_automatic"]), (0, True))
        self.assertEqual(self.values()["fixed"], 5)
        self.assertNotIn("press", {name for write in self.device.writes for name in write})
        self.assertEqual(self.memory.content.controls, {})

    def test_under_an_automatic(self) -> None:
        """What cannot go back because an automatic is in charge of it is said, as its value is not the default."""
        self.set({"white_balance_automatic": True}, persist=False)
        self.assertIn("automatic", self.reset().rejected["white_balance_temperature"])

    def test_manual_first(self) -> None:
        """What an automatic is about to take charge of goes back while it still can."""
        applied = self.reset()
        self.assertIn("white_balance_temperature", applied.applied)
        self.assertEqual(applied.rejected, {})
        self.assertNotEqual(self.values()["white_balance_temperature"], 3000)

    def test_unplugged_between(self) -> None:
        """What is set already when the camera goes is told, and the caller learns that it went."""
        self.device = LeavingDevice(self.device.report, MANUAL)
        failed = self.controls.set(self.camera, {"white_balance_automatic": True, "brightness": 7}, persist=False)
        self.failureResultOf(failed, DeviceGone)
        self.assertEqual(self.changes()[-1], {"white_balance_automatic": True})

    def test_unknown(self) -> None:
        """What has no default, or is not there, is refused."""
        rejected = self.reset(["nosuch", "press"]).rejected
        self.assertIn("no such control", rejected["nosuch"])
        self.assertIn("no default", rejected["press"])
