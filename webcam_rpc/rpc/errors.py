"""Every error that a client can get: its code, its message and the shape of its ``data``.

Owns the one hierarchy, :class:`RPCError`, and the table :data:`ERRORS`, from which the documentation and the OpenRPC
document are made. A method raises one of the subclasses; anything else that it raises is a defect, and its client
gets an :class:`InternalError` that tells nothing but a correlation id.

What comes from a request (a method's name, a parameter's name, an id that was not found) is cut to
:data:`REFLECTED` characters, so that no error grows with what was sent.
"""

# ruff: noqa: N818 - the names are those of the table in the API's documentation, which says "errors" once above it

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webcam_rpc.rpc.roles import Role

#: How many characters of one piece of a request an error gives back.
REFLECTED = 200


def cut(text: str) -> str:
    """Shorten what came from a request to what an error may give back of it."""
    return text if len(text) <= REFLECTED else text[: REFLECTED - 1] + "…"


class HintData(msgspec.Struct, frozen=True):
    """Which limit a request went over, for people; absent where the specification says all."""

    hint: str


class InvalidParamsData(msgspec.Struct, frozen=True):
    """Which parameter was refused: its path, the rule as one word for machines, and a sentence for people."""

    param: str
    rule: str
    hint: str


class InternalErrorData(msgspec.Struct, frozen=True):
    """What to look for in the service's log."""

    correlation_id: str


class ReasonData(msgspec.Struct, frozen=True):
    """Why."""

    reason: str


class PermissionDeniedData(msgspec.Struct, frozen=True):
    """The role that the method needs and the one that the caller has."""

    required_role: str
    have_role: str


class NotFoundData(msgspec.Struct, frozen=True):
    """What kind of thing was asked for, and by which id."""

    resource: str
    id: str


class UnsupportedData(msgspec.Struct, frozen=True):
    """What this camera or this build cannot do."""

    feature: str


class RateLimitedData(msgspec.Struct, frozen=True):
    """When to try again."""

    retry_after_ms: int


class DependencyFailedData(msgspec.Struct, frozen=True):
    """What failed, what it said, and what to do about it."""

    reason: str
    detail: str
    remedy: str


class StorageLowData(msgspec.Struct, frozen=True):
    """How many bytes there are and how many there should be."""

    available_space: int
    required: int


class DeadlinePassedData(msgspec.Struct, frozen=True):
    """How long the call was given."""

    deadline_s: float


class RPCError(Exception):
    """What a call ends with instead of a result.

    ``code`` and ``title`` belong to the subclass; ``message`` is the title unless the subclass adds to it; ``data`` is
    a mapping that JSON can carry, or None. ``shape`` describes ``data`` (further members may be there), None where the
    error has none.
    """

    code: ClassVar[int]
    title: ClassVar[str]
    shape: ClassVar[type[msgspec.Struct] | None] = None

    def __init__(self, data: Mapping[str, object] | None = None, message: str | None = None) -> None:
        self.message = self.title if message is None else message
        self.data = data
        super().__init__(self.message)


class ParseError(RPCError):
    """The text is not strict JSON, or is nested too deep to be read."""

    code = -32700
    title = "Parse error"

    def __init__(self) -> None:
        super().__init__()


class InvalidRequest(RPCError):
    """The JSON is not a request, or goes over a limit, which ``hint`` then names."""

    code = -32600
    title = "Invalid Request"
    shape = HintData

    def __init__(self, hint: str | None = None) -> None:
        super().__init__(None if hint is None else {"hint": hint})


class MethodNotFound(RPCError):
    """There is no method of that name."""

    code = -32601
    title = "Method not found"

    def __init__(self, name: str) -> None:
        super().__init__(message=f"{self.title}: {cut(name)}")


class InvalidParams(RPCError):
    """A parameter is unknown, missing, ill-typed or out of its bounds."""

    code = -32602
    title = "Invalid params"
    shape = InvalidParamsData

    def __init__(self, param: str, rule: str, hint: str) -> None:
        super().__init__({"param": cut(param), "rule": rule, "hint": hint})


class InternalError(RPCError):
    """A defect of the service; the log says which, beside the correlation id."""

    code = -32603
    title = "Internal error"
    shape = InternalErrorData

    def __init__(self, correlation_id: str) -> None:
        super().__init__({"correlation_id": correlation_id})


class AuthenticationFailed(RPCError):
    """The credentials are missing or wrong; ``locked_out`` says in ``retry_after_ms`` when to try again."""

    code = -32001
    title = "Authentication failed"
    shape = ReasonData

    def __init__(self, reason: str, **more: object) -> None:
        super().__init__({"reason": reason, **more})


class PermissionDenied(RPCError):
    """The caller's role does not reach this method."""

    code = -32002
    title = "Permission denied"
    shape = PermissionDeniedData

    def __init__(self, required: Role, have: Role) -> None:
        super().__init__({"required_role": required.wire, "have_role": have.wire})


class NotFound(RPCError):
    """There is no such camera, recording, snapshot or schedule."""

    code = -32010
    title = "Not found"
    shape = NotFoundData

    def __init__(self, resource: str, id: str) -> None:  # noqa: A002 - the wire's name for it
        super().__init__({"resource": resource, "id": cut(id)})


class InvalidState(RPCError):
    """What was asked for cannot be done as things are now; further members of ``data`` may say more."""

    code = -32020
    title = "Invalid state"
    shape = ReasonData

    def __init__(self, reason: str, **more: object) -> None:
        super().__init__({"reason": reason, **more})


class Unsupported(RPCError):
    """Not to be had with this camera or this build."""

    code = -32030
    title = "Not supported"
    shape = UnsupportedData

    def __init__(self, feature: str) -> None:
        super().__init__({"feature": cut(feature)})


class RateLimited(RPCError):
    """Too many calls in too short a time."""

    code = -32040
    title = "Rate limited"
    shape = RateLimitedData

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__({"retry_after_ms": retry_after_ms})


class DependencyFailed(RPCError):
    """Something that the service relies on (a driver, a program) failed."""

    code = -32050
    title = "Dependency failed"
    shape = DependencyFailedData

    def __init__(self, reason: str, detail: str, remedy: str) -> None:
        super().__init__({"reason": reason, "detail": detail, "remedy": remedy})


class StorageLow(RPCError):
    """There is not enough room."""

    code = -32060
    title = "Storage low"
    shape = StorageLowData

    def __init__(self, available_space: int, required: int) -> None:
        super().__init__({"available_space": available_space, "required": required})


class DeadlinePassed(RPCError):
    """The call took longer than it may; it was cancelled and undone."""

    code = -32070
    title = "Deadline passed"
    shape = DeadlinePassedData

    def __init__(self, deadline_s: float) -> None:
        super().__init__({"deadline_s": deadline_s})


class ShuttingDown(RPCError):
    """The service is stopping."""

    code = -32080
    title = "Shutting down"

    def __init__(self) -> None:
        super().__init__()


#: Every error by its code; a row's ``title`` is its message and ``shape`` the Struct that describes its ``data``.
ERRORS: Mapping[int, type[RPCError]] = {
    error.code: error
    for error in (
        ParseError,
        InvalidRequest,
        MethodNotFound,
        InvalidParams,
        InternalError,
        AuthenticationFailed,
        PermissionDenied,
        NotFound,
        InvalidState,
        Unsupported,
        RateLimited,
        DependencyFailed,
        StorageLow,
        DeadlinePassed,
        ShuttingDown,
    )
}
