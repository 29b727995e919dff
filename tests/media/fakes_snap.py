"""What the tests of pictures share: a feed that delivers when the test says so, a shelf for files, pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.cameras.case import a_camera, make_bus
from webcam_rpc.cameras.models import CurrentMode, Trouble
from webcam_rpc.media.child import FFMPEG, Children
from webcam_rpc.media.feed import Attachment, Feed
from webcam_rpc.media.frames import Frame
from webcam_rpc.media.library import MediaLibrary
from webcam_rpc.media.snapshots import Snapshots, SnapshotWanted, Taken
from webcam_rpc.media.troubles import CaptureFailed, MediaRefused, NoSuchFile
from webcam_rpc.testing import FakeChildren, FakeThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.bus import Stamped
    from webcam_rpc.cameras.models import Camera
    from webcam_rpc.media.frames import Consumer

#: The wall clock's time at second 0 of the other: 2026-01-01T12:00:00Z.
NOON = 1767268800.0
UNPLUGGED = Trouble("V4L2_FAILED", "the camera does not answer", "plug it in again", lasting=True)


def a_jpeg(width: int = 640, height: int = 480, filling: bytes = b"picture") -> bytes:
    """Give what a look at the head takes for a picture of this size."""
    tables = b"\xff\xc4\x00\x04\x00\x00"
    size = b"\xff\xc0\x00\x0b\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big") + b"\x01\x01\x11\x00"
    return b"\xff\xd8" + tables + size + b"\xff\xda\x00\x02" + filling + bytes(128) + b"\xff\xd9"


def a_png(width: int = 640, height: int = 480) -> bytes:
    """Give what a look at both ends takes for a PNG of this size."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + size + bytes(100) + b"\x00\x00\x00\x00IEND\xaeB`\x82"


def a_frame(number: int = 1, at: float = 0.0, *, width: int = 640, jpeg: bytes | None = None) -> Frame:
    """Give a frame of a picture that is four wide and three high."""
    height = width * 3 // 4
    picture = a_jpeg(width, height, b"picture %d" % number) if jpeg is None else jpeg
    return Frame(number, at, NOON + at, width, height, picture)


def real_children(reactor: Any) -> Children:
    """Give what starts real programs."""
    return Children(reactor, os.environ)


def drawn(children: Children, width: int, height: int, pixels: str = "yuvj422p") -> Deferred[bytes]:
    """Have ffmpeg draw a real picture."""
    pattern = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=1", "-frames:v", "1", "-vf", f"scale={width}:{height}"]
    argv = [*FFMPEG, *pattern, "-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", pixels, "-f", "image2pipe", "pipe:1"]
    return children.run(argv, deadline=60.0, cap=1 << 24).addCallback(lambda printed: printed[1])


class FakeFeed(Feed):
    """A feed that delivers, fails and is unplugged as the test says.

    :ivar newest: what :attr:`latest` gives.
    :ivar rate: what :attr:`measured_fps` gives.
    :ivar attached: who is attached now.
    """

    def __init__(self, clock: IReactorTime, camera: Camera | None = None) -> None:
        self._camera = camera or a_camera()
        self.mode: CurrentMode | None = CurrentMode("MJPG", 640, 480, 30)
        self.newest: Frame | None = None
        self.rate: float | None = 29.97
        self.attached: list[Attachment] = []
        self.away = False
        self.dropped = 0
        self._number = 0
        self._clock = clock

    @property
    def camera(self) -> Camera:
        """Give what the test says."""
        return self._camera

    @property
    def latest(self) -> Frame | None:
        """Give what the test says."""
        return self.newest

    @property
    def measured_fps(self) -> float | None:
        """Give what the test says."""
        return self.rate

    def attach(self, kind: str, consumer: Consumer) -> Attachment:
        """Take note."""
        attachment = Attachment(kind, consumer, self._let_go)
        self.attached.append(attachment)
        if self.away:
            self._clock.callLater(0, consumer.gone)
        return attachment

    def kinds(self) -> list[str]:
        """Give what those that are attached are."""
        return [attachment.kind for attachment in self.attached]

    def deliver(self, width: int = 640, **more: Any) -> Frame:
        """Give a frame that arrives now to all."""
        self._number += 1
        self.newest = a_frame(self._number, self._clock.seconds(), width=width, **more)
        for attachment in tuple(self.attached):
            attachment.consumer.frame(self.newest)
        return self.newest

    def fail(self, trouble: Trouble = UNPLUGGED, holder: Mapping[str, int | str] | None = None) -> None:
        """Let the capture fail."""
        self.newest = None
        for attachment in tuple(self.attached):
            attachment.consumer.failed(CaptureFailed(trouble, holder))

    def unplug(self) -> None:
        """Unplug the camera."""
        self.newest = None
        self.away = True
        for attachment in tuple(self.attached):
            attachment.consumer.gone()

    def _let_go(self, attachment: Attachment) -> None:
        if attachment in self.attached:
            self.attached.remove(attachment)


class Watcher:
    """A consumer that keeps what it hears; ``when`` is called with each frame."""

    def __init__(self, when: Callable[[Frame], None] = lambda _: None) -> None:
        self.frames: list[Frame] = []
        self.failures: list[CaptureFailed] = []
        self.times_gone = 0
        self._when = when

    def frame(self, frame: Frame) -> None:
        """Keep it."""
        self.frames.append(frame)
        self._when(frame)

    def failed(self, failure: CaptureFailed) -> None:
        """Keep it."""
        self.failures.append(failure)

    def gone(self) -> None:
        """Count it."""
        self.times_gone += 1


class FakeLibrary(MediaLibrary):
    """Directories without an index.

    :ivar refusal: what :meth:`check_room` raises while it is set.
    :ivar asked_for: the room that was asked for, each time.
    :ivar listed: what was added and not deleted.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.refusal: MediaRefused | None = None
        self.asked_for: list[int] = []
        self.listed: list[tuple[str, str]] = []

    def path(self, kind: str, filename: str) -> Path:
        """Give the path that it has or would have."""
        return self.directory / kind / filename

    def check_room(self, required: int = 0) -> None:
        """Refuse, if the test says so."""
        self.asked_for.append(required)
        if self.refusal is not None:
            raise self.refusal

    def added(self, kind: str, filename: str) -> Deferred[None]:
        """List it."""
        self.listed.append((kind, filename))
        return succeed(None)

    def delete(self, kind: str, filename: str) -> Deferred[None]:
        """Remove it."""
        if (kind, filename) not in self.listed:
            raise NoSuchFile(kind, filename)
        self.listed.remove((kind, filename))
        for path in self.path(kind, filename), self.path(kind, filename + ".json"):
            path.unlink()
        return succeed(None)


class PictureCase(SynchronousTestCase):
    """A camera that delivers when the test says so, threads and children that do nothing by themselves."""

    def setUp(self) -> None:
        """Put it together, at second 100."""
        self.clock = Clock()
        self.clock.advance(100.0)
        self.feed = FakeFeed(self.clock)
        self.children = FakeChildren(self.clock)
        self.threads = FakeThreads()
        self.library = FakeLibrary(Path(self.mktemp()).absolute())
        self.bus = make_bus()
        self.published: list[Stamped] = []
        self.bus.subscribe(self.published.append)
        self.snapshots = Snapshots(self.clock, self.children, self.library, self.bus, self.threads.run)
        self.snapshots.startService()
        self.addCleanup(self.end)

    def end(self) -> None:
        """See that nobody is held and nothing waits."""
        self.assertEqual(self.feed.attached, [])
        self.assertEqual(len(self.children), 0)
        self.clock.advance(0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @property
    def directory(self) -> Path:
        """Where pictures go."""
        return self.library.directory / "snapshots"

    def files(self) -> list[str]:
        """List all that is there."""
        return sorted(os.listdir(self.directory)) if self.directory.exists() else []

    def take(self, **wanted: Any) -> Deferred[Taken]:
        """Ask for a picture."""
        return self.snapshots.take(self.feed, SnapshotWanted(**wanted))

    def taken(self, **wanted: Any) -> Taken:
        """Take a picture that needs no waiting."""
        started = self.take(**wanted)
        self.threads.work()
        return self.successResultOf(started)

    def refused(self, kind: type[MediaRefused], started: Deferred[Any]) -> Any:
        """Give what a picture failed with, of which nothing is left."""
        self.threads.work()
        failure = self.failureResultOf(started, kind)
        self.assertEqual((self.published, self.library.listed), ([], []))
        return failure.value
