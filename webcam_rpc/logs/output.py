"""Where lines go: a file of our own or one of the process's standard streams.

Owns a file descriptor and never lets it hurt the service: a full disk, a closed pipe or a reader that does not read
loses lines and nothing else. A line that went out in part is completed before the next one, so lines are whole.
"""

from __future__ import annotations

import os
import select
import stat
import threading

# pipe(7): a pipe that polls as writable takes this much without blocking.
_CHUNK = 4096


class Output:
    """Whole lines into a file descriptor that belongs to somebody else; it is neither closed nor made non-blocking.

    O_NONBLOCK would be shared with every process that has the same terminal or pipe, so the descriptor is polled
    instead.
    """

    def __init__(self, descriptor: int) -> None:
        self.trouble = ""
        self._descriptor = descriptor
        self._rest = b""
        # Re-entrant: a signal's Python handler may log while the main thread is in here.
        self._lock = threading.RLock()
        self._polled = not _is_regular(descriptor)

    def write(self, line: bytes) -> bool:
        """Write ``line``; False, and :attr:`trouble` says why, if none of it could be taken."""
        with self._lock:
            if not self._drained():
                return False
            self._rest = line
            self._drained()
            if self._rest == line:
                self._rest = b""
                return False
            return True

    def reopen(self) -> None:
        """Go on in the file that now has the name; a standard stream has none."""

    def _drained(self) -> bool:
        while self._rest:
            try:
                if self._polled and not _writable(self._descriptor):
                    self.trouble = "the reader is too slow"
                    return False
                written = os.write(self._descriptor, self._rest[:_CHUNK] if self._polled else self._rest)
            except (OSError, ValueError) as error:
                self.trouble = str(getattr(error, "strerror", None) or error)
                return False
            self._rest = self._rest[written:]
        return True


class FileOutput(Output):
    """Whole lines at the end of a named file, which is made with its directory if it is not there.

    :raises OSError: if it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        # Absolute, because a daemon changes its working directory before it reopens.
        self.path = os.path.abspath(path)
        os.makedirs(os.path.dirname(self.path), mode=0o750, exist_ok=True)
        super().__init__(self._opened())

    def reopen(self) -> None:
        """Go on in the file that now has the name, after a rotation.

        :raises OSError: if that cannot be opened; the old one is kept then.
        """
        descriptor = self._opened()
        with self._lock:
            self._drained()
            self._rest = b""
            os.close(self._descriptor)
            self._descriptor = descriptor
            self._polled = not _is_regular(descriptor)

    def close(self) -> None:
        """Close the file; what is written afterwards is lost."""
        with self._lock:
            os.close(self._descriptor)
            self._descriptor = -1

    def _opened(self) -> int:
        # Non-blocking, because opening a FIFO that nobody reads would wait for ever.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        return os.open(self.path, flags, 0o640)


def _is_regular(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _writable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    # An error (POLLERR, POLLNVAL) is an answer as well: the write then says which.
    return bool(poll.poll(0))
