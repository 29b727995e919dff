"""Being the owner of a directory, for root, while it works on files there.

Root would leave files that the service cannot read. Worse, the directory is the service's: a link there, to a file
that is not, would have root write to that file or give it away. So root does nothing there that its owner could not.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from webcam_rpc.cli.failures import NO_PERMISSION, Failed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def owner_of(directory: Path) -> Iterator[None]:
    """Be the owner of ``directory``, or of the nearest one above it that is there. Nothing changes unless we are root.

    :raises Failed: if root may not be somebody else here.
    """
    if os.geteuid() != 0:
        yield
        return
    found = _existing(directory).stat()
    group, groups = os.getegid(), os.getgroups()
    try:
        try:
            if found.st_uid != 0:
                os.setgroups([found.st_gid])
                os.setegid(found.st_gid)
                os.seteuid(found.st_uid)
        except OSError as error:  # in a container, for example
            why = os.strerror(error.errno or 0)
            raise Failed(f"cannot act as the owner of {directory}, user {found.st_uid}: {why}", NO_PERMISSION) from None
        yield
    finally:
        if found.st_uid != 0:
            os.seteuid(0)
            os.setegid(group)
            os.setgroups(groups)


def _existing(directory: Path) -> Path:
    return next(path for path in (directory, *directory.absolute().parents) if path.exists())
