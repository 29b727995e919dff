"""All schedules with their past, in memory and on disk.

Owns the entries, which are what everybody reads. A change is in memory at once and then on disk; changes that come
while the disk is busy go into one further write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from webcam_rpc.media.schedule_file import ScheduleFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from twisted.python.failure import Failure

    from webcam_rpc.media.runs import Entry

#: How many schedules there may be.
LIMIT = 1000


class TooManySchedules(Exception):  # noqa: N818 - there are
    """There are :data:`LIMIT` already."""


class NoSuchSchedule(Exception):  # noqa: N818 - there is none
    """There is no schedule of this id."""


class Schedules:
    """All entries, by the id of their schedules, in the order in which they were made.

    :param in_thread: runs a function in a thread and gives a Deferred of its result.
    :ivar problem: why the last write failed; None if it did not.
    """

    _log = Logger()

    def __init__(self, path: Path, in_thread: Callable[..., Deferred[Any]]) -> None:
        self.problem: str | None = None
        self._file = ScheduleFile(path)
        self._in_thread = in_thread
        self._entries: dict[str, Entry] = {}
        self._changed: set[str] = set()
        self._writing = False
        self._waiters: list[Deferred[None]] = []

    def load(self) -> Deferred[None]:
        """Read the file; fires when that is done, also where it could not be."""

        def loaded(entries: dict[str, Entry]) -> None:
            # What was changed meanwhile is newer.
            self._entries = {**entries, **self._entries}

        return self._in_thread(self._file.read).addCallbacks(loaded, self._failed)

    def get(self, schedule_id: str) -> Entry:
        """Find an entry. Raises NoSuchSchedule."""
        try:
            return self._entries[schedule_id]
        except KeyError:
            raise NoSuchSchedule(schedule_id) from None

    def all(self) -> tuple[Entry, ...]:
        """Give all entries."""
        return tuple(self._entries.values())

    def put(self, entry: Entry) -> Deferred[None]:
        """Take an entry in, or put it in the place of the one before it; fires when it is on disk.

        It ends in OSError or sqlite3.Error where it cannot be put there; then it is tried again with the next change.

        :raises TooManySchedules: if it is one too many.
        """
        schedule_id = entry.schedule.schedule_id
        if schedule_id not in self._entries and len(self._entries) >= LIMIT:
            raise TooManySchedules
        self._entries[schedule_id] = entry
        return self._write(schedule_id)

    def keep(self, entry: Entry) -> Entry:
        """Put an entry in the place of the one before it; what cannot be written goes along with the next change."""
        self.put(entry).addErrback(lambda _: None)
        return entry

    def remove(self, schedule_id: str) -> Deferred[None]:
        """Forget a schedule and its runs; fires as that of :meth:`put`. Raises NoSuchSchedule."""
        self.get(schedule_id)
        del self._entries[schedule_id]
        return self._write(schedule_id)

    def settled(self) -> Deferred[None]:
        """Fire when nothing is being written any more."""
        if not self._writing:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._waiters.append(waiter)
        return waiter.addErrback(lambda _: None)

    def close(self) -> Deferred[None]:
        """Fire when all is written and the file is closed."""
        if self._changed and not self._writing:
            self._begin()
        return self.settled().addCallback(lambda _: self._in_thread(self._file.close))

    def _write(self, schedule_id: str) -> Deferred[None]:
        waiter: Deferred[None] = Deferred()
        self._changed.add(schedule_id)
        self._waiters.append(waiter)
        if not self._writing:
            self._begin()
        return waiter

    def _begin(self) -> None:
        self._writing = True
        changed, self._changed = self._changed, set()
        waiters, self._waiters = self._waiters, []
        entries = dict(self._entries)

        def done(failure: Failure | None) -> None:
            self._writing = False
            if failure is None:
                self.problem = None
            else:
                self._failed(failure)
                self._changed |= changed
            for waiter in waiters:
                waiter.callback(None) if failure is None else waiter.errback(failure)
            # A waiter may have begun the next write already.
            if self._waiters and not self._writing:
                self._begin()

        self._in_thread(self._file.write, entries, changed).addCallbacks(lambda _: None).addBoth(done)

    def _failed(self, failure: Failure) -> None:
        self.problem = f"{self._file.path}: {failure.getErrorMessage()}"
        self._log.error("The schedules are not kept: {problem}", problem=self.problem)
