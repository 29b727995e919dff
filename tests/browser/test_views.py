"""Every view, on a phone and on a desk, in the light and in the dark: to be read by all, and to be looked at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tests.browser.cameras import CamerasCase
from tests.browser.window import DESKTOP, PHONE, PICTURES
from tests.integration.test_access import AccessCase

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.service import Service

#: A name that would run if it were markup; as long as V4L2 has room for.
NAME = "<img src=x onerror=alert(1)>"
_CAMERA = "#/cameras/usb-0000-0000-at-vhci-hcd-0-1"
_OF_A_CAMERA = (_CAMERA, f"{_CAMERA}/format", f"{_CAMERA}/diagnosis", f"{_CAMERA}/about")
_DEVICES: dict[str, dict[str, Any]] = {"phone": PHONE, "desk": DESKTOP}


def views(page: Page) -> list[tuple[str, str]]:
    """List the views that the menu has: their titles and addresses."""
    page.locator("#views a").first.wait_for(state="attached")
    links = "links => links.map(link => [link.textContent, link.getAttribute('href')])"
    return [(title, path) for title, path in page.eval_on_selector_all("#views a", links)]


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
        # Nobody reads from it while the browser is waited for.
        await client.close()
        return service, token

    async def test_views(self) -> None:
        """Axe finds nothing serious, nothing is wider than the screen, and no name has become markup."""
        service, token = await self.furnished()
        found: list[str] = []
        for kind, device in _DEVICES.items():
            context = self.visitor(**device)
            context.add_cookies([{"name": "webcam_rpc_token", "value": token, "url": service.http_url}])
            window = self.window(service, context=context)
            page = window.page
            for title, path in (*views(page), *((NAME, path) for path in _OF_A_CAMERA)):
                page.goto(f"{service.http_url}/{path}")
                self.settled(page, title)
                name = f"{path.strip('#/').replace('/', '-')}-{kind}"
                faults = self.graveness(page)
                self.picture(page, f"{name}-light", full_page=True)
                if kind == "desk" or PICTURES in os.environ:  # a screen's size changes no colour
                    page.emulate_media(color_scheme="dark")
                    faults += self.graveness(page, "color-contrast")
                    self.picture(page, f"{name}-dark", full_page=True)
                    page.emulate_media(color_scheme="light")
                wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if wide > 0:
                    faults.append(f"{wide} pixels wider than the screen")
                if page.locator("main :is(b, i, img[src=x])").count():
                    faults.append("a name has become markup")
                found += [f"{name}: {fault}" for fault in faults]
            found += [f"{kind}: {fault}" for fault in window.faults]
            self.windows.remove(window)
            context.close()
        self.assertEqual(found, [], "\n".join(found))

    def settled(self, page: Page, title: str) -> None:
        """Wait until a view shows what it has to."""
        page.get_by_role("heading", name=title, level=1, exact=True).wait_for()
        self.until(page, "!document.querySelector('main .spinner, main [aria-busy=true]')")
        self.until(page, "[...document.images].every(i => i.naturalWidth > 0 || i.loading === 'lazy')")
