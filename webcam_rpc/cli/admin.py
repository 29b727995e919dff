"""The service that runs on this machine, called through its admin socket: ``POST /rpc`` over a unix socket."""

from __future__ import annotations

import http.client
import os
import socket
from typing import TYPE_CHECKING, Any

from webcam_rpc.cli import exchange
from webcam_rpc.cli.failures import NO_PERMISSION, Failed, NoService

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The service makes it: :mod:`webcam_rpc.web.local`.
NAME = "admin.sock"
#: Seconds for an answer; the service's own deadlines are shorter.
_PATIENCE = 30.0


class Connection(http.client.HTTPConnection):
    """HTTP over the admin socket of a state directory."""

    def __init__(self, state: Path, patience: float | None = None) -> None:
        super().__init__("localhost", timeout=_PATIENCE if patience is None else patience)
        self._path = state / NAME

    def connect(self) -> None:
        """Connect.

        :raises NoService: if no service listens.
        :raises Failed: if we may not.
        """
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            # A path may be longer than a unix socket's address: by its directory's descriptor it is not (unix(7)).
            directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
            finally:
                os.close(directory)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NoService from None
        except PermissionError:
            raise Failed(f"{self._path}: only root and the user of the service may", NO_PERMISSION) from None


def call(state: Path, method: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Call a method of the service that has this state directory at work, as its administrator.

    :raises NoService: if none has.
    :raises Failed: if it answers with an error, or not at all.
    """
    return exchange.call(Connection(state), str(state / NAME), method, params)
