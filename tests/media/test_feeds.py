"""The feeds of all cameras: one each, by id, kept warm where that is wanted, and none left behind."""

from __future__ import annotations

from tests.cameras.case import a_camera
from tests.media.feedcase import FAULTY, FeedCase, Viewer
from tests.media.jpegs import part, small
from webcam_rpc.cameras.models import PATTERN_DRIVER, CurrentMode
from webcam_rpc.config import CameraMedia
from webcam_rpc.media.troubles import CameraAway, Stopping


class FeedsTests(FeedCase):
    """Every camera's feed."""

    def test_of(self) -> None:
        """A camera that was never seen has none; one that was has the same for ever."""
        error = self.assertRaises(CameraAway, self.feeds.of, "usb-1")
        self.assertEqual(error.camera_id, "usb-1")
        self.assertIsNone(self.feeds.find("usb-1"))
        self.assertFalse(self.feeds.present("usb-1"))
        feed = self.plug()
        self.assertTrue(self.feeds.present("usb-1"))
        self.unplug()
        self.assertFalse(self.feeds.present("usb-1"))
        self.assertIs(self.feeds.of("usb-1"), feed)
        self.assertIs(self.plug(device="/dev/video6"), feed)
        self.assertEqual(self.feeds.all(), (feed,))

    def test_in_error(self) -> None:
        """A camera in ERROR is there: frames may come all the same."""
        feed = self.plug()
        feed.attach("stream", Viewer())
        self.children.started[0].ends(1, stderr=FAULTY)
        self.assertTrue(self.feeds.present("usb-1"))

    def test_a_storm_of_ids(self) -> None:
        """Of cameras that are gone so many are remembered; those that are there, or waited for, always are."""
        self.plug("usb-there", "/dev/video0")
        self.plug("usb-wanted", "/dev/video1").attach("stream", Viewer())
        self.unplug("usb-wanted")
        for number in range(300):
            self.plug(f"usb-{number}", "/dev/video2")
            self.unplug(f"usb-{number}")
        self.assertEqual(len(self.feeds.all()), 256)
        for camera_id in ("usb-there", "usb-wanted", "usb-299"):
            self.assertIsNotNone(self.feeds.find(camera_id))
        self.assertIsNone(self.feeds.find("usb-0"))

    def test_several(self) -> None:
        """Each camera has its own child; what happens to one is nothing to the other."""
        one, two = Viewer(), Viewer()
        self.plug().attach("stream", one)
        self.plug("usb-2", "/dev/video2").attach("stream", two)
        first, second = self.running
        first.prints(part(small()))
        first.ends(1, stderr=FAULTY)
        second.prints(part(small()))
        self.assertEqual((one.numbers, len(one.failures), two.numbers, two.failures), ([1], 1, [1], []))

    def test_pattern(self) -> None:
        """The test pattern is drawn in the mode that it is set to, and needs no warm-up."""
        self.make(warm_up=5)
        viewer = Viewer()
        camera = a_camera("demo", "/dev/video-demo", driver=PATTERN_DRIVER)
        self.registry.put(camera)
        self.feeds.of("demo").attach("stream", viewer)
        assert camera.report is not None
        mode = camera.report.mode
        assert mode is not None
        self.assertIn(f"testsrc2=size={mode.resolution}:rate={mode.fps:g}", self.only().argv)
        self.deliver()
        self.assertEqual(viewer.numbers, [1])

    def test_configured_mode(self) -> None:
        """The mode that is configured for a camera is captured; the one that was set since goes before it."""
        self.own["usb-1"] = CameraMedia(mode="320x240@15")
        feed = self.plug()
        feed.attach("stream", Viewer())
        self.assertEqual(feed.mode, CurrentMode("MJPG", 320, 240, 15))
        self.successResultOf(feed.hold())
        feed.release(CurrentMode("YUYV", 640, 480, 30))
        self.assertEqual(feed.mode, CurrentMode("YUYV", 640, 480, 30))

    def test_keep_warm(self) -> None:
        """A camera that is kept warm delivers from the moment at which it is there, and after each failure again."""
        self.make(keep_warm=True)
        self.own["usb-2"] = CameraMedia(keep_warm=False)
        feed = self.plug()
        self.plug("usb-2", "/dev/video2")
        self.deliver()
        self.assertEqual((feed.delivering, feed.consumers()), (True, {"keep_warm": 1}))
        feed.attach("stream", Viewer()).detach()
        self.deliver(100, 1)
        self.only().ends(1, stderr=FAULTY)
        self.clock.advance(0.5)
        self.only()
        self.unplug()
        self.assertEqual(self.running, [])
        self.plug(device="/dev/video8")
        self.assertIn("/dev/video8", self.only().argv)
        self.assertEqual(feed.consumers(), {"keep_warm": 1})

    def test_keep_warm_one(self) -> None:
        """One camera alone may be kept warm."""
        self.own["usb-2"] = CameraMedia(keep_warm=True)
        self.plug()
        self.plug("usb-2", "/dev/video2")
        self.assertIn("/dev/video2", self.only().argv)


class StopTests(FeedCase):
    """The end of the service."""

    def test_stop(self) -> None:
        """Fires when every camera is free; nobody is told of a failure, and nothing is begun after that."""
        viewer = Viewer()
        feed = self.plug()
        feed.attach("stream", viewer)
        self.plug("usb-2", "/dev/video2").attach("stream", viewer)
        self.plug("usb-3", "/dev/video4").attach("stream", viewer)
        first, second, third = self.running
        first.immortal = True
        third.ends(1, stderr=FAULTY)
        viewer.failures.clear()
        done = self.feeds.stopService()
        self.assertNoResult(done)
        self.assertTrue(second.killed)
        first.ends(None, 9)
        self.successResultOf(done)
        self.assertRaises(Stopping, self.feeds.of, "usb-1")
        self.own["usb-4"] = CameraMedia(keep_warm=True)
        self.registry.put(a_camera("usb-4", "/dev/video6"))
        self.clock.advance(100)
        self.assertEqual((len(self.children.started), viewer.failures, feed.consumers()), (3, [], {}))

    def test_stop_bounded(self) -> None:
        """A child that cannot die holds the stop for a second, no longer."""
        self.plug().attach("stream", Viewer())
        self.only().immortal = True
        done = self.feeds.stopService()
        self.clock.advance(1)
        self.successResultOf(done)

    def test_start_again(self) -> None:
        """Started anew it serves again, those that are away excepted until they come."""
        self.plug()
        self.unplug()
        self.plug("usb-2", "/dev/video2")
        self.successResultOf(self.feeds.stopService())
        self.feeds.startService()
        viewer = Viewer()
        self.feeds.of("usb-1").attach("stream", viewer)
        self.clock.advance(0)
        self.assertEqual((self.running, viewer.gone_times), ([], 1))
        self.feeds.of("usb-2").attach("stream", viewer)
        self.deliver()
        self.plug()
        self.assertEqual(len(self.running), 2)

    def test_children_stop_first(self) -> None:
        """When no child may be started any more a feed that is asked waits in silence."""
        feed = self.plug()
        self.successResultOf(self.children.stopService())
        viewer = Viewer()
        feed.attach("stream", viewer)
        self.clock.advance(100)
        self.assertEqual((self.children.started, viewer.failures), ([], []))
