"""Pictures in the pages of others: which pages may show them, and which may read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.case import response
from tests.web.mediacase import MediaCase
from tests.web.wire import ELSEWHERE, LOOPBACK
from webcam_rpc import config

if TYPE_CHECKING:
    from twisted.internet.interfaces import IAddress

PANEL = "https://panel.example"
#: Everything that shows a picture, a stream or a file.
PATHS = ("/cameras/usb-1/snapshot.jpg", "/snapshot", "/?action=snapshot", "/stream", "/files/recordings/a.mp4")
EMBEDS = "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"


class PagesOfOthersTests(MediaCase):
    """A page of another site shows a picture with ``<img>``, for which a browser sends no Origin."""

    access = config.Access(origins=(PANEL,))

    def status(self, path: str, *lines: str) -> int:
        """Ask as a browser on this machine does; 0 is that the media were asked."""
        wire = self.slow(path, *lines)
        data = wire.take()
        wire.hang_up()
        return response(data)[0] if data else 0

    def test_foreign(self) -> None:
        """It is refused, from this machine too, and the camera stays off."""
        for path in PATHS:
            for lines in (
                ("Sec-Fetch-Site: cross-site", *EMBEDS),
                ("Sec-Fetch-Site: same-site", *EMBEDS),
                ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
                ("Sec-Fetch-Site: cross-site", *EMBEDS, "Referer: http://evil.example/"),
                ("Sec-Fetch-Site: cross-site", *EMBEDS, "Referer: http://127.0.0.1:8002/"),
                ("Sec-Fetch-Site: nonsense", *EMBEDS),
                ("Referer: http://evil.example/page",),
                ("Referer: http://127.0.0.1:9999/",),
                ("Referer: http://127.0.0.1:8002.evil.example/",),
                ("Referer: http://127.0.0.1:8002@evil.example/",),
                ("Origin: http://evil.example",),
                ("Origin: null", "Sec-Fetch-Site: same-origin"),
            ):
                self.assertEqual(self.status(path, *lines), 403, (path, lines))
        self.assertEqual((self.media.taking, self.media.watching), ([], []))
        self.assertEqual(len(self.threads), 0)

    def test_our_own(self) -> None:
        """Our own pages, addresses that were typed, links that were followed, and what is no browser, are let in."""
        for lines in (
            (),
            ("Sec-Fetch-Site: same-origin", *EMBEDS, "Referer: http://127.0.0.1:8002/"),
            ("Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"),
            ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"),
            ("Referer: http://127.0.0.1:8002/page?x=1",),
            ("Referer: http://list.example/", "Accept: text/html,application/xhtml+xml,*/*;q=0.8"),
            ("Origin: http://127.0.0.1:8002",),
        ):
            self.assertEqual(self.status("/snapshot", *lines), 0, lines)

    def test_a_page_that_is_listed(self) -> None:
        """It comes with the role of anybody, however near, and may show what it then gets."""
        embed = ("Sec-Fetch-Site: cross-site", *EMBEDS, f"Referer: {PANEL}/")
        status, headers, body = self.get("/snapshot", *embed)
        self.assertEqual((status, body), (401, b"this needs the role viewer; yours is status\n"))
        self.assertEqual(headers["cross-origin-resource-policy"], "cross-origin")


class ListedPageTests(MediaCase):
    """The same page where anybody may see pictures."""

    access = config.Access(origins=(PANEL,), anonymous="viewer")

    def test_it_is_shown(self) -> None:
        """A browser shows it there only with this policy, which nobody else gets."""
        for lines, policy in (
            (("Sec-Fetch-Site: cross-site", *EMBEDS, f"Referer: {PANEL}/"), "cross-origin"),
            ((f"Referer: {PANEL}/cams",), "cross-origin"),
            (("Sec-Fetch-Site: same-origin",), "same-origin"),
            ((), "same-origin"),
        ):
            wire = self.slow("/stream", *lines)
            self.media.give()
            status, headers, _ = response(wire.take())
            self.assertEqual((status, headers["cross-origin-resource-policy"]), (200, policy), lines)
            wire.hang_up()

    def test_it_is_read(self) -> None:
        """A script of that page may read streams, pictures and why there are none, without the cookie; no other may."""
        for path, lines, reader in (
            ("/stream?timestamp=1", (f"Origin: {PANEL}", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"), PANEL),
            ("/stream", (f"Origin: {PANEL.upper()}",), PANEL.upper()),
            ("/stream", (f"Referer: {PANEL}/",), None),
            ("/stream", ("Origin: http://127.0.0.1:8002",), None),
        ):
            wire = self.slow(path, *lines)
            self.media.give()
            status, headers, _ = response(wire.take())
            self.assertEqual((status, headers.get("access-control-allow-origin")), (200, reader), lines)
            self.assertEqual(headers.get("vary"), "Origin" if reader else None)
            self.assertNotIn("access-control-allow-credentials", headers)
            wire.hang_up()
        status, headers, _ = self.get("/cameras/no/snapshot.jpg", f"Origin: {PANEL}")
        self.assertEqual((status, headers["access-control-allow-origin"]), (404, PANEL))
        for origin in ("http://evil.example", "null"):
            status, headers, _ = self.get("/snapshot", f"Origin: {origin}")
            self.assertEqual(status, 403)
            self.assertNotIn("access-control-allow-origin", headers)

    def test_any_other_page(self) -> None:
        """Where anybody may see pictures, a page that is not listed may still not show them as its own."""
        for lines in (
            ("Sec-Fetch-Site: cross-site", *EMBEDS),
            ("Sec-Fetch-Site: same-site", *EMBEDS, "Referer: http://127.0.0.1:9999/"),
            ("Referer: http://evil.example/",),
        ):
            for peer in (LOOPBACK, ELSEWHERE):
                status, headers, body = self.get("/stream", *lines, peer=peer)
                self.assertEqual(status, 403)
                self.assertIn(b"access.origins", body)
                self.assertEqual(headers["cross-origin-resource-policy"], "same-origin")
        self.assertEqual(self.media.watching, [])


class NeighbourTests(MediaCase):
    """A page on another port of the same host, which never says which page it is, as OctoPrint's."""

    access = config.Access(origins=("http://127.0.0.1:5000",), anonymous="viewer")

    def shown(self, *lines: str, peer: IAddress = LOOPBACK) -> tuple[int, str]:
        """Ask for a stream; give the status, and which pages may show it."""
        wire = self.slow("/stream", *lines, peer=peer)
        self.media.give()
        status, headers, _ = response(wire.take())
        wire.hang_up()
        return status, headers["cross-origin-resource-policy"]

    def test_it_is_shown(self) -> None:
        """By the browser's word for the site, and by http across a network, where there is not even that."""
        for lines in (("Sec-Fetch-Site: same-site", *EMBEDS), ()):
            for peer in (LOOPBACK, ELSEWHERE):
                self.assertEqual(self.shown(*lines, peer=peer), (200, "cross-origin"), lines)

    def test_by_name(self) -> None:
        """Where the host has a name, the browser tells its neighbours from others."""
        self.admission.access.configure(config.Access(origins=("http://localhost:5000",), anonymous="viewer"))
        for lines, policy in (((), "same-site"), (("Referer: http://localhost:5000/",), "cross-origin")):
            wire = self.slow("/stream", *lines, host="localhost:8002")
            self.media.give()
            _, headers, _ = response(wire.take())
            self.assertEqual(headers["cross-origin-resource-policy"], policy)

    def test_others(self) -> None:
        """A page of another site, and one that says that it is another, are refused as ever."""
        for lines in (
            ("Sec-Fetch-Site: cross-site", *EMBEDS),
            ("Sec-Fetch-Site: same-site", *EMBEDS, "Referer: http://127.0.0.1:9999/"),
            ("Referer: http://127.0.0.1:9999/",),
        ):
            self.assertEqual(self.shown(*lines), (403, "same-origin"), lines)

    def test_role(self) -> None:
        """It is nobody special: not what a client on this machine is."""
        self.admission.access.configure(config.Access(origins=("http://127.0.0.1:5000",)))
        self.assertEqual(self.get("/stream", "Sec-Fetch-Site: same-site", *EMBEDS)[0], 401)

    def test_another_host(self) -> None:
        """Where the page that is named is on another host, a neighbour is any page."""
        origins = (PANEL, "http://not:an:authority", "app://127.0.0.1.example")
        self.admission.access.configure(config.Access(origins=origins, anonymous="viewer"))
        self.assertEqual(self.shown("Sec-Fetch-Site: same-site", *EMBEDS), (403, "same-origin"))
