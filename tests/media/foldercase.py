"""What the tests of a directory share: the recordings of a directory that last changed long ago."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from twisted.trial.unittest import SynchronousTestCase

from tests.media.shelf import Disk
from webcam_rpc.media.folder import MediaFolder
from webcam_rpc.media.index import Index
from webcam_rpc.media.names import RECORDINGS

if TYPE_CHECKING:
    from webcam_rpc.media.stored import Place, StoredFile


class CountingFolder(MediaFolder):
    """Counts its looks through the directory, and what it reads of metadata."""

    looks = 0
    told = 0

    def _compare(self, *, every: bool) -> None:
        self.looks += 1
        super()._compare(every=every)

    def _told(self, filename: str) -> tuple[str | None, float | None, bool]:
        self.told += 1
        return super()._told(filename)


class FolderCase(SynchronousTestCase):
    """The recordings of a directory that last changed long ago."""

    def setUp(self) -> None:
        """Put three there, a the newest."""
        self.disk = Disk(Path(self.mktemp()))
        self.path = self.disk.root / RECORDINGS
        for age, name in enumerate(("a.mp4", "b.mkv", "c.mp4")):
            self.disk.put(name, age, duration=float(age), camera_id=f"usb-{age}")
        # What changes while a test runs has the time of this machine.
        self.now: float | None = None
        self.index = Index(self.disk.root / "media.sqlite")
        self.addCleanup(self.index.close)
        self.folder = self.make()
        self.quiet()

    def make(self, kind: str = RECORDINGS) -> CountingFolder:
        """Make the part that is tested."""
        return CountingFolder(kind, self.disk.root / kind, self.index, lambda: self.now or time.time())

    def quiet(self) -> None:
        """Have the directory's last change be long ago."""
        self.disk.dated(self.path, 1000)

    def names(self, limit: int = 100, offset: int = 0, after: Place | None = None, camera: str | None = None) -> str:
        """List in one word; the total goes into :attr:`total`."""
        found = None
        while found is None:
            found = self.folder.page(limit, offset, after, camera)
        files, self.more, self.total = found
        return "".join(file.filename[0] for file in files)

    def row(self, filename: str) -> StoredFile:
        """Give a file as it is listed."""
        page = self.folder.page(100, 0, None, None)
        assert page is not None
        (found,) = [file for file in page[0] if file.filename == filename]
        return found
