"""One directory: what is listed of what is there, what is known of it, and its end."""

from __future__ import annotations

import os

import msgspec

from tests.media.foldercase import FolderCase
from tests.media.shelf import NOW, SECOND, a_meta
from webcam_rpc.media.folder import FileProtected
from webcam_rpc.media.metadata import UNKNOWN
from webcam_rpc.media.names import RECORDINGS, SNAPSHOTS
from webcam_rpc.media.sidecar import RecordingMeta, SnapshotMeta, decode_recording, encode
from webcam_rpc.media.troubles import NoSuchFile, StorageBroken


class ListTests(FolderCase):
    """What is listed."""

    def test_list(self) -> None:
        """The files newest first with what their metadata says."""
        self.assertEqual((self.names(), self.total, self.more), ("abc", 3, False))
        row = self.row("b.mkv")
        self.assertEqual((row.camera_id, row.size, row.duration, row.protected), ("usb-1", 10, 1.0, False))
        self.assertEqual(row.mtime_ns, (NOW - 1) * SECOND)

    def test_pages(self) -> None:
        """A page says whether more follow; by offset and by place, of one camera or of all."""
        self.assertEqual((self.names(2), self.more, self.total), ("ab", True, 3))
        self.assertEqual((self.names(2, 1), self.more), ("bc", False))
        self.assertEqual((self.names(1, after=self.row("a.mp4").place), self.more), ("b", True))
        self.assertEqual((self.names(camera="usb-2"), self.total), ("c", 1))
        self.assertEqual((self.names(offset=5), self.more, self.total), ("", False, 3))

    def test_by_hand(self) -> None:
        """A file without metadata is listed, as nobody's; its camera is not one that is called so."""
        self.disk.put("d.mp4", 5, camera_id=None)
        self.disk.put("e.mp4", 6, camera_id=UNKNOWN)
        self.assertEqual(self.names(), "abcde")
        for name in ("d.mp4", "e.mp4"):
            self.assertEqual((self.row(name).camera_id, self.row(name).duration), (None, None))

    def test_not_media(self) -> None:
        """No part, no metadata, no link wherever it leads, no directory, no FIFO, no name that is none of ours."""
        for name in ("p.mp4.part", "q.mp4.json.part", "r.txt", "-s.mp4", "t u.mp4", "v.MP4", "w.jpg", ".x.mp4"):
            (self.path / name).write_text("")
        os.symlink(self.path / "a.mp4", self.path / "l.mp4")
        os.symlink("/etc/passwd", self.path / "m.mp4")
        (self.path / "n.mp4").mkdir()
        os.mkfifo(self.path / "o.mp4")
        os.mkfifo(self.path / "c.mp4.json.mp4.json")
        self.assertEqual((self.names(), self.total), ("abc", 3))
        for name in ("l.mp4", "m.mp4", "n.mp4", "o.mp4", "p.mp4.part", "../recordings/a.mp4", "/etc/passwd", "", "a"):
            self.assertIsNone(self.folder.open_path(name))
            self.assertRaises(NoSuchFile, self.folder.info, name)
            self.assertRaises(NoSuchFile, self.folder.delete, name)
        self.assertEqual(self.folder.open_path("a.mp4"), self.path / "a.mp4")

    def test_broken_metadata(self) -> None:
        """Metadata that cannot be understood or read is like none; when it is mended it is read."""
        sidecar = self.path / "a.mp4.json"
        for text in (b"", b"{", b"[]", b'{"filename": 1}', b"\xff" * 10, b"[" * 100_000, b" " * 2_000_000):
            sidecar.write_bytes(text)
            self.folder = self.make()
            self.assertEqual((self.names(), self.row("a.mp4").camera_id), ("abc", None))
        sidecar.unlink()
        os.mkfifo(sidecar)
        self.assertEqual(self.row("a.mp4").camera_id, None)
        sidecar.unlink()
        os.symlink(self.path / "b.mkv.json", sidecar)
        self.assertEqual(self.row("a.mp4").camera_id, None)
        sidecar.unlink()
        sidecar.write_bytes(encode(a_meta(RECORDINGS, "a.mp4", "usb-9")))
        self.assertEqual(self.row("a.mp4").camera_id, "usb-9")


class MetadataTests(FolderCase):
    """What is known of one file, and changed."""

    def test_info(self) -> None:
        """All that the metadata file holds; name and size are those of the file as it is."""
        meta = self.folder.info("b.mkv")
        self.assertEqual(meta, a_meta(RECORDINGS, "b.mkv", "usb-1", duration=1.0, file_size=10))
        (self.path / "b.mkv").rename(self.path / "n.mkv")
        (self.path / "b.mkv.json").rename(self.path / "n.mkv.json")
        self.assertEqual(self.folder.info("n.mkv"), msgspec.structs.replace(meta, filename="n.mkv"))
        self.assertRaises(NoSuchFile, self.folder.info, "b.mkv")

    def test_stand_in(self) -> None:
        """A file without metadata tells what it can."""
        self.disk.put("d.mkv", camera_id=None)
        found = self.folder.info("d.mkv")
        assert isinstance(found, RecordingMeta)
        self.assertEqual((found.camera.camera_id, found.format, found.file_size), (UNKNOWN, "mkv", 10))
        self.assertEqual(found.start_time, "2025-01-01T00:00:00.000Z")
        self.disk.put("s.png", kind=SNAPSHOTS, camera_id=None)
        picture = self.make(SNAPSHOTS).info("s.png")
        assert isinstance(picture, SnapshotMeta)
        self.assertEqual((picture.format, picture.timestamp), ("png", "2025-01-01T00:00:00.000Z"))

    def test_amend(self) -> None:
        """The change is on the disk and in the list, and keeps what else was there; none is written for nothing."""
        changed = self.folder.amend("c.mp4", lambda meta: msgspec.structs.replace(meta, protected=True))
        on_disk = decode_recording((self.path / "c.mp4.json").read_bytes())
        self.assertEqual(changed, on_disk)
        self.assertEqual((changed.protected, changed.camera.camera_id), (True, "usb-2"))
        self.assertTrue(self.row("c.mp4").protected)
        before = (self.path / "c.mp4.json").stat()
        self.folder.amend("c.mp4", lambda meta: meta)
        self.assertEqual((self.path / "c.mp4.json").stat(), before)

    def test_amend_by_hand(self) -> None:
        """A file without metadata gets some, and stays nobody's."""
        self.disk.put("d.mp4", 9, camera_id=None)
        self.folder.amend("d.mp4", lambda meta: msgspec.structs.replace(meta, protected=True))
        self.assertEqual((self.row("d.mp4").protected, self.row("d.mp4").camera_id), (True, None))

    def test_amend_refused(self) -> None:
        """Where it cannot be written that is said, and the list is as before."""
        (self.path / "c.mp4.json").unlink()
        (self.path / "c.mp4.json").mkdir()
        change = lambda meta: msgspec.structs.replace(meta, protected=True)  # noqa: E731
        self.assertRaises(StorageBroken, self.folder.amend, "c.mp4", change)
        self.assertRaises(NoSuchFile, self.folder.amend, "d.mp4", change)
        self.assertFalse(self.row("c.mp4").protected)


class RemovalTests(FolderCase):
    """The end of a file."""

    def test_delete(self) -> None:
        """File and metadata are gone, from the list too, and the file cannot be deleted twice."""
        self.names()
        self.folder.delete("b.mkv")
        self.assertEqual(self.disk.names(), {"a.mp4", "a.mp4.json", "c.mp4", "c.mp4.json"})
        self.assertEqual([row.filename for row in self.index.all(RECORDINGS)], ["a.mp4", "c.mp4"])
        self.assertRaises(NoSuchFile, self.folder.delete, "b.mkv")

    def test_protected(self) -> None:
        """A protected file stays, for a client and for the policy that knows it from before it was protected."""
        row = self.row("a.mp4")
        self.disk.put("a.mp4", protected=True)
        self.assertRaises(FileProtected, self.folder.delete, "a.mp4")
        self.assertIsNone(self.folder.discard(row))
        self.assertTrue(self.row("a.mp4").protected)

    def test_discard(self) -> None:
        """The bytes of what went are given; what is gone frees nothing; what may be protected stays."""
        row = self.row("a.mp4")
        self.assertEqual(self.folder.discard(row), 10)
        self.assertIsNone(self.folder.discard(row))
        row = self.row("b.mkv")
        (self.path / "b.mkv.json").unlink()
        os.symlink("elsewhere", self.path / "b.mkv.json")
        self.assertIsNone(self.folder.discard(row))
        self.assertEqual(self.names(), "bc")

    def test_media_first(self) -> None:
        """The file goes before its metadata: where it cannot go, nothing that is known of it is lost."""
        self.disk.remove("b.mkv")
        self.assertRaises(FileNotFoundError, self.folder._remove, "b.mkv")
        self.assertIn("b.mkv.json", self.disk.names())

    def test_half_way(self) -> None:
        """Where the machine stopped between file and metadata, nothing is listed, and the rest is swept away."""
        self.disk.remove("b.mkv")
        self.assertEqual(self.names(), "ac")
        self.folder.tidy()
        self.assertIn("b.mkv.json", self.disk.names())
        self.disk.dated(self.path / "b.mkv.json", 7200)
        self.folder.tidy()
        self.assertEqual(self.disk.names(), {"a.mp4", "a.mp4.json", "c.mp4", "c.mp4.json"})

    def test_tidy_leaves(self) -> None:
        """Metadata of what is being written stays, and so does JSON that is not ours."""
        (self.path / "p.mp4.part").write_text("")
        (self.path / "q.mp4.remux.part").write_text("")
        for name in ("p.mp4", "q.mp4", "other.mp4"):
            sidecar = self.path / (name + ".json")
            sidecar.write_bytes(encode(a_meta(RECORDINGS, name.replace("other", "another"))))
            self.disk.dated(sidecar, 7200)
        for name in ("notes.json", "r.mp4.json"):
            (self.path / name).write_text("{}")
            self.disk.dated(self.path / name, 7200)
        before = self.disk.names()
        self.folder.tidy()
        self.assertEqual(self.disk.names(), before)
