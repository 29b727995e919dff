"""What a feed does when its capture fails or its camera goes: pauses, reasons, and who hears of it."""

from __future__ import annotations

from twisted.logger import LogLevel

from tests.media.feedcase import BUSY, FAULTY, UNPLUGGED, FeedCase, Viewer
from tests.media.jpegs import part, small
from webcam_rpc.cameras.models import CurrentMode, Status
from webcam_rpc.config import CameraMedia
from webcam_rpc.media.feed import PAUSES

ANSWERS_WRONG = "the camera does not answer right"


class FailureTests(FeedCase):
    """A camera that is there and gives no frames."""

    def setUp(self) -> None:
        """Plug a camera in, and live on it."""
        super().setUp()
        self.feed = self.plug()
        self.viewer = Viewer()
        self.hold = self.feed.attach("stream", self.viewer)
        self.changes()

    def pause(self) -> float:
        """Let time pass until the next child is there; gives the time."""
        began, count = self.clock.seconds(), len(self.children.started)
        while len(self.children.started) == count:
            (call,) = self.clock.getDelayedCalls()
            self.clock.advance(call.getTime() - self.clock.seconds())
        return self.clock.seconds() - began

    def test_pauses(self) -> None:
        """Each failure in a row makes the pause longer, up to a bound; every one is told to the consumers."""
        pauses = []
        for _ in range(len(PAUSES) + 2):
            self.only().ends(1, stderr=FAULTY)
            self.assertEqual(self.running, [])
            pauses.append(self.pause())
        self.assertEqual(pauses, [0.5, 1, 2, 4, 8, 15, 30, 30, 30])
        self.assertEqual(self.viewer.reasons, [ANSWERS_WRONG] * 9)
        self.assertEqual(self.feed.restarts, 9)

    def test_pauses_begin_again(self) -> None:
        """A capture that delivered for a while was well: the next pause is short. One that did not was not."""
        for _ in range(4):
            self.only().ends(1, stderr=FAULTY)
            self.pause()
        self.deliver(9, 1)
        self.only().ends(1, stderr=FAULTY)
        self.assertEqual(self.pause(), 8)
        self.deliver(10, 1)
        self.only().ends(1, stderr=FAULTY)
        self.assertEqual(self.pause(), 0.5)

    def test_new_consumer(self) -> None:
        """Who comes during a long pause waits half a second at most; many who come do not make it wait."""
        for _ in range(6):
            self.only().ends(1, stderr=FAULTY)
            self.pause()
        self.only().ends(1, stderr=FAULTY)
        self.clock.advance(0.2)
        self.feed.attach("stream", Viewer())
        self.clock.advance(0.2)
        self.assertEqual(self.running, [])
        self.feed.attach("stream", Viewer())
        self.clock.advance(0.1)
        self.only().ends(1, stderr=FAULTY)
        self.clock.advance(7)
        self.feed.attach("stream", Viewer())
        self.clock.advance(0)
        self.only()

    def test_blamed(self) -> None:
        """Clients see the camera in ERROR with the reason, once, until frames come again."""
        for _ in range(3):
            self.only().ends(1, stderr=FAULTY)
            self.pause()
        status, reason = self.status()
        self.assertIs(status, Status.ERROR)
        self.assertTrue((reason or "").startswith(ANSWERS_WRONG), reason)
        self.assertEqual(len(self.lines(LogLevel.error)), 1)
        self.only().ends(1)
        self.assertIn("ended with status 1", self.status()[1] or "")
        self.pause()
        self.deliver()
        self.assertEqual(self.status(), (Status.CONNECTED, None))
        self.assertEqual(self.changes(), [(True, None)])

    def test_blame_goes_with_the_last_consumer(self) -> None:
        """When nobody lives on it nothing is known of it, and nothing is tried."""
        self.only().ends(1, stderr=FAULTY)
        self.hold.detach()
        self.assertEqual(self.status(), (Status.CONNECTED, None))
        self.clock.advance(100)
        self.assertEqual(self.running, [])

    def test_silent_at_the_start(self) -> None:
        """A child that prints nothing for the start's time is killed; until then it may."""
        self.clock.advance(9.9)
        child = self.only()
        self.clock.advance(0.2)
        self.assertTrue(child.killed)
        self.assertEqual(self.viewer.reasons, ["no frame in 10 s"])
        self.assertEqual(self.pause(), 0.5)

    def test_silent_later(self) -> None:
        """One that stops printing is killed when its newest frame is too old."""
        self.deliver(3, 4.9)
        child = self.only()
        self.clock.advance(0.2)
        self.assertTrue(child.killed)
        self.assertEqual(self.viewer.reasons, ["no further frame in 5 s"])
        (told,) = [reason for delivering, reason in self.changes() if not delivering]
        self.assertTrue((told or "").startswith("no further frame"), told)

    def test_slow_by_its_mode(self) -> None:
        """A camera that is set to few frames a second is not silent between two of them."""
        self.successResultOf(self.feed.hold())
        self.feed.release(CurrentMode("MJPG", 640, 480, 0.25))
        self.deliver(3, 11.9)
        self.assertEqual(self.viewer.numbers, [1, 2, 3])
        self.assertIsNotNone(self.feed.latest)
        self.clock.advance(0.2)
        self.assertEqual(self.viewer.reasons, ["no further frame in 12 s"])

    def test_child_that_will_not_die(self) -> None:
        """No second child while the first may have the camera open; one that cannot die is waited for a second."""
        child = self.only()
        child.immortal = True
        self.clock.advance(10)
        self.assertTrue(child.killed)
        self.clock.advance(0.6)
        self.assertEqual(len(self.children.started), 1)
        self.clock.advance(0.4)
        self.assertEqual(len(self.children.started), 2)

    def test_busy(self) -> None:
        """Who has the camera open is told; the consumers hear of it when that is known."""
        self.only().ends(1, stderr=BUSY)
        self.assertEqual(self.viewer.failures, [])
        ((device, looking),) = self.lookups
        self.assertEqual(device, "/dev/video0")
        looking.callback({"pid": 7, "comm": "cheese"})
        (failure,) = self.viewer.failures
        self.assertEqual((failure.trouble.code, failure.holder), ("DEVICE_BUSY", {"pid": 7, "comm": "cheese"}))
        self.assertIs(self.status()[0], Status.ERROR)

    def test_holder_found_too_late(self) -> None:
        """When frames came meanwhile, or it was unplugged, the holder is nobody's business any more."""
        self.only().ends(1, stderr=BUSY)
        self.pause()
        self.deliver()
        self.lookups[0][1].callback(None)
        self.only().ends(1, stderr=BUSY)
        self.unplug()
        self.lookups[1][1].callback(None)
        self.assertEqual((self.viewer.failures, self.status()), ([], (Status.DISCONNECTED, None)))

    def test_no_program(self) -> None:
        """Without ffmpeg the reason is that, and when it is installed the feed delivers."""
        self.children.missing.add("ffmpeg")
        self.only().ends(1)
        self.clock.advance(0.5)
        self.assertEqual(self.viewer.failures[-1].trouble.code, "FFMPEG_FAILED")
        self.assertIn("apt-get install ffmpeg", self.status()[1] or "")
        self.children.missing.clear()
        self.clock.advance(1)
        self.deliver()
        self.assertEqual(self.status(), (Status.CONNECTED, None))

    def test_mode_that_is_not_there(self) -> None:
        """A configured mode that the camera lacks is told with what it has; no child is begun."""
        self.own["usb-2"] = CameraMedia(mode="MJPG 123x45")
        viewer = Viewer()
        self.plug("usb-2", "/dev/video2").attach("stream", viewer)
        self.clock.advance(0)
        self.assertIn("no mode MJPG 123x45", viewer.reasons[0])
        self.assertIn("MJPG 1280x720@30", viewer.failures[0].trouble.remedy)
        self.assertEqual(len(self.children.started), 1)

    def test_not_probed_yet(self) -> None:
        """A camera that has not told what it can is waited for, and begun as soon as it has."""
        viewer = Viewer()
        self.plug("usb-2", "/dev/video2", report=None).attach("stream", viewer)
        self.clock.advance(1)
        self.assertEqual((viewer.reasons, len(self.running)), ([], 1))
        self.plug("usb-2", "/dev/video2")
        self.clock.advance(0)
        self.assertEqual(len(self.running), 2)

    def test_cannot_be_probed(self) -> None:
        """Where it turns out that it cannot be asked, whoever waits hears why."""
        viewer = Viewer()
        self.plug("usb-2", "/dev/video2", report=None).attach("stream", viewer)
        self.plug("usb-2", "/dev/video2", report=None, status=Status.ERROR, reason="it does not answer")
        self.clock.advance(0)
        self.clock.advance(0)
        self.assertEqual(viewer.reasons, ["it does not answer"])


class UnplugTests(FeedCase):
    """A camera that goes and comes."""

    def setUp(self) -> None:
        """Plug a camera in, and live on it."""
        super().setUp()
        self.feed = self.plug()
        self.viewer = Viewer()
        self.hold = self.feed.attach("stream", self.viewer)
        self.deliver()
        self.changes()

    def test_unplugged(self) -> None:
        """The device is closed at once, the consumers hear that it is gone, and nothing is tried."""
        child = self.only()
        self.unplug()
        self.assertTrue(child.killed)
        self.assertEqual((self.viewer.gone_times, self.viewer.failures), (1, []))
        self.assertEqual((self.feed.latest, self.changes()), (None, [(False, "unplugged")]))
        self.clock.advance(1000)
        self.assertEqual(self.running, [])
        self.assertFalse(self.feeds.present("usb-1"))

    def test_back_on_another_node(self) -> None:
        """By its identity it goes on, on whatever node it now has."""
        self.unplug()
        self.plug("usb-other", "/dev/video0")
        self.plug(device="/dev/video4")
        self.assertIn("/dev/video4", self.only().argv)
        self.deliver()
        self.assertEqual((self.viewer.numbers, self.viewer.gone_times), ([1, 2], 1))
        self.assertEqual(self.changes(), [(False, "unplugged"), (True, None)])

    def test_renumbered(self) -> None:
        """A camera whose node changed without a word is opened there."""
        child = self.only()
        self.plug(device="/dev/video2")
        self.assertTrue(child.killed)
        self.assertIn("/dev/video2", self.only().argv)
        self.assertEqual((self.viewer.gone_times, self.viewer.failures), (0, []))

    def test_same_again(self) -> None:
        """A camera that is told again, with another mode, is not opened again."""
        self.plug(name="Other")
        self.assertEqual(len(self.children.started), 1)
        self.assertEqual(self.feed.camera.name, "Other")

    def test_heard_before_the_unplug(self) -> None:
        """The device is lost a moment before the unplug is heard of: that is no failure."""
        self.only().ends(0, stderr=UNPLUGGED)
        self.assertEqual(self.changes()[0][0], False)
        self.clock.advance(0.9)
        self.unplug()
        self.clock.advance(100)
        self.assertEqual((self.viewer.failures, self.viewer.gone_times), ([], 1))
        self.assertEqual((len(self.children.started), self.lines(LogLevel.error)), (1, []))

    def test_lost_without_an_unplug(self) -> None:
        """When it is lost and nobody unplugged it, the second try tells."""
        self.only().ends(0, stderr=UNPLUGGED)
        self.clock.advance(1)
        self.only().ends(1, stderr=UNPLUGGED)
        self.assertEqual(self.viewer.reasons, ["the device cannot be opened"])
        self.assertIs(self.status()[0], Status.ERROR)

    def test_lost_and_found(self) -> None:
        """A device that was lost once and delivered since may be lost again without a word."""
        for _ in range(2):
            self.only().ends(0, stderr=UNPLUGGED)
            self.clock.advance(1)
            self.deliver()
        self.assertEqual(self.viewer.failures, [])

    def test_what_was_wrong_goes_with_it(self) -> None:
        """After a replug the pause is short, a lost device is silent, and an old reason is told anew."""
        for _ in range(5):
            self.only().ends(1, stderr=FAULTY)
            self.clock.advance(30)
        self.only().ends(0, stderr=UNPLUGGED)
        self.unplug()
        told = len(self.viewer.failures)
        self.plug()
        self.assertEqual(self.status(), (Status.CONNECTED, None))
        self.only().ends(0, stderr=UNPLUGGED)
        self.assertEqual(len(self.viewer.failures), told)
        self.clock.advance(1)
        self.only().ends(1, stderr=FAULTY)
        self.assertIs(self.status()[0], Status.ERROR)
        self.clock.advance(0.5)
        self.only()

    def test_attach_while_away(self) -> None:
        """Who comes while the camera is away hears that, after attach, and gets frames when it is back."""
        self.unplug()
        late = Viewer()
        hold = self.feed.attach("stream", late)
        self.assertEqual(late.gone_times, 0)
        self.clock.advance(0)
        self.assertEqual(late.gone_times, 1)
        early = Viewer()
        self.feed.attach("stream", early).detach()
        self.clock.advance(0)
        self.assertEqual(early.gone_times, 0, "he has let go")
        self.plug()
        self.deliver()
        self.assertEqual(late.numbers, [2])
        hold.detach()

    def test_unplugged_while_held(self) -> None:
        """A camera that is unplugged while it is held, and comes back, stays held; then it goes on."""
        self.successResultOf(self.feed.hold())
        self.unplug()
        self.plug()
        self.assertEqual(self.running, [])
        self.feed.release()
        self.only()

    def test_held_while_unplugged(self) -> None:
        """And one that is held and released while it is away is begun when it is back."""
        self.unplug()
        self.successResultOf(self.feed.hold())
        self.feed.release()
        self.assertEqual(self.running, [])
        self.plug()
        self.only()

    def test_unplugged_by_one_who_hears(self) -> None:
        """Consumers that let go when the camera is gone leave nothing to come back to."""
        self.viewer.gone = self.hold.detach  # type: ignore[method-assign]
        self.unplug()
        self.plug()
        self.assertEqual(self.running, [])

    def test_storm(self) -> None:
        """However often it goes and comes, in whatever order with failures, it ends with one child that delivers."""
        for number in range(60):
            device = f"/dev/video{number % 3}"
            if number % 4 == 1:
                self.only().ends(0, stderr=UNPLUGGED)
            self.unplug(device=device)
            self.clock.advance(number % 5 * 0.3)
            self.plug(device=device)
            self.clock.advance(number % 3 * 0.6)
            self.assertLessEqual(len(self.running), 1)
        self.only().prints(part(small()))
        self.assertTrue(self.feed.delivering)
        self.assertEqual(self.viewer.failures, [])

    def test_began_away(self) -> None:
        """A camera that is known only as one that is away has a feed that waits for it."""
        self.unplug("usb-2", "/dev/video2")
        late = Viewer()
        self.feeds.of("usb-2").attach("stream", late)
        self.clock.advance(0)
        self.assertEqual((late.gone_times, len(self.running)), (1, 1))
        self.plug("usb-2", "/dev/video2")
        self.assertEqual(len(self.running), 2)
