"""A recording's file while it is written: its name reserved, looked at, made whole or taken away.

Owns what happens on the disk to a ``.part`` and to the draft of its metadata. Everything here blocks: call it in a
thread. A part is known by its inode: one that somebody else has put in its place is not touched.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.durable import PART, put_in_place, write_whole
from webcam_rpc.media import fragments, sidecar
from webcam_rpc.media.names import SIDECAR, numbered
from webcam_rpc.media.troubles import NameRefused, StorageBroken

if TYPE_CHECKING:
    from webcam_rpc.media.sidecar import RecordingMeta

_EXISTS = "there is a recording of this name; choose another, or leave it out"
_MODE = 0o640


class Part(msgspec.Struct, frozen=True):
    """A part that was reserved. ``path`` is where the file will be."""

    path: Path
    inode: int

    @property
    def part(self) -> Path:
        """Where it is until then."""
        return _part(self.path)


def demand_free(path: Path) -> None:
    """Refuse a name that a recording has already, whole or not. Raises NameRefused."""
    if os.path.lexists(path) or os.path.lexists(_part(path)):
        raise NameRefused("exists", _EXISTS)


def reserve(directory: Path, meta: RecordingMeta, tries: int) -> tuple[Part, RecordingMeta]:
    """Make an empty part and the draft of its metadata, under the first free one of so many names.

    Raises NameRefused and StorageBroken; nothing is left then.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for number in range(1, tries + 1):
            named = msgspec.structs.replace(meta, filename=numbered(meta.filename, number))
            path = directory / named.filename
            try:
                # Who makes the part has the name.
                descriptor = os.open(_part(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
            except FileExistsError:
                continue
            inode = os.fstat(descriptor).st_ino
            os.close(descriptor)
            if os.path.lexists(path):
                _part(path).unlink()
                continue
            try:
                write_whole(_sidecar(path), sidecar.encode(named), _MODE)
            except OSError:
                _part(path).unlink(missing_ok=True)
                raise
            return Part(path, inode), named
    except OSError as error:
        raise StorageBroken(f"{error.filename or directory} cannot be written: {error.strerror}") from error
    raise NameRefused("exists", _EXISTS)


def look(part: Part, earlier: fragments.Scan | None) -> fragments.Scan:
    """See how far a part is, and wait until the disk has that. Raises StorageBroken."""
    try:
        descriptor = os.open(part.part, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_ino != part.inode:
                raise StorageBroken(f"{part.part} is another file now")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return fragments.scan(part.part, earlier)
    except OSError as error:
        raise StorageBroken(f"{part.part}: {error.strerror}") from error


def settle(part: Part, meta: RecordingMeta, began: float, earlier: fragments.Scan | None) -> RecordingMeta | None:
    """Make a part the file that it was to become; None, and nothing left, where it has no frame.

    Raises StorageBroken; what is there of the part is then left for the next start.

    :param began: when its first frame came, in Unix seconds. Its end is told by that and its length, whatever happened
        to the clock meanwhile.
    """
    found = look(part, earlier)
    try:
        if not found.complete or found.end != found.size:
            found = fragments.cut(part.part)
        if not found.has_media:
            discard(part)
            return None
        duration = found.duration or 0.0
        whole = msgspec.structs.replace(
            meta,
            end_time=sidecar.utc(began + duration),
            frames=found.frames,
            duration=round(duration, 3),
            file_size=found.size,
            # A Matroska file that had to be cut has no index.
            finalizing=not found.indexed and meta.format in {"mp4", "mkv"},
        )
        # First the metadata: should the machine stop in between, the part is recovered with it.
        write_whole(_sidecar(part.path), sidecar.encode(whole), _MODE)
        put_in_place(part.part, part.path)
    except OSError as error:
        raise StorageBroken(f"{part.part} cannot be ended: {error.strerror}") from error
    return whole


def discard(part: Part) -> None:
    """Take away a part and its metadata."""
    _remove(part, part.part)


def take_back(part: Part) -> None:
    """Take away a file that was made of a part just now, and its metadata."""
    _remove(part, part.path)


def _remove(part: Part, path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.stat().st_ino == part.inode:
            path.unlink()
            _sidecar(part.path).unlink(missing_ok=True)


def _part(path: Path) -> Path:
    return path.with_name(path.name + PART)


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + SIDECAR)
