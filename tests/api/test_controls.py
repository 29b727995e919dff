"""The methods about controls."""

from __future__ import annotations

from tests.api.case import ApiCase
from webcam_rpc.cameras.models import Control, Status, Trouble


class ControlTests(ApiCase):
    """A camera with the controls of the captured one."""

    def setUp(self) -> None:
        """Plug it in and pick a control with a range."""
        super().setUp()
        self.plug()
        self.control: Control = next(
            one for one in self.device.report.controls if one.type == "int" and one.max and "inactive" not in one.flags
        )
        assert self.control.max is not None
        self.high: int = self.control.max

    def test_list(self) -> None:
        """All controls with their ranges, asked for now."""
        listing = self.call("get_camera_controls", ["video0"])
        self.assertEqual((listing["device"], listing["camera_id"]), ("/dev/video0", "usb-1"))
        names = [one["name"] for one in listing["controls"]]
        self.assertEqual(names, [one.name for one in self.device.report.controls])
        self.assertEqual(
            sorted(listing["controls"][0]),
            sorted(("name", "id", "type", "min", "max", "step", "default", "value", "flags", "menu")),
        )

    def test_set(self) -> None:
        """What the driver took is applied and announced; the rest is refused with its reason, one by one."""
        wanted = {self.control.name: self.high, "nonsense": 1}
        answer = self.call("set_camera_controls", {"device": "usb-1", "controls": wanted})
        self.assertEqual(answer["applied"], {self.control.name: self.high})
        self.assertEqual(answer["rejected"], {"nonsense": "this camera has no such control"})
        told, topic, camera_id = self.broadcasts[-1]
        self.assertEqual(
            (topic, camera_id, told["method"]), ("camera_control_update", "usb-1", "camera_control_update")
        )
        self.assertEqual(told["params"]["controls"], {self.control.name: self.high})
        self.assertEqual(self.memory.content.controls, {})

    def test_out_of_range(self) -> None:
        """A value out of range does not reach the driver."""
        answer = self.call("set_camera_controls", ["usb-1", {self.control.name: self.high + 1}])
        self.assertEqual(answer["applied"], {})
        self.assertIn("out of range", answer["rejected"][self.control.name])
        self.assertEqual(self.device.writes, [])

    def test_persist_and_reset(self) -> None:
        """What is to survive is kept by camera id until it is reset to the driver's default."""
        self.call("set_camera_controls", ["usb-1", {self.control.name: self.high}, True])
        self.assertEqual(self.memory.content.controls, {"usb-1": {self.control.name: self.high}})
        answer = self.call("reset_camera_controls", ["usb-1", [self.control.name]])
        self.assertEqual(answer["applied"], {self.control.name: self.control.default})
        self.assertEqual(self.memory.content.controls, {})

    def test_reset_unknown(self) -> None:
        """A control that is not there cannot be reset; it is told."""
        answer = self.call("reset_camera_controls", {"device": "usb-1", "names": ["nonsense"]})
        self.assertEqual(answer["rejected"], {"nonsense": "this camera has no such control"})

    def test_refused(self) -> None:
        """No control at all, a value of no control's type and an empty name are parameters gone wrong."""
        for controls in ({}, {"brightness": 1.5}, {"brightness": None}, {"": 1}):
            code, data = self.refused("set_camera_controls", {"device": "usb-1", "controls": controls})
            self.assertEqual(code, -32602, controls)
            self.assertTrue(data["param"].startswith("controls"), data)

    def test_trouble(self) -> None:
        """Each of the three tells a camera that does not answer with its remedy, and one that is gone as a state."""
        calls = (
            ("get_camera_controls", ["usb-1"]),
            ("set_camera_controls", ["usb-1", {self.control.name: self.high}]),
            ("reset_camera_controls", ["usb-1"]),
        )
        self.device.trouble = Trouble("V4L2_PERMISSION", "no permission", "join video", lasting=False)
        for name, params in calls:
            expected = {"reason": "V4L2_PERMISSION", "detail": "no permission", "remedy": "join video"}
            self.assertEqual(self.refused(name, params), (-32050, expected))
        self.plug(status=Status.DISCONNECTED)
        for name, params in calls:
            code, data = self.refused(name, params)
            self.assertEqual((code, data["reason"]), (-32020, "CAMERA_DISCONNECTED"))
