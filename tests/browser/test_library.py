"""The library in the page: recordings that no browser plays, files that go, schedules by a form, the policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.browser.window import PATIENCE, PHONE, BrowserCase
from tests.integration.test_access import AccessCase

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.service import Service


class LibraryCase(BrowserCase, AccessCase):
    """Has files before anybody looks."""

    async def recorded(self, *names: str, **more: Any) -> Service:
        """Start a service and record a second and a half under each name."""
        service = await self.serve()
        client = await self.connect(service)
        for name in names:
            since = client.mark()
            await client.call("start_recording", {"device": "demo", "filename": name, "duration": 1.5, **more})
            await client.wait_for(lambda told: told.params.get("status") == "STOPPED", PATIENCE, since)
        await client.close()
        return service


class RecordingTests(LibraryCase):
    """Recordings."""

    async def test_jpegs(self) -> None:
        """A recording of the camera's JPEGs plays, pauses with its picture, goes elsewhere, and ends where it ends."""
        service = await self.recorded("copied", format="mkv", codec="copy")
        page = self.window(service, "/#/recordings/copied.mkv", **PHONE).page
        self.until(page, "document.querySelector('.replay img')?.naturalWidth === 640")
        page.get_by_role("button", name="Play", exact=True).wait_for()
        self.until(page, "document.querySelector('.replay img').src.startsWith('blob:')")
        self.assertEqual(page.locator("output").inner_text(), "0:01 / 0:01")
        slider = page.get_by_role("slider", name="Place in the recording")
        slider.focus()
        page.keyboard.press("Home")
        page.get_by_role("button", name="Pause").wait_for()
        page.get_by_role("button", name="Pause").click()
        self.until(page, "document.querySelector('.replay img').src.startsWith('blob:')")
        self.assertEqual(page.evaluate("document.querySelector('.replay img').naturalWidth"), 640)
        self.picture(page, "recording-of-jpegs")
        page.keyboard.press("Escape")
        page.locator("dialog").wait_for(state="detached")
        self.assertEqual(page.evaluate("location.hash"), "#/recordings")

    async def test_gone_meanwhile(self) -> None:
        """A file that somebody else has deleted is told as that, and leaves the list; the focus is not lost."""
        service = await self.recorded("one", "two")
        page = self.window(service, "/#/recordings").page
        play = page.get_by_role("button", name="Play two.mp4")
        play.wait_for()
        client = await self.connect(service)
        await client.call("delete_recording", {"filename": "two.mp4"})
        await client.close()
        play.click()
        page.get_by_role("dialog").get_by_text("There is no recording two.mp4 any more.").wait_for()
        play.wait_for(state="detached")
        page.keyboard.press("Escape")
        page.locator("dialog").wait_for(state="detached")
        self.assertEqual(focused_label(page), "Play one.mp4")

    async def test_protected(self) -> None:
        """A protected recording is not deleted; the reason is told."""
        service = await self.recorded("kept")
        page = self.window(service, "/#/recordings").page
        page.get_by_role("button", name="Protect kept.mp4").click()
        page.get_by_text("protected", exact=True).wait_for()
        page.get_by_role("button", name="Delete kept.mp4").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
        page.locator("#notes").get_by_text("take the protection away first").wait_for()
        page.get_by_role("button", name="Play kept.mp4").wait_for()


class ScheduleTests(LibraryCase):
    """Schedules."""

    async def test_from_the_form_to_its_end(self) -> None:
        """What the service refuses is told at its field; a schedule is made, switched off, changed and cancelled."""
        service = await self.serve()
        page = self.window(service, "/#/schedules").page
        page.get_by_role("button", name="New schedule").click()
        form = page.get_by_role("dialog")
        form.get_by_label("By cron").check()
        form.get_by_label("Cron expression").fill("99 * * * *")
        form.get_by_role("button", name="Make schedule").click()
        form.get_by_text("Bad minute").wait_for()
        self.assertEqual(form.get_by_label("Cron expression").get_attribute("aria-invalid"), "true")
        self.assertEqual(page.evaluate("document.activeElement.value"), "99 * * * *")
        form.get_by_label("Every week or day").check()
        form.get_by_label("Begins at").locator("visible=true").fill("06:45")
        form.get_by_label("Sun").uncheck()
        form.get_by_label("Name").fill("<b>dawn</b>")
        form.get_by_label("Time zone").fill("Europe/Berlin")
        self.picture(page, "schedule-form")
        form.get_by_role("button", name="Make schedule").click()
        form.wait_for(state="detached")
        row = page.locator(".schedules > li")
        self.assertIn("Mon, Tue, Wed, Thu, Fri, Sat at 06:45, Europe/Berlin", row.inner_text())
        self.assertIn("<b>dawn</b>", row.inner_text())
        row.get_by_role("switch").uncheck()
        row.get_by_text("off", exact=True).wait_for()
        row.get_by_role("button", name="Change").click()
        self.assertTrue(form.get_by_label("Every week or day").is_checked())
        form.get_by_label("Name").fill("dawn")
        form.get_by_role("button", name="Save").click()
        row.get_by_role("button", name="Cancel dawn").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel the schedule").click()
        page.get_by_text("There are no schedules").wait_for()
        self.assertIn("New schedule", page.evaluate("document.activeElement.textContent"))


class StorageTests(LibraryCase):
    """What goes by itself."""

    async def test_policy(self) -> None:
        """An administrator sees the policy in force, changes it, and is told what is wrong with another."""
        service = await self.serve()
        token = await self.token(service, "admin")
        context = self.visitor()
        context.add_cookies([{"name": "webcam_rpc_token", "value": token, "url": service.http_url}])
        page = self.window(service, "/#/storage", context=context).page
        page.get_by_text("Nothing: files stay until somebody deletes them.").wait_for()
        page.get_by_label("Delete by itself").select_option("age")
        page.get_by_label("Days that files stay").fill("0")
        page.get_by_role("button", name="Save").click()
        page.locator(".policy .problem").get_by_text("Max age days").wait_for()
        page.get_by_label("Days that files stay").fill("20")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("What is older than 20 days goes.").wait_for()
        page.reload()
        page.get_by_text("What is older than 20 days goes.").wait_for()
        self.assertEqual(page.get_by_label("Days that files stay").input_value(), "20")


def focused_label(page: Page) -> str | None:
    """Say what has the focus, as it is read out."""
    label: str | None = page.evaluate("document.activeElement.getAttribute('aria-label')")
    return label
