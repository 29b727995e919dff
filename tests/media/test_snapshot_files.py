"""The files of pictures: there whole or not at all, with their metadata, under a name that nobody else has."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import stat
from pathlib import Path

import msgspec
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import TestCase

from tests.cameras.case import make_bus
from tests.media.fakes_snap import FakeFeed, FakeLibrary, PictureCase, a_frame, a_jpeg, drawn, real_children
from webcam_rpc.media import sidecar
from webcam_rpc.media.events import SnapshotTaken
from webcam_rpc.media.snapshots import Snapshots, SnapshotWanted
from webcam_rpc.media.troubles import NameRefused, StorageBroken, StorageLow
from webcam_rpc.testing import FakeThreads


class FileTests(PictureCase):
    """What is kept."""

    def test_metadata(self) -> None:
        """The picture is as the camera gave it, beside it lies all that is known, and both are told."""
        self.feed.deliver()
        self.clock.advance(0.25)
        taken = self.taken(filename="gate")
        self.assertEqual(self.files(), ["gate.jpg", "gate.jpg.json"])
        data = taken.path.read_bytes()
        self.assertEqual(data, a_frame().jpeg)
        meta = sidecar.decode_snapshot(taken.sidecar.read_bytes())
        self.assertEqual(meta, taken.meta)
        assert meta is not None
        self.assertEqual((meta.filename, meta.format, meta.quality), ("gate.jpg", "jpg", None))
        self.assertEqual((meta.timestamp, meta.age_ms), ("2026-01-01T12:01:40.000Z", 250.0))
        self.assertEqual((meta.resolution, meta.fps, meta.file_size), ("640x480", 29.97, len(data)))
        self.assertEqual(meta.sha256, hashlib.sha256(data).hexdigest())
        self.assertEqual((meta.camera.camera_id, meta.camera.device), ("usb-1", "/dev/video0"))
        self.assertEqual(meta.controls["brightness"], 0)
        self.assertEqual((taken.age_ms, taken.data), (250.0, None))
        for path in (taken.path, taken.sidecar):
            self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o137, 0)
        self.assertEqual(self.library.listed, [("snapshots", "gate.jpg")])
        event = SnapshotTaken(
            camera_id="usb-1",
            device="/dev/video0",
            filename="gate.jpg",
            file_size=len(data),
            timestamp=meta.timestamp,
        )
        self.assertEqual([stamped.event for stamped in self.published], [event])

    def test_rate_of_the_first(self) -> None:
        """The first frame tells no rate yet: then it is the mode's, and none where that is not known either."""
        self.feed.rate = None
        self.feed.deliver()
        self.assertEqual(self.taken().meta.fps, 30)
        self.feed.mode = None
        self.assertIsNone(self.taken().meta.fps)

    def test_at_once(self) -> None:
        """What the camera gave is written without a child, and nothing but the disk is waited for."""
        self.feed.deliver()
        started = self.take()
        self.assertEqual((len(self.threads), self.children.started, self.feed.attached), (1, [], []))
        self.threads.work()
        self.successResultOf(started)

    def test_default_names(self) -> None:
        """A picture without a name is called after its camera and moment, and of one moment there may be several."""
        self.feed.deliver()
        started = [self.take() for _ in range(3)]
        self.threads.work()
        named = [self.successResultOf(each).meta.filename for each in started]
        stem = "usb-1_20260101T120140000Z"
        self.assertEqual(named, [f"{stem}.jpg", f"{stem}-0002.jpg", f"{stem}-0003.jpg"])
        self.assertEqual(len(self.files()), 6)

    def test_before_the_answer(self) -> None:
        """The sidecar is there before the picture has its name, and neither can be seen half."""
        self.feed.deliver()
        started = self.take(filename="gate")
        seen: list[list[str]] = []
        real = os.fsync

        def watched(descriptor: int) -> None:
            seen.append(self.files())
            real(descriptor)

        self.patch(os, "fsync", watched)
        self.threads.work()
        self.successResultOf(started)
        writing = ["gate.jpg.json.part", "gate.jpg.part"]
        described = ["gate.jpg.json", "gate.jpg.part"]
        self.assertEqual(seen, [writing, described, described, ["gate.jpg", "gate.jpg.json"]])

    def test_exists(self) -> None:
        """A name that is taken is refused, and what has it stays as it was, sidecar and all."""
        self.feed.deliver()
        first = self.taken(filename="gate")
        before = (first.path.read_bytes(), first.sidecar.read_bytes())
        self.published.clear()
        self.library.listed.clear()
        self.feed.deliver()
        self.assertEqual(self.refused(NameRefused, self.take(filename="gate.jpg")).rule, "exists")
        self.assertEqual((first.path.read_bytes(), first.sidecar.read_bytes()), before)
        self.assertEqual(self.files(), ["gate.jpg", "gate.jpg.json"])

    def test_race(self) -> None:
        """Of two that write the same name at the same time one gets it; the other changes nothing."""
        self.feed.deliver()
        self.directory.mkdir(parents=True)
        (self.directory / "gate.jpg.part").write_bytes(b"another's")
        self.assertEqual(self.refused(NameRefused, self.take(filename="gate")).rule, "exists")
        self.assertEqual((self.directory / "gate.jpg.part").read_bytes(), b"another's")
        self.assertEqual(self.files(), ["gate.jpg.part"])

    def test_orphan(self) -> None:
        """A sidecar whose picture is gone is in nobody's way."""
        self.feed.deliver()
        self.taken(filename="gate").path.unlink()
        self.feed.deliver(jpeg=a_jpeg(filling=b"another"))
        self.assertEqual(self.taken(filename="gate").meta.file_size, len(a_jpeg(filling=b"another")))

    def test_bad_names(self) -> None:
        """A name that leads elsewhere, or speaks of another format, is refused before the camera is asked."""
        for name, rule in (("../x", "pattern"), ("-i", "pattern"), ("x.png", "extension"), ("x.json", "extension")):
            self.assertEqual(self.refused(NameRefused, self.take(filename=name)).rule, rule)
            self.assertEqual(self.feed.attached, [])

    def test_no_room(self) -> None:
        """Without room the camera is not even asked; the picture's own size is asked for as well."""
        self.library.refusal = StorageLow(10, 20)
        self.assertEqual(self.refused(StorageLow, self.take()).available, 10)
        self.library.refusal = None
        self.feed.deliver()
        self.taken()
        self.assertEqual(self.library.asked_for, [0, 0, len(a_frame().jpeg)])

    def test_full_disk(self) -> None:
        """A disk that is full after all is told as that, and nothing is left."""
        self.feed.deliver()
        # As a full disk: the sidecar's bytes still fit, the picture's do not.
        started = self.take(filename="gate")
        real = os.fsync

        def full(descriptor: int) -> None:
            if os.readlink(f"/proc/self/fd/{descriptor}").endswith("gate.jpg.part"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        self.patch(os, "fsync", full)
        low = self.refused(StorageLow, started)
        self.assertEqual(low.required, len(a_frame().jpeg))
        self.assertGreater(low.available, 0)
        self.assertEqual(self.files(), [])

    def test_too_big_for_the_system(self) -> None:
        """A write that the kernel refuses in the middle leaves nothing; here by the limit on a file's size."""
        self.feed.deliver(jpeg=a_jpeg(filling=bytes(100_000)))
        started = self.take(filename="gate")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        self.addCleanup(signal.signal, signal.SIGXFSZ, signal.signal(signal.SIGXFSZ, signal.SIG_IGN))
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
        try:
            self.threads.work()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self.assertIn("File too large", str(self.refused(StorageBroken, started)))
        self.assertEqual(self.files(), [])

    def test_broken_directory(self) -> None:
        """A directory that is none is told by its name; one that is missing is made."""
        self.feed.deliver()
        self.directory.parent.mkdir()
        self.directory.write_bytes(b"")
        self.assertIn(str(self.directory), str(self.refused(StorageBroken, self.take())))
        self.directory.unlink()
        self.taken()


class RealTests(TestCase):
    """The real ffmpeg and real files."""

    async def test_formats(self) -> None:
        """Each format is what it says, whole, and as its metadata has it."""
        from twisted.internet import reactor  # noqa: PLC0415 - the tests of everything else do without one

        children, threads, library = real_children(reactor), FakeThreads(), FakeLibrary(Path(self.mktemp()))
        feed = FakeFeed(Clock())
        snapshots = Snapshots(Clock(), children, library, make_bus(), threads.run)
        picture = await drawn(children, 640, 480)
        feed.deliver(jpeg=picture)
        for wanted, begins in (
            (SnapshotWanted(), picture),
            (SnapshotWanted(quality=10), b"\xff\xd8"),
            (SnapshotWanted(format="png"), b"\x89PNG\r\n\x1a\n"),
        ):
            started = snapshots.take(feed, wanted)
            while not len(threads) and not started.called:
                await deferLater(reactor, 0.01)
            threads.work()
            taken = await started
            data = taken.path.read_bytes()
            self.assertTrue(data.startswith(begins))
            self.assertEqual((len(data), taken.meta.format), (taken.meta.file_size, wanted.format))
            self.assertEqual(
                msgspec.json.decode(taken.sidecar.read_bytes())["sha256"], hashlib.sha256(data).hexdigest()
            )
        self.assertEqual(len(children), 0)
