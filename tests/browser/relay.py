"""A wire between browser and service that can be cut: what a router does that is switched off, and on again.

In threads of its own, since Playwright's calls block the one that the tests run in.
"""

from __future__ import annotations

import contextlib
import socket
import threading


class Relay:
    """Passes on what comes to a port of its own; ``cut`` ends every connection, and new ones end at once."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """End every connection."""
        with self._lock:
            self._cut = True
            ended, self._open = self._open, set()
        for end in ended:
            _close(end)

    def mend(self) -> None:
        """Let connections through again."""
        self._cut = False

    def close(self) -> None:
        """End everything, threads too."""
        self.cut()
        _close(self._listener)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, 10)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                lost = self._cut
                if not lost:
                    self._open |= {near, far}
            if lost:
                _close(near)
                _close(far)
                continue
            for one, other in ((near, far), (far, near)):
                thread = threading.Thread(target=_pump, args=(one, other), daemon=True)
                thread.start()
                self._threads.append(thread)


def _pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    _close(one)
    _close(other)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
