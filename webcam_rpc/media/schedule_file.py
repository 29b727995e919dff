"""The file of the schedules and their runs: ``schedules.sqlite`` in the state directory.

Owns the database. One that cannot be understood is put aside as ``schedules.sqlite.broken`` and said so; one that
breaks or vanishes while the service runs is made anew from what is in memory.
"""

from __future__ import annotations

import os
import sqlite3
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.logger import Logger

from webcam_rpc.durable import sync_directory
from webcam_rpc.media.runs import Entry, Run
from webcam_rpc.media.schedule import Schedule, check_form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: Changes with the tables; a file of another version is put aside.
_VERSION = 1
_TABLES = """
CREATE TABLE schedules(
    schedule_id TEXT PRIMARY KEY, since INTEGER NOT NULL, recorded TEXT NOT NULL, schedule TEXT NOT NULL
);
CREATE TABLE runs(
    schedule_id TEXT NOT NULL REFERENCES schedules ON DELETE CASCADE, start INTEGER NOT NULL, last INTEGER NOT NULL,
    ends REAL NOT NULL, camera_id TEXT NOT NULL, outcome TEXT NOT NULL, recording_id TEXT, joined INTEGER NOT NULL,
    files TEXT NOT NULL, writing TEXT, reason TEXT, position INTEGER NOT NULL,
    PRIMARY KEY(schedule_id, start)
);
"""
#: The columns of a run that are members of :class:`Run`, in their order; the position among the others comes last.
_COLUMNS = Run.__struct_fields__
_SELECT_RUNS = f"SELECT {', '.join(_COLUMNS)} FROM runs ORDER BY schedule_id, position"  # noqa: S608 - ours
_INSERT_RUN = f"INSERT INTO runs({', '.join(_COLUMNS)}, position) VALUES({'?, ' * len(_COLUMNS)}?)"
_BUSY_TIMEOUT = 5.0


class ScheduleFile:
    """The database. Everything here blocks: call it in a thread; any thread may, one at a time is let in."""

    _log = Logger()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def read(self) -> dict[str, Entry]:
        """Give all that is in the file. Raises OSError and sqlite3.Error if it is there and out of reach."""
        with self._lock:
            try:
                self._open()
                return self._read()
            except sqlite3.DatabaseError as error:
                if not _is_broken(error):
                    raise
                self._put_aside(error)
                return {}

    def write(self, entries: Mapping[str, Entry], changed: set[str]) -> None:
        """Bring what changed into the file, and everything into one that is new. Raises OSError and sqlite3.Error."""
        with self._lock:
            if self._connection is not None and not self._is_still_there():
                self._log.error("{path} is gone, and is made anew", path=self.path)
                self._close()
            for attempt in (1, 2):
                try:
                    is_new = self._open()
                    self._write(entries, {*entries, *changed} if is_new else changed)
                except sqlite3.DatabaseError as error:
                    if not _is_broken(error) or attempt == 2:  # noqa: PLR2004 - the second is the last
                        raise
                    self._put_aside(error)
                else:
                    return

    def close(self) -> None:
        """Close it; what is in the log (-wal) goes into the file."""
        with self._lock:
            self._close()

    def _open(self) -> bool:
        """Open the file if it is not; tell whether it is new."""
        if self._connection is not None:
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # sqlite takes an empty file as a new database; -wal and -shm get its permissions.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            is_new = connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None
            if is_new:
                connection.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {_VERSION};COMMIT;")
                sync_directory(self.path.parent)
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if (version, verdict) != (_VERSION, "ok"):
                raise sqlite3.DatabaseError(f"version {version}, {verdict}")  # noqa: TRY301 - as sqlite says it
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, status.st_ino
        return is_new

    def _read(self) -> dict[str, Entry]:
        assert self._connection is not None  # noqa: S101 - it was opened
        runs: dict[str, list[Run]] = {}
        for row in self._connection.execute(_SELECT_RUNS):
            run = self._understood(row[0], _to_run, row)
            if run is not None:
                runs.setdefault(row[0], []).append(run)
        entries = {}
        for schedule_id, since, recorded, schedule in self._connection.execute(
            "SELECT schedule_id, since, recorded, schedule FROM schedules"
        ):
            past = tuple(runs.get(schedule_id, ()))
            entry = self._understood(schedule_id, _to_entry, (schedule, since, recorded, past))
            if entry is not None:
                entries[schedule_id] = entry
        return dict(sorted(entries.items(), key=lambda item: item[1].schedule.created))

    def _understood(self, schedule_id: str, read: Callable[[Any], Any], row: tuple[Any, ...]) -> Any:  # noqa: ANN401
        try:
            return read(row)
        except (ValueError, TypeError, RecursionError) as error:
            # It stays in the file: the version that wrote it may come back.
            self._log.error("Of schedule {id} not all is understood: {error}", id=schedule_id, error=error)
            return None

    def _write(self, entries: Mapping[str, Entry], changed: set[str]) -> None:
        assert self._connection is not None  # noqa: S101 - it was opened
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            for schedule_id in changed:
                self._connection.execute("DELETE FROM schedules WHERE schedule_id = ?", (schedule_id,))
                entry = entries.get(schedule_id)
                if entry is None:
                    continue
                row = (
                    schedule_id,
                    entry.since,
                    msgspec.json.encode(entry.recorded).decode(),
                    msgspec.json.encode(entry.schedule).decode(),
                )
                self._connection.execute("INSERT INTO schedules VALUES(?, ?, ?, ?)", row)
                rows = [(*_from_run(run), position) for position, run in enumerate(entry.runs)]
                self._connection.executemany(_INSERT_RUN, rows)

    def _is_still_there(self) -> bool:
        try:
            return os.stat(self.path).st_ino == self._inode
        except OSError:
            return False

    def _put_aside(self, error: sqlite3.DatabaseError) -> None:
        self._close()
        aside = self.path.with_name(self.path.name + ".broken")
        self._log.error("{path} is broken ({error}): put aside as {aside}", path=self.path, error=error, aside=aside)
        for suffix in ("-shm", "-wal", ""):
            part = self.path.with_name(self.path.name + suffix)
            if part.exists():
                part.replace(aside.with_name(aside.name + suffix))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    # SQLITE_CORRUPT and SQLITE_NOTADB; what is full, locked, read-only or out of reach is an OperationalError.
    return type(error) is sqlite3.DatabaseError


def _to_entry(row: tuple[Any, ...]) -> Entry:
    schedule, since, recorded, runs = row
    read = msgspec.json.decode(schedule, type=Schedule)
    check_form(read)
    stretches = msgspec.json.decode(recorded, type=tuple[tuple[int, int], ...])
    return Entry(schedule=read, since=since, recorded=stretches, runs=runs)


def _to_run(row: tuple[Any, ...]) -> Run:
    values = dict(zip(_COLUMNS, row, strict=True))
    values.update(joined=bool(values["joined"]), files=msgspec.json.decode(values["files"]))
    return msgspec.convert(values, Run)


def _from_run(run: Run) -> tuple[object, ...]:
    values = msgspec.structs.asdict(run)
    values["files"] = msgspec.json.encode(run.files).decode()
    return tuple(values[name] for name in _COLUMNS)
