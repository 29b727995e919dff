"""The files of one recording: the one at work, those that are being ended, those that are whole.

Owns which file a frame goes into and what each is called. A file that is full is ended in the background, while the
next frame already begins another: none is lost between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks
from twisted.logger import Logger, LogLevel

from webcam_rpc.media import encoder, names, sidecar
from webcam_rpc.media.encoder import Encoding
from webcam_rpc.media.segment import Segment
from webcam_rpc.media.sidecar import CameraIdentity, RecordingMeta
from webcam_rpc.media.troubles import MediaRefused, NameRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.bus import Bus
    from webcam_rpc.config import Recording as Options
    from webcam_rpc.media.child import Children
    from webcam_rpc.media.feed import Feed
    from webcam_rpc.media.finishing import Finishing
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.library import MediaLibrary
    from webcam_rpc.media.recording_state import RecordingWanted
    from webcam_rpc.media.sidecar import Ending

#: Seconds that an encoder may take for its last frames, before it is killed and the file cut.
FINISH_DEADLINE = 10.0
#: Files that may be on their way to being whole: each has an encoder, and frames that wait for it. Where the disk does
#: not answer, or a camera changes the size of its pictures all the time, there would be no end of them.
_CLOSING = 8
#: A name that is too long for a number is cut to this.
_STEM = 100


@dataclass(frozen=True)
class Studio:
    """What every recording is made with.

    :ivar now: gives the wall clock's time in Unix seconds.
    :ivar timing: gives the encoder's option for the times of frames.
    """

    clock: IReactorTime
    now: Callable[[], float]
    children: Children
    in_thread: Callable[..., Deferred[Any]]
    bus: Bus
    library: MediaLibrary
    finishing: Finishing
    options: Options
    timing: Callable[[], Sequence[str]]


class Reel:
    """The files.

    :param begun: is called when a file has its first frame on the disk, and
    :param whole: when it is whole and listed, with why it ended.
    :param broke: is called when the file at work ended although nobody asked for that; it is then to be closed.
    :ivar files: what is whole, in order.
    :ivar at_work: the file that frames go into.
    :ivar opened: how many files were begun.
    :ivar pre_roll: how many seconds of the past the first begins with.
    :ivar start_time: when its first frame came, in Unix seconds; None while there is none.
    :ivar start: the same by the monotonic clock.
    :ivar lost: how many files could not be made whole; what is there of them is recovered at the next start.
    """

    def __init__(
        self,
        studio: Studio,
        feed: Feed,
        wanted: RecordingWanted,
        recording_id: str,
        *,
        begun: Callable[[Segment], None],
        whole: Callable[[RecordingMeta, Ending], None],
        broke: Callable[[Segment, MediaRefused], None],
    ) -> None:
        self._log = Logger(namespace="webcam_rpc.media")
        self.files: list[RecordingMeta] = []
        self.at_work: Segment | None = None
        self.opened = 0
        self.pre_roll = 0.0
        self.start_time: float | None = None
        self.start = 0.0
        self.lost = 0
        self._studio = studio
        self._feed = feed
        self._wanted = wanted
        self._recording_id = recording_id
        self._begun = begun
        self._whole = whole
        self._broke = broke
        self._closing: dict[Segment, Deferred[None]] = {}
        #: Of files that are whole or gone.
        self._dropped = 0

    # How much there is.

    @property
    def frames(self) -> int:
        """The frames on the disk."""
        return sum(meta.frames or 0 for meta in self.files) + sum(segment.frames for segment in self._growing())

    @property
    def size(self) -> int:
        """The bytes on the disk."""
        return sum(meta.file_size or 0 for meta in self.files) + sum(segment.size for segment in self._growing())

    @property
    def dropped(self) -> int:
        """The frames that the encoder had no time for."""
        return self._dropped + sum(segment.dropped for segment in self._growing())

    @property
    def last(self) -> str | None:
        """The name of the newest file with a frame on the disk."""
        growing = [segment.meta for segment in self._growing() if segment.has_media]
        newest = max((*self.files, *growing), key=lambda meta: meta.segment, default=None)
        return newest.filename if newest is not None else None

    # What comes, and what is to become of it.

    def take(self, frame: Frame) -> None:
        """Put a frame into the file at work, or into a new one where there is none or that is full."""
        if self.at_work is not None and len(self._closing) < _CLOSING and self._is_full(self.at_work, frame):
            self.close("segment")
        if self.at_work is not None and self._is_other(self.at_work, frame):
            self._dropped += 1
            self._feed.dropped += 1
            return
        if self.at_work is not None:
            self._write(self.at_work, frame)
        else:
            self._open(frame)

    def close(self, ended: Ending, deadline: float = FINISH_DEADLINE) -> None:
        """End the file at work, if there is one; it becomes whole in the background."""
        segment, self.at_work = self.at_work, None
        if segment is None:
            return
        closed = self._closing[segment] = Deferred()

        def over(_: object) -> None:
            del self._closing[segment]
            self._dropped += segment.dropped
            closed.callback(None)

        self._finish(segment, ended, deadline).addErrback(self._lost, segment).addCallback(over)

    def hurry(self, deadline: float) -> None:
        """Have all that is being ended be so within ``deadline`` seconds."""
        for segment in self._closing:
            segment.hurry(deadline)

    def discard(self) -> None:
        """Keep nothing of what is not whole yet, and end its encoders now."""
        for segment in self._growing():
            segment.discard()

    @inlineCallbacks
    def settled(self) -> Generator[Deferred[Any], Any, None]:
        """Fire when nothing is being ended any more."""
        while self._closing:
            yield DeferredList(list(self._closing.values()))

    # Ours.

    def _growing(self) -> list[Segment]:
        return [*self._closing, *([self.at_work] if self.at_work is not None else [])]

    def _write(self, segment: Segment, frame: Frame) -> None:
        before = segment.dropped
        segment.write(frame)
        self._feed.dropped += segment.dropped - before

    def _is_full(self, segment: Segment, frame: Frame) -> bool:
        first = segment.first
        over = first is not None and 0 < self._wanted.segment_s <= frame.at - first.at
        return over or self._is_other(segment, frame)

    def _is_other(self, segment: Segment, frame: Frame) -> bool:
        # One file has pictures of one size.
        first = segment.first
        return first is not None and (frame.width, frame.height) != (first.width, first.height)

    def _open(self, frame: Frame) -> None:
        studio, wanted = self._studio, self._wanted
        past: tuple[Frame, ...] = ()
        if not self.opened:
            if wanted.pre_roll_s:
                past = tuple(each for each in self._feed.pre_roll(wanted.pre_roll_s) if each.number < frame.number)
            first = past[0] if past else frame
            self.start_time, self.start = first.time, first.at
            self.pre_roll = frame.at - first.at
        self.opened += 1
        draft = self._draft(past[0] if past else frame)
        encoding = Encoding(wanted.format, wanted.codec, studio.options.preset, studio.options.crf)

        def argv(part: Path) -> list[str]:
            return encoder.argv(encoding, part, studio.timing())

        self.at_work = segment = Segment(
            studio.clock,
            studio.children,
            studio.in_thread,
            studio.library.path(names.RECORDINGS, draft.filename).parent,
            argv,
            draft,
            chosen=wanted.filename is not None and self.opened == 1,
            begun=self._begun,
            broke=self._broke,
        )
        if past:
            segment.write_past(past)
        self._write(segment, frame)

    def _draft(self, first: Frame) -> RecordingMeta:
        wanted, camera, mode = self._wanted, self._feed.camera, self._feed.mode
        extension = encoder.EXTENSIONS[wanted.format]
        if wanted.filename is not None:
            name = names.chosen(wanted.filename, extension)
        else:
            name = names.default(wanted.camera_id, self.start_time or first.time, extension)
        rate = mode.fps if mode is not None and mode.fps else self._feed.measured_fps
        return RecordingMeta(
            filename=_numbered(name, self.opened),
            recording_id=self._recording_id,
            camera=CameraIdentity.of(camera),
            start_time=sidecar.utc(first.time),
            format=wanted.format,
            codec=wanted.codec,
            resolution=f"{first.width}x{first.height}",
            fps=round(rate, 2) if rate is not None else None,
            segment=self.opened,
            pre_roll_s=round(self.pre_roll, 3) if self.opened == 1 else 0.0,
            finalizing=wanted.format == "mp4",
            schedule_id=wanted.schedule_id,
            controls=sidecar.controls_of(camera),
        )

    @inlineCallbacks
    def _finish(self, segment: Segment, ended: Ending, deadline: float) -> Generator[Deferred[Any], Any, None]:
        whole: bool = yield segment.finish(ended, deadline)
        if not whole:
            return
        if not segment.has_media:
            # It was over before anybody had looked.
            self._begun(segment)
        meta = segment.meta
        # From here on the file tells; it must not be counted twice.
        segment.frames = segment.size = 0
        self.files.append(meta)
        self.files.sort(key=lambda each: each.segment)
        try:
            yield self._studio.library.added(names.RECORDINGS, meta.filename)
        except MediaRefused as refused:
            self._log.error("{path} is not in the index yet: {error}", path=segment.path, error=str(refused))
        self._whole(meta, ended)
        if meta.finalizing:
            self._studio.finishing.add(segment.path, meta)

    def _lost(self, failure: Failure, segment: Segment) -> None:
        self.lost += 1
        if failure.check(MediaRefused):
            self._log.error("{path} is lost for now: {error}", path=segment.path, error=failure.getErrorMessage())
        else:
            self._log.failure("{path} was not ended right", failure, LogLevel.error, path=segment.path)


def _numbered(name: str, number: int) -> str:
    try:
        return names.numbered(name, number)
    except NameRefused:
        stem, _, extension = name.rpartition(".")
        return names.numbered(f"{stem[:_STEM]}.{extension}", number)
