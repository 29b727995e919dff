"""Who may come in, and with which role where no token is shown: the checks of Host, Origin and proxy headers.

Pure. The Host check is what stops DNS rebinding (a page whose own name was made to resolve to this machine), the
Origin check what stops other pages in a browser on this machine or network. Where a page only shows what it has not
read (``<img src="http://localhost:8002/stream">``), a browser sends no Origin: there Sec-Fetch-Site and Referer tell.
A client that is no browser sends none of these, and nothing here is in its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.proxies import Proxies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from webcam_rpc.config import Access as Settings
    from webcam_rpc.web.peers import Peer

#: Headers that only a proxy adds; ``X-Forwarded-*`` is there too.
_PROXY = frozenset({b"forwarded", b"via", b"x-real-ip"})
_PROXY_PREFIX = b"x-forwarded-"

#: The port that an origin of this scheme means when it names none (RFC 6454, section 4).
_PORTS = {"http": 80, "https": 443}

#: What Sec-Fetch-Site says of our own pages and of what somebody has typed.
_OWN = frozenset({"same-origin", "none"})


class Headers(Protocol):
    """The part of Twisted's ``Headers`` that is read here."""

    def getRawHeaders(self, name: bytes) -> Sequence[bytes] | None:  # noqa: N802 - Twisted's name
        """Give every value of a header."""

    def getAllRawHeaders(self) -> Iterable[tuple[bytes, Sequence[bytes]]]:  # noqa: N802 - Twisted's name
        """Give every header with its values."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The request does not come in: HTTP status, the reason in words, and headers for the answer."""

    def __init__(self, status: HTTPStatus, reason: str, headers: Mapping[bytes, bytes] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a request comes from, as far as its role goes.

    :ivar peer: who really asks: behind a proxy that is believed, its client.
    :ivar local: whether it is made on this machine, by no page of another site and through no proxy that shows.
    """

    peer: Peer
    local: bool


class Access:
    """Admits requests.

    :param settings: the section ``access`` of the configuration.
    :param machine_names: what this machine is called.
    :param has_tokens: tells whether there is any token: then whoever is somebody can say so.
    """

    def __init__(
        self, settings: Settings, machine_names: Iterable[str], has_tokens: Callable[[], bool] = lambda: False
    ) -> None:
        self._machine_names = tuple(machine_names)
        self._has_tokens = has_tokens
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Go by these settings from now on."""
        names = (*settings.hosts, *self._machine_names, "localhost")
        self._origins = frozenset(origin.lower() for origin in settings.origins)
        self._neighbours = frozenset(filter(None, map(_host_of, self._origins)))
        self._hosts = frozenset(name.lower().rstrip(".") for name in names)
        self._proxies = Proxies(settings.proxies)
        self._anonymous = Role.parse(settings.anonymous)
        self._loopback = Role.parse(settings.loopback)
        # Then this machine is reached through something, which may well be a proxy that runs here, connects from
        # loopback and adds no header.
        self._reached = bool(settings.proxies) or any(not _is_loopback(name) for name in settings.hosts)

    def admit(self, peer: Peer, headers: Headers) -> Visit:
        """Let a request in. Raises Refused if it may not come in at all, whatever token it shows."""
        host, port = self._host(headers)
        foreign = self._is_foreign(headers, host, port)
        if self._proxies.includes(peer.address):
            return Visit(self._proxies.origin(peer, headers), local=False)
        return Visit(peer, local=peer.loopback and not foreign and not _came_through_proxy(headers))

    def is_proxy(self, address: str | None) -> bool:
        """Tell whether this is the address of a proxy that is believed."""
        return self._proxies.includes(address)

    def role(self, visit: Visit) -> Role:
        """Give the role of whoever shows no token."""
        if visit.local and visit.peer.admin:
            return Role.ADMIN
        if visit.local and not self._reached and not self._has_tokens():
            return self._loopback
        return self._anonymous

    def shown_by(self, headers: Headers) -> bytes:
        """Say which pages may show the answer to a request that was admitted (Cross-Origin-Resource-Policy).

        A page that ``access.origins`` names may, and a neighbour may be such a page without saying so. For Chromium 156
        no two pages of one address are of the same site, though its own Sec-Fetch-Site says so.
        """
        if any(_first(headers, name, _origin_of) in self._origins for name in (b"origin", b"referer")):
            return b"cross-origin"
        host = self._host(headers)[0] if self._neighbours else ""
        if host not in self._neighbours:
            return b"same-origin"
        return b"cross-origin" if _is_address(host) else b"same-site"

    def reader(self, headers: Headers) -> bytes | None:
        """Give the origin of a page whose script may read the answer to a request that was admitted, as it was said."""
        values = headers.getRawHeaders(b"origin") or (b"",)
        return values[0] if values[0].decode("latin-1").lower() in self._origins else None

    def _host(self, headers: Headers) -> tuple[str, int | None]:
        values = headers.getRawHeaders(b"host") or ()
        if len(values) != 1:
            raise Refused(HTTPStatus.BAD_REQUEST, "one Host header is needed")
        try:
            host, port = _authority(values[0].decode("ascii"))
        except ValueError:
            raise Refused(HTTPStatus.BAD_REQUEST, "the Host header is malformed") from None
        if host not in self._hosts and not _is_address(host):
            raise Refused(HTTPStatus.FORBIDDEN, "this Host is not one of access.hosts")
        return host, port

    def _is_foreign(self, headers: Headers, host: str, port: int | None) -> bool:
        """Tell whether a page of another site asks, which is only let in if ``access.origins`` names it."""
        values = headers.getRawHeaders(b"origin")
        if not values:
            return self._is_shown_by_foreign(headers, host, port)
        origin = values[0].decode("latin-1").lower() if len(values) == 1 else ""
        if _is_same(origin, host, port):
            return False
        if origin not in self._origins:
            raise Refused(HTTPStatus.FORBIDDEN, "this Origin is not one of access.origins")
        return True

    def _is_shown_by_foreign(self, headers: Headers, host: str, port: int | None) -> bool:
        """Tell whether a page of another site shows this in itself: a picture, a frame, a script.

        The page cannot read it (Cross-Origin-Resource-Policy), but the camera would run for it, and whoever looks at
        the page would take our picture for its own. Sec-Fetch-Site (W3C Fetch Metadata) cannot be forged or left out
        by a page; browsers send it by https and to this machine itself, where the role is most. By http across the
        network there is Referer at best. A link that somebody follows to us shows nothing in the other page: it is let
        in.
        """
        site = _first(headers, b"sec-fetch-site", _lower)
        origin = _first(headers, b"referer", _origin_of)
        if site:
            how = (_first(headers, b"sec-fetch-mode", _lower), _first(headers, b"sec-fetch-dest", _lower))
            ours = site in _OWN or how == ("navigate", "document")
        else:
            # For a picture in a page a browser accepts pictures, and no page can make it say otherwise.
            follows = _first(headers, b"accept", _lower).startswith("text/html")
            ours = not origin or follows or _is_same(origin, host, port)
        if ours:
            return False
        # OctoPrint's page never says which it is (Referrer-Policy: no-referrer). Where a page of this very host is
        # named, the browser's word that it is one of the same site has to do; it gets no more than anybody.
        if site == "same-site" and not origin and host in self._neighbours:
            return True
        if origin not in self._origins:
            raise Refused(HTTPStatus.FORBIDDEN, "a page of another site can only show this if access.origins names it")
        return True


def _first(headers: Headers, name: bytes, read: Callable[[str], str]) -> str:
    values = headers.getRawHeaders(name)
    return read(values[0].decode("latin-1")) if values else ""


def _lower(text: str) -> str:
    return text.strip().lower()


def _origin_of(url: str) -> str:
    scheme, separator, rest = _lower(url).partition("://")
    return scheme + separator + rest.partition("/")[0]


def _host_of(origin: str) -> str:
    try:
        return _authority(origin.partition("://")[2])[0]
    except ValueError:
        return ""


def _is_same(origin: str, host: str, port: int | None) -> bool:
    scheme, _, authority = origin.partition("://")
    usual = _PORTS.get(scheme)
    try:
        # A browser leaves out the usual port in both headers, and behind a proxy that ends TLS the Host is without one
        # too.
        return usual is not None and _with_port(_authority(authority), usual) == _with_port((host, port), usual)
    except ValueError:
        return False


def _authority(text: str) -> tuple[str, int | None]:
    """Split ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``.

    :raises ValueError: if it is neither.
    """
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not closed or ":" not in host or not _is_address(host):
            raise ValueError(text)
        host = str(ip_address(host))
    else:
        host, colon, port = text.partition(":")
    if not host or colon not in ("", ":") or (port and not (port.isdecimal() and port.isascii())) or len(port) > 5:  # noqa: PLR2004
        raise ValueError(text)
    return host.lower().removesuffix("."), int(port) if port else None


def _with_port(authority: tuple[str, int | None], usual: int) -> tuple[str, int]:
    host, port = authority
    return host, usual if port is None else port


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host.lower().rstrip(".") == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _came_through_proxy(headers: Headers) -> bool:
    names = (name.lower() for name, _ in headers.getAllRawHeaders())
    return any(name in _PROXY or name.startswith(_PROXY_PREFIX) for name in names)
