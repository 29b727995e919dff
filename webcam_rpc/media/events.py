"""What the parts of media tell the bus: recordings, snapshots, schedules, storage and feeds as they change."""

from __future__ import annotations

from typing import Literal

import msgspec


class RecordingChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Event: a recording began, went on in another file, ended, or failed.

    STARTED once a file has its first frame; each further file is STARTED again with its name (``segment`` counts from
    1). INTERRUPTED when a file is whole and the recording goes on when it can (``reason`` says why), STOPPED and ERROR
    when the recording is over. ``duration`` is seconds recorded until now. FINALIZED: the remuxed file is in place.
    """

    camera_id: str
    device: str
    recording_id: str
    status: Literal["STARTED", "INTERRUPTED", "STOPPED", "ERROR", "FINALIZED"]
    filename: str | None
    duration: float
    segment: int = 1
    reason: str | None = None
    schedule_id: str | None = None


class SnapshotTaken(msgspec.Struct, frozen=True, kw_only=True):
    """Event: a picture is there whole."""

    camera_id: str
    device: str
    filename: str
    file_size: int
    timestamp: str


class ScheduleChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Event: a schedule was made, changed, cancelled, or one of its runs began, joined another, ended, failed.

    ``recording_id`` where a run has one; ``next_run`` is RFC 3339 UTC, None where there is none.
    """

    schedule_id: str
    camera_id: str
    status: Literal[
        "CREATED", "UPDATED", "CANCELLED", "STARTED", "JOINED", "RESUMED", "FINISHED", "MISSED", "FAILED", "EXPIRED"
    ]
    name: str | None = None
    next_run: str | None = None
    recording_id: str | None = None
    reason: str | None = None


class StorageChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Event: room got low or is there again, the directory broke or mended, files were cleaned up. Sizes in bytes."""

    status: Literal["OK", "LOW", "FULL", "BROKEN", "CLEANED"]
    available_space: int | None
    files_deleted: int = 0
    space_freed: int = 0
    reason: str | None = None


class FeedChanged(msgspec.Struct, frozen=True, kw_only=True):
    """Event, inside the service only: a camera's feed began to deliver (reason None), or stopped and why."""

    camera_id: str
    delivering: bool
    reason: str | None = None
