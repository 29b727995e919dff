"""Schedules on disk: what survives, what breaks, and what is said about it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import LogLevel

from tests.cameras.case import LogCase
from tests.media.scheduling import a_schedule, at_once
from webcam_rpc.media.runs import Entry, Run
from webcam_rpc.media.schedules import LIMIT, NoSuchSchedule, Schedules, TooManySchedules
from webcam_rpc.testing import FakeThreads

if TYPE_CHECKING:
    from collections.abc import Callable


def an_entry(schedule_id: str = "s1", **more: Any) -> Entry:
    """Give a schedule that has run once and runs again, with everything that there is to remember."""
    entry = Entry(schedule=a_schedule(schedule_id, **more), since=1)
    known: dict[str, Any] = {"schedule_id": schedule_id, "camera_id": "usb-1"}
    done = Run(start=60, last=120, ends=180.5, outcome="FINISHED", recording_id="r1", files=("a.mp4", "ü.mp4"), **known)
    now = Run(start=240, last=240, ends=300.0, joined=True, writing="b.mp4", reason="late", **known)
    return entry.with_run(done).with_run(now)


class StoreCase(LogCase):
    """A file of its own for each test."""

    def setUp(self) -> None:
        """Choose the file."""
        super().setUp()
        self.path = Path(self.mktemp()).absolute() / "state" / "schedules.sqlite"
        self.addCleanup(lambda: [self.successResultOf(one.close()) for one in self.opened])
        self.opened: list[Schedules] = []

    def open(self, in_thread: Callable[..., Any] = at_once) -> Schedules:
        """Read the file as a start of the service does."""
        schedules = Schedules(self.path, in_thread)
        if in_thread is at_once:
            self.opened.append(schedules)
            self.successResultOf(schedules.load())
        return schedules

    def put(self, schedules: Schedules, *entries: Entry) -> None:
        """Keep entries."""
        for entry in entries:
            self.successResultOf(schedules.put(entry))


class KeepTests(StoreCase):
    """What is kept."""

    def test_survives(self) -> None:
        """Everything is there again, in its order, without the file having been closed."""
        entries = (
            an_entry("b", created=1.0),
            an_entry("a", created=2.0, name="Tür", cron="0 0 * * *"),
            an_entry("c", created=3.0),
        )
        schedules = self.open()
        self.put(schedules, *entries)
        self.successResultOf(schedules.remove("c"))
        self.put(schedules, entries[0])
        self.assertEqual(self.open().all(), entries[:2])
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        connection = sqlite3.connect(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("PRAGMA journal_mode").fetchone(), ("wal",))
        self.assertEqual(connection.execute("SELECT count(*) FROM runs").fetchone(), (4,))

    def test_unknown(self) -> None:
        """What is not there cannot be had or removed."""
        schedules = self.open()
        self.assertRaises(NoSuchSchedule, schedules.get, "s1")
        self.assertRaises(NoSuchSchedule, schedules.remove, "s1")

    def test_limit(self) -> None:
        """One too many is refused; one that is there can be replaced."""
        schedules = self.open()
        schedules._entries.update({str(number): an_entry(str(number)) for number in range(LIMIT)})
        self.assertRaises(TooManySchedules, schedules.put, an_entry())
        self.put(schedules, an_entry("7"))

    def test_one_write_at_a_time(self) -> None:
        """Changes that come while the disk is busy go into one more write, and each is told when it is on disk."""
        threads = FakeThreads()
        schedules = self.open(threads.run)
        loading = schedules.load()
        threads.work()
        self.successResultOf(loading)
        written = [schedules.put(an_entry(name)) for name in ("a", "b", "c")]
        self.assertEqual(len(threads), 1)
        threads.work_one()
        self.successResultOf(written[0])
        self.assertNoResult(written[1])
        self.assertEqual(len(threads), 1)
        settled = schedules.settled()
        threads.work()
        for each in (*written[1:], settled):
            self.successResultOf(each)
        self.assertEqual(len(self.open().all()), 3)
        closed = schedules.close()
        threads.work()
        self.successResultOf(closed)


class TroubleTests(StoreCase):
    """Files that break, vanish or cannot be written."""

    def errors(self) -> str:
        """Give what was logged as an error."""
        return "\n".join(self.lines(LogLevel.error))

    def test_broken_at_the_start(self) -> None:
        """A file that is none is put aside, said so, and service goes on with a new one."""
        self.path.parent.mkdir(parents=True)
        self.path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
        schedules = self.open()
        self.assertEqual(schedules.all(), ())
        self.assertIn("is broken", self.errors())
        self.assertTrue(self.path.with_name("schedules.sqlite.broken").exists())
        self.put(schedules, an_entry())
        self.assertEqual(self.open().all(), (an_entry(),))

    def test_other_version(self) -> None:
        """A file of another version is put aside, too."""
        schedules = self.open()
        self.put(schedules, an_entry())
        self.successResultOf(schedules.close())
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        self.assertEqual(self.open().all(), ())
        self.assertIn("version 99", self.errors())

    def test_half_made(self) -> None:
        """A database without tables, as a crash at the first start leaves it, is filled."""
        self.path.parent.mkdir(parents=True)
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.close()
        self.put(self.open(), an_entry())
        self.assertEqual(self.errors(), "")

    def test_damaged_while_running(self) -> None:
        """A file that is damaged, or removed, while the service runs is made anew from memory."""
        schedules = self.open()
        self.put(schedules, an_entry("a", created=1.0))
        self.successResultOf(schedules.close())
        self.path.write_bytes(b"x" * 20000)
        self.put(schedules, an_entry("b", created=2.0))
        self.assertIn("is broken", self.errors())
        self.path.unlink()
        self.put(schedules, an_entry("c", created=3.0))
        self.assertIn("is gone", self.errors())
        self.assertEqual([entry.schedule.schedule_id for entry in self.open().all()], ["a", "b", "c"])

    def test_row_not_understood(self) -> None:
        """A row that a later version wrote is left alone; the others are had."""
        schedules = self.open()
        self.put(schedules, an_entry("a"), an_entry("b"))
        self.successResultOf(schedules.close())
        connection = sqlite3.connect(self.path)
        with connection:
            connection.execute(
                "UPDATE schedules SET schedule = json_set(schedule, '$.cron', 'never') WHERE schedule_id = 'a'"
            )
        connection.close()
        schedules = self.open()
        self.assertEqual([entry.schedule.schedule_id for entry in schedules.all()], ["b"])
        self.assertIn("schedule a", self.errors())
        self.put(schedules, an_entry("b"))
        connection = sqlite3.connect(self.path)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute("SELECT count(*) FROM schedules").fetchone(), (2,))

    def test_not_writable(self) -> None:
        """What cannot be written is told, stays in memory, and goes along with the next write."""
        self.path.parent.parent.mkdir(parents=True, exist_ok=True)
        self.path.parent.write_text("a file where the directory should be")
        schedules = self.open()
        self.failureResultOf(schedules.put(an_entry("a", created=1.0)), OSError)
        self.assertIn("schedules.sqlite", schedules.problem or "")
        schedules.keep(an_entry("b", created=2.0))
        self.path.parent.unlink()
        self.put(schedules, an_entry("c", created=3.0))
        self.assertIsNone(schedules.problem)
        self.assertEqual([entry.schedule.schedule_id for entry in self.open().all()], ["a", "b", "c"])

    def test_locked(self) -> None:
        """A file that another program holds is not broken: it stays, and the write fails."""
        schedules = self.open()
        self.put(schedules, an_entry())
        schedules._file._connection.execute("PRAGMA busy_timeout = 1")  # type: ignore[union-attr]
        other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("BEGIN IMMEDIATE")
        self.failureResultOf(maybeDeferred(schedules.put, an_entry("s2")), sqlite3.OperationalError)
        other.execute("ROLLBACK")
        self.put(schedules, an_entry("s3"))
        self.assertEqual(len(self.open().all()), 3)
        self.assertFalse(self.path.with_name("schedules.sqlite.broken").exists())
