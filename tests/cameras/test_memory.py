"""What is remembered survives, whole; what cannot be read or written is said."""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from webcam_rpc.cameras.identity import Owner
from webcam_rpc.cameras.memory import CameraMemory
from webcam_rpc.testing import FakeThreads


class MemoryTests(SynchronousTestCase):
    """The file and its content."""

    def setUp(self) -> None:
        """Make a memory whose directory does not exist yet."""
        self.path = Path(self.mktemp()) / "state" / "cameras.json"
        self.threads = FakeThreads()
        self.memory = CameraMemory(self.path, self.threads.run)

    def loaded(self) -> CameraMemory:
        """Give what a new run remembers."""
        memory = CameraMemory(self.path, self.threads.run)
        memory.load()
        return memory

    def saved(self) -> None:
        """Save, and let the thread write."""
        done = self.memory.save()
        self.threads.work()
        self.successResultOf(done)

    def test_round_trip(self) -> None:
        """What one run saves the next one has, with the types of its values."""
        content = self.memory.content
        content.owners["usb-s"] = Owner("1-1", shared=True)
        content.aliases["porch"] = "usb-s"
        content.controls["usb-s"] = {"brightness": 3, "auto_exposure": 1, "hdr": True, "text": "a"}
        self.saved()
        self.assertEqual(self.loaded().content, content)
        self.assertIsInstance(self.loaded().content.controls["usb-s"]["hdr"], bool)

    def test_private(self) -> None:
        """Nobody else reads it, and no temporary file stays."""
        self.saved()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual([path.name for path in self.path.parent.iterdir()], ["cameras.json"])

    def test_nothing_to_remember(self) -> None:
        """No file is no problem."""
        self.assertEqual(self.loaded().content, self.memory.content)
        self.assertIsNone(self.loaded().problem)

    def test_broken(self) -> None:
        """A file that is no memory is put aside whole, and the run begins with nothing."""
        self.path.parent.mkdir(parents=True)
        for text in (b"", b"{", b"\xff", b'{"owners": 1}', b"[" * 100_000, b'{"aliases": {"a": "\xff"}}'):
            self.path.write_bytes(text)
            self.assertEqual(self.loaded().content, self.memory.content)
            self.assertEqual((self.path.parent / "cameras.json.broken").read_bytes(), text)
            self.assertFalse(self.path.exists())

    def test_from_a_later_version(self) -> None:
        """What a later version added does not cost what we know."""
        self.path.parent.mkdir(parents=True)
        self.path.write_text('{"aliases": {"porch": "usb-s"}, "new": 1}')
        self.assertEqual(self.loaded().content.aliases, {"porch": "usb-s"})

    def test_unreadable(self) -> None:
        """A file that cannot be read is a problem that names the file, and stays where it is."""
        self.path.mkdir(parents=True)
        memory = self.loaded()
        self.assertIn(str(self.path), memory.problem or "")
        self.assertTrue(self.path.is_dir())

    def test_unchanged(self) -> None:
        """What is on disk already is not written again."""
        self.saved()
        self.successResultOf(self.memory.save())
        self.assertEqual(len(self.threads), 0)

    def test_one_write_at_a_time(self) -> None:
        """Changes that come during a write go into one more, and everyone hears when theirs is on disk."""
        first = self.memory.save()
        self.memory.content.aliases["a"] = "x"
        second = self.memory.save()
        self.memory.content.aliases["b"] = "y"
        third = self.memory.save()
        self.assertEqual(len(self.threads), 1)
        self.assertNoResult(first)
        self.threads.work()
        for done in (first, second, third):
            self.successResultOf(done)
        self.assertEqual(self.loaded().content.aliases, {"a": "x", "b": "y"})

    def test_saved_again_by_a_waiter(self) -> None:
        """Who saves again as soon as it is done starts one write, not one for each that waited."""

        def again(_: None) -> None:
            self.memory.content.aliases["a"] += "x"
            self.memory.save()

        self.memory.content.aliases["a"] = "x"
        self.memory.save()
        for _ in range(2):
            self.memory.content.aliases["a"] += "y"
            self.memory.save().addCallback(again)
        for _ in range(2):
            self.threads.work_one()
            self.assertEqual(len(self.threads), 1)
        self.threads.work()
        self.assertEqual(self.loaded().content.aliases, {"a": "xyyxx"})

    def test_settled(self) -> None:
        """Fires when all is on disk, what was changed since the last write began as well."""
        self.successResultOf(self.memory.settled())
        self.memory.save()
        self.memory.content.aliases["a"] = "x"
        settled = self.memory.settled()
        self.assertNoResult(settled)
        self.threads.work()
        self.successResultOf(settled)
        self.assertEqual(self.loaded().content.aliases, {"a": "x"})

    def test_cannot_be_written(self) -> None:
        """A disk that refuses is a problem until a write succeeds; what is remembered stays in force."""
        self.path.parent.parent.mkdir(parents=True)
        self.path.parent.write_text("a file where the directory should be")
        self.memory.content.aliases["a"] = "x"
        self.saved()
        self.assertIn("cameras.json", self.memory.problem or "")
        self.assertEqual(self.memory.content.aliases, {"a": "x"})
        self.path.parent.unlink()
        self.saved()
        self.assertIsNone(self.memory.problem)
        self.assertEqual(self.loaded().content.aliases, {"a": "x"})
