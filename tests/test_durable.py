"""Files are there whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.durable import put_in_place, sync_directory, write_whole


class WriteWholeTests(SynchronousTestCase):
    """The old content or the new, never a part."""

    def setUp(self) -> None:
        """Name a file in a directory that is not there yet."""
        self.path = Path(self.mktemp()) / "deep" / "file"

    def left(self) -> list[str]:
        """List what is in the directory."""
        return sorted(os.listdir(self.path.parent))

    def test_replaces(self) -> None:
        """The file is another one each time, so a reader of the old one is not disturbed."""
        write_whole(self.path, b"old")
        with self.path.open("rb") as reader:
            write_whole(self.path, b"new")
            self.assertEqual((reader.read(), self.path.read_bytes()), (b"old", b"new"))

    def test_part_that_was_left(self) -> None:
        """What a power cut left of an earlier write is overwritten."""
        self.path.parent.mkdir(parents=True)
        self.path.with_name("file.part").write_bytes(b"a long rest of another write")
        write_whole(self.path, b"new")
        self.assertEqual((self.path.read_bytes(), self.left()), (b"new", ["file"]))

    def test_mode(self) -> None:
        """Nobody else may read it, unless it is meant for others."""
        write_whole(self.path, b"")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        shared = self.path.with_name("shared")
        write_whole(shared, b"", 0o640)
        self.assertEqual(stat.S_IMODE(shared.stat().st_mode) & ~0o077, 0o600)
        self.assertTrue(shared.stat().st_mode & stat.S_IRGRP)

    def test_cannot_be_replaced(self) -> None:
        """Where the name is taken by a directory it fails, and leaves no part."""
        self.path.mkdir(parents=True)
        (self.path / "inside").touch()
        self.assertRaises(OSError, write_whole, self.path, b"new")
        self.assertEqual(self.left(), ["file"])

    def test_full(self) -> None:
        """On a full disk the old content stays and no part is left."""
        write_whole(self.path, b"old")
        self.path.with_name("file.part").symlink_to("/dev/full")
        self.assertRaises(OSError, write_whole, self.path, b"new")
        self.assertEqual((self.path.read_bytes(), self.left()), (b"old", ["file"]))

    def test_no_directory(self) -> None:
        """Where the directory cannot be made it fails as the system says."""
        self.path.parent.parent.mkdir()
        self.path.parent.write_text("a file")
        self.assertRaises(OSError, write_whole, self.path, b"new")

    def test_no_descriptor_stays(self) -> None:
        """Neither what succeeds nor what fails leaves one open."""
        before = set(os.listdir("/proc/self/fd"))
        for _ in range(3):
            write_whole(self.path, b"old")
            self.assertRaises(OSError, write_whole, self.path.parent, b"new")
            self.assertRaises(OSError, put_in_place, self.path.with_name("nothing"), self.path)
            self.assertRaises(OSError, sync_directory, self.path)
        self.assertEqual(set(os.listdir("/proc/self/fd")), before)


class PutInPlaceTests(SynchronousTestCase):
    """A file that somebody else has written."""

    def test_put(self) -> None:
        """It gets its name, in the place of what had it."""
        directory = Path(self.mktemp())
        directory.mkdir()
        part, path = directory / "file.part", directory / "file"
        path.write_bytes(b"old")
        part.write_bytes(b"new")
        inode = part.stat().st_ino
        put_in_place(part, path)
        self.assertEqual((path.read_bytes(), path.stat().st_ino, part.exists()), (b"new", inode, False))

    def test_not_there(self) -> None:
        """What is not there takes nobody's place."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "file").write_bytes(b"old")
        self.assertRaises(FileNotFoundError, put_in_place, directory / "file.part", directory / "file")
        self.assertEqual((directory / "file").read_bytes(), b"old")
