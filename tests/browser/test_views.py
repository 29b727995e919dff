"""Every view, on a phone and on a desk, in the light and in the dark: to be read by all, and to be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.browser.cameras import CamerasCase
from tests.browser.window import DESKTOP, PHONE
from tests.integration.test_access import AccessCase

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.service import Service

#: A name that would run if it were markup; as long as V4L2 has room for.
NAME = "<img src=x onerror=alert(1)>"
_LOOKS: dict[str, dict[str, Any]] = {
    "phone-light": {**PHONE, "color_scheme": "light"},
    "phone-dark": {**PHONE, "color_scheme": "dark"},
    "desk-light": {**DESKTOP, "color_scheme": "light"},
    "desk-dark": {**DESKTOP, "color_scheme": "dark"},
}


def paths(page: Page) -> list[str]:
    """List the views that the menu has: their addresses."""
    page.locator("#views a").first.wait_for(state="attached")
    found: list[str] = page.eval_on_selector_all("#views a", "links => links.map(link => link.getAttribute('href'))")
    return found


class ViewTests(CamerasCase, AccessCase):
    """All that the menu leads to, with something in it."""

    async def furnished(self) -> tuple[Service, str]:
        """Start a service that has something for every view, and give the token of an administrator."""
        service = await self.serve_cameras(demo=True)
        self.plug(0, "uvc-hd.txt", NAME)
        self.plug(1, "uvc-empty.txt", "Broken camera")
        token = await self.token(service, "admin", "--name", "<i>me</i>")
        client = await self.as_whom(service, token)
        await client.call("start_recording", {"device": "demo", "filename": "porch"})
        await client.call("stop_recording", {"device": "demo"})
        for name in "first", "second":
            await client.call("take_snapshot", {"device": "demo", "filename": name})
        when = {"cron": "30 22 * * *", "timezone": "Europe/Berlin", "name": NAME}
        await client.call("schedule_recording", {"device": "demo", "duration": 600, **when})
        recording = service.state / "media/recordings"
        (recording / "<b>bold<b>.mp4").write_bytes((recording / "porch.mp4").read_bytes())
        return service, token

    async def test_views(self) -> None:
        """Axe finds nothing serious, nothing is wider than the screen, and no name has become markup."""
        service, token = await self.furnished()
        found: list[str] = []
        for look, device in _LOOKS.items():
            context = self.visitor(**device)
            context.add_cookies([{"name": "webcam_rpc_token", "value": token, "url": service.http_url}])
            window = self.window(service, context=context)
            page = window.page
            for path in paths(page):
                page.goto(f"{service.http_url}/{path}")
                self.settled(page)
                name = f"{path.strip('#/') or 'front'}-{look}"
                self.picture(page, name, full_page=True)
                found += [f"{name}: {fault}" for fault in self.graveness(page)]
                wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if wide > 0:
                    found.append(f"{name}: {wide} pixels wider than the screen")
                if page.locator("main :is(b, i, img[src=x])").count():
                    found.append(f"{name}: a name has become markup")
            found += [f"{look}: {fault}" for fault in window.faults]
            self.windows.remove(window)
            context.close()
        self.assertEqual(found, [], "\n".join(found))

    def settled(self, page: Page) -> None:
        """Wait until a view shows what it has to."""
        page.locator("main h1").wait_for()
        self.until(page, "!document.querySelector('main .spinner, main [aria-busy=true]')")
        self.until(page, "[...document.images].every(i => i.complete || i.naturalWidth > 0 || i.loading === 'lazy')")
