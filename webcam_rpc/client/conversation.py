"""The calls of one connection: their ids, what becomes of each, and what a message from the service is.

Pure: text goes in and comes out. Each call is settled once, by one of two callables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw

from webcam_rpc.client.errors import BadAnswer, CallFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Call(NamedTuple):
    """A call, and who waits for it.

    ``result`` is the type of its result; one of ``succeeded`` and ``failed`` is called, once.
    """

    method: str
    result: Any
    succeeded: Callable[[Any], object]
    failed: Callable[[Exception], object]


class Notification(NamedTuple):
    """What nobody asked for: a name, and params that have yet to be read."""

    method: str
    params: Raw


class _Error(msgspec.Struct, frozen=True):
    code: int
    message: str
    data: Any = None


class _Message(msgspec.Struct, frozen=True):
    method: str | None = None
    params: Raw = Raw(b"{}")
    id: int | None = None
    result: Raw = Raw(b"null")
    error: _Error | None = None


_read = msgspec.json.Decoder(_Message).decode
_write = msgspec.json.Encoder().encode


class Conversation:
    """What was asked on one connection, and has yet to be answered."""

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._last = 0

    def ask(self, call: Call, params: Mapping[str, Any]) -> tuple[int, str]:
        """Give the id and the text of a call; params that are ``UNSET`` are left out."""
        self._last += 1
        self._calls[self._last] = call
        request: dict[str, Any] = {"jsonrpc": "2.0", "method": call.method, "id": self._last}
        given = {name: value for name, value in params.items() if value is not UNSET}
        if given:
            request["params"] = given
        try:
            return self._last, _write(request).decode()
        except (TypeError, ValueError, OverflowError):
            # Never asked, never answered.
            del self._calls[self._last]
            raise

    def abandon(self, number: int) -> Call | None:
        """Wait no longer for the answer to a call; None where it has come."""
        return self._calls.pop(number, None)

    def lost(self, why: Callable[[Call], Exception]) -> None:
        """Fail every call that was not answered."""
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.failed(why(call))

    def received(self, text: str | bytes) -> Notification | None:
        """Take a message: settle the call that it answers, or give the notification that it is.

        :raises BadAnswer: if it is neither.
        """
        try:
            message = _read(text)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise BadAnswer(f"not a message of JSON-RPC 2.0: {error}") from None
        if message.method is not None:
            return Notification(message.method, message.params)
        call = self._calls.pop(message.id, None) if message.id is not None else None
        # What was abandoned is answered all the same, and nobody waits.
        if call is not None:
            _settle(call, message)
        return None


def _settle(call: Call, message: _Message) -> None:
    if message.error is not None:
        error = message.error
        call.failed(CallFailed(call.method, error.code, error.message, error.data))
        return
    try:
        result = msgspec.json.decode(message.result, type=call.result)
    except msgspec.MsgspecError as error:
        call.failed(BadAnswer(f"{call.method}: {error}"))
        return
    call.succeeded(result)
