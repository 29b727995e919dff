"""The index: in order, in step with what it is told, and made anew rather than believed."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from twisted.logger import LogLevel

from tests.cameras.case import LogCase
from tests.media.shelf import NOW, a_stored
from webcam_rpc.media import index as module
from webcam_rpc.media.index import Index, IndexLost
from webcam_rpc.media.names import RECORDINGS, SNAPSHOTS
from webcam_rpc.media.stored import MOST, BadCursor, Place, StoredFile, clamped


class IndexTests(LogCase):
    """A database in a directory of its own."""

    def setUp(self) -> None:
        """Open it."""
        super().setUp()
        self.path = Path(self.mktemp()).absolute() / "state" / "media.sqlite"
        self.index = self.open()

    def open(self) -> Index:
        """Open it, once more."""
        index = Index(self.path)
        self.addCleanup(index.close)
        return index

    def names(self, limit: int = 100, offset: int = 0, after: Place | None = None, camera: str | None = None) -> str:
        """Give the newest files' names in one word."""
        return "".join(row.filename[0] for row in self.index.newest(RECORDINGS, limit, offset, after, camera))


class OrderTests(IndexTests):
    """What is given, and in which order."""

    def setUp(self) -> None:
        """Put in five files: e is the newest, b and c are of one moment."""
        super().setUp()
        ages = {"a.mp4": 9, "c.mp4": 5, "b.mp4": 5, "d.mkv": 3, "e.mp4": 1}
        self.index.change(a_stored(name, NOW - age, "usb-" + name[0]) for name, age in ages.items())
        self.index.change([a_stored("s.jpg", kind=SNAPSHOTS)])

    def test_newest(self) -> None:
        """Newest first, ties by name, and the other kind is not among them."""
        self.assertEqual(self.names(), "edbca")
        self.assertEqual((self.names(2), self.names(2, 2), self.names(2, 4), self.names(2, 5)), ("ed", "bc", "a", ""))

    def test_oldest(self) -> None:
        """Oldest first is the same order from its other end."""
        self.assertEqual([row.filename[0] for row in self.index.oldest(RECORDINGS)], list("acbde"))

    def test_place(self) -> None:
        """Behind a place come the same files whatever came or went before it, itself included."""
        place = Place(a_stored("", NOW - 5).mtime_ns, "b.mp4")
        self.assertEqual(self.names(after=place), "ca")
        self.index.change([a_stored("f.mp4")], [(RECORDINGS, "b.mp4"), (RECORDINGS, "e.mp4")])
        self.assertEqual((self.names(after=place), self.names()), ("ca", "fdca"))

    def test_camera(self) -> None:
        """The files of one camera alone; those of none are nobody's."""
        self.index.change([a_stored("g.mp4", NOW, None), a_stored("h.mp4", NOW - 4, "usb-a")])
        self.assertEqual((self.names(camera="usb-a"), self.names(camera="usb-0"), self.names(1)), ("ha", "", "g"))
        self.assertEqual(self.index.newest(RECORDINGS, 1)[0].camera_id, None)

    def test_rows(self) -> None:
        """What comes out is what went in, changed as it was changed."""
        row = a_stored("a.mp4", 0, None, duration=None, protected=True, size=0)
        self.index.change([row])
        self.assertEqual(self.index.newest(RECORDINGS, 1, 4), [row])
        self.assertEqual(next(iter(self.index.all(RECORDINGS))), row)

    def test_extremes(self) -> None:
        """Times of files from before 1970 and from beyond what can be kept are in order."""
        beyond = clamped(2**80)
        self.assertEqual((beyond, clamped(-(2**80))), (MOST, -MOST))
        for name, mtime in (("y.mp4", -5), ("z.mp4", beyond)):
            self.index.change([StoredFile(RECORDINGS, name, None, 1, mtime, None, False, MOST, 0, 0, 0)])  # noqa: FBT003
        self.assertEqual(self.names(), "zedbcay")

    def test_totals(self) -> None:
        """Files and bytes are counted for all and for each camera, through every change."""
        self.assertEqual(self.index.totals(RECORDINGS), (5, 500))
        self.index.change(
            [a_stored("a.mp4", camera_id="usb-b", size=1)], [(RECORDINGS, "e.mp4"), (RECORDINGS, "x.mp4")]
        )
        self.assertEqual(self.index.totals(RECORDINGS), (4, 301))
        self.assertEqual(self.index.totals(RECORDINGS, "usb-a"), (0, 0))
        self.assertEqual(self.index.totals(RECORDINGS, "usb-b"), (2, 101))
        self.assertEqual(self.index.totals(SNAPSHOTS), (1, 100))

    def test_batches(self) -> None:
        """More than fit into one batch all come, while they are forgotten on the way too."""
        self.index.change(a_stored(f"n{number:04d}.mp4", NOW - 10 - number // 7) for number in range(1234))
        self.assertEqual(len({row.filename for row in self.index.all(RECORDINGS)}), 1239)
        order = [row.place for row in self.index.newest(RECORDINGS, 2000)]
        for number, row in enumerate(self.index.oldest(RECORDINGS)):
            self.assertEqual(row.place, order[-1 - number])
            self.index.change(gone=[(RECORDINGS, row.filename)])
        self.assertEqual(self.index.totals(RECORDINGS), (0, 0))


class CursorTests(LogCase):
    """Places as text."""

    def test_there_and_back(self) -> None:
        """A cursor is its place, and text that needs no quoting in a URL."""
        for place in (Place(1, "a.mp4"), Place(-MOST, "x" * 128), Place(MOST, "~>?.mkv")):
            self.assertRegex(place.cursor(), r"^[A-Za-z0-9_-]+$")
            self.assertEqual(Place.at(place.cursor()), place)

    def test_not_ours(self) -> None:
        """Anything else is refused."""
        over = Place(1, "a").cursor()
        for text in ("", "a", "=", over + "A", over[:-2], "WzEsMl0", "é", "[1,'a']", "W10", "WyIxIiwiYSJd", "\ud800"):
            self.assertRaises(BadCursor, Place.at, text)


class AnewTests(IndexTests):
    """It is made anew when it is not what it should be, with a line that says so."""

    def setUp(self) -> None:
        """Put something in."""
        super().setUp()
        self.index.change(a_stored(f"{number}.mp4") for number in range(2000))
        self.generation = self.index.generation()

    def reopened(self) -> int:
        """Close it, open it, and count what it holds."""
        self.index.close()
        self.index = self.open()
        return self.index.totals(RECORDINGS)[0]

    def test_kept(self) -> None:
        """A sound one is kept, with permissions for us alone, and is of another generation."""
        self.assertEqual(self.reopened(), 2000)
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)
        before = self.index.generation()
        self.index.close()
        self.assertGreater(self.index.generation(), before)
        self.assertEqual(self.lines(LogLevel.error), [])

    def test_garbage_at_start(self) -> None:
        """Garbage is replaced."""
        self.index.close()
        self.path.write_bytes(b"garbage" * 1000)
        self.assertEqual(self.reopened(), 0)
        (line,) = self.lines(LogLevel.error)
        self.assertIn("made anew", line)
        self.assertEqual(self.reopened(), 0)
        self.assertEqual(self.lines(LogLevel.error), [])

    def test_damaged_within(self) -> None:
        """A page in the middle that was overwritten is found when it is opened."""
        self.index.close()
        with self.path.open("r+b") as file:
            file.seek(5 * 4096)
            file.write(b"\xff" * 4096)
        self.assertEqual(self.reopened(), 0)

    def test_another_version(self) -> None:
        """One of another version is replaced."""
        self.index.close()
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 77")
        connection.close()
        self.assertEqual(self.reopened(), 0)

    def test_tables_gone_while_running(self) -> None:
        """What cannot be asked any more is lost, and then empty and of another generation."""
        assert self.index._connection is not None
        self.index._connection.execute("DROP INDEX newest")
        self.assertRaises(IndexLost, self.index.newest, RECORDINGS, 1)
        self.assertGreater(self.index.generation(), self.generation)
        self.assertEqual(self.names(), "")
        self.index.change([a_stored("a.mp4")])
        self.assertEqual(self.reopened(), 1)

    def test_garbage_while_running(self) -> None:
        """Garbage over the open file is noticed at the latest when what it covers is read."""
        for path in self.path.parent.iterdir():
            path.write_bytes(b"garbage" * 100)
        try:
            found = sum(1 for _ in self.index.all(RECORDINGS))
        except IndexLost:
            self.assertGreater(self.index.generation(), self.generation)
            found = self.index.totals(RECORDINGS)[0]
        self.assertIn(found, (0, 2000))

    def test_deleted_while_running(self) -> None:
        """A file that was deleted, or replaced, is not written to any more."""
        self.path.unlink()
        self.assertRaises(IndexLost, self.index.totals, RECORDINGS)
        self.assertGreater(self.index.generation(), self.generation)
        self.assertEqual(self.index.totals(RECORDINGS), (0, 0))
        self.assertTrue(self.path.exists())

    def test_all_or_nothing(self) -> None:
        """A change that fails half-way changes nothing."""
        double = [a_stored("x.mp4"), a_stored("x.mp4")]
        self.assertRaises(IndexLost, self.index.change, double)
        self.assertEqual(self.index.totals(RECORDINGS), (0, 0))

    def test_no_place(self) -> None:
        """Where no file can be, it is kept in memory, and says so once."""
        self.index.close()
        self.path.unlink()
        self.path.mkdir()
        self.assertEqual(self.reopened(), 0)
        self.index.change([a_stored("a.mp4")])
        self.assertEqual((self.names(), self.index.generation()), ("a", 1))
        self.assertIn("kept in memory", self.lines(LogLevel.error)[-1])
        self.assertEqual((self.names(), self.lines(LogLevel.error)), ("a", []))

    def test_another_service(self) -> None:
        """A second service on the same file leaves it to the first."""
        second = Index(self.path, busy_timeout=0)
        self.addCleanup(second.close)
        self.assertEqual(second.totals(RECORDINGS), (0, 0))
        self.assertEqual(self.index.totals(RECORDINGS)[0], 2000)

    def test_full_disk(self) -> None:
        """Where a new file takes nothing, memory does."""
        self.index.close()
        self.path.unlink()
        self.index.generation()
        connection = self.index._connection
        assert connection is not None
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        # What sqlite says of a full disk it says of a database that may not grow, too.
        connection.execute(f"PRAGMA max_page_count = {pages}")
        many = [a_stored(f"{number}.mp4") for number in range(1000)]
        self.assertRaises(IndexLost, self.index.change, many)
        self.index.change(many)
        self.assertEqual(self.index.totals(RECORDINGS)[0], 1000)
        self.assertTrue(self.index._in_memory)


class ManyTests(IndexTests):
    """A hundred thousand files."""

    COUNT = 100_000

    def setUp(self) -> None:
        """Put them in, of ten cameras, in the order of their numbers."""
        super().setUp()
        self.index.change(
            a_stored(f"usb-{number % 10}_{number:06d}.mp4", NOW - number, f"usb-{number % 10}")
            for number in range(self.COUNT)
        )

    def test_plan(self) -> None:
        """Each page is a search in an index that has the order: nothing is sorted, nothing scanned."""
        for camera, name in ((None, "newest"), ("usb-3", "newest_of_camera")):
            for after in (None, Place(1, "x")):
                tail, values = module._newest(RECORDINGS, 50, 0, after, camera)
                with self.index._opened() as connection:
                    query = f"EXPLAIN QUERY PLAN SELECT * FROM files {tail}"  # noqa: S608 - ours
                    plan = [row[-1] for row in connection.execute(query, values)]
                self.assertEqual(len(plan), 1, plan)
                self.assertIn(f"SEARCH files USING INDEX {name} (kind=?", plan[0])
                if after is not None:
                    self.assertIn("(minus_mtime,filename)>(?,?)", plan[0])

    def test_effort(self) -> None:
        """A page deep inside, found by its place, takes sqlite as many steps as the first one, and a few hundred."""

        def steps(after: Place | None, camera: str | None = None) -> int:
            taken = 0

            def step() -> None:
                nonlocal taken
                taken += 1

            with self.index._opened() as connection:
                connection.set_progress_handler(step, 1)
                self.assertEqual(len(self.index.newest(RECORDINGS, 50, 0, after, camera)), 50)
                self.assertEqual(self.index.totals(RECORDINGS, camera)[0], self.COUNT // (10 if camera else 1))
                connection.set_progress_handler(None, 1)
            return taken

        deep = a_stored("usb-9_099009.mp4", NOW - 99_009).place
        self.assertLess(steps(None), 2500)
        self.assertLess(steps(deep), steps(None) * 2)
        self.assertLess(steps(deep, "usb-3"), steps(None) * 2)


class ThreadTests(IndexTests):
    """Several threads at once."""

    def test_all_change(self) -> None:
        """What each puts in is there in the end, and nobody is refused."""
        faults: list[Exception] = []

        def work(number: int) -> None:
            try:
                for turn in range(30):
                    self.index.change([a_stored(f"t{number}-{turn}.mp4", NOW - turn)])
                    self.index.newest(RECORDINGS, 10)
                    self.index.totals(RECORDINGS)
            except Exception as error:  # noqa: BLE001 - it would end with its thread
                faults.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual((faults, self.index.totals(RECORDINGS)), ([], (180, 18_000)))
