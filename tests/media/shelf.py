"""What the tests of the library share: media files with and without metadata, made in a directory of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from webcam_rpc.media.names import RECORDINGS, SIDECAR, SNAPSHOTS
from webcam_rpc.media.room import Room, Space
from webcam_rpc.media.sidecar import CameraIdentity, RecordingMeta, SnapshotMeta, encode
from webcam_rpc.media.stored import StoredFile

if TYPE_CHECKING:
    from pathlib import Path

    from webcam_rpc.media.metadata import Metadata

#: 2025-01-01T00:00:00Z, when the tests take place.
NOW = 1_735_689_600
SECOND = 1_000_000_000


def a_stored(filename: str, mtime: int = NOW, camera_id: str | None = "usb-1", **more: Any) -> StoredFile:
    """Give a row of the index; ``mtime`` in seconds."""
    known: dict[str, Any] = {
        "kind": RECORDINGS,
        "size": 100,
        "duration": 1.5,
        "protected": False,
        "inode": 1,
        "sidecar_inode": 2,
        "sidecar_mtime_ns": 3,
        "sidecar_size": 4,
        **more,
    }
    return StoredFile(filename=filename, mtime_ns=mtime * SECOND, camera_id=camera_id, **known)


def a_meta(kind: str, filename: str, camera_id: str = "usb-1", **more: Any) -> Metadata:
    """Give metadata of a file."""
    camera = CameraIdentity(camera_id=camera_id, device="/dev/video0", name="Webcam")
    if kind == RECORDINGS:
        return RecordingMeta(
            filename=filename, recording_id="r1", camera=camera, start_time="2025-01-01T00:00:00Z", **more
        )
    return SnapshotMeta(filename=filename, camera=camera, timestamp="2025-01-01T00:00:00Z", **more)


class SmallDisk(Room):
    """A disk of so many bytes, of which the media files take their part, and others what a test says.

    The floor is 100 bytes, so room is low below 150 and no longer low from 160 on.
    """

    def __init__(self, directory: Path, total: int = 1000) -> None:
        super().__init__(directory, 100)
        self.total = total
        self.others = 0
        #: Whether what is freed is seen only when it is written down.
        self.slow = False
        self._seen = 0

    def space(self) -> Space:
        """Count the media files."""
        found = [path for kind in (RECORDINGS, SNAPSHOTS) for path in (self.directory / kind).iterdir()]
        used = self.others + sum(path.stat().st_size for path in found if path.suffix != SIDECAR)
        self._seen = max(used, self._seen) if self.slow else used
        return Space(self.total, self._seen, self.total - self._seen)

    def settle(self) -> None:
        """Let it be seen what is free."""
        self._seen = 0


class Disk:
    """A media directory, and somebody who puts files there and takes them away."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        for kind in (RECORDINGS, SNAPSHOTS):
            (self.root / kind).mkdir(parents=True)

    def put(
        self,
        filename: str,
        age: float = 0,
        kind: str = RECORDINGS,
        camera_id: str | None = "usb-1",
        size: int = 10,
        **more: Any,
    ) -> Path:
        """Make a file that was written ``age`` seconds ago; with metadata unless ``camera_id`` is None."""
        path = self.root / kind / filename
        path.write_bytes(b"x" * size)
        self.dated(path, age)
        if camera_id is not None:
            path.with_name(filename + SIDECAR).write_bytes(encode(a_meta(kind, filename, camera_id, **more)))
        return path

    @staticmethod
    def dated(path: Path, age: float) -> None:
        """Have a file or directory be so many seconds old."""
        moment = int((NOW - age) * SECOND)
        os.utime(path, ns=(moment, moment))

    def remove(self, filename: str, kind: str = RECORDINGS) -> None:
        """Delete a file by hand, and leave its metadata."""
        (self.root / kind / filename).unlink()

    def names(self, kind: str = RECORDINGS) -> set[str]:
        """List what is there, metadata too."""
        return {path.name for path in (self.root / kind).iterdir()}
