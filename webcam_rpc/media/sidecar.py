"""The metadata file beside each picture and recording: ``NAME.json``, the truth that the index is made from.

Owns its shape and its two directions. Times are RFC 3339 UTC with ``Z``, durations seconds, sizes bytes. A file that
cannot be understood is no error: what can be told from the media file itself stands in for it.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Literal, TypeVar

import msgspec

from webcam_rpc.cameras.models import Camera, ControlValue

RecordingFormat = Literal["fmp4", "mp4", "mkv"]
Codec = Literal["h264", "copy"]
SnapshotFormat = Literal["jpg", "png"]
#: Why a recording, or one file of it, ended.
Ending = Literal[
    "stopped", "duration", "segment", "unplugged", "capture_failed", "encoder_failed", "storage_low",
    "storage_failed", "shutdown", "interrupted",
]  # fmt: skip


_Meta = TypeVar("_Meta", "RecordingMeta", "SnapshotMeta")


class CameraIdentity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Which camera it was, and what it was called then."""

    camera_id: str
    device: str
    name: str
    vendor_id: str | None = None
    product_id: str | None = None
    serial: str | None = None
    usb_path: str | None = None
    driver: str | None = None

    @classmethod
    def of(cls, camera: Camera) -> CameraIdentity:
        """Take it from the camera."""
        return cls(
            camera_id=camera.camera_id,
            device=camera.device,
            name=camera.name,
            vendor_id=camera.vendor_id,
            product_id=camera.product_id,
            serial=camera.serial,
            usb_path=camera.usb_path,
            driver=camera.driver,
        )


class RecordingMeta(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a recording.

    It is written when the file is begun, with ``end_time`` null, and again when it is whole. ``interrupted``: the
    service or the machine ended before the file did, and it was recovered. ``finalizing``: it is playable, and is still
    to be rewritten as the ``format`` that was asked for. ``frames_dropped`` are those that the encoder had no time for.
    """

    filename: str
    recording_id: str
    camera: CameraIdentity
    start_time: str
    end_time: str | None = None
    duration: float | None = None
    frames: int | None = None
    frames_dropped: int = 0
    file_size: int | None = None
    format: RecordingFormat = "fmp4"
    codec: Codec = "h264"
    resolution: str | None = None
    fps: float | None = None
    segment: int = 1
    pre_roll_s: float = 0.0
    ended: Ending | None = None
    interrupted: bool = False
    finalizing: bool = False
    protected: bool = False
    schedule_id: str | None = None
    controls: dict[str, ControlValue] = {}


class SnapshotMeta(msgspec.Struct, frozen=True, kw_only=True):
    """One picture. ``timestamp`` is when the frame arrived; ``age_ms`` how old it was when it was asked for."""

    filename: str
    camera: CameraIdentity
    timestamp: str
    age_ms: float | None = None
    resolution: str | None = None
    fps: float | None = None
    file_size: int | None = None
    format: SnapshotFormat = "jpg"
    quality: int | None = None
    sha256: str | None = None
    protected: bool = False
    controls: dict[str, ControlValue] = {}


def encode(meta: RecordingMeta | SnapshotMeta) -> bytes:
    """Write metadata as people can read it too."""
    return msgspec.json.format(msgspec.json.encode(meta)) + b"\n"


def decode_recording(data: bytes) -> RecordingMeta | None:
    """Read a recording's metadata; None where it is not that."""
    return _decode(data, RecordingMeta)


def decode_snapshot(data: bytes) -> SnapshotMeta | None:
    """Read a snapshot's metadata; None where it is not that."""
    return _decode(data, SnapshotMeta)


def controls_of(camera: Camera) -> dict[str, ControlValue]:
    """Give the values of a camera's controls as they were last read."""
    controls = camera.report.controls if camera.report is not None else ()
    return {control.name: control.value for control in controls if control.value is not None}


def utc(time: float) -> str:
    """Write Unix seconds as RFC 3339 UTC with milliseconds and ``Z``."""
    moment = datetime.fromtimestamp(time, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _decode(data: bytes, kind: type[_Meta]) -> _Meta | None:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
