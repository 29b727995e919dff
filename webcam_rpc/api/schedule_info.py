"""Schedules as clients read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from webcam_rpc.api.wire import Number
from webcam_rpc.media.runs import Outcome
from webcam_rpc.media.schedule import MissedRun
from webcam_rpc.media.sidecar import Codec, RecordingFormat, utc

if TYPE_CHECKING:
    from webcam_rpc.cameras.models import Camera
    from webcam_rpc.media.runs import Entry, Run


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``files`` are those that are whole, the newest 50; ``joined``: somebody else had begun the recording.

    ``reason`` says why it was missed or failed, or what ended it before ``end_time``.
    """

    start_time: str
    end_time: str
    outcome: Outcome
    recording_id: str | None
    joined: bool
    files: tuple[str, ...]
    reason: str | None


class ScheduleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule. ``state``: RUNNING while it records or tries to, EXPIRED when nothing is to come any more.

    ``device`` is null while the camera was not seen since the service began. ``format`` and ``codec`` null are as
    configured. ``recording_id`` is the recording that goes on.
    """

    schedule_id: str
    device: str | None
    camera_id: str
    name: str | None
    state: Literal["SCHEDULED", "RUNNING", "DISABLED", "EXPIRED"]
    next_run: str | None
    next_runs: tuple[str, ...]
    last_run: RunInfo | None
    recording_id: str | None
    duration: Number
    start_time: str | None
    cron: str | None
    timezone: str
    until: str | None
    format: RecordingFormat | None
    codec: Codec | None
    missed_run: MissedRun
    enabled: bool
    created: str


class ScheduleList(msgspec.Struct, frozen=True):
    """Schedules in the order in which they were made; ``total`` counts all that were asked for."""

    schedules: tuple[ScheduleInfo, ...]
    total: int
    limit: int
    offset: int


class ScheduleCancelled(msgspec.Struct, frozen=True):
    """What is gone. ``recording_id``: its recording goes on, because somebody else has a part in it."""

    schedule_id: str
    cancelled: bool
    recording_id: str | None


def schedule_info(
    entry: Entry, starts: tuple[int, ...], camera: Camera | None, recording_id: str | None
) -> ScheduleInfo:
    """Show a schedule, its next occurrences and the recording in which it has a part now."""
    schedule = entry.schedule
    state: Literal["SCHEDULED", "RUNNING", "DISABLED", "EXPIRED"] = "SCHEDULED" if starts else "EXPIRED"
    if entry.running is not None:
        state = "RUNNING"
    elif not schedule.enabled:
        state = "DISABLED"
    return ScheduleInfo(
        schedule_id=schedule.schedule_id,
        device=camera.device if camera is not None else None,
        camera_id=schedule.camera_id,
        name=schedule.name,
        state=state,
        next_run=utc(starts[0]) if starts else None,
        next_runs=tuple(utc(start) for start in starts),
        last_run=_run_info(entry.runs[-1]) if entry.runs else None,
        recording_id=recording_id,
        duration=_whole(schedule.duration),
        start_time=_utc(schedule.starts_at),
        cron=schedule.cron,
        timezone=schedule.timezone,
        until=_utc(schedule.ends_at),
        format=schedule.format,
        codec=schedule.codec,
        missed_run=schedule.missed_run,
        enabled=schedule.enabled,
        created=utc(schedule.created),
    )


def _run_info(run: Run) -> RunInfo:
    return RunInfo(
        start_time=utc(run.start),
        end_time=utc(run.ends),
        outcome=run.outcome,
        recording_id=run.recording_id,
        joined=run.joined,
        files=run.files,
        reason=run.reason,
    )


def _utc(moment: int | None) -> str | None:
    return utc(moment) if moment is not None else None


def _whole(value: float) -> Number:
    return int(value) if value == int(value) else value
