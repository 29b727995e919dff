"""A file that is kept, its place in the order of a list, and that place as the cursor that clients hand back. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

import msgspec

#: What the integers of sqlite reach, and of JSON here. Inode numbers and the times of files may go beyond.
MOST = 2**63 - 1


class BadCursor(ValueError):  # noqa: N818 - what it is
    """A cursor that was not made here."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file as it was found: what lists show of it, and by what it is seen to have changed.

    ``camera_id`` and ``duration`` are None where no metadata tells; the sidecar's numbers are 0 where there is none. A
    sidecar that is there but was not read yet has an inode and no time.
    """

    kind: str
    filename: str
    camera_id: str | None
    size: int
    mtime_ns: int
    duration: float | None
    protected: bool
    inode: int
    sidecar_inode: int
    sidecar_mtime_ns: int
    sidecar_size: int

    @property
    def unread(self) -> bool:
        """Whether its metadata was not read yet."""
        return self.sidecar_inode != 0 and self.sidecar_mtime_ns == 0

    @property
    def place(self) -> Place:
        """Where it stands in the order."""
        return Place(self.mtime_ns, self.filename)


class Place(msgspec.Struct, frozen=True, array_like=True):
    """A place in the order of a list, newest first, whether a file stands there or not."""

    mtime_ns: Annotated[int, msgspec.Meta(ge=-MOST, le=MOST)]
    filename: str

    def cursor(self) -> str:
        """Write it as text that clients hand back."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()

    @classmethod
    def at(cls, cursor: str) -> Place:
        """Read what :meth:`cursor` wrote. Raises BadCursor."""
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            return msgspec.json.decode(text, type=cls)
        except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
            raise BadCursor(cursor) from None


def clamped(number: int) -> int:
    """Bring a file's time into what can be kept, and its negative too."""
    return max(-MOST, min(number, MOST))
