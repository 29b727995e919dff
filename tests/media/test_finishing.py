"""Recordings rewritten when they are over: one at a time, with the real ffmpeg, and what may come in between."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.logger import LogLevel
from twisted.trial.unittest import TestCase

from tests.cameras.case import LogCase, make_bus
from tests.media.clips import STEADY, faults, probed, probed_times, recording, run
from tests.media.test_recovery import DRAFT
from tests.service import PATIENCE, eventually
from webcam_rpc.media import sidecar
from webcam_rpc.media.child import Children
from webcam_rpc.media.events import RecordingChanged
from webcam_rpc.media.finishing import Finishing
from webcam_rpc.media.fragments import cut, scan
from webcam_rpc.media.troubles import StorageLow
from webcam_rpc.testing import FakeChildren, FakeThreads

if TYPE_CHECKING:
    from webcam_rpc.media.sidecar import RecordingMeta
    from webcam_rpc.testing import FakeChild


class Directory:
    """A media directory with recordings that are to be rewritten."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.recordings = self.path / "recordings"
        self.recordings.mkdir(parents=True)

    def put(self, name: str, content: bytes, **more: Any) -> tuple[Path, RecordingMeta]:
        """Put a recording there, with metadata that says so."""
        path = self.recordings / name
        path.write_bytes(content)
        known: dict[str, Any] = {
            "format": "mp4",
            "finalizing": True,
            "end_time": DRAFT.start_time,
            "duration": 3.0,
            **more,
        }
        meta = msgspec.structs.replace(DRAFT, filename=name, file_size=len(content), **known)
        path.with_name(f"{name}.json").write_bytes(sidecar.encode(meta))
        return path, meta

    def meta(self, name: str) -> RecordingMeta:
        """Read the metadata of a recording."""
        meta = sidecar.decode_recording((self.recordings / f"{name}.json").read_bytes())
        assert meta is not None
        return meta

    def names(self) -> list[str]:
        """Give the names of all files."""
        return sorted(path.name for path in self.recordings.iterdir())


class FinishingTests(LogCase):
    """The order of things, with programs that only seem to run."""

    def setUp(self) -> None:
        """Put two recordings into a directory."""
        super().setUp()
        self.directory = Directory(Path(self.mktemp()))
        self.clock = Clock()
        self.children = FakeChildren(self.clock)
        self.threads = FakeThreads()
        self.events: list[object] = []
        bus = make_bus()
        bus.subscribe(lambda stamped: self.events.append(stamped.event))
        self.room: list[int] = []
        self.low = False
        self.finishing = Finishing(
            self.clock, self.directory.path, self.children, self.threads.run, bus, self.check_room
        )
        self.source = recording("h264.mp4")
        self.plain = self.remuxed(self.source)
        self.a = self.directory.put("a.mp4", self.source)
        self.b = self.directory.put("b.mp4", self.source)
        self.finishing.startService()

    def remuxed(self, content: bytes) -> bytes:
        """Give what ffmpeg would make of it: here only what passes for that."""
        source, made = self.directory.path / "source.mp4", self.directory.path / "made.mp4"
        source.write_bytes(content)
        self.assertEqual(run("ffmpeg", "-v", "error", "-y", "-i", str(source), "-c", "copy", str(made)).stderr, b"")
        return made.read_bytes()

    def check_room(self, required: int) -> None:
        """Take note, and refuse if the disk is full."""
        self.room.append(required)
        if self.low:
            raise StorageLow(0, required)

    def child(self) -> FakeChild:
        """Let the threads work, and give the program that runs."""
        self.threads.work()
        (running,) = [child for child in self.children.started if child.running]
        return running

    def copies(self, content: bytes) -> None:
        """Let ffmpeg write this and end well, and the disk have it."""
        child = self.child()
        self.assertIn("ffmpeg", child.argv)
        Path(child.argv[-1].removeprefix("file:")).write_bytes(content)
        child.ends()
        self.child().ends()
        self.threads.work()

    def told(self) -> list[tuple[str | None, str, str | None]]:
        """Give what was published: file, status, reason."""
        told: list[tuple[str | None, str, str | None]] = []
        for event in self.events:
            assert isinstance(event, RecordingChanged)
            told.append((event.filename, event.status, event.reason))
        self.events.clear()
        return told

    def test_one_at_a_time(self) -> None:
        """Each in its turn: rewritten, in its place, noted and told."""
        for path, meta in (self.a, self.b, self.a):
            self.finishing.add(path, meta)
        self.assertEqual(self.finishing.pending, 2)
        self.copies(self.plain)
        self.assertEqual(self.told(), [("a.mp4", "FINALIZED", None)])
        self.assertEqual(self.a[0].read_bytes(), self.plain)
        meta = self.directory.meta("a.mp4")
        self.assertEqual((meta.finalizing, meta.file_size, meta.format), (False, len(self.plain), "mp4"))
        self.assertTrue(self.directory.meta("b.mp4").finalizing)
        self.copies(self.plain)
        self.assertEqual(self.told(), [("b.mp4", "FINALIZED", None)])
        self.assertEqual((self.finishing.pending, len(self.children)), (0, 0))
        self.assertEqual(self.directory.names(), ["a.mp4", "a.mp4.json", "b.mp4", "b.mp4.json"])
        self.assertEqual(self.room, [len(self.source)] * 2)

    def test_argv(self) -> None:
        """It is nice, copies, takes names for nothing but names, and has the disk written before it is waited for."""
        self.finishing.add(*self.a)
        child = self.child()
        self.assertEqual(child.argv[:4], ["nice", "-n", "19", "ffmpeg"])
        self.assertIn(f"file:{self.a[0]}", child.argv)
        self.assertEqual(child.argv[-1], f"file:{self.a[0]}.remux.part")
        child.ends()
        self.assertEqual(self.child().argv, ["nice", "-n", "19", "sync", f"{self.a[0]}.remux.part"])

    def test_noted_after(self) -> None:
        """The metadata says that it is not done until the new file has the name."""
        seen: list[tuple[bytes, bool]] = []
        self.finishing.add(*self.a)
        child = self.child()
        Path(child.argv[-1].removeprefix("file:")).write_bytes(self.plain)
        child.ends()
        self.child().ends()
        while len(self.threads):
            seen.append((self.a[0].read_bytes(), self.directory.meta("a.mp4").finalizing))
            self.threads.work_one()
        self.assertEqual(seen, [(self.source, True), (self.plain, True)])
        self.assertFalse(self.directory.meta("a.mp4").finalizing)

    def test_not_right(self) -> None:
        """A new file that lacks frames, is none, or whose ffmpeg failed: the old one stays and says what it is."""
        self.b[0].write_bytes(self.source[:-5000])
        cut(self.b[0])
        short = self.remuxed(self.b[0].read_bytes())
        for content, status in ((short, 0), (b"", 0), (self.plain[:-1], 0), (self.plain, 1)):
            path, meta = self.directory.put("a.mp4", self.source)
            self.finishing.add(path, meta)
            child = self.child()
            Path(child.argv[-1].removeprefix("file:")).write_bytes(content)
            child.ends(status, stderr="no such thing\n")
            if not status:
                self.child().ends()
            self.threads.work()
            self.assertEqual(path.read_bytes(), self.source)
            now = self.directory.meta("a.mp4")
            self.assertEqual((now.finalizing, now.format, now.file_size), (False, "fmp4", len(self.source)))
            ((name, told, reason),) = self.told()
            self.assertEqual((name, told), ("a.mp4", "FINALIZED"))
            self.assertIn("ffmpeg", reason or "")
            self.assertEqual(len(self.lines(LogLevel.error)), 1)
            self.assertNotIn("a.mp4.remux.part", self.directory.names())

    def test_too_slow(self) -> None:
        """One that does not end is killed, after a time that grows with the file."""
        self.finishing.add(*self.a)
        child = self.child()
        self.clock.advance(60)
        self.assertFalse(child.killed)
        self.clock.advance(5 + len(self.source) / 1_000_000)
        self.assertTrue(child.killed)
        self.threads.work()
        self.assertFalse(self.directory.meta("a.mp4").finalizing)
        self.assertIn("signal 9", self.told()[0][2] or "")

    def test_no_room(self) -> None:
        """Without room for a second file nothing is begun; it is tried again later, and then done."""
        self.low = True
        self.finishing.add(*self.a)
        self.finishing.add(*self.b)
        self.threads.work()
        self.assertEqual((self.children.started, self.finishing.pending, self.told()), ([], 2, []))
        self.assertTrue(self.directory.meta("a.mp4").finalizing)
        self.assertEqual(len(self.lines(LogLevel.warn)), 1)
        self.low = False
        self.clock.advance(300)
        self.copies(self.plain)
        self.copies(self.plain)
        self.assertEqual([name for name, _, _ in self.told()], ["b.mp4", "a.mp4"])

    def test_no_ffmpeg(self) -> None:
        """Without ffmpeg it waits for it."""
        self.children.missing.add("nice")
        self.finishing.add(*self.a)
        self.threads.work()
        self.assertEqual(self.finishing.pending, 1)
        self.children.missing.clear()
        self.clock.advance(300)
        self.copies(self.plain)
        self.assertEqual(len(self.told()), 1)

    def test_deleted(self) -> None:
        """A recording that is deleted before, meanwhile or at the last moment leaves nothing and costs no error."""

        def delete() -> None:
            for name in ("a.mp4", "a.mp4.json"):
                (self.directory.recordings / name).unlink()

        for moment in range(4):
            path, meta = self.directory.put("a.mp4", self.source)
            self.finishing.add(path, meta)
            if moment == 0:
                delete()
                self.threads.work()
            else:
                child = self.child()
                Path(child.argv[-1].removeprefix("file:")).write_bytes(self.plain)
                if moment == 1:
                    delete()
                child.ends()
                if moment == 2:
                    delete()
                self.child().ends()
                if moment == 3:
                    # The new file has the name again that was just taken away, and its metadata is gone.
                    self.threads.work_one()
                    (self.directory.recordings / "a.mp4.json").unlink()
                self.threads.work()
            self.assertEqual(self.directory.names(), ["b.mp4", "b.mp4.json"], moment)
            self.assertEqual((self.told(), self.lines(LogLevel.error)), ([], []))

    def test_protected_meanwhile(self) -> None:
        """What was changed in the metadata meanwhile stays changed."""
        self.finishing.add(*self.a)
        self.child()
        self.directory.put("a.mp4", self.source, schedule_id="s")
        self.copies(self.plain)
        self.assertEqual(self.directory.meta("a.mp4").schedule_id, "s")

    def test_stopped(self) -> None:
        """The end of the service kills the one that runs, and all is as it was; a new start takes it up."""
        self.finishing.add(*self.a)
        self.finishing.add(*self.b)
        child = self.child()
        (self.directory.recordings / "a.mp4.remux.part").write_bytes(b"half")
        stopped = self.finishing.stopService()
        self.assertTrue(child.killed)
        self.threads.work()
        self.successResultOf(stopped)
        self.assertEqual(self.directory.names(), ["a.mp4", "a.mp4.json", "b.mp4", "b.mp4.json"])
        self.assertEqual(self.a[0].read_bytes(), self.source)
        self.assertTrue(self.directory.meta("a.mp4").finalizing)
        self.assertEqual((self.told(), self.clock.getDelayedCalls()), ([], []))
        self.finishing.startService()
        self.copies(self.plain)
        self.assertEqual(self.told()[0][0], "a.mp4")

    def test_stopped_while_the_disk_hangs(self) -> None:
        """The end of the service does not wait long for a thread that waits for the disk."""
        self.finishing.add(*self.a)
        stopped = self.finishing.stopService()
        self.assertNoResult(stopped)
        self.clock.advance(0.4)
        self.successResultOf(stopped)
        self.threads.work()
        self.assertEqual(self.children.started, [])

    def test_resumed(self) -> None:
        """What a former run did not get done is found by its metadata; what it did but did not note is only noted."""
        self.directory.put("a.mp4", self.plain)
        self.directory.put("c.mp4", self.source, finalizing=False)
        self.finishing.resume()
        self.threads.work()
        self.assertFalse(self.directory.meta("a.mp4").finalizing)
        self.assertEqual(self.told(), [("a.mp4", "FINALIZED", None)])
        self.copies(self.plain)
        self.assertEqual(self.told(), [("b.mp4", "FINALIZED", None)])
        self.assertEqual(self.finishing.pending, 0)


class RealTests(TestCase):
    """With the real ffmpeg, threads and the reactor."""

    def setUp(self) -> None:
        """Start it."""
        from twisted.internet import reactor  # noqa: PLC0415 - not before trial has chosen it

        self.directory = Directory(Path(self.mktemp()))
        self.children = Children(reactor, os.environ)
        self.children.startService()
        self.addCleanup(self.children.stopService)
        bus = make_bus()
        self.events: list[RecordingChanged] = []
        self.reactor: Any = reactor
        self.finishing = Finishing(self.reactor, self.directory.path, self.children, deferToThread, bus, lambda _: None)
        bus.subscribe(lambda stamped: self.events.append(stamped.event))  # type: ignore[arg-type]
        self.finishing.startService()

    async def done(self) -> None:
        """Wait until nothing is left to do, and stop."""
        await eventually(self.reactor, lambda: not self.finishing.pending, PATIENCE, "rewritten")
        await self.finishing.stopService()

    async def test_mp4(self) -> None:
        """A fragmented MP4 becomes one with its index in front, with the same frames at the same times."""
        path, meta = self.directory.put("a.mp4", recording("h264.mp4"))
        before = probed_times(path)
        self.finishing.add(path, meta)
        await self.done()
        self.assertEqual([event.reason for event in self.events], [None])
        self.assertEqual(probed_times(path), before)
        self.assertEqual(faults(path), "")
        data = path.read_bytes()
        self.assertTrue(data.index(b"moov") < data.index(b"mdat"))
        self.assertNotIn(b"moof", data)
        self.assertEqual(self.directory.names(), ["a.mp4", "a.mp4.json"])

    async def test_cut_matroska(self) -> None:
        """A Matroska that was cut gets its index, and the MJPEG in it stays that."""
        for kind in ("h264.mkv", "copy.mkv"):
            data = recording(kind)
            path, meta = self.directory.put(kind, data[: len(data) * 3 // 4], format="mkv")
            frames = cut(path).frames
            self.assertFalse(scan(path).indexed)
            self.finishing.add(path, meta)
        await self.done()
        self.assertEqual([event.reason for event in self.events], [None, None])
        self.assertTrue(scan(path).indexed)
        self.assertEqual((scan(path).frames, len(probed_times(path))), (frames, frames))
        self.assertLess(frames or 0, len(STEADY))
        self.assertEqual((faults(path), probed(path, "stream=codec_name")), ("", "mjpeg"))

    async def test_stopped(self) -> None:
        """Stopped in the middle it ends soon, without a child and with the recording as it was."""
        path, meta = self.directory.put("a.mp4", recording("h264.mp4"))
        self.finishing.add(path, meta)
        await eventually(self.reactor, lambda: len(self.children), PATIENCE, "a child")
        await self.finishing.stopService()
        self.assertEqual(len(self.children), 0)
        self.assertEqual(path.read_bytes(), recording("h264.mp4"))
        self.assertEqual(self.directory.meta("a.mp4"), meta)
        self.assertEqual((self.events, self.finishing.pending), ([], 1))
