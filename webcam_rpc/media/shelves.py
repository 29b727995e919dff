"""Both directories of media files with the index that they share, and what is asked of them together.

Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

from webcam_rpc.media.folder import MediaFolder
from webcam_rpc.media.index import Index
from webcam_rpc.media.names import RECORDINGS, SNAPSHOTS
from webcam_rpc.media.retention import surplus, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from webcam_rpc.media.retention import Policy
    from webcam_rpc.media.stored import StoredFile

#: How many files go before others get their turn.
_BATCH = 100


class Shelves:
    """The recordings and the snapshots, by the names of their directories.

    :param index: the index's file.
    :param now: gives Unix seconds.
    """

    def __init__(self, directory: Path, index: Path, now: Callable[[], float]) -> None:
        self._now = now
        self._index = Index(index)
        self._folders = {
            kind: MediaFolder(kind, directory / kind, self._index, now) for kind in (RECORDINGS, SNAPSHOTS)
        }
        # The bytes that went since files were chosen to go.
        self._freed = 0

    def __getitem__(self, kind: str) -> MediaFolder:
        """Give the one of this kind."""
        return self._folders[kind]

    def set_ended(self, *, ended: bool) -> None:
        """Break off a look through a directory that goes on, and begin no other, until told otherwise."""
        for folder in self._folders.values():
            folder.ended = ended

    def close(self) -> None:
        """Close the index; it is opened again when it is needed."""
        self._index.close()

    def refresh(self, *, every: bool = False) -> None:
        """Bring the index in step with both directories. Raises StorageBroken and Stopping."""
        for folder in self._folders.values():
            folder.refresh(every=every)

    def sweep(self) -> None:
        """Look at every file, and tidy up what was left behind. Raises StorageBroken and Stopping."""
        self.refresh(every=True)
        for folder in self._folders.values():
            folder.tidy()

    def fill(self) -> bool:
        """Read some of the metadata that was not read yet; give whether there was any. Raises Stopping."""
        return any(folder.fill() for folder in self._folders.values())

    def sizes(self) -> dict[str, int]:
        """Give the bytes of all files of each kind. Raises StorageBroken."""
        return {kind: folder.totals()[1] for kind, folder in self._folders.items()}

    def surplus(self, policy: Policy) -> Iterator[StoredFile]:
        """Give the files that the policy has no place for. Raises StorageBroken."""
        used = sum(self.sizes().values())
        self._freed = 0
        return surplus(policy, self._oldest(), lambda: used - self._freed, self._now())

    def until(self, missing: int) -> Iterator[StoredFile]:
        """Give the files that go until so many bytes are free. Raises StorageBroken."""
        self.refresh()
        self._freed = 0
        # Counted by what went: some file systems (btrfs, XFS) show what is free only a while after, and by what they
        # say in between everything would go.
        return until(lambda: self._freed >= missing, self._oldest())

    def discard(self, files: Iterator[StoredFile]) -> tuple[bool, list[int]]:
        """Remove some of the files; give whether there are more, and the bytes of each that went."""
        some = 0
        freed = []
        for file in islice(files, _BATCH):
            some += 1
            size = self._folders[file.kind].discard(file)
            if size is not None:
                self._freed += size
                freed.append(size)
        if freed:
            for folder in self._folders.values():
                folder.settle()
        return some == _BATCH, freed

    def _oldest(self) -> Iterator[StoredFile]:
        return heapq.merge(*(folder.oldest() for folder in self._folders.values()), key=lambda file: file.mtime_ns)
