"""Reverse proxies: who is behind one, told by a header that only the configured ones are believed.

Pure. Of the headers there are it is ``X-Forwarded-For``, which nginx, Caddy, HAProxy and Traefik write alike: each puts
the address it was called from at the end. ``Forwarded`` (RFC 7239) is not read: a proxy that writes the one lets the
other through as its client sent it, and then anybody could say to be anybody.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from webcam_rpc.web.peers import Peer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    class Headers(Protocol):
        """The part of Twisted's ``Headers`` that is read here."""

        def getRawHeaders(self, name: bytes) -> Sequence[bytes] | None:  # noqa: N802 - Twisted's name
            """Give every value of a header."""


#: Proxies in a row that are gone through; nobody has so many.
_HOPS = 32


class Proxies:
    """The proxies that are believed.

    :param networks: their addresses, or networks such as ``10.0.0.0/8``.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ip_network(network, strict=False) for network in networks)

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._networks)

    def includes(self, address: str | None) -> bool:
        """Tell whether an IP address is one of a proxy."""
        if address is None or not self._networks:
            return False
        ip = ip_address(address)
        return any(ip in network for network in self._networks)

    def origin(self, peer: Peer, headers: Headers) -> Peer:
        """Give who really asks: the last address in the header that is not one of a proxy's.

        Whatever stands before it was written by the client itself, who may write what it likes.
        """
        if not self.includes(peer.address):
            return peer
        found = peer.address
        values = headers.getRawHeaders(b"x-forwarded-for") or ()
        hops = b",".join(values).rsplit(b",", _HOPS)
        for hop in reversed(hops[-_HOPS:]):
            address = _address(hop.strip())
            if address is None:
                break
            found = address
            if not self.includes(address):
                break
        # Through a proxy nobody is on this machine, whatever its address says.
        return Peer(found, loopback=False, name=f"{found} by {peer.name}")


def _address(text: bytes) -> str | None:
    """Read an address, with or without a port: ``192.0.2.1:80``, ``[2001:db8::1]:80``."""
    host = text.decode("latin-1")
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    mapped = getattr(ip, "ipv4_mapped", None)
    return str(mapped or ip)
