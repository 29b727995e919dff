"""The runs of schedules that go on: who has a part in which recording, and when nobody wants it any more.

One recording of a camera serves everybody who wants one: a run joins what goes on, the longest end wins, and all are
told. It is ended for a schedule only where nobody else has a part in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred
from twisted.logger import Logger, LogLevel

from webcam_rpc.media.events import RecordingChanged
from webcam_rpc.media.runs import Entry, Run
from webcam_rpc.media.scheduled import SLACK, ScheduledRecording
from webcam_rpc.media.schedules import NoSuchSchedule
from webcam_rpc.media.troubles import MediaRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.bus import Stamped
    from webcam_rpc.media.recording_state import RecordingWanted
    from webcam_rpc.media.schedule import Schedule
    from webcam_rpc.media.scheduled import Begun, Recorder, Told
    from webcam_rpc.media.schedules import Schedules
    from webcam_rpc.media.sidecar import Ending

#: What clients are told of schedules.
Status = Literal[
    "CREATED", "UPDATED", "CANCELLED", "STARTED", "JOINED", "RESUMED", "FINISHED", "MISSED", "FAILED", "EXPIRED"
]  # fmt: skip


class Publish(Protocol):
    """Tells clients what happened to a schedule."""

    def __call__(
        self, entry: Entry, status: Status, recording_id: str | None = None, reason: str | None = None
    ) -> None:
        """Tell it."""


class ScheduledRuns:
    """The runs that go on, at most one for each schedule.

    :param ended: is called when one has, after that was told.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        recorder: Recorder,
        wanted: Callable[[Schedule, float], RecordingWanted],
        schedules: Schedules,
        publish: Publish,
        ended: Callable[[Entry], None],
    ) -> None:
        self._clock = clock
        self._now = now
        self._recorder = recorder
        self._wanted = wanted
        self._schedules = schedules
        self._publish = publish
        self._ended = ended
        self._going_on: dict[str, ScheduledRecording] = {}
        # Recordings that were begun by hand, and until when (by the monotonic clock) the others were asked for here.
        self._by_hand: set[str] = set()
        self._asked: dict[str, float] = {}

    def __contains__(self, schedule_id: object) -> bool:
        """Tell whether a run of a schedule goes on."""
        return schedule_id in self._going_on

    def recording_of(self, schedule_id: str) -> str | None:
        """Give the id of the recording in which a schedule has a part now."""
        going_on = self._going_on.get(schedule_id)
        return going_on.recording_id if going_on is not None else None

    def occur(self, entry: Entry, start: int) -> None:
        """Let an occurrence begin, or prolong the run into whose window it falls."""
        schedule = entry.schedule
        ends = start + schedule.duration
        going_on = self._going_on.get(schedule.schedule_id)
        if going_on is not None and going_on.run.camera_id == schedule.camera_id and start < going_on.run.ends:
            going_on.prolong(start, ends)
            return
        run = Run(schedule_id=schedule.schedule_id, camera_id=schedule.camera_id, start=start, last=start, ends=ends)
        if going_on is None:
            self.undertake(run, schedule, "STARTED")
            return
        # The one before has had its time, and the recorder is about to end it: this one is a recording of its own.
        self._conclude(going_on).addCallback(lambda _: self._follow(run)).addErrback(self._defect)

    def undertake(self, run: Run, schedule: Schedule, begun: Begun) -> None:
        """Record for a run from now on."""
        # A run that is taken up again stays with its camera.
        schedule = msgspec.structs.replace(schedule, camera_id=run.camera_id)
        recording = self._going_on[run.schedule_id] = ScheduledRecording(
            run,
            self._clock,
            self._now,
            self._recorder,
            wanted=lambda seconds: self._wanted(schedule, seconds),
            told=self._told,
            outlived=self._outlived,
        )
        recording.begin(begun)

    @inlineCallbacks
    def cancel(self, schedule_id: str) -> Generator[Deferred[Any], Any, str | None]:
        """End the run of a schedule, if one goes on, without a word.

        A recording that nobody else wants is ended, and whole when this fires; else it fires with the recording's id.
        """
        going_on = self._going_on.pop(schedule_id, None)
        if going_on is None:
            return None
        going_on.withdraw()
        if self._wanted_by_nobody_else(going_on):
            yield self._stop(going_on, "stopped")
        going = self._recorder.of_camera(going_on.run.camera_id)
        return going.recording_id if going is not None and going.recording_id == going_on.recording_id else None

    def leave(self) -> None:
        """Forget all that goes on: the recorder ends it, and it is taken up again."""
        for recording in self._going_on.values():
            recording.withdraw()
        self._going_on.clear()

    def published(self, stamped: Stamped) -> None:
        """Take note of what happens to recordings."""
        event = stamped.event
        if not isinstance(event, RecordingChanged):
            return
        if event.status == "STARTED" and event.schedule_id is None:
            self._by_hand.add(event.recording_id)
        for recording in tuple(self._going_on.values()):
            recording.heard(event)
        if event.status in {"STOPPED", "ERROR"}:
            self._by_hand.discard(event.recording_id)
            self._asked.pop(event.recording_id, None)

    @inlineCallbacks
    def _conclude(self, going_on: ScheduledRecording) -> Generator[Deferred[Any], Any, None]:
        if self._wanted_by_nobody_else(going_on):
            yield self._stop(going_on, "duration")
        if not going_on.over:
            going_on.close()

    def _follow(self, run: Run) -> None:
        try:
            entry = self._schedules.get(run.schedule_id)
        except NoSuchSchedule:
            return
        if run.schedule_id not in self._going_on:
            self.undertake(run, entry.schedule, "STARTED")

    def _told(self, recording: ScheduledRecording, status: Told | None, reason: str | None) -> None:
        run = recording.run
        if recording.over and self._going_on.get(run.schedule_id) is recording:
            del self._going_on[run.schedule_id]
        elif recording.recording_id is not None:
            asked = self._asked.get(recording.recording_id, 0.0)
            self._asked[recording.recording_id] = max(asked, recording.deadline)
            if recording.by_hand:
                self._by_hand.add(recording.recording_id)
        try:
            entry = self._schedules.keep(self._schedules.get(run.schedule_id).with_run(run))
        except NoSuchSchedule:
            return  # it is just being cancelled
        if status is not None:
            self._publish(entry, status, run.recording_id, reason)
        if status == "JOINED" and reason is None:
            self._tell_the_others(recording)
        if recording.over:
            self._ended(entry)

    def _tell_the_others(self, recording: ScheduledRecording) -> None:
        reason = f"schedule {recording.run.schedule_id} has joined"
        for other in tuple(self._going_on.values()):
            if other is not recording and other.recording_id == recording.recording_id:
                entry = self._schedules.get(other.run.schedule_id)
                self._publish(entry, "JOINED", other.recording_id, reason)

    def _outlived(self, recording: ScheduledRecording) -> None:
        if self._wanted_by_nobody_else(recording):
            self._stop(recording, "duration").addErrback(self._defect)
        else:
            recording.close()

    def _wanted_by_nobody_else(self, recording: ScheduledRecording) -> bool:
        """Tell whether a recording goes on, and only for this one's sake."""
        going = self._recorder.of_camera(recording.run.camera_id)
        if going is None or going.recording_id != recording.recording_id:
            return False
        if going.recording_id in self._by_hand or going.remaining is None:
            return False
        # Somebody may have asked the recorder for more than was asked for here.
        asked = self._asked.get(going.recording_id, 0.0) - self._clock.seconds()
        return going.remaining <= max(asked, 0.0) + SLACK and not any(
            other.recording_id == going.recording_id and other is not recording for other in self._going_on.values()
        )

    def _stop(self, recording: ScheduledRecording, reason: Ending) -> Deferred[Any]:
        stopped = maybeDeferred(self._recorder.stop, recording.recording_id or "", reason)
        return stopped.addErrback(lambda failure: failure.trap(MediaRefused))

    def _defect(self, failure: Failure) -> None:
        self._log.failure("A scheduled recording failed", failure, LogLevel.error)
