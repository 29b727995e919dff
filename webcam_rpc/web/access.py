"""Who may come in, and with which role: the checks of every request's Host, Origin and proxy headers.

Pure. The Host check is what stops DNS rebinding (a page whose own name was made to resolve to this machine), the
Origin check what stops other pages in a browser on this machine or network. A client that is no browser sends no
Origin, and nothing here is in its way.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from webcam_rpc.config import Access as Settings
    from webcam_rpc.web.peers import Peer

_BAD_REQUEST, _FORBIDDEN = 400, 403

#: Headers that only a proxy adds; ``X-Forwarded-*`` is there too.
_PROXY = frozenset({b"forwarded", b"via", b"x-real-ip"})
_PROXY_PREFIX = b"x-forwarded-"

#: The port that an origin of this scheme means when it names none (RFC 6454, section 4).
_PORTS = {"http": 80, "https": 443}


class Headers(Protocol):
    """The part of Twisted's ``Headers`` that is read here."""

    def getRawHeaders(self, name: bytes) -> Sequence[bytes] | None:  # noqa: N802 - Twisted's name
        """Give every value of a header."""

    def getAllRawHeaders(self) -> Iterable[tuple[bytes, Sequence[bytes]]]:  # noqa: N802 - Twisted's name
        """Give every header with its values."""


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The request does not come in: HTTP status and the reason in words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Access:
    """Admits requests.

    :param settings: the section ``access`` of the configuration.
    :param machine_names: what this machine is called.
    """

    def __init__(self, settings: Settings, machine_names: Iterable[str]) -> None:
        self._origins = frozenset(origin.lower() for origin in settings.origins)
        self._hosts = frozenset(name.lower().rstrip(".") for name in (*settings.hosts, *machine_names, "localhost"))
        self._anonymous = Role.parse(settings.anonymous)
        # Another name in access.hosts means that this machine is reached through something, which may well be a proxy
        # that runs here, connects from loopback and adds no header.
        reached = any(not _is_loopback(name) for name in settings.hosts)
        self._loopback = self._anonymous if reached else Role.parse(settings.loopback)

    def admit(self, peer: Peer, headers: Headers) -> Role:
        """Give the role of a request that shows no credentials.

        :raises Refused: if it may not come in at all.
        """
        host, port = self._host(headers)
        foreign = self._is_foreign(headers, host, port)
        if peer.loopback and not foreign and not _came_through_proxy(headers):
            return self._loopback
        return self._anonymous

    def _host(self, headers: Headers) -> tuple[str, int | None]:
        values = headers.getRawHeaders(b"host") or ()
        if len(values) != 1:
            raise Refused(_BAD_REQUEST, "one Host header is needed")
        try:
            host, port = _authority(values[0].decode("ascii"))
        except ValueError:
            raise Refused(_BAD_REQUEST, "the Host header is malformed") from None
        if host not in self._hosts and not _is_address(host):
            raise Refused(_FORBIDDEN, "this Host is not one of access.hosts")
        return host, port

    def _is_foreign(self, headers: Headers, host: str, port: int | None) -> bool:
        """Tell whether a page of another site asks, which is only let in if ``access.origins`` names it."""
        values = headers.getRawHeaders(b"origin")
        if not values:
            return False
        origin = values[0].decode("latin-1").lower() if len(values) == 1 else ""
        scheme, _, authority = origin.partition("://")
        usual = _PORTS.get(scheme)
        try:
            # A browser leaves out the usual port in both headers, and behind a proxy that ends TLS the Host is without
            # one too.
            if usual is not None and _with_port(_authority(authority), usual) == _with_port((host, port), usual):
                return False
        except ValueError:
            pass
        if origin not in self._origins:
            raise Refused(_FORBIDDEN, "this Origin is not one of access.origins")
        return True


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
