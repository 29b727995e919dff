"""One run of a capture: whole pictures pass, everything else ends it with a reason, once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.cameras.case import a_camera
from tests.media.jpegs import part, small
from webcam_rpc.cameras.models import PATTERN_DRIVER, CurrentMode
from webcam_rpc.media import source
from webcam_rpc.media.capture import Capture
from webcam_rpc.media.child import Children
from webcam_rpc.media.troubles import ProgramFailed
from webcam_rpc.testing import FakeChildren

if TYPE_CHECKING:
    from collections.abc import Callable

    from webcam_rpc.cameras.models import Trouble
    from webcam_rpc.media.jpeg import Picture

reactor: Any = global_reactor


class CaptureTests(SynchronousTestCase):
    """A capture that may take 10 s to its first picture and 5 s from one to the next."""

    def setUp(self) -> None:
        """Start it."""
        self.clock = Clock()
        self.children = FakeChildren(self.clock)
        self.pictures: list[tuple[bytes | None, Picture | None]] = []
        self.troubles: list[Trouble] = []
        self.on_picture: Callable[[], object] = lambda: None
        self.capture = self.begin()
        (self.child,) = self.children.started

    def begin(self) -> Capture:
        """Begin a run."""
        return Capture(
            self.clock,
            self.children,
            ["ffmpeg", "-i", "x"],
            picture=self.picture,
            failed=self.troubles.append,
            start_timeout=10,
            stall_timeout=5,
        )

    def picture(self, data: bytes | None, picture: Picture | None) -> None:
        """Keep a picture."""
        self.pictures.append((data, picture))
        self.on_picture()

    def why(self) -> str:
        """Give the one reason of its end; it has let go of everything on the clock but the death of its child."""
        (trouble,) = self.troubles
        return trouble.detail

    def test_pictures(self) -> None:
        """Each whole picture is passed on with its size, however the pieces come."""
        stream = part(small(32, 16)) + part(small(64, 48))
        for at in range(0, len(stream), 100):
            self.child.prints(stream[at : at + 100])
        self.assertEqual([data for data, _ in self.pictures], [small(32, 16), small(64, 48)])
        self.assertEqual([(each.width, each.height) for _, each in self.pictures if each], [(32, 16), (64, 48)])
        self.assertEqual((self.capture.pictures, self.capture.broken), (2, 0))

    def test_mended(self) -> None:
        """Padding is taken away and missing tables are put in."""
        bare = small(tables=False)
        self.child.prints(part(bare + b"\x00" * 50))
        ((data, picture),) = self.pictures
        assert data is not None
        assert picture is not None
        self.assertFalse(picture.has_huffman_tables)
        self.assertEqual((data[: picture.scan], data[-150:]), (bare[: picture.scan], bare[-150:]))
        self.assertGreater(len(data), len(bare) + 400)

    def test_broken_pictures(self) -> None:
        """A broken picture is counted, told as none, and does not end the run."""
        self.child.prints(part(small()[:-1]) + part(small()))
        self.assertEqual(self.pictures[0], (None, None))
        self.assertEqual(self.pictures[1][0], small())
        self.assertEqual((self.capture.pictures, self.capture.broken, self.troubles), (1, 1, []))

    def test_silent_from_the_start(self) -> None:
        """The first picture may take as long as the start may; then the child is none."""
        self.clock.advance(9.9)
        self.assertEqual(self.troubles, [])
        self.clock.advance(0.2)
        self.assertEqual(self.why(), "no frame in 10 s")
        self.capture.end()
        self.assertTrue(self.child.killed)

    def test_silent_later(self) -> None:
        """From the first picture on the shorter limit holds, counted from the newest one."""
        self.clock.advance(8)
        for _ in range(4):
            self.child.prints(part(small()))
            self.clock.advance(4.9)
        self.assertEqual(self.troubles, [])
        self.clock.advance(0.2)
        self.assertEqual(self.why(), "no further frame in 5 s")

    def test_only_broken_pictures(self) -> None:
        """Broken pictures are no sign of life."""
        for _ in range(9):
            self.clock.advance(1)
            self.child.prints(part(b"x" * 200))
        self.assertEqual(self.troubles, [])
        self.clock.advance(1)
        self.assertEqual(self.why(), "no frame in 10 s, but broken ones")

    def test_no_stream(self) -> None:
        """What is no stream of pictures ends the run, and nothing after it is looked at."""
        self.child.prints(part(small()))
        self.child.prints(b"Segmentation fault")
        self.child.prints(part(small()))
        self.assertEqual(len(self.pictures), 1)
        self.assertEqual(self.why(), "ffmpeg printed what is not pictures: no head of a part")
        self.capture.end()
        self.assertEqual(len(self.troubles), 1)

    def test_ended(self) -> None:
        """The end of the child is the end of the run, whatever its status."""
        self.child.prints(part(small()))
        self.child.ends(0)
        self.assertEqual(self.why(), "ffmpeg ended with status 0 after 1 frames")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_told_once(self) -> None:
        """A run that was silent and then ends is told once."""
        self.clock.advance(11)
        self.child.ends(1)
        self.clock.advance(100)
        self.assertEqual(self.why(), "no frame in 10 s")

    def test_end(self) -> None:
        """A run that is ended on purpose fails in no way, and fires when the child has let go of the camera."""
        self.child.immortal = True
        self.child.prints(part(small()))
        done = self.capture.end()
        self.assertEqual(self.child.signals, ["KILL"])
        self.assertNoResult(done)
        self.child.prints(part(small()))
        self.assertEqual(len(self.pictures), 1)
        self.child.ends(None, 9)
        self.successResultOf(done)
        self.clock.advance(100)
        self.assertEqual(self.troubles, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_ended_by_who_gets_a_picture(self) -> None:
        """Who ends the run while it gets a picture gets no other, even of what was printed already."""
        self.on_picture = self.capture.end
        self.child.prints(part(small()) + part(small()))
        self.assertEqual(len(self.pictures), 1)

    def test_missing(self) -> None:
        """Without ffmpeg there is no run, and nothing waits on the clock."""
        self.capture.end()
        self.children.missing.add("ffmpeg")
        self.assertRaises(ProgramFailed, self.begin)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class RealTests(TestCase):
    """A run of the real ffmpeg, which draws the test pattern."""

    async def test_pattern(self) -> None:
        """Every picture is whole and of the size that was asked for; when the run is ended no child is left."""
        children = Children(reactor, os.environ)
        camera = a_camera("demo", "/dev/video-demo", driver=PATTERN_DRIVER)
        some: Deferred[None] = Deferred()
        sizes: list[tuple[int, int] | None] = []

        def take(_: bytes | None, picture: Picture | None) -> None:
            sizes.append((picture.width, picture.height) if picture is not None else None)
            if len(sizes) == 5:
                some.callback(None)

        capture = Capture(
            reactor,
            children,
            source.argv(camera, CurrentMode("MJPG", 160, 120, 50), 85),
            picture=take,
            failed=lambda trouble: some.errback(AssertionError(trouble.reason)),
            start_timeout=60,
            stall_timeout=60,
        )
        try:
            await some
        finally:
            await capture.end()
        self.assertEqual(set(sizes), {(160, 120)})
        self.assertEqual(len(children), 0)
