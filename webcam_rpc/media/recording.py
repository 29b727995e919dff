"""One recording: a wish for the frames of a camera, kept in as many files as it takes.

Owns the recording from the moment in which it was asked for to the moment in which its last file is whole: which file
the next frame goes into, what happens when the camera, the encoder or the disk goes away, and when it is over.

=========  ===================================================================================
state      goes to
=========  ===================================================================================
STARTING   RECORDING (a first frame is on the disk), FAILED (none can be), STOPPING
RECORDING  WAITING (the camera, the encoder or the file is gone), STOPPING
WAITING    RECORDING (another file has its first frame), STOPPING
STOPPING   STOPPED, FAILED (every file is whole)
=========  ===================================================================================
"""

from __future__ import annotations

import enum
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks
from twisted.logger import Logger

from webcam_rpc.media import encoder, names, sidecar
from webcam_rpc.media.encoder import Encoding
from webcam_rpc.media.events import RecordingChanged
from webcam_rpc.media.segment import Segment
from webcam_rpc.media.sidecar import CameraIdentity, Codec, RecordingFormat, RecordingMeta
from webcam_rpc.media.troubles import CameraAway, CaptureFailed, MediaRefused, NotRecording, ProgramFailed, StorageLow

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from webcam_rpc.bus import Bus
    from webcam_rpc.config import Recording as Options
    from webcam_rpc.media.child import Children
    from webcam_rpc.media.feed import Attachment, Feed
    from webcam_rpc.media.finishing import Finishing
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.library import MediaLibrary
    from webcam_rpc.media.sidecar import Ending

#: Seconds within which a first frame must be on the disk, or the recording is not begun.
START_DEADLINE = 12.0
#: Seconds that an encoder may take for its last frames, before it is killed and the file cut.
FINISH_DEADLINE = 10.0
#: Pauses after files that broke, in seconds; as many in a row without a frame on the disk and the recording fails.
PAUSES = (0.5, 1.0, 2.0, 4.0, 4.0)
#: Seconds between two looks at the room that is left.
_LOOK = 1.0


class State(enum.Enum):
    """Where a recording stands."""

    STARTING = "STARTING"
    RECORDING = "RECORDING"
    WAITING = "WAITING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


_ENDING = frozenset({State.STOPPING, State.STOPPED, State.FAILED})


class RecordingWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Times in seconds; ``duration`` None goes on until it is stopped, ``segment_s`` 0 in one file.

    ``wait``: the camera need not be there yet; the duration counts from the wish, not from the first frame.
    """

    camera_id: str
    duration: float | None = None
    format: RecordingFormat = "fmp4"
    codec: Codec = "h264"
    filename: str | None = None
    segment_s: float = 0
    pre_roll_s: float = 0
    schedule_id: str | None = None
    wait: bool = False


class RecordingState(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording stands. ``files`` are whole; ``filename`` is the present or last one. Bytes and seconds."""

    recording_id: str
    camera_id: str
    device: str
    state: Literal["STARTING", "RECORDING", "WAITING", "STOPPING", "STOPPED", "FAILED"]
    filename: str | None
    files: tuple[str, ...]
    format: RecordingFormat
    codec: Codec
    start_time: str
    end_time: str | None
    elapsed: float
    remaining: float | None
    duration: float
    frames: int
    frames_dropped: int
    bytes: int
    pre_roll_s: float
    finalizing: bool
    reason: str | None
    schedule_id: str | None


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


class Recording:
    """A recording of one camera.

    :ivar started: fires with it when its first frame is on the disk, or fails with why there is none.
    :ivar over: fires with its last state when every file is whole.
    """

    def __init__(self, studio: Studio, feed: Feed, wanted: RecordingWanted) -> None:
        self._log = Logger(namespace="webcam_rpc.media")
        self.recording_id = secrets.token_hex(8)
        self.wanted = wanted
        self.started: Deferred[Recording] = Deferred(lambda _: self._undo())
        self.over: Deferred[RecordingState] = Deferred()
        self._studio = studio
        self._clock = studio.clock
        self._feed = feed
        self._camera = feed.camera
        self._state = State.STARTING
        self._segment: Segment | None = None
        self._files: list[RecordingMeta] = []
        self._finishing: list[Deferred[Any]] = []
        self._segments = self._dropped = self._failures = 0
        self._not_before = 0.0
        self._pre_roll = 0.0
        self._asked_at = self._clock.seconds()
        self._start_time = studio.now()
        self._end_time: float | None = None
        self._began_at: float | None = self._asked_at if wanted.wait else None
        self._ended_at: float | None = None
        self._duration = wanted.duration
        self._reason: str | None = None
        self._making_room = False
        self._refusal: MediaRefused = NotRecording("it was stopped before its first frame")
        self._timers: dict[str, IDelayedCall] = {}
        self._attachment: Attachment | None = None

    @property
    def camera_id(self) -> str:
        """The camera's id."""
        return self.wanted.camera_id

    @property
    def ending(self) -> bool:
        """Whether it takes no more frames."""
        return self._state in _ENDING

    def begin(self) -> None:
        """Attach to the camera."""
        if not self.wanted.wait:
            self._later("start", START_DEADLINE, self._too_late)
        elif self._duration is not None:
            self._later("end", self._duration, self.stop, "duration")
        self._later("look", _LOOK, self._look)
        self._attachment = self._feed.attach("recording", self)

    def state(self) -> RecordingState:
        """Tell how it stands."""
        segment = self._segment
        now = self._clock.seconds() if self._ended_at is None else self._ended_at
        elapsed = max(0.0, now - self._began_at) if self._began_at is not None else 0.0
        remaining = max(0.0, self._duration - elapsed) if self._duration is not None else None
        names_of_files = tuple(meta.filename for meta in self._files)
        at_work = segment.meta.filename if segment is not None and segment.has_media else None
        return RecordingState(
            recording_id=self.recording_id,
            camera_id=self.camera_id,
            device=self._feed.camera.device,
            state=self._state.value,
            filename=at_work or (names_of_files[-1] if names_of_files else None),
            files=names_of_files,
            format=self.wanted.format,
            codec=self.wanted.codec,
            start_time=sidecar.utc(self._start_time),
            end_time=sidecar.utc(self._end_time) if self._end_time is not None else None,
            elapsed=round(elapsed, 3),
            remaining=round(remaining, 3) if remaining is not None else None,
            duration=round(sum(meta.duration or 0.0 for meta in self._files), 3),
            frames=sum(meta.frames or 0 for meta in self._files) + (segment.frames if segment is not None else 0),
            frames_dropped=self._dropped + (segment.dropped if segment is not None else 0),
            bytes=sum(meta.file_size or 0 for meta in self._files) + (segment.size if segment is not None else 0),
            pre_roll_s=round(self._pre_roll, 3),
            finalizing=any(meta.finalizing for meta in self._files),
            reason=self._reason,
            schedule_id=self.wanted.schedule_id,
        )

    def prolong(self, duration: float) -> None:
        """Go on for at least ``duration`` seconds from now; the longest wish counts."""
        if self._duration is None:
            return
        now = self._clock.seconds()
        began = self._began_at if self._began_at is not None else now
        self._duration = max(self._duration, now + duration - began)
        if "end" in self._timers:
            self._later("end", began + self._duration - now, self.stop, "duration")

    def prolong_for_ever(self) -> None:
        """Go on until it is stopped."""
        self._duration = None
        self._cancel("end")

    def stop(self, reason: Ending = "stopped", deadline: float = FINISH_DEADLINE) -> Deferred[RecordingState]:
        """End it; fires with its last state when every file is whole."""
        if not self.ending:
            self._stop(reason, deadline, failed=reason in {"storage_low", "storage_failed", "encoder_failed"})
        result: Deferred[RecordingState] = Deferred()

        def over(state: RecordingState) -> RecordingState:
            result.callback(state)
            return state

        self.over.addCallback(over)
        return result

    # From the feed.

    def frame(self, frame: Frame) -> None:
        """Keep a frame."""
        if self.ending:
            return
        segment = self._segment
        if segment is not None and self._is_full(segment, frame):
            self._close(segment, "segment")
            segment = None
        if segment is None:
            if self._clock.seconds() < self._not_before:
                return
            segment = self._open(frame)
        segment.write(frame)

    def failed(self, failure: CaptureFailed) -> None:
        """Wait until the camera delivers again; if nothing is recorded yet, it is not begun."""
        self._interrupted("capture_failed", failure)

    def gone(self) -> None:
        """Wait until the camera is back."""
        self._interrupted("unplugged", CameraAway(self.camera_id))

    # Files.

    def _is_full(self, segment: Segment, frame: Frame) -> bool:
        limit = self.wanted.segment_s
        return bool(limit) and segment.first_at is not None and frame.at - segment.first_at >= limit

    def _open(self, frame: Frame) -> Segment:
        studio, wanted = self._studio, self.wanted
        self._segments += 1
        extension = encoder.EXTENSIONS[wanted.format]
        first = names.chosen(wanted.filename, extension) if wanted.filename is not None else None
        if first is None:
            first = names.default(self.camera_id, self._start_time, extension)
        camera = self._feed.camera
        past: tuple[Frame, ...] = ()
        if self._segments == 1 and wanted.pre_roll_s:
            past = tuple(each for each in self._feed.pre_roll(wanted.pre_roll_s) if each.number < frame.number)
            self._pre_roll = frame.at - past[0].at if past else 0.0
        draft = RecordingMeta(
            filename=names.numbered(first, self._segments),
            recording_id=self.recording_id,
            camera=CameraIdentity.of(camera),
            start_time=sidecar.utc(past[0].time if past else frame.time),
            format=wanted.format,
            codec=wanted.codec,
            resolution=f"{frame.width}x{frame.height}",
            fps=self._rate(),
            segment=self._segments,
            pre_roll_s=round(self._pre_roll, 3) if past else 0.0,
            finalizing=wanted.format == "mp4",
            schedule_id=wanted.schedule_id,
            controls=sidecar.controls_of(camera),
        )
        encoding = Encoding(wanted.format, wanted.codec, studio.options.preset, studio.options.crf)
        self._segment = segment = Segment(
            studio.clock,
            studio.children,
            studio.in_thread,
            studio.library.path(names.RECORDINGS, draft.filename).parent,
            lambda part: encoder.argv(encoding, part, studio.timing()),
            draft,
            chosen=wanted.filename is not None and self._segments == 1,
            begun=self._begun,
            broke=self._broke,
        )
        if past:
            segment.write_past(past)
        return segment

    def _rate(self) -> float | None:
        mode = self._feed.mode
        rate = mode.fps if mode is not None and mode.fps else self._feed.measured_fps
        return round(rate, 2) if rate is not None else None

    def _begun(self, segment: Segment) -> None:
        if segment is not self._segment or self.ending:
            return
        self._failures = 0
        was, self._state = self._state, State.RECORDING
        self._reason = None
        self._cancel("start")
        if self._began_at is None:
            assert segment.first_at is not None  # noqa: S101 - it has a frame on the disk
            self._began_at = segment.first_at + self._pre_roll
            if self._duration is not None:
                self._later("end", self._began_at + self._duration - self._clock.seconds(), self.stop, "duration")
        self._tell("STARTED", segment.meta, None)
        self._log.info(
            "Recording {recording_id} of {device}: {filename}",
            recording_id=self.recording_id,
            device=self._feed.camera.device,
            filename=segment.meta.filename,
        )
        if was is State.STARTING and not self.started.called:
            self.started.callback(self)

    def _close(self, segment: Segment, ended: Ending, deadline: float = FINISH_DEADLINE) -> None:
        """End a file, in the background; the recording goes on or not."""
        if segment is self._segment:
            self._segment = None
        closing = self._finish(segment, ended, deadline)
        self._finishing.append(closing)
        closing.addErrback(
            lambda failure: self._log.failure("A file of {id} was not ended right", failure, id=self.recording_id)
        )

        def closed(_: object) -> None:
            self._finishing.remove(closing)

        closing.addCallback(closed)

    @inlineCallbacks
    def _finish(self, segment: Segment, ended: Ending, deadline: float) -> Generator[Deferred[Any], Any, None]:
        whole: bool = yield segment.finish(ended, deadline, self._studio.now())
        self._dropped += segment.dropped
        if not whole:
            return
        meta = segment.meta
        self._files.append(meta)
        self._files.sort(key=lambda each: each.segment)
        yield self._studio.library.added(names.RECORDINGS, meta.filename)
        if not self.ending:
            self._tell("INTERRUPTED", meta, ended)
        if meta.finalizing:
            self._studio.finishing.add(segment.path, meta)

    def _broke(self, segment: Segment, ended: Ending, detail: str) -> None:
        """Go on in another file after a pause, unless that was tried too often."""
        self._log.error(
            "Recording {recording_id} of {device}: {detail}",
            recording_id=self.recording_id,
            device=self._feed.camera.device,
            detail=detail,
        )
        if segment is not self._segment:
            return  # it is being ended anyway
        low = self._room_is_low()
        if self._state is State.STARTING and not self._segments > 1:
            self._refuse(low or segment.refused or ProgramFailed(detail, "see the log"))
            return
        if low is not None:
            self.stop("storage_low")
            return
        self._not_before = self._clock.seconds() + PAUSES[min(self._failures, len(PAUSES) - 1)]
        self._failures += 1
        if self._failures >= len(PAUSES):
            self.stop(ended)
            return
        self._wait(ended)

    def _interrupted(self, reason: Ending, failure: MediaRefused) -> None:
        if self._state is State.STARTING and not self.wanted.wait:
            self._refuse(failure)
        elif self._state in {State.STARTING, State.RECORDING, State.WAITING}:
            self._wait(reason)

    def _wait(self, reason: Ending) -> None:
        self._reason = reason
        if self._state is State.RECORDING:
            self._state = State.WAITING
        if self._segment is not None:
            self._close(self._segment, reason)

    # The end.

    def _too_late(self) -> None:
        self._refuse(
            ProgramFailed(f"no frame was on the disk after {START_DEADLINE:g} s", "try another codec or a smaller mode")
        )

    def _refuse(self, why: MediaRefused) -> None:
        """Undo it: nothing was recorded."""
        if self._state is State.STARTING:
            self._refusal = why
            self._stop("stopped", 0.0, failed=True)

    def _undo(self) -> None:
        if self._state is State.STARTING:
            self._stop("stopped", 0.0, failed=True)

    @inlineCallbacks
    def _stop(self, reason: Ending, deadline: float, *, failed: bool) -> Generator[Deferred[Any], Any, None]:
        nothing_yet = self._state is State.STARTING
        self._state = State.STOPPING
        self._reason = reason
        self._ended_at = self._clock.seconds()
        self._end_time = self._studio.now()
        for name in tuple(self._timers):
            self._cancel(name)
        if self._attachment is not None:
            self._attachment.detach()
        segment = self._segment
        if segment is not None:
            if nothing_yet:
                segment.kill()
            self._close(segment, reason, deadline)
        while self._finishing:
            yield DeferredList(list(self._finishing))
        self._state = State.FAILED if failed or (not self._files and self.wanted.wait) else State.STOPPED
        if not nothing_yet or self._files or self.wanted.wait:
            self._tell_over(reason)
        self.over.callback(self.state())
        if not self.started.called:
            self.started.errback(self._refusal)

    def _tell_over(self, reason: Ending) -> None:
        state = self.state()
        status: Literal["STOPPED", "ERROR"] = "ERROR" if self._state is State.FAILED else "STOPPED"
        self._tell(status, self._files[-1] if self._files else None, reason)
        log = self._log.info if status == "STOPPED" else self._log.error
        log(
            "Recording {recording_id} of {device} ended ({reason}): {files}",
            recording_id=self.recording_id,
            device=state.device,
            reason=reason,
            files=", ".join(state.files) or "no file",
        )

    def _tell(
        self,
        status: Literal["STARTED", "INTERRUPTED", "STOPPED", "ERROR"],
        meta: RecordingMeta | None,
        reason: str | None,
    ) -> None:
        state = self.state()
        self._studio.bus.publish(
            RecordingChanged(
                camera_id=self.camera_id,
                device=state.device,
                recording_id=self.recording_id,
                status=status,
                filename=meta.filename if meta is not None else None,
                duration=state.elapsed,
                segment=meta.segment if meta is not None else self._segments,
                reason=reason,
                schedule_id=self.wanted.schedule_id,
            )
        )

    # Room and time.

    def _look(self) -> None:
        self._later("look", _LOOK, self._look)
        if self._segment is None or self._making_room or self._room_is_low() is None:
            return
        self._making_room = True

        def made(enough: object) -> None:
            self._making_room = False
            if enough is not True and self._room_is_low() is not None:
                self.stop("storage_low")

        self._studio.library.make_room(0).addBoth(made)

    def _room_is_low(self) -> StorageLow | None:
        try:
            self._studio.library.check_room()
        except StorageLow as low:
            return low
        except MediaRefused:
            return None  # the file's own look tells more
        return None

    def _later(self, name: str, seconds: float, what: Callable[..., Any], *args: object) -> None:
        self._cancel(name)
        self._timers[name] = self._clock.callLater(max(0.0, seconds), self._due, name, what, args)

    def _due(self, name: str, what: Callable[..., Any], args: tuple[object, ...]) -> None:
        del self._timers[name]
        what(*args)

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()
