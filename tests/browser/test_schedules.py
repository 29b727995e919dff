"""Schedules in the page: made, switched off and cancelled by the keyboard, and what cannot be is told at its field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.browser.window import BrowserCase

if TYPE_CHECKING:
    from playwright.sync_api import Page


class ScheduleTests(BrowserCase):
    """One schedule from its beginning to its end."""

    async def test_by_keyboard_alone(self) -> None:
        """It is made by a cron expression, of which the first is wrong, switched off, and cancelled."""
        service = await self.serve()
        client = await self.connect(service)
        page = self.window(service, "/#/schedules").page
        self.press(page, page.get_by_role("button", name="New schedule"))
        dialog = page.get_by_role("dialog")
        self.write(page, "Name", "At night")
        self.reach(page, dialog.get_by_role("radio", name="Once"))
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        self.write(page, "Cron expression", "61 22 * * *")
        page.keyboard.press("Enter")
        self.until(page, "[...document.querySelectorAll('dialog .problem')].some(p => p.textContent.length > 5)")
        self.picture(page, "schedule-wrong")
        self.assertEqual(self.graveness(page), [])
        self.write(page, "Cron expression", "30 22 * * *")
        page.keyboard.press("Enter")
        dialog.wait_for(state="detached")
        page.locator("main").get_by_text("At night").first.wait_for()
        (one,) = (await client.call("list_schedules"))["schedules"]
        self.assertEqual((one["name"], one["cron"], one["enabled"]), ("At night", "30 22 * * *", True))
        switch = page.locator("main").get_by_role("switch")
        self.reach(page, switch)
        page.keyboard.press("Space")
        page.locator("main .status").get_by_text("off", exact=True).wait_for()
        self.assertFalse((await client.call("list_schedules"))["schedules"][0]["enabled"])
        self.picture(page, "schedule-off")
        self.press(page, page.locator("main").get_by_role("button", name=re.compile("^Cancel")))
        self.press(page, dialog.locator("footer button").last)
        page.get_by_text("There are no schedules").wait_for()
        self.assertEqual((await client.call("list_schedules"))["schedules"], [])

    def write(self, page: Page, label: str, text: str) -> None:
        """Go to a field of the dialog, and write into it what shall be there alone."""
        self.reach(page, page.get_by_role("dialog").get_by_label(label, exact=True))
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
