"""Pictures, streams and files for whoever shows them: the network side asks by a camera's name, and gets the feed's.

What goes wrong on the way is told as API clients know it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
from twisted.internet.defer import inlineCallbacks

from webcam_rpc.api.lookup import camera_of, present_camera
from webcam_rpc.api.troubles import media_troubles_told, told
from webcam_rpc.cameras.models import Status
from webcam_rpc.media.replay import TooManyReplays
from webcam_rpc.media.scaled import TooManyWidths
from webcam_rpc.rpc.errors import InvalidState

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.media.feed import Attachment
    from webcam_rpc.media.feeds import Feeds
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.library import MediaLibrary
    from webcam_rpc.media.replay import Replay, Replays
    from webcam_rpc.media.scaled import ScaledFeeds
    from webcam_rpc.media.snapshots import Snapshots
    from webcam_rpc.media.troubles import CaptureFailed
    from webcam_rpc.rpc.errors import RPCError

#: The formats in which a camera gives JPEGs itself (kernel documentation, pixfmt-compressed).
_COMPRESSED = frozenset({"MJPG", "JPEG"})


class Picture(msgspec.Struct, frozen=True):
    """A picture, taken at ``time`` (Unix seconds), and its age in the moment in which it was given."""

    jpeg: bytes
    time: float
    age_ms: float
    width: int
    height: int


class CameraState(msgspec.Struct, frozen=True):
    """How a camera stands. ``online``: it gives pictures, or would; what nobody knows is 0."""

    camera_id: str
    online: bool
    width: int
    height: int
    desired_fps: float
    captured_fps: float
    encoder: Literal["CPU", "HW"]
    quality: int


class Viewer(Protocol):
    """Who watches."""

    def frame(self, frame: Frame, /) -> None:
        """Take a frame, or let it pass."""

    def failed(self, error: RPCError, /) -> None:
        """Hear why no frames come."""

    def gone(self) -> None:
        """Hear that the camera was unplugged."""


class Watching:
    """A viewer's hold on a camera, or on a recording that is played.

    :ivar attachment: its hold on what gives the frames.
    """

    attachment: Attachment | Replay

    def __init__(self, camera_id: str, viewer: Viewer) -> None:
        self.camera_id = camera_id
        self._viewer = viewer

    def stop(self) -> None:
        """Let go. Any number of times."""
        self.attachment.detach()

    def frame(self, frame: Frame) -> None:
        """Pass it on."""
        self._viewer.frame(frame)

    def failed(self, failure: CaptureFailed) -> None:
        """Pass it on, as clients know it."""
        self._viewer.failed(told(failure))

    def gone(self) -> None:
        """Pass it on."""
        self._viewer.gone()


class Pictures:
    """The pictures of all cameras, and the files that were made of them.

    :param clock: the reactor, whose time is the frames'.
    :param quality: of what is encoded, 1 to 100.
    """

    def __init__(
        self,
        clock: IReactorTime,
        registry: CameraRegistry,
        feeds: Feeds,
        snapshots: Snapshots,
        scaled: ScaledFeeds,
        library: MediaLibrary,
        quality: int,
        replays: Replays,
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._feeds = feeds
        self._snapshots = snapshots
        self._scaled = scaled
        self._library = library
        self._quality = quality
        self._replays = replays

    def configure(self, quality: int) -> None:
        """Tell that what is encoded has this quality from now on."""
        self._quality = quality

    def cameras(self) -> tuple[str, ...]:
        """List the cameras that are plugged in, in their order."""
        return tuple(camera.camera_id for camera in self._registry.present())

    def state(self, name: str) -> CameraState:
        """Tell how a camera stands. Raises NotFound and InvalidParams."""
        camera = camera_of(self._registry, name)
        feed = self._feeds.find(camera.camera_id)
        mode = feed.mode if feed is not None else None
        if mode is None and camera.report is not None:
            mode = camera.report.mode
        latest = feed.latest if feed is not None else None
        # A frame tells its size itself; before there is one, the mode does.
        size = latest or mode
        encoder: Literal["CPU", "HW"] = "HW" if mode is not None and mode.pixel_format in _COMPRESSED else "CPU"
        return CameraState(
            camera_id=camera.camera_id,
            online=camera.status is Status.CONNECTED,
            width=size.width if size is not None else 0,
            height=size.height if size is not None else 0,
            desired_fps=(mode.fps or 0) if mode is not None else 0,
            captured_fps=(feed.measured_fps or 0) if feed is not None else 0,
            encoder=encoder,
            quality=self._quality,
        )

    @inlineCallbacks
    def snapshot(
        self, name: str, *, fresh: bool = False, max_age_ms: int | None = None
    ) -> Generator[Deferred[Any], Any, Picture]:
        """Give a picture. Fails with RPCError."""
        camera = present_camera(self._registry, name)
        with media_troubles_told():
            feed = self._feeds.of(camera.camera_id)
            frame: Frame = yield self._snapshots.picture(feed, fresh=fresh, max_age_ms=max_age_ms)
        age = max(0.0, self._clock.seconds() - frame.at)
        return Picture(frame.jpeg, frame.time, age * 1000, frame.width, frame.height)

    def watch(self, name: str, width: int | None, viewer: Viewer) -> Watching:
        """Give the frames of a camera, there or not, to ``viewer``, which is first called after this has returned.

        Raises NotFound, InvalidParams, InvalidState and ShuttingDown.
        """
        camera = camera_of(self._registry, name)
        watching = Watching(camera.camera_id, viewer)
        try:
            with media_troubles_told():
                feed = self._feeds.of(camera.camera_id)
                source = feed if width is None else self._scaled.of(feed, width)
                watching.attachment = source.attach("stream", watching)
        except TooManyWidths as refused:
            raise InvalidState("TOO_MANY_WIDTHS", widths=refused.widths, detail=str(refused)) from refused
        return watching

    def replay(self, path: Path, start: float, viewer: Viewer, ended: Callable[[], None]) -> Watching:
        """Give the pictures of a recording, whose codec is ``copy``, from ``start`` seconds on at their pace.

        Raises InvalidState, DependencyFailed and ShuttingDown.
        """
        # It is nobody's live picture: a token for one camera does not show it.
        watching = Watching("", viewer)
        try:
            with media_troubles_told():
                watching.attachment = self._replays.begin(path, start, watching, ended)
        except TooManyReplays as refused:
            raise InvalidState("TOO_MANY_REPLAYS", detail=str(refused)) from refused
        return watching

    def file(self, kind: Literal["recordings", "snapshots"], name: str) -> Path | None:
        """Give the place of a whole file; None for whatever else. Looks at the disk: for a thread."""
        return self._library.open_path(kind, name)
