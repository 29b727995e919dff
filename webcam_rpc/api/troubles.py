"""From what keeps a picture or a recording from being made to the errors of the wire."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from webcam_rpc.media import troubles
from webcam_rpc.rpc import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_KINDS = {"recordings": "recording", "snapshots": "snapshot"}


@contextmanager
def media_troubles_told() -> Iterator[None]:
    """Tell each of :mod:`webcam_rpc.media.troubles` as the error that API clients know it by."""
    try:
        yield
    except troubles.MediaRefused as refused:
        raise told(refused) from refused


def told(refused: troubles.MediaRefused) -> errors.RPCError:
    """Give the error for what was refused. A kind that the table lacks is a defect, and is raised as it is."""
    for kind in type(refused).__mro__:
        if kind in _ERRORS:
            return _ERRORS[kind](refused)
    raise refused


def _capture_failed(failed: troubles.CaptureFailed) -> errors.RPCError:
    trouble = failed.trouble
    if trouble.code == "DEVICE_BUSY":
        return errors.InvalidState("DEVICE_BUSY", holder=failed.holder, detail=trouble.detail, remedy=trouble.remedy)
    return errors.DependencyFailed(trouble.code, trouble.detail, trouble.remedy)


_ERRORS: Mapping[type, Callable[[Any], errors.RPCError]] = {
    troubles.CaptureFailed: _capture_failed,
    troubles.CameraAway: lambda away: errors.InvalidState("CAMERA_DISCONNECTED", camera_id=away.camera_id),
    troubles.ProgramFailed: lambda failed: errors.DependencyFailed("FFMPEG_FAILED", failed.detail, failed.remedy),
    troubles.AlreadyRecording: lambda on: errors.InvalidState("ALREADY_RECORDING", recording_id=on.recording_id),
    troubles.NotRecording: lambda _: errors.InvalidState("NOT_RECORDING"),
    troubles.StorageLow: lambda low: errors.StorageLow(low.available, low.required),
    troubles.StorageBroken: lambda broken: errors.DependencyFailed(
        "STORAGE_FAILED", str(broken), "make the media directory writable for the service"
    ),
    troubles.NameRefused: lambda name: errors.InvalidParams("filename", name.rule, name.hint),
    troubles.NoSuchFile: lambda file: errors.NotFound(_KINDS[file.kind], file.filename),
    troubles.Stopping: lambda _: errors.ShuttingDown(),
}
