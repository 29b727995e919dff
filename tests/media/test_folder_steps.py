"""One directory: the files that are found decide what is listed, whoever put them there or took them away."""

from __future__ import annotations

import os
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.media.foldercase import FolderCase
from tests.media.shelf import NOW, Disk
from webcam_rpc.media.folder import MediaFolder
from webcam_rpc.media.index import Index
from webcam_rpc.media.names import RECORDINGS, is_media
from webcam_rpc.media.stored import Place
from webcam_rpc.media.troubles import Stopping, StorageBroken


class StepTests(FolderCase):
    """When the directory is looked through again."""

    def test_unchanged(self) -> None:
        """A directory that did not change is looked through once, and no metadata read again."""
        for _ in range(3):
            self.names()
        self.assertEqual((self.folder.looks, self.folder.told), (1, 3))

    def test_new_process(self) -> None:
        """The next process looks at every file once, and reads no metadata that did not change."""
        self.names()
        self.folder = self.make()
        self.assertEqual(self.names(), "abc")
        self.assertEqual((self.folder.looks, self.folder.told), (1, 0))

    def test_changed(self) -> None:
        """What is put there, taken away or renamed by anybody is seen at the next call."""
        self.names()
        self.disk.put("d.mp4", 0.5)
        self.assertEqual((self.names(), self.total), ("adbc", 4))
        self.disk.remove("b.mkv")
        self.assertEqual((self.names(), self.total), ("adc", 3))
        (self.path / "c.mp4").rename(self.path / "e.mp4")
        self.assertEqual((self.names(), self.total, self.folder.totals()), ("ade", 3, (3, 30)))

    def test_within_the_grain(self) -> None:
        """A change that leaves the directory's time as it is, because it came right after the last, is seen too."""
        self.now = NOW - 1000 + 1
        self.names()
        self.disk.put("d.mp4", 0.5)
        self.quiet()
        self.assertEqual(self.names(), "adbc")
        self.now = NOW
        self.names()
        looks = self.folder.looks
        self.names()
        self.assertEqual(self.folder.looks, looks)

    def test_gone_unseen(self) -> None:
        """What is gone is left out of page and total even where the directory's time does not tell."""
        self.names()
        self.disk.remove("b.mkv")
        self.quiet()
        self.assertEqual((self.names(), self.total, self.more), ("ac", 2, False))

    def test_written_in_place(self) -> None:
        """A file or metadata written in place is listed as it is now, and where it belongs now."""
        self.names()
        self.disk.put("c.mp4", -1, camera_id="usb-9", size=7)
        self.quiet()
        self.assertEqual(self.names(), "cab")
        row = self.row("c.mp4")
        self.assertEqual((row.size, row.camera_id, self.folder.totals()), (7, "usb-9", (3, 27)))

    def test_replaced(self) -> None:
        """A file replaced by another of its name and time is looked at again."""
        self.names()
        other = self.disk.put("x.mp4", 0, size=99)
        other.replace(self.path / "a.mp4")
        (self.path / "x.mp4.json").replace(self.path / "a.mp4.json")
        self.assertEqual((self.row("a.mp4").size, self.row("a.mp4").camera_id), (99, "usb-1"))

    def test_many(self) -> None:
        """Among very many files those that came, went or were replaced are seen at once, all others with the sweep."""
        self.folder.few = 0
        self.names()
        self.assertEqual(self.folder.told, 3)
        self.disk.put("x.mp4", 0.5, size=7).replace(self.path / "b.mkv")
        self.disk.put("d.mp4", -1)
        self.assertEqual((self.names(2), self.total), ("da", 4))
        self.disk.remove("d.mp4")
        self.assertEqual((self.names(2), self.row("b.mkv").size), ("ab", 7))
        self.disk.put("c.mp4", -9, size=99)
        self.folder.refresh()
        self.assertEqual(self.folder.totals(), (3, 27))
        self.folder.refresh(every=True)
        self.assertEqual((self.folder.totals(), self.names(1)), ((3, 116), "c"))

    def test_many_in_a_new_process(self) -> None:
        """Among very many files those that were written in place while nobody watched are seen at the start."""
        self.names()
        self.disk.put("c.mp4", -5, size=7)
        self.folder = self.make()
        self.folder.few = 0
        self.assertEqual((self.names(1), self.folder.totals()), ("c", (3, 27)))

    def test_read_later(self) -> None:
        """The metadata of very many new files is read when a page shows them, or for a camera's list, or bit by bit."""
        self.folder.many = 2
        self.folder.refresh()
        self.assertEqual((self.folder.told, self.folder.totals()), (0, (3, 30)))
        self.assertEqual((self.row("a.mp4").camera_id, self.folder.told), ("usb-0", 3))
        self.assertFalse(self.folder.fill())
        self.index.close()
        (self.disk.root / "media.sqlite").unlink()
        self.assertIsNone(self.folder.page(10, 0, None, "usb-1"))
        self.assertEqual((self.names(camera="usb-1"), self.total), ("b", 1))

    def test_read_once(self) -> None:
        """Metadata that is none, is gone or has no time is looked for once; the next process goes on from there."""
        self.folder.many = 0
        for name in ("d", "e", "f", "g"):
            self.disk.put(f"{name}.mp4", 9)
        sidecars = {name: self.path / f"{name}.mp4.json" for name in "defg"}
        sidecars["d"].unlink()
        sidecars["e"].write_text("")
        os.utime(sidecars["e"], (0, 0))
        sidecars["f"].unlink()
        sidecars["f"].mkdir()
        self.folder.refresh()
        sidecars["g"].unlink()
        self.folder = self.make()
        self.assertEqual((self.names(1), self.folder.told), ("a", 2))
        self.assertEqual((self.folder.fill(), self.folder.fill()), (True, False))
        self.assertEqual((self.names(), self.total, self.folder.told), ("abcdefg", 7, 4))
        self.folder.refresh(every=True)
        self.assertEqual((self.folder.told, self.folder.fill()), (4, False))

    def test_index_lost(self) -> None:
        """An index that is empty again is filled again."""
        self.names()
        self.index.close()
        (self.disk.root / "media.sqlite").unlink()
        self.assertEqual((self.names(), self.total), ("abc", 3))

    def test_directory_lost(self) -> None:
        """A directory that is not there is said to be broken, not empty; when it is back, so are its files."""
        self.names()
        away = self.path.with_name("away")
        self.path.rename(away)
        for call in (self.names, self.folder.totals, self.folder.refresh):
            self.assertRaises(StorageBroken, call)
        self.path.write_text("")
        self.assertRaises(StorageBroken, self.names)
        self.path.unlink()
        self.path.mkdir()
        self.assertEqual((self.names(), self.total), ("", 0))
        self.path.rmdir()
        away.rename(self.path)
        self.disk.remove("a.mp4")
        self.assertEqual((self.names(), self.total), ("bc", 2))

    def test_ended(self) -> None:
        """A look is broken off when the service stops; files are still taken in."""
        self.folder.ended = True
        self.assertRaises(Stopping, self.folder.refresh)
        self.folder.added("a.mp4")
        self.folder.ended = False
        self.assertEqual(self.names(), "abc")

    def test_added(self) -> None:
        """A file that is told of is in the index without a look through the directory; one that is not there is not."""
        for name in ("a.mp4", "nothing.mp4", "a.mp4.part", "../a.mp4"):
            self.folder.added(name)
        self.assertEqual([row.filename for row in self.index.all(RECORDINGS)], ["a.mp4"])
        self.assertEqual(self.folder.looks, 0)


NAMES = st.sampled_from(["a.mp4", "b.mp4", "c.mkv", "d.mp4", "e.mp4.part", "f.txt"])
CAMERAS = st.sampled_from(["usb-1", "usb-2", None])
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "remove", "strip", "told", "delete"]), NAMES, st.integers(0, 3), CAMERAS),
    max_size=12,
)


class ModelTests(SynchronousTestCase):
    """The list against the naivest model of it."""

    @settings(
        derandomize=True,
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
    )
    @given(st.lists(ACTIONS, min_size=1, max_size=4), st.integers(1, 4))
    def test_any(self, rounds: list[list[tuple[str, str, int, str | None]]], limit: int) -> None:
        """Whatever is put, replaced, deleted by hand or by us, every list is what a look at the disk would give."""
        disk = Disk(Path(self.mktemp()))
        index = Index(disk.root / "media.sqlite")
        folder = MediaFolder(RECORDINGS, disk.root / RECORDINGS, index, time.time)
        cameras: dict[str, str | None] = {}
        try:
            for actions in rounds:
                for action, name, age, camera_id in actions:
                    self._perform(disk, folder, cameras, (action, name, age, camera_id))
                for camera in ("usb-1", "usb-2", None):
                    self.assertEqual(_walked(folder, limit, camera), _modelled(disk, cameras, camera))
        finally:
            index.close()

    @staticmethod
    def _perform(
        disk: Disk, folder: MediaFolder, cameras: dict[str, str | None], action: tuple[str, str, int, str | None]
    ) -> None:
        what, name, age, camera_id = action
        sidecar = disk.root / RECORDINGS / (name + ".json")
        if what == "put":
            sidecar.unlink(missing_ok=True)
            disk.put(name, age, camera_id=camera_id)
            cameras[name] = camera_id
        elif what == "strip":
            sidecar.unlink(missing_ok=True)
            cameras[name] = None
        elif what == "told":
            folder.added(name)
        elif name in disk.names() and what == "remove":
            disk.remove(name)
            sidecar.unlink(missing_ok=True)
        elif name in disk.names() and is_media(RECORDINGS, name):
            folder.delete(name)


def _walked(folder: MediaFolder, limit: int, camera: str | None) -> tuple[list[str], set[int]]:
    """Page through by cursor; give the names, and the totals on the way."""
    names: list[str] = []
    totals = set()
    after: Place | None = None
    more = True
    while more:
        found = folder.page(limit, 0, after, camera)
        if found is None:
            continue
        files, more, total = found
        names.extend(file.filename for file in files)
        totals.add(total)
        after = Place.at(files[-1].place.cursor()) if files else None
    return names, totals


def _modelled(disk: Disk, cameras: dict[str, str | None], camera: str | None) -> tuple[list[str], set[int]]:
    found = [
        (-(disk.root / RECORDINGS / name).stat().st_mtime_ns, name)
        for name in disk.names()
        if name.endswith((".mp4", ".mkv")) and (camera is None or cameras[name] == camera)
    ]
    return [name for _, name in sorted(found)], {len(found)}
