"""What a crash left: made right with the real ffmpeg's files, and told truly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.logger import LogLevel

from tests.cameras.case import LogCase
from tests.media.clips import KINDS, STEADY, faults, killed, probed, recording
from webcam_rpc.media import sidecar
from webcam_rpc.media.recovery import Recovered, recover, unfinished
from webcam_rpc.media.sidecar import CameraIdentity, RecordingMeta

if TYPE_CHECKING:
    from collections.abc import Mapping

DRAFT = RecordingMeta(
    filename="a.mp4",
    recording_id="r1",
    camera=CameraIdentity(camera_id="usb-1", device="/dev/video0", name="Webcam"),
    start_time="2026-01-01T12:00:00.500Z",
    frames_dropped=3,
    resolution="160x120",
    protected=True,
)
NOW = 1_800_000_000.0


class Case(LogCase):
    """A media directory."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.media = Path(self.mktemp()).absolute()
        self.recordings = self.media / "recordings"
        self.snapshots = self.media / "snapshots"
        self.recordings.mkdir(parents=True)
        self.snapshots.mkdir()

    def put(self, name: str, content: bytes) -> Path:
        """Put a file among the recordings."""
        path = self.recordings / name
        path.write_bytes(content)
        return path

    def draft(self, name: str, **more: Any) -> RecordingMeta:
        """Put the metadata of a recording that was begun beside it."""
        meta = msgspec.structs.replace(DRAFT, filename=name, **more)
        self.put(f"{name}.json", sidecar.encode(meta))
        return meta

    def recover(self) -> list[Recovered]:
        """Recover; what is told is what the files say."""
        found = recover(self.media, lambda: NOW)
        for one in found:
            self.assertEqual(self.meta(one.path.name), one.meta)
            self.assertEqual(one.path.stat().st_size, one.meta.file_size)
            self.assertEqual(one.path.name, one.meta.filename)
        return found

    def meta(self, name: str) -> RecordingMeta:
        """Read the metadata of a recording."""
        meta = sidecar.decode_recording((self.recordings / f"{name}.json").read_bytes())
        assert meta is not None
        return meta

    def names(self) -> list[str]:
        """Give the names of all files among the recordings."""
        return sorted(path.name for path in self.recordings.iterdir())


class KilledTests(Case):
    """Ffmpeg was killed in the middle."""

    def test_kinds(self) -> None:
        """Each kind of recording plays, tells its duration, lost less than a second, and says what happened to it."""
        # Nine seconds' worth is fed, and it is killed while it writes them.
        times = tuple(number / 20 for number in range(180))
        drafts = {}
        for kind in KINDS:
            killed(self.recordings / f"{kind}.part", kind, 8.0, times)
            form: Mapping[str, Any] = {"format": "mkv" if kind.endswith("mkv") else "fmp4"}
            drafts[kind] = self.draft(kind, codec=kind.partition(".")[0], **form)
        found = {one.path.name: one for one in self.recover()}
        self.assertEqual(set(found), set(KINDS))
        self.assertEqual(self.names(), sorted([*KINDS, *(f"{kind}.json" for kind in KINDS)]))
        for kind, one in found.items():
            meta = one.meta
            assert meta.duration is not None
            self.assertEqual(faults(one.path), "", kind)
            self.assertLess(abs(float(probed(one.path, "format=duration")) - meta.duration), 0.06, kind)
            self.assertGreaterEqual(meta.duration, 8.0, kind)
            self.assertLess(abs((meta.frames or 0) - meta.duration * 20), 1.01, kind)
            self.assertEqual((meta.interrupted, meta.ended), (True, "interrupted"))
            self.assertEqual(meta.end_time, sidecar.utc(1767268800.5 + meta.duration))
            # A Matroska file is still to get its index.
            self.assertEqual(meta.finalizing, kind.endswith("mkv"), kind)
            own = {"end_time", "duration", "frames", "file_size", "ended", "interrupted", "finalizing"}
            same = {key: value for key, value in msgspec.structs.asdict(meta).items() if key not in own}
            self.assertEqual(same, {key: getattr(drafts[kind], key) for key in same})

    def test_again(self) -> None:
        """What was recovered is recovered for good: the next start finds nothing to do, and changes nothing."""
        self.put("a.mp4.part", recording("h264.mp4")[:-5000])
        self.draft("a.mp4")
        self.assertEqual(len(self.recover()), 1)
        before = {name: (self.recordings / name).read_bytes() for name in self.names()}
        self.assertEqual(self.recover(), [])
        self.assertEqual({name: (self.recordings / name).read_bytes() for name in self.names()}, before)


class MetadataTests(Case):
    """What the metadata says, of which there may be nothing left."""

    def test_to_be_rewritten(self) -> None:
        """What was asked for as MP4 is still to be made into one; what had its end already is no Matroska to mend."""
        self.put("a.mp4.part", recording("h264.mp4"))
        self.draft("a.mp4", format="mp4")
        self.put("b.mkv.part", recording("h264.mkv"))
        self.draft("b.mkv", format="mkv")
        first, second = self.recover()
        self.assertEqual((first.meta.format, first.meta.finalizing), ("mp4", True))
        self.assertEqual((second.meta.format, second.meta.finalizing), ("mkv", False))
        self.assertEqual(first.meta.frames, len(STEADY))
        self.assertEqual([one.path.name for one in unfinished(self.media)], ["a.mp4"])

    def test_none(self) -> None:
        """Without metadata, or with what is none, the file and the name that the service gave it tell what can be."""
        for name in ("usb-0bda-5634_20260102T030405678Z.mp4", "demo_20260102T030405678Z-0002.mkv"):
            self.put(f"{name}.part", recording(f"copy{name[-4:]}")[:-2000])
        self.put("usb-0bda-5634_20260102T030405678Z.mp4.json", b"{")
        second, first = self.recover()
        self.assertEqual(first.meta.camera.camera_id, "usb-0bda-5634")
        self.assertEqual(second.meta.camera, CameraIdentity(camera_id="demo", device="", name="demo"))
        for one in (first, second):
            self.assertEqual(one.meta.start_time, "2026-01-02T03:04:05.678Z")
            self.assertEqual((one.meta.codec, one.meta.interrupted), ("copy", True))
            self.assertEqual(one.meta.recording_id, one.path.stem)
        self.assertEqual((first.meta.format, second.meta.format), ("fmp4", "mkv"))

    def test_name_of_their_own(self) -> None:
        """A name that a client chose tells no camera; when it ended is when it was last written to, never to come."""
        for name, modified in (("my_holiday.mp4", 1_700_000_000), ("x_20269999T999999999Z.mp4", NOW + 1e6)):
            # Cutting it is no such writing.
            path = self.put(f"{name}.part", recording("h264.mp4")[:-5000])
            os.utime(path, (modified, modified))
        mine, other = self.recover()
        self.assertEqual((mine.meta.camera.camera_id, mine.meta.end_time), ("unknown", sidecar.utc(1_700_000_000)))
        self.assertEqual((other.meta.camera.camera_id, other.meta.end_time), ("x", sidecar.utc(NOW)))
        self.assertEqual(mine.meta.codec, "h264")

    def test_named_already(self) -> None:
        """The crash came when the file had its name, and its metadata did not know it."""
        self.put("a.mp4", recording("h264.mp4"))
        self.draft("a.mp4")
        (one,) = self.recover()
        self.assertEqual((one.meta.ended, one.meta.frames), ("interrupted", len(STEADY)))
        self.assertEqual((self.recordings / "a.mp4").read_bytes(), recording("h264.mp4"))

    def test_crash_while_recovering(self) -> None:
        """A part whose metadata was completed, but which did not get its name, gets it the next time."""
        self.put("a.mp4.part", recording("h264.mp4")[:-5000])
        self.draft("a.mp4")
        (one,) = self.recover()
        one.path.rename(self.recordings / "a.mp4.part")
        (again,) = self.recover()
        self.assertEqual(again, one)


class OthersTests(Case):
    """Whatever else there is."""

    def test_without_media(self) -> None:
        """A part without a picture goes with its metadata, and so does metadata of nothing."""
        self.put("a.mp4.part", recording("h264.mp4")[:500])
        self.draft("a.mp4")
        self.put("b.mkv.part", b"")
        self.draft("c.mp4")
        self.assertEqual(self.recover(), [])
        self.assertEqual(self.names(), [])

    def test_not_understood(self) -> None:
        """A large part that is not understood may be worth something to somebody: it is put aside."""
        self.put("a.mp4.part", bytes(2 << 20))
        self.assertEqual(self.recover(), [])
        self.assertEqual(self.names(), ["a.mp4.broken"])
        self.assertEqual(len(self.lines(LogLevel.error)), 1)

    def test_name_taken(self) -> None:
        """A part whose name a whole file has gets the next free number; the whole file and its metadata stay."""
        whole = self.draft("a.mp4", end_time="2026-01-01T13:00:00.000Z", recording_id="whole")
        self.put("a.mp4", b"whole")
        self.put("a-0002.mp4", b"whole, too")
        self.put("a.mp4.part", recording("h264.mp4")[:-5000])
        (one,) = self.recover()
        self.assertEqual(one.path.name, "a-0003.mp4")
        self.assertNotEqual(one.meta.recording_id, "whole")
        self.assertEqual(self.names(), ["a-0002.mp4", "a-0003.mp4", "a-0003.mp4.json", "a.mp4", "a.mp4.json"])
        self.assertEqual((self.meta("a.mp4"), (self.recordings / "a.mp4").read_bytes()), (whole, b"whole"))

    def test_long_name_taken(self) -> None:
        """A name without room for a number is shortened; metadata that was begun goes along."""
        name = "a" * 124 + ".mp4"
        self.put(name, b"whole")
        self.put(f"{name}.part", recording("h264.mp4"))
        self.draft(name)
        (one,) = self.recover()
        self.assertEqual((one.path.name, one.meta.recording_id), ("a" * 100 + "-0002.mp4", "r1"))
        self.assertNotIn(f"{name}.json", self.names())

    def test_leftovers(self) -> None:
        """Temporary files of ours go; whole ones, and what is not ours, stay."""
        for name in ("a.mp4.json.part", "a.mp4.remux.part", "b.mkv.remux.part"):
            self.put(name, b"x")
        for name in ("a.jpg.part", "b.png.json.part"):
            (self.snapshots / name).write_bytes(b"x")
        stay = ["a.mp4", "notes.txt", "notes.part", "-x.mp4.part", "directory.mp4.part"]
        for name in stay[:-1]:
            self.put(name, b"x")
        (self.recordings / stay[-1]).mkdir()
        (self.snapshots / "a.jpg").write_bytes(b"x")
        self.assertEqual(self.recover(), [])
        self.assertEqual(self.names(), sorted(stay))
        self.assertEqual([path.name for path in self.snapshots.iterdir()], ["a.jpg"])

    def test_link(self) -> None:
        """A link is not followed: what it leads to is nobody's part."""
        outside = self.media / "outside"
        outside.write_bytes(recording("h264.mp4")[:-5000])
        (self.recordings / "a.mp4.part").symlink_to(outside)
        self.assertEqual(self.recover(), [])
        self.assertEqual(outside.stat().st_size, len(recording("h264.mp4")) - 5000)

    def test_one_that_fails(self) -> None:
        """A file that cannot be mended is logged and left, and the next one is recovered."""
        self.put("a.mp4.part", recording("h264.mp4"))
        # Its metadata cannot be written: something is in the way.
        (self.recordings / "a.mp4.json").mkdir()
        self.put("b.mp4.part", recording("h264.mp4"))
        self.assertEqual([one.path.name for one in self.recover()], ["b.mp4"])
        (line,) = self.lines(LogLevel.error)
        self.assertIn("Cannot recover", line)
        self.assertIn("a.mp4.part", self.names())

    def test_no_directory(self) -> None:
        """Without the directories there is nothing to do, and with a file in their place that is said."""
        self.assertEqual(recover(self.media / "none", lambda: NOW), [])
        self.assertEqual(self.lines(LogLevel.error), [])
        (self.media / "other").mkdir()
        (self.media / "other" / "recordings").write_bytes(b"")
        self.assertEqual(recover(self.media / "other", lambda: NOW), [])
        self.assertTrue(self.lines(LogLevel.error))
        self.assertEqual(unfinished(self.media / "other"), [])
