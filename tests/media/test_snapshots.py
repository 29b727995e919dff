"""Pictures: which frame is good enough, how long it is waited for, what is made of it, and what giving up leaves."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError

from tests.media.fakes_snap import UNPLUGGED, FakeFeed, PictureCase, a_frame, a_jpeg, a_png
from webcam_rpc.media.few import PER_TURN
from webcam_rpc.media.snapshots import DEADLINE, FRAME_DEADLINE, INLINE_LIMIT, InlineTooBig
from webcam_rpc.media.troubles import CameraAway, CaptureFailed, ProgramFailed, Stopping, StorageBroken


class FrameTests(PictureCase):
    """Which frame it is."""

    def test_newest(self) -> None:
        """The newest frame is given at once, however old, and the camera is asked for no other."""
        newest = self.feed.deliver()
        self.clock.advance(3.0)
        self.assertIs(self.successResultOf(self.snapshots.picture(self.feed)), newest)

    def test_cold(self) -> None:
        """A camera that does not deliver is started, and its first frame is taken."""
        started = self.snapshots.picture(self.feed)
        self.assertEqual(self.feed.kinds(), ["snapshot"])
        self.clock.advance(2.0)
        self.assertNoResult(started)
        first = self.feed.deliver()
        self.assertIs(self.successResultOf(started), first)
        self.feed.deliver()

    def test_max_age(self) -> None:
        """A frame that is older than it may be is not taken, one that is just as old is."""
        newest = self.feed.deliver()
        self.clock.advance(0.5)
        self.assertIs(self.successResultOf(self.snapshots.picture(self.feed, max_age_ms=500)), newest)
        started = self.snapshots.picture(self.feed, max_age_ms=499)
        self.assertNoResult(started)
        self.clock.advance(0.1)
        following = self.feed.deliver()
        self.assertIs(self.successResultOf(started), following)

    def test_fresh(self) -> None:
        """A fresh frame is one that came after it was asked for, whatever age is said to do."""
        self.feed.deliver()
        started = self.snapshots.picture(self.feed, fresh=True, max_age_ms=60_000)
        (attachment,) = self.feed.attached
        attachment.consumer.frame(a_frame(at=99.9))
        self.assertNoResult(started)
        self.clock.advance(0.04)
        following = self.feed.deliver()
        self.assertIs(self.successResultOf(started), following)

    def test_failed(self) -> None:
        """A capture that fails is told at once, with all that is known."""
        started = self.snapshots.picture(self.feed)
        self.feed.fail(holder={"pid": 7, "comm": "cheese"})
        failure: Any = self.failureResultOf(started, CaptureFailed).value
        self.assertEqual((failure.trouble, failure.holder), (UNPLUGGED, {"pid": 7, "comm": "cheese"}))

    def test_failed_while_attaching(self) -> None:
        """A feed that knows at once that it can do nothing holds nobody."""

        class Hopeless(FakeFeed):
            def attach(self, kind: str, consumer: Any) -> Any:
                attachment = super().attach(kind, consumer)
                self.fail()
                return attachment

        self.feed = Hopeless(self.clock)
        self.failureResultOf(self.snapshots.picture(self.feed), CaptureFailed)

    def test_away(self) -> None:
        """A camera that is unplugged, or gets so, is told at once."""
        started = self.snapshots.picture(self.feed)
        self.feed.unplug()
        self.failureResultOf(started, CameraAway)
        started = self.snapshots.picture(self.feed)
        self.clock.advance(0)
        self.failureResultOf(started, CameraAway)

    def test_silent(self) -> None:
        """A camera that neither delivers nor fails is not waited for without end."""
        started = self.snapshots.picture(self.feed)
        self.clock.advance(FRAME_DEADLINE - 0.1)
        self.assertNoResult(started)
        self.clock.advance(0.2)
        failure: Any = self.failureResultOf(started, CaptureFailed).value
        self.assertIn("diagnose_camera", failure.trouble.remedy)

    def test_cancelled(self) -> None:
        """Whoever waits no longer lets go of the camera."""
        started = self.snapshots.picture(self.feed)
        started.cancel()
        self.failureResultOf(started, CancelledError)
        self.assertEqual(self.feed.attached, [])

    def test_stopped(self) -> None:
        """Who waits when the service stops is told, and so is who comes after that; then it can start again."""
        started = self.snapshots.picture(self.feed)
        self.snapshots.stopService()
        self.failureResultOf(started, Stopping)
        self.failureResultOf(self.snapshots.picture(self.feed), Stopping)
        self.snapshots.startService()
        self.feed.deliver()
        self.successResultOf(self.snapshots.picture(self.feed))

    def test_many_that_wait_for_one_frame(self) -> None:
        """A frame that hundreds have waited for is not kept for all of them in one turn of the reactor."""
        started = [self.take() for _ in range(3 * PER_TURN)]
        self.feed.deliver()
        self.assertEqual(len(self.threads), PER_TURN)
        self.clock.advance(0)
        self.threads.work()
        for each in started:
            self.successResultOf(each)


class InlineTests(PictureCase):
    """Pictures that are given with the answer."""

    def test_given(self) -> None:
        """It is the file's own bytes."""
        self.feed.deliver(jpeg=a_jpeg(filling=bytes(INLINE_LIMIT - len(a_jpeg(filling=b"")))))
        taken = self.taken(inline=True)
        self.assertEqual(taken.data, taken.path.read_bytes())

    def test_too_big(self) -> None:
        """One that is too big is refused, and no file is left of it."""
        self.feed.deliver(jpeg=a_jpeg(filling=bytes(INLINE_LIMIT + 1 - len(a_jpeg(filling=b"")))))
        self.assertEqual(self.refused(InlineTooBig, self.take(inline=True)).size, INLINE_LIMIT + 1)
        self.assertEqual(self.files(), [])


class ConvertedTests(PictureCase):
    """Pictures that are made anew."""

    def test_png(self) -> None:
        """A PNG has its name, its size and its format in the metadata, and no quality."""
        self.feed.deliver()
        started = self.take(format="png", quality=50, filename="gate")
        (child,) = self.children.started
        child.prints(a_png())
        child.ends()
        self.threads.work()
        meta = self.successResultOf(started).meta
        self.assertEqual((meta.filename, meta.format, meta.quality), ("gate.png", "png", None))
        self.assertEqual((self.directory / "gate.png").read_bytes(), a_png())
        self.assertEqual(meta.file_size, len(a_png()))

    def test_quality(self) -> None:
        """A quality is in the command and in the metadata."""
        self.feed.deliver()
        started = self.take(quality=1)
        (child,) = self.children.started
        self.assertEqual(child.argv[child.argv.index("-q:v") + 1], "31")
        child.prints(a_jpeg(filling=b"worse"))
        child.ends()
        self.threads.work()
        taken = self.successResultOf(started)
        self.assertEqual((taken.meta.quality, taken.path.read_bytes()), (1, a_jpeg(filling=b"worse")))

    def test_failed(self) -> None:
        """What ffmpeg cannot make is not there."""
        self.feed.deliver()
        started = self.take(format="png")
        self.children.started[0].ends(1, stderr="no")
        self.refused(ProgramFailed, started)
        self.assertEqual(self.files(), [])

    def test_few_at_a_time(self) -> None:
        """Two are converted at a time; whoever gives up in the queue is in nobody's way."""
        self.feed.deliver()
        started = [self.take(format="png") for _ in range(4)]
        self.assertEqual(len(self.children.started), 2)
        started[2].cancel()
        self.failureResultOf(started[2], CancelledError)
        for index in (0, 1, 2):
            self.children.started[index].prints(a_png())
            self.children.started[index].ends()
        self.assertEqual(len(self.children.started), 3)
        self.threads.work()
        self.assertEqual([self.successResultOf(started[index]).meta.format for index in (0, 1, 3)], ["png"] * 3)

    def test_all_in_time(self) -> None:
        """The time is one for all: a late frame leaves less of it to ffmpeg, and then the child goes."""
        started = self.take(format="png")
        self.clock.advance(FRAME_DEADLINE - 1)
        self.feed.deliver()
        self.clock.advance(DEADLINE - FRAME_DEADLINE + 1)
        self.refused(ProgramFailed, started)


class GivenUpTests(PictureCase):
    """Whoever waits no longer leaves nothing behind."""

    def test_while_waiting(self) -> None:
        """Before there is a frame."""
        started = self.take()
        started.cancel()
        self.failureResultOf(started, CancelledError)
        self.assertEqual(self.feed.attached, [])

    def test_while_writing(self) -> None:
        """While the disk takes it: a thread cannot be stopped, so it is taken away again."""
        self.feed.deliver()
        started = self.take(filename="gate")
        started.cancel()
        self.failureResultOf(started, CancelledError)
        self.threads.work()
        self.assertEqual((self.files(), self.library.listed, self.published), ([], [], []))

    def test_slow_disk(self) -> None:
        """A disk that hangs is told as that in time, and what it still writes is taken away again."""
        self.feed.deliver()
        started = self.take()
        self.clock.advance(DEADLINE)
        self.failureResultOf(started, StorageBroken)
        self.threads.work()
        self.assertEqual((self.files(), self.library.listed, self.published), ([], [], []))
