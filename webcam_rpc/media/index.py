"""The index of the media files: what the directories held when they were last looked at, in sqlite.

Owns the database and nothing that matters: it is made from the files, and made again whenever it is missing, damaged,
of another version, or cannot be written, if need be in memory. Everything here blocks: call it in a thread; any thread
may, one at a time is let in.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from webcam_rpc.media.stored import StoredFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from webcam_rpc.media.stored import Place

#: Changes with the tables; a file of another version is made anew.
_VERSION = 1
# minus_mtime makes "newest first, ties by name" one ascending order, in which a row value is a place to go on from. The
# totals are kept by triggers, so that no page has to count.
_SCHEMA = """
CREATE TABLE files(
    kind TEXT NOT NULL, filename TEXT NOT NULL, camera_id TEXT NOT NULL, size INTEGER NOT NULL,
    minus_mtime INTEGER NOT NULL, duration REAL, protected INTEGER NOT NULL, inode INTEGER NOT NULL,
    sidecar_inode INTEGER NOT NULL, sidecar_mtime INTEGER NOT NULL, sidecar_size INTEGER NOT NULL,
    PRIMARY KEY(kind, filename)
) WITHOUT ROWID;
CREATE INDEX newest ON files(kind, minus_mtime, filename);
CREATE INDEX newest_of_camera ON files(kind, camera_id, minus_mtime, filename);
CREATE INDEX unread ON files(kind, filename) WHERE sidecar_inode != 0 AND sidecar_mtime = 0;
CREATE TABLE totals(
    kind TEXT NOT NULL, camera_id TEXT NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY(kind, camera_id)
) WITHOUT ROWID;
CREATE TRIGGER came AFTER INSERT ON files BEGIN
    INSERT INTO totals VALUES(new.kind, new.camera_id, 1, new.size)
        ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + new.size;
END;
CREATE TRIGGER went AFTER DELETE ON files BEGIN
    UPDATE totals SET files = files - 1, bytes = bytes - old.size WHERE kind = old.kind AND camera_id = old.camera_id;
END;
"""
_COLUMNS = (
    "kind, filename, camera_id, size, minus_mtime, duration, protected, "
    "inode, sidecar_inode, sidecar_mtime, sidecar_size"
)
_INSERT = f"INSERT INTO files({_COLUMNS}) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM files WHERE kind = ? AND filename = ?"
_BUSY_TIMEOUT = 5.0
#: How many rows are fetched at a time where all are wanted.
_BATCH = 500


class IndexLost(Exception):  # noqa: N818 - what is there is empty now, and to be filled again
    """The index had to be made anew: what was asked is to be asked again, once it is filled."""


class Index:
    """The database.

    :param path: its file; the directory is made when it is missing.
    :param busy_timeout: how many seconds a file that another process has is waited for.
    """

    _log = Logger()

    def __init__(self, path: Path, busy_timeout: float = _BUSY_TIMEOUT) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._generation = 0
        self._inode: int | None = None
        self._in_memory = False
        # Nothing was committed yet to the file that is open: it may be that nothing can be.
        self._unproven = False

    def generation(self) -> int:
        """Open the database if need be, and number it: what is known of one generation is not known of the next."""
        with self._lock:
            if self._connection is not None and not self._is_still_there():
                self.close()
            with self._opened():
                return self._generation

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def change(self, put: Iterable[StoredFile] = (), gone: Iterable[tuple[str, str]] = ()) -> None:
        """Take in files as they are now, and forget those that are gone (kind and name), all or nothing."""
        rows = [_to_row(file) for file in put]
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                connection.executemany(_DELETE, [*gone, *(row[:2] for row in rows)])
                connection.executemany(_INSERT, rows)
            self._unproven = False

    def newest(
        self, kind: str, limit: int, offset: int = 0, after: Place | None = None, camera_id: str | None = None
    ) -> list[StoredFile]:
        """Give files newest first, ties by name: behind ``after`` where it is given, ``offset`` further on."""
        return self._select(*_newest(kind, limit, offset, after, camera_id))

    def oldest(self, kind: str) -> Iterator[StoredFile]:
        """Give all files, oldest first. They may be changed and forgotten meanwhile."""
        before: Place | None = None
        while True:
            condition, values = ("", ()) if before is None else (" AND (minus_mtime, filename) < (?, ?)", _key(before))
            order = f"{condition} ORDER BY minus_mtime DESC, filename DESC LIMIT ?"
            batch = self._select(f"INDEXED BY newest WHERE kind = ?{order}", (kind, *values, _BATCH))
            yield from batch
            if len(batch) < _BATCH:
                return
            before = batch[-1].place

    def all(self, kind: str) -> Iterator[StoredFile]:
        """Give all files in the order of their names. They may be changed and forgotten meanwhile."""
        after = ""
        while True:
            batch = self._select("WHERE kind = ? AND filename > ? ORDER BY filename LIMIT ?", (kind, after, _BATCH))
            yield from batch
            if len(batch) < _BATCH:
                return
            after = batch[-1].filename

    def unread(self, kind: str, limit: int) -> list[StoredFile]:
        """Give some of the files whose metadata was not read yet."""
        tail = "INDEXED BY unread WHERE kind = ? AND sidecar_inode != 0 AND sidecar_mtime = 0 LIMIT ?"
        return self._select(tail, (kind, limit))

    def totals(self, kind: str, camera_id: str | None = None) -> tuple[int, int]:
        """Count the files, of one camera or of all, and their bytes."""
        condition, values = ("", ()) if camera_id is None else (" AND camera_id = ?", (camera_id,))
        statement = f"SELECT total(files), total(bytes) FROM totals WHERE kind = ?{condition}"  # noqa: S608 - ours
        with self._opened() as connection, closing(connection.execute(statement, (kind, *values))) as cursor:
            files, size = cursor.fetchone()
        return int(files), int(size)

    def _select(self, tail: str, values: tuple[object, ...]) -> list[StoredFile]:
        statement = f"SELECT {_COLUMNS} FROM files {tail}"  # noqa: S608 - ours
        with self._opened() as connection, closing(connection.execute(statement, values)) as cursor:
            return [_from_row(row) for row in cursor]

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                self._connection = self._open()
                self._generation += 1
            elif not self._is_still_there():
                self.close()
                raise IndexLost
            connection = self._connection
            try:
                yield connection
            except sqlite3.DatabaseError as error:
                self._lose(error)
                raise IndexLost from error

    def _is_still_there(self) -> bool:
        if self._in_memory:
            return True
        try:
            return os.stat(self._path).st_ino == self._inode
        except OSError:
            return False

    def _open(self) -> sqlite3.Connection:
        for _ in range(0 if self._in_memory else 2):
            try:
                return self._open_file()
            except (sqlite3.Error, OSError) as error:
                if "locked" in str(error):
                    # Another service of the same state directory has it. (Python 3.10 gives no error code.)
                    break
                self._anew(error)
        if not self._in_memory:
            self._log.error("The index of the media files is kept in memory: {path} is not usable", path=self._path)
        self._in_memory = True
        return _empty(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))

    def _open_file(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._path.exists():
            # Of a database that was removed these may be left, and are not this one's.
            self._delete()
        # sqlite takes an empty file as a new database; -wal gets its permissions.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        connection = sqlite3.connect(
            self._path, timeout=self._busy_timeout, isolation_level=None, check_same_thread=False
        )
        try:
            # Without it WAL maps a file into memory, -shm, and whoever shortens that file kills the process (SIGBUS).
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if status.st_size == 0:
                _empty(connection)
            _check(connection)
        except BaseException:
            connection.close()
            raise
        self._inode = status.st_ino
        self._unproven = status.st_size == 0
        return connection

    def _lose(self, error: sqlite3.DatabaseError) -> None:
        self.close()
        # A file that never took anything is not tried again: the disk is full, or worse.
        self._in_memory = self._in_memory or self._unproven
        self._anew(error)

    def _anew(self, error: Exception) -> None:
        self._log.error("The index of the media files is made anew: {path}: {error}", path=self._path, error=error)
        self._delete()

    def _delete(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            try:
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            except OSError:
                # Then it cannot be opened either, and memory does.
                return


def _newest(
    kind: str, limit: int, offset: int, after: Place | None, camera_id: str | None
) -> tuple[str, tuple[object, ...]]:
    # A plan that is named cannot be forgotten: sqlite keeps no statistics here and would guess.
    tail, values = ("INDEXED BY newest WHERE kind = ?", [kind])
    numbers: list[object] = []
    if camera_id is not None:
        tail = "INDEXED BY newest_of_camera WHERE kind = ? AND camera_id = ?"
        values.append(camera_id)
    if after is not None:
        tail += " AND (minus_mtime, filename) > (?, ?)"
        numbers.extend(_key(after))
    return f"{tail} ORDER BY minus_mtime, filename LIMIT ? OFFSET ?", (*values, *numbers, limit, offset)


def _empty(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")
    return connection


def _check(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if (version, verdict) != (_VERSION, "ok"):
        raise sqlite3.DatabaseError(f"version {version}, {verdict}")


def _key(place: Place) -> tuple[int, str]:
    return (-place.mtime_ns, place.filename)


def _to_row(file: StoredFile) -> tuple[object, ...]:
    return (
        file.kind,
        file.filename,
        # Never NULL, which a primary key may not hold.
        file.camera_id or "",
        file.size,
        -file.mtime_ns,
        file.duration,
        file.protected,
        file.inode,
        file.sidecar_inode,
        file.sidecar_mtime_ns,
        file.sidecar_size,
    )


def _from_row(row: tuple[Any, ...]) -> StoredFile:
    kind, filename, camera_id, size, minus_mtime, duration, protected, *stamps = row
    return StoredFile(kind, filename, camera_id or None, size, -minus_mtime, duration, bool(protected), *stamps)
