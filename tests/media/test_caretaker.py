"""The watch over the media directory: what it tells, what it mends, and that nothing ends it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.task import Clock
from twisted.logger import LogLevel

from tests.api.case import at_once
from tests.cameras.case import LogCase, make_bus
from tests.media.shelf import NOW, Disk, SmallDisk
from webcam_rpc.config import Storage
from webcam_rpc.media.caretaker import LOOK_EVERY, SWEEP_EVERY, Caretaker
from webcam_rpc.media.events import StorageChanged
from webcam_rpc.media.library import MediaLibrary
from webcam_rpc.media.names import RECORDINGS
from webcam_rpc.testing import FakeThreads

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.defer import Deferred


class CaretakerCase(LogCase):
    """A small disk with ten recordings of 50 bytes."""

    def setUp(self) -> None:
        """Make them, and begin to watch."""
        super().setUp()
        root = Path(self.mktemp()).absolute()
        self.directory, self.state = root / "media", root / "state"
        self.disk = Disk(self.directory)
        for number in range(10):
            self.disk.put(f"{number}.mp4", number, size=50)
        self.clock = Clock()
        self.bus = make_bus()
        self.events: list[Any] = []
        self.bus.subscribe(lambda stamped: self.events.append(stamped.event))
        self.make(at_once)

    def make(self, in_thread: Callable[..., Deferred[Any]], settings: Storage | None = None) -> None:
        """Make library and watch."""
        self.library = MediaLibrary(self.directory, self.state, settings or Storage(), self.bus, in_thread, lambda: NOW)
        self.addCleanup(self.library._shelves.close)
        self.room = self.library.room = SmallDisk(self.directory)
        self.caretaker = Caretaker(self.library, self.bus, in_thread, self.clock)

    def start(self) -> None:
        """Begin to watch, and end it with the test."""
        self.caretaker.startService()
        self.addCleanup(lambda: self.caretaker.running and self.caretaker.stopService())

    def look(self) -> list[str]:
        """Let one look pass; give the news of it."""
        self.clock.advance(LOOK_EVERY)
        return self.news()

    def news(self) -> list[str]:
        """Give the news since the last time."""
        told = [event.status for event in self.events]
        self.last: Any = self.events[-1] if self.events else None
        self.events.clear()
        return told

    def names(self) -> str:
        """Give what is on the disk, in one word."""
        return "".join(sorted(name[0] for name in self.disk.names() if name.endswith(".mp4")))


class RoomTests(CaretakerCase):
    """The room that is left."""

    def test_levels(self) -> None:
        """Each change is told once with what is available; as it began is not."""
        self.start()
        self.assertEqual(self.news() + self.look(), [])
        self.room.others = 400
        self.assertEqual(self.look() + self.look(), ["LOW"])
        self.room.others = 401
        self.assertEqual(self.look(), ["FULL"])
        self.assertEqual(self.last, StorageChanged(status="FULL", available_space=99))
        self.room.others = 400
        self.assertEqual(self.look(), [])
        self.room.others = 350
        self.assertEqual(self.look(), ["LOW"])
        self.room.others = 0
        self.assertEqual(self.look() + self.look(), ["OK"])
        self.assertEqual(self.names(), "0123456789")

    def test_low_at_the_start(self) -> None:
        """A disk that is full at the start is told at once."""
        self.room.others = 450
        self.start()
        self.assertEqual(self.news(), ["FULL"])
        self.assertTrue(self.successResultOf(self.library.usage()).low)

    def test_relieved(self) -> None:
        """Where the policy acts the oldest go as soon as room gets low, until it no longer is."""
        self.make(at_once, Storage(policy="age", max_age_days=1))
        self.start()
        self.room.others = 390
        self.assertEqual(self.look(), ["LOW", "CLEANED"])
        self.assertEqual(self.names(), "012345678")
        self.assertEqual(self.look(), ["OK"])

    def test_nothing_to_give(self) -> None:
        """Where nothing may go nothing does; what may go later goes with the next sweep."""
        self.make(at_once, Storage(policy="age", max_age_days=1))
        for number in range(10):
            self.successResultOf(self.library.protect(f"{number}.mp4", protected=True))
        self.start()
        self.room.others = 390
        self.assertEqual(self.look(), ["LOW"])
        self.successResultOf(self.library.protect("3.mp4", protected=False))
        self.assertEqual(self.look(), [])
        self.clock.pump([LOOK_EVERY] * int(SWEEP_EVERY / LOOK_EVERY))
        self.assertEqual((self.news(), self.names()), (["CLEANED", "OK"], "012456789"))


class SweepTests(CaretakerCase):
    """The sweep now and then."""

    def test_policy(self) -> None:
        """What is too old goes at the start and every ten minutes."""
        self.make(at_once, Storage(policy="age", max_age_days=1))
        self.disk.put("y.mp4", 90_000)
        self.start()
        self.assertEqual((self.news(), self.names()), (["CLEANED"], "0123456789"))
        self.disk.put("x.mp4", 90_000)
        self.clock.advance(SWEEP_EVERY - LOOK_EVERY)
        self.assertEqual(self.news(), [])
        self.clock.advance(LOOK_EVERY)
        self.assertEqual((self.news(), self.names()), (["CLEANED"], "0123456789"))

    def test_index(self) -> None:
        """The index is there before anybody asks."""
        self.start()
        self.assertEqual(len(list(self.library._shelves[RECORDINGS].oldest())), 10)

    def test_tidy(self) -> None:
        """Metadata of files that were deleted by hand is removed."""
        self.disk.dated(self.directory / RECORDINGS / "5.mp4.json", 7200)
        self.disk.remove("5.mp4")
        self.start()
        self.assertNotIn("5.mp4.json", self.disk.names())


class BrokenTests(CaretakerCase):
    """A directory that is not there, or not ours."""

    def test_made_again(self) -> None:
        """One that vanished is told and made again, and that is told."""
        self.start()
        shutil.rmtree(self.directory)
        self.assertEqual(self.look(), ["BROKEN", "OK"])
        self.assertIsNone(self.library.problem())
        self.assertEqual(self.look(), [])
        (line,) = self.lines(LogLevel.error)
        self.assertEqual(line, f"The media directory cannot be used: {self.directory}/recordings is not a directory")

    def test_cannot_be_made(self) -> None:
        """One that cannot be made is told once with its reason; when it is back, with its files, that is told."""
        self.start()
        away = self.directory.with_name("away")
        self.directory.rename(away)
        self.directory.write_text("")
        self.assertEqual(self.look(), ["BROKEN"])
        self.assertEqual(self.last.reason, f"{self.directory}/recordings is not a directory")
        self.assertEqual(self.look() + self.look(), [])
        self.clock.advance(SWEEP_EVERY)
        self.assertEqual(self.news(), [])
        self.directory.unlink()
        away.rename(self.directory)
        self.assertEqual(self.look(), ["OK"])
        self.assertEqual(self.successResultOf(self.library.page(RECORDINGS, 1)).total, 10)

    def test_back_and_full(self) -> None:
        """One that comes back full is told as that."""
        self.start()
        shutil.rmtree(self.directory)
        self.room.others = 950
        self.assertEqual(self.look(), ["BROKEN", "FULL"])


class ServiceTests(CaretakerCase):
    """Its own life."""

    def test_hangs(self) -> None:
        """A disk that hangs holds one thread for each task, and the end waits for it."""
        threads = FakeThreads()
        self.make(threads.run)
        self.start()
        self.clock.pump([LOOK_EVERY] * 300)
        self.assertEqual(len(threads), 2)
        stopped: Deferred[Any] = self.caretaker.stopService()
        self.assertNoResult(stopped)
        threads.work()
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_failure(self) -> None:
        """What goes wrong is logged and the next look comes."""
        self.start()
        self.room.others = 400
        self.library.room = None  # type: ignore[assignment]
        self.assertEqual(self.look(), [])
        self.assertEqual(self.lines(LogLevel.error), ["Looking after the media failed"])
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.library.room = self.room
        self.assertEqual(self.look(), ["LOW"])

    def test_twice(self) -> None:
        """It can be stopped and started again, and does nothing in between."""
        self.start()
        self.successResultOf(self.caretaker.stopService())
        self.room.others = 400
        self.assertEqual(self.look(), [])
        self.caretaker.startService()
        self.assertEqual(self.news(), ["LOW"])
        self.assertEqual(self.successResultOf(self.library.page(RECORDINGS, 1)).total, 10)
        self.successResultOf(self.caretaker.stopService())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_end_breaks_off(self) -> None:
        """A look through the directory that has not begun when the service ends is not begun; that is no failure."""
        threads = FakeThreads()
        self.make(threads.run)
        self.start()
        stopped: Deferred[Any] = self.caretaker.stopService()
        threads.work()
        self.successResultOf(stopped)
        self.assertEqual(list(self.library._shelves[RECORDINGS].oldest()), [])
        self.assertEqual(self.lines(LogLevel.error), [])
