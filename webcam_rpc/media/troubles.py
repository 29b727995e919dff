"""What keeps a picture or a recording from being made: one exception for each kind, which the API turns into errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webcam_rpc.cameras.models import Trouble


class MediaRefused(Exception):  # noqa: N818 - what was asked for was refused; the service is well
    """The base of all below."""


class CaptureFailed(MediaRefused):
    """The camera gives no frames, and why.

    ``trouble.code`` is a reason of the errors' table or DEVICE_BUSY; then ``holder`` is the process that has the camera
    (``pid`` and ``comm``), None where it could not be told.
    """

    def __init__(self, trouble: Trouble, holder: Mapping[str, int | str] | None = None) -> None:
        super().__init__(trouble.reason)
        self.trouble = trouble
        self.holder = holder


class CameraAway(MediaRefused):
    """The camera is not plugged in."""

    def __init__(self, camera_id: str) -> None:
        super().__init__(f"{camera_id} is not plugged in")
        self.camera_id = camera_id


class ProgramFailed(MediaRefused):
    """ffmpeg did not do what it was asked: not there, not in time, or not right. ``remedy`` says what to do."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(f"{detail}: {remedy}")
        self.detail = detail
        self.remedy = remedy


class AlreadyRecording(MediaRefused):
    """A recording of this camera goes on."""

    def __init__(self, recording_id: str) -> None:
        super().__init__(f"recording {recording_id} goes on")
        self.recording_id = recording_id


class NotRecording(MediaRefused):
    """No such recording goes on."""


class StorageLow(MediaRefused):
    """There is not enough room above the floor; both in bytes."""

    def __init__(self, available: int, required: int) -> None:
        super().__init__(f"{available} bytes available, {required} required")
        self.available = available
        self.required = required


class StorageBroken(MediaRefused):
    """The media directory cannot be written to, or is not there; the text says which and why."""


class NameRefused(MediaRefused):
    """A file name that is not to be had: ``rule`` in one word (pattern, extension, exists), ``hint`` in words."""

    def __init__(self, rule: str, hint: str) -> None:
        super().__init__(hint)
        self.rule = rule
        self.hint = hint


class NoSuchFile(MediaRefused):
    """There is no recording or snapshot of that name."""

    def __init__(self, kind: str, filename: str) -> None:
        super().__init__(f"no {kind} {filename}")
        self.kind = kind
        self.filename = filename


class Stopping(MediaRefused):
    """The service is stopping: nothing new is begun."""
