"""The harness itself: a fault that it would not see is worth no test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.browser.window import PHONE, BrowserCase

if TYPE_CHECKING:
    from playwright.sync_api import Route

    from tests.browser.window import Window
    from tests.service import Service

_HEAD = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>'


class WindowTests(BrowserCase):
    """Pages with a fault each, in the place of the service's."""

    def page(self, service: Service, body: str, policy: str = "default-src 'self'", **device: Any) -> Window:
        """Open a page of our own making, as if the service had it."""
        window = self.window(service, None, **device)

        def answer(route: Route) -> None:
            headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
            route.fulfill(body=_HEAD + body, headers=headers)

        window.page.route("**/page", answer)
        window.page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        window.page.goto(service.http_url + "/page", wait_until="load")
        return window

    async def test_picture_of_the_stream(self) -> None:
        """An image of the stream is drawn within the policy, and nothing is wrong with it."""
        service = await self.serve()
        window = self.page(service, '<img alt="the demo camera" src="/stream">', "default-src 'none'; img-src 'self'")
        self.until(window.page, "document.images[0].naturalWidth === 640")
        self.assertEqual((window.faults, self.graveness(window.page)), ([], []))
        self.assertGreater(self.picture(window.page, "bare").stat().st_size, 10_000)

    async def test_violations_are_seen(self) -> None:
        """An inline script, an inline style and an image of elsewhere are each a fault."""
        service = await self.serve()
        for body, word in (
            ("<script>document.title = 'run'</script>", "script"),
            ('<p style="color: red">red</p>', "style"),
            ('<img alt="" src="http://127.0.0.2:9/x.png">', "127.0.0.2"),
        ):
            window = self.page(service, body)
            self.assertTrue(any(word in fault for fault in window.faults), (body, window.faults))
            self.windows.remove(window)
            window.page.context.close()

    async def test_exceptions_are_seen(self) -> None:
        """A script that raises and a promise that nobody catches are faults, and so is an answer that is an error."""
        service = await self.serve()
        policy = "default-src 'self' 'unsafe-inline'"
        for body in (
            "<script>undefined.x</script>",
            "<script>Promise.reject(new Error('no'))</script>",
            '<img alt="" src="/missing.png">',
        ):
            window = self.page(service, body, policy)
            self.until(window.page, "document.readyState === 'complete'")
            self.assertNotEqual(window.faults, [], body)
            self.windows.remove(window)
            window.page.context.close()

    async def test_axe_is_awake(self) -> None:
        """Text that cannot be read and a field without a name are found by axe, under a strict policy."""
        service = await self.serve()
        window = self.page(service, '<p><font color="#eeeeee">pale</font></p><input>', "default-src 'none'")
        found = " ".join(self.graveness(window.page))
        self.assertIn("color-contrast", found)
        self.assertIn("label", found)

    async def test_devices(self) -> None:
        """A phone is narrow, has touch, and may be dark."""
        service = await self.serve()
        body = '<meta name="viewport" content="width=device-width">'
        page = self.page(service, body, **PHONE, color_scheme="dark").page
        seen = "[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches, matchMedia('(hover: none)').matches]"
        self.assertEqual(page.evaluate(seen), [360, True, True])
