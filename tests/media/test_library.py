"""The media directory: made, judged, and never a reason not to run."""

from __future__ import annotations

from pathlib import Path

from twisted.logger import LogLevel

from tests.cameras.case import LogCase
from webcam_rpc.media.library import MediaLibrary


class LibraryTests(LogCase):
    """A directory of its own."""

    def setUp(self) -> None:
        """Choose it; it is not there yet."""
        super().setUp()
        self.directory = Path(self.mktemp()) / "media"
        self.library = MediaLibrary(self.directory)

    def test_prepare(self) -> None:
        """Both directories are made, with those above, and made again without complaint."""
        self.assertIsNotNone(self.library.problem())
        for _ in range(2):
            self.library.prepare()
            self.assertIsNone(self.library.problem())
        self.assertEqual({one.name for one in self.directory.iterdir()}, {"recordings", "snapshots"})
        self.assertGreater(self.library.available(), 0)

    def test_in_the_way(self) -> None:
        """A file in the place of the directory is logged and told, and nothing is raised."""
        self.directory.parent.mkdir(parents=True)
        self.directory.write_text("")
        self.library.prepare()
        (line,) = self.lines(LogLevel.error)
        self.assertEqual(line, f"Cannot make the media directory {self.directory}: Not a directory")
        self.assertEqual(self.library.problem(), f"{self.directory}/recordings is not a directory")

    def test_vanished(self) -> None:
        """A directory that goes away later is told."""
        self.library.prepare()
        (self.directory / "snapshots").rmdir()
        self.assertEqual(self.library.problem(), f"{self.directory}/snapshots is not a directory")
