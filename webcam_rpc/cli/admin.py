"""The service that runs on this machine, called through its admin socket: ``POST /rpc`` over a unix socket."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: The service makes it: :mod:`webcam_rpc.web.local`.
NAME = "admin.sock"
#: Of sysexits.h.
UNAVAILABLE, NO_PERMISSION = 69, 77
#: Seconds for an answer; the service's own deadlines are shorter.
_PATIENCE = 30.0
#: -32001 authentication failed or missing, -32002 permission denied; and what HTTP says for these and for too busy.
_REFUSALS = frozenset({-32001, -32002})
_STATUSES = {401: NO_PERMISSION, 403: NO_PERMISSION, 429: UNAVAILABLE, 503: UNAVAILABLE}


class Failed(Exception):  # noqa: N818 - told to whoever typed the command, and the end of it
    """It could not be done; a line for each thing that is wrong."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


class NoService(Exception):  # noqa: N818 - an answer
    """No service has this state directory at work."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_PATIENCE)
        # A path may be longer than the address of a unix socket: by its directory's descriptor it is not (unix(7)).
        directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sock.connect(f"/proc/self/fd/{directory}/{self._path.name}")
        finally:
            os.close(directory)


def call(state: Path, method: str, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Call a method of the service that has this state directory at work, as its administrator.

    :raises NoService: if none has.
    :raises Failed: if it answers with an error, or not at all.
    """
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    path = state / NAME
    with _reaching(path), contextlib.closing(_Connection(path)) as connection:
        connection.request("POST", "/rpc", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    try:
        answer = json.loads(text)
        error = answer.get("error")
        if error is None:
            return answer["result"]
        raise Failed(_told(error), NO_PERMISSION if error["code"] in _REFUSALS else 1)
    except (ValueError, AttributeError, LookupError, TypeError):
        shown = text[:200].decode("utf-8", "replace").strip()
        raise Failed(f"{path}: {response.status} {shown}", _STATUSES.get(response.status, 1)) from None


@contextlib.contextmanager
def _reaching(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NoService from None
    except PermissionError:
        raise Failed(f"{path}: only root and the user of the service may", NO_PERMISSION) from None
    except (OSError, http.client.HTTPException) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error) or "no answer"
        late = isinstance(error, TimeoutError) or getattr(error, "errno", None) == errno.EAGAIN
        raise Failed(f"{path}: {'no answer in time' if late else why}", UNAVAILABLE) from None


def _told(error: Mapping[str, Any]) -> str:
    data = error.get("data") or {}
    more = data.get("hint") or data.get("detail") or ", ".join(f"{name}: {value}" for name, value in data.items())
    return f"{error['message']}{': ' if more else ''}{more}"
