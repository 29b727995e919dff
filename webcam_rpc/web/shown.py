"""What only those get who may see pictures: the check of the role, the query, and answers that take their time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET

from webcam_rpc.rpc.errors import DeadlinePassed, InvalidParams, RPCError
from webcam_rpc.rpc.roles import Role
from webcam_rpc.web.faults import tell, tell_failure
from webcam_rpc.web.resources import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.web.channel import Request

_Result = TypeVar("_Result")
_Number = TypeVar("_Number", int, float)

#: How long an answer may take before it begins, in seconds.
DEADLINE = 14.0
_FLAGS = {"1": True, "true": True, "yes": True, "": True, "0": False, "false": False, "no": False}


class Query:
    """The parameters of a request. Of one that is given twice the first counts."""

    def __init__(self, request: Request) -> None:
        self._args: Mapping[bytes, Sequence[bytes]] = request.args or {}

    def text(self, name: str) -> str | None:
        """Give a parameter; None where there is none. Raises InvalidParams."""
        values = self._args.get(name.encode())
        if not values:
            return None
        try:
            return values[0].decode()
        except UnicodeDecodeError:
            raise InvalidParams(name, "encoding", "UTF-8") from None

    def flag(self, name: str) -> bool:
        """Give a switch. Raises InvalidParams."""
        text = self.text(name)
        if text is None:
            return False
        if text.lower() not in _FLAGS:
            raise InvalidParams(name, "type", "1 or 0")
        return _FLAGS[text.lower()]

    def number(self, name: str, kind: Callable[[str], _Number], least: _Number, most: _Number) -> _Number | None:
        """Give a number within its bounds; None where there is none. Raises InvalidParams."""
        text = self.text(name)
        if text is None:
            return None
        try:
            value = kind(text)
        except ValueError:
            value = None
        # NaN is within no bounds.
        if value is None or not least <= value <= most:
            raise InvalidParams(name, "range", f"a number from {least} to {most}")
        return value


class Shown(Endpoint):
    """Something that only those get who may see pictures."""

    verbs = (b"GET", b"HEAD")
    role = Role.VIEWER

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__()
        self._clock = clock

    def serve(self, request: Request) -> bytes | int:
        """Answer."""
        try:
            return self.show(request, Query(request))
        except RPCError as error:
            return tell(request, error)

    def show(self, request: Request, query: Query) -> bytes | int:
        """Answer, or raise RPCError."""
        raise NotImplementedError


def later(
    request: Request, clock: IReactorTime, result: Deferred[_Result], show: Callable[[_Result], bytes | int]
) -> int:
    """Answer with what ``show`` makes of a result when it is there, or with what is wrong.

    The result is cancelled when the client has gone, or when the time is up.
    """
    gone: list[Failure] = []

    def left(failure: Failure) -> None:
        gone.append(failure)
        result.cancel()

    def failed(failure: Failure) -> bytes | int:
        if gone and failure.check(CancelledError, RPCError):
            return NOT_DONE_YET
        return tell_failure(request, failure)

    def respond(body: bytes | int) -> None:
        if isinstance(body, bytes) and not gone:
            request.write(body)
            request.finish()

    request.notifyFinish().addErrback(left)
    result.addTimeout(DEADLINE, clock, lambda *_: Failure(DeadlinePassed(DEADLINE)))
    answered: Deferred[bytes | int] = result.addCallback(show)
    answered.addErrback(failed).addCallback(respond)
    return NOT_DONE_YET
