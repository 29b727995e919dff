"""Where a connection comes from: one value made of Twisted's several kinds of address."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from socket import SO_PEERCRED, SOL_SOCKET
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container
    from socket import socket

#: ``struct ucred`` of unix(7): the other end's process, user and group.
_UCRED = struct.Struct("iII")


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection.

    :ivar address: its IP address, by which connections are counted; None for a unix socket.
    :ivar loopback: whether it is on this machine. A unix socket is: whoever may open it is the file's business.
    :ivar name: how the log calls it.
    :ivar admin: whether the kernel says that it is an administrator, which it does for the admin socket only.
    """

    address: str | None
    loopback: bool
    name: str
    admin: bool = False

    def __str__(self) -> str:
        """Give the name."""
        return self.name

    @property
    def network(self) -> str | None:
        """What is counted as one client: an IPv4 address, or the /64 of an IPv6 one, which is one subscriber's."""
        if self.address is None or ":" not in self.address:
            return self.address
        return str(ip_network(f"{self.address.partition('%')[0]}/64", strict=False))

    @classmethod
    def of(cls, address: object) -> Peer:
        """Describe what a transport's ``getPeer`` gave.

        An IPv4 client of a socket that serves both families comes as ``::ffff:192.0.2.1``: it is the same client.
        """
        host, port = getattr(address, "host", None), getattr(address, "port", None)
        if host is None:
            return cls(None, loopback=True, name="unix")
        ip = ip_address(host)
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        name = f"[{ip}]:{port}" if isinstance(ip, IPv6Address) else f"{ip}:{port}"
        return cls(str(ip), loopback=ip.is_loopback, name=name)

    @classmethod
    def of_user(cls, connected: socket, trusted: Container[int]) -> Peer:
        """Describe the other end of a unix socket, an administrator if its user is one of ``trusted``."""
        pid, uid, _ = _UCRED.unpack(connected.getsockopt(SOL_SOCKET, SO_PEERCRED, _UCRED.size))
        return cls(None, loopback=True, name=f"unix:pid={pid},uid={uid}", admin=uid in trusted)
