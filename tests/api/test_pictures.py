"""Pictures for the network side: by any name of a camera, from its feed, with errors that clients know."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import Deferred, fail, succeed

from tests.cameras.captures import report
from tests.cameras.case import a_camera
from tests.media.feedcase import BUSY, FAULTY, FeedCase
from tests.media.jpegs import part, small
from webcam_rpc.api.pictures import Pictures
from webcam_rpc.cameras.models import Status
from webcam_rpc.media.frames import Frame
from webcam_rpc.media.replay import MOST, Replays
from webcam_rpc.media.scaled import OF_ONE, ScaledFeeds
from webcam_rpc.media.troubles import Stopping
from webcam_rpc.rpc.errors import DependencyFailed, InvalidParams, InvalidState, NotFound, RPCError, ShuttingDown

if TYPE_CHECKING:
    from webcam_rpc.media.feed import Feed
    from webcam_rpc.web.media import Media, Picture


class Viewer:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.errors: list[RPCError] = []
        self.times_gone = 0

    def frame(self, frame: Any) -> None:
        """Keep it."""
        self.frames.append(frame)

    def failed(self, error: RPCError) -> None:
        """Keep it."""
        self.errors.append(error)

    def gone(self) -> None:
        """Count it."""
        self.times_gone += 1


class FakeSnapshots:
    """Gives what the test says, and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool, int | None]] = []
        self.result: Deferred[Frame] = Deferred()

    def picture(self, feed: Feed, *, fresh: bool = False, max_age_ms: int | None = None) -> Deferred[Frame]:
        """Take note."""
        self.asked.append((feed.camera_id, fresh, max_age_ms))
        return self.result


class FakeLibrary:
    """Has one file."""

    def open_path(self, kind: str, filename: str) -> Path | None:
        """Give it."""
        return Path("/media/recordings/a.mp4") if (kind, filename) == ("recordings", "a.mp4") else None


class PicturesTests(FeedCase):
    """On real feeds, whose children are fakes."""

    def setUp(self) -> None:
        """Put the parts together."""
        super().setUp()
        self.snapshots = FakeSnapshots()
        self.scaled = ScaledFeeds(self.clock, self.children, 85)
        self.scaled.startService()
        self.pictures = Pictures(
            self.clock,
            self.registry,
            self.feeds,
            cast("Any", self.snapshots),
            self.scaled,
            cast("Any", FakeLibrary()),
            quality=85,
            replays=Replays(self.clock, lambda: 0.0, self.children),
        )
        #: It is what the network side wants: the type says so.
        self.checked: Media = self.pictures

    def end(self) -> None:
        """Stop the scaling too."""
        self.scaled.stopService()
        super().end()

    def test_cameras(self) -> None:
        """Those that are plugged in, by their nodes."""
        self.plug("usb-2", "/dev/video2")
        self.plug("usb-1", "/dev/video0")
        self.plug("usb-3", "/dev/video4")
        self.unplug("usb-3", "/dev/video4")
        self.assertEqual(self.pictures.cameras(), ("usb-1", "usb-2"))

    def test_unknown(self) -> None:
        """A camera that was never there is not found, whatever is asked."""
        self.assertRaises(NotFound, self.pictures.state, "usb-9")
        self.assertRaises(NotFound, self.pictures.watch, "usb-9", None, Viewer())
        self.failureResultOf(self.pictures.snapshot("usb-9"), NotFound)

    def test_replay(self) -> None:
        """A recording is played to whoever looks; what is too many is refused, and what goes wrong is told."""
        viewer, ends = Viewer(), list[int]()
        watching = [self.pictures.replay(Path("/m/a.mkv"), 0.0, viewer, lambda: ends.append(1)) for _ in range(MOST)]
        with self.assertRaises(InvalidState) as caught:
            self.pictures.replay(Path("/m/a.mkv"), 0.0, viewer, lambda: None)
        self.assertEqual((caught.exception.data or {})["reason"], "TOO_MANY_REPLAYS")
        self.children.started[-1].ends(1, stderr="moov atom not found\n")
        (error,) = viewer.errors
        self.assertIn("moov atom", str((error.data or {})["detail"]))
        for each in watching:
            each.stop()
        self.assertEqual((ends, len(self.children)), ([], 0))

    def test_a_link_of_two(self) -> None:
        """A link that two cameras share is told as that."""
        self.registry._resolve_link = lambda _: "/dev/video0"
        for number in (0, 2):
            self.plug(f"usb-{number}", f"/dev/video{number}")
        self.assertRaises(InvalidParams, self.pictures.state, "/dev/v4l/by-id/usb-cam")

    def test_watch(self) -> None:
        """Every frame of the feed, by any name of the camera, until it is let go."""
        self.plug("usb-1", "/dev/video7")
        viewer = Viewer()
        watching = self.pictures.watch("video7", None, viewer)
        self.assertEqual(watching.camera_id, "usb-1")
        self.assertEqual(self.feeds.of("usb-1").consumers(), {"stream": 1})
        self.deliver(2)
        self.assertEqual([frame.number for frame in viewer.frames], [1, 2])
        watching.stop()
        watching.stop()
        self.deliver()
        self.assertEqual(len(viewer.frames), 2)
        self.assertEqual(self.feeds.of("usb-1").consumers(), {})

    def test_one_frame_for_all(self) -> None:
        """All who watch are given the same object: what is made of it need be made once."""
        self.plug()
        viewers = [Viewer() for _ in range(3)]
        for viewer in viewers:
            self.pictures.watch("usb-1", None, viewer)
        self.deliver()
        self.assertEqual(len({id(viewer.frames[0]) for viewer in viewers}), 1)
        self.assertEqual(len(self.children.started), 1)

    def test_trouble(self) -> None:
        """A capture that fails is told as clients know it, with the holder of the camera."""
        self.plug()
        viewer = Viewer()
        self.pictures.watch("usb-1", None, viewer)
        self.only().ends(1, stderr=FAULTY)
        self.clock.advance(0.5)
        self.only().ends(1, stderr=BUSY)
        ((_, looking),) = self.lookups
        looking.callback({"pid": 7, "comm": "cheese"})
        failed, busy = viewer.errors
        self.assertIsInstance(failed, DependencyFailed)
        self.assertIsInstance(busy, InvalidState)
        self.assertEqual((busy.data or {})["reason"], "DEVICE_BUSY")
        self.assertEqual((busy.data or {})["holder"], {"pid": 7, "comm": "cheese"})

    def test_unplugged_and_back(self) -> None:
        """Who watches hears of it, and has the frames of the camera when it is back, on another node."""
        self.plug()
        viewer = Viewer()
        self.pictures.watch("usb-1", None, viewer)
        self.deliver()
        self.unplug()
        self.clock.advance(0)
        self.assertEqual(viewer.times_gone, 1)
        late = Viewer()
        self.pictures.watch("usb-1", None, late)
        self.clock.advance(0)
        self.assertEqual(late.times_gone, 1)
        self.plug("usb-1", "/dev/video4")
        self.deliver()
        self.assertEqual((len(viewer.frames), len(late.frames)), (2, 1))

    def test_scaled(self) -> None:
        """Another width is another feed; when there are too many of them that is told."""
        self.plug()
        viewers = [Viewer() for _ in range(OF_ONE + 1)]
        watchings = [self.pictures.watch("usb-1", 16 + number, viewers[number]) for number in range(OF_ONE)]
        error = self.assertRaises(InvalidState, self.pictures.watch, "usb-1", 500, viewers[-1])
        self.assertEqual((error.data or {})["reason"], "TOO_MANY_WIDTHS")
        self.assertEqual(self.feeds.of("usb-1").consumers(), {"stream": OF_ONE})
        for watching in watchings:
            watching.stop()
        self.assertEqual(self.feeds.of("usb-1").consumers(), {})

    def test_a_width_that_it_has(self) -> None:
        """A camera that is no wider is watched as it is."""
        self.plug()
        first, second = Viewer(), Viewer()
        self.pictures.watch("usb-1", None, first)
        self.deliver()
        self.pictures.watch("usb-1", 16384, second)
        self.deliver()
        self.assertIs(second.frames[0], first.frames[1])

    def test_snapshot(self) -> None:
        """A frame with its age at the moment at which it is given."""
        self.plug()
        taking = self.pictures.snapshot("usb-1", fresh=True, max_age_ms=5)
        self.assertEqual(self.snapshots.asked, [("usb-1", True, 5)])
        self.clock.advance(2.0)
        self.snapshots.result.callback(Frame(1, self.clock.seconds() - 0.25, 1000.5, 640, 480, b"jpeg"))
        picture: Picture = self.successResultOf(taking)
        self.assertEqual(
            (picture.jpeg, picture.time, picture.age_ms, picture.width, picture.height),
            (b"jpeg", 1000.5, 250.0, 640, 480),
        )

    def test_no_snapshot(self) -> None:
        """Of a camera that is away, and while the service stops; who gives up takes nothing any more."""
        self.plug()
        self.unplug()
        error = self.failureResultOf(self.pictures.snapshot("usb-1"), InvalidState).value
        self.assertEqual(cast("InvalidState", error).data, {"reason": "CAMERA_DISCONNECTED", "camera_id": "usb-1"})
        self.plug()
        self.snapshots.result = fail(Stopping())
        self.failureResultOf(self.pictures.snapshot("usb-1"), ShuttingDown)
        cancelled: list[object] = []
        self.snapshots.result = Deferred(cancelled.append)
        taking = self.pictures.snapshot("usb-1")
        taking.addErrback(lambda _: None)
        taking.cancel()
        self.assertEqual(len(cancelled), 1)

    def test_stopped(self) -> None:
        """Nothing is begun any more."""
        self.plug()
        self.successResultOf(self.feeds.stopService())
        self.assertRaises(ShuttingDown, self.pictures.watch, "usb-1", None, Viewer())
        self.snapshots.result = succeed(Frame(1, 0.0, 0.0, 1, 1, b""))
        self.failureResultOf(self.pictures.snapshot("usb-1"), ShuttingDown)

    def test_state(self) -> None:
        """What the camera is set to, and what really comes once it does."""
        self.plug(report=report("uvc-hd"))
        before = self.pictures.state("usb-1")
        mode = report("uvc-hd").mode
        assert mode is not None
        self.assertEqual((before.width, before.height, before.captured_fps), (mode.width, mode.height, 0))
        self.assertEqual((before.online, before.camera_id, before.quality), (True, "usb-1", 85))
        self.assertEqual(self.children.started, [])
        self.pictures.watch("usb-1", None, Viewer())
        for _ in range(5):
            self.only().prints(part(small()))
            self.clock.advance(0.1)
        now = self.pictures.state("usb-1")
        latest = self.feeds.of("usb-1").latest
        assert latest is not None
        self.assertEqual((now.width, now.height), (latest.width, latest.height))
        self.assertAlmostEqual(now.captured_fps, 10, delta=0.01)
        self.assertGreater(now.desired_fps, 0)
        self.assertEqual(now.encoder, "HW")

    def test_state_of_one_that_is_away(self) -> None:
        """It is offline, and nobody knows its size if it never told."""
        self.registry.put(a_camera(status=Status.DISCONNECTED, report=None))
        state = self.pictures.state("usb-1")
        self.assertEqual((state.online, state.width, state.desired_fps, state.encoder), (False, 0, 0, "CPU"))
        self.plug(status=Status.ERROR, reason="broken")
        self.assertFalse(self.pictures.state("usb-1").online)

    def test_file(self) -> None:
        """What the library gives."""
        self.assertEqual(self.pictures.file("recordings", "a.mp4"), Path("/media/recordings/a.mp4"))
        self.assertIsNone(self.pictures.file("snapshots", "a.mp4"))
