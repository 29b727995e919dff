"""Cameras in the page: they appear and vanish as they are plugged, and what they are set to is what is shown."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from tests.browser.cameras import CamerasCase
from tests.browser.window import PATIENCE
from tests.integration.test_service import about

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.wsclient import Client

_PICTURE = "[...document.images].some(i => i.src.includes('stream') && i.naturalWidth > 0)"


class PlugTests(CamerasCase):
    """A page that stays open."""

    async def test_plug_and_unplug(self) -> None:
        """A camera that is plugged in appears with its picture, and goes when it is unplugged, without a reload."""
        service = await self.serve_cameras()
        page = self.window(service).page
        page.get_by_text("No camera is plugged in").wait_for()
        self.picture(page, "cameras-none")
        page.evaluate("window.sameAsBefore = true")
        self.plug(0, "uvc-hd.txt", "Porch camera")
        card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Porch camera"))
        card.get_by_text("Connected", exact=True).wait_for()
        self.until(page, _PICTURE)
        card.get_by_text(re.compile("1280 . 720")).wait_for()  # as it is captured, not as it was plugged in
        self.until(page, r"/\b[1-9]\d*\.\d fps/.test(document.querySelector('main').innerText)")
        self.picture(page, "camera-plugged")
        self.plug(1, "uvc-hd.txt", "Second camera")
        page.get_by_role("heading", name="Second camera").wait_for()
        self.unplug(0)
        card.get_by_text("Unplugged").first.wait_for()
        self.until(page, "document.images.length < 4")
        self.picture(page, "camera-unplugged")
        self.plug(0)
        card.get_by_text("Connected", exact=True).wait_for()
        self.until(page, f"({_PICTURE}) && !document.querySelector('main').innerText.includes('Unplugged')")
        self.assertTrue(page.evaluate("window.sameAsBefore"))

    async def test_reason_and_remedy(self) -> None:
        """A camera that cannot be used says why."""
        service = await self.serve_cameras()
        client = await self.connect(service)
        page = self.window(service).page
        (self.programs / "v4l2-ctl").write_text(
            "#!/bin/sh\necho 'Failed to open /dev/x: Permission denied' >&2\nexit 1\n"
        )
        device = self.plug(0, "uvc-hd.txt", "Porch camera")
        failed = await client.wait_for(about(device, "ERROR"), 20)
        page.locator("main").get_by_text(failed.params["reason"]).first.wait_for()
        self.picture(page, "camera-trouble")


class HiddenTests(CamerasCase):
    """A stream costs the camera, the network and the battery."""

    async def test_unseen_streams_end(self) -> None:
        """Only cards that are seen are streamed, and a view without cards streams nothing."""
        service = await self.serve_cameras(demo=True)
        client = await self.connect(service)
        page = self.window(service).page
        self.until(page, _PICTURE)
        await self.streams(client, page, 1)
        page.goto(f"{service.http_url}/#/events")
        page.get_by_role("heading", name="Events").wait_for()
        await self.streams(client, page, 0)
        page.goto(f"{service.http_url}/#/cameras")
        self.until(page, _PICTURE)
        await self.streams(client, page, 1)

    async def streams(self, client: Client, page: Page, number: int) -> None:
        """Wait until the camera has so many viewers."""
        end = time.monotonic() + PATIENCE
        while True:
            consumers = (await client.call("get_camera_status", {"device": "demo"}))["consumers"]
            if consumers.get("stream", 0) == number:
                return
            if time.monotonic() > end:
                self.fail(f"after {PATIENCE:g} s the viewers are still {consumers}, not {number}")
            page.wait_for_timeout(50)
