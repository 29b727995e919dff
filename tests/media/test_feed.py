"""A feed: one child for everybody, from its first consumer to a while after its last, and the frames that it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import LogLevel

from tests.cameras.captures import report
from tests.media.feedcase import FAULTY, FeedCase, Viewer
from tests.media.jpegs import part, small
from webcam_rpc.cameras.models import CurrentMode, Status
from webcam_rpc.config import CameraMedia

if TYPE_CHECKING:
    from webcam_rpc.media.feed import Attachment


class ConsumerTests(FeedCase):
    """When the capture begins and ends."""

    def test_first_and_others(self) -> None:
        """The first consumer starts the one child; the others share it, each gets every frame from then on."""
        feed = self.plug()
        self.assertEqual(self.children.started, [])
        one, two = Viewer(), Viewer()
        feed.attach("stream", one)
        self.deliver(2)
        feed.attach("recording", two)
        feed.attach("stream", Viewer())
        self.deliver()
        self.assertEqual((one.numbers, two.numbers), ([1, 2, 3], [3]))
        self.assertEqual(feed.consumers(), {"stream": 2, "recording": 1})
        self.assertEqual(len(self.children.started), 1)
        self.assertIn("/dev/video0", self.only().argv)

    def test_frame(self) -> None:
        """A frame tells when it came, by both clocks, and how big it is."""
        feed = self.plug()
        viewer = Viewer()
        feed.attach("stream", viewer)
        self.clock.advance(2.5)
        self.only().prints(part(small(320, 240)))
        (frame,) = viewer.frames
        self.assertEqual((frame.number, frame.at, frame.time), (1, 2.5, 1002.5))
        self.assertEqual((frame.width, frame.height, frame.jpeg), (320, 240, small(320, 240)))

    def test_linger(self) -> None:
        """Some seconds after the last consumer has let go, and not before, the camera is free."""
        feed = self.plug()
        one, two = feed.attach("stream", Viewer()), feed.attach("stream", Viewer())
        self.deliver()
        one.detach()
        self.deliver(20, 1)
        two.detach()
        self.deliver(9, 1)
        self.assertTrue(feed.delivering)
        self.clock.advance(1)
        self.assertTrue(self.children.started[0].killed)
        self.assertEqual((self.running, feed.delivering, feed.latest), ([], False, None))
        self.assertEqual(self.changes(), [(True, None), (False, None)])

    def test_linger_cancelled(self) -> None:
        """Somebody who comes during the linger keeps the same child, for as long as he stays."""
        feed = self.plug()
        feed.attach("stream", Viewer()).detach()
        self.deliver(9, 1)
        late = feed.attach("stream", Viewer())
        self.deliver(30, 1)
        self.assertEqual(len(self.children.started), 1)
        late.detach()
        self.deliver(9, 1)
        self.only()
        self.clock.advance(1)
        self.assertEqual(self.running, [])

    def test_lingering_fails(self) -> None:
        """A capture that nobody lives on is not begun again, whatever it died of; the next consumer begins anew."""
        for words in ("", FAULTY, "/dev/video0: No such device", "/dev/video0: Device or resource busy"):
            feed = self.plug()
            hold = feed.attach("stream", Viewer())
            self.deliver()
            hold.detach()
            self.only().ends(0, stderr=words)
            self.clock.advance(100)
            self.assertEqual((self.running, self.status()[0]), ([], Status.CONNECTED), words)
            viewer = Viewer()
            feed.attach("stream", viewer).detach()
            self.assertEqual((len(self.running), viewer.failures), (1, []))
            self.clock.advance(10)

    def test_detach_again(self) -> None:
        """Letting go any number of times is letting go once."""
        feed = self.plug()
        one = feed.attach("stream", Viewer())
        feed.attach("stream", Viewer())
        for _ in range(3):
            one.detach()
        self.deliver(20, 1)
        self.assertEqual(feed.consumers(), {"stream": 1})

    def test_one_that_raises(self) -> None:
        """A consumer with a defect is logged and stops no other, neither with frames nor with failures."""
        feed = self.plug()
        bad, good = Viewer(), Viewer()
        bad.on_frame = bad.on_failure = lambda: 1 // 0
        feed.attach("stream", bad)
        feed.attach("stream", good)
        self.deliver(2)
        self.only().ends(1, stderr=FAULTY)
        self.assertEqual((good.numbers, len(good.failures), bad.numbers), ([1, 2], 1, [1, 2]))
        self.assertEqual(self.lines(LogLevel.error).count("A consumer of /dev/video0 failed"), 3)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)

    @staticmethod
    def let_go(holds: list[Attachment]) -> None:
        """Let go of each."""
        for hold in holds:
            hold.detach()

    def test_detach_while_frames_are_handed_out(self) -> None:
        """A consumer that lets go of itself, or of another, in the midst: who was let go of hears nothing more."""
        feed = self.plug()
        first, second, third = Viewer(), Viewer(), Viewer()
        holds = [feed.attach("stream", viewer) for viewer in (first, second, third)]
        first.on_frame = lambda: self.let_go(holds[:2])
        self.deliver(2)
        self.assertEqual((first.numbers, second.numbers, third.numbers), ([1], [], [1, 2]))
        self.assertEqual(feed.consumers(), {"stream": 1})

    def test_detach_while_a_failure_is_told(self) -> None:
        """The same when a capture failed; and when all have let go, it is not tried again."""
        feed = self.plug()
        first, second = Viewer(), Viewer()
        holds = [feed.attach("stream", viewer) for viewer in (first, second)]
        first.on_failure = lambda: self.let_go(holds)
        self.only().ends(1, stderr=FAULTY)
        self.assertEqual((len(first.failures), second.failures), (1, []))
        self.clock.advance(100)
        self.assertEqual((len(self.children.started), self.status()[0]), (1, Status.CONNECTED))

    def test_attach_while_frames_are_handed_out(self) -> None:
        """Who comes in the midst gets the next frame."""
        feed = self.plug()
        first, second = Viewer(), Viewer()
        feed.attach("stream", first)
        first.on_frame = lambda: feed.attach("stream", second) if len(first.frames) == 1 else None
        self.deliver(2)
        self.assertEqual(second.numbers, [2])

    def test_never_called_before_it_is_attached(self) -> None:
        """A capture that cannot even begin is told after attach has returned, as one that fails later."""
        self.children.missing.add("ffmpeg")
        for known in (report("uvc-hd"), report("uvc-empty")):
            feed = self.plug(report=known)
            viewer = Viewer()
            hold = feed.attach("stream", viewer)
            self.assertEqual(viewer.failures, [])
            self.clock.advance(0)
            self.assertEqual(len(viewer.failures), 1)
            hold.detach()
        self.assertEqual(self.children.started, [])


class FrameTests(FeedCase):
    """What is known of the frames."""

    def test_latest(self) -> None:
        """The newest frame, with its age, while it is young enough to be the truth."""
        feed = self.plug()
        self.assertEqual((feed.latest, feed.last_frame_age), (None, None))
        viewer = Viewer()
        feed.attach("stream", viewer)
        self.assertEqual((feed.latest, feed.last_frame_age), (None, None))
        self.deliver(3, 0.5)
        self.assertIs(feed.latest, viewer.frames[-1])
        self.assertEqual(feed.last_frame_age, 0.5)
        self.clock.advance(4.5)
        self.assertIsNone(feed.latest)
        self.assertIsNone(feed.last_frame_age)

    def test_latest_of_a_stalled_reactor(self) -> None:
        """A frame that is too old is none even before the watchdog has looked."""
        feed = self.plug()
        feed.attach("stream", Viewer())
        self.deliver()
        self.clock.rightNow += 5.1
        self.assertIsNone(feed.latest)
        self.assertEqual(feed.last_frame_age, self.clock.seconds())

    def test_broken(self) -> None:
        """A broken frame is counted and leaves a gap in the numbers; nobody gets it, and it is not the latest."""
        feed = self.plug()
        viewer = Viewer()
        feed.attach("stream", viewer)
        self.deliver()
        self.only().prints(part(small()[:-2]) + part(b"") + part(small()))
        self.assertEqual((viewer.numbers, feed.frames, feed.broken), ([1, 4], 2, 2))
        self.only().prints(part(b""))
        self.assertIs(feed.latest, viewer.frames[-1])

    def test_numbers_go_on(self) -> None:
        """A frame's number is never given again, by the next child neither."""
        feed = self.plug()
        viewer = Viewer()
        feed.attach("stream", viewer)
        self.deliver(2)
        self.only().ends(1, stderr=FAULTY)
        self.clock.advance(0.5)
        self.deliver()
        self.assertEqual(viewer.numbers, [1, 2, 3])
        self.assertEqual((feed.frames, feed.restarts), (3, 1))

    def test_warm_up(self) -> None:
        """The first frames of each start are nobody's, and only then the feed delivers; for each camera its own."""
        self.make(warm_up=3)
        self.own["usb-2"] = CameraMedia(warm_up=0)
        feed, other = self.plug(), self.plug("usb-2", "/dev/video2")
        viewer, ready = Viewer(), Viewer()
        feed.attach("stream", viewer)
        other.attach("stream", ready)
        for child in self.running:
            child.prints(part(small()) * 3)
        self.assertEqual((viewer.numbers, feed.latest, feed.delivering), ([], None, False))
        self.assertEqual((ready.numbers, feed.pre_roll(10)), ([1, 2, 3], ()))
        self.children.started[0].prints(part(small()))
        self.assertEqual((viewer.numbers, feed.delivering, feed.frames), ([4], True, 4))
        self.children.started[0].ends(1)
        self.clock.advance(0.5)
        self.children.started[2].prints(part(small()) * 4)
        self.assertEqual(viewer.numbers, [4, 8])

    def test_measured_fps(self) -> None:
        """The rate of the last seconds, as it changes; broken frames are not counted into it."""
        feed = self.plug()
        feed.attach("stream", Viewer())
        self.assertIsNone(feed.measured_fps)
        self.deliver()
        self.assertIsNone(feed.measured_fps)
        self.deliver(2)
        self.assertIsNone(feed.measured_fps, "in no time there is no rate")
        self.deliver(100, 0.1)
        self.assertAlmostEqual(feed.measured_fps or 0, 10)
        self.deliver(100, 0.04)
        self.assertAlmostEqual(feed.measured_fps or 0, 25)
        for _ in range(100):
            self.deliver(1, 0.02)
            self.only().prints(part(b""))
            self.clock.advance(0.02)
        self.assertAlmostEqual(feed.measured_fps or 0, 25)
        self.clock.advance(3)
        self.assertIsNone(feed.measured_fps)
        self.only().ends(1)
        self.assertIsNone(feed.measured_fps)

    def test_mode(self) -> None:
        """What is captured is told: the best of what the camera can within the limits."""
        feed = self.plug()
        feed.attach("stream", Viewer())
        self.assertEqual(feed.mode, CurrentMode("MJPG", 1280, 720, 30))


class PreRollTests(FeedCase):
    """The frames that are kept."""

    def test_seconds(self) -> None:
        """As many seconds as are asked for, at most those that are configured, oldest first."""
        self.make(recording={"pre_roll": 4})
        feed = self.plug()
        feed.attach("stream", Viewer())
        self.assertEqual(feed.pre_roll(10), ())
        self.deliver(20, 0.5)
        self.deliver()
        self.assertEqual([frame.number for frame in feed.pre_roll(1)], [19, 20, 21])
        self.assertEqual([frame.number for frame in feed.pre_roll(99)], list(range(13, 22)))
        self.assertEqual([frame.number for frame in feed.pre_roll(0)], [21])

    def test_size(self) -> None:
        """No more than the configured bytes, big frames or small; one that is bigger than all is not kept."""
        self.make(recording={"pre_roll_size": 1000})
        feed = self.plug()
        feed.attach("stream", Viewer())
        self.deliver(9)
        self.assertEqual([frame.number for frame in feed.pre_roll(9)], [5, 6, 7, 8, 9])
        self.only().prints(part(small(size=700)))
        self.assertEqual([len(frame.jpeg) for frame in feed.pre_roll(9)], [200, 700])
        self.only().prints(part(small(size=1001)))
        self.assertEqual(feed.pre_roll(9), ())
        self.deliver(6)
        self.assertEqual(len(feed.pre_roll(9)), 5)

    def test_none_while_it_does_not_deliver(self) -> None:
        """Frames of an earlier run are not handed on: there is a hole behind them."""
        feed = self.plug()
        hold = feed.attach("stream", Viewer())
        self.deliver(3, 0.1)
        self.only().ends(1)
        self.assertEqual(feed.pre_roll(10), ())
        self.clock.advance(0.5)
        self.deliver()
        self.assertEqual([frame.number for frame in feed.pre_roll(10)], [4])
        hold.detach()
        self.clock.advance(10)
        self.assertEqual(feed.pre_roll(100), ())


class HoldTests(FeedCase):
    """The camera is had for a while, to set its mode."""

    def test_hold_and_release(self) -> None:
        """The child is ended, the camera free when that has happened; afterwards it goes on in the mode given."""
        feed = self.plug()
        viewer = Viewer()
        feed.attach("stream", viewer)
        self.deliver()
        first = self.only()
        first.immortal = True
        held = feed.hold()
        self.assertTrue(first.killed)
        self.assertNoResult(held)
        first.ends(None, 9)
        self.successResultOf(held)
        self.clock.advance(100)
        self.assertEqual((len(self.children.started), viewer.failures), (1, []))
        feed.release(CurrentMode("YUYV", 320, 240, 5))
        self.assertIn("yuyv422", self.only().argv)
        self.deliver()
        self.assertEqual(viewer.numbers, [1, 2])
        self.only().ends(1)
        self.clock.advance(0.5)
        self.assertIn("yuyv422", self.only().argv, "the mode stays")

    def test_twice(self) -> None:
        """Held twice, it waits for both; who comes meanwhile is served then."""
        feed = self.plug()
        for _ in range(2):
            self.successResultOf(feed.hold())
        feed.attach("stream", Viewer())
        feed.release()
        self.assertEqual(self.running, [])
        feed.release()
        self.only()

    def test_nobody_there(self) -> None:
        """A feed that nobody lives on is free at once, and stays so."""
        feed = self.plug()
        self.successResultOf(feed.hold())
        feed.release()
        self.assertEqual(self.running, [])

    def test_left_meanwhile(self) -> None:
        """Who lets go while it is held need not be served."""
        feed = self.plug()
        hold = feed.attach("stream", Viewer())
        self.successResultOf(feed.hold())
        hold.detach()
        self.clock.advance(100)
        feed.release()
        self.assertEqual(self.running, [])

    def test_while_it_waits(self) -> None:
        """The pause before another try ends with the hold."""
        feed = self.plug()
        feed.attach("stream", Viewer())
        self.only().ends(1, stderr=FAULTY)
        self.successResultOf(feed.hold())
        self.clock.advance(100)
        self.assertEqual(self.running, [])
        feed.release()
        self.only()
