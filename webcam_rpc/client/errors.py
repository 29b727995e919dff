"""What a call or an iterator of notifications can end with, beside what it is there for."""

# ruff: noqa: N818 - the names say what happened

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """The base of all of them."""


class CallFailed(ClientError):
    """The service answered with an error; the codes are those of :mod:`webcam_rpc.rpc.errors`.

    :ivar method: what was called.
    :ivar code: the error's code.
    :ivar message: its words.
    :ivar data: what belongs to it, ``{}`` where it has nothing more to say.
    """

    def __init__(self, method: str, code: int, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(f"{method}: {code} {message}{f' {data}' if data else ''}")
        self.method = method
        self.code = code
        self.message = message
        self.data = data or {}


class NotConnected(ClientError):
    """There was no connection, and none came in time; the call was not made."""


class ConnectionLost(ClientError):
    """The connection was lost with the call under way: whether it was performed is not known."""


class NoAnswer(ClientError, TimeoutError):
    """The call's deadline passed: whether it was performed is not known."""


class BadAnswer(ClientError):
    """The answer is not what this method is answered with: the service is another, or older than this client."""


class Refused(ClientError):
    """The service does not let this client in (401, 403, 404): to try again would change nothing."""


class Overrun(ClientError):
    """Notifications came faster than they were taken out of the iterator, and it is full."""


class Closed(ClientError):
    """The client was closed."""
