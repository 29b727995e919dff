"""The library: which pictures and recordings there are, what is known of them, how long they stay, how much room is.

Owns the media directory. The files in it decide: the index (:mod:`~webcam_rpc.media.index`) only spares looking at all
of them, and the policy of retention acts on what is found, whoever put it there. All that touches the disk runs in a
thread, one thing at a time, but for two or three system calls where an answer is needed at once.

Where the directory cannot be used the service still runs, watches cameras and says what is wrong.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks
from twisted.logger import Logger, LogLevel

from webcam_rpc.durable import write_whole
from webcam_rpc.media.events import StorageChanged
from webcam_rpc.media.names import RECORDINGS, SNAPSHOTS
from webcam_rpc.media.retention import Policy
from webcam_rpc.media.room import Level, Room
from webcam_rpc.media.shelves import Shelves
from webcam_rpc.media.sidecar import RecordingMeta, utc
from webcam_rpc.media.stored import Place, StoredFile
from webcam_rpc.media.troubles import StorageBroken
from webcam_rpc.media.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from twisted.python.failure import Failure

    from webcam_rpc.bus import Bus
    from webcam_rpc.config import Storage
    from webcam_rpc.media.metadata import Metadata

_Result = TypeVar("_Result")


class Entry(msgspec.Struct, frozen=True):
    """A file in a list. ``camera_id`` and ``duration`` are null where no metadata tells them."""

    filename: str
    camera_id: str | None
    file_size: int
    modified_time: str
    duration: float | None
    protected: bool


class Page(msgspec.Struct, frozen=True):
    """Some files of a list; ``total`` counts them all, ``next_cursor`` is null on the last page."""

    files: tuple[Entry, ...]
    total: int
    next_cursor: str | None


class Usage(msgspec.Struct, frozen=True):
    """What the disk has and what our files take, in bytes; ``low``: the ``floor`` that stays free is near."""

    total: int
    used: int
    available: int
    recordings_size: int
    snapshots_size: int
    low: bool
    floor: int


class Cleaned(msgspec.Struct, frozen=True):
    """How many files went, and their bytes."""

    files: int
    bytes: int


class MediaLibrary:
    """The media directory with ``recordings/`` and ``snapshots/`` below it.

    :param in_thread: runs a function in a thread and gives a Deferred of its result.
    :param now: gives Unix seconds.
    :param state: the state directory, for the index and the policy that was set by a client.
    """

    _log = Logger()

    def __init__(
        self,
        directory: Path,
        state: Path,
        settings: Storage,
        bus: Bus,
        in_thread: Callable[..., Deferred[Any]],
        now: Callable[[], float],
    ) -> None:
        self.directory = directory
        #: What is kept.
        self.policy = Policy.of(settings)
        self._policy_of_client = False
        self._policy_path = state / "retention.json"
        #: How much room there is, as the watch over it last judged.
        self.level: Level = "OK"
        self._bus = bus
        self.room = Room(directory, settings.floor)
        self._shelves = Shelves(directory, state / "media.sqlite", now)
        # Looks through the directories, which may take long; and what is done with one file, which waits for no look.
        self._looks, self._files = Turns(in_thread), Turns(in_thread)
        self._cleaning = DeferredLock()

    # At the start, and where an answer is needed at once

    def prepare(self) -> None:
        """Make the directories that are missing, and read the policy that was set; what fails is logged."""
        try:
            self.room.make()
        except OSError as error:
            self._log.error(
                "Cannot make the media directory {path}: {error}", path=self.directory, error=error.strerror
            )
        try:
            self.policy = msgspec.json.decode(self._policy_path.read_bytes(), type=Policy)
            self._policy_of_client = True
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._log.error(
                "Cannot read the policy of retention, the configuration's counts: {path}: {error}",
                path=self._policy_path,
                error=error,
            )

    def configure(self, settings: Storage) -> None:
        """Go by these settings from now on; the policy that a client has set goes before theirs."""
        self.room.configure(settings.floor)
        if not self._policy_of_client:
            self.policy = Policy.of(settings)

    def problem(self) -> str | None:
        """Say why no picture could be kept now; None when nothing is in the way."""
        return self.room.problem()

    def available(self) -> int:
        """Give the bytes that this process may still use there. Raises OSError where nobody can tell."""
        return self.room.space().available

    def floor(self) -> int:
        """Give the bytes that stay free. Raises OSError where nobody can tell."""
        return self.room.floor(self.room.space())

    def check_room(self, required: int = 0) -> None:
        """Refuse what there is no room for above the floor, ``required`` bytes. Raises StorageBroken, StorageLow."""
        self.room.check(required)

    def path(self, kind: str, filename: str) -> Path:
        """Give the path that a file of this name has or would have."""
        return self.directory / kind / filename

    def open_path(self, kind: str, filename: str) -> Path | None:
        """Give the path of a whole file that is there; None for any other name."""
        return self._shelves[kind].open_path(filename)

    # Files

    def added(self, kind: str, filename: str) -> Deferred[None]:
        """Take in a file that became whole, or changed; fires when it is listed. Never fails."""
        return self._files.run(self._shelves[kind].added, filename).addErrback(self._not_listed, filename)

    @inlineCallbacks
    def page(
        self, kind: str, limit: int, offset: int = 0, cursor: str | None = None, camera_id: str | None = None
    ) -> Generator[Deferred[Any], Any, Page]:
        """List files newest first, ties by name, behind ``cursor`` where it is given.

        Raises BadCursor and StorageBroken.
        """
        after = Place.at(cursor) if cursor is not None else None
        found: tuple[list[StoredFile], bool, int] | None = None
        while found is None:
            found = yield self._looks.run(self._shelves[kind].page, limit, offset, after, camera_id)
        files, more, total = found
        return Page(tuple(map(_entry, files)), total, files[-1].place.cursor() if more and files else None)

    def info(self, kind: str, filename: str) -> Deferred[Metadata]:
        """Give the metadata of a file. Raises NoSuchFile."""
        return self._files.run(self._shelves[kind].info, filename)

    def delete(self, kind: str, filename: str) -> Deferred[None]:
        """Remove a file with its metadata. Raises NoSuchFile, FileProtected and StorageBroken."""
        return self._files.run(self._shelves[kind].delete, filename)

    def amend(self, kind: str, filename: str, change: Callable[[Metadata], Metadata]) -> Deferred[Metadata]:
        """Rewrite metadata as ``change`` makes it of what it is; nobody else's change gets lost between the two.

        Raises NoSuchFile and StorageBroken.
        """
        return self._files.run(self._shelves[kind].amend, filename, change)

    def protect(self, filename: str, protected: bool) -> Deferred[RecordingMeta]:  # noqa: FBT001 - the wire's word
        """Keep a recording from being deleted, or let it. Raises NoSuchFile and StorageBroken."""
        change = partial(msgspec.structs.replace, protected=protected)
        changed: Deferred[Any] = self.amend(RECORDINGS, filename, change)
        return changed

    # Room and retention

    def usage(self) -> Deferred[Usage]:
        """Tell what the disk has and what our files take. Raises StorageBroken."""
        return self._looks.run(self._usage)

    @inlineCallbacks
    def set_policy(self, policy: Policy) -> Generator[Deferred[Any], Any, Policy]:
        """Keep to ``policy`` from now on, also after a restart. Raises StorageBroken where it cannot be kept."""
        data = msgspec.json.format(msgspec.json.encode(policy))
        try:
            yield self._files.run(write_whole, self._policy_path, data)
        except OSError as error:
            raise StorageBroken(f"{self._policy_path}: {error.strerror}") from error
        self.policy = policy
        self._policy_of_client = True
        return policy

    def clean_up(self) -> Deferred[Cleaned]:
        """Remove what the policy has no place for, whether it acts by itself or not. Raises StorageBroken."""
        return self._clean(partial(self._shelves.surplus, self.policy))

    @inlineCallbacks
    def make_room(self, required: int = 0) -> Generator[Deferred[Any], Any, bool]:
        """Have the oldest files go until ``required`` bytes fit above the floor, if the policy says so.

        Gives whether they fit. Raises StorageBroken.
        """
        missing: int = yield self._files.run(_or_broken, self.room.missing, required)
        if missing > 0 and self.policy.acts:
            cleaned: Cleaned = yield self._clean(partial(self._shelves.until, missing))
            if cleaned.files:
                missing = yield self._looks.run(_or_broken, self._missing_still, required)
        return missing <= 0

    @inlineCallbacks
    def relieve(self) -> Generator[Deferred[Any], Any, None]:
        """Have the oldest files go until room is no longer low, if the policy says so. Raises StorageBroken."""
        margin: int = yield self._files.run(_or_broken, self.room.margin)
        yield self.make_room(margin)

    @inlineCallbacks
    def sweep(self) -> Generator[Deferred[Any], Any, None]:
        """Look at every file, tidy up what was left behind, and keep to the policy. Raises StorageBroken."""
        yield self._looks.run(self._shelves.sweep)
        while (yield self._looks.run(self._shelves.fill)):
            pass
        if self.policy.acts:
            yield self.clean_up()

    # Its beginning and its end

    def begin(self) -> None:
        """Look through the directories when it is needed."""
        self._shelves.set_ended(ended=False)

    def end(self) -> None:
        """Break off a look through a directory that goes on, and begin no other; files may still be added."""
        self._shelves.set_ended(ended=True)

    def close(self) -> Deferred[None]:
        """Close the index, when nothing is asked of it any more."""
        return self._looks.run(self._shelves.close)

    @inlineCallbacks
    def _clean(self, choose: Callable[[], Iterator[StoredFile]]) -> Generator[Deferred[Any], Any, Cleaned]:
        # One at a time: two that count from the same beginning would each remove what is too much.
        yield self._cleaning.acquire()
        files = size = 0
        try:
            chosen: Iterator[StoredFile] = yield self._looks.run(choose)
            more = True
            while more:
                more, freed = yield self._files.run(self._shelves.discard, chosen)
                files += len(freed)
                size += sum(freed)
        finally:
            self._cleaning.release()
            if files:
                self._log.info("Cleaned up {files} files, {size} bytes", files=files, size=size)
                self._bus.publish(
                    StorageChanged(
                        status="CLEANED", available_space=self._available(), files_deleted=files, space_freed=size
                    )
                )
        return Cleaned(files, size)

    def _not_listed(self, failure: Failure, filename: str) -> None:
        # The next look at the directory finds it.
        self._log.failure("{filename} is not listed yet", failure, LogLevel.error, filename=filename)

    def _available(self) -> int | None:
        try:
            return self.available()
        except OSError:
            return None

    # In a thread

    def _missing_still(self, required: int) -> int:
        missing = self.room.missing(required)
        if missing > 0:
            # Some file systems (btrfs, XFS) show what was freed only when they have written that down; whoever asks
            # for room meanwhile would have more go.
            self.room.settle()
            missing = self.room.missing(required)
        return missing

    def _usage(self) -> Usage:
        sizes = self._shelves.sizes()
        space = _or_broken(self.room.space)
        low = self.room.level(space, self.level) != "OK"
        taken = sizes[RECORDINGS], sizes[SNAPSHOTS]
        return Usage(space.total, space.used, space.available, *taken, low, self.room.floor(space))


def _or_broken(function: Callable[..., _Result], *args: object) -> _Result:
    try:
        return function(*args)
    except OSError as error:
        raise StorageBroken(f"{error.filename}: {error.strerror}") from error


def _entry(file: StoredFile) -> Entry:
    return Entry(file.filename, file.camera_id, file.size, utc(file.mtime_ns / 1e9), file.duration, file.protected)
