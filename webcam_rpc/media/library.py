"""The directories of pictures and recordings: made at the start, and looked at for whether they can be written to.

Owns the media directory. Where it cannot be used the service still runs, watches cameras and says what is wrong.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from pathlib import Path

RECORDINGS = "recordings"
SNAPSHOTS = "snapshots"


class MediaLibrary:
    """The media directory with ``recordings/`` and ``snapshots/`` below it."""

    _log = Logger()

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def prepare(self) -> None:
        """Make the directories that are missing; where that fails it is logged and :meth:`problem` tells it."""
        try:
            for name in (RECORDINGS, SNAPSHOTS):
                (self.directory / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._log.error(
                "Cannot make the media directory {path}: {error}", path=self.directory, error=error.strerror
            )

    def problem(self) -> str | None:
        """Say why no picture could be kept now; None when nothing is in the way."""
        for name in (RECORDINGS, SNAPSHOTS):
            path = self.directory / name
            if not path.is_dir():
                return f"{path} is not a directory"
            if not os.access(path, os.W_OK | os.X_OK):
                return f"{path} cannot be written to"
        return None

    def available(self) -> int:
        """Give the bytes that this process may still use there. Raises OSError where nobody can tell."""
        return shutil.disk_usage(self.directory).free
