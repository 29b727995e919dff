"""Controls of a real driver: set, refused, kept over a replug, reset. v4l2-ctl is asked beside the service."""

from __future__ import annotations

from tests.hardware.bench import DEADLINE, Bench, driver_controls, plug, reactor, replug
from tests.service import eventually


class ControlTests(Bench):
    """What a client sets is what the driver has."""

    async def test_list(self) -> None:
        """Every control comes with its type, range, value and flags as the driver has them."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        answer = await self.client.call("get_camera_controls", {"device": camera.node})
        controls = {control["name"]: control for control in answer["controls"]}
        brightness = controls["brightness"]
        self.assertEqual(
            (brightness["type"], brightness["min"], brightness["max"], brightness["step"], brightness["default"]),
            ("int", -64, 64, 1, 0),
        )
        self.assertIn("inactive", controls["white_balance_temperature"]["flags"])
        self.assertEqual(controls["white_balance_automatic"]["type"], "bool")
        choices = {item["value"]: item["name"] for item in controls["power_line_frequency"]["menu"]}
        self.assertEqual(choices[1], "50 Hz")
        values = await driver_controls(camera.node, *controls)
        self.assertEqual({name: int(controls[name]["value"]) for name in values}, values)

    async def test_kept_over_a_replug(self) -> None:
        """What was set to be kept is set again when the camera comes back; what was not, is not."""
        camera = await plug(0, "--serial", "KEEP")
        await self.announced("usb-1d6b-0102-keep", "CONNECTED")
        answer = await self.client.call(
            "set_camera_controls", {"device": camera.node, "controls": {"brightness": 10, "gain": 7}, "persist": True}
        )
        self.assertEqual((answer["applied"], answer["rejected"]), ({"brightness": 10, "gain": 7}, {}))
        answer = await self.client.call("set_camera_controls", {"device": camera.node, "controls": {"contrast": 5}})
        self.assertEqual(answer["applied"], {"contrast": 5})
        names = ("brightness", "gain", "contrast")
        self.assertEqual(await driver_controls(camera.node, *names), {"brightness": 10, "gain": 7, "contrast": 5})

        mark = self.client.mark()
        camera = await replug(0)
        await self.announced("usb-1d6b-0102-keep", "CONNECTED", since=mark)
        end = reactor.seconds() + DEADLINE
        wanted = {"brightness": 10, "gain": 7, "contrast": 32}
        while (values := await driver_controls(camera.node, *names)) != wanted:
            if reactor.seconds() > end:
                self.fail(f"{values} after the replug, not {wanted}")
        controls = (await self.client.call("get_camera_controls", {"device": camera.node}))["controls"]
        self.assertEqual({one["name"]: one["value"] for one in controls if one["name"] in names}, wanted)

    async def test_each_is_answered_for_itself(self) -> None:
        """Out of range, inactive and unknown controls are refused with a reason each, and the rest are set."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        before = await driver_controls(camera.node, "brightness", "white_balance_temperature")
        answer = await self.client.call(
            "set_camera_controls",
            {
                "device": camera.node,
                "controls": {
                    "brightness": 1000,
                    "white_balance_temperature": 5000,
                    "no_such_thing": 1,
                    "saturation": 9,
                },
            },
        )
        self.assertEqual(answer["applied"], {"saturation": 9})
        self.assertEqual(
            set(answer["rejected"]), {"brightness", "white_balance_temperature", "no_such_thing"}, answer["rejected"]
        )
        for name, reason in answer["rejected"].items():
            self.assertTrue(reason, name)
        self.assertEqual(await driver_controls(camera.node, "brightness", "white_balance_temperature"), before)
        self.assertEqual(await driver_controls(camera.node, "saturation"), {"saturation": 9})

    async def test_automatic_first(self) -> None:
        """Turning an automatic off and setting what it governed works in one call, in whatever order they stand."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        wanted = {"white_balance_temperature": 5000, "white_balance_automatic": False}
        answer = await self.client.call("set_camera_controls", {"device": camera.node, "controls": wanted})
        self.assertEqual((answer["applied"], answer["rejected"]), (wanted, {}))
        self.assertEqual(
            await driver_controls(camera.node, "white_balance_temperature", "white_balance_automatic"),
            {"white_balance_temperature": 5000, "white_balance_automatic": 0},
        )

    async def test_reset(self) -> None:
        """A reset gives the driver's defaults back, to the named controls alone or to all."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        await self.client.call(
            "set_camera_controls", {"device": camera.node, "controls": {"brightness": 20, "contrast": 1}}
        )
        answer = await self.client.call("reset_camera_controls", {"device": camera.node, "names": ["brightness"]})
        self.assertEqual(answer["applied"], {"brightness": 0})
        self.assertEqual(await driver_controls(camera.node, "brightness", "contrast"), {"brightness": 0, "contrast": 1})
        await self.client.call("reset_camera_controls", {"device": camera.node})
        self.assertEqual(
            await driver_controls(camera.node, "brightness", "contrast"), {"brightness": 0, "contrast": 32}
        )

    async def test_clients_are_told(self) -> None:
        """Another client hears of a change, with the value that the driver has."""
        camera = await plug(0)
        await self.announced("usb-1d6b-0102-tb0000", "CONNECTED")
        other = await self.connect()
        await self.client.call("set_camera_controls", {"device": camera.node, "controls": {"hue": -3}})
        told = await other.wait_for(lambda one: one.method == "camera_control_update", DEADLINE)
        self.assertEqual(told.params["camera_id"], "usb-1d6b-0102-tb0000")
        self.assertIn("hue", str(told.params))
        await eventually(reactor, lambda: not other.faults, 1, "no faults")
