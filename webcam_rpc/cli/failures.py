"""What ends a command that could not be done: the words for whoever typed it, and the exit status.

Owns the translation of the service's errors into what to do about them. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webcam_rpc.cli.words import amount, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Of sysexits.h.
UNAVAILABLE, NO_PERMISSION = 69, 77


class Failed(Exception):  # noqa: N818 - told to whoever typed the command, and the end of it
    """It could not be done; a line for each thing that is wrong."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


class NoService(Exception):  # noqa: N818 - an answer
    """No service has this state directory at work."""


def refusal(error: Mapping[str, Any]) -> Failed:
    """Say in words what the service answered instead of a result, and what can be done about it.

    :raises LookupError, TypeError, AttributeError: if it is no error of JSON-RPC.
    """
    code, data = error["code"], error.get("data") or {}
    words = _WORDS.get(code)
    text = words(data) if words is not None else None
    return Failed(text or _as_it_is(error["message"], data), _STATUSES.get(code, 1))


def _as_it_is(message: str, data: Mapping[str, Any]) -> str:
    more = data.get("hint") or data.get("detail") or ", ".join(f"{name}: {value}" for name, value in data.items())
    return f"{message}{': ' if more else ''}{more}"


def _of_params(data: Mapping[str, Any]) -> str | None:
    return f"{data['param']}: {data['hint']}" if {"param", "hint"} <= data.keys() else None


_LISTED_BY = {
    "camera": "webcamctl cameras",
    "recording": "webcamctl recordings",
    "snapshot": "webcamctl snapshots",
    "schedule": "webcamctl schedule",
    "token": "webcamctl token list",
}


def _not_found(data: Mapping[str, Any]) -> str | None:
    kind = data.get("resource")
    if kind not in _LISTED_BY:
        return None
    return f"there is no {kind} {data.get('id')!r}; `{_LISTED_BY[kind]}` lists what there is"


def _denied(data: Mapping[str, Any]) -> str | None:
    if "required_role" not in data:
        return None
    return (
        f"this needs the role {data['required_role']}, and here you have the role {data.get('have_role')}: show a token"
        " that has it (--token-file, WEBCAM_TOKEN), or be root on the machine of the service"
    )


def _unknown_token(data: Mapping[str, Any]) -> str | None:
    if "reason" not in data:
        return None
    retry = data.get("retry_after_ms")
    if retry is not None:
        return f"too many wrong tokens came from here: wait {span(retry / 1000)}, then show a right one"
    return f"the token is not accepted ({data['reason']}); `webcamctl token create` on the service's machine makes one"


def _state(data: Mapping[str, Any]) -> str | None:
    reason, camera = data.get("reason"), data.get("camera_id") or "the camera"
    if reason == "DEVICE_BUSY":
        holder = data.get("holder")
        who = f"{holder['comm']} (process {holder['pid']})" if holder else "another program"
        return f"{who} has the camera open: end it, or let it use this service instead"
    told = {
        "ALREADY_RECORDING": "it is being recorded already: `webcamctl record status`, `webcamctl record stop`",
        "NOT_RECORDING": "no such recording goes on; `webcamctl recordings` lists those that are over",
        "CAMERA_DISCONNECTED": f"{camera} is not plugged in; `webcamctl cameras` lists what is",
        "RECORDING": "this camera is being recorded: `webcamctl record stop` first",
        "PROTECTED": "it is protected; `webcamctl recordings unprotect NAME` lets it be deleted",
        "TOO_MANY_SCHEDULES": f"there are {data.get('limit')} schedules, which is all there may be: cancel one first",
    }
    return told.get(str(reason))


def _failed(data: Mapping[str, Any]) -> str | None:
    detail, remedy = data.get("detail"), data.get("remedy")
    return f"{detail}\nWhat to do: {remedy}" if detail and remedy else None


def _low(data: Mapping[str, Any]) -> str | None:
    if not {"available_space", "required"} <= data.keys():
        return None
    return (
        f"too little room: {amount(data['available_space'])} are free and {amount(data['required'])} have to be;"
        " delete recordings, or see `webcamctl storage`"
    )


def _limited(data: Mapping[str, Any]) -> str | None:
    return f"too many calls in too short a time: try again in {span(data.get('retry_after_ms', 1000) / 1000)}"


def _late(data: Mapping[str, Any]) -> str | None:
    return f"it took longer than {span(data['deadline_s'])} and was undone" if "deadline_s" in data else None


def _defect(data: Mapping[str, Any]) -> str | None:
    if "correlation_id" not in data:
        return None
    return f"a defect of the service; its log says more: look for {data['correlation_id']}"


def _stopping(_: Mapping[str, Any]) -> str:
    return "the service is stopping: try again when it is back"


_WORDS: Mapping[int, Callable[[Mapping[str, Any]], str | None]] = {
    -32001: _unknown_token,
    -32002: _denied,
    -32010: _not_found,
    -32020: _state,
    -32040: _limited,
    -32050: _failed,
    -32060: _low,
    -32070: _late,
    -32080: _stopping,
    -32602: _of_params,
    -32603: _defect,
}
_STATUSES = {-32001: NO_PERMISSION, -32002: NO_PERMISSION, -32080: UNAVAILABLE}
