"""One run of a schedule while it goes on: from its begin, over what comes in between, to the end of its window.

Owns the dealings with the recorder: a recording of its own, or a part in one that goes on already; another try, later
and later, while the window is open and recording fails. How long that is goes by the monotonic clock, as the recorder's
own does: a clock that is set in the middle neither cuts a recording nor draws it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger, LogLevel

from webcam_rpc.media.troubles import AlreadyRecording, MediaRefused, Stopping

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.media.events import RecordingChanged
    from webcam_rpc.media.runs import Outcome, Run
    from webcam_rpc.media.sidecar import Ending

Begun = Literal["STARTED", "RESUMED"]
Told = Literal["STARTED", "RESUMED", "JOINED", "FAILED", "FINISHED"]

#: Seconds until the next try after a failure: twice as many each time, up to the second.
FIRST_RETRY, LAST_RETRY = 1.0, 30.0
#: What a recorder may take to end a recording whose time is up.
SLACK = 2.0
#: How a recording ends that did what was wanted of it.
_NO_FAILURE = frozenset({"duration", "stopped"})


class Going(Protocol):
    """A recording as the recorder tells of it; ``files`` are whole, ``filename`` may be at work."""

    @property
    def recording_id(self) -> str: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def filename(self) -> str | None: ...  # noqa: D102
    @property
    def files(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def remaining(self) -> float | None: ...  # noqa: D102
    @property
    def schedule_id(self) -> str | None: ...  # noqa: D102


class Recorder(Protocol):
    """What schedules need of :class:`webcam_rpc.media.recorder.Recorder`."""

    def start(self, wanted: Any, /) -> Deferred[Any]:  # noqa: ANN401 - made by who composes the two
        """Begin a recording; fires with it as :class:`Going`. Its STARTED comes with its first frame on the disk."""

    def stop(self, recording_id: str, reason: Ending, /) -> Deferred[Any]:
        """End a recording; fires when its files are whole."""

    def join(self, camera_id: str, duration: float, schedule_id: str, /) -> Going | None:
        """Have the recording of a camera go on for ``duration`` from now at least; None if there is none."""

    def of_camera(self, camera_id: str, /) -> Going | None:
        """Give the recording of a camera that goes on."""


class ScheduledRecording:
    """A run that has begun.

    :param wanted: makes what :meth:`Recorder.start` takes for so many seconds.
    :param told: is called after each change of :attr:`run`, with what clients are told of it, if anything, and why.
    :param outlived: is called when the window is over and the recording goes on: for others, or for want of a stop.
    :ivar run: how it stands.
    :ivar recording_id: the recording that it has a part in now.
    :ivar by_hand: whether that was begun by hand.
    :ivar over: whether it has ended; nothing is called any more.
    """

    _log = Logger()

    def __init__(
        self,
        run: Run,
        clock: IReactorTime,
        now: Callable[[], float],
        recorder: Recorder,
        *,
        wanted: Callable[[float], object],
        told: Callable[[ScheduledRecording, Told | None, str | None], None],
        outlived: Callable[[ScheduledRecording], None],
    ) -> None:
        self.run = run
        self.recording_id: str | None = None
        self.by_hand = False
        self.over = False
        self._clock = clock
        self._now = now
        self._recorder = recorder
        self._wanted = wanted
        self._told = told
        self._outlived = outlived
        self._deadline = clock.seconds() + run.ends - now()
        self._begun_as: Begun = "STARTED"
        self._untold = True
        self._retry = FIRST_RETRY
        self._timer: IDelayedCall | None = None

    @property
    def remaining(self) -> float:
        """The seconds that are left of its window: never more than were asked for, whatever the wall says."""
        return min(self._deadline - self._clock.seconds(), self.run.ends - self._now())

    @property
    def deadline(self) -> float:
        """When its window ends by the monotonic clock."""
        return self._deadline

    def begin(self, begun_as: Begun) -> None:
        """Record from now on."""
        self._begun_as = begun_as
        self._change(None)
        self._try()

    def prolong(self, last: int, ends: float) -> None:
        """Take in a later occurrence, whose window began in this one's."""
        ends = max(ends, self.run.ends)
        self._deadline += ends - self.run.ends
        self.run = msgspec.structs.replace(self.run, last=last, ends=ends)
        if self.recording_id is None:
            # It is being begun, or tried again.
            self._change(None)
            return
        going = self._recorder.join(self.run.camera_id, self.remaining, self.run.schedule_id)
        if going is None or going.recording_id != self.recording_id:
            self._try()
        else:
            self._change("JOINED", "prolonged")
            self._watch()

    def heard(self, event: RecordingChanged) -> None:
        """Take note of what happens to the recording."""
        if event.recording_id != self.recording_id or event.reason == "shutdown":
            return  # what a shutdown ends is resumed when the service is there again
        if event.status == "STARTED":
            self.run = msgspec.structs.replace(self.run, writing=event.filename)
            self._change(self._begin_told())
            return
        going = self._recorder.of_camera(self.run.camera_id)
        whole = going.files if going is not None and going.recording_id == self.recording_id else ()
        self.run = self.run.with_files(*whole, event.filename)
        if event.status == "ERROR" and event.reason not in _NO_FAILURE:
            self._trouble(event.reason or "the recording failed")
        elif event.status in {"STOPPED", "ERROR"}:
            # A recording without a single file is an ERROR too.
            self._over(event.reason)
        else:
            self._change(None)

    def finish(self, reason: str | None = None) -> None:
        """End it as done."""
        self._end("FINISHED", reason)

    def close(self) -> None:
        """End it, because its time is over: as failed if nothing is being recorded."""
        if self.recording_id is not None:
            self.finish()
        else:
            self._end("FAILED", f"{self.run.reason}; its time is over" if self.run.reason else "its time is over")

    def withdraw(self) -> None:
        """Want nothing any more, and say nothing any more; a recording is left as it is, and one on its way stopped."""
        self.over = True
        self._cancel()

    def _over(self, reason: str | None) -> None:
        if reason == "duration" and not self.run.files:
            self._end("FAILED", self.run.reason or "the camera gave no frames")
        else:
            self.finish(None if reason == "duration" else reason)

    def _try(self) -> None:
        self._cancel()
        self.recording_id = None
        if self.remaining <= 0:
            self.close()
            return
        # A recording begun by hand is counted to the schedule that joins it first.
        before = self._recorder.of_camera(self.run.camera_id)
        going = self._recorder.join(self.run.camera_id, self.remaining, self.run.schedule_id)
        if going is None:
            started: Deferred[Going] = maybeDeferred(lambda: self._recorder.start(self._wanted(self.remaining)))
            started.addCallbacks(self._started, self._failed).addErrback(self._defect)
            return
        self.by_hand = before is not None and before.schedule_id is None
        self._take(going)
        self.run = msgspec.structs.replace(self.run, joined=True, reason=None)
        self._untold = False
        self._change("JOINED")

    def _started(self, going: Going) -> None:
        if self.over:
            stopped = maybeDeferred(self._recorder.stop, going.recording_id, "stopped")
            stopped.addErrback(lambda failure: failure.trap(MediaRefused)).addErrback(self._defect)
            return
        self._take(going)
        # It has not begun while its camera is away, or is being started.
        self._change(self._begin_told() if going.state == "RECORDING" else None)

    def _failed(self, failure: Failure) -> None:
        if self.over:
            return
        if failure.check(Stopping):
            self.withdraw()
        elif failure.check(AlreadyRecording) and self._retry == FIRST_RETRY:
            # One that is just ending can be joined no more.
            self._later(self._retry, self._try)
            self._retry *= 2
        elif failure.check(MediaRefused):
            self._trouble(str(failure.value))
        else:
            self._defect(failure)
            self._trouble("internal error")

    def _trouble(self, reason: str) -> None:
        known = reason == self.run.reason
        self._untold, self.recording_id = True, None
        self.run = msgspec.structs.replace(self.run, reason=reason)
        self._log.error("Schedule {id} cannot record: {reason}", id=self.run.schedule_id, reason=reason)
        self._later(min(self._retry, max(self.remaining, 0)), self._try)
        self._retry = min(2 * self._retry, LAST_RETRY)
        self._change(None if known else "FAILED", reason)

    def _take(self, going: Going) -> None:
        self.recording_id = going.recording_id
        writing = going.filename if going.filename not in going.files else None
        run = msgspec.structs.replace(self.run, recording_id=going.recording_id, writing=writing)
        self.run = run.with_files(*going.files)
        self._watch()

    def _begin_told(self) -> Begun | None:
        if not self._untold:
            return None
        self._untold = False
        self.run = msgspec.structs.replace(self.run, reason=None)
        return self._begun_as

    def _watch(self) -> None:
        self._later(max(self._deadline - self._clock.seconds(), 0) + SLACK, self._look)

    def _look(self) -> None:
        going = self._recorder.of_camera(self.run.camera_id)
        if self._deadline > self._clock.seconds():
            self._watch()
        elif going is None or going.recording_id != self.recording_id:
            self.finish()
        elif going.state == "STOPPING" or (going.remaining is not None and going.remaining <= SLACK):
            self._watch()
        else:
            self._watch()
            self._outlived(self)

    def _end(self, outcome: Outcome, reason: str | None) -> None:
        self.withdraw()
        self.run = msgspec.structs.replace(self.run, outcome=outcome, reason=reason)
        self._told(self, "FINISHED" if outcome == "FINISHED" else "FAILED", reason)

    def _change(self, status: Told | None, reason: str | None = None) -> None:
        self._told(self, status, reason)

    def _later(self, delay: float, call: Callable[[], None]) -> None:
        self._cancel()
        self._timer = self._clock.callLater(delay, call)

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _defect(self, failure: Failure) -> None:
        self._log.failure("A scheduled recording failed", failure, LogLevel.error)
