"""What the tests of schedules share: a recorder that only keeps the time, and a machine whose wall clock can be set."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel

from tests.cameras.case import LogCase, make_bus
from webcam_rpc.media.events import RecordingChanged, ScheduleChanged
from webcam_rpc.media.recording_state import RecordingState, RecordingWanted
from webcam_rpc.media.schedule import Schedule
from webcam_rpc.media.scheduler import LONGEST_SLEEP, Scheduler
from webcam_rpc.media.schedules import Schedules
from webcam_rpc.media.troubles import AlreadyRecording, NotRecording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twisted.internet.interfaces import IDelayedCall

    from webcam_rpc.bus import Bus, Stamped
    from webcam_rpc.media.sidecar import Ending


def at(text: str) -> float:
    """Give the Unix time of an RFC 3339 time in UTC, without the Z."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def at_once(function: Callable[..., Any], *args: object) -> Deferred[Any]:
    """Stand for a thread: run ``function`` here and now."""
    return maybeDeferred(function, *args)


def a_schedule(schedule_id: str = "s1", **more: Any) -> Schedule:
    """Give a schedule: daily at 22:30 UTC for 45 minutes, unless told otherwise."""
    known: dict[str, Any] = {"camera_id": "usb-1", "duration": 2700.0, "created": 0.0, **more}
    if "start_time" not in known:
        known.setdefault("cron", "30 22 * * *")
    return Schedule(schedule_id=schedule_id, **known)


class FakeRecording:
    """One recording of the fake recorder."""

    def __init__(self, recording_id: str, wanted: RecordingWanted, began: float) -> None:
        self.recording_id = recording_id
        self.wanted = wanted
        self.began = began
        self.ends = None if wanted.duration is None else began + wanted.duration
        self.schedule_id = wanted.schedule_id
        self.timer: IDelayedCall | None = None


class FakeRecorder:
    """Keeps the rules of the recorder, and records nothing: one a camera, the longest wish counts, events are told.

    :ivar past: every recording that ended: camera, begin and end by the clock.
    :ivar trouble: what every start fails with while it is set.
    """

    def __init__(self, clock: Clock, bus: Bus, numbers: Iterator[int]) -> None:
        self.clock = clock
        self.bus = bus
        self.trouble: Exception | None = None
        self.wanted: list[RecordingWanted] = []
        self.past: list[tuple[str, float, float]] = []
        self.going: dict[str, FakeRecording] = {}
        self._numbers = numbers

    def start(self, wanted: RecordingWanted) -> Deferred[RecordingState]:
        """Begin one at once."""
        if self.trouble is not None:
            return fail(self.trouble)
        if wanted.camera_id in self.going:
            return fail(AlreadyRecording(self.going[wanted.camera_id].recording_id))
        self.wanted.append(wanted)
        going = FakeRecording(f"r{next(self._numbers)}", wanted, self.clock.seconds())
        self.going[wanted.camera_id] = going
        self._time(going)
        self._tell(going, "STARTED", None)
        return succeed(self._state(going))

    def stop(self, recording_id: str, reason: Ending = "stopped") -> Deferred[RecordingState]:
        """End one."""
        for going in self.going.values():
            if going.recording_id == recording_id:
                return succeed(self.end(going.wanted.camera_id, reason))
        return fail(NotRecording())

    def join(self, camera_id: str, duration: float | None, schedule_id: str | None = None) -> RecordingState | None:
        """Let the longest wish count."""
        going = self.going.get(camera_id)
        if going is None:
            return None
        if going.schedule_id is None:
            going.schedule_id = schedule_id
        if duration is None or going.ends is None:
            going.ends = None
        else:
            going.ends = max(going.ends, self.clock.seconds() + duration)
        self._time(going)
        return self._state(going)

    def of_camera(self, camera_id: str) -> RecordingState | None:
        """Give the one that goes on."""
        going = self.going.get(camera_id)
        return self._state(going) if going is not None else None

    def end(
        self, camera_id: str, reason: str = "duration", status: Any = "STOPPED", *, whole: bool = True
    ) -> RecordingState:
        """Let one end."""
        going = self.going.pop(camera_id)
        if going.timer is not None and going.timer.active():
            going.timer.cancel()
        self.past.append((camera_id, going.began, self.clock.seconds()))
        self._tell(going, status, reason, whole=whole)
        return self._state(going)

    def _time(self, going: FakeRecording) -> None:
        if going.timer is not None and going.timer.active():
            going.timer.cancel()
        if going.ends is not None:
            left = max(going.ends - self.clock.seconds(), 0)
            going.timer = self.clock.callLater(left, self.end, going.wanted.camera_id)

    def _tell(self, going: FakeRecording, status: Any, reason: str | None, *, whole: bool = True) -> None:
        self.bus.publish(
            RecordingChanged(
                camera_id=going.wanted.camera_id,
                device="/dev/video0",
                recording_id=going.recording_id,
                status=status,
                filename=f"{going.recording_id}.mp4" if whole else None,
                duration=self.clock.seconds() - going.began,
                reason=reason,
                schedule_id=going.schedule_id,
            )
        )

    def _state(self, going: FakeRecording) -> RecordingState:
        return RecordingState(
            recording_id=going.recording_id,
            camera_id=going.wanted.camera_id,
            device="/dev/video0",
            state="RECORDING",
            filename=f"{going.recording_id}.mp4",
            files=(),
            format="fmp4",
            codec="h264",
            start_time="",
            end_time=None,
            elapsed=self.clock.seconds() - going.began,
            remaining=None if going.ends is None else going.ends - self.clock.seconds(),
            duration=0.0,
            frames=0,
            frames_dropped=0,
            bytes=0,
            pre_roll_s=0.0,
            finalizing=False,
            reason=None,
            schedule_id=going.schedule_id,
        )


class SchedulerCase(LogCase):
    """A scheduler on a clock, with a wall clock that follows it until it is set."""

    begin = "2026-01-01T12:00"
    longest_sleep = LONGEST_SLEEP

    def setUp(self) -> None:
        """Start at noon, with nothing scheduled."""
        super().setUp()
        self.install()
        self.addCleanup(self.shut_down)

    def install(self) -> None:
        """Take a new machine."""
        self.clock = Clock()
        self.offset = at(self.begin)
        self.path = Path(self.mktemp()).absolute() / "schedules.sqlite"
        self.told: list[ScheduleChanged] = []
        self.numbers = count(1)
        self.boot()

    def now(self) -> float:
        """Give what the wall shows, in Unix seconds."""
        return self.clock.seconds() + self.offset

    def boot(self) -> None:
        """Start the service, with a memory of nothing but the file."""
        self.bus = make_bus()
        self.bus.subscribe(self._heard)
        self.recorder = FakeRecorder(self.clock, self.bus, self.numbers)
        self.schedules = Schedules(self.path, at_once)
        self.scheduler = Scheduler(
            self.clock, self.now, at_once, self.bus, self.schedules, self.recorder, self._wanted, self.longest_sleep
        )
        self.scheduler.startService()

    def shut_down(self) -> None:
        """Stop it as a signal does: the scheduler first, then what is recorded."""
        self.successResultOf(maybeDeferred(self.scheduler.stopService))
        for camera_id in tuple(self.recorder.going):
            self.recorder.end(camera_id, "shutdown")
        self.successResultOf(self.schedules.close())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def crash(self) -> None:
        """Stop it as kill -9 does: nothing is told to anybody."""
        for call in tuple(self.clock.getDelayedCalls()):
            call.cancel()
        self.bus._subscribers.clear()
        self.schedules._file.close()

    def run_until(self, text: str) -> None:
        """Let time pass, timer by timer."""
        self.run_for(at(text) - self.now())

    def run_for(self, seconds: float) -> None:
        """Let time pass, timer by timer."""
        end = self.clock.seconds() + seconds
        calls = self.clock.getDelayedCalls()  # the clock's own list, the first one first
        while calls and calls[0].getTime() <= end:
            self.clock.advance(max(calls[0].getTime() - self.clock.seconds(), 0))
        self.clock.advance(max(end - self.clock.seconds(), 0))

    def set_wall(self, text: str) -> None:
        """Set the wall's clock."""
        self.offset = at(text) - self.clock.seconds()

    def add(self, *args: Any, **more: Any) -> None:
        """Make a schedule."""
        self.successResultOf(self.scheduler.add(a_schedule(*args, **{"created": self.now(), **more})))

    def statuses(self, schedule_id: str = "s1") -> list[str]:
        """Give what was told of a schedule."""
        return [event.status for event in self.told if event.schedule_id == schedule_id]

    def outcomes(self, schedule_id: str = "s1") -> list[str]:
        """Give what became of a schedule's runs."""
        return [run.outcome for run in self.scheduler.entry(schedule_id).runs]

    def errors(self) -> str:
        """Give what was logged as an error, and forget it."""
        return "\n".join(self.lines(LogLevel.error))

    def recorded(self) -> list[float]:
        """Give the seconds of every recording that ended."""
        return [round(end - began, 3) for _, began, end in self.recorder.past]

    def _wanted(self, schedule: Schedule, seconds: float) -> RecordingWanted:
        return RecordingWanted(
            camera_id=schedule.camera_id, duration=seconds, schedule_id=schedule.schedule_id, wait=True
        )

    def _heard(self, stamped: Stamped) -> None:
        if isinstance(stamped.event, ScheduleChanged):
            self.told.append(stamped.event)
