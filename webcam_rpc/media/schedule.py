"""A schedule: which camera records when, for how long, and the occurrences that this makes.

Pure. An occurrence is a moment (Unix seconds) at which a recording is to begin; its window is the time from then on for
``duration`` real seconds, whatever clocks do meanwhile, midnight included.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal

import msgspec

from webcam_rpc.media.cron import Cron, CronRefused
from webcam_rpc.media.sidecar import Codec, RecordingFormat
from webcam_rpc.media.zones import NotATime, UnknownZone, moment_of, zone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

#: What is done about an occurrence that could not begin in time: let it be, or record the rest of its window.
MissedRun = Literal["skip", "record"]

MIN_DURATION, MAX_DURATION = 1, 24 * 3600
MAX_NAME = 64


class ScheduleRefused(ValueError):  # noqa: N818 - it was
    """A schedule that makes no sense: which parameter, the rule in one word, and what to do in words."""

    def __init__(self, param: str, rule: str, hint: str) -> None:
        super().__init__(f"{param}: {hint}")
        self.param = param
        self.rule = rule
        self.hint = hint


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be recorded when. One of ``start_time`` (once) and ``cron`` (again and again) is given.

    ``start_time`` and ``until`` are RFC 3339, or without an offset the time in ``timezone`` (an IANA name), and are
    kept as they were given: a local time stays what it is when a country changes its rules. ``until`` ends the series:
    what begins before it is not cut. ``format`` and ``codec`` None are as configured. ``created`` is Unix seconds.
    """

    schedule_id: str
    camera_id: str
    name: str | None = None
    duration: float
    start_time: str | None = None
    cron: str | None = None
    timezone: str = "UTC"
    until: str | None = None
    format: RecordingFormat | None = None
    codec: Codec | None = None
    missed_run: MissedRun = "skip"
    enabled: bool = True
    created: float

    @property
    def starts_at(self) -> int | None:
        """The moment of ``start_time``."""
        return self._moment(self.start_time)

    @property
    def ends_at(self) -> int | None:
        """The moment of ``until``."""
        return self._moment(self.until)

    def next_run(self, after: float) -> int | None:
        """Give the first occurrence after a moment; None if there is none any more."""
        return next(self.occurrences(after), None)

    def runs(self, after: float, count: int) -> tuple[int, ...]:
        """Give the first ``count`` occurrences after a moment."""
        return tuple(islice(self.occurrences(after), count))

    def occurrence_at(self, moment: float, since: float | None = None) -> int | None:
        """Give the last occurrence whose window contains a moment; None if there is none.

        :param since: leaves out those before it.
        """
        after = moment - self.duration
        if since is not None:
            after = max(after, since - 1)
        found = None
        for start in self.occurrences(after):
            if start > moment:
                break
            found = start
        return found

    def occurrences(self, after: float) -> Iterator[int]:
        """Give the occurrences after a moment, in order."""
        end = self.ends_at
        for start in self._starts(after):
            if end is not None and start >= end:
                return
            yield start

    def _starts(self, after: float) -> Iterator[int]:
        if self.cron is not None:
            yield from Cron(self.cron, zone(self.timezone)).after(after)
            return
        start = self.starts_at
        if start is not None and start > after:
            yield start

    def _moment(self, text: str | None) -> int | None:
        return moment_of(text, zone(self.timezone)) if text is not None else None


def check(schedule: Schedule, now: float) -> None:
    """Raise ScheduleRefused unless the schedule can be understood and will fire. May read a zone's file."""
    check_form(schedule)
    end, start = schedule.ends_at, schedule.starts_at
    if end is not None and end <= now:
        raise ScheduleRefused("until", "past", "that is over")
    # To the second, as people and most clients write a time that is to mean now.
    if start is not None and start < now // 1:
        if start + schedule.duration <= now:
            raise ScheduleRefused("start_time", "past", "that is over")
        if schedule.missed_run == "skip":
            raise ScheduleRefused("start_time", "past", 'with missed_run "record" the rest of it would be recorded')
    if schedule.next_run(now if start is None else start - 1) is None:
        if end is not None:
            raise ScheduleRefused("until", "never", "nothing begins before it")
        raise ScheduleRefused("cron", "never", "no day of the next fifty years is like that")


def check_form(schedule: Schedule) -> None:
    """Raise ScheduleRefused unless the schedule can be understood, at whatever time. May read a zone's file."""
    if not MIN_DURATION <= schedule.duration <= MAX_DURATION:
        raise ScheduleRefused("duration", "range", f"{MIN_DURATION} to {MAX_DURATION} seconds")
    name = schedule.name
    if name is not None and (not 1 <= len(name) <= MAX_NAME or not name.isprintable()):
        raise ScheduleRefused("name", "length", f"1 to {MAX_NAME} printable characters")
    try:
        local = zone(schedule.timezone)
    except UnknownZone:
        hint = "the name of a time zone as in Europe/Berlin, or UTC"
        raise ScheduleRefused("timezone", "unknown", hint) from None
    for param, text in (("start_time", schedule.start_time), ("until", schedule.until)):
        if text is not None:
            _check_time(param, text, local)
    if schedule.start_time is None and schedule.cron is None:
        raise ScheduleRefused("start_time", "missing", "one of start_time and cron says when to record")
    if schedule.cron is not None:
        if schedule.start_time is not None:
            raise ScheduleRefused("cron", "conflict", "start_time or cron, not both")
        _check_cron(schedule.cron, local)


def _check_time(param: str, text: str, local: ZoneInfo) -> None:
    try:
        moment_of(text, local)
    except NotATime:
        hint = "RFC 3339 as in 2026-10-25T02:30:00Z or +01:00, or without an offset the time in timezone"
        raise ScheduleRefused(param, "format", hint) from None


def _check_cron(text: str, local: ZoneInfo) -> None:
    try:
        Cron(text, local)
    except CronRefused as error:
        hint = f"{error}: five fields are wanted: minute hour day-of-month month day-of-week, as in 30 22 * * MON-FRI"
        raise ScheduleRefused("cron", "cron", hint) from None
