"""Reading the metadata beside a media file, whatever lies there, and what stands in for it where there is none.

Blocks: call it in a thread.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, TypeAlias

from webcam_rpc.media.names import RECORDINGS, SIDECAR
from webcam_rpc.media.sidecar import (
    CameraIdentity,
    RecordingMeta,
    SnapshotMeta,
    decode_recording,
    decode_snapshot,
    utc,
)
from webcam_rpc.media.stored import clamped

if TYPE_CHECKING:
    from pathlib import Path

Metadata: TypeAlias = RecordingMeta | SnapshotMeta

#: Whose a file is that came without metadata.
UNKNOWN = "unknown"
#: What is longer was not written here.
_LIMIT = 1024 * 1024


def sidecar_of(path: Path) -> Path:
    """Give the path of the metadata file of a media file."""
    return path.with_name(path.name + SIDECAR)


def read(kind: str, path: Path) -> Metadata | None:
    """Read the metadata of the media file at ``path``; None where there is none that can be understood.

    Raises OSError where something is there and cannot be read.
    """
    try:
        # A link is not followed, a FIFO not waited for.
        descriptor = os.open(sidecar_of(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = file.read(_LIMIT)
    return decode_recording(data) if kind == RECORDINGS else decode_snapshot(data)


def stand_in(kind: str, filename: str, status: os.stat_result) -> Metadata:
    """Give the metadata that the file itself tells."""
    camera = CameraIdentity(camera_id=UNKNOWN, device="", name=UNKNOWN)
    stem, _, extension = filename.rpartition(".")
    modified = utc(clamped(status.st_mtime_ns) / 1e9)
    if kind == RECORDINGS:
        return RecordingMeta(
            filename=filename,
            recording_id=stem,
            camera=camera,
            start_time=modified,
            file_size=status.st_size,
            format="mkv" if extension == "mkv" else "mp4",
        )
    return SnapshotMeta(
        filename=filename,
        camera=camera,
        timestamp=modified,
        file_size=status.st_size,
        format="png" if extension == "png" else "jpg",
    )
