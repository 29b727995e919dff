"""The page of one camera: its controls follow the driver, its mode can be set, its diagnosis says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.browser.cameras import CamerasCase

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.service import Service
    from tests.wsclient import Client


class CameraPageTests(CamerasCase):
    """One camera with the controls of a real one."""

    async def opened(self, tab: str = "") -> tuple[Service, Client, str, Page]:
        """Plug the camera in, and open its page."""
        service = await self.serve_cameras()
        device = self.plug(0, "uvc-hd.txt", "Porch camera")
        page = self.window(service).page
        page.get_by_role("link", name="Porch camera", exact=True).click()
        page.get_by_role("heading", name="Porch camera", level=1).wait_for()
        if tab:
            page.locator("main nav").get_by_role("link", name=tab).click()
        return service, await self.connect(service), device, page

    async def values(self, client: Client, device: str) -> dict[str, Any]:
        """Ask the service what the controls are set to."""
        controls = (await client.call("get_camera_controls", {"device": device}))["controls"]
        return {control["name"]: control["value"] for control in controls}

    async def test_set_by_keyboard(self) -> None:
        """A slider, a switch and a menu are set by the keyboard; what a switch sets free can be used then."""
        _, client, device, page = await self.opened()
        slider = page.get_by_role("slider", name="Brightness")
        self.reach(page, slider, steps=100)
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        switch = page.get_by_role("switch", name="White balance automatic")
        temperature = page.get_by_role("slider", name="White balance temperature")
        self.assertTrue(temperature.is_disabled())
        self.reach(page, switch)
        page.keyboard.press("Space")
        menu = page.get_by_role("combobox", name="Power line frequency")
        self.reach(page, menu)
        page.keyboard.press("ArrowDown")
        self.until(page, "!document.querySelector('#control-white_balance_temperature').disabled")
        for _ in range(100):
            values = await self.values(client, device)
            if values["brightness"] == 3 and values["power_line_frequency"] == 2:
                break
            page.wait_for_timeout(50)
        self.assertEqual(
            (values["brightness"], values["white_balance_automatic"], values["power_line_frequency"]), (3, False, 2)
        )
        self.assertEqual((slider.input_value(), menu.input_value()), ("3", "2"))
        self.assertTrue(menu.evaluate("element => element === document.activeElement"), "the focus stayed")
        self.picture(page, "camera-controls", full_page=True)

    async def test_follow_others(self) -> None:
        """What another client sets is shown within a moment, and a reset takes all of it back."""
        _, client, device, page = await self.opened()
        slider = page.get_by_role("slider", name="Contrast")
        slider.wait_for()
        await client.call("set_camera_controls", {"device": device, "controls": {"contrast": 50, "auto_exposure": 1}})
        self.until(page, "document.querySelector('#control-contrast').value === '50'")
        self.until(page, "!document.querySelector('#control-exposure_time_absolute').disabled")
        page.get_by_role("button", name="Reset all").click()
        page.get_by_role("dialog").get_by_role("button", name="Reset all").click()
        self.until(page, "document.querySelector('#control-contrast').value === '32'")
        self.assertEqual((await self.values(client, device))["contrast"], 32)

    async def test_mode(self) -> None:
        """Another mode is set and is what the page then shows; while the camera is recorded it says why not."""
        _, client, device, page = await self.opened("Format")
        size = page.get_by_label("Size")
        size.select_option(label="320 × 240")  # noqa: RUF001 - a size is written with a sign for it
        page.get_by_role("button", name="Set this mode").click()
        page.get_by_text("The camera is set to MJPG, 320").wait_for()
        self.until(page, "[...document.images].some(i => i.src.includes('stream') && i.naturalWidth === 320)")
        await client.call("start_recording", {"device": device})
        size.select_option(label="640 × 480")  # noqa: RUF001
        page.get_by_role("button", name="Set this mode").click()
        self.until(page, "document.querySelector('.outcome.problem')?.textContent.length > 10")
        self.picture(page, "camera-format", full_page=True)
        await client.call("stop_recording", {"device": device})

    async def test_diagnosis(self) -> None:
        """Its checks are listed in words."""
        _, client, device, page = await self.opened("Diagnosis")
        checks = (await client.call("diagnose_camera", {"device": device}))["checks"]
        self.until(page, f"document.querySelectorAll('.checks > li').length === {len(checks)}")
        self.picture(page, "camera-diagnosis", full_page=True)
        self.assertEqual(self.graveness(page), [])

    async def test_alias(self) -> None:
        """A camera is renamed, and is called so everywhere; a name that cannot be is refused in words."""
        _, client, device, page = await self.opened()
        page.get_by_role("button", name="Rename").click()
        field = page.get_by_role("dialog").get_by_role("textbox")
        field.fill("video7")
        field.press("Enter")
        self.until(page, "document.querySelector('#alias-problem').textContent.length > 10")
        self.assertIn("device", page.locator("#alias-problem").inner_text())
        self.picture(page, "camera-rename")
        field.fill("porch")
        field.press("Enter")
        page.get_by_role("heading", name="porch", level=1, exact=True).wait_for()
        self.assertEqual((await client.call("get_camera_status", {"device": "porch"}))["device"], device)
