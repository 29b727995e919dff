"""Scaled feeds: one child for all who watch a width, never more than one frame in it, and none without a viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.task import Clock, deferLater
from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.cameras.case import LogCase, a_camera
from tests.media.fakes_snap import UNPLUGGED, FakeFeed, Watcher, a_jpeg, drawn, real_children
from webcam_rpc.media import convert, jpeg, scaled
from webcam_rpc.media.scaled import OF_ALL, OF_ONE, ScaledFeed, ScaledFeeds, TooManyWidths
from webcam_rpc.media.troubles import Stopping
from webcam_rpc.testing import FakeChildren

if TYPE_CHECKING:
    from webcam_rpc.media.feed import Feed
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.testing import FakeChild


class CommandTests(SynchronousTestCase):
    """The argv."""

    def test_argv(self) -> None:
        """Parts go in and parts come out, each at once, of the width and quality that were asked for."""
        text = " ".join(scaled.argv(320, 100))
        self.assertTrue(text.startswith("ffmpeg -hide_banner -nostdin "))
        self.assertIn(" -f mpjpeg -i pipe:0 ", text)
        self.assertIn(" -vf scale=320:-2 -c:v mjpeg -q:v 2 ", text)
        self.assertTrue(text.endswith(" -flush_packets 1 -f mpjpeg pipe:1"))


class ScaledCase(LogCase):
    """A camera of 640 pixels, and children that print when the test says so."""

    def setUp(self) -> None:
        """Put it together."""
        super().setUp()
        self.clock = Clock()
        self.feed = FakeFeed(self.clock)
        self.children = FakeChildren(self.clock)
        self.feeds = ScaledFeeds(self.clock, self.children, 85)
        self.feeds.startService()
        self.addCleanup(self.end)

    def end(self) -> None:
        """See that the end of all leaves no child and nothing on the clock."""
        self.feeds.stopService()
        self.assertEqual((len(self.children), self.clock.getDelayedCalls()), (0, []))

    def watch(self, width: int = 320, feed: Feed | None = None, **more: Any) -> tuple[Watcher, Any]:
        """Have somebody watch; gives who, and the hold."""
        watcher = Watcher(**more)
        return watcher, self.feeds.of(feed or self.feed, width).attach("stream", watcher)

    def tick(self, seconds: float = 0.04, **more: Any) -> Frame:
        """Let the camera deliver a little later."""
        self.clock.advance(seconds)
        return self.feed.deliver(**more)

    @property
    def child(self) -> FakeChild:
        """Give the newest child."""
        return self.children.started[-1]

    def comes_out(self, width: int = 320, filling: bytes = b"small") -> bytes:
        """Let the child give a picture back."""
        picture = a_jpeg(width, width * 3 // 4, filling)
        self.child.prints(convert.part(picture))
        return picture


class FramesTests(ScaledCase):
    """What goes in and what comes out."""

    def test_one_for_all(self) -> None:
        """All who watch a width share one child, which begins with the first frame, and get the same frames."""
        (one, _), (other, _) = self.watch(), self.watch()
        self.assertEqual((self.feed.kinds(), self.children.started), (["stream", "stream"], []))
        frame = self.tick()
        self.assertEqual(len(self.children.started), 1)
        self.assertEqual(self.child.written, convert.part(frame.jpeg))
        self.assertEqual(one.frames, [])
        picture = self.comes_out()
        (small,) = one.frames
        self.assertEqual((small.number, small.at, small.time), (frame.number, frame.at, frame.time))
        self.assertEqual((small.width, small.height, small.jpeg), (320, 240, picture))
        self.assertIs(other.frames[0], small)
        self.assertEqual(self.child.written, convert.part(frame.jpeg))

    def test_newest_wins(self) -> None:
        """While one is in the child the others wait for nothing: the newest goes in when it is out."""
        watcher, _ = self.watch()
        frames = [self.tick() for _ in range(4)]
        self.assertEqual(self.child.written, convert.part(frames[0].jpeg))
        self.comes_out()
        self.assertEqual(self.child.written, convert.part(frames[0].jpeg) + convert.part(frames[3].jpeg))
        self.comes_out()
        self.assertEqual([frame.number for frame in watcher.frames], [1, 4])

    def test_in_pieces(self) -> None:
        """What comes out in pieces counts when it is whole."""
        watcher, _ = self.watch()
        self.tick()
        data = convert.part(a_jpeg(320, 240))
        for cut in (data[:100], data[100:-3], data[-3:]):
            self.assertEqual(watcher.frames, [])
            self.child.prints(cut)
        self.assertEqual(watcher.frames[0].jpeg, a_jpeg(320, 240))

    def test_not_wider(self) -> None:
        """A camera known to be no wider is watched itself; one that turns out to be passes as it is."""
        (one, _), (other, _) = self.watch(640), self.watch(640)
        frame = self.tick(width=640)
        self.assertEqual((one.frames, other.frames, self.children.started), ([frame], [frame], []))
        self.assertIs(self.feeds.of(self.feed, 640), self.feed)
        self.assertIs(self.feeds.of(self.feed, 641), self.feed)
        self.assertIsInstance(self.feeds.of(self.feed, 639), ScaledFeed)

    def test_other_mode(self) -> None:
        """A camera that is set to another size gets another child at once; to a smaller one, none."""
        watcher, _ = self.watch()
        self.tick(width=640)
        first = self.child
        self.comes_out()
        self.tick(width=1280)
        self.assertTrue(first.killed)
        self.assertEqual(len(self.children.started), 2)
        self.comes_out()
        frame = self.tick(width=160)
        self.assertTrue(self.child.killed)
        self.assertEqual((len(watcher.frames), watcher.frames[2], watcher.failures), (3, frame, []))

    def test_least_width(self) -> None:
        """What is too narrow to be a picture is a mistake of ours."""
        self.assertRaises(ValueError, self.feeds.of, self.feed, 15)

    def test_troubles_of_the_camera(self) -> None:
        """What befalls the camera is told to each, once, and also to who comes while it is away."""
        (one, _), (other, _) = self.watch(), self.watch()
        self.feed.fail()
        self.assertEqual([[failure.trouble for failure in each.failures] for each in (one, other)], [[UNPLUGGED]] * 2)
        self.feed.unplug()
        late, _ = self.watch()
        self.clock.advance(0)
        self.assertEqual((one.times_gone, other.times_gone, late.times_gone), (1, 1, 1))


class EndsTests(ScaledCase):
    """When a child ends."""

    def test_last_viewer(self) -> None:
        """The child ends with the last who watches, and the next one gets another."""
        (_, one), (_, other) = self.watch(), self.watch()
        self.tick()
        one.detach()
        one.detach()
        self.assertFalse(self.child.killed)
        other.detach()
        self.assertTrue(self.child.killed)
        self.assertEqual(self.feed.attached, [])
        self.watch()
        self.tick()
        self.assertEqual(len(self.children.started), 2)

    def test_let_go_while_told(self) -> None:
        """Who lets go, or is let go of, while a frame is given hears nothing after that."""
        holds: list[Any] = []

        def let_go() -> None:
            for each in holds:
                each.detach()

        one, hold = self.watch(when=lambda _: let_go())
        other, another = self.watch()
        holds += [hold, another]
        self.tick()
        self.comes_out()
        self.assertEqual((len(one.frames), len(other.frames)), (1, 0))
        self.assertTrue(self.child.killed)

    def test_defect(self) -> None:
        """A consumer that raises is logged, and costs the others nothing."""

        def defect(frame: Frame) -> None:
            raise ZeroDivisionError(frame.number)

        self.watch(when=defect)
        other, _ = self.watch()
        self.tick()
        self.comes_out()
        self.assertEqual(len(other.frames), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_died(self) -> None:
        """A child that dies is told, and begun again after pauses that grow."""
        watcher, _ = self.watch()
        self.tick()
        for pause in (0.5, 1.0, 2.0):
            count = len(self.children.started)
            self.child.ends(1, stderr="Conversion failed!")
            self.tick(pause - 0.1)
            self.assertEqual(len(self.children.started), count)
            self.tick(0.2)
            self.assertEqual(len(self.children.started), count + 1)
        self.assertEqual(len(watcher.failures), 3)
        self.assertEqual(watcher.failures[0].trouble.code, "FFMPEG_FAILED")
        self.assertIn("Conversion failed!", watcher.failures[0].trouble.reason)
        self.comes_out()
        self.assertEqual(len(watcher.frames), 1)
        self.assertEqual(
            self.lines(LogLevel.error)[0],
            "Scaling usb-1 to a width of 320 failed: ffmpeg ended, saying: Conversion failed!",
        )

    def test_was_well(self) -> None:
        """After a child that worked for a while the pause is short again."""
        self.watch()
        self.tick()
        for _ in range(3):
            self.child.ends()
            self.tick(4.1)
        for _ in range(6):
            self.comes_out()
            self.tick(2.0)
        self.child.ends()
        count = len(self.children.started)
        self.tick(0.6)
        self.assertEqual(len(self.children.started), count + 1)

    def test_hangs(self) -> None:
        """A child that keeps a frame for seconds is killed, and another one begun."""
        watcher, _ = self.watch()
        self.tick()
        first = self.child
        for _ in range(3):
            self.tick(1.0)
        self.assertFalse(first.killed)
        self.tick(1.5)
        self.assertTrue(first.killed)
        self.assertEqual(len(watcher.failures), 1)
        self.tick(0.6)
        self.assertIsNot(self.child, first)
        self.comes_out()
        self.assertEqual(len(watcher.frames), 1)

    def test_nonsense(self) -> None:
        """A child that prints something else, half a picture, or more than it got, is ended."""
        broken = a_jpeg(320, 240)[:-2]
        for printed in (b"hello", convert.part(broken), convert.part(a_jpeg(320, 240)) * 2):
            watcher, hold = self.watch()
            self.tick(60.0)
            self.child.prints(printed)
            self.assertTrue(self.child.killed)
            self.assertEqual(len(watcher.failures), 1)
            hold.detach()

    def test_missing(self) -> None:
        """Without ffmpeg it is said how to get it, and tried again after a pause."""
        self.children.missing.add("ffmpeg")
        watcher, _ = self.watch()
        self.tick()
        self.tick()
        self.assertEqual([failure.trouble.remedy for failure in watcher.failures], ["apt-get install ffmpeg"])
        self.children.missing.clear()
        self.tick(0.6)
        self.assertEqual(len(self.children.started), 1)

    def test_stopped(self) -> None:
        """The service's end is the children's; nobody is let in until it starts again."""
        watcher, hold = self.watch()
        self.tick()
        self.feeds.stopService()
        self.assertTrue(self.child.killed)
        self.tick()
        self.assertEqual((len(self.children.started), watcher.failures), (1, []))
        hold.detach()
        self.assertRaises(Stopping, self.watch)
        self.feeds.startService()
        self.watch()


class LimitTests(ScaledCase):
    """How many there may be."""

    def test_of_one_camera(self) -> None:
        """A camera has four widths at a time; these can be shared, and a place that is free again can be had."""
        holds = [self.watch(100 + index)[1] for index in range(OF_ONE)]
        refused = self.assertRaises(TooManyWidths, self.watch, 200)
        self.assertEqual((refused.widths, len(self.feed.attached)), ((100, 101, 102, 103), OF_ONE))
        self.watch(101)
        holds[0].detach()
        self.watch(200)

    def test_of_all(self) -> None:
        """All cameras together have eight."""
        feeds = [FakeFeed(self.clock, a_camera(f"usb-{index}")) for index in range(3)]
        for feed in feeds[:2]:
            for index in range(OF_ALL // 2):
                self.watch(100 + index, feed)
        refused = self.assertRaises(TooManyWidths, self.watch, 100, feeds[2])
        self.assertEqual(refused.widths, ())

    def test_only_asked_for(self) -> None:
        """Who only asks takes no place, and who asked before the others shares with them all the same."""
        asked = [self.feeds.of(self.feed, 100 + index) for index in range(10)]
        for each in asked[:OF_ONE]:
            each.attach("stream", Watcher())
        self.watch(100)
        self.tick()
        self.assertEqual(len(self.children.started), OF_ONE)


class RealTests(TestCase):
    """The real ffmpeg."""

    async def test_scales(self) -> None:
        """Frames come back one by one, each as soon as it went in, in the right size and with the right numbers."""
        from twisted.internet import reactor  # noqa: PLC0415 - the tests of everything else do without one

        clock: Any = reactor
        children = real_children(reactor)
        feed, feeds, watcher = FakeFeed(clock), ScaledFeeds(clock, children, 85), Watcher()
        pictures = {width: await drawn(children, width, height) for width, height in ((640, 480), (320, 180))}
        hold = feeds.of(feed, 161).attach("stream", watcher)
        for number, width in enumerate([640] * 8 + [320] * 4, 1):
            feed.deliver(width, jpeg=pictures[width])
            for _ in range(3000):
                if len(watcher.frames) >= number:
                    break
                await deferLater(clock, 0.01)
        self.assertEqual(watcher.failures, [])
        self.assertEqual([frame.number for frame in watcher.frames], list(range(1, 13)))
        sizes = []
        for frame in watcher.frames:
            picture = jpeg.examine(frame.jpeg)
            assert isinstance(picture, jpeg.Picture)
            self.assertEqual((picture.width, picture.height), (frame.width, frame.height))
            sizes.append((frame.width, frame.height))
        self.assertEqual(sizes, [(161, 120)] * 8 + [(161, 90)] * 4)
        ended = [child.when_ended() for child in children._running]
        self.assertEqual(len(ended), 1)
        hold.detach()
        for each in ended:
            await each
        self.assertEqual(len(children), 0)
