"""The sockets that systemd listens on for us and passes at the start (sd_listen_fds(3)).

They stay open in systemd over a restart: whoever connects meanwhile waits in the kernel and is served by the next
process. So nothing here may shut them down or unlink them; only our own descriptors are closed.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Any

from twisted.internet import tcp, unix
from twisted.internet.endpoints import _SystemdParser

if TYPE_CHECKING:
    from twisted.internet.interfaces import IListeningPort
    from twisted.internet.protocol import Factory

_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


class PassedError(Exception):
    """What was passed is nothing to listen on; the text says which descriptor."""


def passed_sockets() -> tuple[socket.socket, ...]:
    """Give the listening sockets that were passed to this process, ready for a reactor; none if none were.

    Twisted has looked for them before us: its endpoints do as soon as they are imported, and take what says so out of
    the environment. So it is Twisted that is asked.

    :raises PassedError: if one of them is no listening stream socket.
    """
    return tuple(_adopt(descriptor) for descriptor in _SystemdParser._sddaemon.inheritedDescriptors())  # noqa: SLF001 - see above


class KeptUnixPort(unix.Port):  # type: ignore[misc, unused-ignore]
    """Listens on a unix socket that listens already, and leaves it as it is.

    Twisted's port, to which adoptStreamPort would come, lets everybody connect (mode 0666), shortens the backlog, and
    at the end shuts the socket down and unlinks its file.
    """

    _shouldShutdown = False  # noqa: N815 - Twisted's name

    def startListening(self) -> None:  # noqa: N802 - Twisted's name
        """Begin to accept."""
        tcp._reservedFD.reserve()  # noqa: SLF001 - what lets it refuse when no descriptor is left
        ours: Any = self
        ours.factory.doStart()
        ours.socket, ours._preexistingSocket = self._preexistingSocket, None  # noqa: SLF001 - as tcp.Port has it
        ours.fileno = ours.socket.fileno
        ours.connected = True
        ours.numberAccepts = 100
        ours.startReading()

    def connectionLost(self, reason: object) -> None:
        """Close the descriptor, and no more."""
        tcp.Port.connectionLost(self, reason)


def listen(reactor: Any, passed: socket.socket, factory: Factory[Any]) -> IListeningPort:  # noqa: ANN401 - of several interfaces
    """Listen on a socket that listens already; ``passed`` stays open when this ends."""
    if passed.family != socket.AF_UNIX:
        port: IListeningPort = reactor.adoptStreamPort(passed.fileno(), passed.family, factory)
        return port
    kept: Any = KeptUnixPort._fromListeningDescriptor(reactor, passed.fileno(), factory)  # noqa: SLF001 - what adoptStreamPort does
    kept.startListening()
    kept_port: IListeningPort = kept
    return kept_port


def _adopt(descriptor: int) -> socket.socket:
    try:
        passed = socket.socket(fileno=descriptor)
        listens = passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise PassedError(f"descriptor {descriptor}: {error.strerror}") from None
    if not listens or passed.type != socket.SOCK_STREAM or passed.family not in _FAMILIES:
        passed.detach()
        raise PassedError(f"descriptor {descriptor} is no stream socket that listens (TCP or unix)")
    passed.settimeout(0)
    # Our children have no use for it, and would keep it open.
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only way
    return passed
