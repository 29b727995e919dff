"""The boxes of MP4 files (ISO/IEC 14496-12): how far a fragmented one is whole, and how much is in it.

Pure, over a function that reads. A fragment is a ``moof`` and the ``mdat`` behind it. What is read may be broken in any
way: where it does not add up, the file is taken to end.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webcam_rpc.media.ebml import Read

#: A fragment's table of samples is some hundred bytes, a second's at 1000 frames 20 kB.
_LARGEST_MOOF = 1 << 20
_MOST_SAMPLES = 1 << 18
#: The most that one picture takes.
_LARGEST_SAMPLE = 1 << 26
#: The most boxes in one other box, or without meaning in one row: a guard, more than any writer makes.
_MOST_BOXES = 64
_PAGE = 4096
_EMPTY_PAGE = bytes(_PAGE)
#: What may stand between fragments and means nothing here.
_PASSED = frozenset({b"ftyp", b"free", b"skip", b"styp", b"sidx", b"prft", b"emsg", b"uuid"})


class Track(msgspec.Struct, frozen=True):
    """What the head of the file says of its video: its id, its ticks a second, and a sample's codec and length.

    ``samples`` and ``ticks`` are those that it lists itself, which is all of a file without fragments.
    """

    id: int = 0
    timescale: int = 1
    codec: bytes = b""
    default_duration: int = 0
    default_size: int = 0
    samples: int = 0
    ticks: int = 0


class Boxes(msgspec.Struct, frozen=True):
    """How far a file was understood; ``end`` lies behind the last whole fragment, ``complete`` behind its trailer."""

    end: int = 0
    complete: bool = False
    frames: int = 0
    track: Track | None = None
    #: In ticks: the first sample's time, and the end of the last's.
    first: int | None = None
    last: int = 0

    @property
    def duration(self) -> float:
        """Seconds from the first sample to the end of the last."""
        return max(0, self.last - (self.first or 0)) / self.track.timescale if self.track is not None else 0.0


class Box(NamedTuple):
    """A box's type, where it begins, where what is in it begins, and where it ends."""

    type: bytes
    start: int
    data: int
    end: int


class _Run(NamedTuple):
    """The samples of a fragment: their length in ticks, their sizes; ``base`` is the time of the first."""

    ticks: int
    sizes: tuple[int, ...]
    base: int | None
    offset: int | None


def follow(read: Read, size: int, known: Boxes, verify_from: int | None) -> Boxes:
    """Go on from where ``known`` ended, as far as the file of ``size`` bytes is whole.

    What is in the fragments from ``verify_from`` on is looked at too: a power cut can leave a file longer than what was
    written of it.
    """
    if known.track is None:
        known = _opened(read, size)
    track, moof = known.track, None
    if track is None or track.samples:
        return known
    for box in _until_too_many_pass(read, known.end, size):
        if box.type == b"moof":
            moof = box
        elif box.type == b"mdat" and moof is not None:
            run = _run(read, moof, track)
            if run is None or not _fits(read, run, moof, box, track, verify_from):
                break
            known, moof = _longer(known, run, box.end), None
        elif box.type == b"mfra":
            return msgspec.structs.replace(known, end=box.end, complete=box.end == size)
        elif box.type not in _PASSED:
            break
    return known


def _opened(read: Read, size: int) -> Boxes:
    """Read the head of the file; of one without fragments all of it, or there is nothing."""
    known, end = Boxes(), 0
    for box in _until_too_many_pass(read, 0, size):
        end = box.end
        if box.type == b"moov":
            known = _headed(read, box)
            if known.track is not None and not known.track.samples:
                return known
        elif box.type != b"mdat" and box.type not in _PASSED:
            break
    if known.track is None or end != size:
        return Boxes()
    return msgspec.structs.replace(known, end=size, complete=True)


def _until_too_many_pass(read: Read, start: int, size: int) -> Iterator[Box]:
    """Give the boxes of the file from ``start``, as long as every so often one of a fragment is among them."""
    passed = 0
    while passed < _MOST_BOXES and (box := _find(read, start, size)) is not None:
        passed = 0 if box.type == b"moof" else passed + 1
        start = box.end
        yield box


def _find(read: Read, start: int, limit: int) -> Box | None:
    """Find the box at ``start``; None where none ends before ``limit``."""
    head = read(start, 16)
    if len(head) < 8:  # noqa: PLR2004 - size and type
        return None
    length, data = int.from_bytes(head[:4], "big"), start + 8
    if length == 1:
        length, data = int.from_bytes(head[8:16], "big"), start + 16
    # A size of 0 means up to the end of the file: of one that was never finished that says nothing.
    end = start + length
    return Box(head[4:8], start, data, end) if data <= end <= limit else None


def _within(read: Read, box: Box) -> Iterator[Box]:
    return _between(read, box.data, box.end)


def _between(read: Read, start: int, end: int) -> Iterator[Box]:
    for _ in range(_MOST_BOXES):
        box = _find(read, start, end)
        if box is None:
            return
        yield box
        start = box.end


def _at(read: Read, box: Box, path: bytes) -> Box | None:
    """Give the first box at a path of types, such as ``mdia/hdlr``."""
    for name in path.split(b"/"):
        found = next((one for one in _within(read, box) if one.type == name), None)
        if found is None:
            return None
        box = found
    return box


def _field(read: Read, box: Box | None, offset: int, width: int = 4) -> int:
    """Read a number in a box; 0 where there is none."""
    if box is None or box.data + offset + width > box.end:
        return 0
    return int.from_bytes(read(box.data + offset, width), "big")


def _headed(read: Read, moov: Box) -> Boxes:
    """Take the first video track, of several the first at all."""
    traks = [box for box in _within(read, moov) if box.type == b"trak"]
    handlers = [_field(read, _at(read, trak, b"mdia/hdlr"), 8).to_bytes(4, "big") for trak in traks]
    if not traks:
        return Boxes()
    trak = traks[handlers.index(b"vide")] if b"vide" in handlers else traks[0]
    header, media = _at(read, trak, b"tkhd"), _at(read, trak, b"mdia/mdhd")
    wide = _field(read, media, 0, 1) == 1
    number = _field(read, header, 20 if _field(read, header, 0, 1) == 1 else 12)
    samples = _field(read, _at(read, trak, b"mdia/minf/stbl/stsz"), 8)
    ticks = _field(read, media, 24, 8) if wide else _field(read, media, 16)
    codec = _field(read, _at(read, trak, b"mdia/minf/stbl/stsd"), 12)
    extends = _at(read, moov, b"mvex")
    trexes = [] if extends is None else [box for box in _within(read, extends) if box.type == b"trex"]
    trex = next((box for box in trexes if _field(read, box, 4) == number), None)
    track = Track(
        number,
        _field(read, media, 20 if wide else 12) or 1,
        codec.to_bytes(4, "big"),
        _field(read, trex, 12),
        _field(read, trex, 16),
        samples,
        ticks if samples else 0,
    )
    return Boxes(end=moov.end, frames=samples, track=track, last=track.ticks)


def _run(read: Read, moof: Box, track: Track) -> _Run | None:
    """Read the table of a fragment's samples; None where it is none."""
    if moof.end - moof.start > _LARGEST_MOOF:
        return None
    data = read(moof.start, moof.end - moof.start)

    def local(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    ticks = 0
    sizes: tuple[int, ...] = ()
    base = offset = None
    for traf in _between(local, moof.data - moof.start, len(data)):
        tfhd = _at(local, traf, b"tfhd") if traf.type == b"traf" else None
        if tfhd is None or _field(local, tfhd, 4) != track.id:
            continue
        duration, size = _defaults(local, tfhd, track)
        tfdt = _at(local, traf, b"tfdt")
        if tfdt is not None and base is None:
            base = _field(local, tfdt, 4, 8 if _field(local, tfdt, 0, 1) == 1 else 4)
        for trun in _within(local, traf):
            if trun.type != b"trun":
                continue
            table = _table(data, trun, duration, size)
            if table is None or len(sizes) + len(table[1]) > _MOST_SAMPLES:
                return None
            if offset is None and _field(local, trun, 0) & 1:
                offset = _field(local, trun, 8)
            ticks, sizes = ticks + table[0], sizes + table[1]
    return _Run(ticks, sizes, base, offset)


def _defaults(read: Read, tfhd: Box, track: Track) -> tuple[int, int]:
    """Give a sample's length and size where the fragment says nothing else (section 8.8.7)."""
    flags = _field(read, tfhd, 0)
    offset = 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
    duration, size = track.default_duration, track.default_size
    if flags & 0x8:
        duration = _field(read, tfhd, offset)
        offset += 4
    if flags & 0x10:
        size = _field(read, tfhd, offset)
    return duration, size


def _table(data: bytes, trun: Box, duration: int, size: int) -> tuple[int, tuple[int, ...]] | None:
    """Read a run of samples (section 8.8.8): their length in ticks together, and the size of each."""
    if trun.end - trun.data < 8:  # noqa: PLR2004 - flags and count
        return None
    flags, count = struct.unpack_from(">II", data, trun.data)
    start = trun.data + 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
    columns = [flag for flag in (0x100, 0x200, 0x400, 0x800) if flags & flag]
    width = len(columns)
    # Where neither is listed for each sample, their number has no bound in the box's size.
    if count > _MOST_SAMPLES or start + 4 * width * count > trun.end:
        return None
    rows = struct.unpack_from(f">{width * count}I", data, start)
    ticks = sum(rows[columns.index(0x100) :: width]) if 0x100 in columns else duration * count  # noqa: PLR2004
    sizes = rows[columns.index(0x200) :: width] if 0x200 in columns else (size,) * count  # noqa: PLR2004
    return ticks, sizes


def _fits(read: Read, run: _Run, moof: Box, mdat: Box, track: Track, verify_from: int | None) -> bool:
    """Tell whether the samples lie in the data, and look at each where that is asked for."""
    start = mdat.data if run.offset is None else moof.start + run.offset
    if not mdat.data <= start <= mdat.end - sum(run.sizes):
        return False
    if verify_from is None or moof.start < verify_from:
        return True
    for size in run.sizes:
        if size > _LARGEST_SAMPLE or not _sound(read(start, size), start, track.codec):
            return False
        start += size
    return True


def _sound(sample: bytes, offset: int, codec: bytes) -> bool:
    """Tell whether a picture was really written, and not only the length of the file made known.

    H.264 (here with lengths of four bytes, as ffmpeg writes it) cannot hold three zero bytes in a NAL unit (ITU-T H.264
    section 7.4.1); a JPEG begins and ends with its markers, and no page of it is empty.
    """
    if codec == b"avc1":
        at = 0
        while at + 4 < len(sample):
            length = int.from_bytes(sample[at : at + 4], "big")
            at += 4
            if not length or b"\0\0\0" in sample[at : at + length]:
                return False
            at += length
        return at == len(sample) > 0
    if sample[:2] == b"\xff\xd8" and sample[-2:] != b"\xff\xd9":
        return False
    first = -offset % _PAGE
    pages = range(first, len(sample) - _PAGE + 1, _PAGE)
    return any(sample[:2]) and all(sample[at : at + _PAGE] != _EMPTY_PAGE for at in pages)


def _longer(known: Boxes, run: _Run, end: int) -> Boxes:
    begin = known.last if run.base is None else run.base
    return msgspec.structs.replace(
        known,
        end=end,
        frames=known.frames + len(run.sizes),
        first=begin if known.first is None and len(run.sizes) else known.first,
        last=max(known.last, begin + run.ticks),
    )
