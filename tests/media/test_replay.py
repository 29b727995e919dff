"""Recordings of JPEGs as streams: the pictures as they are, at their pace, and a child that ends with whoever looks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.media.clips import run
from tests.media.fakes_snap import Watcher, a_jpeg, real_children
from webcam_rpc.media import convert
from webcam_rpc.media.child import FFMPEG
from webcam_rpc.media.replay import MOST, Replay, Replays, TooManyReplays, argv
from webcam_rpc.media.troubles import CaptureFailed, Stopping
from webcam_rpc.testing import FakeChild, FakeChildren

NOON = 1767268800.0


class ReplayTests(SynchronousTestCase):
    """With children that print when the test says so."""

    def setUp(self) -> None:
        """Put it together."""
        self.clock = Clock()
        self.children = FakeChildren(self.clock)
        self.replays = Replays(self.clock, lambda: NOON + self.clock.seconds(), self.children)
        self.watcher = Watcher()
        self.ends = 0

    def ended(self) -> None:
        """Count."""
        self.ends += 1

    def begin(self, start: float = 0.0) -> tuple[Replay, FakeChild]:
        """Play something."""
        replay = self.replays.begin(Path("/media/recordings/-a.mkv"), start, self.watcher, self.ended)
        return replay, self.children.started[-1]

    def test_argv(self) -> None:
        """A name is never an option, pictures are not encoded again, and the file's own pace is kept."""
        text = " ".join(argv(Path("/m/a.mkv"), 2.5))
        self.assertIn(" -re -ss 2.500 -i file:/m/a.mkv ", text)
        self.assertIn(" -c:v copy ", text)

    def test_pictures(self) -> None:
        """Each comes with its size and the time at which it came; the last one is the end."""
        _, child = self.begin(1.0)
        picture = a_jpeg(320, 240)
        child.prints(convert.part(picture))
        self.clock.advance(0.5)
        child.prints(convert.part(picture))
        first, second = self.watcher.frames
        self.assertEqual((first.number, first.width, first.height, first.jpeg), (1, 320, 240, picture))
        self.assertEqual((second.number, second.at, second.time), (2, 0.5, NOON + 0.5))
        child.ends()
        self.assertEqual((self.ends, self.watcher.failures, self.replays.playing), (1, [], set()))

    def test_detached(self) -> None:
        """Who looks no more ends the child, and hears nothing of it."""
        replay, child = self.begin()
        child.prints(convert.part(a_jpeg()))
        replay.detach()
        replay.detach()
        self.assertTrue(child.killed)
        self.assertEqual((self.ends, self.watcher.failures, self.replays.playing), (0, [], set()))

    def test_no_jpegs(self) -> None:
        """A file of another kind is told as that: by what comes out, or by what ffmpeg says of it."""
        _, child = self.begin()
        child.prints(convert.part(b"\x00\x00\x00\x01" + bytes(500)))
        self.assertTrue(child.killed)
        _, child = self.begin()
        child.ends(1, stderr="/media/recordings/-a.mkv: Invalid data found when processing input\n")
        _, child = self.begin()
        child.prints(b"nonsense, and no head of a part")
        _, child = self.begin()
        child.ends(0)
        for failure in self.watcher.failures:
            self.assertIsInstance(failure, CaptureFailed)
        self.assertEqual((len(self.watcher.failures), self.ends, self.replays.playing), (4, 0, set()))

    def test_broken_behind(self) -> None:
        """What was given stays; where the rest is broken, that is the end."""
        _, child = self.begin()
        child.prints(convert.part(a_jpeg()))
        child.prints(convert.part(b"\x00" * 500))
        self.assertEqual((len(self.watcher.frames), self.watcher.failures, self.ends), (1, [], 1))

    def test_not_too_many(self) -> None:
        """So many at a time, and another when one has ended."""
        begun = [self.begin()[0] for _ in range(MOST)]
        self.assertRaises(TooManyReplays, self.begin)
        begun[0].detach()
        self.begin()

    def test_service_stops(self) -> None:
        """Nothing is begun any more."""
        self.children.stopService()
        self.assertRaises(Stopping, self.begin)
        self.assertEqual(self.replays.playing, set())


class Failing(Watcher):
    """Tells when it hears that there is nothing."""

    def __init__(self, over: Deferred[str]) -> None:
        super().__init__()
        self._over = over

    def failed(self, failure: CaptureFailed) -> None:
        """Tell."""
        super().failed(failure)
        self._over.callback("failed")


class RealTests(TestCase):
    """With ffmpeg."""

    if shutil.which("ffmpeg") is None:
        skip = "there is no ffmpeg"

    async def played(self, path: Path, start: float) -> tuple[Watcher, Any]:
        """Play it to its end."""
        from twisted.internet import reactor  # noqa: PLC0415 - the real one

        clock: Any = reactor
        children = real_children(clock)
        children.startService()
        over: Deferred[str] = Deferred()
        watcher = Failing(over)
        Replays(clock, lambda: NOON, children).begin(path, start, watcher, lambda: over.callback("ended"))
        how = await over
        await children.stopService()
        return watcher, how

    async def test_file(self) -> None:
        """From the middle on the very pictures that are in it; a file of H.264 has none."""
        path = Path(self.mktemp()).with_suffix(".mkv").absolute()
        source = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=20:duration=1")
        self.assertEqual(run(*FFMPEG, *source, "-c:v", "mjpeg", str(path)).returncode, 0)
        watcher, how = await self.played(path, 0.5)
        self.assertEqual(how, "ended")
        self.assertIn(len(watcher.frames), range(8, 13))
        self.assertEqual({(frame.width, frame.height) for frame in watcher.frames}, {(64, 48)})
        other = path.with_suffix(".mp4")
        self.assertEqual(run(*FFMPEG, *source, "-c:v", "libx264", str(other)).returncode, 0)
        watcher, how = await self.played(other, 0.0)
        self.assertEqual((how, watcher.frames), ("failed", []))
