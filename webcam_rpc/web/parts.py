"""Frames as parts of a ``multipart/x-mixed-replace`` body: made once, and the same bytes for everybody.

The boundary and the headers are those of mjpg-streamer and µStreamer, whose clients look for them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from webcam_rpc.web.media import Frame

BOUNDARY = b"boundarydonotcross"
CONTENT_TYPE = b"multipart/x-mixed-replace; boundary=" + BOUNDARY
#: The first boundary comes before all parts and each further one right behind a part, or a browser shows every picture
#: only when the next one begins.
DELIMITER = b"--" + BOUNDARY + b"\r\n"
_END = b"\r\n" + DELIMITER

#: What is written one after the other.
Pieces: TypeAlias = tuple[bytes, bytes, bytes]


class Part:
    """A frame and what is written around it.

    :ivar plain: its pieces.
    """

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        head = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\nX-Timestamp: %.6f\r\n" % (
            len(frame.jpeg),
            frame.time,
        )
        self._head = head
        self.plain: Pieces = (head + b"\r\n", frame.jpeg, _END)

    @cached_property
    def extra(self) -> Pieces:
        """The pieces with the headers that µStreamer adds for ``?extra_headers=1``; few ask for them."""
        more = b"X-UStreamer-Online: true\r\nX-UStreamer-Width: %d\r\nX-UStreamer-Height: %d\r\n" % (
            self.frame.width,
            self.frame.height,
        )
        return (self._head + more + b"\r\n", self.frame.jpeg, _END)


class Parts:
    """Makes the part of a frame when the first one asks for it, and gives the same to all who ask after him."""

    def __init__(self) -> None:
        self._last: Part | None = None

    def of(self, frame: Frame) -> Part:
        """Give the part of a frame."""
        if self._last is None or self._last.frame is not frame:
            self._last = Part(frame)
        return self._last
