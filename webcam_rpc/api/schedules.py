"""The methods about schedules: make one, list and look, change, cancel."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from twisted.internet.defer import inlineCallbacks

from webcam_rpc.api.lookup import camera_of, find_camera
from webcam_rpc.api.schedule_info import ScheduleCancelled, ScheduleInfo, ScheduleList, schedule_info
from webcam_rpc.api.wire import DeviceName
from webcam_rpc.media.schedule import (
    MAX_DURATION,
    MAX_NAME,
    MIN_DURATION,
    MissedRun,
    Schedule,
    ScheduleRefused,
    check,
    check_form,
)
from webcam_rpc.media.schedules import LIMIT, NoSuchSchedule, TooManySchedules
from webcam_rpc.media.sidecar import Codec, RecordingFormat
from webcam_rpc.rpc.errors import DependencyFailed, InvalidParams, InvalidState, NotFound
from webcam_rpc.rpc.methods import Caller, Method
from webcam_rpc.rpc.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from twisted.internet.defer import Deferred

    from webcam_rpc.cameras.registry import CameraRegistry
    from webcam_rpc.media.runs import Entry
    from webcam_rpc.media.scheduler import Scheduler

#: How many of a schedule's next runs are shown.
_NEXT_RUNS = 5
#: How many schedules one answer lists: it must fit into one message.
_PAGE = 100

_Duration = Annotated[
    float, msgspec.Meta(ge=MIN_DURATION, le=MAX_DURATION, description="Seconds, whatever clocks do meanwhile.")
]
_Time = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=64, description="RFC 3339; without Z or an offset it is the local time in timezone."
    ),
]
_CronText = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=200, description="Five fields: minute hour day-of-month month day-of-week, as cron(8)."
    ),
]
_Zone = Annotated[str, msgspec.Meta(min_length=1, max_length=64, description="IANA name, as in Europe/Berlin.")]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class ScheduleParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which camera, for how long, and when: once at ``start_time``, or again and again by ``cron``, until ``until``.

    ``timezone`` is this machine's where none is given. With a fixed minute and hour ``cron`` fires once a day on the
    days on which clocks are changed, too. ``missed_run`` says what is done where the service could not begin in time.
    """

    device: DeviceName
    duration: _Duration
    start_time: _Time | None = None
    cron: _CronText | None = None
    timezone: _Zone | UnsetType = UNSET
    until: _Time | None = None
    name: _Name | None = None
    format: RecordingFormat | None = None
    missed_run: MissedRun = "skip"
    enabled: bool = True
    codec: Codec | None = None


class UpdateParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be different; null takes away what may be left out. A run that goes on stays as it began.

    A ``start_time`` takes the place of a ``cron``, and the other way round.
    """

    schedule_id: _Id
    device: DeviceName | UnsetType = UNSET
    duration: _Duration | UnsetType = UNSET
    start_time: _Time | UnsetType | None = UNSET
    cron: _CronText | UnsetType | None = UNSET
    timezone: _Zone | UnsetType = UNSET
    until: _Time | UnsetType | None = UNSET
    name: _Name | UnsetType | None = UNSET
    format: RecordingFormat | UnsetType | None = UNSET
    missed_run: MissedRun | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    codec: Codec | UnsetType | None = UNSET


class ScheduleIdParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which schedule."""

    schedule_id: _Id


class ListSchedulesParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those of one camera, or all; ``limit`` of them from ``offset`` on."""

    device: DeviceName | UnsetType = UNSET
    limit: Annotated[int, msgspec.Meta(ge=1, le=_PAGE)] = _PAGE
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0


class ScheduleMethods:
    """What clients can do with schedules.

    :param now: gives the wall clock's time in Unix seconds.
    :param in_thread: runs a function in a thread and gives a Deferred of its result.
    :param timezone: the machine's own, which a schedule has that names none.
    :param new_id: gives an id that no schedule has had.
    """

    def __init__(
        self,
        registry: CameraRegistry,
        scheduler: Scheduler,
        now: Callable[[], float],
        in_thread: Callable[..., Deferred[Any]],
        timezone: str,
        new_id: Callable[[], str],
    ) -> None:
        self._registry = registry
        self._scheduler = scheduler
        self._now = now
        self._in_thread = in_thread
        self._timezone = timezone
        self._new_id = new_id

    def methods(self) -> tuple[Method, ...]:
        """List the methods of this noun."""
        changing = (InvalidParams, NotFound, InvalidState, DependencyFailed)
        return (
            Method(
                "schedule_recording",
                Role.OPERATOR,
                ScheduleParams,
                ScheduleInfo,
                self.schedule_recording,
                "Record later, once or again and again.",
                changing,
                cost=5.0,
            ),
            Method(
                "list_schedules",
                Role.STATUS,
                ListSchedulesParams,
                ScheduleList,
                self.list_schedules,
                "List the schedules with their next and last runs.",
                (InvalidParams, NotFound),
            ),
            Method(
                "get_schedule",
                Role.STATUS,
                ScheduleIdParams,
                ScheduleInfo,
                self.get_schedule,
                "Tell how a schedule stands.",
                (InvalidParams, NotFound),
            ),
            Method(
                "update_schedule",
                Role.OPERATOR,
                UpdateParams,
                ScheduleInfo,
                self.update_schedule,
                "Change a schedule from its next run on.",
                changing,
                cost=5.0,
            ),
            Method(
                "cancel_schedule",
                Role.OPERATOR,
                ScheduleIdParams,
                ScheduleCancelled,
                self.cancel_schedule,
                "Forget a schedule, and end its recording unless somebody else has a part in it.",
                changing,
            ),
        )

    @inlineCallbacks
    def schedule_recording(
        self,
        params: ScheduleParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ScheduleInfo]:
        """Make a schedule; the answer comes when the disk has it. The camera need not be plugged in."""
        camera = camera_of(self._registry, params.device)
        schedule = Schedule(
            schedule_id=self._new_id(),
            camera_id=camera.camera_id,
            name=params.name,
            duration=params.duration,
            start_time=params.start_time,
            cron=params.cron,
            timezone=self._timezone if params.timezone is UNSET else params.timezone,
            until=params.until,
            format=params.format,
            codec=params.codec,
            missed_run=params.missed_run,
            enabled=params.enabled,
            created=self._now(),
        )
        with _refusals_told(schedule.schedule_id):
            yield self._in_thread(check, schedule, self._now())
            entry: Entry = yield self._scheduler.add(schedule)
        infos: tuple[ScheduleInfo, ...] = yield self._shown((entry,))
        return infos[0]

    @inlineCallbacks
    def list_schedules(
        self,
        params: ListSchedulesParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ScheduleList]:
        """List schedules, the oldest first."""
        yield self._scheduler.ready()
        entries = self._scheduler.entries()
        if params.device is not UNSET:
            camera_id = self._camera_id(params.device, entries)
            entries = tuple(entry for entry in entries if entry.schedule.camera_id == camera_id)
        page = entries[params.offset : params.offset + params.limit]
        infos: tuple[ScheduleInfo, ...] = yield self._shown(page)
        return ScheduleList(infos, len(entries), params.limit, params.offset)

    @inlineCallbacks
    def get_schedule(
        self,
        params: ScheduleIdParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ScheduleInfo]:
        """Tell how one schedule stands."""
        yield self._scheduler.ready()
        with _refusals_told(params.schedule_id):
            entry = self._scheduler.entry(params.schedule_id)
        infos: tuple[ScheduleInfo, ...] = yield self._shown((entry,))
        return infos[0]

    @inlineCallbacks
    def update_schedule(
        self,
        params: UpdateParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ScheduleInfo]:
        """Change what was given. Times are only looked at again where one of them, or ``enabled``, is among that."""
        yield self._scheduler.ready()
        with _refusals_told(params.schedule_id):
            before = self._scheduler.entry(params.schedule_id).schedule
            schedule = self._changed(before, params)
            retimed = _times(schedule) != _times(before)
            if retimed and schedule.enabled:
                yield self._in_thread(check, schedule, self._now())
            else:
                yield self._in_thread(check_form, schedule)
            entry: Entry = yield self._scheduler.change(schedule, retimed=retimed)
        infos: tuple[ScheduleInfo, ...] = yield self._shown((entry,))
        return infos[0]

    @inlineCallbacks
    def cancel_schedule(
        self,
        params: ScheduleIdParams,
        caller: Caller,  # noqa: ARG002
    ) -> Generator[Deferred[Any], Any, ScheduleCancelled]:
        """Forget a schedule. What it records is whole when the answer comes; files stay."""
        with _refusals_told(params.schedule_id):
            _, left = yield self._scheduler.cancel(params.schedule_id)
        return ScheduleCancelled(params.schedule_id, cancelled=True, recording_id=left)

    def _camera_id(self, name: str, entries: Sequence[Entry]) -> str:
        # A camera that has not come back since the service began is known by its schedules.
        known = any(entry.schedule.camera_id == name for entry in entries)
        camera = find_camera(self._registry, name, or_none=known)
        return camera.camera_id if camera is not None else name

    def _changed(self, before: Schedule, params: UpdateParams) -> Schedule:
        given = {
            name: value
            for name, value in msgspec.structs.asdict(params).items()
            if value is not UNSET and name not in {"schedule_id", "device"}
        }
        for name, other in (("start_time", "cron"), ("cron", "start_time")):
            if given.get(name) is not None:
                given.setdefault(other, None)
        if params.device is not UNSET and params.device != before.camera_id:
            given["camera_id"] = camera_of(self._registry, params.device).camera_id
        return msgspec.structs.replace(before, **given)

    @inlineCallbacks
    def _shown(self, entries: Sequence[Entry]) -> Generator[Deferred[Any], Any, tuple[ScheduleInfo, ...]]:
        # Cron by cron this adds up.
        runs: list[tuple[int, ...]] = yield self._in_thread(_next_runs, entries, self._now())
        return tuple(
            schedule_info(
                entry,
                starts,
                self._registry.get(entry.schedule.camera_id),
                self._scheduler.recording_of(entry.schedule.schedule_id),
            )
            for entry, starts in zip(entries, runs, strict=True)
        )


@contextmanager
def _refusals_told(schedule_id: str) -> Iterator[None]:
    try:
        yield
    except ScheduleRefused as refused:
        raise InvalidParams(refused.param, refused.rule, refused.hint) from None
    except NoSuchSchedule:
        raise NotFound("schedule", schedule_id) from None
    except TooManySchedules:
        raise InvalidState("TOO_MANY_SCHEDULES", limit=LIMIT) from None
    except (OSError, sqlite3.Error) as error:
        remedy = "make the state directory writable for the service, with room on its disk"
        raise DependencyFailed("STORAGE_FAILED", f"the schedule cannot be kept: {error}", remedy) from error


def _times(schedule: Schedule) -> tuple[object, ...]:
    return (schedule.start_time, schedule.cron, schedule.timezone, schedule.until, schedule.enabled)


def _next_runs(entries: Sequence[Entry], now: float) -> list[tuple[int, ...]]:
    return [entry.next_runs(now, _NEXT_RUNS) for entry in entries]
