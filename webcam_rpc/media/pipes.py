"""Both ends of a child's pipes, as the reactor reads and writes them.

Owns the two descriptors that carry pictures. Twisted's own pipes of a process read 8 KiB at a time, which for a
camera's megabytes a second costs more than everything else, and do not tell how much a writer still has to take.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from typing import TYPE_CHECKING, Any

from twisted.internet import main
from twisted.internet.abstract import FileDescriptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

#: What a pipe holds (pipe(7): the most that an unprivileged process may ask for), so that a busy reactor delays nobody.
_PIPE_SIZE = 1 << 20
#: Bytes taken in one turn of the reactor.
_READ = 1 << 18
_AGAIN = (errno.EAGAIN, errno.EINTR)


def make_pipe(*, child_reads: bool) -> tuple[int, int]:
    """Make a pipe for big data; gives our end, which does not block, and the child's."""
    read, write = os.pipe2(os.O_CLOEXEC)
    # Where the limit for all pipes of a user is reached it stays as it is.
    with contextlib.suppress(OSError):
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    ours, theirs = (write, read) if child_reads else (read, write)
    os.set_blocking(ours, False)
    return ours, theirs


class Output(FileDescriptor):
    """What a child prints.

    :param take: gets each piece.
    :param ended: is called once, when nobody can write into it any more or it was closed.
    """

    def __init__(self, reactor: Any, descriptor: int, take: Callable[[bytes], None], ended: Callable[[], None]) -> None:  # noqa: ANN401 - of several interfaces
        super().__init__(reactor)
        self._descriptor = descriptor
        self._take = take
        self._ended = ended
        self.connected = 1
        self.startReading()

    def fileno(self) -> int:
        """Give the descriptor; -1 once it is closed."""
        return self._descriptor

    def doRead(self) -> Failure | Exception | None:
        """Pass a piece on."""
        try:
            data = os.read(self._descriptor, _READ)
        except OSError as error:
            return None if error.errno in _AGAIN else main.CONNECTION_LOST
        if not data:
            return main.CONNECTION_DONE
        self._take(data)
        return None

    def drain(self) -> None:
        """Pass on what is in the pipe already."""
        for _ in range(_PIPE_SIZE // _READ + 1):
            if self._descriptor < 0 or self.doRead() is not None:
                return

    def connectionLost(self, reason: Failure) -> None:
        """Close, and tell that this was all."""
        if self._descriptor < 0:
            return
        super().connectionLost(reason)
        os.close(self._descriptor)
        self._descriptor = -1
        self._ended()


class Input(FileDescriptor):
    """What a child is fed with.

    :ivar pending: bytes that the pipe has not taken yet.
    """

    def __init__(self, reactor: Any, descriptor: int) -> None:  # noqa: ANN401 - of several interfaces
        super().__init__(reactor)
        self._descriptor = descriptor
        self.pending = 0
        self.connected = 1

    def fileno(self) -> int:
        """Give the descriptor; -1 once it is closed."""
        return self._descriptor

    def write(self, data: bytes) -> None:
        """Write when the pipe has room; nothing once it is closed."""
        if self.connected and not self.disconnecting:
            self.pending += len(data)
            super().write(data)

    def writeSomeData(self, data: bytes) -> int | Exception:  # noqa: N802 - Twisted's name
        """Write what fits."""
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            return 0 if error.errno in _AGAIN else main.CONNECTION_LOST
        self.pending -= written
        return written

    def connectionLost(self, reason: Failure) -> None:
        """Close: the child sees the end of its input."""
        if self._descriptor < 0:
            return
        super().connectionLost(reason)
        os.close(self._descriptor)
        self._descriptor = -1
        self.pending = 0
