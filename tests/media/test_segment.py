"""One file of a recording, and what happens to it on the disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.task import Clock

from tests.cameras.case import LogCase, a_camera
from tests.media.fakes_rec import Encoders
from tests.media.fakes_snap import NOON, a_frame
from webcam_rpc.durable import PART
from webcam_rpc.media import part, sidecar
from webcam_rpc.media.backlog import BYTES
from webcam_rpc.media.fragments import scan
from webcam_rpc.media.segment import Segment
from webcam_rpc.media.sidecar import CameraIdentity, RecordingMeta
from webcam_rpc.media.troubles import MediaRefused, NameRefused, ProgramFailed, StorageBroken
from webcam_rpc.testing import FakeThreads

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


def a_draft(filename: str = "gate.mp4", **more: Any) -> RecordingMeta:
    """Give the metadata of a file that is to be."""
    known: dict[str, Any] = {
        "camera": CameraIdentity.of(a_camera()),
        "start_time": sidecar.utc(NOON),
        "fps": 10.0,
        **more,
    }
    return RecordingMeta(filename=filename, recording_id="r1", **known)


class PartTests(LogCase):
    """The part on the disk."""

    def setUp(self) -> None:
        """Name a directory that is not there yet."""
        super().setUp()
        self.directory = Path(self.mktemp()).absolute() / "recordings"

    def names(self) -> list[str]:
        """List all that is there."""
        return sorted(os.listdir(self.directory))

    def test_reserve(self) -> None:
        """A name is reserved by an empty part and its metadata; the directory is made where it is missing."""
        reserved, meta = part.reserve(self.directory, a_draft(), 1)
        self.assertEqual(self.names(), ["gate.mp4.json", "gate.mp4" + PART])
        self.assertEqual((reserved.path, meta.filename), (self.directory / "gate.mp4", "gate.mp4"))
        self.assertRaises(NameRefused, part.demand_free, reserved.path)
        part.demand_free(self.directory / "other.mp4")

    def test_reserve_numbered(self) -> None:
        """Where nobody chose the name the next number that is free is taken; a chosen one is refused."""
        for number, name in enumerate(("gate.mp4", "gate-0002.mp4", "gate-0003.mp4"), 1):
            _, meta = part.reserve(self.directory, a_draft(), 5)
            self.assertEqual(meta.filename, name, number)
        before = self.names()
        self.assertRaises(NameRefused, part.reserve, self.directory, a_draft(), 1)
        self.assertRaises(NameRefused, part.reserve, self.directory, a_draft(), 3)
        self.assertEqual(self.names(), before)

    def test_reserve_beside_a_whole_one(self) -> None:
        """A file that is whole has its name, and keeps its metadata."""
        self.directory.mkdir(parents=True)
        (self.directory / "gate.mp4").write_bytes(b"theirs")
        (self.directory / "gate.mp4.json").write_bytes(b"theirs")
        self.assertRaises(NameRefused, part.reserve, self.directory, a_draft(), 1)
        self.assertEqual(self.names(), ["gate.mp4", "gate.mp4.json"])
        self.assertEqual((self.directory / "gate.mp4.json").read_bytes(), b"theirs")

    def test_reserve_fails(self) -> None:
        """If the metadata cannot be written nothing is left."""
        self.directory.mkdir(parents=True)
        (self.directory / "gate.mp4.json").mkdir()
        self.assertRaises(StorageBroken, part.reserve, self.directory, a_draft(), 1)
        self.assertEqual(self.names(), ["gate.mp4.json"])

    def test_other_file(self) -> None:
        """A part that somebody else has put there is neither looked at, nor named, nor removed."""
        reserved, meta = part.reserve(self.directory, a_draft(), 1)
        theirs = self.directory / "theirs"
        theirs.write_bytes(b"theirs")
        theirs.replace(reserved.part)
        self.assertRaises(StorageBroken, part.look, reserved, None)
        self.assertRaises(StorageBroken, part.settle, reserved, meta, NOON, None)
        part.discard(reserved)
        self.assertEqual(reserved.part.read_bytes(), b"theirs")

    def test_vanished(self) -> None:
        """One that is not there any more is told."""
        reserved, _ = part.reserve(self.directory, a_draft(), 1)
        reserved.part.unlink()
        self.assertRaises(StorageBroken, part.look, reserved, None)
        part.discard(reserved)

    def test_settle_nothing(self) -> None:
        """A part without a frame leaves nothing."""
        reserved, meta = part.reserve(self.directory, a_draft(), 1)
        reserved.part.write_bytes(bytes(100))
        self.assertIsNone(part.settle(reserved, meta, NOON, None))
        self.assertEqual(self.names(), [])


class SegmentCase(LogCase):
    """A segment whose encoder copies."""

    def setUp(self) -> None:
        """Put it together, at second 100."""
        super().setUp()
        self.clock = Clock()
        self.clock.advance(100.0)
        self.children = Encoders(self.clock)
        self.threads = FakeThreads()
        self.directory = Path(self.mktemp()).absolute() / "recordings"
        self.begun = 0
        self.broken: list[MediaRefused] = []
        self.number = 0
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def open(self, draft: RecordingMeta | None = None, *, chosen: bool = True) -> Segment:
        """Begin one."""

        def begun(_: Segment) -> None:
            self.begun += 1

        return Segment(
            self.clock,
            self.children,
            self.threads.run,
            self.directory,
            lambda path: ["ffmpeg", str(path)],
            draft or a_draft(),
            chosen=chosen,
            begun=begun,
            broke=lambda _, refused: self.broken.append(refused),
        )

    def write(self, segment: Segment, count: int = 1, size: int = 100) -> None:
        """Write frames, ten a second."""
        for _ in range(count):
            self.number += 1
            segment.write(a_frame(self.number, self.clock.seconds(), jpeg=bytes(size)))
            self.clock.advance(0.1)
            self.threads.work()

    def finish(self, segment: Segment, deadline: float = 10.0) -> bool | None:
        """End one."""
        finishing: Deferred[bool] = segment.finish("stopped", deadline)
        self.threads.work()
        return self.successResultOf(finishing)

    def names(self) -> list[str]:
        """List all that is there."""
        return sorted(os.listdir(self.directory))


class SegmentTests(SegmentCase):
    """From the first frame to the name."""

    def test_early_frames(self) -> None:
        """Frames that come before the encoder runs are not lost."""
        segment = self.open()
        for number in range(5):
            segment.write(a_frame(number, 100.0 + number))
        self.assertEqual(self.children.started, [])
        self.threads.work()
        self.assertTrue(self.finish(segment))
        self.assertEqual((segment.frames, scan(segment.path).frames), (5, 5))

    def test_looks(self) -> None:
        """It is looked at often until it has a frame, and then each second."""
        self.children.idle = True
        segment = self.open()
        self.write(segment, 3)
        self.assertEqual((self.begun, segment.frames), (0, 0))
        self.children[0].copy()
        self.write(segment, 2)
        self.assertEqual((self.begun, segment.frames), (1, 3))
        self.children[0].copy()
        self.write(segment, 5)
        self.assertEqual(segment.frames, 3)
        self.write(segment, 6)
        self.assertEqual((self.begun, segment.frames), (1, 5))
        self.finish(segment)

    def test_metadata(self) -> None:
        """The metadata tells what is in the file; its end goes by that and not by a clock."""
        segment = self.open()
        self.write(segment, 10)
        self.finish(segment)
        meta = sidecar.decode_recording((self.directory / "gate.mp4.json").read_bytes())
        assert meta is not None
        self.assertEqual(meta, segment.meta)
        self.assertEqual((meta.frames, meta.file_size), (10, segment.path.stat().st_size))
        self.assertApproximates(meta.duration, 1.0, 0.01)
        self.assertEqual(meta.end_time, sidecar.utc(NOON + 100.0 + (meta.duration or 0.0)))

    def test_slow_encoder(self) -> None:
        """What an encoder has no time for is let pass and counted."""
        segment = self.open()
        self.write(segment, 2)
        self.children[0].backlog = BYTES + 1
        self.write(segment, 3)
        self.children[0].backlog = 0
        self.write(segment, 1)
        self.finish(segment)
        self.assertEqual((segment.dropped, segment.frames, segment.meta.frames_dropped), (3, 3, 3))

    def test_past(self) -> None:
        """The past is written whole, however much it is."""
        segment = self.open()
        past = [a_frame(number, 90.0 + number, jpeg=bytes(BYTES // 4)) for number in range(8)]
        segment.write_past(past)
        segment.write(a_frame(9, 100.0))
        self.threads.work()
        self.finish(segment)
        self.assertEqual((segment.frames, segment.dropped), (9, 0))

    def test_finished_at_once(self) -> None:
        """One that ends before its encoder was begun is whole all the same."""
        segment = self.open()
        segment.write(a_frame(1, 100.0))
        self.assertTrue(self.finish(segment))
        self.assertEqual(self.names(), ["gate.mp4", "gate.mp4.json"])

    def test_deadline(self) -> None:
        """An encoder that does not end is killed, sooner when there is a hurry; its file is kept."""
        self.children.deaf = True
        segment = self.open()
        self.write(segment, 3)
        finishing = segment.finish("stopped", 10.0)
        self.clock.advance(5.0)
        self.assertFalse(self.children[0].killed)
        segment.hurry(1.0)
        self.clock.advance(1.0)
        self.assertTrue(self.children[0].killed)
        self.threads.work()
        self.assertTrue(self.successResultOf(finishing))
        self.assertEqual(self.broken, [])

    def test_deadline_before_the_begin(self) -> None:
        """The deadline holds for an encoder that is begun only then."""
        self.children.deaf = True
        segment = self.open()
        segment.write(a_frame(1, 100.0))
        finishing = segment.finish("stopped", 2.0)
        self.clock.advance(1.0)
        self.threads.work()
        self.clock.advance(1.0)
        self.threads.work()
        self.assertTrue(self.successResultOf(finishing))

    def test_discard(self) -> None:
        """One that nobody wants leaves nothing, whenever that is said."""
        for when in range(3):
            segment = self.open()
            segment.write(a_frame(1, 100.0))
            if when:
                self.threads.work()
            if when > 1:
                self.write(segment, 3)
            segment.discard()
            self.assertFalse(self.finish(segment, 0.0))
            self.assertEqual((self.names(), self.broken), ([], []), when)
            self.assertEqual(len(self.children.started), when)
        self.assertEqual(len(self.children), 0)


class BrokenTests(SegmentCase):
    """What goes wrong is told once, and what is there is kept."""

    def test_encoder_dies(self) -> None:
        """Its last words are told; what it wrote is a file."""
        segment = self.open()
        self.write(segment, 3)
        self.children[0].ends(None, 9, "Killed\n")
        self.assertIsInstance(self.broken[0], ProgramFailed)
        self.assertIn("signal 9, saying: Killed", str(self.broken[0]))
        segment.write(a_frame(9, 101.0))
        self.assertTrue(self.finish(segment))
        self.assertEqual((segment.frames, len(self.broken)), (3, 1))

    def test_torn(self) -> None:
        """A file is cut behind its last whole piece."""
        segment = self.open()
        self.write(segment, 3)
        encoder = self.children[0]
        encoder.written = encoder.written[:-50]
        encoder.copy()
        encoder.ends(1)
        self.assertTrue(self.finish(segment))
        self.assertEqual(segment.meta.frames, 2)
        found = scan(segment.path)
        self.assertEqual((found.end, found.size), (segment.meta.file_size,) * 2)

    def test_part_vanishes(self) -> None:
        """A part that is gone is noticed within a second."""
        segment = self.open()
        self.write(segment, 3)
        (self.directory / ("gate.mp4" + PART)).unlink()
        self.write(segment, 11)
        self.assertIsInstance(self.broken[0], StorageBroken)
        finishing = segment.finish("storage_failed", 1.0)
        self.threads.work()
        self.failureResultOf(finishing, StorageBroken)

    def test_name_taken(self) -> None:
        """Another's part of this name is neither cut nor named nor removed."""
        first = self.open()
        self.write(first, 2)
        second = self.open()
        second.write(a_frame(1, 100.0))
        self.threads.work()
        self.assertIsInstance(self.broken[0], NameRefused)
        self.assertFalse(self.finish(second))
        self.assertTrue(self.finish(first))
        self.assertEqual((first.frames, self.names()), (2, ["gate.mp4", "gate.mp4.json"]))

    def test_no_encoder(self) -> None:
        """Without ffmpeg nothing is left."""
        self.children.missing.add("ffmpeg")
        segment = self.open()
        segment.write(a_frame(1, 100.0))
        self.threads.work()
        self.assertIsInstance(self.broken[0], ProgramFailed)
        self.assertFalse(self.finish(segment))
        self.assertEqual(self.names(), [])
