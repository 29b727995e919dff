"""Who sits before the page: what is shown to whom, and how somebody becomes somebody else."""

from __future__ import annotations

from tests.browser.window import BrowserCase
from tests.integration.test_access import AccessCase

#: A wrong token is answered with 401, and Chromium writes that on the console.
WRONG = r"\b401\b"


class LoginTests(BrowserCase, AccessCase):
    """Tokens."""

    async def test_log_in_and_out(self) -> None:
        """A wrong token is refused in words; the right one shows pictures and what its role may do, until log-out."""
        service = await self.serve()
        token = await self.token(service, "operator", "--name", "porch <b>bold</b>")
        window = self.window(service, allowed=(WRONG,))
        page = window.page
        record = page.get_by_role("button", name="Record").first
        page.get_by_role("heading", name="Cameras").wait_for()
        self.assertFalse(record.is_visible())
        self.assertEqual(page.locator("main img[src*=stream]").count(), 0)
        page.get_by_role("button", name="Log in").click()
        field = page.get_by_label("Token", exact=True)
        field.fill("wrong")
        field.press("Enter")
        page.get_by_role("alert").get_by_text("not one of the tokens").wait_for()
        self.picture(page, "login-wrong")
        field.fill(token)
        field.press("Enter")
        record.wait_for()
        self.until(page, "[...document.images].some(i => i.src.includes('stream') && i.naturalWidth > 0)")
        self.assertIn("porch <b>bold</b>", page.locator("#who").inner_text())
        cookies = page.context.cookies()
        self.assertEqual([(one["httpOnly"], one["sameSite"]) for one in cookies], [(True, "Strict")])
        self.assertEqual(page.evaluate("document.cookie"), "")
        page.get_by_role("button", name="Log out").click()
        record.wait_for(state="detached")
        self.until(page, "![...document.images].some(i => i.src.includes('stream'))")
        self.assertEqual(page.context.cookies(), [])

    async def test_nobody(self) -> None:
        """Who may not know which cameras there are is asked for a token, and by it gets where they wanted to go."""
        service = await self.serve("--set", "access.loopback=none", "--set", "access.anonymous=none")
        token = await self.token(service, "viewer")
        page = self.window(service, "/#/events", allowed=(WRONG,)).page
        page.get_by_text("without a token there is no access").wait_for()
        self.assertEqual(self.graveness(page), [])
        field = page.get_by_label("Token", exact=True)
        field.fill(token)
        field.press("Enter")
        page.get_by_role("columnheader", name="What").or_(page.get_by_text("Nothing has happened yet")).first.wait_for()
        self.assertTrue(page.url.endswith("/#/events"), page.url)
