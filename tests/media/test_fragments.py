"""How much of a file is whole: of real recordings, of broken ones, of files that grow, and of anything at all."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.media.clips import KINDS, STEADY, faults, probed, recording, run
from webcam_rpc.media.fragments import Scan, cut, scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: How many places each recording is cut off at and decoded: ffmpeg takes a tenth of a second for each.
_CUTS = 12
#: What a file that is not rejected at its first bytes begins with.
_BEGINNINGS = [b"", b"\0\0\0\x18ftypisom", bytes.fromhex("1a45dfa3 80 18538067 01ffffffffffffff")]


class Case(SynchronousTestCase):
    """A file to look at."""

    def setUp(self) -> None:
        """Choose its name."""
        self.path = Path(self.mktemp()).absolute()

    def scanned(self, data: bytes, earlier: Scan | None = None) -> Scan:
        """Look at a file that holds this."""
        self.path.write_bytes(data)
        return scan(self.path, earlier)

    def shortened(self, data: bytes, sizes: Sequence[int]) -> Iterator[tuple[int, Scan]]:
        """Look at a file as it is at each of these sizes, the largest first."""
        self.path.write_bytes(data)
        for size in reversed(sizes):
            os.truncate(self.path, size)
            yield size, scan(self.path)

    def assertNear(self, found: float | None, true: float) -> None:  # noqa: N802 - as assertions are named
        """Two durations are the same but for the length of a frame, of which the last one's is a guess."""
        assert found is not None
        self.assertLess(abs(found - true), 0.06, f"{found} is not {true}")


class WholeTests(Case):
    """Files that are as they should be."""

    def test_recordings(self) -> None:
        """Frames, duration and codec of each kind of recording, and that its writer came to its end."""
        codecs = {"h264.mp4": "avc1", "copy.mp4": "mp4v", "h264.mkv": "V_MPEG4/ISO/AVC", "copy.mkv": "V_MJPEG"}
        for kind in KINDS:
            data = recording(kind)
            found = self.scanned(data)
            self.assertEqual((found.end, found.size, found.frames), (len(data), len(data), len(STEADY)), kind)
            self.assertTrue(found.complete and found.has_media, kind)
            self.assertEqual(found.codec, codecs[kind])
            self.assertNear(found.duration, 3.0)

    def test_plain_mp4(self) -> None:
        """An MP4 with an index tells the same, and that it has one, wherever the index is."""
        source = self.path.with_suffix(".mp4")
        source.write_bytes(recording("h264.mp4"))
        self.assertFalse(scan(source).indexed)
        for flags in ("+faststart", "+write_colr"):
            plain = self.path.with_suffix(f".{flags}.mp4")
            run("ffmpeg", "-v", "error", "-i", str(source), "-c", "copy", "-movflags", flags, str(plain))
            found = scan(plain)
            self.assertEqual((found.frames, found.end, found.indexed), (len(STEADY), plain.stat().st_size, True))
            self.assertNear(found.duration, 3.0)
            # One that is not all there has no index to go by.
            broken = self.scanned(plain.read_bytes()[:-1])
            self.assertEqual((broken.has_media, broken.indexed, broken.end), (False, False, 0))

    def test_not_there(self) -> None:
        """A file that is not there yet has nothing in it; neither has an empty one."""
        self.assertEqual(scan(self.path), Scan())
        self.assertEqual(self.scanned(b""), Scan())


class GrowingTests(Case):
    """Files that are being written."""

    def test_step_by_step(self) -> None:
        """A look that goes on from the last one finds what a look at all of it finds, and reads only what is new."""
        for kind in KINDS:
            data = recording(kind)
            found = Scan()
            steps = 0
            for size in range(0, len(data) + 700, 700):
                before = found
                found = self.scanned(data[:size], before)
                steps += found.end > before.end
                self.assertEqual(found, self.scanned(data[:size]), (kind, size))
                self.assertGreaterEqual(found.end, before.end)
            self.assertTrue(found.complete)
            self.assertGreater(steps, 5)
            # What was read before is not looked at again.
            blank = bytes(before.end) + data[before.end :]
            self.assertEqual(self.scanned(blank, before), found)

    def test_media(self) -> None:
        """There is media from the first whole fragment on, and not before."""
        for kind in KINDS:
            looks = dict(self.shortened(recording(kind), range(0, len(recording(kind)), 211)))
            first = min(size for size, found in looks.items() if found.has_media)
            self.assertTrue(all(found.has_media for size, found in looks.items() if size >= first), kind)
            self.assertLess(looks[first].duration or 9.0, 0.7, kind)
            self.assertGreater(looks[first].frames or 0, 0, kind)

    def test_shorter_than_before(self) -> None:
        """A file that got shorter is looked at from its beginning."""
        data = recording("h264.mp4")
        whole = self.scanned(data)
        half = self.scanned(data[: len(data) // 2], whole)
        self.assertEqual(half, self.scanned(data[: len(data) // 2]))


class CutTests(Case):
    """Files that end in the middle."""

    def test_decoded(self) -> None:
        """Cut off anywhere and then cut: ffmpeg decodes all of it without a word, and it tells its own duration."""
        for kind in KINDS:
            data = recording(kind)
            path = self.path.with_suffix(f".{kind}")
            for number in range(_CUTS):
                size = len(data) * 2 // 9 + (len(data) * 7 // 9 - 1) * number // (_CUTS - 1)
                path.write_bytes(data[:size])
                found = cut(path)
                self.assertTrue(found.has_media, (kind, size))
                self.assertEqual(path.stat().st_size, found.end)
                self.assertEqual(faults(path), "", (kind, size))
                if number % 5 == 0:
                    self.assertNear(found.duration, float(probed(path, "format=duration")))

    def test_every_byte(self) -> None:
        """At whichever byte it ends, it is whole up to the last end of a fragment before that."""
        for kind in KINDS:
            data = recording(kind)
            looks = [*range(1000), *range(1000, len(data) - 1000, 251), *range(len(data) - 1000, len(data) + 1)]
            ends = sorted({found.end for _, found in self.shortened(data, looks)})
            # Around each end every byte: between two of them nothing begins or ends.
            near = {size for end in ends for size in range(max(0, end - 9), min(end + 9, len(data)) + 1)}
            for size, found in self.shortened(data, sorted(near)):
                self.assertEqual(found.end, max(end for end in ends if end <= size), (kind, size))

    def test_twice(self) -> None:
        """What was cut already stays as it is, and tells the same."""
        for kind in KINDS:
            self.path.write_bytes(recording(kind)[:-900])
            once = cut(self.path)
            content = self.path.read_bytes()
            self.assertLess(len(content), len(recording(kind)) - 900)
            twice = cut(self.path)
            self.assertEqual(self.path.read_bytes(), content)
            self.assertEqual((twice.frames, twice.duration), (once.frames, once.duration))

    def test_without_media(self) -> None:
        """A file without a whole fragment is left as it is."""
        for kind in KINDS:
            self.path.write_bytes(recording(kind)[:400])
            self.assertFalse(cut(self.path).has_media)
            self.assertEqual(self.path.read_bytes(), recording(kind)[:400])

    def test_never_written(self) -> None:
        """After a power cut the length may be there and the pages not: verified, the file ends before the hole."""
        for kind in ("h264.mp4", "copy.mp4", "h264.mkv", "copy.mkv"):
            data = recording(kind)
            hole = len(data) // 4096 // 2 * 4096
            # One page that was never written, and a tail of them.
            for broken in (data[:hole] + bytes(4096) + data[hole + 4096 :], data[:hole] + bytes(len(data) - hole)):
                path = self.path.with_suffix(f".{kind}")
                path.write_bytes(broken)
                found = cut(path, verify=True)
                self.assertTrue(found.has_media, kind)
                self.assertLessEqual(found.end, hole, kind)
                self.assertGreater(found.end, hole - len(data) // 4, kind)
                self.assertEqual(faults(path), "", kind)

    def test_verified_and_well(self) -> None:
        """Verified, a recording that is well stays as it is."""
        for kind in KINDS:
            self.path.write_bytes(recording(kind))
            self.assertTrue(cut(self.path, verify=True).complete)
            self.assertEqual(self.path.read_bytes(), recording(kind))


class HostileTests(Case):
    """Files that are anything."""

    def judged(self, data: bytes) -> Scan:
        """Look at it and cut it; whatever is in it, what is told is within it."""
        found = self.scanned(data)
        self.assertTrue(0 <= found.end <= found.size == len(data))
        if found.complete:
            self.assertEqual(found.end, found.size)
        cut(self.path, verify=True)
        return found

    @settings(max_examples=150, derandomize=True, deadline=None)
    @given(
        st.sampled_from([b"", b"\0\0\0\x18ftypisom", bytes.fromhex("1a45dfa3 80 18538067 01ffffffffffffff")]),
        st.binary(),
    )
    def test_random(self, head: bytes, data: bytes) -> None:
        """Random bytes, alone and behind a beginning that is right."""
        self.judged(head + data)

    @settings(max_examples=300, derandomize=True, deadline=None)
    @given(st.sampled_from(sorted(KINDS)), st.data())
    def test_altered(self, kind: str, data: st.DataObject) -> None:
        """Recordings with some of their bytes altered, mostly where the structure is, and cut off anywhere."""
        content = bytearray(recording(kind))
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, 1500) | st.integers(0, len(content) - 8))
            content[place : place + 8] = data.draw(st.binary(min_size=1, max_size=8))
        self.judged(bytes(content[: data.draw(st.integers(0, len(content)))]))

    def test_sizes(self) -> None:
        """Sizes of nothing, of all that there is and of more than can be, at every place of the structure."""
        for kind in ("h264.mp4", "h264.mkv"):
            content = recording(kind)
            for place in range(0, 1600, 5):
                for size in (0, 1, 1 << 31, (1 << 32) - 1, 1 << 63, (1 << 64) - 1):
                    width = 4 if size < 1 << 32 else 8
                    broken = content[:place] + size.to_bytes(width, "big") + content[place + width :]
                    found = self.scanned(broken[:3000])
                    self.assertLessEqual(found.end, 3000)

    def test_memory(self) -> None:
        """A table that claims to be of thousands of millions of samples costs no memory."""
        content = bytearray(recording("h264.mp4"))
        place = content.index(b"trun")
        content[place + 4 : place + 12] = bytes.fromhex("00000000 0003ffff")
        tracemalloc.start()
        try:
            self.scanned(bytes(content))
            content[place + 8 : place + 12] = b"\xff" * 4
            found = self.scanned(bytes(content))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertFalse(found.has_media)
        self.assertLess(peak, 8 << 20)

    def test_value(self) -> None:
        """What a look gives can be compared, and holds nothing of the file open."""
        found = self.scanned(recording("h264.mkv"))
        self.assertEqual(found, scan(self.path))
        self.assertNotEqual(found, msgspec.structs.replace(found, end=0))
