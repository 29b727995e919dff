"""The clusters of Matroska files (RFC 9559): how far one is whole, how much is in it, and a cut one made to fit.

Pure, over a function that reads. ffmpeg writes a cluster at once and with its size. What is read may be broken in any
way: where it does not add up, the file is taken to end.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.media import ebml, matroska

if TYPE_CHECKING:
    from webcam_rpc.media.ebml import Element, Read

_SEEK_HEAD = 0x114D9B74
_CUES = 0x1C53BB6B
_TAGS = 0x1254C367
_CHAPTERS = 0x1043A770
_ATTACHMENTS = 0x1941A469
_DURATION = 0x4489
_BLOCK_GROUP = 0xA0
_BLOCK = 0xA1
_BLOCK_DURATION = 0x9B
#: What else may stand in a segment.
_PASSED = frozenset({_SEEK_HEAD, _CUES, _TAGS, _CHAPTERS, _ATTACHMENTS, ebml.VOID, ebml.CRC32})

#: The most elements in one that is not a cluster, and in a cluster: guards, more than any writer makes.
_MOST, _MOST_BLOCKS = 64, 100_000
#: A cluster is half a second of pictures, or 5 MB; one that is larger than this is not looked into.
_LARGEST = 1 << 28
#: The largest thing that is read at once for a checksum.
_PIECE = 1 << 20


class Clusters(msgspec.Struct, frozen=True):
    """How far a file was understood; ``end`` lies behind the last whole cluster or what follows them.

    Times are in the segment's ticks, of which each is ``scale`` nanoseconds.
    """

    end: int = 0
    complete: bool = False
    frames: int = 0
    #: Where the segment ends by its own word; None where it does not say.
    limit: int | None = None
    scale: int = 1_000_000
    track: int | None = None
    codec: bytes = b""
    default_duration: int = 0  # in nanoseconds
    first: int | None = None
    last: int = 0
    #: From the last block to the end of its picture.
    tail: int = 0

    @property
    def duration(self) -> float:
        """Seconds from the first block to the end of the last."""
        return (self.last - self.first + self.tail) * self.scale / 1e9 if self.first is not None else 0.0


def follow(read: Read, size: int, known: Clusters, verify_from: int | None) -> Clusters:
    """Go on from where ``known`` ended, as far as the file of ``size`` bytes is whole.

    The checksums of the clusters from ``verify_from`` on are looked at too: a power cut can leave a file longer than
    what was written of it.
    """
    if not known.end:
        opened = _opened(read, size)
        if opened is None:
            return known
        known = opened
    limit = size if known.limit is None else min(size, known.limit)
    passed = 0
    while passed < _MOST:
        found = ebml.find(read, known.end)
        if found is None or found.end is None or found.end > limit:
            break
        longer = _taken(read, found, known, verify_from)
        if longer is None:
            break
        passed = 0 if found.id == matroska.CLUSTER else passed + 1
        known = msgspec.structs.replace(longer, end=found.end)
    return msgspec.structs.replace(known, complete=known.end == known.limit == size)


def mends(read: Read, known: Clusters) -> list[tuple[int, bytes]]:
    """Give what to write where, so that a file which was cut at ``known.end`` tells its duration and no lie.

    ffmpeg keeps room for the duration and fills it at the end. A segment's size, and a seek head, that were already
    written would lead behind the end: the size becomes unknown, the seek head void.
    """
    head, segment = _segment(read)
    if head is None or segment is None:
        return []
    changes: list[tuple[int, bytes]] = []
    if (
        segment.end is not None
        and segment.end != known.end
        and segment.data - segment.start == 4 + len(ebml.UNKNOWN_SIZE)
    ):
        changes.append((segment.start + 4, ebml.UNKNOWN_SIZE))
    for found in ebml.children(read, segment.data, known.end, _MOST):
        if found is None or found.end is None or found.id == matroska.CLUSTER:
            break
        length = found.end - found.start
        if found.id == _SEEK_HEAD and length > 9:  # noqa: PLR2004 - the least void
            changes.append((found.start, ebml.void(length)))
        if found.id == matroska.INFO and length < _PIECE:
            changes += _info(read(found.start, length), found, known)
    return changes


def _info(data: bytes, info: Element, known: Clusters) -> list[tuple[int, bytes]]:
    """Give the Info with the duration in it, where it has it or the room for it, and its checksum made right."""

    def local(offset: int, length: int) -> bytes:
        return data[offset - info.start : offset - info.start + length]

    parts = [one for one in ebml.children(local, info.data, info.start + len(data), _MOST) if one is not None]
    ticks = known.duration * 1e9 / known.scale
    duration = ebml.double(_DURATION, ticks)
    places = [
        one for one in parts if one.id == _DURATION and one.end is not None and one.end - one.start == len(duration)
    ]
    places += [
        one for one in parts if one.id == ebml.VOID and one.end is not None and one.end - one.start == len(duration)
    ]
    if not places:
        return []
    at = places[0].start - info.start
    changed = data[:at] + duration + data[at + len(duration) :]
    if parts[0].id == ebml.CRC32 and parts[0].end is not None and parts[0].end - parts[0].data == 4:  # noqa: PLR2004
        rest = parts[0].end - info.start
        checksum = zlib.crc32(changed[rest:]).to_bytes(4, "little")
        changed = changed[: rest - 4] + checksum + changed[rest:]
    return [(info.start, changed)]


def _segment(read: Read) -> tuple[Element | None, Element | None]:
    """Give the file's head and its segment."""
    head = ebml.find(read, 0)
    if head is None or head.id != ebml.EBML or head.end is None:
        return None, None
    segment = ebml.find(read, head.end)
    return head, segment if segment is not None and segment.id == matroska.SEGMENT else None


def _opened(read: Read, size: int) -> Clusters | None:
    head, segment = _segment(read)
    if head is None or segment is None or segment.data > size:
        return None
    return Clusters(end=segment.data, limit=segment.end)


def _taken(read: Read, found: Element, known: Clusters, verify_from: int | None) -> Clusters | None:
    """Take an element of the segment into account; None where it is not whole or not one."""
    if found.id == matroska.CLUSTER:
        if known.track is None:
            return None
        if verify_from is not None and found.start >= verify_from and not _checked(read, found):
            return None
        return _cluster(read, found, known)
    if found.id == matroska.INFO:
        return _scaled(read, found, known)
    if found.id == matroska.TRACKS:
        return _tracked(read, found, known)
    return known if found.id in _PASSED else None


def _scaled(read: Read, info: Element, known: Clusters) -> Clusters | None:
    scale = known.scale
    for part in ebml.children(read, info.data, info.end or 0, _MOST):
        if part is None:
            return None
        if part.id == matroska.TIMESTAMP_SCALE:
            scale = ebml.number(read, part) or scale
    return msgspec.structs.replace(known, scale=scale)


def _tracked(read: Read, tracks: Element, known: Clusters) -> Clusters | None:
    """Take the first video track, of several the first at all."""
    entries: list[dict[int, Element]] = []
    for entry in ebml.children(read, tracks.data, tracks.end or 0, _MOST):
        if entry is None:
            return None
        if entry.id == matroska.TRACK_ENTRY:
            parts = ebml.children(read, entry.data, entry.end or 0, _MOST)
            entries.append({part.id: part for part in parts if part is not None})
    if not entries:
        return None

    def field(entry: dict[int, Element], identity: int) -> int:
        return ebml.number(read, entry[identity]) if identity in entry else 0

    chosen = next((one for one in entries if field(one, matroska.TRACK_TYPE) == matroska.VIDEO), entries[0])
    codec = chosen.get(matroska.CODEC_ID)
    return msgspec.structs.replace(
        known,
        track=field(chosen, matroska.TRACK_NUMBER),
        codec=read(codec.data, min(32, (codec.end or codec.data) - codec.data)) if codec is not None else b"",
        default_duration=field(chosen, matroska.DEFAULT_DURATION),
    )


def _cluster(read: Read, cluster: Element, known: Clusters) -> Clusters | None:
    if (cluster.end or 0) - cluster.start > _LARGEST:
        return None
    time = frames = 0
    first, last, tail = known.first, known.last, known.tail
    for part in ebml.children(read, cluster.data, cluster.end or 0, _MOST_BLOCKS):
        if part is None:
            return None
        if part.id == matroska.TIMESTAMP:
            time = ebml.number(read, part)
        elif part.id in {matroska.SIMPLE_BLOCK, _BLOCK_GROUP}:
            block, length = _block(read, part)
            if block is None:
                return None
            track, relative = block
            if known.track != track:
                continue
            at = time + relative
            gap = at - last if first is not None else 0
            frames += 1
            first = at if first is None else min(first, at)
            tail = length or round(known.default_duration / known.scale) or max(gap, 0)
            last = max(last, at)
    return msgspec.structs.replace(known, frames=known.frames + frames, first=first, last=last, tail=tail)


def _block(read: Read, part: Element) -> tuple[tuple[int, int] | None, int]:
    """Give a block's track and its time after its cluster's, and its length where it tells it."""
    length = 0
    data = part.data if part.id == matroska.SIMPLE_BLOCK else None
    end = part.end or 0
    if data is None:
        for one in ebml.children(read, part.data, end, _MOST):
            if one is None:
                return None, 0
            if one.id == _BLOCK:
                data, end = one.data, one.end or 0
            elif one.id == _BLOCK_DURATION:
                length = ebml.number(read, one)
        if data is None:
            return None, 0
    head = read(data, min(11, end - data))
    octets = 9 - head[0].bit_length() if head and head[0] else 9
    if len(head) < octets + 3:
        return None, 0
    track = int.from_bytes(head[:octets], "big") & ((1 << 7 * octets) - 1)
    (relative,) = struct.unpack_from(">h", head, octets)
    return (track, relative), length


def _checked(read: Read, cluster: Element) -> bool:
    """Tell whether a cluster is as its checksum says (RFC 8794 section 11.3.1); one without is not judged."""
    end = cluster.end or 0
    first = ebml.find(read, cluster.data)
    if first is None or first.id != ebml.CRC32 or first.end is None or first.end - first.data != 4:  # noqa: PLR2004
        return True
    checksum = 0
    for offset in range(first.end, end, _PIECE):
        checksum = zlib.crc32(read(offset, min(_PIECE, end - offset)), checksum)
    return checksum.to_bytes(4, "little") == read(first.data, 4)
