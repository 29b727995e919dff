"""One directory of media files, looked at when it changed, and its part of the index kept in step with it.

Owns what counts as a file there (a regular file of a media name: no part, no link, no directory), what its metadata
file adds to it, and its removal. The files decide: what the index says is checked against them before it is told.
Everything here blocks: call it in a thread, one call at a time.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from webcam_rpc.durable import PART, sync_directory, write_whole
from webcam_rpc.media.index import IndexLost
from webcam_rpc.media.metadata import UNKNOWN, read, sidecar_of, stand_in
from webcam_rpc.media.names import SIDECAR, is_media
from webcam_rpc.media.sidecar import RecordingMeta, encode
from webcam_rpc.media.stored import MOST, StoredFile, clamped
from webcam_rpc.media.troubles import MediaRefused, NoSuchFile, Stopping, StorageBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from webcam_rpc.media.index import Index
    from webcam_rpc.media.metadata import Metadata
    from webcam_rpc.media.stored import Place

#: A directory that changed less than this many seconds ago may change again within the grain of its own time, which is
#: 2 s on FAT and a tick of the kernel elsewhere: then the next look cannot tell by the time, and looks in any case.
_GRAIN = 2.5
#: How many changes go into the index at a time.
_BATCH = 500
#: How much metadata is read before others get their turn.
_SLICE = 200
#: How often a page is looked up again because files changed under it.
_TRIES = 3
#: A metadata file without its media file is left alone for this many seconds: the file may be on its way.
_ORPHAN_AGE = 3600.0


class FileProtected(MediaRefused):
    """The file is protected: it is not to be deleted."""


class MediaFolder:
    """The recordings, or the snapshots.

    :param kind: which; the name of the directory.
    :param now: gives Unix seconds.
    """

    #: Up to this many names every file is asked for its size and time at each look; beyond, those with a new name or
    #: inode, and all of them with each sweep: to ask 100,000 files takes a second and more.
    few = 20_000
    #: Where more files than this are new, their metadata is read later, some at a time or as pages show them: it may
    #: take minutes from a cold disk.
    many = 1000

    def __init__(self, kind: str, path: Path, index: Index, now: Callable[[], float]) -> None:
        self.kind = kind
        self.path = path
        #: Set when the service stops: a look that goes on is broken off.
        self.ended = False
        self._index = index
        self._now = now
        # The state of index and directory in which they were last seen to agree; None where that cannot be trusted.
        self._agreed: tuple[int, int, int] | None = None
        # The generation of the index and the directory (its inode) of which every file was looked at once.
        self._known: tuple[int, int] | None = None

    def refresh(self, *, every: bool = False) -> None:
        """Bring the index in step if the directory changed, or with ``every`` look at each file in any case.

        Raises StorageBroken, and Stopping when it is broken off.
        """
        generation = self._index.generation()
        inode, mtime_ns = self._directory()
        state = (generation, inode, mtime_ns)
        if state == self._agreed and not every:
            return
        self._compare(every=every or self._known != (generation, inode))
        self._known = (generation, inode)
        # A change to come after this look and within the same grain would leave the directory's time as it is.
        self._agreed = state if abs(self._now() - mtime_ns / 1e9) > _GRAIN else None

    def fill(self) -> bool:
        """Read some of the metadata that was not read yet; give whether there was any. Raises Stopping."""
        self._go_on()
        rows = self._index.unread(self.kind, _SLICE)
        changes = _Changes(self._index, self.kind)
        for row in rows:
            changes.note(row, self._look(row.filename, row))
        changes.write()
        return bool(rows)

    def page(
        self, limit: int, offset: int, after: Place | None, camera_id: str | None
    ) -> tuple[list[StoredFile], bool, int] | None:
        """Give files newest first, whether more follow, and how many there are; each was seen just now.

        None where it is not yet known whose all the files are: it is to be asked again, others may be in between.
        Raises StorageBroken.
        """
        for _ in range(_TRIES):
            self.refresh()
            if camera_id is not None and self.fill():
                return None
            rows = self._index.newest(self.kind, limit + 1, offset, after, camera_id)
            seen = [self._look(row.filename, row) for row in rows]
            if seen == rows and self._known == (self._index.generation(), self._directory()[0]):
                break
            changes = _Changes(self._index, self.kind)
            for row, found in zip(rows, seen, strict=True):
                changes.note(row, found)
            changes.write()
        files, _size = self._index.totals(self.kind, camera_id)
        return [file for file in seen[:limit] if file is not None], len(rows) > limit, files

    def totals(self) -> tuple[int, int]:
        """Count the files and their bytes. Raises StorageBroken."""
        self.refresh()
        return self._index.totals(self.kind)

    def oldest(self) -> Iterator[StoredFile]:
        """Give the files, oldest first, as the index has them."""
        return self._index.oldest(self.kind)

    def info(self, filename: str) -> Metadata:
        """Give a file's metadata: what its metadata file says, or what the file itself tells. Raises NoSuchFile."""
        status = self._there(filename)
        try:
            found = read(self.kind, self.path / filename)
        except OSError:
            found = None
        # Name and size are the file's own, whatever the metadata says: it may have been renamed, both together.
        if found is None:
            return stand_in(self.kind, filename, status)
        return msgspec.structs.replace(found, filename=filename, file_size=status.st_size)

    def amend(self, filename: str, change: Callable[[Metadata], Metadata]) -> Metadata:
        """Write a file's metadata as ``change`` makes it of what it is now. Raises NoSuchFile and StorageBroken."""
        before = self.info(filename)
        after = change(before)
        if after != before:
            try:
                write_whole(sidecar_of(self.path / filename), encode(after))
            except OSError as error:
                raise StorageBroken(f"{sidecar_of(self.path / filename)}: {error.strerror}") from error
        self.added(filename)
        return after

    def added(self, filename: str) -> None:
        """Take into the index what is there under this name, which may be nothing."""
        found = self._look(filename) if is_media(self.kind, filename) else None
        self._tell([found] if found is not None else [], filename)

    def delete(self, filename: str) -> None:
        """Remove a file and its metadata. Raises NoSuchFile, FileProtected and StorageBroken."""
        self._there(filename)
        if self.info(filename).protected:
            raise FileProtected(f"{filename} is protected")
        try:
            self._remove(filename)
            sync_directory(self.path)
        except FileNotFoundError:
            raise NoSuchFile(self.kind, filename) from None
        except OSError as error:
            raise StorageBroken(f"{self.path / filename}: {error.strerror}") from error

    def discard(self, file: StoredFile) -> int | None:
        """Remove a file that is to go, and give the bytes that this freed; None where it is gone or has to stay.

        :meth:`settle` waits for the disk afterwards.
        """
        try:
            status = self._there(file.filename)
            # The index may be behind: what counts is what the metadata says now. If that cannot be read, the file
            # stays, since it may be protected.
            found = read(self.kind, self.path / file.filename)
            if found is not None and found.protected:
                self.added(file.filename)
                return None
            self._remove(file.filename)
        except (NoSuchFile, OSError):
            return None
        return status.st_size

    def settle(self) -> None:
        """Wait until the disk has forgotten what was removed."""
        with suppress(OSError):
            sync_directory(self.path)

    def tidy(self) -> None:
        """Remove metadata files whose media files are gone, as those leave that were deleted by hand."""
        try:
            names = set(os.listdir(self.path))
        except OSError:
            return
        parts = tuple(name for name in names if name.endswith(PART))
        for name in names:
            filename = name.removesuffix(SIDECAR)
            if filename == name or filename in names or not is_media(self.kind, filename):
                continue
            if not any(part.startswith(filename) for part in parts):
                self._tidy(filename)

    def open_path(self, filename: str) -> Path | None:
        """Give the path of a file that is there; None for any other name."""
        return self.path / filename if self._status_of_media(filename) is not None else None

    def _tidy(self, filename: str) -> None:
        sidecar = sidecar_of(self.path / filename)
        try:
            old = self._now() - sidecar.lstat().st_mtime > _ORPHAN_AGE
            found = read(self.kind, self.path / filename) if old else None
            # Only what was written here: another program's JSON is its own.
            if found is not None and found.filename == filename:
                sidecar.unlink()
        except OSError:
            return

    def _directory(self) -> tuple[int, int]:
        try:
            status = os.stat(self.path)
        except OSError as error:
            raise StorageBroken(f"{self.path}: {error.strerror}") from error
        if not stat.S_ISDIR(status.st_mode):
            raise StorageBroken(f"{self.path} is not a directory")
        return status.st_ino, status.st_mtime_ns

    def _compare(self, *, every: bool) -> None:
        found = self._names()
        every = every or len(found) <= self.few
        changes = _Changes(self._index, self.kind)
        for row in self._index.all(self.kind):
            inode = found.pop(row.filename, None)
            inodes = (inode or 0, found.pop(row.filename + SIDECAR, 0))
            if inode is None:
                changes.note(row, None)
            elif every or inodes != (row.inode, row.sidecar_inode):
                look = self._glance if row.unread else self._look
                changes.note(row, look(row.filename, row, inodes))
            self._go_on()
        new = [filename for filename in found if is_media(self.kind, filename)]
        look = self._glance if len(new) > self.many else self._look
        for filename in new:
            changes.note(None, look(filename, None, (found[filename], found.get(filename + SIDECAR, 0))))
            self._go_on()
        changes.write()

    def _go_on(self) -> None:
        if self.ended:
            raise Stopping("the service stops")

    def _names(self) -> dict[str, int]:
        """List what is there, with inodes."""
        try:
            with os.scandir(self.path) as entries:
                return {entry.name: entry.inode() & MOST for entry in entries}
        except OSError as error:
            raise StorageBroken(f"{self.path} cannot be read: {error.strerror}") from error

    def _glance(self, filename: str, _row: StoredFile | None, inodes: tuple[int, int]) -> StoredFile | None:
        """Find a file as it is now, and leave its metadata for later."""
        status = self._status(filename)
        if status is None:
            return None
        mtime_ns = clamped(status.st_mtime_ns)
        return StoredFile(self.kind, filename, None, status.st_size, mtime_ns, None, False, *inodes, 0, 0)  # noqa: FBT003

    def _look(
        self, filename: str, row: StoredFile | None = None, inodes: tuple[int, int] | None = None
    ) -> StoredFile | None:
        """Find a file as it is now; None when it is not there.

        :param row: what was known of it: its metadata is read only if that changed since.
        :param inodes: its own and its metadata file's as the directory lists them, which on some file systems are not
            those that stat gives (FAT, overlays).
        """
        status = self._status(filename)
        if status is None:
            return None
        sidecar = self._status(filename + SIDECAR)
        inode, sidecar_inode = inodes or ((row.inode, row.sidecar_inode) if row is not None else (0, 0))
        if sidecar is not None:
            # Never 0, which says that there is none, or that it was not read.
            stamp = (sidecar_inode or sidecar.st_ino & MOST, clamped(sidecar.st_mtime_ns) or 1, sidecar.st_size)
        else:
            stamp = (0, 0, 0)
        if row is not None and stamp[1:] == (row.sidecar_mtime_ns, row.sidecar_size):
            told = (row.camera_id, row.duration, row.protected)
        else:
            told = self._told(filename) if sidecar is not None else (None, None, False)
        camera_id, duration, protected = told
        return StoredFile(
            self.kind,
            filename,
            camera_id,
            status.st_size,
            clamped(status.st_mtime_ns),
            duration,
            protected,
            inode or status.st_ino & MOST,
            *stamp,
        )

    def _told(self, filename: str) -> tuple[str | None, float | None, bool]:
        try:
            found = read(self.kind, self.path / filename)
        except OSError:
            found = None
        if found is None:
            return None, None, False
        camera_id = found.camera.camera_id
        duration = found.duration if isinstance(found, RecordingMeta) else None
        return None if camera_id == UNKNOWN else camera_id, duration, found.protected

    def _there(self, filename: str) -> os.stat_result:
        status = self._status_of_media(filename)
        if status is None:
            raise NoSuchFile(self.kind, filename)
        return status

    def _status_of_media(self, filename: str) -> os.stat_result | None:
        return self._status(filename) if is_media(self.kind, filename) else None

    def _status(self, name: str) -> os.stat_result | None:
        try:
            status = os.lstat(os.path.join(self.path, name))
        except OSError:
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def _remove(self, filename: str) -> None:
        # The media file first. If the machine stops between the two, metadata of nothing is left, which nobody lists
        # and the next sweep removes. The other way round a file would be left that comes back as one that nobody
        # knows, with its camera and its protection forgotten.
        os.unlink(self.path / filename)
        with suppress(OSError):
            os.unlink(sidecar_of(self.path / filename))
        self._tell([], filename)

    def _tell(self, found: list[StoredFile], filename: str) -> None:
        # An index that was lost is filled from the files, of which this is one.
        with suppress(IndexLost):
            self._index.change(found, [(self.kind, filename)])


class _Changes:
    """What is to go into the index, some at a time."""

    def __init__(self, index: Index, kind: str) -> None:
        self._index = index
        self._kind = kind
        self._put: list[StoredFile] = []
        self._gone: list[tuple[str, str]] = []

    def note(self, before: StoredFile | None, now: StoredFile | None) -> None:
        """Note how a file was known and how it was found; None for not at all."""
        if now is not None and now != before:
            self._put.append(now)
        elif now is None and before is not None:
            self._gone.append((self._kind, before.filename))
        if len(self._put) + len(self._gone) >= _BATCH:
            self.write()

    def write(self) -> None:
        """Write what was noted."""
        if self._put or self._gone:
            self._index.change(self._put, self._gone)
            self._put, self._gone = [], []
