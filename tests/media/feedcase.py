"""What the tests of the feeds share: a machine of fakes on a clock, and someone who lives on a feed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from tests.cameras.case import LogCase, a_camera, make_bus
from tests.media.jpegs import part, small
from webcam_rpc import config
from webcam_rpc.cameras.models import Status
from webcam_rpc.cameras.registry import CameraRegistry
from webcam_rpc.media.events import FeedChanged
from webcam_rpc.media.feeds import Feeding, Feeds
from webcam_rpc.testing import FakeChildren

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webcam_rpc.bus import Stamped
    from webcam_rpc.config import CameraMedia
    from webcam_rpc.media.feed import Feed
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.troubles import CaptureFailed
    from webcam_rpc.testing import FakeChild

UNPLUGGED = "/dev/video0: No such device"
BUSY = "/dev/video0: Device or resource busy"
FAULTY = "/dev/video0: Input/output error"


class Viewer:
    """A consumer that keeps what it hears; ``on_frame`` and ``on_failure`` are what it does then."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.failures: list[CaptureFailed] = []
        self.gone_times = 0
        self.on_frame: Callable[[], object] = lambda: None
        self.on_failure: Callable[[], object] = lambda: None

    @property
    def numbers(self) -> list[int]:
        """The numbers of its frames."""
        return [frame.number for frame in self.frames]

    @property
    def reasons(self) -> list[str]:
        """What failed, in words."""
        return [failure.trouble.detail for failure in self.failures]

    def frame(self, frame: Frame) -> None:
        """Keep it."""
        self.frames.append(frame)
        self.on_frame()

    def failed(self, failure: CaptureFailed) -> None:
        """Keep it."""
        self.failures.append(failure)
        self.on_failure()

    def gone(self) -> None:
        """Count it."""
        self.gone_times += 1


class FeedCase(LogCase):
    """Feeds that no camera is plugged into yet; without warm-up, so that the first picture is the first frame."""

    def setUp(self) -> None:
        """Put the parts together."""
        super().setUp()
        self.clock = Clock()
        self.bus = make_bus()
        self.registry = CameraRegistry(self.bus, str, "/dev", lambda _: None, lambda _: None)
        self.published: list[Stamped] = []
        self.bus.subscribe(self.published.append)
        self.own: dict[str, CameraMedia] = {}
        self.aliases: dict[str, str] = {}
        #: Where somebody looks for the holder of a device.
        self.lookups: list[tuple[str, Deferred[Mapping[str, int | str] | None]]] = []
        self.make()
        self.addCleanup(self.end)

    def make(self, recording: Mapping[str, Any] | None = None, **media: Any) -> None:
        """Make the feeds anew, with options that differ from the default."""
        self.children = FakeChildren(self.clock)
        # The map itself, which the tests fill.
        settings = msgspec.convert({"warm_up": 0, **media}, config.Media)
        self.media = msgspec.structs.replace(settings, cameras=self.own)
        self.feeding = Feeding(
            clock=self.clock,
            now=lambda: 1000.0 + self.clock.seconds(),
            children=self.children,
            bus=self.bus,
            media=self.media,
            recording=msgspec.convert(recording or {}, config.Recording),
            holder=self._look_for_holder,
            blame=self.registry.blame,
            alias=self.aliases.get,
        )
        self.feeds = Feeds(self.feeding)
        self.feeds.startService()

    def _look_for_holder(self, device: str) -> Deferred[Mapping[str, int | str] | None]:
        looking: Deferred[Mapping[str, int | str] | None] = Deferred()
        self.lookups.append((device, looking))
        return looking

    def end(self) -> None:
        """Stop: every child is gone, and nothing waits on the clock."""
        self.successResultOf(self.feeds.stopService())
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.children), 0)

    def plug(self, camera_id: str = "usb-1", device: str = "/dev/video0", **more: Any) -> Feed:
        """Plug a camera in; gives its feed."""
        self.registry.put(a_camera(camera_id, device, **more))
        return self.feeds.of(camera_id)

    def unplug(self, camera_id: str = "usb-1", device: str = "/dev/video0") -> None:
        """Unplug it."""
        self.registry.put(a_camera(camera_id, device, status=Status.DISCONNECTED))

    @property
    def running(self) -> list[FakeChild]:
        """The children that run."""
        return [child for child in self.children.started if child.running]

    def only(self) -> FakeChild:
        """Give the one child that runs."""
        (child,) = self.running
        return child

    def deliver(self, count: int = 1, every: float = 0.0) -> None:
        """Let the one child print whole pictures, one ``every`` so many seconds."""
        for _ in range(count):
            self.only().prints(part(small()))
            self.clock.advance(every)

    def changes(self) -> list[tuple[bool, str | None]]:
        """Give what was told of feeds since the last time: delivering or not, and why."""
        told = [stamped.event for stamped in self.published if isinstance(stamped.event, FeedChanged)]
        self.published.clear()
        return [(event.delivering, event.reason) for event in told]

    def status(self, camera_id: str = "usb-1") -> tuple[Status, str | None]:
        """Give how clients see a camera."""
        camera = self.registry.get(camera_id)
        assert camera is not None
        return camera.status, camera.reason
