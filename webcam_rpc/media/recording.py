"""One recording: a wish for the frames of a camera.

Owns the recording from the moment in which it was asked for to the moment in which its last file is whole: when it has
begun, what happens when the camera, the encoder or the disk goes away, and when it is over. Where it stands goes by
:data:`~webcam_rpc.media.recording_state.MOVES`.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Literal

from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from webcam_rpc.media import sidecar
from webcam_rpc.media.events import RecordingChanged
from webcam_rpc.media.recording_state import FAILURES, MOVES, RecordingState, RecordingWanted, State
from webcam_rpc.media.reel import FINISH_DEADLINE, Reel
from webcam_rpc.media.troubles import (
    CameraAway,
    CaptureFailed,
    MediaRefused,
    NotRecording,
    ProgramFailed,
    Stopping,
    StorageLow,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from twisted.internet.interfaces import IDelayedCall

    from webcam_rpc.media.feed import Attachment, Feed
    from webcam_rpc.media.frames import Frame
    from webcam_rpc.media.reel import Studio
    from webcam_rpc.media.segment import Segment
    from webcam_rpc.media.sidecar import Ending, RecordingMeta

#: Seconds within which a first frame must be on the disk, or the recording is not begun.
START_DEADLINE = 12.0
#: Pauses after files that broke, in seconds; the last one from then on.
PAUSES = (0.5, 1.0, 2.0, 4.0)
#: So many files in a row that broke without a frame on the disk, and the recording has failed.
TRIES = 5
#: An encoder that lived for so many seconds was well: the pauses are short again.
_WELL = 10.0
#: Seconds between two looks at the room that is left, and the bytes that must be there above the floor: what is under
#: way when too little is left has to find its place above it.
_LOOK, MARGIN = 1.0, 8 * 1024 * 1024

_Status = Literal["STARTED", "INTERRUPTED", "STOPPED", "ERROR"]


class Recording:
    """A recording of one camera.

    :ivar manual: whether somebody wants it beside the schedule that began it, if one did.
    """

    def __init__(self, studio: Studio, feed: Feed, wanted: RecordingWanted) -> None:
        self._log = Logger(namespace="webcam_rpc.media")
        self.recording_id = secrets.token_hex(8)
        self.wanted = wanted
        self.manual = wanted.schedule_id is None
        self._studio = studio
        self._clock = studio.clock
        self._feed = feed
        self._state = State.STARTING
        self._reason: str | None = None
        self._reel = Reel(
            studio, feed, wanted, self.recording_id, begun=self._begun, whole=self._whole, broke=self._broke
        )
        # Files that broke one after another: soon, and without a frame.
        self._broken = self._barren = 0
        self._not_before = 0.0
        self._asked_at, self._asked = studio.now(), self._clock.seconds()
        self._began_at = self._asked if wanted.wait else None
        self._ended_at: float | None = None
        self._duration = wanted.duration
        #: Why those who wait for a first frame wait no longer.
        self._refusal: MediaRefused = NotRecording("it was stopped before its first frame")
        self._expecting: list[Deferred[RecordingState]] = []
        self._ending: list[Deferred[RecordingState]] = []
        self._start_timer: IDelayedCall | None = None
        self._end_timer: IDelayedCall | None = None
        #: Whether a schedule relies on it, which must hear if nothing comes of it; whether room is being made.
        self._promised = self._making_room = False
        self._look = LoopingCall(self._watch_room)
        self._look.clock = studio.clock
        self._attachment: Attachment | None = None

    @property
    def camera_id(self) -> str:
        """The camera's id."""
        return self.wanted.camera_id

    @property
    def ending(self) -> bool:
        """Whether it takes no more frames."""
        return State.STOPPING not in MOVES[self._state]

    @property
    def _undoable(self) -> bool:
        """Whether nobody was told of it yet."""
        return self._state is State.STARTING and not self.wanted.wait

    def begin(self, deadline: float) -> None:
        """Attach to the camera; without a frame on the disk after ``deadline`` seconds it is undone."""
        if not self.wanted.wait:
            self._start_timer = self._clock.callLater(deadline, self._too_late)
        self._set_end()
        self._look.start(_LOOK, now=False).addErrback(self._defect)
        self._attachment = self._feed.attach("recording", self)

    def when_recording(self) -> Deferred[RecordingState]:
        """Fire when a frame is on the disk and the camera there, at once if so; fails with why that never was."""
        if self._state is State.RECORDING:
            return succeed(self.state())
        if self.ending:
            return fail(self._refusal)
        waiter: Deferred[RecordingState] = Deferred(self._expecting.remove)
        self._expecting.append(waiter)
        return waiter

    def when_over(self) -> Deferred[RecordingState]:
        """Fire with its last state when every file is whole."""
        if not MOVES[self._state]:
            return succeed(self.state())
        waiter: Deferred[RecordingState] = Deferred()
        self._ending.append(waiter)
        return waiter

    def state(self) -> RecordingState:
        """Tell how it stands."""
        reel, elapsed = self._reel, self._elapsed()
        start, began = (reel.start_time, reel.start) if reel.start_time is not None else (self._asked_at, self._asked)
        # By the clock as it stood at the start: were it set meanwhile, the two times would not belong together.
        end = start + self._ended_at - began if self._ended_at is not None else None
        return RecordingState(
            recording_id=self.recording_id,
            camera_id=self.camera_id,
            device=self._feed.camera.device,
            state=self._state.value,
            filename=reel.last,
            files=tuple(meta.filename for meta in reel.files),
            format=self.wanted.format,
            codec=self.wanted.codec,
            start_time=sidecar.utc(start),
            end_time=sidecar.utc(end) if end is not None else None,
            elapsed=round(elapsed, 3),
            remaining=round(max(0.0, self._duration - elapsed), 3) if self._duration is not None else None,
            duration=round(sum(meta.duration or 0.0 for meta in reel.files), 3),
            frames=reel.frames,
            frames_dropped=reel.dropped,
            bytes=reel.size,
            pre_roll_s=round(reel.pre_roll, 3),
            finalizing=any(meta.finalizing for meta in reel.files),
            lost=reel.lost,
            reason=self._reason,
            schedule_id=self.wanted.schedule_id,
        )

    def prolong(self, duration: float | None, *, manual: bool) -> None:
        """Go on for at least ``duration`` seconds from now, None: until it is stopped. The longest wish counts."""
        self.manual = self.manual or manual
        self._promised = self._promised or not manual
        if duration is None or self._duration is None:
            self._duration = None
        else:
            self._duration = max(self._duration, self._elapsed() + duration)
        self._set_end()

    def stop(self, reason: Ending = "stopped", deadline: float = FINISH_DEADLINE) -> Deferred[RecordingState]:
        """End it; fires with its last state when every file is whole."""
        if reason == "shutdown":
            self._refusal = Stopping()
        if self._undoable:
            self.undo(self._refusal, reason)
        elif not self.ending:
            self._end(reason, deadline)
        self._reel.hurry(deadline)
        return self.when_over()

    def undo(self, why: MediaRefused, reason: Ending = "interrupted") -> None:
        """Leave nothing of a recording that has nothing on the disk yet; one that has goes on."""
        if self._undoable:
            self._refusal = why
            self._reel.discard()
            self._end(reason, 0.0)

    # From the feed.

    def frame(self, frame: Frame) -> None:
        """Keep a frame."""
        if not self.ending and (self._reel.at_work is not None or self._clock.seconds() >= self._not_before):
            self._reel.take(frame)

    def failed(self, failure: CaptureFailed) -> None:
        """Wait until the camera delivers again; if nothing is recorded yet, it is not begun."""
        self._interrupted("capture_failed", failure)

    def gone(self) -> None:
        """Wait until the camera is back."""
        self._interrupted("unplugged", CameraAway(self.camera_id))

    # From the files.

    def _begun(self, segment: Segment) -> None:
        """Hear that the first frame of a file is on the disk."""
        self._barren = 0
        if self._began_at is None:
            self._began_at = self._reel.start + self._reel.pre_roll
            self._set_end()
        self._tell("STARTED", segment.meta, None)
        self._log.info(
            "Recording {recording_id} of {device}: {filename}",
            recording_id=self.recording_id,
            device=self._feed.camera.device,
            filename=segment.meta.filename,
        )
        if self._reel.at_work is not None and self._state in {State.STARTING, State.WAITING}:
            self._move(State.RECORDING)
            self._reason = None
            _cancel(self._start_timer)
            expecting, self._expecting = self._expecting, []
            for waiter in expecting:
                waiter.callback(self.state())

    def _whole(self, meta: RecordingMeta, ended: Ending) -> None:
        """Hear that a file is whole; of the last ones the end of the recording tells."""
        if not self.ending:
            self._tell("INTERRUPTED", meta, ended)

    def _broke(self, segment: Segment, refused: MediaRefused) -> None:
        """Go on in another file after a pause, unless that was tried too often."""
        self._log.error(
            "Recording {recording_id} of {device}: {error}",
            recording_id=self.recording_id,
            device=self._feed.camera.device,
            error=str(refused),
        )
        low = self._shortage(0)
        ended: Ending = "encoder_failed" if isinstance(refused, ProgramFailed) else "storage_failed"
        if self._undoable:
            self.undo(low or refused, "storage_low" if low is not None else ended)
            return
        self._refusal = refused
        now = self._clock.seconds()
        if not segment.has_media:
            self._barren += 1
        if segment.first is not None and now - segment.first.at >= _WELL:
            self._broken = 0
        self._not_before = now + PAUSES[min(self._broken, len(PAUSES) - 1)]
        self._broken += 1
        if low is not None:
            self._end("storage_low")
        elif self._barren >= TRIES:
            self._end(ended)
        else:
            self._wait(ended)

    def _interrupted(self, reason: Ending, failure: MediaRefused) -> None:
        if self._undoable:
            self.undo(failure, reason)
        elif not self.ending:
            self._refusal = failure
            self._wait(reason)

    def _wait(self, reason: Ending) -> None:
        self._reason = reason
        if self._state is not State.WAITING:
            self._move(State.WAITING)
        self._reel.close(reason)

    # The end.

    def _too_late(self) -> None:
        detail = f"no frame was on the disk after {START_DEADLINE:g} s"
        self.undo(ProgramFailed(detail, "try another codec or a smaller mode"), "encoder_failed")

    def _end(self, reason: Ending, deadline: float = FINISH_DEADLINE) -> None:
        """Take no more frames, and make whole what there is."""
        undone = self._undoable
        self._ended_at = self._clock.seconds()
        self._move(State.STOPPING)
        if reason != "duration" or self._reel.last is not None or self._reason is None:
            # If nothing ever came, why the camera was away says more than that the time is over.
            self._reason = reason
        _cancel(self._start_timer)
        _cancel(self._end_timer)
        if self._look.running:
            self._look.stop()
        if self._attachment is not None:
            self._attachment.detach()
        self._reel.close(reason, deadline)
        self._settle(reason, undone=undone).addErrback(self._defect)

    @inlineCallbacks
    def _settle(self, reason: Ending, *, undone: bool) -> Generator[Deferred[Any], Any, None]:
        yield self._reel.settled()
        nothing = not self._reel.files and (reason == "duration" or self._reel.lost > 0)
        self._move(State.FAILED if undone or nothing or reason in FAILURES else State.STOPPED)
        state = self.state()
        if not undone or self._promised:
            self._tell_over(state)
        ending, self._ending = self._ending, []
        for waiter in ending:
            waiter.callback(state)
        expecting, self._expecting = self._expecting, []
        for waiter in expecting:
            waiter.errback(self._refusal)

    def _tell_over(self, state: RecordingState) -> None:
        status: _Status = "ERROR" if self._state is State.FAILED else "STOPPED"
        self._tell(status, self._reel.files[-1] if self._reel.files else None, self._reason)
        (self._log.info if status == "STOPPED" else self._log.error)(
            "Recording {recording_id} of {device} ended ({reason}): {files}",
            recording_id=self.recording_id,
            device=state.device,
            reason=self._reason,
            files=", ".join(state.files) or "no file",
        )

    def _tell(self, status: _Status, meta: RecordingMeta | None, reason: str | None) -> None:
        self._studio.bus.publish(
            RecordingChanged(
                camera_id=self.camera_id,
                device=self._feed.camera.device,
                recording_id=self.recording_id,
                status=status,
                filename=meta.filename if meta is not None else None,
                duration=round(self._elapsed(), 3),
                segment=meta.segment if meta is not None else max(1, self._reel.opened),
                reason=reason,
                schedule_id=self.wanted.schedule_id,
            )
        )

    # Room and time.

    def _watch_room(self) -> None:
        try:
            self._look_at_room()
        except Exception:  # noqa: BLE001 - the next look is to come all the same
            self._defect(Failure())

    def _look_at_room(self) -> None:
        if self._reel.at_work is None or self._undoable or self._shortage(MARGIN) is None:
            return
        if self._making_room:
            if self._shortage(0) is not None:
                self._end("storage_low")
            return
        self._making_room = True

        def made(_: object) -> None:
            self._making_room = False
            if not self.ending and self._shortage(MARGIN) is not None:
                self._end("storage_low")

        self._studio.library.make_room(MARGIN).addBoth(made).addErrback(self._defect)

    def _shortage(self, required: int) -> StorageLow | None:
        try:
            self._studio.library.check_room(required)
        except StorageLow as low:
            return low
        except MediaRefused:
            return None  # the look at the file tells more
        return None

    def _elapsed(self) -> float:
        if self._began_at is None:
            return 0.0
        now = self._clock.seconds() if self._ended_at is None else self._ended_at
        return max(0.0, now - self._began_at)

    def _set_end(self) -> None:
        """Have it end when its time is over, as soon as that is known."""
        _cancel(self._end_timer)
        if self._duration is not None and self._began_at is not None and not self.ending:
            left = max(0.0, self._duration - self._elapsed())
            self._end_timer = self._clock.callLater(left, self._end, "duration")

    def _move(self, state: State) -> None:
        if state not in MOVES[self._state]:
            raise ValueError(f"{self._state} does not lead to {state}")
        self._state = state

    def _defect(self, failure: Failure) -> None:
        self._log.failure("Recording {id} has a defect", failure, LogLevel.error, id=self.recording_id)


def _cancel(timer: IDelayedCall | None) -> None:
    if timer is not None and timer.active():
        timer.cancel()
