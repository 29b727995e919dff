"""A camera's frames in another width: one ffmpeg for each camera and width, shared by all who watch that.

Owns these children. A frame goes in when the one before has come out, the newest that there is, so a slow one leaves
frames out and none is ever old; and so what comes out is the frame that went in, with its time. A child begins with the
first frame for somebody who watches and ends with the last who does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from twisted.application.service import Service
from twisted.logger import Logger, LogLevel

from webcam_rpc.cameras.models import Trouble
from webcam_rpc.media import convert, jpeg, source, verdict
from webcam_rpc.media.child import FFMPEG
from webcam_rpc.media.feed import PAUSES, Attachment
from webcam_rpc.media.frames import Frame
from webcam_rpc.media.mpjpeg import FramingError, MpjpegParser
from webcam_rpc.media.troubles import CaptureFailed, MediaRefused, ProgramFailed, Stopping

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.media.child import Children, Exit
    from webcam_rpc.media.feed import Feed
    from webcam_rpc.media.frames import Consumer

#: The least width in pixels.
NARROWEST = 16
#: How many widths there may be at a time, of one camera and of all.
OF_ONE, OF_ALL = 4, 8

#: A frame that is not out after so many seconds never comes out.
_PATIENCE = 4.0
#: A child that worked for so long was well: the pauses are short again.
_WELL = 10.0


class TooManyWidths(MediaRefused):
    """No further width can be had now; ``widths`` are those of this camera that are there to be shared."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        known = ", ".join(map(str, widths))
        super().__init__("too many widths at a time" + (f"; this camera has {known}" if known else ""))
        self.widths = widths


def argv(width: int, quality: int) -> list[str]:
    """Give the command that scales a stream of JPEGs to a width; ``quality`` is 1 to 100 (the best)."""
    # -2: the height that belongs to it, made even for the colours' half resolution.
    encoding = ["-vf", f"scale={width}:-2", "-c:v", "mjpeg", "-q:v", str(source.qscale(quality))]
    # Frame threads would each keep a frame back.
    encoding += ["-huffman", "default", "-pix_fmt", "yuvj420p", "-threads", "1"]
    return [*FFMPEG, *convert.INPUT, *encoding, "-flush_packets", "1", "-f", "mpjpeg", "pipe:1"]


class ScaledFeeds(Service):
    """The scaled feeds that are watched.

    :param quality: of what is encoded, 1 to 100.
    """

    def __init__(self, clock: IReactorTime, children: Children, quality: int) -> None:
        self.clock = clock
        self.children = children
        self.quality = quality
        self._stopped = False
        # Whoever watches one holds it, and so does whoever is about to: all of these share it.
        self._feeds: WeakValueDictionary[tuple[str, int], ScaledFeed] = WeakValueDictionary()

    def configure(self, quality: int) -> None:
        """Encode what is begun from now on in this quality."""
        self.quality = quality

    def of(self, feed: Feed, width: int) -> Feed | ScaledFeed:
        """Give what to watch for this width: the feed itself where it is known to be no wider.

        :raises ValueError: for a width below :data:`NARROWEST`.
        """
        if width < NARROWEST:
            raise ValueError(f"{width} pixels are less than {NARROWEST}")
        if feed.latest is not None and feed.latest.width <= width:
            return feed
        scaled = self._feeds.get((feed.camera_id, width))
        if scaled is None:
            scaled = self._feeds[feed.camera_id, width] = ScaledFeed(self, feed, width)
        return scaled

    def admit(self, wanted: ScaledFeed) -> None:
        """Let ``wanted`` be watched. Raises TooManyWidths and Stopping."""
        if self._stopped:
            raise Stopping
        others = [each for each in self._feeds.values() if each.watched and each is not wanted]
        same = sorted(each.width for each in others if each.camera_id == wanted.camera_id)
        if len(others) >= OF_ALL or len(same) >= OF_ONE:
            raise TooManyWidths(tuple(same))

    def startService(self) -> None:
        """Start; a service that was stopped starts anew."""
        super().startService()
        self._stopped = False

    def stopService(self) -> None:
        """End every child; whoever watches sees nothing any more."""
        super().stopService()
        self._stopped = True
        for scaled in tuple(self._feeds.values()):
            scaled.stop()


class ScaledFeed:
    """The frames of one camera in one width, for those who attach as they would to its :class:`Feed`.

    A frame that is no wider passes as it is.
    """

    def __init__(self, feeds: ScaledFeeds, feed: Feed, width: int) -> None:
        self._log = Logger(namespace="webcam_rpc.media")
        self.width = width
        self._feeds = feeds
        self._feed = feed
        self._watchers: list[_Watcher] = []
        self._child: _Scaling | None = None
        self._seen: Frame | None = None
        self._attempts = 0
        self._not_before = 0.0

    @property
    def camera_id(self) -> str:
        """The camera's id."""
        return self._feed.camera_id

    @property
    def watched(self) -> bool:
        """Whether anybody is attached."""
        return bool(self._watchers)

    def attach(self, kind: str, consumer: Consumer) -> Attachment:
        """Have the frames from now on, as from :meth:`Feed.attach`. Raises TooManyWidths and Stopping."""
        self._feeds.admit(self)
        watcher = _Watcher(self, consumer)
        self._watchers.append(watcher)
        # Each has a hold of its own on the feed, so that the feed counts them, and tells each what it tells anybody.
        hold = self._feed.attach(kind, watcher)

        def release(_: Attachment) -> None:
            hold.detach()
            if watcher in self._watchers:
                self._watchers.remove(watcher)
                if not self._watchers:
                    self._end_child()

        return Attachment(kind, consumer, release)

    def stop(self) -> None:
        """End for good."""
        self._watchers.clear()
        self._end_child()

    def take(self, frame: Frame) -> None:
        """Take a frame of the feed, which gives it to each who watches; the first time counts."""
        if frame is self._seen or not self._watchers:
            return
        self._seen = frame
        if frame.width <= self.width:
            self._end_child()
            self._give(frame)
            return
        now = self._feeds.clock.seconds()
        if self._child is not None and self._child.stuck:
            self._failed(f"a frame did not come out in {_PATIENCE:g} s")
        elif self._child is not None and not self._child.fits(frame):
            self._end_child()  # its encoder has one size
        if self._child is None and now >= self._not_before:
            self._start()
        if self._child is not None:
            self._child.take(frame)

    def _start(self) -> None:
        feeds = self._feeds
        try:
            command = argv(self.width, feeds.quality)
            self._child = _Scaling(feeds.clock, feeds.children, command, self._give, self._failed)
        except ProgramFailed as error:
            self._failed(error.detail, error.remedy)

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _failed(self, detail: str, remedy: str = "see get_camera_status, or watch it unscaled") -> None:
        now = self._feeds.clock.seconds()
        if self._child is not None and self._child.worked >= _WELL:
            self._attempts = 0
        self._end_child()
        self._not_before = now + PAUSES[min(self._attempts, len(PAUSES) - 1)]
        self._attempts += 1
        self._log.error(
            "Scaling {camera_id} to a width of {width} failed: {detail}",
            camera_id=self.camera_id,
            width=self.width,
            detail=detail,
        )
        failure = CaptureFailed(Trouble("FFMPEG_FAILED", f"scaling failed: {detail}", remedy, lasting=True))
        for watcher in tuple(self._watchers):
            self._tell(watcher, watcher.consumer.failed, failure)

    def _give(self, frame: Frame) -> None:
        for watcher in tuple(self._watchers):
            self._tell(watcher, watcher.consumer.frame, frame)

    def _tell(self, watcher: _Watcher, call: Callable[..., None], *args: object) -> None:
        if watcher not in self._watchers:
            return  # let go by another, while these were told
        try:
            call(*args)
        except Exception:  # noqa: BLE001 - one consumer's defect is not to stop the others
            self._log.failure(
                "A consumer of {camera_id}, scaled, failed", level=LogLevel.error, camera_id=self.camera_id
            )


class _Watcher:
    """Somebody's hold on the feed, by way of the scaled one."""

    def __init__(self, scaled: ScaledFeed, consumer: Consumer) -> None:
        self.consumer = consumer
        self._scaled = scaled

    def frame(self, frame: Frame) -> None:
        """Have it scaled."""
        self._scaled.take(frame)

    def failed(self, failure: CaptureFailed) -> None:
        """Pass it on."""
        self.consumer.failed(failure)

    def gone(self) -> None:
        """Pass it on."""
        self.consumer.gone()


class _Scaling:
    """One run of the child.

    :param give: gets each frame that comes out.
    :param failed: is called once, unless :meth:`end` was called before, with what happened.
    :raises ProgramFailed: if it cannot be started.
    """

    def __init__(
        self,
        clock: IReactorTime,
        children: Children,
        command: list[str],
        give: Callable[[Frame], None],
        failed: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._give = give
        self._failed = failed
        self._parser = MpjpegParser()
        self._began = clock.seconds()
        self._inside: Frame | None = None
        self._since = 0.0
        self._next: Frame | None = None
        self._size: tuple[int, int] | None = None
        self._over = False
        self._child = children.start(command, stdout=self._printed, stdin=True)
        self._child.when_ended().addCallback(self._ended)

    @property
    def stuck(self) -> bool:
        """Whether a frame is inside for too long."""
        return self._inside is not None and self._clock.seconds() - self._since > _PATIENCE

    @property
    def worked(self) -> float:
        """The seconds since it began."""
        return self._clock.seconds() - self._began

    def fits(self, frame: Frame) -> bool:
        """Tell whether a frame has the size of those before."""
        return self._size in (None, (frame.width, frame.height))

    def take(self, frame: Frame) -> None:
        """Scale this one, now or in the place of whichever waits."""
        self._size = (frame.width, frame.height)
        if self._inside is not None:
            self._next = frame
            return
        self._inside, self._next, self._since = frame, None, self._clock.seconds()
        self._child.write(convert.part(frame.jpeg))

    def end(self) -> None:
        """End it now: there is nothing to save."""
        self._over = True
        self._child.kill()

    def _printed(self, data: bytes) -> None:
        if self._over:
            return
        try:
            pictures = self._parser.feed(data)
        except FramingError as error:
            self._fail(f"ffmpeg printed what is not pictures: {error}")
            return
        for each in pictures:
            self._came_out(each)
            if self._over:
                return

    def _came_out(self, data: bytes) -> None:
        picture = jpeg.examine(data)
        frame = self._inside
        if frame is None or isinstance(picture, str):
            self._fail("ffmpeg printed more than it was given" if frame is None else f"a broken picture: {picture}")
            return
        self._inside = None
        # First the next one goes in: it is scaled while those who watch take this one.
        if self._next is not None:
            self.take(self._next)
        self._give(Frame(frame.number, frame.at, frame.time, picture.width, picture.height, data))

    def _ended(self, ended: Exit) -> None:
        said = verdict.last_words(ended.stderr)
        self._fail("ffmpeg ended" + (f", saying: {said}" if said else ""))

    def _fail(self, detail: str) -> None:
        if not self._over:
            self._over = True
            self._child.kill()
            self._failed(detail)
