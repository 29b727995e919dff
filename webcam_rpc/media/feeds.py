"""The feeds of all cameras: one for each camera that was ever seen, by its id.

Owns the feeds and what they are made with. Cameras come and go on the bus; a feed stays with its camera's id, so that
whoever lives on it goes on when the camera is back, on whatever node it then has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import DeferredList

from webcam_rpc.cameras.models import PATTERN_DRIVER, Camera, CameraStatusChanged, CurrentMode, Status, Trouble
from webcam_rpc.media import source
from webcam_rpc.media.events import FeedChanged
from webcam_rpc.media.feed import Attachment, Feed
from webcam_rpc.media.troubles import CameraAway, Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.bus import Bus, Stamped
    from webcam_rpc.config import CameraMedia, Media, Recording
    from webcam_rpc.media.child import Children
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.troubles import CaptureFailed


#: Feeds of cameras that are gone are kept until there are so many: ids that only a storm of ports made do not pile up.
_KNOWN_AT_MOST = 256


@dataclass(frozen=True)
class Feeding:
    """What every feed is made with.

    :ivar now: gives the wall clock's time in Unix seconds.
    :ivar holder: finds which other process has a device open: ``pid`` and ``comm``, or None.
    :ivar blame: lets a camera be in ERROR for this reason, or for none any more.
    :ivar alias: gives the name of a camera, by which it may be configured too.
    :ivar current: gives a camera as it is now: what is read from it without a difference to clients is not announced.
    """

    clock: IReactorTime
    now: Callable[[], float]
    children: Children
    bus: Bus
    media: Media
    recording: Recording
    holder: Callable[[str], Deferred[Mapping[str, int | str] | None]]
    blame: Callable[[str, str | None], None]
    alias: Callable[[str], str | None]
    current: Callable[[str], Camera | None] = lambda _: None

    def own(self, camera_id: str) -> CameraMedia | None:
        """Give what is configured for one camera alone."""
        cameras = self.media.cameras
        return cameras.get(camera_id) or cameras.get(self.alias(camera_id) or "")

    def source_of(self, camera: Camera, asked: CurrentMode | None) -> tuple[CurrentMode, list[str]] | Trouble:
        """Give the mode to capture a camera in and the command that does it, or why there is none."""
        report = camera.report
        if report is None:
            detail = camera.reason or "the camera has not told yet what it can do"
            return Trouble("V4L2_FAILED", detail, "see diagnose_camera", lasting=True)
        own = self.own(camera.camera_id)
        if camera.driver == PATTERN_DRIVER:
            # It can be drawn in any mode: what it is set to is what was asked for.
            chosen: CurrentMode | Trouble | None = report.mode
        else:
            limits = source.Limits(self.media.max_width, self.media.max_height, self.media.max_fps)
            chosen = source.choose(report, limits, asked or (own.mode if own is not None else None))
        if chosen is None or isinstance(chosen, Trouble):
            return chosen or Trouble("V4L2_FAILED", "the camera has no mode", "see diagnose_camera", lasting=True)
        return chosen, source.argv(camera, chosen, self.media.quality)

    def warm_up(self, camera: Camera) -> int:
        """Give how many frames of this camera are thrown away at the start."""
        own = self.own(camera.camera_id)
        if camera.driver == PATTERN_DRIVER:
            return 0
        return self.media.warm_up if own is None or own.warm_up is None else own.warm_up

    def keep_warm(self, camera: Camera) -> bool:
        """Tell whether this camera is to deliver all the time."""
        own = self.own(camera.camera_id)
        return self.media.keep_warm if own is None or own.keep_warm is None else own.keep_warm

    def changed(self, feed: Feed, reason: str | None) -> None:
        """Tell that a feed began or ceased to deliver."""
        self.bus.publish(FeedChanged(camera_id=feed.camera_id, delivering=feed.delivering, reason=reason))


class _KeptWarm:
    """The consumer of a camera that is to deliver all the time."""

    def frame(self, frame: Frame) -> None:
        """Let it pass."""

    def failed(self, failure: CaptureFailed) -> None:
        """Let the feed try again."""

    def gone(self) -> None:
        """Let it come back."""


class Feeds(Service):
    """Every camera's feed."""

    def __init__(self, feeding: Feeding) -> None:
        self._feeding = feeding
        self._feeds: dict[str, Feed] = {}
        self._warm: dict[str, Attachment] = {}
        self._stopped = False
        feeding.bus.subscribe(self._published)

    def of(self, camera_id: str) -> Feed:
        """Give the feed of a camera, there or not. Raises CameraAway for one that was never seen, and Stopping."""
        if self._stopped:
            raise Stopping
        feed = self._feeds.get(camera_id)
        if feed is None:
            raise CameraAway(camera_id)
        return feed

    def present(self, camera_id: str) -> bool:
        """Tell whether a camera is plugged in."""
        feed = self._feeds.get(camera_id)
        return feed is not None and feed.camera.status is not Status.DISCONNECTED

    def find(self, camera_id: str) -> Feed | None:
        """Give the feed of a camera that was seen, for a look at its figures."""
        return self._feeds.get(camera_id)

    def all(self) -> tuple[Feed, ...]:
        """Give every feed."""
        return tuple(self._feeds.values())

    def configure(self, media: Media, recording: Recording) -> None:
        """Make captures by these settings from now on; those that go on stay as they are."""
        self._feeding = replace(self._feeding, media=media, recording=recording)
        for feed in self._feeds.values():
            feed.configure(self._feeding)
            self._warm_or_not(feed)

    def startService(self) -> None:
        """Start; a service that was stopped starts anew."""
        super().startService()
        self._stopped = False

    def stopService(self) -> Deferred[Any]:
        """End every capture; fires when all cameras are free."""
        super().stopService()
        self._stopped = True
        self._warm.clear()
        return DeferredList([feed.stop() for feed in self._feeds.values()])

    def _published(self, stamped: Stamped) -> None:
        event = stamped.event
        if not isinstance(event, CameraStatusChanged) or self._stopped:
            return
        camera = event.camera
        feed = self._feeds.get(camera.camera_id)
        if feed is None:
            self._forget_some()
            feed = self._feeds[camera.camera_id] = Feed(camera, self._feeding)
        else:
            feed.camera_changed(camera)
        self._warm_or_not(feed)

    def _warm_or_not(self, feed: Feed) -> None:
        wanted = not self._stopped and self._feeding.keep_warm(feed.camera)
        if wanted and feed.camera_id not in self._warm:
            self._warm[feed.camera_id] = feed.attach("keep_warm", _KeptWarm())
        elif not wanted and feed.camera_id in self._warm:
            self._warm.pop(feed.camera_id).detach()

    def _forget_some(self) -> None:
        gone = [camera_id for camera_id, feed in self._feeds.items() if feed.forgettable]
        for camera_id in gone[: max(0, len(self._feeds) - _KNOWN_AT_MOST + 1)]:
            del self._feeds[camera_id]
