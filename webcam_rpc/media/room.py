"""The media directory as a place: whether it can be written to, how much room is there, and when that is too little.

Owns the floor (what stays free whatever happens) and the levels above it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from webcam_rpc.media.names import RECORDINGS, SNAPSHOTS
from webcam_rpc.media.troubles import StorageBroken, StorageLow

if TYPE_CHECKING:
    from pathlib import Path

Level: TypeAlias = Literal["OK", "LOW", "FULL"]
_ORDER: tuple[Level, ...] = ("FULL", "LOW", "OK")

#: The floor where none is configured: this part of the disk, within these bytes.
_PART = 0.05
_LEAST, _MOST = 512_000_000, 5_000_000_000


class Space(msgspec.Struct, frozen=True):
    """The file system of the media directory, in bytes: ``available`` is what this process may still use."""

    total: int
    used: int
    available: int


class Room:
    """The media directory with ``recordings/`` and ``snapshots/`` below it.

    :param configured_floor: the bytes that stay free; None for 5 % of the disk, at least 512 MB, at most 5 GB.
    """

    def __init__(self, directory: Path, configured_floor: int | None) -> None:
        self.directory = directory
        self._configured_floor = configured_floor

    def configure(self, floor: int | None) -> None:
        """Keep so much free from now on."""
        self._configured_floor = floor

    def make(self) -> None:
        """Make the directories that are missing. Raises OSError."""
        for name in (RECORDINGS, SNAPSHOTS):
            (self.directory / name).mkdir(parents=True, exist_ok=True)

    def problem(self) -> str | None:
        """Say why no picture could be kept now; None when nothing is in the way."""
        for name in (RECORDINGS, SNAPSHOTS):
            path = self.directory / name
            try:
                if not path.is_dir():
                    return f"{path} is not a directory"
            except OSError as error:
                # A disk that dies (EIO), a directory above that may not be entered (EACCES).
                return f"{path}: {error.strerror}"
            if not os.access(path, os.W_OK | os.X_OK):
                return f"{path} cannot be written to"
        return None

    def space(self) -> Space:
        """Ask the file system. Raises OSError."""
        status = os.statvfs(self.directory)
        return Space(
            status.f_blocks * status.f_frsize,
            (status.f_blocks - status.f_bfree) * status.f_frsize,
            status.f_bavail * status.f_frsize,
        )

    def floor(self, space: Space) -> int:
        """Give the bytes that stay free."""
        if self._configured_floor is not None:
            return self._configured_floor
        return int(max(_LEAST, min(space.total * _PART, _MOST)))

    def check(self, required: int) -> None:
        """Refuse what there is no room for above the floor. Raises StorageBroken and StorageLow."""
        problem = self.problem()
        if problem is not None:
            raise StorageBroken(problem)
        try:
            space = self.space()
        except OSError as error:
            raise StorageBroken(f"{self.directory}: {error.strerror}") from error
        needed = self.floor(space) + required
        if space.available < needed:
            raise StorageLow(space.available, needed)

    def level(self, space: Space, before: Level = "OK") -> Level:
        """Judge what is available: FULL below the floor, LOW below one and a half floors.

        Coming from a worse level takes a tenth of the floor more, so that files that come and go don't make it flap.
        """
        floor = self.floor(space)
        now = _level(space.available, floor)
        better = _ORDER.index(now) > _ORDER.index(before)
        return max(before, _level(space.available - floor // 10, floor), key=_ORDER.index) if better else now

    def margin(self) -> int:
        """Give how many bytes above the floor are so many that room is no longer low. Raises OSError."""
        floor = self.floor(self.space())
        return floor // 2 + floor // 10

    def settle(self) -> None:
        """Have the file systems write down what was done. It may take long."""
        os.sync()

    def missing(self, required: int) -> int:
        """Give how many bytes must go for ``required`` ones to fit above the floor; not above 0: they fit.

        Raises OSError.
        """
        space = self.space()
        return self.floor(space) + required - space.available


def _level(available: int, floor: int) -> Level:
    if available < floor:
        return "FULL"
    return "LOW" if available < floor + floor // 2 else "OK"
