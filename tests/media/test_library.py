"""The media library: a directory made, judged and never a reason not to run; its files listed, kept and let go."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.logger import LogLevel
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from tests.api.case import at_once
from tests.cameras.case import LogCase, make_bus
from tests.media.shelf import NOW, Disk, SmallDisk
from webcam_rpc.config import Storage
from webcam_rpc.media.events import StorageChanged
from webcam_rpc.media.folder import FileProtected
from webcam_rpc.media.library import Cleaned, Entry, MediaLibrary
from webcam_rpc.media.names import RECORDINGS, SNAPSHOTS
from webcam_rpc.media.retention import Policy
from webcam_rpc.media.stored import BadCursor
from webcam_rpc.media.troubles import NoSuchFile, StorageBroken, StorageLow
from webcam_rpc.testing import FakeThreads
from webcam_rpc.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable

reactor: Any = global_reactor

BY_AGE = Policy(policy_type="age", max_age_days=1, max_size_gb=1, enabled=True)
MANUAL = Policy(policy_type="manual", max_age_days=1, max_size_gb=1, enabled=True)


class LibraryCase(LogCase):
    """A library whose threads are this one."""

    def setUp(self) -> None:
        """Make it; the directory is not there yet."""
        super().setUp()
        root = Path(self.mktemp()).absolute()
        self.directory, self.state = root / "media", root / "state"
        self.bus = make_bus()
        self.events: list[object] = []
        self.bus.subscribe(lambda stamped: self.events.append(stamped.event))
        self.library = self.make()

    def make(self, in_thread: Callable[..., Deferred[Any]] = at_once, settings: Storage | None = None) -> MediaLibrary:
        """Make the library of this directory, as at another start."""
        library = MediaLibrary(
            self.directory, self.state, settings or Storage(floor=0), self.bus, in_thread, lambda: NOW
        )
        self.addCleanup(library._shelves.close)
        return library


class DirectoryTests(LibraryCase):
    """A directory of its own."""

    def test_prepare(self) -> None:
        """Both directories are made, with those above, and made again without complaint."""
        self.assertIsNotNone(self.library.problem())
        for _ in range(2):
            self.library.prepare()
            self.assertIsNone(self.library.problem())
        self.assertEqual({one.name for one in self.directory.iterdir()}, {"recordings", "snapshots"})
        self.assertGreater(self.library.available(), 0)
        self.assertEqual(self.library.floor(), 0)

    def test_in_the_way(self) -> None:
        """A file in the place of the directory is logged and told, and nothing is raised."""
        self.directory.parent.mkdir(parents=True)
        self.directory.write_text("")
        self.library.prepare()
        (line,) = self.lines(LogLevel.error)
        self.assertEqual(line, f"Cannot make the media directory {self.directory}: Not a directory")
        self.assertEqual(self.library.problem(), f"{self.directory}/recordings is not a directory")

    def test_vanished(self) -> None:
        """A directory that goes away later is told, by every call that needs it."""
        self.library.prepare()
        (self.directory / "snapshots").rmdir()
        self.assertEqual(self.library.problem(), f"{self.directory}/snapshots is not a directory")
        self.assertRaises(StorageBroken, self.library.check_room)
        for asked in (self.library.page(SNAPSHOTS, 10), self.library.usage(), self.library.clean_up()):
            self.failureResultOf(asked, StorageBroken)

    def test_check_room(self) -> None:
        """There is room for nothing, and not for more than the disk has."""
        self.library.prepare()
        self.library.check_room()
        self.assertRaises(StorageLow, self.library.check_room, 10**18)


class FilesCase(LibraryCase):
    """A directory with three recordings and a snapshot."""

    def setUp(self) -> None:
        """Put them there."""
        super().setUp()
        self.disk = Disk(self.directory)
        self.library.room = SmallDisk(self.directory)
        for age, name in enumerate(("a.mp4", "b.mp4", "c.mkv")):
            self.disk.put(name, age, duration=1.5)
        self.disk.put("s.jpg", 1, SNAPSHOTS)

    def names(self, kind: str = RECORDINGS) -> str:
        """List in one word."""
        return "".join(one.filename[0] for one in self.successResultOf(self.library.page(kind, 100)).files)


class FilesTests(FilesCase):
    """The files one by one, and in lists."""

    def test_page(self) -> None:
        """Entries as clients read them, and a cursor while there is more."""
        page = self.successResultOf(self.library.page(RECORDINGS, 2))
        self.assertEqual(page.files[1], Entry("b.mp4", "usb-1", 10, "2024-12-31T23:59:59.000Z", 1.5, protected=False))
        self.assertEqual(page.total, 3)
        page = self.successResultOf(self.library.page(RECORDINGS, 2, cursor=page.next_cursor))
        self.assertEqual(([one.filename for one in page.files], page.total, page.next_cursor), (["c.mkv"], 3, None))
        self.assertEqual(self.successResultOf(self.library.page(RECORDINGS, 2, camera_id="usb-2")).total, 0)

    def test_cursor_is_stable(self) -> None:
        """What comes and goes before a cursor changes nothing behind it, not even when its own file went."""
        cursor = self.successResultOf(self.library.page(RECORDINGS, 2)).next_cursor
        self.disk.put("n.mp4", -1)
        self.disk.remove("b.mp4")
        page = self.successResultOf(self.library.page(RECORDINGS, 2, cursor=cursor))
        self.assertEqual([one.filename for one in page.files], ["c.mkv"])
        self.failureResultOf(self.library.page(RECORDINGS, 2, cursor="nonsense"), BadCursor)

    def test_off_the_reactor(self) -> None:
        """Nothing is touched before a thread does it; one for what looks through all, one for single files."""
        threads = FakeThreads()
        library = self.make(threads.run)
        asked: list[Deferred[Any]] = [
            library.page(RECORDINGS, 10),
            library.info(RECORDINGS, "a.mp4"),
            library.usage(),
            library.protect("a.mp4", protected=True),
            library.delete(SNAPSHOTS, "s.jpg"),
            library.added(RECORDINGS, "a.mp4"),
            library.set_policy(BY_AGE),
            library.make_room(),
        ]
        self.assertEqual(len(threads), 2)
        self.assertEqual((self.state.exists(), self.disk.names(SNAPSHOTS)), (False, {"s.jpg", "s.jpg.json"}))
        for one in asked:
            self.assertNoResult(one)
        threads.work()
        for one in asked:
            self.successResultOf(one)
        self.assertTrue((self.state / "media.sqlite").exists())

    def test_cancelled(self) -> None:
        """A call that nobody waits for any more gives up its place, and the next one gets its turn."""
        threads = FakeThreads()
        library = self.make(threads.run)
        asked = [library.page(RECORDINGS, 10) for _ in range(3)]
        for one in asked[:2]:
            one.cancel()
            self.failureResultOf(one, CancelledError)
        threads.work()
        self.assertEqual(self.successResultOf(asked[2]).total, 3)

    def test_camera_not_read_yet(self) -> None:
        """Whose the files are is read before those of one camera are given; nothing else waits for it."""
        threads = FakeThreads()
        library = self.make(threads.run)
        library._shelves[RECORDINGS].many = 0
        mine = library.page(RECORDINGS, 10, camera_id="usb-1")
        threads.work_one()
        every = library.page(RECORDINGS, 10)
        added = library.added(RECORDINGS, "b.mp4")
        self.assertNoResult(mine)
        threads.work()
        self.assertEqual([self.successResultOf(one).total for one in (mine, every)], [3, 3])
        self.successResultOf(added)

    def test_info_and_path(self) -> None:
        """A file is known by kind and name, and served only where it is whole media."""
        self.assertEqual(self.successResultOf(self.library.info(SNAPSHOTS, "s.jpg")).file_size, 10)
        self.failureResultOf(self.library.info(SNAPSHOTS, "a.mp4"), NoSuchFile)
        self.assertEqual(self.library.path(RECORDINGS, "new.mp4"), self.directory / "recordings" / "new.mp4")
        self.assertIsNone(self.library.open_path(RECORDINGS, "new.mp4"))
        self.assertEqual(self.library.open_path(SNAPSHOTS, "s.jpg"), self.directory / "snapshots" / "s.jpg")
        self.assertIsNone(self.library.open_path(RECORDINGS, "../snapshots/s.jpg"))

    def test_delete_and_protect(self) -> None:
        """A protected recording stays until it no longer is."""
        self.assertTrue(self.successResultOf(self.library.protect("b.mp4", protected=True)).protected)
        self.failureResultOf(self.library.delete(RECORDINGS, "b.mp4"), FileProtected)
        self.successResultOf(self.library.protect("b.mp4", protected=False))
        self.assertIsNone(self.successResultOf(self.library.delete(RECORDINGS, "b.mp4")))
        self.failureResultOf(self.library.delete(RECORDINGS, "b.mp4"), NoSuchFile)
        self.failureResultOf(self.library.protect("b.mp4", protected=True), NoSuchFile)
        self.assertEqual(self.names(), "ac")

    def test_amend(self) -> None:
        """Two that change the same metadata at once both have their way."""
        threads = FakeThreads()
        library = self.make(threads.run)
        protecting = library.protect("a.mp4", protected=True)
        amended = library.amend(RECORDINGS, "a.mp4", lambda meta: msgspec.structs.replace(meta, frames=7))
        threads.work()
        self.successResultOf(protecting)
        meta: Any = self.successResultOf(amended)
        self.assertEqual((meta.protected, meta.frames, meta.camera.camera_id), (True, 7, "usb-1"))

    def test_added(self) -> None:
        """A file that cannot be taken in is no reason to fail: it is found at the next look."""
        library = self.make(lambda *_: at_once(int, "x"))
        self.assertIsNone(self.successResultOf(library.added(RECORDINGS, "a.mp4")))
        (line,) = self.lines(LogLevel.error)
        self.assertEqual(line, "a.mp4 is not listed yet")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_usage(self) -> None:
        """What the disk has, what our files take, and whether that is near the floor."""
        usage = self.successResultOf(self.library.usage())
        self.assertEqual(msgspec.structs.astuple(usage), (1000, 40, 960, 30, 10, False, 100))
        self.disk.put("d.mp4", size=815)
        usage = self.successResultOf(self.library.usage())
        self.assertEqual((usage.available, usage.recordings_size, usage.low), (145, 845, True))

    def test_index_lost(self) -> None:
        """Whatever becomes of the index, the list is that of the files."""
        index = self.state / "media.sqlite"
        self.assertEqual(self.names(), "abc")
        index.unlink()
        self.assertEqual(self.names(), "abc")
        index.write_bytes(b"garbage" * 1000)
        self.assertEqual(self.names(), "abc")
        connection = self.library._shelves._index._connection
        assert connection is not None
        connection.execute("DROP TABLE files")
        self.assertEqual(self.names(), "abc")
        self.successResultOf(self.library.close())
        index.write_bytes(b"garbage" * 1000)
        self.assertEqual(self.names(), "abc")
        self.library = self.make()
        index.unlink()
        index.mkdir()
        self.disk.remove("b.mp4")
        self.assertEqual(self.names(), "ac")


class RetentionTests(FilesCase):
    """What goes, by policy and for room."""

    def setUp(self) -> None:
        """Put two old files there as well, one of them protected."""
        super().setUp()
        self.disk.put("o.mp4", 90_000, size=100)
        self.disk.put("p.mp4", 100_000, size=100, protected=True)
        self.disk.put("t.jpg", 95_000, SNAPSHOTS, size=100)
        self.library.policy = BY_AGE

    def test_clean_up(self) -> None:
        """What is too old goes, of both kinds and with its metadata, and that is announced; then nothing more goes."""
        self.assertEqual(self.successResultOf(self.library.clean_up()), Cleaned(2, 200))
        self.assertEqual((self.names(), self.names(SNAPSHOTS)), ("abcp", "s"))
        self.assertNotIn("o.mp4.json", self.disk.names())
        self.assertEqual(
            self.events,
            [StorageChanged(status="CLEANED", available_space=860, files_deleted=2, space_freed=200)],
        )
        self.assertEqual(self.successResultOf(self.library.clean_up()), Cleaned(0, 0))
        self.assertEqual(len(self.events), 1)

    def test_by_size(self) -> None:
        """The oldest of both kinds go until the rest is small enough, and no more when two clean up at once."""
        threads = FakeThreads()
        self.library = self.make(threads.run)
        self.library.policy = Policy(policy_type="size", max_age_days=1, max_size_gb=240e-9, enabled=True)
        cleaned = [self.library.clean_up(), self.library.clean_up()]
        threads.work()
        self.assertEqual([self.successResultOf(one) for one in cleaned], [Cleaned(1, 100), Cleaned(0, 0)])
        self.assertEqual(self.disk.names(SNAPSHOTS), {"s.jpg", "s.jpg.json"})
        self.assertIn("o.mp4", self.disk.names())

    def test_many(self) -> None:
        """More than go in one turn all go; others have their turns in between."""
        for number in range(250):
            self.disk.put(f"x{number}.mp4", 200_000 + number, camera_id=None)
        threads = FakeThreads()
        library = self.make(threads.run)
        library.policy = BY_AGE
        cleaned = library.clean_up()
        threads.work_one()
        threads.work_one()
        info = library.info(RECORDINGS, "a.mp4")
        for _ in range(2):
            self.assertNoResult(info)
            threads.work_one()
        self.successResultOf(info)
        self.assertNoResult(cleaned)
        threads.work()
        self.assertEqual(self.successResultOf(cleaned), Cleaned(252, 2700))

    def test_written_now(self) -> None:
        """A recording that is being written stays, however long it takes."""
        part = self.disk.put("w.mp4.part", 500_000, camera_id=None)
        draft = self.disk.put("w.mp4.json", 500_000, camera_id=None)
        self.library.policy = Policy(policy_type="size", max_age_days=1, max_size_gb=1e-9, enabled=True)
        self.successResultOf(self.library.sweep())
        self.assertEqual((self.names(), part.exists(), draft.exists()), ("p", True, True))

    def test_make_room(self) -> None:
        """The oldest that are not protected go until what is required fits above the floor; then it does."""
        self.assertTrue(self.successResultOf(self.library.make_room(560)))
        self.assertEqual(self.events, [])
        self.assertTrue(self.successResultOf(self.library.make_room(561)))
        self.assertEqual((self.names(), self.names(SNAPSHOTS)), ("abcop", "s"))
        self.assertFalse(self.successResultOf(self.library.make_room(900)))
        self.assertEqual((self.names(), self.names(SNAPSHOTS)), ("p", ""))

    def test_room_seen_late(self) -> None:
        """What went is not made to go again because the file system shows it only later."""
        disk = SmallDisk(self.directory)
        self.library.room = disk
        disk.slow, disk.others = True, 600
        for _ in range(2):
            self.assertTrue(self.successResultOf(self.library.make_room(10)))
        self.assertEqual((self.names(), self.names(SNAPSHOTS)), ("abcop", "s"))

    def test_no_room_by_hand(self) -> None:
        """A manual policy, or one that is switched off, deletes nothing by itself."""
        for policy in (MANUAL, msgspec.structs.replace(BY_AGE, enabled=False)):
            self.library.policy = policy
            self.assertFalse(self.successResultOf(self.library.make_room(900)))
            self.successResultOf(self.library.relieve())
            self.successResultOf(self.library.sweep())
            self.assertEqual((self.names(), self.events), ("abcop", []))
        self.assertEqual(self.successResultOf(self.library.clean_up()), Cleaned(2, 200))

    def test_relieve(self) -> None:
        """Room is made until it is no longer low."""
        disk = SmallDisk(self.directory)
        self.library.room = disk
        disk.others = 1000 - 340 - 100
        self.successResultOf(self.library.relieve())
        self.assertEqual((disk.space().available, disk.level(disk.space(), "FULL")), (200, "OK"))

    def test_set_policy(self) -> None:
        """A policy that was set outlives the process, and the configuration."""
        self.assertEqual(self.successResultOf(self.library.set_policy(MANUAL)), MANUAL)
        self.assertEqual(self.library.policy, MANUAL)
        again = self.make(settings=Storage(policy="size"))
        self.assertEqual(again.policy.policy_type, "size")
        again.prepare()
        self.assertEqual(again.policy, MANUAL)

    def test_policy_not_kept(self) -> None:
        """A policy that cannot be kept is refused; one that cannot be read leaves the configuration's."""
        (self.state / "retention.json").mkdir(parents=True)
        self.failureResultOf(self.library.set_policy(MANUAL), StorageBroken)
        self.assertEqual(self.library.policy, BY_AGE)
        (self.state / "retention.json").rmdir()
        (self.state / "retention.json").write_text('{"policy_type": "age", "max_age_days": 0}')
        again = self.make(settings=Storage(policy="size"))
        again.prepare()
        self.assertEqual(again.policy, Policy.of(Storage(policy="size")))
        self.assertIn("Cannot read the policy of retention", self.lines(LogLevel.error)[-1])


class ThreadTests(TestCase):
    """Real threads."""

    timeout = 120

    def setUp(self) -> None:
        """Choose a directory."""
        self.root = Path(self.mktemp()).absolute()

    async def test_all_at_once(self) -> None:
        """Lists, changes and deletions from everywhere at once, with an index that is lost on the way, end well."""
        root = self.root
        disk = Disk(root / "media")
        for number in range(60):
            disk.put(f"{number:02d}.mp4", number)
        threads = Threads(reactor, ThreadPool(0, 8, "test"))
        threads.startService()
        self.addCleanup(threads.stopService)
        library = MediaLibrary(root / "media", root / "state", Storage(floor=0), make_bus(), threads.run, time.time)
        asked: list[Deferred[Any]] = []
        for number in range(30):
            asked.append(library.page(RECORDINGS, 20))
            asked.append(library.delete(RECORDINGS, f"{number:02d}.mp4"))
            asked.append(library.protect(f"{number + 30:02d}.mp4", protected=True))
            disk.put(f"n{number:02d}.mp4", -number)
            asked.append(library.added(RECORDINGS, f"n{number:02d}.mp4"))
            if number == 15:
                await asked[20]
                (root / "state" / "media.sqlite").write_bytes(b"garbage" * 1000)
        await gatherResults(asked, consumeErrors=True)
        page = await library.page(RECORDINGS, 100)
        wanted = [f"n{number:02d}.mp4" for number in reversed(range(30))] + [f"{n:02d}.mp4" for n in range(30, 60)]
        self.assertEqual([one.filename for one in page.files], wanted)
        self.assertEqual([one.protected for one in page.files], [False] * 30 + [True] * 30)
        await library.close()
