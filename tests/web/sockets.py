"""A connection of Twisted's on a real socket, with a reactor that a test is itself."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp
from twisted.internet.protocol import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.trial.unittest import SynchronousTestCase


class Waits:
    """What a connection wants of a reactor.

    :ivar writes: whether it waits until it can write.
    """

    # ruff: noqa: N802 - Twisted's names

    def __init__(self) -> None:
        self.writes = False
        self.later: list[Callable[[], object]] = []

    def addWriter(self, _: object) -> None:
        """Note it."""
        self.writes = True

    def removeWriter(self, _: object) -> None:
        """Note it."""
        self.writes = False

    def removeReader(self, _: object) -> None:
        """Do nothing: nothing is read."""

    def callLater(self, _seconds: float, function: Any, *args: Any) -> None:
        """Note it."""
        self.later.append(lambda: function(*args))


def connected(case: SynchronousTestCase) -> tuple[Any, socket.socket, Waits]:
    """Make a connection of little room, the socket of its peer, which reads when the test does, and their reactor."""
    ours, peer = socket.socketpair()
    case.addCleanup(peer.close)
    case.addCleanup(ours.close)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    ours.settimeout(0)
    peer.settimeout(0)
    waits = Waits()
    reactor: Any = waits
    connection = tcp.Connection(ours, Protocol(), reactor)
    connection.connected = 1
    return connection, peer, waits
