"""How much of a recording is on the disk: of a file that grows, of one that a crash left, of one that is whole.

Owns the look into the file, fragmented MP4 and Matroska alike, and the cut behind its last whole fragment. Everything
here blocks: call it in a thread. What a file holds never makes it raise; only what the disk says does (OSError).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.media import boxes, clusters
from webcam_rpc.media.boxes import Boxes
from webcam_rpc.media.clusters import Clusters

if TYPE_CHECKING:
    from pathlib import Path

    from webcam_rpc.media.ebml import Read

#: How far back from its end a file is verified after a crash: what was written before was waited for (fsync) long ago,
#: at 60 Mbit/s these are four seconds.
_DOUBTFUL = 32 << 20


class Scan(msgspec.Struct, frozen=True):
    """What is whole of a file of ``size`` bytes.

    ``end`` is the offset behind the last whole fragment (MP4: ``moof`` and ``mdat``) or cluster (Matroska).
    ``complete``: the program that wrote it came to its end, and nothing stands behind that. ``has_media``: there is at
    least one frame. ``frames`` and ``duration`` (seconds) are None where the file's head is not all there. ``codec`` is
    what the file calls it. ``indexed``: it is a whole file for every player, and there is no need to rewrite it.
    """

    end: int = 0
    complete: bool = False
    frames: int | None = None
    duration: float | None = None
    has_media: bool = False
    size: int = 0
    codec: str = ""
    indexed: bool = False
    #: From here the next look goes on.
    place: Boxes | Clusters | None = None


def scan(path: Path, earlier: Scan | None = None) -> Scan:
    """Look at a file, only at what came after ``earlier`` if that is given; one that is not there is an empty one."""
    return _scan(path, earlier, verify=False)


def cut(path: Path, *, verify: bool = False) -> Scan:
    """Cut a file behind its last whole fragment, make a Matroska file tell its duration, and wait for the disk.

    A file without media is left as it is. What is given is the file as it then is.

    :param verify: look into the last fragments, too: after a power cut their pages may never have been written.
    """
    found = _scan(path, None, verify=verify)
    if not found.has_media:
        return found
    with path.open("r+b") as file:
        descriptor = file.fileno()
        if isinstance(found.place, Clusters) and not found.complete:
            for offset, data in clusters.mends(_reader(descriptor), found.place):
                os.pwrite(descriptor, data, offset)
        if found.end < found.size:
            os.ftruncate(descriptor, found.end)
        os.fsync(descriptor)
    return msgspec.structs.replace(found, size=found.end)


def _scan(path: Path, earlier: Scan | None, *, verify: bool) -> Scan:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return Scan()
    with file:
        size = os.fstat(file.fileno()).st_size
        read = _reader(file.fileno())
        place = earlier.place if earlier is not None and 0 < earlier.end <= size else None
        if place is None:
            place = _kind(read)
        verify_from = max(0, size - _DOUBTFUL) if verify else None
        if isinstance(place, Boxes):
            place = boxes.follow(read, size, place, verify_from)
            headed = place.track is not None
            codec = place.track.codec if place.track is not None else b""
            indexed = place.complete and place.track is not None and place.track.samples > 0
        elif isinstance(place, Clusters):
            place = clusters.follow(read, size, place, verify_from)
            headed = place.track is not None
            codec, indexed = place.codec, place.complete
        else:
            return Scan(size=size)
    return Scan(
        end=place.end,
        complete=place.complete,
        frames=place.frames if headed else None,
        duration=place.duration if headed else None,
        has_media=place.frames > 0 and place.end > 0,
        size=size,
        codec=codec.decode("ascii", "replace"),
        indexed=indexed,
        place=place,
    )


def _kind(read: Read) -> Boxes | Clusters | None:
    head = read(0, 8)
    if head[4:] == b"ftyp":
        return Boxes()
    return Clusters() if head[:4] == bytes.fromhex("1a45dfa3") else None


def _reader(descriptor: int) -> Read:
    def read(offset: int, length: int) -> bytes:
        # Offsets come out of files: one that no file can have is behind the end of this one.
        return os.pread(descriptor, length, offset) if offset + length < 1 << 63 else b""

    return read
