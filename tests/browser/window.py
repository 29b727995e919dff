"""What every browser test stands on: Chromium, pages that are listened to, axe-core, and pictures of what is seen.

Owns the browser (one for all tests), its pages, and what is held against each of them when a test is over: no
error on the console (a violation of the Content-Security-Policy is one), no exception, no request to anywhere but the
service, no answer that is an error.

Playwright's calls block. The service is a process of its own, so nothing waits for the reactor meanwhile.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.trial.unittest import SkipTest

from tests.integration.test_service import ServiceCase

try:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright
except ImportError as error:
    _missing: str | None = f"{error.name} is not installed: pip install webcam-rpc[browser]"
else:
    _missing = None

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page
    from playwright.sync_api import Request as PageRequest
    from playwright.sync_api import Response as PageResponse

    from tests.service import Service

#: "required" where nothing may be missing (scripts/test --browser), "no" where another part of it runs the suite.
WANTED = "WEBCAM_BROWSER"
#: A folder for the pictures; without it they are left in the test's own.
PICTURES = "WEBCAM_SCREENSHOTS"
#: Seconds for a page to show anything: far more than it takes.
PATIENCE = 30.0
_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_GRAVE = ("serious", "critical")

#: Sizes in CSS pixels, and what else makes the device.
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def why_not() -> str | None:
    """Say what these tests lack here, if they lack anything."""
    if os.environ.get(WANTED) == "no":
        return "scripts/test --browser runs it, once"
    if _missing is not None:
        return _missing
    if chromium() is None:
        return "no Chromium here: apt-get install chromium"
    return None


def chromium() -> str | None:
    """Find the browser; Debian's is preferred, as it is what the tests were made with."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


@cache
def browser() -> Browser:
    """Give the browser, started by the first test that wants it; trial knows no fixture that would end it."""
    playwright = sync_playwright().start()
    # Chromium's sandbox refuses root, which CI is. /dev/shm of a container has 64 MB.
    started = playwright.chromium.launch(
        executable_path=chromium(),
        chromium_sandbox=os.geteuid() != 0,
        args=["--disable-dev-shm-usage", "--disable-gpu"],
        timeout=60_000,
    )

    def end() -> None:
        started.close()
        playwright.stop()

    atexit.register(end)
    return started


class Window:
    """A page, and what is wrong with it so far.

    :param home: the address of the service, as this page has it.
    :param allowed: patterns of faults that the test causes itself, such as a connection that it breaks.
    """

    def __init__(self, page: Page, home: str, allowed: tuple[str, ...]) -> None:
        self.page = page
        self.home = home
        self.allowed = [re.compile(pattern) for pattern in allowed]
        self._faults: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", self._raised)
        page.on("request", self._asked)
        page.on("response", self._answered)

    @property
    def faults(self) -> list[str]:
        """What was wrong, but for what is allowed."""
        return [fault for fault in self._faults if not any(pattern.search(fault) for pattern in self.allowed)]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self._faults.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _raised(self, error: Exception) -> None:
        self._faults.append(f"exception: {error}")

    def _asked(self, request: PageRequest) -> None:
        if not request.url.startswith((self.home + "/", "blob:", "data:")):
            self._faults.append(f"request to elsewhere: {request.url}")

    def _answered(self, response: PageResponse) -> None:
        if response.status >= 400:
            self._faults.append(f"answer {response.status}: {response.url}")


class BrowserCase(ServiceCase):
    """A service, a browser, and pages that are listened to."""

    timeout = 240

    def setUp(self) -> None:
        """Look whether there is a browser."""
        self.windows: list[Window] = []
        reason = why_not()
        if reason is not None:
            if os.environ.get(WANTED) == "required":
                raise self.failureException(f"{WANTED}=required, but {reason}")
            raise SkipTest(reason)

    def tearDown(self) -> None:
        """Close the pages, and hold against them what was wrong."""
        faults = [fault for window in self.windows for fault in window.faults]
        for window in self.windows:
            window.page.context.close()
        self.assertEqual(faults, [])

    async def serve(self, *options: str, **more: Any) -> Service:
        """Start a service whose cameras give what a page shows at most: a browser has enough to do."""
        return await super().serve("--set", "media.max_fps=15", *options, **more)

    def visitor(self, **device: Any) -> BrowserContext:
        """Make somebody with cookies of their own; ``device`` is what Playwright calls the context's options."""
        context = browser().new_context(**{**DESKTOP, "reduced_motion": "reduce", **device})
        context.set_default_timeout(PATIENCE * 1000)
        return context

    def window(
        self,
        service: Service,
        path: str | None = "/",
        *,
        context: BrowserContext | None = None,
        allowed: tuple[str, ...] = (),
        home: str | None = None,
        **device: Any,
    ) -> Window:
        """Open a page of the service, or an empty one without a path; ``home`` where it has another address."""
        window = Window((context or self.visitor(**device)).new_page(), home or service.http_url, allowed)
        self.windows.append(window)
        if path is not None:
            window.page.goto(window.home + path, wait_until="domcontentloaded")
        return window

    def until(self, page: Page, condition: str) -> None:
        """Wait until an expression of JavaScript is true in the page.

        It is asked for again and again from here: Playwright's own wait would be an ``eval`` in the page, which the
        policy forbids.
        """
        end = time.monotonic() + PATIENCE
        while not page.evaluate(condition):
            if time.monotonic() > end:
                self.fail(f"after {PATIENCE:g} s still not: {condition}")
            page.wait_for_timeout(20)

    def graveness(self, page: Page, *rules: str) -> list[str]:
        """Let axe-core look at the page: what it finds serious or critical, in words that say where.

        :param rules: look at these alone.
        """
        options = {"runOnly": {"type": "rule", "values": rules}} if rules else None
        found = Axe().run(page, options=options).response["violations"]
        return [
            f"{one['impact']} {one['id']}: {one['help']}: {node['target']} {node['html'][:200]}"
            for one in found
            if one["impact"] in _GRAVE
            for node in one["nodes"]
        ]

    def picture(self, page: Page, name: str, **options: Any) -> Path:
        """Take a picture of what is seen, to be looked at by a person."""
        folder = Path(os.environ.get(PICTURES) or self.mktemp()).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        page.screenshot(path=path, animations="disabled", **options)
        return path

    def reach(self, page: Page, target: Locator, *, key: str = "Tab", steps: int = 60) -> None:
        """Go there by the keyboard alone."""
        target.wait_for()
        for _ in range(steps):
            if target.evaluate("element => element === document.activeElement"):
                return
            page.keyboard.press(key)
        self.fail(f"{steps} times {key} and still not at {target}: the focus is on {focused(page)}")

    def press(self, page: Page, target: Locator, *, key: str = "Tab") -> None:
        """Go to a button or a link by the keyboard alone, and press it."""
        self.reach(page, target, key=key)
        page.keyboard.press("Enter")


def focused(page: Page) -> str:
    """Say where the focus is."""
    where: str = page.evaluate("document.activeElement ? document.activeElement.outerHTML.slice(0, 200) : 'nothing'")
    return where
