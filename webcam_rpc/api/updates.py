"""Which notification an event becomes: its name, its params, and the camera that it is about.

Owns the table from the bus's events to what clients read. An event that is not in it stays inside the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from webcam_rpc.api.health import HealthChanged
from webcam_rpc.api.wire import CameraControlUpdate, Number, camera_status_update
from webcam_rpc.cameras.models import CameraControlsChanged, CameraStatusChanged
from webcam_rpc.media.events import RecordingChanged, ScheduleChanged, SnapshotTaken, StorageChanged

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.bus import Stamped


class _Update(msgspec.Struct, frozen=True, kw_only=True):
    """What every notification carries."""

    seq: int
    epoch: str
    timestamp: str


class RecordingStatusUpdate(_Update, frozen=True, kw_only=True):
    """The params of ``recording_status_update``.

    STARTED once a file has its first frame. STOPPED when it is whole: with ``continues`` the recording goes on in
    another file as soon as it can (``reason``: unplugged, capture_failed, ...), and is then STARTED again under the
    same ``session_id``. FINALIZED: a file has got the format that was asked for. ``duration`` is in seconds.
    """

    device: str
    camera_id: str
    session_id: str
    recording_id: str
    status: Literal["STARTED", "STOPPED", "ERROR", "FINALIZED"]
    continues: bool
    filename: str | None
    segment: int
    duration: Number
    reason: str | None
    schedule_id: str | None


class SnapshotStatusUpdate(_Update, frozen=True, kw_only=True):
    """The params of ``snapshot_status_update``: a picture is there whole. ``taken`` is when its frame arrived."""

    device: str
    camera_id: str
    status: Literal["COMPLETED"]
    filename: str
    file_size: int
    taken: str
    download_url: str


class ScheduleStatusUpdate(_Update, frozen=True, kw_only=True):
    """The params of ``schedule_status_update``: a schedule changed, or one of its runs did."""

    schedule_id: str
    camera_id: str
    status: str
    name: str | None
    next_run: str | None
    recording_id: str | None
    reason: str | None


class StorageStatusUpdate(_Update, frozen=True, kw_only=True):
    """The params of ``storage_status_update``. Sizes in bytes; null where they could not be told."""

    status: Literal["OK", "LOW", "FULL", "BROKEN", "CLEANED"]
    available_space: int | None
    low_space_warning: bool
    files_deleted: int
    space_freed: int
    reason: str | None


class SystemHealthUpdate(_Update, frozen=True, kw_only=True):
    """The params of ``system_health_update``: a part of the service is well, or not, from now on."""

    component: str
    status: Literal["HEALTHY", "DEGRADED", "UNHEALTHY"]
    detail: str


def update_of(stamped: Stamped, epoch: str) -> tuple[str, msgspec.Struct, str | None] | None:
    """Give the name, params and camera id of the notification that tells an event; None for one that stays inside."""
    made = _TABLE.get(type(stamped.event))
    if made is None:
        return None
    name, params_of = made
    params = params_of(stamped.event, {"seq": stamped.seq, "epoch": epoch, "timestamp": stamped.timestamp})
    return name, params, getattr(params, "camera_id", None)


def _controls(event: CameraControlsChanged, place: dict[str, Any]) -> msgspec.Struct:
    camera = event.camera
    return CameraControlUpdate(device=camera.device, camera_id=camera.camera_id, controls=event.controls, **place)


def _recording(event: RecordingChanged, place: dict[str, Any]) -> msgspec.Struct:
    return RecordingStatusUpdate(
        device=event.device,
        camera_id=event.camera_id,
        session_id=event.recording_id,
        recording_id=event.recording_id,
        status="STOPPED" if event.status == "INTERRUPTED" else event.status,
        continues=event.status == "INTERRUPTED",
        filename=event.filename,
        segment=event.segment,
        duration=round(event.duration, 3),
        reason=event.reason,
        schedule_id=event.schedule_id,
        **place,
    )


def _snapshot(event: SnapshotTaken, place: dict[str, Any]) -> msgspec.Struct:
    return SnapshotStatusUpdate(
        device=event.device,
        camera_id=event.camera_id,
        status="COMPLETED",
        filename=event.filename,
        file_size=event.file_size,
        taken=event.timestamp,
        download_url=f"/files/snapshots/{event.filename}",
        **place,
    )


def _schedule(event: ScheduleChanged, place: dict[str, Any]) -> msgspec.Struct:
    return ScheduleStatusUpdate(**msgspec.structs.asdict(event), **place)


def _storage(event: StorageChanged, place: dict[str, Any]) -> msgspec.Struct:
    low = event.status in {"LOW", "FULL"}
    return StorageStatusUpdate(**msgspec.structs.asdict(event), low_space_warning=low, **place)


def _health(event: HealthChanged, place: dict[str, Any]) -> msgspec.Struct:
    return SystemHealthUpdate(**msgspec.structs.asdict(event), **place)


_TABLE: dict[type, tuple[str, Callable[[Any, dict[str, Any]], msgspec.Struct]]] = {
    CameraStatusChanged: ("camera_status_update", lambda event, place: camera_status_update(event.camera, **place)),
    CameraControlsChanged: ("camera_control_update", _controls),
    RecordingChanged: ("recording_status_update", _recording),
    SnapshotTaken: ("snapshot_status_update", _snapshot),
    ScheduleChanged: ("schedule_status_update", _schedule),
    StorageChanged: ("storage_status_update", _storage),
    HealthChanged: ("system_health_update", _health),
}
