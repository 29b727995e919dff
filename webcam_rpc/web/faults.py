"""What is wrong, as an HTTP answer: a status by the kind of error, and all that is known in a few lines of text."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from twisted.logger import Logger

from webcam_rpc.rpc.errors import (
    AuthenticationFailed,
    DeadlinePassed,
    DependencyFailed,
    InternalError,
    InvalidParams,
    InvalidState,
    NotFound,
    PermissionDenied,
    RateLimited,
    RPCError,
    ShuttingDown,
    StorageLow,
    Unsupported,
)
from webcam_rpc.web.resources import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from twisted.python.failure import Failure

    from webcam_rpc.web.channel import Request

_STATUS: Mapping[type[RPCError], HTTPStatus] = {
    InvalidParams: HTTPStatus.BAD_REQUEST,
    AuthenticationFailed: HTTPStatus.UNAUTHORIZED,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    InvalidState: HTTPStatus.CONFLICT,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    InternalError: HTTPStatus.INTERNAL_SERVER_ERROR,
    Unsupported: HTTPStatus.NOT_IMPLEMENTED,
    DependencyFailed: HTTPStatus.SERVICE_UNAVAILABLE,
    ShuttingDown: HTTPStatus.SERVICE_UNAVAILABLE,
    DeadlinePassed: HTTPStatus.GATEWAY_TIMEOUT,
    StorageLow: HTTPStatus.INSUFFICIENT_STORAGE,
}
#: States that end by themselves: whoever asks again later may well be served.
_PASSING = frozenset({"CAMERA_DISCONNECTED", "DEVICE_BUSY", "TOO_MANY_REPLAYS", "TOO_MANY_WIDTHS"})

_log = Logger(namespace="webcam_rpc.web")


def status_of(error: RPCError) -> HTTPStatus:
    """Give the status that an error is answered with."""
    if error.data is not None and error.data.get("reason") in _PASSING:
        return HTTPStatus.SERVICE_UNAVAILABLE
    return _STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)


def text_of(error: RPCError) -> str:
    """Write an error for people: what it is, and a line for each thing that is known of it."""
    return "\n".join((error.message, *(f"{key}: {value}" for key, value in (error.data or {}).items())))


def tell(request: Request, error: RPCError) -> bytes:
    """Answer with what is wrong; nobody is to keep that."""
    request.setHeader(b"Cache-Control", b"no-store")
    return refuse(request, status_of(error), text_of(error))


def tell_failure(request: Request, failure: Failure) -> bytes:
    """Answer with what is wrong; a defect of ours is logged, and is nobody else's business."""
    if isinstance(failure.value, RPCError):
        return tell(request, failure.value)
    _log.failure("Serving {path} failed", failure, path=request.path)
    return refuse(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal error")
