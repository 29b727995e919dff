"""Pictures from the cameras' feeds: one frame each, for whoever asks, and as a file with its metadata where it is kept.

Owns the rules by which a frame is good enough, the time that a picture may take, and the order in which its files come
to be. A file has its name only when it is whole, and then its sidecar is there already.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore, fail, inlineCallbacks, succeed
from twisted.logger import Logger

from webcam_rpc import durable
from webcam_rpc.cameras.models import Trouble
from webcam_rpc.media import convert, names, sidecar
from webcam_rpc.media.events import SnapshotTaken
from webcam_rpc.media.few import Few
from webcam_rpc.media.metadata import sidecar_of
from webcam_rpc.media.sidecar import CameraIdentity, SnapshotFormat, SnapshotMeta
from webcam_rpc.media.troubles import (
    CameraAway,
    CaptureFailed,
    MediaRefused,
    NameRefused,
    ProgramFailed,
    Stopping,
    StorageBroken,
    StorageLow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.internet.interfaces import IReactorTime

    from webcam_rpc.bus import Bus
    from webcam_rpc.media.child import Children
    from webcam_rpc.media.feed import Attachment, Feed
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.library import MediaLibrary

#: The seconds in which a frame must have come, and in which all must be done: less than a call may take.
FRAME_DEADLINE, DEADLINE = 12.5, 14.0
#: The biggest picture that is given with the answer, in bytes: written as base64 it is still one message.
INLINE_LIMIT = 700_000

#: How many are converted at a time; the others wait, since each takes a core.
_CONVERSIONS = 2
#: How many pictures may be named after the same moment of the same camera.
_NAMESAKES = 1000
_MODE = 0o640
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class InlineTooBig(MediaRefused):
    """A picture of ``size`` bytes is too big to be given with the answer. No file of it was left."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes are more than {INLINE_LIMIT}")
        self.size = size


class SnapshotWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for.

    ``quality`` (1 to 100) is that of a JPEG that is made anew, None leaves it as the camera gave it; a PNG loses
    nothing. A ``fresh`` picture arrived after it was asked for; else it may be ``max_age_ms`` old, where that is not
    None. ``inline``: the picture is given as well as kept.
    """

    filename: str | None = None
    format: SnapshotFormat = "jpg"
    quality: int | None = None
    fresh: bool = False
    max_age_ms: int | None = None
    inline: bool = False


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that is there whole. ``age_ms`` is how old it was when it was asked for; ``data`` only if inline."""

    meta: SnapshotMeta
    path: Path
    sidecar: Path
    age_ms: float
    data: bytes | None


class Snapshots(Service):
    """Takes pictures.

    :param in_thread: runs what blocks.
    :param ready: fires when what a crash left is cleared away: until then every part is taken for a leftover.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        children: Children,
        library: MediaLibrary,
        bus: Bus,
        in_thread: Callable[..., Deferred[Any]],
        ready: Callable[[], Deferred[Any]] = lambda: succeed(None),
    ) -> None:
        self._ready = ready
        self._clock = clock
        self._children = children
        self._library = library
        self._bus = bus
        self._in_thread = in_thread
        self._turns = DeferredSemaphore(_CONVERSIONS)
        self._few = Few(clock)
        self._waits: set[_Wait] = set()
        self._stopped = False

    def startService(self) -> None:
        """Start; a service that was stopped starts anew."""
        super().startService()
        self._stopped = False

    def stopService(self) -> None:
        """Wait for no frame any more; what has its frame goes on to its end."""
        super().stopService()
        self._stopped = True
        for wait in tuple(self._waits):
            wait.fail(Stopping())

    def picture(self, feed: Feed, *, fresh: bool = False, max_age_ms: int | None = None) -> Deferred[Frame]:
        """Give one frame: the newest at once where it will do, else the next to come.

        Fails with CaptureFailed, CameraAway or Stopping; cancelling lets go of the camera.
        """
        if self._stopped:
            return fail(Stopping())
        wait = _Wait(self._clock, feed)
        self._waits.add(wait)

        def over(result: object) -> object:
            self._waits.discard(wait)
            return result

        wait.result.addBoth(over)
        max_age = 0.0 if fresh else None if max_age_ms is None else max_age_ms / 1000
        wait.begin(None if fresh else feed.latest, max_age)
        return wait.result

    @inlineCallbacks
    def take(self, feed: Feed, wanted: SnapshotWanted) -> Generator[Deferred[Any], Any, Taken]:
        """Take a picture and keep it; done when the disk has it.

        Fails with one of :mod:`~webcam_rpc.media.troubles` or :class:`InlineTooBig`; when it fails, and when it is
        cancelled, no file stays.
        """
        asked = self._clock.seconds()
        extension = f".{wanted.format}"
        chosen = names.chosen(wanted.filename, extension) if wanted.filename is not None else None
        yield self._ready()
        self._library.check_room()
        frame: Frame = yield self.picture(feed, fresh=wanted.fresh, max_age_ms=wanted.max_age_ms)
        yield self._few.through()
        camera, mode, fps = feed.camera, feed.mode, feed.measured_fps
        if fps is None and mode is not None:
            fps = mode.fps  # too few frames came to measure it
        data: bytes = yield self._in_format(frame, wanted, asked + DEADLINE)
        if wanted.inline and len(data) > INLINE_LIMIT:
            raise InlineTooBig(len(data))
        self._library.check_room(len(data))
        meta = SnapshotMeta(
            filename=chosen or names.default(feed.camera_id, frame.time, extension),
            camera=CameraIdentity.of(camera),
            timestamp=sidecar.utc(frame.time),
            age_ms=round(max(0.0, asked - frame.at) * 1000, 1),
            resolution=f"{frame.width}x{frame.height}",
            fps=round(fps, 2) if fps is not None else None,
            file_size=len(data),
            format=wanted.format,
            quality=wanted.quality if wanted.format == "jpg" else None,
            controls=sidecar.controls_of(camera),
        )
        meta = yield self._keep(meta, data, asked + DEADLINE, may_be_numbered=chosen is None)
        path = self._library.path(names.SNAPSHOTS, meta.filename)
        return Taken(
            meta=meta,
            path=path,
            sidecar=sidecar_of(path),
            age_ms=meta.age_ms or 0.0,
            data=data if wanted.inline else None,
        )

    def _in_format(self, frame: Frame, wanted: SnapshotWanted, until: float) -> Deferred[bytes]:
        def late(*_: object) -> NoReturn:
            raise ProgramFailed("the picture was not converted in time", "ask for it as the camera gives it, a JPEG")

        if wanted.format == "png":
            converted = self._turns.run(convert.to_png, self._children, frame)
        elif wanted.quality is not None:
            converted = self._turns.run(convert.to_jpeg, self._children, frame, wanted.quality)
        else:
            return succeed(frame.jpeg)
        return converted.addTimeout(self._left(until), self._clock, late)

    def _keep(self, meta: SnapshotMeta, data: bytes, until: float, *, may_be_numbered: bool) -> Deferred[SnapshotMeta]:
        """Make the files; where nobody waits for them any more when they are there, they are taken away again."""

        def late(*_: object) -> NoReturn:
            raise StorageBroken("the disk did not take the picture in time")

        answer: Deferred[SnapshotMeta] = Deferred()
        self._kept(meta, data, answer, may_be_numbered=may_be_numbered).chainDeferred(answer)
        return answer.addTimeout(self._left(until), self._clock, late)

    @inlineCallbacks
    def _kept(
        self, meta: SnapshotMeta, data: bytes, answer: Deferred[SnapshotMeta], *, may_be_numbered: bool
    ) -> Generator[Deferred[Any], Any, SnapshotMeta]:
        directory = self._library.path(names.SNAPSHOTS, meta.filename).parent
        # A thread cannot be told to stop: it ends, and then it is seen whether somebody still waits.
        meta = yield self._in_thread(_write, directory, meta, data, _NAMESAKES if may_be_numbered else 1)
        yield self._library.added(names.SNAPSHOTS, meta.filename)
        if answer.called:
            self._log.info("Nobody waits for {filename} any more: it is deleted", filename=meta.filename)
            yield self._library.delete(names.SNAPSHOTS, meta.filename)
            return meta
        self._bus.publish(
            SnapshotTaken(
                camera_id=meta.camera.camera_id,
                device=meta.camera.device,
                filename=meta.filename,
                file_size=len(data),
                timestamp=meta.timestamp,
            )
        )
        return meta

    def _left(self, until: float) -> float:
        return max(0.0, until - self._clock.seconds())


class _Wait:
    """A hold on a feed until it has given one frame.

    :ivar result: fires with the frame, or why there is none; by then the feed has been let go.
    """

    def __init__(self, clock: IReactorTime, feed: Feed) -> None:
        self.result: Deferred[Frame] = Deferred(lambda _: self._over())
        self._clock = clock
        self._feed = feed
        self._asked = clock.seconds()
        self._timer = clock.callLater(FRAME_DEADLINE, self._late)
        self._attachment: Attachment | None = None
        self._waiting = True

    def begin(self, newest: Frame | None, max_age: float | None) -> None:
        """Attach, and be done with it where the ``newest`` frame is young enough."""
        # Attached in any case: a feed that is asked for pictures again and again is not to end in between.
        self._attachment = self._feed.attach("snapshot", self)
        if not self._waiting:
            self._attachment.detach()
        elif newest is not None and (max_age is None or self._asked - newest.at <= max_age):
            self._take(newest)

    def frame(self, frame: Frame) -> None:
        """Take the first that came after it was asked for."""
        if frame.at >= self._asked:
            self._take(frame)

    def failed(self, failure: CaptureFailed) -> None:
        """Wait no longer: the next try may be half a minute away."""
        self.fail(failure)

    def gone(self) -> None:
        """Wait no longer."""
        self.fail(CameraAway(self._feed.camera_id))

    def fail(self, why: MediaRefused) -> None:
        """End without a frame."""
        if self._waiting:
            self._over()
            self.result.errback(why)

    def _take(self, frame: Frame) -> None:
        if self._waiting:
            self._over()
            self.result.callback(frame)

    def _late(self) -> None:
        trouble = Trouble(
            "V4L2_FAILED",
            f"no frame in {FRAME_DEADLINE:g} s",
            "see get_camera_status and diagnose_camera",
            lasting=True,
        )
        self.fail(CaptureFailed(trouble))

    def _over(self) -> None:
        self._waiting = False
        if self._timer.active():
            self._timer.cancel()
        if self._attachment is not None:
            self._attachment.detach()


def _write(directory: Path, meta: SnapshotMeta, data: bytes, namesakes: int) -> SnapshotMeta:
    """Write picture and sidecar, under the first free one of ``namesakes`` names. Blocks; raises MediaRefused."""
    meta = msgspec.structs.replace(meta, sha256=hashlib.sha256(data).hexdigest())
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for number in range(1, namesakes + 1):
            named = msgspec.structs.replace(meta, filename=names.numbered(meta.filename, number))
            if _write_as(directory / named.filename, named, data):
                return named
    except OSError as error:
        if error.errno not in _FULL:
            raise StorageBroken(f"{error.filename or directory} cannot be written: {error.strerror}") from error
        available = 0
        with contextlib.suppress(OSError):
            available = shutil.disk_usage(directory).free
        raise StorageLow(available, len(data)) from error
    raise NameRefused("exists", "there is a snapshot of this name; choose another, or leave it out")


def _write_as(path: Path, meta: SnapshotMeta, data: bytes) -> bool:
    """Write both at ``path``; gives False, and changes nothing, if the name is taken. Raises OSError."""
    part, meta_path = path.with_name(path.name + durable.PART), sidecar_of(path)
    try:
        # Who makes the part has the name: nobody else gets beyond this line until the part has become the picture.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    except FileExistsError:
        return False
    try:
        with open(descriptor, "wb") as file:
            if os.path.lexists(path):
                part.unlink()
                return False
            file.write(data)
        # The sidecar first: without its picture it means nothing to anybody, but a picture is listed as soon as it has
        # its name, and its metadata belongs to it.
        durable.write_whole(meta_path, sidecar.encode(meta), _MODE)
        durable.put_in_place(part, path)
    except BaseException:
        for each in (path, meta_path, part):
            with contextlib.suppress(OSError):
                each.unlink(missing_ok=True)
        raise
    return True
