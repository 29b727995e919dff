"""The dashboard: what is served, how browsers keep it, what the page may do, and what it is made of."""

from __future__ import annotations

import configparser
import gzip
import re
from fnmatch import fnmatch
from pathlib import Path

from tests.web.mediacase import MediaCase
from tests.web.wire import ELSEWHERE
from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.dashboard import DIRECTORY, dashboard_resources
from webcam_rpc.web.files import Reads
from webcam_rpc.web.pictures import media_resources
from webcam_rpc.web.site import make_site

ROOT = Path(__file__).resolve().parent.parent.parent
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class DashboardCase(MediaCase):
    """A site with media and the dashboard."""

    def setUp(self) -> None:
        """Put another site together."""
        super().setUp()
        shown = media_resources(self.clock, self.media, Reads(self.threads.run))
        pages = {**shown, **dashboard_resources(shown[b""])}
        parts = (self.limits, self.admission, self.clients, self.calls)
        self.site = make_site(self.clock, *parts, lambda: b"{}", pages)


class ServingTests(DashboardCase):
    """What is there, for whom."""

    def test_page(self) -> None:
        """The page is at the root, whoever asks: who may see what is the methods' business."""
        for peer in (None, ELSEWHERE):
            status, headers, body = self.get("/") if peer is None else self.get("/", peer=peer)
            self.assertEqual((status, headers["content-type"]), (200, "text/html; charset=utf-8"))
            self.assertEqual(body, (DIRECTORY / "index.html").read_bytes())

    def test_nobody(self) -> None:
        """Where nobody gets anything without a token, the page is there to log in by."""
        self.admission.access._anonymous = Role.NONE
        self.assertEqual(self.get("/", peer=ELSEWHERE)[0], 200)
        self.assertEqual(self.get("/static/app.js", peer=ELSEWHERE)[0], 200)

    def test_files(self) -> None:
        """Each file is served as what it is."""
        files = sorted(path for path in DIRECTORY.iterdir() if path.name != "index.html")
        self.assertIn("app.js", [path.name for path in files])
        for path in files:
            status, headers, body = self.get(f"/static/{path.name}")
            self.assertEqual((status, headers["content-type"]), (200, TYPES[path.suffix]), path.name)
            self.assertEqual(body, path.read_bytes())

    def test_head(self) -> None:
        """HEAD tells what GET does, without the body."""
        status, headers, body = self.get("/static/app.js", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        self.assertEqual(int(headers["content-length"]), (DIRECTORY / "app.js").stat().st_size)

    def test_not_there(self) -> None:
        """Nothing else of the disk can be had."""
        for path in (
            "/static",
            "/static/",
            "/static/index.html",
            "/static/nothing.js",
            "/static/../dashboard.py",
            "/static/%2e%2e/dashboard.py",
            "/static/..%2fdashboard.py",
            "/static/app.js/",
            "/static/app.js%00",
            "/index.html",
        ):
            self.assertEqual(self.get(path)[0], 404, path)

    def test_other_verbs(self) -> None:
        """It is read only."""
        for path in ("/", "/static/app.js"):
            status, headers, _ = self.get(path, method="POST")
            self.assertEqual((status, headers["allow"]), (405, "GET, HEAD"), path)

    def test_actions(self) -> None:
        """What mjpg-streamer has at the root is there as before, with the role that it takes."""
        self.assertEqual(self.get("/?action=", peer=ELSEWHERE)[0], 401)
        self.assertEqual(self.get("/?action=program")[0], 400)
        self.slow("/?action=stream")
        self.assertEqual(len(self.media.watching), 1)
        self.assertEqual(self.get("/?camera=1")[1]["content-type"], "text/html; charset=utf-8")


class KeepingTests(DashboardCase):
    """How browsers keep it."""

    def test_not_modified(self) -> None:
        """What has not changed is not sent again; a date says nothing about it."""
        for path in ("/", "/static/app.css"):
            _, headers, whole = self.get(path)
            self.assertEqual(headers["cache-control"], "no-cache")
            tag = headers["etag"]
            status, again, body = self.get(path, f"If-None-Match: {tag}")
            self.assertEqual((status, again["etag"], body), (304, tag, b""))
            self.assertEqual(self.get(path, f'If-None-Match: "x", W/{tag}')[0], 304)
            for other in ('If-None-Match: "x"', "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"):
                status, _, body = self.get(path, other)
                self.assertEqual((status, body), (200, whole), other)

    def test_tags_differ(self) -> None:
        """Two files, or two versions of one, never share a tag."""
        tags = [self.get(f"/static/{path.name}")[1]["etag"] for path in DIRECTORY.iterdir() if path.suffix == ".js"]
        self.assertEqual(len(set(tags)), len(tags))

    def test_compressed(self) -> None:
        """Who takes gzip gets it, under a tag of its own."""
        plain_tag = self.get("/static/app.js")[1]["etag"]
        for line in ("Accept-Encoding: gzip", "Accept-Encoding: br, GZIP;q=0.5"):
            status, headers, body = self.get("/static/app.js", line)
            self.assertEqual((status, headers["content-encoding"], headers["vary"]), (200, "gzip", "Accept-Encoding"))
            self.assertEqual(gzip.decompress(body), (DIRECTORY / "app.js").read_bytes())
            self.assertNotEqual(headers["etag"], plain_tag)
            self.assertEqual(self.get("/static/app.js", line, f"If-None-Match: {headers['etag']}")[0], 304)
            self.assertEqual(self.get("/static/app.js", line, f"If-None-Match: {plain_tag}")[0], 200)
        for line in ("Accept-Encoding: br", "Accept-Encoding: gzip;q=0", "Accept-Encoding: gzip; q=0.0"):
            _, headers, body = self.get("/static/app.js", line)
            self.assertNotIn("content-encoding", headers)
            self.assertEqual((body, headers["vary"]), ((DIRECTORY / "app.js").read_bytes(), "Accept-Encoding"))


class PolicyTests(DashboardCase):
    """What the page may do."""

    def test_policy(self) -> None:
        """It is made of our own files and talks to us alone; nothing inline, nothing evaluated, in nobody's frame."""
        for path in ("/", "/static/app.js", "/static/icon.svg"):
            headers = self.get(path)[1]
            policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
            self.assertEqual(policy["default-src"], "'none'")
            for kind in ("script-src", "style-src", "connect-src", "media-src", "form-action"):
                self.assertEqual(policy[kind], "'self'", kind)
            self.assertEqual(policy["img-src"], "'self' blob:")
            for kind in ("base-uri", "frame-ancestors", "trusted-types"):
                self.assertEqual(policy[kind], "'none'", kind)
            self.assertEqual(policy["require-trusted-types-for"], "'script'")
            self.assertNotIn("unsafe", headers["content-security-policy"])
            self.assertEqual(headers["x-content-type-options"], "nosniff")
            self.assertEqual(headers["x-frame-options"], "DENY")
            self.assertEqual(headers["cross-origin-opener-policy"], "same-origin")
            self.assertEqual(headers["referrer-policy"], "no-referrer")

    def test_policy_of_304(self) -> None:
        """A browser takes the headers of a 304 for those of what it has kept."""
        tag = self.get("/")[1]["etag"]
        self.assertIn("content-security-policy", self.get("/", f"If-None-Match: {tag}")[1])

    def test_page_keeps_it(self) -> None:
        """The page has nothing inline, and all that it names is there."""
        page = (DIRECTORY / "index.html").read_text("utf-8")
        self.assertEqual(re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", page), [])
        named = re.findall(r'(?:src|href)="([^"#]+)"', page)
        self.assertTrue(named)
        for path in named:
            self.assertEqual(self.get(path)[0], 200, path)


class SourceTests(DashboardCase):
    """What the files may not have in them, and where they have to be."""

    def test_never_markup(self) -> None:
        """No name of a device or a file can become markup: nothing that would parse it is used."""
        forbidden = re.compile(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|srcdoc|DOMParser|\beval\(|new Function|"
            r"createContextualFragment|\.cssText|setAttribute\(\"(?:style|on)"
        )
        for path in DIRECTORY.glob("*.js"):
            self.assertEqual(forbidden.findall(path.read_text("utf-8")), [], path.name)

    def test_nothing_from_elsewhere(self) -> None:
        """No file names another server."""
        for path in DIRECTORY.iterdir():
            text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            self.assertEqual(re.findall(r"https?://|url\(|@import|\bwss?://", text), [], path.name)

    def test_imports(self) -> None:
        """Every module that another one imports is there."""
        for path in DIRECTORY.glob("*.js"):
            for name in re.findall(r'(?:from|import\()\s*"([^"]+)"', path.read_text("utf-8")):
                self.assertTrue(name.startswith("./"), f"{path.name}: {name}")
                self.assertTrue((DIRECTORY / name).is_file(), f"{path.name}: {name}")

    def test_packaged(self) -> None:
        """Every file goes into the wheel."""
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg", "utf-8")
        patterns = setup["options.package_data"]["webcam_rpc.web"].split()
        for path in DIRECTORY.iterdir():
            self.assertTrue(path.is_file(), path)
            self.assertTrue(any(fnmatch(f"static/{path.name}", pattern) for pattern in patterns), path.name)
