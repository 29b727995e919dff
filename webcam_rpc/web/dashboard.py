"""The dashboard: the page at ``/`` and what it is made of, at ``/static/NAME``.

Owns how these files are served. They are read once, at the start: a page must not be put together from the files of two
versions while a new one is being installed. Anybody may have them; what the page shows it gets by the API, with the
role of whoever sits there.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from webcam_rpc.web.conditions import outcome
from webcam_rpc.web.resources import Endpoint, Root, answer

if TYPE_CHECKING:
    from twisted.web.resource import IResource, Resource

    from webcam_rpc.web.channel import Request

#: Where the files are.
DIRECTORY = Path(__file__).parent / "static"
_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
_PAGE = "index.html"

#: What the page may do (Content Security Policy, level 3): be made of our own files, and talk to us. No text becomes
#: markup: where a browser knows trusted types, whatever would parse a string as HTML fails.
_POLICY = b"; ".join(
    (
        b"default-src 'none'",
        b"script-src 'self'",
        b"style-src 'self'",
        b"img-src 'self' blob:",
        b"media-src 'self'",
        b"connect-src 'self'",
        b"form-action 'self'",
        b"base-uri 'none'",
        b"frame-ancestors 'none'",
        b"require-trusted-types-for 'script'",
        b"trusted-types 'none'",
    )
)
_HEADERS = {
    b"Content-Security-Policy": _POLICY,
    # For browsers that do not know frame-ancestors.
    b"X-Frame-Options": b"DENY",
    b"Cross-Origin-Opener-Policy": b"same-origin",
    b"Permissions-Policy": b"camera=(), microphone=(), geolocation=(), usb=(), payment=()",
    # A new version is there at the next look, and an old one costs no more than a 304.
    b"Cache-Control": b"no-cache",
    b"Vary": b"Accept-Encoding",
}


class File(Endpoint):
    """One file of the page."""

    verbs = (b"GET", b"HEAD")

    def __init__(self, content: bytes, content_type: bytes) -> None:
        super().__init__()
        self._plain = content
        self._content_type = content_type
        self._hash = hashlib.sha256(content).hexdigest()[:20]

    def serve(self, request: Request) -> bytes:
        """Give it, or say that it is still the same."""
        zipped = _takes_gzip(request)
        # The two are different bytes, so a strong tag tells them apart (RFC 9110, section 8.8.3).
        tag = f'"{self._hash}{"-gzip" if zipped else ""}"'
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        request.setHeader(b"ETag", tag.encode())
        # What is installed may carry any date, so that none is told, and those of a request say nothing.
        headers = request.requestHeaders
        ends = outcome(headers, tag, 0) if headers.hasHeader(b"If-None-Match") else None
        if ends is not None:
            request.setResponseCode(ends, ends.phrase.encode())
            return b""
        if zipped:
            request.setHeader(b"Content-Encoding", b"gzip")
        return answer(request, HTTPStatus.OK, self._zipped if zipped else self._plain, self._content_type)

    @cached_property
    def _zipped(self) -> bytes:
        return gzip.compress(self._plain, mtime=0)


class Front(Root):
    """``/``: the page, and with ``?action=`` what mjpg-streamer has there.

    :param page: the page.
    :param actions: the other.
    """

    def __init__(self, page: File, actions: IResource) -> None:
        super().__init__()
        self._page = page
        self._actions = actions

    def render(self, request: Request) -> bytes | int:  # type: ignore[override]
        """Serve whichever is asked for."""
        if b"action" in (request.args or ()):
            found: bytes | int = self._actions.render(request)
            return found
        return self._page.render(request)


def dashboard_resources(actions: IResource, directory: Path = DIRECTORY) -> dict[bytes, Resource]:
    """Give the page and its files, by the first part of their path.

    :param actions: serves ``/?action=``.
    """
    files = {
        path.name: File(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(directory.iterdir())
        if path.suffix in _TYPES
    }
    branch = Root()
    for name, file in files.items():
        if name != _PAGE:
            branch.putChild(name.encode(), file)
    return {b"": Front(files[_PAGE], actions), b"static": branch}


def _takes_gzip(request: Request) -> bool:
    values = request.requestHeaders.getRawHeaders(b"Accept-Encoding") or ()
    for value in values:
        for coding in value.lower().split(b","):
            name, _, weight = coding.partition(b";")
            if name.strip() == b"gzip":
                return weight.replace(b" ", b"") not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}
    return False
