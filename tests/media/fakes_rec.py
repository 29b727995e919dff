"""What the tests of recordings share: a feed with a past, an encoder that copies what it is fed with, a recorder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from tests.cameras.case import LogCase, a_camera, make_bus
from tests.media.fakes_snap import NOON, FakeFeed, FakeLibrary
from webcam_rpc import config
from webcam_rpc.durable import PART
from webcam_rpc.media import sidecar
from webcam_rpc.media.child import Exit
from webcam_rpc.media.events import RecordingChanged
from webcam_rpc.media.feeds import Feeds
from webcam_rpc.media.finishing import Finishing
from webcam_rpc.media.fragments import scan
from webcam_rpc.media.recorder import Recorder
from webcam_rpc.media.recording_state import RecordingState, RecordingWanted
from webcam_rpc.media.troubles import CameraAway, Stopping, StorageLow
from webcam_rpc.testing import FakeChild, FakeChildren, FakeThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.bus import Bus, Stamped
    from webcam_rpc.cameras.models import Camera
    from webcam_rpc.media.feed import Feed
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.sidecar import RecordingMeta

#: What :meth:`RoomyLibrary.make_room` gives.
ENOUGH, NOTHING = True, False
#: What ffmpeg says of itself.
VERSION = b"ffmpeg version 5.1.6-0+deb12u1 Copyright (c) 2000-2024 the FFmpeg developers\n"


class PastFeed(FakeFeed):
    """A feed that remembers.

    :ivar past: what :meth:`pre_roll` gives, whatever is asked for.
    :ivar asked_back: how far back was asked for.
    """

    def __init__(self, clock: IReactorTime, camera: Camera | None = None) -> None:
        super().__init__(clock, camera)
        self.past: tuple[Frame, ...] = ()
        self.asked_back: list[float] = []

    def pre_roll(self, seconds: float) -> tuple[Frame, ...]:
        """Give what the test says."""
        self.asked_back.append(seconds)
        return self.past

    def plug(self) -> None:
        """Plug the camera in again."""
        self.away = False


class FakeFeeds(Feeds):
    """The feeds of cameras that the test names."""

    def __init__(self, *feeds: PastFeed) -> None:
        self.those = {feed.camera_id: feed for feed in feeds}
        self.stopping = False

    def of(self, camera_id: str) -> Feed:
        """Give the one that is there."""
        if self.stopping:
            raise Stopping
        if camera_id not in self.those:
            raise CameraAway(camera_id)
        return self.those[camera_id]

    def present(self, camera_id: str) -> bool:
        """Tell what the test says."""
        return camera_id in self.those and not self.those[camera_id].away


class Encoder(FakeChild):
    """An encoder whose file is what it was fed with, as that is a recording already.

    :ivar idle: it keeps what it gets to itself.
    :ivar deaf: it does not end when its input does.
    """

    idle = deaf = False

    @property
    def path(self) -> Path:
        """Where it writes."""
        return Path(self.argv[-1].removeprefix("file:"))

    def write(self, data: bytes) -> None:
        """Take it, and write it down."""
        super().write(data)
        if not self.idle:
            self.copy()

    def copy(self) -> None:
        """Write down all that came."""
        if self.path.exists():
            self.path.write_bytes(self.written)

    def end_input(self) -> None:
        """Take note, and end."""
        super().end_input()
        if not self.deaf and self.running:
            self.ends()


class Encoders(FakeChildren):
    """Encoders, as good or bad as the test says.

    :ivar idle: what the next ones are, and
    :ivar deaf: the same.
    :ivar versions: how often ffmpeg was asked which it is.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.idle = self.deaf = False
        self.versions = 0

    def start(
        self, argv: Sequence[str], *, stdout: Callable[[bytes], None] | None = None, stdin: bool = False
    ) -> Encoder:
        """Seem to start one."""
        child = super().start(argv, stdout=stdout, stdin=stdin)
        # FakeChildren makes the plain kind; its waiters and its clock are this one's too.
        child.__class__ = Encoder
        assert isinstance(child, Encoder)
        child.idle, child.deaf = self.idle, self.deaf
        return child

    def run(self, argv: Sequence[str], **_: Any) -> Deferred[tuple[Exit, bytes]]:
        """Tell the version."""
        assert list(argv) == ["ffmpeg", "-version"]
        self.versions += 1
        return succeed((Exit(0, None, ""), VERSION))

    def __getitem__(self, number: int) -> Encoder:
        """Give one of those that were started."""
        child = self.started[number]
        assert isinstance(child, Encoder)
        return child


class RoomyLibrary(FakeLibrary):
    """Directories with as much room as the test says.

    :ivar spare: the bytes above the floor; None is any number.
    :ivar clearing: what :meth:`make_room` gives, each time the next.
    :ivar cleared: what was asked of it.
    :ivar listing: what :meth:`added` gives, each time the next.
    :ivar defect: what is raised by each look at the room.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.spare: int | None = None
        self.clearing: list[Deferred[bool]] = []
        self.cleared: list[int] = []
        self.listing: list[Deferred[None]] = []
        self.defect: Exception | None = None

    def check_room(self, required: int = 0) -> None:
        """Refuse, if the test says so."""
        if self.defect is not None:
            raise self.defect
        if self.spare is not None and required > self.spare:
            raise StorageLow(1000 + self.spare, 1000 + required)
        super().check_room(required)

    def added(self, kind: str, filename: str) -> Deferred[None]:
        """List it as the test says."""
        listed = super().added(kind, filename)
        return self.listing.pop(0) if self.listing else listed

    def make_room(self, required: int = 0) -> Deferred[bool]:
        """Clear up as the test says; nothing where it says nothing."""
        self.cleared.append(required)
        return self.clearing.pop(0) if self.clearing else succeed(NOTHING)


class FakeFinishing(Finishing):
    """Takes note of what is to be rewritten."""

    def __init__(self) -> None:
        self.added: list[str] = []
        self.resumed = 0

    def add(self, path: Path, meta: RecordingMeta) -> None:
        """Take note."""
        assert path.exists()
        assert meta.finalizing
        self.added.append(path.name)

    def resume(self) -> Deferred[None]:
        """Take note."""
        self.resumed += 1
        return succeed(None)


def news_of(bus: Bus) -> list[RecordingChanged]:
    """Give a list that grows with what is told of recordings."""
    news: list[RecordingChanged] = []

    def published(stamped: Stamped) -> None:
        if isinstance(stamped.event, RecordingChanged):
            news.append(stamped.event)

    bus.subscribe(published)
    return news


class RecordingCase(LogCase):
    """A camera that delivers when the test says so, and a recorder with encoders that copy."""

    def setUp(self) -> None:
        """Put it together, at second 100."""
        super().setUp()
        self.clock = Clock()
        self.clock.advance(100.0)
        self.jump = 0.0
        self.feed = PastFeed(self.clock)
        self.other = PastFeed(self.clock, a_camera("usb-2", "/dev/video2"))
        self.feeds = FakeFeeds(self.feed, self.other)
        self.children = Encoders(self.clock)
        self.threads = FakeThreads()
        self.library = RoomyLibrary(Path(self.mktemp()).absolute())
        self.finishing = FakeFinishing()
        self.bus = make_bus()
        self.news = news_of(self.bus)
        self.recorder = Recorder(
            self.clock,
            self.now,
            self.children,
            self.threads.run,
            self.bus,
            self.feeds,
            self.library,
            self.finishing,
            config.Recording(),
        )
        self.recorder.startService()
        self.threads.work()
        self.addCleanup(self.end)

    def now(self) -> float:
        """Give the wall clock's time, which the test may set."""
        return NOON + self.clock.seconds() + self.jump

    def end(self) -> None:
        """See that nobody is held and nothing waits."""
        stopped = self.recorder.stopService()
        self.threads.work()
        self.successResultOf(stopped)
        self.assertEqual((self.feed.attached, self.other.attached), ([], []))
        self.assertEqual(len(self.children), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.recorder.active(), ())
        self.assertEqual([name for name in self.files() if name.endswith(PART)], [])

    @property
    def directory(self) -> Path:
        """Where recordings go."""
        return self.library.directory / "recordings"

    def files(self) -> list[str]:
        """List all that is there."""
        return sorted(os.listdir(self.directory)) if self.directory.exists() else []

    def frames_in(self, filename: str) -> int | None:
        """Count the frames of a file."""
        return scan(self.directory / filename).frames

    def meta(self, filename: str) -> RecordingMeta:
        """Read a file's metadata."""
        found = sidecar.decode_recording((self.directory / f"{filename}.json").read_bytes())
        assert found is not None
        return found

    def pass_time(self, seconds: float, step: float = 0.1) -> None:
        """Let time pass and threads work."""
        for _ in range(round(seconds / step)):
            # A little more, for what is due after just so many steps.
            self.clock.advance(step + 1e-6)
            self.threads.work()

    def deliver(self, count: int = 1, every: float = 0.125) -> None:
        """Let so many frames come, and threads work."""
        for _ in range(count):
            self.clock.advance(every)
            self.feed.deliver()
            self.threads.work()

    def start(self, **wanted: Any) -> Deferred[RecordingState]:
        """Ask for a recording."""
        started = self.recorder.start(RecordingWanted(**{"camera_id": "usb-1", **wanted}))
        self.threads.work()
        return started

    def started(self, **wanted: Any) -> RecordingState:
        """Begin a recording, whose first three frames come."""
        starting = self.start(**wanted)
        self.deliver(3)
        return self.successResultOf(starting)

    def stopped(self, state: RecordingState) -> RecordingState:
        """End a recording whose encoders obey."""
        stopping = self.recorder.stop(state.recording_id)
        self.threads.work()
        return self.successResultOf(stopping)

    def state(self) -> RecordingState:
        """Give how the camera's recording stands."""
        found = self.recorder.of_camera("usb-1")
        assert found is not None
        return found

    def told(self) -> list[tuple[str, str | None, str | None]]:
        """Give what was published, as status, file and reason, and forget it."""
        told: list[tuple[str, str | None, str | None]] = [
            (event.status, event.filename, event.reason) for event in self.news
        ]
        self.news.clear()
        return told

    def refused(self, kind: type[Exception], starting: Deferred[Any]) -> Any:
        """Give what a recording failed with, of which nothing is left."""
        self.threads.work()
        failure = self.failureResultOf(starting, kind)
        self.assertEqual((self.files(), self.told(), self.feed.attached), ([], [], []))
        self.assertIsNone(self.recorder.of_camera("usb-1"))
        return failure.value
