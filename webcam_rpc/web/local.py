"""The admin socket: a unix socket in the state directory, for this machine's administrator.

Owns its file. Whoever connects as root or as the user of the service is an administrator, which the kernel says
(SO_PEERCRED, unix(7)) and the mode of the file sees to before that. A file that an earlier run has left is removed at
the start, our own at the end.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger

from webcam_rpc.web.passed import listen
from webcam_rpc.web.peers import Peer

if TYPE_CHECKING:
    from pathlib import Path

    from twisted.internet.interfaces import IAddress, IListeningPort

    from webcam_rpc.web.channel import Channel
    from webcam_rpc.web.site import Site

    _ServerFactory = ServerFactory[Any]
else:
    # Twisted 24.11 has it without a type of what it builds.
    _ServerFactory = ServerFactory

NAME = "admin.sock"

#: Bytes of a unix socket's address, with the zero at its end (unix(7)).
_LONGEST = 107
_BACKLOG = 64
#: In a user namespace (PrivateUsers of systemd.exec(5)) everybody is this user who is not mapped into it.
_UNKNOWN = 65534


class _Taken(Exception):  # noqa: N818 - a reason
    """Another service listens there."""


class AdminSite(_ServerFactory):
    """The site, for connections of the admin socket: their peers say who they are.

    :param trusted: the users who are administrators.
    """

    noisy = False

    def __init__(self, site: Site, trusted: frozenset[int]) -> None:
        self._site = site
        self._trusted = trusted

    def startFactory(self) -> None:  # noqa: N802 - Twisted's name
        """Start the site too, which counts its ports."""
        self._site.doStart()

    def stopFactory(self) -> None:  # noqa: N802 - Twisted's name
        """Stop it when it has no other port."""
        self._site.doStop()

    def buildProtocol(self, addr: IAddress | None) -> Channel:
        """Make a channel that asks the kernel who its peer is."""
        channel: Any = self._site.buildProtocol(addr)
        channel.peer_of = lambda transport: Peer.of_user(transport.socket, self._trusted)
        made: Channel = channel
        return made


class AdminSocket(Service):
    """Listens on the admin socket while it runs.

    :param directory: the state directory.
    :param site: what it serves.
    """

    _log = Logger(namespace="webcam_rpc.web")

    def __init__(self, reactor: Any, directory: Path, site: Site) -> None:  # noqa: ANN401 - of several interfaces
        self.path = directory / NAME
        self._reactor = reactor
        self._site = AdminSite(site, frozenset({0, os.getuid()} - {_UNKNOWN}))
        self._port: IListeningPort | None = None
        self._ours: tuple[int, int] | None = None

    def privilegedStartService(self) -> None:
        """Listen. Where another service does, this one ends with one line: two would spoil each other's files."""
        super().privilegedStartService()
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _Directory(self.path) as reachable:
                _remove_stale(reachable)
                self._listen(reachable)
        except _Taken:
            _give_up(self.path)
        except OSError as error:
            # Cameras are served without it.
            self._log.error("There is no admin socket: {path}: {reason}", path=self.path, reason=error.strerror)

    def startService(self) -> None:
        """Listen, unless that has begun already."""
        super().startService()
        if self._port is None:
            self.privilegedStartService()

    def stopService(self) -> Deferred[Any]:
        """Take no more connections, and remove the file unless it is another's by now."""
        super().stopService()
        port, self._port = self._port, None
        if port is None:
            return succeed(None)
        with contextlib.suppress(OSError):
            if _identity(self.path) == self._ours:
                self.path.unlink()
        return maybeDeferred(port.stopListening)

    def _listen(self, reachable: str) -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(reachable)
            # Until listen(2) nobody can connect, so nobody comes in between.
            os.chmod(reachable, 0o600)
            listening.settimeout(0)
            listening.listen(_BACKLOG)
            self._ours = _identity(reachable)
            self._port = listen(self._reactor, listening, self._site)


class _Directory:
    """Gives a path for a socket's address, which may be shorter than a path is: there it goes by a descriptor."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= _LONGEST:
            return str(self._path)
        self._descriptor = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._descriptor}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def _remove_stale(path: str) -> None:
    """Remove a socket on which nobody listens any more.

    :raises _Taken: if somebody does.
    """
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(0, "it is there and is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.settimeout(0)
        try:
            visitor.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:
            pass  # somebody listens, and has much to do
    raise _Taken


def _identity(path: str | Path) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _give_up(path: Path) -> NoReturn:
    # By now twistd has turned sys.stderr into the log; whoever typed the command looks at the real one.
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"Cannot listen on {path}: another service uses this state directory\n")
    raise SystemExit(1)
