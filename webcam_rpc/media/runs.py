"""What became of a schedule's occurrences: its runs, and which occurrences were recorded.

Pure. :class:`Entry` is all that is remembered of one schedule; it is replaced, never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from webcam_rpc.media.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

#: RUNNING is also what a crash leaves behind, and how it is recognised.
Outcome = Literal["RUNNING", "FINISHED", "MISSED", "FAILED"]

#: How much is remembered of each schedule: runs, files of one, and stretches of occurrences.
_RUNS, _FILES, _STRETCHES = 20, 50, 50


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a schedule: the occurrence ``start``, and those up to ``last`` that prolonged it.

    ``ends`` is when its window does. ``joined``: the recording had been begun by somebody else. ``files`` are the
    newest of its whole files, ``writing`` is the one at work: after a crash it is what was recovered. ``reason`` says
    why it was missed, why it failed, or what ended it before its time.
    """

    schedule_id: str
    camera_id: str
    start: int
    last: int
    ends: float
    outcome: Outcome = "RUNNING"
    recording_id: str | None = None
    joined: bool = False
    files: tuple[str, ...] = ()
    writing: str | None = None
    reason: str | None = None

    def with_files(self, *filenames: str | None) -> Run:
        """Give the run with more whole files; None and names that it has already change nothing."""
        new = dict.fromkeys(name for name in filenames if name is not None and name not in self.files)
        writing = None if self.writing in new else self.writing
        return msgspec.structs.replace(self, files=(*self.files, *new)[-_FILES:], writing=writing)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule with its past.

    ``since``: occurrences until then were seen to, or came before the schedule did. ``recorded`` are the stretches of
    occurrences, first and last, that were begun: none of these begins again, whatever the clock does. ``runs`` are the
    last ones, oldest first.
    """

    schedule: Schedule
    since: int
    recorded: tuple[tuple[int, int], ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def running(self) -> Run | None:
        """The run that has begun and not ended, as far as is known here."""
        return next((run for run in reversed(self.runs) if run.outcome == "RUNNING"), None)

    def was_recorded(self, start: int) -> bool:
        """Tell whether an occurrence was begun."""
        return self._stretch_of(start) is not None

    def upcoming(self, after: float) -> int | None:
        """Give the next occurrence that is to begin after a moment; None if there is none any more."""
        start = self.schedule.next_run(after) if self.schedule.enabled else None
        while start is not None and (stretch := self._stretch_of(start)) is not None:
            start = self.schedule.next_run(stretch[1])
        return start

    def next_runs(self, after: float, count: int) -> tuple[int, ...]:
        """Give the next ``count`` occurrences that are to begin after a moment."""
        found: list[int] = []
        start = self.upcoming(after)
        while start is not None and len(found) < count:
            found.append(start)
            start = self.upcoming(start)
        return tuple(found)

    def with_run(self, run: Run) -> Entry:
        """Give the entry with a run as it is now, in the place of what was known of it."""
        others = [other for other in self.runs if other.start != run.start]
        if run.outcome == "RUNNING":
            others = [_given_up(other) for other in others]
        recorded = self.recorded if run.outcome == "MISSED" else self._with_recorded(run.start, run.last)
        return msgspec.structs.replace(
            self, since=max(self.since, run.last), recorded=recorded, runs=(*others, run)[-_RUNS:]
        )

    def _stretch_of(self, start: int) -> tuple[int, int] | None:
        return next((stretch for stretch in self.recorded if stretch[0] <= start <= stretch[1]), None)

    def _with_recorded(self, first: int, last: int) -> tuple[tuple[int, int], ...]:
        stretches: list[tuple[int, int]] = []
        for begin, end in self.recorded:
            # Those without an occurrence between them become one: for most schedules there is never another.
            if begin <= last and (end >= first or self.schedule.next_run(end) == first):
                first, last = min(begin, first), max(end, last)
            else:
                stretches.append((begin, end))
        return (*stretches, (first, last))[-_STRETCHES:]


def survey(entries: Sequence[Entry], wall: float) -> dict[str, tuple[int | None, int | None]]:
    """Give for each schedule its next occurrence, and the first that passed unseen. Call it in a thread."""
    surveyed = {}
    for entry in entries:
        passed = entry.upcoming(min(entry.since, wall))
        missed = passed if passed is not None and passed <= wall else None
        surveyed[entry.schedule.schedule_id] = (entry.upcoming(wall), missed)
    return surveyed


def _given_up(run: Run) -> Run:
    # One run at a time: an older one that never ended was interrupted.
    if run.outcome != "RUNNING":
        return run
    return msgspec.structs.replace(run, outcome="FAILED", reason="interrupted")
