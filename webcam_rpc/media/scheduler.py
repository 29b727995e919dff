"""Scheduled recording: each occurrence of each schedule begins once, at its time, whatever the wall's clock does.

Owns the timer. It sleeps to the next occurrence, but never long: the wall's clock may be set and the machine may sleep,
so that the time is read anew each time.

An occurrence is on time also where the service itself was slow. It was missed if the wall's clock was put forward over
it by more than such a sleep, if the machine slept, or if the service was not there; then ``missed_run`` says whether
the rest of its window is recorded. One that had begun before the service ended is always taken up again. What was begun
never begins again, though the wall's clock is put back.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, inlineCallbacks, succeed
from twisted.logger import Logger, LogLevel

from webcam_rpc.media.events import ScheduleChanged
from webcam_rpc.media.runs import Entry, Run, survey
from webcam_rpc.media.scheduled_runs import ScheduledRuns
from webcam_rpc.media.schedules import LIMIT, NoSuchSchedule
from webcam_rpc.media.sidecar import utc

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from webcam_rpc.bus import Bus
    from webcam_rpc.media.recording_state import RecordingWanted
    from webcam_rpc.media.schedule import Schedule
    from webcam_rpc.media.scheduled import Recorder
    from webcam_rpc.media.scheduled_runs import Status
    from webcam_rpc.media.schedules import Schedules

#: Seconds between two looks at the wall's clock (so much of a recording may be lost when that is set), and by how many
#: it may go back in between without a word.
LONGEST_SLEEP, _TOLERANCE = 20.0, 1.0

_DOWN = "the service was not running"
_PUT_FORWARD = "the clock was put forward, or the machine slept"
_INTERRUPTED = "the service ended before it did"


class Scheduler(Service):
    """Begins recordings by schedule.

    :param now: gives the wall clock's time in Unix seconds.
    :param in_thread: runs a function in a thread and gives a Deferred of its result.
    :param wanted: makes what the recorder is asked for, from a schedule, for so many seconds.
    :param longest_sleep: the seconds after which the wall's clock is looked at again at the latest.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        in_thread: Callable[..., Deferred[Any]],
        bus: Bus,
        schedules: Schedules,
        recorder: Recorder,
        wanted: Callable[[Schedule, float], RecordingWanted],
        longest_sleep: float = LONGEST_SLEEP,
    ) -> None:
        self._clock = clock
        self._now = now
        self._in_thread = in_thread
        self._bus = bus
        self._longest_sleep = longest_sleep
        self._schedules = schedules
        self._runs = ScheduledRuns(clock, now, recorder, wanted, schedules, self._publish, self._expire)
        self._loaded = False
        self._this_time = object()
        self._waiting: list[Deferred[None]] = []
        self._next: dict[str, int] = {}
        # Interrupted runs whose time has not come yet: the machine has woken with its clock in the past.
        self._ahead: dict[str, Run] = {}
        self._timer: IDelayedCall | None = None
        self._planned = 0.0
        self._seen = (0.0, 0.0)
        self._surveying = False
        self._unsubscribe: Callable[[], None] = lambda: None

    # As a service.

    def startService(self) -> None:
        """Read the schedules, and see to them from then on."""
        super().startService()
        self._unsubscribe = self._bus.subscribe(self._runs.published)
        self._this_time = object()
        self._begin(self._this_time).addErrback(self._defect)

    def stopService(self) -> Deferred[None]:
        """Begin nothing any more. Recordings are the recorder's to end; fires when all is written."""
        super().stopService()
        self._unsubscribe()
        self._cancel()
        self._runs.leave()
        self._loaded = False
        return self._schedules.settled()

    def ready(self) -> Deferred[None]:
        """Fire when the schedules are known."""
        if self._loaded:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        return waiter

    # For clients.

    def entries(self) -> tuple[Entry, ...]:
        """Give every schedule with its past."""
        return self._schedules.all()

    def entry(self, schedule_id: str) -> Entry:
        """Find a schedule with its past. Raises NoSuchSchedule."""
        return self._schedules.get(schedule_id)

    def recording_of(self, schedule_id: str) -> str | None:
        """Give the id of the recording in which a schedule has a part now."""
        return self._runs.recording_of(schedule_id)

    @inlineCallbacks
    def add(self, schedule: Schedule) -> Generator[Deferred[Any], Any, Entry]:
        """Take in a schedule that was checked; fires when it is on disk.

        Fails with TooManySchedules, and with OSError or sqlite3.Error where it cannot be kept; then it is not there.
        """
        yield self.ready()
        entry = Entry(schedule=schedule, since=self._since(schedule))
        self._make_room()
        self._plan(entry, entry.since)
        try:
            yield self._schedules.put(entry)
        except Exception:
            self._set_next(schedule.schedule_id, None)
            with suppress(NoSuchSchedule):
                self._schedules.remove(schedule.schedule_id).addErrback(lambda _: None)
            raise
        self._publish(entry, "CREATED")
        self._sleep()
        return entry

    @inlineCallbacks
    def change(self, schedule: Schedule, *, retimed: bool) -> Generator[Deferred[Any], Any, Entry]:
        """Put a schedule that was checked in the place of the one with its id. A run that goes on stays as it began.

        :param retimed: its occurrences are others now: what came before this moment is not made up for.

        Fails with NoSuchSchedule, and as :meth:`add`; then it is as it was.
        """
        yield self.ready()
        before = self.entry(schedule.schedule_id)
        since = self._since(schedule) if retimed else before.since
        entry = msgspec.structs.replace(before, schedule=schedule, since=since)
        try:
            yield self._schedules.put(entry)
        except Exception:
            # Its runs went on meanwhile.
            now = self.entry(schedule.schedule_id)
            restored = msgspec.structs.replace(now, schedule=before.schedule, since=before.since)
            self._schedules.put(restored).addErrback(lambda _: None)
            raise
        entry = self.entry(schedule.schedule_id)
        if retimed:
            self._plan(entry, since)
        self._publish(entry, "UPDATED")
        self._sleep()
        return entry

    @inlineCallbacks
    def cancel(self, schedule_id: str) -> Generator[Deferred[Any], Any, tuple[Entry, str | None]]:
        """Forget a schedule. A recording that nobody else wants is ended, and whole when this fires.

        Fires with what was known of it, and the id of the recording that goes on for others. Fails as :meth:`change`.
        """
        yield self.ready()
        entry = self.entry(schedule_id)
        start, ahead = self._next.pop(schedule_id, None), self._ahead.pop(schedule_id, None)
        try:
            yield self._schedules.remove(schedule_id)
        except Exception:
            self._schedules.put(entry).addErrback(lambda _: None)
            self._set_next(schedule_id, start)
            if ahead is not None:
                self._ahead[schedule_id] = ahead
            self._sleep()
            raise
        left: str | None = yield self._runs.cancel(schedule_id)
        self._publish(entry, "CANCELLED", left)
        return entry, left

    # The start.

    @inlineCallbacks
    def _begin(self, this_time: object) -> Generator[Deferred[Any], Any, None]:
        yield self._schedules.load()
        wall = self._now()
        entries = self._schedules.all()
        surveyed: dict[str, tuple[int | None, int | None]] = yield self._in_thread(survey, entries, wall)
        if not self.running or self._this_time is not this_time:
            return
        self._seen = (wall, self._clock.seconds())
        for entry in entries:
            start, missed = surveyed[entry.schedule.schedule_id]
            self._set_next(entry.schedule.schedule_id, start)
            run = entry.running
            if run is not None:
                self._take_up(entry.schedule.schedule_id, run, wall)
            if missed is not None:
                self._due(entry.schedule.schedule_id, missed, _DOWN)
        self._loaded = True
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)
        self._look()

    def _take_up(self, schedule_id: str, run: Run, wall: float) -> None:
        """See to a run that was interrupted."""
        self._ahead.pop(schedule_id, None)
        with self._guarded(schedule_id):
            entry = self.entry(schedule_id)
            if wall < run.start:
                self._ahead[schedule_id] = run
                return
            # What was at work was recovered before the schedules were read.
            run = run.with_files(run.writing)
            if wall < run.ends:
                self._runs.undertake(run, entry.schedule, "RESUMED")
                return
            run = msgspec.structs.replace(run, outcome="FAILED", reason=_INTERRUPTED)
            self._schedules.keep(entry.with_run(run))
            self._publish(entry, "FAILED", run.recording_id, _INTERRUPTED)

    # The clock.

    def _sleep(self) -> None:
        if not self.running or not self._loaded:
            return
        self._cancel()
        starts = [*self._next.values(), *(run.start for run in self._ahead.values())]
        left = min(starts) - self._now() if starts else self._longest_sleep
        delay = min(max(left, 0.0), self._longest_sleep)
        self._planned = self._clock.seconds() + delay
        self._timer = self._clock.callLater(delay, self._look)

    def _look(self) -> None:
        wall, time = self._now(), self._clock.seconds()
        seen_wall, seen_time = self._seen
        self._seen = (wall, time)
        slow = max(time - self._planned, 0.0) if self._timer is not None else 0.0
        if (wall - seen_wall) - (time - seen_time) < -_TOLERANCE:
            self._survey()
        for schedule_id, run in tuple(self._ahead.items()):
            if run.start <= wall:
                self._take_up(schedule_id, run, wall)
        for schedule_id, start in sorted(self._next.items(), key=lambda item: item[1]):
            if start <= wall:
                late = wall - start - slow > self._longest_sleep
                self._due(schedule_id, start, _PUT_FORWARD if late else None)
        self._sleep()

    @inlineCallbacks
    def _survey_again(self) -> Generator[Deferred[Any], Any, None]:
        entries = self._schedules.all()
        surveyed: dict[str, tuple[int | None, int | None]] = yield self._in_thread(survey, entries, self._now())
        for entry in entries:
            schedule_id = entry.schedule.schedule_id
            # Those that changed meanwhile were planned anew.
            with suppress(NoSuchSchedule):
                if self.entry(schedule_id).schedule is entry.schedule:
                    self._set_next(schedule_id, surveyed[schedule_id][0])
        self._sleep()

    def _survey(self) -> None:
        """Find the next occurrences anew: the clock was put back, so that some will come again."""
        if not self._surveying:
            self._surveying = True

            def done(_: object) -> None:
                self._surveying = False

            self._survey_again().addErrback(self._defect).addCallback(done)

    # Occurrences.

    def _due(self, schedule_id: str, start: int, missed: str | None) -> None:
        """See to an occurrence, and to all after it whose time has come as well.

        :param missed: why it is late, None where it is not.
        """
        self._next.pop(schedule_id, None)
        with self._guarded(schedule_id):
            entry = self.entry(schedule_id)
            wall = self._now()
            current = entry.schedule.occurrence_at(wall, since=start)
            self._plan(entry, wall)
            if current is None or (missed is not None and entry.schedule.missed_run == "skip"):
                self._missed(entry, start, missed or "its time was over")
            elif not entry.was_recorded(current):
                self._runs.occur(entry, current)

    @contextmanager
    def _guarded(self, schedule_id: str) -> Iterator[None]:
        """Let whatever goes wrong with one schedule touch neither the others nor the timer."""
        try:
            yield
        except NoSuchSchedule:
            pass  # it is just being cancelled
        except Exception:  # noqa: BLE001 - see above
            self._log.failure("Schedule {id} failed", level=LogLevel.error, id=schedule_id)

    def _missed(self, entry: Entry, start: int, reason: str) -> None:
        schedule = entry.schedule
        self._log.error(
            "Schedule {id} missed {start}: {reason}", id=schedule.schedule_id, start=utc(start), reason=reason
        )
        run = Run(
            schedule_id=schedule.schedule_id,
            camera_id=schedule.camera_id,
            start=start,
            last=start,
            ends=start + schedule.duration,
            outcome="MISSED",
            reason=reason,
        )
        # All that has passed was missed with it.
        since = max(entry.since, int(self._now()))
        entry = self._schedules.keep(msgspec.structs.replace(entry.with_run(run), since=since))
        self._publish(entry, "MISSED", reason=reason)
        self._expire(entry)

    # Small things.

    def _since(self, schedule: Schedule) -> int:
        start = schedule.starts_at
        # One that was let in although its time has come is to begin at once.
        return int(self._now()) if start is None else start - 1

    def _plan(self, entry: Entry, after: float) -> None:
        self._set_next(entry.schedule.schedule_id, entry.upcoming(after))

    def _set_next(self, schedule_id: str, start: int | None) -> None:
        if start is None:
            self._next.pop(schedule_id, None)
        else:
            self._next[schedule_id] = start

    def _make_room(self) -> None:
        """Let the oldest schedule go that will never run again, if there are too many."""
        entries = self._schedules.all()
        if len(entries) < LIMIT:
            return
        for entry in entries:
            if self._is_over(entry):
                self._schedules.remove(entry.schedule.schedule_id).addErrback(lambda _: None)
                self._publish(entry, "CANCELLED", reason="it was over, and its place was needed")
                return

    def _expire(self, entry: Entry) -> None:
        if self._is_over(entry):
            self._publish(entry, "EXPIRED")

    def _is_over(self, entry: Entry) -> bool:
        schedule_id = entry.schedule.schedule_id
        busy = (self._next, self._runs, self._ahead)
        return entry.schedule.enabled and not any(schedule_id in one for one in busy)

    def _publish(
        self, entry: Entry, status: Status, recording_id: str | None = None, reason: str | None = None
    ) -> None:
        schedule = entry.schedule
        start = self._next.get(schedule.schedule_id)
        self._bus.publish(
            ScheduleChanged(
                schedule_id=schedule.schedule_id,
                camera_id=schedule.camera_id,
                status=status,
                name=schedule.name,
                next_run=utc(start) if start is not None else None,
                recording_id=recording_id,
                reason=reason,
            )
        )

    def _cancel(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _defect(self, failure: Failure) -> None:
        self._log.failure("The schedules failed", failure, LogLevel.error)
