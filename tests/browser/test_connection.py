"""A connection that is lost and found again: nothing that happened meanwhile is missing, nothing is told twice."""

from __future__ import annotations

from urllib.parse import urlsplit

from tests.browser.relay import Relay
from tests.browser.window import BrowserCase

#: What Chromium itself writes on the console when a WebSocket is refused or cut.
LOST = r"WebSocket connection to .* failed|net::ERR_"


class ConnectionTests(BrowserCase):
    """Between the page and the service is a wire that is cut."""

    async def test_replay(self) -> None:
        """What happens while the wire is cut is told afterwards: each once, in order, and marked as earlier."""
        service = await self.serve()
        client = await self.connect(service)
        relay = Relay(urlsplit(service.http_url).port or 0)
        self.addCleanup(relay.close)
        window = self.window(service, None, allowed=(LOST,), home=f"http://127.0.0.1:{relay.port}")
        page = window.page
        page.goto(f"{window.home}/#/events")
        await client.call("take_snapshot", {"device": "demo", "filename": "before"})
        page.locator("main").get_by_text("before.jpg").wait_for()
        for turn in range(2):
            relay.cut()
            page.get_by_text("The connection to the service is lost").wait_for()
            names = [f"meanwhile-{turn}{number}" for number in range(5)]
            for name in names:
                await client.call("take_snapshot", {"device": "demo", "filename": name})
            relay.mend()
            page.locator("main").get_by_text(f"{names[-1]}.jpg").wait_for()
            await client.call("take_snapshot", {"device": "demo", "filename": f"after-{turn}"})
            page.locator("main").get_by_text(f"after-{turn}.jpg").wait_for()
        self.picture(page, "events-replayed")
        rows = page.locator("main tbody tr").all_inner_texts()
        told = [row for row in rows if ".jpg" in row]
        meanwhile = [[f"meanwhile-{turn}{number}" for number in range(5)] for turn in range(2)]
        expected = ["before", *meanwhile[0], "after-0", *meanwhile[1], "after-1"]
        self.assertEqual([next(name for name in expected if f"{name}.jpg" in row) for row in told], expected[::-1])
        self.assertEqual(["earlier" in row for row in told], ["meanwhile" in name for name in expected[::-1]], told)
        self.assertEqual(sum("Connected again; 5 events were missed" in row for row in rows), 2, rows)

    async def test_restart(self) -> None:
        """A service that was started anew has another past: the page says so and goes on."""
        service = await self.serve(listen=("tcp:0:interface=127.0.0.1",))
        port = urlsplit(service.http_url).port
        window = self.window(service, "/#/events", allowed=(LOST,))
        page = window.page
        self.until(page, "document.documentElement.dataset.link === 'open'")
        self.assertEqual(await service.stop(), 0)
        page.get_by_text("The connection to the service is lost").wait_for()
        again = await self.serve(listen=(f"tcp:{port}:interface=127.0.0.1",))
        page.locator("main").get_by_text("is not known any more").wait_for()
        client = await self.connect(again)
        await client.call("take_snapshot", {"device": "demo", "filename": "anew"})
        page.locator("main").get_by_text("anew.jpg").wait_for()
        self.assertEqual(page.get_by_text("anew.jpg").count(), 1)
