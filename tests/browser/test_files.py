"""Recordings and snapshots in the page: made, looked at and deleted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser.window import BrowserCase

if TYPE_CHECKING:
    from tests.service import Service


def media(service: Service, kind: str) -> list[str]:
    """List the files of a kind that are on the disk, but for their sidecars."""
    folder = Path(service.state) / "media" / kind
    return sorted(path.name for path in folder.iterdir() if path.suffix in {".mp4", ".mkv", ".jpg"})


class RecordingTests(BrowserCase):
    """One recording from its beginning to its end."""

    async def test_by_keyboard_alone(self) -> None:
        """It is begun, stopped, played in the page and deleted, without a mouse."""
        service = await self.serve()
        page = self.window(service).page
        record = page.get_by_role("button", name=re.compile("^Record"))
        stop = page.get_by_role("button", name=re.compile("^Stop"))
        self.press(page, record)
        stop.wait_for()
        self.until(page, r"/Recording\s+0?0:0[2-9]/.test(document.querySelector('main').innerText)")
        self.picture(page, "recording-goes-on")
        self.assertTrue(stop.evaluate("element => element === document.activeElement"), "the focus stayed")
        page.keyboard.press("Enter")
        record.wait_for()
        (name,) = media(service, "recordings")
        self.press(page, page.locator("#views").get_by_role("link", name="Recordings"), key="Shift+Tab")
        self.press(page, page.get_by_role("button", name=f"Play {name}"))
        video = page.locator("dialog video")
        video.wait_for()
        self.until(page, "document.querySelector('dialog video')?.currentTime > 0.5")
        self.assertEqual(video.evaluate("video => [video.videoWidth, video.videoHeight]"), [640, 480])
        self.picture(page, "recording-played")
        page.keyboard.press("Escape")
        video.wait_for(state="detached")
        self.press(page, page.get_by_role("button", name=f"Delete {name}"))
        question = page.get_by_role("dialog")
        self.picture(page, "recording-delete")
        self.press(page, question.get_by_role("button", name="Delete"))
        question.wait_for(state="detached")
        page.get_by_text("Nothing has been recorded yet").wait_for()
        self.assertEqual(media(service, "recordings"), [])


class SnapshotTests(BrowserCase):
    """Pictures that are kept."""

    async def test_taken_and_shown(self) -> None:
        """One that is taken is told with a link, is in the list and is shown whole; a press on a button is enough."""
        service = await self.serve()
        page = self.window(service).page
        page.get_by_role("button", name="Snapshot").click()
        page.locator("#notes").get_by_role("link").wait_for()
        (name,) = media(service, "snapshots")
        page.locator("#views").get_by_role("link", name="Snapshots").click()
        page.get_by_role("button", name=f"Show {name}").click()
        self.until(page, "document.querySelector('dialog img')?.naturalWidth === 640")
        self.picture(page, "snapshot-shown")
        with page.expect_download() as download:
            page.get_by_role("dialog").get_by_role("link", name="Download").click()
        self.assertEqual(download.value.suggested_filename, name)
